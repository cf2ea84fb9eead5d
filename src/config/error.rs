//! What is said of a configuration that is wrong.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// The configuration cannot be used. Holds every mistake in it, in the order of the file; those in
/// environment variables come last, by name.
///
/// Whoever wrote the configuration moves next, and each mistake says how; so there is one kind of
/// error here.
#[derive(Clone, thiserror::Error)]
pub struct ConfigError {
    file: PathBuf,
    mistakes: Vec<Mistake>,
    files: Vec<PathBuf>,
}

impl ConfigError {
    pub(super) fn new(file: &Path, mistakes: Vec<Mistake>, files: Vec<PathBuf>) -> Self {
        Self { file: file.to_owned(), mistakes, files }
    }

    /// The files that `…_file` keys named, whether or not they could be read: the mistake may be
    /// mended there.
    #[must_use]
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// All mistakes, at least one.
    #[must_use]
    pub fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }
}

impl fmt::Debug for ConfigError {
    /// Without the files' names: a secret may have been pasted in the place of one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ConfigError").field(&self.mistakes).finish()
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = if self.mistakes.len() == 1 { "mistake" } else { "mistakes" };
        write!(f, "{}: {} {noun}", self.file.display(), self.mistakes.len())?;
        self.mistakes.iter().try_for_each(|mistake| write!(f, "\n\n{mistake}"))
    }
}

/// One thing that is wrong: where, what was found, and what would be right.
///
/// No text here holds the value of a key that may be a secret.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Mistake {
    /// The configuration file as it was named; none when an environment variable is wrong.
    pub file: Option<String>,
    /// The line in the file, counted from 1; none when the mistake has no one line, as when a key
    /// at the top is missing.
    pub line: Option<usize>,
    /// The column in characters, counted from 1, for text that is not TOML at all.
    pub column: Option<usize>,
    /// The environment variable, where it is the one that is wrong.
    pub variable: Option<String>,
    /// The key's path, `feed[1] "default/charts" web_identity.role_arn`; empty when the mistake is
    /// about the whole file.
    pub key: String,
    /// What was found; none when something is missing.
    pub found: Option<String>,
    /// What would be right.
    pub expected: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = [
            self.file.clone(),
            self.line.map(|line| line.to_string()),
            self.column.map(|column| column.to_string()),
            self.variable.clone(),
        ];
        f.write_str(&place.into_iter().flatten().collect::<Vec<_>>().join(":"))?;
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        let found = self.found.as_deref().unwrap_or("nothing");
        write!(f, "\n  found:    {found}\n  expected: {}", self.expected)
    }
}
