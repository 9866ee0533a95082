//! The text of a document: its body, then its headers and footers, then its notes.

use super::markup::{self, Step};
use super::package::{Package, Relationship};
use super::prose::{self, HiddenStyles, Prose};
use crate::attachment::processing::{Processed, ProcessingError};
use crate::inspect::extracted::{Extracted, PartKind};
use crate::inspect::transcript::{Transcript, Unit};
use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

/// What stands beside a body, in the order in which it is told.
const BESIDE: [&str; 4] = ["header", "footer", "footnotes", "endnotes"];

/// Based on more styles than this, one is based on itself.
const MAX_STYLE_CHAIN: usize = 32;

/// The text of the document whose main part this is.
pub(super) fn extract(package: &Package<'_>, main: &str, mut transcript: Transcript) -> Extracted {
    let related = package.relationships(main).unwrap_or_default();
    let styles = of_kind(&related, "styles").next();
    let styles = styles.map_or_else(HiddenStyles::new, |styles| hidden_styles(package, styles));
    let Some(mut body) = read(package, main, &styles, &transcript) else {
        return transcript.finish_as(Processed::Failed(ProcessingError::ExtractorFailed));
    };
    for figure in figures(&related) {
        append(&mut body, read(package, figure, &styles, &transcript));
    }
    write(&mut transcript, 1, "", &body);
    let mut number = 1;
    for kind in BESIDE {
        for part in of_kind(&related, kind) {
            match read(package, part, &styles, &transcript) {
                Some(beside) if beside.text.trim().is_empty() => {
                    transcript.hidden.characters += beside.hidden_characters;
                }
                Some(beside) => {
                    number += 1;
                    write(&mut transcript, number, kind, &beside);
                }
                None => transcript.misses_something(),
            }
        }
    }
    for part in of_kind(&related, "comments") {
        transcript.hidden.comments += count(package, part, &["comment"]);
    }
    transcript.finish()
}

/// The charts and diagrams that a part shows.
pub(super) fn figures(related: &[Relationship]) -> impl Iterator<Item = &str> {
    let charts = of_kind(related, "chart").chain(of_kind(related, "chartEx"));
    of_kind(related, "diagramData").chain(charts)
}

/// The parts that stand in this relation, once each.
pub(super) fn of_kind<'a>(
    related: &'a [Relationship],
    kind: &str,
) -> impl Iterator<Item = &'a str> {
    let mut met = HashSet::new();
    related
        .iter()
        .filter(move |found| found.kind == kind)
        .map(|found| found.target.as_str())
        .filter(move |target| met.insert(*target))
}

/// Reads a part, as far as there is room; `None` where it is missing or broken.
pub(super) fn read(
    package: &Package<'_>,
    part: &str,
    styles: &HiddenStyles,
    transcript: &Transcript,
) -> Option<Prose> {
    let markup = package.markup(part).ok()??;
    prose::read(&markup, styles, transcript.room()).ok()
}

/// Adds what a figure says to what stands around it.
pub(super) fn append(prose: &mut Prose, figure: Option<Prose>) {
    match figure {
        Some(figure) => {
            prose.text.push_str("\n");
            prose.text.push_str(&figure.text);
            prose.hidden_characters += figure.hidden_characters;
            prose.is_cut |= figure.is_cut;
        }
        None => prose.is_incomplete = true,
    }
}

/// How many elements of these names a part has.
pub(super) fn count(package: &Package<'_>, part: &str, names: &[&str]) -> u32 {
    let mut count: u32 = 0;
    if let Ok(Some(markup)) = package.markup(part) {
        // What is broken has been counted as far as it goes.
        let _ = markup::walk(&markup, |step| {
            if let Step::Open(tag) = step
                && names.contains(&tag.name())
            {
                count = count.saturating_add(1);
            }
            ControlFlow::Continue(())
        });
    }
    count
}

fn write(transcript: &mut Transcript, number: u32, name: &str, prose: &Prose) {
    let unit = Unit {
        kind: PartKind::Section,
        number,
        name,
        has_pictures: prose.has_pictures,
    };
    transcript.unit(unit, &prose.text);
    transcript.hidden.characters += prose.hidden_characters;
    if prose.is_cut {
        transcript.was_cut_at(number);
    }
    if prose.is_incomplete {
        transcript.misses_something();
    }
}

/// What a style says of itself.
#[derive(Debug, Default)]
struct Style {
    is_hidden: Option<bool>,
    based_on: Option<String>,
}

/// The styles that hide what is written in them, or are based on such.
fn hidden_styles(package: &Package<'_>, part: &str) -> HiddenStyles {
    let Ok(Some(markup)) = package.markup(part) else {
        return HiddenStyles::new();
    };
    let mut styles: HashMap<String, Style> = HashMap::new();
    let mut id = String::new();
    // What is broken has been read as far as it goes.
    let _ = markup::walk(&markup, |step| {
        if let Step::Open(tag) = step {
            match tag.name() {
                "style" => id = tag.attribute("styleId").unwrap_or_default(),
                "vanish" if !id.is_empty() => {
                    styles.entry(id.clone()).or_default().is_hidden = Some(tag.is_on());
                }
                "basedOn" => styles.entry(id.clone()).or_default().based_on = tag.attribute("val"),
                _ => {}
            }
        }
        ControlFlow::Continue(())
    });
    let ids = styles.keys();
    ids.filter(|id| is_hidden(&styles, id)).cloned().collect()
}

fn is_hidden(styles: &HashMap<String, Style>, id: &str) -> bool {
    let mut style = styles.get(id);
    for _ in 0..MAX_STYLE_CHAIN {
        match style {
            Some(Style {
                is_hidden: Some(is_hidden),
                ..
            }) => return *is_hidden,
            Some(Style {
                based_on: Some(base),
                ..
            }) => style = styles.get(base),
            _ => return false,
        }
    }
    false
}
