//! What a worker is called: by its host, so that an attempt leads to the log
//! of the pod that made it, and by a few letters more, for two processes of
//! one host are two workers.

use std::fs;
use uuid::Uuid;

/// Where Linux keeps the host's name, which is the pod's in Kubernetes; and
/// where other systems may.
const HOST_NAMES: [&str; 2] = ["/proc/sys/kernel/hostname", "/etc/hostname"];
/// Letters that no other process of the host has had.
const OWN_LETTERS: usize = 8;

/// A name that no process had before.
pub(super) fn of_this_process() -> String {
    let host = HOST_NAMES.iter().find_map(|path| host(path));
    let unique = Uuid::now_v7().simple().to_string();
    // The end of it is random, its beginning the time.
    let own = &unique[unique.len() - OWN_LETTERS..];
    format!("{}-{own}", host.as_deref().unwrap_or("unnamed-host"))
}

fn host(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let name = text.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_processes_of_a_host_have_two_names() {
        let (one, other) = (of_this_process(), of_this_process());
        assert_ne!(one, other);
        let host = |name: &str| name.rsplit_once('-').map(|(host, _)| host.to_owned());
        assert_eq!(host(&one), host(&other));
    }
}
