//! The parent's side: a question, a slot, a child.

use super::answers::{ALL_WORDS, Answers};
use super::conversation::Conversation;
use super::descriptor::Input;
use super::failure::{Failure, Lack};
use super::layers::Layers;
use super::settings::Settings;
use super::spawner::Spawner;
use bytes::Bytes;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};

/// Has files inspected, each by a child of its own. Clones share their slots.
#[derive(Debug, Clone)]
pub struct Sandbox {
    spawner: Spawner,
    slots: Arc<Semaphore>,
    wall: Duration,
}

impl Sandbox {
    /// Starts the thread that children are started from.
    pub fn new(settings: &Settings) -> io::Result<Self> {
        Ok(Self {
            spawner: Spawner::new(settings)?,
            slots: Arc::new(Semaphore::new(settings.slots.max(1))),
            wall: settings.wall,
        })
    }

    /// Asks a child of its own about this file; up to 1 MiB may be asked, and
    /// no less than a byte.
    ///
    /// Waits for a slot, behind those that waited before; one that waits no
    /// more gives up its place. What happens afterwards comes by the answers.
    /// The child is kept by the runtime that this is called in.
    pub async fn run(&self, request: Vec<u8>, input: Input) -> Answers {
        // It is never closed; if it were, one child too many does no harm.
        let slot = self.slots.clone().acquire_owned().await.ok();
        let (words, heard) = mpsc::channel(ALL_WORDS);
        let conversation = Conversation {
            spawner: self.spawner.clone(),
            request,
            input,
            wall: self.wall,
            words,
        };
        tokio::spawn(async move {
            conversation.hold().await;
            drop(slot);
        });
        Answers::new(heard)
    }

    /// The layers that hold a child here, found out by one that reads nothing.
    /// An error where a child could not be confined at all.
    pub async fn layers_that_hold(&self) -> Result<Layers, Failure> {
        let mut answers = self.run(Vec::new(), Input::Memory(Bytes::new())).await;
        while answers.next().await?.is_some() {}
        Ok(answers.layers().cloned().ok_or(Lack::Ending)?)
    }
}
