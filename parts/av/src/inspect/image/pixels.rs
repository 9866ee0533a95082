//! Pixels of eight bits a channel, and making fewer of them.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeError, ResizeOptions, Resizer};

/// What the bytes of a pixel are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    Gray,
    GrayAlpha,
    Rgb,
    Rgba,
}

impl Layout {
    pub(super) const fn channels(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::GrayAlpha => 2,
            Self::Rgb => 3,
            Self::Rgba => 4,
        }
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

/// A picture in memory, row by row without gaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pixels {
    width: u32,
    height: u32,
    layout: Layout,
    bytes: Vec<u8>,
}

/// The bytes are too few for a picture of that size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooFew;

impl Pixels {
    /// Takes what a decoder gave.
    pub(super) fn new(
        width: u32,
        height: u32,
        layout: Layout,
        mut bytes: Vec<u8>,
    ) -> Result<Self, TooFew> {
        let length = width as usize * height as usize * layout.channels();
        if bytes.len() < length || length == 0 {
            return Err(TooFew);
        }
        bytes.truncate(length);
        Ok(Self {
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

    /// At most `side` pixels a side, in a hurry: for what is blurred anyway.
    pub(super) fn sampled(&self, side: u32) -> Result<Self, ResizeError> {
        self.resized(side, ResizeAlg::SuperSampling(FilterType::Box, 2))
    }

    /// At most `side` pixels a side, for eyes. What is small stays as it is.
    pub(super) fn shrunk(&self, side: u32) -> Result<Self, ResizeError> {
        self.resized(side, ResizeAlg::Convolution(FilterType::Lanczos3))
    }

    fn resized(&self, side: u32, algorithm: ResizeAlg) -> Result<Self, ResizeError> {
        let (width, height) = within(self.width, self.height, side);
        if (width, height) == (self.width, self.height) {
            return Ok(self.clone());
        }
        let kind = self.layout.pixel_type();
        let from = ImageRef::new(self.width, self.height, &self.bytes, kind)
            .map_err(|_| ResizeError::PixelTypesAreDifferent)?;
        let mut to = Image::new(width, height, kind);
        let options = ResizeOptions::new().resize_alg(algorithm);
        Resizer::new().resize(&from, &mut to, &options)?;
        Ok(Self {
            width,
            height,
            layout: self.layout,
            bytes: to.into_vec(),
        })
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

    /// Four channels, for what takes no others. The picture should be small.
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

    /// Three channels, on white where it is transparent.
    pub(super) fn on_white(self) -> Vec<u8> {
        if self.layout == Layout::Rgb {
            return self.bytes;
        }
        let pixels = self.bytes.chunks_exact(self.layout.channels());
        let over = |value: u8, alpha: u8| {
            let (value, alpha) = (u32::from(value), u32::from(alpha));
            u8::try_from((value * alpha + 255 * (255 - alpha) + 127) / 255).unwrap_or(u8::MAX)
        };
        pixels
            .flat_map(|pixel| match *pixel {
                [gray] => [gray; 3],
                [gray, alpha] => [over(gray, alpha); 3],
                [red, green, blue, alpha] => {
                    [over(red, alpha), over(green, alpha), over(blue, alpha)]
                }
                _ => [u8::MAX; 3],
            })
            .collect()
    }

    /// Whether any of it is transparent.
    pub(super) fn is_transparent(&self) -> bool {
        let channels = self.layout.channels();
        matches!(self.layout, Layout::GrayAlpha | Layout::Rgba)
            && self
                .bytes
                .chunks_exact(channels)
                .any(|pixel| pixel.last().is_some_and(|alpha| *alpha < u8::MAX))
    }

    /// The placeholder of a picture of at most 100 pixels a side.
    pub(super) fn thumbhash(&self) -> Vec<u8> {
        let (width, height) = (self.width as usize, self.height as usize);
        thumbhash::rgba_to_thumb_hash(width, height, &self.rgba())
    }
}

/// The largest size of the same shape whose sides are at most `side`.
pub(super) fn within(width: u32, height: u32, side: u32) -> (u32, u32) {
    let longest = width.max(height);
    if longest <= side {
        return (width, height);
    }
    let scaled = |length: u32| {
        let scaled =
            (u64::from(length) * u64::from(side) + u64::from(longest) / 2) / u64::from(longest);
        u32::try_from(scaled).unwrap_or(side).max(1)
    };
    (scaled(width), scaled(height))
}
