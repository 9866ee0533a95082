//! Elements (RFC 8794): an id, a size, and what they hold.

use crate::inspect::reading::{Reading, Stopped, big_endian};
use std::io::{Read, Seek};

/// The longest head: four bytes of id and eight of size.
const MOST_HEAD_BYTES: usize = 12;

/// An element, where its content lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) id: u32,
    pub(super) at: u64,
    /// In bytes; nothing where it goes on until its parent or another of its
    /// kind says otherwise.
    pub(super) size: Option<u64>,
}

/// The element there; what is wrong, where there is none.
pub(super) fn read<R: Read + Seek>(
    file: &mut Reading<R>,
    at: u64,
) -> Result<Result<Element, &'static str>, Stopped> {
    let head = file.some(at, MOST_HEAD_BYTES)?;
    Ok(element(head, at))
}

fn element(head: &[u8], at: u64) -> Result<Element, &'static str> {
    const CUT: &str = "the file ends within the head of an element";
    const NONE: &str = "there is no element where one should begin";
    let id_bytes = width(*head.first().ok_or(CUT)?).filter(|width| *width <= 4);
    let id_bytes = id_bytes.ok_or(NONE)?;
    let id = big_endian(head, 0, id_bytes).ok_or(CUT)?;
    let size_bytes = width(*head.get(id_bytes).ok_or(CUT)?).ok_or(NONE)?;
    let size = big_endian(head, id_bytes, size_bytes).ok_or(CUT)?;
    // The bit that tells the width is no part of the size; all ones say that
    // nobody knew it.
    let ones = (1_u64 << (7 * size_bytes)) - 1;
    let size = size & ones;
    Ok(Element {
        id: u32::try_from(id).map_err(|_| NONE)?,
        at: at.saturating_add((id_bytes + size_bytes) as u64),
        size: (size != ones).then_some(size),
    })
}

fn width(first: u8) -> Option<usize> {
    (first != 0).then(|| first.leading_zeros() as usize + 1)
}

/// The elements in bytes that have been read; what is cut ends them.
pub(super) fn children(bytes: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    let mut left = bytes;
    std::iter::from_fn(move || {
        let head = element(left, 0).ok()?;
        let from = usize::try_from(head.at).ok()?;
        let size = usize::try_from(head.size?).ok()?;
        let content = left.get(from..from.checked_add(size)?)?;
        left = left.get(from + size..)?;
        Some((head.id, content))
    })
}

/// A whole number, of up to eight bytes.
pub(super) fn unsigned(content: &[u8]) -> Option<u64> {
    big_endian(content, 0, content.len()).filter(|_| content.len() <= 8)
}

/// A number with a point, of four or eight bytes.
pub(super) fn float(content: &[u8]) -> Option<f64> {
    match content.len() {
        4 => Some(f64::from(f32::from_be_bytes(content.try_into().ok()?))),
        8 => Some(f64::from_be_bytes(content.try_into().ok()?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_of_all_widths_are_read() {
        let read = |bytes: &[u8]| element(bytes, 10).map(|it| (it.id, it.at, it.size));
        assert_eq!(read(&[0xec, 0x83]), Ok((0xec, 12, Some(3))));
        assert_eq!(
            read(&[0x1a, 0x45, 0xdf, 0xa3, 0x40, 0x02]),
            Ok((0x1a45_dfa3, 16, Some(2)))
        );
        let open = [0x18, 0x53, 0x80, 0x67, 1, 255, 255, 255, 255, 255, 255, 255];
        assert_eq!(read(&open), Ok((0x1853_8067, 22, None)));
        assert_eq!(read(&[0xa3, 0xff]), Ok((0xa3, 12, None)));
        for broken in [
            &[][..],
            &[0],
            &[0xec],
            &[0xec, 0],
            &[0x08, 1, 1, 1, 1, 0x81],
            &[0x1a, 0x45],
        ] {
            assert!(read(broken).is_err(), "{broken:?}");
        }
    }

    #[test]
    fn numbers_have_the_sizes_they_may_have() {
        assert_eq!(unsigned(&[1, 0]), Some(256));
        assert_eq!(unsigned(&[]), Some(0));
        assert_eq!(unsigned(&[1; 9]), None);
        assert_eq!(float(&1.5_f32.to_be_bytes()), Some(1.5));
        assert_eq!(float(&2.5_f64.to_be_bytes()), Some(2.5));
        assert_eq!(float(&[1, 2]), None);
    }
}
