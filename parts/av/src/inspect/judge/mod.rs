//! What a file is: every walker asked in its turn.
//!
//! The bytes decide. What a file is called, by whomever, is heard in two cases
//! only: which kind of text a text is, and which of two walkers is told of when
//! none of them found a whole file.

mod text_type;

use super::archive;
use super::av;
use super::compound;
use super::found::{Facts, Flaw, Found};
use super::image;
use super::ooxml;
use super::pdf;
use super::reading::Stopped;
use super::recognize::{Format, HEAD_BYTES, recognize};
use super::text::check as check_text;
use crate::attachment::language::Language;
use crate::attachment::media::{DeclaredType, MediaType};
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Seek, SeekFrom};

/// Pictures and documents are judged in memory, and no limit is set beyond this.
const MOST_IN_MEMORY: u64 = 64 << 20;

/// What is known of a file beside its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hints {
    /// The type its sender declares.
    pub declared: DeclaredType,
    /// The type that its name ends in.
    pub by_name: Option<MediaType>,
    /// The type its provider sends it with.
    pub served: Option<MediaType>,
    /// Pages are taken where it came by.
    pub takes_html: bool,
    /// As many bytes came as were announced, and somebody announced them: a
    /// file without its end was not cut on the way.
    pub is_whole_by_length: bool,
    /// The language of the tenant, which tells like encodings apart.
    pub language: Language,
}

/// What a file is, or why it is not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Judgement {
    /// It is whole, and this.
    Found(Found),
    /// It is not taken, whatever is opted in.
    Refused(Refusal),
}

/// Why a file is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum Refusal {
    /// It is broken or cut.
    #[error("{began_as}: {flaw}")]
    Corrupt {
        /// What is wrong, and where.
        flaw: Flaw,
        /// The type that it begins as; a container that may be several is told
        /// by what the file is called.
        began_as: MediaType,
    },
    /// It has more pixels than are taken.
    #[error("{media_type} of {width} by {height} pixels")]
    TooManyPixels {
        /// What kind of picture it is.
        media_type: MediaType,
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
    },
    /// It is larger than any picture or document that is taken.
    #[error("{began_as} of {bytes} bytes")]
    TooLarge {
        /// The type that it begins as.
        began_as: MediaType,
        /// Its size.
        bytes: u64,
    },
    /// It is of a kind that is known and not listed: "a macro-enabled workbook".
    #[error("{0}")]
    NotListed(String),
    /// It is of no kind that is known.
    #[error("of no kind that is known")]
    NotRecognized,
}

impl Refusal {
    /// The type that it begins as, where it has one. A type that is not taken
    /// is a better reason than what is wrong with the file.
    #[must_use]
    pub const fn began_as(&self) -> Option<MediaType> {
        match self {
            Self::Corrupt { began_as, .. } | Self::TooLarge { began_as, .. } => Some(*began_as),
            Self::TooManyPixels { media_type, .. } => Some(*media_type),
            Self::NotListed(_) | Self::NotRecognized => None,
        }
    }
}

/// Judges a file of so many bytes, from its first one.
///
/// # Errors
/// Where it could not be read, or memory did not suffice to: that says nothing
/// about the file.
pub fn judge(mut bytes: impl Read + Seek, len: u64, hints: &Hints) -> io::Result<Judgement> {
    let size = usize::try_from(len).map_or(HEAD_BYTES, |len| len.min(HEAD_BYTES));
    let head = read_at_start(&mut bytes, size)?;
    let recognized = recognize(&head, len);
    let mut refusals = Vec::new();
    for format in recognized.formats() {
        match walk(format, &mut bytes, len, &head, hints) {
            Ok(found) => return Ok(Judgement::Found(found)),
            Err(Ended::Refused(refusal)) => refusals.push(refusal),
            Err(Ended::Unread(error)) => return Err(error),
        }
    }
    let Some(media_type) = text_type::choose(&recognized, &head, hints) else {
        let unlisted = || match recognized.foreign {
            Some(mime) => Refusal::NotListed(mime.to_owned()),
            None => Refusal::NotRecognized,
        };
        let refusal = told(refusals, hints).unwrap_or_else(unlisted);
        return Ok(Judgement::Refused(refusal));
    };
    match text(media_type, &mut bytes, len, hints) {
        Ok(found) => Ok(Judgement::Found(found)),
        Err(Ended::Refused(refusal)) => Ok(Judgement::Refused(refusal)),
        Err(Ended::Unread(error)) => Err(error),
    }
}

/// The refusal to tell of: that of what the file is called, else the first one.
fn told(refusals: Vec<Refusal>, hints: &Hints) -> Option<Refusal> {
    let called = text_type::names(hints).next();
    let fits = |refusal: &Refusal| called.is_some() && refusal.began_as() == called;
    let at = refusals.iter().position(fits).unwrap_or(0);
    refusals.into_iter().nth(at)
}

fn read_at_start(bytes: &mut (impl Read + Seek), size: usize) -> io::Result<Vec<u8>> {
    let mut read = Vec::new();
    read.try_reserve_exact(size).map_err(io::Error::other)?;
    read.resize(size, 0);
    bytes.seek(SeekFrom::Start(0))?;
    bytes.read_exact(&mut read)?;
    Ok(read)
}

/// Why there is no whole file.
enum Ended {
    Refused(Refusal),
    Unread(io::Error),
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        Self::Unread(error)
    }
}

impl Ended {
    fn by(stopped: Stopped, began_as: MediaType) -> Self {
        match stopped {
            Stopped::Flaw(flaw) => Self::Refused(refusal(flaw, began_as)),
            Stopped::Unread(error) => Self::Unread(error),
        }
    }
}

fn walk(
    format: Format,
    bytes: &mut (impl Read + Seek),
    len: u64,
    head: &[u8],
    hints: &Hints,
) -> Result<Found, Ended> {
    let began_as = began_as(format, head, hints);
    let is_whole = hints.is_whole_by_length;
    let checked = match format {
        Format::Av(container) => {
            return av::check(container, bytes, len)
                .map_err(|stopped| Ended::by(stopped, began_as));
        }
        Format::Zip => return zip(bytes, len, began_as),
        Format::Png | Format::Jpeg | Format::Gif | Format::Webp => {
            let bytes = in_memory(bytes, len, began_as)?;
            image::check(began_as, &bytes, is_whole).map(|facts| Found {
                media_type: began_as,
                facts: Facts::Image(facts),
            })
        }
        Format::Pdf => {
            let bytes = in_memory(bytes, len, began_as)?;
            pdf::check(&bytes, is_whole).map(|facts| Found {
                media_type: MediaType::Pdf,
                facts: Facts::Document(facts),
            })
        }
        Format::Compound => compound::check(&in_memory(bytes, len, began_as)?),
    };
    checked.map_err(|flaw| Ended::Refused(refusal(flaw, began_as)))
}

/// An archive is an Office file where it has the part that says so, and else it
/// is stored as it is. One that is broken may still be a document for those who
/// know better how to read it.
fn zip(bytes: &mut (impl Read + Seek), len: u64, began_as: MediaType) -> Result<Found, Ended> {
    let broken = match archive::check(&mut *bytes, len) {
        Ok(archive) if !archive.has_content_types => {
            return Ok(Found {
                media_type: MediaType::Zip,
                facts: Facts::Other,
            });
        }
        Ok(_) => None,
        Err(Stopped::Flaw(flaw)) => Some(flaw),
        Err(Stopped::Unread(error)) => return Err(Ended::Unread(error)),
    };
    let checked = match (ooxml::check(&in_memory(bytes, len, began_as)?), broken) {
        (Ok(found), Some(flaw)) if found.media_type == MediaType::Zip => Err(flaw),
        (Err(Flaw::NotListed(_)), Some(flaw)) => Err(flaw),
        (checked, _) => checked,
    };
    checked.map_err(|flaw| Ended::Refused(refusal(flaw, began_as)))
}

fn in_memory(
    bytes: &mut (impl Read + Seek),
    len: u64,
    began_as: MediaType,
) -> Result<Vec<u8>, Ended> {
    match usize::try_from(len) {
        Ok(size) if len <= MOST_IN_MEMORY => Ok(read_at_start(bytes, size)?),
        _ => Err(Ended::Refused(Refusal::TooLarge {
            began_as,
            bytes: len,
        })),
    }
}

fn refusal(flaw: Flaw, began_as: MediaType) -> Refusal {
    match flaw {
        Flaw::TooManyPixels { width, height } => Refusal::TooManyPixels {
            media_type: began_as,
            width,
            height,
        },
        Flaw::NotListed(what) => Refusal::NotListed(what),
        flaw @ Flaw::Corrupt { .. } => Refusal::Corrupt { flaw, began_as },
    }
}

/// What to call a file that is not whole: of the types that it may be the one
/// that its bytes hint at, or that it is called, else the commonest.
fn began_as(format: Format, head: &[u8], hints: &Hints) -> MediaType {
    let may_be = format.may_be();
    let called = text_type::names(hints).find(|name| may_be.contains(name));
    let by_bytes = match format {
        Format::Zip => called.or_else(|| Some(part_of(head))),
        Format::Av(av::Container::IsoMedia) => match head.get(8..12) {
            Some(b"heic" | b"heix" | b"hevc" | b"mif1" | b"msf1" | b"avif") => {
                Some(MediaType::Heic)
            }
            Some(b"qt  ") => Some(MediaType::Mov),
            Some(b"M4A ") => called.or(Some(MediaType::M4a)),
            _ => called,
        },
        _ => called,
    };
    let commonest = may_be.first().copied();
    by_bytes.or(commonest).unwrap_or(MediaType::Txt)
}

/// What a cut archive was, by the names among its first bytes.
fn part_of(head: &[u8]) -> MediaType {
    let names = |name: &[u8]| head.windows(name.len()).any(|window| window == name);
    [
        (&b"word/"[..], MediaType::Docx),
        (b"xl/", MediaType::Xlsx),
        (b"ppt/", MediaType::Pptx),
        (b"[Content_Types].xml", MediaType::Docx),
    ]
    .into_iter()
    .find(|(name, _)| names(name))
    .map_or(MediaType::Zip, |(_, media_type)| media_type)
}

/// Text of the kind that somebody calls it.
fn text(
    media_type: MediaType,
    bytes: &mut (impl Read + Seek),
    len: u64,
    hints: &Hints,
) -> Result<Found, Ended> {
    let bytes = in_memory(bytes, len, media_type)?;
    match check_text(&bytes, Some(hints.language.tag())) {
        Ok(facts) => Ok(Found {
            media_type,
            facts: Facts::Document(facts),
        }),
        Err(flaw) => Err(Ended::Refused(refusal(flaw, media_type))),
    }
}

#[cfg(test)]
mod tests;
