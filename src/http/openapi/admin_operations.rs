//! What each route of the admin API takes and answers.

use super::operations::{Answer, JSON, Operation, Parameter, get, ok, optional, post};

const LIMIT: Parameter = optional("limit", "How many at most: 1 to 1000, 100 if left out", "Limit");
const CURSOR: Parameter = optional("cursor", "The `next` of the page before", "Text");
const QUERY: Parameter = optional("query", "A part of the name, slug or id", "Text");
const SPACE: Parameter = optional("space", "Only those of this space", "Slug");
const IF_MATCH: Parameter = Parameter {
    name: "header If-Match",
    about: "The `ETag` of the version that is replaced",
    schema: "Text",
    required: true,
};
const MAY_MATCH: Parameter = optional("header If-Match", "The `ETag` of the version that is removed", "Text");

/// The statuses of a body's problems.
const BODY: [u16; 3] = [400, 408, 415];

const fn put(path: &'static str, summary: &'static str, body: &'static str, answers: &'static [Answer]) -> Operation {
    Operation {
        method: "PUT",
        parameters: &[IF_MATCH],
        body: Some((JSON, body)),
        problems: &[404, BODY[0], BODY[1], 409, 412, BODY[2], 428],
        ..get(path, summary, answers)
    }
}

const fn make(path: &'static str, summary: &'static str, body: &'static str, answers: &'static [Answer]) -> Operation {
    Operation {
        body: Some((JSON, body)),
        problems: &[404, BODY[0], BODY[1], 409, BODY[2]],
        ..post(path, summary, answers)
    }
}

const fn delete(path: &'static str, summary: &'static str, parameters: &'static [Parameter]) -> Operation {
    Operation { method: "DELETE", parameters, problems: &[404, 409, 412], ..get(path, summary, GONE) }
}

const fn show(path: &'static str, summary: &'static str, answers: &'static [Answer]) -> Operation {
    Operation { problems: &[404], ..get(path, summary, answers) }
}

const fn list(
    path: &'static str,
    summary: &'static str,
    parameters: &'static [Parameter],
    answers: &'static [Answer],
) -> Operation {
    Operation { parameters, ..get(path, summary, answers) }
}

const fn made(content: &'static [(&'static str, &'static str)]) -> Answer {
    Answer { status: 201, about: "Made; `Location` says where", content }
}

const GONE: &[Answer] = &[Answer { status: 204, about: "Removed", content: &[] }];
const PLANNED: &[Answer] = &[Answer { status: 202, about: "Planned", content: &[(JSON, "Rename")] }];
const THE_SPACE: &[Answer] = &[ok("The space", &[(JSON, "Space")])];
const THE_FEED: &[Answer] = &[ok("The feed", &[(JSON, "Feed")])];
const THE_CLIENT: &[Answer] = &[ok("The client", &[(JSON, "Client")])];
const THE_WORKLOAD_ISSUER: &[Answer] = &[ok("The issuer", &[(JSON, "WorkloadIssuer")])];
const THE_WORKLOAD: &[Answer] = &[ok("The rule", &[(JSON, "Workload")])];
const LINEAGE: &[Answer] = &[ok("What came of it", &[(JSON, "Lineage")])];

const THE_KEY: &[Answer] = &[ok("The key", &[(JSON, "SigningKey")])];
const PEM: &str = "application/x-pem-file";

/// The lines.
pub(super) const OPERATIONS: &[Operation] = &[
    get("/v1/whoami", "Who the caller is taken for", &[ok("The caller", &[(JSON, "WhoAmI")])]),
    list("/v1/admin/spaces", "The spaces", &[LIMIT, CURSOR, QUERY], &[ok("A page of them", &[(JSON, "Spaces")])]),
    make("/v1/admin/spaces", "Makes a space", "SpaceDraft", &[made(&[(JSON, "Space")])]),
    show("/v1/admin/spaces/{space}", "A space", THE_SPACE),
    put("/v1/admin/spaces/{space}", "Replaces a space", "SpaceDraft", THE_SPACE),
    delete("/v1/admin/spaces/{space}", "Removes an empty space", &[MAY_MATCH]),
    make("/v1/admin/spaces/{space}/rename", "Plans another slug for a space", "RenameDraft", PLANNED),
    list("/v1/admin/feeds", "The feeds", &[LIMIT, CURSOR, QUERY, SPACE], &[ok("A page of them", &[(JSON, "Feeds")])]),
    make("/v1/admin/spaces/{space}/feeds", "Makes a feed", "FeedDraft", &[made(&[(JSON, "Feed")])]),
    show("/v1/admin/spaces/{space}/feeds/{feed}", "A feed", THE_FEED),
    put("/v1/admin/spaces/{space}/feeds/{feed}", "Replaces a feed", "FeedDraft", THE_FEED),
    delete("/v1/admin/spaces/{space}/feeds/{feed}", "Removes a feed", &[MAY_MATCH]),
    make("/v1/admin/spaces/{space}/feeds/{feed}/rename", "Plans another slug for a feed", "RenameDraft", PLANNED),
    get("/v1/admin/renames", "The planned renames", &[ok("All of them", &[(JSON, "Renames")])]),
    delete("/v1/admin/renames/{rename}", "Cancels a planned rename", &[]),
    list(
        "/v1/admin/clients",
        "The clients",
        &[LIMIT, CURSOR, QUERY, SPACE, optional("role", "Only those with this role", "Role")],
        &[ok("A page of them", &[(JSON, "Clients")])],
    ),
    make("/v1/admin/clients", "Makes a client", "ClientDraft", &[made(&[(JSON, "Client")])]),
    show("/v1/admin/clients/{client}", "A client", THE_CLIENT),
    put("/v1/admin/clients/{client}", "Replaces a client", "ClientDraft", THE_CLIENT),
    delete("/v1/admin/clients/{client}", "Removes a client", &[MAY_MATCH]),
    make(
        "/v1/admin/clients/{client}/secrets",
        "Makes a secret, which is shown once",
        "SecretDraft",
        &[made(&[(JSON, "Secret")])],
    ),
    delete("/v1/admin/clients/{client}/secrets/{secret}", "Removes a secret", &[]),
    Operation {
        parameters: &[Parameter { name: "feed", about: "SPACE/FEED", schema: "FeedName", required: true }],
        ..show("/v1/admin/who-can", "Who can have a feed, and why", &[ok("Who", &[(JSON, "WhoCan")])])
    },
    Operation {
        parameters: &[
            optional("dry_run", "Whether to show the changes alone", "Flag"),
            optional("prune", "Whether to remove what is not in the body", "Flag"),
        ],
        ..make(
            "/v1/admin/apply",
            "Makes the store equal to the body",
            "Application",
            &[ok("The changes", &[(JSON, "Applied")])],
        )
    },
    list(
        "/v1/admin/audit",
        "Lines of the audit trail, the newest first",
        &[
            LIMIT,
            optional("cursor", "The `next` of the page before", "Number"),
            optional("event", "Of this event", "Text"),
            optional("outcome", "With this outcome", "Text"),
            optional("client", "About this client", "Text"),
            optional("feed", "About this feed, SPACE/FEED", "Text"),
            SPACE,
            optional("since", "From then on: a time, or how long ago", "Text"),
            optional("until", "Before then: a time, or how long ago", "Text"),
        ],
        &[ok("A page of them", &[(JSON, "Lines")])],
    ),
    list(
        "/v1/admin/audit/stream",
        "The lines after one, and each that comes, for five minutes",
        &[optional("after", "The number of the last line that is known", "Number")],
        &[ok("A line of JSON for each", &[("application/jsonl", "Text")])],
    ),
    list(
        "/v1/admin/audit/verify",
        "Whether the whole chain holds",
        &[optional("expect", "SEQ:HASH of a line seen earlier", "Text")],
        &[ok("What was found", &[(JSON, "Anything")])],
    ),
    Operation {
        parameters: &[
            LIMIT,
            optional("kid", "Of this signing key", "Text"),
            optional("jti", "Of this token", "Text"),
            optional("session", "Of this role session", "Text"),
            optional("feed", "Of this feed, SPACE/FEED", "Text"),
            optional("aws_request_id", "Of this request to AWS", "Text"),
        ],
        ..show("/v1/admin/lineage", "What came of one thing, and who was given it", LINEAGE)
    },
    Operation {
        body: Some((JSON, "CloudTrail")),
        problems: &[404, 415, 408],
        ..post("/v1/admin/lineage", "What is known of CloudTrail's records", LINEAGE)
    },
    get("/v1/admin/keys", "The signing keys", &[ok("All of them", &[(JSON, "SigningKeys")])]),
    list(
        "/v1/admin/keys/plan",
        "What would happen to the keys, and when",
        &[optional("start", "By the calendar, or if a rotation began now", "PlanStart")],
        &[ok("The steps", &[(JSON, "KeyPlan")])],
    ),
    make(
        "/v1/admin/keys/stage",
        "Publishes a new key, which waits to be promoted",
        "KeyWhy",
        &[made(&[(JSON, "SigningKey")])],
    ),
    make(
        "/v1/admin/keys/rotate",
        "Begins a rotation, or goes on with one",
        "KeyWhy",
        &[ok("The key that will sign", &[(JSON, "KeyRotated")])],
    ),
    make("/v1/admin/keys/rollback", "Has the key that signed before sign again", "KeyReason", THE_KEY),
    make("/v1/admin/keys/import", "Publishes a key from elsewhere", "KeyImport", &[made(&[(JSON, "SigningKey")])]),
    show("/v1/admin/keys/{kid}", "A key, with what verifiers were seen to do with it", THE_KEY),
    Operation {
        parameters: &[optional("format", "A PEM file if left out", "PublicFormat")],
        ..show("/v1/admin/keys/{kid}/public", "A key's public half", &[ok("It", &[(PEM, "Text"), (JSON, "Anything")])])
    },
    make("/v1/admin/keys/{kid}/promote", "Has a published key sign", "KeyForce", THE_KEY),
    make(
        "/v1/admin/keys/{kid}/retire",
        "Takes a key out of the JWKS",
        "KeyForce",
        &[ok("What it broke", &[(JSON, "KeyRetired")])],
    ),
    make(
        "/v1/admin/keys/{kid}/revoke",
        "Takes a burnt key out of use at once",
        "KeyRevoke",
        &[ok("What is left to do", &[(JSON, "KeyRevocation")])],
    ),
    Operation {
        problems: &[404, 409],
        ..get(
            "/v1/admin/keys/{kid}/revocation",
            "How a revocation stands",
            &[ok("What is left to do", &[(JSON, "KeyRevocation")])],
        )
    },
    list(
        "/v1/admin/workload-issuers",
        "The trusted issuers of workloads' tokens",
        &[LIMIT, CURSOR, QUERY],
        &[ok("A page of them", &[(JSON, "WorkloadIssuers")])],
    ),
    make(
        "/v1/admin/workload-issuers",
        "Makes a trusted issuer",
        "WorkloadIssuerDraft",
        &[made(&[(JSON, "WorkloadIssuer")])],
    ),
    show("/v1/admin/workload-issuers/{name}", "A trusted issuer", THE_WORKLOAD_ISSUER),
    put("/v1/admin/workload-issuers/{name}", "Replaces a trusted issuer", "WorkloadIssuerDraft", THE_WORKLOAD_ISSUER),
    delete("/v1/admin/workload-issuers/{name}", "Removes a trusted issuer that no rule needs", &[MAY_MATCH]),
    list(
        "/v1/admin/workloads",
        "The rules for workloads' tokens",
        &[LIMIT, CURSOR, QUERY],
        &[ok("A page of them", &[(JSON, "Workloads")])],
    ),
    make("/v1/admin/workloads", "Makes a rule", "WorkloadDraft", &[made(&[(JSON, "Workload")])]),
    show("/v1/admin/workloads/{name}", "A rule", THE_WORKLOAD),
    put("/v1/admin/workloads/{name}", "Replaces a rule", "WorkloadDraft", THE_WORKLOAD),
    delete("/v1/admin/workloads/{name}", "Removes a rule", &[MAY_MATCH]),
    Operation {
        body: Some((JSON, "PolicyTest")),
        problems: &BODY,
        ..post(
            "/v1/admin/policy/test",
            "What rules make of tokens and claims; nobody gets anything by it",
            &[ok("What came of each", &[(JSON, "PolicyTested")])],
        )
    },
];
