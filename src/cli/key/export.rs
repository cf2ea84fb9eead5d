//! `feedpass key export`

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};

use super::{KEYS, OfKey};
use crate::cli::api::parameters;
use crate::cli::output::print;

/// Print the public half of a key
#[derive(Args)]
pub(in crate::cli) struct Export {
    #[command(flatten)]
    key: OfKey,
    /// The form to print it in
    #[arg(long, value_enum, default_value = "pem")]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// The public key, as openssl reads it
    Pem,
    /// Its self-signed certificate, as openssl reads it
    Certificate,
    /// As the JWKS shows it, RFC 7517
    Jwk,
}

impl Export {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let Self { key: OfKey { kid, server }, format } = self;
        let kid = kid.resolve(&server).await?;
        let format = format.to_possible_value();
        let query = parameters([("format", format.as_ref().map(PossibleValue::get_name))]);
        let body = server.get(&[&KEYS[..], &[kid.as_str(), "public"]].concat(), &query).await?;
        let text = String::from_utf8_lossy(&body);
        print(&format!("{}\n", text.trim_end()))
    }
}
