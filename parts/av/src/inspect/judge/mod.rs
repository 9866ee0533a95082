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
use super::recognize::{Format, HEAD_BYTES, Recognized, recognize};
use super::text;
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

/// Judges a file of so many bytes, from its first one.
///
/// # Errors
/// Where it could not be read, or memory did not suffice to: that says nothing
/// about the file.
pub fn judge(mut bytes: impl Read + Seek, len: u64, hints: &Hints) -> io::Result<Judgement> {
    let head = head(&mut bytes, len)?;
    let recognized = recognize(&head, len);
    let mut refusals = Vec::new();
    for format in recognized.formats() {
        match walk(format, &mut bytes, len, &head, hints)? {
            Ok(found) => return Ok(Judgement::Found(found)),
            Err(refusal) => refusals.push(refusal),
        }
    }
    if recognized.foreign.is_none() && may_be_text(&recognized, hints) {
        return judge_text(&mut bytes, len, &recognized, &head, hints, refusals);
    }
    Ok(Judgement::Refused(
        told(refusals, hints).unwrap_or_else(|| unlisted(&recognized)),
    ))
}

/// Bytes that a walker knows are text only where nothing rules it out.
fn may_be_text(recognized: &Recognized, hints: &Hints) -> bool {
    let is_called_text = text_type::called(hints).is_some();
    recognized.may_be_text || is_called_text && recognized.formats().next().is_none()
}

fn unlisted(recognized: &Recognized) -> Refusal {
    recognized.foreign.map_or(Refusal::NotRecognized, |mime| {
        Refusal::NotListed(mime.to_owned())
    })
}

/// The refusal to tell of: that of what the file is called, else the first one.
fn told(refusals: Vec<Refusal>, hints: &Hints) -> Option<Refusal> {
    let called = text_type::names(hints).next();
    let fits = |refusal: &Refusal| match refusal {
        Refusal::Corrupt { began_as, .. } | Refusal::TooLarge { began_as, .. } => {
            Some(*began_as) == called
        }
        _ => false,
    };
    let at = refusals.iter().position(fits).unwrap_or(0);
    refusals.into_iter().nth(at)
}

fn head(bytes: &mut (impl Read + Seek), len: u64) -> io::Result<Vec<u8>> {
    let size = usize::try_from(len).map_or(HEAD_BYTES, |len| len.min(HEAD_BYTES));
    read_at_start(bytes, size)
}

fn read_at_start(bytes: &mut (impl Read + Seek), size: usize) -> io::Result<Vec<u8>> {
    let mut read = Vec::new();
    read.try_reserve_exact(size).map_err(io::Error::other)?;
    read.resize(size, 0);
    bytes.seek(SeekFrom::Start(0))?;
    bytes.read_exact(&mut read)?;
    Ok(read)
}

/// What a walker says: a whole file, or why it is none.
type Walked = Result<Found, Refusal>;

fn walk(
    format: Format,
    bytes: &mut (impl Read + Seek),
    len: u64,
    head: &[u8],
    hints: &Hints,
) -> io::Result<Walked> {
    let began_as = began_as(format, head, hints);
    if let Format::Av(container) = format {
        return match av::check(container, bytes, len) {
            Ok(found) => Ok(Ok(found)),
            Err(Stopped::Flaw(flaw)) => Ok(Err(refusal(flaw, began_as))),
            Err(Stopped::Unread(error)) => Err(error),
        };
    }
    let archive = match format {
        Format::Zip => match archive::check(&mut *bytes, len) {
            Ok(archive) if !archive.has_content_types => {
                return Ok(Ok(Found {
                    media_type: MediaType::Zip,
                    facts: Facts::Other,
                }));
            }
            Ok(_) => None,
            Err(Stopped::Flaw(flaw)) => Some(flaw),
            Err(Stopped::Unread(error)) => return Err(error),
        },
        _ => None,
    };
    let Some(bytes) = in_memory(bytes, len)? else {
        return Ok(Err(Refusal::TooLarge {
            began_as,
            bytes: len,
        }));
    };
    let whole = hints.is_whole_by_length;
    let checked = match format {
        Format::Png | Format::Jpeg | Format::Gif | Format::Webp => {
            image::check(began_as, &bytes, whole).map(|facts| Found {
                media_type: began_as,
                facts: Facts::Image(facts),
            })
        }
        Format::Pdf => pdf::check(&bytes, whole).map(|facts| Found {
            media_type: MediaType::Pdf,
            facts: Facts::Document(facts),
        }),
        Format::Compound => compound::check(&bytes),
        Format::Zip | Format::Av(_) => office(&bytes, archive),
    };
    Ok(checked.map_err(|flaw| refusal(flaw, began_as)))
}

fn in_memory(bytes: &mut (impl Read + Seek), len: u64) -> io::Result<Option<Vec<u8>>> {
    match usize::try_from(len) {
        Ok(size) if len <= MOST_IN_MEMORY => read_at_start(bytes, size).map(Some),
        _ => Ok(None),
    }
}

/// An Office file, or what is wrong with the archive that is none. One that is
/// broken may still be a document for those who know better how to read it.
fn office(bytes: &[u8], broken: Option<Flaw>) -> Result<Found, Flaw> {
    match (ooxml::check(bytes), broken) {
        (Ok(found), Some(flaw)) if found.media_type == MediaType::Zip => Err(flaw),
        (Err(Flaw::NotListed(_)), Some(flaw)) => Err(flaw),
        (checked, _) => checked,
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

/// What to call a file that is not whole. Of the types that a container may
/// hold, the one that the file is called; else the commonest.
fn began_as(format: Format, head: &[u8], hints: &Hints) -> MediaType {
    use MediaType::{
        Aac, Doc, Docx, Gif, Heic, Jpeg, M4a, Mov, Mp3, Mp4, Ogg, Opus, Pdf, Png, Pptx, Wav, Webm,
        Webp, Xls, Xlsx, Zip,
    };
    let of = |may_be: &[MediaType], else_it: MediaType| {
        let mut called = text_type::names(hints).filter(|name| may_be.contains(name));
        called.next().unwrap_or(else_it)
    };
    match format {
        Format::Png => Png,
        Format::Jpeg => Jpeg,
        Format::Gif => Gif,
        Format::Webp => Webp,
        Format::Pdf => Pdf,
        Format::Zip => of(&[Docx, Xlsx, Pptx, Zip], part_of(head)),
        Format::Compound => of(&[Doc, Xls], Doc),
        Format::Av(av::Container::IsoMedia) => match head.get(8..12) {
            Some(b"heic" | b"heix" | b"hevc" | b"mif1" | b"msf1" | b"avif") => Heic,
            Some(b"qt  ") => Mov,
            Some(b"M4A ") => of(&[Mp4, M4a], M4a),
            _ => of(&[Mp4, M4a], Mp4),
        },
        Format::Av(av::Container::MpegAudio) => of(&[Mp3, Aac], Mp3),
        Format::Av(av::Container::Ogg) => of(&[Ogg, Opus], Ogg),
        Format::Av(av::Container::Wav) => Wav,
        Format::Av(av::Container::Ebml) => Webm,
    }
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

/// Text is what somebody calls it. Without that a provider's JSON error would
/// pass for a document.
fn judge_text(
    bytes: &mut (impl Read + Seek),
    len: u64,
    recognized: &Recognized,
    head: &[u8],
    hints: &Hints,
    refusals: Vec<Refusal>,
) -> io::Result<Judgement> {
    let chosen = text_type::choose(recognized, head, hints, refusals.is_empty());
    let Some(media_type) = chosen else {
        return Ok(Judgement::Refused(
            told(refusals, hints).unwrap_or_else(|| unlisted(recognized)),
        ));
    };
    let Some(bytes) = in_memory(bytes, len)? else {
        return Ok(Judgement::Refused(Refusal::TooLarge {
            began_as: media_type,
            bytes: len,
        }));
    };
    Ok(match text::check(&bytes, Some(hints.language.tag())) {
        Ok(facts) => Judgement::Found(Found {
            media_type,
            facts: Facts::Document(facts),
        }),
        Err(flaw) => Judgement::Refused(refusal(flaw, media_type)),
    })
}

#[cfg(test)]
mod tests;
