//! Films and recordings, proved by their structure alone.
//!
//! Promises: a file that is cut is refused wherever its format says how long
//! it is; what a file is comes from its tracks and frames, never from its
//! brand; nothing is decoded, and of an ISO base media file not a byte of
//! `mdat` is read. Length and pixels are read on the way.

mod ebml;
mod iso;
mod mpeg;
mod ogg;
mod wav;
mod webm;

use super::found::{AvFacts, Facts, Found};
use super::reading::{Reading, Stopped};
use crate::attachment::media::MediaType;
use std::io::{Read, Seek};
use std::time::Duration;

/// The ways in which films and recordings are packed. Which type it makes of
/// the file is known only at the end of the walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    /// Boxes (ISO/IEC 14496-12): MP4, M4A, `QuickTime`, HEIF and AVIF.
    IsoMedia,
    /// Frames one after the other (ISO/IEC 11172-3, 13818-3, 13818-7): MP3, and
    /// AAC as ADTS.
    MpegAudio,
    /// Pages (RFC 3533).
    Ogg,
    /// Chunks.
    Wav,
    /// Elements (RFC 8794), of which only `WebM` is taken.
    Ebml,
}

/// Enough to walk frames and pages with few calls.
const AHEAD: usize = 64 * 1024;
/// Enough for the head of an element, so that little else is read.
const ELEMENT_AHEAD: usize = 64;

/// Walks a file of so many bytes to its end. The file is whole, or it has a
/// flaw, or it could not be read.
pub fn check(container: Container, bytes: impl Read + Seek, len: u64) -> Result<Found, Stopped> {
    match container {
        Container::IsoMedia => iso::check(&mut Reading::new(bytes, len, 0)),
        Container::MpegAudio => mpeg::check(&mut Reading::new(bytes, len, AHEAD)),
        Container::Ogg => ogg::check(&mut Reading::new(bytes, len, AHEAD)),
        Container::Wav => wav::check(&mut Reading::new(bytes, len, 0)),
        Container::Ebml => webm::check(&mut Reading::new(bytes, len, ELEMENT_AHEAD)),
    }
}

/// Whether a file begins with a tag or a frame of MPEG audio, behind any zeros.
pub(super) fn begins_with_sound(head: &[u8]) -> bool {
    let zeros = head.iter().take_while(|byte| **byte == 0).count();
    let head = head.get(zeros..).unwrap_or_default();
    mpeg::is_tag(head) || mpeg::first_frame_at(head) == Some(0)
}

/// Whether there are frames of MPEG audio among the first bytes of a file.
pub(super) fn has_frames(head: &[u8]) -> bool {
    mpeg::first_frame_at(head).is_some()
}

fn found(media_type: MediaType, duration: Option<Duration>, pixels: Option<(u32, u32)>) -> Found {
    Found {
        media_type,
        facts: Facts::Av(AvFacts { duration, pixels }),
    }
}

/// How long so many units last, of which so many make a second. Nothing and
/// more than a thousand years are not said, but left over from a writer that
/// did not know.
fn lasting(units: u64, per_second: u64) -> Option<Duration> {
    const MOST_SECONDS: u64 = 1000 * 366 * 24 * 3600;
    let seconds = units.checked_div(per_second)?;
    let rest = u128::from(units % per_second) * 1_000_000_000 / u128::from(per_second);
    let nanos = u32::try_from(rest).ok()?;
    (units > 0 && seconds < MOST_SECONDS).then(|| Duration::new(seconds, nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_exact_and_an_absurd_one_is_none() {
        assert_eq!(lasting(3, 2), Some(Duration::from_millis(1500)));
        assert_eq!(lasting(0, 1000), None);
        assert_eq!(lasting(10, 0), None);
        assert_eq!(lasting(u64::MAX, 1), None);
        assert_eq!(lasting(u64::MAX, u64::MAX), Some(Duration::from_secs(1)));
    }
}
