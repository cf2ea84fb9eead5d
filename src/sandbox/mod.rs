//! A stand-in for AWS STS and ECR on loopback, which behaves as AWS is documented to.
//!
//! It speaks both wire protocols on one listener, so that every AWS SDK and the AWS CLI work with
//! it (`--endpoint-url`). Unlike AWS, its log says *why* a request was refused: which condition of
//! a trust policy failed, why a token's key was not found. The answer on the wire stays AWS's.
//!
//! ```text
//! server ─ faults? ─┬─ sts ─ identity_token ─ jwks (fetches the issuer's keys)
//!                   │   └─ iam: the role's trust policy ─ sessions
//!                   ├─ ecr ─ sigv4 ─ sessions, users
//!                   │   └─ iam: the role's permissions
//!                   └─ control: GET /_sandbox, POST and DELETE /_sandbox/faults
//! ```
//!
//! It knows `iam`, `clock`, `entropy` and `domain`, nothing else of feedpass: what it finds out
//! about a token it finds out over HTTP, as AWS does. Where AWS's behaviour is unconfirmed
//! (`nbf`, for one), it takes the stricter reading; the life
//! of its JWKS caches is an option.

mod algorithm;
mod control;
mod ecr;
mod faults;
mod identity_token;
mod jwks;
mod made_up;
mod received;
mod reply;
mod server;
mod session_tags;
mod sessions;
mod sigv4;
mod sts;
#[cfg(test)]
mod tests;
mod world;

use std::net::SocketAddr;
use std::num::NonZeroU8;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::domain::{AccessKeyId, AccountId, Audience, IssuerUrl, RoleArn, SessionDuration, UserArn};
use crate::entropy::Entropy;
use crate::iam::Policy;
pub use faults::{Fault, FaultKind, Faults};
use world::World;

/// How a sandbox runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it listens: a loopback address; port 0 takes a free one.
    pub listen: SocketAddr,
    /// How long a fetched JWKS is kept. AWS publishes no such time (docs/aws.md §1.5).
    pub jwks_cache: Duration,
    /// What is done about a `kid` that is not in the JWKS that is kept.
    pub jwks_unknown_kid: UnknownKid,
    /// How many caches there are: AWS is many hosts. Each exchange uses the next in turn, and so may meet one that
    /// knows a new key or one that does not.
    pub jwks_caches: NonZeroU8,
}

/// What is done about a `kid` that is not in the JWKS that is kept. AWS does not say (docs/aws.md §1.5).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum UnknownKid {
    /// The JWKS is fetched again at once.
    #[default]
    Fetch,
    /// The token is refused, until what is kept is fetched again for its age.
    Wait,
}

impl Default for Options {
    /// A free port of 127.0.0.1, ten minutes, and one cache that fetches again for an unknown `kid`.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            jwks_cache: Duration::from_mins(10),
            jwks_unknown_kid: UnknownKid::default(),
            jwks_caches: NonZeroU8::MIN,
        }
    }
}

/// What the sandbox's AWS accounts hold.
#[derive(Clone, Debug, Default)]
pub struct Accounts {
    /// The OIDC providers of all accounts.
    pub providers: Vec<OidcProvider>,
    /// The roles of all accounts.
    pub roles: Vec<Role>,
    /// The IAM users that have an access key.
    pub users: Vec<User>,
}

/// An IAM user with its access key.
#[derive(Clone, Debug)]
pub struct User {
    /// Its ARN.
    pub arn: UserArn,
    /// The id of its key.
    pub access_key_id: AccessKeyId,
    /// The key's secret half.
    pub secret: SecretString,
    /// What it may do.
    pub permissions: Policy,
}

/// An IAM OIDC identity provider.
#[derive(Clone, Debug)]
pub struct OidcProvider {
    /// The account that it lies in; only roles of the same account can trust it.
    pub account: AccountId,
    /// The issuer, as `iss` has it.
    pub url: IssuerUrl,
    /// Its client ids.
    pub audiences: Vec<Audience>,
}

/// An IAM role.
#[derive(Clone, Debug)]
pub struct Role {
    /// Its ARN.
    pub arn: RoleArn,
    /// Who may assume it.
    pub trust_policy: Policy,
    /// What its sessions may do, `ecr:GetAuthorizationToken` on `*` for one.
    pub permissions: Policy,
    /// The longest session that it gives.
    pub max_session_duration: SessionDuration,
}

/// One of the two services that the sandbox stands in for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// The Security Token Service.
    Sts,
    /// The Elastic Container Registry.
    Ecr,
}

impl Service {
    /// The service's name as people write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sts => "STS",
            Self::Ecr => "ECR",
        }
    }
}

/// Why a sandbox could not start; both are the operator's to fix.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// Whoever can reach the sandbox can have its credentials and its faults.
    #[error("the sandbox listens on loopback alone, so not on {0}; use 127.0.0.1:0")]
    NotLoopback(SocketAddr),
    /// The address is taken or not this machine's.
    #[error("the sandbox cannot listen on {address}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the machine says.
        #[source]
        source: std::io::Error,
    },
}

/// A running sandbox; it stops when dropped.
pub struct Sandbox {
    world: Arc<World>,
    address: SocketAddr,
    server: JoinHandle<()>,
}

impl Sandbox {
    /// Starts a sandbox on its own task. All its time comes from `clock`, the five seconds that an
    /// issuer has to answer included, and all its randomness from `entropy`.
    ///
    /// # Errors
    /// [`SandboxError`] when it may not or cannot listen where it should.
    pub async fn start(
        options: Options,
        accounts: Accounts,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, SandboxError> {
        let listen = options.listen;
        if !listen.ip().is_loopback() {
            return Err(SandboxError::NotLoopback(listen));
        }
        let failed = |source| SandboxError::Listen { address: listen, source };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let world = Arc::new(World::new(&options, accounts, clock, entropy));
        let server = tokio::spawn(server::accept(listener, Arc::clone(&world)));
        tracing::info!(%address, "sandbox STS and ECR listen on http://{address}; no AWS is contacted");
        Ok(Self { world, address, server })
    }

    /// The endpoint of both services, `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Replaces providers and roles, from the next request on. Sessions of a role that is gone no
    /// longer work.
    pub fn set_accounts(&self, accounts: Accounts) {
        self.world.accounts.store(Arc::new(accounts));
    }

    /// The trouble that is rehearsed.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.world.faults
    }

    /// How many requests a service has had, those that got no answer included.
    #[must_use]
    pub fn calls(&self, service: Service) -> u64 {
        self.world.calls.of(service)
    }

    /// How many requests there were for one operation, `GetAuthorizationToken`.
    #[must_use]
    pub fn calls_to(&self, operation: &str) -> u64 {
        self.world.calls.of_operation(operation)
    }

    /// The secrets most lately given out, 4096 at most: secret keys, session tokens, registry
    /// passwords and authorization tokens. For tests that search logs for them.
    #[must_use]
    pub fn issued_secrets(&self) -> Vec<SecretString> {
        self.world.issued()
    }

    /// Stops the sandbox and closes its connections.
    pub async fn shutdown(mut self) {
        self.server.abort();
        // An aborted task ends with an error that says so.
        let _ = (&mut self.server).await;
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.server.abort();
    }
}
