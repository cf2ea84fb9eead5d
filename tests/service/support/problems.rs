//! What callers see of a failure.

use super::TestApp;
use super::http::Reply;

/// A problem, as an answer must have it. In `detail`, `ISSUER` stands for the issuer without its
/// scheme and `REQUEST` for the id of AWS's request.
#[derive(Debug)]
pub struct Expected {
    pub status: u16,
    pub code: &'static str,
    pub whose_move: &'static str,
    /// Where AWS said no; its request's id is then there too.
    pub aws_code: Option<&'static str>,
    /// In the body and in `Retry-After`.
    pub retry_after: Option<u64>,
    pub detail: &'static str,
}

impl TestApp {
    /// Asks for the credentials of `default/images` as `ci` and expects `problem`, to the letter.
    pub async fn assert_problem(&self, problem: &Expected) {
        let reply = self.credentials("ci", "default/images").await;
        problem.assert(&reply, self.issuer());
    }
}

impl Expected {
    fn assert(&self, reply: &Reply, issuer: &str) {
        assert_eq!(reply.header("content-type"), "application/problem+json", "{}", reply.text());
        assert_eq!(reply.header("cache-control"), "no-store");
        let mut body = reply.json();
        let request_id = body["aws_request_id"].as_str().unwrap_or_default().to_owned();
        let detail = body["detail"].as_str().unwrap().replace(issuer.split_once("://").unwrap().1, "ISSUER");
        let detail = if request_id.is_empty() { detail } else { detail.replace(&request_id, "REQUEST") };
        assert_eq!(detail, self.detail);
        assert_eq!(request_id.is_empty(), self.aws_code.is_none(), "an AWS code comes with its request's id: {body}");
        let members = body.as_object_mut().unwrap();
        members.remove("detail");
        members.remove("aws_request_id");
        assert_eq!(body, self.body());
        assert_eq!(reply.status, self.status);
        assert_eq!(reply.header("retry-after").parse().ok(), self.retry_after);
    }

    fn body(&self) -> serde_json::Value {
        let mut body = serde_json::json!({
            "type": format!("urn:feedpass:problem:{}", self.code),
            "title": http::StatusCode::from_u16(self.status).unwrap().canonical_reason(),
            "status": self.status,
            "code": self.code,
            "whose_move": self.whose_move,
        });
        if let Some(seconds) = self.retry_after {
            body["retry_after"] = seconds.into();
        }
        if let Some(aws_code) = self.aws_code {
            body["aws_code"] = aws_code.into();
        }
        body
    }
}
