//! The text of a presentation: its slides in the order of its own list, each
//! with its figures and then its notes. Hidden slides are counted and left out.

use super::document::{append, by_id, count, figures, of_kind, read};
use super::markup::{self, Step};
use super::package::{MAX_LISTED, Package};
use super::prose::{self, HiddenStyles, Prose};
use crate::attachment::processing::{Processed, ProcessingError};
use crate::inspect::extracted::{Extracted, PartKind};
use crate::inspect::transcript::{Transcript, Unit};
use std::ops::ControlFlow;

/// The text of the presentation whose main part this is.
pub(super) fn extract(package: &Package<'_>, main: &str, mut transcript: Transcript) -> Extracted {
    let (Some(list), Ok(related)) = (slide_list(package, main), package.relationships(main)) else {
        return transcript.finish_as(Processed::Failed(ProcessingError::ExtractorFailed));
    };
    let slides = by_id(&related);
    if list.len() >= MAX_LISTED {
        transcript.misses_something();
    }
    for (number, id) in (1..).zip(&list) {
        match slides.get(id.as_str()) {
            Some(slide) => write_slide(package, slide, number, &mut transcript),
            None => transcript.misses_something(),
        }
    }
    transcript.finish()
}

/// What the slides are called, in the order in which they are shown.
fn slide_list(package: &Package<'_>, main: &str) -> Option<Vec<String>> {
    let markup = package.markup(main).ok()??;
    let mut list = Vec::new();
    markup::walk(&markup, |step| {
        if let Step::Open(tag) = step
            && tag.name() == "sldId"
            && let Some(id) = tag.relationship()
        {
            list.push(id.into_owned());
        }
        markup::go_on(list.len() < MAX_LISTED)
    })
    .ok()?;
    Some(list)
}

fn write_slide(package: &Package<'_>, part: &str, number: u32, transcript: &mut Transcript) {
    let markup = package.markup(part).ok().flatten();
    if markup.as_deref().is_some_and(is_hidden) {
        transcript.hidden.slides += 1;
        return;
    }
    let styles = HiddenStyles::new();
    let related = package.relationships(part).unwrap_or_default();
    let room = transcript.room();
    let slide = markup.and_then(|markup| prose::read(&markup, &styles, room).ok());
    let mut slide = slide.unwrap_or_else(|| Prose {
        is_incomplete: true,
        ..Prose::default()
    });
    for figure in figures(&related) {
        append(&mut slide, read(package, figure, &styles, transcript));
    }
    let mut unit = Unit {
        kind: PartKind::Slide,
        number,
        name: "",
        has_pictures: slide.has_pictures,
    };
    transcript.unit(unit, &slide.text);
    tell(transcript, number, &slide);
    for notes in of_kind(&related, "notesSlide") {
        let Some(notes) = read(package, notes, &styles, transcript) else {
            transcript.misses_something();
            continue;
        };
        unit.name = "notes";
        transcript.aside(unit, &notes.text);
        tell(transcript, number, &notes);
    }
    for comments in of_kind(&related, "comments") {
        transcript.hidden.comments += count(package, comments, &["cm"]);
    }
}

/// What is to be said beside the text.
fn tell(transcript: &mut Transcript, number: u32, prose: &Prose) {
    transcript.hidden.characters += prose.hidden_characters;
    if prose.is_cut {
        transcript.was_cut_at(number);
    }
    if prose.is_incomplete {
        transcript.misses_something();
    }
}

/// Whether a slide is passed over when it is shown: `<p:sld show="0">`.
fn is_hidden(markup: &str) -> bool {
    let mut is_hidden = false;
    // Its first element says so, whatever is broken behind.
    let _ = markup::walk(markup, |step| {
        if let Step::Open(tag) = step {
            is_hidden = matches!(tag.attribute("show").as_deref(), Some("0" | "false"));
        }
        ControlFlow::Break(())
    });
    is_hidden
}
