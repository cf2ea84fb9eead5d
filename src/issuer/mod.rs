//! All that makes feedpass an OpenID Connect issuer: its keys, its documents, its tokens.

pub mod keyring;
pub mod metadata;
pub mod mint;
