//! From values to what each module needs, with every fault named.

mod keys;
mod providers;
mod stores;
mod work;

use super::fault::{Fault, Faults};
use super::sections::Config;
use crate::provider::SealingKey;
use crate::{
    access, auth, blob, content, db, egress, ingest, provider, queue, register, sandbox, sweep,
    watch,
};
use secrecy::SecretString;
use std::net::SocketAddr;
use std::time::Duration;
use url::Url;

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
    pub egress: egress::Settings,
    pub line: provider::LineSettings,
    pub slack: provider::SlackSettings,
    pub sealing_keys: Vec<SealingKey>,
    pub signing_key: SecretString,
    pub register: register::Settings,
    pub ingest: ingest::Settings,
    pub queue: queue::Settings,
    pub content: content::Settings,
    pub content_queue: queue::Settings,
    pub sandbox: sandbox::Settings,
    pub sweep: sweep::Settings,
    pub access: access::Settings,
    pub watch: watch::Settings,
}

impl Config {
    /// What the database needs, for a command that needs nothing else.
    pub fn database_settings(&self) -> Result<db::Settings, Faults> {
        let mut faults = Vec::new();
        let settings = self.try_database(&mut faults);
        Faults::unless(faults, settings)
    }

    /// What the store needs, for a command that needs nothing else.
    pub fn bucket_settings(&self) -> Result<blob::Settings, Faults> {
        let mut faults = Vec::new();
        let settings = self.try_bucket(&mut faults);
        Faults::unless(faults, settings)
    }

    /// What each module needs, or every fault there is.
    pub fn resolve(&self) -> Result<Resolved, Faults> {
        let mut faults = Vec::new();
        let resolved = self.try_resolve(&mut faults);
        Faults::unless(faults, resolved)
    }

    /// Looks at everything before it gives up, so that no fault hides another.
    pub(super) fn try_resolve(&self, faults: &mut Vec<Fault>) -> Option<Resolved> {
        let auth = self.auth_settings(faults);
        let database = self.try_database(faults);
        let bucket = self.try_bucket(faults);
        let providers = self.provider_settings(faults);
        let signing_key = self.signing_key(faults);
        let access = self.access_settings(faults);
        let sealing_keys = self.sealing_keys(faults);
        let limits = self.media_limits(faults);
        self.check_work(faults);
        let allowance = self.allowance(faults);
        let (providers, limits) = (providers?, limits?);
        Some(Resolved {
            listen: self.server.listen,
            admin_listen: self.server.admin_listen,
            reflection: self.server.reflection,
            grace: self.server.grace.0,
            auth,
            database: database?,
            bucket: bucket?,
            manage_lifecycle: self.s3.manage_lifecycle,
            egress: providers.egress,
            slack: providers.slack,
            line: providers.line,
            sealing_keys: sealing_keys?,
            signing_key: signing_key?,
            register: self.register_settings(limits.clone()),
            ingest: self.ingest_settings(limits, allowance?),
            queue: self.queue_settings(),
            content: self.content_settings(),
            content_queue: self.content_queue_settings(),
            sandbox: sandbox::Settings::default(),
            sweep: self.sweep_settings(),
            access,
            watch: watch::Settings {
                remembered: self.retention.events_remembered.0,
                max_streams: self.watch.max_streams,
                max_streams_per_tenant: self.watch.max_streams_per_tenant,
            },
        })
    }

    fn access_settings(&self, faults: &mut Vec<Fault>) -> access::Settings {
        let (default_ttl, max_ttl) = (self.links.default_ttl.0, self.links.max_ttl.0);
        if max_ttl > LONGEST_PRESIGNED || max_ttl.is_zero() {
            faults.push(Fault::unfit(
                "links.max_ttl",
                "must be 1s to 7days, as SigV4 has it",
            ));
        }
        access::Settings {
            default_ttl,
            max_ttl,
        }
    }
}

fn base_url(faults: &mut Vec<Fault>, name: &str, text: &str) -> Option<Url> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Some(url),
        _ => {
            faults.push(Fault::unfit(name, "must be an http or https URL"));
            None
        }
    }
}
