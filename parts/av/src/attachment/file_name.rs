//! The name a sender gave a file: data to be kept and shown, never a path.

/// At most this many bytes are kept; longer names are cut between characters.
pub const MAX_BYTES: usize = 1024;

/// The tail of a storage key is at most this long.
const KEY_TAIL_BYTES: usize = 80;

/// A file's name as its sender gave it, less what no name may hold: control
/// characters, the marks that reorder text (`gpj.exe` read backwards) and what
/// is never seen. The joiners U+200C and U+200D stay: emoji, Persian and Indic
/// scripts are written with them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileName(String);

impl FileName {
    /// Cleans a name. An empty result means the file has none.
    #[must_use]
    pub fn new(raw: &str) -> Self {
        let mut name = String::new();
        for character in raw.chars().filter(|c| !is_unprintable(*c)) {
            if name.len() + character.len_utf8() > MAX_BYTES {
                break;
            }
            name.push(character);
        }
        Self(name)
    }

    /// The cleaned name; empty when there is none.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What follows the last dot of the last path component.
    #[must_use]
    pub fn extension(&self) -> Option<&str> {
        let base = self.0.rsplit(['/', '\\']).next()?;
        let (stem, extension) = base.rsplit_once('.')?;
        (!stem.is_empty() && !extension.is_empty()).then_some(extension)
    }

    /// The name as it may stand in a storage key: at most 80 bytes of
    /// `[A-Za-z0-9._-]`, the extension kept.
    #[must_use]
    pub fn key_tail(&self) -> String {
        let base = self.0.rsplit(['/', '\\']).next().unwrap_or_default();
        let safe: String = base
            .chars()
            .map(|c| match c {
                'A'..='Z' | 'a'..='z' | '0'..='9' | '.' | '_' | '-' => c,
                _ => '_',
            })
            .collect();
        let safe = safe.trim_start_matches('.');
        if safe.is_empty() {
            return "file".to_owned();
        }
        // All characters are ASCII by now, so bytes are characters.
        let excess = safe.len().saturating_sub(KEY_TAIL_BYTES);
        if excess == 0 {
            return safe.to_owned();
        }
        match safe.rsplit_once('.') {
            Some((stem, extension)) if extension.len() <= 16 => {
                format!("{}.{extension}", &stem[..stem.len().saturating_sub(excess)])
            }
            _ => safe[..KEY_TAIL_BYTES].to_owned(),
        }
    }
}

/// Format characters (Unicode category Cf) but for the two joiners: direction
/// marks, soft hyphens, invisible operators, annotations and tags.
fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{00ad}'
            | '\u{061c}'
            | '\u{180e}'
            | '\u{200b}'
            | '\u{200e}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_but_for_control_and_direction_marks() {
        assert_eq!(FileName::new("รายงาน.pdf").as_str(), "รายงาน.pdf");
        assert_eq!(
            FileName::new("a\r\nb\0\u{202e}\u{61c}gpj.exe").as_str(),
            "abgpj.exe"
        );
    }

    #[test]
    fn joiners_stay_and_what_is_never_seen_goes() {
        for name in ["👨\u{200d}👩\u{200d}👧.png", "می\u{200c}خواهم.pdf"] {
            assert_eq!(FileName::new(name).as_str(), name);
        }
        let hidden = "a\u{ad}b\u{180e}c\u{fff9}d\u{e0041}e\u{206a}f\u{2028}g";
        assert_eq!(FileName::new(hidden).as_str(), "abcdefg");
    }

    #[test]
    fn long_names_are_cut_between_characters() {
        let name = FileName::new(&"ก".repeat(1000));
        assert!(name.as_str().len() <= MAX_BYTES);
        assert!(name.as_str().chars().all(|c| c == 'ก'));
    }

    #[test]
    fn the_key_tail_is_safe_whatever_the_name() {
        let cases = [
            ("report.pdf", "report.pdf"),
            ("../../etc/passwd", "passwd"),
            ("..\\..\\boot.ini", "boot.ini"),
            ("", "file"),
            ("..", "file"),
            (".hidden", "hidden"),
            ("ภาพ.png", "___.png"),
            ("a b;c\"d.txt", "a_b_c_d.txt"),
        ];
        for (name, tail) in cases {
            assert_eq!(FileName::new(name).key_tail(), tail, "{name:?}");
        }
        let long = FileName::new(&format!("{}.jpeg", "x".repeat(500))).key_tail();
        assert_eq!(long.len(), 80);
        assert_eq!(long.rsplit_once('.').unwrap().1, "jpeg");
    }

    #[test]
    fn the_extension_is_that_of_the_last_component() {
        assert_eq!(FileName::new("a.tar.gz").extension(), Some("gz"));
        assert_eq!(FileName::new("dir.d/plain").extension(), None);
        assert_eq!(FileName::new(".profile").extension(), None);
    }
}
