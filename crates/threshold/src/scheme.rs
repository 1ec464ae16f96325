//! The signature schemes a key can be dealt for.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A signature scheme with its size.
///
/// ```
/// use ally_threshold::Scheme;
///
/// assert_eq!("rsa3072".parse(), Ok(Scheme::Rsa3072));
/// assert_eq!(Scheme::Bls12381.to_string(), "bls");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// RSA with a modulus of 2048 bits.
    Rsa2048,
    /// RSA with a modulus of 3072 bits.
    Rsa3072,
    /// RSA with a modulus of 4096 bits.
    Rsa4096,
    /// RSA with a modulus of 6144 bits: the product of two or three dealers' moduli, or of one.
    Rsa6144,
    /// RSA with a modulus of 8192 bits: the product of two or four dealers' moduli, or of one.
    Rsa8192,
    /// BLS on the curve BLS12-381.
    Bls12381,
}

/// A name that is no scheme.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is no signature scheme: use rsa2048, rsa3072, rsa4096, rsa6144, rsa8192 or bls")]
pub struct UnknownScheme(pub String);

impl Scheme {
    /// All schemes.
    pub const ALL: [Self; 6] =
        [Self::Rsa2048, Self::Rsa3072, Self::Rsa4096, Self::Rsa6144, Self::Rsa8192, Self::Bls12381];

    /// The name, as written in commands and documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rsa2048 => "rsa2048",
            Self::Rsa3072 => "rsa3072",
            Self::Rsa4096 => "rsa4096",
            Self::Rsa6144 => "rsa6144",
            Self::Rsa8192 => "rsa8192",
            Self::Bls12381 => "bls",
        }
    }

    /// The exact length of the modulus in bits; `None` for schemes without one.
    pub(crate) fn modulus_bits(self) -> Option<u32> {
        match self {
            Self::Rsa2048 => Some(2048),
            Self::Rsa3072 => Some(3072),
            Self::Rsa4096 => Some(4096),
            Self::Rsa6144 => Some(6144),
            Self::Rsa8192 => Some(8192),
            Self::Bls12381 => None,
        }
    }

    /// Into how many moduli of equal length, each with a dealer of its own, the modulus may be
    /// divided.
    pub(crate) fn moduli(self) -> &'static [u8] {
        match self {
            Self::Rsa2048 | Self::Rsa3072 | Self::Bls12381 => &[1],
            Self::Rsa4096 => &[1, 2],
            Self::Rsa6144 => &[1, 2, 3],
            Self::Rsa8192 => &[1, 2, 4],
        }
    }

    /// The byte that stands for the scheme in encodings.
    pub(crate) fn tag(self) -> u8 {
        match self {
            Self::Rsa2048 => 1,
            Self::Rsa3072 => 2,
            Self::Rsa4096 => 3,
            Self::Bls12381 => 4,
            Self::Rsa6144 => 5,
            Self::Rsa8192 => 6,
        }
    }

    pub(crate) fn from_tag(tag: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| scheme.tag() == tag)
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Scheme {
    type Err = UnknownScheme;

    fn from_str(name: &str) -> Result<Self, UnknownScheme> {
        Self::ALL
            .into_iter()
            .find(|scheme| scheme.name() == name)
            .ok_or_else(|| UnknownScheme(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_tags_lead_back() {
        for scheme in Scheme::ALL {
            assert_eq!(scheme.to_string().parse(), Ok(scheme));
            assert_eq!(Scheme::from_tag(scheme.tag()), Some(scheme));
        }
        assert_eq!("RSA2048".parse::<Scheme>(), Err(UnknownScheme("RSA2048".into())));
        assert_eq!(Scheme::from_tag(0), None);
    }
}
