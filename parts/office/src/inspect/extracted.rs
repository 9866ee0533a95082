//! What a model is given of a document: its text, with where it stands and
//! what is missing.

use super::found::Charset;
use crate::attachment::processing::Processed;
use serde::{Deserialize, Serialize};

/// The text of a document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Extracted {
    /// How far it is all there.
    pub processed: Processed,
    /// The text, in the order in which a reader meets it.
    pub parts: Vec<Part>,
    /// The encoding of a text.
    pub charset: Option<Charset>,
    /// How it was made: "ooxml", "pdf", "text", "html", "cfb".
    pub method: String,
    /// How much of the document it is.
    pub coverage: Coverage,
    /// What a person would not see, and is left out.
    pub hidden: Hidden,
    /// Control, bidi and tag characters that were taken out.
    pub stripped_characters: u64,
}

/// A part of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Which kind.
    pub kind: PartKind,
    /// Its number, from 1, among those of its kind.
    pub number: u32,
    /// Its name; empty where it has none.
    pub name: String,
    /// What it says.
    pub text: String,
}

/// A kind of part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PartKind {
    /// Of a PDF.
    Page,
    /// Of a presentation.
    Slide,
    /// Of a workbook.
    Sheet,
    /// Of a text without any of those.
    Section,
}

/// How much of a document its text is. Units are its pages, slides, sheets or sections.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Coverage {
    /// Units it has.
    pub units_total: u32,
    /// Units with text in them.
    pub units_with_text: u32,
    /// Units with pictures and no text.
    pub units_image_only: u32,
    /// The share of glyphs without a character, 0 to 1.
    pub unmapped_glyph_share: f32,
    /// The unit within which the text was cut off, where it was.
    pub truncated_at_unit: Option<u32>,
}

/// What a person would not see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Hidden {
    /// Characters in visible units.
    pub characters: u64,
    /// Sheets.
    pub sheets: u32,
    /// Slides.
    pub slides: u32,
    /// Comments.
    pub comments: u32,
}
