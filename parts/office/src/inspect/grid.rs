//! The cells of a sheet as lines of text: a row is a line, and tabs stand
//! between its cells.

/// A gap between two cells is told by so many tabs at most.
const MAX_GAP: u32 = 32;

/// The text of a sheet as far as it has been read. Cells come row by row.
#[derive(Debug)]
pub(super) struct Grid {
    text: String,
    room: usize,
    row: Option<u32>,
    /// The column of the last cell of this row.
    column: u32,
}

impl Grid {
    /// An empty one, with room for about so many bytes.
    pub(super) fn new(room: usize) -> Self {
        Self {
            text: String::new(),
            room,
            row: None,
            column: 0,
        }
    }

    /// Writes a cell down. Rows and columns count from 0.
    pub(super) fn write(&mut self, row: u32, column: u32, text: &str) {
        if text.is_empty() || self.is_cut() {
            return;
        }
        if self.row != Some(row) {
            if self.row.is_some() {
                self.text.push('\n');
            }
            self.row = Some(row);
            self.column = 0;
        }
        for _ in 0..column.saturating_sub(self.column).min(MAX_GAP) {
            self.text.push('\t');
        }
        self.column = column;
        // One letter too many shows that there was more.
        let room = (self.room + 1)
            .saturating_sub(self.text.len())
            .min(text.len());
        let (text, _) = text.split_at(text.ceil_char_boundary(room));
        let in_one_line = text.chars().map(|character| match character {
            '\n' | '\r' | '\t' => ' ',
            other => other,
        });
        self.text.extend(in_one_line);
    }

    /// Whether there was more text than room.
    pub(super) fn is_cut(&self) -> bool {
        self.text.len() > self.room
    }

    /// All of it.
    pub(super) fn into_text(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_lines_and_gaps_are_tabs() {
        let mut grid = Grid::new(1_000);
        grid.write(0, 0, "a");
        grid.write(0, 2, "c\nd");
        grid.write(7, 1, "b");
        grid.write(8, 16_383, "far");
        let far = "\t".repeat(32);
        assert_eq!(grid.into_text(), format!("a\t\tc d\n\tb\n{far}far"));
    }

    #[test]
    fn beyond_its_room_it_takes_no_more() {
        let mut grid = Grid::new(10);
        (0..100).for_each(|row| grid.write(row, 0, "four"));
        assert!(grid.is_cut());
        assert_eq!(grid.into_text(), "four\nfour\nf");
    }
}
