//! Boxes: a length, a name, and what they hold (ISO/IEC 14496-12, 4.2).

use crate::inspect::found::Flaw;
use crate::inspect::reading::big_endian;

/// A short head; a long one has eight bytes of length more.
pub(super) const HEAD_BYTES: u64 = 8;
pub(super) const LONG_HEAD_BYTES: u64 = 16;

pub(super) type Name = [u8; 4];

/// A box within another one that has been read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Inner<'a> {
    pub(super) name: Name,
    /// What it holds, without its head.
    pub(super) content: &'a [u8],
    /// Where in the file that begins.
    pub(super) at: u64,
}

/// A box as the file's own.
pub(super) struct Boxes<'a> {
    left: &'a [u8],
    at: u64,
}

impl<'a> Boxes<'a> {
    /// The boxes in bytes that begin there in the file.
    pub(super) fn of(content: &'a [u8], at: u64) -> Self {
        Self { left: content, at }
    }

    fn next_box(&mut self) -> Option<Result<Inner<'a>, Flaw>> {
        let size = big_endian(self.left, 0, 4)?;
        let name: Name = self.left.get(4..8)?.try_into().ok()?;
        // QuickTime ends some lists by a length of zero.
        if size == 0 {
            return None;
        }
        let (size, head) = match (size, big_endian(self.left, 8, 8)) {
            (1, Some(long)) => (long, 16),
            (short, _) => (short, 8),
        };
        let end = usize::try_from(size).ok().filter(|end| *end >= head);
        let Some(content) = end.and_then(|end| self.left.get(head..end)) else {
            let name = spelled(name);
            let what = format!("the box {name} does not fit the one around it");
            return Some(Err(Flaw::corrupt(self.at, &what)));
        };
        let inner = Inner {
            name,
            content,
            at: self.at.saturating_add(head as u64),
        };
        self.left = self.left.get(head + content.len()..).unwrap_or_default();
        self.at = self.at.saturating_add(size);
        Some(Ok(inner))
    }
}

impl<'a> Iterator for Boxes<'a> {
    type Item = Result<Inner<'a>, Flaw>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.next_box();
        if !matches!(next, Some(Ok(_))) {
            self.left = &[];
        }
        next
    }
}

impl<'a> Inner<'a> {
    pub(super) fn boxes(&self) -> Boxes<'a> {
        Boxes::of(self.content, self.at)
    }

    /// The boxes behind the version, the flags and so many bytes more.
    pub(super) fn boxes_behind(&self, bytes: usize) -> Boxes<'a> {
        let content = self.content.get(bytes..).unwrap_or_default();
        Boxes::of(content, self.at.saturating_add(bytes as u64))
    }

    /// The first one of that name in it.
    pub(super) fn child(&self, name: Name) -> Result<Option<Self>, Flaw> {
        for inner in self.boxes() {
            let inner = inner?;
            if inner.name == name {
                return Ok(Some(inner));
            }
        }
        Ok(None)
    }

    /// A number at that place, which has to be there.
    pub(super) fn number(&self, at: usize, size: usize) -> Result<u64, Flaw> {
        big_endian(self.content, at, size).ok_or_else(|| self.flaw("is too short"))
    }

    pub(super) fn version(&self) -> Result<u64, Flaw> {
        self.number(0, 1)
    }

    pub(super) fn flags(&self) -> Result<u64, Flaw> {
        self.number(1, 3)
    }

    /// Its table: a count at that place, then so many entries of that size.
    pub(super) fn table(&self, at: usize, entry: usize) -> Result<&'a [u8], Flaw> {
        let count = self.number(at, 4)?;
        let size = usize::try_from(count).ok();
        let size = size.and_then(|count| count.checked_mul(entry));
        let from = at.saturating_add(4);
        size.and_then(|size| self.content.get(from..from.checked_add(size)?))
            .ok_or_else(|| self.flaw("has fewer entries than it says"))
    }

    pub(super) fn flaw(&self, what: &str) -> Flaw {
        Flaw::corrupt(self.at, &format!("the box {} {what}", spelled(self.name)))
    }
}

/// A name as it may stand in a message.
pub(super) fn spelled(name: Name) -> String {
    name.escape_ascii().to_string()
}

#[cfg(test)]
pub(super) fn boxed(name: Name, content: &[u8]) -> Vec<u8> {
    let size = u32::try_from(content.len() + 8).unwrap();
    [&size.to_be_bytes()[..], &name, content].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_are_told_apart_and_have_to_fit() {
        let long = [&[0, 0, 0, 1][..], b"long", &19_u64.to_be_bytes(), b"abc"].concat();
        let all = [&boxed(*b"free", b"")[..], &long, &boxed(*b"last", b"xy")].concat();
        let names = |bytes: &[u8]| -> Result<Vec<String>, Flaw> {
            Boxes::of(bytes, 100)
                .map(|inner| inner.map(|inner| spelled(inner.name)))
                .collect()
        };
        assert_eq!(names(&all).unwrap(), ["free", "long", "last"]);
        let cut = names(&all[..all.len() - 1]).unwrap_err();
        assert_eq!(
            cut.to_string(),
            "the box last does not fit the one around it, at byte 127"
        );
        assert!(names(&[0, 0, 0, 7, b'a', b'b', b'c', b'd']).is_err());
        let terminated = [&boxed(*b"udta", b"")[..], &[0; 12]].concat();
        assert_eq!(names(&terminated).unwrap(), ["udta"]);
    }

    #[test]
    fn a_table_has_the_entries_it_counts() {
        let bytes = [&[0; 4][..], &2_u32.to_be_bytes(), &[7; 8]].concat();
        let inner = |bytes| Inner {
            name: *b"stco",
            content: bytes,
            at: 0,
        };
        assert_eq!(inner(&bytes).table(4, 4).unwrap(), [7; 8]);
        assert!(inner(&bytes).table(4, 5).is_err());
        assert!(inner(&bytes).table(13, 1).is_err());
        let many = [&[0; 4][..], &[0xff; 4], &[7; 8]].concat();
        assert!(inner(&many).table(4, usize::MAX).is_err());
    }
}
