//! Answers that are none, past the child's own rules for what it says.

use attachments::sandbox::Unsaid;
use std::process;

/// The numbers of frames that are said: of one that is confined, a verdict, a
/// text, an end.
const CONFINED: u8 = 1;
const VERDICT: u8 = 2;
const TEXT: u8 = 4;
const END: u8 = 5;

/// Says what may not be said.
pub fn say(what: &str) -> Result<(), Unsaid> {
    match what {
        "says nothing" => Ok(()),
        "says garbage" => raw(b"<html>".repeat(20)),
        "says much on stderr" => {
            for _ in 0..300 {
                eprint!("\x1b[31m\0{}", "noise ".repeat(20));
            }
            process::abort()
        }
        "says the last first" => raw(frame(TEXT, b"{}", b"text")),
        "says two verdicts" => raw(frame(VERDICT, b"{}", b"").repeat(2)),
        "says it is confined twice" => raw(frame(CONFINED, b"{}", b"")),
        "promises 4 GiB" => raw([VERDICT, 0, 0, 0, 2, 255, 255, 255, 255]),
        "has a huge header" => raw([VERDICT, 0, 16, 0, 1, 0, 0, 0, 0]),
        "says too much" => {
            raw(frame(VERDICT, b"{}", b""))?;
            raw(frame(TEXT, b"{}", &vec![b'x'; 1 << 20]).repeat(20))
        }
        "never stops" => {
            raw(frame(VERDICT, b"{}", b""))?;
            loop {
                raw(frame(TEXT, b"{}", b""))?;
            }
        }
        "stops in mid frame" => {
            raw(frame(VERDICT, b"{}", b""))?;
            raw(&frame(TEXT, b"{}", b"0123456789")[..14])?;
            process::exit(0)
        }
        "says no JSON" => raw([frame(VERDICT, b"\xff{", b""), frame(END, b"", b"")].concat()),
        other => panic!("nobody knows how one {other}"),
    }
}

fn frame(mark: u8, header: &[u8], body: &[u8]) -> Vec<u8> {
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap().to_be_bytes();
    let head = [&[mark][..], &length(header), &length(body)].concat();
    [&head, header, body].concat()
}

fn raw(bytes: impl AsRef<[u8]>) -> Result<(), Unsaid> {
    let mut rest = bytes.as_ref();
    while !rest.is_empty() {
        let written = rustix::io::write(rustix::stdio::stdout(), rest);
        let written = written.map_err(|errno| Unsaid::Unheard(errno.into()))?;
        rest = &rest[written..];
    }
    Ok(())
}
