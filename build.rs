//! Compiles `proto/` with protox: no `protoc` is needed on the machine.
//!
//! The descriptor set goes to `OUT_DIR/descriptor.bin`, comments and custom
//! options (`buf.validate`) included; reflection serves it, `docs/api.md` is
//! rendered from it, and a test reads the rules in it.

use protox::Compiler;
use std::error::Error;
use std::path::{Path, PathBuf};

/// Our own files, from `proto/`; what they import is in `proto/third_party/`.
const PACKAGE_DIR: &str = "attachments/v1";
const RULES: &str = "buf.validate";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-changed=migrations");
    let out_dir = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    let mut compiler = Compiler::new(["proto", "proto/third_party"])?;
    compiler
        .include_imports(true)
        .include_source_info(true)
        .open_files(our_files()?)?;
    // A decoded set has lost the custom options, so the bytes are written as they come.
    let encoded = compiler.encode_file_descriptor_set();
    std::fs::write(out_dir.join("descriptor.bin"), encoded)?;

    // Rules are options: no message refers to theirs, and no Rust is made of them.
    let mut messages = compiler.file_descriptor_set();
    messages.file.retain(|file| file.package() != RULES);
    tonic_prost_build::configure()
        .bytes(".attachments.v1.GetAttachmentBytesResponse")
        .extern_path(".google.rpc.Status", "::tonic_types::Status")
        .compile_fds(messages)?;
    Ok(())
}

fn our_files() -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(Path::new("proto").join(PACKAGE_DIR))? {
        let name = PathBuf::from(entry?.file_name());
        if name.extension().is_some_and(|ending| ending == "proto") {
            files.push(Path::new(PACKAGE_DIR).join(name));
        }
    }
    files.sort();
    Ok(files)
}
