//! feedpass
pub mod clock;
pub mod domain;
pub mod entropy;
