//! A file on its way in: counted, hashed and recognised while it arrives.
//!
//! Promises: keeps no more than a head of it, parses nothing, and refuses the
//! first byte beyond the limit of the kind that the head shows. What the file
//! is, and whether it is whole, is judged when all of it is there.

use super::Refused;
use super::recognize::{HEAD_BYTES, recognize};
use crate::attachment::media::DeclaredType;
use crate::attachment::media_limits::MediaLimits;
use crate::attachment::status;
use sha2::{Digest as _, Sha256};
use std::mem;

/// How much of a file is to come, by what was said of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Announced {
    /// The size its sender declares, in bytes, where it is to be relied on.
    pub declared_bytes: Option<u64>,
    /// The size its provider sends it with, in bytes.
    pub served_bytes: Option<u64>,
    /// Whether the connection says where it ends; else a cut looks like it.
    pub says_its_end: bool,
}

/// A file on its way in.
#[derive(Debug)]
pub struct Intake<'a> {
    announced: Announced,
    declared: DeclaredType,
    limits: &'a MediaLimits,
    max_bytes: u64,
    size_bytes: u64,
    hash: Sha256,
    head: Vec<u8>,
    is_recognized: bool,
}

/// A file that has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrived {
    /// How many bytes there are.
    pub size_bytes: u64,
    /// SHA-256 over them.
    pub sha256: status::Sha256,
    /// Whether these are all there are, as somebody said beforehand. Else what
    /// lacks its end may have been cut on the way.
    pub is_whole: bool,
}

impl<'a> Intake<'a> {
    /// Begins with what was announced; refuses what that already rules out.
    pub fn new(
        announced: Announced,
        declared: DeclaredType,
        limits: &'a MediaLimits,
    ) -> Result<Self, Refused> {
        let intake = Self {
            announced,
            declared,
            limits,
            max_bytes: limits.max_bytes(None),
            size_bytes: 0,
            hash: Sha256::new(),
            head: Vec::new(),
            is_recognized: false,
        };
        intake.check_announced()?;
        Ok(intake)
    }

    /// Takes the next bytes; refuses as soon as the rest cannot change it.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        self.size_bytes += bytes.len() as u64;
        self.hash.update(bytes);
        if !self.is_recognized {
            let room = HEAD_BYTES - self.head.len();
            self.head.extend_from_slice(&bytes[..bytes.len().min(room)]);
            if self.head.len() == HEAD_BYTES {
                self.recognize()?;
            }
        }
        self.check_size()
    }

    /// Ends with the last byte.
    pub fn finish(mut self) -> Result<Arrived, Refused> {
        if self.size_bytes == 0 {
            return Err(Refused::Empty);
        }
        if !self.is_recognized {
            self.recognize()?;
        }
        self.check_size()?;
        // Fewer than were announced is a cut connection that nobody noticed,
        // whatever the bytes look like.
        let Announced {
            declared_bytes,
            served_bytes,
            says_its_end,
        } = self.announced;
        let announced = declared_bytes.max(served_bytes);
        if let Some(announced_bytes) = announced.filter(|announced| self.size_bytes < *announced) {
            return Err(Refused::Short {
                measured_bytes: self.size_bytes,
                announced_bytes,
            });
        }
        Ok(Arrived {
            size_bytes: self.size_bytes,
            sha256: status::Sha256(self.hash.finalize().into()),
            is_whole: says_its_end || declared_bytes.is_some(),
        })
    }

    /// Bytes taken so far.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// What it may have in all, as far as is known by now.
    #[must_use]
    pub fn at_most(&self) -> u64 {
        self.announced.served_bytes.unwrap_or(self.max_bytes)
    }

    fn check_size(&self) -> Result<(), Refused> {
        if self.size_bytes > self.max_bytes {
            return Err(Refused::TooLarge {
                measured_bytes: self.size_bytes,
                limit_bytes: self.max_bytes,
            });
        }
        Ok(())
    }

    /// What a provider announces may be refused before it comes.
    fn check_announced(&self) -> Result<(), Refused> {
        match self.announced.served_bytes {
            Some(announced_bytes) if announced_bytes > self.max_bytes => {
                Err(Refused::AnnouncedTooLarge {
                    announced_bytes,
                    limit_bytes: self.max_bytes,
                })
            }
            _ => Ok(()),
        }
    }

    /// Lowers the limit to that of the kinds that the head can be; refuses what
    /// is none that is taken.
    fn recognize(&mut self) -> Result<(), Refused> {
        self.is_recognized = true;
        let head = mem::take(&mut self.head);
        // What has not come yet is as long as it may be.
        let length = match self.announced.served_bytes {
            Some(served) => served,
            None if head.len() < HEAD_BYTES => self.size_bytes,
            None => self.max_bytes,
        };
        let recognized = recognize(&head, length);
        let kinds = recognized.kinds().into_iter();
        let most = kinds.map(|kind| self.limits.max_bytes(Some(kind))).max();
        let Some(most) = most else {
            return Err(Refused::NotTaken {
                declared: self.declared,
                found: recognized
                    .foreign
                    .unwrap_or("of no kind that is known")
                    .to_owned(),
            });
        };
        self.max_bytes = most;
        self.check_announced()
    }
}
