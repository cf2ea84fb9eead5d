//! Where keys have to be known.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde_json::Value;

use crate::domain::{AccountId, Feed, Region};
use crate::store::Snapshot;

/// Where a key is asked about.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Place {
    /// The issuer's public URL.
    PublicUrl,
    /// STS, for an account and in a region.
    Sts(AccountId, Region),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PublicUrl => f.write_str("the public URL"),
            Self::Sts(account, region) => write!(f, "STS for account {account} in {region}"),
        }
    }
}

impl Place {
    /// What an audit line has of it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Self::PublicUrl => serde_json::json!({ "place": "public_url" }),
            Self::Sts(account, region) => serde_json::json!({ "place": "sts", "account": account, "region": region }),
        }
    }

    /// The place that an audit line, or an answer, tells of; none where it tells of none.
    #[must_use]
    pub fn from_json(details: &Value) -> Option<Self> {
        match details["place"].as_str()? {
            "public_url" => Some(Self::PublicUrl),
            "sts" => {
                Some(Self::Sts(details["account"].as_str()?.parse().ok()?, details["region"].as_str()?.parse().ok()?))
            }
            _ => None,
        }
    }

    /// The account, of STS.
    #[must_use]
    pub fn account(&self) -> Option<&AccountId> {
        match self {
            Self::PublicUrl => None,
            Self::Sts(account, _) => Some(account),
        }
    }

    /// Where `feed` shows STS its tokens: nowhere, if it has none.
    pub fn of(feed: &Feed) -> impl Iterator<Item = Self> {
        let place = |(account, region): (&AccountId, &Region)| Self::Sts(account.clone(), region.clone());
        let account = feed.web_identity().map(|identity| identity.role.account());
        account.into_iter().flat_map(|account| feed.regions().map(move |region| (account, region))).map(place)
    }
}

/// The accounts and regions in which feeds ask STS, with a few feeds of each to ask by.
pub type Places = BTreeMap<Place, Vec<Arc<Feed>>>;

/// How many feeds of a place are tried until one is found whose role lets it in.
const FEEDS: usize = 3;

/// The places in use, reckoned anew when there are other feeds: that is a look at each of them, and rotation asks
/// every second.
#[derive(Default)]
pub(super) struct InUse(Mutex<Option<(Weak<Snapshot>, Arc<Places>)>>);

impl InUse {
    /// Where feeds of `snapshot` ask STS.
    pub(super) fn by(&self, snapshot: &Arc<Snapshot>) -> Arc<Places> {
        let mut reckoned = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, places)) = &*reckoned
            && std::ptr::eq(of.as_ptr(), Arc::as_ptr(snapshot))
        {
            return Arc::clone(places);
        }
        let mut places = Places::new();
        for feed in snapshot.feeds() {
            for place in Place::of(feed) {
                let feeds = places.entry(place).or_default();
                if feeds.len() < FEEDS {
                    feeds.push(Arc::clone(feed));
                }
            }
        }
        let places = Arc::new(places);
        *reckoned = Some((Arc::downgrade(snapshot), Arc::clone(&places)));
        places
    }
}
