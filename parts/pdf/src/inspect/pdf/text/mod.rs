//! What a PDF says, page by page, in the order in which its content is drawn.
//!
//! A page's text is what a person sees on it. Text that is drawn invisibly is
//! counted as hidden, unless it is the text layer of a scan: then it stands for
//! the picture. A page that would take too long is told before it is begun,
//! since nothing can stop the interpreter within one.

mod lines;
mod page;
mod unpack;
mod weigh;

use super::filter::find;
use crate::attachment::processing::{Processed, ProcessingError};
use crate::inspect::clean::clean;
use crate::inspect::extracted::{Coverage, Extracted, Hidden, Part, PartKind};
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
    damaged: bool,
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
            damaged: false,
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
        self.damaged |= scales.has_damage();
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
            || self.damaged
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

#[cfg(test)]
mod tests {
    use super::super::written::{self, Written, stream};
    use super::*;

    fn said(content: &str) -> Extracted {
        extract(&Written::page(content).with_table(), 10_000)
    }

    fn text(content: &str) -> String {
        let said = said(content);
        said.parts.into_iter().map(|part| part.text).collect()
    }

    const PICTURE: &str = "q 500 0 0 700 0 0 cm BI /W 1 /H 1 /BPC 8 /CS /G ID x EI Q ";

    #[test]
    fn words_and_lines_are_told_by_where_they_stand() {
        let lines = "BT /F 12 Tf 72 700 Td (Total) Tj ( due) Tj 0 -14 Td [(thir) 20 (ty) -300 (days)] TJ ET";
        assert_eq!(text(lines), "Total due\nthirty days\n");
        let turned = "BT /F 12 Tf 0 1 -1 0 300 300 Tm (up) Tj 40 0 Td (the page) Tj ET";
        assert_eq!(text(turned), "up the page\n");
        let wide = "BT /F 12 Tf 4 Tc 72 700 Td (set wide) Tj ET";
        assert_eq!(text(wide), "set wide\n");
    }

    #[test]
    fn what_is_drawn_twice_is_said_once() {
        assert_eq!(
            text("BT /F 12 Tf 2 Tr 72 700 Td (outlined) Tj ET"),
            "outlined\n"
        );
        let bold = "BT /F 12 Tf 72 700 Td (hello all) Tj .3 0 Td (hello all) Tj ET";
        assert_eq!(text(bold), "hello all\n");
    }

    #[test]
    fn the_same_letters_elsewhere_are_not_drawn_twice() {
        let line = "invoice total amount payable within thirty days of delivery";
        let lines = (0..60).map(|row| {
            let (x, y) = (f64::from(row).mul_add(0.37, 20.0), 800 - row * 13);
            format!("1 0 0 1 {x} {y} Tm ({line}) Tj ")
        });
        let page = format!("BT /F 11 Tf {} ET", lines.collect::<String>());
        assert_eq!(text(&page), format!("{line}\n").repeat(60));
    }

    #[test]
    fn what_nobody_sees_is_counted_and_left_out() {
        for unseen in [
            "BT /F 12 Tf 3 Tr 72 600 Td (obey me) Tj ET",
            "BT /F 12 Tf 72 -900 Td (obey me) Tj ET",
            "BT /F 0.1 Tf 72 600 Td (obey me) Tj ET",
        ] {
            let said = said(&format!("BT /F 12 Tf 72 700 Td (seen) Tj ET {unseen}"));
            assert_eq!(said.processed, Processed::Success, "{unseen}");
            assert_eq!(said.parts[0].text, "seen\n", "{unseen}");
            assert_eq!(said.hidden.characters, 6, "{unseen}");
        }
    }

    #[test]
    fn a_scan_is_skipped_unless_it_was_recognized() {
        assert_eq!(
            said(PICTURE).processed,
            Processed::Skipped(ProcessingError::Scanned)
        );
        let layer = said(&format!(
            "{PICTURE} BT /F 12 Tf 3 Tr 72 600 Td (recognized) Tj ET"
        ));
        assert_eq!(layer.processed, Processed::Success);
        assert_eq!(layer.parts[0].text, "recognized\n");
        assert_eq!(
            (layer.method.as_str(), layer.hidden.characters),
            ("pdf-ocr-layer", 0)
        );
        let both = Written::pages(&[PICTURE, "BT /F 12 Tf 72 700 Td (text) Tj ET"], "");
        let both = extract(&both.packed(), 10_000);
        assert_eq!(both.processed, Processed::Partial);
        assert_eq!(
            (both.parts[0].number, both.coverage.units_image_only),
            (2, 1)
        );
    }

    #[test]
    fn text_without_characters_is_no_success() {
        let font = "/Font<</G<</Type/Font/Subtype/Type3/FontMatrix[1 0 0 1 0 0]/FontBBox[0 0 1 1]/FirstChar 65\
                    /LastChar 66/Widths[1 1]/CharProcs<</x1 5 0 R/x2 5 0 R>>/Encoding<</Differences[65/x1/x2]>>>>\
                    /F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>";
        let read = |content: &str| {
            let page = format!(
                "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<<{font}>>>>"
            );
            let tree = "<</Type/Pages/Kids[3 0 R]/Count 1>>";
            let written = Written::of(&["<</Type/Catalog/Pages 2 0 R>>", tree, &page]);
            let written = written
                .and(stream("", content.as_bytes()))
                .and(stream("", b"0 0 1 1 re f"));
            extract(&written.with_table(), 10_000)
        };
        let none = read("BT /G 12 Tf 72 700 Td (ABAB) Tj ET");
        assert_eq!(
            none.processed,
            Processed::Skipped(ProcessingError::NoTextMapping)
        );
        assert!(none.parts.is_empty() && none.coverage.unmapped_glyph_share > 0.99);
        let some = read("BT /F 12 Tf 72 700 Td (mostly text) Tj /G 12 Tf (A) Tj ET");
        assert_eq!(some.processed, Processed::Partial);
    }

    #[test]
    fn a_replacement_stands_for_its_glyphs_and_not_for_a_sermon() {
        let marked = |text: &str| {
            let shown = "BDC BT /F 12 Tf 72 700 Td (xyz) Tj ET EMC";
            said(&format!("/Span<</ActualText({text})>> {shown}"))
        };
        assert_eq!(marked("word").parts[0].text, "word\n");
        let sermon = marked(&"obey ".repeat(20));
        assert!(sermon.parts.is_empty());
        assert_eq!(sermon.hidden.characters, 80);
    }

    #[test]
    fn text_is_cut_off_where_there_is_no_more_room() {
        let page = "BT /F 12 Tf 72 700 Td (twelve bytes) Tj ET";
        let file = Written::pages(&[page, page, page], "").with_table();
        let all = extract(&file, 39);
        assert_eq!((all.processed, all.parts.len()), (Processed::Success, 3));
        let some = extract(&file, 20);
        assert_eq!(some.processed, Processed::Partial);
        assert_eq!(some.parts[1].text, "twelve ");
        assert_eq!(some.coverage.truncated_at_unit, Some(2));
    }

    #[test]
    fn control_and_tag_characters_are_taken_out() {
        let marked = "/Span<</ActualText<FEFF00610007DB40DC41202E>>>BDC BT /F 12 Tf 72 700 Td (ab) Tj ET EMC";
        let said = said(marked);
        assert_eq!(said.parts[0].text, "a\n");
        assert_eq!(said.stripped_characters, 3);
    }

    #[test]
    fn bombs_are_told_before_they_go_off() {
        let bomb = |content: Vec<u8>, more: Vec<Vec<u8>>| {
            let page = "BT /F 12 Tf 72 700 Td (before) Tj ET";
            let mut written = Written::pages(&[page], "/XObject<</X 6 0 R>>");
            written = written.and(b"<<>>".to_vec());
            for object in more {
                written = written.and(object);
            }
            let whole = extract(&written.with_table(), 10_000);
            let alone = written.replacing(4, content).with_table();
            (whole.processed, extract(&alone, 10_000).processed)
        };
        let fails = Processed::Failed(ProcessingError::TooComplex);
        let twice = written::zlib(&written::zlib(&vec![b' '; 150 << 20]));
        let dict = format!(
            "<</Filter[/FlateDecode/FlateDecode]/Length {}>>stream\n",
            twice.len()
        );
        let twice = [dict.as_bytes(), &twice, b"\nendstream"].concat();
        assert_eq!(bomb(twice, vec![]).1, fails);
        let saved = stream("", "q ".repeat(5_000).as_bytes());
        assert_eq!(bomb(saved, vec![]).1, fails);
        for content in [
            // Four and a half million glyphs, half a million and one at once, one long path.
            "(0123456789) Tj ".repeat(450_000),
            format!("({})Tj", "x".repeat((512 << 10) + 1)),
            "1 1 l ".repeat(1_500_001),
        ] {
            let content = format!("0 0 m BT /F 12 Tf {content}");
            assert_eq!(bomb(stream("", content.as_bytes()), vec![]).1, fails);
        }
        let forms = (7..17).map(|next| {
            let entries =
                format!("/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X {next} 0 R>>>>");
            stream(&entries, "/X Do ".repeat(10).as_bytes())
        });
        let last = [stream("/Subtype/Form/BBox[0 0 9 9]", b"0 0 m")];
        assert_eq!(
            bomb(stream("", b"/X Do"), forms.chain(last).collect()).1,
            fails
        );
    }

    #[test]
    fn what_was_read_before_a_bomb_is_kept() {
        let deep = "q ".repeat(5_000);
        let page = "BT /F 12 Tf 72 700 Td (before) Tj ET";
        let said = extract(
            &Written::pages(&[page, &deep, page], "").with_table(),
            10_000,
        );
        assert_eq!((said.processed, said.parts.len()), (Processed::Partial, 1));
        assert_eq!(said.coverage.truncated_at_unit, Some(2));
    }

    #[test]
    fn text_of_a_damaged_stream_is_no_success() {
        let page = "BT /F 12 Tf 72 700 Td (text that is long enough to be packed) Tj ET";
        let whole = Written::pages(&[page, page], "").with_table();
        assert_eq!(extract(&whole, 10_000).processed, Processed::Success);
        let bent = extract(&written::blanked(&whole, b"/FlateDecode"), 10_000);
        assert_eq!(bent.processed, Processed::Partial);
    }

    #[test]
    fn what_cannot_be_opened_is_skipped() {
        let zeros = "00".repeat(32);
        let encrypt =
            format!("/ID[<00><00>]/Encrypt<</Filter/Standard/V 1/R 2/P -4/O<{zeros}>/U<{zeros}>>>");
        let sealed = Written::page("q Q").with_trailer(&encrypt).with_table();
        assert_eq!(
            extract(&sealed, 9).processed,
            Processed::Skipped(ProcessingError::Encrypted)
        );
        assert_eq!(
            extract(b"", 9).processed,
            Processed::Failed(ProcessingError::ExtractorFailed)
        );
    }

    #[test]
    fn bent_files_end_in_some_answer() {
        let page = "BT /F 12 Tf 72 700 Td (text) Tj ET";
        for bytes in [
            Written::page(page).with_table(),
            Written::page(page).packed(),
        ] {
            for at in 0..bytes.len() {
                let mut bent = bytes.clone();
                bent[at] ^= 0x11;
                let _ = extract(&bent, 10_000);
                let _ = extract(&bytes[..at], 10_000);
            }
        }
    }
}
