//! What the formats of a workbook's cells show. (\[MS-XLS\], sections 2.4.126
//! and 2.4.353)

use super::record::{Record, kind};
use super::strings::Pieces;
use crate::inspect::cell::Format;
use crate::inspect::little_endian::u16_at;
use std::collections::HashMap;

/// Number formats and the cell formats that name them, as they are met: a
/// workbook lists the ones before the others.
#[derive(Debug, Default)]
pub(super) struct Formatting {
    own: HashMap<u16, Format>,
    cells: Vec<Format>,
}

impl Formatting {
    /// Notes what a record says of it.
    pub(super) fn take(&mut self, record: Record<'_>) {
        match record.kind {
            kind::FORMAT => {
                let number = u16_at(record.content, 0);
                let code = record.content.get(2..);
                let code = code.and_then(|code| Pieces::new(code, Vec::new()).string());
                if let (Some(number), Some(code)) = (number, code) {
                    self.own.insert(number, Format::of_code(&code));
                }
            }
            kind::XF => {
                let number = u16_at(record.content, 2).unwrap_or_default();
                let own = self.own.get(&number).copied();
                let format = own.or_else(|| Format::built_in(number));
                self.cells.push(format.unwrap_or_default());
            }
            _ => {}
        }
    }

    /// What the cell format of this number shows.
    pub(super) fn of_cell(&self, number: u16) -> Format {
        let format = self.cells.get(usize::from(number));
        format.copied().unwrap_or_default()
    }
}
