//! What is known of a configuration while it is read: its mistakes and the places of its values.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use super::error::Mistake;
use super::tree::Origin;

/// What all readers of one configuration share.
pub(super) struct Context<'p> {
    file: &'p Path,
    mistakes: RefCell<Vec<(Origin, Mistake)>>,
    files: RefCell<Vec<PathBuf>>,
}

impl<'p> Context<'p> {
    pub(super) fn new(file: &'p Path) -> Self {
        Self { file, mistakes: RefCell::default(), files: RefCell::default() }
    }

    /// Notes that at `place` something else was found than `expected`; no `found` means nothing was.
    pub(super) fn mistake(&self, place: &Place, found: Option<String>, expected: impl Into<String>) {
        let mut mistake = Mistake {
            file: Some(self.file.display().to_string()),
            line: None,
            column: None,
            variable: None,
            key: place.key.clone(),
            found,
            expected: expected.into(),
        };
        match &place.origin {
            Origin::File => {}
            Origin::Line { line, column } => {
                mistake.line = Some(*line);
                // Below a key the line says enough; without one the text there is not even TOML.
                mistake.column = place.key.is_empty().then_some(*column);
            }
            Origin::Variable(name) => {
                mistake.file = None;
                mistake.variable = Some(name.clone());
            }
        }
        self.mistakes.borrow_mut().push((place.origin.clone(), mistake));
    }

    /// All mistakes so far, in the order of the file.
    pub(super) fn mistakes(&self) -> Vec<Mistake> {
        let mut mistakes = self.mistakes.borrow().clone();
        mistakes.sort_by(|(a, _), (b, _)| a.cmp(b));
        mistakes.into_iter().map(|(_, mistake)| mistake).collect()
    }

    /// Remembers that the settings depend on the content of `file`.
    pub(super) fn has_read(&self, file: &Path) {
        self.files.borrow_mut().push(file.to_owned());
    }

    /// The files that were read because a `…_file` key named them.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        self.files.borrow().clone()
    }

    /// `path`, taken from the directory of the configuration file.
    pub(super) fn resolve(&self, path: &str) -> PathBuf {
        self.file.parent().unwrap_or_else(|| Path::new("")).join(path)
    }
}

/// A key's path and where it was written.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) key: String,
    pub(super) origin: Origin,
    /// Whether what stands here must not be repeated.
    pub(super) secret: bool,
}

impl Place {
    /// The place of the file as a whole.
    pub(super) fn file() -> Self {
        Self::at(Origin::File)
    }

    /// A place that belongs to no key.
    pub(super) fn at(origin: Origin) -> Self {
        Self { key: String::new(), origin, secret: false }
    }

    /// The element `index` of the list that stands here.
    pub(super) fn element(&self, index: usize, origin: &Origin) -> Self {
        Self { key: format!("{}[{index}]", self.key), origin: origin.clone(), secret: self.secret }
    }

    /// Says where this is, for a mistake that is about another place too.
    pub(super) fn in_words(&self) -> String {
        match &self.origin {
            Origin::File => "in the file".to_owned(),
            Origin::Line { line, .. } => format!("on line {line}"),
            Origin::Variable(name) => format!("by {name}"),
        }
    }

    /// The key `key` of the table that stands here.
    pub(super) fn below(&self, key: &str, origin: &Origin) -> Self {
        let joint = match self.key.bytes().last() {
            None => "",
            Some(b']' | b'"') => " ",
            Some(_) => ".",
        };
        let key = format!("{}{joint}{key}", self.key);
        Self { secret: self.secret || names_a_secret(&key), key, origin: origin.clone() }
    }
}

/// Whether the value of the key that the path ends with may be a secret. Where a public key belongs, a private one
/// may have been pasted.
fn names_a_secret(path: &str) -> bool {
    let secret =
        |key: &str| ["secret", "passphrase", "encryption_key", "public_keys"].iter().any(|word| key.contains(word));
    path.rsplit(['.', ' ']).next().is_some_and(secret) || path.starts_with("store.url")
}

/// A value and the place it was read at, for the checks that compare values.
#[derive(Clone, Debug)]
pub(super) struct Located<T> {
    pub(super) value: T,
    pub(super) place: Place,
}
