//! The end of an MP4 or M4A, found by walking its outermost boxes
//! (ISO/IEC 14496-12, section 4.2).
//!
//! A box says how long it is, so one that is cut says so too; and a file
//! without its index, which many recorders write last, plays nowhere.

/// A short header; a long one has eight bytes of length more.
const HEADER_BYTES: usize = 8;
const LONG_HEADER_BYTES: usize = 16;

/// What a box holds, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// What says where everything is; of a film in fragments each has one.
    Index,
    /// Pictures and sound.
    Data,
    Other,
}

/// Where the walk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In a box's header, so much of which has come.
    Header {
        bytes: [u8; LONG_HEADER_BYTES],
        come: usize,
    },
    /// In a box, so many bytes before its end.
    Within { kind: Kind, left: u64 },
    /// In one that goes on to the end of the file.
    Last,
    /// Behind the last box, in what some cameras append.
    Behind,
}

/// Walks an MP4 as it comes.
#[derive(Debug)]
pub(super) struct Mp4Walk {
    place: Place,
    /// An index has come whole.
    has_index: bool,
    /// And so has data.
    has_data: bool,
}

impl Default for Mp4Walk {
    fn default() -> Self {
        Self {
            place: BETWEEN,
            has_index: false,
            has_data: false,
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
                Place::Within { kind, left } => {
                    let most = usize::try_from(left).unwrap_or(usize::MAX);
                    let passed = bytes.len().min(most);
                    bytes = &bytes[passed..];
                    self.place = self.within(kind, left - passed as u64);
                }
                Place::Header {
                    bytes: mut header,
                    come,
                } => {
                    header[come] = bytes[0];
                    bytes = &bytes[1..];
                    self.place = self.after_header(header, come + 1);
                }
            }
        }
    }

    /// Whether it has an index and data, and none of them was cut. What comes
    /// behind them is of no account: boxes without content, or what only looks
    /// like a box.
    pub(super) fn has_ended(&self) -> bool {
        self.has_index
            && match self.place {
                Place::Last => true,
                Place::Header { .. }
                | Place::Behind
                | Place::Within {
                    kind: Kind::Other, ..
                } => self.has_data,
                Place::Within { .. } => false,
            }
    }

    fn after_header(&mut self, bytes: [u8; LONG_HEADER_BYTES], come: usize) -> Place {
        let unfinished = Place::Header { bytes, come };
        if come < HEADER_BYTES {
            return unfinished;
        }
        // Zeros between two boxes are no box.
        if bytes[..HEADER_BYTES] == [0; HEADER_BYTES] {
            return BETWEEN;
        }
        let [a, b, c, d, rest @ ..] = bytes;
        let (name, long) = rest.split_at(4);
        let (length, header) = match u32::from_be_bytes([a, b, c, d]) {
            1 if come < LONG_HEADER_BYTES => return unfinished,
            1 => (
                long.iter()
                    .fold(0, |length, byte| length << 8 | u64::from(*byte)),
                LONG_HEADER_BYTES,
            ),
            short => (u64::from(short), HEADER_BYTES),
        };
        let is_name = |byte: &u8| (b' '..=b'~').contains(byte) || *byte == 0xa9;
        let kind = match name {
            b"moov" | b"moof" => Kind::Index,
            b"mdat" => Kind::Data,
            name if name.iter().all(is_name) => Kind::Other,
            _ => return Place::Behind,
        };
        match length.checked_sub(header as u64) {
            _ if length == 0 => {
                self.has_index |= kind == Kind::Index;
                Place::Last
            }
            None => Place::Behind,
            Some(left) => self.within(kind, left),
        }
    }

    fn within(&mut self, kind: Kind, left: u64) -> Place {
        if left > 0 {
            return Place::Within { kind, left };
        }
        self.has_index |= kind == Kind::Index;
        self.has_data |= kind == Kind::Data;
        BETWEEN
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
        let index = [&boxed(*b"mdat", 4)[..], &[0; 4], b"moov", &[7; 50]].concat();
        assert!(has_ended(&index, 10));
    }

    #[test]
    fn an_index_alone_is_no_film() {
        let cut = [boxed(*b"ftyp", 4), boxed(*b"moov", 300), boxed(*b"free", 8)].concat();
        assert!(!has_ended(&cut, 10));
    }

    #[test]
    fn zeros_between_two_boxes_are_passed_over() {
        let gap = [
            &boxed(*b"ftyp", 4)[..],
            &boxed(*b"mdat", 50),
            &[0; 24],
            &boxed(*b"moov", 300),
        ]
        .concat();
        for piece in [1, 5, 1000] {
            assert!(has_ended(&gap, piece));
            assert!(!has_ended(&gap[..gap.len() - 1], piece));
        }
    }

    #[test]
    fn what_is_appended_does_not_matter() {
        for appended in [
            &[0; 40][..],
            &[0; 5],
            b"\r\n",
            &[0xff; 100],
            &[0, 0, 0, 3, b'j', b'u', b'n', b'k'],
            b"<trailer>of a camera</trailer>",
            &boxed(*b"free", 40)[..20],
        ] {
            let film = [&film()[..], appended].concat();
            assert!(has_ended(&film, 9), "{appended:?}");
        }
    }
}
