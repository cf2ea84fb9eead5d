//! The real program in a directory of its own, as its users run it.

mod lines;
mod server;
mod site;

pub use self::lines::Lines;
pub use self::server::Server;
pub use self::site::{Invocation, Site};

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

/// A port of 127.0.0.1 that nobody listens on.
///
/// Below the ephemeral range, so that no outgoing connection takes it meanwhile, and never the same
/// twice in one run.
pub fn free_port() -> u16 {
    const FIRST: u16 = 10_000;
    const COUNT: u16 = 10_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Two runs on one machine begin at different ports.
    let start = u16::try_from(std::process::id() % u32::from(COUNT)).unwrap();
    (0..COUNT)
        .map(|_| FIRST + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT)
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a free port")
}
