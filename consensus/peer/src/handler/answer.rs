//! Short answers, worded as members of the reference expect them.

use super::{Answer, PeerBody};
use http::{HeaderValue, Method, Response, StatusCode, header};
use std::time::{SystemTime, UNIX_EPOCH};

/// Text for whoever reads logs; a line.
pub(super) fn text(status: StatusCode, text: &str) -> Answer {
    let mut answer = with_type(status, "text/plain; charset=utf-8", format!("{text}\n"));
    answer.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

/// Refuses a message. `why` is plain text without quotes.
pub(super) fn forbidden(why: &'static str) -> Answer {
    with_type(StatusCode::FORBIDDEN, "application/json", format!("{{\"message\":\"{why}\"}}"))
}

pub(super) fn no_content() -> Answer {
    let mut answer = Response::new(PeerBody::text(""));
    *answer.status_mut() = StatusCode::NO_CONTENT;
    answer
}

pub(super) fn not_allowed(method: &Method) -> Answer {
    let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
    if let Ok(method) = HeaderValue::from_str(method.as_str()) {
        answer.headers_mut().insert(header::ALLOW, method);
    }
    answer
}

/// Says that it is there, and what its clock says.
pub(super) fn probing() -> Answer {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let stamp = time_stamp(now.as_secs(), now.subsec_nanos());
    let body = format!("{{\"OK\":true,\"Now\":\"{stamp}\"}}\n");
    with_type(StatusCode::OK, "text/plain; charset=utf-8", body)
}

fn with_type(status: StatusCode, content_type: &'static str, body: String) -> Answer {
    let mut answer = Response::new(PeerBody::text(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

/// A time since 1970 as RFC 3339 has it.
fn time_stamp(seconds: u64, nanos: u32) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Days since 0000-03-01, so that the leap day is the last one of its year.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let year = era * 400 + year + u64::from(month >= 10);
    let month = if month < 10 { month + 3 } else { month - 9 };
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanos:09}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_stamps() {
        assert_eq!(time_stamp(0, 0), "1970-01-01T00:00:00.000000000Z");
        assert_eq!(time_stamp(951_782_400, 1), "2000-02-29T00:00:00.000000001Z");
        assert_eq!(time_stamp(1_709_251_199, 0), "2024-02-29T23:59:59.000000000Z");
        assert_eq!(time_stamp(1_735_689_600, 0), "2025-01-01T00:00:00.000000000Z");
    }
}
