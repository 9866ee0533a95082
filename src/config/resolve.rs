//! From values to what each module needs, with every fault named.

use super::load::Faults;
use super::secret::{missing, secret};
use super::sections::Config;
use crate::attachment::media::{MediaLimits, MediaType};
use crate::attachment::retry::RetryPolicy;
use crate::channel::SealingKey;
use crate::{access, auth, blob, channel, db, ingest, queue, register, sweep, watch};
use secrecy::{ExposeSecret as _, SecretString};
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::time::Duration;
use url::Url;

const MIN_SIGNING_KEY_CHARS: usize = 32;
/// Stores refuse links that are signed for longer.
const LONGEST_PRESIGNED: Duration = Duration::from_hours(7 * 24);

/// Which part of the service a process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    /// Everything.
    All,
    /// The gRPC edge.
    Api,
    /// The workers.
    Worker,
}

/// What each module needs.
#[derive(Debug)]
#[expect(missing_docs, reason = "each is documented where it is defined")]
pub struct Resolved {
    pub listen: SocketAddr,
    pub admin_listen: SocketAddr,
    pub reflection: bool,
    pub grace: Duration,
    pub auth: auth::Settings,
    pub database: db::Settings,
    pub bucket: blob::Settings,
    pub manage_lifecycle: bool,
    pub egress: channel::EgressSettings,
    pub line: channel::LineSettings,
    pub slack: channel::SlackSettings,
    pub sealing_keys: Vec<SealingKey>,
    pub signing_key: SecretString,
    pub register: register::Settings,
    pub ingest: ingest::Settings,
    pub queue: queue::Settings,
    pub sweep: sweep::Settings,
    pub access: access::Settings,
    pub watch: watch::Settings,
}

impl Config {
    /// What the database needs, for a command that needs nothing else.
    pub fn database_settings(&self) -> Result<db::Settings, Faults> {
        let mut faults = Vec::new();
        self.try_database(&mut faults).ok_or(Faults(faults))
    }

    /// What the store needs, for a command that needs nothing else.
    pub fn bucket_settings(&self) -> Result<blob::Settings, Faults> {
        let mut faults = Vec::new();
        let settings = self.try_bucket(&mut faults);
        settings.filter(|_| faults.is_empty()).ok_or(Faults(faults))
    }

    /// What the queue needs.
    #[must_use]
    pub fn queue_settings(&self) -> queue::Settings {
        queue::Settings {
            concurrency: self.limits.ingest_concurrency,
            tenant_concurrency: self.limits.tenant_concurrency,
            lease: self.retry.lease.0,
            poll_interval: self.retry.poll_interval.0,
            grace: self.server.grace.0,
            orphaned_after: self.retention.orphaned_after.0,
        }
    }

    /// What each module needs, or every fault there is.
    pub fn resolve(&self) -> Result<Resolved, Faults> {
        let mut faults = Vec::new();
        let resolved = self.try_resolve(&mut faults);
        match resolved {
            Some(resolved) if faults.is_empty() => Ok(resolved),
            _ => Err(Faults(faults)),
        }
    }

    pub(super) fn try_resolve(&self, faults: &mut Vec<String>) -> Option<Resolved> {
        let auth = self.auth_settings(faults);
        let database = self.try_database(faults);
        let bucket = self.try_bucket(faults);
        let line_url = base_url(faults, "line.content_url", &self.line.content_url);
        let slack_url = base_url(faults, "slack.api_url", &self.slack.api_url);
        let signing_key = secret(
            faults,
            "links.signing_key",
            self.links.signing_key.as_ref(),
            self.links.signing_key_file.as_deref(),
        );
        if signing_key
            .as_ref()
            .is_some_and(|key| key.expose_secret().len() < MIN_SIGNING_KEY_CHARS)
        {
            faults.push("links.signing_key: must be at least 32 characters".to_owned());
        }
        if self.links.max_ttl.0 > LONGEST_PRESIGNED || self.links.max_ttl.0.is_zero() {
            faults.push("links.max_ttl: must be 1s to 7days, as SigV4 has it".to_owned());
        }
        let sealing_keys = self.sealing_keys(faults);
        let limits = self.media_limits(faults);
        if self.retry.max_attempts == 0 || self.retry.max_attempts > 100 {
            faults.push("retry.max_attempts: must be 1 to 100".to_owned());
        }
        if self.retry.lease.0 < Duration::from_secs(1) {
            faults.push("retry.lease: must be at least 1s".to_owned());
        }
        if self.retention.uploads_abandoned_after.0 < Duration::from_secs(1) {
            faults.push("retention.uploads_abandoned_after: must be at least 1s".to_owned());
        }
        if self.limits.ingest_concurrency == 0 {
            faults.push("limits.ingest_concurrency: must be at least 1".to_owned());
        }
        if self.limits.tenant_concurrency == 0 {
            faults.push("limits.tenant_concurrency: must be at least 1".to_owned());
        }
        let allowance = self.allowance(faults);
        let (line_url, slack_url) = (line_url?, slack_url?);
        Some(Resolved {
            listen: self.server.listen,
            admin_listen: self.server.admin_listen,
            reflection: self.server.reflection,
            grace: self.server.grace.0,
            auth,
            database: database?,
            bucket: bucket?,
            manage_lifecycle: self.s3.manage_lifecycle,
            egress: self.egress_settings(&slack_url),
            slack: self.slack_settings(slack_url),
            line: channel::LineSettings {
                content_url: line_url,
            },
            sealing_keys: sealing_keys?,
            signing_key: signing_key?,
            register: register::Settings {
                limits: limits.clone()?,
                max_attempts: self.retry.max_attempts,
                patience: self.database.patience.0,
                recorder: register::RecorderSettings {
                    flushers: 2,
                    batch: 256,
                    queue: self.limits.register_queue,
                    // Half of what a caller waits: the last try needs time too.
                    patience: self.database.patience.0 / 2,
                },
            },
            ingest: ingest::Settings {
                limits: limits?,
                retry: self.retry_policy(),
                floor: ingest::Floor {
                    bytes_per_second: self.egress.min_bytes_per_second,
                    window: self.egress.min_rate_window.0,
                },
                allowance: allowance?,
                spool_memory_bytes: self.limits.spool_memory_bytes,
                spool_dir: self
                    .limits
                    .spool_dir
                    .clone()
                    .unwrap_or_else(std::env::temp_dir),
                spool_disk_bytes: self.limits.spool_disk_bytes,
            },
            queue: self.queue_settings(),
            sweep: sweep::Settings {
                interval: self.retention.sweep_interval.0,
                lost_after: self.retention.lost_after.0,
                remove_again_after: self.retention.remove_again_after.0,
                events_remembered: self.retention.events_remembered.0,
                uploads_abandoned_after: self.retention.uploads_abandoned_after.0,
            },
            watch: watch::Settings {
                remembered: self.retention.events_remembered.0,
            },
            access: access::Settings {
                default_ttl: self.links.default_ttl.0,
                max_ttl: self.links.max_ttl.0,
            },
        })
    }

    fn try_database(&self, faults: &mut Vec<String>) -> Option<db::Settings> {
        let database = &self.database;
        let file = database.url_file.as_deref();
        let url = secret(faults, "database.url", database.url.as_ref(), file)?;
        let parsed = Url::parse(url.expose_secret());
        if !parsed.is_ok_and(|url| matches!(url.scheme(), "postgres" | "postgresql")) {
            faults.push("database.url: must be postgres://user:password@host/database".to_owned());
            return None;
        }
        Some(db::Settings {
            url,
            max_connections: database.max_connections,
            acquire_timeout: database.acquire_timeout.0,
            patience: database.patience.0,
            statement_timeout: database.statement_timeout.0,
        })
    }

    pub(super) fn auth_settings(&self, faults: &mut Vec<String>) -> auth::Settings {
        if self.auth.issuer.is_empty() {
            faults.push(missing("auth.issuer"));
        }
        if self.auth.audience.is_empty() {
            faults.push(missing("auth.audience"));
        }
        if self.auth.keys.is_empty() {
            faults.push(missing("auth.keys"));
        }
        let mut keys = Vec::new();
        for (n, key) in self.auth.keys.iter().enumerate() {
            let name = format!("auth.keys[{n}].key");
            if let Some(text) = secret(faults, &name, key.key.as_ref(), key.key_file.as_deref()) {
                keys.push(auth::KeySetting {
                    kid: key.kid.clone(),
                    algorithm: key.algorithm,
                    key: text,
                });
            }
        }
        auth::Settings {
            issuer: self.auth.issuer.clone(),
            audience: self.auth.audience.clone(),
            tenant_claim: self.auth.tenant_claim.clone(),
            leeway: self.auth.leeway.0,
            keys,
            allow_hs256: false,
            allow_dev_keys: false,
        }
    }

    fn try_bucket(&self, faults: &mut Vec<String>) -> Option<blob::Settings> {
        let s3 = &self.s3;
        if s3.bucket.is_empty() {
            faults.push(missing("s3.bucket"));
        }
        for (name, value) in [
            ("s3.endpoint", &s3.endpoint),
            ("s3.public_endpoint", &s3.public_endpoint),
        ] {
            if let Some(value) = value {
                base_url(faults, name, value);
            }
        }
        let keys = match &s3.access_key_id {
            None => None,
            Some(id) => Some(blob::StaticKeys {
                access_key_id: id.clone(),
                secret_access_key: secret(
                    faults,
                    "s3.secret_access_key",
                    s3.secret_access_key.as_ref(),
                    s3.secret_access_key_file.as_deref(),
                )?,
            }),
        };
        let is_custom = s3.endpoint.is_some();
        Some(blob::Settings {
            endpoint: s3.endpoint.clone(),
            public_endpoint: s3.public_endpoint.clone(),
            region: s3.region.clone(),
            bucket: s3.bucket.clone(),
            path_style: s3.path_style.unwrap_or(is_custom),
            keys,
            checksums: s3.checksum_mode.unwrap_or(if is_custom {
                blob::ChecksumMode::Required
            } else {
                blob::ChecksumMode::Supported
            }),
            server_side_encryption: s3.server_side_encryption.clone(),
            operation_timeout: s3.operation_timeout.0,
        })
    }

    /// A Web API that an operator put elsewhere brings its file host along.
    fn slack_settings(&self, api_url: Url) -> channel::SlackSettings {
        let with_port = |host: &String| {
            if host.contains(':') {
                host.clone()
            } else {
                format!("{host}:443")
            }
        };
        let mut file_origins: Vec<_> = self.slack.file_hosts.iter().map(with_port).collect();
        file_origins.extend(own_origin(&api_url));
        channel::SlackSettings {
            api_url,
            file_origins,
            bare_origins: self.slack.redirect_hosts.iter().map(with_port).collect(),
        }
    }

    fn egress_settings(&self, slack_url: &Url) -> channel::EgressSettings {
        let mut trusted_origins = self.egress.trusted_origins.clone();
        // A simulator. Over https the ordinary rules do.
        if slack_url.scheme() == "http" {
            trusted_origins.extend(own_origin(slack_url));
        }
        channel::EgressSettings {
            connect_timeout: self.egress.connect_timeout.0,
            first_byte_timeout: self.egress.first_byte_timeout.0,
            idle_timeout: self.egress.idle_timeout.0,
            trusted_origins,
        }
    }

    fn allowance(&self, faults: &mut Vec<String>) -> Option<ingest::Allowance> {
        let speed = NonZeroU64::new(self.egress.total_bytes_per_second);
        if speed.is_none() {
            faults.push("egress.total_bytes_per_second: must be at least 1".to_owned());
        }
        Some(ingest::Allowance {
            any_size: self.egress.total_timeout.0,
            bytes_per_second: speed?,
        })
    }

    fn sealing_keys(&self, faults: &mut Vec<String>) -> Option<Vec<SealingKey>> {
        let first = secret(
            faults,
            "sealing.key",
            self.sealing.key.as_ref(),
            self.sealing.key_file.as_deref(),
        )?;
        let all =
            std::iter::once(&first).chain(self.sealing.previous_keys.iter().map(|key| &key.0));
        let parsed: Result<Vec<_>, _> = all.map(SealingKey::parse).collect();
        parsed
            .map_err(|error| faults.push(format!("sealing.key: {error}")))
            .ok()
    }

    fn media_limits(&self, faults: &mut Vec<String>) -> Option<MediaLimits> {
        let limits = &self.limits;
        let mut opted_in = Vec::new();
        for mime in &limits.extra_content_types {
            let Some(media_type) = MediaType::from_mime(mime) else {
                faults.push(format!(
                    "limits.extra_content_types: {mime:?} is not a type we know"
                ));
                return None;
            };
            opted_in.push(media_type);
        }
        Some(MediaLimits {
            image_max_bytes: limits.image_max_bytes,
            document_max_bytes: limits.document_max_bytes,
            audio_max_bytes: limits.audio_max_bytes,
            video_max_bytes: limits.video_max_bytes,
            max_files_per_message: limits.max_files_per_message,
            opted_in,
        })
    }

    fn retry_policy(&self) -> RetryPolicy {
        RetryPolicy {
            base: self.retry.base.0,
            cap: self.retry.cap.0,
            retry_after_cap: self.retry.retry_after_cap.0,
            not_ready_budget: self.retry.not_ready_budget.0,
        }
    }
}

/// `host:port` of an API that is not Slack's own.
fn own_origin(api_url: &Url) -> Option<String> {
    let host = api_url.host_str().filter(|host| *host != "slack.com")?;
    Some(format!("{host}:{}", api_url.port_or_known_default()?))
}

fn base_url(faults: &mut Vec<String>, name: &str, text: &str) -> Option<Url> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Some(url),
        _ => {
            faults.push(format!("{name}: must be an http or https URL"));
            None
        }
    }
}
