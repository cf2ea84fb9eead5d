//! The room as a whole: a file goes in, settings or a report come out.

mod mistakes;
mod rules;
mod workloads;

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;

/// The example of the contract.
const CONTRACT: &str = include_str!("contract.toml");
/// The least that is right, for tests that add to it.
const SMALL: &str = "issuer = 'https://id.example.com'\n";
const HASH: &str = "sha256:ce1807e913c97047dafef68295a8968c894cc8d1d8cc2c38fa84e06e7d5c0f06";

/// A directory with a `config.toml` in it.
struct Place(TempDir);

impl Place {
    fn with(text: &str) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        place.file("config.toml", text);
        place
    }

    fn file(&self, name: &str, text: &str) {
        fs::write(self.0.path().join(name), text).unwrap();
    }

    fn load(&self, environment: &[(&str, &str)]) -> Result<Settings, ConfigError> {
        let environment = environment.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        Settings::load(&self.0.path().join("config.toml"), environment)
    }

    /// The report of what is wrong, as it reads in the file's own directory.
    fn report(&self, environment: &[(&str, &str)]) -> String {
        let error = self.load(environment).unwrap_err();
        error.to_string().replace(&format!("{}/", self.0.path().display()), "")
    }
}

fn load(text: &str) -> Settings {
    Place::with(text).load(&[]).unwrap_or_else(|error| panic!("{error}"))
}

fn report(text: &str) -> String {
    Place::with(text).report(&[])
}

/// A feed of `space`, with `more` in its web identity.
fn feed(space: &str, slug: &str, more: &str) -> String {
    format!(
        "[[feed]]\nspace = '{space}'\nslug = '{slug}'\nregion = 'us-east-1'\n\
         web_identity.role_arn = 'arn:aws:iam::123456789012:role/feedpass-images'\n{more}\n"
    )
}

#[test]
fn the_file_of_the_repository_runs_as_it_is() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config.toml");
    let settings = Settings::load(&path, []).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(settings.issuer.as_str(), "http://127.0.0.1:8080");
    assert!(matches!(settings.aws, AwsEndpoint::Sandbox(_)));
    assert_eq!(settings.feeds[0].subject().unwrap().as_str(), "space:default:feed:images");
    assert_eq!(settings.feeds[0].web_identity().unwrap().audience.as_str(), "id.example.com");
    let secret = ring::digest::digest(&ring::digest::SHA256, b"feedpass-sandbox-secret");
    assert_eq!(settings.clients[0].secrets[0].hash.as_bytes(), secret.as_ref());
}

#[test]
fn the_example_of_the_contract_loads() {
    let settings = load(CONTRACT);
    assert_eq!(settings.listen.at(""), "http://127.0.0.1:8081");
    assert_eq!(settings.keys.rotate_every, Some("90d".parse().unwrap()));
    let feed = &settings.feeds[0];
    assert_eq!(feed.web_identity().unwrap().role.name(), "feedpass-images");
    assert_eq!(feed.web_identity().unwrap().session_duration.as_secs(), 3600);
    let grant = &settings.clients[0].grants[0];
    assert!(grant.covers(&"default/images".parse().unwrap()) && grant.covers(&"team-a/any".parse().unwrap()));
    assert_eq!(grant.actions, [crate::domain::Action::Pull]);
    assert_eq!(settings.restart_needed(&settings), Vec::<&str>::new());
}

#[test]
fn what_is_left_out_has_a_default() {
    let place = Place::with(SMALL);
    let settings = place.load(&[]).unwrap();
    assert_eq!(settings.audience.as_str(), "id.example.com");
    assert_eq!(settings.listen.public.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.listen.at("/oauth2/token"), "http://127.0.0.1:8081/oauth2/token");
    assert!(settings.store.as_str().ends_with("feedpass.db"), "beside the file");
    assert_eq!(settings.keys.store, KeyStore::Directory(place.0.path().join("keys")));
    assert_eq!(settings.keys.promote_on, crate::domain::PromoteOn::Time);
    assert_eq!((settings.audit.keep_for.as_duration().as_secs(), settings.audit.file), (365 * 86_400, None));
    assert_eq!(settings.tokens.lifetime.as_secs(), 300);
    assert_eq!(settings.aws, AwsEndpoint::Aws);
    assert_eq!(settings.listen.trusted_proxies, []);
    let (client, address) = (settings.limits.client, settings.limits.address);
    assert_eq!(client.rate.map(|rate| (rate.per_second.get(), rate.burst.get())), Some((500, 10_000)));
    assert_eq!(address.rate.map(|rate| (rate.per_second.get(), rate.burst.get())), Some((1_000, 20_000)));
    let at_once = [client, address].map(|of| of.concurrency.map(std::num::NonZeroU32::get));
    assert_eq!(at_once, [Some(5_000), Some(10_000)]);
    let failed =
        settings.limits.failed_attempts.map(|failed| (failed.most.get(), failed.window.as_duration().as_secs()));
    assert_eq!(failed, Some((30, 60)));
    let feed = load(&format!("{SMALL}[[space]]\nslug = 'a'\n{}", feed("a", "b", ""))).feeds.remove(0);
    assert_eq!(feed.registry.as_str(), "123456789012");
    assert_eq!(feed.web_identity().unwrap().audience.as_str(), "id.example.com");
}

#[test]
fn one_listener_serves_both_when_the_addresses_are_one() {
    let listen = |public: &str, internal: &str| {
        load(&format!("{SMALL}[listen]\npublic = '{public}'\ninternal = '{internal}'\n")).listen
    };
    assert!(listen("127.0.0.1:8080", "127.0.0.1:8080").is_shared());
    assert!(!listen("127.0.0.1:8080", "127.0.0.1:8081").is_shared());
    assert!(!listen("127.0.0.1:0", "127.0.0.1:0").is_shared());
}

#[test]
fn a_slash_at_the_end_of_the_internal_url_makes_no_difference() {
    for url in ["https://feedpass.example.com/team", "https://feedpass.example.com/team/"] {
        let settings = load(&format!("{SMALL}listen.internal = '0.0.0.0:81'\nlisten.internal_url = '{url}'\n"));
        assert_eq!(settings.listen.at("/oauth2/token"), "https://feedpass.example.com/team/oauth2/token");
    }
}

#[test]
fn a_key_may_be_of_five_algorithms_and_of_three_sizes() {
    let spec = |keys: &str| load(&format!("{SMALL}[keys]\n{keys}\n")).keys.spec.to_string();
    assert_eq!(spec(""), "RS256 (2048 bits)");
    assert_eq!(spec("algorithm = 'RS512'\nrsa_bits = 3072"), "RS512 (3072 bits)");
    assert_eq!(spec("rsa_bits = '4096'"), "RS256 (4096 bits)");
    assert_eq!(spec("algorithm = 'ES384'"), "ES384");
    let place = Place::with(SMALL);
    let variables = [("FEEDPASS_KEYS__ALGORITHM", "RS384"), ("FEEDPASS_KEYS__RSA_BITS", "4096")];
    assert_eq!(place.load(&variables).unwrap().keys.spec.to_string(), "RS384 (4096 bits)");
}

#[test]
fn the_passphrase_of_keys_is_in_a_file_that_is_watched_or_in_the_environment() {
    use secrecy::ExposeSecret as _;
    let place = Place::with(&format!("{SMALL}keys.passphrase_file = 'passphrase'\n"));
    let passphrase =
        |settings: &Settings| settings.keys.passphrase.as_ref().map(|text| text.expose_secret().to_owned());
    for (written, read) in [("hunter2\n", "hunter2"), (" hunter 2 \r\n", " hunter 2 "), ("hunter2", "hunter2")] {
        place.file("passphrase", written);
        let settings = place.load(&[]).unwrap();
        assert_eq!(passphrase(&settings).as_deref(), Some(read));
        assert_eq!(settings.files(), [place.0.path().join("passphrase")]);
        assert!(!format!("{settings:?}").contains("hunter"), "it is not shown");
    }
    let settings = place.load(&[("FEEDPASS_KEYS__PASSPHRASE", "12345")]).unwrap();
    assert_eq!(passphrase(&settings).as_deref(), Some("12345"), "the environment overrides the file");
    assert_eq!(passphrase(&load(SMALL)), None);
}

#[test]
fn rotation_may_be_left_to_admins() {
    assert_eq!(load(&format!("{SMALL}keys.rotate_every = 'never'\n")).keys.rotate_every, None);
}

#[test]
fn each_limit_has_its_number_or_is_off() {
    let limits = load(&format!(
        "{SMALL}[limits]\nclient_rate = 5\nclient_burst = 7\nclient_concurrency = 'off'\naddress_rate = 'off'\n\
         address_concurrency = 0x10\nfailed_attempts = '3'\nfailed_window = '2m'\n"
    ))
    .limits;
    let rate = limits.client.rate.unwrap();
    assert_eq!((rate.per_second.get(), rate.burst.get(), limits.client.concurrency), (5, 7, None));
    assert_eq!((limits.address.rate, limits.address.concurrency.unwrap().get()), (None, 16));
    let failed = limits.failed_attempts.unwrap();
    assert_eq!((failed.most.get(), failed.window), (3, "2m".parse().unwrap()));
    let place = Place::with(SMALL);
    let variables = [("FEEDPASS_LIMITS__CLIENT_RATE", "9"), ("FEEDPASS_LIMITS__FAILED_ATTEMPTS", "off")];
    let limits = place.load(&variables).unwrap().limits;
    assert_eq!((limits.client.rate.unwrap().per_second.get(), limits.failed_attempts), (9, None));
}

#[test]
fn trusted_proxies_are_addresses_and_networks() {
    let proxies = |list: &str| {
        let listen = load(&format!("{SMALL}listen.trusted_proxies = {list}\n")).listen;
        listen.trusted_proxies.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let written = proxies("['10.0.0.7', '10.1.0.0/16', '2001:db8::/32', '::ffff:10.0.0.8', '::ffff:10.2.0.0/112']");
    assert_eq!(written, ["10.0.0.7/32", "10.1.0.0/16", "2001:db8::/32", "10.0.0.8/32", "10.2.0.0/16"]);
    assert_eq!(proxies("'10.0.0.7'"), ["10.0.0.7/32"]);
    assert_eq!(proxies("[]"), [""; 0]);
}

#[test]
fn paths_are_taken_from_the_directory_of_the_file() {
    let place = Place::with(&format!("{SMALL}keys.store = 'directory:/var/keys'\nstore.url = 'sqlite:feedpass.db'\n"));
    let settings = place.load(&[]).unwrap();
    assert_eq!(settings.keys.store, KeyStore::Directory(PathBuf::from("/var/keys")));
    let expected = format!("sqlite:{}", place.0.path().join("feedpass.db").display());
    assert_eq!(settings.store.as_str(), expected);
}

#[test]
fn the_environment_overrides_the_file() {
    let place = Place::with(CONTRACT);
    place.file("hashes", &format!("{HASH}\n\nsha256:{}\n", "0".repeat(64)));
    let settings = place
        .load(&[
            ("FEEDPASS_ISSUER", "https://other.example.com"),
            ("FEEDPASS_LISTEN__PUBLIC", "[::1]:80"),
            ("FEEDPASS_AWS__ENDPOINT", "aws"),
            ("FEEDPASS_FEED__0__REGISTRY", "210987654321"),
            ("FEEDPASS_FEED__0__WEB_IDENTITY__SUBJECT", "[\"feed\"]"),
            ("FEEDPASS_SPACE__1__SLUG", "team-a"),
            ("FEEDPASS_CLIENT__0__SECRET_HASH_FILE", "hashes"),
            ("FEEDPASS_CLIENT__0__GRANT__0__ACTIONS", "['push']"),
            ("FEEDPASS_TOKEN", "not an override"),
        ])
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(settings.issuer.as_str(), "https://other.example.com");
    assert_eq!(settings.listen.public.to_string(), "[::1]:80");
    assert_eq!(settings.aws, AwsEndpoint::Aws);
    assert_eq!(settings.feeds[0].registry.as_str(), "210987654321");
    assert_eq!(settings.feeds[0].subject().unwrap().as_str(), "feed:images");
    assert_eq!(settings.spaces[1].slug.as_str(), "team-a");
    assert_eq!(settings.clients[0].secrets.len(), 2);
    assert_eq!(settings.clients[0].grants[0].actions, [crate::domain::Action::Push]);
}

#[test]
fn some_changes_need_a_restart() {
    let place = Place::with(CONTRACT);
    let old = place.load(&[]).unwrap();
    let needed = |from: &str, to: &str| {
        place.file("config.toml", &CONTRACT.replace(from, to));
        old.restart_needed(&place.load(&[]).unwrap())
    };
    assert_eq!(needed("\"127.0.0.1:8080\"", "\"127.0.0.1:80\""), ["listen.public"]);
    assert_eq!(needed("endpoint = \"sandbox\"", ""), ["aws.endpoint"]);
    assert_eq!(needed("[keys]", "[audit]\nkeep_for = \"90d\"\nfile = \"a\"\n[keys]"), ["audit.keep_for", "audit.file"]);
    assert_eq!(needed("[[space]]", "[sandbox]\njwks_cache = \"1m\"\n[[space]]"), ["sandbox.jwks_cache"]);
    assert_eq!(
        needed("[[space]]", "[sandbox]\njwks_caches = 2\njwks_unknown_kid = \"wait\"\n[[space]]"),
        ["sandbox.jwks_unknown_kid", "sandbox.jwks_caches"]
    );
    assert_eq!(needed("[keys]", "[keys]\nrsa_bits = 3072"), Vec::<&str>::new(), "a rotation brings it about");
    place.file("passphrase", "hunter2");
    assert_eq!(needed("[keys]", "[keys]\npassphrase_file = \"passphrase\""), ["keys.passphrase_file"]);
    assert_eq!(needed("lifetime = \"5m\"", "lifetime = \"6m\""), Vec::<&str>::new());
    assert_eq!(needed("us-east-1", "eu-west-1"), Vec::<&str>::new());
    assert_eq!(
        needed("[store]", "trusted_proxies = ['10.0.0.7']\n[limits]\nclient_rate = 5\n[store]"),
        Vec::<&str>::new()
    );
    let role = "[[sandbox.role]]\narn = 'arn:aws:iam::123456789012:role/x'\ntrust_policy = '{}'\n[[space]]";
    assert_eq!(needed("[[space]]", role), Vec::<&str>::new());
}
