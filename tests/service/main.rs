//! feedpass as its users meet it: over HTTP, with AWS faked at the wire alone.

mod support;

mod documents;
