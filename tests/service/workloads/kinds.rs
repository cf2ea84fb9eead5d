//! Tokens as Kubernetes, GitHub, GitLab, SPIFFE and AWS make them.

use serde_json::{Value, json};

use super::issuer::{Issuer, ask, client, rule};
use crate::support::TestApp;

/// How an issuer makes tokens, a rule that means one of them, and one that means its sibling.
struct Kind {
    name: &'static str,
    algorithm: &'static str,
    claims: Value,
    header: Value,
    meant: &'static str,
    sibling: &'static str,
}

fn kinds() -> Vec<Kind> {
    vec![
        Kind {
            name: "kubernetes",
            algorithm: "RS256",
            claims: json!({
                "sub": "system:serviceaccount:team-a:builder",
                "aud": ["https://feedpass.internal"],
                "kubernetes.io": {
                    "namespace": "team-a",
                    "node": { "name": "node-1", "uid": "0b6d8e10-6a7e-4d5e-8f5e-0b8d9c3c0c11" },
                    "pod": { "name": "build-7", "uid": "5c2f7f2e-9d70-4fb6-9d3e-5e5f0c7c8d12" },
                    "serviceaccount": { "name": "builder", "uid": "e4b3f7c2-3d1a-4a57-8d3a-1f1c0b9a7e13" },
                },
            }),
            header: json!({}),
            meant: "\"/kubernetes.io/namespace\" = \"team-a\"\n\"/kubernetes.io/serviceaccount/name\" = \"builder\"",
            sibling: "\"/kubernetes.io/namespace\" = \"team-b\"\n\"/kubernetes.io/serviceaccount/name\" = \"builder\"",
        },
        Kind {
            name: "github",
            algorithm: "RS256",
            claims: json!({
                "sub": "repo:my-org/my-repo:ref:refs/heads/main",
                "repository": "my-org/my-repo",
                "repository_id": "74",
                "repository_owner": "my-org",
                "repository_owner_id": "65",
                "ref": "refs/heads/main",
                "event_name": "push",
                "job_workflow_ref": "my-org/my-repo/.github/workflows/build.yml@refs/heads/main",
                "jti": "example-id",
            }),
            header: json!({ "x5t": "example-thumbprint" }),
            meant: "sub = { pattern = \"repo:my-org/*:ref:refs/heads/main\" }\nrepository_owner_id = \"65\"",
            sibling: "sub = { pattern = \"repo:other-org/*:ref:refs/heads/main\" }\nrepository_owner_id = \"66\"",
        },
        Kind {
            name: "gitlab",
            algorithm: "RS256",
            claims: json!({
                "sub": "project_path:my-group/my-project:ref_type:branch:ref:main",
                "project_id": "22",
                "namespace_id": "72",
                "ref_protected": "true",
                "ref_type": "branch",
                "user_login": "sample-user",
            }),
            header: json!({}),
            meant: "project_id = \"22\"\nref_protected = \"true\"",
            sibling: "project_id = \"23\"\nref_protected = \"true\"",
        },
        Kind {
            name: "spiffe",
            algorithm: "ES256",
            claims: json!({
                "sub": "spiffe://prod.example.org/ns/team-a/sa/builder",
                "aud": ["https://feedpass.internal"],
            }),
            header: json!({ "typ": "JOSE" }),
            meant: "sub = { pattern = \"spiffe://prod.example.org/ns/team-a/sa/*\" }",
            sibling: "sub = { pattern = \"spiffe://prod.example.org/ns/*/sa/deployer\" }",
        },
        Kind {
            name: "aws",
            algorithm: "ES384",
            claims: json!({
                "sub": "arn:aws:iam::123456789012:role/builder",
                "https://sts.amazonaws.com/": {
                    "aws_account": "123456789012",
                    "org_id": "o-exampleorgid",
                    "source_region": "us-east-1",
                    "principal_tags": { "team": "a" },
                },
            }),
            header: json!({}),
            meant: "sub = \"arn:aws:iam::123456789012:role/builder\"\n\
                    \"/https:~1~1sts.amazonaws.com~1/aws_account\" = \"123456789012\"",
            sibling: "sub = \"arn:aws:iam::123456789012:role/builder\"\n\
                      \"/https:~1~1sts.amazonaws.com~1/aws_account\" = \"210987654321\"",
        },
    ]
}

fn token(issuer: &Issuer, kind: &Kind) -> String {
    let mut header = issuer.key.header();
    header.as_object_mut().unwrap().extend(kind.header.as_object().unwrap().clone());
    issuer.key.sign(&header.to_string(), &issuer.claims(&kind.claims).to_string())
}

#[tokio::test]
async fn each_kind_of_workload_gets_credentials_by_its_rule_and_none_by_a_sibling_s() {
    for kind in kinds() {
        let issuer = Issuer::start(kind.algorithm).await;
        let tables = |claims: &str| {
            [issuer.section(kind.name), rule("builders", kind.name, "builder", claims), client("builder")].concat()
        };
        let app = TestApp::builder().feed("default/images").tables(&tables(kind.meant)).start().await;
        let token = token(&issuer, &kind);
        let reply = ask(&app, &token).await;
        assert_eq!(reply.status, 200, "{}: {}", kind.name, reply.text());
        let given = app.trail("credentials").await;
        assert_eq!(given[0]["client"], "builder", "{}", kind.name);
        assert_eq!(given[0]["via"], "workload");
        let expected = json!({ "issuer": kind.name, "subject": kind.claims["sub"], "rule": "builders" });
        assert_eq!(given[0]["workload"], expected);

        let app = TestApp::builder().feed("default/images").tables(&tables(kind.sibling)).start().await;
        let reply = ask(&app, &token).await;
        assert_eq!(reply.status_and_code(), (403, "workload_not_matched".into()), "{}", kind.name);
        assert!(!reply.text().contains("builders"), "the caller is told of no rule: {}", reply.text());
        let refused = app.trail("authentication").await;
        let reason = refused[0]["reason"].as_str().unwrap();
        assert!(reason.contains("rule `builders`: "), "{}: {reason}", kind.name);
        assert_eq!(app.calls(), (0, 0));
    }
}
