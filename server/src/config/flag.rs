//! What a flag is. One value of [`Flag`] is all there is to say about one: how it is read, what it is called in
//! the environment and in the file, what `--help` prints and whether it has an effect follow from it.

/// One flag of the server.
#[derive(Clone, Copy, Debug)]
pub struct Flag {
    /// Name, without hyphens in front.
    pub name: &'static str,
    /// What its value is.
    pub kind: Kind,
    /// Its default, as one would type it.
    pub default: &'static str,
    /// One sentence for `--help`.
    pub help: &'static str,
    /// Where it stands in a configuration file.
    pub key: Key,
    /// Whether a list is written as a YAML list in the file, not as text with commas.
    pub list_in_file: bool,
    /// What comes of it.
    pub effect: Effect,
}

/// What the value of a flag is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// True or false; needs no value on the command line.
    Bool,
    /// A signed number.
    Int,
    /// A number from 0.
    Uint,
    /// A number from 0 that fits in 32 bits.
    Uint32,
    /// A length of time.
    Duration,
    /// Any text.
    Text,
    /// Texts with commas between them, in the order given.
    List,
    /// Texts with commas between them, each once, sorted.
    Set,
    /// URLs with commas between them, each once, sorted.
    Urls,
    /// Origins: URLs, or `*`.
    Origins,
    /// One of these texts.
    Choice(&'static [&'static str]),
    /// Some of these texts, with commas between them.
    Choices(&'static [&'static str]),
    /// Feature gates: `Name=true,Other=false`.
    Gates,
    /// Read and thrown away, for old scripts.
    Ignored,
}

impl Kind {
    /// What one writes as a value, for the reference.
    pub(super) fn noun(self) -> String {
        let noun = match self {
            Kind::Bool => "true, false",
            Kind::Int => "number",
            Kind::Uint | Kind::Uint32 => "number from 0",
            Kind::Duration => "time (`1h30m`)",
            Kind::Text | Kind::Ignored => "text",
            Kind::List | Kind::Set => "texts with commas",
            Kind::Urls => "URLs with commas",
            Kind::Origins => "`*` or URLs",
            Kind::Gates => "`Name=true,...`",
            Kind::Choice(choices) | Kind::Choices(choices) => return choices.join(", "),
        };
        noun.to_owned()
    }
}

/// Where a flag stands in a configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// Under its own name.
    Same,
    /// Under this name; a dot means a name within a section.
    At(&'static str),
    /// Nowhere.
    None,
}

/// What comes of a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It does what its help says.
    Works,
    /// It is checked, but nothing acts on it yet. Who sets it is told so.
    NotYet,
    /// Nothing can come of it here; the text says why. Who sets it is told so.
    Never(&'static str),
    /// It will go. The text, which is logged as it is, says when.
    Deprecated(&'static str),
}

/// A flag under its own key, with an effect.
pub(super) const fn flag(name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Flag {
    let list_in_file = matches!(kind, Kind::List);
    Flag { name, kind, default, help, key: Key::Same, list_in_file, effect: Effect::Works }
}

impl Flag {
    /// Under another key.
    pub(super) const fn at(self, key: &'static str) -> Self {
        Flag { key: Key::At(key), ..self }
    }

    /// Not in the file.
    pub(super) const fn no_key(self) -> Self {
        Flag { key: Key::None, ..self }
    }

    /// A list in the file.
    pub(super) const fn listed(self) -> Self {
        Flag { list_in_file: true, ..self }
    }

    /// With another effect.
    pub(super) const fn but(self, effect: Effect) -> Self {
        Flag { effect, ..self }
    }

    /// Its key in the file.
    pub fn file_key(&self) -> Option<&'static str> {
        match self.key {
            Key::Same => Some(self.name),
            Key::At(key) => Some(key),
            Key::None => None,
        }
    }

    /// Its name in the environment.
    pub fn env(&self) -> String {
        format!("ETCD_{}", self.name.to_ascii_uppercase().replace('-', "_"))
    }

    /// Whether it may stand without a value.
    pub(super) fn is_switch(&self) -> bool {
        matches!(self.kind, Kind::Bool | Kind::Ignored)
    }
}
