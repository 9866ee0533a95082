//! Etags: the revision of a record, opaque to clients.

use super::super::error::Violation;
use super::names::at_most;

const MAX_ETAG_BYTES: usize = 64;

/// The etag of a revision.
pub(in crate::grpc) fn etag(revision: u64) -> String {
    format!("r{revision:x}")
}

/// The revision that a client gives back; `None` where it asks for none. An
/// etag of no record of ours is one that no record ever has.
pub(in crate::grpc) fn revision(field: &str, etag: &str) -> Result<Option<u64>, Violation> {
    at_most(field, etag, MAX_ETAG_BYTES)?;
    if etag.is_empty() {
        return Ok(None);
    }
    let digits = etag.strip_prefix('r').unwrap_or_default();
    Ok(Some(u64::from_str_radix(digits, 16).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_etag_reads_back_and_a_strange_one_matches_nothing() {
        assert_eq!(revision("etag", &etag(0x2a)), Ok(Some(0x2a)));
        assert_eq!(revision("etag", ""), Ok(None));
        assert_eq!(revision("etag", "somebody else's"), Ok(Some(u64::MAX)));
        assert!(revision("etag", &"r".repeat(65)).is_err());
    }
}
