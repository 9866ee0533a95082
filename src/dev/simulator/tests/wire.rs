//! Each step of a script, seen from the bare socket.

use super::{DEADLINE, start};
use crate::dev::simulator::{Fixture, LINE_DEV_TOKEN, Media, Simulator};
use http::HeaderMap;
use std::io::{self, Read as _};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

const MOMENT: Duration = Duration::from_millis(300);

/// What a socket gave.
struct Seen {
    status: String,
    headers: HeaderMap,
    body: Vec<u8>,
    /// How reading ended: with the connection's end, or an error.
    end: Result<(), io::ErrorKind>,
}

impl Seen {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    fn content_length(&self) -> Option<usize> {
        self.header("content-length")
            .map(|length| length.parse().unwrap())
    }
}

/// Puts the picture under this script and asks for it once.
async fn connect(simulator: &Simulator, step: &str) -> TcpStream {
    let media = Media::fixture(Fixture::Png).script([step]).unwrap();
    simulator.put_line_message("1", media);
    let mut stream = TcpStream::connect(simulator.local_addr()).await.unwrap();
    let request = format!(
        "GET /line/v2/bot/message/1/content HTTP/1.1\r\nhost: simulator\r\n\
         authorization: Bearer {LINE_DEV_TOKEN}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Reads to the end of the connection.
async fn see(step: &str) -> Seen {
    let simulator = start().await;
    let mut stream = connect(&simulator, step).await;
    let mut bytes = Vec::new();
    let end = timeout(DEADLINE, stream.read_to_end(&mut bytes))
        .await
        .unwrap();
    parse(&bytes, end.map(|_| ()).map_err(|error| error.kind()))
}

fn parse(bytes: &[u8], end: Result<(), io::ErrorKind>) -> Seen {
    let split = bytes
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .map_or(bytes.len(), |at| at + 4);
    let head = String::from_utf8(bytes[..split].to_vec()).unwrap();
    let mut lines = head.lines().filter(|line| !line.is_empty());
    let status = lines
        .next()
        .unwrap_or_default()
        .trim_start_matches("HTTP/1.1 ")
        .to_owned();
    let pairs = lines.map(|line| line.split_once(": ").unwrap());
    let headers = pairs
        .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
        .collect();
    Seen {
        status,
        headers,
        body: bytes[split..].to_vec(),
        end,
    }
}

/// Waits until the socket has given this much.
async fn read_exactly(stream: &mut TcpStream, bytes: usize) -> Vec<u8> {
    let mut read = vec![0; bytes];
    timeout(DEADLINE, stream.read_exact(&mut read))
        .await
        .unwrap()
        .unwrap();
    read
}

fn picture() -> Vec<u8> {
    Fixture::Png.bytes().to_vec()
}

#[tokio::test]
async fn ok_has_its_length_type_and_request_id() {
    let seen = see("ok").await;
    assert_eq!((seen.status.as_str(), seen.end), ("200 OK", Ok(())));
    assert_eq!(seen.header("content-type"), Some("image/png"));
    assert_eq!(seen.content_length(), Some(seen.body.len()));
    assert!(seen.header("x-line-request-id").is_some());
    assert_eq!(seen.body, picture());
}

#[tokio::test]
async fn a_status_carries_retry_after_as_written() {
    let seen = see("429:-1").await;
    assert_eq!(seen.status, "429 Too Many Requests");
    assert_eq!(seen.header("retry-after"), Some("-1"));
    assert!(see("429").await.header("retry-after").is_none());
}

#[tokio::test]
async fn not_ready_has_no_body() {
    let seen = see("202").await;
    assert_eq!((seen.status.as_str(), seen.body.len()), ("202 Accepted", 0));
}

#[tokio::test]
async fn a_cut_sends_less_than_it_announced() {
    for (step, sent) in [("cut:100", 100), ("cut", 253), ("cut:100000", 505)] {
        let seen = see(step).await;
        assert_eq!(seen.content_length(), Some(506), "{step}");
        assert_eq!((seen.body.len(), seen.end), (sent, Ok(())), "{step}");
        assert!(seen.header("x-line-request-id").is_some(), "{step}");
    }
}

#[tokio::test]
async fn a_reset_is_a_reset() {
    let seen = see("reset").await;
    assert_eq!(
        (seen.status.as_str(), seen.end),
        ("", Err(io::ErrorKind::ConnectionReset))
    );
    let seen = see("reset:100").await;
    assert_eq!(
        (seen.status.as_str(), seen.end),
        ("200 OK", Err(io::ErrorKind::ConnectionReset))
    );
    assert_eq!((seen.content_length(), seen.body.len()), (Some(506), 100));
}

#[tokio::test]
async fn close_delimits_by_the_connection() {
    for (step, sent) in [("close", 506), ("close:100", 100)] {
        let seen = see(step).await;
        assert_eq!(seen.content_length(), None, "{step}");
        assert_eq!(seen.header("transfer-encoding"), None, "{step}");
        assert_eq!((seen.body.len(), seen.end), (sent, Ok(())), "{step}");
    }
}

#[tokio::test]
async fn a_lie_is_about_the_length_only() {
    for (step, announced) in [
        ("lying:+10", 516),
        ("lying:-10", 496),
        ("lying:+1000000000000", 1_000_000_000_506),
    ] {
        let seen = see(step).await;
        assert_eq!(seen.content_length(), Some(announced), "{step}");
        assert_eq!(seen.body, picture(), "{step}");
    }
}

#[tokio::test]
async fn chunked_has_no_length() {
    let seen = see("chunked").await;
    assert_eq!(seen.content_length(), None);
    assert_eq!(seen.header("transfer-encoding"), Some("chunked"));
    assert!(seen.body.starts_with(b"1FA\r\n") && seen.body.ends_with(b"\r\n0\r\n\r\n"));
}

#[tokio::test]
async fn empty_is_200_without_a_byte() {
    let seen = see("empty").await;
    assert_eq!(
        (seen.status.as_str(), seen.content_length()),
        ("200 OK", Some(0))
    );
}

#[tokio::test]
async fn gzip_comes_unasked() {
    let seen = see("gzip").await;
    assert_eq!(seen.header("content-encoding"), Some("gzip"));
    let mut content = Vec::new();
    let mut member = flate2::read::GzDecoder::new(&*seen.body);
    member.read_to_end(&mut content).unwrap();
    assert_eq!(content, picture());
}

#[tokio::test]
async fn html_may_claim_another_type() {
    let seen = see("html:application/octet-stream").await;
    assert_eq!(
        seen.header("content-type"),
        Some("application/octet-stream")
    );
    assert!(String::from_utf8(seen.body).unwrap().contains("Sign in"));
    assert_eq!(
        see("html").await.header("content-type"),
        Some("text/html; charset=utf-8")
    );
}

#[tokio::test]
async fn a_redirect_names_its_target() {
    let seen = see("redirect:https://files.slack.com.evil.example/x").await;
    assert_eq!(seen.status, "302 Found");
    assert_eq!(
        seen.header("location"),
        Some("https://files.slack.com.evil.example/x")
    );
}

#[tokio::test]
async fn endless_goes_on() {
    let simulator = start().await;
    let mut stream = connect(&simulator, "endless").await;
    let bytes = read_exactly(&mut stream, 8 << 20).await;
    let signature = &picture()[..8];
    assert!(bytes[..1024].windows(8).any(|window| window == signature));
}

/// Whether nothing comes for a moment. Being slow cannot fail it.
async fn is_silent(stream: &mut TcpStream) -> bool {
    timeout(MOMENT, stream.read_u8()).await.is_err()
}

#[tokio::test]
async fn a_stall_stops_in_the_body_and_keeps_the_connection() {
    let simulator = start().await;
    let mut stream = connect(&simulator, "stall:100").await;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.extend(read_exactly(&mut stream, 1).await);
    }
    assert_eq!(parse(&head, Ok(())).content_length(), Some(506));
    assert_eq!(read_exactly(&mut stream, 100).await, picture()[..100]);
    assert!(is_silent(&mut stream).await);
}

#[tokio::test]
async fn a_hang_says_nothing_and_is_in_the_journal() {
    let simulator = start().await;
    let mut stream = connect(&simulator, "hang").await;
    timeout(DEADLINE, async {
        while simulator.requests_for("/message/1/") == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    assert!(is_silent(&mut stream).await);
    assert_eq!(simulator.journal()[0].status, None);
}

#[tokio::test]
async fn a_drip_comes_a_byte_at_a_time_and_is_whole_in_the_end() {
    let simulator = start().await;
    let mut stream = connect(&simulator, "drip:1").await;
    let mut bytes = Vec::new();
    let mut largest_read = 0;
    loop {
        let mut buffer = [0; 4096];
        let read = timeout(DEADLINE, stream.read(&mut buffer))
            .await
            .unwrap()
            .unwrap();
        if read == 0 {
            break;
        }
        if bytes.len() > 1024 {
            largest_read = largest_read.max(read);
        }
        bytes.extend(&buffer[..read]);
    }
    assert_eq!(parse(&bytes, Ok(())).body, picture());
    assert!(largest_read < 400, "{largest_read}");
}
