//! Multipart uploads: parts gather in a folder of their own until they are
//! put together into an object, or dropped. They survive a restart.

use super::catalog::Catalog;
use super::index::{Bucket, Part, Upload};
use super::layout::IncomingFile;
use super::receive::Received;
use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::CompletedPart;
use s3s::{S3Error, S3Result, s3_error};
use std::fs::{self, File};
use std::io;
use time::OffsetDateTime;
use uuid::Uuid;

/// All parts but the last have at least this size.
const MIN_PART_BYTES: u64 = 5 * 1024 * 1024;

/// Names an open upload, as a request does.
#[derive(Debug, Clone)]
pub(super) struct UploadRef {
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) id: Uuid,
}

impl UploadRef {
    pub(super) fn parse(bucket: &str, key: &str, id: &str) -> S3Result<Self> {
        Ok(Self {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            id: id.parse().map_err(|error| s3_error!(error, NoSuchUpload))?,
        })
    }

    fn find<'a>(&self, bucket: &'a Bucket) -> S3Result<&'a Upload> {
        let upload = bucket.uploads.get(&self.id);
        upload
            .filter(|upload| upload.key == self.key)
            .ok_or_else(|| s3_error!(NoSuchUpload))
    }
}

impl Catalog {
    /// Opens an upload.
    pub(super) fn create_upload(&self, bucket: &str, upload: Upload) -> S3Result<Uuid> {
        let id = Uuid::now_v7();
        self.change(bucket, |found| {
            fs::create_dir(self.layout.upload(bucket, id))
                .and_then(|()| {
                    let record = self.layout.upload_record(bucket, id);
                    self.layout.write(&record, &upload)
                })
                .map_err(S3Error::internal_error)?;
            found.uploads.insert(id, upload);
            Ok(id)
        })
    }

    /// The upload as it stands.
    pub(super) fn upload(&self, at: &UploadRef) -> S3Result<Upload> {
        self.read(&at.bucket, |bucket| at.find(bucket).cloned())
    }

    /// Adds a part, in the place of the one that had its number.
    pub(super) fn put_part(
        &self,
        at: &UploadRef,
        number: i32,
        received: Received,
        now: OffsetDateTime,
    ) -> S3Result<()> {
        let part = Part {
            blob: Uuid::now_v7(),
            size: received.size,
            md5: received.md5,
            checksums: received.checksums,
            modified: now,
        };
        let replaced = self.change(&at.bucket, |bucket| {
            at.find(bucket)?;
            let blob = self.layout.part_blob(&at.bucket, at.id, part.blob);
            let record = self.layout.part_record(&at.bucket, at.id, number);
            received
                .file
                .keep_as(&blob)
                .and_then(|()| self.layout.write(&record, &part))
                .map_err(S3Error::internal_error)?;
            let upload = bucket.uploads.get_mut(&at.id);
            Ok(upload.and_then(|upload| upload.parts.insert(number, part)))
        })?;
        if let Some(replaced) = replaced {
            // What stays behind goes with the upload.
            let _ = fs::remove_file(self.layout.part_blob(&at.bucket, at.id, replaced.blob));
        }
        Ok(())
    }

    /// Copies parts into one file. Slow: not for an async thread.
    pub(super) fn assemble(&self, at: &UploadRef, parts: &[Part]) -> io::Result<IncomingFile> {
        let whole = self.layout.incoming_file();
        let mut writer = File::create(whole.path())?;
        for part in parts {
            let mut reader = File::open(self.layout.part_blob(&at.bucket, at.id, part.blob))?;
            io::copy(&mut reader, &mut writer)?;
        }
        Ok(whole)
    }

    /// Drops an upload and its parts.
    pub(super) fn drop_upload(&self, at: &UploadRef) -> S3Result<()> {
        let discarded = self.layout.incoming_file();
        self.change(&at.bucket, |bucket| {
            at.find(bucket)?;
            fs::rename(self.layout.upload(&at.bucket, at.id), discarded.path())
                .map_err(S3Error::internal_error)?;
            bucket.uploads.remove(&at.id);
            Ok(())
        })?;
        fs::remove_dir_all(discarded.path()).map_err(S3Error::internal_error)
    }
}

impl Upload {
    /// The parts that a client asks to put together, if they may be.
    pub(super) fn select(&self, wanted: &[CompletedPart]) -> S3Result<Vec<Part>> {
        if wanted.is_empty() {
            return Err(s3_error!(MalformedXML, "no parts are named"));
        }
        let mut selected: Vec<Part> = Vec::with_capacity(wanted.len());
        let mut last_number = 0;
        for want in wanted {
            let number = want.part_number.unwrap_or_default();
            if number <= last_number {
                return Err(s3_error!(InvalidPartOrder));
            }
            last_number = number;
            let part = self.parts.get(&number).filter(|part| {
                let etag = want.e_tag.as_ref();
                let sha256 = want.checksum_sha256.as_deref();
                let is_named = sha256.is_some() || !self.by_sha256;
                etag.is_some_and(|etag| etag.value() == part.etag())
                    && is_named
                    && sha256.is_none_or(|sha256| part.checksums.sha256() == Some(sha256))
            });
            selected.push(part.cloned().ok_or_else(|| s3_error!(InvalidPart))?);
        }
        let (_, before_last) = selected.split_last().unzip();
        if before_last
            .unwrap_or_default()
            .iter()
            .any(|part: &Part| part.size < MIN_PART_BYTES)
        {
            return Err(s3_error!(EntityTooSmall));
        }
        Ok(selected)
    }
}

/// The `ETag` of an object made of parts: the MD5 of their MD5s, and their number.
pub(super) fn etag_of(parts: &[Part]) -> String {
    let mut md5 = Md5::new();
    for part in parts {
        md5.update(&part.md5);
    }
    format!("{}-{}", hex::encode(md5.finalize()), parts.len())
}
