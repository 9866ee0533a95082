//! The additional checksums of S3, wherever a client may put them: in a
//! header, in a trailer, or announced in one and sent in the other.

use http::{HeaderMap, HeaderName, HeaderValue};
use s3s::checksum::ChecksumHasher;
use s3s::crypto;
use s3s::dto::Checksum;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A checksum algorithm of S3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

impl Algorithm {
    const ALL: [Self; 5] = [
        Self::Crc32,
        Self::Crc32c,
        Self::Crc64Nvme,
        Self::Sha1,
        Self::Sha256,
    ];

    /// The header or trailer that carries the checksum.
    const fn header(self) -> HeaderName {
        HeaderName::from_static(match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        })
    }
}

/// Checksums by algorithm, in base64 as on the wire.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Checksums(BTreeMap<Algorithm, String>);

impl Checksums {
    /// What headers or trailers declare.
    pub(super) fn declared(headers: &HeaderMap) -> Self {
        let of = |algorithm: Algorithm| {
            let value = headers.get(algorithm.header())?.to_str().ok()?;
            Some((algorithm, value.to_owned()))
        };
        Self(Algorithm::ALL.into_iter().filter_map(of).collect())
    }

    /// Adds what `later` declares beyond this.
    pub(super) fn merge(&mut self, later: Self) {
        for (algorithm, value) in later.0 {
            self.0.entry(algorithm).or_insert(value);
        }
    }

    /// Whether every checksum here is the computed one.
    pub(super) fn agree_with(&self, computed: &Self) -> bool {
        self.0
            .iter()
            .all(|(algorithm, value)| computed.0.get(algorithm) == Some(value))
    }

    /// The SHA-256, if it is one of them.
    pub(super) fn sha256(&self) -> Option<&str> {
        self.0.get(&Algorithm::Sha256).map(String::as_str)
    }

    /// The checksums as response headers.
    pub(super) fn write_to(&self, headers: &mut HeaderMap) {
        for (algorithm, value) in &self.0 {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(algorithm.header(), value);
            }
        }
    }
}

impl From<Checksum> for Checksums {
    fn from(computed: Checksum) -> Self {
        let all = [
            (Algorithm::Crc32, computed.checksum_crc32),
            (Algorithm::Crc32c, computed.checksum_crc32c),
            (Algorithm::Crc64Nvme, computed.checksum_crc64nvme),
            (Algorithm::Sha1, computed.checksum_sha1),
            (Algorithm::Sha256, computed.checksum_sha256),
        ];
        Self(
            all.into_iter()
                .filter_map(|(algorithm, value)| Some((algorithm, value?)))
                .collect(),
        )
    }
}

/// A hasher for every checksum that the headers declare, or announce for the trailer.
pub(super) fn hasher(headers: &HeaderMap) -> ChecksumHasher {
    let announced: BTreeSet<&[u8]> = headers
        .get_all("x-amz-trailer")
        .into_iter()
        .flat_map(|names| names.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .collect();
    let wanted = |algorithm: Algorithm| {
        let header = algorithm.header();
        headers.contains_key(&header) || announced.contains(header.as_str().as_bytes())
    };
    ChecksumHasher {
        crc32: wanted(Algorithm::Crc32).then(crypto::Crc32::default),
        crc32c: wanted(Algorithm::Crc32c).then(crypto::Crc32c::default),
        sha1: wanted(Algorithm::Sha1).then(crypto::Sha1::default),
        sha256: wanted(Algorithm::Sha256).then(crypto::Sha256::default),
        crc64nvme: wanted(Algorithm::Crc64Nvme).then(crypto::Crc64Nvme::default),
    }
}
