//! The objects of a PDF (ISO 32000-2, 7.3), as far as its structure needs them.
//!
//! A reader over bytes that anybody may have written: it takes what viewers
//! take, goes [`MAX_DEPTH`] deep and no deeper, and answers `None` to the rest.

/// How deep arrays and dictionaries may lie in one another. Real ones lie ten deep.
const MAX_DEPTH: u8 = 64;

/// Objects in one object: 32 MB of memory. A page tree without branches has one a page.
const MAX_NODES: u32 = 1_000_000;

/// An object. What a string says and what a real number is worth is nothing to the structure.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Object {
    /// `null`, `true`, `false`, a string or a number with a fraction.
    Other,
    /// A whole number.
    Int(i64),
    /// A name, its `#` escapes resolved.
    Name(Vec<u8>),
    /// An array.
    Array(Vec<Object>),
    /// A dictionary.
    Dict(Dict),
    /// A reference to the object of this number.
    Ref(u32),
}

/// A dictionary. Of two entries with one key the last holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Dict(Vec<(Vec<u8>, Object)>);

impl Dict {
    /// What stands under this key.
    pub(super) fn get(&self, key: &[u8]) -> Option<&Object> {
        let mut entries = self.0.iter().rev();
        entries.find(|(name, _)| name == key).map(|(_, it)| it)
    }

    /// The whole number, not below zero, under this key.
    pub(super) fn size(&self, key: &[u8]) -> Option<usize> {
        match self.get(key)? {
            Object::Int(number) => usize::try_from(*number).ok(),
            _ => None,
        }
    }

    /// Whether the name under this key is that one.
    pub(super) fn is(&self, key: &[u8], name: &[u8]) -> bool {
        matches!(self.get(key), Some(Object::Name(it)) if it == name)
    }

    /// All that stands in it.
    pub(super) fn values(&self) -> impl Iterator<Item = (&[u8], &Object)> {
        self.0.iter().map(|(key, it)| (key.as_slice(), it))
    }
}

/// Reads objects one after the other.
#[derive(Debug, Clone)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    nodes: u32,
}

impl<'a> Reader<'a> {
    /// Reads these bytes from that place on; beyond their end there is nothing.
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        let at = at.min(bytes.len());
        Self {
            bytes,
            at,
            nodes: 0,
        }
    }

    /// Where it stands, in bytes from the beginning.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// What it has not read.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Takes these bytes, if they come next.
    pub(super) fn take(&mut self, word: &[u8]) -> bool {
        let comes = self.rest().starts_with(word);
        if comes {
            self.skip(word.len());
        }
        comes
    }

    /// Passes over white space and comments.
    pub(super) fn space(&mut self) {
        while let Some(byte) = self.peek() {
            if byte == b'%' {
                self.skip_while(|byte| byte != b'\n' && byte != b'\r');
            } else if is_space(byte) {
                self.skip(1);
            } else {
                break;
            }
        }
    }

    /// A whole number without a sign, of at most 15 digits.
    pub(super) fn number(&mut self) -> Option<u64> {
        let digits = self.skip_while(|byte| byte.is_ascii_digit());
        if digits.is_empty() || digits.len() > 15 {
            return None;
        }
        std::str::from_utf8(digits).ok()?.parse().ok()
    }

    /// `12 0 obj`: the number of the object that begins here.
    pub(super) fn header(&mut self) -> Option<u32> {
        self.space();
        let number = self.number()?;
        self.space();
        self.number()?;
        self.space();
        self.take(b"obj").then_some(())?;
        u32::try_from(number).ok()
    }

    /// The object that stands here.
    pub(super) fn object(&mut self) -> Option<Object> {
        self.nodes = MAX_NODES;
        self.nested(MAX_DEPTH)
    }

    fn nested(&mut self, depth: u8) -> Option<Object> {
        self.nodes = self.nodes.checked_sub(1)?;
        self.space();
        match self.peek()? {
            b'/' => self.name().map(Object::Name),
            b'(' => self.string(),
            b'[' => self.array(depth.checked_sub(1)?),
            b'<' if self.rest().starts_with(b"<<") => {
                self.dict(depth.checked_sub(1)?).map(Object::Dict)
            }
            b'<' => self.hex_string(),
            b'+' | b'-' | b'.' | b'0'..=b'9' => self.numeric(),
            _ => self.keyword(),
        }
    }

    fn name(&mut self) -> Option<Vec<u8>> {
        self.take(b"/").then_some(())?;
        let raw = self.skip_while(is_regular);
        let mut name = Vec::with_capacity(raw.len());
        let mut rest = raw;
        while let Some((&byte, after)) = rest.split_first() {
            match (byte, after) {
                (b'#', [high, low, after @ ..]) if hex(*high).is_some() && hex(*low).is_some() => {
                    name.push(hex(*high)? << 4 | hex(*low)?);
                    rest = after;
                }
                _ => {
                    name.push(byte);
                    rest = after;
                }
            }
        }
        Some(name)
    }

    fn string(&mut self) -> Option<Object> {
        let mut open = 0_usize;
        loop {
            match self.next()? {
                b'\\' => {
                    self.next()?;
                }
                b'(' => open = open.checked_add(1)?,
                b')' => {
                    open = open.checked_sub(1)?;
                    if open == 0 {
                        return Some(Object::Other);
                    }
                }
                _ => {}
            }
        }
    }

    fn hex_string(&mut self) -> Option<Object> {
        self.skip(1);
        self.skip_while(|byte| hex(byte).is_some() || is_space(byte));
        self.take(b">").then_some(Object::Other)
    }

    fn array(&mut self, depth: u8) -> Option<Object> {
        self.skip(1);
        let mut items = Vec::new();
        loop {
            self.space();
            if self.take(b"]") {
                return Some(Object::Array(items));
            }
            items.push(self.nested(depth)?);
        }
    }

    fn dict(&mut self, depth: u8) -> Option<Dict> {
        self.skip(2);
        let mut entries = Vec::new();
        loop {
            self.space();
            if self.take(b">>") {
                return Some(Dict(entries));
            }
            let key = self.name()?;
            self.space();
            // A key without a value stands in files that viewers open.
            if self.rest().starts_with(b">>") {
                continue;
            }
            entries.push((key, self.nested(depth)?));
        }
    }

    /// A number, or a reference where two and an `R` follow.
    fn numeric(&mut self) -> Option<Object> {
        let word = self.skip_while(is_regular);
        let Some(number) = std::str::from_utf8(word)
            .ok()
            .and_then(|it| it.parse().ok())
        else {
            let numeric = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
            return word.iter().all(numeric).then_some(Object::Other);
        };
        if let Some(target) = self.reference(number) {
            return Some(Object::Ref(target));
        }
        Some(Object::Int(number))
    }

    fn reference(&mut self, number: i64) -> Option<u32> {
        let target = u32::try_from(number).ok()?;
        let mut ahead = self.clone();
        ahead.space();
        ahead.number()?;
        ahead.space();
        if ahead.skip_while(is_regular) != b"R" {
            return None;
        }
        *self = ahead;
        Some(target)
    }

    fn keyword(&mut self) -> Option<Object> {
        let word = self.skip_while(is_regular);
        matches!(word, b"null" | b"true" | b"false").then_some(Object::Other)
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.skip(1);
        Some(byte)
    }

    fn skip(&mut self, count: usize) {
        self.at = self.at.saturating_add(count).min(self.bytes.len());
    }

    fn skip_while(&mut self, belongs: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.rest();
        let length = rest.iter().position(|byte| !belongs(*byte));
        let word = rest.get(..length.unwrap_or(rest.len()));
        let word = word.unwrap_or_default();
        self.skip(word.len());
        word
    }
}

/// White space (ISO 32000-2, table 1).
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b'\0' | b'\t' | b'\n' | b'\x0c' | b'\r' | b' ')
}

/// Neither white space nor a delimiter (ISO 32000-2, table 2).
fn is_regular(byte: u8) -> bool {
    !is_space(byte) && !b"()<>[]{}/%".contains(&byte)
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Object> {
        Reader::new(text.as_bytes(), 0).object()
    }

    #[test]
    fn every_kind_of_object_is_read() {
        assert_eq!(read("-12"), Some(Object::Int(-12)));
        assert_eq!(read("12 0 R"), Some(Object::Ref(12)));
        assert_eq!(read("12 0 Rx"), Some(Object::Int(12)));
        assert_eq!(read("-.5"), Some(Object::Other));
        assert_eq!(read("(a\\)(b)c)"), Some(Object::Other));
        assert_eq!(read("<48 65>"), Some(Object::Other));
        assert_eq!(read("/A#20B#"), Some(Object::Name(b"A B#".to_vec())));
        let Some(Object::Dict(dict)) = read("<</A[1 2 0 R(x)]%]\n/B<</C null>>/A 3/D>>") else {
            panic!("no dictionary");
        };
        assert_eq!(dict.get(b"A"), Some(&Object::Int(3)));
        assert!(matches!(dict.get(b"B"), Some(Object::Dict(_))));
    }

    #[test]
    fn what_is_not_whole_is_no_object() {
        for text in [
            "", "(", "(a\\", "<4", "<4x>", "[1", "<<", "<</A", "<</A 1", "<<1>>", "obj", "1x", ")",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn depth_and_size_are_bounded() {
        let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
        assert!(read(&nested(MAX_DEPTH.into())).is_some());
        assert_eq!(read(&nested(usize::from(MAX_DEPTH) + 1)), None);
        assert_eq!(read(&format!("[{}]", "0 ".repeat(1_000_000))), None);
        assert_eq!(read(&"[".repeat(1_000_000)), None);
        assert_eq!(read(&"<</A".repeat(1_000_000)), None);
    }

    #[test]
    fn headers_are_read() {
        let header = |text: &str| Reader::new(text.as_bytes(), 0).header();
        assert_eq!(header("\n12 0 obj<<>>"), Some(12));
        assert_eq!(header("12 obj"), None);
        assert_eq!(header("99999999999999999999 0 obj"), None);
    }
}
