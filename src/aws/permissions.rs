//! What a role or a user must be allowed, and what a session is narrowed to, as IAM policies.

use serde_json::{Value, json};

use crate::domain::{Feed, Narrowing, Region, Repositories, RoleArn};

/// What pulling an image takes (ECR User Guide, "Amazon ECR private repository policy examples").
pub const PULL: [&str; 3] = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];
/// What pushing one takes beyond that (ECR User Guide, "Required IAM permissions for pushing an image").
pub const PUSH: [&str; 4] =
    ["ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart"];
/// What testing a feed and listing its packages takes.
pub const CATALOG: [&str; 3] = ["ecr:DescribeImages", "ecr:DescribeRepositories", "ecr:ListImages"];

/// What reaching the registries of `feeds` takes: pulling and listing, and pushing where that is wanted.
#[must_use]
pub fn permissions<'a>(feeds: impl IntoIterator<Item = &'a Feed>, push: bool) -> Value {
    let repositories: Vec<_> = feeds
        .into_iter()
        .flat_map(|feed| feed.regions().map(move |region| repository_arn(feed, region, "*")))
        .collect();
    let mut actions: Vec<&str> = CATALOG.into_iter().chain(PULL).collect();
    if push {
        actions.extend(PUSH);
    }
    actions.sort_unstable();
    policy(&[authorization(), allow(&actions, &repositories)])
}

/// What the first of two roles must be allowed.
#[must_use]
pub fn may_assume<'a>(roles: impl IntoIterator<Item = &'a RoleArn>) -> Value {
    let roles: Vec<String> = roles.into_iter().map(ToString::to_string).collect();
    policy(&[allow(&["sts:AssumeRole"], &roles)])
}

/// The session policy that narrows a role of `feed` in `region`: what it allows is what both allow.
#[must_use]
pub fn session_policy(feed: &Feed, region: &Region, narrowing: &Narrowing) -> String {
    let arns = |repositories: &Repositories| -> Vec<String> {
        match repositories {
            Repositories::None => Vec::new(),
            Repositories::All => vec![repository_arn(feed, region, "*")],
            Repositories::These(names) => {
                names.iter().map(|name| repository_arn(feed, region, name.as_str())).collect()
            }
        }
    };
    let (pull, push) = (arns(&narrowing.pull), arns(&narrowing.push));
    let both: Vec<&str> = PULL.into_iter().chain(PUSH).collect();
    let mut statements = vec![authorization()];
    if !pull.is_empty() && pull != push {
        statements.push(allow(&PULL, &pull));
    }
    if !push.is_empty() {
        statements.push(allow(&both, &push));
    }
    policy(&statements).to_string()
}

fn repository_arn(feed: &Feed, region: &Region, name: &str) -> String {
    format!("arn:{}:ecr:{region}:{}:repository/{name}", feed.partition(), feed.registry)
}

/// It has no narrower resource (Service Authorization Reference, Amazon ECR).
fn authorization() -> Value {
    json!({ "Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*" })
}

fn allow(actions: &[&str], resources: &[String]) -> Value {
    json!({ "Effect": "Allow", "Action": actions, "Resource": resources })
}

fn policy(statements: &[Value]) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements })
}
