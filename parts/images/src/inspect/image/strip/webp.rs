//! A WebP, chunk by chunk.

use super::super::webp::{Chunk, Chunks, walk};
use super::turned;

/// Flags of the first chunk.
const HAS_EXIF: u8 = 0x08;
const HAS_XMP: u8 = 0x04;

pub(super) fn stripped(bytes: &[u8]) -> Option<Vec<u8>> {
    let exif = turned(walk(bytes).ok()?.outline().orientation);
    let mut kept = b"WEBP".to_vec();
    for chunk in Chunks::of(bytes).ok()? {
        let Chunk { kind, data, .. } = chunk.ok()?;
        match kind {
            b"VP8X" => {
                let mut data = data.to_vec();
                let flags = data.first_mut()?;
                *flags &= !(HAS_EXIF | HAS_XMP);
                if exif.is_some() {
                    *flags |= HAS_EXIF;
                }
                put(&mut kept, *kind, &data)?;
            }
            b"VP8 " | b"VP8L" | b"ALPH" | b"ANIM" | b"ANMF" | b"ICCP" => {
                put(&mut kept, *kind, data)?;
            }
            _ => {}
        }
    }
    if let Some(tiff) = exif {
        put(&mut kept, *b"EXIF", &tiff)?;
    }
    let mut file = Vec::with_capacity(kept.len() + 8);
    put(&mut file, *b"RIFF", &kept)?;
    Some(file)
}

fn put(file: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) -> Option<()> {
    file.extend_from_slice(&kind);
    file.extend_from_slice(&u32::try_from(data.len()).ok()?.to_le_bytes());
    file.extend_from_slice(data);
    if data.len() % 2 == 1 {
        file.push(0);
    }
    Some(())
}
