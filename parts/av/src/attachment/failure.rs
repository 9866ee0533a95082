//! Why an attachment is not stored, and what follows from it.
//!
//! The table of reasons is total: [`FailureReason::consequence`] matches
//! without a wildcard, so a new reason does not compile until somebody has
//! decided what it means.

use super::language::Language;
use std::fmt;
use std::str::FromStr;

/// What follows from a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consequence {
    /// FAILED; tried again after a backoff, up to the cap.
    Retry,
    /// FAILED; asked again within a time budget of its own, and not counted.
    Wait,
    /// FAILED for good.
    GiveUp,
    /// FAILED until the channel gets another credential.
    AwaitCredential,
    /// REJECTED: it came and broke a rule.
    Reject,
    /// UNSUPPORTED: not a kind of file we take.
    Unsupported,
    /// DELETED.
    Delete,
}

/// Declares the reasons: the variant, its name on the wire and in SQL, and
/// the sentence that is safe to show a person, in English, Thai and Japanese.
macro_rules! reasons {
    ($($variant:ident = $name:literal, $english:literal, $thai:literal, $japanese:literal;)*) => {
        /// Why an attachment is not stored.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "the table below gives each reason its sentence")]
        pub enum FailureReason { $($variant),* }

        impl FailureReason {
            /// Every reason there is.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The reason as it is written in SQL, proto and logs.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// The reason in words that are safe to show a person.
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

reasons! {
    SourceUnavailable = "SOURCE_UNAVAILABLE",
        "The chat provider could not be reached.",
        "ไม่สามารถติดต่อผู้ให้บริการแชตได้",
        "チャットサービスに接続できませんでした。";
    SourceTimeout = "SOURCE_TIMEOUT",
        "The chat provider took too long to send the file.",
        "ผู้ให้บริการแชตใช้เวลาส่งไฟล์นานเกินไป",
        "チャットサービスからのファイル送信に時間がかかりすぎました。";
    SourceRateLimited = "SOURCE_RATE_LIMITED",
        "The chat provider asked us to slow down.",
        "ผู้ให้บริการแชตขอให้ลดความถี่ในการเรียกใช้งาน",
        "チャットサービスからアクセスを控えるよう求められました。";
    SourceNotReady = "SOURCE_NOT_READY",
        "The chat provider is still preparing the file.",
        "ผู้ให้บริการแชตกำลังเตรียมไฟล์อยู่",
        "チャットサービスがファイルを準備しています。";
    DownloadIncomplete = "DOWNLOAD_INCOMPLETE",
        "The file ended before all of it had arrived.",
        "ได้รับไฟล์ไม่ครบ",
        "ファイルを最後まで受信できませんでした。";
    EmptyContent = "EMPTY_CONTENT",
        "The chat provider sent an empty file.",
        "ผู้ให้บริการแชตส่งไฟล์เปล่ามา",
        "チャットサービスから空のファイルが届きました。";
    StorageUnavailable = "STORAGE_UNAVAILABLE",
        "The file could not be stored just now.",
        "ขณะนี้ไม่สามารถจัดเก็บไฟล์ได้",
        "現在、ファイルを保存できません。";
    Interrupted = "INTERRUPTED",
        "The download was interrupted.",
        "การดาวน์โหลดถูกขัดจังหวะ",
        "ダウンロードが中断されました。";
    InspectionFailed = "INSPECTION_FAILED",
        "The file could not be checked.",
        "ไม่สามารถตรวจสอบไฟล์ได้",
        "ファイルを検査できませんでした。";
    ScanUnavailable = "SCAN_UNAVAILABLE",
        "The malware scanner is not available just now.",
        "ขณะนี้ระบบสแกนมัลแวร์ไม่พร้อมใช้งาน",
        "現在、マルウェアスキャンを利用できません。";
    WorkerResources = "WORKER_RESOURCES",
        "The service is too busy to take the file just now.",
        "ขณะนี้ระบบมีภาระงานมากเกินกว่าจะรับไฟล์ได้",
        "現在、混み合っているためファイルを処理できません。";
    SourceNotFound = "SOURCE_NOT_FOUND",
        "The chat provider does not have this file (any more).",
        "ไม่พบไฟล์นี้ที่ผู้ให้บริการแชตแล้ว",
        "このファイルはチャットサービスに見つかりません。";
    SourceAuthFailed = "SOURCE_AUTH_FAILED",
        "The chat provider refused the channel's credential.",
        "ผู้ให้บริการแชตไม่ยอมรับข้อมูลรับรองของช่องทางนี้",
        "チャットサービスがこのチャネルの認証情報を拒否しました。";
    SourceScopeMissing = "SOURCE_SCOPE_MISSING",
        "The channel's credential lacks the scope files:read.",
        "ข้อมูลรับรองของช่องทางนี้ไม่มีสิทธิ์ files:read",
        "このチャネルの認証情報に files:read の権限がありません。";
    SourceForbidden = "SOURCE_FORBIDDEN",
        "The chat provider does not let this channel read the file.",
        "ผู้ให้บริการแชตไม่อนุญาตให้ช่องทางนี้อ่านไฟล์",
        "このチャネルにはファイルの閲覧が許可されていません。";
    SourcePlanLimit = "SOURCE_PLAN_LIMIT",
        "The chat provider hides this file behind a limit of its plan.",
        "ไฟล์นี้ถูกซ่อนไว้เนื่องจากข้อจำกัดของแพ็กเกจที่ใช้กับผู้ให้บริการแชต",
        "チャットサービスのプランの制限により、このファイルは表示できません。";
    SourceRefusedAddress = "SOURCE_REFUSED_ADDRESS",
        "The file's address is not one we may call.",
        "ที่อยู่ของไฟล์ไม่ได้รับอนุญาตให้เข้าถึง",
        "ファイルのアドレスへのアクセスは許可されていません。";
    SourceUnexpectedEncoding = "SOURCE_UNEXPECTED_ENCODING",
        "The chat provider sent the file in an encoding we did not ask for.",
        "ผู้ให้บริการแชตส่งไฟล์มาในรูปแบบการเข้ารหัสที่ไม่ได้ร้องขอ",
        "チャットサービスから想定外のエンコーディングでファイルが届きました。";
    SourcePreparationFailed = "SOURCE_PREPARATION_FAILED",
        "The chat provider could not prepare the file.",
        "ผู้ให้บริการแชตไม่สามารถเตรียมไฟล์ได้",
        "チャットサービスがファイルを準備できませんでした。";
    CredentialMissing = "CREDENTIAL_MISSING",
        "The channel has no credential.",
        "ช่องทางนี้ยังไม่มีข้อมูลรับรอง",
        "このチャネルには認証情報が設定されていません。";
    TooLarge = "TOO_LARGE",
        "The file is larger than allowed.",
        "ไฟล์มีขนาดใหญ่เกินกว่าที่อนุญาต",
        "ファイルのサイズが上限を超えています。";
    Corrupted = "CORRUPTED",
        "The file is damaged.",
        "ไฟล์เสียหาย",
        "ファイルが破損しています。";
    ContentTypeMismatch = "CONTENT_TYPE_MISMATCH",
        "The file is not what it claims to be.",
        "เนื้อหาของไฟล์ไม่ตรงกับชนิดที่ระบุไว้",
        "ファイルの内容が申告された形式と一致しません。";
    Infected = "INFECTED",
        "The file contains malware.",
        "พบมัลแวร์ในไฟล์",
        "ファイルからマルウェアが検出されました。";
    TooManyFiles = "TOO_MANY_FILES",
        "The message has more files than allowed.",
        "ข้อความนี้มีจำนวนไฟล์เกินกว่าที่อนุญาต",
        "メッセージ内のファイル数が上限を超えています。";
    QuotaExceeded = "QUOTA_EXCEEDED",
        "The storage quota is used up.",
        "พื้นที่จัดเก็บเต็มโควตาแล้ว",
        "ストレージの容量上限に達しました。";
    ContentTypeNotAllowed = "CONTENT_TYPE_NOT_ALLOWED",
        "This kind of file is not supported.",
        "ไม่รองรับไฟล์ประเภทนี้",
        "この形式のファイルには対応していません。";
    ExternalFile = "EXTERNAL_FILE",
        "The file lies with a third party and was not copied.",
        "ไฟล์นี้อยู่กับผู้ให้บริการภายนอกและไม่ได้ถูกคัดลอกมา",
        "ファイルは外部のサービスにあるため、コピーされていません。";
    SourceDeleted = "SOURCE_DELETED",
        "The sender took the file back.",
        "ผู้ส่งได้ยกเลิกการส่งไฟล์แล้ว",
        "送信者がファイルを取り消しました。";
    DeleteRequested = "DELETE_REQUESTED",
        "The file was deleted.",
        "ไฟล์ถูกลบแล้ว",
        "ファイルは削除されました。";
    RetentionExpired = "RETENTION_EXPIRED",
        "The file was kept as long as it was meant to be.",
        "ไฟล์ถูกลบเนื่องจากครบกำหนดเวลาจัดเก็บแล้ว",
        "ファイルは保存期間が終了したため削除されました。";
}

impl FailureReason {
    /// What follows from this reason.
    #[must_use]
    pub const fn consequence(self) -> Consequence {
        match self {
            Self::SourceUnavailable
            | Self::SourceTimeout
            | Self::SourceRateLimited
            | Self::DownloadIncomplete
            | Self::EmptyContent
            | Self::StorageUnavailable
            | Self::Interrupted
            | Self::InspectionFailed
            | Self::ScanUnavailable
            | Self::WorkerResources => Consequence::Retry,
            Self::SourceNotReady => Consequence::Wait,
            Self::SourceNotFound
            | Self::SourceForbidden
            | Self::SourcePlanLimit
            | Self::SourceRefusedAddress
            | Self::SourceUnexpectedEncoding
            | Self::SourcePreparationFailed => Consequence::GiveUp,
            Self::SourceAuthFailed | Self::SourceScopeMissing | Self::CredentialMissing => {
                Consequence::AwaitCredential
            }
            Self::TooLarge
            | Self::Corrupted
            | Self::ContentTypeMismatch
            | Self::Infected
            | Self::TooManyFiles
            | Self::QuotaExceeded => Consequence::Reject,
            Self::ContentTypeNotAllowed | Self::ExternalFile => Consequence::Unsupported,
            Self::SourceDeleted | Self::DeleteRequested | Self::RetentionExpired => {
                Consequence::Delete
            }
        }
    }
}

impl fmt::Display for FailureReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A string that names no reason.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no failure reason")]
pub struct UnknownReason(String);

impl FromStr for FailureReason {
    type Err = UnknownReason;

    fn from_str(text: &str) -> Result<Self, UnknownReason> {
        Self::ALL
            .iter()
            .copied()
            .find(|reason| reason.as_str() == text)
            .ok_or_else(|| UnknownReason(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_reads_back() {
        for reason in FailureReason::ALL {
            assert_eq!(reason.as_str().parse::<FailureReason>().unwrap(), *reason);
        }
        assert!("NO_SUCH_REASON".parse::<FailureReason>().is_err());
    }

    #[test]
    fn every_reason_has_a_sentence_of_its_own_in_every_language() {
        for language in Language::ALL {
            let mut sentences: Vec<_> = FailureReason::ALL
                .iter()
                .map(|reason| reason.message(language))
                .collect();
            assert!(sentences.iter().all(|sentence| match language {
                Language::English => sentence.is_ascii(),
                Language::Thai => sentence.contains(|c| ('\u{e00}'..='\u{e7f}').contains(&c)),
                Language::Japanese => sentence.ends_with('。'),
            }));
            sentences.sort_unstable();
            sentences.dedup();
            assert_eq!(sentences.len(), FailureReason::ALL.len(), "{language:?}");
        }
    }
}
