//! `[keys]`

use std::path::PathBuf;

use secrecy::SecretString;

use crate::config::reader::Reader;
use crate::config::settings::{KeySettings, KeyStore};
use crate::domain::{Algorithm, Invalid, KeySpec, Period, PromoteOn, RsaBits};

pub(super) fn read(keys: &mut Reader<'_>) -> Option<KeySettings> {
    let context = keys.context();
    let day: Period = "24h".parse().ok()?;
    let store = keys.get_with("store", |text| store(text, |path| context.resolve(path)));
    let rotate_every = keys.get_with("rotate_every", rotation);
    let publish_before = keys.get("publish_before");
    let all_right = [("rotate_every", rotate_every.is_some()), ("publish_before", publish_before.is_some())]
        .into_iter()
        .all(|(key, right)| right || !keys.has(key));
    let settings = KeySettings {
        store: store.map_or_else(|| KeyStore::Directory(context.resolve("keys")), |store| store.value),
        spec: spec(keys),
        passphrase: passphrase(keys),
        rotate_every: match rotate_every {
            Some(period) => period.value,
            None => Some("90d".parse().ok()?),
        },
        publish_before: publish_before.map_or(day, |period| period.value),
        promote_on: keys.or("promote_on", PromoteOn::Time),
        keep_after: keys.or("keep_after", day),
    };
    if all_right && settings.rotate_every.is_some_and(|period| period <= settings.publish_before) {
        let given = if keys.has("rotate_every") { "rotate_every" } else { "publish_before" };
        let place = keys.place_of(given);
        let found = "a `rotate_every` that is not longer than `publish_before`".to_owned();
        let expected =
            "a longer one, as in `90d` and `24h`: each key is published for `publish_before` before it signs";
        context.mistake(&place, Some(found), expected);
    }
    Some(settings)
}

fn spec(keys: &mut Reader<'_>) -> KeySpec {
    let algorithm = keys.or("algorithm", Algorithm::Rs256);
    let Some(bits) = keys.number_or_word("rsa_bits", "2048, 3072 or 4096", str::parse::<RsaBits>) else {
        return KeySpec::from(algorithm);
    };
    KeySpec::new(algorithm, Some(bits.value)).unwrap_or_else(|invalid| {
        let found = format!("`{}` beside `algorithm = \"{algorithm}\"`", bits.value);
        keys.context().mistake(&bits.place, Some(found), invalid.expected);
        KeySpec::from(algorithm)
    })
}

/// The passphrase of a file, or of the environment; none where neither says one.
fn passphrase(keys: &mut Reader<'_>) -> Option<SecretString> {
    let hint = "`passphrase_file`, the path of a file that holds it, or the variable FEEDPASS_KEYS__PASSPHRASE: in clear \
                beside the keys it protects nothing";
    keys.secret("passphrase", "passphrase_file", hint, passphrase_of)
}

fn passphrase_of(text: &str) -> Result<SecretString, Invalid> {
    if text.is_empty() {
        return Err(Invalid::new("a passphrase", "", "it has one character at least; leave the key out to have none"));
    }
    Ok(SecretString::from(text))
}

fn store(text: &str, resolve: impl FnOnce(&str) -> PathBuf) -> Result<KeyStore, Invalid> {
    match text.strip_prefix("directory:") {
        Some(path) if !path.is_empty() => Ok(KeyStore::Directory(resolve(path))),
        _ => Err(Invalid::new("a key store", text, "this version keeps keys in a directory, as in `directory:keys`")),
    }
}

fn rotation(text: &str) -> Result<Option<Period>, Invalid> {
    if text == "never" {
        return Ok(None);
    }
    let expected = "it is written as in `90d`, or `never` to leave it to admins";
    text.parse().map(Some).map_err(|_| Invalid::new("a length of time", text, expected))
}
