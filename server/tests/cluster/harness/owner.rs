//! Whose connection is this? The kernel knows.
//!
//! All members have the same address, so where a connection comes from does not say who dialled. But the kernel
//! lists every socket with its port and its number, and every process with the numbers of its sockets.

use std::{
    fs,
    net::{IpAddr, SocketAddr},
};

/// The one of these processes that holds the socket with this address, if one does.
pub(crate) fn of_socket(address: SocketAddr, processes: &[u32]) -> Option<u32> {
    let socket = format!("socket:[{}]", number(address)?);
    let holds = |process: &&u32| {
        let Ok(files) = fs::read_dir(format!("/proc/{process}/fd")) else { return false };
        let mut files = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
        files.any(|target| target.as_os_str() == socket.as_str())
    };
    processes.iter().find(holds).copied()
}

/// The number under which the kernel knows a TCP socket.
fn number(address: SocketAddr) -> Option<u64> {
    let IpAddr::V4(ip) = address.ip() else { return None };
    let wanted = format!("{:08X}:{:04X}", u32::from_le_bytes(ip.octets()), address.port());
    let table = fs::read_to_string("/proc/net/tcp").ok()?;
    let mut sockets = table.lines().skip(1).map(|line| line.split_whitespace());
    sockets.find_map(|mut fields| (fields.nth(1)? == wanted).then(|| fields.nth(7)?.parse().ok())?)
}

#[test]
fn a_socket_of_this_process_is_found_and_others_are_not() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let socket = std::net::TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
    let here = socket.local_addr().expect("connected");
    let (me, init) = (std::process::id(), 1);
    assert_eq!(of_socket(here, &[init, me]), Some(me));
    assert_eq!(of_socket(here, &[init]), None);
    drop(socket);
    drop(listener);
}
