//! Who leads, as the members themselves say.

use anyhow::Result;
use oxetcd_api::etcdserverpb::StatusRequest;
use oxetcd_grpc::etcdserverpb::maintenance_client::MaintenanceClient;
use std::{net::SocketAddr, time::Duration};
use tokio::runtime::Runtime;
use tonic::transport::Endpoint;

/// A member that takes longer is asked again the next time.
const LIMIT: Duration = Duration::from_millis(500);

/// What a member says: its own id, the leader's, the term.
struct Word {
    id: u64,
    leader: u64,
    term: u64,
}

/// Remembers who led when it last looked.
pub(crate) struct Watch {
    runtime: Runtime,
    /// Name and term of the leader; empty while there is none.
    last: (String, u64),
}

impl Watch {
    pub(crate) fn new() -> Result<Watch> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Watch { runtime, last: (String::new(), 0) })
    }

    /// Asks these members. A line when another one leads than before, or none.
    pub(crate) fn leader<'a>(
        &mut self,
        members: impl Iterator<Item = (&'a str, SocketAddr)>,
    ) -> Option<String> {
        let words: Vec<(&str, Word)> = self.runtime.block_on(async {
            let asked = members.map(|(name, at)| async move { Some((name, ask(at).await?)) });
            futures::future::join_all(asked).await.into_iter().flatten().collect()
        });
        let leads = words.iter().filter(|(_, word)| word.leader == word.id);
        let now = leads.max_by_key(|(_, word)| word.term);
        let now = now.map_or((String::new(), self.last.1), |(name, word)| ((*name).to_owned(), word.term));
        if now == self.last {
            return None;
        }
        let (name, term) = &now;
        let line =
            if name.is_empty() { "nobody leads".to_owned() } else { format!("{name} leads, in term {term}") };
        self.last = now;
        Some(line)
    }
}

async fn ask(at: SocketAddr) -> Option<Word> {
    let ask = async {
        let channel = Endpoint::from_shared(format!("http://{at}")).ok()?.connect().await.ok()?;
        let status = MaintenanceClient::new(channel).status(StatusRequest {}).await.ok()?.into_inner();
        Some(Word { id: status.header?.member_id, leader: status.leader, term: status.raft_term })
    };
    tokio::time::timeout(LIMIT, ask).await.ok()?
}
