//! What a simulated provider does at each request for a file: a script of steps.

use super::wire::Fault;
use http::{HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use std::str::FromStr;
use std::time::Duration;

/// The steps, as an error and the help text spell them.
pub(super) const GRAMMAR: &str = "ok, a status (404) or status:retry-after (429:7), redirect:URL, signin, html[:TYPE], \
     gzip, chunked, empty, endless, hang, stall[:BYTES], drip[:MILLISECONDS], reset[:BYTES], cut[:BYTES], close[:BYTES], \
     lying:+N, lying:-N";

/// What happens at one request. Byte counts are of the body, and are always
/// kept below the body's length: a cut cuts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// The content, with its length.
    Ok,
    /// A status with the provider's own error body; 202 has none.
    Status {
        code: StatusCode,
        /// As written in the script: seconds, a date or nonsense.
        retry_after: Option<HeaderValue>,
    },
    /// 302 to this address.
    Redirect(HeaderValue),
    /// 302 to the provider's sign-in page.
    SignIn,
    /// 200 with Slack's sign-in page under this content type.
    Html(HeaderValue),
    /// The content as `Content-Encoding: gzip`, whatever the client accepts.
    Gzip,
    /// The content without a length, in chunks.
    Chunked,
    /// 200 without a byte.
    Empty,
    /// The content, then zeros until the client leaves.
    Endless,
    /// No answer at all until the client leaves.
    Hang,
    /// A right head, this much of the body (half of it by default), then silence.
    Stall(Option<usize>),
    /// The content, a byte at a time.
    Drip(Duration),
    /// What HTTP itself does not allow.
    Broken(Fault),
}

/// Why a text is not a step.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("script[{position}] {text:?} is no step; the steps are: {GRAMMAR}")]
pub struct InvalidStep {
    position: usize,
    text: String,
}

/// Steps, one a request; the last one repeats, and none at all means `ok`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(try_from = "WrittenScript", into = "WrittenScript")]
pub(super) struct Script {
    steps: Vec<Step>,
    texts: Vec<String>,
    next: usize,
}

/// A script as it is kept: the steps' texts, and how many were played.
#[derive(Serialize, Deserialize)]
struct WrittenScript {
    steps: Vec<String>,
    played: usize,
}

impl TryFrom<WrittenScript> for Script {
    type Error = InvalidStep;

    fn try_from(written: WrittenScript) -> Result<Self, InvalidStep> {
        let next = written.played;
        Ok(Self {
            next,
            ..Self::parse(written.steps)?
        })
    }
}

impl From<Script> for WrittenScript {
    fn from(script: Script) -> Self {
        Self {
            steps: script.texts,
            played: script.next,
        }
    }
}

impl Script {
    /// Reads steps in their written form.
    pub(super) fn parse<I>(texts: I) -> Result<Self, InvalidStep>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let texts = texts.into_iter().map(|text| text.as_ref().to_owned());
        let texts: Vec<String> = texts.collect();
        let steps = texts.iter().enumerate().map(|(position, text)| {
            text.parse().map_err(|UnknownStep| InvalidStep {
                position,
                text: text.clone(),
            })
        });
        Ok(Self {
            steps: steps.collect::<Result<_, _>>()?,
            texts,
            next: 0,
        })
    }

    /// The step of the next request, which stays the next one.
    pub(super) fn peek(&self) -> Step {
        let last = self.steps.len().saturating_sub(1);
        self.steps
            .get(self.next.min(last))
            .cloned()
            .unwrap_or(Step::Ok)
    }

    /// The step of this request.
    pub(super) fn advance(&mut self) -> Step {
        let step = self.peek();
        self.next = self.next.saturating_add(1);
        step
    }

    /// How many requests it has answered.
    pub(super) fn played(&self) -> usize {
        self.next
    }
}

/// The text is no step; [`Script::parse`] says which one.
pub(super) struct UnknownStep;

impl FromStr for Step {
    type Err = UnknownStep;

    fn from_str(text: &str) -> Result<Self, UnknownStep> {
        let (verb, argument) = match text.split_once(':') {
            Some((verb, argument)) => (verb, Some(argument)),
            None => (text, None),
        };
        Ok(match (verb, argument) {
            ("ok" | "200", None) => Self::Ok,
            ("redirect", Some(url)) => Self::Redirect(header(url)?),
            ("signin", None) => Self::SignIn,
            ("html", content_type) => {
                Self::Html(header(content_type.unwrap_or("text/html; charset=utf-8"))?)
            }
            ("gzip", None) => Self::Gzip,
            ("chunked", None) => Self::Chunked,
            ("empty", None) => Self::Empty,
            ("endless", None) => Self::Endless,
            ("hang", None) => Self::Hang,
            ("stall", bytes) => Self::Stall(number(bytes)?),
            ("drip", every) => Self::Drip(Duration::from_millis(number(every)?.unwrap_or(200))),
            ("reset", bytes) => Self::Broken(Fault::Reset(number(bytes)?)),
            ("cut", bytes) => Self::Broken(Fault::Cut(number(bytes)?)),
            ("close", bytes) => Self::Broken(Fault::Close(number(bytes)?)),
            ("lying", Some(by)) => Self::Broken(Fault::Lying(by.parse().map_err(|_| UnknownStep)?)),
            (code, retry_after) => Self::Status {
                code: status(code)?,
                retry_after: retry_after.map(header).transpose()?,
            },
        })
    }
}

/// Any final status but 200, which is `ok`.
fn status(code: &str) -> Result<StatusCode, UnknownStep> {
    code.parse()
        .ok()
        .filter(|code: &StatusCode| (201..=599).contains(&code.as_u16()))
        .ok_or(UnknownStep)
}

fn header(text: &str) -> Result<HeaderValue, UnknownStep> {
    HeaderValue::from_str(text).map_err(|_| UnknownStep)
}

fn number<T: FromStr>(text: Option<&str>) -> Result<Option<T>, UnknownStep> {
    text.map(str::parse).transpose().map_err(|_| UnknownStep)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_step_a_request_and_the_last_repeats() {
        let mut script = Script::parse(["202", "429:7", "ok"]).unwrap();
        let status = |code| StatusCode::from_u16(code).unwrap();
        assert_eq!(
            script.advance(),
            Step::Status {
                code: status(202),
                retry_after: None
            }
        );
        let retry_after = Some(HeaderValue::from_static("7"));
        assert_eq!(
            script.advance(),
            Step::Status {
                code: status(429),
                retry_after
            }
        );
        assert_eq!([script.advance(), script.advance()], [Step::Ok, Step::Ok]);
        assert_eq!(script.played(), 4);
    }

    #[test]
    fn no_script_is_ok() {
        assert_eq!(Script::default().advance(), Step::Ok);
    }

    #[test]
    fn a_retry_after_may_be_a_date() {
        let script = Script::parse(["503:Wed, 21 Oct 2015 07:28:00 GMT"]).unwrap();
        let Step::Status {
            retry_after: Some(date),
            ..
        } = script.peek()
        else {
            panic!("no date");
        };
        assert_eq!(date, "Wed, 21 Oct 2015 07:28:00 GMT");
    }

    #[test]
    fn a_bad_step_is_named_with_its_place() {
        for bad in [
            "",
            "flap",
            "100",
            "600",
            "cut:x",
            "ok:1",
            "lying",
            "lying:x",
            "redirect",
            "drip:-1",
            "redirect:\n",
        ] {
            let error = Script::parse(["ok", bad]).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("script[1] {bad:?} is no step")),
                "{error}"
            );
        }
    }
}
