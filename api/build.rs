//! Compiles the .proto files with a pure-Rust compiler, so that no `protoc` is needed.
//!
//! The descriptors are kept beside the messages, without comments: programs that handle messages whose types they
//! learn at run time (the JSON gateway, reflection) read them.

use prost::Message;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    let files = [
        "rpc.proto",
        "kv.proto",
        "auth.proto",
        "lease.proto",
        "membership.proto",
        "raft_internal.proto",
        "etcdserver.proto",
        "v3lock.proto",
        "v3election.proto",
    ];
    let mut descriptors = protox::compile(files, ["proto"])?;
    for file in &mut descriptors.file {
        file.source_code_info = None;
    }
    let out = std::path::PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    let mut config = prost_build::Config::new();
    config.bytes(["."]);
    config.enable_type_names();
    config.compile_fds(descriptors)?;
    Ok(())
}
