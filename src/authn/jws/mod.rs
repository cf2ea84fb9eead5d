//! Signed tokens of others: taken apart strictly, verified by ring, their claims checked. Pure.
//!
//! A token becomes an [`UnverifiedJwt`], which a [`VerificationKey`] turns into [`Claims`], which
//! [`Expectations`] turn into [`CheckedClaims`]; nothing else makes the latter two. What the specifications
//! leave to the reader (names that stand twice, headers that bring their own key, several audiences) is
//! refused, each for a reason of its own, since each has let someone in somewhere. No error holds the token.

mod claims;
mod header;
mod json;
mod key;
mod key_set;
mod roca;
mod token;

pub use claims::{CheckedClaims, ClaimsError, Expectations, LEEWAY};
pub use header::{KidFault, TokenType};
pub use json::{StrictJsonError, strict_object};
pub use key::{KeyFault, VerificationKey};
pub use key_set::{KeySet, KeySetError, LeftOut, NoKey};
pub(crate) use roca::is_roca;
pub use token::{Claims, JwsError, LONGEST_TOKEN, Part, UnverifiedJws, UnverifiedJwt};

#[cfg(test)]
pub(in crate::authn) mod tests;
