//! Conditions of a transaction.

use crate::{
    Result,
    history::Place,
    index::{WALK_KEYS, Walk},
    leaf::KeyRef,
    read, record,
    span::Target,
    view::View,
};
use oxetcd_api::{
    Revision,
    etcdserverpb::{
        Compare,
        compare::{CompareResult, CompareTarget, TargetUnion},
    },
};
use std::{cmp::Ordering, ops::ControlFlow};

/// Whether all conditions hold at the view's revision, which must not be compacted meanwhile.
pub(crate) fn all(view: &View<'_>, compares: &[Compare]) -> Result<bool> {
    for compare in compares {
        if !holds(view, compare)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether the condition holds for every live key of its range. Without any, a value never compares and
/// numbers compare as 0.
fn holds(view: &View<'_>, compare: &Compare) -> Result<bool> {
    let target = CompareTarget::try_from(compare.target);
    let needs_record = matches!(target, Ok(CompareTarget::Value | CompareTarget::Lease));
    let (mut any, mut all) = (false, true);
    let mut revisions: Vec<Revision> = Vec::new();
    let mut check = |place: Place| {
        any = true;
        if needs_record {
            revisions.push(place.revision);
        } else {
            all &= meets(compare, known(compare, &place));
        }
    };
    match Target::new(&compare.key, &compare.range_end) {
        Target::Key(key) => view.shared.index.get(key, view.current).into_iter().for_each(&mut check),
        Target::Span(span) => {
            let mut walk = Walk::new(&view.shared.index, span, view.current, false);
            let mut visit = |_: KeyRef<'_>, place| {
                check(place);
                ControlFlow::Continue(())
            };
            while walk.next(WALK_KEYS, &mut visit) {}
        }
    }
    if !any {
        return Ok(target != Ok(CompareTarget::Value) && meets(compare, number(compare, 0)));
    }
    read::fetch(&view.shared.buffer, &revisions, &mut |_, stored| {
        let fields = record::fields(stored)?;
        all &= meets(
            compare,
            match &compare.target_union {
                Some(TargetUnion::Value(value)) if target == Ok(CompareTarget::Value) => {
                    fields.value.cmp(value)
                }
                _ if target == Ok(CompareTarget::Value) => fields.value.cmp(&[]),
                _ => number(compare, fields.lease),
            },
        );
        Ok(())
    })?;
    Ok(all)
}

/// Compares what the index knows.
fn known(compare: &Compare, place: &Place) -> Ordering {
    number(
        compare,
        match CompareTarget::try_from(compare.target) {
            Ok(CompareTarget::Version) => place.version,
            Ok(CompareTarget::Create) => place.created,
            Ok(CompareTarget::Mod) => place.revision.main,
            _ => 0,
        },
    )
}

/// Compares `found` with the request's number for its target; one given for another target counts as 0.
fn number(compare: &Compare, found: i64) -> Ordering {
    let asked = match (CompareTarget::try_from(compare.target), &compare.target_union) {
        (Ok(CompareTarget::Version), Some(TargetUnion::Version(asked)))
        | (Ok(CompareTarget::Create), Some(TargetUnion::CreateRevision(asked)))
        | (Ok(CompareTarget::Mod), Some(TargetUnion::ModRevision(asked)))
        | (Ok(CompareTarget::Lease), Some(TargetUnion::Lease(asked))) => *asked,
        (Err(_), _) => return Ordering::Equal,
        _ => 0,
    };
    found.cmp(&asked)
}

fn meets(compare: &Compare, order: Ordering) -> bool {
    match CompareResult::try_from(compare.result) {
        Ok(CompareResult::Equal) => order.is_eq(),
        Ok(CompareResult::NotEqual) => order.is_ne(),
        Ok(CompareResult::Greater) => order.is_gt(),
        Ok(CompareResult::Less) => order.is_lt(),
        Err(_) => true,
    }
}
