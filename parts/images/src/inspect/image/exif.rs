//! The one thing that is read of Exif: how the picture lies in its file.
//! [Exif 2.3, 4.5; TIFF 6.0, section 2]

use super::orientation::Orientation;

const ORIENTATION: u16 = 0x0112;
const SHORT: u16 = 3;
/// A directory of more entries is none of a camera's.
const MAX_ENTRIES: u16 = 512;
/// What JPEG puts before the TIFF header; some writers of other formats do too.
const PREFIX: &[u8] = b"Exif\0\0";

/// What a TIFF header and its first directory say, with or without JPEG's prefix;
/// what cannot be read says nothing.
pub(super) fn orientation(exif: &[u8]) -> Orientation {
    let tiff = exif.strip_prefix(PREFIX).unwrap_or(exif);
    number(tiff).map_or_else(Orientation::default, Orientation::of_exif)
}

/// Whether a segment of a JPEG is Exif's.
pub(super) fn is_exif(segment: &[u8]) -> bool {
    segment.starts_with(PREFIX)
}

/// A TIFF of nothing but an orientation.
pub(super) fn only(orientation: Orientation) -> Vec<u8> {
    let mut tiff = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    tiff.push(orientation.exif());
    tiff.extend_from_slice(&[0; 6]);
    tiff
}

fn number(tiff: &[u8]) -> Option<u16> {
    let order = match tiff.get(..4)? {
        b"II*\0" => Order::Little,
        b"MM\0*" => Order::Big,
        _ => return None,
    };
    let directory = usize::try_from(order.u32(tiff, 4)?).ok()?;
    let entries = order.u16(tiff, directory)?.min(MAX_ENTRIES);
    (0..usize::from(entries)).find_map(|n| {
        let entry = directory.checked_add(2 + n * 12)?;
        let is_it = order.u16(tiff, entry)? == ORIENTATION && order.u16(tiff, entry + 2)? == SHORT;
        is_it.then(|| order.u16(tiff, entry + 8))?
    })
}

#[derive(Clone, Copy)]
enum Order {
    Little,
    Big,
}

impl Order {
    fn u16(self, bytes: &[u8], at: usize) -> Option<u16> {
        let two = *bytes.get(at..)?.first_chunk()?;
        Some(match self {
            Self::Little => u16::from_le_bytes(two),
            Self::Big => u16::from_be_bytes(two),
        })
    }

    fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        let four = *bytes.get(at..)?.first_chunk()?;
        Some(match self {
            Self::Little => u32::from_le_bytes(four),
            Self::Big => u32::from_be_bytes(four),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_orders_are_read_and_rubbish_says_nothing() {
        let little = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
        let big = only(Orientation::of_exif(6));
        assert_eq!(orientation(little).exif(), 6);
        assert_eq!(orientation(&big).exif(), 6);
        assert_eq!(orientation(&[PREFIX, &big].concat()).exif(), 6);
        for length in 0..little.len() {
            orientation(&little[..length]);
        }
        let far = b"II*\0\xff\xff\xff\xff";
        for rubbish in [&b""[..], b"II*\0", far, b"hello, world"] {
            assert_eq!(orientation(rubbish).exif(), 1);
        }
    }
}
