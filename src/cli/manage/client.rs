//! `feedpass client …`

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use http::Method;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::collection::{Confirm, Search, change, list, members, print_list, print_one, remove, show, some, text};
use crate::cli::Server;
use crate::cli::output::{print, print_to_people};
use crate::domain::{
    Action, ClientId, DisplayName, FeedPattern, Grant, Invalid, Period, PublicJwk, RepositoryPattern, Role, Slug,
};

/// See and change clients
#[derive(Subcommand)]
pub(in crate::cli) enum Client {
    /// List clients
    List {
        /// Only those that belong to this space
        #[arg(long)]
        space: Option<Slug>,
        /// Only those with this role
        #[arg(long)]
        role: Option<Role>,
        #[command(flatten)]
        search: Search,
        #[command(flatten)]
        server: Server,
    },
    /// Make a client and a secret for it, which is shown once
    Add {
        /// The id
        id: ClientId,
        /// Make no secret: it proves itself by a key or as a workload
        #[arg(long)]
        no_secret: bool,
        #[command(flatten)]
        more: More,
        #[command(flatten)]
        server: Server,
    },
    /// Show a client
    Show {
        /// The id
        id: ClientId,
        #[command(flatten)]
        server: Server,
    },
    /// Change a client; what is not given stays, and what is given several times is put in the place of all
    Set {
        /// The id
        id: ClientId,
        /// Take all its grants away
        #[arg(long, conflicts_with = "grants")]
        no_grants: bool,
        /// Take all its roles away
        #[arg(long, conflicts_with = "roles")]
        no_roles: bool,
        /// Take all its public keys away
        #[arg(long, conflicts_with = "public_keys")]
        no_public_keys: bool,
        #[command(flatten)]
        more: More,
        #[command(flatten)]
        server: Server,
    },
    /// Remove a client: it is refused from the next request on
    Remove {
        /// The id
        id: ClientId,
        #[command(flatten)]
        confirm: Confirm,
        #[command(flatten)]
        server: Server,
    },
    /// Replace a client's secret
    #[command(subcommand)]
    Secret(Secret),
}

/// Replace a client's secret
#[derive(Subcommand)]
pub(in crate::cli) enum Secret {
    /// Make one more secret, which is shown once; the old one stays until it ends or is removed
    Add {
        /// The client's id
        id: ClientId,
        /// When the new one ends, as in 2027-11-23T00:00:00Z
        #[arg(long, value_name = "TIME")]
        expires_at: Option<Timestamp>,
        /// After how long the others end, as in 24h
        #[arg(long, value_name = "PERIOD")]
        ends_others_in: Option<Period>,
        #[command(flatten)]
        server: Server,
    },
    /// Remove a secret at once
    Remove {
        /// The client's id
        id: ClientId,
        /// The secret's id, which `client show` tells
        secret: String,
        #[command(flatten)]
        confirm: Confirm,
        #[command(flatten)]
        server: Server,
    },
}

/// What a client may have.
#[derive(Args)]
pub(in crate::cli) struct More {
    /// What people call it
    #[arg(long)]
    name: Option<DisplayName>,
    /// The space that it belongs to, whose admins may change it
    #[arg(long)]
    space: Option<Slug>,
    /// What it may have: feeds and actions, as in default/images=pull,token or team-a/*=pull; and after a colon the
    /// repositories, if not all, as in default/images=pull:base/*. Can be given several times
    #[arg(long = "grant", value_name = "FEEDS=ACTIONS", value_parser = grant)]
    grants: Vec<Grant>,
    /// What it may do beyond: `catalog_reader`, auditor, `key_admin`, admin or `space_admin:SPACE`. Can be given several times
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<Role>,
    /// When it is nobody any more, as in 2027-11-23T00:00:00Z
    #[arg(long, value_name = "TIME")]
    expires_at: Option<Timestamp>,
    /// A file with a public JWK that it signs assertions with. Can be given several times
    #[arg(long = "public-key", value_name = "FILE")]
    public_keys: Vec<PathBuf>,
}

/// `default/images,default/charts=pull,token`, or `default/images=pull:base/*,hello` for some repositories alone.
fn grant(text: &str) -> Result<Grant, String> {
    let (feeds, rest) = text.split_once('=').ok_or("it is written as in `default/images=pull,token`")?;
    let (actions, repositories) = rest.split_once(':').map_or((rest, None), |(actions, names)| (actions, Some(names)));
    let repositories = repositories.map(|names| names.split(',').map(RepositoryPattern::from_str).collect());
    let repositories: Option<Vec<_>> = repositories.transpose().map_err(|error: Invalid| error.to_string())?;
    let feeds: Result<Vec<FeedPattern>, _> = feeds.split(',').map(FeedPattern::from_str).collect();
    let actions: Result<Vec<Action>, _> = actions.split(',').map(Action::from_str).collect();
    let (feeds, actions) = (feeds.map_err(|error| error.to_string())?, actions.map_err(|error| error.to_string())?);
    Ok(Grant { feeds, actions, repositories })
}

impl More {
    fn put(self, body: &mut Map<String, Value>) -> anyhow::Result<()> {
        let keys: Vec<PublicJwk> = self.public_keys.iter().map(|path| public_key(path)).collect::<Result<_, _>>()?;
        body.extend(members([
            ("name", self.name.map(|name| json!(name))),
            ("space", self.space.map(|space| json!(space))),
            ("grants", some(self.grants).map(|grants| json!(grants))),
            ("roles", some(self.roles).map(|roles| json!(roles))),
            ("expires_at", self.expires_at.map(|end| json!(end))),
            ("public_keys", some(keys).map(|keys| json!(keys))),
        ]));
        Ok(())
    }
}

fn public_key(path: &Path) -> anyhow::Result<PublicJwk> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} holds no public JWK", path.display()))
}

const CLIENTS: [&str; 3] = ["v1", "admin", "clients"];

fn path(id: &ClientId) -> [&str; 4] {
    [CLIENTS[0], CLIENTS[1], CLIENTS[2], id.as_str()]
}

impl Client {
    pub(in crate::cli) async fn run(self, json: bool) -> anyhow::Result<ExitCode> {
        match self {
            Self::List { space, role, search, server } => {
                let role = role.map(|role| role.to_string());
                let filters = [("space", space.as_ref().map(Slug::as_str)), ("role", role.as_deref())];
                let items = list(&server, &CLIENTS, &search, &filters).await?;
                print_list(&items, json, &["CLIENT", "SPACE", "GRANTS", "ROLES", "FROM"], |client| {
                    let grants = client["grants"]
                        .as_array()
                        .map_or(String::new(), |grants| grants.iter().map(in_short).collect::<Vec<_>>().join(" "));
                    vec![
                        text(&client["id"]),
                        text(&client["space"]),
                        grants,
                        text(&client["roles"]),
                        text(&client["source"]),
                    ]
                })?;
            }
            Self::Add { id, no_secret, more, server } => {
                let mut body = members([("id", Some(json!(id)))]);
                more.put(&mut body)?;
                let made = server.json(Method::POST, &CLIENTS, &[], Some(&Value::Object(body))).await?;
                if no_secret {
                    print_one(&made, json)?;
                } else {
                    add_secret(&server, &id, &json!({}), json).await?;
                }
            }
            Self::Show { id, server } => show(&server, &path(&id), json).await?,
            Self::Set { id, no_grants, no_roles, no_public_keys, more, server } => {
                let none = [("grants", no_grants), ("roles", no_roles), ("public_keys", no_public_keys)];
                let path = path(&id);
                let changed = change(&server, &path, |body| {
                    body.extend(
                        none.into_iter().filter(|(_, given)| *given).map(|(member, _)| (member.into(), json!([]))),
                    );
                    more.put(body)
                });
                print_one(&changed.await?, json)?;
            }
            Self::Remove { id, confirm, server } => {
                let consequence = format!("Client {id} is removed, and refused from the next request on.");
                remove(&server, &path(&id), &confirm, &consequence, &format!("client {id}")).await?;
            }
            Self::Secret(Secret::Add { id, expires_at, ends_others_in, server }) => {
                let body = members([
                    ("expires_at", expires_at.map(|end| json!(end))),
                    ("ends_others_in", ends_others_in.map(|period| json!(period))),
                ]);
                add_secret(&server, &id, &Value::Object(body), json).await?;
            }
            Self::Secret(Secret::Remove { id, secret, confirm, server }) => {
                let consequence = format!("Secret {secret} of client {id} is refused from the next request on.");
                let path = [&path(&id)[..], &["secrets", &secret]].concat();
                remove(&server, &path, &confirm, &consequence, &format!("secret {secret} of client {id}")).await?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// `default/images=pull,token`
pub(super) fn in_short(grant: &Value) -> String {
    format!("{}={}", text(&grant["feeds"]), text(&grant["actions"])).replace(", ", ",")
}

/// The secret alone goes to standard output, so that it can go on to where it is kept.
async fn add_secret(server: &Server, id: &ClientId, body: &Value, json: bool) -> anyhow::Result<()> {
    let path = [&path(id)[..], &["secrets"]].concat();
    let made = server.json(Method::POST, &path, &[], Some(body)).await?;
    if json {
        return print(&format!("{made:#}\n"));
    }
    print_to_people(&format!(
        "The secret {} of client {id}, shown this once; feedpass keeps only its hash:",
        text(&made["id"])
    ));
    print(&format!("{}\n", made["secret"].as_str().context("the answer has no secret")?))
}
