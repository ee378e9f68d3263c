//! Metrics and traces.

use super::settings::Settings;
use crate::metrics::MetricsLevel;
use std::path::PathBuf;

/// Settings of metrics and traces.
#[derive(Clone, Debug)]
pub struct ObserveConfig {
    /// How much is measured.
    pub metrics: MetricsLevel,
    /// Prefixes of keys that are measured by themselves, each once.
    pub metrics_prefixes: Vec<String>,
    /// The file of the audit log; `None` for none.
    pub audit_log: Option<PathBuf>,
    /// Where traces go; `None` when there are none.
    pub tracing: Option<TracingConfig>,
}

/// Settings of traces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracingConfig {
    /// Address of the collector.
    pub address: String,
    /// Name of the service.
    pub service: String,
    /// Name of this member; empty for none.
    pub instance: String,
    /// Requests in a million that are traced.
    pub samples_per_million: u32,
}

const MILLION: i64 = 1_000_000;

impl ObserveConfig {
    /// # Errors
    /// When the sampling rate is below zero or beyond a million, in etcd's words.
    pub(super) fn of(settings: &Settings) -> Result<Self, String> {
        let rate = settings.int("distributed-tracing-sampling-rate");
        let enabled = settings.bool("enable-distributed-tracing");
        if enabled && rate < 0 {
            return Err(invalid("tracing sampling rate must be positive"));
        }
        if enabled && rate > MILLION {
            return Err(invalid("tracing sampling rate must be less than 1000000"));
        }
        let tracing = enabled.then(|| TracingConfig {
            address: settings.text("distributed-tracing-address").to_owned(),
            service: settings.text("distributed-tracing-service-name").to_owned(),
            instance: settings.text("distributed-tracing-instance-id").to_owned(),
            samples_per_million: u32::try_from(rate).unwrap_or(0),
        });
        let extensive = settings.text("metrics") == "extensive";
        Ok(ObserveConfig {
            metrics: if extensive { MetricsLevel::Extensive } else { MetricsLevel::Basic },
            metrics_prefixes: settings.list("metrics-prefixes").to_vec(),
            audit_log: settings.path("audit-log"),
            tracing,
        })
    }
}

fn invalid(reason: &str) -> String {
    // The odd spelling is etcd's, and so what a script would look for.
    format!("distributed tracing configurition is not valid: ({reason})")
}
