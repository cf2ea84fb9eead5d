//! A feed's identity from the command line.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value, json};

use crate::cli::input;
use crate::cli::manage::collection::members;
use crate::domain::{AccessKeyId, Audience, ExternalId, RoleArn, SessionDuration, SessionTags, SourceIdentity};

/// How feedpass is known to AWS for a feed. Of the first, the second and `--ambient` a feed has exactly one.
#[derive(Args)]
pub(in crate::cli) struct IdentityFlags {
    /// The role that is assumed with a web identity token
    #[arg(long, value_name = "ARN", conflicts_with_all = ["access_key_id", "secret_access_key_file", "ambient"])]
    role_arn: Option<RoleArn>,
    /// The id of an IAM user's access key
    #[arg(long, value_name = "ID", conflicts_with = "ambient")]
    access_key_id: Option<AccessKeyId>,
    /// A file with the key's secret half; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "ambient")]
    secret_access_key_file: Option<PathBuf>,
    /// Go by feedpass's own AWS identity: what its environment, container or machine gives it
    #[arg(long)]
    ambient: bool,

    /// The tokens' audience; the installation's when left out
    #[arg(long)]
    audience: Option<Audience>,
    /// The parts of the subject: space, feed, or both
    #[arg(long, value_name = "PARTS", value_delimiter = ',', value_parser = ["space", "feed"])]
    subject: Vec<String>,
    /// How long a role session lives, 15m to 12h
    #[arg(long)]
    session_duration: Option<SessionDuration>,
    /// A tag of its sessions. Its role then has to allow sts:TagSession. Can be given several times
    #[arg(long = "session-tag", value_name = "KEY=VALUE", value_parser = tag)]
    session_tags: Vec<(String, String)>,
    /// The source identity of its sessions. Its role then has to allow sts:SetSourceIdentity
    #[arg(long, value_name = "NAME")]
    source_identity: Option<SourceIdentity>,

    /// A second role, which is assumed from there
    #[arg(long, value_name = "ARN", conflicts_with = "no_assume_role")]
    assume_role_arn: Option<RoleArn>,
    /// What the second role's trust policy asks for in sts:ExternalId
    #[arg(long, value_name = "ID", conflicts_with = "no_assume_role")]
    external_id: Option<ExternalId>,
    /// How long a session of the second role lives, 15m to 1h; to 12h with an access key
    #[arg(long, value_name = "DURATION", conflicts_with = "no_assume_role")]
    assume_role_duration: Option<SessionDuration>,
    /// Have no second role any more
    #[arg(long)]
    no_assume_role: bool,
}

fn tag(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("it is written KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

impl IdentityFlags {
    /// Whether it says what identity a new feed is to have.
    pub(super) fn is_given(&self) -> bool {
        self.role_arn.is_some() || self.access_key_id.is_some() || self.ambient
    }

    /// Puts what is given into a feed's body. An identity of another kind takes the place of the one that is there.
    pub(super) fn put(self, body: &mut Map<String, Value>) -> anyhow::Result<()> {
        let hop = members([
            ("role_arn", self.assume_role_arn.map(|role| json!(role))),
            ("external_id", self.external_id.map(|id| json!(id))),
            ("session_duration", self.assume_role_duration.map(|duration| json!(duration))),
        ]);
        if self.no_assume_role {
            body.remove("assume_role");
        } else {
            extend(body, "assume_role", hop);
        }
        let secret = match self.secret_access_key_file {
            Some(file) => Some(json!(input::read_text(&file)?.trim())),
            None => None,
        };
        let key = members([("access_key_id", self.access_key_id.map(|id| json!(id))), ("secret_access_key", secret)]);
        let tags: std::collections::BTreeMap<_, _> = self.session_tags.into_iter().collect();
        let tags = if tags.is_empty() { None } else { Some(SessionTags::try_from(tags)?) };
        let token = members([
            ("role_arn", self.role_arn.map(|role| json!(role))),
            ("audience", self.audience.map(|audience| json!(audience))),
            ("subject", (!self.subject.is_empty()).then(|| json!(self.subject))),
            ("session_duration", self.session_duration.map(|duration| json!(duration))),
            ("session_tags", tags.map(|tags| json!(tags))),
            ("source_identity", self.source_identity.map(|source| json!(source))),
        ]);
        let kind = if self.ambient {
            Some("ambient")
        } else if key.contains_key("access_key_id") {
            Some("access_key")
        } else if token.contains_key("role_arn") {
            Some("web_identity")
        } else {
            None
        };
        if let Some(kind) = kind {
            for other in ["web_identity", "access_key", "ambient"].into_iter().filter(|other| *other != kind) {
                body.remove(other);
            }
        }
        if self.ambient {
            body.insert("ambient".into(), json!({}));
        }
        extend(body, "access_key", key);
        extend(body, "web_identity", token);
        Ok(())
    }
}

/// Puts `members` into the table `name`, which is made where there is none.
fn extend(body: &mut Map<String, Value>, name: &str, members: Map<String, Value>) {
    if members.is_empty() {
        return;
    }
    if let Some(Value::Object(there)) = body.get_mut(name) {
        there.extend(members);
    } else {
        body.insert(name.into(), Value::Object(members));
    }
}
