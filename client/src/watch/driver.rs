//! Runs a [`Session`] over real connections.

use super::{
    WatchUpdate,
    session::{Action, Session},
};
use crate::{Client, Error, error};
use oxetcd_api::etcdserverpb::{WatchCreateRequest, WatchRequest, WatchResponse};
use oxetcd_grpc::etcdserverpb::watch_client::WatchClient;
use std::{collections::HashMap, time::Duration};
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{Code, Streaming};

/// First wait before a broken stream is opened again; it grows from there.
const FIRST_BACKOFF: Duration = Duration::from_millis(1);
/// Longest such wait.
const MAX_BACKOFF: Duration = Duration::from_millis(100);

/// What handles ask of the task.
#[derive(Debug)]
pub(super) enum Command {
    Create { key: u64, request: Box<WatchCreateRequest>, sender: mpsc::Sender<WatchUpdate> },
    Cancel { key: u64 },
    Progress,
}

/// Serves the handles of one watcher until the last of them is gone.
pub(super) async fn run(client: Client, commands: mpsc::UnboundedReceiver<Command>) {
    let mut driver = Driver { client, commands, session: Session::default(), senders: HashMap::new() };
    // Nothing is opened before somebody wants something.
    while let Some(first) = driver.commands.recv().await {
        let waiting = driver.apply(first);
        match driver.run(waiting).await {
            Some(error) => driver.fail(&error).await,
            None => return,
        }
    }
}

/// Why a stream is over.
enum Ended {
    /// Nobody listens any more.
    NoHandles,
    /// It failed, or the server closed it.
    Broken(Error),
}

struct Driver {
    client: Client,
    commands: mpsc::UnboundedReceiver<Command>,
    session: Session,
    senders: HashMap<u64, mpsc::Sender<WatchUpdate>>,
}

impl Driver {
    /// Opens streams, one after the other, until one is refused for good, or nobody listens any more (`None`).
    async fn run(&mut self, mut waiting: Vec<Action>) -> Option<Error> {
        let mut backoff = FIRST_BACKOFF;
        loop {
            let (requests, receiver) = mpsc::unbounded_channel();
            waiting.retain(|action| !is_create(action));
            waiting.extend(self.session.connected());
            self.perform(std::mem::take(&mut waiting), &requests).await;
            let error = match self.serve(receiver, &requests).await {
                Ended::NoHandles => return None,
                Ended::Broken(error) => error,
            };
            let renewed = match self.client.renew_token(&error).await {
                Ok(renewed) => renewed,
                Err(error) => return Some(error),
            };
            let may_pass = matches!(error.code(), Code::Unavailable | Code::Internal);
            if !renewed && (!may_pass || error.is(error::NO_LEADER)) {
                return Some(error);
            }
            tracing::debug!(%error, "watch stream broke; opening another");
            tokio::time::sleep(backoff).await;
            backoff = (backoff * 5 / 4).min(MAX_BACKOFF);
        }
    }

    /// Runs one stream to its end. Servers answer the opening of the stream with their first message, so commands are
    /// served while it opens.
    async fn serve(
        &mut self,
        receiver: mpsc::UnboundedReceiver<WatchRequest>,
        requests: &mpsc::UnboundedSender<WatchRequest>,
    ) -> Ended {
        let client = self.client.clone();
        let opening = open(&client, receiver);
        tokio::pin!(opening);
        let mut stream = loop {
            tokio::select! {
                opened = &mut opening => match opened {
                    Ok(stream) => break stream,
                    Err(error) => return Ended::Broken(error),
                },
                command = self.commands.recv() => match command {
                    Some(command) => self.command(command, requests).await,
                    None => return Ended::NoHandles,
                },
            }
        };
        loop {
            tokio::select! {
                message = stream.message() => match message {
                    Ok(Some(response)) => {
                        if let Some(error) = self.token_refused(&response) {
                            return Ended::Broken(error);
                        }
                        let actions = self.session.received(response);
                        self.perform(actions, requests).await;
                    }
                    Ok(None) => {
                        let message = "the server closed the stream".to_owned();
                        return Ended::Broken(Error::Rpc { code: Code::Unavailable, message });
                    }
                    Err(status) => return Ended::Broken(Error::from(status)),
                },
                command = self.commands.recv() => match command {
                    Some(command) => self.command(command, requests).await,
                    None => return Ended::NoHandles,
                },
            }
        }
    }

    /// A watcher that is refused because of the token is asked for again over another stream, with another token, as are the
    /// others of this one: a stream carries the token that it was opened with.
    fn token_refused(&self, response: &WatchResponse) -> Option<Error> {
        if !(response.created && response.canceled) {
            return None;
        }
        let (_, message) = response.cancel_reason.split_once("desc = ")?;
        let error = Error::from_reason(message);
        self.client.is_about_token(&error).then_some(error)
    }

    async fn command(&mut self, command: Command, requests: &mpsc::UnboundedSender<WatchRequest>) {
        let actions = self.apply(command);
        self.perform(actions, requests).await;
    }

    fn apply(&mut self, command: Command) -> Vec<Action> {
        match command {
            Command::Create { key, request, sender } => {
                self.senders.insert(key, sender);
                self.session.create(key, *request).into_iter().collect()
            }
            Command::Cancel { key } => {
                self.senders.remove(&key);
                self.session.cancel(key).into_iter().collect()
            }
            Command::Progress => vec![Action::Send(Session::progress())],
        }
    }

    async fn perform(&mut self, actions: Vec<Action>, requests: &mpsc::UnboundedSender<WatchRequest>) {
        for action in actions {
            match action {
                // A stream that has ended is noticed where it is read.
                Action::Send(request) => drop(requests.send(request)),
                Action::Deliver(key, update) => {
                    if let Some(sender) = self.senders.get(&key) {
                        // An error means that the handle is gone; its cancel command is on the way.
                        let _ = sender.send(update).await;
                    }
                }
                Action::End(key) => drop(self.senders.remove(&key)),
            }
        }
    }

    async fn fail(&mut self, error: &Error) {
        // Watches whose creation is still in the queue fail with the others.
        while let Ok(command) = self.commands.try_recv() {
            self.apply(command);
        }
        let actions = self.session.fail(error);
        let (requests, _) = mpsc::unbounded_channel();
        self.perform(actions, &requests).await;
    }
}

fn is_create(action: &Action) -> bool {
    use oxetcd_api::etcdserverpb::watch_request::RequestUnion::CreateRequest;
    matches!(action, Action::Send(WatchRequest { request_union: Some(CreateRequest(_)) }))
}

async fn open(
    client: &Client,
    requests: mpsc::UnboundedReceiver<WatchRequest>,
) -> Result<Streaming<WatchResponse>, Error> {
    let limit = client.inner.config.max_receive_bytes;
    client
        .open(UnboundedReceiverStream::new(requests), |channel, request| async move {
            WatchClient::new(channel).max_decoding_message_size(limit).watch(request).await
        })
        .await
}
