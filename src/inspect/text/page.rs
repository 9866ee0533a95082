//! What a reader sees of an HTML page.

use encoding_rs::Encoding;
use html5gum::{Token, Tokenizer};

/// A page says its encoding among its first bytes. [HTML, 13.2.3.2]
const CHARSET_WITHIN: usize = 1024;
/// Elements that are no text for a reader.
const UNSEEN: &[&[u8]] = &[
    b"script",
    b"style",
    b"template",
    b"noscript",
    b"svg",
    b"iframe",
    b"object",
];
/// Elements that begin a line of their own.
const LINES: &[&[u8]] = &[
    b"p",
    b"div",
    b"br",
    b"li",
    b"tr",
    b"h1",
    b"h2",
    b"h3",
    b"h4",
    b"h5",
    b"h6",
    b"title",
    b"section",
    b"article",
    b"header",
    b"footer",
    b"table",
    b"ul",
    b"ol",
    b"pre",
    b"blockquote",
    b"hr",
    b"dt",
    b"dd",
    b"option",
];
/// Elements without an end.
const VOID: &[&[u8]] = &[
    b"area", b"base", b"br", b"col", b"embed", b"hr", b"img", b"input", b"link", b"meta",
    b"source", b"track", b"wbr",
];

/// What is seen of a page, and what is hidden in it.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) text: String,
    pub(super) hidden: String,
}

/// The encoding that a page says it is in.
pub(super) fn charset(bytes: &[u8]) -> Option<&'static Encoding> {
    if Encoding::for_bom(bytes).is_some() {
        return None;
    }
    let head = bytes.get(..CHARSET_WITHIN).unwrap_or(bytes);
    let head = head.to_ascii_lowercase();
    let at = head.windows(8).position(|window| window == b"charset=")?;
    let label = head.get(at + 8..)?.trim_ascii_start();
    let label = label
        .strip_prefix(b"\"")
        .or(label.strip_prefix(b"'"))
        .unwrap_or(label);
    let end = label
        .iter()
        .position(|byte| !(byte.is_ascii_alphanumeric() || b"-_:.".contains(byte)));
    Encoding::for_label(label.get(..end.unwrap_or(label.len()))?)
}

/// Reads a page as a reader does.
pub(super) fn seen(page: &str) -> Seen {
    let mut seen = Seen::default();
    // The element that hides what is in it, and how deep we are in more of it.
    let mut hiding: Option<(Vec<u8>, u32, bool)> = None;
    for token in Tokenizer::new(page).flatten() {
        match token {
            Token::StartTag(tag) => {
                let name = tag.name.to_vec();
                if let Some((hides, depth, _)) = &mut hiding {
                    if *hides == name && !tag.self_closing {
                        *depth += 1;
                    }
                    continue;
                }
                if LINES.contains(&name.as_slice()) {
                    new_line(&mut seen.text);
                } else if matches!(name.as_slice(), b"td" | b"th") {
                    seen.text.push('\t');
                }
                let attribute = |wanted: &[u8]| {
                    let attributes = tag.attributes.iter();
                    attributes
                        .filter(|(name, _)| name.to_vec() == wanted)
                        .map(|(_, value)| String::from_utf8_lossy(value).to_lowercase())
                        .next()
                };
                let has_end = !tag.self_closing && !VOID.contains(&name.as_slice());
                let is_unseen = UNSEEN.contains(&name.as_slice());
                let style = attribute(b"style").unwrap_or_default();
                let style: String = style.split_whitespace().collect();
                let is_hidden = attribute(b"hidden").is_some()
                    || style.contains("display:none")
                    || style.contains("visibility:hidden")
                    || style.contains("font-size:0");
                if has_end && (is_unseen || is_hidden) {
                    hiding = Some((name, 1, is_hidden && !is_unseen));
                }
            }
            Token::EndTag(tag) => {
                if let Some((hides, depth, _)) = &mut hiding {
                    if *hides == tag.name.to_vec() {
                        *depth -= 1;
                    }
                    if *depth == 0 {
                        hiding = None;
                    }
                } else if LINES.contains(&tag.name.as_slice()) {
                    new_line(&mut seen.text);
                }
            }
            Token::String(text) => {
                let text = String::from_utf8_lossy(&text.value);
                match &hiding {
                    None => push_collapsed(&mut seen.text, &text),
                    Some((_, _, true)) => seen.hidden.push_str(text.trim()),
                    Some(_) => {}
                }
            }
            Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
        }
    }
    seen
}

fn new_line(text: &mut String) {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
}

/// Space in the source is one space to a reader; a no-break space stays.
fn push_collapsed(text: &mut String, piece: &str) {
    for character in piece.chars() {
        if matches!(character, ' ' | '\t' | '\n' | '\r' | '\x0c') {
            if !text.is_empty() && !text.ends_with([' ', '\n', '\t']) {
                text.push(' ');
            }
        } else {
            text.push(character);
        }
    }
}
