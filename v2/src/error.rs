//! What the tree, and the HTTP API in front of it, refuse.

use serde::Serialize;

/// Kinds of refusals, with etcd's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Code {
    /// There is nothing at the path.
    KeyNotFound = 100,
    /// A condition did not hold.
    TestFailed = 101,
    /// The path is a directory's.
    NotFile = 102,
    /// Part of the path is a file.
    NotDir = 104,
    /// There is something at the path.
    NodeExist = 105,
    /// The root cannot be changed.
    RootReadOnly = 107,
    /// The directory is not empty.
    DirNotEmpty = 108,
    /// The caller may not.
    Unauthorized = 110,
    /// `prevValue` is empty.
    PrevValueRequired = 201,
    /// `ttl` is no number.
    TtlNaN = 202,
    /// An index is no number.
    IndexNaN = 203,
    /// A parameter makes no sense.
    InvalidField = 209,
    /// The form cannot be read.
    InvalidForm = 210,
    /// A refresh with a value.
    RefreshValue = 211,
    /// A refresh without a TTL.
    RefreshTtlRequired = 212,
    /// Something else went wrong.
    RaftInternal = 300,
    /// The history no longer has what is asked for.
    EventIndexCleared = 401,
}

impl Code {
    /// What it says.
    pub fn message(self) -> &'static str {
        match self {
            Code::KeyNotFound => "Key not found",
            Code::TestFailed => "Compare failed",
            Code::NotFile => "Not a file",
            Code::NotDir => "Not a directory",
            Code::NodeExist => "Key already exists",
            Code::RootReadOnly => "Root is read only",
            Code::DirNotEmpty => "Directory not empty",
            Code::Unauthorized => "The request requires user authentication",
            Code::PrevValueRequired => "PrevValue is Required in POST form",
            Code::TtlNaN => "The given TTL in POST form is not a number",
            Code::IndexNaN => "The given index in POST form is not a number",
            Code::InvalidField => "Invalid field",
            Code::InvalidForm => "Invalid POST form",
            Code::RefreshValue => "Value provided on refresh",
            Code::RefreshTtlRequired => "A TTL must be provided on refresh",
            Code::RaftInternal => "Raft Internal Error",
            Code::EventIndexCleared => "The event in requested index is outdated and cleared",
        }
    }

    /// Its HTTP status.
    pub fn status(self) -> u16 {
        match self {
            Code::KeyNotFound => 404,
            Code::NotFile | Code::DirNotEmpty => 403,
            Code::Unauthorized => 401,
            Code::TestFailed | Code::NodeExist => 412,
            Code::RaftInternal => 500,
            _ => 400,
        }
    }
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct V2Error {
    /// Its kind.
    pub code: Code,
    /// What it is about, often a path.
    pub cause: String,
    /// Index of the tree; 0 for what never reached it.
    pub index: u64,
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "errorCode")]
    code: u32,
    message: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    cause: &'a str,
    index: u64,
}

impl V2Error {
    /// A refusal by the tree at `index`.
    pub fn new(code: Code, cause: impl Into<String>, index: u64) -> Self {
        V2Error { code, cause: cause.into(), index }
    }

    /// A refusal before the tree was asked.
    pub fn request(code: Code, cause: impl Into<String>) -> Self {
        V2Error::new(code, cause, 0)
    }

    /// Its JSON, without the line break that follows it over HTTP.
    pub fn to_json(&self) -> String {
        let message = self.code.message();
        crate::to_json(&Body { code: self.code as u32, message, cause: &self.cause, index: self.index })
    }

    /// The same for clients, who do not see the prefix under which their keys are.
    pub fn without_prefix(mut self, prefix: &str) -> Self {
        if let Some(rest) = self.cause.strip_prefix(prefix) {
            self.cause = rest.to_owned();
        }
        self
    }
}

impl std::fmt::Display for V2Error {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "{} ({})", self.code.message(), self.cause)
    }
}

impl std::error::Error for V2Error {}
