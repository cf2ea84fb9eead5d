//! What there is to see of a feed: what AWS has to allow it, and whether AWS does.

mod trust;

use std::sync::Arc;

use crate::authn::Caller;
use crate::authz::{self, Permit, Refusal, Wish};
use crate::domain::{IssuerUrl, SpaceFeed};
use crate::store::Store;

pub use trust::{Checked, Needed};

/// Shows feeds to those who may look at them. Cloning shares it.
#[derive(Clone)]
pub struct Catalog {
    store: Arc<Store>,
    issuer: IssuerUrl,
}

impl Catalog {
    /// Shows what is in `store`; tokens are of `issuer`.
    #[must_use]
    pub fn new(store: Arc<Store>, issuer: IssuerUrl) -> Self {
        Self { store, issuer }
    }

    fn permit(&self, caller: &Caller, target: &SpaceFeed) -> Result<Permit, Refusal> {
        authz::permit(caller, &self.store.current(), target, Wish::Catalog)
    }
}
