//! `config.toml` and the environment become [`Settings`] of domain types, once; `app` and `cli`
//! alone read them.
//!
//! A configuration is right as a whole or not at all: [`ConfigError`] holds every mistake in it,
//! with its place and what would be right, so that one look mends all.
//!
//! ```text
//! text ─ tree ─ environment ─ reader ─ sections ─ check ─ Settings
//!        where each value was written      one by one   together
//! ```
//!
//! [`Watcher`] tells when to load it again, [`Settings::restart_needed`] what that cannot change.

mod check;
mod context;
mod environment;
mod error;
mod reader;
mod sections;
mod settings;
mod tree;
mod watch;
mod words;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::Path;

pub use error::{ConfigError, Mistake};
pub use settings::{
    AuditSettings, AwsEndpoint, KeySettings, KeyStore, Listen, SandboxRole, SandboxSettings, SandboxUser, Settings,
    StoreUrl, TokenSettings, UnknownKid,
};
pub use watch::{WatchError, Watcher};

use context::{Context, Place};
use reader::Reader;
use tree::{Origin, Table};

/// The environment's variables that concern feedpass; no other program's secrets are kept. Text that is
/// not Unicode keeps its place with its wrong characters replaced, and is refused where it is read.
#[must_use]
pub fn environment() -> Vec<(String, String)> {
    let text = |text: OsString| text.to_string_lossy().into_owned();
    let variables = std::env::vars_os().map(|(name, value)| (text(name), value));
    variables
        .filter(|(name, _)| name.starts_with(environment::PREFIX))
        .map(|(name, value)| (name, text(value)))
        .collect()
}

impl Settings {
    /// Reads the file at `path` and what `environment` overrides, as in `FEEDPASS_LISTEN__PUBLIC`.
    ///
    /// Relative paths in it are taken from the file's directory. The files that `…_file` keys name
    /// are read too.
    ///
    /// # Errors
    /// [`ConfigError`] with all mistakes; where the text is not TOML, with those alone.
    pub fn load(path: &Path, environment: impl IntoIterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let context = Context::new(path);
        read(path, environment, &context).ok_or_else(|| ConfigError::new(path, context.mistakes(), context.files()))
    }
}

/// The settings, or none and a mistake in `context`.
fn read(
    path: &Path,
    environment: impl IntoIterator<Item = (String, String)>,
    context: &Context<'_>,
) -> Option<Settings> {
    let table = environment::apply(parse(path, context)?, environment, context);
    let draft = Reader::read(context, &table, Place::file(), sections::read)?;
    check::check(&draft, context);
    if !context.mistakes().is_empty() {
        return None;
    }
    let settings = draft.settle(context.files());
    if settings.is_none() {
        // No reader should leave a value out without a word; if one does, say at least that.
        let found = "a value that was left out without a mistake".to_owned();
        context.mistake(&Place::file(), Some(found), "this to be reported: it is an error in feedpass itself");
    }
    settings
}

fn parse(path: &Path, context: &Context<'_>) -> Option<Table> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            let found = format!("a file that cannot be read: {error}");
            context.mistake(&Place::file(), Some(found), "a TOML file; `--config FILE` names another");
            return None;
        }
    };
    let errors = match tree::parse(&text) {
        Ok(table) => return Some(table),
        Err(errors) => errors,
    };
    for error in errors {
        let place = Place::at(Origin::Line { line: error.line, column: error.column });
        context.mistake(&place, Some(format!("text that is not TOML: {}", error.message)), "TOML; see https://toml.io");
    }
    None
}
