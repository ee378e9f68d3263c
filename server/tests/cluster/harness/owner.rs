//! Whose connection is this? The kernel knows.
//!
//! All members have the same address, so where a connection comes from does not say who dialled. But the kernel
//! tells the number of a socket by its two ends (asked over netlink: `/proc/net/tcp` would take it a hundred times as
//! long), and `/proc` the numbers of a process' sockets.

use rustix::{
    io::Result,
    net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with},
};
use std::{fs, net::SocketAddrV4};

/// Kernel's `SOCK_DIAG_BY_FAMILY`: the question, and what its answer begins with.
const BY_FAMILY: u16 = 20;
/// `NLM_F_REQUEST`.
const REQUEST: u16 = 1;
/// `AF_INET` and `IPPROTO_TCP`.
const TCP_OVER_IPV4: [u8; 4] = [2, 6, 0, 0];
/// Where an answer has the type of its message, and the socket's number.
const TYPE_AT: usize = 4;
const NUMBER_AT: usize = 84;
const ANSWER_BYTES: usize = 4096;

/// The one of these processes that holds the socket from here to there, if one does.
pub(crate) fn of_socket(here: SocketAddrV4, there: SocketAddrV4, processes: &[u32]) -> Option<u32> {
    let socket = format!("socket:[{}]", number(here, there).ok()??);
    let holds = |process: &&u32| {
        let Ok(files) = fs::read_dir(format!("/proc/{process}/fd")) else { return false };
        let mut files = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
        files.any(|target| target.as_os_str() == socket.as_str())
    };
    processes.iter().find(holds).copied()
}

/// The number under which the kernel knows a TCP socket.
fn number(here: SocketAddrV4, there: SocketAddrV4) -> Result<Option<u32>> {
    let kernel = socket_with(
        AddressFamily::NETLINK,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        Some(netlink::SOCK_DIAG),
    )?;
    send(&kernel, &question(here, there), SendFlags::empty())?;
    let mut answer = [0_u8; ANSWER_BYTES];
    let (_, length) = recv(&kernel, &mut answer[..], RecvFlags::empty())?;
    let found = length >= NUMBER_AT + 4 && answer[TYPE_AT..TYPE_AT + 2] == BY_FAMILY.to_ne_bytes();
    let number = [0, 1, 2, 3].map(|at| answer[NUMBER_AT + at]);
    Ok(found.then(|| u32::from_ne_bytes(number)))
}

/// A netlink header and an `inet_diag_req_v2`.
fn question(here: SocketAddrV4, there: SocketAddrV4) -> Vec<u8> {
    let mut body = TCP_OVER_IPV4.to_vec();
    body.extend(u32::MAX.to_ne_bytes()); // in any state
    body.extend(here.port().to_be_bytes());
    body.extend(there.port().to_be_bytes());
    for end in [here, there] {
        body.extend(end.ip().octets());
        body.extend([0; 12]); // room for an IPv6 address
    }
    body.extend(0_u32.to_ne_bytes()); // on any interface
    body.extend([u8::MAX; 8]); // with any cookie
    let mut message = (16 + body.len() as u32).to_ne_bytes().to_vec();
    message.extend(BY_FAMILY.to_ne_bytes());
    message.extend(REQUEST.to_ne_bytes());
    message.extend([0; 8]); // no sequence, from whoever asks
    message.extend(body);
    message
}

#[test]
fn a_socket_of_this_process_is_found_and_others_are_not() {
    use std::net::{SocketAddr, TcpListener, TcpStream};
    let v4 = |address: SocketAddr| match address {
        SocketAddr::V4(address) => address,
        SocketAddr::V6(_) => unreachable!("only IPv4 is used here"),
    };
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let there = v4(listener.local_addr().expect("bound"));
    let socket = TcpStream::connect(there).expect("it listens");
    let here = v4(socket.local_addr().expect("connected"));
    let (me, init) = (std::process::id(), 1);
    assert_eq!(of_socket(here, there, &[init, me]), Some(me));
    assert_eq!(of_socket(here, there, &[init]), None);
    let elsewhere = SocketAddrV4::new(*there.ip(), 1);
    assert_eq!(number(here, elsewhere), Ok(None));
}
