//! There is always somebody who can make admins.

use jiff::Timestamp;

use super::AdminError;
use super::scene::Scene;
use crate::domain::{Client, ClientSecret, Role};

/// How well a client keeps the installation from being nobody's.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Hold {
    /// It is no admin, or cannot prove that it is one.
    None,
    /// It is one until it ends.
    Passing,
    /// It is one for good.
    Lasting,
}

fn hold(client: &Client, now: Timestamp) -> Hold {
    let proves =
        client.secrets.iter().any(|secret: &ClientSecret| secret.is_live(now)) || !client.public_keys.is_empty();
    match client.expires_at {
        _ if !client.roles.contains(&Role::Admin) || !client.is_live(now) || !proves => Hold::None,
        Some(_) => Hold::Passing,
        None => Hold::Lasting,
    }
}

/// Refuses to make `after` of `before`, or nothing, if that would leave a weaker hold than there is. Declared clients
/// count: the configuration is the operator's too.
pub(super) fn check(scene: &Scene<'_>, before: &Client, after: Option<&Client>) -> Result<(), AdminError> {
    let was = hold(before, scene.now);
    let becomes = after.map_or(Hold::None, |after| hold(after, scene.now));
    if becomes >= was {
        return Ok(());
    }
    let others = scene.snapshot.clients_after(None).filter(|other| other.value.id != before.id);
    let others = others.map(|other| hold(&other.value, scene.now)).max().unwrap_or(Hold::None);
    if becomes.max(others) >= was {
        return Ok(());
    }
    Err(AdminError::LastAdmin { client: before.id.clone(), lasting: becomes.max(others) == Hold::Passing })
}
