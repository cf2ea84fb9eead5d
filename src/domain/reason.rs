//! Why an admin does what needs one.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::invalid::{Invalid, text_value};

/// A reason in an admin's words, for the audit trail: 1 to 500 characters on one line.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Reason(String);

text_value!(Reason);

const LONGEST: usize = 500;

impl FromStr for Reason {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        let length = text.chars().count();
        if length == 0 || length > LONGEST || text.chars().any(char::is_control) {
            return Err(Invalid::new("a reason", text, "it is 1 to 500 characters on one line"));
        }
        Ok(Self(text.to_owned()))
    }
}
