//! Making a picture smaller while it is decoded, so that it is never in memory
//! at its full size where its decoder gives rows.
//!
//! A square of pixels becomes one, the mean of them. The squares are as large as
//! the wanted side allows, so that what remains to be shrunk by a better filter
//! is less than twice as long.

use super::Wanted;
use super::pixels::{Layout, Pixels};

/// How many pixels of a square are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Care {
    /// Some, spread evenly: for what is blurred anyway.
    Hurried,
    /// All.
    Careful,
}

/// Of a square, a hurried one looks at about so many rows, and columns.
const HURRIED_SAMPLES: u32 = 4;

/// Takes the rows of a picture from the top, and gives a smaller one.
pub(super) struct Reducer {
    width: u32,
    height: u32,
    layout: Layout,
    /// The side of a square, in pixels.
    square: u32,
    /// Every so manyth row and column of a square is looked at.
    step: u32,
    /// Rows taken so far.
    taken: u32,
    /// Of the squares of the current row: each channel summed up, colours times
    /// their opacity, then a weight.
    sums: Vec<[u32; 5]>,
    reduced: Vec<u8>,
}

impl Reducer {
    pub(super) fn new(width: u32, height: u32, layout: Layout, wanted: Wanted) -> Self {
        let square = (width.max(height) / wanted.side.max(1)).max(1);
        let step = match wanted.care {
            Care::Hurried => (square / HURRIED_SAMPLES).max(1),
            Care::Careful => 1,
        };
        let across = width.div_ceil(square) as usize;
        let size = across * height.div_ceil(square) as usize * layout.channels();
        Self {
            width,
            height,
            layout,
            square,
            step,
            taken: 0,
            sums: vec![[0; 5]; if square > 1 { across } else { 0 }],
            reduced: Vec::with_capacity(size),
        }
    }

    /// Whether it changes nothing.
    pub(super) const fn is_idle(&self) -> bool {
        self.square == 1
    }

    /// Takes the next row; rows beyond the last are passed over.
    pub(super) fn push(&mut self, row: &[u8]) {
        if self.taken >= self.height {
            return;
        }
        if self.is_idle() {
            let length = self.width as usize * self.layout.channels();
            self.reduced
                .extend_from_slice(row.get(..length).unwrap_or_default());
            self.taken += 1;
            return;
        }
        if (self.taken % self.square).is_multiple_of(self.step) {
            self.sum(row);
        }
        self.taken += 1;
        if self.taken.is_multiple_of(self.square) || self.taken == self.height {
            self.close_squares();
        }
    }

    /// What became of it; none where rows were lacking.
    pub(super) fn finish(self) -> Option<Pixels> {
        let (width, height) = (
            self.width.div_ceil(self.square),
            self.height.div_ceil(self.square),
        );
        Pixels::new(width, height, self.layout, self.reduced)
    }

    fn sum(&mut self, row: &[u8]) {
        match self.layout {
            Layout::Gray => self.sum_opaque::<1>(row),
            Layout::Rgb => self.sum_opaque::<3>(row),
            Layout::GrayAlpha => self.sum_weighted::<2>(row),
            Layout::Rgba => self.sum_weighted::<4>(row),
        }
    }

    fn sum_opaque<const CHANNELS: usize>(&mut self, row: &[u8]) {
        let squares = row.chunks(self.square as usize * CHANNELS);
        for (sums, square) in self.sums.iter_mut().zip(squares) {
            let mut local = [0_u32; CHANNELS];
            let mut weight = 0;
            let (pixels, _) = square.as_chunks::<CHANNELS>();
            for pixel in pixels.iter().step_by(self.step as usize) {
                for (sum, value) in local.iter_mut().zip(pixel) {
                    *sum += u32::from(*value);
                }
                weight += 1;
            }
            for (sum, value) in sums.iter_mut().zip(local) {
                *sum += value;
            }
            sums[4] += weight;
        }
    }

    fn sum_weighted<const CHANNELS: usize>(&mut self, row: &[u8]) {
        let squares = row.chunks(self.square as usize * CHANNELS);
        for (sums, square) in self.sums.iter_mut().zip(squares) {
            let (pixels, _) = square.as_chunks::<CHANNELS>();
            for pixel in pixels.iter().step_by(self.step as usize) {
                let alpha = u32::from(pixel[CHANNELS - 1]);
                for (sum, value) in sums.iter_mut().zip(&pixel[..CHANNELS - 1]) {
                    *sum += u32::from(*value) * alpha;
                }
                sums[CHANNELS - 1] += alpha;
                sums[4] += 1;
            }
        }
    }

    fn close_squares(&mut self) {
        let channels = self.layout.channels();
        let mean = |sum: u32, weight: u32| {
            let mean = (sum + weight / 2).checked_div(weight).unwrap_or(0);
            u8::try_from(mean).unwrap_or(u8::MAX)
        };
        for sums in &mut self.sums {
            let [.., count] = *sums;
            if self.layout.has_alpha() {
                let (colours, rest) = sums.split_at(channels - 1);
                let alpha = rest.first().copied().unwrap_or(0);
                self.reduced
                    .extend(colours.iter().map(|sum| mean(*sum, alpha)));
                self.reduced.push(mean(alpha, count));
            } else {
                let colours = sums.iter().take(channels);
                self.reduced.extend(colours.map(|sum| mean(*sum, count)));
            }
            *sums = [0; 5];
        }
    }
}

impl Pixels {
    /// The same picture reduced as is wanted; itself where that changes nothing.
    pub(super) fn reduced(self, wanted: Wanted) -> Option<Self> {
        let mut reducer = Reducer::new(self.width(), self.height(), self.layout(), wanted);
        if reducer.is_idle() {
            return Some(self);
        }
        self.rows().for_each(|row| reducer.push(row));
        reducer.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Frames;
    use super::*;

    fn wanted(side: u32, care: Care) -> Wanted {
        Wanted {
            frames: Frames::First,
            side,
            care,
        }
    }

    fn reduced(width: u32, layout: Layout, bytes: &[u8], side: u32) -> Pixels {
        let height = bytes.len() / layout.channels() / width as usize;
        let height = u32::try_from(height).unwrap();
        let pixels = Pixels::new(width, height, layout, bytes.to_vec()).unwrap();
        pixels.reduced(wanted(side, Care::Careful)).unwrap()
    }

    #[test]
    fn a_square_becomes_its_mean_and_the_last_ones_may_be_narrow() {
        let bytes = [1, 3, 5, 7, 100, 1, 3, 5, 7, 200, 50, 52, 9, 9, 7];
        let small = reduced(5, Layout::Gray, &bytes, 2);
        assert_eq!((small.width(), small.height()), (3, 2));
        assert_eq!(small.bytes(), [2, 6, 150, 51, 9, 7]);
        let same = reduced(5, Layout::Gray, &bytes, 3);
        assert_eq!(same.bytes(), bytes);
    }

    #[test]
    fn what_cannot_be_seen_gives_no_colour() {
        let bytes = [200, 0, 0, 255, 9, 250, 9, 0, 200, 0, 0, 255, 9, 250, 9, 0];
        let small = reduced(2, Layout::Rgba, &bytes, 1);
        assert_eq!(small.bytes(), [200, 0, 0, 128]);
        let clear = reduced(2, Layout::GrayAlpha, &[7, 0, 9, 0], 1);
        assert_eq!(clear.bytes(), [0, 0]);
    }

    #[test]
    fn the_largest_square_of_the_brightest_pixels_does_not_overflow() {
        for care in [Care::Hurried, Care::Careful] {
            let side = 16_384_u32;
            let mut reducer = Reducer::new(side, 3_000, Layout::Rgba, wanted(100, care));
            let row = vec![255; side as usize * 4];
            (0..3_000).for_each(|_| reducer.push(&row));
            let small = reducer.finish().unwrap();
            assert!(small.bytes().iter().all(|byte| *byte == 255));
        }
    }

    #[test]
    fn a_picture_without_all_its_rows_is_none() {
        let mut reducer = Reducer::new(4, 4, Layout::Gray, wanted(2, Care::Careful));
        reducer.push(&[0; 4]);
        assert_eq!(reducer.finish(), None);
    }
}
