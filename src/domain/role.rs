//! What a client may do beyond its grants.

use std::fmt;
use std::str::FromStr;

use super::Slug;
use super::invalid::{Invalid, serde_by_text};

/// What a client may do beyond its grants, written `admin` or `space_admin:team-a`.
///
/// No role opens a feed: credentials are for grants alone. A client without roles is only a client.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Role {
    /// Sees all spaces and feeds, tests feeds and lists their packages.
    CatalogReader,
    /// Sees everything, the audit trail too, and changes nothing.
    Auditor,
    /// Rotates the signing keys.
    KeyAdmin,
    /// Sees and changes everything.
    Admin,
    /// Sees and changes the feeds of one space and the clients that belong to it.
    SpaceAdmin(Slug),
}

serde_by_text!(Role);

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CatalogReader => f.write_str("catalog_reader"),
            Self::Auditor => f.write_str("auditor"),
            Self::KeyAdmin => f.write_str("key_admin"),
            Self::Admin => f.write_str("admin"),
            Self::SpaceAdmin(space) => write!(f, "space_admin:{space}"),
        }
    }
}

impl FromStr for Role {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "catalog_reader" => Ok(Self::CatalogReader),
            "auditor" => Ok(Self::Auditor),
            "key_admin" => Ok(Self::KeyAdmin),
            "admin" => Ok(Self::Admin),
            _ => match text.strip_prefix("space_admin:").map(str::parse) {
                Some(Ok(space)) => Ok(Self::SpaceAdmin(space)),
                _ => Err(Invalid::new(
                    "a role",
                    text,
                    "it is one of `catalog_reader`, `auditor`, `key_admin`, `admin` and `space_admin:SPACE`",
                )),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_reads_as_it_is_written() {
        for text in ["catalog_reader", "auditor", "key_admin", "admin", "space_admin:team-a"] {
            assert_eq!(text.parse::<Role>().unwrap().to_string(), text);
        }
        for bad in ["", "root", "space_admin", "space_admin:", "space_admin:all", "Admin"] {
            assert!(bad.parse::<Role>().is_err(), "{bad} must be refused");
        }
    }
}
