//! Raised alarms: a set of (member, kind), kept in table `alarm` under the encoded pair.
//!
//! `NOSPACE` refuses what would grow the store, `CORRUPT` refuses every write. An alarm stays until an
//! operator takes exactly this pair back.

use bytes::Bytes;
use oxetcd_api::etcdserverpb::{AlarmMember, AlarmType};
use oxetcd_storage::{Buffer, Result, Step, Table};
use parking_lot::RwLock;
use prost::Message;
use std::{
    collections::BTreeSet,
    ops::ControlFlow,
    sync::atomic::{AtomicU8, Ordering},
};

const NO_SPACE: u8 = 1;
const CORRUPT: u8 = 2;

/// The raised alarms of the cluster.
#[derive(Default)]
pub struct Alarms {
    raised: RwLock<BTreeSet<(i32, u64)>>,
    /// One bit a kind, so that every request can ask without a lock.
    kinds: AtomicU8,
}

impl Alarms {
    /// Reads them back.
    ///
    /// # Errors
    /// When the engine cannot be read.
    pub fn open(buffer: &Buffer) -> Result<Self> {
        let alarms = Alarms::default();
        buffer.scan(Table::Alarm, &[], None, &mut |key, _| {
            if let Ok(member) = AlarmMember::decode(key) {
                alarms.raised.write().insert((member.alarm, member.member_id));
            }
            ControlFlow::Continue(())
        })?;
        alarms.note_kinds();
        Ok(alarms)
    }

    /// Raises an alarm. Answers with it, also if it had been raised before.
    pub fn raise(&self, step: &Step<'_>, member: AlarmMember) -> AlarmMember {
        if self.raised.write().insert((member.alarm, member.member_id)) {
            step.put(Table::Alarm, record(&member), Bytes::new());
        }
        self.note_kinds();
        member
    }

    /// Takes exactly this pair back. `None` if it was not raised.
    pub fn disarm(&self, step: &Step<'_>, member: AlarmMember) -> Option<AlarmMember> {
        let was = self.raised.write().remove(&(member.alarm, member.member_id));
        self.note_kinds();
        was.then(|| {
            step.delete(Table::Alarm, record(&member));
            member
        })
    }

    /// The raised alarms of a kind, or of every kind for `None`.
    pub fn list(&self, kind: Option<AlarmType>) -> Vec<AlarmMember> {
        let raised = self.raised.read();
        let wanted = raised.iter().filter(|(alarm, _)| kind.is_none_or(|kind| *alarm == kind as i32));
        wanted.map(|(alarm, member_id)| AlarmMember { member_id: *member_id, alarm: *alarm }).collect()
    }

    /// Whether any member is out of space.
    pub fn no_space(&self) -> bool {
        self.kinds.load(Ordering::Relaxed) & NO_SPACE != 0
    }

    /// Whether any member's data is known to differ.
    pub fn corrupt(&self) -> bool {
        self.kinds.load(Ordering::Relaxed) & CORRUPT != 0
    }

    fn note_kinds(&self) {
        let bit = |kind: i32| match AlarmType::try_from(kind) {
            Ok(AlarmType::Nospace) => NO_SPACE,
            Ok(AlarmType::Corrupt) => CORRUPT,
            _ => 0,
        };
        let kinds = self.raised.read().iter().fold(0, |bits, (kind, _)| bits | bit(*kind));
        self.kinds.store(kinds, Ordering::Relaxed);
    }
}

fn record(member: &AlarmMember) -> Vec<u8> {
    member.encode_to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxetcd_storage::Memory;
    use std::sync::Arc;

    #[test]
    fn an_alarm_stays_until_exactly_it_is_taken_back() -> Result<()> {
        let buffer = Buffer::new(Arc::new(Memory::new()));
        let alarms = Alarms::open(&buffer)?;
        let raised = AlarmMember { member_id: 7, alarm: AlarmType::Nospace as i32 };
        alarms.raise(&buffer.begin(), raised);
        assert!(alarms.no_space() && !alarms.corrupt());
        assert!(Alarms::open(&buffer)?.no_space(), "alarms survive a restart");
        assert_eq!(alarms.disarm(&buffer.begin(), AlarmMember { member_id: 8, ..raised }), None);
        assert_eq!(alarms.disarm(&buffer.begin(), raised), Some(raised));
        assert!(!alarms.no_space() && !Alarms::open(&buffer)?.no_space());
        Ok(())
    }
}
