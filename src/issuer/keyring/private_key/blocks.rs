//! PEM (RFC 7468, and RFC 1421 §4.6's headers): which blocks a text has, and what is in the one that is wanted.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use zeroize::Zeroizing;

use super::PemError;

/// What a block holds, by its label.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::issuer::keyring) enum Label {
    /// `PRIVATE KEY`, RFC 7468 §10.
    Pkcs8,
    /// `ENCRYPTED PRIVATE KEY`, RFC 7468 §11.
    EncryptedPkcs8,
    /// `RSA PRIVATE KEY`.
    Pkcs1,
    /// `EC PRIVATE KEY`, RFC 5915 §4.
    Sec1,
    /// `OPENSSH PRIVATE KEY`.
    OpenSsh,
    /// Any other private key, as DSA's.
    OtherPrivate,
    /// `PUBLIC KEY`, RFC 7468 §13.
    Spki,
    /// `RSA PUBLIC KEY`.
    Pkcs1Public,
    /// `CERTIFICATE` and the like.
    Certificate,
    /// Anything else, as `EC PARAMETERS`.
    Other,
}

impl Label {
    fn of(text: &str) -> Self {
        match text {
            "PRIVATE KEY" => Self::Pkcs8,
            "ENCRYPTED PRIVATE KEY" => Self::EncryptedPkcs8,
            "RSA PRIVATE KEY" => Self::Pkcs1,
            "EC PRIVATE KEY" => Self::Sec1,
            "OPENSSH PRIVATE KEY" => Self::OpenSsh,
            "PUBLIC KEY" => Self::Spki,
            "RSA PUBLIC KEY" => Self::Pkcs1Public,
            other if other.contains("PRIVATE KEY") => Self::OtherPrivate,
            other if other.ends_with("CERTIFICATE") => Self::Certificate,
            _ => Self::Other,
        }
    }

    fn is_private(self) -> bool {
        use Label::{EncryptedPkcs8, OpenSsh, OtherPrivate, Pkcs1, Pkcs8, Sec1};
        matches!(self, Pkcs8 | EncryptedPkcs8 | Pkcs1 | Sec1 | OpenSsh | OtherPrivate)
    }

    fn is_public(self) -> bool {
        matches!(self, Self::Spki | Self::Pkcs1Public)
    }
}

/// A block as it stands in the text.
struct Block<'t> {
    label: Label,
    body: &'t str,
}

/// The one private key in `text`, DER. Certificates and parameters beside it are passed over.
pub(in crate::issuer::keyring) fn private_key(text: &str) -> Result<(Label, Zeroizing<Vec<u8>>), PemError> {
    let blocks = blocks(text)?;
    let has = |kind: fn(Label) -> bool| blocks.iter().any(|block| kind(block.label));
    match only(&blocks, Label::is_private)? {
        Some(block) if block.label == Label::OpenSsh => Err(PemError::OpenSsh),
        Some(block) if block.label == Label::OtherPrivate => Err(PemError::KeyType("a key of another kind".into())),
        Some(block) => Ok((block.label, block.content()?)),
        None if has(Label::is_public) => Err(PemError::Public),
        None if has(|label| label == Label::Certificate) => Err(PemError::Certificate),
        None => Err(PemError::NoKey),
    }
}

/// The one public key in `text`, DER. No private key may stand beside it: what is only to verify should not travel with it.
pub(in crate::issuer::keyring) fn public_key(text: &str) -> Result<(Label, Zeroizing<Vec<u8>>), PemError> {
    let blocks = blocks(text)?;
    let has = |kind: fn(Label) -> bool| blocks.iter().any(|block| kind(block.label));
    match only(&blocks, Label::is_public)? {
        _ if has(Label::is_private) => Err(PemError::Private),
        Some(block) => Ok((block.label, block.content()?)),
        None if has(|label| label == Label::Certificate) => Err(PemError::CertificateOfPublic),
        None => Err(PemError::NoKey),
    }
}

fn only<'b, 't>(blocks: &'b [Block<'t>], kind: fn(Label) -> bool) -> Result<Option<&'b Block<'t>>, PemError> {
    let mut wanted = blocks.iter().filter(|block| kind(block.label));
    match (wanted.next(), wanted.count()) {
        (block, 0) => Ok(block),
        (_, more) => Err(PemError::Several(1 + more)),
    }
}

/// All blocks. What stands around them is for people, and passed over.
fn blocks(text: &str) -> Result<Vec<Block<'_>>, PemError> {
    const BEGIN: &str = "-----BEGIN ";
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(BEGIN) {
        let (label, after) = after.split_once("-----").ok_or(PemError::Cut)?;
        let (body, after) = after.split_once(&format!("-----END {label}-----")).ok_or(PemError::Cut)?;
        // Where another block begins, the end of this one is missing.
        if body.contains("-----") {
            return Err(PemError::Cut);
        }
        blocks.push(Block { label: Label::of(label), body });
        rest = after;
    }
    match blocks.is_empty() {
        true if text.contains("-----END ") => Err(PemError::Cut),
        true => Err(PemError::NotPem),
        false => Ok(blocks),
    }
}

impl Block<'_> {
    fn content(&self) -> Result<Zeroizing<Vec<u8>>, PemError> {
        let lines = || self.body.lines().map(str::trim);
        let is_header = |line: &str| line.contains(':');
        if lines().any(|line| line.starts_with("Proc-Type:") && line.ends_with("ENCRYPTED")) {
            return Err(PemError::OldEncryption);
        }
        let mut base64 = Zeroizing::new(String::with_capacity(self.body.len()));
        lines().filter(|line| !is_header(line)).flat_map(str::split_whitespace).for_each(|part| base64.push_str(part));
        if base64.is_empty() {
            return Err(PemError::Cut);
        }
        BASE64_STANDARD.decode(base64.as_bytes()).map(Zeroizing::new).map_err(|_| PemError::Cut)
    }
}
