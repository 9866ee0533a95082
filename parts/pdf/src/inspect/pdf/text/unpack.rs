//! How long a stream of the interpreter's is, unpacked: told with a cap.

use super::super::filter::{Unfiltered, ascii_85, ascii_hex, inflate};
use hayro_syntax::object::{Dict, Name, Object, Stream};

/// How long a stream is, unpacked, at most `left`. Pictures are not unpacked to read a page.
pub(super) fn unpacked_length(stream: &Stream<'_>, left: usize) -> Result<usize, Unfiltered> {
    if is_picture(stream) {
        return Ok(0);
    }
    let mut bytes = stream.raw_data().into_owned();
    let filters = filters(stream.dict());
    for (filter, after) in filters.iter().zip(1..) {
        bytes = match filter.as_ref() {
            b"FlateDecode" | b"Fl" => inflate(&bytes, left)?,
            b"ASCIIHexDecode" | b"AHx" => ascii_hex(&bytes),
            b"ASCII85Decode" | b"A85" => ascii_85(&bytes).unwrap_or_default(),
            // Each of their bytes may stand for a thousand, so nothing may come after them.
            b"LZWDecode" | b"LZW" | b"RunLengthDecode" | b"RL" if after < filters.len() => {
                return Err(Unfiltered::TooLarge);
            }
            b"LZWDecode" | b"LZW" => return within(lzw_length(&bytes), left),
            b"RunLengthDecode" | b"RL" => return within(bytes.len().saturating_mul(64), left),
            // A picture's filter; the interpreter passes over names that it does not know.
            b"DCTDecode" | b"DCT" | b"JPXDecode" | b"JBIG2Decode" | b"CCITTFaxDecode" | b"CCF" => {
                return Ok(0);
            }
            _ => bytes,
        };
    }
    within(bytes.len(), left)
}

/// Whether it is a picture.
pub(super) fn is_picture(stream: &Stream<'_>) -> bool {
    let subtype = stream.dict().get::<Name<'_>>(b"Subtype");
    subtype.is_some_and(|it| &*it == b"Image")
}

/// The names of a stream's filters, in the order in which they are undone.
fn filters<'a>(dict: &Dict<'a>) -> Vec<Name<'a>> {
    let entry = |key: &[u8]| match dict.get::<Object<'a>>(key) {
        Some(Object::Name(name)) => Some(vec![name]),
        Some(Object::Array(names)) => Some(names.iter::<Name<'a>>().collect()),
        _ => None,
    };
    entry(b"F").or_else(|| entry(b"Filter")).unwrap_or_default()
}

fn within(length: usize, most: usize) -> Result<usize, Unfiltered> {
    if length > most {
        Err(Unfiltered::TooLarge)
    } else {
        Ok(length)
    }
}

/// How long LZW data is, unpacked (ISO 32000-2, 7.4.4.2), without unpacking it:
/// each entry of the table is one byte longer than the code before it.
fn lzw_length(data: &[u8]) -> usize {
    let mut lengths: Vec<usize> = Vec::new();
    let mut total = 0_usize;
    let mut previous = None;
    let (mut buffer, mut held, mut width) = (0_u32, 0_u32, 9_u32);
    for &byte in data {
        buffer = buffer << 8 | u32::from(byte);
        held += 8;
        if held < width {
            continue;
        }
        held -= width;
        let code = usize::try_from(buffer >> held).unwrap_or_default();
        buffer &= (1 << held) - 1;
        if code == 256 {
            (previous, width) = (None, 9);
            lengths.clear();
            continue;
        }
        if code == 257 {
            break;
        }
        let entry = previous.map(|length: usize| length.saturating_add(1));
        let known = code
            .checked_sub(258)
            .map(|index| lengths.get(index).copied());
        let length = known.map_or(Some(1), |it| it.or(entry)).unwrap_or(1);
        total = total.saturating_add(length);
        if let Some(entry) = entry.filter(|_| lengths.len() < 3_838) {
            lengths.push(entry);
        }
        previous = Some(length);
        // Codes grow one before the table is full, as writers of PDF do by default.
        width = match lengths.len() {
            0..=252 => 9,
            253..=764 => 10,
            765..=1_788 => 11,
            _ => 12,
        };
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_lzw_is_told_without_unpacking_it() {
        // The example of ISO 32000-2, 7.4.4.2: ten bytes.
        let data = [0x80, 0x0b, 0x60, 0x50, 0x22, 0x0c, 0x0c, 0x85, 0x01];
        assert_eq!(lzw_length(&data), 10);
        assert_eq!(lzw_length(&[]), 0);
        assert!(lzw_length(&[0xff; 10_000]) < 100_000_000);
    }
}
