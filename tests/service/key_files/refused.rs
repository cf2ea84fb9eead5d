//! Files that give no private key: each refusal says what would be right, and following it helps.

use feedpass::issuer::keyring::{PrivateKey, certificate_pem};
use tempfile::TempDir;

use super::{fresh, passphrase, pem, run};

/// What is said of `text`, which holds nothing of it.
fn refusal(text: &str) -> String {
    let words = PrivateKey::from_pem(text, Some(&passphrase())).err().expect("such a file gives no key").to_string();
    for line in text.lines().filter(|line| line.len() >= 16 && !line.contains("-----") && !line.contains(':')) {
        assert!(!words.contains(line), "{words}");
    }
    words
}

const KINDS: &str = "AWS STS accepts RSA keys of 2048, 3072 or 4096 bits and keys of the curves P-256 and P-384";

/// Does as `words` say: runs the `openssl` command in them, with the passphrase wherever one is asked for.
fn as_told(words: &str, old: &str) -> String {
    let command = words.split('`').find_map(|part| part.strip_prefix("openssl ")).expect("it names a command");
    let directory = TempDir::new().unwrap();
    let (from, to) = (directory.path().join("old"), directory.path().join("new"));
    std::fs::write(&from, old).unwrap();
    let encrypts = if command.starts_with("pkcs8") { " -passin PASS -passout PASS" } else { "" };
    let named = |word: &str| match word {
        "OLD" => from.display().to_string(),
        "NEW" => to.display().to_string(),
        other => other.to_owned(),
    };
    let command: Vec<_> = command.split(' ').map(named).collect();
    run(&format!("{}{encrypts}", command.join(" ")), b"");
    std::fs::read_to_string(to).unwrap()
}

#[test]
fn a_file_that_is_not_pem_or_not_whole_is_told_so() {
    let key = fresh("P-256");
    let not_pem = "it is no PEM file, which begins with a line like `-----BEGIN PRIVATE KEY-----`; `openssl pkey -inform DER \
                   -in OLD -out NEW` makes one of a DER file";
    for other in ["", "ssh-ed25519 AAAA", "{\"kty\":\"RSA\"}"] {
        assert_eq!(refusal(other), not_pem);
    }
    let cut = "it is cut off or damaged between its BEGIN and END lines; copy the whole file again";
    let lines: Vec<&str> = key.lines().collect();
    let without = |index: usize| [&lines[..index], &lines[index + 1..]].concat().join("\n");
    for (what, damaged) in [
        ("no END", without(lines.len() - 1)),
        ("no BEGIN", without(0)),
        ("half", key[..key.len() / 2].to_owned()),
        ("half, then whole", format!("{}{key}", &key[..key.len() / 2])),
        ("nothing inside", format!("{}\n{}\n", lines[0], lines[lines.len() - 1])),
        ("a letter that is none", key.replacen('M', "!", 1)),
        ("a letter missing", key.replacen("\nM", "\n", 1)),
        ("another END", key.replace("END PRIVATE", "END PUBLIC")),
    ] {
        assert_eq!(refusal(&damaged), cut, "{what}");
    }
    let malformed = "its numbers make no valid PKCS#8 key: it is damaged or was made wrongly; take another";
    assert_eq!(refusal(&without(1)), malformed);
}

#[test]
fn what_is_no_private_key_is_told_what_it_is() {
    let key = fresh("P-256");
    let public = pem("pkey -pubout", &key);
    let certificate =
        certificate_pem(&PrivateKey::from_pem(&key, None).unwrap().jwk("ES256".parse().unwrap()).unwrap());
    assert_eq!(refusal(&public), "it is a public key, which cannot sign; give the private key that it belongs to");
    assert_eq!(
        refusal(&certificate.unwrap()),
        "it is a certificate, which cannot sign; give the private key that it belongs to"
    );
    let parameters = pem("ecparam -name prime256v1", "");
    assert_eq!(
        refusal(&parameters),
        "it is a PEM file without a key in it; a private key is a block like `-----BEGIN PRIVATE KEY-----`"
    );
    assert_eq!(refusal(&format!("{key}{key}")), "it holds 2 keys; give the one that is meant in a file of its own");
    let openssh = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ\n-----END OPENSSH PRIVATE KEY-----\n";
    assert_eq!(refusal(openssh), "it is in OpenSSH's own form; run `ssh-keygen -p -m PKCS8 -f FILE` on a copy of it");
}

#[test]
fn a_key_that_sts_would_not_accept_is_told_which_it_accepts() {
    for (command, what) in [
        ("genpkey -algorithm ED25519", "an Ed25519 key"),
        ("genpkey -algorithm ED448", "an Ed448 key"),
        ("genpkey -algorithm X25519", "an X25519 key, which cannot sign"),
        ("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-521", "a key of the curve P-521"),
        ("ecparam -name secp521r1 -genkey", "a key of the curve P-521"),
        ("ecparam -name secp256k1 -genkey", "a key of the curve secp256k1"),
        ("ecparam -name brainpoolP256r1 -genkey", "a key of another kind (1.3.36.3.3.2.8.1.1.7)"),
        ("genpkey -quiet -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048", "an RSA key for PSS signatures alone"),
    ] {
        assert_eq!(refusal(&pem(command, "")), format!("it is {what}; {KINDS}"), "{command}");
    }
    let dsa = pem("dsaparam -genkey -noout 1024", "");
    assert_eq!(refusal(&dsa), format!("it is a DSA key; {KINDS}"));
    let traditional = pem("dsa", &dsa);
    assert!(refusal(&traditional).ends_with(KINDS));
}

#[test]
fn an_rsa_key_of_another_size_or_form_is_told_so() {
    for bits in [1024, 2560] {
        let words = format!("it is an RSA key of {bits} bits; take one of 2048, 3072 or 4096 bits");
        assert_eq!(refusal(&fresh(&format!("rsa:{bits}"))), words);
        assert_eq!(refusal(&pem("rsa -traditional", &fresh(&format!("rsa:{bits}")))), words);
    }
    for form in ["rsa_keygen_pubexp:3", "rsa_keygen_primes:3"] {
        let key = pem(&format!("genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -pkeyopt {form}"), "");
        assert_eq!(
            refusal(&key),
            "its public exponent or its number of primes is unusual; take an RSA key with two primes and the exponent 65537"
        );
    }
}

#[test]
fn a_curve_that_is_written_out_is_to_be_named() {
    for command in [
        "ecparam -name prime256v1 -genkey -param_enc explicit",
        "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -pkeyopt ec_param_enc:explicit",
    ] {
        let explicit = pem(command, "");
        let words = refusal(&explicit);
        assert_eq!(
            words,
            "its curve is written out as numbers; run `openssl ec -in OLD -param_enc named_curve -out NEW` to have it named"
        );
        assert!(PrivateKey::from_pem(&as_told(&words, &explicit), None).is_ok(), "{command}");
    }
}

#[test]
fn an_encrypted_key_needs_its_passphrase() {
    let encrypted = pem("pkcs8 -topk8 -passout PASS", &fresh("P-256"));
    let without = PrivateKey::from_pem(&encrypted, None).err().unwrap().to_string();
    assert_eq!(
        without,
        "it is encrypted, and no passphrase is given: for the keys that feedpass keeps, `keys.passphrase_file` names the \
         file with it"
    );
    // One wrong passphrase in 256 gives a padding that could be right.
    for other in 0..600 {
        let wrong = secrecy::SecretString::from(other.to_string());
        let refused = PrivateKey::from_pem(&encrypted, Some(&wrong)).err().unwrap().to_string();
        assert_eq!(refused, "the given passphrase does not open it; give the one that it was encrypted with");
    }
}

#[test]
fn what_is_encrypted_by_other_means_is_to_be_encrypted_anew() {
    let (rsa, ec) = (fresh("rsa:2048"), fresh("P-256"));
    let old =
        "it is encrypted in OpenSSL's old form (`Proc-Type: 4,ENCRYPTED`); run `openssl pkcs8 -topk8 -in OLD -out NEW`";
    let other = "it is encrypted otherwise than by PBES2 with PBKDF2 (SHA-2) or scrypt, at a bearable cost, and AES; run \
                 `openssl pkcs8 -topk8 -v2 aes-256-cbc -in OLD -out NEW`";
    for (command, clear, words) in [
        ("rsa -traditional -aes128 -passout PASS", &rsa, old),
        ("rsa -traditional -des3 -passout PASS", &rsa, old),
        ("ec -aes256 -passout PASS", &ec, old),
        ("pkcs8 -topk8 -v2 des3 -passout PASS", &ec, other),
        ("pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA1 -passout PASS", &rsa, other),
        ("pkcs8 -topk8 -v1 PBE-SHA1-3DES -passout PASS", &rsa, other),
        ("pkcs8 -topk8 -v2 aes-256-ofb -passout PASS", &ec, other),
    ] {
        let text = pem(command, clear);
        assert_eq!(refusal(&text), words, "{command}");
        let anew = as_told(words, &text);
        let key = PrivateKey::from_pem(&anew, Some(&passphrase())).unwrap_or_else(|error| panic!("{command}: {error}"));
        assert_eq!(key.kid(), PrivateKey::from_pem(clear, None).unwrap().kid());
    }
}

#[test]
fn a_der_file_is_told_how_to_become_pem() {
    let directory = TempDir::new().unwrap();
    let (from, to) = (directory.path().join("old"), directory.path().join("new"));
    std::fs::write(&from, run("pkey -outform DER", fresh("P-256").as_bytes())).unwrap();
    run(&format!("pkey -inform DER -in {} -out {}", from.display(), to.display()), b"");
    assert!(PrivateKey::from_pem(&std::fs::read_to_string(to).unwrap(), None).is_ok());
}
