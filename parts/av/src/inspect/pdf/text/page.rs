//! Takes a page's glyphs from the interpreter.

use super::lines::{Lines, Placed};
use hayro_interpret::font::{Glyph, GlyphRun};
use hayro_interpret::hayro_cmap::{BfString, WritingMode};
use hayro_interpret::hayro_syntax::object::{Dict, String as PdfString};
use hayro_interpret::kurbo::{Affine, BezPath, Point, Rect};
use hayro_interpret::{
    BlendMode, ClipPath, Device, DrawMode, DrawProps, Image, ImageDrawProps, SoftMask,
};

/// Glyphs that are taken of one page: what a whole book has.
const MAX_GLYPHS: u64 = 2_000_000;

/// Text smaller than this, in points, is not seen.
const UNSEEN_POINTS: f64 = 0.5;

/// Marked content within marked content that is followed.
const MAX_MARKED: usize = 1_000;

/// What one page says, while it is drawn.
pub(super) struct PageText {
    crop: Rect,
    room: usize,
    seen: Lines,
    unseen: Lines,
    glyphs: u64,
    unmapped: u64,
    images: u32,
    /// For each marked content: the text that stands for all of it, or `None`.
    marked: Vec<Option<Replacement>>,
    unmarked: usize,
    /// The run that was filled last, which may be stroked next: text that is filled
    /// and stroked comes twice.
    filled: Option<(Point, u32, usize)>,
}

/// What stands for the glyphs of a marked content (ISO 32000-2, 14.9.4).
struct Replacement {
    text: String,
    first: Option<(Placed, bool)>,
    glyphs: usize,
}

/// What was seen of a page.
pub(super) struct Seen {
    /// Its text.
    pub(super) text: String,
    /// Whether the text is that of a scan's invisible layer.
    pub(super) is_ocr_layer: bool,
    /// Characters that nobody sees.
    pub(super) hidden_characters: u64,
}

impl PageText {
    /// A page of which that much is shown, with room for that many bytes of text.
    pub(super) fn new(crop: Rect, room: usize) -> Self {
        Self {
            crop,
            room,
            seen: Lines::default(),
            unseen: Lines::default(),
            glyphs: 0,
            unmapped: 0,
            images: 0,
            marked: Vec::new(),
            unmarked: 0,
            filled: None,
        }
    }

    /// Glyphs on it.
    pub(super) fn glyphs(&self) -> u64 {
        self.glyphs
    }

    /// Glyphs on it that stand for no character that is known.
    pub(super) fn unmapped(&self) -> u64 {
        self.unmapped
    }

    /// Whether there is a picture on it.
    pub(super) fn has_image(&self) -> bool {
        self.images > 0
    }

    /// Whether there is more text on it than there was room for.
    pub(super) fn is_full(&self) -> bool {
        self.seen.length() > self.room || self.glyphs >= MAX_GLYPHS
    }

    /// What was seen of it.
    pub(super) fn finish(mut self) -> Seen {
        while !self.marked.is_empty() {
            self.end_marked_content();
        }
        let has_image = self.has_image();
        let seen = self.seen.finish();
        let unseen = self.unseen.finish();
        // A picture with nothing but invisible text over it is a scan that was recognized.
        let is_ocr_layer = has_image && seen.trim().is_empty() && !unseen.trim().is_empty();
        let (text, hidden) = if is_ocr_layer {
            (unseen, seen)
        } else {
            (seen, unseen)
        };
        let hidden = hidden.chars().filter(|it| !it.is_whitespace()).count();
        Seen {
            text,
            is_ocr_layer,
            hidden_characters: u64::try_from(hidden).unwrap_or(u64::MAX),
        }
    }

    fn glyph(&mut self, glyph: &Glyph<'_>, placed: Placed, drawn: bool) {
        self.glyphs += 1;
        let on_page = self
            .crop
            .inflate(placed.size, placed.size)
            .contains(placed.origin);
        let is_seen = drawn && on_page && placed.size >= UNSEEN_POINTS;
        if let Some(replacement) = self.marked.iter_mut().rev().find_map(Option::as_mut) {
            replacement.glyphs += 1;
            replacement.first.get_or_insert((placed, is_seen));
            return;
        }
        let mut letters = [0; 4];
        match glyph.as_unicode() {
            Some(BfString::Char(character)) => match meaning(character) {
                Some(character) => self.push(&placed, character.encode_utf8(&mut letters), is_seen),
                None => self.unmapped += 1,
            },
            Some(BfString::String(text)) if !text.is_empty() => self.push(&placed, &text, is_seen),
            Some(BfString::String(_)) => {}
            None => self.unmapped += 1,
        }
    }

    fn push(&mut self, placed: &Placed, text: &str, is_seen: bool) {
        let lines = if is_seen {
            &mut self.seen
        } else {
            &mut self.unseen
        };
        if lines.length() <= self.room {
            lines.push(placed, text);
        }
    }
}

impl Device<'_> for PageText {
    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'_>, _: &DrawMode) {}

    fn push_clip_path(&mut self, _: &ClipPath) {}

    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'_>>, _: BlendMode) {}

    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, '_>, props: DrawProps<'_>, mode: &DrawMode) {
        let Some(first) = run.glyphs().first() else {
            return;
        };
        let begins = props.transform * first.transform() * Point::ZERO;
        let this = (begins, first.char_code(), run.glyphs().len());
        let again = matches!(mode, DrawMode::Stroke(_)) && self.filled == Some(this);
        self.filled = matches!(mode, DrawMode::Fill(_)).then_some(this);
        if again {
            return;
        }
        let vertical = run.writing_mode() == WritingMode::Vertical;
        let drawn = !matches!(mode, DrawMode::Invisible);
        let glyphs = run.glyphs().iter();
        let mut places: Vec<Placed> = glyphs
            .map(|glyph| placed(glyph, props.transform * glyph.transform(), vertical))
            .collect();
        let spacing = letter_spacing(&places);
        for (glyph, placed) in run.glyphs().iter().zip(&mut places) {
            if self.glyphs >= MAX_GLYPHS {
                return;
            }
            placed.end += placed.way() * spacing;
            self.glyph(glyph, *placed, drawn);
        }
    }

    fn draw_image(&mut self, _: Image<'_, '_>, _: ImageDrawProps<'_>) {
        self.images = self.images.saturating_add(1);
    }

    fn pop_clip(&mut self) {}

    fn pop_transparency_group(&mut self) {}

    fn begin_marked_content(&mut self, _: &[u8], properties: Option<&Dict<'_>>) {
        if self.marked.len() >= MAX_MARKED {
            self.unmarked += 1;
            return;
        }
        let text = properties.and_then(|it| it.get::<PdfString<'_>>(b"ActualText"));
        self.marked.push(text.map(|text| Replacement {
            text: text_string(text.as_bytes()),
            first: None,
            glyphs: 0,
        }));
    }

    fn end_marked_content(&mut self) {
        if self.unmarked > 0 {
            self.unmarked -= 1;
            return;
        }
        let Some(Some(replacement)) = self.marked.pop() else {
            return;
        };
        // Within another replacement it is that one's matter.
        if self.marked.iter().any(Option::is_some) {
            return;
        }
        let Some((placed, is_seen)) = replacement.first else {
            return;
        };
        // What stands for a few glyphs is a few characters: a sermon is not what is seen.
        let most = replacement.glyphs.saturating_mul(4).saturating_add(8);
        let fits = replacement.text.chars().count() <= most;
        self.push(&placed, &replacement.text, is_seen && fits);
    }
}

/// Where a glyph stands on the page.
fn placed(glyph: &Glyph<'_>, transform: Affine, vertical: bool) -> Placed {
    let origin = transform * Point::ZERO;
    let size = (transform * Point::new(0.0, 1000.0) - origin).hypot();
    let advance = match glyph {
        Glyph::Outline(outline) => outline.advance_width(),
        Glyph::Type3(drawn) => drawn.advance_width(),
    };
    let (advance, ahead) = if vertical {
        (Point::new(0.0, -1000.0), Point::new(0.0, -1000.0))
    } else {
        let advance = f64::from(advance.unwrap_or(500.0));
        (Point::new(advance, 0.0), Point::new(1000.0, 0.0))
    };
    Placed {
        origin,
        end: transform * advance,
        ahead: transform * ahead - origin,
        size,
    }
}

/// What stands between all letters of a run, where it is set wide; 0 where it is not.
fn letter_spacing(places: &[Placed]) -> f64 {
    let pairs = places.iter().zip(places.iter().skip(1));
    let gaps = pairs.map(|(this, next)| (next.origin - this.end).dot(this.way()));
    let least = gaps.fold(f64::INFINITY, f64::min);
    if places.len() > 3 && least.is_finite() {
        least.max(0.0)
    } else {
        0.0
    }
}

/// The character that is meant, where one is known.
///
/// Word writes the bullets of its symbol fonts in the private use area.
fn meaning(character: char) -> Option<char> {
    match character {
        '\u{f0b7}' => Some('•'),
        '\u{f0a7}' => Some('▪'),
        '\u{f0d8}' => Some('➢'),
        '\u{f0fc}' => Some('✓'),
        '\u{f020}' => Some(' '),
        '\0' | '\u{fffd}' | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}' => None,
        other => Some(other),
    }
}

/// A text string (ISO 32000-2, 7.9.2.2): UTF-16 or UTF-8 by its mark, else Latin.
fn text_string(bytes: &[u8]) -> String {
    match bytes {
        [0xfe, 0xff, rest @ ..] => {
            let units = rest.chunks_exact(2).map(|unit| match unit {
                [high, low] => u16::from_be_bytes([*high, *low]),
                _ => 0,
            });
            char::decode_utf16(units).filter_map(Result::ok).collect()
        }
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        latin => latin.iter().map(|byte| char::from(*byte)).collect(),
    }
}
