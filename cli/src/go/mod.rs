//! The text forms of Go's standard library that etcd's tools show and accept.
//!
//! Scripts depend on them: durations such as `1m30s`, quoted strings, numbers with a base prefix, and the very words of
//! the errors about them.

pub mod duration;
pub mod number;
pub mod quote;
pub mod scan;
pub mod size;
pub mod url;

/// Why a connection could not be made, from the words of our client, which name the address.
pub fn dial_error(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(": ") {
        Some((dialled, _)) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            format!("{dialled}: connect: connection refused")
        }
        _ => text,
    }
}

/// An error of the operating system in lower case and without its number, as Go shows it.
pub fn os_error(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}
