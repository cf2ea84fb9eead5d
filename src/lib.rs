//! feedpass
pub mod app;
pub mod authn;
pub mod authz;
pub mod aws;
pub mod broker;
pub mod cli;
pub mod clock;
pub mod config;
pub mod domain;
pub mod entropy;
pub mod http;
pub mod iam;
pub mod issuer;
pub mod sandbox;
pub mod store;
pub mod telemetry;
