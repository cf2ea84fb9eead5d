//! feedpass
pub mod clock;
pub mod domain;
pub mod entropy;
pub mod iam;
pub mod sandbox;
