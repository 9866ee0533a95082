//! How a picture lies in its file, and how it is shown. [Exif 2.3, 4.6.4 A]

use super::pixels::Pixels;

/// How a picture has to be turned to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Orientation {
    /// Mirrored left to right, before it is turned.
    mirrored: bool,
    /// Quarter turns clockwise.
    turns: u8,
}

impl Orientation {
    /// What Exif's number means; what is no such number means nothing.
    pub(super) const fn of_exif(number: u16) -> Self {
        let (mirrored, turns) = match number {
            2 => (true, 0),
            3 => (false, 2),
            4 => (true, 2),
            5 => (true, 3),
            6 => (false, 1),
            7 => (true, 1),
            8 => (false, 3),
            _ => (false, 0),
        };
        Self { mirrored, turns }
    }

    /// Exif's number for it, 1 to 8.
    pub(super) const fn exif(self) -> u8 {
        match (self.mirrored, self.turns) {
            (true, 0) => 2,
            (false, 2) => 3,
            (true, 2) => 4,
            (true, 3) => 5,
            (false, 1) => 6,
            (true, 1) => 7,
            (false, 3) => 8,
            _ => 1,
        }
    }

    /// Its size as it is shown.
    pub(super) const fn shown(self, width: u32, height: u32) -> (u32, u32) {
        if self.turns % 2 == 1 {
            (height, width)
        } else {
            (width, height)
        }
    }

    /// The picture as it is shown.
    pub(super) fn apply(self, pixels: Pixels) -> Pixels {
        if self == Self::default() {
            return pixels;
        }
        let (width, height) = (pixels.width(), pixels.height());
        let (shown_width, shown_height) = self.shown(width, height);
        pixels.rearranged(shown_width, shown_height, |x, y| {
            // From where it is shown back to where it lies.
            let (x, y) = match self.turns {
                1 => (y, height - 1 - x),
                2 => (width - 1 - x, height - 1 - y),
                3 => (width - 1 - y, x),
                _ => (x, y),
            };
            if self.mirrored {
                (width - 1 - x, y)
            } else {
                (x, y)
            }
        })
    }
}
