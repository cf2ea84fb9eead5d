//! One listener for both services and the controls.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, DATE, HeaderName};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::faults::{self, FaultKind, Trouble};
use super::received::Received;
use super::reply::{Refusal, Reply};
use super::sts::Params;
use super::world::World;
use super::{Service, control, ecr, made_up, sts};
use crate::clock::{Clock, SystemClock};

/// More than any request of these services needs: a web identity token is at most 20000 characters.
const LONGEST_BODY: usize = 64 * 1024;

/// What ends a connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("a rehearsed fault closed the connection")]
struct Reset;

/// Accepts connections until aborted; those it has accepted end with it.
pub(super) async fn accept(listener: TcpListener, world: Arc<World>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, Arc::clone(&world)));
                }
                Err(error) => {
                    tracing::warn!(%error, "sandbox could not accept a connection");
                    // Out of file descriptors, most likely: a limit of the machine, so its own time.
                    SystemClock.sleep(Duration::from_millis(100)).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, world: Arc<World>) {
    let service = service_fn(move |request| answer(Arc::clone(&world), request));
    // How a connection ends is the caller's affair: a reset here is one that was asked for.
    let _ = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(world: Arc<World>, request: http::Request<Incoming>) -> Result<Response<Full<Bytes>>, Reset> {
    let request_id = made_up::request_id(world.entropy.as_ref()).unwrap_or_default();
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, LONGEST_BODY).collect().await.map(http_body_util::Collected::to_bytes);
    let too_long = body.is_err();
    let received = Received { parts, body: body.unwrap_or_default(), request_id };
    let reply = if received.parts.uri.path().starts_with("/_sandbox") {
        control::answer(&world, &received)
    } else {
        aws(&world, &received, too_long).await?
    };
    Ok(response(&world, &received.request_id, reply))
}

/// Which service and operation a request is for: ECR's protocol names its target in a header, STS's
/// an action in a form.
async fn aws(world: &World, received: &Received, too_long: bool) -> Result<Reply, Reset> {
    let target = received.header("x-amz-target");
    let service = if target.is_some() { Service::Ecr } else { Service::Sts };
    let params = Params::of(received);
    let operation = target.map_or_else(|| sts::operation(&params), ecr::operation);
    world.calls.count(service, operation);
    let role = match service {
        Service::Sts => params.text("RoleArn").map(str::to_owned),
        Service::Ecr => ecr::role_of(world, received),
    };
    let trouble = world.faults.strike(service, role.as_deref());
    let answered = match rehearse(service, trouble).await? {
        Some(answered) => answered,
        None if too_long => Err(Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestEntityTooLarge",
            "Request size exceeded 65536 bytes",
        )),
        None => match service {
            Service::Sts => sts::answer(world, received, &params).await,
            Service::Ecr => ecr::answer(world, received, operation),
        },
    };
    let reply = answered.unwrap_or_else(|refusal| match service {
        Service::Sts => sts::refuse(refusal, &received.request_id),
        Service::Ecr => ecr::refuse(refusal),
    });
    let (name, outcome) = (service.as_str(), reply.outcome);
    // A caller's parameter may stand in it, and must not begin a line of its own.
    let why = reply.why.replace(char::is_control, "\u{FFFD}");
    tracing::info!(request_id = received.request_id, "sandbox {name} {operation} → {outcome}: {why}");
    Ok(reply)
}

/// Lives through a request's trouble: the answer that it gives, or none when it is over.
async fn rehearse(service: Service, trouble: Option<Trouble>) -> Result<Option<Result<Reply, Refusal>>, Reset> {
    let Some(Trouble { kind, mut released }) = trouble else { return Ok(None) };
    match kind {
        FaultKind::Reset => return Err(Reset),
        FaultKind::Hang => {
            // An error means that the faults are gone, and with them the sandbox.
            let _ = released.changed().await;
        }
        _ => {}
    }
    Ok(faults::answer(service, kind))
}

fn response(world: &World, request_id: &str, reply: Reply) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(reply.body));
    *response.status_mut() = reply.status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(reply.content_type));
    // The SDKs correct their clocks by this header, so it must tell the sandbox's time.
    let date = world.clock.now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    for (name, value) in [(DATE, date.as_str()), (HeaderName::from_static("x-amzn-requestid"), request_id)] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    response
}
