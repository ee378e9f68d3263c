//! x
use anyhow::Result;
use clap::Args;
#[derive(Args)]
pub(crate) struct CiOptions {}
pub(crate) fn ci(_: &CiOptions) -> Result<()> {
    Ok(())
}
pub(crate) fn verify() -> Result<()> {
    Ok(())
}
pub(crate) fn fix() -> Result<()> {
    Ok(())
}
