//! JSON in which no name stands twice.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::domain::shown;

/// Why bytes are not the JSON that a token may hold.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum StrictJsonError {
    /// They are no JSON text (RFC 8259); where it ends to be one.
    #[error("is not JSON, from line {line}, column {column} on")]
    Syntax {
        /// Counted from 1; 0 where the text ends too early.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// They are JSON of another kind.
    #[error("is JSON, and not an object")]
    NotAnObject,
    /// A name stands twice in one object: two readers may each believe another of the values.
    #[error("has the name `{0}` twice")]
    Duplicate(String),
}

/// Reads an object in which no name stands twice, at any depth (RFC 7515 §4, RFC 7519 §4). At most 128 deep.
///
/// # Errors
/// [`StrictJsonError`], which shows nothing of the text but a name.
pub fn strict_object(bytes: &[u8]) -> Result<Map<String, Value>, StrictJsonError> {
    let duplicate = RefCell::new(None);
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let read = Strict { duplicate: &duplicate }.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    match (read, duplicate.into_inner()) {
        (_, Some(name)) => Err(StrictJsonError::Duplicate(shown(&name))),
        (Ok(Value::Object(object)), None) => Ok(object),
        (Ok(_), None) => Err(StrictJsonError::NotAnObject),
        // The library's own words may quote the text.
        (Err(error), None) => Err(StrictJsonError::Syntax { line: error.line(), column: error.column() }),
    }
}

/// Reads any value; notes a name that stands twice, since serde's errors are text alone.
#[derive(Clone, Copy)]
struct Strict<'a> {
    duplicate: &'a RefCell<Option<String>>,
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not finite"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = list.next_element_seed(self)? {
            elements.push(element);
        }
        Ok(Value::Array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if object.contains_key(&name) {
                self.duplicate.replace(Some(name));
                return Err(A::Error::custom("a name stands twice"));
            }
            object.insert(name, members.next_value_seed(self)?);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_name_that_stands_twice_is_found_at_any_depth_and_however_it_is_escaped() {
        for text in [
            r#"{"sub":"a","sub":"b"}"#,
            r#"{"sub":"a","sub":"a"}"#,
            r#"{"sub":"a","s\u0075b":"b"}"#,
            r#"{"x":{"sub":1,"sub":2}}"#,
            r#"{"x":[[{"sub":1,"y":{},"sub":2}]]}"#,
        ] {
            assert_eq!(strict_object(text.as_bytes()), Err(StrictJsonError::Duplicate("sub".into())), "{text}");
        }
        assert!(strict_object(br#"{"sub":"a","x":{"sub":"b"},"y":[{"sub":1},{"sub":2}]}"#).is_ok());
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in ["[]", "null", "\"x\"", "7"] {
            assert_eq!(strict_object(text.as_bytes()), Err(StrictJsonError::NotAnObject), "{text}");
        }
        let deep = format!("{}{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000));
        for text in ["", "{", "{} {}", "{}x", "{'a':1}", r#"{"a":1e999}"#, r#"{"a":"\ud800"}"#, r#"{"a":NaN}"#, &deep] {
            let refused = strict_object(text.as_bytes());
            assert!(matches!(refused, Err(StrictJsonError::Syntax { .. })), "{text:.20}: {refused:?}");
        }
        assert!(matches!(strict_object(b"{\"a\":\"\xff\"}"), Err(StrictJsonError::Syntax { .. })));
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_serde_reads(a in any::<i64>(), b in any::<f64>(), c in "\\PC*", d in any::<bool>()) {
            let value = json!({ "a": a, "b": b, "c": [c, { "d": d, "e": null }] });
            let read = strict_object(value.to_string().as_bytes()).unwrap();
            prop_assert_eq!(Value::Object(read), serde_json::from_str::<Value>(&value.to_string()).unwrap());
        }
    }
}
