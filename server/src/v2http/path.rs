//! From a path to the part of the API that answers it, as Go's router finds it.
//!
//! That router sends a client whose path is not clean (`//`, `.`, `..`) to the clean one, whatever the method.

use super::{form::unescape, reply::Reply};
use http::Method;

/// Parts of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Area {
    Keys,
    Members,
    Machines,
    StoreStats,
    OwnStats,
    LeaderStats,
    Auth,
    Nowhere,
}

/// Each part with its path, and whether there is more below that.
const AREAS: [(&str, Area, bool); 7] = [
    ("/v2/keys", Area::Keys, true),
    ("/v2/members", Area::Members, true),
    ("/v2/machines", Area::Machines, false),
    ("/v2/stats/store", Area::StoreStats, false),
    ("/v2/stats/self", Area::OwnStats, false),
    ("/v2/stats/leader", Area::LeaderStats, false),
    ("/v2/auth", Area::Auth, true),
];

/// Where a request goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) area: Area,
    /// The rest of the path, decoded.
    pub(super) rest: String,
}

/// Where a client is sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Redirect(String);

/// Whether a path belongs to this API.
pub(crate) fn is_ours(path: &str) -> bool {
    path.strip_prefix("/v2").is_some_and(|rest| rest.starts_with('/'))
}

impl Route {
    /// Finds it for an encoded path and its query.
    ///
    /// # Errors
    /// Where to look instead.
    pub(super) fn of(path: &str, query: Option<&str>) -> Result<Route, Redirect> {
        // What cannot be decoded is nobody's path.
        let path = unescape(path, false).unwrap_or_default();
        let clean = cleaned(&path);
        if clean != path {
            let query = query.map(|query| format!("?{query}")).unwrap_or_default();
            return Err(Redirect(escape(&clean) + &query));
        }
        let found = AREAS.iter().find_map(|(at, area, deep)| {
            let rest = path.strip_prefix(at)?;
            (rest.is_empty() || *deep && rest.starts_with('/')).then(|| (*area, rest.to_owned()))
        });
        let (area, rest) = found.unwrap_or((Area::Nowhere, String::new()));
        Ok(Route { area, rest })
    }
}

/// The clean path; a slash at the end stays.
fn cleaned(path: &str) -> String {
    let clean = oxetcd_v2::clean(path);
    if path.ends_with('/') && clean != "/" { clean + "/" } else { clean }
}

/// Encodes what a path cannot hold, as Go does.
fn escape(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => out.push(byte.into()),
            b'-' | b'_' | b'.' | b'~' | b'$' | b'&' | b'+' | b',' | b'/' | b':' | b';' | b'=' | b'@' => {
                out.push(byte.into());
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

impl Redirect {
    /// What the client is told.
    pub(super) fn answer(&self, method: &Method) -> Reply {
        let text = html(&self.0);
        let reply = match *method {
            Method::GET => Reply::html(301, format!("<a href=\"{text}\">Moved Permanently</a>.\n\n")),
            Method::HEAD => Reply::html(301, String::new()),
            _ => Reply::bare(301),
        };
        reply.with("location", &self.0)
    }
}

/// Escapes what HTML does not take, as Go does.
fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            char => out.push(char),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(path: &str) -> (Area, String) {
        Route::of(path, None).map(|route| (route.area, route.rest)).unwrap_or((Area::Nowhere, "moved".into()))
    }

    #[test]
    fn parts_are_found() {
        for (path, area, rest) in [
            ("/v2/keys", Area::Keys, ""),
            ("/v2/keys/a%20b/", Area::Keys, "/a b/"),
            ("/v2/keysx", Area::Nowhere, ""),
            ("/v2/members/leader", Area::Members, "/leader"),
            ("/v2/machines", Area::Machines, ""),
            ("/v2/machines/", Area::Nowhere, ""),
            ("/v2/stats/store", Area::StoreStats, ""),
            ("/v2/nosuch", Area::Nowhere, ""),
            ("/v2/keys//a", Area::Nowhere, "moved"),
        ] {
            assert_eq!(route(path), (area, rest.to_owned()), "{path}");
        }
        assert!(is_ours("/v2/x") && !is_ours("/v2") && !is_ours("/v2x") && !is_ours("/version"));
    }

    #[test]
    fn unclean_paths_are_moved() {
        let moved = |path, query| Route::of(path, query).err().map(|to| to.0);
        assert_eq!(moved("/v2/keys//a/", Some("x=1")).as_deref(), Some("/v2/keys/a/?x=1"));
        assert_eq!(moved("/v2/keys/a/../b%20c", None).as_deref(), Some("/v2/keys/b%20c"));
    }
}
