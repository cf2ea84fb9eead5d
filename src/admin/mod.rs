//! What an operator may do: one function per action, each audited in the transaction of the change itself.

pub mod trail;
