//! The sections of the file. What stands here is the documentation of it.

#![expect(
    clippy::doc_markdown,
    reason = "the docs of keys are the comments of a TOML file"
)]

use super::section::section;
use super::value::{Human, Secret, TokenKey};
use crate::blob::ChecksumMode;
use serde::Serialize;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

const fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

const fn seconds(count: u64) -> Human {
    Human(Duration::from_secs(count))
}

section! {
    /// Listeners and shutdown.
    "server" Server {
        /// Where gRPC and HTTP links are served, on one port.
        listen: SocketAddr = loopback(50051);
        /// Where /livez, /readyz and /metrics are served. Not for the public.
        admin_listen: SocketAddr = loopback(9464);
        /// Whether the server describes itself to grpcurl without a token.
        reflection: bool = false;
        /// How long streams and attempts may go on after SIGTERM.
        grace: Human = seconds(25);
    }
}

section! {
    /// Who may call. Tokens are JWTs that live for 24 hours at most, from `iat` to `exp` or, without `iat`, from now; the tenant is a claim of theirs.
    "auth" Auth {
        /// The `iss` that tokens must have. Required.
        issuer: String = String::new();
        /// The `aud` that tokens must have. Required.
        audience: String = String::new();
        /// The claim that names the tenant.
        tenant_claim: String = crate::auth::DEFAULT_TENANT_CLAIM.to_owned();
        /// The claim that names the scopes: one text, divided by spaces, or a list.
        scope_claim: String = crate::auth::DEFAULT_SCOPE_CLAIM.to_owned();
        /// How far clocks may differ; at most 30s.
        leeway: Human = Human(crate::auth::Settings::DEFAULT_LEEWAY);
        /// The keys that tokens are signed with: [{ kid = "k1", algorithm = "EdDSA", key = "-----BEGIN PUBLIC KEY-----..." }], or key_file. Algorithms: EdDSA, ES256, RS256. At least one is required.
        keys: Vec<TokenKey> = Vec::new();
    }
}

section! {
    /// Postgres 14 or newer.
    "database" Database {
        /// postgres://user:password@host/database. Required. DATABASE_URL is read too.
        url: Option<Secret> = None;
        /// A file that holds the URL, instead.
        url_file: Option<PathBuf> = None;
        /// Connections of one process at most.
        max_connections: u32 = 32;
        /// How long a caller waits for a connection.
        acquire_timeout: Human = seconds(3);
        /// How long a call waits for an answer, the connection included; a database that is silent for longer counts as unavailable. Work that nobody waits for has statement_timeout.
        patience: Human = seconds(2);
        /// The server ends a statement that takes longer.
        statement_timeout: Human = seconds(5);
    }
}

section! {
    /// The S3-compatible store.
    "s3" S3 {
        /// The store's URL; unset means AWS itself.
        endpoint: Option<String> = None;
        /// The URL that browsers use; links are signed for its host. Unset means the endpoint.
        public_endpoint: Option<String> = None;
        /// The region that requests are signed for.
        region: String = "us-east-1".to_owned();
        /// The bucket. Required.
        bucket: String = String::new();
        /// endpoint/bucket/key rather than bucket.endpoint/key. Unset means yes where an endpoint is set.
        path_style: Option<bool> = None;
        /// A static key; unset means the ambient credential chain.
        access_key_id: Option<String> = None;
        /// Its secret.
        secret_access_key: Option<Secret> = None;
        /// A file that holds the secret, instead.
        secret_access_key_file: Option<PathBuf> = None;
        /// Which requests carry a checksum header: "supported" is every put, with its SHA-256; "required" only those that S3 refuses without; "off" none, for stores that refuse the headers, such as Backblaze B2. Every put is signed for the SHA-256 of its bytes in each mode.
        checksum_mode: ChecksumMode = ChecksumMode::Supported;
        /// Asked for with every put, such as "AES256" or "aws:kms".
        server_side_encryption: Option<String> = None;
        /// Whether the service writes its two rules into the bucket's lifecycle configuration, beside those of others: ephemeral objects expire and uploads that were never ended are aborted, both after a day. It needs s3:GetLifecycleConfiguration and s3:PutLifecycleConfiguration for it.
        manage_lifecycle: bool = true;
        /// How long the store may be silent within one request.
        operation_timeout: Human = seconds(10);
    }
}

section! {
    /// LINE.
    "line" Line {
        /// Base of the content API.
        content_url: String = "https://api-data.line.me".to_owned();
    }
}

section! {
    /// Slack.
    "slack" Slack {
        /// Base of the Web API.
        api_url: String = "https://slack.com/api".to_owned();
        /// Hosts that get the token with a file request, over https; or whole origins, as scheme://host:port.
        file_hosts: Vec<String> = vec!["files.slack.com".to_owned(), "files-origin.slack.com".to_owned()];
        /// Hosts that a file request may be redirected to, without the token. A leading dot means any subdomain.
        redirect_hosts: Vec<String> = vec!["slack-files.com".to_owned(), ".slack-edge.com".to_owned()];
    }
}

section! {
    /// Calls to providers.
    "egress" Egress {
        /// Time to connect, the look-up of the name included.
        connect_timeout: Human = seconds(3);
        /// Time from the request sent to the head of the answer.
        first_byte_timeout: Human = seconds(10);
        /// Time between two pieces of a body.
        idle_timeout: Human = seconds(10);
        /// Time for the whole body of a file, and as much more as its size takes at total_bytes_per_second.
        total_timeout: Human = seconds(60);
        /// The slowest average speed of a large file. Its size is the announced one, else the limit in force.
        total_bytes_per_second: u64 = 512 * 1024;
        /// A download that is slower than this is given up, averaged over min_rate_window.
        min_bytes_per_second: u64 = 16 * 1024;
        /// See min_bytes_per_second.
        min_rate_window: Human = seconds(30);
        /// Origins, as scheme://host:port, that are called although they are not https, not at port 443 or not in the public internet: a proxy before a provider, say. Nothing else inside is ever called, whatever a name leads to; a simulator at http://127.0.0.1 or http://localhost, named as content_url or api_url, need not stand here.
        trusted_origins: Vec<String> = Vec::new();
    }
}

section! {
    /// What is taken, and how much at a time. Sizes in bytes, inclusive; a channel may differ.
    "limits" Limits {
        /// Largest image.
        image_max_bytes: u64 = 10_000_000;
        /// Largest document.
        document_max_bytes: u64 = 5_000_000;
        /// Largest audio file.
        audio_max_bytes: u64 = 25_000_000;
        /// Largest video.
        video_max_bytes: u64 = 200_000_000;
        /// Files of one message; further ones are rejected.
        max_files_per_message: u16 = 5;
        /// Types beyond the default list: "application/msword", "application/vnd.ms-excel", "text/html", "text/markdown".
        extra_content_types: Vec<String> = Vec::new();
        /// Attempts that run at the same time in one process.
        ingest_concurrency: u32 = 32;
        /// Attempts of one tenant that run at the same time in one process; the rest is kept free for others.
        tenant_concurrency: u32 = 24;
        /// Attempts to make content ready that run at the same time in one process, of one tenant half as many. With 0 a worker makes none, of what it stores and of what others did.
        content_concurrency: u32 = 4;
        /// Bytes of a file that are held in memory before it goes to disk.
        spool_memory_bytes: usize = 512 * 1024;
        /// Where larger files wait, without a name. Unset means the system's folder for temporary files.
        spool_dir: Option<PathBuf> = None;
        /// Bytes on that disk that all files together may take; none may be larger, whatever a channel allows.
        spool_disk_bytes: u64 = 4 * 1024 * 1024 * 1024;
        /// Registrations that may wait to be written before callers are told to slow down.
        register_queue: usize = 4096;
    }
}

section! {
    /// When a failed attempt is tried again, and when a dead one is noticed.
    "retry" Retry {
        /// Attempts on one file, the first included.
        max_attempts: u16 = 5;
        /// Ceiling of the first wait; it doubles with each attempt.
        base: Human = seconds(2);
        /// No wait is longer.
        cap: Human = seconds(300);
        /// A provider's Retry-After is believed up to this.
        retry_after_cap: Human = seconds(3600);
        /// How long a provider may go on saying "not ready".
        not_ready_budget: Human = seconds(600);
        /// How long a claim holds without being renewed; it is renewed at a third of it.
        lease: Human = seconds(30);
        /// How often an idle worker looks for work that other replicas took in.
        poll_interval: Human = Human(Duration::from_millis(500));
    }
}

section! {
    /// Streams of status changes.
    "watch" Watch {
        /// Streams that may be open at the same time in one process, of all tenants.
        max_streams: usize = 10_000;
        /// Streams of one tenant that may be open at the same time in one process.
        max_streams_per_tenant: usize = 1_000;
    }
}

section! {
    /// Access links and page tokens.
    "links" Links {
        /// At least 32 characters, the same in all replicas. Required.
        signing_key: Option<Secret> = None;
        /// A file that holds the key, instead.
        signing_key_file: Option<PathBuf> = None;
        /// Life of a link where none is asked for.
        default_ttl: Human = seconds(900);
        /// Life of a link at most, whatever is asked for.
        max_ttl: Human = seconds(3600);
    }
}

section! {
    /// The sweeper: what nobody else will finish.
    "retention" Retention {
        /// Time between two passes.
        sweep_interval: Human = seconds(5);
        /// How long a pass may take before /livez asks for a restart. One that meets a database that is unavailable takes a minute and a half.
        sweep_hung_after: Human = seconds(120);
        /// Age from which an open attachment without work counts as lost.
        lost_after: Human = seconds(60);
        /// Time after which an object that could not be removed is tried again.
        remove_again_after: Human = seconds(60);
        /// Time after which an object that was put and never recorded is removed. Longer than any put takes.
        orphaned_after: Human = seconds(30 * 60);
        /// Time after which an upload in parts that was begun and never ended is aborted. Longer than any put takes.
        uploads_abandoned_after: Human = seconds(6 * 3600);
        /// How long status changes can be watched from a cursor.
        events_remembered: Human = seconds(3 * 24 * 3600);
        /// How long ExplainAttachment tells of attempts, from the registration of their file. They go by the week.
        attempts_remembered: Human = seconds(3 * 2_630_016);
        /// How long the record of a deleted attachment is kept. Then its file is known by a hash only, and still not fetched again.
        records_remembered: Human = seconds(3 * 2_630_016);
    }
}

section! {
    /// Channel credentials at rest: AES-256-GCM.
    "sealing" Sealing {
        /// 32 bytes in base64, the same in all replicas. Required.
        key: Option<Secret> = None;
        /// A file that holds the key, instead.
        key_file: Option<PathBuf> = None;
        /// Keys that still open what was sealed before.
        previous_keys: Vec<Secret> = Vec::new();
    }
}

section! {
    /// Logs.
    "telemetry" TelemetrySection {
        /// "json" or "text".
        log_format: String = "json".to_owned();
        /// As RUST_LOG: levels by target. Targets that print headers or URLs stay at info whatever is asked.
        log_filter: String = "info".to_owned();
    }
}

/// Everything that can be set.
#[derive(Debug, Clone, Default, Serialize)]
#[expect(missing_docs, reason = "each section documents itself")]
pub struct Config {
    pub server: Server,
    pub auth: Auth,
    pub database: Database,
    pub s3: S3,
    pub line: Line,
    pub slack: Slack,
    pub egress: Egress,
    pub limits: Limits,
    pub retry: Retry,
    pub watch: Watch,
    pub links: Links,
    pub retention: Retention,
    pub sealing: Sealing,
    pub telemetry: TelemetrySection,
}

/// Calls `$with` for each section type in order.
macro_rules! for_each_section {
    ($with:ident) => {
        $with!(server, $crate::config::sections::Server);
        $with!(auth, $crate::config::sections::Auth);
        $with!(database, $crate::config::sections::Database);
        $with!(s3, $crate::config::sections::S3);
        $with!(line, $crate::config::sections::Line);
        $with!(slack, $crate::config::sections::Slack);
        $with!(egress, $crate::config::sections::Egress);
        $with!(limits, $crate::config::sections::Limits);
        $with!(retry, $crate::config::sections::Retry);
        $with!(watch, $crate::config::sections::Watch);
        $with!(links, $crate::config::sections::Links);
        $with!(retention, $crate::config::sections::Retention);
        $with!(sealing, $crate::config::sections::Sealing);
        $with!(telemetry, $crate::config::sections::TelemetrySection);
    };
}
pub(super) use for_each_section;
