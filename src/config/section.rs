//! How a section is declared: each key once, with its type, its default and
//! its explanation. Struct, defaults and `config.example.toml` follow from it.

use super::fault::Fault;
use figment::Figment;
use serde::Serialize;

/// What is known of one key beside its value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) doc: &'static [&'static str],
}

/// A section of the file.
pub(super) trait Section: Serialize + Default {
    const NAME: &'static str;
    const KEYS: &'static [Key];

    /// Reads each key by itself, so that one fault does not hide the next.
    fn read(figment: &Figment, faults: &mut Vec<Fault>) -> Self;
}

/// Declares a section: `key: Type = default;` with a doc comment each.
macro_rules! section {
    (
        $(#[doc = $doc:literal])*
        $name:literal $type:ident {
            $($(#[doc = $key_doc:literal])* $key:ident: $value:ty = $default:expr;)*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, serde::Serialize)]
        #[allow(clippy::struct_field_names, clippy::allow_attributes, reason = "keys are named for the file")]
        pub struct $type {
            $($(#[doc = $key_doc])* pub $key: $value,)*
        }

        impl Default for $type {
            fn default() -> Self {
                Self { $($key: $default,)* }
            }
        }

        impl $crate::config::section::Section for $type {
            const NAME: &'static str = $name;
            const KEYS: &'static [$crate::config::section::Key] = &[
                $($crate::config::section::Key {
                    name: stringify!($key),
                    doc: &[$($key_doc),*],
                },)*
            ];

            fn read(figment: &figment::Figment, faults: &mut Vec<$crate::config::fault::Fault>) -> Self {
                Self {
                    $($key: $crate::config::load::read(
                        figment,
                        concat!($name, ".", stringify!($key)),
                        faults,
                    )
                    .unwrap_or_else(|| $default),)*
                }
            }
        }
    };
}
pub(super) use section;
