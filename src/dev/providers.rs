//! Which providers are given, and the simulator for those that are not.

use super::simulator::{Settings, Simulator, StartError};
use crate::config::Config;
use std::net::SocketAddr;
use std::path::Path;

/// The providers that are not to be simulated.
#[derive(Debug, Clone, Copy)]
pub struct Given {
    /// LINE.
    pub line: bool,
    /// Slack.
    pub slack: bool,
}

impl Given {
    /// What `config` names is given.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let real = Config::default();
        Self {
            line: config.line.content_url != real.line.content_url,
            slack: config.slack.api_url != real.slack.api_url,
        }
    }

    /// Starts the simulator, if there is one to be simulated, and has `config`
    /// use it. Its files lie in `folder`.
    pub async fn simulate_others(
        self,
        listen: SocketAddr,
        folder: &Path,
        config: &mut Config,
    ) -> Result<Option<Simulator>, StartError> {
        if self.line && self.slack {
            return Ok(None);
        }
        let simulator = Simulator::start_in(folder, Settings { listen }).await?;
        if !self.line {
            config.line.content_url = simulator.line_content_url();
        }
        if !self.slack {
            config.slack.api_url = simulator.slack_api_url();
        }
        Ok(Some(simulator))
    }
}
