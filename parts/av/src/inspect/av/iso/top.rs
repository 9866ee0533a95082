//! The outermost boxes of a file, walked to its end.

use super::boxes::{HEAD_BYTES, LONG_HEAD_BYTES, Name, spelled};
use crate::inspect::reading::{Reading, Stopped, big_endian};
use std::io::{Read, Seek};

/// The index of a film of many hours is some megabytes.
pub(super) const MOST_INDEX_BYTES: u64 = 64 << 20;
/// A film of an hour with a fragment for each picture has fewer.
const MOST_BOXES: u32 = 1_000_000;

/// Where the content of a box lies, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) at: u64,
    pub(super) size: u64,
}

/// What there is in a file, and where.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// The first name of `ftyp`; a `QuickTime` film of old has none.
    pub(super) brand: Option<Name>,
    /// The first `moov`.
    pub(super) movie: Option<Extent>,
    /// The first `meta`, which tells of pictures.
    pub(super) pictures: Option<Extent>,
    /// Each `moof`, in order.
    pub(super) fragments: Vec<Extent>,
    /// Each `mdat`, in order.
    pub(super) data: Vec<Extent>,
}

impl Layout {
    /// Whether all is there that a file needs: what comes behind may be
    /// anything, such as what a camera appends.
    fn may_end(&self) -> bool {
        !self.data.is_empty() && (self.movie.is_some() || self.pictures.is_some())
    }
}

enum Step {
    /// A box; the next one begins there.
    Box {
        name: Name,
        content: Extent,
        next: u64,
    },
    /// Zeros between two boxes are none.
    Zeros,
    /// No box: the last one ended here.
    Appended,
}

pub(super) fn walk<R: Read + Seek>(file: &mut Reading<R>) -> Result<Layout, Stopped> {
    let mut layout = Layout::default();
    let mut at = 0;
    for _ in 0..MOST_BOXES {
        if at >= file.len() {
            return Ok(layout);
        }
        match step(file, at, &layout)? {
            Step::Zeros => match behind_gap(file, at)? {
                Some(next) => at = next,
                None => return Ok(layout),
            },
            Step::Appended => return Ok(layout),
            Step::Box {
                name,
                content,
                next,
            } => {
                note(file, &mut layout, name, content)?;
                at = next;
            }
        }
    }
    Err(Stopped::corrupt(
        at,
        "there are more boxes than in any film",
    ))
}

fn step<R: Read + Seek>(file: &mut Reading<R>, at: u64, layout: &Layout) -> Result<Step, Stopped> {
    let len = file.len();
    let head = file.some(at, 8)?;
    let (Some(size), Some(Ok(name))) =
        (big_endian(head, 0, 4), head.get(4..8).map(<Name>::try_from))
    else {
        return appended(at, layout, "the file ends within the head of a box");
    };
    if size == 0 && name == [0; 4] {
        return Ok(Step::Zeros);
    }
    if !is_name(name) {
        return appended(at, layout, "there is no box where one should begin");
    }
    let (size, head_bytes) = match size {
        // The last box may leave its length open.
        0 => (len - at, HEAD_BYTES),
        1 => match big_endian(file.some(at + HEAD_BYTES, 8)?, 0, 8) {
            Some(long) => (long, LONG_HEAD_BYTES),
            None => return appended(at, layout, "the file ends within the head of a box"),
        },
        short => (short, HEAD_BYTES),
    };
    let Some(content_bytes) = size.checked_sub(head_bytes) else {
        return appended(at, layout, "a box is shorter than its own head");
    };
    if size > len - at {
        // Nothing is lost with the end of what is empty; and what has no known
        // name is no box, but what somebody appended.
        if is_known(name) || !layout.may_end() {
            let what = format!("the file ends within the box {}", spelled(name));
            return Err(Stopped::corrupt(len, &what));
        }
        return Ok(Step::Appended);
    }
    Ok(Step::Box {
        name,
        content: Extent {
            at: at + head_bytes,
            size: content_bytes,
        },
        next: at + size,
    })
}

/// Where the box begins that follows zeros, the length of which begins with
/// zeros itself; nothing where none follows that has a known name.
fn behind_gap<R: Read + Seek>(file: &mut Reading<R>, gap: u64) -> Result<Option<u64>, Stopped> {
    let ends = file.behind_zeros(gap)?;
    for zeros in 0..4 {
        let Some(begins) = ends.checked_sub(zeros).filter(|begins| *begins >= gap) else {
            break;
        };
        let name = file.some(begins.saturating_add(4), 4)?.first_chunk();
        if name.is_some_and(|name| is_known(*name) || is_filler(*name)) {
            return Ok(Some(begins));
        }
    }
    Ok(None)
}

fn appended(at: u64, layout: &Layout, what: &str) -> Result<Step, Stopped> {
    // The head of a further fragment may have been cut.
    if layout.may_end() && layout.fragments.is_empty() {
        Ok(Step::Appended)
    } else {
        Err(Stopped::corrupt(at, what))
    }
}

fn note<R: Read + Seek>(
    file: &mut Reading<R>,
    layout: &mut Layout,
    name: Name,
    content: Extent,
) -> Result<(), Stopped> {
    match &name {
        b"ftyp" if layout.brand.is_none() => {
            layout.brand = Some(file.exactly(content.at, "the box ftyp")?);
        }
        b"moov" if layout.movie.is_none() => layout.movie = Some(content),
        b"meta" if layout.pictures.is_none() => layout.pictures = Some(content),
        b"moof" => layout.fragments.push(content),
        b"mdat" => layout.data.push(content),
        _ => {}
    }
    Ok(())
}

fn is_name(name: Name) -> bool {
    name.iter()
        .all(|byte| (b' '..=b'~').contains(byte) || *byte == 0xa9)
}

/// Boxes of which nobody misses anything.
fn is_filler(name: Name) -> bool {
    matches!(&name, b"free" | b"skip" | b"wide")
}

/// Boxes of which the end is missed.
fn is_known(name: Name) -> bool {
    matches!(
        &name,
        b"ftyp"
            | b"moov"
            | b"moof"
            | b"mdat"
            | b"meta"
            | b"udta"
            | b"uuid"
            | b"mfra"
            | b"sidx"
            | b"ssix"
            | b"styp"
            | b"emsg"
            | b"prft"
            | b"pdin"
            | b"idat"
    )
}
