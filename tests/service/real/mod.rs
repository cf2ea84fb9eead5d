//! feedpass against programs that others wrote; `tests/parts` says which, and what each is right about.

mod aws_programs;
pub mod parts;
mod standin;
mod window;

pub use parts::{Part, parts};
pub use standin::Address;

mod image_pull;
mod ministack;
mod moto;
mod oauth;
mod openapi;
mod sandbox;
mod seaweedfs;
mod verifiers;

/// The one role that the stand-ins have, and what it trusts.
const ROLE: &str = "arn:aws:iam::123456789012:role/feedpass-images";
const AUDIENCE: &str = "id.example.com";
const SUBJECT: &str = "space:default:feed:images";

/// A second feed, for which the role is the same: its subject is one that the role does not trust.
const CHARTS: &str = r#"
[[feed]]
space = "default"
slug = "charts"
region = "us-east-1"
[feed.web_identity]
role_arn = "arn:aws:iam::123456789012:role/feedpass-images"
"#;
