//! What the sender of a file that is not taken can do about it.

use super::language::Language;
use super::media::MediaType;

impl MediaType {
    /// What a person is told who sent a file of this type where it is not
    /// taken; nothing where there is no more to say than that.
    #[must_use]
    pub const fn sender_advice(self, language: Language) -> Option<&'static str> {
        match (self, language) {
            (Self::Heic, Language::English) => Some(
                "This is a HEIC photo, as iPhones take them. Please send it as JPEG: on the iPhone choose Settings > Camera > Formats > Most Compatible and take it again, or send a screenshot of it.",
            ),
            (Self::Heic, Language::Thai) => Some(
                "ไฟล์นี้เป็นรูปภาพ HEIC ที่ถ่ายด้วย iPhone กรุณาส่งเป็น JPEG: บน iPhone ไปที่ การตั้งค่า > กล้อง > รูปแบบ เลือก \"เข้ากันได้มากที่สุด\" แล้วถ่ายใหม่ หรือส่งภาพหน้าจอของรูปนั้น",
            ),
            (Self::Heic, Language::Japanese) => Some(
                "iPhoneなどで撮影されたHEIC形式の写真です。JPEGで送り直してください。iPhoneでは「設定」>「カメラ」>「フォーマット」で「互換性優先」を選んで撮り直すか、スクリーンショットを送ってください。",
            ),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_sends_a_heic_is_told_what_to_do_in_every_language() {
        for language in Language::ALL {
            let advice = MediaType::Heic.sender_advice(language).unwrap();
            assert!(advice.contains("JPEG"), "{advice}");
            assert_eq!(MediaType::Png.sender_advice(language), None);
        }
    }
}
