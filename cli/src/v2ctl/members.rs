//! The members of a cluster, over `/v2/members`.

use super::cluster::{Call, Cluster, Problem};
use bytes::Bytes;
use http::{Method, Response};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

const PATH: &str = "/v2/members";

/// A member.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Member {
    pub(super) id: String,
    pub(super) name: String,
    #[serde(rename = "peerURLs")]
    pub(super) peer_urls: Vec<String>,
    #[serde(rename = "clientURLs")]
    pub(super) client_urls: Vec<String>,
}

/// Asks about members, and changes them.
pub(super) struct Members<'a>(pub(super) &'a Cluster);

impl Members<'_> {
    pub(super) async fn list(&self, deadline: Instant) -> Result<Vec<Member>, Problem> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct List {
            members: Vec<Member>,
        }
        let answer = self.0.call(&Call::get(PATH), Some(deadline)).await?;
        expect(&answer, &[200])?;
        Ok(read::<List>(answer.body())?.members)
    }

    pub(super) async fn leader(&self, deadline: Instant) -> Result<Member, Problem> {
        let answer = self.0.call(&Call::get(format!("{PATH}/leader")), Some(deadline)).await?;
        expect(&answer, &[200])?;
        read(answer.body())
    }

    pub(super) async fn add(&self, peer_url: &str, deadline: Instant) -> Result<Member, Problem> {
        let call = Call::new(Method::POST, PATH).json(peers(&[peer_url])?);
        let answer = self.0.call(&call, Some(deadline)).await?;
        expect(&answer, &[201, 409])?;
        if answer.status() != 201 {
            return Err(refusal(answer.body()));
        }
        read(answer.body())
    }

    pub(super) async fn update(
        &self,
        id: &str,
        peer_urls: &[&str],
        deadline: Instant,
    ) -> Result<(), Problem> {
        let path = super::urls::escaped_path(&super::urls::canonical(&format!("{PATH}/{id}")));
        let answer =
            self.0.call(&Call::new(Method::PUT, path).json(peers(peer_urls)?), Some(deadline)).await?;
        expect(&answer, &[204, 404, 409])?;
        if answer.status() == 204 { Ok(()) } else { Err(refusal(answer.body())) }
    }

    pub(super) async fn remove(&self, id: &str, deadline: Instant) -> Result<(), Problem> {
        let path = super::urls::escaped_path(&super::urls::canonical(&format!("{PATH}/{id}")));
        let answer = self.0.call(&Call::new(Method::DELETE, path), Some(deadline)).await?;
        expect(&answer, &[204, 410])
    }
}

fn peers(urls: &[&str]) -> Result<String, Problem> {
    #[derive(Serialize)]
    struct Peers<'a> {
        #[serde(rename = "peerURLs")]
        peer_urls: Vec<&'a str>,
    }
    let mut checked = Vec::new();
    for url in urls {
        crate::go::url::check_member_url(url).map_err(Problem::Answer)?;
        checked.push(url.trim());
    }
    checked.sort_unstable();
    Ok(oxetcd_v2::to_json(&Peers { peer_urls: checked }))
}

/// Refuses an answer of another status.
pub(super) fn expect(answer: &Response<Bytes>, statuses: &[u16]) -> Result<(), Problem> {
    let status = answer.status().as_u16();
    if statuses.contains(&status) {
        return Ok(());
    }
    Err(Problem::Answer(format!("unexpected status code {status}")))
}

/// Reads JSON.
pub(super) fn read<T: for<'a> Deserialize<'a>>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| Problem::Answer(error.to_string()))
}

/// What a refusal says.
pub(super) fn refusal(body: &[u8]) -> Problem {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Refusal {
        message: String,
    }
    match read::<Refusal>(body) {
        Ok(refusal) => Problem::Answer(refusal.message),
        Err(problem) => problem,
    }
}
