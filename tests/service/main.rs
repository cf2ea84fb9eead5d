//! feedpass as its users meet it: over HTTP, with AWS faked at the wire alone.

#![expect(unreachable_pub, reason = "a test binary has no outside")]

mod support;

mod credentials;
mod documents;
mod flights;
mod grants;
mod malformed;
mod outages;
mod refusals;
mod web_identity;
