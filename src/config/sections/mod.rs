//! The sections of the file, each read by a function that names its keys.
//!
//! What they give is a [`Draft`]: every value that could be read, with its place where a check of
//! several values needs it. A value that is missing or wrong is a `None` that was told of.

mod audit;
mod aws;
mod client;
mod feed;
mod keys;
mod limits;
mod listen;
mod store;
mod workload;

use std::path::PathBuf;

pub(super) use aws::{EndpointDraft, SandboxDraft};
pub(super) use client::{ClientDraft, HASH_HINT};
pub(super) use feed::FeedDraft;
pub(super) use workload::{WorkloadDraft, WorkloadIssuerDraft};

use super::context::Located;
use super::reader::Reader;
use super::settings::{AuditSettings, AwsEndpoint, KeySettings, Listen, Settings, TokenSettings};
use crate::domain::{AccessLifetime, Audience, IssuerUrl, Limits, Slug, Space, TokenLifetime};
use store::StoreDraft;

/// What could be read of the file.
pub(super) struct Draft {
    pub(super) issuer: Option<Located<IssuerUrl>>,
    pub(super) audience: Option<Audience>,
    pub(super) listen: Option<Listen>,
    pub(super) store: StoreDraft,
    pub(super) audit: AuditSettings,
    pub(super) keys: KeySettings,
    pub(super) tokens: TokenSettings,
    pub(super) limits: Limits,
    pub(super) aws: Option<EndpointDraft>,
    pub(super) sandbox: SandboxDraft,
    pub(super) spaces: Vec<Option<Located<Slug>>>,
    pub(super) feeds: Vec<FeedDraft>,
    pub(super) clients: Vec<ClientDraft>,
    pub(super) workload_issuers: Vec<WorkloadIssuerDraft>,
    pub(super) workloads: Vec<WorkloadDraft>,
}

/// Reads all sections.
pub(super) fn read(root: &mut Reader<'_>) -> Option<Draft> {
    let issuer: Option<Located<IssuerUrl>> =
        root.required("issuer", "the URL that IAM is told, as in `issuer = \"https://id.example.com\"`");
    let default_audience = issuer.as_ref().map(|issuer| Audience::from(&issuer.value));
    let audience = root.get("audience").map(|audience| audience.value).or(default_audience);
    let listen = root.table("listen", listen::read);
    let store = root.table("store", store::read);
    let audit = root.table("audit", audit::read)?;
    let keys = root.table("keys", keys::read)?;
    let tokens = root.table("tokens", |tokens| TokenSettings {
        lifetime: tokens.or("lifetime", TokenLifetime::default()),
        access_lifetime: tokens.or("access_lifetime", AccessLifetime::default()),
    });
    let limits = root.table("limits", limits::read)?;
    let aws = root.table("aws", aws::read);
    let sandbox = aws::sandbox(root)?;
    let spaces = root.tables("space", &["slug"], |space| space.required("slug", "the space's slug, as in `default`"));
    let feeds = root.tables("feed", &["space", "slug"], feed::read);
    let clients = root.tables("client", &["id"], client::read);
    // Where the URL is wrong, nothing comes of the rest.
    let internal_url = listen.as_ref().map_or("unknown".to_owned(), |listen| listen.at(""));
    let workload_issuers = root.tables("workload_issuer", &["name"], |issuer| workload::issuer(issuer, &internal_url));
    let workloads = root.tables("workload", &["name"], workload::rule);
    Some(Draft {
        issuer,
        audience,
        listen,
        store,
        audit,
        keys,
        tokens,
        limits,
        aws,
        sandbox,
        spaces,
        feeds,
        clients,
        workload_issuers,
        workloads,
    })
}

impl Draft {
    /// The settings; none if anything was missing or wrong.
    pub(super) fn settle(self, files: Vec<PathBuf>) -> Option<Settings> {
        let audience = self.audience?;
        let space = |slug: Option<Located<Slug>>| Some(Space { slug: slug?.value, name: None });
        let feed = |draft: &FeedDraft| draft.feed(&audience)?.checked().ok();
        let feeds = self.feeds.iter().map(feed).collect::<Option<_>>()?;
        Some(Settings {
            issuer: self.issuer?.value,
            listen: self.listen?,
            store: self.store.url?,
            encryption_keys: self.store.encryption_keys,
            audit: self.audit,
            keys: self.keys,
            tokens: self.tokens,
            limits: self.limits,
            aws: match self.aws? {
                EndpointDraft::Aws => AwsEndpoint::Aws,
                EndpointDraft::Sandbox => AwsEndpoint::Sandbox(self.sandbox.settle()?),
                EndpointDraft::Custom { sts, ecr } => AwsEndpoint::Custom { sts, ecr },
            },
            spaces: self.spaces.into_iter().map(space).collect::<Option<_>>()?,
            feeds,
            clients: self.clients.into_iter().map(ClientDraft::settle).collect::<Option<_>>()?,
            workload_issuers: self
                .workload_issuers
                .into_iter()
                .map(WorkloadIssuerDraft::settle)
                .collect::<Option<_>>()?,
            workloads: self.workloads.into_iter().map(WorkloadDraft::settle).collect::<Option<_>>()?,
            audience,
            files,
        })
    }
}
