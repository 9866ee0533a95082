//! What the SDK does not do: clients that are impatient, or wrong in the trailer.

use super::{ACCESS_KEY, BUCKET, Rig, SECRET_KEY, pattern};
use crate::clock::{Clock as _, SystemClock};
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use std::fmt::Write as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Sends a head, then all of a body, and only then reads the answer.
async fn exchange(rig: &Rig, head: &str, body: &[u8]) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(rig.store.local_addr()).await?;
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

/// The head of a signed PUT of `k` whose body ends in a CRC32 trailer.
fn put_with_trailer(rig: &Rig, body: &[u8], decoded_length: usize) -> String {
    let address = rig.store.local_addr();
    let length = body.len().to_string();
    let decoded_length = decoded_length.to_string();
    let headers = [
        ("content-encoding", "aws-chunked"),
        ("content-length", &length),
        ("x-amz-decoded-content-length", &decoded_length),
        ("x-amz-trailer", "x-amz-checksum-crc32"),
    ];
    let uri = format!("http://{address}/{BUCKET}/k");
    let request = SignableRequest::new(
        "PUT",
        uri.as_str(),
        headers.into_iter(),
        SignableBody::StreamingUnsignedPayloadTrailer,
    );
    let mut settings = SigningSettings::default();
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    let identity = Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "test").into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name("s3")
        .time(SystemClock.now().into())
        .settings(settings)
        .build()
        .unwrap();
    let (signed, _) = sign(request.unwrap(), &parameters.into())
        .unwrap()
        .into_parts();

    let mut head = format!("PUT /{BUCKET}/k HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    for (name, value) in headers.into_iter().chain(signed.headers()) {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    head + "\r\n"
}

#[tokio::test]
async fn a_refusal_reaches_a_client_that_sends_everything_first() {
    let rig = Rig::start().await;
    let body = pattern(16 * 1024 * 1024);
    let head = format!(
        "PUT /{BUCKET}/k HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        rig.store.local_addr(),
        body.len()
    );
    let answer = exchange(&rig, &head, &body).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    assert!(rig.keys().await.is_empty());
}

#[tokio::test]
async fn a_wrong_trailer_leaves_nothing() {
    let rig = Rig::start().await;
    // The CRC32 of "hello" is 0x3610a686.
    for (checksum, status) in [("AAAAAA==", "400"), ("NhCmhg==", "200")] {
        let body = format!("5\r\nhello\r\n0\r\nx-amz-checksum-crc32:{checksum}\r\n\r\n");
        let head = put_with_trailer(&rig, body.as_bytes(), "hello".len());
        let answer = exchange(&rig, &head, body.as_bytes()).await.unwrap();
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
        if status == "400" {
            assert!(answer.contains("<Code>BadDigest</Code>"), "{answer}");
            assert_eq!(rig.get("k").await.unwrap_err(), "NoSuchKey");
            assert_eq!(rig.files("blobs"), 0);
        }
    }
    assert_eq!(rig.get("k").await.unwrap(), b"hello");
}
