//! How much work a page makes, told before it is begun.
//!
//! The interpreter runs a page to its end, unpacks whatever it meets without a
//! cap, and draws a form as often as it is named: ten forms of ten calls each
//! are ten thousand million. So each stream of a page is unpacked here first,
//! with a cap, and the calls are multiplied out.

use super::super::filter::{Unfiltered, ascii_85, ascii_hex, inflate};
use hayro_syntax::content::TypedIter;
use hayro_syntax::content::ops::TypedInstruction;
use hayro_syntax::object::{Array, Dict, MaybeRef, Name, Object, ObjectIdentifier, Stream};
use hayro_syntax::page::{Page, Resources};
use hayro_syntax::xref::XRef;
use std::collections::{HashMap, HashSet};

/// Bytes that the streams of a document may unpack to, pictures aside.
const MAX_UNPACKED: usize = 100 << 20;

/// Bytes of content that may be drawn, each form as often as it is called.
const MAX_DRAWN: u64 = 48 << 20;

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
                    let length = self.measure(&stream)?;
                    self.unpacked = self.unpacked.saturating_add(length);
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

    /// How long a stream is, unpacked. Pictures are not unpacked to read a page.
    fn measure(&mut self, stream: &Stream<'a>) -> Result<usize, TooHeavy> {
        let subtype = stream.dict().get::<Name<'a>>(b"Subtype");
        if subtype.is_some_and(|it| &*it == b"Image") {
            return Ok(0);
        }
        let left = MAX_UNPACKED.saturating_sub(self.unpacked);
        let mut bytes = stream.raw_data().into_owned();
        let filters = filters(stream.dict());
        for (filter, after) in filters.iter().zip(1..) {
            bytes = match filter.as_ref() {
                b"FlateDecode" | b"Fl" => match inflate(&bytes, left) {
                    Ok(bytes) => bytes,
                    Err(Unfiltered::TooLarge) => return Err(TooHeavy),
                    Err(Unfiltered::Broken | Unfiltered::Foreign) => {
                        self.damaged = true;
                        return Ok(0);
                    }
                },
                b"ASCIIHexDecode" | b"AHx" => ascii_hex(&bytes),
                b"ASCII85Decode" | b"A85" => ascii_85(&bytes).unwrap_or_default(),
                // Each of their bytes may stand for a thousand, so nothing may come after them.
                b"LZWDecode" | b"LZW" | b"RunLengthDecode" | b"RL" if after < filters.len() => {
                    return Err(TooHeavy);
                }
                b"LZWDecode" | b"LZW" => return within(lzw_length(&bytes), left),
                b"RunLengthDecode" | b"RL" => return within(bytes.len().saturating_mul(64), left),
                // A picture's filter; the interpreter passes over names that it does not know.
                b"DCTDecode" | b"DCT" | b"JPXDecode" | b"JBIG2Decode" | b"CCITTFaxDecode"
                | b"CCF" => return Ok(0),
                _ => bytes,
            };
        }
        within(bytes.len(), left)
    }

    /// The weight of content: its bytes, and those of what it calls.
    fn content(
        &mut self,
        content: &[u8],
        resources: &Resources<'a>,
        depth: u8,
    ) -> Result<u64, TooHeavy> {
        let mut weight = u64::try_from(content.len()).unwrap_or(u64::MAX);
        let mut saved = 0_u32;
        let mut instructions = TypedIter::new(content);
        while let Some(instruction) = instructions.next() {
            match instruction {
                TypedInstruction::XObject(called) => {
                    if let Some(form) = resources.get_x_object(called.0) {
                        weight = weight.saturating_add(self.form(&form, resources, depth)?);
                    }
                }
                TypedInstruction::SaveState(_) => saved = saved.saturating_add(1),
                TypedInstruction::RestoreState(_) => saved = saved.saturating_sub(1),
                _ => {}
            }
            if saved > MAX_SAVED || weight > MAX_DRAWN {
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
        let subtype = form.dict().get::<Name<'a>>(b"Subtype");
        if subtype.is_some_and(|it| &*it == b"Image") {
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

/// The names of a stream's filters, in the order in which they are undone.
fn filters<'a>(dict: &Dict<'a>) -> Vec<Name<'a>> {
    let entry = |key: &[u8]| match dict.get::<Object<'a>>(key) {
        Some(Object::Name(name)) => Some(vec![name]),
        Some(Object::Array(names)) => Some(names.iter::<Name<'a>>().collect()),
        _ => None,
    };
    entry(b"F").or_else(|| entry(b"Filter")).unwrap_or_default()
}

fn within(length: usize, most: usize) -> Result<usize, TooHeavy> {
    if length > most {
        Err(TooHeavy)
    } else {
        Ok(length)
    }
}

/// How long LZW data is, unpacked (ISO 32000-2, 7.4.4.2), without unpacking it:
/// each entry of the table is one byte longer than the code before it.
fn lzw_length(data: &[u8]) -> usize {
    let mut lengths: Vec<usize> = Vec::new();
    let mut total = 0_usize;
    let mut previous = None;
    let (mut buffer, mut held, mut width) = (0_u32, 0_u32, 9_u32);
    for &byte in data {
        buffer = buffer << 8 | u32::from(byte);
        held += 8;
        if held < width {
            continue;
        }
        held -= width;
        let code = usize::try_from(buffer >> held).unwrap_or_default();
        buffer &= (1 << held) - 1;
        if code == 256 {
            (previous, width) = (None, 9);
            lengths.clear();
            continue;
        }
        if code == 257 {
            break;
        }
        let entry = previous.map(|length: usize| length.saturating_add(1));
        let known = code
            .checked_sub(258)
            .map(|index| lengths.get(index).copied());
        let length = known.map_or(Some(1), |it| it.or(entry)).unwrap_or(1);
        total = total.saturating_add(length);
        if let Some(entry) = entry.filter(|_| lengths.len() < 3_838) {
            lengths.push(entry);
        }
        previous = Some(length);
        // Codes grow one before the table is full, as writers of PDF do by default.
        width = match lengths.len() {
            0..=252 => 9,
            253..=764 => 10,
            765..=1_788 => 11,
            _ => 12,
        };
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_lzw_is_told_without_unpacking_it() {
        // The example of ISO 32000-2, 7.4.4.2: ten bytes.
        let data = [0x80, 0x0b, 0x60, 0x50, 0x22, 0x0c, 0x0c, 0x85, 0x01];
        assert_eq!(lzw_length(&data), 10);
        assert_eq!(lzw_length(&[]), 0);
        assert!(lzw_length(&[0xff; 10_000]) < 100_000_000);
    }
}
