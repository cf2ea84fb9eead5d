//! SeaweedFS verifies tokens in earnest: discovery, JWKS, signature, `iss`, `aud`, `sub`, `exp`.

use std::sync::Arc;
use std::time::Duration;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use feedpass::app::{App, Listeners, Surroundings};
use feedpass::clock::{Clock as _, ManualClock, SystemClock};
use feedpass::config::Settings;
use tokio::net::TcpListener;

use super::aws_programs::boto;
use super::parts::{Part, parts};
use super::standin::Address;
use super::window::Window;
use super::{AUDIENCE, CHARTS};
use crate::process::Site;

#[tokio::test(flavor = "multi_thread")]
async fn seaweedfs_takes_our_tokens_and_no_others() {
    let Some(parts) = parts(Part::StandIns) else { return };
    let (sts, ecr) = (Address::new(), Address::new());
    let sts_url = sts.url();
    let site = Site::with_aws(&sts_url, &ecr.url());
    site.append(CHARTS);
    site.edit("[\"default/images\"]", "[\"default/*\"]");
    let window = Window::before(site.public);
    let _seaweedfs = sts.start(&parts, "seaweedfs", &window.url());
    let _moto = ecr.start(&parts, "moto", &window.url());
    let server = site.serving().env("FEEDPASS_ISSUER", window.url()).serves();
    let token_of = |feed: &str| site.client(["token", feed]).works();
    let shown = |token: &str| boto(&parts, &site, token, &sts_url, None);
    let refused = |token: &str| shown(token).unwrap_err()["code"].as_str().unwrap().to_owned();

    let good = token_of("default/images");
    assert!(!good.ends_with('\n'));
    let session = shown(&good).unwrap();
    assert!(session["access_key_id"].as_str().unwrap().starts_with("ASIA"), "{session}");
    let caller = session["caller_arn"].as_str().unwrap();
    assert!(caller.starts_with("arn:aws:sts::assumed-role/feedpass-images/"), "{caller}");
    // By discovery, not by the path that it tries where discovery fails.
    assert_eq!(window.seen(), ["/.well-known/openid-configuration", "/.well-known/jwks"]);

    assert_eq!(refused(&token_of("default/charts")), "AccessDenied");
    let audience = |old: &str, new: &str| {
        let [old, new] = [old, new].map(|audience| format!("audience = \"{audience}\""));
        server.log.after(|| site.edit(&old, &new), "configuration reloaded");
    };
    audience(AUDIENCE, "other.example.com");
    assert_eq!(refused(&token_of("default/images")), "AccessDenied");
    audience("other.example.com", AUDIENCE);
    assert_eq!(refused(&one_bit_changed(&good)), "InvalidParameterValue");
    let expired = token_of_an_hour_ago(&site, &window.url()).await;
    assert_eq!(refused(&expired), "ExpiredTokenException");
    assert!(shown(&good).is_ok());

    // The same by feedpass itself; moto answers for ECR, whoever asks.
    let given = site.client(["credentials", "default/images", "--json"]).gives_json();
    assert_eq!(given["username"], "AWS");
    let refused = site.client(["credentials", "default/charts"]).fails();
    assert!(refused.contains("code: role_refused") && refused.contains("AWS said: AccessDenied"), "{refused}");
}

/// A token as feedpass would have given it an hour ago, signed by the key of `site`.
async fn token_of_an_hour_ago(site: &Site, issuer: &str) -> String {
    let mut variables = site.variables();
    issuer.clone_into(&mut variables[0].1);
    let variables = variables.map(|(name, value)| (name.to_owned(), value));
    let settings = Settings::load(&site.path("config.toml"), variables).unwrap();
    let hour_ago = SystemClock.now() - Duration::from_hours(1);
    let listeners = Listeners { public: TcpListener::bind("127.0.0.1:0").await.unwrap(), internal: None };
    let surroundings = Surroundings {
        clock: Arc::new(ManualClock::at(hour_ago)),
        listeners: Some(listeners),
        ..Surroundings::default()
    };
    let past = App::start(settings, surroundings).await.unwrap();
    let url = format!("http://{}", past.internal_address());
    site.client(["token", "default/images", "--server", &url]).works()
}

fn one_bit_changed(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let mut signature = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
    let middle = signature.len() / 2;
    signature[middle] ^= 1;
    format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}
