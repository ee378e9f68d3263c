//! Who is wrong, from hashes alone.

use oxetcd_mvcc::KeyValueHash;

/// Stands for the whole cluster, where no single member can be blamed.
pub(crate) const CLUSTER: u64 = 0;

/// What a member says of its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sample {
    /// The member.
    pub(crate) member: u64,
    /// Its hash at the revision asked for.
    pub(crate) hash: u32,
    /// The compacted revision that the hash was taken at. Only hashes taken at the same one can be compared.
    pub(crate) compact_revision: i64,
    /// Its newest revision.
    pub(crate) revision: i64,
}

/// A member that must be wrong, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Suspect {
    /// The member, or [`CLUSTER`].
    pub(crate) member: u64,
    /// What gave it away.
    pub(crate) why: &'static str,
}

/// The members that disagree with the majority of `members` members; [`CLUSTER`] when they disagree and there is
/// no majority; empty when all hashes are the same.
pub(crate) fn dissenters(hashes: &[(u64, u32)], members: usize) -> Vec<u64> {
    let Some(&(_, first)) = hashes.first() else { return Vec::new() };
    if hashes.iter().all(|(_, hash)| *hash == first) {
        return Vec::new();
    }
    let agree = |hash: u32| hashes.iter().filter(|(_, other)| *other == hash).count();
    match hashes.iter().find(|(_, hash)| agree(*hash) > members / 2) {
        Some((_, right)) => hashes.iter().filter(|(_, hash)| hash != right).map(|(id, _)| *id).collect(),
        None => vec![CLUSTER],
    }
}

/// Compares the leader's data with the others'. The leader has hashed them twice: `before` the others were
/// asked, and `after` it had applied everything that was committed by then, when `current` was its revision.
pub(crate) fn of_all_data(
    leader: u64,
    (before, after, current): (KeyValueHash, KeyValueHash, i64),
    others: &[Sample],
    members: usize,
) -> Vec<Suspect> {
    let mut suspects = Vec::new();
    let same_state = (before.revision, before.compact_revision) == (after.revision, after.compact_revision);
    if same_state && before.hash != after.hash {
        suspects.push(Suspect { member: leader, why: "found hash mismatch" });
    }
    for other in others {
        if other.revision > current {
            let why = "revision from follower must be less than or equal to leader's";
            suspects.push(Suspect { member: other.member, why });
        } else if other.compact_revision > after.compact_revision {
            let why = "compact revision from follower must be less than or equal to leader's";
            suspects.push(Suspect { member: other.member, why });
        }
    }
    let comparable = others.iter().filter(|other| other.compact_revision == before.compact_revision);
    let others = comparable.map(|other| (other.member, other.hash));
    let hashes: Vec<(u64, u32)> = std::iter::once((leader, before.hash)).chain(others).collect();
    for member in dissenters(&hashes, members) {
        let why = "same compact revision then hashes must match";
        if !suspects.iter().any(|suspect| suspect.member == member) {
            suspects.push(Suspect { member, why });
        }
    }
    suspects
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_majority_of_all_members_is_right() {
        let (a, b, c) = (0xa, 0xb, 0xc);
        /// Members and hashes; the number of members; who is wrong.
        type Case<'a> = (&'a [(u64, u32)], usize, &'a [u64]);
        let cases: &[Case<'_>] = &[
            (&[], 3, &[]),
            (&[(1, a)], 3, &[]),
            (&[(1, a), (2, a), (3, a)], 3, &[]),
            (&[(1, a), (2, a), (3, b)], 3, &[3]),
            // The leader, which comes first, is as likely to be wrong as any other.
            (&[(1, b), (2, a), (3, a)], 3, &[1]),
            (&[(1, a), (2, b), (3, c)], 3, &[CLUSTER]),
            (&[(1, a), (2, b)], 2, &[CLUSTER]),
            // A member that has not answered counts: two of four are no majority.
            (&[(1, a), (2, a), (3, b)], 4, &[CLUSTER]),
            (&[(1, a), (2, b)], 3, &[CLUSTER]),
            (&[(1, a), (2, b), (3, a), (4, c), (5, a)], 5, &[2, 4]),
            (&[(1, a), (2, b), (3, a), (4, b), (5, c)], 5, &[CLUSTER]),
        ];
        for (hashes, members, expected) in cases {
            assert_eq!(dissenters(hashes, *members), *expected, "{hashes:x?} of {members}");
        }
    }

    const fn own(hash: u32, compact_revision: i64, revision: i64) -> KeyValueHash {
        KeyValueHash { hash, compact_revision, revision }
    }

    const fn other(member: u64, hash: u32, compact_revision: i64, revision: i64) -> Sample {
        Sample { member, hash, compact_revision, revision }
    }

    #[test]
    fn all_data_are_compared_where_they_can_be() {
        let good = (own(7, 3, 9), own(7, 3, 9), 9);
        let cases = [
            // The others may have gone on, as far as the leader has, and may be behind in compacting.
            (good, vec![other(2, 7, 3, 9), other(3, 8, -1, 9)], vec![]),
            ((own(7, 3, 9), own(9, 3, 12), 12), vec![other(2, 7, 3, 11), other(3, 7, 3, 12)], vec![]),
            ((own(7, 3, 9), own(9, 5, 9), 9), vec![other(2, 1, 5, 9), other(3, 7, 3, 9)], vec![]),
            (good, vec![other(2, 7, 3, 9), other(3, 8, 3, 9)], vec![3]),
            (good, vec![other(2, 8, 3, 9), other(3, 8, 3, 9)], vec![1]),
            (good, vec![other(2, 8, 3, 9)], vec![CLUSTER]),
            (good, vec![other(2, 7, 3, 10), other(3, 7, 3, 9)], vec![2]),
            (good, vec![other(2, 7, 4, 9), other(3, 7, 3, 9)], vec![2]),
            // Each member is named once.
            (good, vec![other(2, 8, 3, 10), other(3, 7, 3, 9)], vec![2]),
            ((own(7, 3, 9), own(8, 3, 9), 9), vec![other(2, 7, 3, 9), other(3, 7, 3, 9)], vec![1]),
            (good, vec![], vec![]),
        ];
        for (leader, others, expected) in cases {
            let found: Vec<u64> =
                of_all_data(1, leader, &others, 3).into_iter().map(|suspect| suspect.member).collect();
            assert_eq!(found, expected, "{leader:?} {others:?}");
        }
    }
}
