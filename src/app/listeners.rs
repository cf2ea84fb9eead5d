//! The addresses that feedpass answers at, and what serves them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

use crate::clock::Clock;
use crate::config::Settings;
use crate::domain::IssuerUrl;
use crate::http::{HttpState, Server, ServerError, bind, both_routes, internal_routes, public_routes};

/// How long requests under way may take at shutdown, with [`DRAIN_DOCUMENTS`] less than the 30 s after
/// which Kubernetes ends a process, and enough for all but the longest exchange.
const DRAIN: Duration = Duration::from_secs(25);
/// The same for the documents, which are prepared bytes.
const DRAIN_DOCUMENTS: Duration = Duration::from_secs(3);

/// The addresses that feedpass answers at.
pub struct Listeners {
    /// What AWS needs.
    pub public: TcpListener,
    /// Everything else; none when the public one serves both.
    pub internal: Option<TcpListener>,
}

/// What serves them.
pub(super) struct Servers {
    public: Server,
    /// None when the public one serves both.
    internal: Option<Server>,
}

impl Listeners {
    /// Takes the addresses that `settings` name; one where both are the same.
    ///
    /// # Errors
    /// [`ServerError`] when one cannot be had.
    pub async fn bind(settings: &Settings) -> Result<Self, ServerError> {
        let public = bind(settings.listen.public).await?;
        let internal = if settings.listen.is_shared() { None } else { Some(bind(settings.listen.internal).await?) };
        Ok(Self { public, internal })
    }

    pub(super) fn serve(
        self,
        issuer: &IssuerUrl,
        state: &HttpState,
        clock: &Arc<dyn Clock>,
    ) -> Result<Servers, ServerError> {
        let Some(internal) = self.internal else {
            let both = Server::start(self.public, both_routes(state, issuer), Arc::clone(clock))?;
            return Ok(Servers { public: both, internal: None });
        };
        let public = Server::start(self.public, public_routes(state, issuer), Arc::clone(clock))?;
        let internal = Server::start(internal, internal_routes(state), Arc::clone(clock))?;
        Ok(Servers { public, internal: Some(internal) })
    }
}

impl Servers {
    pub(super) fn public_address(&self) -> SocketAddr {
        self.public.address()
    }

    pub(super) fn internal_address(&self) -> SocketAddr {
        self.internal.as_ref().unwrap_or(&self.public).address()
    }

    /// Takes no new connection, and lets requests finish.
    pub(super) async fn stop(self) {
        let Some(internal) = self.internal else { return self.public.stop(DRAIN).await };
        // First: STS fetches our keys on behalf of the requests that it finishes.
        internal.stop(DRAIN).await;
        self.public.stop(DRAIN_DOCUMENTS).await;
    }
}
