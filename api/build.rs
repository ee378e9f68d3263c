//! Compiles the .proto files with a pure-Rust compiler, so that no `protoc` is needed.

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
    let descriptors = protox::compile(files, ["proto"])?;
    let mut config = prost_build::Config::new();
    config.bytes(["."]);
    config.enable_type_names();
    config.compile_fds(descriptors)?;
    Ok(())
}
