//! A window in front of the public listener: the documents are logged by nobody, so a test that
//! wants to know what a verifier fetched has to look on.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::spawn;

/// Hands everything on, and writes down which paths were asked for.
pub struct Window {
    port: u16,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Window {
    /// In front of what listens, or will, on `port`.
    pub fn before(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let window = Self { port: listener.local_addr().unwrap().port(), seen: Arc::default() };
        let seen = Arc::clone(&window.seen);
        spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                let (answers, asker) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                let seen = Arc::clone(&seen);
                spawn(move || hand_on(client, server, |sent| note(&seen, sent)));
                spawn(move || hand_on(answers, asker, |_| {}));
            }
        });
        window
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The paths that were asked for, in order.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

fn hand_on(mut from: TcpStream, mut to: TcpStream, look: impl Fn(&str)) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        look(&String::from_utf8_lossy(&buffer[..length]));
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    // The other side may have gone already.
    let _ = to.shutdown(Shutdown::Write);
}

/// A verifier's request is short, and comes in one piece.
fn note(seen: &Mutex<Vec<String>>, sent: &str) {
    let paths = sent.lines().filter_map(|line| line.strip_prefix("GET ")?.split(' ').next().map(str::to_owned));
    seen.lock().unwrap().extend(paths);
}
