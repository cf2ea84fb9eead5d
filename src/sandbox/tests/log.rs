//! What the sandbox's log says, and what it never does.

use std::cell::RefCell;
use std::io::Write;
use std::sync::Once;

use secrecy::ExposeSecret;
use tracing::Level;

use super::support::{ROLE, World};

thread_local! {
    /// A test and all its tasks run on one thread, and no other test does.
    static LINES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct Lines;

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LINES.with_borrow_mut(|lines| lines.write(bytes))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Collects what every test of the sandbox logs. Before the first line of any: tracing settles for
/// good, at a line's first use, whether someone listens to it.
pub(super) fn collect() {
    static START: Once = Once::new();
    START.call_once(|| {
        let lines = tracing_subscriber::fmt().with_max_level(Level::TRACE).with_ansi(false).with_writer(|| Lines);
        tracing::subscriber::set_global_default(lines.finish()).unwrap();
    });
}

/// What this test has logged so far.
pub(super) fn logged() -> String {
    LINES.with_borrow(|lines| String::from_utf8(lines.clone()).unwrap())
}

#[tokio::test]
async fn it_says_why_as_aws_never_does() {
    let world = World::new().await;
    world.assume(ROLE, &world.token_with("sub", "space:default:feed:charts")).await.unwrap_err();
    let expected = format!(
        "sandbox STS AssumeRoleWithWebIdentity → AccessDenied: the trust policy of {ROLE} on \
         sts:AssumeRoleWithWebIdentity: not allowed: statement 1 (Feed): condition failed: StringEquals on {}:sub \
         expected \"space:default:feed:images\", sent \"space:default:feed:charts\"",
        world.issuer.without_scheme()
    );
    assert!(logged().contains(&expected), "{}", logged());
}

#[tokio::test]
async fn it_holds_no_secret_and_no_line_of_a_callers() {
    let world = World::new().await;
    let token = world.key.sign(&world.claims());
    let session = world.assume(ROLE, &token).await.unwrap();
    let call = world.sts().assume_role_with_web_identity().role_arn(ROLE).web_identity_token(&token);
    call.role_session_name("images\nforged line").send().await.unwrap_err();
    // The SDK's own log at this level holds ECR's tokens (docs/aws.md §5.6); only ours is searched.
    world.ecr(session).get_authorization_token().send().await.unwrap();
    let ours: Vec<String> = logged().lines().filter(|line| line.contains("feedpass::")).map(str::to_owned).collect();
    assert!(ours.len() >= 4, "{ours:#?}");
    let signature = token.rsplit('.').next().unwrap().to_owned();
    let secrets = world.sandbox.issued_secrets();
    assert_eq!(secrets.len(), 4);
    for secret in secrets.iter().map(ExposeSecret::expose_secret).chain([signature.as_str()]) {
        assert!(!ours.iter().any(|line| line.contains(secret)));
    }
    assert!(!logged().lines().any(|line| line.starts_with("forged line")));
}
