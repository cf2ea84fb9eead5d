//! `[[client]]`

use crate::config::context::{Located, Place};
use crate::config::reader::{Elements, Reader};
use crate::domain::{Client, ClientId, ClientSecret, Grant, PublicJwk, PublicJwks, Role, SecretHash};

/// What could be read of one client.
pub(in crate::config) struct ClientDraft {
    pub(in crate::config) id: Option<Located<ClientId>>,
    pub(in crate::config) secrets: Vec<Located<SecretHash>>,
    /// Where its secret would be, if there is none and nothing says so.
    pub(in crate::config) no_secret: Option<Place>,
    grants: Vec<Grant>,
    roles: Vec<Located<Role>>,
    public_keys: Vec<PublicJwk>,
}

pub(in crate::config) const HASH_HINT: &str = "`sha256:` and the hex of the secret's SHA-256, or a list of two while one is replaced; \
                         `printf %s \"$SECRET\" | sha256sum` makes one";

const ROLES_HINT: &str = r#"a list of roles, as in `["auditor", "space_admin:team-a"]`"#;

pub(super) fn read(client: &mut Reader<'_>) -> ClientDraft {
    let id = client.required("id", "the client's id, as in `ci`");
    let (secrets, no_secret) = secrets(client);
    ClientDraft {
        id,
        secrets,
        no_secret,
        grants: client.tables("grant", &[], grant),
        public_keys: client
            .get_or_file("public_keys", "public_keys_file", str::parse::<PublicJwks>)
            .map(|keys| keys.value.into())
            .unwrap_or_default(),
        roles: if client.has("roles") { client.some_of("roles", ROLES_HINT) } else { Vec::new() },
    }
}

fn secrets(client: &mut Reader<'_>) -> (Vec<Located<SecretHash>>, Option<Place>) {
    if !client.has("secret_hash") && !client.has("secret_hash_file") {
        let has_keys = client.has("public_keys") || client.has("public_keys_file");
        return (Vec::new(), (!has_keys).then(|| client.place_of("secret_hash")));
    }
    let in_file = client.in_file("secret_hash", "secret_hash_file");
    let place = client.place_of(if in_file { "secret_hash_file" } else { "secret_hash" });
    let texts = if in_file {
        client.file("secret_hash_file").map(|file| lines(&file))
    } else {
        client.one_or_more("secret_hash", HASH_HINT)
    };
    let Some(texts) = texts else { return (Vec::new(), None) };
    if texts.len() > 2 || in_file && texts.is_empty() {
        client.context().mistake(
            &place,
            Some(format!("{} hashes", texts.len())),
            "one hash, or two while one is replaced",
        );
    }
    (client.values(texts, str::parse), None)
}

/// One hash per line; empty lines are none.
fn lines(file: &Located<String>) -> Elements {
    let lines = file.value.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let place = |number| Place { key: format!("{} line {number}", file.place.key), ..file.place.clone() };
    lines.map(|(index, line)| (place(index + 1), Some(line.trim().to_owned()))).collect()
}

fn grant(reader: &mut Reader<'_>) -> Grant {
    let grant = parts(reader);
    // Empty lists were told of.
    let whole = !grant.feeds.is_empty() && !grant.actions.is_empty();
    if let Some(objection) = grant.objection().filter(|_| whole) {
        let place = reader.place_of("repositories");
        reader.context().mistake(&place, Some("a grant for some repositories alone".to_owned()), objection);
    }
    grant
}

fn parts(grant: &mut Reader<'_>) -> Grant {
    Grant {
        feeds: values(grant.some_of("feeds", r#"a list of feeds, as in `["default/images", "team-a/*"]`"#)),
        actions: values(grant.some_of("actions", r#"a list of actions, as in `["pull", "token"]`"#)),
        repositories: grant
            .has("repositories")
            .then(|| values(grant.some_of("repositories", r#"a list of repositories, as in `["base/*"]`"#))),
    }
}

fn values<T>(found: Vec<Located<T>>) -> Vec<T> {
    found.into_iter().map(|found| found.value).collect()
}

impl ClientDraft {
    pub(super) fn settle(self) -> Option<Client> {
        Some(Client {
            grants: self.grants,
            roles: values(self.roles).into_iter().collect(),
            secrets: values(self.secrets).into_iter().map(ClientSecret::lasting).collect(),
            public_keys: self.public_keys,
            ..Client::new(self.id?.value)
        })
    }
}
