//! `feedpass feed …`

mod identity;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Map, Value, json};

use self::identity::IdentityFlags;
use super::collection::{Confirm, Search, change, list, members, print_list, print_one, remove, show, some, text};
use crate::cli::Server;
use crate::domain::{AccountId, DisplayName, Region, Slug, SpaceFeed};

/// See and change feeds
#[derive(Subcommand)]
pub(in crate::cli) enum Feed {
    /// List feeds
    List {
        /// Only those of this space
        #[arg(long)]
        space: Option<Slug>,
        #[command(flatten)]
        search: Search,
        #[command(flatten)]
        server: Server,
    },
    /// Make a feed: `feed add team-a/images …`, or `feed add team-a --name "Base images" …`
    Add {
        /// The space, and the feed's slug unless it is made of the name
        #[arg(value_name = "SPACE[/FEED]")]
        at: String,
        /// The registry's AWS region
        #[arg(long)]
        region: Region,
        #[command(flatten)]
        identity: IdentityFlags,
        #[command(flatten)]
        rest: Rest,
        #[command(flatten)]
        server: Server,
    },
    /// Show a feed, with the subject and audience that its role's trust policy must ask for
    Show {
        /// The feed
        #[arg(value_name = "SPACE/FEED")]
        feed: SpaceFeed,
        #[command(flatten)]
        server: Server,
    },
    /// Change a feed; what is not given stays
    Set {
        /// The feed
        #[arg(value_name = "SPACE/FEED")]
        feed: SpaceFeed,
        /// The registry's AWS region
        #[arg(long)]
        region: Option<Region>,
        #[command(flatten)]
        identity: IdentityFlags,
        #[command(flatten)]
        rest: Rest,
        #[command(flatten)]
        server: Server,
    },
    /// Plan another slug for a feed: it takes effect once the role accepts the new subject
    Rename {
        /// The feed
        #[arg(value_name = "SPACE/FEED")]
        feed: SpaceFeed,
        /// The new slug
        new: Slug,
        #[command(flatten)]
        server: Server,
    },
    /// Remove a feed. Its slug is never given again
    Remove {
        /// The feed
        #[arg(value_name = "SPACE/FEED")]
        feed: SpaceFeed,
        #[command(flatten)]
        confirm: Confirm,
        #[command(flatten)]
        server: Server,
    },
}

/// What a feed may have beside its identity.
#[derive(Args)]
pub(in crate::cli) struct Rest {
    /// What people call it
    #[arg(long)]
    name: Option<DisplayName>,
    /// The account whose registry it is; the role's when left out
    #[arg(long)]
    registry: Option<AccountId>,
    /// Another region that the same account's registry is in. Can be given several times
    #[arg(long = "more-region", value_name = "REGION")]
    more_regions: Vec<Region>,
    /// Narrow its sessions to what the grants of whoever asks are for
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    narrow_to_grants: Option<bool>,
}

impl Rest {
    /// Puts what is given into a feed's body.
    fn put(self, region: Option<Region>, body: &mut Map<String, Value>) {
        body.extend(members([
            ("name", self.name.map(|name| json!(name))),
            ("region", region.map(|region| json!(region))),
            ("more_regions", some(self.more_regions).map(|regions| json!(regions))),
            ("registry", self.registry.map(|registry| json!(registry))),
            ("narrow_to_grants", self.narrow_to_grants.map(Value::Bool)),
        ]));
    }
}

/// As what AWS knows the feed: its last role, or else whose key it has.
fn known_as(feed: &Value) -> String {
    let roles = [&feed["assume_role"]["role_arn"], &feed["web_identity"]["role_arn"]];
    match roles.into_iter().find_map(Value::as_str) {
        Some(role) => role.to_owned(),
        None if feed["ambient"].is_object() => "feedpass's own identity".to_owned(),
        None => format!("access key {}", text(&feed["access_key"]["access_key_id"])),
    }
}

fn path(feed: &SpaceFeed) -> [&str; 6] {
    ["v1", "admin", "spaces", feed.space.as_str(), "feeds", feed.feed.as_str()]
}

impl Feed {
    pub(in crate::cli) async fn run(self, json: bool) -> anyhow::Result<ExitCode> {
        match self {
            Self::List { space, search, server } => {
                let filters = [("space", space.as_ref().map(Slug::as_str))];
                let items = list(&server, &["v1", "admin", "feeds"], &search, &filters).await?;
                print_list(&items, json, &["FEED", "REGION", "REGISTRY", "AS", "FROM"], |feed| {
                    let name = format!("{}/{}", text(&feed["space"]), text(&feed["slug"]));
                    vec![name, text(&feed["region"]), text(&feed["registry"]), known_as(feed), text(&feed["source"])]
                })?;
            }
            Self::Add { at, region, identity, rest, server } => {
                let (space, slug) = at.split_once('/').map_or((at.as_str(), None), |(space, slug)| (space, Some(slug)));
                let (space, slug): (Slug, Option<Slug>) = (space.parse()?, slug.map(str::parse).transpose()?);
                anyhow::ensure!(
                    slug.is_some() || rest.name.is_some(),
                    "give the feed a slug, as in {space}/images, or a --name"
                );
                let mut body = members([("slug", slug.map(|slug| json!(slug)))]);
                anyhow::ensure!(
                    identity.is_given(),
                    "give the feed an identity: --role-arn, --access-key-id or --ambient"
                );
                rest.put(Some(region), &mut body);
                identity.put(&mut body)?;
                let path = ["v1", "admin", "spaces", space.as_str(), "feeds"];
                print_one(&server.json(Method::POST, &path, &[], Some(&Value::Object(body))).await?, json)?;
            }
            Self::Show { feed, server } => show(&server, &path(&feed), json).await?,
            Self::Set { feed, region, identity, rest, server } => {
                let path = path(&feed);
                let changed = change(&server, &path, |body| {
                    rest.put(region, body);
                    identity.put(body)
                });
                print_one(&changed.await?, json)?;
            }
            Self::Rename { feed, new, server } => {
                let path = [&path(&feed)[..], &["rename"]].concat();
                print_one(&server.json(Method::POST, &path, &[], Some(&json!({ "slug": new }))).await?, json)?;
            }
            Self::Remove { feed, confirm, server } => {
                let consequence = format!("Feed {feed} is removed, and its slug is never given again.");
                remove(&server, &path(&feed), &confirm, &consequence, &format!("feed {feed}")).await?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
