//! The records that a workbook is written in. (\[MS-XLS\], section 2.1.4)

use crate::inspect::little_endian::{slice_at, u16_at};

/// Kinds of records that say what a person sees.
pub(super) mod kind {
    pub(in super::super) const FORMULA: u16 = 0x0006;
    pub(in super::super) const EOF: u16 = 0x000a;
    pub(in super::super) const NOTE: u16 = 0x001c;
    pub(in super::super) const DATE_1904: u16 = 0x0022;
    pub(in super::super) const FILE_PASS: u16 = 0x002f;
    pub(in super::super) const CONTINUE: u16 = 0x003c;
    pub(in super::super) const OBJECT: u16 = 0x005d;
    pub(in super::super) const COLUMNS: u16 = 0x007d;
    pub(in super::super) const BOUND_SHEET: u16 = 0x0085;
    pub(in super::super) const MUL_RK: u16 = 0x00bd;
    pub(in super::super) const R_STRING: u16 = 0x00d6;
    pub(in super::super) const XF: u16 = 0x00e0;
    pub(in super::super) const SST: u16 = 0x00fc;
    pub(in super::super) const LABEL_SST: u16 = 0x00fd;
    pub(in super::super) const TEXT_OBJECT: u16 = 0x01b6;
    pub(in super::super) const NUMBER: u16 = 0x0203;
    pub(in super::super) const LABEL: u16 = 0x0204;
    pub(in super::super) const BOOL_ERR: u16 = 0x0205;
    pub(in super::super) const STRING: u16 = 0x0207;
    pub(in super::super) const ROW: u16 = 0x0208;
    pub(in super::super) const RK: u16 = 0x027e;
    pub(in super::super) const FORMAT: u16 = 0x041e;
    pub(in super::super) const BOF: u16 = 0x0809;
}

/// A record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record<'a> {
    /// Which kind.
    pub(super) kind: u16,
    /// What it holds, up to 8,224 bytes.
    pub(super) content: &'a [u8],
}

/// The records of a stream, one after the other, as far as they are whole.
#[derive(Debug, Clone)]
pub(super) struct Records<'a> {
    stream: &'a [u8],
    at: usize,
}

impl<'a> Records<'a> {
    /// Those from this byte on.
    pub(super) fn from(stream: &'a [u8], at: usize) -> Self {
        Self { stream, at }
    }

    /// Where the next one begins.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The contents of those that continue the last one.
    pub(super) fn continued(&mut self) -> Vec<&'a [u8]> {
        let mut contents = Vec::new();
        let mut ahead = self.clone();
        while let Some(record) = ahead.next().filter(|record| record.kind == kind::CONTINUE) {
            contents.push(record.content);
            self.at = ahead.at;
        }
        contents
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        let kind = u16_at(self.stream, self.at)?;
        let length = usize::from(u16_at(self.stream, self.at.checked_add(2)?)?);
        let content = slice_at(self.stream, self.at.checked_add(4)?, length)?;
        self.at = self.at.checked_add(4 + length)?;
        Some(Record { kind, content })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_follow_one_another_and_some_continue_others() {
        let stream = b"\x09\x08\x01\0a\x3c\0\x02\0bc\x3c\0\0\0\x0a\0\0\0\xfc\0\x09\0cut";
        let mut records = Records::from(stream, 0);
        assert_eq!(records.next().map(|record| record.content), Some(&b"a"[..]));
        assert_eq!(records.continued(), [&b"bc"[..], b""]);
        assert_eq!(records.next().map(|record| record.kind), Some(kind::EOF));
        assert!(records.next().is_none());
    }
}
