//! What a PDF says, page by page, in the order in which its content is drawn.
//!
//! A page's text is what a person sees on it. Text that is drawn invisibly is
//! counted as hidden, unless it is the text layer of a scan: then it stands for
//! the picture. A page that would take too long is told before it is begun,
//! since nothing can stop the interpreter within one.

mod lines;
mod page;
mod weigh;

use super::filter::find;
use crate::attachment::extracted::{Coverage, Extracted, Hidden, Part, PartKind};
use crate::attachment::processing::{Processed, ProcessingError};
use crate::inspect::clean::clean;
use hayro_interpret::hayro_syntax::page::Page;
use hayro_interpret::kurbo::{Affine, Rect};
use hayro_interpret::{Context, InterpreterCache, InterpreterSettings, interpret_page};
use hayro_syntax::{LoadPdfError, Pdf};
use page::PageText;
use weigh::Scales;

/// Pages that are read.
const MAX_PAGES: usize = 1_000;

/// The share of glyphs without a character beyond which text is no text.
const MOST_UNMAPPED: f32 = 0.5;

/// The text of a PDF that [`check`](super::check) has accepted, at most `max_text_bytes` of it.
///
/// Never fails outright: [`Extracted::processed`] says how far the text is all
/// there, and [`Coverage`] what is missing. `method` is `pdf`, or `pdf-ocr-layer`
/// where the text of a page is what a scanner's software recognized in its picture.
#[must_use]
pub fn extract(bytes: &[u8], max_text_bytes: usize) -> Extracted {
    match Pdf::new(bytes.to_vec()) {
        Ok(pdf) => read(&pdf, max_text_bytes),
        Err(LoadPdfError::Decryption(_)) => nothing(Processed::Skipped(ProcessingError::Encrypted)),
        // It says so, too, of some that want a password.
        Err(LoadPdfError::Invalid) if find(bytes, b"/Encrypt").is_some() => {
            nothing(Processed::Skipped(ProcessingError::Encrypted))
        }
        Err(LoadPdfError::Invalid) => nothing(Processed::Failed(ProcessingError::ExtractorFailed)),
    }
}

/// No text, for this reason.
fn nothing(processed: Processed) -> Extracted {
    Extracted {
        processed,
        parts: Vec::new(),
        charset: None,
        method: "pdf".to_owned(),
        coverage: Coverage::default(),
        hidden: Hidden::default(),
        stripped_characters: 0,
    }
}

fn read(pdf: &Pdf, max_text_bytes: usize) -> Extracted {
    let mut reading = Reading::new(max_text_bytes);
    let pages = pdf.pages();
    let mut scales = Scales::new(pdf.xref());
    let cache = InterpreterCache::new();
    for (page, number) in pages.iter().zip(1..) {
        if !reading.has_room(number) || !reading.weigh(&mut scales, page, number) {
            break;
        }
        let crop = page.intersected_crop_box();
        let crop = Rect::new(crop.x0, crop.y0, crop.x1, crop.y1);
        let settings = InterpreterSettings::default();
        let mut context = Context::new(Affine::IDENTITY, crop, &cache, page.xref(), settings);
        let mut text = PageText::new(crop, reading.room());
        interpret_page(page, &mut context, &mut text);
        reading.take(text, number);
    }
    reading.finish(u32::try_from(pages.len()).unwrap_or(u32::MAX))
}

/// What was read so far.
struct Reading {
    max_text_bytes: usize,
    text_bytes: usize,
    parts: Vec<Part>,
    coverage: Coverage,
    hidden: Hidden,
    stripped_characters: u64,
    glyphs: u64,
    unmapped: u64,
    ocr_layer: bool,
    too_complex: bool,
}

impl Reading {
    fn new(max_text_bytes: usize) -> Self {
        Self {
            max_text_bytes,
            text_bytes: 0,
            parts: Vec::new(),
            coverage: Coverage::default(),
            hidden: Hidden::default(),
            stripped_characters: 0,
            glyphs: 0,
            unmapped: 0,
            ocr_layer: false,
            too_complex: false,
        }
    }

    /// Bytes of text that may still come.
    fn room(&self) -> usize {
        self.max_text_bytes.saturating_sub(self.text_bytes)
    }

    /// Whether this page may be read, by number and by text.
    fn has_room(&mut self, number: u32) -> bool {
        let too_many = usize::try_from(number).is_ok_and(|number| number > MAX_PAGES);
        if too_many || self.coverage.truncated_at_unit.is_some() {
            self.coverage.truncated_at_unit.get_or_insert(number);
            return false;
        }
        true
    }

    /// Whether this page may be read, by the work it makes.
    fn weigh<'a>(&mut self, scales: &mut Scales<'a>, page: &Page<'a>, number: u32) -> bool {
        let bearable = scales.bear(page);
        if !bearable {
            self.too_complex = true;
            self.coverage.truncated_at_unit = Some(number);
        }
        bearable
    }

    fn take(&mut self, page: PageText, number: u32) {
        let cut_off = page.is_full();
        self.glyphs = self.glyphs.saturating_add(page.glyphs());
        self.unmapped = self.unmapped.saturating_add(page.unmapped());
        let has_image = page.has_image();
        let seen = page.finish();
        self.ocr_layer |= seen.is_ocr_layer;
        self.hidden.characters = self
            .hidden
            .characters
            .saturating_add(seen.hidden_characters);
        let (mut text, stripped) = clean(&seen.text);
        self.stripped_characters = self.stripped_characters.saturating_add(stripped);
        let room = self.room();
        if cut_off || text.len() > room {
            text.truncate(text.floor_char_boundary(room));
            self.coverage.truncated_at_unit = Some(number);
        }
        if text.trim().is_empty() {
            self.coverage.units_image_only += u32::from(has_image);
            return;
        }
        self.coverage.units_with_text += 1;
        self.text_bytes = self.text_bytes.saturating_add(text.len());
        self.parts.push(Part {
            kind: PartKind::Page,
            number,
            name: String::new(),
            text,
        });
    }

    fn finish(mut self, pages: u32) -> Extracted {
        self.coverage.units_total = pages;
        self.coverage.unmapped_glyph_share = share(self.unmapped, self.glyphs);
        let processed = self.processed();
        if matches!(processed, Processed::Skipped(_) | Processed::Failed(_)) {
            self.parts.clear();
        }
        let method = if self.ocr_layer {
            "pdf-ocr-layer"
        } else {
            "pdf"
        };
        Extracted {
            processed,
            parts: self.parts,
            charset: None,
            method: method.to_owned(),
            coverage: self.coverage,
            hidden: self.hidden,
            stripped_characters: self.stripped_characters,
        }
    }

    fn processed(&self) -> Processed {
        let coverage = &self.coverage;
        if coverage.unmapped_glyph_share > MOST_UNMAPPED {
            Processed::Skipped(ProcessingError::NoTextMapping)
        } else if self.too_complex && self.parts.is_empty() {
            Processed::Failed(ProcessingError::TooComplex)
        } else if self.parts.is_empty() && coverage.units_image_only > 0 {
            Processed::Skipped(ProcessingError::Scanned)
        } else if coverage.truncated_at_unit.is_some()
            || coverage.units_image_only > 0
            || self.unmapped > 0
        {
            Processed::Partial
        } else {
            Processed::Success
        }
    }
}

/// A part of a whole, 0 to 1.
#[expect(
    clippy::cast_precision_loss,
    reason = "a share of glyphs needs no 24 bits"
)]
fn share(part: u64, whole: u64) -> f32 {
    if whole == 0 {
        0.0
    } else {
        part as f32 / whole as f32
    }
}
