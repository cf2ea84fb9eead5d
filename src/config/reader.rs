//! Reads typed keys out of the tree, notes what is wrong and goes on.
//!
//! A key is known because someone asked for it: the list of known keys that an unknown one is
//! compared with can never differ from what the code reads.

use std::str::FromStr;

use secrecy::SecretString;

use super::context::{Context, Located, Place};
use super::tree::{Node, Origin, Table, Value, parse_list};
use super::words::{found, found_text, label, nearest, printable, shown};
use crate::domain::Invalid;

/// Reads one table.
pub(super) struct Reader<'t> {
    context: &'t Context<'t>,
    table: &'t Table,
    place: Place,
    known: Vec<&'static str>,
}

/// The elements of a list, each with its text if it is a string; where not, that was told.
pub(super) type Elements = Vec<(Place, Option<String>)>;

/// What is read where a table was left out, so that its defaults stand in one place.
static EMPTY: Table = Table::new();

impl<'t> Reader<'t> {
    /// Reads `table`, which stands at `place`, with `read`; keys that `read` did not ask for are
    /// mistakes.
    pub(super) fn read<T>(
        context: &'t Context<'t>,
        table: &'t Table,
        place: Place,
        read: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let mut reader = Self { context, table, place, known: Vec::new() };
        let value = read(&mut reader);
        reader.report_unknown();
        value
    }

    pub(super) fn context(&self) -> &'t Context<'t> {
        self.context
    }

    /// Where the table itself is written.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// Where `key` is written, or would be; and that it is known.
    pub(super) fn place_of(&mut self, key: &'static str) -> Place {
        let origin = self.node(key).map_or_else(|| self.place.origin.clone(), |node| node.origin.clone());
        self.place.below(key, &origin)
    }

    pub(super) fn has(&mut self, key: &'static str) -> bool {
        self.node(key).is_some()
    }

    /// The key's value, when it is there and right.
    pub(super) fn get<T: FromStr<Err = Invalid>>(&mut self, key: &'static str) -> Option<Located<T>> {
        self.get_with(key, str::parse)
    }

    /// [`Reader::get`] for what is read in its own way.
    pub(super) fn get_with<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&str) -> Result<T, Invalid>,
    ) -> Option<Located<T>> {
        let node = self.node(key)?;
        let place = self.place_of(key);
        let text = self.text(node, &place)?;
        self.value(text, place, read)
    }

    /// The key's value, written as an integer or as a word in quotes; `hint` says what would be right.
    pub(super) fn number_or_word<T>(
        &mut self,
        key: &'static str,
        hint: &str,
        read: impl FnOnce(&str) -> Result<T, Invalid>,
    ) -> Option<Located<T>> {
        let node = self.node(key)?;
        let place = self.place_of(key);
        match &node.value {
            Value::Integer(number) => self.value(&number.to_string(), place, read),
            Value::Text(text) | Value::Untyped(text) => self.value(text, place, read),
            other => {
                self.context.mistake(&place, Some(found(&place, other)), hint);
                None
            }
        }
    }

    /// The key's value, or `default` when it is left out. (When it is wrong too: then nothing comes
    /// of the settings anyway.)
    pub(super) fn or<T: FromStr<Err = Invalid>>(&mut self, key: &'static str, default: T) -> T {
        self.get(key).map_or(default, |found| found.value)
    }

    /// Whether the key is `true`; left out, it is not.
    pub(super) fn flag(&mut self, key: &'static str) -> bool {
        let Some(node) = self.node(key) else { return false };
        let place = self.place_of(key);
        match &node.value {
            Value::Bool(value) => *value,
            Value::Untyped(text) if text == "true" => true,
            Value::Untyped(text) if text == "false" => false,
            other => {
                self.context.mistake(&place, Some(found(&place, other)), "`true` or `false`");
                false
            }
        }
    }

    /// The value of `node`, which stands at `place`.
    pub(super) fn value_at<T>(
        &self,
        node: &Node,
        place: &Place,
        read: impl FnOnce(&str) -> Result<T, Invalid>,
    ) -> Option<T> {
        let text = self.text(node, place)?;
        self.value(text, place.clone(), read).map(|found| found.value)
    }

    /// The value, or a mistake at `key`.
    pub(super) fn told<T>(&mut self, key: &'static str, made: Result<T, Invalid>) -> Option<T> {
        match made {
            Ok(value) => Some(value),
            Err(invalid) => {
                let place = self.place_of(key);
                self.tell(&place, &invalid);
                None
            }
        }
    }

    /// Notes what is wrong at `place`.
    pub(super) fn tell(&self, place: &Place, invalid: &Invalid) {
        let found = format!("`{}`", invalid.found);
        self.context.mistake(place, Some(found), format!("{}: {}", invalid.what, invalid.expected));
    }

    /// The key's value; a mistake when it is left out. `hint` says what would be right.
    pub(super) fn required<T: FromStr<Err = Invalid>>(&mut self, key: &'static str, hint: &str) -> Option<Located<T>> {
        if !self.has(key) {
            self.missing(key, hint);
        }
        self.get(key)
    }

    /// Notes that `key` is missing.
    pub(super) fn missing(&mut self, key: &'static str, hint: &str) {
        let place = self.place_of(key);
        self.context.mistake(&place, None, hint);
    }

    /// The key's list; a mistake when it is left out or empty. Elements that are wrong are left out.
    pub(super) fn some_of<T: FromStr<Err = Invalid>>(&mut self, key: &'static str, hint: &str) -> Vec<Located<T>> {
        let place = self.place_of(key);
        let Some(elements) = self.elements(key, hint) else { return Vec::new() };
        if elements.is_empty() {
            self.context.mistake(&place, Some("an empty list".to_owned()), hint);
        }
        self.values(elements, str::parse)
    }

    /// A key that is a list of strings or just one; nothing when it is left out.
    pub(super) fn one_or_more(&mut self, key: &'static str, hint: &str) -> Option<Elements> {
        match &self.node(key)?.value {
            Value::Text(text) => Some(vec![(self.place_of(key), Some(text.clone()))]),
            Value::Untyped(text) if !text.starts_with('[') => Some(vec![(self.place_of(key), Some(text.clone()))]),
            _ => self.elements(key, hint),
        }
    }

    /// Reads each element's text; those that are wrong are left out.
    pub(super) fn values<T>(&self, elements: Elements, read: impl Fn(&str) -> Result<T, Invalid>) -> Vec<Located<T>> {
        elements.into_iter().filter_map(|(place, text)| self.value(&text?, place, &read)).collect()
    }

    fn value<T>(&self, text: &str, place: Place, read: impl FnOnce(&str) -> Result<T, Invalid>) -> Option<Located<T>> {
        match read(text) {
            Ok(value) => Some(Located { value, place }),
            Err(invalid) => {
                let found = found_text(&place, text);
                self.context.mistake(&place, Some(found), format!("{}: {}", invalid.what, invalid.expected));
                None
            }
        }
    }

    /// The content of the file that `key` names, without the line end at its end.
    pub(super) fn file(&mut self, key: &'static str) -> Option<Located<String>> {
        let named = self.get_with(key, |path| Ok(self.context.resolve(path)))?;
        self.context.has_read(&named.value);
        match std::fs::read_to_string(&named.value) {
            Ok(text) => Some(Located { value: text.trim_end_matches(['\r', '\n']).to_owned(), place: named.place }),
            Err(error) => {
                // A secret may have been pasted where its file's name belongs.
                let name = if named.place.secret { "a file" } else { &shown(&named.value.display().to_string()) };
                let found = format!("{name} that cannot be read: {error}");
                let expected = "the path of a file that feedpass may read, from the configuration file's directory";
                self.context.mistake(&named.place, Some(found), expected);
                None
            }
        }
    }

    /// Whether the value of `key` is to be read from the file that `file_key` names. Both at once is
    /// a mistake, unless one of them comes from the environment and so overrides the other.
    pub(super) fn in_file(&mut self, key: &'static str, file_key: &'static str) -> bool {
        let (Some(node), Some(file)) = (self.node(key), self.node(file_key)) else {
            return self.has(file_key);
        };
        let overrides = |node: &Node| matches!(node.origin, Origin::Variable(_));
        if overrides(node) == overrides(file) {
            let place = self.place_of(file_key);
            let found = format!("`{file_key}` beside `{key}`");
            self.context.mistake(&place, Some(found), "one of the two");
        }
        overrides(file)
    }

    /// The value of `key`, or of the file that `file_key` names in its place.
    pub(super) fn get_or_file<T>(
        &mut self,
        key: &'static str,
        file_key: &'static str,
        read: impl FnOnce(&str) -> Result<T, Invalid>,
    ) -> Option<Located<T>> {
        if self.in_file(key, file_key) {
            let Located { value: text, place } = self.file(file_key)?;
            match read(&text) {
                Ok(value) => Some(Located { value, place }),
                Err(invalid) => {
                    let found = "a file that holds something else".to_owned();
                    self.context.mistake(&place, Some(found), format!("{}: {}", invalid.what, invalid.expected));
                    None
                }
            }
        } else {
            self.get_with(key, read)
        }
    }

    /// The same for what may stand in no configuration: it comes from the file that `file_key` names, or from the
    /// environment. `hint` says so.
    pub(super) fn secret(
        &mut self,
        key: &'static str,
        file_key: &'static str,
        hint: &str,
        read: impl FnOnce(&str) -> Result<SecretString, Invalid>,
    ) -> Option<SecretString> {
        let place = self.place_of(key);
        if self.has(key) && !matches!(place.origin, Origin::Variable(_)) {
            self.context.mistake(&place, Some("a secret in clear".to_owned()), hint);
            // Known, whichever of the two is there.
            self.has(file_key);
            return None;
        }
        self.get_or_file(key, file_key, read).map(|secret| secret.value)
    }

    /// Reads the table at `key`, an empty one when it is left out.
    pub(super) fn table<T>(&mut self, key: &'static str, read: impl FnOnce(&mut Self) -> T) -> T {
        let place = self.place_of(key);
        let table = match self.node(key).map(|node| &node.value) {
            Some(Value::Table(table)) => table,
            Some(other) => {
                self.context.mistake(&place, Some(found(&place, other)), format!("a table, `[{key}]`"));
                &EMPTY
            }
            None => &EMPTY,
        };
        Self::read(self.context, table, place, read)
    }

    /// Reads each table of the list at `key`; `names` are the keys that tell one from another.
    pub(super) fn tables<T>(
        &mut self,
        key: &'static str,
        names: &[&str],
        mut read: impl FnMut(&mut Self) -> T,
    ) -> Vec<T> {
        let place = self.place_of(key);
        let elements = match self.node(key).map(|node| &node.value) {
            Some(Value::List(elements)) => elements.as_slice(),
            Some(other) => {
                let expected = format!("a list of tables, each under a heading in double brackets, as in `[[{key}]]`");
                self.context.mistake(&place, Some(found(&place, other)), expected);
                &[]
            }
            None => &[],
        };
        let mut values = Vec::new();
        for (index, element) in elements.iter().enumerate() {
            let place = place.element(index, &element.origin);
            let Value::Table(table) = &element.value else {
                self.context.mistake(&place, Some(found(&place, &element.value)), "a table");
                continue;
            };
            let place = Place { key: format!("{}{}", place.key, label(table, names)), ..place };
            values.push(Self::read(self.context, table, place, &mut read));
        }
        values
    }

    /// The members of the table at `key`, whatever their names, each with its place.
    pub(super) fn members(&mut self, key: &'static str) -> Vec<(&'t str, Place, &'t Node)> {
        let place = self.place_of(key);
        match self.node(key).map(|node| &node.value) {
            Some(Value::Table(table)) => {
                let member = |(name, node): (&'t String, &'t Node)| {
                    (name.as_str(), place.below(&printable(name), &node.origin), node)
                };
                table.iter().map(member).collect()
            }
            Some(other) => {
                self.context.mistake(&place, Some(found(&place, other)), format!("a table, `[{key}]`"));
                Vec::new()
            }
            None => Vec::new(),
        }
    }

    fn node(&mut self, key: &'static str) -> Option<&'t Node> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        self.table.get(key)
    }

    fn text(&self, node: &'t Node, place: &Place) -> Option<&'t str> {
        match &node.value {
            Value::Text(text) | Value::Untyped(text) => Some(text),
            other => {
                self.context.mistake(place, Some(found(place, other)), "a string, in quotes");
                None
            }
        }
    }

    fn elements(&mut self, key: &'static str, hint: &str) -> Option<Elements> {
        let place = self.place_of(key);
        let list = match self.node(key).map(|node| (&node.value, &node.origin)) {
            Some((Value::List(elements), _)) => {
                let texts = elements.iter().enumerate().map(|(index, element)| {
                    let place = place.element(index, &element.origin);
                    let text = self.text(element, &place).map(str::to_owned);
                    (place, text)
                });
                return Some(texts.collect());
            }
            Some((Value::Untyped(text), origin)) => parse_list(text).map(|texts| (texts, origin)),
            _ => None,
        };
        if let Some((texts, origin)) = list {
            return Some(
                texts.into_iter().enumerate().map(|(i, text)| (place.element(i, origin), Some(text))).collect(),
            );
        }
        let found = self.node(key).map(|node| found(&place, &node.value));
        self.context.mistake(&place, found, hint);
        None
    }

    fn report_unknown(&self) {
        for (key, node) in self.table.iter().filter(|(key, _)| !self.known.contains(&key.as_str())) {
            let place = self.place.below(&printable(key), &node.origin);
            let meant = nearest(key, &self.known).map(|known| format!("; did you mean `{known}`?")).unwrap_or_default();
            let known: Vec<String> = self.known.iter().map(|key| format!("`{key}`")).collect();
            let found = format!("unknown key {}{meant}", shown(key));
            self.context.mistake(&place, Some(found), format!("one of {}", known.join(", ")));
        }
    }
}
