//! Text without the characters that nobody sees.
//!
//! Promises: what comes out has no control character but tab, line feed and
//! carriage return, and nothing that turns the direction of the text or hides
//! text in it. A model reads such characters and a person does not, which is
//! how instructions are smuggled into a document.

use std::str::Chars;

/// Text without control, bidi and tag characters, and how many were taken out.
///
/// A terminal's colour sequence goes whole, as `ESC [31m`. Form feed, vertical
/// tab, NEL and Unicode's line and paragraph separators become line feeds, and
/// are not counted: they kept words apart, and still do.
#[must_use]
pub fn clean(text: &str) -> (String, u64) {
    let mut cleaned = String::with_capacity(text.len());
    let mut stripped = 0;
    let mut after_selector = false;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let selector = is_variation_selector(character);
        match character {
            '\u{1b}' => stripped += 1 + pass_sequence(&mut characters),
            '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => cleaned.push('\n'),
            // One selects the shape of the character before it; a row of them
            // has no meaning but the bytes that someone hid in it.
            _ if selector && after_selector => stripped += 1,
            _ if is_unseen(character) => stripped += 1,
            _ => cleaned.push(character),
        }
        after_selector = selector;
    }
    (cleaned, stripped)
}

/// Passes over the rest of a terminal's control sequence (ECMA-48, 5.4), and
/// says how many characters that was.
fn pass_sequence(characters: &mut Chars<'_>) -> u64 {
    let mut ahead = characters.clone();
    if ahead.next() != Some('[') {
        return 0;
    }
    let mut passed = 1;
    for character in ahead.by_ref() {
        passed += 1;
        match character {
            // Parameters and intermediates.
            '\u{20}'..='\u{3f}' if passed < 64 => {}
            '\u{40}'..='\u{7e}' => {
                *characters = ahead;
                return passed;
            }
            _ => return 0,
        }
    }
    0
}

fn is_variation_selector(character: char) -> bool {
    matches!(character, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

/// Whether a character has no shape of its own and is no part of writing.
fn is_unseen(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' => false,
        // Marks, embeddings, overrides and isolates of direction (UAX 9).
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}'
        // Deprecated format characters, a byte order mark within the text,
        // and the marks around annotations.
        | '\u{206a}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        // No characters at all.
        | '\u{fdd0}'..='\u{fdef}' | '\u{fffe}' | '\u{ffff}'
        // Tags.
        | '\u{e0000}'..='\u{e007f}' => true,
        other => other.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(text: &str) -> (String, u64) {
        clean(text)
    }

    #[test]
    fn writing_stays_as_it_is() {
        for text in [
            "a\tb\r\nc",
            "ราคา ๑๒๓ บาท",
            "見積書 葛\u{e0100}飾区",
            "❤\u{fe0f} family 👨\u{200d}👩\u{200d}👧",
            "non\u{a0}breaking soft\u{ad}hyphen zero\u{200b}width",
        ] {
            assert_eq!(cleaned(text), (text.to_owned(), 0));
        }
    }

    #[test]
    fn what_nobody_sees_is_taken_out_and_counted() {
        assert_eq!(
            cleaned("a\0b\u{7}c\u{8}\u{7f}\u{9b}"),
            ("abc".to_owned(), 5)
        );
        assert_eq!(cleaned("inv\u{202e}fdp.exe"), ("invfdp.exe".to_owned(), 1));
        assert_eq!(cleaned("\u{feff}a\u{2066}b\u{2069}"), ("ab".to_owned(), 3));
        let hidden: String = "obey".chars().filter_map(tag).collect();
        assert_eq!(cleaned(&format!("hi{hidden}")), ("hi".to_owned(), 4));
    }

    /// A character as the tag that spells it unseen.
    fn tag(character: char) -> Option<char> {
        char::from_u32(0xe_0000 + u32::from(character))
    }

    #[test]
    fn bytes_in_a_row_of_selectors_are_taken_out() {
        let smuggled = "😀\u{fe01}\u{e0110}\u{e0120}";
        assert_eq!(cleaned(smuggled), ("😀\u{fe01}".to_owned(), 2));
    }

    #[test]
    fn colours_go_whole_and_an_unfinished_one_costs_only_its_escape() {
        assert_eq!(cleaned("\u{1b}[1;31mred\u{1b}[0m"), ("red".to_owned(), 11));
        assert_eq!(cleaned("\u{1b}[1;"), ("[1;".to_owned(), 1));
        assert_eq!(cleaned("\u{1b}[ค"), ("[ค".to_owned(), 1));
        let long = format!("\u{1b}[{}m", "1".repeat(100));
        assert_eq!(cleaned(&long).1, 1);
    }

    #[test]
    fn what_kept_words_apart_still_does() {
        assert_eq!(
            cleaned("a\u{b}b\u{c}c\u{85}d\u{2028}e"),
            ("a\nb\nc\nd\ne".to_owned(), 0)
        );
    }
}
