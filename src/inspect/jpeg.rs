//! The end of a JPEG, found by walking its segments.
//!
//! Looking for the end marker alone is no proof: the thumbnail within a
//! picture has one too, and so, by chance, have the films that phones append.

/// Where the walk is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before the first byte.
    #[default]
    Start,
    /// Between segments; anything but `ff` is passed over, as decoders do.
    Between,
    /// After the `ff` of a marker.
    Code,
    /// In the two bytes of a segment's length.
    Length { code: u8, high: Option<u8> },
    /// In a segment, so many bytes before its end.
    Segment { code: u8, left: u16 },
    /// In the picture's data.
    Data,
    /// After an `ff` in there.
    DataCode,
    /// Behind the end marker.
    Ended,
    /// This is no JPEG.
    Foreign,
}

const START_OF_IMAGE: u8 = 0xd8;
const END_OF_IMAGE: u8 = 0xd9;
const START_OF_SCAN: u8 = 0xda;

/// Walks a JPEG as it comes.
#[derive(Debug, Default)]
pub(super) struct JpegWalk(Place);

impl JpegWalk {
    pub(super) fn push(&mut self, mut bytes: &[u8]) {
        while let Some((&byte, rest)) = bytes.split_first() {
            match self.0 {
                Place::Ended | Place::Foreign => return,
                Place::Segment { code, left } if left > 0 => {
                    let passed = bytes.len().min(usize::from(left));
                    bytes = &bytes[passed..];
                    let left = left.saturating_sub(u16::try_from(passed).unwrap_or(left));
                    self.0 = Place::Segment { code, left };
                    continue;
                }
                Place::Segment { code, .. } => {
                    self.0 = if code == START_OF_SCAN {
                        Place::Data
                    } else {
                        Place::Between
                    };
                    continue;
                }
                Place::Data => {
                    let Some(at) = bytes.iter().position(|byte| *byte == 0xff) else {
                        return;
                    };
                    self.0 = Place::DataCode;
                    bytes = &bytes[at + 1..];
                    continue;
                }
                Place::Start | Place::Between if byte == 0xff => self.0 = Place::Code,
                Place::Start => self.0 = Place::Foreign,
                Place::Between => {}
                Place::Code => self.0 = after_code(byte, Place::Between),
                // An `ff` of the data itself is followed by a zero.
                Place::DataCode if byte == 0 => self.0 = Place::Data,
                Place::DataCode => self.0 = after_code(byte, Place::Data),
                Place::Length { code, high: None } => {
                    let high = Some(byte);
                    self.0 = Place::Length { code, high };
                }
                Place::Length {
                    code,
                    high: Some(high),
                } => {
                    // It counts its own two bytes.
                    let left = u16::from_be_bytes([high, byte]).saturating_sub(2);
                    self.0 = Place::Segment { code, left };
                }
            }
            bytes = rest;
        }
    }

    /// Whether the end has come.
    pub(super) fn has_ended(&self) -> bool {
        self.0 == Place::Ended
    }
}

fn after_code(code: u8, back: Place) -> Place {
    match code {
        END_OF_IMAGE => Place::Ended,
        // Padding before a marker.
        0xff if back == Place::Data => Place::DataCode,
        0xff => Place::Code,
        // These stand alone.
        0x01 | 0xd0..=0xd7 | START_OF_IMAGE => back,
        code => Place::Length { code, high: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture with a thumbnail in it, two scans and a restart.
    fn picture() -> Vec<u8> {
        let thumbnail = [0xff, 0xd8, 1, 2, 0xff, 0xd9];
        let mut picture = vec![0xff, 0xd8, 0xff, 0xe1, 0, 2 + 6];
        picture.extend(thumbnail);
        for _ in 0..2 {
            picture.extend([0xff, 0xda, 0, 4, 9, 9, 7, 0xff, 0, 7, 0xff, 0xd0, 7, 7]);
        }
        picture.extend([0xff, 0xff, 0xd9]);
        picture
    }

    fn has_ended(bytes: &[u8], piece: usize) -> bool {
        let mut walk = JpegWalk::default();
        bytes.chunks(piece).for_each(|piece| walk.push(piece));
        walk.has_ended()
    }

    #[test]
    fn only_its_own_end_marker_ends_a_picture() {
        let whole = picture();
        for piece in [1, 2, 3, 7, 1000] {
            assert!(has_ended(&whole, piece), "{piece}");
            for cut in 0..whole.len() {
                assert!(!has_ended(&whole[..cut], piece), "{cut} by {piece}");
            }
        }
    }

    #[test]
    fn what_comes_after_the_end_does_not_matter() {
        let mut whole = picture();
        whole.resize(100_000, 0);
        assert!(has_ended(&whole, 4096));
        assert!(!has_ended(b"GIF89a\xff\xd9", 4096));
    }
}
