//! XML as office documents write it, read from its first to its last element.
//!
//! Promises: no document type (so no entity can grow), no more than 256
//! elements within each other, and a part that was cut off is told from a
//! whole one.

use crate::inspect::found::Flaw;
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use std::borrow::Cow;
use std::ops::ControlFlow;

/// Elements within each other.
const MAX_DEPTH: usize = 256;

/// Attributes of one element that are looked at.
const MAX_ATTRIBUTES: usize = 1_000;

/// What a walk meets next. Names are local ones, without their prefix: a
/// document may choose any.
#[derive(Debug)]
pub(super) enum Step<'a> {
    /// An element begins.
    Open(Tag<'a>),
    /// The last element that began ends.
    Close,
    /// Text, with entities resolved.
    Text(Cow<'a, str>),
}

/// The beginning of an element.
#[derive(Debug)]
pub(super) struct Tag<'a>(BytesStart<'a>);

/// A part that is not well-formed, or not to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    /// In no encoding that is known.
    #[error("markup in an unknown encoding")]
    Encoding,
    /// Tags that do not match, or are none.
    #[error("broken markup")]
    Syntax,
    /// It ends within an element, or has none.
    #[error("markup that ends early")]
    Cut,
    /// A document type, by which entities could be defined.
    #[error("markup with a document type")]
    DocumentType,
    /// More than 256 elements within each other.
    #[error("markup nested too deeply")]
    Depth,
    /// A list that is longer than any document's.
    #[error("markup with too long a list")]
    Long,
}

impl Malformed {
    /// As a flaw of the part that begins at this byte.
    pub(super) fn of(self, at: u64, part: &str) -> Flaw {
        Flaw::corrupt(at, &format!("{self}: {part}"))
    }
}

/// A part as text: in UTF-8 or UTF-16, or whatever it declares.
pub(super) fn decode(bytes: Vec<u8>) -> Result<String, Malformed> {
    let encoding = match Encoding::for_bom(&bytes) {
        Some((encoding, _)) => encoding,
        None if bytes.starts_with(b"<\0") => UTF_16LE,
        None if bytes.starts_with(b"\0<") => UTF_16BE,
        None => declared_encoding(&bytes),
    };
    if encoding == UTF_8 && !bytes.starts_with(b"\xef\xbb\xbf") {
        return String::from_utf8(bytes).map_err(|_| Malformed::Encoding);
    }
    match encoding.decode_with_bom_removal(&bytes) {
        (text, false) => Ok(text.into_owned()),
        (_, true) => Err(Malformed::Encoding),
    }
}

/// What the declaration says: `<?xml version="1.0" encoding="…"?>`.
fn declared_encoding(bytes: &[u8]) -> &'static Encoding {
    let named = || {
        let declaration = bytes
            .strip_prefix(b"<?xml")?
            .split(|byte| *byte == b'>')
            .next()?;
        let declaration = str::from_utf8(declaration).ok()?;
        let (_, value) = declaration.split_once("encoding")?;
        let value = value.trim_start().strip_prefix('=')?.trim_start();
        let label = value
            .trim_start_matches(['"', '\''])
            .split(['"', '\''])
            .next()?;
        Encoding::for_label(label.as_bytes())
    };
    // One that says UTF-16 in bytes that are not is UTF-8 all the same.
    let fits = |encoding: &&'static Encoding| encoding.is_ascii_compatible();
    named().filter(fits).unwrap_or(UTF_8)
}

/// Shows everything in a part to `visit`, until it breaks off.
pub(super) fn walk(
    markup: &str,
    mut visit: impl FnMut(Step<'_>) -> ControlFlow<()>,
) -> Result<(), Malformed> {
    let mut reader = Reader::from_str(markup);
    let mut depth = 0_usize;
    let mut has_root = false;
    loop {
        let flow = match reader.read_event().map_err(|_| Malformed::Syntax)? {
            Event::Eof if depth == 0 && has_root => return Ok(()),
            Event::Eof => return Err(Malformed::Cut),
            Event::DocType(_) => return Err(Malformed::DocumentType),
            Event::Start(tag) => {
                has_root = true;
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(Malformed::Depth);
                }
                visit(Step::Open(Tag(tag)))
            }
            Event::Empty(tag) => {
                has_root = true;
                match visit(Step::Open(Tag(tag))) {
                    ControlFlow::Continue(()) => visit(Step::Close),
                    broken @ ControlFlow::Break(()) => broken,
                }
            }
            Event::End(_) => {
                depth = depth.saturating_sub(1);
                visit(Step::Close)
            }
            Event::Text(text) => visit(Step::Text(text.xml10_content())),
            Event::CData(text) => visit(Step::Text(text.xml10_content())),
            Event::GeneralRef(reference) => visit(Step::Text(resolved(&reference))),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => ControlFlow::Continue(()),
        };
        if flow.is_break() {
            return Ok(());
        }
    }
}

/// Goes on with a walk, or breaks it off.
pub(super) fn go_on(goes_on: bool) -> ControlFlow<()> {
    if goes_on {
        return ControlFlow::Continue(());
    }
    ControlFlow::Break(())
}

/// Whether the part is well-formed to its end.
pub(super) fn check(markup: &str) -> Result<(), Malformed> {
    walk(markup, |_| ControlFlow::Continue(()))
}

/// Whether a document type stands before the first element. What is broken
/// in another way is no matter here.
pub(super) fn has_document_type(markup: &str) -> bool {
    let before_root = |_: Step<'_>| ControlFlow::Break(());
    walk(markup, before_root) == Err(Malformed::DocumentType)
}

/// The character that `&amp;` or `&#8364;` stands for; nothing for one that is
/// not defined, as none can be without a document type.
fn resolved(reference: &BytesRef<'_>) -> Cow<'static, str> {
    match reference.resolve_char_ref() {
        Ok(Some(character)) => Cow::Owned(character.to_string()),
        _ => Cow::Borrowed(resolve_predefined_entity(reference).unwrap_or_default()),
    }
}

impl Tag<'_> {
    /// Its name without its prefix.
    pub(super) fn name(&self) -> &str {
        self.0.local_name().into_inner()
    }

    /// The value of an attribute, whatever its prefix.
    pub(super) fn attribute(&self, name: &str) -> Option<Cow<'_, str>> {
        self.find(|prefixed| local(prefixed) == name)
    }

    /// The relationship that it names: `r:id`, which is not `id`.
    pub(super) fn relationship(&self) -> Option<Cow<'_, str>> {
        self.find(|prefixed| prefixed.ends_with(":id"))
    }

    /// Whether a switch is on: `w:val` is missing there, or not "0" or the like.
    pub(super) fn is_on(&self) -> bool {
        let value = self.attribute("val");
        !matches!(value.as_deref(), Some("0" | "false" | "off" | "none"))
    }

    /// Whether an attribute says yes.
    pub(super) fn says(&self, name: &str) -> bool {
        matches!(self.attribute(name).as_deref(), Some("1" | "true" | "on"))
    }

    fn find(&self, is_wanted: impl Fn(&str) -> bool) -> Option<Cow<'_, str>> {
        let mut attributes = self.0.attributes();
        let wanted = attributes
            .with_checks(false)
            .take(MAX_ATTRIBUTES)
            .flatten()
            .find(|attribute| is_wanted(attribute.key.into_inner()))?;
        wanted.normalized_value(XmlVersion::Implicit1_0).ok()
    }
}

fn local(prefixed: &str) -> &str {
    prefixed.split_once(':').map_or(prefixed, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(markup: &str) -> Result<String, Malformed> {
        let mut text = String::new();
        walk(markup, |step| {
            if let Step::Text(piece) = step {
                text.push_str(&piece);
            }
            ControlFlow::Continue(())
        })?;
        Ok(text)
    }

    #[test]
    fn entities_are_resolved_and_join_what_is_around_them() {
        let markup = "<t>R&amp;D &#8364;&#x0E01; <![CDATA[<raw>]]></t>";
        assert_eq!(text_of(markup), Ok("R&D €ก <raw>".to_owned()));
    }

    #[test]
    fn what_is_cut_or_could_grow_is_refused() {
        assert_eq!(check("<a><b></b>"), Err(Malformed::Cut));
        assert_eq!(check(""), Err(Malformed::Cut));
        assert_eq!(check("<a><b></a>"), Err(Malformed::Syntax));
        let entities = "<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>";
        assert_eq!(check(entities), Err(Malformed::DocumentType));
        assert!(has_document_type(entities));
        assert!(!has_document_type("<a><b>"));
        let nest = |depth| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
        assert_eq!(check(&nest(256)), Ok(()));
        assert_eq!(check(&nest(257)), Err(Malformed::Depth));
    }

    #[test]
    fn parts_come_in_more_encodings_than_one() {
        let markup = "<?xml version=\"1.0\" encoding=\"UTF-16\"?><a>ก</a>";
        let wide: Vec<u8> = markup.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(decode(wide.clone()), Ok(markup.to_owned()));
        let marked = [b"\xff\xfe".to_vec(), wide].concat();
        assert_eq!(decode(marked), Ok(markup.to_owned()));
        assert_eq!(decode(markup.as_bytes().to_vec()), Ok(markup.to_owned()));
        let latin = b"<?xml version='1.0' encoding='iso-8859-1'?><a>\xe9</a>".to_vec();
        assert!(decode(latin).unwrap().contains('é'));
        assert_eq!(decode(b"<a>\xe9</a>".to_vec()), Err(Malformed::Encoding));
    }
}
