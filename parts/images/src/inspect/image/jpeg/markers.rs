//! The markers of a JPEG, their segments, and the data of its scans.
//! [ITU-T T.81, B.1]

use crate::inspect::found::Flaw;

/// What a marker stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Marker {
    /// A frame header, by its coding: the marker's own code.
    Frame(u8),
    /// Huffman tables.
    Tables,
    RestartInterval,
    Scan,
    /// What an application put there: 0 to 15.
    Application(u8),
    Comment,
    /// Quantization tables, and what is reserved.
    Other,
    /// The end of the picture.
    End,
}

/// A marker with what belongs to it.
#[derive(Clone, Copy)]
pub(in super::super) struct Part<'a> {
    /// Where its first 0xff stands, in bytes from the beginning of the file.
    pub(in super::super) at: u64,
    pub(in super::super) marker: Marker,
    /// What stands behind its length.
    pub(in super::super) segment: &'a [u8],
    /// Of a scan: its entropy-coded data, and where that begins.
    pub(in super::super) data: &'a [u8],
    pub(in super::super) data_at: usize,
    /// All of it, as it stands in the file.
    pub(in super::super) whole: &'a [u8],
}

/// The parts of a picture up to its end, or up to where the file ends.
pub(in super::super) struct Markers<'a> {
    bytes: &'a [u8],
    at: usize,
    has_ended: bool,
}

impl<'a> Markers<'a> {
    pub(in super::super) fn of(bytes: &'a [u8]) -> Result<Self, Flaw> {
        if !bytes.starts_with(&[0xff, 0xd8]) {
            return Err(Flaw::corrupt(0, "the picture does not begin as one"));
        }
        Ok(Self {
            bytes,
            at: 2,
            has_ended: false,
        })
    }

    /// The next marker with a segment, or the end. What stands before it is passed
    /// over, as decoders do.
    fn part(&mut self) -> Option<Result<Part<'a>, Flaw>> {
        loop {
            self.at = find(self.bytes, self.at, |byte| byte == 0xff)?;
            let begin = self.at;
            let at = begin as u64;
            self.at = find(self.bytes, self.at, |byte| byte != 0xff)?;
            let code = *self.bytes.get(self.at)?;
            self.at += 1;
            let marker = match code {
                // No marker at all, and markers without a segment.
                0x00 | 0x01 | 0xd0..=0xd8 => continue,
                0xd9 => Marker::End,
                0xc4 => Marker::Tables,
                0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => Marker::Frame(code),
                0xda => Marker::Scan,
                0xdd => Marker::RestartInterval,
                0xe0..=0xef => Marker::Application(code & 15),
                0xfe => Marker::Comment,
                _ => Marker::Other,
            };
            let mut part = Part {
                at,
                marker,
                segment: &[],
                data: &[],
                data_at: 0,
                whole: &[],
            };
            if marker != Marker::End {
                let Some(segment) = self.segment() else {
                    return Some(Err(Flaw::corrupt(at, "a segment is cut")));
                };
                part.segment = segment;
            }
            if marker == Marker::Scan {
                part.data_at = self.at;
                self.at = end_of_data(self.bytes, self.at);
                part.data = self.bytes.get(part.data_at..self.at).unwrap_or_default();
            }
            part.whole = self.bytes.get(begin..self.at).unwrap_or_default();
            return Some(Ok(part));
        }
    }

    fn segment(&mut self) -> Option<&'a [u8]> {
        let length = *self.bytes.get(self.at..)?.first_chunk()?;
        // Its length counts itself; some writers say zero.
        let length = usize::from(u16::from_be_bytes(length)).max(2);
        let segment = self.bytes.get(self.at + 2..self.at + length)?;
        self.at += length;
        Some(segment)
    }
}

impl<'a> Iterator for Markers<'a> {
    type Item = Result<Part<'a>, Flaw>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_ended {
            return None;
        }
        let part = self.part();
        self.has_ended = match &part {
            Some(Ok(part)) => part.marker == Marker::End,
            Some(Err(_)) | None => true,
        };
        part
    }
}

/// Where the data of a scan ends: at a marker that is no restart. Within it a
/// zero follows each 0xff.
fn end_of_data(bytes: &[u8], mut at: usize) -> usize {
    while let Some(found) = find(bytes, at, |byte| byte == 0xff) {
        at = match bytes.get(found + 1) {
            Some(0 | 0xd0..=0xd7) => found + 2,
            Some(0xff) => found + 1,
            Some(_) => return found,
            None => break,
        };
    }
    bytes.len()
}

fn find(bytes: &[u8], from: usize, is_it: impl Fn(u8) -> bool) -> Option<usize> {
    let rest = bytes.get(from..)?;
    Some(from + rest.iter().position(|byte| is_it(*byte))?)
}
