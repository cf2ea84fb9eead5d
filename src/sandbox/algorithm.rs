//! The algorithms of the tokens that STS takes.

/// The algorithms that STS takes (`AssumeRoleWithWebIdentity`, `WebIdentityToken`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum SigningAlgorithm {
    Rs256,
    Rs384,
    Rs512,
    Es256,
    Es384,
    Es512,
}

impl SigningAlgorithm {
    pub(super) const ALL: [Self; 6] = [Self::Rs256, Self::Rs384, Self::Rs512, Self::Es256, Self::Es384, Self::Es512];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
        }
    }

    /// The `kty` of its keys.
    pub(super) fn key_type(self) -> &'static str {
        match self {
            Self::Rs256 | Self::Rs384 | Self::Rs512 => "RSA",
            Self::Es256 | Self::Es384 | Self::Es512 => "EC",
        }
    }
}
