//! `feedpass workload issuer …`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Map, Value, json};

use super::collection::{Confirm, Search, change, list, members, print_list, print_one, remove, show, some, text};
use crate::cli::Server;
use crate::domain::{JwksUrl, JwsAlgorithm, Period, PinnedJwks, Slug, WorkloadIssuerUrl};

/// See and change the outside issuers whose tokens are believed
#[derive(Subcommand)]
pub(in crate::cli) enum Issuer {
    /// List issuers
    List {
        #[command(flatten)]
        search: Search,
        #[command(flatten)]
        server: Server,
    },
    /// Trust an issuer; no token of it lets anyone in until a rule says whom
    Add {
        /// What to call it, as in github
        name: Slug,
        /// What its tokens have in `iss`, to the letter, as in <https://token.actions.githubusercontent.com>
        #[arg(long, value_name = "URL")]
        issuer: WorkloadIssuerUrl,
        #[command(flatten)]
        more: More,
        #[command(flatten)]
        server: Server,
    },
    /// Show an issuer
    Show {
        /// Its name
        name: Slug,
        #[command(flatten)]
        server: Server,
    },
    /// Change an issuer; what is not given stays, and what is given several times is put in the place of all
    Set {
        /// Its name
        name: Slug,
        /// What its tokens have in `iss`, to the letter
        #[arg(long, value_name = "URL")]
        issuer: Option<WorkloadIssuerUrl>,
        /// Take its keys from where its discovery document says
        #[arg(long, conflicts_with = "keys")]
        discovery: bool,
        #[command(flatten)]
        more: More,
        #[command(flatten)]
        server: Server,
    },
    /// Trust an issuer no more; the rules for its tokens must be removed first
    Remove {
        /// Its name
        name: Slug,
        #[command(flatten)]
        confirm: Confirm,
        #[command(flatten)]
        server: Server,
    },
}

/// How far an issuer is trusted.
#[derive(Args)]
pub(in crate::cli) struct More {
    /// What its tokens must have in `aud`: a name of this feedpass. Can be given several times
    #[arg(long = "audience", value_name = "AUDIENCE")]
    audiences: Vec<String>,
    /// What its tokens may be signed with; RS256 and ES256 when left out. Can be given several times
    #[arg(long = "algorithm", value_name = "ALG")]
    algorithms: Vec<JwsAlgorithm>,
    #[command(flatten)]
    keys: Keys,
    /// How long a token may live, 1m to 366d; 24h when left out
    #[arg(long, value_name = "PERIOD")]
    max_lifetime: Option<Period>,
}

/// Where its keys come from, where that is not what its discovery document says.
#[derive(Args)]
#[group(id = "keys", multiple = false)]
struct Keys {
    /// Where its keys are, for an issuer without a discovery document
    #[arg(long, value_name = "URL")]
    jwks_url: Option<JwksUrl>,
    /// A file with its keys, a JWKS, for an issuer that feedpass cannot reach
    #[arg(long, value_name = "FILE")]
    jwks_file: Option<PathBuf>,
}

impl More {
    fn put(self, issuer: Option<WorkloadIssuerUrl>, body: &mut Map<String, Value>) -> anyhow::Result<()> {
        let pinned = self.keys.jwks_file.as_deref().map(pinned).transpose()?;
        if pinned.is_some() || self.keys.jwks_url.is_some() {
            without_keys(body);
        }
        body.extend(members([
            ("issuer", issuer.map(|issuer| json!(issuer))),
            ("audiences", some(self.audiences).map(|audiences| json!(audiences))),
            ("algorithms", some(self.algorithms).map(|algorithms| json!(algorithms))),
            ("jwks_url", self.keys.jwks_url.map(|url| json!(url))),
            ("jwks", pinned.map(|jwks| json!(jwks))),
            ("max_lifetime", self.max_lifetime.map(|period| json!(period))),
        ]));
        Ok(())
    }
}

/// Leaves discovery, which is what an issuer without either has.
fn without_keys(body: &mut Map<String, Value>) {
    for member in ["jwks_url", "jwks"] {
        body.remove(member);
    }
}

/// The public keys that a file holds.
pub(super) fn pinned(path: &Path) -> anyhow::Result<PinnedJwks> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    text.parse().with_context(|| format!("{} holds no public JWKS", path.display()))
}

const ISSUERS: [&str; 3] = ["v1", "admin", "workload-issuers"];

fn path(name: &Slug) -> [&str; 4] {
    [ISSUERS[0], ISSUERS[1], ISSUERS[2], name.as_str()]
}

impl Issuer {
    pub(in crate::cli) async fn run(self, json: bool) -> anyhow::Result<ExitCode> {
        match self {
            Self::List { search, server } => {
                let items = list(&server, &ISSUERS, &search, &[]).await?;
                print_list(&items, json, &["ISSUER", "URL", "AUDIENCES", "ALGORITHMS", "KEYS", "FROM"], |issuer| {
                    let [name, url, audiences, algorithms, source] =
                        ["name", "issuer", "audiences", "algorithms", "source"].map(|member| text(&issuer[member]));
                    vec![name, url, audiences, algorithms, keys(issuer), source]
                })?;
            }
            Self::Add { name, issuer, more, server } => {
                anyhow::ensure!(
                    !more.audiences.is_empty(),
                    "give an --audience, as in {}: a token for anyone would be a token for everyone",
                    server.url()
                );
                let mut body = members([("name", Some(json!(name)))]);
                more.put(Some(issuer), &mut body)?;
                print_one(&server.json(Method::POST, &ISSUERS, &[], Some(&Value::Object(body))).await?, json)?;
            }
            Self::Show { name, server } => {
                show(&server, &path(&name), json).await?;
            }
            Self::Set { name, issuer, discovery, more, server } => {
                let path = path(&name);
                let changed = change(&server, &path, |body| {
                    if discovery {
                        without_keys(body);
                    }
                    more.put(issuer, body)
                });
                print_one(&changed.await?, json)?;
            }
            Self::Remove { name, confirm, server } => {
                let consequence = format!("Issuer {name} is trusted no more, from the next request on.");
                remove(&server, &path(&name), &confirm, &consequence, &format!("workload issuer {name}")).await?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Where the keys come from, as people read it.
fn keys(issuer: &Value) -> String {
    match (&issuer["jwks_url"], &issuer["jwks"]["keys"]) {
        (Value::String(url), _) => url.clone(),
        (_, Value::Array(keys)) => format!("{} pinned", keys.len()),
        _ => "discovery".into(),
    }
}
