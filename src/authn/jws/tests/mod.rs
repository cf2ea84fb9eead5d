//! Tokens, honest and not, and the keys to make them with.

pub(in crate::authn) mod keys;
mod verifying;
mod wycheproof;
