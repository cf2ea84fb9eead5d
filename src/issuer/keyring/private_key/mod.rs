//! Private keys: made, read from every form that keys of an allowed kind come in, written, and used.

mod blocks;
mod encryption;
mod error;
mod read;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use jsonwebtoken::jwk::Jwk;
use p256::elliptic_curve::Generate as _;
use pkcs8::der::SecretDocument;
use pkcs8::{EncodePrivateKey as _, LineEnding};
use secrecy::SecretString;
use zeroize::Zeroizing;

pub use error::PemError;

pub(super) use blocks::{Label, public_key as public_block};
pub(super) use read::check_rsa;

use super::certificate;
use super::public_key::PublicKey;
use super::signer::{LocalKey, LocalSigner, Signer};
use crate::domain::{Algorithm, KeySpec, KeyType, Kid, Misfit};
use crate::entropy::{Entropy, EntropyError, EntropyRng};

/// A private key that signs in this process. What is held of it here is wiped when it is dropped; `ring`, which
/// signs, keeps a copy as long as a signer lives, and does not wipe it.
///
/// No `Debug`: nothing about a private key is worth printing.
pub struct PrivateKey {
    /// PKCS#8, DER, in the one form in which all such keys are kept.
    pkcs8: SecretDocument,
    local: Arc<LocalKey>,
    public: PublicKey,
}

/// Why no key could be made.
#[derive(Debug, thiserror::Error)]
#[error("a key could not be made: {0}")]
pub struct GenerateError(pub(super) String);

/// Why a private key could not be written down.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// There was no randomness to encrypt it with.
    #[error("the private key could not be encrypted")]
    Entropy(#[from] EntropyError),
    /// It could not be encoded.
    #[error("the private key could not be written: {0}")]
    Encoding(String),
}

impl WriteError {
    fn of(error: impl std::fmt::Display) -> Self {
        Self::Encoding(error.to_string())
    }
}

/// Why a key has no JWK.
#[derive(Debug, thiserror::Error)]
pub enum JwkError {
    /// It does not sign so.
    #[error(transparent)]
    Misfit(#[from] Misfit),
    /// No certificate could be made of it.
    #[error("the key's certificate could not be made")]
    Certificate(#[from] rcgen::Error),
}

impl PrivateKey {
    /// Makes a key. Takes a moment, for RSA with 4096 bits a long one: not on the runtime's threads.
    ///
    /// # Errors
    /// [`GenerateError`] when the machine gives no random bytes.
    pub fn generate(spec: KeySpec, entropy: &dyn Entropy) -> Result<Self, GenerateError> {
        fn failed(error: impl std::fmt::Display) -> GenerateError {
            GenerateError(error.to_string())
        }
        let mut rng = EntropyRng(entropy);
        let made = match spec.algorithm().key_type() {
            KeyType::Rsa => {
                let bits = spec.rsa_bits().unwrap_or_default().bits();
                rsa::PrivateKey::new(&mut rng, bits).map_err(failed)?.to_pkcs8_der()
            }
            KeyType::P256 => p256::SecretKey::try_generate_from_rng(&mut rng).map_err(failed)?.to_pkcs8_der(),
            KeyType::P384 => p384::SecretKey::try_generate_from_rng(&mut rng).map_err(failed)?.to_pkcs8_der(),
        };
        // Read as if it came from elsewhere: what is kept has one form, and was checked.
        let (key_type, pkcs8) = read::pkcs8(made.map_err(failed)?.as_bytes()).map_err(failed)?;
        Self::new(key_type, pkcs8).map_err(failed)
    }

    /// Reads the one private key in `text`: PKCS#8, encrypted or not, PKCS#1 (`RSA PRIVATE KEY`) or SEC 1 (`EC PRIVATE
    /// KEY`), of RSA with 2048, 3072 or 4096 bits, P-256 or P-384. Certificates and parameters beside it are passed over.
    ///
    /// A passphrase takes a moment: not on the runtime's threads.
    ///
    /// # Errors
    /// [`PemError`], which says what would be right and nothing of the key.
    pub fn from_pem(text: &str, passphrase: Option<&SecretString>) -> Result<Self, PemError> {
        let (label, der) = blocks::private_key(text)?;
        let (key_type, pkcs8) = match label {
            Label::EncryptedPkcs8 => {
                let opened = encryption::decrypt(&der, passphrase.ok_or(PemError::NoPassphrase)?)?;
                read::pkcs8(&opened)?
            }
            Label::Pkcs1 => read::rsa(&der)?,
            Label::Sec1 => read::sec1(&der)?,
            _ => read::pkcs8(&der)?,
        };
        let name = if key_type == KeyType::Rsa { "RSA" } else { "EC" };
        Self::new(key_type, pkcs8).map_err(|_| PemError::Malformed(name))
    }

    fn new(key_type: KeyType, pkcs8: SecretDocument) -> Result<Self, ring::error::KeyRejected> {
        let local = LocalKey::from_pkcs8(key_type, pkcs8.as_bytes())?;
        let public = local.public();
        Ok(Self { pkcs8, local: Arc::new(local), public })
    }

    /// Writes the key down: PKCS#8 in PEM (RFC 7468 §10), or encrypted (§11) where there is a passphrase.
    ///
    /// A passphrase takes a moment: not on the runtime's threads.
    ///
    /// # Errors
    /// [`WriteError`] when the machine gives no random bytes.
    pub fn to_pem(
        &self,
        passphrase: Option<&SecretString>,
        entropy: &dyn Entropy,
    ) -> Result<Zeroizing<String>, WriteError> {
        let pem = match passphrase {
            None => self.pkcs8.to_pem("PRIVATE KEY", LineEnding::LF),
            Some(passphrase) => encryption::encrypt(self.pkcs8.as_bytes(), passphrase, entropy)?
                .to_pem("ENCRYPTED PRIVATE KEY", LineEnding::LF),
        };
        pem.map_err(WriteError::of)
    }

    /// Its public half.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Its id.
    #[must_use]
    pub fn kid(&self) -> Kid {
        self.public.kid()
    }

    /// Its public half as the JWKS shows it, with a new self-signed certificate in `x5c`.
    ///
    /// # Errors
    /// [`JwkError`] when it does not sign with `algorithm`.
    pub fn jwk(&self, algorithm: Algorithm) -> Result<Jwk, JwkError> {
        let jwk = self.public.jwk(algorithm)?;
        Ok(certificate::put(jwk, &certificate::self_signed(&self.public, &self.pkcs8, &self.local)?))
    }

    /// What signs with it.
    ///
    /// # Errors
    /// [`Misfit`] when it does not sign with `algorithm`.
    pub fn signer(&self, algorithm: Algorithm) -> Result<Arc<dyn Signer>, Misfit> {
        let algorithm = self.public.key_type().signs(algorithm)?;
        Ok(Arc::new(LocalSigner::new(Arc::clone(&self.local), algorithm)))
    }
}
