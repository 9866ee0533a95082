//! A child's keeper: asks it, hears it out, sees it off.
//!
//! It is a task of its own, which nobody can drop half-way: a slot is free
//! again only when its child is gone, so there are never more than slots.

use super::answers::Word;
use super::descriptor::Input;
use super::failure::{Budget, Ended, Failure, Lack};
use super::frame::{Frame, Garbled, HEAD_BYTES, Head, Mark, Order};
use super::layers::{Layer, Layers};
use super::spawner::{Spawned, Spawner};
use bytes::{Bytes, BytesMut};
use std::io::{self, PipeReader, Read as _};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::process::Child;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};

/// What is kept of what a dying child says.
const MAX_SAID_BYTES: usize = 4096;

/// Room that is made for an answer at first.
const PIECE_BYTES: usize = 64 * 1024;

/// One question to one child.
#[derive(Debug)]
pub(super) struct Conversation {
    pub(super) spawner: Spawner,
    pub(super) request: Vec<u8>,
    pub(super) input: Input,
    pub(super) wall: Duration,
    pub(super) words: mpsc::Sender<Word>,
}

/// How a child stopped talking.
enum Stopped {
    /// It said all.
    Done,
    /// It said what is no answer.
    Garbled(Garbled),
    /// It closed its end, as in dying.
    Closed,
    /// It had no more time.
    Late,
    /// Nobody wants to know any more.
    Unheard,
}

impl Conversation {
    /// Has the whole conversation. The child is gone when this returns.
    pub(super) async fn hold(self) {
        let over = match self.begin().await {
            Ok((spawned, socket)) => self.keep(spawned, socket).await,
            Err(lack) => Err(lack.into()),
        };
        // Whoever asked may be gone.
        let _ = self.words.try_send(Word::Over(over));
    }

    async fn begin(&self) -> Result<(Keep, UnixStream), Lack> {
        let input = self.input.clone();
        let opened = spawn_blocking(move || input.open()).await;
        let file = opened.map_err(|_| Lack::Ending)??;
        let Spawned {
            child,
            socket,
            stderr,
        } = self.spawner.spawn(file).await?;
        Ok((Keep { child, stderr }, UnixStream::from_std(socket)?))
    }

    async fn keep(&self, mut keep: Keep, socket: UnixStream) -> Result<(), Failure> {
        let deadline = Instant::now() + self.wall;
        let mut talk = Talk {
            socket,
            order: Order::default(),
            begun: false,
            words: &self.words,
        };
        let stopped = tokio::select! {
            biased;
            () = self.words.closed() => Stopped::Unheard,
            stopped = timeout_at(deadline, talk.listen(&self.request)) => {
                stopped.unwrap_or(Stopped::Late)
            }
        };
        let begun = talk.begun;
        // A child that has closed its end is about to end by itself.
        let ended = match stopped {
            Stopped::Closed => keep.wait(deadline).await,
            _ => None,
        };
        let Some(how) = ended else {
            keep.kill().await;
            return match stopped {
                Stopped::Done | Stopped::Unheard => Ok(()),
                Stopped::Garbled(garbled) if begun => Err(garbled.into()),
                Stopped::Garbled(garbled) => Err(Lack::Stranger(garbled).into()),
                Stopped::Closed | Stopped::Late if begun => Err(Failure::OutOfTime(Budget::Wall)),
                Stopped::Closed | Stopped::Late => Err(Lack::Time.into()),
            };
        };
        let said = keep.said();
        Err(if begun {
            Failure::died(how, said)
        } else {
            Lack::Confinement { how, said }.into()
        })
    }
}

/// What is heard of a child.
struct Talk<'a> {
    socket: UnixStream,
    order: Order,
    /// Whether the child is confined, and may have read.
    begun: bool,
    words: &'a mpsc::Sender<Word>,
}

impl Talk<'_> {
    /// Asks, and passes on what comes.
    async fn listen(&mut self, request: &[u8]) -> Stopped {
        let mut silent = true;
        loop {
            let (mark, header, body) = match self.frame().await {
                Ok(frame) => frame,
                Err(stopped) => return stopped,
            };
            let word = match mark {
                Mark::End if silent && !request.is_empty() => {
                    return Stopped::Garbled(Garbled::Silent);
                }
                Mark::End => return Stopped::Done,
                Mark::Said(kind) => {
                    silent = false;
                    Word::Said(Frame { kind, header, body })
                }
                Mark::Confined => {
                    let Some(layers) = confinement(&header) else {
                        return Stopped::Garbled(Garbled::Unconfined);
                    };
                    self.begun = true;
                    // One that dies now is heard of by what it leaves behind.
                    let _ = self.socket.write_all(request).await;
                    let _ = self.socket.shutdown().await;
                    Word::Confined(layers)
                }
            };
            if self.words.try_send(word).is_err() {
                return Stopped::Unheard;
            }
        }
    }

    async fn frame(&mut self) -> Result<(Mark, Bytes, Bytes), Stopped> {
        let mut head = [0; HEAD_BYTES];
        let read = self.socket.read_exact(&mut head).await;
        read.map_err(|_| Stopped::Closed)?;
        let head = Head::decode(head).map_err(Stopped::Garbled)?;
        self.order.admit(head).map_err(Stopped::Garbled)?;
        let length = head.header_bytes + head.body_bytes;
        // Room is made for what comes, not for what is promised.
        let mut rest = BytesMut::with_capacity(length.min(PIECE_BYTES));
        while rest.len() < length {
            let left = (length - rest.len()) as u64;
            let read = (&mut self.socket).take(left).read_buf(&mut rest).await;
            if !read.is_ok_and(|read| read > 0) {
                return Err(Stopped::Closed);
            }
        }
        let header = rest.split_to(head.header_bytes).freeze();
        Ok((head.mark, header, rest.freeze()))
    }
}

/// What a child says of its layers, if they are enough to go on.
fn confinement(header: &[u8]) -> Option<Layers> {
    let layers: Layers = serde_json::from_slice(header).ok()?;
    let enough = !cfg!(target_os = "linux") || layers.hold(Layer::Seccomp);
    enough.then_some(layers)
}

/// A child that has to be seen off.
struct Keep {
    child: Child,
    stderr: PipeReader,
}

impl Keep {
    async fn wait(&mut self, deadline: Instant) -> Option<Ended> {
        let waited = timeout_at(deadline, self.child.wait()).await;
        Some(waited.ok()?.ok()?.into())
    }

    async fn kill(&mut self) {
        if let Err(error) = self.child.kill().await {
            tracing::warn!(%error, "a child of the sandbox could not be waited for");
        }
    }

    /// What it said in dying. Printable, and of one line: it may be anything.
    fn said(&self) -> String {
        let mut said = [0; MAX_SAID_BYTES];
        let length = read_now(&self.stderr, &mut said).unwrap_or(0);
        let said = said.get(..length).unwrap_or_default().trim_ascii();
        said.escape_ascii().to_string()
    }
}

fn read_now(mut pipe: &PipeReader, bytes: &mut [u8]) -> io::Result<usize> {
    pipe.read(bytes)
}
