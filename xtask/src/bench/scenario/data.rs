//! Keys and values of the load.

use super::Target;
use anyhow::Result;
use bytes::Bytes;
use futures::future::try_join_all;
use oxetcd_api::etcdserverpb::PutRequest;
use oxetcd_grpc::etcdserverpb::kv_client::KvClient;

/// Bytes of a value.
const VALUE_LEN: usize = 256;
/// Keys that puts are spread over.
pub(super) const KEY_SPACE: usize = 100_000;
/// Puts under way at once while data is prepared.
const PREPARE_WIDTH: usize = 100;

/// Key number `number`, 8 bytes long.
pub(super) fn key(number: usize) -> Bytes {
    Bytes::from(format!("{:08}", number % 100_000_000))
}

/// A key that looks random and is the same in every run: request number `ticket` gets it.
pub(super) fn scattered(ticket: usize, space: usize) -> usize {
    // A step of splitmix64, which turns neighbours into strangers.
    let mut word = (ticket as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((word ^ (word >> 31)) % space as u64) as usize
}

/// A value of the usual length.
pub(super) fn value() -> Bytes {
    Bytes::from(vec![b'v'; VALUE_LEN])
}

/// Puts keys 0 up to `count`.
pub(super) fn prepare(target: &Target, count: usize) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let channel = target.connect().await?;
        let worker = async |first: usize| -> Result<()> {
            let mut client = KvClient::new(channel.clone());
            for number in (first..count).step_by(PREPARE_WIDTH) {
                client.put(PutRequest { key: key(number), value: value(), ..PutRequest::default() }).await?;
            }
            Ok(())
        };
        try_join_all((0..PREPARE_WIDTH).map(worker)).await?;
        Ok(())
    })
}
