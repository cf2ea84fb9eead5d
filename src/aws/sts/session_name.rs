//! What CloudTrail calls a role session: `<space>.<feed>@<jti>`.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use ring::digest::{SHA256, digest};

use crate::domain::SpaceFeed;

/// The longest session name STS takes, in characters of `[\w+=,.@-]`.
const LONGEST: usize = 64;

/// Names the feed and the token. A feed's name that is too long ends in a part of its hash, so that
/// two long names that start alike stay apart.
pub(super) fn session_name(feed: &SpaceFeed, jti: &str) -> String {
    let room = LONGEST.saturating_sub(jti.len() + 1);
    let mut name = format!("{}.{}", feed.space, feed.feed);
    if name.len() > room {
        let hash = BASE64_URL_SAFE_NO_PAD.encode(&digest(&SHA256, name.as_bytes()).as_ref()[..6]);
        // Slugs are ASCII, so every index is a character's boundary.
        name.truncate(room.saturating_sub(hash.len() + 1));
        name = format!("{name}={hash}");
    }
    format!("{name}@{jti}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_name_tells_feed_and_token() {
        let jti = "A".repeat(22);
        let name = session_name(&"default/images".parse().unwrap(), &jti);
        assert_eq!(name, format!("default.images@{jti}"));
    }

    #[test]
    fn long_names_stay_apart_and_inside_what_sts_takes() {
        let long = "x".repeat(99);
        let name = |last: char| session_name(&format!("{long}/{long}{last}").parse().unwrap(), &"A".repeat(22));
        assert_ne!(name('a'), name('b'));
        assert_eq!(name('a').len(), 64);
        assert!(name('a').bytes().all(|c| c.is_ascii_alphanumeric() || b"_+=,.@-".contains(&c)));
    }
}
