//! Generates the service stubs over `oxetcd_api`'s messages with a pure-Rust compiler.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=../proto");
    let descriptors = protox::compile(["rpc.proto", "v3lock.proto", "v3election.proto"], ["../proto"])?;
    tonic_prost_build::configure()
        .extern_path(".mvccpb", "::oxetcd_api::mvccpb")
        .extern_path(".authpb", "::oxetcd_api::authpb")
        .extern_path(".etcdserverpb", "::oxetcd_api::etcdserverpb")
        .extern_path(".v3lockpb", "::oxetcd_api::v3lockpb")
        .extern_path(".v3electionpb", "::oxetcd_api::v3electionpb")
        .compile_fds(descriptors)?;
    Ok(())
}
