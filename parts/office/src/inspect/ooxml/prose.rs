//! The text of a part in `WordprocessingML` or `DrawingML`: documents, headers,
//! notes, slides, charts, diagrams. The two name their elements alike.
//!
//! Promises: the runs of a paragraph are joined without anything between them;
//! a paragraph ends in a line feed, a cell of a table in a tab and a row in a
//! line feed; text that was deleted is not there, text that is hidden is
//! counted and not there, and text boxes come after the paragraph that they
//! are anchored in.

use super::markup::{self, Malformed, Step, Tag};
use std::collections::HashSet;
use std::ops::ControlFlow;

/// What a part says.
#[derive(Debug, Default)]
pub(super) struct Prose {
    /// Its visible text.
    pub(super) text: String,
    /// Characters that a person would not see.
    pub(super) hidden_characters: u64,
    /// Whether there are pictures in it.
    pub(super) has_pictures: bool,
    /// Whether something is in it that is not read, as another document.
    pub(super) is_incomplete: bool,
    /// Whether there was more text than room.
    pub(super) is_cut: bool,
}

/// Styles by which text is hidden.
pub(super) type HiddenStyles = HashSet<String>;

/// Reads a part, at most about so many bytes of text.
pub(super) fn read(markup: &str, styles: &HiddenStyles, room: usize) -> Result<Prose, Malformed> {
    let mut reader = Reading::new(styles, room);
    markup::walk(markup, |step| reader.take(step))?;
    Ok(reader.finish())
}

/// What an element is to a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Element {
    Paragraph,
    ParagraphProperties,
    Run,
    RunProperties,
    Text,
    Row,
    Cell,
    /// A text box, which stands beside the text.
    Aside,
    /// How a word is read, written above it.
    Reading,
    /// The word below.
    Read,
    /// A value in a chart.
    Value,
    /// The values of a chart that belong together.
    Series,
    /// Not there: deleted, moved away, or an older spelling of what stands beside it.
    Gone,
    Other,
}

impl Element {
    fn of(name: &str) -> Self {
        match name {
            "p" => Self::Paragraph,
            "pPr" => Self::ParagraphProperties,
            "r" | "fld" => Self::Run,
            "rPr" => Self::RunProperties,
            "t" => Self::Text,
            "tr" => Self::Row,
            "tc" => Self::Cell,
            "txbxContent" => Self::Aside,
            "rt" => Self::Reading,
            "rubyBase" => Self::Read,
            "v" => Self::Value,
            "ser" => Self::Series,
            "Fallback" | "del" | "moveFrom" => Self::Gone,
            _ => Self::Other,
        }
    }
}

#[derive(Debug)]
struct Reading<'a> {
    styles: &'a HiddenStyles,
    room: usize,
    written: usize,
    prose: Prose,
    /// The elements that are open.
    open: Vec<Element>,
    /// How many of those are open within the one that is not there.
    gone_from: Option<usize>,
    /// How many are open where a hidden shape began.
    hidden_from: Option<usize>,
    /// Whether the open paragraphs and runs are hidden.
    hidden_paragraphs: Vec<bool>,
    hidden_runs: Vec<bool>,
    /// What is being written: the part, and the cells and boxes open in it.
    texts: Vec<String>,
    /// The rows that are open.
    rows: Vec<Row>,
    /// Text boxes of the paragraphs that are open.
    asides: Vec<String>,
    /// How the word that follows is read.
    read_as: String,
}

impl<'a> Reading<'a> {
    fn new(styles: &'a HiddenStyles, room: usize) -> Self {
        Self {
            styles,
            room,
            written: 0,
            prose: Prose::default(),
            open: Vec::new(),
            gone_from: None,
            hidden_from: None,
            hidden_paragraphs: Vec::new(),
            hidden_runs: Vec::new(),
            texts: vec![String::new()],
            rows: Vec::new(),
            asides: Vec::new(),
            read_as: String::new(),
        }
    }

    fn take(&mut self, step: Step<'_>) -> ControlFlow<()> {
        match step {
            Step::Open(tag) => {
                let element = Element::of(tag.name());
                if self.gone_from.is_none() {
                    self.begin(element, &tag);
                }
                self.open.push(element);
            }
            Step::Close => {
                let element = self.open.pop();
                if self.gone_from == Some(self.open.len()) {
                    self.gone_from = None;
                } else if self.gone_from.is_none()
                    && let Some(element) = element
                {
                    self.end(element);
                }
                if self.hidden_from.is_some_and(|from| self.open.len() < from) {
                    self.hidden_from = None;
                }
            }
            Step::Text(text) => {
                let is_text = matches!(self.open.last(), Some(Element::Text | Element::Value));
                if is_text && self.gone_from.is_none() {
                    self.say(&text);
                }
            }
        }
        if self.written > self.room {
            self.prose.is_cut = true;
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn begin(&mut self, element: Element, tag: &Tag<'_>) {
        match element {
            Element::Gone => self.gone_from = Some(self.open.len()),
            Element::Paragraph => self.hidden_paragraphs.push(false),
            Element::Run => {
                let inherited = self.hidden_paragraphs.last().copied();
                self.hidden_runs.push(inherited.unwrap_or_default());
            }
            Element::Row => self.rows.push(Row::default()),
            Element::Cell | Element::Aside | Element::Reading => self.texts.push(String::new()),
            Element::Other => self.begin_other(tag),
            _ => {}
        }
    }

    fn begin_other(&mut self, tag: &Tag<'_>) {
        let parent = self.open.last().copied();
        match (tag.name(), parent) {
            // Where tabs stand is said by elements of the same name.
            ("tab" | "ptab", Some(Element::Run)) => self.say("\t"),
            ("br" | "cr", Some(Element::Run | Element::Paragraph)) => self.say("\n"),
            ("noBreakHyphen", Some(Element::Run)) => self.say("-"),
            ("blip" | "imagedata", _) => self.prose.has_pictures = true,
            ("altChunk", _) => self.prose.is_incomplete = true,
            ("vanish", Some(Element::RunProperties)) => self.hide_run(tag.is_on()),
            ("rStyle", Some(Element::RunProperties)) if self.is_hidden_style(tag) => {
                self.hide_run(true);
            }
            ("pStyle", Some(Element::ParagraphProperties)) if self.is_hidden_style(tag) => {
                if let Some(is_hidden) = self.hidden_paragraphs.last_mut() {
                    *is_hidden = true;
                }
            }
            // It stands in the properties of the shape that it hides.
            ("cNvPr" | "docPr", Some(_)) if tag.says("hidden") => {
                let shape = self.open.len() - 1;
                self.hidden_from.get_or_insert(shape);
            }
            _ => {}
        }
    }

    /// A run's own properties hide it; those of a paragraph's mark hide the mark.
    fn hide_run(&mut self, is_hidden: bool) {
        let holder = self.open.iter().rev().nth(1);
        if holder == Some(&Element::Run)
            && let Some(run) = self.hidden_runs.last_mut()
        {
            *run = is_hidden;
        }
    }

    fn is_hidden_style(&self, tag: &Tag<'_>) -> bool {
        let style = tag.attribute("val");
        style.is_some_and(|style| self.styles.contains(&*style))
    }

    fn end(&mut self, element: Element) {
        match element {
            Element::Run => {
                self.hidden_runs.pop();
            }
            Element::Paragraph => {
                self.hidden_paragraphs.pop();
                self.write("\n");
                if self.hidden_paragraphs.is_empty() {
                    self.write_asides();
                }
            }
            Element::Cell => {
                let cell = self.texts.pop().unwrap_or_default();
                self.written = self.written.saturating_add(1);
                match self.rows.last_mut() {
                    Some(row) => row.add(cell),
                    None => self.append(&cell),
                }
            }
            Element::Row => {
                let row = self.rows.pop().unwrap_or_default();
                self.append(&row.into_text());
            }
            Element::Aside => {
                let aside = self.texts.pop().unwrap_or_default();
                self.asides.push(aside);
            }
            Element::Reading => self.read_as = self.texts.pop().unwrap_or_default(),
            Element::Read => {
                let reading = std::mem::take(&mut self.read_as);
                if !reading.trim().is_empty() {
                    self.append(&format!("({reading})"));
                }
            }
            Element::Value => self.write("\t"),
            Element::Series => self.write("\n"),
            _ => {}
        }
    }

    fn write_asides(&mut self) {
        for aside in std::mem::take(&mut self.asides) {
            self.append(&aside);
        }
    }

    /// What a run says: to be seen, or only counted.
    fn say(&mut self, text: &str) {
        let is_hidden = self.hidden_from.is_some() || self.hidden_runs.last() == Some(&true);
        if is_hidden {
            self.prose.hidden_characters += text.chars().count() as u64;
        } else {
            self.write(text);
        }
    }

    fn write(&mut self, text: &str) {
        self.written = self.written.saturating_add(text.len());
        self.append(text);
    }

    /// Adds what has been counted already.
    fn append(&mut self, text: &str) {
        match self.texts.last_mut() {
            Some(open) => open.push_str(text),
            None => self.texts.push(text.to_owned()),
        }
    }

    /// Everything, also of what was open when there was no more room.
    fn finish(mut self) -> Prose {
        for row in std::mem::take(&mut self.rows) {
            self.texts.push(row.into_text());
        }
        self.texts.append(&mut self.asides);
        self.prose.text = match self.texts.as_slice() {
            [text] => text.clone(),
            texts => texts.join("\n"),
        };
        self.prose
    }
}

/// The cells of a row of a table.
#[derive(Debug, Default)]
enum Row {
    #[default]
    Empty,
    /// A row of one cell is a frame around its lines, and they stay.
    Frame(String),
    /// In a table each row is a line.
    Line(String),
}

impl Row {
    fn add(&mut self, cell: String) {
        let flat = |cell: &str| cell.trim_end().replace('\n', " ");
        *self = match std::mem::take(self) {
            Self::Empty => Self::Frame(cell),
            Self::Frame(first) => Self::Line(flat(&first) + "\t" + &flat(&cell)),
            Self::Line(mut line) => {
                line.push('\t');
                line.push_str(&flat(&cell));
                Self::Line(line)
            }
        };
    }

    fn into_text(self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Frame(cell) => cell,
            Self::Line(line) => line + "\n",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prose(markup: &str) -> Prose {
        let styles = HiddenStyles::from(["Secret".to_owned()]);
        read(markup, &styles, 10_000).unwrap()
    }

    #[test]
    fn runs_join_and_paragraphs_end() {
        let split = "<b><p><r><t>Inv</t></r><r><t>oice R&amp;D</t><br/><t>x</t></r></p>\
                     <p><pPr><tabs><tab/></tabs></pPr><r><t>a</t><tab/><t>b</t></r></p></b>";
        assert_eq!(prose(split).text, "Invoice R&D\nx\na\tb\n");
    }

    #[test]
    fn rows_are_lines_and_a_frame_is_none() {
        let table = "<b><tr><tc><p><r><t>a</t></r></p><p><r><t>b</t></r></p></tc>\
                     <tc><p/></tc><tc><p><r><t>c</t></r></p></tc></tr></b>";
        assert_eq!(prose(table).text, "a b\t\tc\n");
        let frame = "<b><tr><tc><p><r><t>a</t></r></p><p><r><t>b</t></r></p></tc></tr></b>";
        assert_eq!(prose(frame).text, "a\nb\n");
    }

    #[test]
    fn deleted_text_is_gone_and_hidden_text_is_counted() {
        let markup = "<b><p><del><r><t>old</t></r></del><moveFrom><r><t>m</t></r></moveFrom>\
                      <r><rPr><del/><vanish/></rPr><t>spy</t></r>\
                      <r><rPr><vanish val='0'/></rPr><t>seen</t></r>\
                      <r><rPr><rStyle val='Secret'/></rPr><t>four</t></r></p>\
                      <p><pPr><rPr><vanish/></rPr></pPr><r><t>mark</t></r></p>\
                      <p><pPr><pStyle val='Secret'/></pPr><r><t>five5</t></r></p></b>";
        let prose = prose(markup);
        assert_eq!(prose.text, "seen\nmark\n\n");
        assert_eq!(prose.hidden_characters, 12);
    }

    #[test]
    fn a_text_box_stands_after_its_paragraph_and_once() {
        let markup = "<b><p><r><t>be</t></r><r><AlternateContent><Choice><txbxContent>\
                      <p><r><t>box</t></r></p></txbxContent></Choice><Fallback><txbxContent>\
                      <p><r><t>box</t></r></p></txbxContent></Fallback></AlternateContent></r>\
                      <r><t>fore</t></r></p><p><r><t>after</t></r></p></b>";
        assert_eq!(prose(markup).text, "before\nbox\nafter\n");
    }

    #[test]
    fn a_hidden_shape_is_not_seen() {
        let markup = "<b><sp><nvSpPr><cNvPr hidden='1'/></nvSpPr><p><r><t>ghost</t></r></p></sp>\
                      <sp><nvSpPr><cNvPr/></nvSpPr><p><r><t>shape</t></r></p></sp></b>";
        let prose = prose(markup);
        assert_eq!(prose.text.trim(), "shape");
        assert_eq!(prose.hidden_characters, 5);
    }

    #[test]
    fn a_word_comes_before_its_reading() {
        let markup = "<b><p><r><ruby><rt><r><t>みつもり</t></r></rt><rubyBase><r><t>見積</t></r>\
                      </rubyBase></ruby></r></p></b>";
        assert_eq!(prose(markup).text, "見積(みつもり)\n");
    }

    #[test]
    fn beyond_its_room_it_breaks_off() {
        let markup = format!("<b>{}</b>", "<p><r><t>word</t></r></p>".repeat(100));
        let prose = read(&markup, &HiddenStyles::new(), 50).unwrap();
        assert!(prose.is_cut);
        assert!(prose.text.len() < 60);
    }
}
