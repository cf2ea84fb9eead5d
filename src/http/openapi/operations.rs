//! What each route takes and answers.

/// A route, and what the table does not know of it.
pub(super) struct Operation {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) summary: &'static str,
    pub(super) parameters: &'static [Parameter],
    /// The body's content type and shape.
    pub(super) body: Option<(&'static str, &'static str)>,
    pub(super) answers: &'static [Answer],
    /// The statuses of its problems, beyond those of every route of its kind.
    pub(super) problems: &'static [u16],
}

/// A parameter after `?`, or with `header ` before its name a header.
#[derive(Clone, Copy)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) schema: &'static str,
    pub(super) required: bool,
}

/// What is answered, and the shapes of its forms.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) about: &'static str,
    pub(super) content: &'static [(&'static str, &'static str)],
}

pub(super) const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

pub(super) const fn get(path: &'static str, summary: &'static str, answers: &'static [Answer]) -> Operation {
    Operation { method: "GET", path, summary, parameters: &[], body: None, answers, problems: &[] }
}

pub(super) const fn post(path: &'static str, summary: &'static str, answers: &'static [Answer]) -> Operation {
    Operation { method: "POST", ..get(path, summary, answers) }
}

pub(super) const fn optional(name: &'static str, about: &'static str, schema: &'static str) -> Parameter {
    Parameter { name, about, schema, required: false }
}

pub(super) const fn ok(about: &'static str, content: &'static [(&'static str, &'static str)]) -> Answer {
    Answer { status: 200, about, content }
}

const FORMAT: Parameter = optional("format", "The form of the answer", "Format");

const REGION: Parameter = optional("region", "One of the feed's regions; its own when left out", "Region");

/// The forms of registry credentials.
const CREDENTIALS: &[Answer] = &[ok("Registry credentials", &[(JSON, "AnyCredentials"), (TEXT, "Text")])];
const SESSION: &[Answer] = &[ok("The session", &[(JSON, "Session")])];
/// What exchanges with AWS may come to.
const EXCHANGE: &[u16] = &[403, 404, 409, 502];

/// The lines.
pub(super) const OPERATIONS: &[Operation] = &[
    get("/healthz", "Whether it lives", &[ok("It lives", &[(TEXT, "Text")])]),
    get(
        "/readyz",
        "Whether requests should come here",
        &[
            ok("They should", &[(TEXT, "Text")]),
            Answer { status: 503, about: "They should not", content: &[(TEXT, "Text")] },
        ],
    ),
    get(
        "/metrics",
        "Figures",
        &[ok("Figures", &[("application/openmetrics-text; version=1.0.0; charset=utf-8", "Text")])],
    ),
    get("/openapi.json", "This description", &[ok("The description", &[(JSON, "Anything")])]),
    Operation {
        parameters: &[FORMAT, REGION],
        problems: EXCHANGE,
        ..post("/v1/spaces/{space}/feeds/{feed}/credentials", "Registry credentials of a feed", CREDENTIALS)
    },
    Operation {
        parameters: &[FORMAT],
        problems: EXCHANGE,
        ..post("/v1/registries/{host}/credentials", "Registry credentials, the feed found by the host", CREDENTIALS)
    },
    Operation {
        problems: &[403, 404, 409],
        ..post(
            "/v1/spaces/{space}/feeds/{feed}/token",
            "A web identity token of a feed",
            &[ok("The token", &[(JSON, "Token")])],
        )
    },
    Operation {
        parameters: &[REGION],
        problems: EXCHANGE,
        ..get("/v1/spaces/{space}/feeds/{feed}/session", "A session of a feed's role, for AWS's programs", SESSION)
    },
    Operation {
        parameters: &[REGION],
        problems: EXCHANGE,
        ..post("/v1/spaces/{space}/feeds/{feed}/session", "The same", SESSION)
    },
    Operation {
        parameters: &[
            optional("format", "The form of the answer", "SetupFormat"),
            optional("for", "What the feed is to be good for", "FeedUse"),
        ],
        problems: &[403, 404],
        ..get(
            "/v1/spaces/{space}/feeds/{feed}/trust-policy",
            "What AWS has to allow a feed: provider, roles, policies",
            &[ok("What has to be set up", &[(JSON, "FeedSetup"), (TEXT, "Text")])],
        )
    },
    Operation {
        body: Some((JSON, "TrustPolicy")),
        problems: &[403, 404, 408, 409, 415],
        ..post(
            "/v1/spaces/{space}/feeds/{feed}/trust-policy/check",
            "Whether a trust policy lets the feed in, why not, and whom else",
            &[ok("What is to be said of it", &[(JSON, "TrustPolicyChecked")])],
        )
    },
    Operation {
        body: Some(("application/x-www-form-urlencoded", "TokenRequest")),
        problems: &[503],
        ..post(
            "/oauth2/token",
            "An access token (RFC 6749, RFC 7523, RFC 8693)",
            &[
                ok("The token", &[(JSON, "TokenResponse")]),
                Answer { status: 400, about: "Refused (RFC 6749 §5.2)", content: &[(JSON, "TokenError")] },
                Answer { status: 401, about: "The client is refused", content: &[(JSON, "TokenError")] },
            ],
        )
    },
];
