//! How much work a page makes, told before it is begun.
//!
//! The interpreter runs a page to its end, unpacks whatever it meets without a
//! cap, and draws a form as often as it is named: ten forms of ten calls each
//! are ten thousand million. So each stream of a page is unpacked here first,
//! with a cap, and the calls are multiplied out.

use super::super::filter::Unfiltered;
use super::unpack::{is_picture, unpacked_length};
use hayro_syntax::content::TypedIter;
use hayro_syntax::content::ops::TypedInstruction;
use hayro_syntax::object::{Array, Dict, MaybeRef, Object, ObjectIdentifier, Stream};
use hayro_syntax::page::{Page, Resources};
use hayro_syntax::xref::XRef;
use std::collections::{HashMap, HashSet};

/// Bytes that the streams of a document may unpack to, pictures aside.
const MAX_UNPACKED: usize = 100 << 20;

/// Bytes of content that may be drawn, each form as often as it is called. One takes
/// some 25 ns.
const MAX_DRAWN: u64 = 48 << 20;

/// What a glyph weighs, in bytes of content: two and a half million may be drawn.
const GLYPH: u64 = 20;

/// Bytes in one string or array of strings, whose glyphs are all kept in memory at once.
const MAX_RUN: usize = 512 << 10;

/// Lines of one path, which are all kept in memory at once.
const MAX_PATH: u32 = 1_500_000;

/// How deep graphics states may be saved: each is kept in memory.
const MAX_SAVED: u32 = 4_096;

/// How deep forms may call one another. Real ones do so three deep.
const MAX_FORMS: u8 = 24;

/// How many objects are looked at in a document.
const MAX_OBJECTS: usize = 500_000;

/// Too much work.
#[derive(Debug)]
struct TooHeavy;

/// Weighs the pages of one document, one after the other.
pub(super) struct Scales<'a> {
    xref: &'a XRef,
    unpacked: usize,
    drawn: u64,
    seen: HashSet<ObjectIdentifier>,
    forms: HashMap<ObjectIdentifier, u64>,
    damaged: bool,
}

impl<'a> Scales<'a> {
    /// Scales with nothing on them.
    pub(super) fn new(xref: &'a XRef) -> Self {
        Self {
            xref,
            unpacked: 0,
            drawn: 0,
            seen: HashSet::new(),
            forms: HashMap::new(),
            damaged: false,
        }
    }

    /// Whether this page can be borne, after those before it.
    pub(super) fn bear(&mut self, page: &Page<'a>) -> bool {
        self.page(page).is_ok()
    }

    /// Whether a stream was met that cannot be unpacked: something is missing.
    pub(super) fn has_damage(&self) -> bool {
        self.damaged
    }

    fn page(&mut self, page: &Page<'a>) -> Result<(), TooHeavy> {
        let resources = page.resources();
        self.unpack(Object::Dict(page.raw().clone()))?;
        for dict in [
            &resources.fonts,
            &resources.x_objects,
            &resources.ext_g_states,
            &resources.color_spaces,
            &resources.patterns,
            &resources.shadings,
        ] {
            self.unpack(Object::Dict(dict.clone()))?;
        }
        let content = page.page_stream().unwrap_or_default();
        let weight = self.content(content, resources, MAX_FORMS)?;
        self.draw(weight)?;
        let annotations = page.raw().get::<Array<'a>>(b"Annots");
        for annotation in annotations.iter().flat_map(Array::iter::<Dict<'a>>) {
            let appearance = annotation.get::<Dict<'a>>(b"AP");
            if let Some(stream) = appearance.and_then(|it| it.get::<Stream<'a>>(b"N")) {
                let weight = self.form(&stream, resources, MAX_FORMS)?;
                self.draw(weight)?;
            }
        }
        Ok(())
    }

    fn draw(&mut self, weight: u64) -> Result<(), TooHeavy> {
        self.drawn = self.drawn.saturating_add(weight);
        if self.drawn > MAX_DRAWN {
            Err(TooHeavy)
        } else {
            Ok(())
        }
    }

    /// Unpacks every stream that can be reached from here and was not reached before.
    fn unpack(&mut self, from: Object<'a>) -> Result<(), TooHeavy> {
        let mut waiting = vec![from];
        while let Some(object) = waiting.pop() {
            match object {
                Object::Dict(dict) => self.follow_dict(&dict, &mut waiting)?,
                Object::Array(array) => {
                    for item in array.raw_iter() {
                        self.follow(item, &mut waiting)?;
                    }
                }
                Object::Stream(stream) => {
                    self.follow_dict(stream.dict(), &mut waiting)?;
                    let left = MAX_UNPACKED.saturating_sub(self.unpacked);
                    let length = unpacked_length(&stream, left);
                    self.damaged |= length == Err(Unfiltered::Broken);
                    match length {
                        Err(Unfiltered::TooLarge) => return Err(TooHeavy),
                        Err(Unfiltered::Broken | Unfiltered::Foreign) => {}
                        Ok(length) => self.unpacked = self.unpacked.saturating_add(length),
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn follow_dict(
        &mut self,
        dict: &Dict<'a>,
        waiting: &mut Vec<Object<'a>>,
    ) -> Result<(), TooHeavy> {
        for (key, value) in dict.entries() {
            // These lead to other pages.
            if !matches!(&*key, b"Parent" | b"P" | b"Dest" | b"A" | b"B" | b"Popup") {
                self.follow(value, waiting)?;
            }
        }
        Ok(())
    }

    fn follow(
        &mut self,
        value: MaybeRef<Object<'a>>,
        waiting: &mut Vec<Object<'a>>,
    ) -> Result<(), TooHeavy> {
        match value {
            MaybeRef::NotRef(object) => waiting.push(object),
            MaybeRef::Ref(reference) => {
                let id = ObjectIdentifier::from(reference);
                if self.seen.len() > MAX_OBJECTS {
                    return Err(TooHeavy);
                }
                if self.seen.insert(id) {
                    waiting.extend(self.xref.get::<Object<'a>>(id));
                }
            }
        }
        Ok(())
    }

    /// The weight of content: its bytes, and those of what it calls.
    fn content(
        &mut self,
        content: &[u8],
        resources: &Resources<'a>,
        depth: u8,
    ) -> Result<u64, TooHeavy> {
        let mut weight = u64::try_from(content.len()).unwrap_or(u64::MAX);
        let (mut saved, mut path) = (0_u32, 0_u32);
        let mut instructions = TypedIter::new(content);
        while let Some(instruction) = instructions.next() {
            match &instruction {
                TypedInstruction::XObject(called) => {
                    if let Some(form) = resources.get_x_object(called.0) {
                        weight = weight.saturating_add(self.form(&form, resources, depth)?);
                    }
                }
                TypedInstruction::SaveState(_) => saved = saved.saturating_add(1),
                TypedInstruction::RestoreState(_) => saved = saved.saturating_sub(1),
                it if is_path(it) => path = path.saturating_add(1),
                it if is_painted(it) => path = 0,
                it => {
                    let run = run_length(it);
                    if run > MAX_RUN {
                        return Err(TooHeavy);
                    }
                    let glyphs = u64::try_from(run).unwrap_or(u64::MAX);
                    weight = weight.saturating_add(glyphs.saturating_mul(GLYPH));
                }
            }
            if saved > MAX_SAVED || path > MAX_PATH || weight > MAX_DRAWN {
                return Err(TooHeavy);
            }
        }
        Ok(weight)
    }

    fn form(
        &mut self,
        form: &Stream<'a>,
        resources: &Resources<'a>,
        depth: u8,
    ) -> Result<u64, TooHeavy> {
        /// What a picture weighs: it is noted, not drawn.
        const PICTURE: u64 = 256;
        if is_picture(form) {
            return Ok(PICTURE);
        }
        if let Some(weight) = self.forms.get(&form.obj_id()) {
            return Ok(*weight);
        }
        let depth = depth.checked_sub(1).ok_or(TooHeavy)?;
        // One that calls itself would be drawn until the interpreter's own limit, twice each time.
        self.forms.insert(form.obj_id(), MAX_DRAWN);
        let own = form
            .dict()
            .get::<Dict<'a>>(b"Resources")
            .map(Resources::new);
        let content = form.decoded_data().unwrap_or_default();
        let weight = self.content(&content, own.as_ref().unwrap_or(resources), depth)?;
        self.forms.insert(form.obj_id(), weight);
        Ok(weight)
    }
}

/// Whether an instruction makes a path longer.
fn is_path(instruction: &TypedInstruction<'_, '_>) -> bool {
    use TypedInstruction as I;
    matches!(
        instruction,
        I::MoveTo(_)
            | I::LineTo(_)
            | I::CubicTo(_)
            | I::CubicStartTo(_)
            | I::CubicEndTo(_)
            | I::RectPath(_)
            | I::ClosePath(_)
    )
}

/// Whether an instruction ends a path.
fn is_painted(instruction: &TypedInstruction<'_, '_>) -> bool {
    use TypedInstruction as I;
    matches!(
        instruction,
        I::StrokePath(_)
            | I::CloseAndStrokePath(_)
            | I::FillPathNonZero(_)
            | I::FillPathNonZeroCompatibility(_)
            | I::FillPathEvenOdd(_)
            | I::FillAndStrokeNonZero(_)
            | I::FillAndStrokeEvenOdd(_)
            | I::CloseFillAndStrokeNonZero(_)
            | I::CloseFillAndStrokeEvenOdd(_)
            | I::EndPath(_)
    )
}

/// How many bytes of text an instruction shows.
fn run_length(instruction: &TypedInstruction<'_, '_>) -> usize {
    use TypedInstruction as I;
    match instruction {
        I::ShowText(shown) => shown.0.as_bytes().len(),
        I::NextLineAndShowText(shown) => shown.0.as_bytes().len(),
        I::ShowTextWithParameters(shown) => shown.2.as_bytes().len(),
        I::ShowTexts(shown) => {
            let lengths = shown.0.iter::<Object<'_>>().map(|item| match item {
                Object::String(text) => text.as_bytes().len(),
                _ => 0,
            });
            lengths.fold(0, usize::saturating_add)
        }
        _ => 0,
    }
}
