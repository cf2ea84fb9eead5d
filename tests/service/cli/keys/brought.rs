//! Keys from elsewhere, and public halves for others.

use serde_json::json;

use super::{Keys, refused};
use crate::support::openssl::openssl;

#[test]
fn keys_are_brought_in_and_their_public_halves_given_out() {
    const PASSPHRASE: &str = "correct-horse-battery-staple";
    let keys = Keys::new();
    let site = &keys.site;
    let server = keys.serve(&[]);
    let pem = |arguments: &str, input: &str| {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let pem = String::from_utf8(openssl(&arguments, input.as_bytes())).unwrap();
        pem.lines().filter(|line| line.len() == 64 && !pem.contains("PUBLIC")).for_each(|line| site.remember(line));
        pem
    };
    site.remember(PASSPHRASE);
    let rsa = pem("genpkey -algorithm RSA -quiet -pkeyopt rsa_keygen_bits:3072", "");
    let curve = pem("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384", "");
    let public = pem("pkey -pubout", &curve);
    let hidden = pem(&format!("pkcs8 -topk8 -v2 aes-256-cbc -passout pass:{PASSPHRASE}"), &rsa);
    for (name, text) in [("rsa.pem", &rsa), ("curve.pem", &curve), ("curve.pub", &public), ("hidden.pem", &hidden)] {
        site.write(name, text);
    }
    site.write("passphrase", &format!("{PASSPHRASE}\n"));
    site.write("wrong", "another\n");
    let import = |arguments: &[&str]| keys.key(&["import"]).args(arguments);

    for (arguments, said) in [
        (&["config.toml"][..], "it is no PEM file"),
        (&["nothing.pem"], "nothing.pem cannot be read"),
        (&["curve.pub"], "it is a public key, which cannot sign"),
        (&["curve.pem", "--verify-only"], "it is a private key where a public one belongs"),
        (&["curve.pem", "--algorithm", "RS256"], "RS256 is for RSA keys"),
        (&["hidden.pem"], "--passphrase-file names the file with its passphrase"),
        (&["hidden.pem", "--passphrase-file", "wrong"], "the given passphrase does not open it"),
        (&["hidden.pem", "--passphrase-file", "none"], "no passphrase can be read from none"),
        (&["-"], "it is no PEM file"),
    ] {
        let told = import(arguments).fails();
        assert!(told.contains(said) && !leaks(&told, &[&rsa, &curve, PASSPHRASE]), "{arguments:?}: {told}");
    }
    for arguments in
        [&["rsa.pem", "--algorithm", "PS256"][..], &["curve.pub", "--verify-only", "--passphrase-file", "wrong"], &[]]
    {
        assert_eq!(refused(import(arguments)).0, Some(2), "{arguments:?}");
    }
    assert_eq!(keys.kids("published"), [""; 0]);

    let imported = import(&["hidden.pem", "--passphrase-file", "passphrase", "--algorithm", "RS384"]).works();
    let kid = keys.kids("published").pop().unwrap();
    assert!(
        imported.starts_with(&format!("key {kid} is published; it waits for `feedpass key promote`")),
        "{imported}"
    );
    assert!(keys.key(&["show", &kid]).works().contains("RS384 (3072 bits)"));
    assert!(import(&["rsa.pem"]).fails().contains("key_already_there"));
    let verified = import(&["curve.pub", "--verify-only"]).works();
    assert!(verified.contains("it verifies alone, and stays until `feedpass key retire`"), "{verified}");
    let alone = keys.kids("published").into_iter().find(|other| *other != kid).unwrap();
    let told = keys.key(&["promote", &alone, "--force", "--reason", "x"]).fails();
    assert!(told.contains("key_cannot_sign"), "{told}");
    let retired = keys.key(&["retire", &alone]).works();
    assert!(retired.contains("no token that it signed was live"), "{retired}");
    // From a pipe, and in the old form.
    let piped = import(&["-", "--json"]).input(&pem("genrsa -traditional 2048", "")).gives_json();
    assert_eq!((&piped["algorithm"], &piped["state"]), (&json!("RS256"), &json!("published")));

    assert_eq!(keys.key(&["export", &alone]).works(), public, "of a retired key too");
    assert_eq!(keys.key(&["export", &kid, "--format", "pem"]).works(), pem("pkey -pubout", &rsa));
    let certificate = keys.key(&["export", &kid, "--format", "certificate"]).works();
    assert_eq!(pem("x509 -noout -pubkey", &certificate), pem("pkey -pubout", &rsa));
    let jwk = keys.key(&["export", &kid, "--format", "jwk"]).gives_json();
    assert_eq!((&jwk["kid"], &jwk["alg"], jwk.get("d")), (&json!(kid), &json!("RS384"), None));
    let told = keys.key(&["export", &alone, "--format", "certificate"]).fails();
    assert!(told.contains("no_certificate"), "{told}");
    assert_eq!(refused(keys.key(&["export", &kid, "--format", "der"])).0, Some(2));
    // Its log is searched for all that was remembered.
    drop(server);
}

/// Whether `text` has a line of a secret that is long enough to mean something.
fn leaks(text: &str, secrets: &[&str]) -> bool {
    secrets
        .iter()
        .flat_map(|secret| secret.lines())
        .any(|line| line.len() > 26 && !line.contains("---") && text.contains(line))
}
