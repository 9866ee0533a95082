//! The strings that the cells of a workbook share, one behind the other: a
//! million empty ones cost a number each.

/// Strings by their number.
#[derive(Debug, Default)]
pub(super) struct Strings {
    text: String,
    ends: Vec<usize>,
}

impl Strings {
    /// Adds to the string that is being read.
    pub(super) fn push_str(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// The string that was being read ends.
    pub(super) fn end(&mut self) {
        self.ends.push(self.text.len());
    }

    /// The string of this number, from 0.
    pub(super) fn get(&self, number: usize) -> Option<&str> {
        let end = *self.ends.get(number)?;
        let start = match number.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        self.text.get(start..end)
    }
}
