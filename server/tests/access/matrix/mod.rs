//! Everything by everybody: every method, in every nesting, with every kind of right and everything that a caller may show
//! for itself. Let through exactly when the model says so, and refused in the words that the model says.

mod calls;
mod keys;
mod model;
mod raw;
mod shown;
mod world;

use bytes::Bytes;
use futures::StreamExt as _;
use model::{DENIED, INVALID, NOBODY, Need, OLD, Standing, UNKNOWN, verdict};
use oxetcd_api::etcdserverpb as pb;
use prost::Message;
use prost_reflect::DescriptorPool;
use shown::{Shown, Signer};
use std::collections::BTreeSet;
use tonic::{Code, Status};
use world::World;

/// Calls under way at one time: they share the writes to disk.
const AT_ONCE: usize = 48;

/// One call.
#[derive(Clone)]
pub struct Case {
    path: String,
    message: Bytes,
    text: String,
    needs: Vec<Need>,
}

pub fn case(path: impl Into<String>, message: &(impl Message + std::fmt::Debug), needs: Vec<Need>) -> Case {
    let (path, text) = (path.into(), format!("{message:?}"));
    Case { path, message: message.encode_to_vec().into(), text, needs }
}

/// Leases that a user's calls are about.
#[derive(Clone, Copy, Debug, Default)]
pub struct Leases {
    /// With a key of the user's own.
    own: i64,
    /// With the key `x`, which is nobody's.
    other: i64,
    empty: i64,
    to_revoke_own: i64,
    to_revoke_other: i64,
    to_revoke_empty: i64,
}

/// What came of a call: nothing when it was let through, else what the caller was told. What may go wrong beside is not
/// a matter of rights.
fn told(path: &str, outcome: &Result<Bytes, Status>, wanted: Result<(), &str>) -> Result<(), String> {
    let refused = |text: &str| {
        let unknown = text == UNKNOWN && wanted == Err(UNKNOWN);
        unknown || [DENIED, NOBODY, INVALID, OLD].contains(&text)
    };
    match outcome {
        Ok(answer) if path == "/etcdserverpb.Watch/Watch" => {
            let answer = pb::WatchResponse::decode(answer.clone()).map_err(|error| error.to_string())?;
            let reason = answer.cancel_reason.rsplit_once("desc = ").map_or("", |(_, text)| text);
            if answer.canceled { Err(reason.to_owned()) } else { Ok(()) }
        }
        Ok(_) => Ok(()),
        Err(status) if refused(status.message()) => Err(status.message().to_owned()),
        Err(status) => {
            let broken = [Code::Unimplemented, Code::Internal, Code::Unavailable, Code::DeadlineExceeded];
            assert!(!broken.contains(&status.code()), "{path}: {status:?}");
            Ok(())
        }
    }
}

/// Makes all calls in the name of one caller. Answers with what was not as the model says.
async fn differences(world: &World, shown: &Shown, cases: Vec<Case>) -> Vec<String> {
    let outcomes = futures::stream::iter(cases.into_iter().map(|case| async move {
        let wanted = verdict(&shown.standing, &case.needs);
        let channel = world.channel(shown.certificate.as_deref());
        let outcome = raw::call(channel, shown.token.as_deref(), &case.path, case.message).await;
        let got = told(&case.path, &outcome, wanted);
        let differs =
            got.as_ref().map_err(String::as_str) != wanted.as_ref().map_err(|text| *text).map(|()| &());
        differs.then(|| {
            let Shown { what, standing, .. } = &shown;
            format!("{what}, {standing:?}: {} {}\n    wanted {wanted:?}, got {got:?}", case.path, case.text)
        })
    }));
    outcomes.buffer_unordered(AT_ONCE).filter_map(std::future::ready).collect().await
}

/// Everybody asks one in `of` of everything.
async fn everything(world: World, everybody: Vec<Shown>, of: usize) {
    let mut wrong = Vec::new();
    let mut asked = 0;
    for shown in &everybody {
        let user = match &shown.standing {
            Standing::Named { user, .. } if model::users().iter().any(|known| known.name == user) => user,
            _ => "both",
        };
        let leases = world.leases(user).await;
        let keys = keys::cases(user, &leases).into_iter().step_by(of);
        let cases: Vec<_> = calls::cases(user, &leases).into_iter().chain(keys).collect();
        asked += cases.len();
        wrong.extend(differences(&world, shown, cases).await);
    }
    wrong.extend(world.who_wrote_what_is_not_theirs().await);
    wrong.extend(turning_it_off(&world, &everybody).await);
    let some: Vec<_> = wrong.iter().take(20).collect();
    assert!(wrong.is_empty(), "{} of {asked} calls: {some:#?}", wrong.len());
    println!("{asked} calls by {} callers", everybody.len());
}

/// Last of all: it works for an administrator.
async fn turning_it_off(world: &World, everybody: &[Shown]) -> Vec<String> {
    let off = || case("/etcdserverpb.Auth/AuthDisable", &pb::AuthDisableRequest {}, vec![Need::Admin]);
    let (admins, others): (Vec<_>, Vec<_>) =
        everybody.iter().partition(|shown| verdict(&shown.standing, &[Need::Admin]).is_ok());
    let mut wrong = Vec::new();
    for shown in others.into_iter().chain(admins.into_iter().take(1)) {
        wrong.extend(differences(world, shown, vec![off()]).await);
    }
    wrong
}

/// No method is missing above.
#[test]
fn every_method_of_every_service_is_asked() {
    let leases = Leases::default();
    let cases = [calls::cases("both", &leases), keys::cases("both", &leases)].concat();
    let mut asked: BTreeSet<String> = cases.into_iter().map(|case| case.path).collect();
    asked.insert("/etcdserverpb.Auth/AuthDisable".to_owned());
    let pool = DescriptorPool::decode(oxetcd_api::DESCRIPTORS).expect("descriptors");
    let services: Vec<_> = pool.services().collect();
    let methods = services.iter().flat_map(prost_reflect::ServiceDescriptor::methods);
    let methods: Vec<_> =
        methods.map(|method| format!("/{}/{}", method.parent_service().full_name(), method.name())).collect();
    assert!(methods.len() > 40, "{methods:?}");
    let missing: Vec<_> = methods.iter().filter(|method| !asked.contains(*method)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simple_tokens() {
    let world = World::new(&[]).await;
    let everybody = shown::simple(&world).await;
    everything(world, everybody, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signed_tokens() {
    let signer = Signer::hmac();
    let world = World::new(&signer.flags()).await;
    let everybody = shown::signed(&world, &signer).await;
    everything(world, everybody, 1).await;
}

/// What a token says does not depend on how it is signed; so a part of the questions will do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_signed_with_pairs_of_keys() {
    for method in ["RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA"] {
        let signer = Signer::paired(method);
        let world = World::new(&signer.flags()).await;
        let everybody = shown::signed(&world, &signer).await;
        everything(world, everybody, 97).await;
    }
}

/// Users of certificates need no password; and who has none cannot log in with one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates() {
    let world = World::with_certificates().await;
    let no_password = "auth: authentication failed, password was given for no password user";
    for password in ["", "guess"] {
        let refused = world.try_log_in("prefix", password).await.expect_err("no password");
        assert_eq!((refused.code(), refused.message()), (Code::Unknown, no_password));
    }
    let everybody = shown::certificates(&world).await;
    everything(world, everybody, 7).await;
}
