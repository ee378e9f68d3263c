//! Logins, and puts beside them.
//!
//! Here the load comes at a fixed pace, whatever the server does; see [`paced`](crate::bench::paced).

use super::{Sample, Target, data};
use crate::{
    bench::{
        drive::Meter,
        paced::{Waits, pace},
    },
    process,
};
use anyhow::{Result, anyhow};
use oxetcd_api::etcdserverpb::{
    AuthDisableRequest, AuthEnableRequest, AuthRoleAddRequest, AuthUserAddRequest, AuthUserGrantRoleRequest,
    AuthenticateRequest, PutRequest,
};
use oxetcd_grpc::etcdserverpb::{auth_client::AuthClient, kv_client::KvClient};
use tonic::{Request, Status, transport::Channel};

/// Users that log in.
const USERS: usize = 50;
const PASSWORD: &str = "a password of usual length";
const CONNECTIONS: usize = 20;
const PUTS_PER_S: u32 = 500;
const LOGINS_PER_S: u32 = 1_000;

/// What is done, and how fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mix {
    Puts,
    PutsBesideLogins,
    Logins,
}

fn name(user: usize) -> String {
    if user == 0 { "root".to_owned() } else { format!("user{user}") }
}

async fn log_in(channel: &Channel, user: usize) -> Result<String, Status> {
    let login = AuthenticateRequest { name: name(user), password: PASSWORD.to_owned() };
    Ok(AuthClient::new(channel.clone()).authenticate(login).await?.into_inner().token)
}

fn by<T>(token: &str, message: T) -> Result<Request<T>> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("token", token.parse()?);
    Ok(request)
}

/// Users, of whom the first administers, and auth on. Answers with the first one's token.
async fn prepare(channel: &Channel) -> Result<String> {
    let mut auth = AuthClient::new(channel.clone());
    // What an earlier scenario has made is there already.
    let _ = auth.role_add(AuthRoleAddRequest { name: "root".to_owned() }).await;
    for user in 0..USERS {
        let (name, password) = (name(user), PASSWORD.to_owned());
        let _ = auth.user_add(AuthUserAddRequest { name, password, ..Default::default() }).await;
    }
    let grant = AuthUserGrantRoleRequest { user: "root".to_owned(), role: "root".to_owned() };
    auth.user_grant_role(grant).await?;
    auth.auth_enable(AuthEnableRequest {}).await?;
    for user in 0..USERS {
        log_in(channel, user).await?;
    }
    Ok(log_in(channel, 0).await?)
}

async fn puts(channels: &[Channel], token: &str, total: usize) -> Waits {
    pace(total, PUTS_PER_S, |number| {
        let (channel, token) = (channels[number % channels.len()].clone(), token.to_owned());
        async move {
            let key = data::key(data::scattered(number, data::KEY_SPACE));
            let put = PutRequest { key, value: data::value(), ..PutRequest::default() };
            let put = by(&token, put).map_err(|error| Status::internal(error.to_string()))?;
            KvClient::new(channel).put(put).await.map(drop)
        }
    })
    .await
}

async fn logins(channels: &[Channel], total: usize) -> Waits {
    pace(total, LOGINS_PER_S, |number| {
        let channel = channels[number % channels.len()].clone();
        async move { log_in(&channel, number % USERS).await.map(drop) }
    })
    .await
}

/// For `seconds`. What is measured are the puts, if there are any.
pub(super) fn run(target: &Target, mix: Mix, seconds: f64) -> Result<Sample> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let mut channels = Vec::new();
        for _ in 0..CONNECTIONS {
            channels.push(target.connect().await?);
        }
        let token = prepare(&channels[0]).await?;
        let of = |per_s: u32| (f64::from(per_s) * seconds).max(1.0) as usize;
        let meter = Meter::start(target);
        let times = match mix {
            Mix::Puts => puts(&channels, &token, of(PUTS_PER_S)).await,
            Mix::Logins => logins(&channels, of(LOGINS_PER_S)).await,
            Mix::PutsBesideLogins => {
                let puts = puts(&channels, &token, of(PUTS_PER_S));
                let (mut puts, logins) = tokio::join!(puts, logins(&channels, of(LOGINS_PER_S)));
                puts.errors += logins.errors;
                puts.first_error = puts.first_error.or(logins.first_error);
                puts
            }
        };
        let (wall, cpu_us) = meter.stop()?;
        let off = by(&token, AuthDisableRequest {})?;
        AuthClient::new(channels[0].clone()).auth_disable(off).await.map_err(|status| anyhow!("{status}"))?;
        Ok(Sample {
            requests: times.all.len(),
            latencies_us: times.sorted_us(),
            errors: times.errors,
            first_error: times.first_error,
            wall,
            cpu_us,
            rss_kib: target.pid().map(process::peak_rss_kib).transpose()?,
        })
    })
}
