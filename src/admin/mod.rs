//! What an operator may do: one function per action, each audited in the transaction of the change itself.

mod bootstrap;

pub use bootstrap::{BootstrapError, bootstrap};
