//! Registering, and waiting for the others.

use crate::{
    DiscoveryError, Service,
    registry::{Arrivals, member_key, members_prefix, size, size_key},
};
use bytes::Bytes;
use oxetcd_api::{
    KeyRange,
    etcdserverpb::{PutRequest, RangeRequest, WatchCreateRequest},
};
use oxetcd_client::{Client, Error};
use std::time::Duration;

/// Most doublings of the wait between two tries.
const MAX_DOUBLINGS: u32 = 8;

/// Registers the member `id`, whose names and peer URLs are `member` (`a=http://x:2380,a=http://y:2380`), and waits until
/// the cluster is complete: its members, in the form of `--initial-cluster`.
///
/// A service that does not answer is asked again, with growing pauses, for as long as the caller waits.
///
/// # Errors
/// When the service knows no size for the cluster, or has enough members for it.
pub async fn join(service: &Service, id: u64, member: &str) -> Result<String, DiscoveryError> {
    let client = service.client().await?;
    let registration = Registration {
        calls: client.with_timeout(service.request_timeout),
        client,
        token: &service.token,
        key: member_key(&service.token, id),
    };
    // Before writing, so that one too many leaves nothing behind.
    registration.look().await?;
    registration.register(member).await;
    loop {
        let (arrivals, size, revision) = registration.look().await?;
        if arrivals.len() >= size {
            tracing::info!(size, found = arrivals.len(), "found all needed peers from discovery service");
            return Ok(arrivals.cluster(size));
        }
        tracing::info!(size, found = arrivals.len(), "waiting for peers from discovery service");
        registration.wait_for_news(revision).await;
    }
}

struct Registration<'a> {
    client: Client,
    /// The same, with calls that end.
    calls: Client,
    token: &'a str,
    /// Key of this member.
    key: String,
}

impl Registration<'_> {
    /// The keys of all members.
    fn members(&self) -> (Bytes, Bytes) {
        match KeyRange::prefix(members_prefix(self.token).into()) {
            KeyRange::Between(key, end) => (key, end),
            KeyRange::Single(key) | KeyRange::From(key) => (key, Bytes::from_static(b"\0")),
        }
    }

    /// Who has come so far, how many there are to be, and the revision of that.
    async fn look(&self) -> Result<(Arrivals, usize, i64), DiscoveryError> {
        let mut tries = Tries::default();
        loop {
            match self.ask().await {
                Ok(Ok((arrivals, size, _))) if arrivals.leave_no_room_for(&self.key, size) => {
                    return Err(DiscoveryError::Full);
                }
                Ok(found) => return found,
                Err(error) => tries.pause("cluster status check", &error).await,
            }
        }
    }

    /// The outer error may pass.
    async fn ask(&self) -> Result<Result<(Arrivals, usize, i64), DiscoveryError>, Error> {
        let range = RangeRequest { key: size_key(self.token).into(), ..Default::default() };
        let found = self.calls.range(range).await?;
        let Some(kv) = found.kvs.first() else { return Ok(Err(DiscoveryError::SizeNotFound)) };
        let Some(size) = size(&kv.value) else { return Ok(Err(DiscoveryError::BadSize)) };
        let (key, range_end) = self.members();
        let range = RangeRequest { key, range_end, ..Default::default() };
        let found = self.calls.range(range).await?;
        let revision = found.header.map_or(0, |header| header.revision);
        Ok(Ok((Arrivals::of(&found.kvs), size, revision)))
    }

    async fn register(&self, member: &str) {
        let mut tries = Tries::default();
        let put = PutRequest {
            key: self.key.clone().into(),
            value: member.to_owned().into(),
            ..Default::default()
        };
        while let Err(error) = self.calls.put(put.clone()).await {
            tries.pause("register member itself", &error).await;
        }
        tracing::info!(member_key = self.key, member_info = member, "register member itself successfully");
    }

    /// Waits until something has changed among the members behind `revision`, or may have.
    async fn wait_for_news(&self, revision: i64) {
        let (key, range_end) = self.members();
        let start_revision = revision + 1;
        let request = WatchCreateRequest { key, range_end, start_revision, ..Default::default() };
        let mut watch = self.client.watch(request);
        while let Some(update) = watch.next().await {
            if !update.response.events.is_empty() {
                return;
            }
        }
        // The watch was ended: by compaction, or by a service that is going. The next look tells more.
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Counts tries, for pauses that grow.
#[derive(Default)]
struct Tries(u32);

impl Tries {
    async fn pause(&mut self, step: &str, error: &Error) {
        self.0 = (self.0 + 1).min(MAX_DOUBLINGS);
        let backoff = Duration::from_secs(1 << self.0);
        tracing::warn!(reason = step, %error, ?backoff, "retry connecting to discovery service");
        tokio::time::sleep(backoff).await;
    }
}
