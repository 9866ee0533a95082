//! LINE, Slack, and how they are reached.

use super::base_url;
use crate::config::fault::Fault;
use crate::config::sections::Config;
use crate::{egress, ingest, provider};
use std::num::NonZeroU64;
use url::Url;

impl Config {
    pub(super) fn line_settings(&self, faults: &mut Vec<Fault>) -> Option<provider::LineSettings> {
        Some(provider::LineSettings {
            content_url: base_url(faults, "line.content_url", &self.line.content_url)?,
        })
    }

    /// A Web API that an operator put elsewhere brings its file host along.
    pub(super) fn slack_settings(&self, api_url: Url) -> provider::SlackSettings {
        let with_port = |host: &String| {
            if host.contains(':') {
                host.clone()
            } else {
                format!("{host}:443")
            }
        };
        let mut file_origins: Vec<_> = self.slack.file_hosts.iter().map(with_port).collect();
        file_origins.extend(own_origin(&api_url));
        provider::SlackSettings {
            api_url,
            file_origins,
            bare_origins: self.slack.redirect_hosts.iter().map(with_port).collect(),
        }
    }

    pub(super) fn egress_settings(&self, slack_url: &Url) -> egress::Settings {
        let mut trusted_origins = self.egress.trusted_origins.clone();
        // A simulator. Over https the ordinary rules do.
        if slack_url.scheme() == "http" {
            trusted_origins.extend(own_origin(slack_url));
        }
        egress::Settings {
            connect_timeout: self.egress.connect_timeout.0,
            first_byte_timeout: self.egress.first_byte_timeout.0,
            idle_timeout: self.egress.idle_timeout.0,
            trusted_origins,
        }
    }

    pub(super) fn allowance(&self, faults: &mut Vec<Fault>) -> Option<ingest::Allowance> {
        let speed = NonZeroU64::new(self.egress.total_bytes_per_second);
        if speed.is_none() {
            faults.push(Fault::unfit(
                "egress.total_bytes_per_second",
                "must be at least 1",
            ));
        }
        Some(ingest::Allowance {
            any_size: self.egress.total_timeout.0,
            bytes_per_second: speed?,
        })
    }
}

/// `host:port` of an API that is not Slack's own.
fn own_origin(api_url: &Url) -> Option<String> {
    let host = api_url.host_str().filter(|host| *host != "slack.com")?;
    Some(format!("{host}:{}", api_url.port_or_known_default()?))
}
