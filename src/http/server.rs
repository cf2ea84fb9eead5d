//! The accept loop, our own: axum's leaves Nagle's algorithm on, bounds no header's time and
//! collapses under clients that pipeline.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::clock::Clock;

/// How long a request's head may take to come, from the end of the last request on; so also how long
/// a connection may rest. Longer than the minute that proxies keep theirs, which would else send
/// into a connection that is just being closed.
const HEAD_TIME: Duration = Duration::from_secs(75);
/// About the largest request head, in bytes: hyper looks at it between reads. A larger one is answered 431.
const LARGEST_HEAD: usize = 64 * 1024;
/// How long to wait when the machine has no room for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A listener with its accept loop. Dropping it stops the loop; connections end as they come to.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    /// How long requests under way may take from now on; none while nobody wants it stopped.
    stop: watch::Sender<Option<Duration>>,
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
        let (stop, stopped) = watch::channel(None);
        let task = tokio::spawn(accept(listener, routes, clock, stopped));
        Ok(Self { address, stop, task })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no new connection and returns once the requests under way are answered, or after `drain`.
    pub async fn stop(mut self, drain: Duration) {
        // The loop may have ended already.
        let _ = self.stop.send(Some(drain));
        let _ = (&mut self.task).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(
    listener: TcpListener,
    routes: Router,
    clock: Arc<dyn Clock>,
    mut stopped: watch::Receiver<Option<Duration>>,
) {
    let connections = GracefulShutdown::new();
    let drain = loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            // An error means that the server was dropped: then this task is aborted.
            asked = stopped.wait_for(Option::is_some) => break asked.ok().and_then(|drain| *drain).unwrap_or_default(),
        };
        match accepted {
            Ok((stream, peer)) => serve(stream, peer, routes.clone(), &connections),
            Err(error) => {
                // Out of descriptors, most likely: the connections there are free some as they end.
                tracing::warn!("a connection could not be accepted: {error}");
                clock.sleep(ACCEPT_PAUSE).await;
            }
        }
    };
    drop(listener);
    if tokio::time::timeout(drain, connections.shutdown()).await.is_err() {
        tracing::warn!("some requests were still under way after {} s and were cut off", drain.as_secs());
    }
}

fn serve(stream: TcpStream, peer: SocketAddr, routes: Router, connections: &GracefulShutdown) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!("a connection stays without TCP_NODELAY: {error}");
    }
    let routes = TowerToHyperService::new(routes);
    let routes = service_fn(move |mut request: hyper::Request<Incoming>| {
        // For `origin`, which says whose address that is.
        request.extensions_mut().insert(ConnectInfo(peer));
        routes.call(request)
    });
    // Without hyper's `pipeline_flush`: it holds an answer back while anything more of the client's is
    // read, half a request or one that makes no sense, and closes without having said it.
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(LARGEST_HEAD)
        .serve_connection(TokioIo::new(stream), routes);
    let connection = connections.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!("a connection ended early: {error}");
        }
    });
}
