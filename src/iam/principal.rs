//! Who asks, and whom a statement names.

/// Who makes a request, as a resource-based policy (a trust policy among them) sees it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Principal {
    /// An identity of AWS, by the ARNs that name it: of an assumed-role session, that of the
    /// session and that of its role.
    Aws(Vec<String>),
    /// Whoever an identity provider vouches for, by the provider's ARN.
    Federated(String),
    /// An AWS service, by its name.
    Service(String),
}

impl std::fmt::Display for Principal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Aws(arns) => write!(f, "AWS {}", arns.first().map_or("", String::as_str)),
            Self::Federated(provider) => write!(f, "Federated {provider}"),
            Self::Service(name) => write!(f, "Service {name}"),
        }
    }
}

/// Whom a `Principal` or `NotPrincipal` element names.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Named {
    /// `"*"`, or `{"AWS": "*"}`, which means the same (IAM User Guide, "Principal", "All principals").
    pub(super) everyone: bool,
    pub(super) aws: Vec<String>,
    pub(super) federated: Vec<String>,
    pub(super) service: Vec<String>,
}

impl Named {
    /// Whether `principal` is among those named.
    pub(super) fn includes(&self, principal: &Principal) -> bool {
        self.everyone
            || match principal {
                Principal::Aws(arns) => arns.iter().any(|arn| self.aws.iter().any(|named| names(named, arn))),
                Principal::Federated(provider) => self.federated.contains(provider),
                Principal::Service(name) => self.service.contains(name),
            }
    }
}

/// Whether what a policy writes under `AWS` means `arn`: the ARN itself, or its account as twelve
/// digits or as `…:root`.
fn names(named: &str, arn: &str) -> bool {
    let account = arn.split(':').nth(4).unwrap_or_default();
    let partition = arn.split(':').nth(1).unwrap_or_default();
    named == arn || named == account || named == format!("arn:{partition}:iam::{account}:root")
}

impl std::fmt::Display for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kinds = [("AWS", &self.aws), ("Federated", &self.federated), ("Service", &self.service)];
        let mut all: Vec<String> = if self.everyone { vec!["*".to_owned()] } else { Vec::new() };
        all.extend(kinds.iter().flat_map(|(kind, names)| names.iter().map(move |name| format!("{kind} {name}"))));
        f.write_str(&all.join(" or "))
    }
}
