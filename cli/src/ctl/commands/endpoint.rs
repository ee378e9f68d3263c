//! `endpoint`: single members, looked at from outside.

use crate::{
    args::{Command, Failure, Flag, Invocation},
    ctl::{MAINTENANCE, Session},
    exit,
    go::duration::GoDuration,
    print::{HashList, Health, HealthList, StatusList},
};
use oxetcd_api::etcdserverpb::{AlarmRequest, AlarmType, HashKvRequest, RangeRequest, StatusRequest};
use oxetcd_client::{Client, Code, Error};
use tokio::time::Instant;

pub(super) static CLUSTER: Flag =
    Flag::switch("cluster", "ask all members of the cluster, as the member list names them");
static REV: Flag = Flag::int("rev", "hash the history up to this revision (default: the newest)");

pub(super) static ENDPOINT: Command = Command {
    group: Some(MAINTENANCE),
    long: "Endpoints: single members, as they answer",
    shared_flags: &[&CLUSTER],
    commands: &[&HASH_KV, &HEALTH, &STATUS],
    ..Command::new("endpoint", "Endpoint related commands. Use `etcdctl endpoint --help` to see subcommands")
};

static HEALTH: Command = Command {
    run: Some(|invocation| Box::pin(health(invocation))),
    ..Command::new("health", "Checks the health of the members that `--endpoints` names")
};

static STATUS: Command = Command {
    long: "Shows the status of members. In the format \"simple\" each is a line of values with commas between:
endpoint, ID, version, storage version, db size, size in use, percentage not in use, quota, is leader, is learner,
raft term, raft index, raft applied index, errors, downgrade target version, downgrade enabled.
",
    run: Some(|invocation| Box::pin(status(invocation))),
    ..Command::new("status", "Shows the status of the members that `--endpoints` names")
};

static HASH_KV: Command = Command {
    shared_flags: &[&REV],
    run: Some(|invocation| Box::pin(hash_kv(invocation))),
    ..Command::new("hashkv", "Shows a hash over the history of keys of each member in `--endpoints`")
};

async fn health(invocation: &mut Invocation) -> Result<(), Failure> {
    let session = Session::begin(invocation)?;
    let members = session.members(invocation.matches.bool(&CLUSTER)).await?;
    let checks = members.iter().map(|member| check(&session, member));
    let list = HealthList(futures::future::join_all(checks).await);
    let ill = list.0.iter().any(|health| !health.error.is_empty());
    session.show(&list)?;
    if ill { Err(Failure::new(exit::ERROR, "unhealthy cluster")) } else { Ok(()) }
}

/// A member is healthy when it can read a key with the consent of the others, and has no alarm.
async fn check(session: &Session, endpoint: &str) -> Health {
    let ill =
        |error: String, took: String| Health { endpoint: endpoint.to_owned(), healthy: false, took, error };
    let client = match session.connect_to(endpoint).await {
        Ok(client) => client.with_deadline(session.deadline()),
        Err(error) => return ill(error.to_string(), String::new()),
    };
    let start = Instant::now();
    let read = client.range(RangeRequest { key: "health".into(), ..RangeRequest::default() }).await;
    let took = GoDuration::from(start.elapsed()).to_string();
    match read {
        Err(error) if error.code() != Code::PermissionDenied => ill(error.to_string(), took),
        // Permission was denied by consent as well.
        _ => match alarms(&client).await {
            Ok(alarms) if alarms.is_empty() => {
                Health { endpoint: endpoint.to_owned(), healthy: true, took, error: String::new() }
            }
            Ok(alarms) => ill(format!("Active Alarm(s): {alarms}"), took),
            Err(_) => ill("Unable to fetch the alarm list".to_owned(), took),
        },
    }
}

/// The names of raised alarms, each with a space behind it.
async fn alarms(client: &Client) -> Result<String, Error> {
    let answer = client.alarm(AlarmRequest::default()).await?;
    let name = |kind| match AlarmType::try_from(kind) {
        Ok(AlarmType::Nospace) => "NOSPACE ",
        Ok(AlarmType::Corrupt) => "CORRUPT ",
        _ => "UNKNOWN ",
    };
    Ok(answer.alarms.iter().map(|alarm| name(alarm.alarm)).collect())
}

async fn status(invocation: &mut Invocation) -> Result<(), Failure> {
    let session = Session::begin(invocation)?;
    let (mut list, mut failed) = (StatusList(Vec::new()), false);
    for endpoint in session.members(invocation.matches.bool(&CLUSTER)).await? {
        let client = connect(&session, &endpoint).await?;
        match client.status(StatusRequest {}).await {
            Ok(status) => list.0.push((endpoint, status)),
            Err(error) => {
                eprintln!("Failed to get the status of endpoint {endpoint} ({error})");
                failed = true;
            }
        }
    }
    session.show(&list)?;
    if failed { Err(Failure::silent(exit::ERROR)) } else { Ok(()) }
}

async fn hash_kv(invocation: &mut Invocation) -> Result<(), Failure> {
    let session = Session::begin(invocation)?;
    let revision = invocation.matches.int(&REV);
    let (mut list, mut last_error) = (HashList(Vec::new()), None);
    for endpoint in session.members(invocation.matches.bool(&CLUSTER)).await? {
        let client = connect(&session, &endpoint).await?;
        match client.hash_kv(HashKvRequest { revision }).await {
            Ok(hash) => list.0.push((endpoint, hash)),
            Err(error) => {
                eprintln!("Failed to get the hash of endpoint {endpoint} ({error})");
                last_error = Some(error);
            }
        }
    }
    session.show(&list)?;
    match last_error {
        Some(error) => Err(Failure::new(exit::ERROR, error)),
        None => Ok(()),
    }
}

/// A client of one member, with the time of a short command that begins now.
pub(super) async fn connect(session: &Session, endpoint: &str) -> Result<Client, Failure> {
    let client = session.connect_to(endpoint).await;
    let client = client.map_err(|error| Failure::new(exit::BAD_CONNECTION, error))?;
    Ok(client.with_deadline(session.deadline()))
}
