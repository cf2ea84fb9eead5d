//! `feedpass space …`

use std::process::ExitCode;

use clap::Subcommand;
use http::Method;
use serde_json::{Value, json};

use super::collection::{Confirm, Search, change, list, members, print_list, print_one, remove, show, text};
use crate::cli::Server;
use crate::domain::{DisplayName, Slug};

/// See and change spaces
#[derive(Subcommand)]
pub(in crate::cli) enum Space {
    /// List spaces
    List {
        #[command(flatten)]
        search: Search,
        #[command(flatten)]
        server: Server,
    },
    /// Make a space, of a slug or of a name that the slug is made of
    Add {
        /// The slug, as in team-a
        #[arg(required_unless_present = "name")]
        slug: Option<Slug>,
        /// What people call it
        #[arg(long)]
        name: Option<DisplayName>,
        #[command(flatten)]
        server: Server,
    },
    /// Show a space
    Show {
        /// The slug
        slug: Slug,
        #[command(flatten)]
        server: Server,
    },
    /// Change what people call a space
    Set {
        /// The slug
        slug: Slug,
        /// What people call it from now on
        #[arg(long)]
        name: DisplayName,
        #[command(flatten)]
        server: Server,
    },
    /// Plan another slug for a space: it takes effect once every role accepts the new subjects
    Rename {
        /// The slug
        slug: Slug,
        /// The new slug
        new: Slug,
        #[command(flatten)]
        server: Server,
    },
    /// Remove an empty space. Its slug is never given again
    Remove {
        /// The slug
        slug: Slug,
        #[command(flatten)]
        confirm: Confirm,
        #[command(flatten)]
        server: Server,
    },
}

const SPACES: [&str; 3] = ["v1", "admin", "spaces"];

fn path(slug: &Slug) -> [&str; 4] {
    [SPACES[0], SPACES[1], SPACES[2], slug.as_str()]
}

impl Space {
    pub(in crate::cli) async fn run(self, json: bool) -> anyhow::Result<ExitCode> {
        match self {
            Self::List { search, server } => {
                let items = list(&server, &SPACES, &search, &[]).await?;
                print_list(&items, json, &["SPACE", "NAME", "FROM"], |space| {
                    ["slug", "name", "source"].map(|member| text(&space[member])).to_vec()
                })?;
            }
            Self::Add { slug, name, server } => {
                let body = members([("slug", slug.map(|slug| json!(slug))), ("name", name.map(|name| json!(name)))]);
                print_one(&server.json(Method::POST, &SPACES, &[], Some(&Value::Object(body))).await?, json)?;
            }
            Self::Show { slug, server } => {
                show(&server, &path(&slug), json).await?;
            }
            Self::Set { slug, name, server } => {
                let path = path(&slug);
                let changed = change(&server, &path, |space| {
                    space.insert("name".into(), json!(name));
                    Ok(())
                });
                print_one(&changed.await?, json)?;
            }
            Self::Rename { slug, new, server } => {
                let path = [&path(&slug)[..], &["rename"]].concat();
                print_one(&server.json(Method::POST, &path, &[], Some(&json!({ "slug": new }))).await?, json)?;
            }
            Self::Remove { slug, confirm, server } => {
                let consequence = format!("Space {slug} is removed, and its slug is never given again.");
                remove(&server, &path(&slug), &confirm, &consequence, &format!("space {slug}")).await?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
