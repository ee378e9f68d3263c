//! What is counted is shown.

use crate::metrics::{Metrics, MetricsLevel, Op};
use std::time::Duration;

/// The value of a series, given as it is written, labels and all.
fn value(text: &str, series: &str) -> Option<f64> {
    let line =
        text.lines().find(|line| line.strip_prefix(series).is_some_and(|rest| rest.starts_with(' ')))?;
    line.rsplit(' ').next()?.parse().ok()
}

fn check(act: impl Fn(&Metrics), expected: &[(&str, Option<f64>)]) {
    let metrics = Metrics::new(MetricsLevel::Basic);
    act(&metrics);
    let text = metrics.render();
    for (series, number) in expected {
        assert_eq!(value(&text, series), *number, "{series}");
    }
}

#[test]
fn leaders_are_counted_when_they_change() {
    check(
        |metrics| {
            metrics.leader_changed(0, 7, true);
            metrics.leader_changed(7, 0, false);
            metrics.leader_changed(0, 9, false);
        },
        &[
            ("etcd_server_leader_changes_seen_total", Some(2.0)),
            ("etcd_server_has_leader", Some(1.0)),
            ("etcd_server_is_leader", Some(0.0)),
        ],
    );
}

#[test]
fn histograms_count_into_the_right_buckets() {
    check(
        |metrics| {
            metrics.disk.wal_fsync.observe(0.0015);
            metrics.disk.wal_fsync.observe(60.0);
        },
        &[
            ("etcd_disk_wal_fsync_duration_seconds_bucket{le=\"0.001\"}", Some(0.0)),
            ("etcd_disk_wal_fsync_duration_seconds_bucket{le=\"0.002\"}", Some(1.0)),
            ("etcd_disk_wal_fsync_duration_seconds_bucket{le=\"8.192\"}", Some(1.0)),
            ("etcd_disk_wal_fsync_duration_seconds_bucket{le=\"+Inf\"}", Some(2.0)),
            ("etcd_disk_wal_fsync_duration_seconds_count", Some(2.0)),
            ("etcd_disk_wal_fsync_duration_seconds_sum", Some(60.0015)),
        ],
    );
}

#[test]
fn outcomes_have_their_own_series_from_their_first_use() {
    let apply = |op, success| {
        format!(
            "etcd_server_apply_duration_seconds_count{{op=\"{op}\",success=\"{success}\",version=\"v3\"}}"
        )
    };
    check(
        |metrics| {
            metrics.server.applied(Op::Txn, true, Duration::ZERO);
            metrics.server.applied(Op::Txn, true, Duration::ZERO);
            metrics.server.applied(Op::Txn, false, Duration::ZERO);
            metrics.server.requested(Op::Unknown, true, Duration::ZERO);
        },
        &[
            (&apply("Txn", true), Some(2.0)),
            (&apply("Txn", false), Some(1.0)),
            (&apply("Put", true), None),
            ("etcd_server_request_duration_seconds_count{success=\"true\",type=\"unknown\"}", Some(1.0)),
        ],
    );
}

#[test]
fn calls_are_counted_by_method_and_code_and_stand_at_zero_before() {
    let put = "grpc_method=\"Put\",grpc_service=\"etcdserverpb.KV\",grpc_type=\"unary\"";
    check(
        |metrics| {
            let method = metrics.grpc.method("/etcdserverpb.KV/Put").expect("Put is a method");
            method.started();
            method.received(1);
            method.finished(tonic::Code::ResourceExhausted, Duration::ZERO);
            assert!(metrics.grpc.method("/etcdserverpb.KV/Nope").is_none());
        },
        &[
            (&format!("grpc_server_started_total{{{put}}}"), Some(1.0)),
            (&format!("grpc_server_msg_received_total{{{put}}}"), Some(1.0)),
            (&format!("grpc_server_msg_sent_total{{{put}}}"), Some(0.0)),
            (&format!("grpc_server_handled_total{{grpc_code=\"ResourceExhausted\",{put}}}"), Some(1.0)),
            (&format!("grpc_server_handled_total{{grpc_code=\"OK\",{put}}}"), Some(0.0)),
        ],
    );
}

#[test]
fn every_code_of_grpc_has_the_label_of_its_name() {
    let metrics = Metrics::new(MetricsLevel::Basic);
    let method = metrics.grpc.method("/etcdserverpb.Watch/Watch").expect("Watch is a method");
    for number in 0..17 {
        method.finished(tonic::Code::from(number), Duration::ZERO);
    }
    let text = metrics.render();
    for number in 0..17 {
        let code = tonic::Code::from(number);
        let name = if code == tonic::Code::Ok {
            "OK".to_owned()
        } else {
            format!("{code:?}").replace("Cancelled", "Canceled")
        };
        let series = format!(
            "grpc_server_handled_total{{grpc_code=\"{name}\",grpc_method=\"Watch\",\
             grpc_service=\"etcdserverpb.Watch\",grpc_type=\"bidi_stream\"}}"
        );
        assert_eq!(value(&text, &series), Some(1.0), "{series}");
    }
}

#[test]
fn a_client_cannot_fill_the_memory_with_versions() {
    let metrics = Metrics::new(MetricsLevel::Basic);
    for number in 0..1000 {
        metrics.server.client_request(Some(&format!("9.{number}")), true);
    }
    metrics.server.client_request(None, false);
    metrics.server.client_request(Some(&"x".repeat(100_000)), false);
    let text = metrics.render();
    let series = text.lines().filter(|line| line.starts_with("etcd_server_client_requests_total")).count();
    assert!(series <= 32, "{series} series");
    let counted =
        |name| value(&text, &format!("etcd_server_client_requests_total{{client_api_version={name}}}"));
    assert_eq!(counted("\"9.0\",type=\"stream\""), Some(1.0));
    assert_eq!(counted("\"unknown\",type=\"stream\""), Some(985.0));
    assert_eq!(counted("\"unknown\",type=\"unary\""), Some(2.0));
}

#[test]
fn samplers_run_before_each_scrape() {
    let metrics = Metrics::new(MetricsLevel::Basic);
    metrics.on_scrape(|metrics| metrics.mvcc.keys.add(5));
    assert_eq!(value(&metrics.render(), "etcd_debugging_mvcc_keys_total"), Some(5.0));
    assert_eq!(value(&metrics.render(), "etcd_debugging_mvcc_keys_total"), Some(10.0));
}

#[test]
fn versions_of_the_cluster_replace_each_other() {
    check(
        |metrics| {
            metrics.server.set_cluster_version("3.6");
            metrics.server.set_cluster_version("3.7");
        },
        &[
            ("etcd_cluster_version{cluster_version=\"3.6\"}", None),
            ("etcd_cluster_version{cluster_version=\"3.7\"}", Some(1.0)),
        ],
    );
}

#[cfg(target_os = "linux")]
#[test]
fn the_process_is_measured() {
    let metrics = Metrics::new(MetricsLevel::Basic);
    let text = metrics.render();
    let at_least = [
        ("process_resident_memory_bytes", 100_000.0),
        ("process_virtual_memory_bytes", 100_000.0),
        ("process_start_time_seconds", 1e9),
        ("process_open_fds", 3.0),
        ("process_max_fds", 3.0),
        ("os_fd_used", 3.0),
    ];
    for (series, least) in at_least {
        assert!(value(&text, series).is_some_and(|value| value >= least), "{series}: {text}");
    }
    let cpu = "process_cpu_seconds_total";
    let before = value(&text, cpu).expect("CPU time is shown");
    assert!(value(&metrics.render(), cpu).is_some_and(|after| after >= before), "a counter went down");
}
