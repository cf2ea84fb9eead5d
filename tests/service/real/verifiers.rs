//! Libraries that others verify tokens with.

use serde_json::Value;

use super::parts::{Part, parts, script};
use crate::process::Site;

#[test]
fn four_libraries_take_our_token_and_no_changed_one() {
    let Some(parts) = parts(Part::Verifiers) else { return };
    let site = Site::example();
    let scenario = site.run(&parts.python("python")).args([script("verifiers/scenario.py")]);
    let scenario = scenario.args(["--node-modules"]).args([parts.node_modules()]);
    let done = scenario.args(["--bin-dir"]).args([site.bin()]).args(["--work"]).args([site.path("work")]).run();
    let story = format!("{}{}", done.stdout, done.stderr);
    assert_eq!(done.code, Some(0), "{story}");

    let verdicts: Vec<Value> = done.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for case in ["good", "signature: one bit", "payload: one bit", "another audience"] {
        for verifier in ["PyJWT", "jose", "aws-jwt-verify", "openid-client"] {
            let verdict = verdicts.iter().find(|verdict| verdict["case"] == case && verdict["verifier"] == verifier);
            let verdict = verdict.unwrap_or_else(|| panic!("{verifier} said nothing of {case}: {story}"));
            assert_eq!(verdict["accepted"], case == "good", "{verdict}");
        }
    }
    assert_eq!(verdicts.len(), 16);
    assert!(verdicts.iter().all(|verdict| verdict["case"] != "good" || verdict["claims"]["sub"] == super::SUBJECT));
}
