//! What the service asks of a child, and what is made of its answers.
//!
//! Both sides stand here, so that they are read together: [`perform`] is the
//! child's, [`Sandbox::judge`] and [`Sandbox::prepare`] are the service's.

use super::descriptor::Input;
use super::failure::Failure;
use super::frame::{Frame, Garbled, Kind};
use super::frames::{Frames, Unsaid};
use super::launcher::Sandbox;
use super::picture::{Picture, PictureFacts, Purpose};
use super::source::Source;
use crate::attachment::extracted::Extracted;
use crate::attachment::media::{MediaKind, MediaType};
use crate::attachment::processing::ProcessingError;
use crate::inspect::{self, Hints, Judgement, Unshown};
use serde::{Deserialize, Serialize};
use std::io;

/// More text than any model reads at once.
const MAX_TEXT_BYTES: usize = 4 * 1024 * 1024;

/// What is asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
enum Task {
    /// What the file is, and whether it is whole.
    Judge(Hints),
    /// Pictures and text of a file of this type.
    Prepare(MediaType),
}

/// What could be made of a file.
#[derive(Debug, Default)]
pub struct Prepared {
    /// A picture for eyes.
    pub thumbnail: Option<Picture>,
    /// A picture that a model's interface takes, where the original is too much.
    pub model: Option<Picture>,
    /// The text.
    pub text: Option<Extracted>,
    /// Why there is no picture of a picture.
    pub error: Option<ProcessingError>,
    /// Why there is no more, where the child did not come to its end.
    pub failure: Option<Failure>,
}

/// Does what is asked, in a child.
pub fn perform(request: &[u8], source: Source, frames: &mut Frames) -> Result<(), Unsaid> {
    let task = serde_json::from_slice(request)?;
    match task {
        Task::Judge(hints) => {
            let length = source.len();
            let judgement = inspect::judge(source, length, &hints);
            frames.say(Kind::Verdict, &judgement.map_err(unread)?, &[])
        }
        Task::Prepare(media_type) => {
            let bytes = source.read_all().map_err(unread)?;
            prepare(media_type, &bytes, frames)
        }
    }
}

/// What cannot be read is said by saying nothing more.
fn unread(error: io::Error) -> Unsaid {
    Unsaid::Unheard(error)
}

fn prepare(media_type: MediaType, bytes: &[u8], frames: &mut Frames) -> Result<(), Unsaid> {
    if media_type.kind() == MediaKind::Image {
        let thumbnail = inspect::thumbnail(media_type, bytes);
        let error = thumbnail.as_ref().err().map(error_of);
        frames.say(Kind::Verdict, &error, &[])?;
        if let Ok(thumbnail) = thumbnail {
            show(Purpose::Thumbnail, &thumbnail, frames)?;
        }
        if let Ok(Some(picture)) = inspect::model(media_type, bytes) {
            show(Purpose::Model, &picture, frames)?;
        }
        return Ok(());
    }
    frames.say(Kind::Verdict, &None::<ProcessingError>, &[])?;
    let Some(text) = inspect::extract(media_type, bytes, MAX_TEXT_BYTES) else {
        return Ok(());
    };
    frames.say(Kind::Text, &(), &serde_json::to_vec(&text)?)
}

fn show(purpose: Purpose, picture: &inspect::Picture, frames: &mut Frames) -> Result<(), Unsaid> {
    let facts = PictureFacts {
        purpose,
        width: picture.width,
        height: picture.height,
    };
    frames.say(Kind::Preview, &facts, &picture.bytes)
}

fn error_of(unshown: &Unshown) -> ProcessingError {
    match unshown {
        Unshown::TooLarge => ProcessingError::TooManyPixels,
        Unshown::Flaw(_) | Unshown::Unwritable => ProcessingError::ExtractorFailed,
    }
}

impl Sandbox {
    /// Has a file judged.
    pub async fn judge(&self, input: Input, hints: Hints) -> Result<Judgement, Failure> {
        let mut answers = self.run(Task::Judge(hints).written()?, input).await;
        let first = answers.next().await?;
        let verdict = first.ok_or(Garbled::Silent)?;
        let judgement = verdict.facts()?;
        // What comes after an end is none of the verdict's.
        while answers.next().await?.is_some() {}
        Ok(judgement)
    }

    /// Has pictures and text made of a file of this type. What was made before
    /// a child failed is not lost.
    pub async fn prepare(&self, input: Input, media_type: MediaType) -> Prepared {
        let mut prepared = Prepared::default();
        let heard = async {
            let mut answers = self.run(Task::Prepare(media_type).written()?, input).await;
            while let Some(frame) = answers.next().await? {
                prepared.take(frame)?;
            }
            Ok(())
        };
        prepared.failure = heard.await.err();
        prepared
    }
}

impl Task {
    fn written(&self) -> Result<Vec<u8>, Failure> {
        serde_json::to_vec(self).map_err(|_| Garbled::Facts(Kind::Verdict).into())
    }
}

impl Prepared {
    fn take(&mut self, frame: Frame) -> Result<(), Failure> {
        match frame.kind {
            Kind::Verdict => self.error = frame.facts()?,
            Kind::Preview => {
                let picture = Picture::of(frame)?;
                match picture.purpose {
                    Purpose::Thumbnail => self.thumbnail = Some(picture),
                    Purpose::Model => self.model = Some(picture),
                }
            }
            Kind::Text => {
                let text = serde_json::from_slice(&frame.body);
                self.text = Some(text.map_err(|_| Garbled::Facts(Kind::Text))?);
            }
        }
        Ok(())
    }
}
