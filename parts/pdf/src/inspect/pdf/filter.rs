//! Undoes the filters of a stream (ISO 32000-2, 7.4), counting what comes out.
//!
//! A kilobyte of Flate becomes a megabyte, and a kilobyte of Flate in Flate a
//! gigabyte: so every step stops at a cap, whatever the stream promises.

use super::object::{Dict, Object, Reader, is_space};
use flate2::{Decompress, FlushDecompress, Status};

/// Filters that may stand one behind the other. Real streams have two.
const MAX_FILTERS: usize = 4;

/// A step of the output: what is asked for at once.
const STEP: usize = 64 * 1024;

/// Why a stream is not to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfiltered {
    /// More comes out than may.
    TooLarge,
    /// It breaks off, or is not what its filter takes.
    Broken,
    /// By a filter that structure is never written with.
    Foreign,
}

/// A filter's name and its parameters.
type Filter = (Vec<u8>, Option<Dict>);

/// The bytes of a stream with all its filters undone, at most `cap` of them in each step.
pub(super) fn decode(dict: &Dict, data: &[u8], cap: usize) -> Result<Vec<u8>, Unfiltered> {
    let filters = filters(dict)?;
    let mut bytes = data.to_vec();
    for (filter, parameters) in &filters {
        bytes = match filter.as_slice() {
            b"FlateDecode" | b"Fl" => {
                let flat = inflate(&bytes, cap)?;
                match parameters {
                    Some(parameters) => unpredict(flat, parameters)?,
                    None => flat,
                }
            }
            b"ASCIIHexDecode" | b"AHx" => ascii_hex(&bytes),
            b"ASCII85Decode" | b"A85" => ascii_85(&bytes).ok_or(Unfiltered::Broken)?,
            b"Crypt" => bytes,
            _ => return Err(Unfiltered::Foreign),
        };
    }
    Ok(bytes)
}

/// The names of its filters, with their parameters, in the order in which they are undone.
fn filters(dict: &Dict) -> Result<Vec<Filter>, Unfiltered> {
    let parameters = dict.get(b"DecodeParms").or_else(|| dict.get(b"DP"));
    let names = match dict.get(b"Filter").or_else(|| dict.get(b"F")) {
        None => return Ok(Vec::new()),
        Some(Object::Array(names)) => names.as_slice(),
        Some(name) => std::slice::from_ref(name),
    };
    if names.len() > MAX_FILTERS {
        return Err(Unfiltered::TooLarge);
    }
    let of = |index| match parameters {
        Some(Object::Dict(only)) if index == 0 => Some(only.clone()),
        Some(Object::Array(all)) => match all.get(index) {
            Some(Object::Dict(it)) => Some(it.clone()),
            _ => None,
        },
        _ => None,
    };
    let filters = names.iter().enumerate().map(|(index, name)| match name {
        Object::Name(name) => Ok((name.clone(), of(index))),
        _ => Err(Unfiltered::Foreign),
    });
    filters.collect()
}

/// What comes out of a zlib stream.
///
/// One that breaks off gives what it had, as in every viewer, for many writers
/// leave its check sum out; whoever knows how much is due counts it.
pub(super) fn inflate(data: &[u8], cap: usize) -> Result<Vec<u8>, Unfiltered> {
    let mut flate = Decompress::new(true);
    let mut out = Vec::new();
    let mut read = 0_usize;
    loop {
        let room = STEP.min(cap.saturating_add(1).saturating_sub(out.len()));
        out.reserve(room.max(1));
        let before = out.len();
        let rest = data.get(read..).unwrap_or_default();
        let status = flate.decompress_vec(rest, &mut out, FlushDecompress::None);
        read = usize::try_from(flate.total_in()).unwrap_or(usize::MAX);
        if out.len() > cap {
            return Err(Unfiltered::TooLarge);
        }
        match status {
            Ok(Status::StreamEnd) => return Ok(out),
            Ok(_) if read >= data.len() && out.len() == before => return Ok(out),
            Ok(_) => {}
            Err(_) => return Err(Unfiltered::Broken),
        }
    }
}

/// Undoes a predictor (ISO 32000-2, 7.4.4.4): PNG's, a filter byte before each row.
fn unpredict(data: Vec<u8>, parameters: &Dict) -> Result<Vec<u8>, Unfiltered> {
    let predictor = parameters.size(b"Predictor").unwrap_or(1);
    if predictor < 10 {
        // TIFF's is for pictures; structure is never written with it.
        return if predictor == 2 {
            Err(Unfiltered::Foreign)
        } else {
            Ok(data)
        };
    }
    let of = |key, default| parameters.size(key).unwrap_or(default);
    let bits = of(b"Colors", 1).saturating_mul(of(b"BitsPerComponent", 8));
    let row = of(b"Columns", 1).saturating_mul(bits).div_ceil(8);
    let pixel = bits.div_ceil(8).max(1);
    if row == 0 || row > data.len() {
        return Err(Unfiltered::Broken);
    }
    let mut out: Vec<u8> = Vec::with_capacity(data.len());
    for line in data.chunks(row.saturating_add(1)) {
        let Some((&kind, line)) = line.split_first() else {
            continue;
        };
        let start = out.len();
        for (column, &byte) in line.iter().enumerate() {
            let at = |back: Option<usize>| back.and_then(|it| out.get(it)).copied().unwrap_or(0);
            let here = start.saturating_add(column);
            let has_left = column >= pixel;
            let left = at(here.checked_sub(pixel).filter(|_| has_left));
            let up = at(here.checked_sub(row));
            let corner = at(here
                .checked_sub(row.saturating_add(pixel))
                .filter(|_| has_left));
            let guess = match kind {
                0 => 0,
                1 => left,
                2 => up,
                3 => u8::midpoint(left, up),
                4 => paeth(left, up, corner),
                _ => return Err(Unfiltered::Broken),
            };
            out.push(byte.wrapping_add(guess));
        }
    }
    Ok(out)
}

/// PNG's fourth filter: whichever neighbour lies nearest to their plane.
fn paeth(left: u8, up: u8, corner: u8) -> u8 {
    let plane = i16::from(left) + i16::from(up) - i16::from(corner);
    let distance = |it: u8| (plane - i16::from(it)).abs();
    if distance(left) <= distance(up) && distance(left) <= distance(corner) {
        left
    } else if distance(up) <= distance(corner) {
        up
    } else {
        corner
    }
}

pub(super) fn ascii_hex(data: &[u8]) -> Vec<u8> {
    let body = data.split(|byte| *byte == b'>').next().unwrap_or_default();
    let digits = body
        .iter()
        .filter_map(|byte| char::from(*byte).to_digit(16));
    let digits: Vec<u8> = digits.filter_map(|it| it.try_into().ok()).collect();
    let pairs = digits.chunks(2).map(|pair| match pair {
        [high, low] => high << 4 | low,
        [high] => high << 4,
        _ => 0,
    });
    pairs.collect()
}

pub(super) fn ascii_85(data: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(data.len());
    let mut group: Vec<u8> = Vec::with_capacity(5);
    for &byte in data {
        match byte {
            b'z' if group.is_empty() => out.extend([0; 4]),
            b'!'..=b'u' => group.push(byte - b'!'),
            b'~' => break,
            _ if is_space(byte) => {}
            _ => return None,
        }
        if group.len() == 5 {
            out.extend(base_85(&group)?);
            group.clear();
        }
    }
    if group.len() > 1 {
        let length = group.len() - 1;
        group.resize(5, 84);
        out.extend(base_85(&group)?.get(..length)?);
    }
    Some(out)
}

fn base_85(group: &[u8]) -> Option<[u8; 4]> {
    let digits = group.iter().map(|digit| u64::from(*digit));
    let value = digits.fold(0_u64, |value, digit| value * 85 + digit);
    Some(u32::try_from(value).ok()?.to_be_bytes())
}

/// The bytes of a stream whose keyword has been read, by its length if that is
/// right and else by its end; `None` where neither is to be found.
pub(super) fn stream_bytes<'a>(reader: &mut Reader<'a>, length: Option<usize>) -> Option<&'a [u8]> {
    if !reader.take(b"\r\n") && !reader.take(b"\n") {
        reader.take(b"\r");
    }
    let data = reader.rest();
    if let Some(length) = length
        && let Some(body) = data.get(..length)
    {
        let mut behind = Reader::new(data, length);
        behind.space();
        if behind.take(b"endstream") {
            reader.take(body);
            return Some(body);
        }
    }
    let end = find(data, b"endstream")?;
    let body = data.get(..end)?;
    reader.take(body);
    Some(body)
}

/// Where these bytes first stand in those.
pub(super) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    memchr::memmem::find(haystack, needle)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::ZlibEncoder};
    use std::io::Write;

    fn zlib(data: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn dict(text: &str) -> Dict {
        match Reader::new(text.as_bytes(), 0).object() {
            Some(Object::Dict(dict)) => dict,
            _ => panic!("{text}"),
        }
    }

    #[test]
    fn filters_are_undone_in_their_order() {
        let flate = dict("<</Filter/FlateDecode>>");
        assert_eq!(decode(&flate, &zlib(b"abc"), 100).unwrap(), b"abc");
        let hex = dict("<</Filter[/AHx/FlateDecode]>>");
        let digits =
            |byte: &u8| [byte >> 4, byte & 15].map(|it| b"0123456789abcdef"[usize::from(it)]);
        let written: Vec<u8> = zlib(b"abc").iter().flat_map(digits).collect();
        assert_eq!(
            decode(&hex, &[&written[..], b" >"].concat(), 100).unwrap(),
            b"abc"
        );
        let ascii = dict("<</Filter/ASCII85Decode>>");
        assert_eq!(decode(&ascii, b"9jqo^BlbD-~>", 100).unwrap(), b"Man is d");
        assert_eq!(decode(&ascii, b"9jqo^Bl bD~>", 100).unwrap(), b"Man is ");
        assert_eq!(decode(&dict("<<>>"), b"abc", 1).unwrap(), b"abc");
    }

    #[test]
    fn a_bomb_ends_at_the_cap() {
        let million = zlib(&vec![0; 1_000_000]);
        assert_eq!(
            inflate(&million, 1_000_000).map(|it| it.len()),
            Ok(1_000_000)
        );
        assert_eq!(inflate(&million, 999_999), Err(Unfiltered::TooLarge));
        let twice = dict("<</Filter[/FlateDecode/FlateDecode]>>");
        assert_eq!(
            decode(&twice, &zlib(&million), 999_999),
            Err(Unfiltered::TooLarge)
        );
        let five = dict("<</Filter[/Fl/Fl/Fl/Fl/Fl]>>");
        assert_eq!(decode(&five, b"", 9), Err(Unfiltered::TooLarge));
    }

    #[test]
    fn what_breaks_off_is_given_and_what_is_bent_is_not() {
        let text = b"the quick brown fox jumps over the lazy dog";
        let whole = zlib(text);
        for end in 0..whole.len() {
            assert!(
                text.starts_with(&inflate(&whole[..end], 100).unwrap()),
                "{end}"
            );
        }
        assert_eq!(inflate(&whole[..whole.len() - 4], 100).unwrap(), text);
        assert_eq!(inflate(b"no zlib at all", 100), Err(Unfiltered::Broken));
        assert_eq!(inflate(b"", 100), Ok(vec![]));
    }

    #[test]
    fn png_predictors_are_undone() {
        let parameters = dict("<</Predictor 12/Columns 3>>");
        let rows = [0, 1, 2, 3, 1, 1, 1, 1, 2, 1, 1, 1, 3, 4, 4, 4, 4, 1, 1, 1];
        let plain = unpredict(rows.to_vec(), &parameters).unwrap();
        assert_eq!(plain, [1, 2, 3, 1, 2, 3, 2, 3, 4, 5, 8, 10, 6, 9, 11]);
        assert_eq!(
            unpredict(vec![9, 1, 1, 1], &parameters),
            Err(Unfiltered::Broken)
        );
        let wide = dict("<</Predictor 12/Columns 99999999999/Colors 99999999>>");
        assert_eq!(unpredict(vec![0, 1], &wide), Err(Unfiltered::Broken));
    }

    #[test]
    fn a_stream_ends_by_its_length_or_its_keyword() {
        let bytes = b"\r\nab endstream cd\nendstream";
        let body = |length| stream_bytes(&mut Reader::new(bytes, 0), length);
        assert_eq!(body(Some(15)), Some(&b"ab endstream cd"[..]));
        assert_eq!(body(Some(7)), Some(&b"ab "[..]));
        assert_eq!(body(None), Some(&b"ab "[..]));
        assert_eq!(stream_bytes(&mut Reader::new(b"\nab", 0), Some(2)), None);
    }
}
