//! `move-leader`: makes another member the leader.

use super::{bad_args, expect_args, failed, parse_member_id};
use crate::{
    args::{Command, Failure, Invocation},
    ctl::{MAINTENANCE, Session},
    exit,
    print::LeaderMoved,
};
use oxetcd_api::etcdserverpb::{MoveLeaderRequest, StatusRequest};

pub(super) static MOVE_LEADER: Command = Command {
    usage: "<transferee-member-id>",
    group: Some(MAINTENANCE),
    run: Some(|invocation| Box::pin(run(invocation))),
    ..Command::new("move-leader", "Makes another member of the cluster its leader.")
};

async fn run(invocation: &mut Invocation) -> Result<(), Failure> {
    expect_args(invocation, 1, "move-leader command needs 1 argument")?;
    let to = parse_member_id(&invocation.matches.args[0]).map_err(bad_args)?;
    let session = Session::begin(invocation)?;
    let endpoints = session.connect().await?.endpoints();
    let deadline = session.deadline();
    for endpoint in &endpoints {
        let client = session.connect_to(endpoint).await;
        let client =
            client.map_err(|error| Failure::new(exit::BAD_CONNECTION, error))?.with_deadline(deadline);
        let status = client.status(StatusRequest {}).await.map_err(failed)?;
        let from = status.leader;
        if status.header.is_some_and(|header| header.member_id == from) {
            let response = client.move_leader(MoveLeaderRequest { target_id: to }).await.map_err(failed)?;
            return session.show(&LeaderMoved { from, to, response });
        }
    }
    Err(bad_args(format!("no leader endpoint given at [{}]", endpoints.join(" "))))
}
