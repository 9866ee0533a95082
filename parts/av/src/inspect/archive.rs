//! A zip archive by its central directory (APPNOTE 4.3): stored as it is, and
//! never opened.

use super::reading::{Reading, Stopped, little_endian};
use std::io::{Read, Seek};

const END_BYTES: usize = 22;
const MOST_COMMENT_BYTES: usize = u16::MAX as usize;
const LONG_END_BYTES: usize = 56;
const LOCATOR_BYTES: u64 = 20;
const ENTRY_BYTES: usize = 46;
const LOCAL_BYTES: usize = 30;
/// The list of a hundred thousand files.
const MOST_DIRECTORY_BYTES: u64 = 32 << 20;
const UNSAID: u64 = u32::MAX as u64;

/// What there is in a whole archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Archive {
    /// Files and folders.
    pub entries: u64,
    /// It has the part by which an Office file says what it is.
    pub has_content_types: bool,
}

/// Where the directory lies.
struct Directory {
    at: u64,
    bytes: u64,
    entries: u64,
    /// What stands before the archive, such as a program that unpacks it.
    before: u64,
}

/// Walks the directory of an archive of so many bytes, and looks at where each
/// of its entries begins and ends.
pub fn check(bytes: impl Read + Seek, len: u64) -> Result<Archive, Stopped> {
    let mut file = Reading::new(bytes, len, 0);
    let directory = directory(&mut file)?;
    let what = "the directory of the archive";
    let bytes = file.whole(directory.at, directory.bytes, MOST_DIRECTORY_BYTES, what)?;
    let mut archive = Archive {
        entries: 0,
        has_content_types: false,
    };
    let mut left = bytes.as_slice();
    while left.starts_with(b"PK\x01\x02") {
        let entry = Entry::read(left);
        let entry = entry.ok_or_else(|| Stopped::corrupt(directory.at, "the directory is cut"))?;
        archive.entries += 1;
        archive.has_content_types |= entry.name.eq_ignore_ascii_case(b"[Content_Types].xml");
        let at = entry.at.saturating_add(directory.before);
        local(&mut file, &entry, at, directory.at)?;
        left = left.get(entry.bytes..).unwrap_or_default();
    }
    // 65,535 of a larger number are counted by some writers.
    if archive.entries & 0xffff != directory.entries & 0xffff {
        let what = "the directory has other entries than it counts";
        return Err(Stopped::corrupt(directory.at, what));
    }
    if archive.entries == 0 && directory.at > 0 {
        return Err(Stopped::corrupt(
            directory.at,
            "the archive lists nothing of what is in it",
        ));
    }
    Ok(archive)
}

/// Finds the end of the archive, whatever stands behind it in reach of the
/// longest comment.
fn directory<R: Read + Seek>(file: &mut Reading<R>) -> Result<Directory, Stopped> {
    let reach = file.len().min((END_BYTES + MOST_COMMENT_BYTES) as u64);
    let tail_at = file.len() - reach;
    let tail = file.whole(tail_at, reach, reach, "the end of the archive")?;
    let ends = tail.windows(4).enumerate().rev();
    for (at, _) in ends.filter(|(_, window)| *window == b"PK\x05\x06") {
        let end = tail.get(at..).unwrap_or_default();
        let end_at = tail_at + at as u64;
        if let Some(directory) = described(file, end, end_at)? {
            return Ok(directory);
        }
    }
    Err(Stopped::corrupt(
        file.len(),
        "the archive has no directory at its end",
    ))
}

/// The directory that this end tells of; nothing where there is none.
fn described<R: Read + Seek>(
    file: &mut Reading<R>,
    end: &[u8],
    end_at: u64,
) -> Result<Option<Directory>, Stopped> {
    let number = |at, size| little_endian(end, at, size);
    let (Some(entries), Some(bytes), Some(at), Some(_comment)) =
        (number(10, 2), number(12, 4), number(16, 4), number(20, 2))
    else {
        return Ok(None);
    };
    let (mut entries, mut bytes, mut at, mut end_at) = (entries, bytes, at, end_at);
    let is_long = entries == 0xffff || bytes == UNSAID || at == UNSAID;
    if is_long && let Some((long, long_at)) = long_end(file, end_at)? {
        let number = |at| little_endian(&long, at, 8).unwrap_or(0);
        (entries, bytes, at, end_at) = (number(32), number(40), number(48), long_at);
    }
    let Some(stands_at) = end_at.checked_sub(bytes) else {
        return Ok(None);
    };
    let Some(before) = stands_at.checked_sub(at) else {
        return Ok(None);
    };
    let begins = file.some(stands_at, 4)? == b"PK\x01\x02";
    Ok((begins || bytes == 0).then_some(Directory {
        at: stands_at,
        bytes,
        entries,
        before,
    }))
}

fn long_end<R: Read + Seek>(
    file: &mut Reading<R>,
    end_at: u64,
) -> Result<Option<([u8; LONG_END_BYTES], u64)>, Stopped> {
    let Some(locator_at) = end_at.checked_sub(LOCATOR_BYTES) else {
        return Ok(None);
    };
    let locator = file.some(locator_at, 20)?;
    if !locator.starts_with(b"PK\x06\x07") {
        return Ok(None);
    }
    let at = locator_at.saturating_sub(LONG_END_BYTES as u64);
    let long: [u8; LONG_END_BYTES] = file.exactly(at, "the end of the archive")?;
    Ok(long.starts_with(b"PK\x06\x06").then_some((long, at)))
}

/// One line of the directory.
struct Entry<'a> {
    name: &'a [u8],
    packed_bytes: u64,
    at: u64,
    /// Of the line itself.
    bytes: usize,
}

impl<'a> Entry<'a> {
    fn read(line: &'a [u8]) -> Option<Self> {
        let number = |at, size| little_endian(line, at, size);
        let length = |at| usize::try_from(number(at, 2)?).ok();
        let name_bytes = length(28)?;
        let extra_bytes = length(30)?;
        let name = line.get(ENTRY_BYTES..ENTRY_BYTES + name_bytes)?;
        let extra_at = ENTRY_BYTES + name_bytes;
        let extra = line.get(extra_at..extra_at + extra_bytes)?;
        let (unpacked, packed, at) = (number(24, 4)?, number(20, 4)?, number(42, 4)?);
        let mut long = long_numbers(extra).chunks_exact(8);
        let mut said = |short| match short {
            UNSAID => long
                .next()
                .and_then(|long| little_endian(long, 0, 8))
                .unwrap_or(short),
            said => said,
        };
        let (_unpacked, packed_bytes, at) = (said(unpacked), said(packed), said(at));
        let bytes = extra_at + extra_bytes + length(32)?;
        line.get(..bytes)?;
        Some(Self {
            name,
            packed_bytes,
            at,
            bytes,
        })
    }
}

/// The field of an entry that holds what does not fit in 32 bits.
fn long_numbers(mut extra: &[u8]) -> &[u8] {
    while let (Some(id), Some(size)) = (little_endian(extra, 0, 2), little_endian(extra, 2, 2)) {
        let end = 4 + usize::try_from(size).unwrap_or(0);
        let Some(field) = extra.get(4..end) else {
            break;
        };
        if id == 1 {
            return field;
        }
        extra = extra.get(end..).unwrap_or_default();
    }
    &[]
}

/// What the directory lists begins where it says, and ends before the directory.
fn local<R: Read + Seek>(
    file: &mut Reading<R>,
    entry: &Entry<'_>,
    at: u64,
    directory_at: u64,
) -> Result<(), Stopped> {
    let head = file.some(at, LOCAL_BYTES)?;
    if !head.starts_with(b"PK\x03\x04") {
        return Err(Stopped::corrupt(
            at,
            "an entry of the archive is not where it should be",
        ));
    }
    let named = little_endian(head, 26, 2).unwrap_or(0);
    let extra = little_endian(head, 28, 2).unwrap_or(0);
    let begins = at.saturating_add(LOCAL_BYTES as u64 + named + extra);
    if begins.saturating_add(entry.packed_bytes) > directory_at {
        return Err(Stopped::corrupt(at, "an entry of the archive is cut"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn local(name: &str, content: &[u8]) -> Vec<u8> {
        let mut entry = b"PK\x03\x04\x14\0\0\0\0\0\0\0\0\0\0\0\0\0".to_vec();
        entry.extend(u32::try_from(content.len()).unwrap().to_le_bytes());
        entry.extend(u32::try_from(content.len()).unwrap().to_le_bytes());
        entry.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        entry.extend([0, 0]);
        [&entry[..], name.as_bytes(), content].concat()
    }

    fn line(name: &str, size: u32, at: u32, extra: &[u8]) -> Vec<u8> {
        let mut line = b"PK\x01\x02\x14\0\x14\0\0\0\0\0\0\0\0\0\0\0\0\0".to_vec();
        line.extend([size.to_le_bytes(), size.to_le_bytes()].concat());
        line.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        line.extend(u16::try_from(extra.len()).unwrap().to_le_bytes());
        line.extend([0; 10]);
        line.extend(at.to_le_bytes());
        [&line[..], name.as_bytes(), extra].concat()
    }

    fn end(entries: u16, bytes: u32, at: u32) -> Vec<u8> {
        let mut end = b"PK\x05\x06\0\0\0\0".to_vec();
        end.extend([entries.to_le_bytes(), entries.to_le_bytes()].concat());
        end.extend([bytes.to_le_bytes(), at.to_le_bytes()].concat());
        end.extend([0, 0]);
        end
    }

    fn archive(names: &[&str]) -> Vec<u8> {
        let (mut zip, mut lines) = (Vec::new(), Vec::new());
        for name in names {
            let at = u32::try_from(zip.len()).unwrap();
            lines.extend(line(name, 50, at, &[]));
            zip.extend(local(name, &[7; 50]));
        }
        let at = u32::try_from(zip.len()).unwrap();
        let bytes = u32::try_from(lines.len()).unwrap();
        let count = u16::try_from(names.len()).unwrap();
        [zip, lines, end(count, bytes, at)].concat()
    }

    fn judged(bytes: &[u8]) -> Result<Archive, String> {
        check(Cursor::new(bytes), bytes.len() as u64).map_err(|stopped| stopped.to_string())
    }

    #[test]
    fn the_directory_decides_and_not_the_order_of_what_is_in_it() {
        let plain = judged(&archive(&["word/a.txt", "b"])).unwrap();
        assert_eq!((plain.entries, plain.has_content_types), (2, false));
        let office = judged(&archive(&["a", "[content_types].xml"])).unwrap();
        assert!(office.has_content_types);
        assert_eq!(judged(&archive(&[])).unwrap().entries, 0);
    }

    #[test]
    fn a_cut_archive_is_refused_and_what_surrounds_a_whole_one_is_not() {
        let whole = archive(&["a", "b"]);
        for cut in 0..whole.len() {
            assert!(judged(&whole[..cut]).is_err(), "{cut}");
        }
        assert!(judged(&[&whole[..], &vec![0; 60_000]].concat()).is_ok());
        assert!(judged(&[b"a program", &whole[..]].concat()).is_ok());
        let hollow = [local("word/", &[]), end(0, 0, 0)].concat();
        assert!(
            judged(&hollow)
                .unwrap_err()
                .starts_with("the archive lists nothing")
        );
    }

    #[test]
    fn numbers_beyond_32_bits_stand_elsewhere() {
        let zip = local("a", &[7; 50]);
        let long = [
            &[1, 0, 24, 0][..],
            &[50_u64.to_le_bytes(), 50_u64.to_le_bytes(), [0; 8]].concat(),
        ];
        let line = line("a", u32::MAX, u32::MAX, &long.concat());
        let (at, bytes) = (zip.len() as u64, line.len() as u64);
        let mut long_end = b"PK\x06\x06".to_vec();
        long_end.extend(44_u64.to_le_bytes());
        long_end.extend([0; 12]);
        long_end.extend([1_u64.to_le_bytes(), 1_u64.to_le_bytes()].concat());
        long_end.extend([bytes.to_le_bytes(), at.to_le_bytes()].concat());
        let mut locator = b"PK\x06\x07\0\0\0\0".to_vec();
        locator.extend((at + bytes).to_le_bytes());
        locator.extend([1, 0, 0, 0]);
        let end = end(0xffff, u32::MAX, u32::MAX);
        let whole = [zip, line, long_end, locator, end].concat();
        assert_eq!(judged(&whole).unwrap().entries, 1);
    }

    #[test]
    fn no_flip_makes_it_panic() {
        let whole = archive(&["a", "b"]);
        for at in 0..whole.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut flipped = whole.clone();
                flipped[at] = value;
                let _ = judged(&flipped);
            }
        }
    }
}
