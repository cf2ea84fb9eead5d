//! `AssumeRole`: one who can sign requests becomes a role.

use http::StatusCode;

use super::give::{self, Given};
use super::params::{AssumeRole, Params, Proof};
use super::refuse_signature;
use crate::iam::{Context, Decision, Request};
use crate::sandbox::Role;
use crate::sandbox::received::Received;
use crate::sandbox::reply::Refusal;
use crate::sandbox::sessions::{Session, Who};
use crate::sandbox::sigv4;
use crate::sandbox::world::World;

const ACTION: &str = "sts:AssumeRole";
/// The longest session that a role session can be exchanged for (IAM User Guide, "Role chaining").
const LONGEST_CHAINED: u32 = 3600;

/// A session as it was given.
pub(super) struct Assumed {
    pub(super) given: Given,
    /// For the log: who was let in, and by which statement.
    pub(super) why: String,
}

/// Exchanges a signed request for a role session.
pub(super) fn assume_role(world: &World, received: &Received, params: &Params) -> Result<Assumed, Refusal> {
    let (caller, _) = sigv4::verify(received, "sts", world, world.clock.now()).map_err(refuse_signature)?;
    let asked = AssumeRole::read(params, Proof::Signature)?;
    let accounts = world.accounts.load_full();
    let role = accounts.role(&asked.role);
    let role = role.ok_or_else(|| denied(&caller, &asked, "there is no such role"))?;
    let mut context = caller.context.clone();
    context.set("sts:RoleSessionName", [&asked.session_name]);
    context.set("sts:ExternalId", &asked.external_id);
    let allowed = trusted(role, &caller, &asked, &context)?;
    // In one account a trust policy that names the caller is enough; another's own has to agree.
    if caller.account() != asked.role.account() {
        let permissions = caller.permissions(&accounts);
        let request = Request {
            principal: None,
            action: ACTION.to_owned(),
            resource: Some(asked.role.to_string()),
            context: context.clone(),
        };
        let decision = permissions.map(|permissions| permissions.evaluate(&request));
        if !decision.as_ref().is_some_and(Decision::is_allowed) {
            let decision = decision.map_or_else(|| "it is no longer there".to_owned(), |decision| decision.to_string());
            let why = format!("the permissions of {} on {ACTION}: {decision}", caller.principal_arn());
            return Err(denied(&caller, &asked, why));
        }
    }
    if matches!(caller.who, Who::Role(..)) && asked.duration_seconds > LONGEST_CHAINED {
        let message =
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.";
        return Err(Refusal::bad("ValidationError", message));
    }
    let given = give::session(world, role, &asked, 0, Context::default())?;
    Ok(Assumed { why: format!("{} is {}, {allowed}", caller.arn(), given.session.arn()), given })
}

fn trusted(role: &Role, caller: &Session, asked: &AssumeRole, context: &Context) -> Result<Decision, Refusal> {
    let request = Request {
        principal: Some(caller.principal()),
        action: ACTION.to_owned(),
        resource: None,
        context: context.clone(),
    };
    match role.trust_policy.evaluate(&request) {
        allowed @ Decision::Allowed(_) => Ok(allowed),
        decision => Err(denied(caller, asked, format!("the trust policy of {} on {ACTION}: {decision}", role.arn))),
    }
}

fn denied(caller: &Session, asked: &AssumeRole, why: impl Into<String>) -> Refusal {
    let message = format!("User: {} is not authorized to perform: {ACTION} on resource: {}", caller.arn(), asked.role);
    Refusal::new(StatusCode::FORBIDDEN, "AccessDenied", message).because(why)
}
