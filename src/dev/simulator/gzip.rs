//! A gzip wrapper that stores instead of compressing (RFC 1951 section 3.2.4,
//! RFC 1952): enough to be a valid `Content-Encoding: gzip`.

use super::crc32::crc32;

/// Magic, deflate, no flags, no time, no extra flags, unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// Wraps `bytes` in a gzip member.
pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = HEADER.to_vec();
    let mut blocks = bytes.chunks(usize::from(u16::MAX)).peekable();
    if blocks.peek().is_none() {
        push_stored(&mut out, &[], true);
    }
    while let Some(block) = blocks.next() {
        push_stored(&mut out, block, blocks.peek().is_none());
    }
    out.extend(crc32(bytes).to_le_bytes());
    // ISIZE is the length modulo 2^32, that is its four lowest bytes.
    out.extend(&bytes.len().to_le_bytes()[..4]);
    out
}

fn push_stored(out: &mut Vec<u8>, block: &[u8], last: bool) {
    let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
    out.push(u8::from(last));
    out.extend(length.to_le_bytes());
    out.extend((!length).to_le_bytes());
    out.extend(block);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_member_is_what_gzip_writes() {
        let member = gzip(b"");
        assert_eq!(&member[10..], [1, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn a_long_body_is_split_into_blocks() {
        let body = vec![7; 70_000];
        let member = gzip(&body);
        assert_eq!(member.len(), 10 + 2 * 5 + 70_000 + 8);
        assert_eq!((member[10], member[10 + 5 + 65_535]), (0, 1));
    }
}
