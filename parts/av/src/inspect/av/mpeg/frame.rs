//! The head of a frame: what it is, how long, and how much it plays.

/// How sound is coded in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Mp3,
    Aac,
}

/// What the head of a frame says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) coding: Coding,
    /// Of MPEG 1; else of 2 or 2.5, which have half as much in a frame.
    pub(super) is_mpeg_1: bool,
    pub(super) is_mono: bool,
    /// A checksum stands behind the head.
    pub(super) has_checksum: bool,
    /// With its head, in bytes.
    pub(super) bytes: u64,
    pub(super) samples: u64,
    /// Samples in a second.
    pub(super) rate: u64,
}

/// Enough to read a head by.
pub(super) const HEAD_BYTES: usize = 7;

const MPEG_1_KBITS: [u64; 15] = [
    0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320,
];
const MPEG_2_KBITS: [u64; 15] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
const MPEG_1_RATES: [u64; 3] = [44_100, 48_000, 32_000];
const AAC_RATES: [u64; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350,
];

impl Frame {
    /// Reads a head; nothing where there is none.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let &[0xff, b, c, d, ..] = bytes else {
            return None;
        };
        match (b >> 5, b >> 1 & 3) {
            (7, 0b01) => Self::mp3(b, c, d),
            (7, 0b00) if b >> 4 == 15 => Self::aac(bytes),
            _ => None,
        }
    }

    /// Without a bit rate ("free format") a frame does not tell its length.
    fn mp3(b: u8, c: u8, d: u8) -> Option<Self> {
        let (is_mpeg_1, halvings) = match b >> 3 & 3 {
            0b11 => (true, 0),
            0b10 => (false, 1),
            0b00 => (false, 2),
            _ => return None,
        };
        let table = if is_mpeg_1 {
            MPEG_1_KBITS
        } else {
            MPEG_2_KBITS
        };
        let kbits = *table.get(usize::from(c >> 4)).filter(|kbits| **kbits > 0)?;
        let rate = MPEG_1_RATES.get(usize::from(c >> 2 & 3))? >> halvings;
        // An emphasis of 2 is reserved.
        if d & 3 == 2 {
            return None;
        }
        let samples = if is_mpeg_1 { 1152 } else { 576 };
        let padding = u64::from(c >> 1 & 1);
        Some(Self {
            coding: Coding::Mp3,
            is_mpeg_1,
            is_mono: d >> 6 == 3,
            has_checksum: b & 1 == 0,
            bytes: samples / 8 * kbits * 1000 / rate + padding,
            samples,
            rate,
        })
    }

    fn aac(bytes: &[u8]) -> Option<Self> {
        let &[_, kind, rate, high, middle, low, last, ..] = bytes else {
            return None;
        };
        let rate = *AAC_RATES.get(usize::from(rate >> 2 & 15))?;
        let bytes = u64::from(high & 3) << 11 | u64::from(middle) << 3 | u64::from(low >> 5);
        let has_checksum = kind & 1 == 0;
        let head = if has_checksum { 9 } else { 7 };
        let blocks = u64::from(last & 3) + 1;
        (bytes > head).then_some(Self {
            coding: Coding::Aac,
            is_mpeg_1: kind >> 3 & 1 == 0,
            is_mono: false,
            has_checksum,
            bytes,
            samples: 1024 * blocks,
            rate,
        })
    }

    /// Whether the one may follow the other: what changes from frame to frame
    /// is the bit rate, and with joint stereo the mode, but never the clock.
    pub(super) fn goes_with(&self, other: &Self) -> bool {
        self.coding == other.coding && self.is_mpeg_1 == other.is_mpeg_1 && self.rate == other.rate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mp3(bytes: [u8; 4]) -> Option<(u64, u64, u64)> {
        Frame::read(&bytes).map(|frame| (frame.bytes, frame.samples, frame.rate))
    }

    #[test]
    fn frames_of_all_three_versions_are_read_with_and_without_a_checksum() {
        assert_eq!(mp3([0xff, 0xfb, 0x90, 0x64]), Some((417, 1152, 44_100)));
        assert_eq!(mp3([0xff, 0xfa, 0x92, 0x64]), Some((418, 1152, 44_100)));
        assert_eq!(mp3([0xff, 0xf3, 0x84, 0xc0]), Some((192, 576, 24_000)));
        assert_eq!(mp3([0xff, 0xe3, 0x18, 0xc4]), Some((72, 576, 8_000)));
    }

    #[test]
    fn adts_frames_tell_their_length_and_blocks() {
        let head = [0xff, 0xf1, 0x50, 0x80, 0x2e, 0x7f, 0xfc];
        let frame = Frame::read(&head).unwrap();
        assert_eq!(frame.coding, Coding::Aac);
        assert_eq!((frame.bytes, frame.samples), (371, 1024));
        assert_eq!(frame.rate, 44_100);
    }

    #[test]
    fn what_is_reserved_or_of_another_layer_is_no_head() {
        for bytes in [
            [0xff, 0xfe, 0x90, 0x64],
            [0xff, 0xfd, 0x90, 0x64],
            [0xff, 0xeb, 0x90, 0x64],
            [0xff, 0xfb, 0xf0, 0x64],
            [0xff, 0xfb, 0x00, 0x64],
            [0xff, 0xfb, 0x9c, 0x64],
            [0xff, 0xfb, 0x90, 0x66],
            [0xfe, 0xfb, 0x90, 0x64],
        ] {
            assert_eq!(mp3(bytes), None, "{bytes:02x?}");
        }
        let shorter_than_its_head = [0xff, 0xf1, 0x50, 0x80, 0, 0xe0, 0xfc];
        assert_eq!(Frame::read(&shorter_than_its_head), None);
        assert_eq!(Frame::read(&[0xff, 0xfb, 0x90]), None);
    }
}
