//! Credentials, inbound only.

use super::super::error::{Violation, unimplemented};
use crate::proto::set_channel_credential_request::Credential;
use secrecy::SecretString;
use tonic::Status;

const MAX_SECRET_BYTES: usize = 4096;
const MAX_CLIENT_ID_BYTES: usize = 256;

/// Reads a credential that is set.
pub(in crate::grpc) fn credential(credential: Option<Credential>) -> Result<SecretString, Status> {
    match credential {
        Some(Credential::Token(token)) => {
            let printable = token.bytes().all(|byte| byte.is_ascii_graphic());
            if token.is_empty() || token.len() > MAX_SECRET_BYTES || !printable {
                let wanted = "must be 1 to 4096 visible ASCII characters";
                return Err(Violation::new("token", wanted).into());
            }
            Ok(SecretString::from(token))
        }
        Some(Credential::Line(line)) => {
            let id = &line.line_channel_id;
            one_to("line.line_channel_id", id, MAX_CLIENT_ID_BYTES)?;
            one_to(
                "line.channel_secret",
                &line.channel_secret,
                MAX_SECRET_BYTES,
            )?;
            Err(unimplemented("a LINE channel's id and secret"))
        }
        Some(Credential::Slack(slack)) => {
            one_to("slack.client_id", &slack.client_id, MAX_CLIENT_ID_BYTES)?;
            one_to(
                "slack.client_secret",
                &slack.client_secret,
                MAX_SECRET_BYTES,
            )?;
            one_to(
                "slack.refresh_token",
                &slack.refresh_token,
                MAX_SECRET_BYTES,
            )?;
            Err(unimplemented("a Slack token that rotates"))
        }
        None => {
            let wanted = "must be one of token, line and slack";
            Err(Violation::new("credential", wanted).into())
        }
    }
}

fn one_to(field: &str, text: &str, most: usize) -> Result<(), Violation> {
    if (1..=most).contains(&text.len()) {
        Ok(())
    } else {
        Err(Violation::new(field, format!("must be 1 to {most} bytes")))
    }
}
