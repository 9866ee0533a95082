//! Judges a corpus: `judge DIR` reads `DIR/manifest.tsv` (file, label, type,
//! note), says which verdicts are wrong, and writes each text to `DIR/text/`.

use office::attachment::media::MediaType;
use office::attachment::processing::Processed;
use office::inspect::extracted::Extracted;
use office::inspect::found::{Facts, Flaw, Found};
use office::inspect::{compound, ooxml, text};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let folder = env::args()
        .nth(1)
        .unwrap_or_else(|| "corpus/out".to_owned());
    let folder = Path::new(&folder);
    fs::create_dir_all(folder.join("text"))?;
    let mut counts: BTreeMap<(String, String, bool), u32> = BTreeMap::new();
    let mut worst = (Duration::ZERO, String::new());
    for line in fs::read_to_string(folder.join("manifest.tsv"))?.lines() {
        let mut fields = line.split('\t');
        let mut field = || fields.next().unwrap_or_default().to_owned();
        let (file, label, wanted, note) = (field(), field(), field(), field());
        let bytes = fs::read(folder.join(&file))?;
        let begun = Instant::now();
        let verdict = judge(&file, &bytes);
        let judged = begun.elapsed();
        let named = match &verdict {
            Ok(found) => format!("{:?}", found.media_type).to_lowercase(),
            Err(Flaw::NotListed(_)) => "notlisted".to_owned(),
            Err(_) => "refused".to_owned(),
        };
        let is_right = match label.as_str() {
            "valid" => named == wanted,
            _ => verdict.is_err() || (label == "unsupported" && named == wanted),
        };
        if !is_right {
            println!("WRONG {file}: {label} {wanted}, judged {named} {verdict:?} | {note}");
        }
        if let Ok(found) = &verdict {
            let extracted = extract(found, &bytes);
            let parts = extracted.parts.iter();
            let text: Vec<String> = parts
                .map(|part| {
                    format!(
                        "[{:?} {} {}]\n{}",
                        part.kind, part.number, part.name, part.text
                    )
                })
                .collect();
            let name = file.replace('/', "_");
            fs::write(
                folder.join("text").join(format!("{name}.txt")),
                text.join("\n"),
            )?;
            if label == "valid" && !matches!(extracted.processed, Processed::Success) {
                println!(
                    "{file}: {:?} {:?} {:?} | {note}",
                    extracted.processed, extracted.coverage, extracted.hidden
                );
            }
        }
        let took = begun.elapsed();
        if took > Duration::from_millis(500) {
            println!("{file}: verdict {judged:?}, all {took:?}");
        }
        if took > worst.0 {
            worst = (took, file.clone());
        }
        *counts.entry((label, wanted, is_right)).or_default() += 1;
    }
    for ((label, wanted, is_right), count) in counts {
        println!(
            "{label}\t{wanted}\t{}\t{count}",
            if is_right { "right" } else { "WRONG" }
        );
    }
    println!("worst {worst:?}");
    let status = fs::read_to_string("/proc/self/status")?;
    println!(
        "{}",
        status
            .lines()
            .find(|line| line.starts_with("VmHWM"))
            .unwrap_or_default()
    );
    Ok(())
}

fn judge(file: &str, bytes: &[u8]) -> Result<Found, Flaw> {
    if bytes.starts_with(b"PK") {
        return ooxml::check(bytes);
    }
    if bytes.starts_with(b"\xd0\xcf\x11\xe0") {
        return compound::check(bytes);
    }
    let media_type = match file.rsplit('.').next() {
        Some("csv") => MediaType::Csv,
        Some("html") => MediaType::Html,
        Some("md") => MediaType::Markdown,
        Some("txt" | "log") => MediaType::Txt,
        _ => return ooxml::check(bytes),
    };
    let hint = file.split('_').find(|word| ["th", "ja"].contains(word));
    let facts = Facts::Document(text::check(bytes, hint)?);
    Ok(Found { media_type, facts })
}

fn extract(found: &Found, bytes: &[u8]) -> Extracted {
    match found.media_type {
        MediaType::Doc | MediaType::Xls => compound::extract(found.media_type, bytes, 10 << 20),
        MediaType::Docx | MediaType::Xlsx | MediaType::Pptx | MediaType::Zip => {
            ooxml::extract(found.media_type, bytes, 10 << 20)
        }
        other => text::extract(other, bytes, None, 10 << 20),
    }
}
