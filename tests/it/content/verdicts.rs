//! Files that are easily judged wrongly: each row is one that was, and stands
//! for its kind.

use super::Announced;
use crate::support::{LINE, TestApp, channel};
use attachments::proto::attachment::{FailureReason, Kind, Status};
use attachments::proto::channel::Provider;
use attachments::proto::{Channel, Limits};
use std::fs;
use std::path::Path;

const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
const NOTHING: Announced = Announced {
    declared: "",
    name: "",
    served: "application/octet-stream",
};

/// With what a file is registered, under its own name.
const fn declared(declared: &'static str) -> Announced {
    Announced {
        declared,
        ..NOTHING
    }
}

/// A file of `tests/cases`, and the type that it is.
const SOUND: &[(&str, Announced, &str)] = &[
    ("csv-shift_jis.csv", declared("text/csv"), "text/csv"),
    (
        "valid_refused_enc_utf16le_bom_notepad.txt",
        declared("text/plain"),
        "text/plain",
    ),
    ("log-ansi.log", declared("text/plain"), "text/plain"),
    ("bmi.csv", declared("text/csv"), "text/csv"),
    ("bmi.csv", declared("application/vnd.ms-excel"), "text/csv"),
    (
        "bmi.csv",
        declared("text/comma-separated-values"),
        "text/csv",
    ),
    ("note-about-pdf.txt", declared("text/plain"), "text/plain"),
    ("hello-b.txt", declared("text/plain"), "text/plain"),
    ("readme-h1.md", declared("text/markdown"), "text/markdown"),
    ("page.html", declared("text/html"), "text/html"),
    ("word-trash-first.docx", declared(DOCX), DOCX),
    ("word-trash-first.docx", NOTHING, DOCX),
    ("word-trash-first.docx", declared("application/zip"), DOCX),
    (
        "valid_refused_min_thumbnail16k.docx",
        declared("application/x-zip-compressed"),
        DOCX,
    ),
    (
        "legacy-34kB.xls",
        declared("application/vnd.ms-excel"),
        "application/vnd.ms-excel",
    ),
    (
        "voice-isom-soun.m4a",
        Announced {
            served: "audio/x-m4a",
            ..NOTHING
        },
        "audio/mp4",
    ),
    ("voice-M4A.m4a", declared("video/mp4"), "audio/mp4"),
    ("voice-3gp4.m4a", declared("audio/mp4"), "audio/mp4"),
    ("video-iso8.mp4", NOTHING, "video/mp4"),
    ("mp3-fffa.mp3", declared("audio/mpeg"), "audio/mpeg"),
    ("mp3-fffa.mp3", declared("audio/x-mpeg"), "audio/mpeg"),
    (
        "gif-1100-trailing-zeros.gif",
        declared("image/gif"),
        "image/gif",
    ),
    (
        "pdf-no-eof.pdf",
        declared("application/pdf"),
        "application/pdf",
    ),
    (
        "pdf-PK-prefix.pdf",
        declared("application/pdf"),
        "application/pdf",
    ),
    (
        "jpeg-no-eoi-samsung.jpg",
        declared("image/jpeg"),
        "image/jpeg",
    ),
    (
        "jpeg-no-eoi-samsung.jpg",
        declared("image/heic"),
        "image/jpeg",
    ),
];

/// A file of `tests/cases`, and the reasons of which one refuses it.
const UNSOUND: &[(&str, Announced, &[FailureReason])] = {
    use FailureReason::{ContentTypeMismatch, ContentTypeNotAllowed, Corrupted, TooLarge};
    &[
        ("macro.xlsm", NOTHING, &[ContentTypeNotAllowed]),
        ("folder-called-word.zip", NOTHING, &[ContentTypeNotAllowed]),
        (
            "broken_stored_jpeg_soi_eoi_only.jpg",
            declared("image/jpeg"),
            &[Corrupted],
        ),
        (
            "broken_stored_png_ihdr_iend_no_idat.png",
            declared("image/png"),
            &[Corrupted],
        ),
        (
            "broken_stored_mp3_id3_only_10B.mp3",
            declared("audio/mpeg"),
            &[Corrupted],
        ),
        (
            "broken_stored_mp4_ftyp_moov8_mdat8.mp4",
            declared("video/mp4"),
            &[Corrupted],
        ),
        (
            "broken_stored_docx_empty_local_header_eocd.docx",
            declared(DOCX),
            &[Corrupted],
        ),
        (
            "broken_stored_pdf_html_inside.pdf",
            declared("application/pdf"),
            &[ContentTypeNotAllowed, ContentTypeMismatch, Corrupted],
        ),
        (
            "mustreject_stored_png_2147483647.png",
            declared("image/png"),
            &[TooLarge],
        ),
        (
            "mustreject_stored_jpeg_65500.jpg",
            declared("image/jpeg"),
            &[TooLarge],
        ),
    ]
};

fn case(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    fs::read(folder.join(name)).unwrap()
}

/// A channel that takes what has to be asked for, too.
async fn opted_in() -> TestApp {
    let app = TestApp::with_content().await;
    let types = ["text/html", "text/markdown", "application/vnd.ms-excel"];
    let taking = Channel {
        limits: Some(Limits {
            extra_content_types: types.map(str::to_owned).into(),
            ..Limits::default()
        }),
        ..channel(LINE, Provider::Line)
    };
    app.put_channel(taking, "").await;
    app
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sound_is_stored_as_what_it_is() {
    let app = opted_in().await;
    for (n, (name, announced, content_type)) in (0..).zip(SOUND) {
        let announced = Announced { name, ..*announced };
        let id = format!("{n}");
        let stored = app.ingest_bytes(&id, case(name), announced).await;
        let what = format!("{name} as {announced:?}: {stored:#?}");
        assert_eq!(stored.status(), Status::Stored, "{what}");
        assert_eq!(stored.content_type, *content_type, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_unsound_is_refused_with_its_reason() {
    let app = TestApp::with_content().await;
    for (n, (name, announced, reasons)) in (0..).zip(UNSOUND) {
        let announced = Announced { name, ..*announced };
        let id = format!("{n}");
        let refused = app.ingest_bytes(&id, case(name), announced).await;
        assert!(
            reasons.contains(&refused.failure_reason()),
            "{name}: {refused:#?}"
        );
        assert_eq!(app.objects().await.len(), 0, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stands_behind_a_files_end_is_no_damage_and_binary_is_no_text() {
    let app = TestApp::with_content().await;
    let mut pdf = case("pdf-PK-prefix.pdf");
    pdf.extend([0; 80_508]);
    let stored = app.ingest_bytes("1", pdf, declared("application/pdf"));
    assert_eq!(stored.await.status(), Status::Stored);

    let mut text = b"a clean line\n".repeat(1_600);
    text.push(0);
    text.extend_from_slice(b"\x01\x02\x03");
    let refused = app.ingest_bytes("2", text, declared("text/plain")).await;
    assert_ne!(refused.status(), Status::Stored, "{refused:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_voice_message_is_a_sound_whatever_it_is_called() {
    let app = TestApp::with_content().await;
    let voice = case("voice-isom-soun.m4a");
    let stored = app.ingest_bytes("1", voice, NOTHING).await;
    assert_eq!(stored.kind(), Kind::Audio, "{stored:#?}");
}
