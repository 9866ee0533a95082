//! The one thread that children are started from.
//!
//! The signal that ends a child with its parent comes when the *thread* ends
//! that started it. So none is started from a thread of the runtime, which
//! comes and goes with its work: this one lives as long as anybody may have a
//! child, for each holds a [`Spawner`].

use super::failure::Lack;
use super::limits::Limits;
use super::settings::Settings;
use std::io::{self, PipeReader};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::mpsc::{self, Receiver, Sender};
use std::{process, thread};
use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// Starts children, by its thread.
#[derive(Debug, Clone)]
pub(super) struct Spawner {
    orders: Sender<Order>,
}

/// A child that was started, and its parent's ends of what joins them.
#[derive(Debug)]
pub(super) struct Spawned {
    /// Killed when this is dropped.
    pub(super) child: Child,
    /// The request goes and the answer comes by this.
    pub(super) socket: UnixStream,
    /// What it says in dying. Never blocks.
    pub(super) stderr: PipeReader,
}

struct Order {
    file: OwnedFd,
    runtime: Handle,
    reply: oneshot::Sender<io::Result<Spawned>>,
}

impl Spawner {
    /// Starts the thread.
    pub(super) fn new(settings: &Settings) -> io::Result<Self> {
        let (orders, ordered) = mpsc::channel();
        let (program, limits) = (settings.program.clone(), Limits::of(settings));
        thread::Builder::new()
            .name("sandbox".to_owned())
            .spawn(move || serve(&ordered, &program, limits))?;
        Ok(Self { orders })
    }

    /// Starts a child that has this file.
    pub(super) async fn spawn(&self, file: OwnedFd) -> Result<Spawned, Lack> {
        let (reply, replied) = oneshot::channel();
        let runtime = Handle::current();
        let order = Order {
            file,
            runtime,
            reply,
        };
        self.orders.send(order).map_err(|_| Lack::Ending)?;
        Ok(replied.await.map_err(|_| Lack::Ending)??)
    }
}

fn serve(orders: &Receiver<Order>, program: &PathBuf, limits: Limits) {
    while let Ok(order) = orders.recv() {
        // A child is waited for by the runtime that asked for it.
        let _entered = order.runtime.enter();
        // Where nobody waits for it any more, it is dropped here, and killed.
        let _ = order.reply.send(start(program, limits, order.file));
    }
}

fn start(program: &PathBuf, limits: Limits, file: OwnedFd) -> io::Result<Spawned> {
    let (socket, stdout) = UnixStream::pair()?;
    socket.set_nonblocking(true)?;
    let (stderr, said) = io::pipe()?;
    rustix::io::ioctl_fionbio(&stderr, true)?;
    let child = Command::new(program)
        .arg0("attachments")
        .args(limits.arguments(process::id()))
        .env_clear()
        .current_dir("/")
        // What is typed at a terminal is for the service.
        .process_group(0)
        .stdin(Stdio::from(file))
        .stdout(Stdio::from(OwnedFd::from(stdout)))
        .stderr(Stdio::from(said))
        .kill_on_drop(true)
        .spawn()?;
    Ok(Spawned {
        child,
        socket,
        stderr,
    })
}
