//! LINE, Slack, and how they are reached.

use super::base_url;
use crate::config::fault::Fault;
use crate::config::sections::Config;
use crate::provider::RedirectHost;
use crate::{egress, ingest, provider};
use std::num::NonZeroU64;
use url::{Host, Origin, Url};

/// What calls to the providers need.
pub(super) struct Providers {
    pub(super) egress: egress::Settings,
    pub(super) line: provider::LineSettings,
    pub(super) slack: provider::SlackSettings,
}

impl Config {
    pub(super) fn provider_settings(&self, faults: &mut Vec<Fault>) -> Option<Providers> {
        let mut trusted_origins = self.trusted_origins(faults);
        let line_url = base_url(faults, "line.content_url", &self.line.content_url);
        let slack_url = base_url(faults, "slack.api_url", &self.slack.api_url);
        for (name, url) in [
            ("line.content_url", &line_url),
            ("slack.api_url", &slack_url),
        ] {
            let Some(url) = url else { continue };
            if is_simulator(url) {
                trusted_origins.push(url.origin());
            } else if !trusted_origins.contains(&url.origin())
                && let Err(refused) = egress::admit(url)
            {
                let origin = url.origin().ascii_serialization();
                let what = format!(
                    "{refused}; if this is meant, add \"{origin}\" to egress.trusted_origins"
                );
                faults.push(Fault::unfit(name, what));
            }
        }
        let (line_url, slack) = (line_url?, self.slack_settings(faults, slack_url?));
        Some(Providers {
            egress: egress::Settings {
                connect_timeout: self.egress.connect_timeout.0,
                first_byte_timeout: self.egress.first_byte_timeout.0,
                idle_timeout: self.egress.idle_timeout.0,
                trusted_origins,
            },
            line: provider::LineSettings {
                content_url: line_url,
            },
            slack,
        })
    }

    fn trusted_origins(&self, faults: &mut Vec<Fault>) -> Vec<Origin> {
        let named = self.egress.trusted_origins.iter().enumerate();
        named
            .filter_map(|(n, text)| {
                let origin = origin(text);
                if origin.is_none() {
                    faults.push(Fault::unfit(
                        format!("egress.trusted_origins[{n}]"),
                        "must be scheme://host:port, such as http://10.0.0.7:8080",
                    ));
                }
                origin
            })
            .collect()
    }

    /// A Web API that an operator put elsewhere brings its file host along.
    fn slack_settings(&self, faults: &mut Vec<Fault>, api_url: Url) -> provider::SlackSettings {
        let mut file_origins = Vec::new();
        for (n, text) in self.slack.file_hosts.iter().enumerate() {
            match host(text) {
                Some(host) => file_origins.push(host),
                None => faults.push(Fault::unfit(
                    format!("slack.file_hosts[{n}]"),
                    "must be a whole host, such as files.slack.com",
                )),
            }
        }
        if api_url.host_str() != Some("slack.com") {
            file_origins.push(api_url.origin());
        }
        let mut redirect_hosts = Vec::new();
        for (n, text) in self.slack.redirect_hosts.iter().enumerate() {
            match redirect_host(text) {
                Some(host) => redirect_hosts.push(host),
                None => faults.push(Fault::unfit(
                    format!("slack.redirect_hosts[{n}]"),
                    "must be a host, such as slack-files.com or .slack-edge.com",
                )),
            }
        }
        provider::SlackSettings {
            api_url,
            file_origins,
            redirect_hosts,
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

/// In clear on this machine: nothing but a simulator is called so.
fn is_simulator(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "http" && loopback
}

/// `scheme://host:port`, where the port may be the scheme's own, and no more.
fn origin(text: &str) -> Option<Origin> {
    let url = Url::parse(text).ok()?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let named = url.username().is_empty() && url.password().is_none();
    let known = matches!(url.scheme(), "http" | "https");
    (bare && named && known).then(|| url.origin())
}

/// A host, which is called over https at port 443, or a whole origin.
fn host(text: &str) -> Option<Origin> {
    if text.starts_with('.') {
        return None;
    }
    if text.contains("://") {
        origin(text)
    } else {
        origin(&format!("https://{text}"))
    }
}

fn redirect_host(text: &str) -> Option<RedirectHost> {
    if !text.starts_with('.') {
        return host(text).map(RedirectHost::Origin);
    }
    match origin(&format!("https://x{text}"))? {
        Origin::Tuple(_, Host::Domain(name), 443) => {
            let suffix = name.strip_prefix('x').filter(|it| it.len() > 1)?;
            Some(RedirectHost::SubdomainOf(suffix.to_owned()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let spelled = |text| origin(text).map(|origin| origin.ascii_serialization());
        for (text, expected) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("HTTPS://Api-Data.LINE.me:443/", "https://api-data.line.me"),
            ("http://[::1]:80", "http://[::1]"),
        ] {
            assert_eq!(spelled(text).as_deref(), Some(expected), "{text}");
        }
        for bad in [
            "127.0.0.1:8080",
            "example.com",
            "ftp://example.com",
            "https://example.com/api",
            "https://example.com?a",
            "https://user@example.com",
            "blob:https://example.com",
            "",
        ] {
            assert_eq!(origin(bad), None, "{bad}");
        }
    }

    #[test]
    fn hosts_of_files_are_whole_and_those_of_redirects_may_be_subdomains() {
        let secure = |name: &str| Origin::Tuple("https".into(), Host::Domain(name.into()), 443);
        assert_eq!(host("files.slack.com"), Some(secure("files.slack.com")));
        assert_eq!(host("http://127.0.0.1:1"), origin("http://127.0.0.1:1"));
        for bad in [".com", "", "a b", "files.slack.com/files-pri"] {
            assert_eq!(host(bad), None, "{bad}");
        }
        let subdomain = RedirectHost::SubdomainOf(".slack-edge.com".to_owned());
        assert_eq!(redirect_host(".Slack-Edge.com"), Some(subdomain));
        for bad in [".", ".slack-edge.com:8443", ".a/b"] {
            assert_eq!(redirect_host(bad), None, "{bad}");
        }
    }

    fn resolved(adjust: impl FnOnce(&mut Config)) -> Result<Vec<String>, Vec<String>> {
        let (mut config, mut faults) = (Config::default(), Vec::new());
        adjust(&mut config);
        let settings = config.provider_settings(&mut faults);
        match settings {
            Some(settings) if faults.is_empty() => {
                let trusted = settings.egress.trusted_origins.iter();
                Ok(trusted.map(Origin::ascii_serialization).collect())
            }
            _ => Err(faults.iter().map(ToString::to_string).collect()),
        }
    }

    #[test]
    fn only_a_simulator_is_trusted_without_a_word() {
        let at =
            |url: &'static str| resolved(|config| url.clone_into(&mut config.line.content_url));
        assert_eq!(resolved(|_| {}), Ok(vec![]));
        assert_eq!(at("https://line.example.com/v2"), Ok(vec![]));
        for simulator in [
            "http://127.0.0.1:9000",
            "http://localhost:9000",
            "http://[::1]:9000",
        ] {
            assert_eq!(at(simulator), Ok(vec![simulator.to_owned()]));
        }
        for url in [
            "http://10.0.0.7:9000/line",
            "http://line.example.com/line",
            "https://line.example.com:8443/line",
            "https://127.0.0.1/line",
        ] {
            let [fault] = at(url).unwrap_err().try_into().unwrap();
            assert!(fault.starts_with("line.content_url: "), "{fault}");
            let (origin, _) = url.rsplit_once('/').unwrap();
            assert!(fault.contains(&format!("\"{origin}\"")), "{fault}");
            let meant = resolved(|config| {
                url.clone_into(&mut config.line.content_url);
                config.egress.trusted_origins.push(origin.to_owned());
            });
            assert_eq!(meant, Ok(vec![origin.to_owned()]));
        }
    }

    #[test]
    fn a_malformed_origin_or_host_is_named_by_its_place() {
        let faults = resolved(|config| {
            config.egress.trusted_origins = vec!["http://a".to_owned(), "a:80".to_owned()];
            config.slack.file_hosts = vec![".com".to_owned()];
            config.slack.redirect_hosts = vec![".".to_owned()];
        });
        let faults = faults.unwrap_err();
        let keys: Vec<_> = faults
            .iter()
            .filter_map(|fault| fault.split(':').next())
            .collect();
        assert_eq!(
            keys,
            [
                "egress.trusted_origins[1]",
                "slack.file_hosts[0]",
                "slack.redirect_hosts[0]"
            ]
        );
    }
}
