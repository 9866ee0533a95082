//! The database and the bucket.

use super::base_url;
use crate::config::fault::Fault;
use crate::config::secret::secret;
use crate::config::sections::Config;
use crate::telemetry::Chain;
use crate::{blob, db};
use secrecy::ExposeSecret as _;
use url::Url;

impl Config {
    pub(super) fn try_database(&self, faults: &mut Vec<Fault>) -> Option<db::Settings> {
        let database = &self.database;
        let file = database.url_file.as_deref();
        let url = secret(faults, "database.url", database.url.as_ref(), file)?;
        let parsed = Url::parse(url.expose_secret());
        if !parsed.is_ok_and(|url| matches!(url.scheme(), "postgres" | "postgresql")) {
            let what = "must be postgres://user:password@host/database";
            faults.push(Fault::unfit("database.url", what));
            return None;
        }
        if let Err(error) = db::check_url(&url) {
            faults.push(Fault::unfit("database.url", Chain(&error).to_string()));
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

    pub(super) fn try_bucket(&self, faults: &mut Vec<Fault>) -> Option<blob::Settings> {
        let s3 = &self.s3;
        if s3.bucket.is_empty() {
            faults.push(Fault::missing("s3.bucket"));
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
        Some(blob::Settings {
            endpoint: s3.endpoint.clone(),
            public_endpoint: s3.public_endpoint.clone(),
            region: s3.region.clone(),
            bucket: s3.bucket.clone(),
            path_style: s3.path_style.unwrap_or(s3.endpoint.is_some()),
            keys,
            checksums: s3.checksum_mode,
            server_side_encryption: s3.server_side_encryption.clone(),
            operation_timeout: s3.operation_timeout.0,
        })
    }
}
