//! An image goes into a registry and comes out again, with feedpass's password alone.

use std::io::Write as _;

use super::parts::{Part, parts, script};
use crate::process::Site;

#[test]
fn skopeo_and_podman_pull_with_nothing_but_the_credential_helper() {
    let Some(parts) = parts(Part::Registry) else { return };
    let site = Site::example();
    let scenario = site.run(&parts.python("python")).args([script("image_pull.py")]);
    let done = scenario.args(["--bin-dir"]).args([site.bin()]).args(["--work"]).args([site.path("work")]).run();
    let story = format!("{}{}", done.stdout, done.stderr);
    let steps: Vec<serde_json::Value> = done.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: Vec<&str> = steps.iter().map(|step| step["step"].as_str().unwrap()).collect();
    let expected = [
        "feedpass gives a password",
        "registry's door",
        "image pushed",
        "skopeo pulls",
        "podman pulls",
        "skopeo is refused",
        "skopeo pulls again",
        "no secret was logged",
    ];
    assert_eq!((done.code, names.as_slice()), (Some(0), &expected[..]), "{story}");
    assert!(steps.iter().all(|step| step["ok"] == true), "{story}");

    let [_, _, pushed, by_skopeo, by_podman, refused, again, _] = steps.as_slice() else { unreachable!() };
    assert_eq!(by_skopeo["manifest"], pushed["manifest"]);
    assert_eq!(again["manifest"], pushed["manifest"]);
    let in_ci = std::env::var_os("CI").is_some();
    assert!(by_podman["pulled"] == true || !in_ci, "podman cannot run: {}", by_podman["why"]);
    if by_podman["pulled"] == true {
        assert_eq!(by_podman["manifest"], pushed["manifest"]);
    } else {
        let _ = writeln!(std::io::stderr(), "LEFT OUT: podman cannot run on this machine: {}", by_podman["why"]);
    }
    let words = refused["helper"].as_str().unwrap();
    assert!(words.contains("123456789012.dkr.ecr.us-east-1.amazonaws.com"), "{words}");
    assert!(!words.contains("credentials not found in native keychain"), "{words}");
}
