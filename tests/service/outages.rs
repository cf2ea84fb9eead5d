//! What AWS does on a bad day: nobody's to mend, tried again, and gone when it is over.

use std::time::Duration;

use feedpass::aws::TimeLimits;
use feedpass::sandbox::{Fault, FaultKind, Service};

use crate::support::stub::{Stub, closed_port};
use crate::support::{Expected, TestApp};

/// Nobody's to mend: 503, and when to ask again.
fn nobodys(code: &'static str, aws_code: Option<&'static str>, detail: &'static str) -> Expected {
    Expected { status: 503, code, whose_move: "nobody", aws_code, retry_after: Some(2), detail }
}

/// Limits that a service which hangs reaches soon, and one that answers does not on a busy machine.
fn limits(service: Service, kind: FaultKind) -> TimeLimits {
    let (attempt, operation) = (Duration::from_millis(700), Duration::from_secs(2));
    match (service, kind) {
        (Service::Sts, FaultKind::Hang) => {
            TimeLimits { sts_attempt: attempt, sts_operation: operation, ..TimeLimits::default() }
        }
        (Service::Ecr, FaultKind::Hang) => {
            TimeLimits { ecr_attempt: attempt, ecr_operation: operation, ..TimeLimits::default() }
        }
        _ => TimeLimits::default(),
    }
}

/// One feed whose AWS is in trouble: the problem that callers see, then what happens when one or two
/// attempts fail and the third does not.
async fn assert_outage(service: Service, kind: FaultKind, problem: Expected) {
    let app = TestApp::usual().time_limits(limits(service, kind)).start().await;
    app.sandbox().faults().add(Fault::new(service, kind));
    app.assert_problem(&problem).await;
    let calls = app.sandbox().calls(service);
    assert!((2..=3).contains(&calls), "a transient failure is tried again, and not for ever: {calls} calls");
    assert_eq!(app.credentials("ci", "default/images").await.status, 503);
    assert_eq!(app.sandbox().calls(service), calls, "for 2 s callers hear of it without a call");
    app.sandbox().faults().clear();
    app.clock.advance(Duration::from_secs(2));
    assert_eq!(app.credentials("ci", "default/images").await.status, 200, "over as soon as AWS is back");
    if kind != FaultKind::Hang {
        assert_hiccup_is_not_seen(service, kind).await;
    }
}

async fn assert_hiccup_is_not_seen(service: Service, kind: FaultKind) {
    let app = TestApp::start().await;
    app.sandbox().faults().add(Fault::new(service, kind).times(1));
    let reply = app.credentials("ci", "default/images").await;
    assert_eq!((reply.status.as_u16(), app.sandbox().calls(service)), (200, 2), "{}", reply.text());
}

#[tokio::test]
async fn sts_throttles() {
    let detail = "AWS STS in us-east-1 is throttling; ask again later";
    assert_outage(Service::Sts, FaultKind::Throttle, nobodys("sts_throttled", Some("Throttling"), detail)).await;
}

#[tokio::test]
async fn ecr_throttles() {
    let detail = "ECR in us-east-1 is throttling; ask again later";
    assert_outage(Service::Ecr, FaultKind::Throttle, nobodys("ecr_throttled", Some("ThrottlingException"), detail))
        .await;
}

#[tokio::test]
async fn sts_fails() {
    let detail = "AWS STS in us-east-1 is not available: it failed: InternalFailure: The request processing has failed \
        because of an unknown error, exception or failure. (request REQUEST); ask again later";
    let problem = nobodys("sts_unavailable", Some("InternalFailure"), detail);
    assert_outage(Service::Sts, FaultKind::InternalFailure, problem).await;
}

#[tokio::test]
async fn sts_is_unavailable() {
    let detail = "AWS STS in us-east-1 is not available: it failed: ServiceUnavailable: The request has failed due to a \
        temporary failure of the server. (request REQUEST); ask again later";
    let problem = nobodys("sts_unavailable", Some("ServiceUnavailable"), detail);
    assert_outage(Service::Sts, FaultKind::Unavailable, problem).await;
}

#[tokio::test]
async fn ecr_fails() {
    let detail = "ECR in us-east-1 is not available: it failed: ServerException: The request processing has failed \
        because of an unknown error, exception or failure. (request REQUEST); ask again later";
    let problem = nobodys("ecr_unavailable", Some("ServerException"), detail);
    assert_outage(Service::Ecr, FaultKind::InternalFailure, problem).await;
}

#[tokio::test]
async fn ecr_is_unavailable() {
    let detail = "ECR in us-east-1 is not available: it failed: ServiceUnavailableException: The request has failed due \
        to a temporary failure of the server. (request REQUEST); ask again later";
    let problem = nobodys("ecr_unavailable", Some("ServiceUnavailableException"), detail);
    assert_outage(Service::Ecr, FaultKind::Unavailable, problem).await;
}

#[tokio::test]
async fn sts_hangs() {
    let detail = "AWS STS in us-east-1 is not available: it did not answer in time; ask again later";
    assert_outage(Service::Sts, FaultKind::Hang, nobodys("sts_unavailable", None, detail)).await;
}

#[tokio::test]
async fn ecr_hangs() {
    let detail = "ECR in us-east-1 is not available: it did not answer in time; ask again later";
    assert_outage(Service::Ecr, FaultKind::Hang, nobodys("ecr_unavailable", None, detail)).await;
}

#[tokio::test]
async fn sts_hangs_up() {
    let detail = "AWS STS in us-east-1 is not available: it could not be reached: connection closed before message \
        completed; ask again later";
    assert_outage(Service::Sts, FaultKind::Reset, nobodys("sts_unavailable", None, detail)).await;
}

#[tokio::test]
async fn ecr_hangs_up() {
    let detail = "ECR in us-east-1 is not available: it could not be reached: connection closed before message completed; \
        ask again later";
    assert_outage(Service::Ecr, FaultKind::Reset, nobodys("ecr_unavailable", None, detail)).await;
}

#[tokio::test]
async fn sts_says_that_it_could_not_reach_the_issuer() {
    let problem = Expected {
        whose_move: "operator",
        ..nobodys(
            "issuer_unreachable",
            Some("IDPCommunicationError"),
            "AWS could not reach http://ISSUER/.well-known/openid-configuration or the JWKS that it names; both must \
             answer from the internet within 5 s",
        )
    };
    assert_outage(Service::Sts, FaultKind::IdpCommunicationError, problem).await;
}

#[tokio::test]
async fn an_answer_that_makes_no_sense() {
    for (service, code, detail) in [
        (
            Service::Sts,
            "sts_unavailable",
            "AWS STS in us-east-1 is not available: its answer could not be understood: the body is not what its \
             operation promises; ask again later",
        ),
        (
            Service::Ecr,
            "ecr_unavailable",
            "ECR in us-east-1 is not available: its answer could not be understood: the body is not what its operation \
             promises; ask again later",
        ),
    ] {
        let app = TestApp::start().await;
        app.sandbox().faults().add(Fault::new(service, FaultKind::Malformed));
        app.assert_problem(&nobodys(code, None, detail)).await;
        app.sandbox().faults().clear();
        app.clock.advance(Duration::from_secs(2));
        assert_eq!(app.credentials("ci", "default/images").await.status, 200);
    }
}

#[tokio::test]
async fn an_aws_where_nobody_listens() {
    let app = TestApp::usual().aws(&format!("endpoint = \"http://{}\"", closed_port().await)).start().await;
    let detail = "AWS STS in us-east-1 is not available: it could not be reached: Connection refused (os error 111); ask \
        again later";
    app.assert_problem(&nobodys("sts_unavailable", None, detail)).await;
}

#[tokio::test]
async fn a_gateway_in_between_that_answers_in_its_own_words() {
    for (status, reason) in [
        (502, "it failed: an error without a code (request 00000000-0000-4000-8000-000000000007)"),
        (403, "its answer could not be understood: it is an error without AWS's code, as a proxy in between may give"),
    ] {
        let stub = Stub::start(move |_, _| (status, "text/html", "<html><p>no<br>way</html>".into())).await;
        let app = TestApp::usual().aws(&format!("endpoint = \"{}\"", stub.url())).start().await;
        let reply = app.credentials("ci", "default/images").await;
        assert_eq!(reply.status_and_code(), (503, "sts_unavailable".into()));
        assert_eq!(reply.detail(), format!("AWS STS in us-east-1 is not available: {reason}; ask again later"));
    }
}

#[tokio::test]
async fn trouble_of_one_feed_is_none_of_another() {
    let app = TestApp::start_with_charts().await;
    let role = "arn:aws:iam::123456789012:role/feedpass-default-images".parse().unwrap();
    app.sandbox().faults().add(Fault::new(Service::Sts, FaultKind::Unavailable).for_role(role));
    assert_eq!(app.credentials("ci", "default/images").await.status, 503);
    assert_eq!(app.credentials("ci", "default/charts").await.status, 200);
}
