//! One feed's trouble is its own.

use feedpass::sandbox::{Fault, FaultKind, Service};
use futures_util::future::join_all;

use super::{KEY_ID, SECRET, file_with, with_access_key};

#[tokio::test]
async fn feeds_in_trouble_leave_every_other_as_it_was() {
    let file = file_with(SECRET);
    let user = format!(
        "[[sandbox.user]]\narn = \"arn:aws:iam::210987654321:user/feedpass\"\naccess_key_id = \"{KEY_ID}\"\n\
         secret_access_key = \"another-secret-key\"\n"
    );
    // A role that trusts nobody stands for one that vanished: STS answers both alike.
    let nobody = r#"{"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sts:*"}]}"#;
    let app = with_access_key(&file, "")
        .tables(&user)
        .feed("default/vanished")
        .sandbox_role("feedpass-default-vanished", nobody, "")
        .feed("default/hanging")
        .feed_in("cn-north-1", "default/elsewhere", "role_arn = \"arn:aws-cn:iam::123456789012:role/feedpass\"")
        .feed("default/images")
        .feed("default/charts")
        .client("all", &["default/*", "keys/images"], &["pull"])
        .start()
        .await;
    let role = "arn:aws:iam::123456789012:role/feedpass-default-hanging".parse().unwrap();
    app.sandbox().faults().add(Fault::new(Service::Sts, FaultKind::Hang).for_role(role));
    assert_eq!(app.credentials("all", "default/charts").await.status, 200, "held before the trouble began");
    let (before, _) = app.calls();

    let hanging = app.credentials("all", "default/hanging");
    let others = async {
        let mut troubled = Vec::new();
        for _ in 0..20 {
            let replies = join_all([
                app.credentials("all", "keys/images"),
                app.credentials("all", "default/vanished"),
                app.credentials("all", "default/images"),
                app.credentials("all", "default/charts"),
            ])
            .await;
            let codes: Vec<_> = replies.iter().map(|reply| reply.status.as_u16()).collect();
            assert_eq!(codes, [502, 502, 200, 200], "while one feed hangs");
            troubled = replies;
        }
        assert_eq!(troubled[0].status_and_code().1, "access_key_refused");
        assert_eq!(troubled[1].status_and_code().1, "role_refused");
        assert_eq!(app.figures().await.of("feedpass_flights"), 1, "it still hangs");
        let asked = app.calls().0 - before;
        assert!(asked <= 3, "images once, vanished once, hanging once: what was refused is remembered, not {asked}");
        app.sandbox().faults().clear();
    };
    let (hung, ()) = tokio::join!(hanging, others);
    assert!([200, 503].contains(&hung.status.as_u16()), "{}", hung.text());
}
