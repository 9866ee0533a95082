//! What the bytes are: counted, hashed and sniffed while they arrive.
//!
//! Promises: never keeps more than a head and a tail of a file, and refuses
//! the first byte beyond the limit of the kind that the bytes themselves
//! show. Pure: no I/O, and nothing here parses a format any deeper than it
//! takes to know it and to find its end.

mod ending;
mod jpeg;
mod mp4;
mod ooxml;
mod refused;
mod sniff;

pub use refused::Refused;

use crate::attachment::file_name::FileName;
use crate::attachment::media::{DeclaredType, MediaKind, MediaLimits, MediaType};
use crate::attachment::status;
use ending::Ending;
use sha2::{Digest as _, Sha256};

/// What is known of a file before its first byte.
#[derive(Debug, Clone)]
pub struct Expectation {
    /// The type its sender claims.
    pub declared: DeclaredType,
    /// The size its sender claims, in bytes, where it is to be relied on.
    pub declared_size_bytes: Option<u64>,
    /// The name its sender gave it.
    pub file_name: FileName,
    /// The type its provider sends it with; empty when it sends none.
    pub served_content_type: String,
    /// The size its provider sends it with, in bytes.
    pub served_length: Option<u64>,
    /// Whether the connection says where it ends; else a cut looks like it.
    pub says_its_end: bool,
}

/// What the bytes turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// How many there were.
    pub size_bytes: u64,
    /// Their type.
    pub media_type: MediaType,
    /// SHA-256 over them.
    pub sha256: status::Sha256,
}

/// Looks at bytes as they arrive.
#[derive(Debug)]
pub struct Inspector<'a> {
    expectation: Expectation,
    limits: &'a MediaLimits,
    max_bytes: u64,
    media_type: Option<MediaType>,
    size_bytes: u64,
    hash: Sha256,
    head: Vec<u8>,
    ending: Ending,
}

/// Enough of a file to tell its type by.
const HEAD_BYTES: usize = 16 * 1024;

impl<'a> Inspector<'a> {
    /// Begins with what was announced; refuses what that already rules out.
    pub fn new(expectation: Expectation, limits: &'a MediaLimits) -> Result<Self, Refused> {
        let kind = declared_kind(expectation.declared);
        let max_bytes = limits.max_bytes(kind);
        check_announced(&expectation, max_bytes)?;
        Ok(Self {
            expectation,
            limits,
            max_bytes,
            media_type: None,
            size_bytes: 0,
            hash: Sha256::new(),
            head: Vec::new(),
            ending: Ending::default(),
        })
    }

    /// Takes the next bytes; refuses as soon as the rest cannot change it.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        self.size_bytes += bytes.len() as u64;
        self.hash.update(bytes);
        self.ending.push(bytes);
        if self.media_type.is_none() {
            let room = HEAD_BYTES - self.head.len();
            self.head.extend_from_slice(&bytes[..bytes.len().min(room)]);
            if self.head.len() == HEAD_BYTES {
                self.detect()?;
            }
        }
        self.check_size()
    }

    /// Ends with the last byte.
    pub fn finish(mut self) -> Result<Inspection, Refused> {
        if self.size_bytes == 0 {
            return Err(Refused::Empty);
        }
        let media_type = match self.media_type {
            Some(media_type) => media_type,
            None => self.detect()?,
        };
        self.check_size()?;
        // Less than was announced is a cut connection that nobody noticed,
        // whatever the bytes look like.
        let declared = self.expectation.declared_size_bytes;
        if let Some(declared_bytes) = declared.filter(|declared| self.size_bytes < *declared) {
            return Err(Refused::Short {
                measured_bytes: self.size_bytes,
                declared_bytes,
            });
        }
        let whole = self
            .ending
            .is_whole(media_type, &self.head, self.size_bytes);
        if !whole {
            // All that was announced, and no end in it, is a damaged file.
            // Where nobody said how much there is, a cut looks the same.
            let all_came = self.expectation.says_its_end || declared.is_some();
            return Err(if all_came {
                Refused::Damaged {
                    media_type,
                    measured_bytes: self.size_bytes,
                }
            } else {
                Refused::Cut { media_type }
            });
        }
        Ok(Inspection {
            size_bytes: self.size_bytes,
            media_type,
            sha256: status::Sha256(self.hash.finalize().into()),
        })
    }

    /// Bytes taken so far.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// What it may have in all, as far as is known by now.
    #[must_use]
    pub fn at_most(&self) -> u64 {
        self.expectation.served_length.unwrap_or(self.max_bytes)
    }

    fn check_size(&self) -> Result<(), Refused> {
        if self.size_bytes > self.max_bytes {
            return Err(Refused::TooLarge {
                measured_bytes: self.size_bytes,
                limit_bytes: self.max_bytes,
            });
        }
        Ok(())
    }

    fn detect(&mut self) -> Result<MediaType, Refused> {
        let declared = self.expectation.declared;
        let detected = sniff::detect(&self.head, &self.expectation);
        let admitted = self.limits.admit_detected(declared, detected);
        let (media_type, max_bytes) = admitted.map_err(|reason| Refused::Type {
            reason,
            declared,
            detected,
        })?;
        self.max_bytes = max_bytes;
        check_announced(&self.expectation, max_bytes)?;
        self.media_type = Some(media_type);
        Ok(media_type)
    }
}

fn declared_kind(declared: DeclaredType) -> Option<MediaKind> {
    match declared {
        DeclaredType::Known(media_type) => Some(media_type.kind()),
        DeclaredType::Nothing | DeclaredType::Foreign => None,
    }
}

/// What a provider announces may be refused before it comes.
fn check_announced(expectation: &Expectation, limit_bytes: u64) -> Result<(), Refused> {
    match expectation.served_length {
        Some(announced_bytes) if announced_bytes > limit_bytes => Err(Refused::AnnouncedTooLarge {
            announced_bytes,
            limit_bytes,
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attachment::failure::FailureReason;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0";
    const PNG_END: &[u8] = b"\0\0\0\0IEND\xaeB`\x82";

    fn limits() -> MediaLimits {
        MediaLimits {
            image_max_bytes: 100_000,
            document_max_bytes: 50_000,
            audio_max_bytes: 50_000,
            video_max_bytes: 400_000,
            max_files_per_message: 5,
            opted_in: vec![],
        }
    }

    fn expectation(declared: &str) -> Expectation {
        Expectation {
            declared: DeclaredType::of(declared),
            declared_size_bytes: None,
            file_name: FileName::default(),
            served_content_type: String::new(),
            served_length: None,
            says_its_end: true,
        }
    }

    fn inspect(expectation: Expectation, bytes: &[u8]) -> Result<Inspection, FailureReason> {
        inspected(expectation, bytes).map_err(|refused| refused.reason())
    }

    fn inspected(expectation: Expectation, bytes: &[u8]) -> Result<Inspection, Refused> {
        let limits = limits();
        let mut inspector = Inspector::new(expectation, &limits)?;
        for piece in bytes.chunks(1000) {
            inspector.push(piece)?;
        }
        inspector.finish()
    }

    fn png_of(size: usize) -> Vec<u8> {
        let mut png = PNG.to_vec();
        png.resize(size - PNG_END.len(), 0);
        png.extend_from_slice(PNG_END);
        png
    }

    #[test]
    fn a_whole_file_is_counted_hashed_and_named() {
        let png = png_of(20_000);
        let inspection = inspect(expectation(""), &png).unwrap();
        assert_eq!(inspection.size_bytes, 20_000);
        assert_eq!(inspection.media_type, MediaType::Png);
        assert_eq!(inspection.sha256.0, <[u8; 32]>::from(Sha256::digest(&png)));
    }

    #[test]
    fn the_limit_of_the_detected_kind_is_exact() {
        assert!(inspect(expectation(""), &png_of(100_000)).is_ok());
        assert_eq!(
            inspect(expectation(""), &png_of(100_001)),
            Err(FailureReason::TooLarge)
        );
    }

    #[test]
    fn a_length_beyond_the_limit_is_refused_before_the_first_byte() {
        let mut expected = expectation("image/png");
        expected.served_length = Some(100_001);
        assert_eq!(
            inspect(expected, &png_of(100)),
            Err(FailureReason::TooLarge)
        );
    }

    #[test]
    fn damaged_cut_and_empty_files_are_told_apart() {
        let mut cut = png_of(5_000);
        cut.truncate(4_000);
        assert_eq!(
            inspect(expectation(""), &cut),
            Err(FailureReason::Corrupted)
        );
        let mut expected = expectation("");
        expected.declared_size_bytes = Some(5_000);
        assert_eq!(
            inspect(expected, &cut),
            Err(FailureReason::DownloadIncomplete)
        );
        let mut open = expectation("");
        open.says_its_end = false;
        assert_eq!(
            inspect(open.clone(), &cut),
            Err(FailureReason::DownloadIncomplete)
        );
        open.declared_size_bytes = Some(4_000);
        assert_eq!(inspect(open, &cut), Err(FailureReason::Corrupted));
        assert_eq!(
            inspect(expectation(""), b""),
            Err(FailureReason::EmptyContent)
        );
    }

    #[test]
    fn a_page_is_no_picture() {
        let page = b"<!DOCTYPE html><html><body>Sign in</body></html>";
        assert_eq!(
            inspect(expectation("image/png"), page),
            Err(FailureReason::ContentTypeMismatch)
        );
        assert_eq!(
            inspect(expectation(""), page),
            Err(FailureReason::ContentTypeNotAllowed)
        );
    }

    #[test]
    fn a_refusal_says_what_was_measured() {
        let told = |expectation, bytes: &[u8]| {
            let refused = inspected(expectation, bytes).unwrap_err();
            refused.to_string()
        };
        assert_eq!(
            told(expectation(""), &png_of(100_001)),
            "100001 bytes had come, and 100000 are allowed"
        );
        assert_eq!(
            told(expectation("application/pdf"), &png_of(100)),
            "declared as application/pdf, found to be image/png"
        );
        let mut announced = expectation("image/png");
        announced.served_length = Some(100_001);
        assert_eq!(
            told(announced, &png_of(100)),
            "announced with 100001 bytes, and 100000 are allowed"
        );
    }
}
