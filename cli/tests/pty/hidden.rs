//! What other users of the machine see of a command: `ps` shows no password.

use super::server::ETCDCTL;
use std::{
    fs,
    net::TcpListener,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

const POLL: Duration = Duration::from_millis(5);

#[test]
fn a_password_among_the_arguments_is_overwritten() {
    // Nobody answers there, so the command lasts.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("it is bound").to_string();
    let calls: [&[&str]; 3] = [
        &["--user", "root:hemlig", "get", "a"],
        &["--user=root", "--password=hemlig", "get", "a"],
        &["user", "add", "alice:hemlig"],
    ];
    for call in calls {
        let mut child = Command::new(ETCDCTL)
            .args(["--endpoints", &address, "--command-timeout=100s", "--dial-timeout=100s"])
            .args(call)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("etcdctl can be started");
        let seen = loop {
            let line = fs::read(format!("/proc/{}/cmdline", child.id())).expect("it runs");
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            let ended = child.try_wait().expect("a child can be asked").is_some();
            if line.contains("xxxxxx") || ended {
                break line;
            }
            thread::sleep(POLL);
        };
        let _ = (child.kill(), child.wait());
        assert!(seen.contains("xxxxxx") && !seen.contains("hemlig"), "{call:?}: {seen}");
    }
}
