//! What the kernel can be told to ration: memory, threads.

use crate::fleet::Fleet;
use crate::ground::running_service::RunningService;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A control group that a process is started in; removed when dropped.
pub struct ControlGroup {
    folder: PathBuf,
}

impl ControlGroup {
    /// One of this controller, such as `memory`; none where we may not.
    pub fn make(controller: &str) -> Option<Self> {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let nth = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("attachments-faults-{}-{nth}", std::process::id());
        let folder = Path::new("/sys/fs/cgroup").join(controller).join(name);
        fs::create_dir(&folder).ok().map(|()| Self { folder })
    }

    /// Starts a process of the fleet in it.
    pub async fn serve(&self, fleet: &Fleet, role: &str) -> RunningService {
        let procs = self.folder.join("cgroup.procs");
        let joined = format!("echo $$ >{}; exec \"$@\"", procs.display());
        fleet.serve_by(&["sh", "-c", &joined, "sh"], role).await
    }

    pub fn write(&self, name: &str, value: &str) {
        fs::write(self.folder.join(name), value).unwrap();
    }

    /// What the kernel counts.
    pub fn read(&self, name: &str) -> u64 {
        let text = fs::read_to_string(self.folder.join(name)).unwrap();
        // Some name what they count.
        text.split_whitespace().last().unwrap().parse().unwrap()
    }
}

impl Drop for ControlGroup {
    fn drop(&mut self) {
        // It stays if a process is left in it, and harms nobody.
        let _ = fs::remove_dir(&self.folder);
    }
}
