//! Builds every room from [`Settings`] and joins them; nowhere else does.

mod accounts;
mod bootstrap;
mod from_settings;
mod keys;
mod listeners;
mod reload;
mod tasks;

use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;

use self::from_settings::{audiences, declared, endpoints, sandbox_options};
use self::listeners::Servers;
use self::tasks::Tasks;
use crate::admin::{Admin, SigningKeys, Trial};
use crate::audit::Audit;
use crate::authn::workload::{Fetch, HttpsFetch, Workloads};
use crate::authn::{AccessTokenKeys, Authn};
use crate::aws::ambient::Ambient;
use crate::aws::ecr::Ecr;
use crate::aws::sts::Sts;
use crate::aws::{Connection, TimeLimits};
use crate::broker::{Broker, Steps};
use crate::catalog::Catalog;
use crate::clock::{Clock, SystemClock};
use crate::config::{AwsEndpoint, Settings};
use crate::entropy::{Entropy, SystemEntropy};
use crate::http::{HttpState, Limiter, Readiness, ServerError, TrustedProxies};
use crate::issuer::keyring::{IssuerChange, KeyRing, KeyRingError, Rotation};
use crate::issuer::metadata::{Metadata, MetadataError};
use crate::issuer::mint::Mint;
use crate::sandbox::{Sandbox, SandboxError};
use crate::store::database::{Database, SqlDatabase};
use crate::store::vault::Vault;
use crate::store::{Store, StoreError};
use crate::telemetry::Metrics;

pub use accounts::{AccountsError, check_sandbox};
pub use bootstrap::bootstrap;
pub use listeners::Listeners;
pub use reload::ReloadError;

/// What the process stands in: replaced in tests, the machine's own otherwise.
pub struct Surroundings {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// How long AWS may take.
    pub time_limits: TimeLimits,
    /// Whether another issuer than the keys were made for is meant.
    pub issuer_change: IssuerChange,
    /// Addresses that were taken already; none has those of the settings taken.
    pub listeners: Option<Listeners>,
}

impl Default for Surroundings {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy::default()),
            time_limits: TimeLimits::default(),
            issuer_change: IssuerChange::Refused,
            listeners: None,
        }
    }
}

/// Why feedpass did not start. Each is the operator's to mend.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The signing keys are not usable.
    #[error("there is no usable signing key")]
    Keys(#[from] KeyRingError),
    /// The store is not usable.
    #[error("there is no usable store")]
    Store(#[from] StoreError),
    /// The documents that AWS reads could not be written.
    #[error("there is nothing to publish")]
    Metadata(#[from] MetadataError),
    /// An address could not be had.
    #[error("an address is not to be had")]
    Listen(#[from] ServerError),
    /// The sandbox did not start.
    #[error("the sandbox did not start")]
    Sandbox(#[from] SandboxError),
    /// A role of the sandbox is wrong.
    #[error("the sandbox's roles are wrong")]
    Accounts(#[from] AccountsError),
}

/// feedpass, running. Dropping it stops it at once; [`App::stop`] lets requests finish.
pub struct App {
    settings: Arc<ArcSwap<Settings>>,
    #[expect(dead_code, reason = "they end with the app")]
    tasks: Tasks,
    /// Those of the start: what only a restart changes is as it was then.
    started: Settings,
    store: Arc<Store>,
    audit: Audit,
    mint: Arc<Mint>,
    broker: Broker,
    admin: Admin,
    keyring: Arc<KeyRing>,
    rotation: Rotation,
    metrics: Arc<Metrics>,
    vault: Vault,
    limiter: Limiter,
    proxies: TrustedProxies,
    readiness: Readiness,
    sandbox: Option<Arc<Sandbox>>,
    servers: Servers,
}

impl App {
    /// Starts everything that `settings` ask for.
    ///
    /// # Errors
    /// [`StartError`]; nothing is left running.
    pub async fn start(settings: Settings, surroundings: Surroundings) -> Result<Self, StartError> {
        let Surroundings { clock, entropy, time_limits, issuer_change, listeners } = surroundings;
        let metrics = Arc::new(Metrics::default());
        let listeners = match listeners {
            Some(listeners) => listeners,
            None => Listeners::bind(&settings).await?,
        };
        let keyring = keys::open(&settings, issuer_change, &clock, &entropy).await?;
        let api = settings.listen.at("");
        let metadata = Metadata::new(&settings.issuer, &settings.listen.at("/oauth2/token"), &keyring.current())?;
        let metadata = Arc::new(metadata);
        let sandbox = start_sandbox(&settings, &clock, &entropy).await?;
        let database: Arc<dyn Database> = Arc::new(SqlDatabase::open(settings.store.as_str()).await?);
        let audit = Audit::new(Arc::clone(&database), Arc::clone(&clock));
        let store = Arc::new(Store::open(database, declared(&settings), Arc::clone(&clock)).await?);
        let mint = Arc::new(keys::mint(&settings, &keyring, &clock, &entropy));
        let endpoints = endpoints(&settings.aws, sandbox.as_ref());
        let connection = Connection::new(endpoints, time_limits, Arc::clone(&clock), Arc::clone(&metrics));
        let sts = Sts::new(connection.clone());
        let vault = Vault::new(settings.encryption_keys.clone(), Arc::clone(&entropy));
        let steps = Steps {
            store: Arc::clone(&store),
            mint: Arc::clone(&mint),
            sts: sts.clone(),
            ambient: Ambient::new(&connection),
            ecr: Ecr::new(connection),
            vault: vault.clone(),
            metrics: Arc::clone(&metrics),
            audit: audit.clone(),
        };
        let broker = Broker::new(steps, Arc::clone(&clock), Arc::clone(&entropy));
        let (limiter, proxies) = limits(&settings, &clock, &metrics);
        let readiness = Readiness::default();
        let fetch: Arc<dyn Fetch> = Arc::new(HttpsFetch::default());
        let workloads = Workloads::new(Arc::clone(&fetch), Arc::clone(&clock));
        let parts = keys::Parts {
            settings: &settings,
            keyring: &keyring,
            metadata: &metadata,
            store: &store,
            audit: &audit,
            metrics: &metrics,
            clock: &clock,
        };
        let rotation = parts.rotation(&broker).await;
        let trial = Trial { mint: Arc::clone(&mint), sts, audit: audit.clone() };
        let canaries = parts.canaries(&rotation, trial.clone(), fetch);
        let (shared, audiences) = (Arc::clone(&store), audiences(&settings));
        let (time, randomness) = (Arc::clone(&clock), Arc::clone(&entropy));
        let admin = Admin::new(shared, audit.clone(), time, randomness, vault.clone(), audiences);
        let keys: Arc<dyn AccessTokenKeys> = Arc::<KeyRing>::clone(&keyring);
        let (issuer, ours) = (settings.issuer.clone(), Arc::clone(&clock));
        let state = HttpState {
            admin: admin.clone(),
            keys: SigningKeys::new(rotation.clone(), Arc::clone(&store), audit.clone()),
            authn: Authn::new(Arc::clone(&store), audit.clone(), workloads, keys, issuer, &api, ours),
            audit: audit.clone(),
            broker: broker.clone(),
            catalog: Catalog::new(Arc::clone(&store), settings.issuer.clone()),
            metadata: Arc::clone(&metadata),
            limiter: limiter.clone(),
            proxies: proxies.clone(),
            readiness: readiness.clone(),
            metrics: Arc::clone(&metrics),
            clock: Arc::clone(&clock),
            entropy,
        };
        let mut tasks = Tasks::default();
        tasks.keep_trail(&audit, &settings.audit);
        tasks.follow_store(&store, &readiness, &clock);
        tasks.follow_renames(&admin, trial);
        tasks.rotate_keys(&rotation, canaries);
        readiness.set(true);
        let servers = listeners.serve(&settings.issuer, &state, &clock)?;
        let started = settings.clone();
        let settings = Arc::new(ArcSwap::from_pointee(settings));
        let sandbox = sandbox.map(Arc::new);
        if let Some(sandbox) = &sandbox {
            accounts::follow(&store, &settings, sandbox, &vault);
        }
        Ok(Self {
            settings,
            tasks,
            started,
            store,
            audit,
            mint,
            broker,
            admin,
            keyring,
            rotation,
            metrics,
            vault,
            limiter,
            proxies,
            readiness,
            sandbox,
            servers,
        })
    }

    /// The settings last taken; what only a restart changes may differ from what runs.
    #[must_use]
    pub fn settings(&self) -> Arc<Settings> {
        self.settings.load_full()
    }

    /// The signing keys.
    #[must_use]
    pub fn keyring(&self) -> &KeyRing {
        &self.keyring
    }

    /// The audit trail.
    #[must_use]
    pub fn audit(&self) -> &Audit {
        &self.audit
    }

    /// What is known, and the audit trail.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Where the public listener is.
    #[must_use]
    pub fn public_address(&self) -> SocketAddr {
        self.servers.public_address()
    }

    /// Where the internal listener is.
    #[must_use]
    pub fn internal_address(&self) -> SocketAddr {
        self.servers.internal_address()
    }

    /// The stand-in for AWS, where there is one.
    #[must_use]
    pub fn sandbox(&self) -> Option<&Sandbox> {
        self.sandbox.as_deref()
    }

    /// Says that it is not ready any more, takes no new connection, and lets requests finish.
    pub async fn stop(self) {
        self.readiness.set(false);
        self.audit.close();
        self.servers.stop().await;
    }
}

/// How much may be asked, and whose word on who asks is taken.
fn limits(settings: &Settings, clock: &Arc<dyn Clock>, metrics: &Arc<Metrics>) -> (Limiter, TrustedProxies) {
    let proxies = TrustedProxies::default();
    proxies.set(settings.listen.trusted_proxies.clone());
    (Limiter::new(settings.limits, Arc::clone(clock), Arc::clone(metrics)), proxies)
}

async fn start_sandbox(
    settings: &Settings,
    clock: &Arc<dyn Clock>,
    entropy: &Arc<dyn Entropy>,
) -> Result<Option<Sandbox>, StartError> {
    let AwsEndpoint::Sandbox(sandbox) = &settings.aws else { return Ok(None) };
    let accounts = accounts::of(&settings.issuer, settings.feeds.iter(), sandbox, None)?;
    Ok(Some(Sandbox::start(sandbox_options(sandbox), accounts, Arc::clone(clock), Arc::clone(entropy)).await?))
}
