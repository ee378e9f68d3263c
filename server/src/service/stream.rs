//! `RangeStream`: a range in pages, all of one revision, so that neither side holds it whole.
//!
//! The first page is small, for a quick first answer; the next ones grow or shrink towards half to twice the
//! request limit. Header, `more` and `count` come with the last one.
//!
//! A stream lasts as long as its reader takes. So rights are looked at before each page: once they have been changed, whoever's
//! they were, the stream ends and has to be asked for anew.

use super::Read;
use crate::{access, background, status};
use futures::Stream;
use oxetcd_api::etcdserverpb::{RangeRequest, RangeResponse, RangeStreamResponse, ResponseHeader};
use oxetcd_auth::Caller;
use oxetcd_mvcc::{RangePage, RangeStream};
use std::{pin::Pin, sync::Arc};
use tonic::Status;

const FIRST_PAGE_KEYS: usize = 10;

/// The answers of one call.
pub(crate) type Pages = Pin<Box<dyn Stream<Item = Result<RangeStreamResponse, Status>> + Send>>;

struct State<M> {
    member: Arc<M>,
    /// Whose rights it is read by.
    caller: Option<Caller>,
    stream: RangeStream,
    /// Keys of the next page.
    keys: usize,
}

/// Streams the answer to a checked request, which `caller` may ask.
///
/// # Errors
/// When the revision asked for is out of reach.
pub(crate) fn pages<M: Read>(
    member: Arc<M>,
    caller: Option<Caller>,
    request: RangeRequest,
) -> Result<Pages, Status> {
    let stream = member.machine().store().range_stream(request);
    let stream = stream.map_err(|error| status::of_store(&error))?;
    let state = State { member, caller, stream, keys: FIRST_PAGE_KEYS };
    Ok(Box::pin(futures::stream::unfold(Some(state), |state| async move {
        match state?.step().await {
            Ok((page, state)) => Some((Ok(page?), Some(state))),
            Err(status) => Some((Err(status), None)),
        }
    })))
}

impl<M: Read> State<M> {
    async fn step(mut self) -> Result<(Option<RangeStreamResponse>, Self), Status> {
        let takes_long = self.stream.is_to_be_sorted();
        let step = move || self.next().map(|page| (page, self));
        if takes_long { background::run(step).await.ok_or_else(status::stopped)? } else { step() }
    }

    fn next(&mut self) -> Result<Option<RangeStreamResponse>, Status> {
        let page = self.stream.next_page(self.keys).map_err(|error| status::of_store(&error))?;
        access::is_unchanged(&self.member.machine(), self.caller.as_ref())?;
        page.map(|page| self.answer(page)).transpose()
    }

    fn answer(&mut self, page: RangePage) -> Result<RangeStreamResponse, Status> {
        let target = self.member.limits().max_request_bytes;
        let size = page.kvs.encoded_len();
        if size < target / 2 {
            self.keys = self.keys.saturating_mul(2);
        } else if size > target.saturating_mul(2) {
            self.keys = (self.keys / 2).max(1);
        }
        let kvs = page.kvs.decode().map_err(|error| status::of_store(&error))?;
        let mut response = RangeResponse { kvs, ..Default::default() };
        if let Some(end) = page.end {
            response.header = Some(ResponseHeader { revision: end.revision, ..self.member.header() });
            (response.more, response.count) = (end.more, end.count);
        }
        Ok(RangeStreamResponse { range_response: Some(response) })
    }
}
