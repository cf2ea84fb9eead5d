//! At whatever moment the program is killed, its keys are whole.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt as _;

use feedpass::entropy::{Entropy as _, SystemEntropy};
use http::Method;
use serde_json::{Value, json};

use super::program::{Api, site};
use super::text;
use crate::process::{Server, Site};

const ROTATIONS: usize = 300;
/// How many rotate at the same time: while one hears that it is done, others are amid it.
const ADMINS: usize = 2;
/// How many rotations a life of the program has at most.
const AT_MOST: u8 = 20;

/// The state of each key that was acknowledged last, by its id.
type Acknowledged = BTreeMap<String, &'static str>;

/// One life of the program: keys are staged, promoted and retired until `left` rotations are done, and it is killed.
async fn rotate(
    api: &Api,
    server: &Server<'_>,
    left: &std::cell::Cell<usize>,
    seen: &std::cell::RefCell<Acknowledged>,
) {
    let forced = json!({ "force": true, "reason": "a fire drill" });
    loop {
        let Some(staged) = api.step("stage", &json!({})).await else { return };
        assert_eq!(staged.status, 201, "{}", staged.text());
        let kid = text(&staged.json()["kid"]);
        seen.borrow_mut().insert(kid.clone(), "published");
        let Some(promoted) = api.step(&format!("{kid}/promote"), &forced).await else { return };
        assert_eq!(promoted.status, 200, "{}", promoted.text());
        seen.borrow_mut().insert(kid.clone(), "active");
        left.set(left.get().saturating_sub(1));
        if left.get() == 0 {
            server.signal("KILL");
        }
        // Those that signed before leave, so that the JWKS does not fill up. Whoever else rotates may do it first.
        let listed = api.send(Method::GET, "/v1/admin/keys", &Value::Null).await;
        let Some(listed) = listed else { return };
        for key in listed.json()["items"].as_array().unwrap().iter().filter(|key| key["state"] == "retiring") {
            let kid = text(&key["kid"]);
            let Some(retired) = api.step(&format!("{kid}/retire"), &forced).await else { return };
            // The first key was there before: nobody staged it.
            if retired.status == 200
                && let Some(state) = seen.borrow_mut().get_mut(&kid)
            {
                *state = "retired";
            }
        }
    }
}

/// What is on the disk after the program was killed, and before it starts again.
fn assert_files_are_whole(site: &Site) {
    let keys: Value = serde_json::from_slice(&std::fs::read(site.path("keys/keys.json")).unwrap()).unwrap();
    let active = keys["keys"].as_array().unwrap().iter().filter(|key| key["state"] == "active").count();
    assert_eq!(active, 1, "{keys}");
    for entry in std::fs::read_dir(site.path("keys")).unwrap() {
        let path = entry.unwrap().path();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode, 0o600, "{}", path.display());
    }
}

/// That every key is as far as was acknowledged, or a step further, and can be used.
async fn assert_none_is_lost(api: &Api, seen: &Acknowledged) {
    const LIFE: [&str; 4] = ["published", "active", "retiring", "retired"];
    let listed = api.get("/v1/admin/keys").await;
    assert_eq!((&listed["trouble"], &listed["foreign"]), (&json!(null), &json!([])));
    let mut states = BTreeMap::new();
    for key in listed["items"].as_array().unwrap() {
        assert_eq!(key["fault"], json!(null), "its private half is there and right: {key}");
        states.insert(text(&key["kid"]), text(&key["state"]));
    }
    for (kid, state) in seen {
        let how_far = |state: &str| LIFE.iter().position(|known| *known == state);
        let now = states.get(kid).unwrap_or_else(|| panic!("key {kid} is lost, which was {state}"));
        assert!(how_far(now) >= how_far(state), "key {kid} was {state} and is {now}");
    }
}

/// That no acknowledged step is without its line.
async fn assert_all_is_told(api: &Api, seen: &Acknowledged) {
    let mut told = BTreeSet::new();
    let mut path = "/v1/admin/audit?event=change&limit=1000".to_owned();
    loop {
        let page = api.get(&path).await;
        for line in page["items"].as_array().unwrap().iter().filter(|line| line["change"]["kind"] == "key") {
            told.insert((text(&line["change"]["action"]), text(&line["change"]["name"])));
        }
        if page["next"].is_null() {
            break;
        }
        path = format!("/v1/admin/audit?event=change&limit=1000&cursor={}", page["next"].to_string().trim_matches('"'));
    }
    for (kid, state) in seen {
        let steps: &[&str] = match *state {
            "published" => &["stage"],
            "active" => &["stage", "promote"],
            _ => &["stage", "promote", "retire"],
        };
        for step in steps {
            let known = told.contains(&((*step).to_owned(), kid.clone()));
            assert!(known, "no line tells that key {kid} was to {step}");
        }
    }
}

#[tokio::test]
async fn killed_amid_rotations_it_comes_up_with_one_active_key_and_none_is_lost() {
    let (site, api) = site();
    let (mut seen, mut rotations) = (Acknowledged::new(), 0);
    while rotations < ROTATIONS {
        let mut random = [0];
        SystemEntropy::default().fill(&mut random).unwrap();
        let limit = usize::from(random[0] % AT_MOST) + 1;
        let server = site.serve();
        assert_none_is_lost(&api, &seen).await;
        let (left, shared) = (std::cell::Cell::new(limit), std::cell::RefCell::new(seen));
        futures_util::future::join_all((0..ADMINS).map(|_| rotate(&api, &server, &left, &shared))).await;
        seen = shared.into_inner();
        rotations += limit;
        drop(server);
        assert_files_are_whole(&site);
    }
    let _server = site.serve();
    assert_none_is_lost(&api, &seen).await;
    assert_eq!(api.step("stage", &json!({})).await.unwrap().status, 201);
    let unfinished = std::fs::read_dir(site.path("keys")).unwrap().map(|entry| entry.unwrap().file_name());
    let unfinished: Vec<_> = unfinished.filter(|name| name.to_string_lossy().starts_with(".new-")).collect();
    assert_eq!(unfinished, [""; 0], "what was half written is gone after the next step");
    assert_all_is_told(&api, &seen).await;
}
