//! Bodies of requests, up to a limit.

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;

/// Most bytes of a body, as in Go's forms.
const LIMIT_BYTES: usize = 10 << 20;

/// All of a body.
///
/// # Errors
/// When it is too long, or does not come to its end, in Go's words.
pub(super) async fn read(body: Incoming) -> Result<bytes::Bytes, String> {
    let read = Limited::new(body, LIMIT_BYTES).collect().await;
    let read = read.map_err(|error| match error.is::<LengthLimitError>() {
        true => "http: POST too large".to_owned(),
        false => error.to_string(),
    })?;
    Ok(read.to_bytes())
}
