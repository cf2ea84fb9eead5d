//! How many at once.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use super::{Whom, lock};

/// Requests on their way to an answer; nobody stands here who has none.
#[derive(Debug, Default)]
pub(super) struct UnderWay(Mutex<HashMap<Whom, u32>>);

/// A request's place among those at once, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    whom: Whom,
    under_way: Arc<UnderWay>,
}

impl UnderWay {
    /// A place for `whom`; none when `most` are taken.
    pub(super) fn enter(self: &Arc<Self>, whom: &Whom, most: u32) -> Option<Place> {
        let mut counts = lock(&self.0);
        let count = counts.get(whom).copied().unwrap_or(0);
        if count >= most {
            return None;
        }
        counts.insert(whom.clone(), count + 1);
        Some(Place { whom: whom.clone(), under_way: Arc::clone(self) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = lock(&self.under_way.0);
        if let Some(count) = counts.get_mut(&self.whom) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.whom);
            }
        }
    }
}

/// The places that one request takes; they are free when the last clone goes.
#[derive(Clone, Debug)]
pub(in crate::http) struct Places(Arc<Taken>);

#[derive(Debug)]
struct Taken {
    _address: Option<Place>,
    client: OnceLock<Place>,
}

impl Places {
    pub(super) fn of_address(place: Option<Place>) -> Self {
        Self(Arc::new(Taken { _address: place, client: OnceLock::new() }))
    }

    /// Keeps the client's place too; a request is one client's.
    pub(super) fn add(&self, client: Place) {
        // A second place of the same client is given back at once.
        let _ = self.0.client.set(client);
    }
}

/// An answer that is being sent, with the places that it still takes.
pub(super) struct Answering {
    body: Body,
    _places: Places,
}

impl Answering {
    pub(super) fn new(body: Body, places: Places) -> Self {
        Self { body, _places: places }
    }
}

impl HttpBody for Answering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_its_request_goes() {
        let under_way = Arc::new(UnderWay::default());
        let [a, b] = [1, 2].map(|last| Whom::at([192, 0, 2, last].into()));
        let first = under_way.enter(&a, 2);
        let places = Places::of_address(under_way.enter(&a, 2));
        assert!(first.is_some() && under_way.enter(&a, 2).is_none());
        assert!(under_way.enter(&b, 2).is_some(), "another's are its own");
        assert!(under_way.enter(&a, 3).is_some(), "the limit may be raised meanwhile");
        let answer = Answering::new(Body::from("…"), places.clone());
        drop(places);
        assert!(under_way.enter(&a, 2).is_none(), "its answer is still being sent");
        drop((first, answer));
        assert_eq!(under_way.0.lock().unwrap().len(), 0, "nobody is counted who has no request");
    }
}
