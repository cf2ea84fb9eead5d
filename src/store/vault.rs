//! What the store keeps of secrets that it has to give back: sealed with AES-256-GCM (NIST SP 800-38D), under a key
//! that is not in the store.
//!
//! A sealed secret is written `v1.KEY.DATA`: the key's id, and nonce, ciphertext and tag in base64url. What it is a
//! secret of is authenticated with it, so that nobody who can write to the database makes one serve as another's.

use std::sync::Arc;

use arc_swap::ArcSwap;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use crate::domain::EncryptionKey;
use crate::entropy::{Entropy, EntropyError};

const VERSION: &str = "v1";

/// Why a secret could not be sealed or opened. All are the operator's to mend.
#[derive(Clone, Debug, thiserror::Error)]
pub enum VaultError {
    /// There is no key to seal with.
    #[error(
        "the store keeps no secrets, since there is no key to seal them with: give `store.encryption_key_file` in the \
         configuration, or declare the feed there with a `secret_access_key_file`"
    )]
    NoKey,
    /// It was sealed with a key that is not there.
    #[error(
        "the secret was sealed with key {0}, which `store.encryption_key_file` does not hold; add it as another line"
    )]
    KeyGone(String),
    /// It was changed, or is another's.
    #[error("the sealed secret was changed in the store, or is of another access key; set it again")]
    Changed,
    /// There was no randomness.
    #[error("no nonce could be drawn")]
    Entropy(#[from] EntropyError),
    /// The cipher failed, which it never does.
    #[error("the secret could not be sealed")]
    Failed,
}

/// Seals and opens. Cloning shares it.
#[derive(Clone)]
pub struct Vault {
    keys: Arc<ArcSwap<Vec<EncryptionKey>>>,
    entropy: Arc<dyn Entropy>,
}

impl Vault {
    /// Seals with the first of `keys`, and opens with all.
    #[must_use]
    pub fn new(keys: Vec<EncryptionKey>, entropy: Arc<dyn Entropy>) -> Self {
        Self { keys: Arc::new(ArcSwap::from_pointee(keys)), entropy }
    }

    /// Goes by other keys from now on.
    pub fn set_keys(&self, keys: Vec<EncryptionKey>) {
        self.keys.store(Arc::new(keys));
    }

    /// Seals `secret`, a secret of `of`.
    ///
    /// # Errors
    /// [`VaultError::NoKey`]; [`VaultError::Entropy`].
    pub fn seal(&self, secret: &SecretString, of: &str) -> Result<String, VaultError> {
        let keys = self.keys.load();
        let key = keys.first().ok_or(VaultError::NoKey)?;
        let mut nonce = [0; NONCE_LEN];
        self.entropy.fill(&mut nonce)?;
        let mut text = secret.expose_secret().as_bytes().to_vec();
        let tag = aead(key)?
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(of), &mut text)
            .map_err(|_| VaultError::Failed)?;
        let data = [nonce.as_slice(), &text, tag.as_ref()].concat();
        Ok(format!("{VERSION}.{}.{}", key.id(), BASE64_URL_SAFE_NO_PAD.encode(data)))
    }

    /// Opens what was sealed as a secret of `of`.
    ///
    /// # Errors
    /// [`VaultError::KeyGone`] and [`VaultError::Changed`].
    pub fn open(&self, sealed: &str, of: &str) -> Result<SecretString, VaultError> {
        let parts: Vec<&str> = sealed.split('.').collect();
        let [VERSION, id, data] = parts.as_slice() else { return Err(VaultError::Changed) };
        let keys = self.keys.load();
        let key = keys.iter().find(|key| key.id() == *id).ok_or_else(|| VaultError::KeyGone((*id).to_owned()))?;
        let mut data = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.decode(data).map_err(|_| VaultError::Changed)?);
        let (nonce, text) = data.split_at_mut_checked(NONCE_LEN).ok_or(VaultError::Changed)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| VaultError::Changed)?;
        let text = aead(key)?.open_in_place(nonce, Aad::from(of), text).map_err(|_| VaultError::Changed)?;
        let text = std::str::from_utf8(text).map_err(|_| VaultError::Changed)?;
        Ok(SecretString::from(text))
    }
}

fn aead(key: &EncryptionKey) -> Result<LessSafeKey, VaultError> {
    UnboundKey::new(&AES_256_GCM, key.bytes()).map(LessSafeKey::new).map_err(|_| VaultError::Failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SeededEntropy;

    fn key(digit: &str) -> EncryptionKey {
        digit.repeat(64).parse().unwrap()
    }

    fn vault(keys: &[&str]) -> Vault {
        Vault::new(keys.iter().map(|digit| key(digit)).collect(), Arc::new(SeededEntropy::new(1)))
    }

    #[test]
    fn what_is_sealed_opens_for_what_it_is_of_and_nothing_else() {
        let vault = vault(&["a"]);
        let secret = SecretString::from("wJalrXUtnFEMI");
        let sealed = vault.seal(&secret, "AKIA1").unwrap();
        assert!(!sealed.contains("wJalr"), "{sealed}");
        assert_ne!(sealed, vault.seal(&secret, "AKIA1").unwrap(), "no nonce is used twice");
        assert_eq!(vault.open(&sealed, "AKIA1").unwrap().expose_secret(), "wJalrXUtnFEMI");
        assert!(matches!(vault.open(&sealed, "AKIA2"), Err(VaultError::Changed)));
        for at in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[at] = if changed[at] == b'x' { b'y' } else { b'x' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(vault.open(&changed, "AKIA1").is_err(), "{changed}");
        }
    }

    #[test]
    fn a_new_key_seals_while_the_old_one_opens() {
        let old = vault(&["a"]).seal(&SecretString::from("secret"), "x").unwrap();
        let both = vault(&["b", "a"]);
        assert_eq!(both.open(&old, "x").unwrap().expose_secret(), "secret");
        let new = both.seal(&SecretString::from("secret"), "x").unwrap();
        assert!(matches!(vault(&["a"]).open(&new, "x"), Err(VaultError::KeyGone(_))));
        assert!(matches!(vault(&[]).seal(&SecretString::from("secret"), "x"), Err(VaultError::NoKey)));
    }
}
