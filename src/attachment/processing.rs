//! How far an attachment's content is made ready for eyes and models.

use super::failure::FailureReason;
use super::language::Language;
use super::rendition::StoredRendition;
use super::retry::RetryPolicy;
use super::status::{Attempt, Outcome, Settlement};
use super::work::WorkKind;
use serde::{Deserialize, Serialize};
use std::str::FromStr;
use std::time::Duration;

/// How far the content is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Processing {
    /// It does not apply, or was never asked for.
    #[default]
    None,
    /// It waits for its turn, or for another try.
    Pending,
    /// An attempt is running.
    Running,
    /// It has ended.
    Ended(Processed),
}

/// How making the content ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Processed {
    /// All visible content is there.
    Success,
    /// Some visible content is missing.
    Partial,
    /// There is none.
    Failed(ProcessingError),
    /// There is nothing a model could read.
    Skipped(ProcessingError),
}

/// Declares the errors: the variant, its name on the wire and in SQL, and the
/// sentence for people in English, Thai and Japanese.
macro_rules! errors {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,
        $english:literal, $thai:literal, $japanese:literal;)*) => {
        /// Why there is no content.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum ProcessingError { $($(#[$doc])* $variant),* }

        impl ProcessingError {
            /// Every error there is.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The error as it is written in SQL, proto and logs.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// The error in words that are safe to show a person.
            #[must_use]
            pub const fn message(self, language: Language) -> &'static str {
                match (self, language) {
                    $(
                        (Self::$variant, Language::English) => $english,
                        (Self::$variant, Language::Thai) => $thai,
                        (Self::$variant, Language::Japanese) => $japanese,
                    )*
                }
            }
        }
    };
}

errors! {
    /// Pictures of text: nothing to read without recognition.
    Scanned = "SCANNED",
        "The document is a scan: its pages are pictures without text.",
        "เอกสารนี้เป็นไฟล์สแกน หน้าเป็นภาพที่ไม่มีข้อความ",
        "この文書はスキャンされたもので、文字情報がありません。";
    /// Encrypted.
    Encrypted = "ENCRYPTED",
        "The file is protected with a password. Please send it without one.",
        "ไฟล์นี้ถูกป้องกันด้วยรหัสผ่าน กรุณาส่งไฟล์ที่ไม่มีรหัสผ่าน",
        "ファイルはパスワードで保護されています。パスワードなしで送信してください。";
    /// The text cannot be mapped to characters.
    NoTextMapping = "NO_TEXT_MAPPING",
        "The document's text cannot be read: its fonts do not say which characters they show.",
        "ไม่สามารถอ่านข้อความในเอกสารได้ เนื่องจากแบบอักษรไม่ระบุว่าแสดงอักขระใด",
        "フォントに文字の対応情報がないため、文書の文字を読み取れません。";
    /// Larger or deeper than may be read.
    TooComplex = "TOO_COMPLEX",
        "The file is too complex to be read.",
        "ไฟล์นี้ซับซ้อนเกินกว่าจะอ่านได้",
        "ファイルが複雑すぎて読み取れません。";
    /// More pixels than may be read.
    TooManyPixels = "TOO_MANY_PIXELS",
        "The picture has too many pixels.",
        "ภาพมีจำนวนพิกเซลมากเกินไป",
        "画像の画素数が多すぎます。";
    /// No format that is read.
    UnsupportedFormat = "UNSUPPORTED_FORMAT",
        "Files of this format are not read.",
        "ไม่รองรับการอ่านไฟล์รูปแบบนี้",
        "この形式のファイルは読み取りに対応していません。";
    /// The extractor failed.
    ExtractorFailed = "EXTRACTOR_FAILED",
        "The file could not be read.",
        "ไม่สามารถอ่านไฟล์นี้ได้",
        "ファイルを読み取れませんでした。";
    /// The file is gone.
    SourceGone = "SOURCE_GONE",
        "The file is no longer there.",
        "ไม่มีไฟล์นี้แล้ว",
        "ファイルはもうありません。";
}

/// A string that names no error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown processing error {0:?}")]
pub struct UnknownProcessingError(String);

impl FromStr for ProcessingError {
    type Err = UnknownProcessingError;

    fn from_str(text: &str) -> Result<Self, UnknownProcessingError> {
        Self::ALL
            .iter()
            .copied()
            .find(|error| error.as_str() == text)
            .ok_or_else(|| UnknownProcessingError(text.to_owned()))
    }
}

impl Processed {
    /// The end in lower case, as the tables have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Partial => "partial",
            Self::Failed(_) => "failed",
            Self::Skipped(_) => "skipped",
        }
    }

    /// Why there is no content, where there is none.
    #[must_use]
    pub const fn error(self) -> Option<ProcessingError> {
        match self {
            Self::Success | Self::Partial => None,
            Self::Failed(error) | Self::Skipped(error) => Some(error),
        }
    }
}

/// A running attempt at the content. It ends exactly once: both ends consume
/// it, and neither can touch the attachment's status.
#[derive(Debug)]
#[must_use = "an attempt that is dropped is found by its lease only"]
pub struct ContentAttempt(Attempt);

impl ContentAttempt {
    /// What was claimed from the queue of this kind of work.
    pub fn of(claimed: Attempt) -> Self {
        Self(claimed)
    }

    /// Ends the attempt, and with it the work, with the forms that were made and put.
    pub fn processed(self, processed: Processed, made: Vec<StoredRendition>) -> Settlement {
        self.0
            .settle_as(WorkKind::Content, Outcome::Processed { processed, made })
    }

    /// Ends the attempt with a failure: another one follows up to the cap.
    pub fn failed(self, reason: FailureReason, policy: &RetryPolicy) -> Settlement {
        let none_follows = Outcome::Processed {
            processed: Processed::Failed(ProcessingError::ExtractorFailed),
            made: Vec::new(),
        };
        let outcome = self.0.after_failure(reason, None, policy);
        self.0
            .settle_as(WorkKind::Content, outcome.unwrap_or(none_follows))
    }

    /// Ends the attempt without counting it, to be claimed again after `wait`.
    pub fn put_off(self, reason: FailureReason, wait: Duration) -> Settlement {
        let outcome = Outcome::RetryAfter {
            reason,
            wait,
            counted: false,
        };
        self.0.settle_as(WorkKind::Content, outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_reads_back() {
        for error in ProcessingError::ALL {
            assert_eq!(
                error.as_str().parse::<ProcessingError>().as_ref(),
                Ok(error)
            );
        }
        assert!("NO_SUCH_ERROR".parse::<ProcessingError>().is_err());
    }
}
