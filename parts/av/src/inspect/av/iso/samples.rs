//! Where the samples of a track lie, measured against the file (8.7).

use super::boxes::Inner;
use super::top::Extent;
use crate::inspect::found::Flaw;
use crate::inspect::reading::big_endian;

/// How large the samples are.
#[derive(Debug, Clone, Copy)]
enum Sizes<'a> {
    /// All the same, and so many of them.
    Same {
        bytes: u64,
        count: u64,
    },
    /// Each has so many bytes here.
    Each {
        table: &'a [u8],
        entry: usize,
    },
    /// Each has half a byte here, and there are so many.
    Halves {
        table: &'a [u8],
        count: u64,
    },
    Unsaid,
}

/// The tables of a track.
#[derive(Debug)]
pub(super) struct Samples<'a> {
    sizes: Sizes<'a>,
    /// First chunk, samples in each from there, and how they are described.
    runs: &'a [u8],
    /// Where each chunk begins, in four or eight bytes.
    chunks: &'a [u8],
    chunk_entry: usize,
    /// How they are coded.
    format: Option<[u8; 4]>,
    at: u64,
}

impl<'a> Samples<'a> {
    pub(super) fn of(stbl: Inner<'a>) -> Result<Self, Flaw> {
        let mut samples = Self {
            sizes: Sizes::Unsaid,
            runs: &[],
            chunks: &[],
            chunk_entry: 4,
            format: None,
            at: stbl.at,
        };
        for inner in stbl.boxes() {
            let inner = inner?;
            match &inner.name {
                b"stsd" => {
                    let name = inner.content.get(12..16);
                    samples.format = name.and_then(|name| name.try_into().ok());
                }
                b"stts" => {
                    inner.table(4, 8)?;
                }
                b"stsz" => samples.sizes = sizes(inner)?,
                b"stz2" => samples.sizes = packed(inner)?,
                b"stsc" => samples.runs = inner.table(4, 12)?,
                b"stco" => samples.chunks = inner.table(4, 4)?,
                b"co64" => {
                    samples.chunks = inner.table(4, 8)?;
                    samples.chunk_entry = 8;
                }
                _ => {}
            }
        }
        Ok(samples)
    }

    pub(super) fn count(&self) -> u64 {
        match self.sizes {
            Sizes::Same { count, .. } | Sizes::Halves { count, .. } => count,
            Sizes::Each { table, entry } => (table.len() / entry) as u64,
            Sizes::Unsaid => 0,
        }
    }

    pub(super) fn format(&self) -> Option<&[u8; 4]> {
        self.format.as_ref()
    }

    /// The bytes of so many samples from that one on.
    fn bytes_of(&self, first: u64, samples: u64) -> u64 {
        let samples = samples.min(self.count().saturating_sub(first));
        match self.sizes {
            Sizes::Same { bytes, .. } => bytes.saturating_mul(samples),
            Sizes::Each { table, entry } => {
                let from = to_usize(first).saturating_mul(entry);
                let entries = table.get(from..).unwrap_or_default().chunks_exact(entry);
                entries
                    .take(to_usize(samples))
                    .filter_map(|bytes| big_endian(bytes, 0, entry))
                    .fold(0, u64::saturating_add)
            }
            Sizes::Halves { table, .. } => (first..first.saturating_add(samples))
                .filter_map(|n| {
                    let pair = table.get(to_usize(n / 2))?;
                    Some(u64::from(if n % 2 == 0 { pair >> 4 } else { pair & 15 }))
                })
                .sum(),
            Sizes::Unsaid => 0,
        }
    }
}

fn sizes(stsz: Inner<'_>) -> Result<Sizes<'_>, Flaw> {
    match stsz.number(4, 4)? {
        0 => Ok(Sizes::Each {
            table: stsz.table(8, 4)?,
            entry: 4,
        }),
        bytes => Ok(Sizes::Same {
            bytes,
            count: stsz.number(8, 4)?,
        }),
    }
}

fn packed(stz2: Inner<'_>) -> Result<Sizes<'_>, Flaw> {
    let each = |entry| {
        stz2.table(8, entry)
            .map(|table| Sizes::Each { table, entry })
    };
    match stz2.number(7, 1)? {
        16 => each(2),
        8 => each(1),
        4 => {
            let count = stz2.number(8, 4)?;
            let table = stz2.content.get(12..).unwrap_or_default();
            if count.div_ceil(2) > table.len() as u64 {
                return Err(stz2.flaw("has fewer entries than it says"));
            }
            Ok(Sizes::Halves { table, count })
        }
        _ => Err(stz2.flaw("has sizes of no known size")),
    }
}

fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Every chunk begins in an `mdat`, and the file does not end before it does.
pub(super) fn check(samples: &Samples<'_>, data: &[Extent], len: u64) -> Result<(), Flaw> {
    let mut runs = samples.runs.chunks_exact(12).peekable();
    let mut in_each = 0;
    let mut sample = 0;
    for (chunk, entry) in (1_u64..).zip(samples.chunks.chunks_exact(samples.chunk_entry)) {
        if sample >= samples.count() {
            break;
        }
        while let Some(run) = runs.next_if(|run| big_endian(run, 0, 4) <= Some(chunk)) {
            in_each = big_endian(run, 4, 4).unwrap_or(0);
        }
        let at = big_endian(entry, 0, samples.chunk_entry).unwrap_or(u64::MAX);
        let bytes = samples.bytes_of(sample, in_each);
        sample = sample.saturating_add(in_each);
        if bytes == 0 {
            continue;
        }
        if !is_in(data, at) {
            return Err(Flaw::corrupt(
                samples.at,
                &format!("samples are said to lie at byte {at}, where there are none"),
            ));
        }
        if at.saturating_add(bytes) > len {
            let what = format!("the file ends within the samples at byte {at}");
            return Err(Flaw::corrupt(len, &what));
        }
    }
    if sample < samples.count() {
        return Err(Flaw::corrupt(
            samples.at,
            "samples are counted that lie nowhere",
        ));
    }
    Ok(())
}

fn is_in(data: &[Extent], at: u64) -> bool {
    let behind = data.partition_point(|extent| extent.at <= at);
    let before = behind.checked_sub(1).and_then(|n| data.get(n));
    before.is_some_and(|extent| at - extent.at < extent.size)
}
