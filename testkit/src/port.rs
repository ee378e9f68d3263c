//! A port of loopback that nobody takes before the process that it is meant for.
//!
//! The usual way, to listen on port 0, to read the number and to close, leaves a port of the system's *ephemeral* range:
//! any connection that any program opens a moment later may get that number for its own end, and a member that is to
//! listen there dies of "Address already in use". The same happens to a member that was killed and comes back to its
//! port. Hence two rules here: numbers are taken from below the ephemeral range, where the system gives none away, and
//! processes that follow these rules agree among themselves: each number is claimed by an abstract Unix socket, which
//! belongs to the same network namespace as the port, leaves no file behind and goes with its process.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    net::{Ipv4Addr, TcpListener},
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixListener},
    },
    sync::Mutex,
};

/// Below are the ports of well-known services.
const LOWEST: u16 = 10_000;
/// Where Linux begins with ephemeral ports unless it is told otherwise.
const USUAL_EPHEMERAL: u16 = 32_768;
const EPHEMERAL_RANGE: &str = "/proc/sys/net/ipv4/ip_local_port_range";

/// Claims of this process; they end with it.
static CLAIMS: Mutex<Vec<UnixListener>> = Mutex::new(Vec::new());

/// A port of 127.0.0.1 on which nobody listens, and which no other caller of this function gets as long as this process
/// lives. The number is another one in each call.
///
/// # Panics
///
/// If none is free.
pub fn free_port() -> u16 {
    let highest = first_ephemeral().max(LOWEST + 1);
    let count = highest - LOWEST;
    let start = (RandomState::new().build_hasher().finish() % u64::from(count)) as u16;
    let candidates = (0..count).map(|step| LOWEST + (start + step) % count);
    let found = candidates.into_iter().find_map(|port| claim(port).map(|claim| (port, claim)));
    let (port, claim) = found.expect("loopback has a free port");
    CLAIMS.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(claim);
    port
}

/// Marks a port as taken among those who ask here, unless it is taken.
fn claim(port: u16) -> Option<UnixListener> {
    let name = SocketAddr::from_abstract_name(format!("oxetcd-testkit-port-{port}")).ok()?;
    let claim = UnixListener::bind_addr(&name).ok()?;
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok().then_some(claim)
}

/// The first port that the system gives to connections by itself.
fn first_ephemeral() -> u16 {
    let range = std::fs::read_to_string(EPHEMERAL_RANGE).unwrap_or_default();
    range.split_whitespace().next().and_then(|low| low.parse().ok()).unwrap_or(USUAL_EPHEMERAL)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::BTreeSet, net::TcpStream};

    #[test]
    fn ports_differ_can_be_listened_on_and_are_not_given_away() {
        let ports: BTreeSet<u16> = (0..200).map(|_| free_port()).collect();
        assert_eq!(ports.len(), 200);
        assert!(ports.iter().all(|port| *port < first_ephemeral()), "{ports:?}");
        let port = ports.first().copied().expect("there are some");
        assert!(claim(port).is_none(), "{port} was claimed twice");
        // Connections get their own ends elsewhere.
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("it is free");
        let ends: Vec<_> =
            (0..50).map(|_| TcpStream::connect(listener.local_addr().unwrap()).unwrap()).collect();
        assert!(ends.iter().all(|end| !ports.contains(&end.local_addr().unwrap().port())));
    }

    #[test]
    fn a_port_that_somebody_uses_is_left_alone() {
        let port = free_port();
        CLAIMS.lock().unwrap().retain(|claim| {
            let mine = claim.local_addr().ok();
            let name = mine.as_ref().and_then(|address| address.as_abstract_name());
            name != Some(format!("oxetcd-testkit-port-{port}").as_bytes())
        });
        let user = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("it is free");
        assert!(claim(port).is_none());
        drop(user);
        assert!(claim(port).is_some());
    }
}
