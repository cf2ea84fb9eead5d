//! The ids and keys that the sandbox makes up, in the forms that AWS gives them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};
use uuid::Builder;

use crate::domain::{RoleArn, UserArn};
use crate::entropy::{Entropy, EntropyError};

/// The letters of AWS's unique ids; 32 of them, so five bits choose one evenly.
const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A request's id, a random UUID.
pub(super) fn request_id(entropy: &dyn Entropy) -> Result<String, EntropyError> {
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes)?;
    Ok(Builder::from_random_bytes(bytes).into_uuid().to_string())
}

/// An access key id of temporary credentials: `ASIA` and 16 letters.
pub(super) fn access_key_id(entropy: &dyn Entropy) -> Result<String, EntropyError> {
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes)?;
    Ok(format!("ASIA{}", letters(&bytes)))
}

/// The unique id of a role, `AROA` and 17 letters: the same for the same ARN, as AWS's is for the
/// life of a role.
pub(super) fn role_id(role: &RoleArn) -> String {
    format!("AROA{}", letters(&digest(&SHA256, role.as_str().as_bytes()).as_ref()[..17]))
}

/// The unique id of a user, `AIDA` and 17 letters; likewise.
pub(super) fn user_id(user: &UserArn) -> String {
    format!("AIDA{}", letters(&digest(&SHA256, user.as_str().as_bytes()).as_ref()[..17]))
}

/// `length` random bytes in base64.
pub(super) fn base64(entropy: &dyn Entropy, length: usize) -> Result<String, EntropyError> {
    let mut bytes = vec![0; length];
    entropy.fill(&mut bytes)?;
    Ok(STANDARD.encode(bytes))
}

fn letters(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect()
}
