//! Why a PEM file gives no key.

/// Why text gives no key, a variant for each next move. No text here holds anything of the key.
///
/// `OLD` and `NEW` in a command are the files before and after.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PemError {
    /// It is something else.
    #[error(
        "it is no PEM file, which begins with a line like `-----BEGIN PRIVATE KEY-----`; `openssl pkey -inform DER -in OLD \
         -out NEW` makes one of a DER file"
    )]
    NotPem,
    /// Something of it is missing or changed.
    #[error("it is cut off or damaged between its BEGIN and END lines; copy the whole file again")]
    Cut,
    /// It is PEM and holds neither key nor certificate.
    #[error("it is a PEM file without a key in it; a private key is a block like `-----BEGIN PRIVATE KEY-----`")]
    NoKey,
    /// More than one key is in it, and nothing says which is meant.
    #[error("it holds {0} keys; give the one that is meant in a file of its own")]
    Several(usize),
    /// The private half is needed.
    #[error("it is a public key, which cannot sign; give the private key that it belongs to")]
    Public,
    /// The private half is needed.
    #[error("it is a certificate, which cannot sign; give the private key that it belongs to")]
    Certificate,
    /// The public half alone is needed.
    #[error(
        "it is a private key where a public one belongs; `openssl pkey -in OLD -pubout -out NEW` gives its public half"
    )]
    Private,
    /// The public key alone is needed.
    #[error(
        "it is a certificate where a public key belongs; `openssl x509 -in OLD -pubkey -noout -out NEW` gives the key in it"
    )]
    CertificateOfPublic,
    /// It is encrypted, and how to open it was not said.
    #[error(
        "it is encrypted, and no passphrase is given: for the keys that feedpass keeps, `keys.passphrase_file` names the file \
         with it"
    )]
    NoPassphrase,
    /// It is encrypted with another passphrase.
    #[error("the given passphrase does not open it; give the one that it was encrypted with")]
    WrongPassphrase,
    /// The passphrase is stretched by one round of MD5 in that form.
    #[error(
        "it is encrypted in OpenSSL's old form (`Proc-Type: 4,ENCRYPTED`); run `openssl pkcs8 -topk8 -in OLD -out NEW`"
    )]
    OldEncryption,
    /// It is encrypted by what this version does not know, or would take too long to open.
    #[error(
        "it is encrypted otherwise than by PBES2 with PBKDF2 (SHA-2) or scrypt, at a bearable cost, and AES; run `openssl \
         pkcs8 -topk8 -v2 aes-256-cbc -in OLD -out NEW`"
    )]
    OtherEncryption,
    /// OpenSSH has a form of its own.
    #[error("it is in OpenSSH's own form; run `ssh-keygen -p -m PKCS8 -f FILE` on a copy of it")]
    OpenSsh,
    /// STS does not accept what such a key signs.
    #[error("it is {0}; AWS STS accepts RSA keys of 2048, 3072 or 4096 bits and keys of the curves P-256 and P-384")]
    KeyType(String),
    /// The curve is there as numbers, not by its name.
    #[error(
        "its curve is written out as numbers; run `openssl ec -in OLD -param_enc named_curve -out NEW` to have it named"
    )]
    UnnamedCurve,
    /// An RSA key that is too weak, or that `ring` does not sign with.
    #[error("it is an RSA key of {bits} bits; take one of 2048, 3072 or 4096 bits")]
    RsaSize {
        /// Of its modulus.
        bits: usize,
    },
    /// An RSA key of an unusual kind.
    #[error(
        "its public exponent or its number of primes is unusual; take an RSA key with two primes and the exponent 65537"
    )]
    RsaForm,
    /// An RSA key whose private half anyone can compute.
    #[error(
        "it was made by a library whose RSA keys can be broken (CVE-2017-15361); take another, and use this one nowhere"
    )]
    Roca,
    /// Whole, and yet no key.
    #[error("its numbers make no valid {0} key: it is damaged or was made wrongly; take another")]
    Malformed(&'static str),
}
