//! A name server on a free port of this machine, that knows what a test tells it.

use hickory_resolver::proto::{
    op::{Message, MessageType, ResponseCode},
    rr::{RData, Record, rdata::SRV},
};
use std::{
    net::{SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

/// The name server. It answers until it is dropped.
#[derive(Debug)]
pub struct NameServer {
    address: SocketAddr,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl NameServer {
    /// Begins to answer. Each record is a name such as `_etcd-client._tcp.example.org`, a host and a port. All other names
    /// are unknown.
    ///
    /// # Panics
    /// When there is no free port, or a host is no name.
    pub fn start<'a>(records: impl IntoIterator<Item = (&'a str, &'a str, u16)>) -> NameServer {
        let known = records.into_iter().map(|(name, host, port)| {
            let target = host.parse().expect("a host is a name");
            (format!("{}.", name.trim_end_matches('.')), SRV::new(1, 1, port, target))
        });
        let known: Vec<_> = known.collect();
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
        let address = socket.local_addr().expect("it is bound");
        let over = Arc::new(AtomicBool::new(false));
        let ends = over.clone();
        let thread = std::thread::spawn(move || serve(&socket, &known, &ends));
        NameServer { address, over, thread: Some(thread) }
    }

    /// Where it listens, by UDP.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        // Anything wakes it.
        let _ = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.send_to(&[], self.address));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(socket: &UdpSocket, known: &[(String, SRV)], over: &AtomicBool) {
    let mut buffer = [0; 1500];
    while let Ok((count, from)) = socket.recv_from(&mut buffer) {
        if over.load(Ordering::Acquire) {
            return;
        }
        let answer = Message::from_vec(&buffer[..count]).ok().and_then(|question| answer(question, known));
        if let Some(answer) = answer {
            let _ = socket.send_to(&answer, from);
        }
    }
}

fn answer(mut message: Message, known: &[(String, SRV)]) -> Option<Vec<u8>> {
    let name = message.queries().first()?.name().clone();
    message.set_message_type(MessageType::Response).set_response_code(ResponseCode::NXDomain);
    let text = name.to_ascii();
    for (_, record) in known.iter().filter(|(known, _)| known.eq_ignore_ascii_case(&text)) {
        message.set_response_code(ResponseCode::NoError);
        message.add_answer(Record::from_rdata(name.clone(), 60, RData::SRV(record.clone())));
    }
    message.to_vec().ok()
}
