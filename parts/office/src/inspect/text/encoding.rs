//! The encoding of a text, and whether it is text at all.
//!
//! Whoever guesses an encoding takes anything for text, so what is none is told
//! first: a byte order mark, then UTF-16 by its zeros, then any other NUL, then
//! valid UTF-8, then controls that no text has; only then letters are weighed.

use crate::inspect::found::{Charset, Flaw, KnownBy};
use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, ISO_2022_JP, UTF_8, UTF_16BE, UTF_16LE};
use std::borrow::Cow;

/// So much of a text is weighed.
const WEIGHED_BYTES: usize = 1 << 20;

/// A page says its encoding within its first bytes (HTML, section 13.2.3.2).
const DECLARED_WITHIN_BYTES: usize = 1_024;

/// One character in so many may be no character.
const CHARACTERS_A_FAULT: u64 = 1_000;

/// A text in an encoding that is known.
#[derive(Debug)]
pub(super) struct Decoded<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) charset: Charset,
}

/// Decodes a text, or says where it ceases to be one.
pub(super) fn decode<'a>(
    bytes: &'a [u8],
    language_hint: Option<&str>,
) -> Result<Decoded<'a>, Flaw> {
    if let Some((encoding, _)) = Encoding::for_bom(bytes) {
        return judged(bytes, encoding, KnownBy::Bom);
    }
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        let wide = wide(bytes)
            .ok_or_else(|| Flaw::corrupt(at as u64, "a zero byte, which no text has"))?;
        return judged(bytes, wide, KnownBy::Valid);
    }
    if switches_to_japanese(bytes) {
        return judged(bytes, ISO_2022_JP, KnownBy::Guessed);
    }
    if str::from_utf8(bytes).is_ok() {
        check_controls(bytes, bytes.len() / 4)?;
        return judged(bytes, UTF_8, KnownBy::Valid);
    }
    if is_nearly_utf8(bytes) {
        return judged(bytes, UTF_8, KnownBy::Guessed);
    }
    check_controls(bytes, 0)?;
    let declared =
        declared(bytes).filter(|encoding| !encoding.decode_without_bom_handling(bytes).1);
    let encoding = declared.unwrap_or_else(|| guess(bytes, language_hint));
    judged(bytes, encoding, KnownBy::Guessed)
}

/// Decodes all of it; a text may have a fault in a thousand characters.
fn judged<'a>(
    bytes: &'a [u8],
    encoding: &'static Encoding,
    known_by: KnownBy,
) -> Result<Decoded<'a>, Flaw> {
    let (text, _) = encoding.decode_with_bom_removal(bytes);
    // A final one is what editors of old wrote behind the text.
    let written = text.trim_end_matches('\u{1a}');
    let mut characters: u64 = 0;
    let mut faults: u64 = 0;
    let mut first_fault = None;
    for (at, character) in written.char_indices() {
        characters += 1;
        if is_fault(character, encoding) {
            faults += 1;
            first_fault.get_or_insert(at);
        }
    }
    if faults.saturating_mul(CHARACTERS_A_FAULT) > characters {
        let at = first_fault.unwrap_or_default() as u64;
        let what = format!(
            "{faults} of {characters} characters are none in {}",
            encoding.name()
        );
        return Err(Flaw::corrupt(at, &what));
    }
    let charset = Charset {
        name: encoding.name().to_owned(),
        known_by,
    };
    Ok(Decoded { text, charset })
}

/// Whether a character shows that the text is not in this encoding.
fn is_fault(character: char, encoding: &'static Encoding) -> bool {
    match character {
        char::REPLACEMENT_CHARACTER | '\0' => true,
        // Where an encoding of single bytes has nothing, decoding has these. In
        // Unicode they are characters, and one of them ends lines.
        '\u{80}'..='\u{9f}' => encoding.is_single_byte(),
        _ => false,
    }
}

/// UTF-16 without a mark: nearly all of its many zeros are the upper bytes of
/// letters, so they stand at every other place.
fn wide(bytes: &[u8]) -> Option<&'static Encoding> {
    let zeros_at = |parity| {
        bytes
            .iter()
            .skip(parity)
            .step_by(2)
            .filter(|byte| **byte == 0)
            .count()
    };
    let (even, odd) = (zeros_at(0), zeros_at(1));
    let (many, few, encoding) = if even > odd {
        (even, odd, UTF_16BE)
    } else {
        (odd, even, UTF_16LE)
    };
    let is_wide = many >= bytes.len() / 10 * 3 && many > 0 && few <= many / 50;
    let has_faults = || encoding.decode_without_bom_handling(bytes).1;
    (is_wide && !has_faults()).then_some(encoding)
}

/// ISO-2022-JP is ASCII, but for the sequences by which it switches.
fn switches_to_japanese(bytes: &[u8]) -> bool {
    const SWITCHES: [&[u8]; 5] = [b"\x1b$@", b"\x1b$B", b"\x1b$(D", b"\x1b(J", b"\x1b(I"];
    let is_switch = |at: usize| {
        let from = bytes.get(at..).unwrap_or_default();
        SWITCHES.iter().any(|switch| from.starts_with(switch))
    };
    let mut escapes = bytes.iter().enumerate().filter(|(_, byte)| **byte == 0x1b);
    bytes.is_ascii()
        && escapes.any(|(at, _)| is_switch(at))
        && !ISO_2022_JP.decode_without_bom_handling(bytes).1
}

/// Whether the bytes are UTF-8 but for a few, as when a log was cut in the
/// middle of a letter. Other encodings form its longer letters only by chance.
fn is_nearly_utf8(bytes: &[u8]) -> bool {
    let mut long_letters: u64 = 0;
    let mut letters: u64 = 0;
    let mut faults: u64 = 0;
    let mut ends_within_letter = false;
    for chunk in bytes.utf8_chunks() {
        letters += chunk.valid().chars().count() as u64;
        long_letters += chunk
            .valid()
            .chars()
            .filter(|letter| !letter.is_ascii())
            .count() as u64;
        faults += u64::from(!chunk.invalid().is_empty());
        ends_within_letter =
            str::from_utf8(chunk.invalid()).is_err_and(|fault| fault.error_len().is_none());
    }
    let is_only_cut = faults == 1 && ends_within_letter && long_letters >= 3;
    is_only_cut || (long_letters > faults && faults.saturating_mul(CHARACTERS_A_FAULT) <= letters)
}

/// Refuses more than so many controls that texts do not have. Logs have colours,
/// bells, overstrikes and page feeds, and old editors a final Ctrl-Z.
fn check_controls(bytes: &[u8], allowed: usize) -> Result<(), Flaw> {
    let end = bytes
        .iter()
        .rposition(|byte| *byte != 0x1a)
        .map_or(0, |last| last + 1);
    let is_foreign = |byte: &u8| *byte < 0x20 && !matches!(byte, 0x07..=0x0d | 0x1b);
    let mut foreign = bytes
        .iter()
        .take(end)
        .enumerate()
        .filter(|(_, byte)| is_foreign(byte));
    match foreign.nth(allowed) {
        Some((at, _)) => Err(Flaw::corrupt(at as u64, "control bytes, which no text has")),
        None => Ok(()),
    }
}

/// What a page says of itself: `<meta charset="shift_jis">`, or the same in
/// the words of `http-equiv`, or an XML declaration.
fn declared(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = bytes.get(..bytes.len().min(DECLARED_WITHIN_BYTES))?;
    let head: String = head
        .iter()
        .map(|byte| char::from(*byte).to_ascii_lowercase())
        .collect();
    let places = head.split("<meta").skip(1).map(|tag| (tag, "charset"));
    let declaration = head.strip_prefix("<?xml").map(|tag| (tag, "encoding"));
    places.chain(declaration).find_map(|(tag, name)| {
        let tag = tag.split('>').next()?;
        let (_, value) = tag.split_once(name)?;
        let value = value.trim_start().strip_prefix('=')?;
        let value =
            value.trim_start_matches(|quote: char| quote.is_whitespace() || "\"'".contains(quote));
        let ends = |end: char| end.is_whitespace() || "\"';/?".contains(end);
        let encoding = Encoding::for_label(value.split(ends).next()?.as_bytes())?;
        // What could be read so far was no UTF-16.
        encoding.is_ascii_compatible().then_some(encoding)
    })
}

fn guess(bytes: &[u8], language_hint: Option<&str>) -> &'static Encoding {
    // The detector knows languages by the domains that they are written under.
    let domain: Option<&[u8]> = match language_hint {
        Some("th") => Some(b"th"),
        Some("ja") => Some(b"jp"),
        Some("ko") => Some(b"kr"),
        _ => None,
    };
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    let weighed = bytes.get(..WEIGHED_BYTES).unwrap_or(bytes);
    detector.feed(weighed, weighed.len() == bytes.len());
    detector.guess(domain, Utf8Detection::Allow)
}
