//! The generated contract: messages, client and server of `attachments.v1`.

#![expect(
    clippy::pedantic,
    clippy::large_enum_variant,
    clippy::allow_attributes,
    reason = "generated code; the proto documents itself"
)]

tonic::include_proto!("attachments.v1");

/// The compiled proto with its comments, for reflection and for the docs.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptor.bin"));
