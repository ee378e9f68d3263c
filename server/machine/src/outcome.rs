//! What comes of applying an entry.

use crate::{ApplyError, Kind, Member};
use oxetcd_api::{
    EventBatch,
    authpb::Permission,
    etcdserverpb::{
        AlarmResponse, AuthStatusResponse, CompactionResponse, DeleteRangeResponse, LeaseGrantResponse,
        LeaseRevokeResponse, PutResponse, RangeResponse, TxnResponse,
    },
};
use oxetcd_mvcc::Compaction;
use std::sync::Arc;

/// What the proposer of an entry gets to hear.
pub type Outcome = Result<Response, ApplyError>;

/// Answer to a request, with a header that holds at most the revision.
#[derive(Debug)]
pub enum Response {
    /// To a put.
    Put(PutResponse),
    /// To a range that went through the log.
    Range(RangeResponse),
    /// To a delete.
    DeleteRange(DeleteRangeResponse),
    /// To a transaction.
    Txn(TxnResponse),
    /// To a compaction, which now runs in the background.
    Compaction(CompactionResponse),
    /// To a lease's grant.
    LeaseGrant(LeaseGrantResponse),
    /// To a lease's revocation.
    LeaseRevoke(LeaseRevokeResponse),
    /// To an alarm's raising, listing or taking back.
    Alarm(AlarmResponse),
    /// To the question whether auth is on.
    AuthStatus(AuthStatusResponse),
    /// To a question for users or roles: their names.
    Names(Vec<String>),
    /// To a question for the permissions of a role.
    Permissions(Vec<Permission>),
    /// To a login: its simple token, and the revision of the auth store at which it was made.
    Login {
        /// The token, if tokens are simple.
        token: String,
        /// The revision.
        revision: u64,
    },
    /// To a change of the members: who they are after it.
    Members(Vec<Member>),
    /// To a request for the v2 tree; `None` if that has no answer.
    V2(Option<Arc<oxetcd_v2::Event>>),
    /// To requests that have no answer of their own.
    Done,
}

/// What else an entry brings about.
#[derive(Default)]
pub struct Effects {
    /// What the entry asked for.
    pub kind: Kind,
    /// Changes for watchers.
    pub events: Option<EventBatch>,
    /// Work for the background.
    pub compaction: Option<Compaction>,
    /// What tokens and watchers have to hear.
    pub auth: Option<AuthChange>,
}

/// What a change of users and roles means to those who are logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthChange {
    /// Somebody logged in.
    Login {
        /// The user.
        user: String,
        /// The simple token.
        token: String,
    },
    /// A user was removed or has another password: its logins are void.
    User(String),
    /// Auth is off: all logins are void.
    Disabled,
    /// Somebody may do more or less than before.
    Rights,
}
