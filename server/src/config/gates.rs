//! Feature gates: switches for single features, by stage.

use super::{flag::Effect, number::parse_bool};
use std::{collections::BTreeMap, fmt};

/// How far a feature has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Off by default in etcd. Here those that find damaged data are on.
    Alpha,
    /// On by default.
    Beta,
}

impl Stage {
    /// The name that metrics and help show.
    pub const fn name(self) -> &'static str {
        match self {
            Stage::Alpha => "ALPHA",
            Stage::Beta => "BETA",
        }
    }
}

/// One switch.
#[derive(Clone, Copy, Debug)]
pub struct Gate {
    /// Its name.
    pub name: &'static str,
    /// Its stage.
    pub stage: Stage,
    /// Whether it is on unless told otherwise.
    pub default: bool,
    /// What it turns on.
    pub help: &'static str,
    /// What comes of it.
    pub effect: Effect,
}

const fn gate(name: &'static str, stage: Stage, help: &'static str) -> Gate {
    Gate { name, stage, default: matches!(stage, Stage::Beta), help, effect: Effect::Works }
}

impl Gate {
    const fn on(self) -> Self {
        Gate { default: true, ..self }
    }

    const fn but(self, why: &'static str) -> Self {
        Gate { effect: Effect::Never(why), ..self }
    }
}

const CHECKPOINTS: &str =
    "what is left of leases is always written down here, and always kept over a restart";

const ALL_ALPHA: &str = "AllAlpha";
const ALL_BETA: &str = "AllBeta";

/// Every gate, by name. The first two stand for all of their stage.
pub const GATES: &[Gate] = &[
    gate(ALL_ALPHA, Stage::Alpha, "All gates of stage ALPHA that are not set by name."),
    Gate {
        default: false,
        ..gate(ALL_BETA, Stage::Beta, "All gates of stage BETA that are not set by name.")
    },
    gate("CompactHashCheck", Stage::Alpha, "Compare hashes of compacted data between the members.").on(),
    gate("FastLeaseKeepAlive", Stage::Beta, "Renew leases without waiting for entries to be applied.")
        .but("a renewal touches nothing but the leader's clock here, and never waits"),
    gate("InitialCorruptCheck", Stage::Alpha, "Compare data with the other members before serving.").on(),
    gate("LeaseCheckpoint", Stage::Alpha, "Write down what is left of leases.").but(CHECKPOINTS),
    gate("LeaseCheckpointPersist", Stage::Alpha, "Keep what is left of leases over a restart.")
        .but(CHECKPOINTS),
    gate("PriorityRequest", Stage::Alpha, "Admit lease revocations, compactions and alarms under overload.")
        .but("no request is refused here because many wait, so that none needs to go before others"),
    gate(
        "SetMemberLocalAddr",
        Stage::Alpha,
        "Call other members from the address of --initial-advertise-peer-urls.",
    ),
    gate(
        "StopGRPCServiceOnDefrag",
        Stage::Alpha,
        "Report the gRPC service as not serving during a defragmentation.",
    )
    .but("a defragmentation is online here: the member serves on while it runs"),
    gate(
        "TxnModeWriteWithSharedBuffer",
        Stage::Beta,
        "Let transactions that write read from a shared buffer.",
    )
    .but("all reads see the open write buffer here, without a copy of it"),
];

/// Which gates were set, and to what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeatureGates(BTreeMap<&'static str, bool>);

impl FeatureGates {
    /// Reads `Name=true,Other=false` on top of what is set already.
    ///
    /// # Errors
    /// In etcd's words, for a name that is no gate or a value that is no boolean.
    pub(super) fn set(&mut self, text: &str) -> Result<(), String> {
        let mut wanted = BTreeMap::new();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let Some((name, value)) = part.split_once('=') else {
                return Err(format!("missing bool value for {}", part.trim()));
            };
            let (name, value) = (name.trim(), value.trim());
            let on = parse_bool(value).map_err(|error| {
                format!("invalid value of {name}={value}, err: {}", error.strconv_text("ParseBool", value))
            })?;
            wanted.insert(name, on);
        }
        let mut next = self.clone();
        for (name, on) in wanted {
            let gate = GATES.iter().find(|gate| gate.name == name);
            let gate = gate.ok_or_else(|| format!("unrecognized feature gate: {name}"))?;
            next.0.insert(gate.name, on);
        }
        next.spread();
        *self = next;
        Ok(())
    }

    /// A gate for a whole stage sets those of its gates that are not set by name.
    fn spread(&mut self) {
        for (all, stage) in [(ALL_ALPHA, Stage::Alpha), (ALL_BETA, Stage::Beta)] {
            let Some(on) = self.0.get(all).copied() else { continue };
            for gate in GATES.iter().filter(|gate| gate.stage == stage) {
                self.0.entry(gate.name).or_insert(on);
            }
        }
    }

    /// Whether a gate is on. A name that is no gate is off.
    pub fn enabled(&self, name: &str) -> bool {
        let default = || GATES.iter().any(|gate| gate.name == name && gate.default);
        self.0.get(name).copied().unwrap_or_else(default)
    }

    /// Every gate with its state.
    pub fn list(&self) -> impl Iterator<Item = (&'static Gate, bool)> + '_ {
        GATES.iter().map(|gate| (gate, self.enabled(gate.name)))
    }
}

impl fmt::Display for FeatureGates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.0.iter().map(|(name, on)| format!("{name}={on}")).collect();
        f.write_str(&parts.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(texts: &[&str], expected: Result<&[(&str, bool)], &str>) {
        let mut gates = FeatureGates::default();
        let outcome = texts.iter().try_for_each(|text| gates.set(text));
        match expected {
            Ok(states) => {
                assert_eq!(outcome, Ok(()), "{texts:?}");
                for (name, on) in states {
                    assert_eq!(gates.enabled(name), *on, "{name} after {texts:?}");
                }
            }
            Err(error) => assert_eq!(outcome, Err(error.to_owned()), "{texts:?}"),
        }
    }

    #[test]
    fn gates_have_the_defaults_of_their_stage() {
        check(&[], Ok(&[("LeaseCheckpoint", false), ("FastLeaseKeepAlive", true), ("Nope", false)]));
        check(&[], Ok(&[("CompactHashCheck", true), ("InitialCorruptCheck", true)]));
    }

    #[test]
    fn gates_are_set_by_name_and_by_stage() {
        check(&["LeaseCheckpoint=true"], Ok(&[("LeaseCheckpoint", true), ("PriorityRequest", false)]));
        check(
            &["AllAlpha=true,LeaseCheckpoint=false"],
            Ok(&[("LeaseCheckpoint", false), ("PriorityRequest", true), ("FastLeaseKeepAlive", true)]),
        );
        check(&["AllBeta=false"], Ok(&[("FastLeaseKeepAlive", false)]));
        check(&["AllAlpha=false"], Ok(&[("CompactHashCheck", false), ("InitialCorruptCheck", false)]));
        check(
            &[" LeaseCheckpoint = 1 ,", "CompactHashCheck=T"],
            Ok(&[("LeaseCheckpoint", true), ("CompactHashCheck", true)]),
        );
    }

    #[test]
    fn mistakes_are_told_in_the_words_of_etcd() {
        check(&["Foo=true"], Err("unrecognized feature gate: Foo"));
        check(&["AllBeta"], Err("missing bool value for AllBeta"));
        check(
            &["AllBeta=x"],
            Err("invalid value of AllBeta=x, err: strconv.ParseBool: parsing \"x\": invalid syntax"),
        );
    }
}
