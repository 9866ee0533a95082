//! Where things lie on disk, and how a small file is replaced in one step.
//!
//! ```text
//! lock                                 held by the one process that serves this root
//! incoming/<uuid>                      what is still arriving; emptied at every start
//! buckets/<bucket>/lifecycle.json
//! buckets/<bucket>/objects/<h>.json    the record of an object; h = SHA-256 of its key
//! buckets/<bucket>/blobs/<uuid>        its bytes
//! buckets/<bucket>/uploads/<uuid>/     an open multipart upload
//!     upload.json  <n>.json  <uuid>    its record, its parts' records, their bytes
//! ```
//!
//! A record is the truth and is replaced by a rename; bytes without a record
//! are garbage. So keys never become paths, and a process killed between any
//! two steps leaves the state before or the state after.

use s3s::crypto::{Checksum as _, Sha256};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// The paths below one root.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    root: PathBuf,
}

impl Layout {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    pub(super) fn incoming(&self) -> PathBuf {
        self.root.join("incoming")
    }

    pub(super) fn buckets(&self) -> PathBuf {
        self.root.join("buckets")
    }

    pub(super) fn bucket(&self, bucket: &str) -> PathBuf {
        self.buckets().join(bucket)
    }

    pub(super) fn lifecycle(&self, bucket: &str) -> PathBuf {
        self.bucket(bucket).join("lifecycle.json")
    }

    pub(super) fn objects(&self, bucket: &str) -> PathBuf {
        self.bucket(bucket).join("objects")
    }

    pub(super) fn object(&self, bucket: &str, key: &str) -> PathBuf {
        let name = hex::encode(Sha256::checksum(key.as_bytes()));
        self.objects(bucket).join(name).with_extension("json")
    }

    pub(super) fn blobs(&self, bucket: &str) -> PathBuf {
        self.bucket(bucket).join("blobs")
    }

    pub(super) fn blob(&self, bucket: &str, blob: Uuid) -> PathBuf {
        self.blobs(bucket).join(blob.to_string())
    }

    pub(super) fn uploads(&self, bucket: &str) -> PathBuf {
        self.bucket(bucket).join("uploads")
    }

    pub(super) fn upload(&self, bucket: &str, upload: Uuid) -> PathBuf {
        self.uploads(bucket).join(upload.to_string())
    }

    pub(super) fn upload_record(&self, bucket: &str, upload: Uuid) -> PathBuf {
        self.upload(bucket, upload).join("upload.json")
    }

    pub(super) fn part_record(&self, bucket: &str, upload: Uuid, number: i32) -> PathBuf {
        self.upload(bucket, upload).join(format!("{number}.json"))
    }

    pub(super) fn part_blob(&self, bucket: &str, upload: Uuid, blob: Uuid) -> PathBuf {
        self.upload(bucket, upload).join(blob.to_string())
    }

    /// A fresh file for bytes that are not yet anything.
    pub(super) fn incoming_file(&self) -> IncomingFile {
        IncomingFile {
            path: self.incoming().join(Uuid::now_v7().to_string()),
        }
    }

    /// Writes a record: readers and later starts see the old one or the new one.
    pub(super) fn write<T: Serialize>(&self, path: &Path, record: &T) -> io::Result<()> {
        let incoming = self.incoming_file();
        fs::write(incoming.path(), serde_json::to_vec(record)?)?;
        incoming.keep_as(path)
    }
}

/// Reads a record.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> io::Result<T> {
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

/// A file below `incoming/`. It goes when this is dropped, unless it was kept.
#[derive(Debug)]
pub(super) struct IncomingFile {
    path: PathBuf,
}

impl IncomingFile {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Moves the file to where it stays.
    pub(super) fn keep_as(self, path: &Path) -> io::Result<()> {
        fs::rename(&self.path, path)
    }
}

impl Drop for IncomingFile {
    fn drop(&mut self) {
        // After `keep_as`, or when it was never made, there is nothing to remove.
        let _ = fs::remove_file(&self.path);
    }
}
