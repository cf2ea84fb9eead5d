//! `[[workload_issuer]]` and `[[workload]]`

use std::collections::BTreeMap;

use crate::config::context::{Located, Place};
use crate::config::reader::Reader;
use crate::config::tree::{Node, Value, parse_list};
use crate::config::words::found;
use crate::domain::{
    ClaimMatcher, ClaimPath, ClaimPattern, ClientId, Glob, JwksUrl, KeySource, Period, PinnedJwks, RuleMode, Slug,
    TrustedIssuer, WorkloadIssuerUrl, WorkloadRule,
};

/// What could be read of one trusted issuer.
pub(in crate::config) struct WorkloadIssuerDraft {
    pub(in crate::config) name: Option<Located<Slug>>,
    pub(in crate::config) issuer: Option<Located<WorkloadIssuerUrl>>,
    made: Option<TrustedIssuer>,
}

/// What could be read of one rule.
pub(in crate::config) struct WorkloadDraft {
    pub(in crate::config) name: Option<Located<Slug>>,
    pub(in crate::config) client: Option<ClientId>,
    rule: Option<WorkloadRule>,
}

const AUDIENCES_HINT: &str = r#"a list of audiences, as in `["https://feedpass.internal"]`"#;
const CLAIM_HINT: &str = "a text, true or false, a whole number, `{ pattern = \"…\" }`, or a list of these";

/// Reads a trusted issuer, whose tokens are for `internal_url` unless it says otherwise.
pub(super) fn issuer(issuer: &mut Reader<'_>, internal_url: &str) -> WorkloadIssuerDraft {
    let name: Option<Located<Slug>> = issuer.required("name", "what admins call the issuer, as in `github`");
    let url: Option<Located<WorkloadIssuerUrl>> = issuer.required(
        "issuer",
        "what its tokens have in `iss`, to the letter, as in `https://token.actions.githubusercontent.com`",
    );
    let audiences = audiences(issuer, internal_url);
    let algorithms: Option<Vec<_>> = issuer.has("algorithms").then(|| {
        let algorithms = issuer.some_of("algorithms", r#"a list of algorithms, as in `["RS256"]`"#);
        algorithms.into_iter().map(|algorithm| algorithm.value).collect()
    });
    let keys = keys(issuer);
    let max_lifetime = issuer.get::<Period>("max_lifetime");
    let made = || {
        let made = TrustedIssuer::new(name.as_ref()?.value.clone(), url.as_ref()?.value.clone(), audiences?);
        let made = issuer.told("audiences", made)?;
        let made = match algorithms {
            // A list of which nothing could be read was told of.
            Some(algorithms) => made.with_algorithms(algorithms).ok()?,
            None => made,
        };
        let made = match max_lifetime {
            Some(max_lifetime) => issuer.told("max_lifetime", made.with_max_lifetime(max_lifetime.value))?,
            None => made,
        };
        Some(made.with_keys(keys?))
    };
    let made = made();
    WorkloadIssuerDraft { name, issuer: url, made }
}

fn audiences(issuer: &mut Reader<'_>, internal_url: &str) -> Option<Vec<String>> {
    if !issuer.has("audiences") {
        return Some(vec![internal_url.to_owned()]);
    }
    let texts = issuer.one_or_more("audiences", AUDIENCES_HINT)?;
    let count = texts.len();
    let audiences: Vec<_> =
        issuer.values(texts, |text| Ok(text.to_owned())).into_iter().map(|text| text.value).collect();
    (audiences.len() == count).then_some(audiences)
}

/// Where the keys come from; none where that is wrong.
fn keys(issuer: &mut Reader<'_>) -> Option<KeySource> {
    match (issuer.has("jwks_url"), issuer.has("jwks_file")) {
        (false, false) => Some(KeySource::Discovery),
        _ if issuer.in_file("jwks_url", "jwks_file") => {
            let set = issuer.file("jwks_file")?;
            let set = set.value.parse::<PinnedJwks>();
            issuer.told("jwks_file", set).map(KeySource::Pinned)
        }
        _ => issuer.get::<JwksUrl>("jwks_url").map(|url| KeySource::JwksUrl(url.value)),
    }
}

/// Reads a rule.
pub(super) fn rule(rule: &mut Reader<'_>) -> WorkloadDraft {
    let name: Option<Located<Slug>> = rule.required("name", "what admins call the rule, as in `ci-main`");
    let issuer: Option<Located<Slug>> = rule.required("issuer", "the name of a trusted issuer, as in `github`");
    let client: Option<Located<ClientId>> = rule.required("client", "the id of the client that it gives, as in `ci`");
    let mode = match rule.get::<RuleMode>("mode") {
        None if rule.has("mode") => None,
        found => Some(found.map(|mode| mode.value).unwrap_or_default()),
    };
    if !rule.has("claims") {
        rule.missing("claims", "what a token's claims must be: `[workload.claims]` with, for one, `sub = \"…\"`");
    }
    let claims = if rule.has("claims") { claims(rule) } else { None };
    let client = client.map(|client| client.value);
    let whole = || {
        let (name, issuer) = (name.as_ref()?.value.clone(), issuer?.value);
        rule.told("claims", WorkloadRule::new(name, issuer, client.clone()?, claims?, mode?))
    };
    let rule = whole();
    WorkloadDraft { name, client, rule }
}

/// The conditions; none where one is wrong.
fn claims(rule: &mut Reader<'_>) -> Option<BTreeMap<ClaimPath, ClaimPattern>> {
    let mut claims = BTreeMap::new();
    let mut right = true;
    for (claim, place, node) in rule.members("claims") {
        let path = claim.parse::<ClaimPath>();
        let pattern = pattern(rule, &place, node);
        match (path, pattern) {
            (Ok(path), Some(pattern)) => drop(claims.insert(path, pattern)),
            (path, _) => {
                right = false;
                if let Err(invalid) = path {
                    rule.tell(&place, &invalid);
                }
            }
        }
    }
    right.then_some(claims)
}

fn pattern(rule: &Reader<'_>, place: &Place, node: &Node) -> Option<ClaimPattern> {
    let alternatives: Vec<Option<ClaimMatcher>> = match &node.value {
        Value::List(elements) => elements
            .iter()
            .enumerate()
            .map(|(index, element)| matcher(rule, &place.element(index, &element.origin), &element.value))
            .collect(),
        Value::Untyped(text) if text.starts_with('[') => {
            parse_list(text).unwrap_or_default().into_iter().map(|text| Some(ClaimMatcher::Text(text))).collect()
        }
        one => vec![matcher(rule, place, one)],
    };
    match ClaimPattern::new(alternatives.into_iter().collect::<Option<_>>()?) {
        Ok(pattern) => Some(pattern),
        Err(invalid) => {
            rule.tell(place, &invalid);
            None
        }
    }
}

fn matcher(rule: &Reader<'_>, place: &Place, value: &Value) -> Option<ClaimMatcher> {
    match value {
        Value::Text(text) | Value::Untyped(text) => Some(ClaimMatcher::Text(text.clone())),
        Value::Integer(number) => Some(ClaimMatcher::Integer(*number)),
        Value::Bool(value) => Some(ClaimMatcher::Bool(*value)),
        Value::Table(table) => {
            let glob = Reader::read(rule.context(), table, place.clone(), |table| {
                table.required::<Glob>("pattern", "a text in which `*` stands for a part, as in `my-org/*`")
            });
            glob.map(|glob| ClaimMatcher::Glob(glob.value))
        }
        Value::List(_) | Value::Other(_) => {
            rule.context().mistake(place, Some(found(place, value)), CLAIM_HINT);
            None
        }
    }
}

impl WorkloadIssuerDraft {
    pub(super) fn settle(self) -> Option<TrustedIssuer> {
        self.made
    }
}

impl WorkloadDraft {
    pub(super) fn settle(self) -> Option<WorkloadRule> {
        self.rule
    }
}
