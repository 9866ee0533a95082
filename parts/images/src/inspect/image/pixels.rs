//! Pixels of eight bits a channel, and what is done to them.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

/// What the bytes of a pixel are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    Gray,
    GrayAlpha,
    Rgb,
    Rgba,
}

impl Layout {
    /// Bytes of a pixel.
    pub(super) const fn channels(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::GrayAlpha => 2,
            Self::Rgb => 3,
            Self::Rgba => 4,
        }
    }

    /// Whether the last channel says how opaque a pixel is.
    pub(super) const fn has_alpha(self) -> bool {
        matches!(self, Self::GrayAlpha | Self::Rgba)
    }

    const fn pixel_type(self) -> PixelType {
        match self {
            Self::Gray => PixelType::U8,
            Self::GrayAlpha => PixelType::U8x2,
            Self::Rgb => PixelType::U8x3,
            Self::Rgba => PixelType::U8x4,
        }
    }
}

/// A picture in memory, row by row without gaps, of at least one pixel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pixels {
    width: u32,
    height: u32,
    layout: Layout,
    bytes: Vec<u8>,
}

impl Pixels {
    /// What a decoder gave; none where that is less than a picture of this size.
    pub(super) fn new(width: u32, height: u32, layout: Layout, mut bytes: Vec<u8>) -> Option<Self> {
        let row = (width as usize).checked_mul(layout.channels())?;
        let length = row.checked_mul(height as usize)?;
        if length == 0 || bytes.len() < length {
            return None;
        }
        bytes.truncate(length);
        Some(Self {
            width,
            height,
            layout,
            bytes,
        })
    }

    pub(super) const fn width(&self) -> u32 {
        self.width
    }

    pub(super) const fn height(&self) -> u32 {
        self.height
    }

    pub(super) const fn layout(&self) -> Layout {
        self.layout
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its rows, from the top.
    pub(super) fn rows(&self) -> impl Iterator<Item = &[u8]> {
        let row = self.width as usize * self.layout.channels();
        self.bytes.chunks_exact(row.max(1))
    }

    /// The same picture at another size, by a filter for eyes; none where the
    /// library refuses.
    pub(super) fn resized(self, (width, height): (u32, u32)) -> Option<Self> {
        if (width, height) == (self.width, self.height) {
            return Some(self);
        }
        let kind = self.layout.pixel_type();
        let from = ImageRef::new(self.width, self.height, &self.bytes, kind).ok()?;
        let mut to = Image::new(width, height, kind);
        let algorithm = ResizeAlg::Convolution(FilterType::Lanczos3);
        let options = ResizeOptions::new().resize_alg(algorithm);
        Resizer::new().resize(&from, &mut to, &options).ok()?;
        Self::new(width, height, self.layout, to.into_vec())
    }

    /// A picture of another size whose pixels are found by `from`, which gives
    /// a place in this one for each place in that.
    pub(super) fn rearranged(
        &self,
        width: u32,
        height: u32,
        from: impl Fn(u32, u32) -> (u32, u32),
    ) -> Self {
        let channels = self.layout.channels();
        let mut bytes = Vec::with_capacity(self.bytes.len());
        for y in 0..height {
            for x in 0..width {
                let (x, y) = from(x, y);
                let at = (y as usize * self.width as usize + x as usize) * channels;
                bytes.extend_from_slice(self.bytes.get(at..at + channels).unwrap_or_default());
            }
        }
        Self {
            width,
            height,
            layout: self.layout,
            bytes,
        }
    }

    /// Whether any of it can be seen through.
    pub(super) fn is_transparent(&self) -> bool {
        let mut pixels = self.bytes.chunks_exact(self.layout.channels());
        self.layout.has_alpha() && pixels.any(|pixel| pixel.last().is_some_and(|a| *a < u8::MAX))
    }

    /// Four channels, for what takes no others.
    pub(super) fn rgba(&self) -> Vec<u8> {
        let pixels = self.bytes.chunks_exact(self.layout.channels());
        pixels
            .flat_map(|pixel| match *pixel {
                [gray] => [gray, gray, gray, u8::MAX],
                [gray, alpha] => [gray, gray, gray, alpha],
                [red, green, blue] => [red, green, blue, u8::MAX],
                [red, green, blue, alpha] => [red, green, blue, alpha],
                _ => [0; 4],
            })
            .collect()
    }

    /// Three channels, on white where it can be seen through.
    pub(super) fn on_white(&self) -> Vec<u8> {
        let over = |value: u8, alpha: u8| {
            let (value, alpha) = (u32::from(value), u32::from(alpha));
            u8::try_from((value * alpha + 255 * (255 - alpha) + 127) / 255).unwrap_or(u8::MAX)
        };
        let pixels = self.bytes.chunks_exact(self.layout.channels());
        pixels
            .flat_map(|pixel| match *pixel {
                [gray] => [gray; 3],
                [gray, alpha] => [over(gray, alpha); 3],
                [red, green, blue] => [red, green, blue],
                [red, green, blue, a] => [over(red, a), over(green, a), over(blue, a)],
                _ => [u8::MAX; 3],
            })
            .collect()
    }

    /// The placeholder of a picture of at most 100 pixels a side, 5 to 25 bytes.
    pub(super) fn thumbhash(&self) -> Vec<u8> {
        let (width, height) = (self.width as usize, self.height as usize);
        thumbhash::rgba_to_thumb_hash(width, height, &self.rgba())
    }
}

/// The largest size of the same shape whose sides are at most `side`, and at
/// least one pixel.
pub(super) fn within(width: u32, height: u32, side: u32) -> (u32, u32) {
    let longest = width.max(height);
    if longest <= side {
        return (width, height);
    }
    let (side, longest) = (u64::from(side), u64::from(longest));
    let scaled = |length: u32| {
        let scaled = (u64::from(length) * side + longest / 2) / longest;
        u32::try_from(scaled).unwrap_or(u32::MAX).max(1)
    };
    (scaled(width), scaled(height))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_shrink_together_and_never_to_nothing() {
        assert_eq!(within(4_000, 3_000, 512), (512, 384));
        assert_eq!(within(100, 50, 512), (100, 50));
        assert_eq!(within(16_000, 3, 512), (512, 1));
        let long = Pixels::new(16_000, 3, Layout::Gray, vec![9; 48_000]).unwrap();
        assert_eq!(long.resized((512, 1)).unwrap().bytes(), [9; 512]);
    }

    #[test]
    fn what_can_be_seen_through_lies_on_white() {
        let gray = Pixels::new(2, 1, Layout::GrayAlpha, vec![0, 255, 0, 0]).unwrap();
        assert!(gray.is_transparent());
        assert_eq!(gray.on_white(), [0, 0, 0, 255, 255, 255]);
        let half = Pixels::new(1, 1, Layout::Rgba, vec![255, 0, 100, 128]).unwrap();
        assert_eq!(half.on_white(), [255, 127, 177]);
        let solid = Pixels::new(1, 1, Layout::Rgba, vec![1, 2, 3, 255]).unwrap();
        assert!(!solid.is_transparent());
        assert_eq!(Pixels::new(2, 2, Layout::Rgb, vec![0; 11]), None);
    }
}
