//! The file as a child gets it: a descriptor that nothing can be written by.
//!
//! A spool's own descriptor can be written by, and what is hashed before a
//! child saw it must be what is put afterwards, whatever became of the child.

use bytes::Bytes;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// The file that is inspected.
#[derive(Debug, Clone)]
pub enum Input {
    /// Bytes in memory. They are there twice while their child lives.
    Memory(Bytes),
    /// A file, from its beginning, though it may have no name. It must not
    /// be written to any more.
    File(Arc<File>),
}

impl Input {
    /// The descriptor for a child. Blocks.
    pub(super) fn open(&self) -> io::Result<OwnedFd> {
        match self {
            Self::Memory(bytes) => sealed(bytes),
            Self::File(file) => reopened(file),
        }
    }
}

/// Memory that has a descriptor, and cannot change any more.
#[cfg(target_os = "linux")]
fn sealed(bytes: &[u8]) -> io::Result<OwnedFd> {
    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
    use rustix::io::Errno;
    use std::io::Write as _;

    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let memory = match memfd_create("attachment", flags | MemfdFlags::NOEXEC_SEAL) {
        // Kernels before 6.3 do not know that memory can be without this right.
        Err(Errno::INVAL) => memfd_create("attachment", flags)?,
        made => made?,
    };
    let mut file = File::from(memory);
    file.write_all(bytes)?;
    let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
    fcntl_add_seals(&file, seals)?;
    Ok(file.into())
}

/// The same file, opened once more to be read only. By this path it is found
/// without a name, too.
#[cfg(target_os = "linux")]
fn reopened(file: &File) -> io::Result<OwnedFd> {
    use std::os::fd::AsRawFd as _;

    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok(File::open(path)?.into())
}

#[cfg(not(target_os = "linux"))]
fn sealed(bytes: &[u8]) -> io::Result<OwnedFd> {
    use std::io::Write as _;

    let mut file = tempfile::tempfile()?;
    file.write_all(bytes)?;
    Ok(file.into())
}

/// Without Linux's way to open it once more, a child can write to it. Such a
/// machine is there to develop on.
#[cfg(not(target_os = "linux"))]
fn reopened(file: &File) -> io::Result<OwnedFd> {
    Ok(file.try_clone()?.into())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::os::unix::fs::FileExt as _;

    #[test]
    fn nothing_can_be_written_by_it() {
        let mut spool = tempfile::tempfile().unwrap();
        spool.write_all(b"0123456789").unwrap();
        for input in [
            Input::Memory(Bytes::from_static(b"0123456789")),
            Input::File(Arc::new(spool)),
        ] {
            let file = File::from(input.open().unwrap());
            assert!(file.write_at(b"x", 3).is_err(), "{input:?}");
            assert!(file.write_at(b"x", 10).is_err(), "{input:?}");
            assert!(file.set_len(3).is_err(), "{input:?}");
            let mut bytes = [0; 11];
            assert_eq!(file.read_at(&mut bytes, 0).unwrap(), 10);
            assert_eq!(&bytes[..10], b"0123456789");
        }
    }
}
