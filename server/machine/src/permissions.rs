//! Whether the user of a request may do what it asks, decided where it is applied.
//!
//! A request carries the name of its user and the revision of the auth store at which that was looked at. Every
//! member comes to the same verdict from that. A transaction is judged as a whole before anything of it runs: its
//! conditions, both branches, and what is nested in them, whichever of it would come to run.

use oxetcd_api::{
    LeaseId,
    etcdserverpb::{
        DeleteRangeRequest, PutRequest, RangeRequest, RequestHeader, RequestOp, TxnRequest,
        request_op::Request,
    },
};
use oxetcd_auth::{AuthError, AuthStore, Caller};
use oxetcd_lease::LeaseBook;

type Verdict = Result<(), AuthError>;

/// The rights of one caller over keys and leases.
pub struct Permissions<'a> {
    store: &'a AuthStore,
    caller: Caller,
}

impl<'a> Permissions<'a> {
    /// The rights of `caller`; nobody for `None`.
    pub fn new(store: &'a AuthStore, caller: Option<Caller>) -> Self {
        Permissions { store, caller: caller.unwrap_or_default() }
    }

    /// The rights of the user that an entry names.
    pub(crate) fn of_entry(store: &'a AuthStore, header: Option<&RequestHeader>) -> Self {
        let caller = header.map(|header| Caller::new(header.username.clone(), header.auth_revision));
        Self::new(store, caller)
    }

    /// Name of the caller.
    pub fn name(&self) -> &str {
        &self.caller.name
    }

    /// Whether the caller administers the cluster.
    ///
    /// # Errors
    /// Why not.
    pub fn admin(&self) -> Verdict {
        self.store.may_administer(&self.caller)
    }

    /// A range.
    ///
    /// # Errors
    /// Why not.
    pub fn range(&self, range: &RangeRequest) -> Verdict {
        self.read(&range.key, &range.range_end)
    }

    /// Reading a range of keys.
    ///
    /// # Errors
    /// Why not.
    pub fn read(&self, key: &[u8], range_end: &[u8]) -> Verdict {
        self.store.may_read(&self.caller, key, range_end)
    }

    /// A put. To hang a key on a lease is to be able to delete that lease's other keys, so they have to be the
    /// caller's to write.
    ///
    /// # Errors
    /// Why not.
    pub fn put(&self, put: &PutRequest, leases: &LeaseBook) -> Verdict {
        self.store.may_write(&self.caller, &put.key, &[])?;
        self.end_lease(put.lease, leases)?;
        if put.prev_kv { self.read(&put.key, &[]) } else { Ok(()) }
    }

    /// A deletion.
    ///
    /// # Errors
    /// Why not.
    pub fn delete_range(&self, delete: &DeleteRangeRequest) -> Verdict {
        self.store.may_write(&self.caller, &delete.key, &delete.range_end)?;
        if delete.prev_kv { self.read(&delete.key, &delete.range_end) } else { Ok(()) }
    }

    /// A transaction, with all that is nested in it.
    ///
    /// # Errors
    /// Why not.
    pub fn txn(&self, txn: &TxnRequest, leases: &LeaseBook) -> Verdict {
        txn.compare.iter().try_for_each(|compare| self.read(&compare.key, &compare.range_end))?;
        txn.success.iter().chain(&txn.failure).try_for_each(|operation| self.operation(operation, leases))
    }

    /// A transaction that only reads.
    ///
    /// # Errors
    /// Why not.
    pub fn reading_txn(&self, txn: &TxnRequest) -> Verdict {
        txn.compare.iter().try_for_each(|compare| self.read(&compare.key, &compare.range_end))?;
        txn.success.iter().chain(&txn.failure).try_for_each(|operation| match &operation.request {
            Some(Request::RequestRange(range)) => self.range(range),
            None => Ok(()),
            // Whoever calls this has made sure that there is nothing else.
            Some(_) => Err(AuthError::PermissionDenied),
        })
    }

    fn operation(&self, operation: &RequestOp, leases: &LeaseBook) -> Verdict {
        match &operation.request {
            Some(Request::RequestRange(range)) => self.range(range),
            Some(Request::RequestPut(put)) => self.put(put, leases),
            Some(Request::RequestDeleteRange(delete)) => self.delete_range(delete),
            Some(Request::RequestTxn(txn)) => self.txn(txn, leases),
            None => Ok(()),
        }
    }

    /// The end of a lease, which deletes its keys.
    ///
    /// # Errors
    /// Why not.
    pub fn end_lease(&self, id: LeaseId, leases: &LeaseBook) -> Verdict {
        self.every_key(id, leases, |key| self.store.may_write(&self.caller, key, &[]))
    }

    /// A look at the keys of a lease.
    ///
    /// # Errors
    /// Why not.
    pub fn see_lease(&self, id: LeaseId, leases: &LeaseBook) -> Verdict {
        self.every_key(id, leases, |key| self.read(key, &[]))
    }

    fn every_key(&self, id: LeaseId, leases: &LeaseBook, may: impl Fn(&[u8]) -> Verdict) -> Verdict {
        if id == 0 || self.admin().is_ok() {
            return Ok(());
        }
        leases.keys(id).unwrap_or_default().into_iter().try_for_each(may)
    }
}
