//! Mints tokens for development.
//!
//! Owns one Ed25519 key pair in the data directory. A verifier trusts it only
//! when [`Settings::allow_dev_keys`](crate::auth::Settings::allow_dev_keys)
//! says so, which production never does.

use crate::auth::{
    DEFAULT_SCOPE_CLAIM, DEFAULT_TENANT_CLAIM, DEV_KID, MAX_TOKEN_LIFE, ScopeSet, ring_crypto,
};
use crate::clock::Clock;
use crate::ids::TenantId;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::json;
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use uuid::Uuid;

/// The `iss` of the tokens minted here.
pub const DEV_ISSUER: &str = "attachments-dev";

/// The `aud` of the tokens minted here.
pub const DEV_AUDIENCE: &str = "attachments";

const FILE_NAME: &str = "token-key.pk8";

/// What stands before an Ed25519 public key in its `SubjectPublicKeyInfo`
/// (RFC 8410, section 4).
const ED25519_PREFIX: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0,
];

/// The key pair that signs development tokens.
pub struct DevKey {
    signing: EncodingKey,
    public: Vec<u8>,
}

/// What a token is to say.
#[derive(Debug, Clone)]
pub struct MintRequest {
    /// The tenant it speaks for.
    pub tenant: TenantId,
    /// What it allows.
    pub scopes: ScopeSet,
    /// How long it lives, in whole seconds. At most [`MAX_TOKEN_LIFE`].
    pub ttl: Duration,
    /// Whom it names in records of what was done.
    pub subject: String,
}

impl DevKey {
    /// Loads the key pair from `data_dir`, or makes one there. Processes that
    /// start at the same time end up with the same pair.
    pub fn load_or_generate(data_dir: &Path) -> Result<Self, DevKeyError> {
        ring_crypto::install();
        let path = data_dir.join(FILE_NAME);
        let at = |source| DevKeyError::Io {
            path: path.clone(),
            source,
        };
        let pkcs8 = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
                    .map_err(|_| DevKeyError::Generate)?;
                create(data_dir, &path, pkcs8.as_ref()).map_err(at)?;
                fs::read(&path).map_err(at)?
            }
            read => read.map_err(at)?,
        };
        let pair = Ed25519KeyPair::from_pkcs8(&pkcs8)
            .map_err(|_| DevKeyError::NotAKey { path: path.clone() })?;
        Ok(Self {
            signing: EncodingKey::from_ed_der(&pkcs8),
            public: pair.public_key().as_ref().to_vec(),
        })
    }

    /// Whether `data_dir` holds a key pair.
    #[must_use]
    pub fn exists(data_dir: &Path) -> bool {
        data_dir.join(FILE_NAME).exists()
    }

    /// Mints a token that begins now.
    pub fn mint(&self, request: &MintRequest, clock: &dyn Clock) -> Result<String, MintError> {
        let issued = clock.now().unix_timestamp();
        let ttl = i64::try_from(request.ttl.as_secs()).unwrap_or(i64::MAX);
        if !(1..=MAX_TOKEN_LIFE.whole_seconds()).contains(&ttl) {
            return Err(MintError::Ttl);
        }
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(DEV_KID.to_owned());
        let claims = json!({
            "iss": DEV_ISSUER,
            "aud": DEV_AUDIENCE,
            "sub": request.subject,
            DEFAULT_TENANT_CLAIM: request.tenant.as_str(),
            DEFAULT_SCOPE_CLAIM: request.scopes.to_string(),
            "iat": issued,
            "exp": issued + ttl,
        });
        Ok(encode(&header, &claims, &self.signing)?)
    }

    /// The public key, as a verifier's settings take it.
    #[must_use]
    pub fn public_key_pem(&self) -> String {
        let der = [&ED25519_PREFIX[..], &self.public].concat();
        let body = STANDARD.encode(der);
        format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n")
    }
}

impl fmt::Debug for DevKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DevKey").finish_non_exhaustive()
    }
}

/// Writes `pkcs8` to `path`, whole and readable by its owner only, unless
/// somebody else was faster.
fn create(data_dir: &Path, path: &Path, pkcs8: &[u8]) -> io::Result<()> {
    fs::create_dir_all(data_dir)?;
    let draft = data_dir.join(format!("{FILE_NAME}.{}", Uuid::now_v7()));
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)
        .and_then(|mut file| {
            file.write_all(pkcs8)?;
            file.sync_all()
        })
        // Unlike a rename, a link does not replace what is there.
        .and_then(|()| match fs::hard_link(&draft, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            linked => linked,
        });
    let removed = fs::remove_file(&draft);
    written.and(removed)
}

/// Why there is no development key.
#[derive(Debug, thiserror::Error)]
pub enum DevKeyError {
    /// The key file can not be read or made.
    #[error("development key {}", path.display())]
    Io {
        /// The key file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The key file holds something else.
    #[error("{} is not an Ed25519 key; remove it to get a new one", path.display())]
    NotAKey {
        /// The key file.
        path: PathBuf,
    },
    /// The system gives no random bytes.
    #[error("no key pair could be made")]
    Generate,
}

/// Why a token was not minted.
#[derive(Debug, thiserror::Error)]
pub enum MintError {
    /// The ttl is no time at all, or more than a verifier accepts.
    #[error("a token lives from 1 second to {} hours", MAX_TOKEN_LIFE.whole_hours())]
    Ttl,
    /// It could not be signed.
    #[error("signing the token")]
    Sign(#[from] jsonwebtoken::errors::Error),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{KeyAlgorithm, KeySetting, Rejected, Scope, Settings, Verifier};
    use crate::clock::ShiftedClock;
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::Arc;

    /// A directory that is gone when the test is over.
    struct DataDir(PathBuf);

    impl DataDir {
        fn new() -> Self {
            Self(std::env::temp_dir().join(format!("attachments-{}", Uuid::now_v7())))
        }
    }

    impl Drop for DataDir {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn request(ttl: Duration) -> MintRequest {
        MintRequest {
            tenant: "acme".parse().unwrap(),
            scopes: [Scope::Read, Scope::Link].into_iter().collect(),
            ttl,
            subject: "bff".to_owned(),
        }
    }

    fn settings(key: &DevKey) -> Settings {
        Settings {
            issuer: DEV_ISSUER.to_owned(),
            audience: DEV_AUDIENCE.to_owned(),
            tenant_claim: DEFAULT_TENANT_CLAIM.to_owned(),
            scope_claim: DEFAULT_SCOPE_CLAIM.to_owned(),
            leeway: Settings::DEFAULT_LEEWAY,
            keys: vec![KeySetting {
                kid: Some(DEV_KID.to_owned()),
                algorithm: KeyAlgorithm::EdDsa,
                key: key.public_key_pem().into(),
            }],
            allow_hs256: false,
            allow_dev_keys: true,
        }
    }

    #[test]
    fn a_minted_token_is_accepted_until_it_expires() {
        let dir = DataDir::new();
        let key = DevKey::load_or_generate(&dir.0).unwrap();
        let clock = Arc::new(ShiftedClock::default());
        let verifier = Verifier::new(&settings(&key), clock.clone()).unwrap();
        let token = key
            .mint(&request(Duration::from_hours(1)), &*clock)
            .unwrap();
        let caller = verifier.verify(&token).unwrap();
        assert_eq!(caller.tenant().as_str(), "acme");
        assert_eq!(caller.subject(), "bff");
        assert_eq!(caller.scopes(), request(Duration::ZERO).scopes);
        clock.shift(time::Duration::hours(2));
        assert_eq!(verifier.verify(&token).unwrap_err(), Rejected::Expired);
    }

    #[test]
    fn the_key_survives_and_is_its_owners_alone() {
        let dir = DataDir::new();
        let keys: Vec<_> = std::thread::scope(|scope| {
            let load = || DevKey::load_or_generate(&dir.0).unwrap().public_key_pem();
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(load)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        let again = DevKey::load_or_generate(&dir.0).unwrap().public_key_pem();
        assert!(keys.iter().all(|key| *key == again));
        let files: Vec<_> = fs::read_dir(&dir.0).unwrap().map(Result::unwrap).collect();
        assert_eq!(files.len(), 1, "drafts are left");
        assert_eq!(
            files[0].metadata().unwrap().permissions().mode() & 0o777,
            0o600
        );
    }

    #[test]
    fn a_file_that_is_no_key_is_kept_and_refused() {
        let dir = DataDir::new();
        fs::create_dir_all(&dir.0).unwrap();
        fs::write(dir.0.join(FILE_NAME), "no key").unwrap();
        let refused = DevKey::load_or_generate(&dir.0).unwrap_err();
        assert!(matches!(refused, DevKeyError::NotAKey { .. }));
    }

    #[test]
    fn a_token_that_no_verifier_would_take_is_not_minted() {
        let dir = DataDir::new();
        let key = DevKey::load_or_generate(&dir.0).unwrap();
        let clock = ShiftedClock::default();
        for ttl in [
            Duration::ZERO,
            Duration::from_secs(24 * 3600 + 1),
            Duration::MAX,
        ] {
            assert!(matches!(
                key.mint(&request(ttl), &clock),
                Err(MintError::Ttl)
            ));
        }
        assert!(key.mint(&request(Duration::from_hours(24)), &clock).is_ok());
    }
}
