//! Answers on paper: every kind of answer, in every format.
//!
//! An answer implements [`Answer`], in the file of its family; a format that it does not have is refused with etcd's
//! message. What all share is here: the formats, and the [`Page`] that is written on.

mod alarm;
mod auth;
mod endpoint;
mod json;
mod kv;
mod lease;
mod member;
mod messages;
mod output;
mod table;
#[cfg(test)]
mod tests;

pub use auth::{PasswordChanged, RoleNamed, RoleRevoked, RoleShown, UserNamed, UserRole, UserShown};
pub use endpoint::{HashList, Health, HealthList, StatusList};
pub use json::{Json, ToJson};
pub use kv::WatchShown;
pub use lease::{LeaseRevoked, TimeToLive};
pub use member::{DowngradeDone, LeaderMoved, MemberAction, MemberChanged};
pub use output::{Output, Page};
pub use table::Table;

use crate::{args::Failure, exit};

/// An output format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people: keys and values as they are.
    Simple,
    /// `"Name" : value` lines.
    Fields,
    /// One line of JSON.
    Json,
    /// The message's bytes.
    Protobuf,
    /// Boxes.
    Table,
}

impl Format {
    /// The format of this name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "simple" => Format::Simple,
            "fields" => Format::Fields,
            "json" => Format::Json,
            "protobuf" => Format::Protobuf,
            "table" => Format::Table,
            _ => return None,
        })
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Format::Simple => "simple",
            Format::Fields => "fields",
            Format::Json => "json",
            Format::Protobuf => "protobuf",
            Format::Table => "table",
        }
    }
}

/// How answers are to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// The format.
    pub format: Format,
    /// Bytes and ids in hexadecimal.
    pub hex: bool,
    /// Values without their keys, in the simple format.
    pub value_only: bool,
}

/// The answer does not have the format that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsupported;

/// What can be shown.
pub trait Answer {
    /// For people.
    fn simple(&self, page: &mut Page<'_>);

    /// As `"Name" : value` lines.
    ///
    /// # Errors
    /// When the answer does not have this format; so below.
    fn fields(&self, _page: &mut Page<'_>) -> Result<(), Unsupported> {
        Err(Unsupported)
    }

    /// As JSON, without the line end.
    ///
    /// # Errors
    /// As above.
    fn json(&self, _json: &mut Json<'_, '_>) -> Result<(), Unsupported> {
        Err(Unsupported)
    }

    /// As an encoded message.
    ///
    /// # Errors
    /// As above.
    fn protobuf(&self) -> Result<Vec<u8>, Unsupported> {
        Err(Unsupported)
    }

    /// As a table.
    ///
    /// # Errors
    /// As above.
    fn table(&self) -> Result<Table, Unsupported> {
        Err(Unsupported)
    }
}

/// Shows an answer.
///
/// # Errors
/// When it does not have the format.
pub fn show(out: &Output, style: Style, answer: &impl Answer) -> Result<(), Failure> {
    let mut page = out.page(style);
    let shown = match style.format {
        Format::Simple => {
            answer.simple(&mut page);
            Ok(())
        }
        Format::Fields => answer.fields(&mut page),
        Format::Json => answer.json(&mut Json::new(&mut page)).map(|()| page.bytes(b"\n")),
        Format::Protobuf => answer.protobuf().map(|bytes| page.bytes(&bytes)),
        Format::Table => answer.table().map(|table| table.draw(&mut page)),
    };
    shown.map_err(|Unsupported| {
        Failure::new(exit::BAD_FEATURE, format!("{} not supported as output format", style.format.name()))
    })
}

/// Writes a line on a page.
macro_rules! line {
    ($page:expr, $($arg:tt)*) => {{
        $page.print(format_args!($($arg)*));
        $page.bytes(b"\n");
    }};
}
pub(crate) use line;
