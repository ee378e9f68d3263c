//! Reads that never go back in time.
//!
//! A serializable read is answered by whichever member gets it, out of what it has: the next read may go to a member
//! that lags, and show an older state than the one before. A client made by [`Client::ordered`] remembers the highest
//! revision that any of its answers carried, and asks another member when an answer is older.

use crate::{Client, Error};
use oxetcd_api::etcdserverpb::{RequestOp, ResponseHeader, TxnRequest, request_op::Request};
use std::{
    fmt,
    future::Future,
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

/// How often every member may be asked for one answer.
const ROUNDS: usize = 5;
/// Wait after all members were asked in vain.
const PAUSE: Duration = Duration::from_millis(25);

/// What the handles of one ordered client have seen.
#[derive(Default)]
pub(crate) struct Order {
    highest: AtomicI64,
}

impl Order {
    /// The highest revision so far.
    fn highest(&self) -> i64 {
        self.highest.load(Ordering::Acquire)
    }

    fn saw(&self, revision: i64) {
        self.highest.fetch_max(revision, Ordering::AcqRel);
    }
}

impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.highest())
    }
}

impl Client {
    /// The same client, whose reads show no older state than its earlier answers did. Clones share what they have seen;
    /// each call of `ordered` begins anew.
    ///
    /// Reads are [`range`](Client::range) and transactions that write nothing; they fail with
    /// [`Error::NoGreaterRevision`] when every member has been asked five times. A
    /// [`range_stream`](Client::range_stream) knows its revision at its end only, and is refused.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), oxetcd_client::Error> {
    /// use oxetcd_api::etcdserverpb::{PutRequest, RangeRequest};
    /// use oxetcd_client::{Client, Config};
    ///
    /// let client = Client::connect(Config::new(["a:2379", "b:2379", "c:2379"])).await?.ordered();
    /// client.put(PutRequest { key: "k".into(), value: "new".into(), ..Default::default() }).await?;
    /// // Cheap, and yet never older than the write above.
    /// let read = RangeRequest { key: "k".into(), serializable: true, ..Default::default() };
    /// assert_eq!(client.range(read).await?.kvs[0].value, "new");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn ordered(&self) -> Self {
        Client { order: Some(Default::default()), ..self.clone() }
    }

    /// Notes what a write has shown.
    pub(crate) fn wrote(&self, header: Option<&ResponseHeader>) {
        if let Some(order) = &self.order {
            order.saw(header.map_or(0, |header| header.revision));
        }
    }

    /// Makes a read, as often as it takes to get an answer that is not older than those before.
    pub(crate) async fn read_in_order<A, F>(
        &self,
        order: &Order,
        read: impl Fn(Client) -> F,
        header: impl Fn(&A) -> Option<&ResponseHeader>,
    ) -> Result<A, Error>
    where
        F: Future<Output = Result<A, Error>>,
    {
        // One limit for all attempts.
        let client = self.with_fixed_deadline();
        // Others that share the order may raise it meanwhile: that is no reason to ask again.
        let least = order.highest();
        let members = self.inner.balancer.len().max(1);
        for attempt in 1..=ROUNDS * members {
            let answer = read(client.clone()).await?;
            let revision = header(&answer).map_or(0, |header| header.revision);
            if revision >= least {
                order.saw(revision);
                return Ok(answer);
            }
            tracing::debug!(revision, least, "a member lags behind what was read before");
            if attempt % members == 0 {
                tokio::time::sleep(PAUSE).await;
            }
        }
        Err(Error::NoGreaterRevision)
    }
}

/// Whether a transaction changes nothing, whichever way it goes.
pub(crate) fn only_reads(txn: &TxnRequest) -> bool {
    let reads = |op: &RequestOp| match &op.request {
        Some(Request::RequestRange(_)) | None => true,
        Some(Request::RequestTxn(txn)) => only_reads(txn),
        Some(_) => false,
    };
    txn.success.iter().chain(&txn.failure).all(reads)
}
