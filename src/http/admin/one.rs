//! Handlers for one thing at its own path, whatever kind it is of.

use axum::extract::State;
use axum::http::StatusCode;

use super::answers::Item;
use super::parts::IfMatch;
use crate::admin::{Admin, Replaceable};
use crate::authz::Operator;
use crate::broker::Broker;
use crate::domain::IssuerUrl;
use crate::http::body::Body;
use crate::http::problem::Problem;
use crate::store::Entry;

/// What stands at a path of its own.
pub(in crate::http) trait Shown: Replaceable {
    /// The part of a request that reads its name from the path.
    type Path;

    /// How it is shown.
    type Body;

    fn key(path: Self::Path) -> Self::Key;

    /// It as feedpass, under the name of `issuer`, shows it.
    fn shown(entry: &Entry<Self>, issuer: &IssuerUrl) -> Item<Self::Body>;
}

pub(in crate::http) async fn show<T: Shown>(
    State(admin): State<Admin>,
    State(broker): State<Broker>,
    operator: Operator,
    path: T::Path,
) -> Result<Item<T::Body>, Problem> {
    Ok(T::shown(&admin.one(&operator, &T::key(path))?, broker.issuer()))
}

pub(in crate::http) async fn change<T: Shown>(
    State(admin): State<Admin>,
    State(broker): State<Broker>,
    operator: Operator,
    path: T::Path,
    IfMatch(expected): IfMatch,
    Body(draft): Body<T::Draft>,
) -> Result<Item<T::Body>, Problem> {
    let changed = admin.replace(&operator, &T::key(path), &draft, &expected).await?;
    Ok(T::shown(&changed, broker.issuer()))
}

pub(in crate::http) async fn remove<T: Shown>(
    State(admin): State<Admin>,
    operator: Operator,
    path: T::Path,
    IfMatch(expected): IfMatch,
) -> Result<StatusCode, Problem> {
    admin.remove::<T>(&operator, &T::key(path), &expected).await?;
    Ok(StatusCode::NO_CONTENT)
}
