//! The configuration as a tree whose every node knows where it was written.
//!
//! It stands between TOML's own tree and the reader because two sources feed it: the file, and
//! the environment, whose text has no type until a key asks for one.

use std::borrow::Cow;
use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use super::words::shown;

/// Where a node was written. The order is that in which mistakes are shown.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Origin {
    /// The file as a whole.
    File,
    /// A place in the file; both counted from 1, the column in characters.
    Line { line: usize, column: usize },
    /// An environment variable.
    Variable(String),
}

/// A table's nodes by key.
pub(super) type Table = BTreeMap<String, Node>;

/// A value and where it was written: a key's place, or that of a list's element.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) origin: Origin,
    pub(super) value: Value,
}

#[derive(Debug)]
pub(super) enum Value {
    /// A string.
    Text(String),
    /// An environment variable's text, a string or a list as the key wants it.
    Untyped(String),
    Integer(i64),
    Bool(bool),
    List(Vec<Node>),
    Table(Table),
    /// A TOML type that no key has, in words.
    Other(String),
}

impl Value {
    /// The type in words, for a mistake; never the value of a string.
    pub(super) fn in_words(&self) -> Cow<'_, str> {
        match self {
            Self::Text(_) | Self::Untyped(_) => "a string".into(),
            Self::Integer(number) => format!("the integer `{number}`").into(),
            Self::Bool(value) => format!("the boolean `{value}`").into(),
            Self::List(_) => "a list".into(),
            Self::Table(_) => "a table".into(),
            Self::Other(words) => words.into(),
        }
    }
}

/// Text that is not TOML: where, and what the parser has against it.
#[derive(Debug)]
pub(super) struct SyntaxError {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) message: String,
}

/// Reads a file's text.
///
/// # Errors
/// What is not TOML: the first error of each line, since those after it follow from it.
pub(super) fn parse(text: &str) -> Result<Table, Vec<SyntaxError>> {
    let lines = Lines::of(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return Ok(lines.table(table.into_inner()));
    }
    let mut errors: Vec<SyntaxError> = errors
        .into_iter()
        .map(|error| {
            let (line, column) = lines.position(error.span().map_or(0, |span| span.start));
            // The error's own `Display` would show the line, and a secret in it.
            SyntaxError { line, column, message: error.message().to_owned() }
        })
        .collect();
    errors.sort_by_key(|error| (error.line, error.column));
    errors.dedup_by_key(|error| error.line);
    Err(errors)
}

/// Reads an environment variable's text as a list of strings; none when it is not one.
pub(super) fn parse_list(text: &str) -> Option<Vec<String>> {
    let DeValue::Array(elements) = DeValue::parse(text).ok()?.into_inner() else { return None };
    elements.iter().map(|element| element.get_ref().as_str().map(str::to_owned)).collect()
}

/// Finds the line and column of a byte.
struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    fn of(text: &'t str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    fn position(&self, byte: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|start| *start <= byte);
        let start = line.checked_sub(1).and_then(|index| self.starts.get(index)).copied().unwrap_or(0);
        let column = self.text.get(start..byte).map_or(0, |before| before.chars().count());
        (line, column + 1)
    }

    fn origin(&self, byte: usize) -> Origin {
        let (line, column) = self.position(byte);
        Origin::Line { line, column }
    }

    fn table(&self, table: DeTable<'_>) -> Table {
        let node = |byte, value| Node { origin: self.origin(byte), value: self.value(value) };
        table
            .into_iter()
            .map(|(key, value)| (key.get_ref().to_string(), node(key.span().start, value.into_inner())))
            .collect()
    }

    fn value(&self, value: DeValue<'_>) -> Value {
        match value {
            DeValue::String(text) => Value::Text(text.into_owned()),
            DeValue::Array(elements) => Value::List(
                elements
                    .into_iter()
                    .map(|element| Node {
                        origin: self.origin(element.span().start),
                        value: self.value(element.into_inner()),
                    })
                    .collect(),
            ),
            DeValue::Table(table) => Value::Table(self.table(table)),
            DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => Value::Integer(number),
                Err(_) => Value::Other(format!("the integer {}", shown(number.as_str()))),
            },
            DeValue::Float(number) => Value::Other(format!("the number {}", shown(number.as_str()))),
            DeValue::Boolean(value) => Value::Bool(value),
            DeValue::Datetime(time) => Value::Other(format!("the date or time `{time}`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_node_knows_its_line() {
        let table = parse("a = 'x'\n\n[b]\nc = [\n  'é', 'y',\n]\n[[d]]\n[[d]]\n").unwrap();
        assert_eq!(table["a"].origin, Origin::Line { line: 1, column: 1 });
        let Value::Table(b) = &table["b"].value else { panic!("{table:?}") };
        let Value::List(c) = &b["c"].value else { panic!("{table:?}") };
        assert_eq!(c[1].origin, Origin::Line { line: 5, column: 8 });
        let Value::List(d) = &table["d"].value else { panic!("{table:?}") };
        assert_eq!(d[1].origin, Origin::Line { line: 8, column: 1 });
    }

    #[test]
    fn each_line_that_is_not_toml_is_told_once_and_never_shown() {
        let errors = parse("a = hunter2 hunter2\nb = 'x'\nb = 'y'\n[c\nd = \"hunter2\n").unwrap_err();
        let told: Vec<String> = errors.iter().map(|e| format!("{}:{} {}", e.line, e.column, e.message)).collect();
        insta::assert_debug_snapshot!(told, @r#"
        [
            "1:5 string values must be quoted, expected literal string",
            "3:1 duplicate key",
            "4:3 unclosed table, expected `]`",
        ]
        "#);
        assert!(!format!("{errors:?}").contains("hunter2"));
    }
}
