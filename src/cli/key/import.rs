//! `feedpass key import`

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use zeroize::Zeroizing;

use super::words::word;
use super::{act, answer, how_it_goes_on};
use crate::cli::Server;
use crate::cli::input::read;
use crate::domain::Algorithm;

/// Bring in a key, which is published then
#[derive(Args)]
#[command(
    after_help = "FILE is PEM, as openssl writes it: PKCS#8, encrypted or not, PKCS#1 or SEC 1, RSA of 2048, 3072 or 4096 bits, P-256 or P-384. The key \
    travels to the server by https alone, or on this machine."
)]
pub(in crate::cli) struct Import {
    /// The file with the private key, or with --verify-only the public one; `-` is standard input
    #[arg(value_name = "FILE")]
    file: String,
    /// It never signs, and is a public key: tokens that others signed with it stay valid
    #[arg(long)]
    verify_only: bool,
    /// The file with the passphrase that the key is encrypted with
    #[arg(long, value_name = "FILE", conflicts_with = "verify_only")]
    passphrase_file: Option<PathBuf>,
    /// What it signs with: RS256, RS384, RS512, ES256 or ES384; RS256 or the one of its curve when left out
    #[arg(long)]
    algorithm: Option<Algorithm>,
    #[command(flatten)]
    server: Server,
}

impl Import {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let Self { file, verify_only, passphrase_file, algorithm, server } = self;
        // What is no text is no PEM file, and the server says what would be.
        let pem = SecretString::from(String::from_utf8_lossy(&read(Path::new(&file))?).into_owned());
        let passphrase = passphrase_file.as_deref().map(passphrase).transpose()?;
        anyhow::ensure!(
            passphrase.is_some() || !pem.expose_secret().contains("-----BEGIN ENCRYPTED PRIVATE KEY-----"),
            "the key in {file} is encrypted: --passphrase-file names the file with its passphrase"
        );
        let mut body = json!({ "pem": pem.expose_secret(), "verify_only": verify_only });
        if let Some(passphrase) = &passphrase {
            body["passphrase"] = json!(passphrase.expose_secret());
        }
        if let Some(algorithm) = algorithm {
            body["algorithm"] = json!(algorithm);
        }
        let imported = act(&server, &["import"], &body).await?;
        answer(&imported, json, || {
            format!("key {} is published; {}\n", word(&imported["kid"]), how_it_goes_on(&imported))
        })
    }
}

/// What the file holds, but for the line end at its end.
fn passphrase(path: &Path) -> anyhow::Result<SecretString> {
    let text = std::fs::read_to_string(path);
    let text = Zeroizing::new(text.with_context(|| format!("no passphrase can be read from {}", path.display()))?);
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(SecretString::from(line.strip_suffix('\r').unwrap_or(line)))
}
