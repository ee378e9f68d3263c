//! Keys and values.

use crate::{Client, Error, client::unary_calls};
use oxetcd_api::etcdserverpb::{
    CompactionRequest, CompactionResponse, DeleteRangeRequest, DeleteRangeResponse, PutRequest, PutResponse,
    RangeRequest, RangeResponse, RangeStreamResponse, TxnRequest, TxnResponse,
};
use oxetcd_grpc::etcdserverpb::kv_client::KvClient;
use tonic::Streaming;

unary_calls! { KvClient;
    /// Reads a key or a range of keys.
    range(RangeRequest) -> RangeResponse = range, "/etcdserverpb.KV/Range", Safe;
    /// Writes a key.
    put(PutRequest) -> PutResponse = put, "/etcdserverpb.KV/Put", Never;
    /// Deletes a key or a range of keys.
    delete_range(DeleteRangeRequest) -> DeleteRangeResponse = delete_range, "/etcdserverpb.KV/DeleteRange", Never;
    /// Compares, and does one of two lists of operations, as one change.
    txn(TxnRequest) -> TxnResponse = txn, "/etcdserverpb.KV/Txn", Never;
    /// Forgets the history before a revision.
    compact(CompactionRequest) -> CompactionResponse = compact, "/etcdserverpb.KV/Compact", Never;
}

impl Client {
    /// Reads a range of keys in chunks, so that neither side has to hold it as a whole.
    ///
    /// # Errors
    /// When the stream cannot be opened.
    pub async fn range_stream(&self, request: RangeRequest) -> Result<RangeStream, Error> {
        let limit = self.inner.config.max_receive_bytes;
        let stream = self
            .open(request, |channel, request| async move {
                KvClient::new(channel).max_decoding_message_size(limit).range_stream(request).await
            })
            .await?;
        Ok(RangeStream { client: self.clone(), stream })
    }
}

/// The chunks of [`Client::range_stream`]. Header, `more` and `count` come with the last one.
#[derive(Debug)]
pub struct RangeStream {
    client: Client,
    stream: Streaming<RangeStreamResponse>,
}

impl RangeStream {
    /// The next chunk; `None` after the last.
    ///
    /// # Errors
    /// When the stream breaks; it is over then.
    pub async fn next(&mut self) -> Result<Option<RangeResponse>, Error> {
        let chunk = self.stream.message().await.map_err(|status| self.client.stream_error(status))?;
        Ok(chunk.map(|chunk| chunk.range_response.unwrap_or_default()))
    }

    /// Reads to the end and puts the chunks together.
    ///
    /// # Errors
    /// When the stream breaks.
    pub async fn collect(mut self) -> Result<RangeResponse, Error> {
        let mut whole = RangeResponse::default();
        while let Some(chunk) = self.next().await? {
            if chunk.header.is_some() {
                whole.header = chunk.header;
            }
            whole.kvs.extend(chunk.kvs);
            whole.more |= chunk.more;
            whole.count = whole.count.max(chunk.count);
        }
        Ok(whole)
    }
}
