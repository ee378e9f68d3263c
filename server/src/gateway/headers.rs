//! What of a request's headers travels on with the call, and how long the client waits.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use std::time::Duration;

/// Headers of this prefix are metadata, without it.
const METADATA: &str = "grpc-metadata-";
/// How metadata carries the token of a user.
const TOKEN: HeaderName = HeaderName::from_static("token");
const TIMEOUT: &str = "grpc-timeout";

/// The headers of the call behind a request.
pub(super) fn of_call(request: &HeaderMap) -> HeaderMap {
    let mut call = HeaderMap::new();
    for (name, value) in request {
        let metadata = name.as_str().strip_prefix(METADATA);
        // Of what is said about the transport, only this program may speak.
        let metadata = metadata.filter(|name| !name.starts_with("grpc-") && *name != "content-type");
        if let Some(Ok(name)) = metadata.map(HeaderName::try_from) {
            call.append(name, value.clone());
        }
    }
    if let Some(value) = request.get(header::AUTHORIZATION) {
        call.insert(header::AUTHORIZATION, value.clone());
        call.entry(TOKEN).or_insert_with(|| value.clone());
    }
    if let Some(value) = request.get(header::USER_AGENT) {
        call.insert(header::USER_AGENT, value.clone());
    }
    call.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    call.insert(header::TE, HeaderValue::from_static("trailers"));
    call
}

/// How long the client waits, if it says so and is understood: up to eight digits and a unit. Nothing is for ever, as with
/// the reference.
///
/// # Errors
/// With the words that it said, when they are not understood.
pub(super) fn timeout(request: &HeaderMap) -> Result<Option<Duration>, String> {
    let Some(value) = request.get(TIMEOUT) else { return Ok(None) };
    let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
    let parsed = text.char_indices().next_back().and_then(|(at, unit)| {
        let count: u64 = text[..at].parse().ok().filter(|_| at <= 8)?;
        Some(match unit {
            'H' => Duration::from_secs(count * 3600),
            'M' => Duration::from_secs(count * 60),
            'S' => Duration::from_secs(count),
            'm' => Duration::from_millis(count),
            'u' => Duration::from_micros(count),
            'n' => Duration::from_nanos(count),
            _ => return None,
        })
    });
    parsed.map(|timeout| Some(timeout).filter(|timeout| !timeout.is_zero())).ok_or(text)
}

#[cfg(test)]
mod tests {
    use super::{of_call, timeout};
    use http::{HeaderMap, HeaderValue};
    use std::time::Duration;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn tokens_and_metadata_travel_on() {
        let request = [("authorization", "t.1"), ("grpc-metadata-hasleader", "true"), ("cookie", "x")];
        let call = of_call(&headers(&request));
        assert_eq!(call["token"], "t.1");
        assert_eq!(call["hasleader"], "true");
        assert!(!call.contains_key("cookie"));
        let forged = [("grpc-metadata-content-type", "text/html"), ("grpc-metadata-grpc-timeout", "1n")];
        let call = of_call(&headers(&forged));
        assert_eq!(call["content-type"], "application/grpc");
        assert!(!call.contains_key("grpc-timeout"));
    }

    #[test]
    fn timeouts_have_units() {
        let of = |value| timeout(&headers(&[("grpc-timeout", value)]));
        assert_eq!(of("1500m"), Ok(Some(Duration::from_millis(1500))));
        assert_eq!(of("2S"), Ok(Some(Duration::from_secs(2))));
        assert_eq!(of("0n"), Ok(None));
        for wrong in ["", "S", "1", "-1S", "123456789S", "1\u{e4}"] {
            assert!(HeaderValue::from_str(wrong).is_err() || timeout(&one(wrong)).is_err(), "{wrong}");
        }
        assert_eq!(timeout(&HeaderMap::new()), Ok(None));
    }

    fn one(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
            headers.insert("grpc-timeout", value);
        }
        headers
    }
}
