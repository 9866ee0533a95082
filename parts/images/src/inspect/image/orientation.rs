//! How a picture lies in its file, and how it is shown. [Exif 2.3, 4.6.4 A]

use super::pixels::Pixels;

/// What has to be done to a picture before it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Orientation {
    /// Mirrored left to right, before it is turned.
    mirrored: bool,
    /// Quarter turns clockwise, 0 to 3.
    turns: u8,
}

impl Orientation {
    /// What Exif's number means; what is none of its eight means nothing.
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

    /// The size as it is shown of what lies in its file at this one.
    pub(super) const fn shown(self, width: u32, height: u32) -> (u32, u32) {
        if self.turns % 2 == 1 {
            (height, width)
        } else {
            (width, height)
        }
    }

    /// The picture as it is shown. It takes a second one of the same size, so the
    /// picture should be small by then.
    pub(super) fn apply(self, pixels: Pixels) -> Pixels {
        if self == Self::default() {
            return pixels;
        }
        let (width, height) = (pixels.width(), pixels.height());
        let (right, bottom) = (width - 1, height - 1);
        let (shown_width, shown_height) = self.shown(width, height);
        pixels.rearranged(shown_width, shown_height, |x, y| {
            // From where it is shown back to where it lies.
            let (x, y) = match self.turns {
                1 => (y, bottom - x),
                2 => (right - x, bottom - y),
                3 => (right - y, x),
                _ => (x, y),
            };
            if self.mirrored {
                (right - x, y)
            } else {
                (x, y)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::pixels::Layout;
    use super::*;

    /// A B C over D E F, turned as the tables of Exif say: the 0th row and the
    /// 0th column are the sides that are named.
    #[test]
    fn all_eight_are_exact_to_the_pixel() {
        let shown = [
            (1, 3, "ABCDEF"), // top, left
            (2, 3, "CBAFED"), // top, right
            (3, 3, "FEDCBA"), // bottom, right
            (4, 3, "DEFABC"), // bottom, left
            (5, 2, "ADBECF"), // left, top
            (6, 2, "DAEBFC"), // right, top
            (7, 2, "FCEBDA"), // right, bottom
            (8, 2, "CFBEAD"), // left, bottom
        ];
        for (number, width, expected) in shown {
            let lies = Pixels::new(3, 2, Layout::Gray, b"ABCDEF".to_vec()).unwrap();
            let orientation = Orientation::of_exif(number);
            assert_eq!(u16::from(orientation.exif()), number);
            let turned = orientation.apply(lies);
            assert_eq!((turned.width(), turned.height()), (width, 6 / width));
            assert_eq!(turned.bytes(), expected.as_bytes(), "{number}");
        }
        for number in [0, 9, 6 << 8] {
            assert_eq!(Orientation::of_exif(number), Orientation::default());
        }
    }
}
