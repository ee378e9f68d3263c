//! Keys and values.

use crate::{Client, Error, client::unary_calls, namespace::Prefix, ordering};
use oxetcd_api::etcdserverpb::{
    CompactionRequest, CompactionResponse, DeleteRangeRequest, DeleteRangeResponse, PutRequest, PutResponse,
    RangeRequest, RangeResponse, RangeStreamResponse, TxnRequest, TxnResponse,
};
use oxetcd_grpc::etcdserverpb::kv_client::KvClient;
use tonic::{Code, Streaming};

unary_calls! { KvClient;
    /// Reads once.
    range_once(RangeRequest) -> RangeResponse = range, "/etcdserverpb.KV/Range", Safe;
    /// Writes.
    put_once(PutRequest) -> PutResponse = put, "/etcdserverpb.KV/Put", Never;
    /// Deletes.
    delete_once(DeleteRangeRequest) -> DeleteRangeResponse = delete_range, "/etcdserverpb.KV/DeleteRange", Never;
    /// Compares and does.
    txn_once(TxnRequest) -> TxnResponse = txn, "/etcdserverpb.KV/Txn", Never;
    /// Forgets the history before a revision.
    pub compact(CompactionRequest) -> CompactionResponse = compact, "/etcdserverpb.KV/Compact", Never;
}

impl Client {
    /// Reads a key or a range of keys.
    ///
    /// # Errors
    /// Any error of the call: see [`Error`].
    pub async fn range(&self, request: RangeRequest) -> Result<RangeResponse, Error> {
        let Some(order) = &self.order else { return self.range_once(request).await };
        let read = |client: Client| {
            let request = request.clone();
            async move { client.range_once(request).await }
        };
        self.read_in_order(order, read, |answer| answer.header.as_ref()).await
    }

    /// Writes a key.
    ///
    /// # Errors
    /// Any error of the call: see [`Error`].
    pub async fn put(&self, request: PutRequest) -> Result<PutResponse, Error> {
        let answer = self.put_once(request).await?;
        self.wrote(answer.header.as_ref());
        Ok(answer)
    }

    /// Deletes a key or a range of keys.
    ///
    /// # Errors
    /// Any error of the call: see [`Error`].
    pub async fn delete_range(&self, request: DeleteRangeRequest) -> Result<DeleteRangeResponse, Error> {
        let answer = self.delete_once(request).await?;
        self.wrote(answer.header.as_ref());
        Ok(answer)
    }

    /// Compares, and does one of two lists of operations, as one change.
    ///
    /// # Errors
    /// Any error of the call: see [`Error`].
    pub async fn txn(&self, request: TxnRequest) -> Result<TxnResponse, Error> {
        let Some(order) = self.order.as_ref().filter(|_| ordering::only_reads(&request)) else {
            let answer = self.txn_once(request).await?;
            self.wrote(answer.header.as_ref());
            return Ok(answer);
        };
        let read = |client: Client| {
            let request = request.clone();
            async move { client.txn_once(request).await }
        };
        self.read_in_order(order, read, |answer| answer.header.as_ref()).await
    }

    /// Reads a range of keys in chunks, so that neither side has to hold it as a whole.
    ///
    /// # Errors
    /// When the stream cannot be opened, and always for a client that is [`ordered`](Client::ordered).
    pub async fn range_stream(&self, request: RangeRequest) -> Result<RangeStream, Error> {
        if self.order.is_some() {
            let message = "a stream of a range tells its revision too late to be ordered".to_owned();
            return Err(Error::Rpc { code: Code::Unimplemented, message });
        }
        let limit = self.inner.config.max_receive_bytes;
        let stream = self
            .open(request, |channel, request| async move {
                KvClient::new(channel).max_decoding_message_size(limit).range_stream(request).await
            })
            .await?;
        Ok(RangeStream { client: self.clone(), stream, prefix: Prefix::default() })
    }
}

/// The chunks of [`Client::range_stream`]. Header, `more` and `count` come with the last one.
#[derive(Debug)]
pub struct RangeStream {
    client: Client,
    stream: Streaming<RangeStreamResponse>,
    /// Taken off every key.
    prefix: Prefix,
}

impl RangeStream {
    /// The same stream as a namespace sees it.
    pub(crate) fn below(self, prefix: Prefix) -> Self {
        RangeStream { prefix, ..self }
    }

    /// The next chunk; `None` after the last.
    ///
    /// # Errors
    /// When the stream breaks; it is over then.
    pub async fn next(&mut self) -> Result<Option<RangeResponse>, Error> {
        let chunk = self.stream.message().await.map_err(|status| self.client.stream_error(status))?;
        let mut response = chunk.map(|chunk| chunk.range_response.unwrap_or_default());
        response.iter_mut().for_each(|response| self.prefix.range_response(response));
        Ok(response)
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
