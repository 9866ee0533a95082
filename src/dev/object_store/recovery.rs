//! Opening a store: whatever the last process left, a clean one comes out.
//!
//! Records are read into the index; bytes that no record names, uploads
//! without their record and everything that was still arriving are removed.
//! Open multipart uploads survive with the parts they have.

use super::index::{Bucket, Index, Part, Upload};
use super::layout::{self, Layout};
use super::object::Object;
use crate::telemetry::Chain;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use uuid::Uuid;

/// Takes the root for this process alone. The kernel lets go of it when the process ends.
pub(super) fn lock(layout: &Layout) -> io::Result<File> {
    fs::create_dir_all(layout.buckets())?;
    let file = File::create(layout.lock())?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Reads the index from disk and removes what is in no record.
pub(super) fn recover(layout: &Layout) -> io::Result<Index> {
    let incoming = layout.incoming();
    if incoming.exists() {
        fs::remove_dir_all(&incoming)?;
    }
    fs::create_dir(&incoming)?;

    let mut index = Index::new();
    for path in folders(&layout.buckets())? {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        make_bucket(layout, name)?;
        index.insert(name.to_owned(), recover_bucket(layout, name)?);
    }
    Ok(index)
}

/// Makes the folders of a bucket, as far as they are missing.
pub(super) fn make_bucket(layout: &Layout, bucket: &str) -> io::Result<()> {
    fs::create_dir_all(layout.objects(bucket))?;
    fs::create_dir_all(layout.blobs(bucket))?;
    fs::create_dir_all(layout.uploads(bucket))
}

fn recover_bucket(layout: &Layout, bucket: &str) -> io::Result<Bucket> {
    let mut objects = BTreeMap::new();
    let mut keep = HashSet::new();
    for path in entries(&layout.objects(bucket))? {
        let Some(object) = read_record::<Object>(&path) else {
            continue;
        };
        if holds(&layout.blob(bucket, object.blob), object.size) {
            keep.insert(OsString::from(object.blob.to_string()));
            objects.insert(object.key.clone(), Arc::new(object));
        } else {
            tracing::warn!(
                bucket,
                key = object.key,
                "an object lost its bytes: dropped"
            );
            fs::remove_file(path)?;
        }
    }
    sweep(&layout.blobs(bucket), &keep)?;

    let lifecycle = layout.lifecycle(bucket);
    Ok(Bucket {
        objects,
        uploads: recover_uploads(layout, bucket)?,
        lifecycle: if lifecycle.exists() {
            read_record(&lifecycle)
        } else {
            None
        },
    })
}

fn recover_uploads(layout: &Layout, bucket: &str) -> io::Result<BTreeMap<Uuid, Upload>> {
    let mut uploads = BTreeMap::new();
    for path in folders(&layout.uploads(bucket))? {
        let id = path
            .file_name()
            .and_then(|name| name.to_str()?.parse().ok());
        let record = path.join("upload.json");
        match id {
            Some(id) if record.exists() => {
                if let Some(mut upload) = read_record::<Upload>(&record) {
                    upload.parts = recover_parts(&path)?;
                    uploads.insert(id, upload);
                }
            }
            _ => fs::remove_dir_all(path)?,
        }
    }
    Ok(uploads)
}

fn recover_parts(upload: &Path) -> io::Result<BTreeMap<i32, Part>> {
    let mut parts = BTreeMap::new();
    let mut keep = HashSet::from([OsString::from("upload.json")]);
    for path in entries(upload)? {
        let number = path
            .file_stem()
            .and_then(|stem| stem.to_str()?.parse().ok());
        let (Some(number), Some("json")) = (number, path.extension().and_then(|e| e.to_str()))
        else {
            continue;
        };
        if let Some(part) = read_record::<Part>(&path)
            && holds(&upload.join(part.blob.to_string()), part.size)
        {
            keep.insert(OsString::from(format!("{number}.json")));
            keep.insert(OsString::from(part.blob.to_string()));
            parts.insert(number, part);
        }
    }
    sweep(upload, &keep)?;
    Ok(parts)
}

/// A record that cannot be read stays where it is, for a person to look at.
fn read_record<T: DeserializeOwned>(path: &Path) -> Option<T> {
    layout::read(path)
        .inspect_err(
            |error| tracing::warn!(path = %path.display(), error = %Chain(error), "a record is unreadable"),
        )
        .ok()
}

fn holds(path: &Path, size: u64) -> bool {
    fs::metadata(path).is_ok_and(|file| file.len() == size)
}

/// Removes the files of a folder that are not to be kept.
fn sweep(folder: &Path, keep: &HashSet<OsString>) -> io::Result<()> {
    for path in entries(folder)? {
        if !path.file_name().is_some_and(|name| keep.contains(name)) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect()
}

/// A file manager may leave files of its own between the folders.
fn folders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = entries(folder)?;
    found.retain(|path| path.is_dir());
    Ok(found)
}
