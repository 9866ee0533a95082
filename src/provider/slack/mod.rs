//! Slack's files: `url_private_download` with the bot token, and `files.info`
//! where the event alone does not say enough.
//!
//! Slack answers a missing scope, a revoked token and a file that is not
//! ready yet alike: 200 with its sign-in page. So a page where a file was
//! expected is put to `files.info`, which tells the three apart, and from a
//! file that is a page.

mod info;

use crate::attachment::failure::FailureReason;
use crate::attachment::source::SlackSource;
use crate::egress::{ChosenBy, Egress, FetchError, Fetched, Known, Reply, ResponseHead};
use ::url::{Host, Origin, Url};
use bytes::BytesMut;
use futures::{StreamExt as _, stream};
use http::StatusCode;
use secrecy::SecretString;

/// Where Slack is, and which hosts may see a token.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Base of the Web API, `https://slack.com/api` in production.
    pub api_url: Url,
    /// Who gets the token with a file request.
    pub file_origins: Vec<Origin>,
    /// Who a redirect may lead to, without the token.
    pub redirect_hosts: Vec<RedirectHost>,
}

/// Who a redirect may lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedirectHost {
    /// This one.
    Origin(Origin),
    /// Whatever ends in this, its leading dot included, over https at port 443.
    SubdomainOf(String),
}

impl RedirectHost {
    fn covers(&self, origin: &Origin) -> bool {
        match (self, origin) {
            (Self::Origin(known), _) => known == origin,
            (Self::SubdomainOf(suffix), Origin::Tuple(scheme, Host::Domain(host), 443)) => {
                scheme == "https" && host.ends_with(suffix.as_str())
            }
            (Self::SubdomainOf(_), _) => false,
        }
    }
}

/// Redirects that are followed at most.
const MAX_HOPS: usize = 3;

const REQUEST_ID: &str = "x-slack-req-id";

/// Where Slack sends whoever may not see a file, unless it says so by `redir`.
const SIGN_IN_PATH: &str = "/signin";

pub(super) async fn fetch(
    egress: &Egress,
    settings: &Settings,
    source: &SlackSource,
    credential: &SecretString,
) -> Result<Fetched, FetchError> {
    let slack = Slack {
        egress,
        settings,
        credential,
    };
    let announced = source
        .url_private_download
        .as_deref()
        .filter(|_| source.file_access != "check_file_info");
    let mut known = Known::default();
    let url = if let Some(url) = announced {
        url.to_owned()
    } else {
        let file = info::get(egress, settings, &source.file_id, credential).await?;
        known = file.known();
        file.download_url()?
    };
    let (page, head) = match slack.download(&url).await? {
        Answer::File(reply, head) => {
            let fetched = reply.into_fetched(head.clone())?;
            match reveal(Fetched { known, ..fetched }).await? {
                Revealed::File(fetched) => return Ok(fetched),
                Revealed::Page(fetched) => (Some(fetched), head),
            }
        }
        Answer::SignIn(head) => (None, head),
    };
    let file = info::get(egress, settings, &source.file_id, credential).await?;
    if let Some(fetched) = page.filter(|fetched| file.is_page(fetched.content_length)) {
        let known = file.known();
        return Ok(Fetched { known, ..fetched });
    }
    let detail = "Slack sent a page instead of the file";
    Err(FetchError::new(FailureReason::SourceNotReady, detail).with_head(head))
}

enum Revealed {
    File(Fetched),
    /// A page, which may be the file.
    Page(Fetched),
}

/// More than a page needs to be known by.
const HEAD_BYTES: usize = 512;

/// Looks at the first bytes, in however small pieces they come: the sign-in
/// page comes under other types too.
async fn reveal(mut fetched: Fetched) -> Result<Revealed, FetchError> {
    let mut head = BytesMut::new();
    while head.len() < HEAD_BYTES
        && let Some(piece) = fetched.body.next().await.transpose()?
    {
        head.extend_from_slice(&piece);
    }
    let head = head.freeze();
    let start = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&head);
    let start = start.trim_ascii_start();
    let is_page = [b"<!doctype html".as_slice(), b"<html"].iter().any(|tag| {
        start
            .get(..tag.len())
            .is_some_and(|bytes| bytes.eq_ignore_ascii_case(tag))
    });
    if !head.is_empty() {
        fetched.body = stream::once(async { Ok(head) }).chain(fetched.body).boxed();
    }
    Ok(if is_page {
        Revealed::Page(fetched)
    } else {
        Revealed::File(fetched)
    })
}

struct Slack<'a> {
    egress: &'a Egress,
    settings: &'a Settings,
    credential: &'a SecretString,
}

enum Answer {
    File(Reply, ResponseHead),
    SignIn(ResponseHead),
}

impl Slack<'_> {
    /// Follows redirects by hand, so that each hop is checked and the token
    /// goes to file hosts only.
    async fn download(&self, url: &str) -> Result<Answer, FetchError> {
        let mut url = Url::parse(url).map_err(|_| refused("the file's address cannot be read"))?;
        let mut credential = match self.audience(&url) {
            Audience::FileHost => Some(self.credential),
            Audience::Bare | Audience::SignIn | Audience::Stranger => {
                return Err(refused(
                    "the file's address is not one of Slack's file hosts",
                ));
            }
        };
        for _ in 0..=MAX_HOPS {
            let reply = self
                .egress
                .get(url.clone(), ChosenBy::Outsider, credential)
                .await?;
            let head = reply.head(REQUEST_ID);
            match reply.status() {
                StatusCode::OK => return Ok(Answer::File(reply, head)),
                status if status.is_redirection() => {
                    url = next_hop(&url, &reply)?;
                    credential = match self.audience(&url) {
                        Audience::FileHost => Some(self.credential),
                        Audience::Bare => None,
                        Audience::SignIn => return Ok(Answer::SignIn(head)),
                        Audience::Stranger => {
                            return Err(refused(
                                "Slack redirects to a host that is not on the list",
                            )
                            .with_head(head));
                        }
                    };
                }
                _ => return Err(reply.failure(head)),
            }
        }
        Err(refused("Slack redirects too often"))
    }

    /// What a host may see. Origins are compared whole:
    /// `files.slack.com.evil.example` is a stranger.
    fn audience(&self, url: &Url) -> Audience {
        let origin = url.origin();
        let mut redirect_hosts = self.settings.redirect_hosts.iter();
        // By its place in the path: a file may be called `signin.pdf`.
        let signs_in = url.path() == SIGN_IN_PATH || url.query_pairs().any(|(k, _)| k == "redir");
        if self.settings.file_origins.contains(&origin) && !signs_in {
            Audience::FileHost
        } else if redirect_hosts.any(|known| known.covers(&origin)) {
            Audience::Bare
        } else if signs_in {
            Audience::SignIn
        } else {
            Audience::Stranger
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Audience {
    FileHost,
    Bare,
    SignIn,
    Stranger,
}

fn next_hop(from: &Url, reply: &Reply) -> Result<Url, FetchError> {
    let next = reply
        .location()
        .and_then(|location| from.join(location).ok());
    next.ok_or_else(|| refused("Slack redirects to nowhere"))
}

fn refused(detail: &'static str) -> FetchError {
    FetchError::new(FailureReason::SourceRefusedAddress, detail)
}
