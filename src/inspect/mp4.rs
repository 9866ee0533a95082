//! The end of an MP4 or M4A, found by walking its outermost boxes
//! (ISO/IEC 14496-12, section 4.2).
//!
//! A box says how long it is, so one that is cut says so too; and a file
//! without its index, which many recorders write last, plays nowhere.

/// A short header; a long one has eight bytes of length more.
const HEADER_BYTES: usize = 8;
const LONG_HEADER_BYTES: usize = 16;

/// Where the walk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In a box's header, so much of which has come.
    Header {
        bytes: [u8; LONG_HEADER_BYTES],
        come: usize,
    },
    /// In a box, so many bytes before its end.
    Within(u64),
    /// In one that goes on to the end of the file.
    Last,
    /// Behind the last box, in what some cameras append.
    Behind,
}

/// Walks an MP4 as it comes.
#[derive(Debug)]
pub(super) struct Mp4Walk {
    place: Place,
    has_index: bool,
}

impl Default for Mp4Walk {
    fn default() -> Self {
        Self {
            place: BETWEEN,
            has_index: false,
        }
    }
}

const BETWEEN: Place = Place::Header {
    bytes: [0; LONG_HEADER_BYTES],
    come: 0,
};

impl Mp4Walk {
    pub(super) fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match self.place {
                Place::Last | Place::Behind => return,
                Place::Within(left) => {
                    let passed =
                        usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
                    bytes = &bytes[passed..];
                    let left = left - passed as u64;
                    self.place = if left == 0 {
                        BETWEEN
                    } else {
                        Place::Within(left)
                    };
                }
                Place::Header {
                    bytes: mut header,
                    mut come,
                } => {
                    header[come] = bytes[0];
                    come += 1;
                    bytes = &bytes[1..];
                    self.place = self.after_header(header, come);
                }
            }
        }
    }

    /// Whether it ended with a box, and the index was among them.
    pub(super) fn has_ended(&self) -> bool {
        let between_boxes = match self.place {
            Place::Header { come, .. } => come == 0,
            Place::Within(_) => false,
            Place::Last | Place::Behind => true,
        };
        between_boxes && self.has_index
    }

    fn after_header(&mut self, bytes: [u8; LONG_HEADER_BYTES], come: usize) -> Place {
        let unfinished = Place::Header { bytes, come };
        let [a, b, c, d, kind @ ..] = bytes;
        let (kind, long) = kind.split_at(4);
        let short = u64::from(u32::from_be_bytes([a, b, c, d]));
        let (length, header) = match (short, come) {
            (_, ..HEADER_BYTES) | (1, ..LONG_HEADER_BYTES) => return unfinished,
            (1, _) => {
                let long = long
                    .iter()
                    .fold(0, |length, byte| length << 8 | u64::from(*byte));
                (long, LONG_HEADER_BYTES as u64)
            }
            (short, _) => (short, HEADER_BYTES as u64),
        };
        if !kind
            .iter()
            .all(|byte| (b' '..=b'~').contains(byte) || *byte == 0xa9)
        {
            return Place::Behind;
        }
        // Of a film in fragments each has an index of its own.
        self.has_index |= kind == b"moov" || kind == b"moof";
        match length.checked_sub(header) {
            _ if length == 0 => Place::Last,
            None => Place::Behind,
            Some(0) => BETWEEN,
            Some(left) => Place::Within(left),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(kind: [u8; 4], content: usize) -> Vec<u8> {
        let length = u32::try_from(HEADER_BYTES + content).unwrap();
        let mut bytes = length.to_be_bytes().to_vec();
        bytes.extend(kind);
        bytes.resize(HEADER_BYTES + content, 7);
        bytes
    }

    /// The data in a box with a long header.
    fn film() -> Vec<u8> {
        let mut data = [0, 0, 0, 1].to_vec();
        data.extend(b"mdat");
        data.extend(36_u64.to_be_bytes());
        data.resize(36, 7);
        [
            boxed(*b"ftyp", 12),
            boxed(*b"free", 0),
            data,
            boxed(*b"moov", 30),
        ]
        .concat()
    }

    fn has_ended(bytes: &[u8], piece: usize) -> bool {
        let mut walk = Mp4Walk::default();
        bytes.chunks(piece).for_each(|piece| walk.push(piece));
        walk.has_ended()
    }

    #[test]
    fn only_a_film_with_all_its_boxes_is_whole() {
        let whole = film();
        for piece in [1, 2, 3, 7, 1000] {
            assert!(has_ended(&whole, piece), "{piece}");
            for cut in 0..whole.len() {
                assert!(!has_ended(&whole[..cut], piece), "{cut} by {piece}");
            }
        }
    }

    #[test]
    fn a_last_box_may_leave_its_length_open() {
        let open = [
            &boxed(*b"ftyp", 4)[..],
            &boxed(*b"moov", 4),
            &[0; 4],
            b"mdat",
            &[7; 50],
        ]
        .concat();
        assert!(has_ended(&open, 10));
    }

    #[test]
    fn what_is_appended_does_not_matter() {
        for appended in [
            &[0; 40][..],
            &[0xff; 100],
            &[0, 0, 0, 3, b'j', b'u', b'n', b'k'],
        ] {
            let film = [&film()[..], appended].concat();
            assert!(has_ended(&film, 9), "{appended:?}");
        }
    }
}
