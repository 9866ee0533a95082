//! The names things go by. Each is parsed once, at the edge; below it a name
//! is safe in a storage key, a query and a log line.

use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

/// A string that is not a valid name of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {max_len} characters of {charset}")]
pub struct InvalidName {
    max_len: usize,
    charset: &'static str,
}

/// Declares a validated string type: `name!(Type, max length, extra characters, "charset")`.
macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $max_len:literal, $extra:literal, $charset:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type(Box<str>);

        impl $type {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                let valid = (1..=$max_len).contains(&text.len())
                    && text
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || $extra.contains(&b));
                if valid {
                    Ok(Self(text.into()))
                } else {
                    Err(InvalidName { max_len: $max_len, charset: $charset })
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

name!(
    /// Who owns a record. Comes from the token's claim and from nowhere else.
    TenantId, 64, b"_-", "[A-Za-z0-9_-]"
);
name!(
    /// One LINE channel, Slack workspace or set of URLs of a tenant.
    ChannelId, 256, b"._:@/=+~-", "[A-Za-z0-9._:@/=+~-]"
);
name!(
    /// A chat message, as the gateway named it.
    MessageId, 256, b"._:@/=+~-", "[A-Za-z0-9._:@/=+~-]"
);
name!(
    /// A conversation, as the gateway named it.
    ConversationId, 256, b"._:@/=+~-", "[A-Za-z0-9._:@/=+~-]"
);
name!(
    /// A request whose files are processed and purged together.
    CorrelationId, 256, b"._:@/=+~-", "[A-Za-z0-9._:@/=+~-]"
);
name!(
    /// Who sent a message, as the gateway named them.
    SenderId, 256, b"._:@/=+~-", "[A-Za-z0-9._:@/=+~-]"
);
name!(
    /// A provider's id of something: a message, a file, an album.
    ProviderId, 256, b"._:@/=+~-", "[A-Za-z0-9._:@/=+~-]"
);
name!(
    /// A redrive, as its caller named it.
    RequestId, 256, b"._:@/=+~-", "[A-Za-z0-9._:@/=+~-]"
);

/// An attachment's id: a `UUIDv7`, so ids sort by time of registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttachmentId(Uuid);

impl AttachmentId {
    /// Makes a new id.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }

    /// The id as a UUID, for the database.
    #[must_use]
    pub fn as_uuid(self) -> Uuid {
        self.0
    }
}

impl From<Uuid> for AttachmentId {
    fn from(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

impl FromStr for AttachmentId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        Uuid::parse_str(text).map(Self)
    }
}

impl fmt::Display for AttachmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_is_64_safe_characters_at_most() {
        assert!("acme-1_A".parse::<TenantId>().is_ok());
        assert!("a".repeat(64).parse::<TenantId>().is_ok());
        for bad in ["", "a b", "a/b", "a.b", "ä", "a\0", &"a".repeat(65)] {
            assert!(bad.parse::<TenantId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_id_is_what_chat_providers_and_gateways_make() {
        for good in [
            "C1:1531420618.000100",
            "user@example.com",
            "a/b+c==~1",
            &"m".repeat(256),
        ] {
            assert!(good.parse::<MessageId>().is_ok(), "{good:?}");
        }
        for bad in ["", "a b", "a\0", "ä", "a%2F", "a\n", &"m".repeat(257)] {
            assert!(bad.parse::<MessageId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn ids_sort_by_time() {
        let first = AttachmentId::generate();
        let second = AttachmentId::generate();
        assert!(first <= second);
    }
}
