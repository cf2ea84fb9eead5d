//! The accept loop, our own: axum's leaves Nagle's algorithm on, bounds no header's time and
//! collapses under clients that pipeline.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::clock::Clock;

/// How long a request's head may take to come.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// The largest request head, in bytes; a larger one is answered 431.
const LARGEST_HEAD: usize = 64 * 1024;
/// How long requests under way may take to finish at shutdown.
const DRAIN_TIME: Duration = Duration::from_secs(30);
/// How long to wait when the machine has no room for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A listener with its accept loop. Dropping it stops the loop at once.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// Why there is no listener.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen{}; is another process there, or is the address not this machine's?", address.map(|a| format!(" on {a}")).unwrap_or_default())]
pub struct ServerError {
    address: Option<SocketAddr>,
    #[source]
    source: std::io::Error,
}

/// Takes `address` for a [`Server`]; port 0 means any free port.
///
/// # Errors
/// [`ServerError`] when the address cannot be had.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, ServerError> {
    TcpListener::bind(address).await.map_err(|source| ServerError { address: Some(address), source })
}

impl Server {
    /// Serves `routes` to whoever connects to `listener`.
    ///
    /// # Errors
    /// [`ServerError`] when the listener is none of this machine's.
    pub fn start(listener: TcpListener, routes: Router, clock: Arc<dyn Clock>) -> Result<Self, ServerError> {
        let address = listener.local_addr().map_err(|source| ServerError { address: None, source })?;
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(accept(listener, routes, clock, stopped));
        Ok(Self { address, stop, task })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no new connection and returns once those there are have been answered, 30 s at most.
    pub async fn stop(mut self) {
        // The loop may have ended already.
        let _ = self.stop.send(true);
        let _ = (&mut self.task).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, routes: Router, clock: Arc<dyn Clock>, mut stopped: watch::Receiver<bool>) {
    let connections = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.wait_for(|stop| *stop) => break,
        };
        match accepted {
            Ok((stream, _)) => serve(stream, routes.clone(), &connections),
            Err(error) => {
                // Out of descriptors, most likely: the connections there are free some as they end.
                tracing::warn!("a connection could not be accepted: {error}");
                clock.sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(DRAIN_TIME, connections.shutdown()).await.is_err() {
        tracing::warn!("some requests were still under way after {} s and were cut off", DRAIN_TIME.as_secs());
    }
}

fn serve(stream: TcpStream, routes: Router, connections: &GracefulShutdown) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!("a connection stays without TCP_NODELAY: {error}");
    }
    // Without hyper's `pipeline_flush`: it holds an answer back while anything more of the client's is
    // read, half a request or one that makes no sense, and closes without having said it.
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(LARGEST_HEAD)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes));
    let connection = connections.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!("a connection ended early: {error}");
        }
    });
}
