//! How much memory a decode may take.
//!
//! The limit of the child's address space is 576 MiB; its own code, the file and
//! what is allocated beside the pixels stand in it too.

/// What a decode may take, in bytes.
const MOST: u64 = 480_000_000;
/// What a decode and the file may take together, in bytes.
const MOST_WITH_FILE: u64 = 530_000_000;

/// Whether a decode that needs so many bytes may begin.
pub(super) fn holds(need: u64, file: &[u8]) -> bool {
    need <= MOST && need.saturating_add(file.len() as u64) <= MOST_WITH_FILE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_file_leaves_less_to_its_pixels() {
        assert!(holds(MOST, &[]));
        assert!(!holds(MOST + 1, &[]));
        let file = vec![0; 60_000_000];
        assert!(!holds(MOST, &file));
        assert!(holds(450_000_000, &file));
    }
}
