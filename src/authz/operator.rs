//! May this [`Caller`] act as an admin? By its roles alone; no grant counts here.

use std::collections::BTreeSet;

use crate::authn::Caller;
use crate::domain::{ClientId, Role, Slug};
use crate::store::Snapshot;

/// What a route of the admin API needs.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Duty {
    /// To see spaces and feeds.
    ReadFeeds,
    /// To make, change and remove feeds.
    ChangeFeeds,
    /// To make, change and remove spaces.
    ChangeSpaces,
    /// To see clients and their grants.
    ReadClients,
    /// To make, change and remove clients, their grants and secrets.
    ChangeClients,
    /// To see the trusted issuers of workloads and the rules for them.
    ReadWorkloads,
    /// To change them.
    ChangeWorkloads,
    /// To see who got what.
    ReadAudit,
    /// To see the signing keys.
    ReadKeys,
    /// To rotate the signing keys.
    ChangeKeys,
}

impl Duty {
    /// All duties.
    pub const ALL: [Self; 10] = [
        Self::ReadFeeds,
        Self::ChangeFeeds,
        Self::ChangeSpaces,
        Self::ReadClients,
        Self::ChangeClients,
        Self::ReadWorkloads,
        Self::ChangeWorkloads,
        Self::ReadAudit,
        Self::ReadKeys,
        Self::ChangeKeys,
    ];

    /// Whether it changes anything.
    #[must_use]
    pub fn changes(self) -> bool {
        match self {
            Self::ChangeFeeds | Self::ChangeSpaces | Self::ChangeClients | Self::ChangeWorkloads | Self::ChangeKeys => {
                true
            }
            Self::ReadFeeds | Self::ReadClients | Self::ReadWorkloads | Self::ReadAudit | Self::ReadKeys => false,
        }
    }

    /// Whether `role` has it, and if so, how far.
    fn within(self, role: &Role) -> Option<Reach> {
        let has = match role {
            Role::Admin => true,
            Role::Auditor => !self.changes(),
            Role::CatalogReader => self == Self::ReadFeeds,
            Role::KeyAdmin => matches!(self, Self::ReadKeys | Self::ChangeKeys),
            Role::SpaceAdmin(space) => {
                let own = matches!(
                    self,
                    Self::ReadFeeds | Self::ChangeFeeds | Self::ReadClients | Self::ChangeClients | Self::ReadAudit
                );
                return own.then(|| Reach::Spaces(BTreeSet::from([space.clone()])));
            }
        };
        has.then_some(Reach::Everything)
    }
}

/// How far an operator's duty goes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reach {
    /// Everywhere.
    Everything,
    /// To these spaces, what is in them and the clients that belong to them.
    Spaces(BTreeSet<Slug>),
}

impl Reach {
    /// Whether the space is within reach. What belongs to no space is within reach of everything alone.
    #[must_use]
    pub fn covers(&self, space: Option<&Slug>) -> bool {
        match self {
            Self::Everything => true,
            Self::Spaces(spaces) => space.is_some_and(|space| spaces.contains(space)),
        }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Spaces(mut spaces), Self::Spaces(more)) => {
                spaces.extend(more);
                Self::Spaces(spaces)
            }
            _ => Self::Everything,
        }
    }
}

/// The proof that a caller may act as an admin. Only this room makes one.
#[derive(Clone, Debug)]
pub struct Operator {
    caller: Caller,
    duty: Duty,
    reach: Reach,
}

impl Operator {
    /// Who acts.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// As what.
    #[must_use]
    pub fn duty(&self) -> Duty {
        self.duty
    }

    /// How far.
    #[must_use]
    pub fn reach(&self) -> &Reach {
        &self.reach
    }
}

/// No role of the caller has the duty.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("client `{client}` has no role that may do that; {}", has(roles, *.scoped_out))]
pub struct RoleMissing {
    /// Who asked.
    pub client: ClientId,
    /// The roles that it has.
    pub roles: Vec<Role>,
    /// Whether no role counts because its access token's scope is without `admin`.
    pub scoped_out: bool,
}

fn has(roles: &[Role], scoped_out: bool) -> String {
    if scoped_out {
        "the scope of its access token is without `admin`".into()
    } else if roles.is_empty() {
        "it has no role at all".into()
    } else {
        format!("its roles are {}", super::listed(roles, ", "))
    }
}

/// Lets `caller` act in `duty`, as far as its roles go together.
///
/// # Errors
/// [`RoleMissing`]: the caller's to mend, by asking an administrator for a role.
pub fn operator(caller: &Caller, snapshot: &Snapshot, duty: Duty) -> Result<Operator, RoleMissing> {
    let within = |role: &Role| duty.within(&role_now(role, snapshot));
    let reach = caller.roles().iter().filter_map(within).reduce(Reach::and);
    match reach {
        Some(reach) => Ok(Operator { caller: caller.clone(), duty, reach }),
        None => Err(RoleMissing {
            client: caller.id().clone(),
            roles: caller.roles().iter().cloned().collect(),
            scoped_out: !caller.scope().has_admin(),
        }),
    }
}

/// The role with the name that its space has now. The store's roles are rewritten with a rename; those of the
/// configuration are not.
#[must_use]
pub fn role_now(role: &Role, snapshot: &Snapshot) -> Role {
    match role {
        Role::SpaceAdmin(space) => Role::SpaceAdmin(snapshot.space_now(space).unwrap_or_else(|| space.clone())),
        Role::CatalogReader | Role::Auditor | Role::KeyAdmin | Role::Admin => role.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(duty: Duty, roles: &[&str]) -> Option<Reach> {
        roles.iter().map(|role| role.parse().unwrap()).filter_map(|role: Role| duty.within(&role)).reduce(Reach::and)
    }

    #[test]
    fn each_role_has_its_duties_and_no_more() {
        for duty in Duty::ALL {
            assert_eq!(reach(duty, &["admin"]), Some(Reach::Everything), "{duty:?}");
            assert_eq!(reach(duty, &["auditor"]).is_some(), !duty.changes(), "{duty:?}");
            assert_eq!(reach(duty, &["catalog_reader"]).is_some(), duty == Duty::ReadFeeds, "{duty:?}");
            let keys = matches!(duty, Duty::ReadKeys | Duty::ChangeKeys);
            assert_eq!(reach(duty, &["key_admin"]).is_some(), keys, "{duty:?}");
        }
        for beyond in [Duty::ChangeSpaces, Duty::ReadWorkloads, Duty::ChangeWorkloads, Duty::ReadKeys, Duty::ChangeKeys]
        {
            assert_eq!(reach(beyond, &["space_admin:team-a"]), None, "{beyond:?}");
        }
    }

    #[test]
    fn a_spaces_admin_reaches_its_spaces_alone() {
        let both = reach(Duty::ChangeFeeds, &["space_admin:team-a", "space_admin:team-b"]).unwrap();
        assert!(both.covers(Some(&"team-a".parse().unwrap())) && both.covers(Some(&"team-b".parse().unwrap())));
        assert!(!both.covers(Some(&"team-c".parse().unwrap())));
        assert!(!both.covers(None), "what belongs to no space");
        assert_eq!(reach(Duty::ReadFeeds, &["space_admin:team-a", "auditor"]), Some(Reach::Everything));
    }
}
