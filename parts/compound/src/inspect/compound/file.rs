//! A compound file as far as a document needs it: its directory, and the
//! streams in its root.
//!
//! Promises: what opening it costs is bounded by its size, whatever its tables
//! claim; no stream is longer than the file.

use crate::inspect::found::Flaw;
use crate::inspect::little_endian::{u16_at, u32_at};
use cfb::{CompoundFile, Entry};
use std::io::{self, Cursor, Read as _};
use std::path::{Path, PathBuf};

/// Storages within storages: an object in an object in a document has six.
const MAX_DEPTH: usize = 8;

/// More entries than a document has: an embedded object has about six.
const MAX_ENTRIES: usize = 65_536;

/// Steps along chains that are taken to prove streams. Every read walks a chain
/// from its beginning.
const MAX_STEPS: u64 = 50_000_000;

/// Storages of macros: a document's and a workbook's.
const MACROS: [&str; 3] = ["Macros", "_VBA_PROJECT_CUR", "VBA"];

/// A compound file whose directory has been read.
pub(super) struct File<'a> {
    inner: CompoundFile<Cursor<&'a [u8]>>,
    bytes: &'a [u8],
    /// Paths and lengths, in bytes.
    streams: Vec<(PathBuf, u64)>,
    has_macros: bool,
}

impl<'a> File<'a> {
    /// Reads the tables and the directory.
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, Flaw> {
        check_table_list(bytes).ok_or_else(|| {
            Flaw::corrupt(0, "the compound file lists a table that it has no room for")
        })?;
        let file = CompoundFile::open(Cursor::new(bytes)).map_err(|error| broken(&error))?;
        let mut streams = Vec::new();
        let mut has_macros = false;
        for (met, entry) in file.walk().enumerate() {
            if met == MAX_ENTRIES || entry.path().components().count() > MAX_DEPTH + 1 {
                let what = "the compound file has more entries than a document";
                return Err(Flaw::corrupt(0, what));
            }
            has_macros |= is_macros(&entry);
            if entry.is_stream() {
                streams.push((entry.path().to_owned(), entry.len()));
            }
        }
        Ok(Self {
            inner: file,
            bytes,
            streams,
            has_macros,
        })
    }

    /// Whether a stream of this name stands in the root. Case does not matter.
    pub(super) fn has_stream(&self, name: &str) -> bool {
        self.inner.is_stream(in_root(name))
    }

    /// Whether there are macros in it, or in an object within it.
    pub(super) fn has_macros(&self) -> bool {
        self.has_macros
    }

    /// A stream of the root, whole.
    pub(super) fn read(&mut self, name: &str) -> Result<Vec<u8>, Flaw> {
        self.read_path(&in_root(name))
    }

    /// Reads the streams, those of the root first, as many as are read in
    /// bounded time: a chain that leads nowhere is noticed so.
    pub(super) fn prove_streams(&mut self) -> Result<(), Flaw> {
        let sectors = self.bytes.len() as u64 / 512;
        // A directory whose tree is a list is looked through to its end, and
        // comparing two names takes as long as many steps.
        let look_up = 16 * self.streams.len() as u64;
        let mut steps = 0_u64;
        let mut streams = std::mem::take(&mut self.streams);
        streams.sort_by_key(|(path, _)| path.components().count());
        for (path, length) in streams {
            // A sector of a small stream lies within another stream.
            let sectors_read = if length < 4_096 {
                length / 64 + 1
            } else {
                4 + (length >> 20)
            };
            steps = steps.saturating_add(sectors_read.saturating_mul(sectors));
            steps = steps.saturating_add(look_up);
            if steps > MAX_STEPS {
                break;
            }
            self.read_path(&path)?;
        }
        Ok(())
    }

    fn read_path(&mut self, path: &Path) -> Result<Vec<u8>, Flaw> {
        let stream = self
            .inner
            .open_stream(path)
            .map_err(|error| broken(&error))?;
        let length = stream.len();
        if length > self.bytes.len() as u64 {
            return Err(Flaw::corrupt(0, "a stream is longer than the file"));
        }
        let mut content = Vec::new();
        let read = stream.take(length).read_to_end(&mut content);
        if read.map_err(|error| broken(&error))? as u64 == length {
            Ok(content)
        } else {
            Err(Flaw::corrupt(0, "a stream ends early"))
        }
    }
}

fn is_macros(entry: &Entry) -> bool {
    let is_named = |name: &&str| entry.name().eq_ignore_ascii_case(name);
    entry.is_storage() && MACROS.iter().any(is_named)
}

fn in_root(name: &str) -> PathBuf {
    Path::new("/").join(name)
}

/// Whether the list of the sector table's own sectors (\[MS-CFB\], 2.5) names
/// no more sectors than there are. The table is read as the list says, so that
/// one that names a sector over and over makes a table of any size.
fn check_table_list(bytes: &[u8]) -> Option<()> {
    let sector_bytes: usize = match u16_at(bytes, 30)? {
        9 => 512,
        12 => 4_096,
        _ => return None,
    };
    let sectors = bytes.len() / sector_bytes;
    let listed = |list: &[u8]| {
        let numbers = list.chunks_exact(4);
        numbers.filter(|number| *number != [0xff; 4]).count()
    };
    let mut count = listed(bytes.get(76..512)?);
    let mut next = u32_at(bytes, 68)?;
    let mut lists = 0;
    // An end of the chain is none of the sectors, and so is a free one.
    while next < 0xffff_fffa {
        lists += 1;
        let at = usize::try_from(next)
            .ok()?
            .checked_add(1)?
            .checked_mul(sector_bytes)?;
        let list = bytes.get(at..at.checked_add(sector_bytes)?)?;
        let (list, last) = list.split_at(sector_bytes - 4);
        count += listed(list);
        next = u32_at(last, 0)?;
        if lists > sectors || count > sectors + 128 {
            return None;
        }
    }
    (count <= sectors + 128).then_some(())
}

fn broken(error: &io::Error) -> Flaw {
    Flaw::corrupt(0, &format!("the compound file is broken: {error}"))
}
