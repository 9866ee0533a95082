//! Why a token is not taken.

/// Why a token was refused. For the log: the caller is told
/// [`Rejected::PUBLIC_TEXT`], whatever the cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// There is no `authorization` header.
    #[error("no token")]
    Missing,
    /// Not exactly one `authorization` header with one bearer token.
    #[error("not one bearer token")]
    NotOneBearer,
    /// Longer than 8 KiB.
    #[error("token too long")]
    TooLong,
    /// Not a JWT in compact form, an algorithm nobody knows, or a field twice.
    #[error("malformed token")]
    Malformed,
    /// A header field that changes how the token is to be read.
    #[error("header field `{0}` not allowed")]
    HeaderField(&'static str),
    /// A `typ` of something other than an access token.
    #[error("wrong token type")]
    Type,
    /// No key of that id, or no id where there are several keys.
    #[error("unknown key")]
    UnknownKey,
    /// The header names another algorithm than the key is for.
    #[error("algorithm is not the key's")]
    Algorithm,
    /// The signature does not hold.
    #[error("wrong signature")]
    Signature,
    /// A claim is missing or of the wrong type.
    #[error("claim `{0}` missing or malformed")]
    Claim(&'static str),
    /// Not our issuer.
    #[error("wrong issuer")]
    Issuer,
    /// Not meant for us.
    #[error("wrong audience")]
    Audience,
    /// The tenant claim is missing or not a tenant's name.
    #[error("tenant claim missing or malformed")]
    Tenant,
    /// `exp` has passed.
    #[error("expired")]
    Expired,
    /// `nbf` or `iat` is yet to come.
    #[error("not yet valid")]
    NotYetValid,
    /// More than [`super::MAX_TOKEN_LIFE`] from `iat` to `exp`.
    #[error("lives too long")]
    LivesTooLong,
}

impl Rejected {
    /// All that a caller is told.
    pub const PUBLIC_TEXT: &'static str = "the access token is missing or not valid";
}
