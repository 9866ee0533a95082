//! A PNG, chunk by chunk.

use super::super::png::{Chunk, Chunks, walk};
use super::turned;

const SIGNATURE_BYTES: usize = 8;

pub(super) fn stripped(bytes: &[u8]) -> Option<Vec<u8>> {
    let orientation = walk(bytes).ok()?.outline().orientation;
    let mut kept = Vec::with_capacity(bytes.len());
    kept.extend_from_slice(bytes.get(..SIGNATURE_BYTES)?);
    for chunk in Chunks::of(bytes).ok()? {
        let Chunk { kind, whole, .. } = chunk.ok()?;
        if !matches!(kind, b"eXIf" | b"tEXt" | b"zTXt" | b"iTXt" | b"tIME") {
            kept.extend_from_slice(whole);
        }
        if kind == b"IHDR"
            && let Some(tiff) = turned(orientation)
        {
            let checked = [b"eXIf".as_slice(), &tiff].concat();
            kept.extend_from_slice(&u32::try_from(tiff.len()).ok()?.to_be_bytes());
            kept.extend_from_slice(&checked);
            kept.extend_from_slice(&crc32fast::hash(&checked).to_be_bytes());
        }
    }
    Some(kept)
}
