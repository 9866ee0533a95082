//! Puts glyphs together to words and lines, by where they stand.
//!
//! A PDF has no words: it has glyphs at places, and a space is often no glyph at
//! all but a gap. The order is that in which they are drawn.

use hayro_interpret::kurbo::{Point, Vec2};
use rustc_hash::FxHashSet;

/// A gap of this share of the size parts two words.
const GAP: f64 = 0.15;

/// Between ideographs, which stand apart as it is, only a wider one does.
const WIDE_GAP: f64 = 0.6;

/// A step aside of this share of the size begins a new line; an index stays in its own.
const LINE: f64 = 0.6;

/// Places that are kept to tell what is drawn twice.
const MAX_PLACES: usize = 1_000_000;

/// A glyph's place on the page, in points.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed {
    /// Where it begins.
    pub(super) origin: Point,
    /// Where the next one would.
    pub(super) end: Point,
    /// The way the text runs, one size long.
    pub(super) ahead: Vec2,
    /// The size of its font.
    pub(super) size: f64,
}

impl Placed {
    /// The way the text runs, one point long.
    pub(super) fn way(&self) -> Vec2 {
        self.ahead / self.ahead.hypot().max(f64::MIN_POSITIVE)
    }
}

/// Lines of text in the making.
#[derive(Debug, Default)]
pub(super) struct Lines {
    text: String,
    /// The line in the making: its letters, and where each begins along it.
    line: Vec<(String, f64)>,
    length: usize,
    last: Option<Placed>,
    places: FxHashSet<u64>,
}

impl Lines {
    /// How many bytes there are.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// All of them, each with its end.
    pub(super) fn finish(mut self) -> String {
        self.end_line();
        self.text
    }

    /// Adds the letters of the next glyph.
    pub(super) fn push(&mut self, placed: &Placed, letters: &str) {
        let letters = spelled_out(letters);
        if self.is_drawn_twice(placed, &letters) {
            return;
        }
        let way = placed.way();
        if let Some(last) = self.last {
            let size = last.size.max(placed.size).max(0.01);
            let step = placed.origin - last.end;
            if step.cross(way).abs() > LINE * size {
                self.end_line();
            } else if self.is_gap(
                step.dot(way),
                (last.origin - placed.end).dot(way),
                size,
                &letters,
            ) {
                self.add(" ".to_owned(), placed.origin.to_vec2().dot(way));
            }
        }
        self.last = Some(*placed);
        self.add(letters, placed.origin.to_vec2().dot(way));
    }

    fn add(&mut self, letters: String, along: f64) {
        let ends_in_space = self.line.last().is_none_or(|(it, _)| it.ends_with(' '));
        if letters == " " && ends_in_space {
            return;
        }
        self.length = self.length.saturating_add(letters.len());
        self.line.push((letters, along));
    }

    /// Whether words part here: `step` ahead of the last glyph, or `back` behind it.
    fn is_gap(&self, step: f64, back: f64, size: f64, letters: &str) -> bool {
        let before = self.line.last().and_then(|(it, _)| it.chars().last());
        let after = letters.chars().next();
        let both = |is: fn(char) -> bool| before.is_some_and(is) && after.is_some_and(is);
        if both(is_right_to_left) && step < 0.0 {
            return back > GAP * size;
        }
        let gap = if both(is_ideograph) { WIDE_GAP } else { GAP };
        step > gap * size || step < -LINE * size
    }

    /// Bold and shadows are made by drawing the same text again, a little aside; and
    /// text that is filled and stroked comes twice.
    fn is_drawn_twice(&mut self, placed: &Placed, letters: &str) -> bool {
        if letters.trim().is_empty() || self.places.len() > MAX_PLACES {
            return false;
        }
        let cell = (GAP * placed.size).max(0.01);
        let at = placed.origin.to_vec2() / cell;
        // Two grids, half a cell apart each way: what is near shares a cell in one of them.
        let keys = [(0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.5, 0.5)].map(|(right, up)| {
            let cell = (
                (at.x + right).floor().to_bits(),
                (at.y + up).floor().to_bits(),
            );
            let place = [cell.0, cell.1, right.to_bits(), up.to_bits()];
            let letters = letters.chars().map(u64::from);
            place.into_iter().chain(letters).fold(0, mixed)
        });
        let seen = keys.iter().any(|key| self.places.contains(key));
        self.places.extend(keys);
        seen
    }

    fn end_line(&mut self) {
        let mut line = std::mem::take(&mut self.line);
        if runs_backwards(&line) {
            turn(&mut line);
        }
        let begins = self.text.len();
        self.text
            .extend(line.iter().map(|(letters, _)| letters.as_str()));
        let ends = self.text.trim_end_matches(' ').len().max(begins);
        self.text.truncate(ends);
        if ends > begins {
            self.text.push('\n');
            self.length = self.length.saturating_add(1);
        }
    }
}

/// A hash of what was hashed and one thing more (`SplitMix64`). That of the standard
/// library takes longer than all else that is done with a glyph, and a plainer one
/// takes places for one another.
fn mixed(hash: u64, more: u64) -> u64 {
    let mut mixed = (hash ^ more).wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Ligatures of Latin, letter by letter: nobody searches for the glyph.
fn spelled_out(letters: &str) -> String {
    let mut plain = String::with_capacity(letters.len());
    for letter in letters.chars() {
        match letter {
            'ﬀ' => plain.push_str("ff"),
            'ﬁ' => plain.push_str("fi"),
            'ﬂ' => plain.push_str("fl"),
            'ﬃ' => plain.push_str("ffi"),
            'ﬄ' => plain.push_str("ffl"),
            'ﬅ' | 'ﬆ' => plain.push_str("st"),
            '\u{a0}' => plain.push(' '),
            other => plain.push(other),
        }
    }
    plain
}

/// Whether letters that are read from the right were drawn from the left.
fn runs_backwards(line: &[(String, f64)]) -> bool {
    let from_right = |item: &(String, f64)| item.0.chars().all(is_right_to_left);
    let pairs = line.windows(2).filter(|pair| pair.iter().all(from_right));
    let ahead =
        |pair: &&[(String, f64)]| matches!(pair, [(_, first), (_, second)] if first < second);
    let (ahead, back): (Vec<_>, Vec<_>) = pairs.partition(ahead);
    ahead.len() > back.len()
}

/// Turns a line that is read from the right, and back what is not in it: words of
/// Latin, and numbers.
fn turn(line: &mut [(String, f64)]) {
    line.reverse();
    let is_plain = |item: &(String, f64)| !item.0.chars().any(is_right_to_left);
    let is_word =
        |item: &(String, f64)| is_plain(item) && item.0.chars().any(char::is_alphanumeric);
    let mut rest = line;
    while let Some(first) = rest.iter().position(is_word) {
        let run = rest.get_mut(first..).unwrap_or_default();
        let plain = run
            .iter()
            .position(|item| !is_plain(item))
            .unwrap_or(run.len());
        let words = run
            .iter()
            .take(plain)
            .rposition(is_word)
            .map_or(0, |last| last + 1);
        let (words, after) = run.split_at_mut(words);
        words.reverse();
        rest = after;
    }
}

/// Hebrew, Arabic and their neighbours.
fn is_right_to_left(letter: char) -> bool {
    matches!(letter, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}')
}

/// Chinese, Japanese and their punctuation.
fn is_ideograph(letter: char) -> bool {
    matches!(letter, '\u{3000}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ffef}')
        || matches!(letter, '\u{20000}'..='\u{3ffff}')
}
