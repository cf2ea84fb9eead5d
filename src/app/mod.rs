//! Builds every room from [`Settings`] and joins them; nowhere else does.

mod accounts;
mod reload;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::admin::{self, Admin, Audiences, BootstrapError};
use crate::audit::{Audit, LineFile};
use crate::authn::workload::{HttpsFetch, Workloads};
use crate::authn::{AccessTokenKeys, Authn};
use crate::aws::ecr::Ecr;
use crate::aws::sts::Sts;
use crate::aws::{Connection, Endpoints, TimeLimits};
use crate::broker::{Broker, Steps};
use crate::clock::{Clock, SystemClock};
use crate::config::{AuditSettings, AwsEndpoint, KeyStore as KeyStoreSettings, Settings};
use crate::domain::{ClientId, IssuerUrl};
use crate::entropy::{Entropy, SystemEntropy};
use crate::http::{
    HttpState, Limiter, Readiness, Server, ServerError, TrustedProxies, bind, both_routes, internal_routes,
    public_routes,
};
use crate::issuer::keyring::backends::{Directory, KeyStore};
use crate::issuer::keyring::{IssuerChange, KeyRing, KeyRingError};
use crate::issuer::metadata::{Metadata, MetadataError};
use crate::issuer::mint::{Lifetimes, Mint};
use crate::sandbox::{Options as SandboxOptions, Sandbox, SandboxError};
use crate::store::database::{Database, SqlDatabase};
use crate::store::{Declared, Store, StoreError};
use crate::telemetry::Metrics;

pub use accounts::{AccountsError, check_sandbox};
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

/// The addresses that feedpass answers at.
pub struct Listeners {
    /// What AWS needs.
    pub public: TcpListener,
    /// Everything else; none when the public one serves both.
    pub internal: Option<TcpListener>,
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

/// How often it is asked whether another process changed the store: a change is seen within a second.
const STORE_PAUSE: Duration = Duration::from_millis(300);
/// How long requests under way may take at shutdown, with [`DRAIN_DOCUMENTS`] less than the 30 s after
/// which Kubernetes ends a process, and enough for all but the longest exchange.
const DRAIN: Duration = Duration::from_secs(25);
/// The same for the documents, which are prepared bytes.
const DRAIN_DOCUMENTS: Duration = Duration::from_secs(3);

/// feedpass, running. Dropping it stops it at once; [`App::stop`] lets requests finish.
pub struct App {
    settings: Arc<ArcSwap<Settings>>,
    /// Those that see what other processes change, keep the audit trail and bring planned renames about.
    #[expect(dead_code, reason = "they end with the app")]
    tasks: Vec<AbortOnDrop>,
    /// Those of the start: what only a restart changes is as it was then.
    started: Settings,
    store: Arc<Store>,
    audit: Audit,
    mint: Arc<Mint>,
    broker: Broker,
    admin: Admin,
    keyring: Arc<KeyRing>,
    metrics: Arc<Metrics>,
    limiter: Limiter,
    proxies: TrustedProxies,
    readiness: Readiness,
    sandbox: Option<Arc<Sandbox>>,
    public: Server,
    /// None when the public one serves both.
    internal: Option<Server>,
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
        let keyring = open_keyring(&settings, issuer_change, &*clock, &entropy).await?;
        let api = settings.listen.at("");
        let metadata = Metadata::new(&settings.issuer, &settings.listen.at("/oauth2/token"), &keyring.current())?;
        let sandbox = start_sandbox(&settings, &clock, &entropy).await?;
        let database: Arc<dyn Database> = Arc::new(SqlDatabase::open(settings.store.as_str()).await?);
        let audit = Audit::new(Arc::clone(&database), Arc::clone(&clock));
        let store = Arc::new(Store::open(database, declared(&settings), Arc::clone(&clock)).await?);
        let mint = Mint::new(
            settings.issuer.clone(),
            &api,
            Arc::clone(&keyring),
            lifetimes(&settings),
            Arc::clone(&clock),
            Arc::clone(&entropy),
        );
        let mint = Arc::new(mint);
        let endpoints = endpoints(&settings.aws, sandbox.as_ref());
        let connection = Connection::new(endpoints, time_limits, Arc::clone(&clock), Arc::clone(&metrics));
        let sts = Sts::new(connection.clone());
        let steps = Steps {
            store: Arc::clone(&store),
            mint: Arc::clone(&mint),
            sts: sts.clone(),
            ecr: Ecr::new(connection),
            metrics: Arc::clone(&metrics),
            audit: audit.clone(),
        };
        let broker = Broker::new(steps, Arc::clone(&clock), Arc::clone(&entropy));
        let limiter = Limiter::new(settings.limits, Arc::clone(&clock), Arc::clone(&metrics));
        let proxies = TrustedProxies::default();
        proxies.set(settings.listen.trusted_proxies.clone());
        let readiness = Readiness::default();
        let workloads = Workloads::new(Arc::new(HttpsFetch::default()), Arc::clone(&clock));
        let admin = Admin::new(
            Arc::clone(&store),
            audit.clone(),
            Arc::clone(&clock),
            Arc::clone(&entropy),
            audiences(&settings),
        );
        let keys: Arc<dyn AccessTokenKeys> = Arc::<KeyRing>::clone(&keyring);
        let (issuer, ours) = (settings.issuer.clone(), Arc::clone(&clock));
        let state = HttpState {
            admin: admin.clone(),
            authn: Authn::new(Arc::clone(&store), audit.clone(), workloads, keys, issuer, &api, ours),
            audit: audit.clone(),
            broker: broker.clone(),
            metadata: Arc::new(metadata),
            limiter: limiter.clone(),
            proxies: proxies.clone(),
            readiness: readiness.clone(),
            metrics: Arc::clone(&metrics),
            clock: Arc::clone(&clock),
            entropy,
        };
        let mut tasks = keep_trail(&audit, &settings.audit);
        tasks.push(AbortOnDrop(tokio::spawn(follow_store(Arc::clone(&store), readiness.clone(), Arc::clone(&clock)))));
        tasks.push(AbortOnDrop(tokio::spawn(admin.clone().follow_renames(Arc::clone(&mint), sts))));
        readiness.set(true);
        let (public, internal) = listeners.serve(&settings.issuer, &state, &clock)?;
        let started = settings.clone();
        let settings = Arc::new(ArcSwap::from_pointee(settings));
        let sandbox = sandbox.map(Arc::new);
        if let Some(sandbox) = &sandbox {
            accounts::follow(&store, &settings, sandbox);
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
            metrics,
            limiter,
            proxies,
            readiness,
            sandbox,
            public,
            internal,
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
        self.public.address()
    }

    /// Where the internal listener is.
    #[must_use]
    pub fn internal_address(&self) -> SocketAddr {
        self.internal.as_ref().unwrap_or(&self.public).address()
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
        let Some(internal) = self.internal else { return self.public.stop(DRAIN).await };
        // First: STS fetches our keys on behalf of the requests that it finishes.
        internal.stop(DRAIN).await;
        self.public.stop(DRAIN_DOCUMENTS).await;
    }
}

/// A task that ends with what it is for.
struct AbortOnDrop(JoinHandle<Infallible>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn open_keyring(
    settings: &Settings,
    issuer_change: IssuerChange,
    clock: &dyn Clock,
    entropy: &Arc<dyn Entropy>,
) -> Result<Arc<KeyRing>, KeyRingError> {
    let KeyStoreSettings::Directory(path) = &settings.keys.store;
    let store = Directory::new(PathBuf::clone(path));
    let store: &dyn KeyStore = &store;
    let keyring = KeyRing::open(store, settings.keys.algorithm, clock, Arc::clone(entropy)).await?;
    KeyRing::claim_issuer(store, &settings.issuer, issuer_change).await?;
    Ok(Arc::new(keyring))
}

async fn start_sandbox(
    settings: &Settings,
    clock: &Arc<dyn Clock>,
    entropy: &Arc<dyn Entropy>,
) -> Result<Option<Sandbox>, StartError> {
    let AwsEndpoint::Sandbox(sandbox) = &settings.aws else { return Ok(None) };
    let accounts = accounts::of(&settings.issuer, settings.feeds.iter(), sandbox)?;
    let options = SandboxOptions { listen: sandbox.listen, jwks_cache: sandbox.jwks_cache.as_duration() };
    Ok(Some(Sandbox::start(options, accounts, Arc::clone(clock), Arc::clone(entropy)).await?))
}

fn endpoints(aws: &AwsEndpoint, sandbox: Option<&Sandbox>) -> Endpoints {
    match aws {
        AwsEndpoint::Aws => Endpoints::default(),
        AwsEndpoint::Sandbox(_) => Endpoints { sts: sandbox.map(Sandbox::url), ecr: sandbox.map(Sandbox::url) },
        AwsEndpoint::Custom { sts, ecr } => {
            Endpoints { sts: sts.as_ref().map(ToString::to_string), ecr: ecr.as_ref().map(ToString::to_string) }
        }
    }
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

    fn serve(
        self,
        issuer: &IssuerUrl,
        state: &HttpState,
        clock: &Arc<dyn Clock>,
    ) -> Result<(Server, Option<Server>), ServerError> {
        let Some(internal) = self.internal else {
            return Ok((Server::start(self.public, both_routes(state, issuer), Arc::clone(clock))?, None));
        };
        let public = Server::start(self.public, public_routes(state, issuer), Arc::clone(clock))?;
        Ok((public, Some(Server::start(internal, internal_routes(state), Arc::clone(clock))?)))
    }
}

fn lifetimes(settings: &Settings) -> Lifetimes {
    Lifetimes { web_identity: settings.tokens.lifetime, access: settings.tokens.access_lifetime }
}

/// Makes the first admin in the store that `settings` name, whether or not a server runs on it, and gives its secret.
///
/// # Errors
/// [`BootstrapError`]; nothing is changed then.
pub async fn bootstrap(
    settings: &Settings,
    id: &ClientId,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
) -> Result<SecretString, BootstrapError> {
    let database = Arc::new(SqlDatabase::open(settings.store.as_str()).await?);
    let store = Store::open(database, declared(settings), Arc::clone(&clock)).await?;
    admin::bootstrap(&store, id, &*clock, &*entropy).await
}

fn declared(settings: &Settings) -> Declared {
    Declared {
        spaces: settings.spaces.clone(),
        feeds: settings.feeds.clone(),
        clients: settings.clients.clone(),
        issuers: settings.workload_issuers.clone(),
        workloads: settings.workloads.clone(),
    }
}

/// Starts what keeps the trail: who follows it hears of other processes' lines, old lines go, the file has each.
fn keep_trail(audit: &Audit, settings: &AuditSettings) -> Vec<AbortOnDrop> {
    let (watching, pruning, filling) = (audit.clone(), audit.clone(), audit.clone());
    let keep_for = settings.keep_for.as_duration();
    let mut tasks = vec![
        tokio::spawn(async move { watching.watch_others().await }),
        tokio::spawn(async move { pruning.prune_hourly(keep_for).await }),
    ];
    if let Some(file) = settings.file.clone().map(LineFile::new) {
        tasks.push(tokio::spawn(async move { file.fill(&filling).await }));
    }
    tasks.into_iter().map(AbortOnDrop).collect()
}

fn audiences(settings: &Settings) -> Audiences {
    // The audience of the access tokens that the internal listener takes.
    Audiences { default: settings.audience.clone(), reserved: settings.listen.at("").parse().ok() }
}

/// Takes in what other processes write to the store, for as long as feedpass runs; ready while it answers.
async fn follow_store(store: Arc<Store>, readiness: Readiness, clock: Arc<dyn Clock>) -> Infallible {
    loop {
        clock.sleep(STORE_PAUSE).await;
        match store.refresh().await {
            Ok(_) => {
                if readiness.store_answers(true) {
                    tracing::info!("the store answers again");
                }
            }
            Err(error) => {
                if readiness.store_answers(false) {
                    tracing::error!("what is known of spaces, feeds and clients may be out of date: {error}");
                }
            }
        }
    }
}
