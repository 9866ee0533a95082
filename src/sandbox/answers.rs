//! What a child says, as its caller gets it: frame by frame as they come.

use super::failure::{Failure, Lack};
use super::frame::{Frame, Kind};
use super::layers::Layers;
use tokio::sync::mpsc;

/// What goes from a child's keeper to the caller.
#[derive(Debug)]
pub(super) enum Word {
    /// The child is confined by these.
    Confined(Layers),
    /// It said this.
    Said(Frame),
    /// It says no more, and is gone.
    Over(Result<(), Failure>),
}

/// Room for all that a child can say, so that its keeper never waits for the
/// caller: a child's time must not run out for what its caller does.
pub(super) const ALL_WORDS: usize =
    2 + Kind::Verdict.most() + Kind::Preview.most() + Kind::Text.most();

/// What a child says, as it comes. Dropped, it ends its child.
#[derive(Debug)]
pub struct Answers {
    words: mpsc::Receiver<Word>,
    layers: Option<Layers>,
    over: bool,
}

/// All that a child said.
#[derive(Debug)]
pub struct Answer {
    /// The frames that came, in their order.
    pub frames: Vec<Frame>,
    /// Why there are no more, where it was not at its end.
    pub failure: Option<Failure>,
}

impl Answers {
    pub(super) const fn new(words: mpsc::Receiver<Word>) -> Self {
        Self {
            words,
            layers: None,
            over: false,
        }
    }

    /// The next frame; none when the child has said all, and is gone. An error
    /// is the last thing that comes, and takes back nothing that came before.
    pub async fn next(&mut self) -> Result<Option<Frame>, Failure> {
        while !self.over {
            match self.words.recv().await {
                Some(Word::Confined(layers)) => self.layers = Some(layers),
                Some(Word::Said(frame)) => return Ok(Some(frame)),
                Some(Word::Over(Ok(()))) => self.over = true,
                Some(Word::Over(Err(failure))) => {
                    self.over = true;
                    return Err(failure);
                }
                // Its keeper ended with the runtime.
                None => {
                    self.over = true;
                    return Err(Lack::Ending.into());
                }
            }
        }
        Ok(None)
    }

    /// Waits for all of it.
    pub async fn all(mut self) -> Answer {
        let mut frames = Vec::new();
        loop {
            match self.next().await {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => {
                    return Answer {
                        frames,
                        failure: None,
                    };
                }
                Err(failure) => {
                    return Answer {
                        frames,
                        failure: Some(failure),
                    };
                }
            }
        }
    }

    /// The layers that hold the child, known when its first frame is.
    #[must_use]
    pub const fn layers(&self) -> Option<&Layers> {
        self.layers.as_ref()
    }
}
