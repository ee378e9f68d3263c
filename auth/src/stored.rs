//! The tables of the auth store: etcd's names, keys and encodings.
//!
//! Table `auth` holds `authEnabled` (one byte) and `authRevision` (eight bytes, big-endian); `authUsers` and
//! `authRoles` hold protobuf messages by name.

use oxetcd_api::authpb::{Role, User};
use oxetcd_storage::{Buffer, Error, Result, Step, Table};
use prost::Message;
use std::{collections::BTreeMap, ops::ControlFlow};

const ENABLED: &[u8] = b"authEnabled";
const REVISION: &[u8] = b"authRevision";

pub(crate) fn is_enabled(buffer: &Buffer) -> Result<bool> {
    Ok(buffer.get(Table::Auth, ENABLED)?.is_some_and(|value| value[..] == [1]))
}

/// The stored revision; 0 when none was ever stored.
pub(crate) fn revision(buffer: &Buffer) -> Result<u64> {
    match buffer.get(Table::Auth, REVISION)? {
        None => Ok(0),
        Some(value) => <[u8; 8]>::try_from(&value[..])
            .map(u64::from_be_bytes)
            .map_err(|_| Error::Corrupt("the auth revision is not eight bytes long".to_owned())),
    }
}

pub(crate) fn set_enabled(step: &Step<'_>, enabled: bool) {
    step.put(Table::Auth, ENABLED, vec![u8::from(enabled)]);
}

pub(crate) fn set_revision(step: &Step<'_>, revision: u64) {
    step.put(Table::Auth, REVISION, revision.to_be_bytes().to_vec());
}

pub(crate) fn users(buffer: &Buffer) -> Result<BTreeMap<String, User>> {
    read(buffer, Table::AuthUsers)
}

pub(crate) fn roles(buffer: &Buffer) -> Result<BTreeMap<String, Role>> {
    read(buffer, Table::AuthRoles)
}

fn read<T: Message + Default>(buffer: &Buffer, table: Table) -> Result<BTreeMap<String, T>> {
    let mut found = BTreeMap::new();
    let mut damaged = None;
    buffer.scan(table, &[], None, &mut |key, value| match (std::str::from_utf8(key), T::decode(value)) {
        (Ok(name), Ok(record)) => {
            found.insert(name.to_owned(), record);
            ControlFlow::Continue(())
        }
        _ => {
            damaged = Some(format!("table {} holds a damaged record", table.name()));
            ControlFlow::Break(())
        }
    })?;
    damaged.map_or(Ok(found), |damaged| Err(Error::Corrupt(damaged)))
}

pub(crate) fn put_user(step: &Step<'_>, user: &User) {
    step.put(Table::AuthUsers, user.name.clone(), user.encode_to_vec());
}

pub(crate) fn delete_user(step: &Step<'_>, name: &str) {
    step.delete(Table::AuthUsers, name.as_bytes().to_vec());
}

pub(crate) fn put_role(step: &Step<'_>, role: &Role) {
    step.put(Table::AuthRoles, role.name.clone(), role.encode_to_vec());
}

pub(crate) fn delete_role(step: &Step<'_>, name: &str) {
    step.delete(Table::AuthRoles, name.as_bytes().to_vec());
}
