//! `defrag`: gives the space of deleted data back to the file system.

use super::endpoint::{CLUSTER, connect};
use crate::{
    args::{Command, Failure, Invocation},
    ctl::{MAINTENANCE, Session},
    exit,
    go::duration::GoDuration,
};
use oxetcd_api::etcdserverpb::DefragmentRequest;
use tokio::time::Instant;

pub(super) static DEFRAG: Command = Command {
    group: Some(MAINTENANCE),
    shared_flags: &[&CLUSTER],
    run: Some(|invocation| Box::pin(run(invocation))),
    ..Command::new("defrag", "Gives the unused space in the stores of members back")
};

async fn run(invocation: &mut Invocation) -> Result<(), Failure> {
    let session = Session::begin(invocation)?;
    let mut failed = false;
    for endpoint in session.members(invocation.matches.bool(&CLUSTER)).await? {
        let client = connect(&session, &endpoint).await?;
        let start = Instant::now();
        let result = client.defragment(DefragmentRequest {}).await;
        let took = GoDuration::from(start.elapsed());
        match result {
            Ok(_) => {
                session.out.line(format_args!("Finished defragmenting etcd member[{endpoint}]. took {took}"));
            }
            Err(error) => {
                eprintln!("Failed to defragment etcd member[{endpoint}]. took {took}. ({error})");
                failed = true;
            }
        }
        session.out.flush();
    }
    if failed { Err(Failure::silent(exit::ERROR)) } else { Ok(()) }
}
