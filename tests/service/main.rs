//! feedpass as its users meet it: over HTTP, with AWS faked at the wire alone.

#![expect(unreachable_pub, missing_docs, reason = "a test binary has no outside")]

mod support;

mod documents;
