//! `AssumeRoleWithWebIdentity`, with the checks in STS's order.

use http::StatusCode;
use secrecy::ExposeSecret;

use super::give::{self, Given};
use super::params::{AssumeRole, Params, Proof};
use crate::iam::{Context, Decision, Principal, Request};
use crate::sandbox::identity_token::{UnverifiedToken, WebIdentity};
use crate::sandbox::received::Received;
use crate::sandbox::reply::Refusal;
use crate::sandbox::world::World;
use crate::sandbox::{OidcProvider, Role};

/// A session as it was given, and what else the answer says.
pub(super) struct Assumed {
    pub(super) given: Given,
    pub(super) subject: String,
    pub(super) audience: String,
    pub(super) provider: String,
    pub(super) source_identity: Option<String>,
    /// For the log: who was let in, and by which statement.
    pub(super) why: String,
}

/// Exchanges a web identity token for a role session.
pub(super) async fn assume_role(world: &World, received: &Received, params: &Params) -> Result<Assumed, Refusal> {
    let asked = AssumeRole::read(params, Proof::WebIdentity)?;
    if received.parts.headers.contains_key("x-amz-security-token") {
        // aws/aws-sdk-php#1725: AWS answers this header, which has no place here, with this error.
        return Err(no_key("the request carries X-Amz-Security-Token, and must be sent without credentials"));
    }
    let token = UnverifiedToken::parse(asked.token.expose_secret())?;
    let accounts = world.accounts.load_full();
    let provider = accounts
        .provider(&asked.role, &token.unverified_issuer)
        .ok_or_else(|| no_provider(&accounts, &asked, &token.unverified_issuer))?;
    let key = world.jwks.key(&provider.url, &token.unverified_kid, token.algorithm).await.map_err(no_key)?;
    let now = world.clock.now();
    let identity = token.verify(&key)?.check(provider, now)?;
    let role = accounts.role(&asked.role).ok_or_else(|| not_authorized("there is no such role"))?;
    let allowed = authorize(role, provider, &asked, &identity)?;
    let tags: usize = identity.tags.tags.iter().map(|(key, value)| key.len() + value.len()).sum();
    let given = give::session(world, role, &asked, tags, kept(provider, &asked, &identity))?;
    Ok(Assumed {
        why: format!("{:?} is {}, {allowed}", identity.subject, given.session.arn()),
        given,
        subject: identity.subject,
        audience: identity.audience,
        provider: provider.url.to_string(),
        source_identity: identity.tags.source_identity,
    })
}

/// Asks the role's trust policy for the role, and for tags and source identity where the token has
/// any: one right does not give the others.
fn authorize(
    role: &Role,
    provider: &OidcProvider,
    asked: &AssumeRole,
    identity: &WebIdentity,
) -> Result<Decision, Refusal> {
    let context = trust_context(provider, asked, identity);
    let decide = |action: &str| {
        let principal = Some(Principal::Federated(provider_arn(provider, asked)));
        let request = Request { principal, action: action.to_owned(), resource: None, context: context.clone() };
        match role.trust_policy.evaluate(&request) {
            allowed @ Decision::Allowed(_) => Ok(allowed),
            decision => Err(not_authorized(format!("the trust policy of {} on {action}: {decision}", role.arn))),
        }
    };
    let allowed = decide("sts:AssumeRoleWithWebIdentity")?;
    if !identity.tags.tags.is_empty() {
        decide("sts:TagSession")?;
    }
    if identity.tags.source_identity.is_some() {
        decide("sts:SetSourceIdentity")?;
    }
    Ok(allowed)
}

/// The condition keys that a trust policy can ask for (docs/aws.md §3.1).
fn trust_context(provider: &OidcProvider, asked: &AssumeRole, identity: &WebIdentity) -> Context {
    let mut context = federated_context(provider, identity);
    let claim = |name: &str| format!("{}:{name}", provider.url.without_scheme());
    context.set(&claim("oaud"), &identity.original_audience);
    context.set(&claim("email"), &identity.email);
    context.set("sts:RoleSessionName", [&asked.session_name]);
    context.set("sts:SourceIdentity", &identity.tags.source_identity);
    context.set("sts:TransitiveTagKeys", &identity.tags.transitive);
    context.set("aws:TagKeys", identity.tags.tags.iter().map(|(key, _)| key));
    for (key, value) in &identity.tags.tags {
        context.set(&format!("aws:RequestTag/{key}"), [value]);
    }
    context
}

/// The keys of a token that its session keeps.
fn federated_context(provider: &OidcProvider, identity: &WebIdentity) -> Context {
    let mut context = Context::default();
    let claim = |name: &str| format!("{}:{name}", provider.url.without_scheme());
    context.set(&claim("sub"), [&identity.subject]);
    context.set(&claim("aud"), [&identity.audience]);
    context.set(&claim("amr"), &identity.amr);
    context
}

/// What stays with the session of what its token said.
fn kept(provider: &OidcProvider, asked: &AssumeRole, identity: &WebIdentity) -> Context {
    let mut context = federated_context(provider, identity);
    context.set("aws:FederatedProvider", [provider_arn(provider, asked)]);
    context.set("aws:SourceIdentity", &identity.tags.source_identity);
    for (key, value) in &identity.tags.tags {
        context.set(&format!("aws:PrincipalTag/{key}"), [value]);
    }
    context
}

fn provider_arn(provider: &OidcProvider, asked: &AssumeRole) -> String {
    let (partition, issuer) = (asked.role.partition(), provider.url.without_scheme());
    format!("arn:{partition}:iam::{}:oidc-provider/{issuer}", provider.account)
}

fn not_authorized(why: impl Into<String>) -> Refusal {
    let message = "Not authorized to perform sts:AssumeRoleWithWebIdentity";
    Refusal::new(StatusCode::FORBIDDEN, "AccessDenied", message).because(why)
}

fn no_provider(accounts: &crate::sandbox::Accounts, asked: &AssumeRole, issuer: &str) -> Refusal {
    let known: Vec<_> =
        accounts.providers.iter().map(|provider| format!("{} in {}", provider.url, provider.account)).collect();
    let (account, partition) = (asked.role.account(), asked.role.partition());
    let message = format!("No OpenIDConnect provider found in your account for {issuer}");
    Refusal::bad("InvalidIdentityToken", message).because(format!(
        "account {account} of partition {partition} has no provider for {issuer:?}; there are {}",
        known.join(", ")
    ))
}

/// Two spaces after the comma, as AWS writes it.
fn no_key(why: impl Into<String>) -> Refusal {
    let message = "Couldn't retrieve verification key from your identity provider,  please reference \
                   AssumeRoleWithWebIdentity documentation for requirements";
    Refusal::bad("InvalidIdentityToken", message).because(why)
}
