//! Where a simulator keeps its files and tokens, so that the next run has them.
//!
//! A record is a JSON file, replaced as a whole; what it holds lies beside it.
//! Nothing is forced to disk: it outlives the process, not the machine.

use super::media::Media;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// What is kept under an id.
pub(super) trait Kept: Serialize + DeserializeOwned {
    /// The folder of its kind.
    const FOLDER: &'static str;

    /// The file it describes, if it describes one. Its bytes are no part of the JSON.
    fn media(&self) -> Option<&Media>;

    /// The same, to be filled.
    fn media_mut(&mut self) -> Option<&mut Media>;
}

/// A folder of records. Its files are their owner's alone: there are tokens in them.
#[derive(Debug)]
pub(super) struct Shelf {
    folder: PathBuf,
}

/// A record with its id, which need not be fit for a file's name.
#[derive(Serialize)]
struct Labelled<'a, R> {
    id: &'a str,
    record: &'a R,
}

/// The same, as it is read.
#[derive(Deserialize)]
struct Found<R> {
    id: String,
    record: R,
}

impl Shelf {
    /// A shelf in this folder, which need not be there yet.
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// Keeps a record with all it holds, in place of the one of the same id.
    pub(super) fn put<R: Kept>(&self, id: &str, record: &R) -> io::Result<()> {
        let folder = self.folder.join(R::FOLDER);
        fs::create_dir_all(&folder)?;
        // First: a record that is there can be read.
        if let Some(media) = record.media() {
            replace(&folder.join(name(id, CONTENT)), &media.bytes)?;
        }
        self.put_record(id, record)
    }

    /// Keeps what changed of a record that was put.
    pub(super) fn put_record<R: Kept>(&self, id: &str, record: &R) -> io::Result<()> {
        let path = self.folder.join(R::FOLDER).join(name(id, RECORD));
        replace(&path, &serde_json::to_vec(&Labelled { id, record })?)
    }

    /// Every record of a kind. One that cannot be read, of another version
    /// say, is left where it is.
    pub(super) fn records<R: Kept>(&self) -> io::Result<Vec<(String, R)>> {
        let folder = self.folder.join(R::FOLDER);
        fs::create_dir_all(&folder)?;
        let mut found = Vec::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == RECORD)
            {
                match read(&path) {
                    Ok(record) => found.push(record),
                    Err(error) => tracing::warn!(path = %path.display(), %error,
                        "a file of the simulator cannot be read"),
                }
            }
        }
        Ok(found)
    }
}

const RECORD: &str = "json";
const CONTENT: &str = "content";

fn name(id: &str, extension: &str) -> String {
    format!("{}.{extension}", hex::encode(Sha256::digest(id)))
}

fn read<R: Kept>(path: &Path) -> io::Result<(String, R)> {
    let Found { id, mut record } = serde_json::from_slice::<Found<R>>(&fs::read(path)?)?;
    if let Some(media) = record.media_mut() {
        media.bytes = Bytes::from(fs::read(path.with_extension(CONTENT))?);
    }
    Ok((id, record))
}

/// Nobody finds half a file, and none but the owner reads it.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut aside = NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
    aside.write_all(bytes)?;
    aside.persist(path)?;
    Ok(())
}
