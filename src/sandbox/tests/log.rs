//! What the sandbox's log says, and what it never does.

use std::io::Write;
use std::sync::{Arc, Mutex};

use secrecy::ExposeSecret;
use tracing::Level;

use super::support::{ROLE, World};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// Collects the log of all tasks of a current-thread runtime, from now on.
fn collect() -> (Log, tracing::subscriber::DefaultGuard) {
    let log = Log::default();
    let writer = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(Level::TRACE).with_ansi(false).with_writer(move || writer.clone());
    (log, tracing::subscriber::set_default(subscriber.finish()))
}

#[tokio::test]
async fn it_says_why_as_aws_never_does() {
    let (log, _guard) = collect();
    let world = World::new().await;
    world.assume(ROLE, &world.token_with("sub", "space:default:feed:charts")).await.unwrap_err();
    let expected = format!(
        "sandbox STS AssumeRoleWithWebIdentity → AccessDenied: the trust policy of {ROLE} on \
         sts:AssumeRoleWithWebIdentity: not allowed: statement 1 (Feed): condition failed: StringEquals on {}:sub \
         expected \"space:default:feed:images\", sent \"space:default:feed:charts\"",
        world.issuer.without_scheme()
    );
    assert!(log.text().contains(&expected), "{}", log.text());
}

#[tokio::test]
async fn it_holds_no_secret_and_no_line_of_a_callers() {
    let (log, _guard) = collect();
    let world = World::new().await;
    let token = world.key.sign(&world.claims());
    let session = world.assume(ROLE, &token).await.unwrap();
    let call = world.sts().assume_role_with_web_identity().role_arn(ROLE).web_identity_token(&token);
    call.role_session_name("images\nforged line").send().await.unwrap_err();
    // The SDK's own log at this level holds ECR's tokens (docs/aws.md §5.6); only ours is searched.
    world.ecr(session).get_authorization_token().send().await.unwrap();
    let ours: Vec<String> = log.text().lines().filter(|line| line.contains("feedpass::")).map(str::to_owned).collect();
    assert!(ours.len() >= 4, "{ours:#?}");
    let signature = token.rsplit('.').next().unwrap().to_owned();
    let secrets = world.sandbox.issued_secrets();
    assert_eq!(secrets.len(), 4);
    for secret in secrets.iter().map(ExposeSecret::expose_secret).chain([signature.as_str()]) {
        assert!(!ours.iter().any(|line| line.contains(secret)));
    }
    assert!(!log.text().lines().any(|line| line.starts_with("forged line")));
}
