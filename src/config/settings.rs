//! What a configuration says once it is right.

use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU8;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use ipnet::IpNet;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use crate::domain::{
    AccessKeyId, AccessLifetime, Audience, Client, EncryptionKey, Feed, Invalid, IssuerUrl, KeySpec, Limits, Period,
    PromoteOn, RoleArn, SessionDuration, Space, TokenLifetime, TrustedIssuer, UserArn, WorkloadRule,
};

/// Everything that the configuration says, as domain types. [`Settings::load`] makes it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The issuer, which real AWS can reach unless [`Settings::aws`] says that none is asked.
    pub issuer: IssuerUrl,
    /// The audience of feeds that name none; the feeds below have theirs already.
    pub audience: Audience,
    /// Where feedpass listens.
    pub listen: Listen,
    /// Where what the API makes and the audit trail are kept.
    pub store: StoreUrl,
    /// What seals the secrets that are kept there: the first seals, all open. Empty, none can be kept.
    pub encryption_keys: Vec<EncryptionKey>,
    /// How the audit trail is kept.
    pub audit: AuditSettings,
    /// How signing keys are kept and changed.
    pub keys: KeySettings,
    /// How tokens are made.
    pub tokens: TokenSettings,
    /// How much may be asked.
    pub limits: Limits,
    /// Which AWS is asked.
    pub aws: AwsEndpoint,
    /// The declared spaces; no two have one slug.
    pub spaces: Vec<Space>,
    /// The declared feeds, each of a declared space; no two have one name.
    pub feeds: Vec<Feed>,
    /// The declared clients; no two have one id or a secret in common.
    pub clients: Vec<Client>,
    /// The declared issuers of workload identities; no two have one name or one URL.
    pub workload_issuers: Vec<TrustedIssuer>,
    /// The declared rules for workloads; no two have one name. Their issuers and clients may be in the store.
    pub workloads: Vec<WorkloadRule>,
    pub(super) files: Vec<PathBuf>,
}

impl Settings {
    /// The files that `…_file` keys named, for [`Watcher::follow`](super::Watcher::follow).
    #[must_use]
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// The keys that differ between `self`, which runs, and `new`, and that only a restart changes.
    ///
    /// All others take effect as soon as `new` replaces `self`: spaces, feeds, clients, workload issuers and rules, the tokens'
    /// lifetimes, the limits and the trusted proxies, the times of key rotation, the sandbox's roles. The issuer is not among either: `app`
    /// takes no settings with another one.
    #[must_use]
    pub fn restart_needed(&self, new: &Self) -> Vec<&'static str> {
        let mut keys = vec![
            ("listen.public", self.listen.public != new.listen.public),
            ("listen.internal", self.listen.internal != new.listen.internal),
            ("listen.internal_url", self.listen.internal_url != new.listen.internal_url),
            ("store.url", self.store != new.store),
            ("audit.keep_for", self.audit.keep_for != new.audit.keep_for),
            ("audit.file", self.audit.file != new.audit.file),
            ("keys.store", self.keys.store != new.keys.store),
            ("keys.passphrase_file", self.keys.passphrase() != new.keys.passphrase()),
        ];
        keys.extend(self.aws.differs(&new.aws));
        keys.into_iter().filter_map(|(key, differs)| differs.then_some(key)).collect()
    }
}

/// Where feedpass listens, and how clients name it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Listen {
    /// Serves what AWS needs, and nothing else. Port 0 takes a free one.
    pub public: SocketAddr,
    /// Serves everything else.
    pub internal: SocketAddr,
    /// The internal listener as clients reach it: `https`, or `http` to a loopback address, no
    /// query. Left out, it is made of `internal`, with port 0 if that has it; [`Listen::at`] joins
    /// paths to it.
    pub internal_url: Url,
    /// The proxies in front of the listeners, whose word on a client's address is taken.
    pub trusted_proxies: Vec<IpNet>,
}

impl Listen {
    /// Whether one listener serves both: the addresses are equal, and the port is not chosen anew
    /// for each.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.public == self.internal && self.public.port() != 0
    }

    /// The internal listener's URL of `path`, which begins with a slash. Whether `internal_url` was
    /// written with a slash at its end makes no difference.
    #[must_use]
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.internal_url.as_str().trim_end_matches('/'))
    }
}

/// A database: `sqlite:` and a path, or `postgres://…`. Its `Debug` hides the password.
#[derive(Clone, Eq, PartialEq)]
pub struct StoreUrl(String);

impl StoreUrl {
    /// The URL, which may hold a password.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The file that is used where nothing else is named, beside the configuration.
    pub(super) fn beside(directory: &Path) -> Self {
        Self("sqlite:feedpass.db".into()).below(directory)
    }

    /// The same, a relative path of a `sqlite:` URL taken from `directory`.
    pub(super) fn below(self, directory: &Path) -> Self {
        match self.0.strip_prefix("sqlite:") {
            Some(path) if path != ":memory:" => Self(format!("sqlite:{}", directory.join(path).display())),
            _ => self,
        }
    }
}

impl FromStr for StoreUrl {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let sqlite = text.strip_prefix("sqlite:").is_some_and(|path| !path.is_empty() && !path.starts_with("//"));
        let postgres = (text.starts_with("postgres://") || text.starts_with("postgresql://"))
            && Url::parse(text).is_ok_and(|url| url.host_str().is_some_and(|host| !host.is_empty()));
        if sqlite || postgres {
            return Ok(Self(text.to_owned()));
        }
        let expected = "it is `sqlite:` and a path, as in `sqlite:feedpass.db`, or `postgres://user@host/database`";
        Err(Invalid::new("a store's URL", "…", expected))
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreUrl({}:…)", self.0.split(':').next().unwrap_or_default())
    }
}

/// How the audit trail is kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AuditSettings {
    /// How long a line is kept, a day or longer.
    pub keep_for: Period,
    /// The file that has each line too, as JSON lines.
    pub file: Option<PathBuf>,
}

/// How signing keys are kept and changed.
#[derive(Clone, Debug)]
pub struct KeySettings {
    /// Where they are kept.
    pub store: KeyStore,
    /// What a new one is to be.
    pub spec: KeySpec,
    /// What private keys are encrypted with where they are kept in files.
    pub passphrase: Option<SecretString>,
    /// How often a new key takes over, more than `publish_before`; none leaves it to admins.
    pub rotate_every: Option<Period>,
    /// How long a key is in the JWKS before it signs.
    pub publish_before: Period,
    /// What promotes a published key.
    pub promote_on: PromoteOn,
    /// How long a key stays in the JWKS beyond the last token's life and 5 minutes.
    pub keep_after: Period,
}

impl KeySettings {
    fn passphrase(&self) -> Option<&str> {
        self.passphrase.as_ref().map(SecretString::expose_secret)
    }
}

/// Where signing keys are kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum KeyStore {
    /// In files of this directory.
    Directory(PathBuf),
}

/// How tokens are made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TokenSettings {
    /// How long a web identity token lives.
    pub lifetime: TokenLifetime,
    /// How long an access token lives.
    pub access_lifetime: AccessLifetime,
}

/// Which AWS is asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AwsEndpoint {
    /// The real one.
    Aws,
    /// The stand-in inside the process.
    Sandbox(SandboxSettings),
    /// An emulator at these URLs, `https` or on a loopback address; none is the real one. At least
    /// one is given.
    Custom {
        /// For STS.
        sts: Option<Url>,
        /// For ECR.
        ecr: Option<Url>,
    },
}

impl AwsEndpoint {
    fn differs(&self, new: &Self) -> Vec<(&'static str, bool)> {
        match (self, new) {
            (Self::Sandbox(old), Self::Sandbox(new)) => vec![
                ("sandbox.listen", old.listen != new.listen),
                ("sandbox.jwks_cache", old.jwks_cache != new.jwks_cache),
                ("sandbox.jwks_unknown_kid", old.jwks_unknown_kid != new.jwks_unknown_kid),
                ("sandbox.jwks_caches", old.jwks_caches != new.jwks_caches),
            ],
            (Self::Custom { sts, ecr }, Self::Custom { sts: new_sts, ecr: new_ecr }) => {
                vec![("aws.sts", sts != new_sts), ("aws.ecr", ecr != new_ecr)]
            }
            _ => vec![("aws.endpoint", self != new)],
        }
    }
}

/// How the sandbox behaves.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SandboxSettings {
    /// Where it listens, always a loopback address. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// How long it goes by a JWKS that it has fetched, as STS does.
    pub jwks_cache: Period,
    /// What it does about a `kid` that is not in there.
    pub jwks_unknown_kid: UnknownKid,
    /// How many such caches it has, of which it uses one after the other: 1 to 16.
    pub jwks_caches: NonZeroU8,
    /// The roles that exist in it; no two have one ARN.
    pub roles: Vec<SandboxRole>,
    /// The users that exist in it beside those that feeds' access keys are of.
    pub users: Vec<SandboxUser>,
}

/// What the sandbox does about a `kid` that is not in the JWKS it goes by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum UnknownKid {
    /// It fetches the JWKS again.
    Fetch,
    /// It refuses the token, until it fetches the JWKS again for its age.
    Wait,
}

impl FromStr for UnknownKid {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "fetch" => Ok(Self::Fetch),
            "wait" => Ok(Self::Wait),
            _ => Err(Invalid::new("what is done about an unknown `kid`", text, "it is `fetch` or `wait`")),
        }
    }
}

/// A role of the sandbox.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SandboxRole {
    /// Its ARN.
    pub arn: RoleArn,
    /// Who may assume it: an IAM policy, checked to be JSON and no more.
    pub trust_policy: String,
    /// What its sessions may do: likewise.
    pub permissions: Option<String>,
    /// The longest session that it gives: 1 to 12 hours.
    pub max_session_duration: SessionDuration,
}

/// A user of the sandbox, with an access key.
#[derive(Clone, Debug)]
pub struct SandboxUser {
    /// Its ARN.
    pub arn: UserArn,
    /// The id of its key.
    pub access_key_id: AccessKeyId,
    /// The key's secret half.
    pub secret: SecretString,
    /// What it may do: an IAM policy, checked to be JSON and no more.
    pub permissions: Option<String>,
}

impl PartialEq for SandboxUser {
    fn eq(&self, other: &Self) -> bool {
        let Self { arn, access_key_id, secret, permissions } = self;
        (arn, access_key_id, permissions) == (&other.arn, &other.access_key_id, &other.permissions)
            && secret.expose_secret() == other.secret.expose_secret()
    }
}

impl Eq for SandboxUser {}
