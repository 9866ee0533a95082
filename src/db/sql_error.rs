//! What the database, or the way to it, said: with the code, and what to do
//! about it where that is known.

use sqlx::Error;
use sqlx::postgres::PgConnectOptions;
use std::error::Error as StdError;
use std::fmt;

/// Why a statement failed. Shows the server's message and its SQLSTATE, but
/// neither its detail nor its hint, which may quote rows.
#[derive(Debug)]
pub struct SqlError(pub(super) Error);

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(refusal) = self.0.as_database_error() else {
            return fmt::Display::fmt(&self.0, f);
        };
        let code = refusal.code().unwrap_or_default();
        write!(f, "{} (SQLSTATE {code})", refusal.message())?;
        match what_to_do(&code, refusal.message()) {
            Some(advice) => write!(f, "; {advice}"),
            None => Ok(()),
        }
    }
}

impl StdError for SqlError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.0 {
            // Shown already.
            Error::Database(_) => None,
            other => other.source(),
        }
    }
}

/// What mends it, by SQLSTATE.
fn what_to_do(code: &str, message: &str) -> Option<&'static str> {
    Some(match code {
        "42P01" | "42703" | "42883" | "3F000" => {
            "tables are missing or old: run `attachments migrate`"
        }
        "28P01" => "mend user and password in database.url",
        "28000" => {
            "the server lets this role in by no rule: mend database.url, the role or pg_hba.conf"
        }
        "3D000" => "create the database, or mend its name in database.url",
        "42501" => "grant the role of database.url its rights on the tables",
        "53300" => {
            "replicas times database.max_connections is more than the server's max_connections"
        }
        "53100" => "the server's disk is full",
        "25006" => {
            "this server only reads: database.url must lead to the primary, and \
             default_transaction_read_only must be off"
        }
        "26000" | "42P05" => {
            "a pooler between mixes up prepared statements: let it keep them \
             (pgbouncer: max_prepared_statements), pool by session, or go around it"
        }
        _ if message.contains("startup parameter") => {
            "a pooler between refuses the time-outs that are set as the connection starts: let it \
             pass them (pgbouncer: ignore_startup_parameters = options), or go around it"
        }
        _ => return None,
    })
}

/// Where the database is, without who comes there by which password.
pub(super) fn address(options: &PgConnectOptions) -> String {
    let (host, port) = (options.get_host(), options.get_port());
    let database = options.get_database().unwrap_or(options.get_username());
    match options.get_socket() {
        Some(socket) => format!("{}/.s.PGSQL.{port}/{database}", socket.display()),
        None => format!("{host}:{port}/{database}"),
    }
}
