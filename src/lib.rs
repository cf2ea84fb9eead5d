//! feedpass: an OpenID Connect issuer for machines and a token broker for AWS ECR, in one process.
//!
//! A request flows through the rooms like this; each step takes, by its type, the proof that the
//! step before it made, and knows none after it:
//!
//! ```text
//!  docker, CI, Kubernetes                                              AWS IAM and STS
//!        │ Authorization                                                     │ GET /.well-known/…
//!        ▼                                                                   ▼
//!      http ────▶ authn ────▶ authz ────▶ broker/cache ─ ─ held ─ ─ ▶ answer     http
//!                 1 Caller    2 Permit        │ 3 one flight                     │
//!                                             ▼                                  ▼
//!                                        issuer/mint ◀── issuer/keyring ──▶ issuer/metadata
//!                                             │ 4 web identity token      discovery, JWKS
//!                                             ▼
//!                                          aws/sts
//!                                             │ 5 role session
//!                                             ▼
//!                                          aws/ecr
//!                                             │ 6 registry credentials
//!                                             ▼
//!                                        broker/cache ────▶ http ────▶ answer
//! ```
//!
//! The rooms, each naming only rooms below it (`tests/service/layers.rs` holds that):

// What people and programs meet.
pub mod cli;

// Builds every room from the configuration and joins them. `config` and `sandbox` are named by
// nobody else but `cli`.
pub mod app;
pub mod config;
pub mod sandbox;

// The flow, last step first.
pub mod http;

pub mod broker;

pub mod admin;

pub mod catalog;

pub mod aws;

pub mod issuer;

pub mod authz;

pub mod authn;

pub mod audit;

// What the flow stands on.
pub mod store;

pub mod telemetry;

pub mod clock;
pub mod entropy;

pub mod iam;

pub mod domain;
