//! Endpoints that follow the members.
//!
//! A client knows the addresses it was given. Members come and go; [`Client::sync`] asks the cluster who is in it now, and
//! [`Config::auto_sync_interval`](crate::Config::auto_sync_interval) does so again and again.

use crate::{Client, Error, call::CallOptions, client::Inner};
use oxetcd_api::etcdserverpb::MemberListRequest;
use std::{
    sync::{Arc, Weak},
    time::Duration,
};

/// How long one look at the members may take.
const LIMIT: Duration = Duration::from_secs(5);

impl Client {
    /// Calls go to these endpoints from now on. Connections to those that stay are kept; calls and streams under way
    /// end where they are. All clones see it. An empty list changes nothing.
    pub fn set_endpoints<E: Into<String>>(&self, endpoints: impl IntoIterator<Item = E>) {
        let endpoints: Vec<_> = endpoints.into_iter().map(Into::into).collect();
        self.inner.balancer.set_endpoints(endpoints, &self.inner.config);
    }

    /// Asks the cluster for its members, and takes their client URLs as endpoints: of those that have started and have a
    /// vote.
    ///
    /// # Errors
    /// Any error of the call; the endpoints stay as they are then.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), oxetcd_client::Error> {
    /// use oxetcd_client::{Client, Config};
    /// use std::time::Duration;
    ///
    /// let mut config = Config::new(["127.0.0.1:2379"]);
    /// config.auto_sync_interval = Some(Duration::from_secs(60));
    /// let client = Client::connect(config).await?;
    /// client.sync().await?; // at once, too
    /// println!("members: {:?}", client.endpoints());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn sync(&self) -> Result<(), Error> {
        let list = self.member_list(MemberListRequest { linearizable: true }).await?;
        let serving = list.members.into_iter().filter(|member| !member.name.is_empty() && !member.is_learner);
        let endpoints: Vec<_> = serving.flat_map(|member| member.client_ur_ls).collect();
        tracing::debug!(?endpoints, "set etcd endpoints by autoSync");
        self.set_endpoints(endpoints);
        Ok(())
    }
}

/// Follows the members for as long as there is a client.
pub(crate) async fn follow(inner: Weak<Inner>, interval: Duration) {
    loop {
        tokio::time::sleep(interval).await;
        let Some(inner) = inner.upgrade() else { return };
        let client = Client::of(inner, CallOptions::default()).with_timeout(LIMIT);
        if let Err(error) = client.sync().await {
            tracing::info!(%error, "auto sync endpoints failed");
        }
    }
}

/// Starts [`follow`], when the configuration says so.
pub(crate) fn start(inner: &Arc<Inner>) {
    if let Some(interval) = inner.config.auto_sync_interval.filter(|interval| !interval.is_zero()) {
        tokio::spawn(follow(Arc::downgrade(inner), interval));
    }
}
