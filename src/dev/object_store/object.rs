//! What the store remembers of an object, apart from its bytes.

use super::checksums::Checksums;
use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, EXPIRES,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use time::OffsetDateTime;
use uuid::Uuid;

/// One object: its record on disk and in the index.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Object {
    pub(super) key: String,
    /// The file that holds the bytes. A blob is never changed and never shared.
    pub(super) blob: Uuid,
    pub(super) size: u64,
    /// Without the quotes.
    pub(super) etag: String,
    #[serde(with = "time::serde::rfc3339")]
    pub(super) modified: OffsetDateTime,
    pub(super) headers: StoredHeaders,
    pub(super) checksums: Checksums,
}

/// The headers that come with a PUT and go out again with a GET.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StoredHeaders(BTreeMap<String, String>);

impl StoredHeaders {
    /// Picks what is kept: the content headers and the user's metadata.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut kept: BTreeMap<String, String> = headers
            .iter()
            .filter(|(name, _)| is_kept(name))
            .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
            .collect();
        if let Some(encoding) = kept.remove(CONTENT_ENCODING.as_str()) {
            let encoding = without_transfer_coding(&encoding);
            if !encoding.is_empty() {
                kept.insert(CONTENT_ENCODING.to_string(), encoding);
            }
        }
        kept.entry(CONTENT_TYPE.to_string())
            .or_insert_with(|| "binary/octet-stream".to_owned());
        Self(kept)
    }

    /// The kept headers as response headers.
    pub(super) fn write_to(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.0 {
            if let (Ok(name), Ok(value)) = (
                HeaderName::try_from(name.as_str()),
                HeaderValue::try_from(value.as_str()),
            ) {
                headers.insert(name, value);
            }
        }
    }
}

fn is_kept(name: &HeaderName) -> bool {
    const CONTENT_HEADERS: [HeaderName; 6] = [
        CACHE_CONTROL,
        CONTENT_DISPOSITION,
        CONTENT_ENCODING,
        CONTENT_LANGUAGE,
        CONTENT_TYPE,
        EXPIRES,
    ];
    CONTENT_HEADERS.contains(name) || name.as_str().starts_with("x-amz-meta-")
}

/// `aws-chunked` says how the request was framed, not how the object is encoded.
fn without_transfer_coding(encoding: &str) -> String {
    encoding
        .split(',')
        .map(str::trim)
        .filter(|coding| !coding.is_empty() && *coding != "aws-chunked")
        .collect::<Vec<_>>()
        .join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_framing_of_a_request_is_not_kept() {
        assert_eq!(without_transfer_coding("aws-chunked"), "");
        assert_eq!(without_transfer_coding("aws-chunked, gzip"), "gzip");
        assert_eq!(without_transfer_coding("gzip"), "gzip");
    }
}
