//! Compiles `proto/` with protox: no `protoc` is needed on the machine.
//!
//! The descriptor set goes to `OUT_DIR/descriptor.bin`; reflection serves it
//! and `docs/api.md` is rendered from it, comments included.

use prost::Message as _;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-changed=migrations");
    let out_dir = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    let descriptors = protox::compile(["attachments/v1/attachments.proto"], ["proto"])?;
    std::fs::write(out_dir.join("descriptor.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure()
        .bytes(".attachments.v1.GetAttachmentBytesResponse")
        .extern_path(".google.rpc.Status", "::tonic_types::Status")
        .compile_fds(descriptors)?;
    Ok(())
}
