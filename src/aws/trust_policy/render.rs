//! What has to be set up, in the words of the tools that do it.

use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::setup::{RoleSetup, Setup};
use crate::domain::{RoleArn, SessionDuration};

/// A tool's language.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Rendering {
    /// Terraform's.
    Terraform,
    /// A `CloudFormation` template, in JSON.
    Cloudformation,
    /// Commands of the AWS CLI, for a shell.
    AwsCli,
}

/// IAM takes no less as a role's longest session.
const SHORTEST_MAXIMUM: u32 = 3600;

impl Setup {
    /// The same in the language of `rendering`.
    #[must_use]
    pub fn rendered(&self, rendering: Rendering) -> String {
        match rendering {
            Rendering::Terraform => self.terraform(),
            Rendering::Cloudformation => format!("{:#}\n", self.cloudformation()),
            Rendering::AwsCli => self.aws_cli(),
        }
    }

    fn terraform(&self) -> String {
        let mut text = String::new();
        if let Some(provider) = &self.provider {
            let ids: Vec<_> = provider.client_ids.iter().map(|id| format!("{:?}", id.as_str())).collect();
            let _ = write!(
                text,
                "# One for each account and issuer: leave it out where it is there, and add the client id.\n\
                 resource \"aws_iam_openid_connect_provider\" \"feedpass\" {{\n  url            = {:?}\n  client_id_list = [{}]\n}}\n\n",
                provider.url,
                ids.join(", ")
            );
        }
        for role in &self.roles {
            let (label, name, path) = (label(&role.arn), role.arn.name(), path(&role.arn));
            if let Some(trust) = &role.trust_policy {
                let _ = write!(
                    text,
                    "resource \"aws_iam_role\" \"{label}\" {{\n  name                 = {name:?}\n  path                 = {path:?}\n  \
                     max_session_duration = {}\n  assume_role_policy   = <<-JSON\n{}\n  JSON\n}}\n\n",
                    longest(role.session_duration),
                    indented(trust)
                );
            }
            let of =
                if role.trust_policy.is_some() { format!("aws_iam_role.{label}.name") } else { format!("{name:?}") };
            let _ = write!(
                text,
                "resource \"aws_iam_role_policy\" \"{label}\" {{\n  name   = \"feedpass\"\n  role   = {of}\n  policy = <<-JSON\n{}\n  \
                 JSON\n}}\n\n",
                indented(&role.permissions)
            );
        }
        if let Some(own) = &self.own_permissions {
            let _ = write!(
                text,
                "# For the user of the access key, or the role that feedpass itself runs with.\n\
                 resource \"aws_iam_policy\" \"feedpass\" {{\n  name   = \"feedpass\"\n  policy = <<-JSON\n{}\n  JSON\n}}\n\n",
                indented(own)
            );
        }
        text.truncate(text.trim_end().len());
        text + "\n"
    }

    fn cloudformation(&self) -> Value {
        let mut resources = Map::new();
        if let Some(provider) = &self.provider {
            resources.insert(
                "FeedpassProvider".into(),
                json!({
                    "Type": "AWS::IAM::OIDCProvider",
                    "Properties": { "Url": provider.url, "ClientIdList": provider.client_ids },
                }),
            );
        }
        for (index, role) in self.roles.iter().enumerate() {
            let Some(trust) = &role.trust_policy else { continue };
            let name = if index == 0 { "FeedpassRole" } else { "FeedpassSecondRole" };
            let mut resource = json!({
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "RoleName": role.arn.name(),
                    "Path": path(&role.arn),
                    "MaxSessionDuration": longest(role.session_duration),
                    "AssumeRolePolicyDocument": trust,
                    "Policies": [{ "PolicyName": "feedpass", "PolicyDocument": role.permissions }],
                },
            });
            if self.provider.is_some() && index == 0 {
                resource["DependsOn"] = "FeedpassProvider".into();
            }
            resources.insert(name.into(), resource);
        }
        if let Some(own) = &self.own_permissions {
            let properties = json!({ "ManagedPolicyName": "feedpass", "PolicyDocument": own });
            let policy = json!({ "Type": "AWS::IAM::ManagedPolicy", "Properties": properties });
            resources.insert("FeedpassPolicy".into(), policy);
        }
        json!({ "AWSTemplateFormatVersion": "2010-09-09", "Resources": resources })
    }

    fn aws_cli(&self) -> String {
        let mut text = String::new();
        if let Some(provider) = &self.provider {
            let ids: Vec<_> = provider.client_ids.iter().map(|id| quoted(id.as_str())).collect();
            let _ = write!(
                text,
                "# Once for each account: if the provider is there, `aws iam add-client-id-to-open-id-connect-provider` instead.\n\
                 aws iam create-open-id-connect-provider --url {} --client-id-list {}\n\n",
                quoted(&provider.url),
                ids.join(" ")
            );
        }
        for role in &self.roles {
            write_role(&mut text, role);
        }
        if let Some(own) = &self.own_permissions {
            let _ = write!(
                text,
                "# For the user of the access key, or the role that feedpass itself runs with: attach it there.\n\
                 aws iam create-policy --policy-name feedpass --policy-document \"$(cat <<'END'\n{own:#}\nEND\n)\"\n\n"
            );
        }
        text.truncate(text.trim_end().len());
        text + "\n"
    }
}

fn write_role(text: &mut String, role: &RoleSetup) {
    let (name, path) = (quoted(role.arn.name()), quoted(path(&role.arn)));
    if let Some(trust) = &role.trust_policy {
        let _ = write!(
            text,
            "# In account {}; if the role is there, `aws iam update-assume-role-policy --policy-document` instead.\n\
             aws iam create-role --role-name {name} --path {path} --max-session-duration {} --assume-role-policy-document \
             \"$(cat <<'END'\n{trust:#}\nEND\n)\"\n",
            role.arn.account(),
            longest(role.session_duration)
        );
    }
    let _ = write!(
        text,
        "aws iam put-role-policy --role-name {name} --policy-name feedpass --policy-document \"$(cat <<'END'\n{:#}\nEND\n)\"\n\n",
        role.permissions
    );
}

/// The role's path, `/` or `/ci/`.
fn path(role: &RoleArn) -> &str {
    let resource = role.as_str().splitn(6, ':').nth(5).and_then(|resource| resource.strip_prefix("role"));
    resource.and_then(|path| path.strip_suffix(role.name())).unwrap_or("/")
}

/// A name for a resource: letters, digits, `_` and `-`.
fn label(role: &RoleArn) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let name: String = role.name().chars().map(plain).collect();
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) { name } else { format!("role_{name}") }
}

fn longest(duration: SessionDuration) -> u32 {
    duration.as_secs().max(SHORTEST_MAXIMUM)
}

fn indented(value: &Value) -> String {
    format!("{value:#}").lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}

/// As a shell takes it for one word.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/:._-+@=,".contains(c);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_roles_path_is_what_stands_before_its_name() {
        for (arn, expected) in [
            ("arn:aws:iam::123456789012:role/x", "/"),
            ("arn:aws:iam::123456789012:role/ci/x", "/ci/"),
            ("arn:aws:iam::123456789012:role/a/x/x", "/a/x/"),
        ] {
            assert_eq!(path(&arn.parse().unwrap()), expected, "{arn}");
        }
        assert_eq!(label(&"arn:aws:iam::123456789012:role/1+a".parse().unwrap()), "role_1_a");
    }
}
