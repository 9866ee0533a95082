//! JPEG: a walk over its markers decides whether it is whole, a decoder proves
//! it. [ITU-T T.81, Annex B]
//!
//! The decoder alone would take what is cut: it fills the rest with grey.

mod entropy;
mod frame;
mod huffman;
mod markers;

pub(super) use markers::{Marker, Markers, Part};

use super::orientation::Orientation;
use super::pixels::{Layout, Pixels};
use super::{Decoded, Outline, Wanted, admit, exif, memory};
use crate::inspect::found::Flaw;
use frame::Frame;
use huffman::Tables;
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

/// A JPEG whose segments are all there.
pub(super) struct Walked<'a> {
    bytes: &'a [u8],
    frame: Frame,
    orientation: Orientation,
    /// Whether the first scan holds every component, so that nothing has to be
    /// kept until a later one comes.
    is_one_scan: bool,
}

/// What the last scan's header says, and where its data begins.
#[derive(Clone, Copy)]
struct Scan<'a> {
    header: &'a [u8],
    at: usize,
}

/// Goes from marker to marker up to the end of the picture. Without an end all
/// data has to be there, and as many bytes as were announced.
pub(super) fn walk(bytes: &[u8], is_whole: bool) -> Result<Walked<'_>, Flaw> {
    let mut markers = Markers::of(bytes)?;
    let mut frame: Option<Frame> = None;
    let mut orientation = None;
    let mut tables = Tables::default();
    let (mut scans, mut last_scan) = (Vec::new(), None);
    let mut has_end = false;
    while let Some(part) = markers.next().transpose()? {
        let Part {
            at,
            marker,
            segment,
            ..
        } = part;
        match marker {
            Marker::End => has_end = true,
            Marker::Frame(coding) if frame.is_none() => {
                frame = Some(Frame::read(coding, segment, at)?);
            }
            Marker::Frame(_) => return Err(Flaw::corrupt(at, "a second frame header")),
            Marker::Tables => tables.define(segment, at)?,
            Marker::RestartInterval => tables.set_interval(segment),
            Marker::Application(1) if orientation.is_none() && exif::is_exif(segment) => {
                orientation = Some(exif::orientation(segment));
            }
            Marker::Scan => {
                let components = segment.first().copied().unwrap_or(0);
                if part.data.is_empty() {
                    return Err(Flaw::corrupt(at, "a scan has no data"));
                }
                // The decoder takes no more than 100.
                if scans.len() < 256 {
                    scans.push(components);
                }
                last_scan = Some(Scan {
                    header: segment,
                    at: part.data_at,
                });
            }
            Marker::Application(_) | Marker::Comment | Marker::Other => {}
        }
    }
    let end = bytes.len() as u64;
    let frame = frame.ok_or_else(|| Flaw::corrupt(end, "the picture has no frame header"))?;
    let scan = last_scan.ok_or_else(|| Flaw::corrupt(end, "the picture has no image data"))?;
    if !has_end {
        let scanned: usize = scans.iter().map(|count| usize::from(*count)).sum();
        if frame.is_progressive() || scanned < frame.components().len() {
            return Err(Flaw::corrupt(end, "the picture ends early"));
        }
        entropy::prove_complete(bytes, &frame, &tables, scan)?;
    }
    let first = scans.first().copied().unwrap_or(0);
    Ok(Walked {
        bytes,
        is_one_scan: usize::from(first) >= frame.components().len(),
        frame,
        orientation: orientation.unwrap_or_default(),
    })
}

impl Walked<'_> {
    pub(super) const fn outline(&self) -> Outline {
        Outline {
            width: self.frame.width(),
            height: self.frame.height(),
            orientation: self.orientation,
        }
    }

    /// Decodes it whole, as this decoder gives no rows; the walk is the verdict
    /// where that would take more memory than there is.
    pub(super) fn decode(self, wanted: Wanted) -> Result<Decoded, Flaw> {
        let pixels = if memory::holds(self.need(), self.bytes) {
            let broken = |why| Flaw::corrupt(0, &format!("it cannot be decoded: {why}"));
            let whole = self.pixels().map_err(broken)?;
            let reduced = whole.reduced(wanted);
            Some(reduced.ok_or_else(|| broken("it has no pixels".to_owned()))?)
        } else {
            None
        };
        Ok(Decoded {
            frames: 1,
            all_frames_read: pixels.is_some(),
            pixels,
        })
    }

    /// Bytes that a decode takes: its output, and all coefficients of a picture
    /// whose parts come in more than one scan.
    fn need(&self) -> u64 {
        let channels = self.layout().channels() as u64;
        let output = channels * u64::from(self.frame.width()) * u64::from(self.frame.height());
        if self.frame.is_progressive() || !self.is_one_scan {
            output + 2 * self.frame.coefficients()
        } else {
            output
        }
    }

    fn layout(&self) -> Layout {
        if self.frame.components().len() == 1 {
            Layout::Gray
        } else {
            Layout::Rgb
        }
    }

    fn pixels(&self) -> Result<Pixels, String> {
        let layout = self.layout();
        let colours = match layout {
            Layout::Gray => ColorSpace::Luma,
            _ => ColorSpace::RGB,
        };
        // Strict mode refuses pictures that every browser shows.
        let options = DecoderOptions::default()
            .set_strict_mode(false)
            .set_max_width(super::MAX_SIDE as usize)
            .set_max_height(super::MAX_SIDE as usize)
            .jpeg_set_out_colorspace(colours);
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(self.bytes), options);
        decoder
            .decode_headers()
            .map_err(|error| error.to_string())?;
        let size = decoder.dimensions();
        let (width, height) = size.ok_or_else(|| "it has no size".to_owned())?;
        let is_as_announced = u32::try_from(width) == Ok(self.frame.width())
            && u32::try_from(height) == Ok(self.frame.height());
        if !is_as_announced {
            return Err("it is of another size".to_owned());
        }
        let output = decoder.decode().map_err(|error| error.to_string())?;
        Pixels::new(self.frame.width(), self.frame.height(), layout, output)
            .ok_or_else(|| "its data ends early".to_owned())
    }
}
