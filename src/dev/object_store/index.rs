//! What a store holds: buckets, their objects, their open uploads.
//!
//! Data alone; the verbs over it lie in `catalog`, `multipart` and `recovery`.

use super::checksums::Checksums;
use super::object::{Object, StoredHeaders};
use s3s::dto::BucketLifecycleConfiguration;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use time::OffsetDateTime;
use uuid::Uuid;

/// All buckets, by name.
pub(super) type Index = BTreeMap<String, Bucket>;

/// What one bucket holds.
#[derive(Default)]
pub(super) struct Bucket {
    pub(super) objects: BTreeMap<String, Arc<Object>>,
    pub(super) uploads: BTreeMap<Uuid, Upload>,
    pub(super) lifecycle: Option<BucketLifecycleConfiguration>,
}

/// An open upload.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Upload {
    pub(super) key: String,
    #[serde(with = "time::serde::rfc3339")]
    pub(super) initiated: OffsetDateTime,
    pub(super) headers: StoredHeaders,
    /// Begun with SHA-256, so each part is named with its own in the end.
    #[serde(default)]
    pub(super) by_sha256: bool,
    /// Kept in records of their own.
    #[serde(skip)]
    pub(super) parts: BTreeMap<i32, Part>,
}

/// One part of an open upload.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Part {
    pub(super) blob: Uuid,
    pub(super) size: u64,
    pub(super) md5: [u8; 16],
    pub(super) checksums: Checksums,
    #[serde(with = "time::serde::rfc3339")]
    pub(super) modified: OffsetDateTime,
}

impl Part {
    pub(super) fn etag(&self) -> String {
        hex::encode(self.md5)
    }
}
