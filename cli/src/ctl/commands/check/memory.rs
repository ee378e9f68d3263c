//! The memory of a member, from its metrics.
//!
//! They are served over plain HTTP beside gRPC, on the same port: the client's own way to a member leads there too.

use crate::ctl::Session;

const METRIC: &str = "process_resident_memory_bytes";

/// Memory of the member behind this endpoint.
///
/// # Errors
/// What could not be done, in words.
pub(super) async fn resident_bytes(session: &Session, endpoint: &str) -> Result<f64, String> {
    let body = session.http_get(endpoint, "/metrics").await.map_err(|why| format!("fetch error: {why}"))?;
    value_of(&String::from_utf8_lossy(&body))
}

fn value_of(metrics: &str) -> Result<f64, String> {
    let value = metrics.lines().find_map(|line| line.strip_prefix(METRIC)).map(str::trim);
    let value = value.filter(|value| !value.is_empty()).ok_or(format!("could not find: {METRIC}"))?;
    let bytes: f64 = value.parse().map_err(|error| format!("parse error: {error}"))?;
    if bytes == 0.0 { Err(format!("{METRIC} is 0")) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::value_of;

    #[test]
    fn reads_one_of_many_metrics() {
        let metrics = "# HELP process_resident_memory_bytes x\nprocess_open_fds 12\nprocess_resident_memory_bytes 4.5e+07\n";
        assert_eq!(value_of(metrics), Ok(4.5e7));
        assert!(value_of("").is_err() && value_of("process_resident_memory_bytes x").is_err());
    }
}
