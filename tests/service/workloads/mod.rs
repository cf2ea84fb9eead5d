//! Workloads of outside issuers, who have no secret: their tokens, made as the issuers make them, over HTTP.

mod admin;
mod attacks;
mod exchange;
pub mod issuer;
mod keys;
mod kinds;
mod outages;
mod rules;
