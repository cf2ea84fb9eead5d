//! `feedpass feed …`

use std::process::ExitCode;

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Map, Value, json};

use super::collection::{Confirm, Search, change, list, members, print_list, print_one, remove, show, text};
use crate::cli::Server;
use crate::domain::{AccountId, Audience, DisplayName, Region, RoleArn, SessionDuration, Slug, SpaceFeed};

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
        /// The role that is assumed for it
        #[arg(long)]
        role_arn: RoleArn,
        #[command(flatten)]
        more: More,
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
        /// The role that is assumed for it
        #[arg(long)]
        role_arn: Option<RoleArn>,
        #[command(flatten)]
        more: More,
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

/// What a feed may have.
#[derive(Args)]
pub(in crate::cli) struct More {
    /// What people call it
    #[arg(long)]
    name: Option<DisplayName>,
    /// The account whose registry it is; the role's when left out
    #[arg(long)]
    registry: Option<AccountId>,
    /// The tokens' audience; the installation's when left out
    #[arg(long)]
    audience: Option<Audience>,
    /// The parts of the subject: space, feed, or both
    #[arg(long, value_name = "PARTS", value_delimiter = ',', value_parser = ["space", "feed"])]
    subject: Vec<String>,
    /// How long a role session lives, 15m to 12h
    #[arg(long)]
    session_duration: Option<SessionDuration>,
}

impl More {
    /// Puts what is given into a feed's body.
    fn put(self, region: Option<Region>, role: Option<RoleArn>, body: &mut Map<String, Value>) {
        body.extend(members([
            ("name", self.name.map(|name| json!(name))),
            ("region", region.map(|region| json!(region))),
            ("registry", self.registry.map(|registry| json!(registry))),
        ]));
        let subject = Some(self.subject).filter(|parts| !parts.is_empty());
        let identity = members([
            ("role_arn", role.map(|role| json!(role))),
            ("audience", self.audience.map(|audience| json!(audience))),
            ("subject", subject.map(|parts| json!(parts))),
            ("session_duration", self.session_duration.map(|duration| json!(duration))),
        ]);
        if let Some(Value::Object(there)) = body.get_mut("web_identity") {
            there.extend(identity);
        } else {
            body.insert("web_identity".into(), Value::Object(identity));
        }
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
                print_list(&items, json, &["FEED", "REGION", "REGISTRY", "ROLE", "FROM"], |feed| {
                    let name = format!("{}/{}", text(&feed["space"]), text(&feed["slug"]));
                    let role = text(&feed["web_identity"]["role_arn"]);
                    vec![name, text(&feed["region"]), text(&feed["registry"]), role, text(&feed["source"])]
                })?;
            }
            Self::Add { at, region, role_arn, more, server } => {
                let (space, slug) = at.split_once('/').map_or((at.as_str(), None), |(space, slug)| (space, Some(slug)));
                let (space, slug): (Slug, Option<Slug>) = (space.parse()?, slug.map(str::parse).transpose()?);
                anyhow::ensure!(
                    slug.is_some() || more.name.is_some(),
                    "give the feed a slug, as in {space}/images, or a --name"
                );
                let mut body = members([("slug", slug.map(|slug| json!(slug)))]);
                more.put(Some(region), Some(role_arn), &mut body);
                let path = ["v1", "admin", "spaces", space.as_str(), "feeds"];
                print_one(&server.json(Method::POST, &path, &[], Some(&Value::Object(body))).await?, json)?;
            }
            Self::Show { feed, server } => show(&server, &path(&feed), json).await?,
            Self::Set { feed, region, role_arn, more, server } => {
                let path = path(&feed);
                let changed = change(&server, &path, |body| {
                    more.put(region, role_arn, body);
                    Ok(())
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
