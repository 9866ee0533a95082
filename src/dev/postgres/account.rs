//! Whom the server runs as. Postgres refuses to run as root, so root hands it to an account without
//! rights; anyone else runs it as themselves.

use nix::unistd::{Uid, User, getegid, geteuid};
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::{MetadataExt as _, lchown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

/// Tried in this order: Debian's and RHEL's name, macOS's and BSD's name, then the account that
/// owns nothing.
const UNPRIVILEGED: [&str; 3] = ["postgres", "_postgres", "nobody"];

/// The number that stands for "nobody" where the user database has none of the names.
const OVERFLOW_ID: u32 = 65534;

/// The account of the server process and the owner of its files.
#[derive(Debug)]
pub(super) struct Account {
    uid: u32,
    gid: u32,
    /// We are root and become someone else.
    switched: bool,
}

impl Account {
    /// Ourselves, or the first unprivileged account of the machine when we are root.
    pub(super) fn choose() -> Self {
        if !geteuid().is_root() {
            return Self {
                uid: geteuid().as_raw(),
                gid: getegid().as_raw(),
                switched: false,
            };
        }
        let (uid, gid) = UNPRIVILEGED
            .iter()
            .filter_map(|name| User::from_name(name).ok().flatten())
            .find(|user| !user.uid.is_root())
            .map_or((OVERFLOW_ID, OVERFLOW_ID), |user| {
                (user.uid.as_raw(), user.gid.as_raw())
            });
        Self {
            uid,
            gid,
            switched: true,
        }
    }

    /// Someone else than us, whoever runs the test.
    #[cfg(test)]
    pub(super) fn stranger() -> Self {
        Self {
            uid: OVERFLOW_ID,
            gid: OVERFLOW_ID,
            switched: true,
        }
    }

    pub(super) fn uid(&self) -> u32 {
        self.uid
    }

    /// Whether files we create belong to someone else than this account.
    pub(super) fn is_switched(&self) -> bool {
        self.switched
    }

    /// Makes `command` run as this account. As root, std also clears the supplementary groups.
    pub(super) fn apply(&self, command: &mut Command) {
        if self.switched {
            command.uid(self.uid).gid(self.gid);
        }
    }

    /// Gives `path` to this account, without following a symlink.
    pub(super) fn own(&self, path: &Path) -> io::Result<()> {
        if self.switched {
            lchown(path, Some(self.uid), Some(self.gid))
        } else {
            Ok(())
        }
    }

    /// Whether `owner` is us or this account, so that a file of theirs was not planted by a third
    /// party.
    pub(super) fn trusts(&self, owner: u32) -> bool {
        owner == self.uid || Uid::from_raw(owner) == geteuid()
    }

    /// Whether the account can walk to the existing, canonical `folder`, by the mode bits on the
    /// way.
    pub(super) fn reaches(&self, folder: &Path) -> bool {
        !self.switched
            || folder.ancestors().all(|step| {
                step.metadata()
                    .is_ok_and(|metadata| self.may_enter(&metadata))
            })
    }

    /// The x bit of the one class that POSIX looks at: owner, else group, else others.
    fn may_enter(&self, folder: &Metadata) -> bool {
        let class = match folder {
            _ if folder.uid() == self.uid => 0o100,
            _ if folder.gid() == self.gid => 0o010,
            _ => 0o001,
        };
        folder.mode() & class != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn is_never_root() {
        assert_ne!(Account::choose().uid(), 0);
    }

    #[test]
    fn reaches_only_what_the_mode_bits_open() {
        let folder = std::env::temp_dir()
            .canonicalize()
            .unwrap()
            .join(uuid::Uuid::now_v7().to_string());
        fs::create_dir(&folder).unwrap();
        let stranger = Account::stranger();
        let owner = Account {
            uid: geteuid().as_raw(),
            gid: getegid().as_raw(),
            switched: true,
        };
        for (mode, by_stranger, by_owner) in [
            (0o711, true, true),
            (0o700, false, true),
            (0o011, true, false),
        ] {
            fs::set_permissions(&folder, Permissions::from_mode(mode)).unwrap();
            assert_eq!(
                stranger.may_enter(&folder.metadata().unwrap()),
                by_stranger,
                "{mode:o}"
            );
            assert_eq!(
                owner.may_enter(&folder.metadata().unwrap()),
                by_owner,
                "{mode:o}"
            );
        }
        fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
        assert!(!stranger.reaches(&folder));
        fs::remove_dir(&folder).unwrap();
    }
}
