//! The hash of what is read, held against that of what was stored.

use crate::attachment::status::Sha256;
use sha2::Digest as _;

/// Follows a whole object as it is read.
pub(super) struct Check {
    stored: Sha256,
    read: sha2::Sha256,
}

impl Check {
    pub(super) fn against(stored: Sha256) -> Self {
        Self {
            stored,
            read: sha2::Sha256::new(),
        }
    }

    pub(super) fn update(&mut self, piece: &[u8]) {
        self.read.update(piece);
    }

    /// Whether everything was read as it was stored.
    pub(super) fn holds(self) -> bool {
        self.read.finalize()[..] == self.stored.0[..]
    }
}
