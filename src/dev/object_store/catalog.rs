//! The index of buckets and objects, and the records on disk behind it.
//!
//! Every change is made on disk first and in the index second, both under one
//! lock: what is in the index is on disk. The methods block, but for renames and small files
//! only; large files are moved or unlinked, never copied, in here.
//!
//! Nothing is synced: a killed process loses nothing, a power cut may lose the
//! last writes.

use super::index::{Bucket, Index};
use super::layout::{IncomingFile, Layout};
use super::object::Object;
use super::recovery;
use crate::telemetry::Chain;
use s3s::{S3Error, S3Result, s3_error};
use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use uuid::Uuid;

/// The store itself.
pub(super) struct Catalog {
    pub(super) layout: Layout,
    index: Mutex<Index>,
    /// Held as long as anything may write below the root.
    _lock: File,
}

impl Catalog {
    /// Opens the store below `root` and clears away what a killed process left.
    /// Fails with [`io::ErrorKind::WouldBlock`] while another one has it open.
    pub(super) fn open(root: PathBuf) -> io::Result<Self> {
        let layout = Layout::new(root);
        let lock = recovery::lock(&layout)?;
        let index = recovery::recover(&layout)?;
        Ok(Self {
            layout,
            index: Mutex::new(index),
            _lock: lock,
        })
    }

    pub(super) fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads from one bucket.
    pub(super) fn read<T>(
        &self,
        bucket: &str,
        read: impl FnOnce(&Bucket) -> S3Result<T>,
    ) -> S3Result<T> {
        let index = self.index();
        read(index.get(bucket).ok_or_else(|| s3_error!(NoSuchBucket))?)
    }

    /// Changes one bucket.
    pub(super) fn change<T>(
        &self,
        bucket: &str,
        change: impl FnOnce(&mut Bucket) -> S3Result<T>,
    ) -> S3Result<T> {
        let mut index = self.index();
        change(
            index
                .get_mut(bucket)
                .ok_or_else(|| s3_error!(NoSuchBucket))?,
        )
    }

    pub(super) fn bucket_names(&self) -> Vec<String> {
        self.index().keys().cloned().collect()
    }

    /// Makes a bucket. False when it is there already.
    pub(super) fn create_bucket(&self, bucket: &str) -> io::Result<bool> {
        let mut index = self.index();
        if index.contains_key(bucket) {
            return Ok(false);
        }
        recovery::make_bucket(&self.layout, bucket)?;
        index.insert(bucket.to_owned(), Bucket::default());
        Ok(true)
    }

    /// Removes an empty bucket, and its open uploads with it.
    pub(super) fn delete_bucket(&self, bucket: &str) -> S3Result<()> {
        let discarded = self.layout.incoming_file();
        {
            let mut index = self.index();
            match index.get(bucket) {
                None => return Err(s3_error!(NoSuchBucket)),
                Some(found) if !found.objects.is_empty() => {
                    return Err(s3_error!(BucketNotEmpty));
                }
                Some(_) => {}
            }
            fs::rename(self.layout.bucket(bucket), discarded.path())
                .map_err(S3Error::internal_error)?;
            index.remove(bucket);
        }
        fs::remove_dir_all(discarded.path()).map_err(S3Error::internal_error)
    }

    pub(super) fn find(&self, bucket: &str, key: &str) -> S3Result<Arc<Object>> {
        self.read(bucket, |bucket| {
            let object = bucket.objects.get(key);
            object.cloned().ok_or_else(|| s3_error!(NoSuchKey))
        })
    }

    /// Finds an object and opens its bytes, so that they outlive its removal.
    pub(super) fn open_object(&self, bucket: &str, key: &str) -> S3Result<(Arc<Object>, File)> {
        self.read(bucket, |found| {
            let object = found.objects.get(key).ok_or_else(|| s3_error!(NoSuchKey))?;
            let file = File::open(self.layout.blob(bucket, object.blob))
                .map_err(S3Error::internal_error)?;
            Ok((Arc::clone(object), file))
        })
    }

    /// Makes an object visible, in the place of the one that had its key.
    pub(super) fn commit(&self, bucket: &str, bytes: IncomingFile, object: Object) -> S3Result<()> {
        let replaced = self.change(bucket, |found| {
            bytes
                .keep_as(&self.layout.blob(bucket, object.blob))
                .and_then(|()| {
                    let record = self.layout.object(bucket, &object.key);
                    self.layout.write(&record, &object)
                })
                .map_err(S3Error::internal_error)?;
            Ok(found.objects.insert(object.key.clone(), Arc::new(object)))
        })?;
        if let Some(replaced) = replaced {
            self.unlink_blob(bucket, replaced.blob);
        }
        Ok(())
    }

    /// Removes an object. False when there was none: that is no error in S3.
    pub(super) fn remove(&self, bucket: &str, key: &str) -> S3Result<bool> {
        let removed = self.change(bucket, |found| {
            if found.objects.contains_key(key) {
                fs::remove_file(self.layout.object(bucket, key))
                    .map_err(S3Error::internal_error)?;
            }
            Ok(found.objects.remove(key))
        })?;
        if let Some(object) = &removed {
            self.unlink_blob(bucket, object.blob);
        }
        Ok(removed.is_some())
    }

    /// Bytes without a record are garbage: the next start tries again.
    fn unlink_blob(&self, bucket: &str, blob: Uuid) {
        if let Err(error) = fs::remove_file(self.layout.blob(bucket, blob)) {
            tracing::warn!(bucket, %blob, error = %Chain(&error), "bytes of a removed object stay behind");
        }
    }
}
