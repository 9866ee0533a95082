//! What a child says, piece by piece: the form of a frame, and the order that
//! frames come in.
//!
//! A frame is its kind (1 byte), the length of its header and that of its
//! body (4 bytes each, the highest first), a header in JSON and a body. Both
//! sides keep to [`Order`]: the child so that it says nothing that would be
//! refused, the parent because the child may be anything by now.

use bytes::Bytes;
use serde::de::DeserializeOwned;

/// What a child may say in all, headers and bodies together.
pub const MAX_ANSWER_BYTES: usize = 12 * 1024 * 1024;

/// A header is for facts; what is large is a body.
pub(super) const MAX_HEADER_BYTES: usize = 1024 * 1024;

/// The bytes in front of each frame.
pub(super) const HEAD_BYTES: usize = 9;

/// What a frame is about. They come in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// What the file is, and whether it is whole. One, always the first.
    Verdict,
    /// What is shown of it. Some.
    Preview,
    /// What is read out of it, in as many pieces as it takes: what was said
    /// before a child ends is not lost.
    Text,
}

impl Kind {
    /// How many there may be.
    #[must_use]
    pub const fn most(self) -> usize {
        match self {
            Self::Verdict => 1,
            Self::Preview => 8,
            Self::Text => 256,
        }
    }
}

/// A piece of what a child said. It is a stranger's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What it is about.
    pub kind: Kind,
    /// Facts, in JSON as is to be hoped.
    pub header: Bytes,
    /// What goes with them.
    pub body: Bytes,
}

impl Frame {
    /// The facts. The type should refuse unknown fields.
    pub fn facts<T: DeserializeOwned>(&self) -> Result<T, Garbled> {
        serde_json::from_slice(&self.header).map_err(|_| Garbled::Facts(self.kind))
    }
}

/// What a child said is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Garbled {
    /// There is no such kind.
    #[error("a frame is of the unknown kind {0}")]
    Kind(u8),
    /// It does not come here, or not so often.
    #[error("a frame of kind {0} is out of its order")]
    Order(u8),
    /// Its header, or all it said, is beyond the limit.
    #[error("the answer is too large")]
    TooLarge,
    /// It does not say what holds the child, or not enough does.
    #[error("the child is not confined")]
    Unconfined,
    /// A header says nothing that can be understood.
    #[error("the header of a frame of kind {0:?} cannot be understood")]
    Facts(Kind),
    /// It says nothing of what was asked.
    #[error("the answer says nothing")]
    Silent,
    /// It ended as if it were done, and was not.
    #[error("the answer has no end")]
    Unfinished,
}

/// The kinds of frames on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// The child is confined, and has not read a byte yet.
    Confined,
    /// A piece of the answer.
    Said(Kind),
    /// All is said.
    End,
}

impl Mark {
    pub(super) const fn byte(self) -> u8 {
        match self {
            Self::Confined => 1,
            Self::Said(Kind::Verdict) => 2,
            Self::Said(Kind::Preview) => 3,
            Self::Said(Kind::Text) => 4,
            Self::End => 5,
        }
    }

    const fn of(byte: u8) -> Result<Self, Garbled> {
        Ok(match byte {
            1 => Self::Confined,
            2 => Self::Said(Kind::Verdict),
            3 => Self::Said(Kind::Preview),
            4 => Self::Said(Kind::Text),
            5 => Self::End,
            _ => return Err(Garbled::Kind(byte)),
        })
    }
}

/// The bytes in front of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) mark: Mark,
    pub(super) header_bytes: usize,
    pub(super) body_bytes: usize,
}

impl Head {
    /// `None` for lengths that no frame has.
    pub(super) fn encode(self) -> Option<[u8; HEAD_BYTES]> {
        let mut bytes = [self.mark.byte(); HEAD_BYTES];
        let (_, lengths) = bytes.split_at_mut(1);
        let (header, body) = lengths.split_at_mut(4);
        header.copy_from_slice(&u32::try_from(self.header_bytes).ok()?.to_be_bytes());
        body.copy_from_slice(&u32::try_from(self.body_bytes).ok()?.to_be_bytes());
        Some(bytes)
    }

    pub(super) fn decode(bytes: [u8; HEAD_BYTES]) -> Result<Self, Garbled> {
        let [mark, lengths @ ..] = bytes;
        let lengths = u64::from_be_bytes(lengths);
        let length = |length| usize::try_from(length).map_err(|_| Garbled::TooLarge);
        Ok(Self {
            mark: Mark::of(mark)?,
            header_bytes: length(lengths >> 32)?,
            body_bytes: length(lengths & u64::from(u32::MAX))?,
        })
    }
}

/// How far an answer is.
#[derive(Debug, Default)]
pub(super) struct Order {
    last: Option<Mark>,
    /// How many of the last kind there were in a row, which is all there were.
    count: usize,
    bytes: usize,
}

impl Order {
    /// Lets the next frame in.
    pub(super) fn admit(&mut self, head: Head) -> Result<(), Garbled> {
        let count = if self.last == Some(head.mark) {
            self.count + 1
        } else {
            1
        };
        let fits = match (self.last, head.mark) {
            (None, Mark::Confined)
            | (Some(Mark::Confined), Mark::Said(Kind::Verdict) | Mark::End)
            | (Some(Mark::Said(_)), Mark::End) => true,
            (Some(Mark::Said(last)), Mark::Said(next)) => last <= next && count <= next.most(),
            _ => false,
        };
        if !fits {
            return Err(Garbled::Order(head.mark.byte()));
        }
        let more = head.header_bytes.saturating_add(head.body_bytes);
        let bytes = self.bytes.saturating_add(more);
        if head.header_bytes > MAX_HEADER_BYTES || bytes > MAX_ANSWER_BYTES {
            return Err(Garbled::TooLarge);
        }
        (self.last, self.count, self.bytes) = (Some(head.mark), count, bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Kind::{Preview, Text, Verdict};

    fn head(mark: Mark, header_bytes: usize, body_bytes: usize) -> Head {
        Head {
            mark,
            header_bytes,
            body_bytes,
        }
    }

    fn admitted(marks: &[Mark]) -> Result<(), Garbled> {
        let mut order = Order::default();
        marks
            .iter()
            .try_for_each(|mark| order.admit(head(*mark, 2, 10)))
    }

    #[test]
    fn frames_come_in_their_order_only() {
        const V: Mark = Mark::Said(Verdict);
        const P: Mark = Mark::Said(Preview);
        const T: Mark = Mark::Said(Text);
        const C: Mark = Mark::Confined;
        const E: Mark = Mark::End;
        for lawful in [
            &[C, E][..],
            &[C, V, E],
            &[C, V, P, P, T, T, T, E],
            &[C, V, T, E],
        ] {
            assert_eq!(admitted(lawful), Ok(()), "{lawful:?}");
        }
        for unlawful in [
            &[V][..],
            &[E],
            &[C, C],
            &[C, P],
            &[C, T],
            &[C, V, V],
            &[C, V, T, P],
            &[C, V, P, V],
            &[C, V, E, T],
            &[C, V, E, E],
            &[C, V, C],
        ] {
            let last = unlawful.last().unwrap().byte();
            assert_eq!(
                admitted(unlawful),
                Err(Garbled::Order(last)),
                "{unlawful:?}"
            );
        }
    }

    #[test]
    fn there_is_an_end_to_what_may_be_said() {
        for (kind, most) in [(Preview, Preview.most()), (Text, Text.most())] {
            let mut marks = vec![Mark::Confined, Mark::Said(Verdict)];
            marks.extend(vec![Mark::Said(kind); most]);
            assert_eq!(admitted(&marks), Ok(()));
            marks.push(Mark::Said(kind));
            assert!(matches!(admitted(&marks), Err(Garbled::Order(_))));
        }
        let mut order = Order::default();
        order.admit(head(Mark::Confined, 0, 0)).unwrap();
        let verdict = |header, body| head(Mark::Said(Verdict), header, body);
        for (header, body) in [
            (MAX_HEADER_BYTES + 1, 0),
            (0, MAX_ANSWER_BYTES + 1),
            (1, MAX_ANSWER_BYTES),
            (usize::MAX, usize::MAX),
        ] {
            assert_eq!(order.admit(verdict(header, body)), Err(Garbled::TooLarge));
        }
        order.admit(verdict(0, MAX_ANSWER_BYTES - 5)).unwrap();
        order.admit(head(Mark::Said(Text), 2, 3)).unwrap();
        let more = order.admit(head(Mark::Said(Text), 0, 1));
        assert_eq!(more, Err(Garbled::TooLarge));
        order.admit(head(Mark::End, 0, 0)).unwrap();
    }

    #[test]
    fn heads_are_read_as_they_were_written() {
        for byte in 0..=u8::MAX {
            let mut bytes = [byte; HEAD_BYTES];
            bytes[5..].copy_from_slice(&7_u32.to_be_bytes());
            match Head::decode(bytes) {
                Ok(head) => {
                    assert_eq!((head.mark.byte(), head.body_bytes), (byte, 7));
                    assert_eq!(head.encode(), Some(bytes));
                }
                Err(garbled) => assert_eq!(garbled, Garbled::Kind(byte)),
            }
        }
        assert_eq!(head(Mark::End, usize::MAX, 0).encode(), None);
    }
}
