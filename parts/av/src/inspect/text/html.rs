//! What a person reads of a page: its text without scripts and styles, with
//! what is hidden counted and left out.
//!
//! Tags are told by a tokenizer that follows the standard (HTML, section
//! 13.2.5). Elements are paired tolerantly: an end that nothing began is
//! passed over, and one that others are open within ends them too.

use html5gum::Tokenizer;
use html5gum::emitters::default::{DefaultEmitter, StartTag, Token};

/// Elements open within each other. What is deeper is not read.
const MAX_OPEN: usize = 512;

/// What a page says.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// What its window is called.
    pub(super) title: String,
    /// Its visible text.
    pub(super) text: String,
    /// Characters in elements that are not shown.
    pub(super) hidden_characters: u64,
    /// Comments in its source.
    pub(super) comments: u32,
    /// Whether there are pictures in it.
    pub(super) has_pictures: bool,
    /// Whether there was more text than room.
    pub(super) is_cut: bool,
    /// Whether some of it is nested too deeply to be read.
    pub(super) is_incomplete: bool,
}

/// Reads a page, at most about so many bytes of text.
pub(super) fn read(source: &str, room: usize) -> Page {
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    let mut reading = Reading::default();
    for token in Tokenizer::new_with_emitter(source, emitter) {
        let Ok(token) = token;
        match token {
            Token::StartTag(tag) => reading.begin(&tag),
            Token::EndTag(tag) => reading.end(&tag.name),
            Token::String(text) => reading.say(&String::from_utf8_lossy(&text)),
            Token::Comment(_) => reading.page.comments = reading.page.comments.saturating_add(1),
            Token::Doctype(_) | Token::Error(_) => {}
        }
        if reading.page.text.len() > room {
            reading.page.is_cut = true;
            break;
        }
    }
    reading.page
}

/// Whether what stands in an element is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sight {
    Shown,
    /// Shown by no browser, though it is text.
    Hidden,
    /// No text: scripts, styles.
    Machine,
    Title,
}

#[derive(Debug)]
struct Open {
    name: Vec<u8>,
    sight: Sight,
    keeps_spaces: bool,
}

#[derive(Debug, Default)]
struct Reading {
    page: Page,
    open: Vec<Open>,
    /// Whether the row that is open has a cell already.
    is_in_row: bool,
}

impl Reading {
    fn begin(&mut self, tag: &StartTag<()>) {
        let name = tag.name.as_slice();
        self.close_before(name);
        self.separate(name);
        self.separate_cell(name);
        if matches!(name, b"img" | b"image" | b"picture") {
            self.page.has_pictures = true;
        }
        if is_void(name) {
            return;
        }
        if self.open.len() >= MAX_OPEN {
            self.page.is_incomplete = true;
            return;
        }
        let outer = self.open.last();
        let outer_sight = outer.map_or(Sight::Shown, |outer| outer.sight);
        let keeps_spaces = outer.is_some_and(|outer| outer.keeps_spaces);
        self.open.push(Open {
            name: name.to_vec(),
            sight: match outer_sight {
                Sight::Shown => sight(tag),
                inherited => inherited,
            },
            keeps_spaces: keeps_spaces || matches!(name, b"pre" | b"textarea" | b"plaintext"),
        });
    }

    fn end(&mut self, name: &[u8]) {
        let begun = self.open.iter().rposition(|open| open.name == name);
        if let Some(begun) = begun {
            self.open.truncate(begun);
        }
        self.separate(name);
    }

    /// Ends what may be left open before such an element (section 13.1.2.4).
    fn close_before(&mut self, name: &[u8]) {
        let ends: &[&[u8]] = match name {
            b"li" => &[b"li", b"p"],
            b"dt" | b"dd" => &[b"dt", b"dd", b"p"],
            b"td" | b"th" => &[b"td", b"th", b"p"],
            b"tr" | b"tbody" | b"thead" | b"tfoot" => &[b"td", b"th", b"tr", b"p"],
            b"option" | b"optgroup" => &[b"option"],
            b"body" => &[b"head", b"title"],
            _ if ends_line(name) => &[b"p"],
            _ => return,
        };
        while self
            .open
            .last()
            .is_some_and(|open| ends.contains(&open.name.as_slice()))
        {
            self.open.pop();
        }
    }

    /// Writes what keeps the text before an element from the text in it.
    fn separate(&mut self, name: &[u8]) {
        let is_shown = self
            .open
            .last()
            .is_none_or(|open| open.sight == Sight::Shown);
        let text = &mut self.page.text;
        if !is_shown || text.is_empty() {
            return;
        }
        match name {
            b"br" => text.push('\n'),
            name if ends_line(name) && !text.ends_with('\n') => text.push('\n'),
            _ => {}
        }
    }

    /// Tabs stand between the cells of a row.
    fn separate_cell(&mut self, name: &[u8]) {
        if self
            .open
            .last()
            .is_some_and(|open| open.sight != Sight::Shown)
        {
            return;
        }
        match name {
            b"tr" => self.is_in_row = false,
            b"td" | b"th" => {
                if self.is_in_row {
                    let text = &mut self.page.text;
                    text.truncate(text.trim_end_matches(' ').len());
                    text.push('\t');
                }
                self.is_in_row = true;
            }
            _ => {}
        }
    }

    fn say(&mut self, words: &str) {
        let open = self.open.last();
        let sight = open.map_or(Sight::Shown, |open| open.sight);
        match sight {
            Sight::Machine => {}
            Sight::Hidden => self.page.hidden_characters += letters(words),
            Sight::Title => self.page.title.push_str(words.trim()),
            Sight::Shown if self.page.is_incomplete => {
                self.page.hidden_characters += letters(words)
            }
            Sight::Shown if open.is_some_and(|open| open.keeps_spaces) => {
                self.page.text.push_str(words)
            }
            Sight::Shown => say_loosely(&mut self.page.text, words),
        }
    }
}

/// Spaces of any kind and number are one, and none begins a line.
fn say_loosely(text: &mut String, words: &str) {
    for character in words.chars() {
        match character {
            ' ' | '\t' | '\n' | '\r' | '\u{c}' => {
                if !text.is_empty() && !text.ends_with([' ', '\n', '\t']) {
                    text.push(' ');
                }
            }
            other => text.push(other),
        }
    }
}

fn letters(words: &str) -> u64 {
    words
        .chars()
        .filter(|character| !character.is_whitespace())
        .count() as u64
}

fn sight(tag: &StartTag<()>) -> Sight {
    match tag.name.as_slice() {
        b"title" => Sight::Title,
        b"script" | b"style" | b"template" | b"noscript" | b"iframe" | b"noembed" | b"noframes"
        | b"object" | b"datalist" => Sight::Machine,
        _ if is_hidden(tag) => Sight::Hidden,
        _ => Sight::Shown,
    }
}

/// Whether its attributes say that it is not shown.
fn is_hidden(tag: &StartTag<()>) -> bool {
    const HIDING: [&str; 5] = [
        "display:none",
        "visibility:hidden",
        "font-size:0;",
        "font-size:0px",
        "opacity:0;",
    ];
    let style = tag.attributes.get(b"style".as_slice()).map(|style| {
        let style = String::from_utf8_lossy(style).to_lowercase();
        let style: String = style.chars().filter(|one| !one.is_whitespace()).collect();
        style + ";"
    });
    let is_styled = style.is_some_and(|style| HIDING.iter().any(|hiding| style.contains(hiding)));
    is_styled || tag.attributes.contains_key(b"hidden".as_slice())
}

fn is_void(name: &[u8]) -> bool {
    matches!(
        name,
        b"area"
            | b"base"
            | b"br"
            | b"col"
            | b"embed"
            | b"hr"
            | b"img"
            | b"input"
            | b"link"
            | b"meta"
            | b"param"
            | b"source"
            | b"track"
            | b"wbr"
    )
}

/// Whether an element stands on lines of its own.
fn ends_line(name: &[u8]) -> bool {
    matches!(
        name,
        b"address"
            | b"article"
            | b"aside"
            | b"blockquote"
            | b"body"
            | b"caption"
            | b"center"
            | b"dd"
            | b"details"
            | b"dialog"
            | b"div"
            | b"dl"
            | b"dt"
            | b"fieldset"
            | b"figcaption"
            | b"figure"
            | b"footer"
            | b"form"
            | b"h1"
            | b"h2"
            | b"h3"
            | b"h4"
            | b"h5"
            | b"h6"
            | b"header"
            | b"hr"
            | b"legend"
            | b"li"
            | b"main"
            | b"menu"
            | b"nav"
            | b"ol"
            | b"option"
            | b"p"
            | b"pre"
            | b"section"
            | b"summary"
            | b"table"
            | b"tbody"
            | b"tfoot"
            | b"thead"
            | b"tr"
            | b"ul"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(source: &str) -> String {
        read(source, 10_000).text.trim_end().to_owned()
    }

    #[test]
    fn what_is_seen_is_read() {
        let page = read(
            "<!DOCTYPE html><html><head><title>Q3 &amp; Q4</title><style>p{}</style></head>\
             <body><script>if (a < b) alert('<p>no</p>')</script><h1>R&amp;D</h1><p>a  b<br>c\
             <ul><li>one<li>two</ul><img src=x><!-- no --></body></html>",
            10_000,
        );
        assert_eq!(page.title, "Q3 & Q4");
        assert_eq!(page.text.trim(), "R&D\na b\nc\none\ntwo");
        assert!(page.has_pictures);
        assert_eq!(page.comments, 1);
    }

    #[test]
    fn a_table_is_rows_and_tabs() {
        let table = "<table><tr><th>a</th> <th>b</th></tr>\n<tr><td>1<td><td>3</table>after";
        assert_eq!(text(table), "a\tb\n1\t\t3\nafter");
    }

    #[test]
    fn words_split_by_tags_are_words() {
        assert_eq!(
            text("in<b>vo</b>ice &lt;b&gt; caf&eacute; &#3585;"),
            "invoice <b> café ก"
        );
        assert_eq!(text("<pre>a\n  b</pre>"), "a\n  b");
    }

    #[test]
    fn what_is_hidden_is_counted() {
        let page = read(
            "<p hidden>four<p>seen<div style='Display : none'><b>five5</b></div>\
             <template>t</template><span style=\"font-size:0\">spy</span>",
            10_000,
        );
        assert_eq!(page.text.trim(), "seen");
        assert_eq!(page.hidden_characters, 12);
    }

    #[test]
    fn what_is_too_deep_is_not_read_and_said() {
        let page = read(&format!("up{}down", "<b>".repeat(600)), 10_000);
        assert!(page.is_incomplete);
        assert_eq!(page.text, "up");
    }

    #[test]
    fn beyond_its_room_it_breaks_off() {
        let page = read(&"<p>word</p>".repeat(1_000), 100);
        assert!(page.is_cut);
        assert!(page.text.len() < 120);
    }
}
