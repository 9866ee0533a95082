//! Which encoding a text is in. [WHATWG Encoding; Unicode 16, 2.6 and 23.8]
//!
//! The order matters: what is certain comes first, and a guess by the
//! frequency of letters last, for such a guess finds letters in any binary.

use crate::attachment::language::Language;
use crate::inspect::found::{Charset, Flaw, KnownBy};
use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// So much is looked at to guess by.
const GUESSED_BY: usize = 1024 * 1024;
/// Of so many characters at most one may be wrong, as a cut mail leaves it.
const CHARACTERS_FOR_ONE_WRONG: usize = 1_000;

/// A text, and what it was written in.
#[derive(Debug)]
pub(super) struct Decoded {
    pub(super) text: String,
    pub(super) charset: Charset,
}

/// Decodes bytes whose encoding nobody says.
pub(super) fn decode(bytes: &[u8], language: Language) -> Result<Decoded, Flaw> {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        let text = bytes.get(mark..).unwrap_or_default();
        return decoded(text, encoding, KnownBy::Bom);
    }
    if let Some(encoding) = utf16(bytes) {
        let decoded = decoded(bytes, encoding, KnownBy::Valid)?;
        if !decoded.text.contains(char::REPLACEMENT_CHARACTER) {
            return Ok(decoded);
        }
    }
    if let Some(at) = bytes.iter().position(|byte| is_of_no_text(*byte)) {
        return Err(Flaw::corrupt(at as u64, "a byte that no text holds"));
    }
    if let Ok(text) = str::from_utf8(bytes)
        && !bytes.contains(&0x1b)
    {
        return Ok(Decoded {
            text: text.to_owned(),
            charset: charset(UTF_8, KnownBy::Valid),
        });
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    let looked_at = bytes.get(..GUESSED_BY).unwrap_or(bytes);
    detector.feed(looked_at, looked_at.len() == bytes.len());
    let domain: Option<&[u8]> = match language {
        Language::English => None,
        Language::Thai => Some(b"th"),
        Language::Japanese => Some(b"jp"),
    };
    let encoding = detector.guess(domain, Utf8Detection::Allow);
    decoded(bytes, encoding, KnownBy::Guessed)
}

/// Decodes bytes that say which encoding they are in; what is wrong in them is
/// replaced.
pub(super) fn decode_as(bytes: &[u8], encoding: &'static Encoding) -> Decoded {
    let (text, encoding, _) = encoding.decode(bytes);
    Decoded {
        text: text.into_owned(),
        charset: charset(encoding, KnownBy::Valid),
    }
}

fn decoded(bytes: &[u8], encoding: &'static Encoding, known_by: KnownBy) -> Result<Decoded, Flaw> {
    let (text, _) = encoding.decode_without_bom_handling(bytes);
    let wrong = text.matches(char::REPLACEMENT_CHARACTER).count();
    let characters = text.chars().count();
    if wrong > characters / CHARACTERS_FOR_ONE_WRONG {
        let what = format!("it is no text in {}", encoding.name());
        return Err(Flaw::corrupt(0, &what));
    }
    if encoding == UTF_16LE || encoding == UTF_16BE {
        // Binaries have zeros too, and more that no text has.
        let odd = text
            .chars()
            .position(|c| u8::try_from(c).is_ok_and(is_of_no_text));
        if let Some(at) = odd {
            return Err(Flaw::corrupt(
                2 * at as u64,
                "a character that no text holds",
            ));
        }
    }
    Ok(Decoded {
        text: text.into_owned(),
        charset: charset(encoding, known_by),
    })
}

/// UTF-16 without a mark: at least 30 of 100 bytes are zero, next to all of
/// them on one side.
fn utf16(bytes: &[u8]) -> Option<&'static Encoding> {
    let zeros = |from: usize| {
        let half = bytes.iter().skip(from).step_by(2);
        half.filter(|byte| **byte == 0).count()
    };
    let (even, odd) = (zeros(0), zeros(1));
    let is_enough = |most: usize, least: usize| {
        most * 10 >= bytes.len() * 3 && least * 100 <= bytes.len() && most > 0
    };
    if bytes.len() % 2 == 1 {
        None
    } else if is_enough(odd, even) {
        Some(UTF_16LE)
    } else if is_enough(even, odd) {
        Some(UTF_16BE)
    } else {
        None
    }
}

/// Control characters but those of real logs: bell, backspace, tabs, line ends,
/// form feed, ESC, and Ctrl-Z where DOS ended a file.
const fn is_of_no_text(byte: u8) -> bool {
    matches!(byte, 0..=6 | 0x0e..=0x19 | 0x1c..=0x1f)
}

fn charset(encoding: &'static Encoding, known_by: KnownBy) -> Charset {
    Charset {
        name: encoding.name().to_owned(),
        known_by,
    }
}
