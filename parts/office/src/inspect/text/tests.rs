use super::*;
use crate::inspect::found::{Charset, KnownBy};
use encoding_rs::Encoding;

const THAI: &str = "สวัสดีครับ ขอใบเสนอราคาสินค้ารุ่นใหม่ จำนวน 120 ชิ้น ภายในวันศุกร์นี้ ขอบคุณมากครับ\n";
const JAPANESE: &str = "お世話になっております。見積書を添付いたしますので、ご確認をお願いいたします。株式会社テスト\n";
const CHINESE: &str =
    "您好，请查收附件中的报价单，如有任何问题请随时与我们联系。谢谢合作，祝您工作愉快。\n";
const TRADITIONAL: &str =
    "您好，請查收附件中的報價單，如有任何問題請隨時與我們聯絡。謝謝合作，祝您工作愉快。\n";
const KOREAN: &str =
    "안녕하세요, 첨부된 견적서를 확인해 주시기 바랍니다. 문의 사항이 있으시면 연락 주세요.\n";
const FRENCH: &str = "Bonjour, référence demandée à préciser : veuillez trouver ci-joint le devis n° 42, prix 1 250 €, délai été.\n";

/// The languages of eight encodings, and what each is called.
const ENCODINGS: [(&str, &str, &str); 8] = [
    ("windows-874", THAI, "th"),
    ("Shift_JIS", JAPANESE, "ja"),
    ("EUC-JP", JAPANESE, "ja"),
    ("ISO-2022-JP", JAPANESE, "ja"),
    ("GBK", CHINESE, "en"),
    ("Big5", TRADITIONAL, "en"),
    ("EUC-KR", KOREAN, "en"),
    ("windows-1252", FRENCH, "en"),
];

fn encoded(name: &str, text: &str) -> Vec<u8> {
    let encoding = Encoding::for_label(name.as_bytes()).unwrap();
    let (bytes, _, has_faults) = encoding.encode(text);
    assert!(!has_faults, "{name}");
    bytes.into_owned()
}

fn charset(bytes: &[u8], hint: Option<&str>) -> Result<Charset, Flaw> {
    check(bytes, hint).map(|facts| facts.charset.unwrap())
}

fn text(bytes: &[u8], hint: Option<&str>) -> String {
    let extracted = extract(MediaType::Txt, bytes, hint, 1 << 20);
    extracted.parts.into_iter().map(|part| part.text).collect()
}

/// A line or two, a table of short words, and pages.
fn samples(text: &str) -> [String; 3] {
    let words: Vec<&str> = text.trim().split([' ', '、', '，', '。']).collect();
    let table = (1..6).fold("id,name,note\n".to_owned(), |table, row| {
        let word = words.get(row % words.len()).unwrap();
        format!("{table}{row},{word},{}\n", row * 10)
    });
    [text.repeat(200), text.to_owned(), table]
}

#[test]
fn eight_encodings_are_told_long_short_and_as_tables() {
    let mut told = 0;
    for (name, language, hint) in ENCODINGS {
        for sample in samples(language) {
            let bytes = encoded(name, &sample);
            let charset = charset(&bytes, Some(hint)).unwrap();
            assert_eq!(charset.name, name, "{sample:.60}");
            assert_eq!(text(&bytes, Some(hint)), sample.trim_end(), "{name}");
            told += 1;
        }
    }
    assert_eq!(told, 24);
}

#[test]
fn unicode_is_known_and_not_guessed() {
    for sample in [THAI, JAPANESE, FRENCH]
        .iter()
        .flat_map(|text| samples(text))
    {
        let utf8 = charset(sample.as_bytes(), None).unwrap();
        assert_eq!((&*utf8.name, utf8.known_by), ("UTF-8", KnownBy::Valid));
        let marked = format!("\u{feff}{sample}");
        let little: Vec<u8> = marked.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = marked.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for (bytes, name) in [
            (marked.as_bytes(), "UTF-8"),
            (&little, "UTF-16LE"),
            (&big, "UTF-16BE"),
        ] {
            let charset = charset(bytes, None).unwrap();
            assert_eq!((&*charset.name, charset.known_by), (name, KnownBy::Bom));
            assert_eq!(text(bytes, None), sample.trim_end());
        }
    }
    let unmarked: Vec<u8> = FRENCH.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let charset = charset(&unmarked, None).unwrap();
    assert_eq!(
        (&*charset.name, charset.known_by),
        ("UTF-16BE", KnownBy::Valid)
    );
}

#[test]
fn logs_are_text_with_all_that_terminals_write() {
    let log = b"\x1b[32mINFO\x1b[0m started\x07\n50%\x0851%\x0b\x0cpage\n\x1a";
    assert!(check(log, None).is_ok());
    assert_eq!(text(log, None), "INFO started\n50%51%\n\npage");
    let next_line = "one\u{85}two".as_bytes();
    assert_eq!(text(next_line, None), "one\ntwo");
    assert!(check(b"caf\xe9 \x1b[0m\x07\x08\x0b\x0c\x1a", None).is_ok());
}

#[test]
fn binaries_are_no_text_however_they_begin() {
    let mut late = b"A log line that is fine.\n".repeat(800);
    late.push(0);
    late.extend(b"and on");
    let at = late.len() as u64 - 7;
    assert_eq!(
        check(&late, None),
        Err(Flaw::corrupt(at, "a zero byte, which no text has"))
    );
    let every: Vec<u8> = (0..=255).collect();
    let no_zero: Vec<u8> = (1..=255).collect();
    let elf = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0";
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    for binary in [every.as_slice(), &no_zero, elf, png, b"\x01\x02\x03"] {
        assert!(check(binary, None).is_err(), "{binary:x?}");
    }
}

#[test]
fn noise_is_no_text() {
    let mut state: u32 = 2_463_534_242;
    let mut taken = 0;
    for sample in 0..1_000 {
        let noise: Vec<u8> = (0..64 + sample)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                u8::try_from(state >> 24).unwrap()
            })
            .collect();
        taken += u32::from(check(&noise, None).is_ok());
    }
    assert_eq!(taken, 0);
}

#[test]
fn a_text_cut_within_a_letter_is_told() {
    let short = THAI.as_bytes().split_last_chunk::<3>().unwrap().0;
    assert!(check(&THAI.as_bytes()[..THAI.len() - 2], None).is_err());
    assert!(check(short, None).is_err());
    let long = THAI.repeat(100);
    let cut = &long.as_bytes()[..long.len() - 3];
    let charset = charset(cut, None).unwrap();
    assert_eq!(
        (&*charset.name, charset.known_by),
        ("UTF-8", KnownBy::Guessed)
    );
}

#[test]
fn a_page_says_its_encoding() {
    let page = |meta: &str| {
        let source = format!("<html><head>{meta}</head><body><p>見積</p></body></html>");
        encoded("Shift_JIS", &source)
    };
    for meta in [
        "<meta charset=\"shift_jis\">",
        "<META http-equiv=Content-Type content=\"text/html; charset=Shift_JIS\">",
        "<meta charset = 'x-sjis' />",
    ] {
        let extracted = extract(MediaType::Html, &page(meta), None, 1_000);
        assert_eq!(extracted.parts[0].text, "見積", "{meta}");
        assert_eq!(extracted.charset.unwrap().name, "Shift_JIS");
        assert_eq!(extracted.method, "html");
    }
}

#[test]
fn what_was_judged_wrongly_is_judged_rightly() {
    assert_eq!(
        charset(
            b"\x8f\xa4\x95i,\x90\x94\x97\xca\n\x89\x94\x95M,12\n",
            Some("ja")
        )
        .unwrap()
        .name,
        "Shift_JIS"
    );
    for ascii in [
        "BMI,weight,height\n22.1,64,170\n",
        "How to check a PDF: the file begins with %PDF-1.7 and ends with a marker.\n",
        "<b>Hello</b> and welcome\n",
        "<h1 align=\"center\">Project</h1>\n\n# Readme\n",
    ] {
        assert_eq!(
            charset(ascii.as_bytes(), None).unwrap().known_by,
            KnownBy::Valid
        );
        assert_eq!(text(ascii.as_bytes(), None), ascii.trim_end());
    }
}

#[test]
fn hidden_characters_are_stripped_and_the_cap_holds() {
    let extracted = extract(
        MediaType::Markdown,
        "a\u{202e}b\u{e0041}c".as_bytes(),
        None,
        2,
    );
    assert_eq!(extracted.stripped_characters, 2);
    assert_eq!(extracted.parts[0].text, "ab");
    assert_eq!(extracted.processed, Processed::Partial);
    assert_eq!(extracted.coverage.truncated_at_unit, Some(1));
}

#[test]
fn no_cut_and_no_flip_makes_it_panic() {
    for (name, language, _) in ENCODINGS {
        let bytes = encoded(name, language);
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x80 | u8::try_from(at & 0x7f).unwrap();
            for mutant in [&bytes[..at], &flipped] {
                for media_type in [MediaType::Txt, MediaType::Html] {
                    let _ = check(mutant, None);
                    let _ = extract(media_type, mutant, Some("th"), 100);
                }
            }
        }
    }
}
