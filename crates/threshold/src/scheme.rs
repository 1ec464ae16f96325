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
    /// BLS on the curve BLS12-381.
    Bls12381,
}

/// A name that is no scheme.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is no signature scheme: use rsa2048, rsa3072, rsa4096 or bls")]
pub struct UnknownScheme(pub String);

impl Scheme {
    /// All schemes.
    pub const ALL: [Self; 4] = [Self::Rsa2048, Self::Rsa3072, Self::Rsa4096, Self::Bls12381];

    /// The name, as written in commands and documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rsa2048 => "rsa2048",
            Self::Rsa3072 => "rsa3072",
            Self::Rsa4096 => "rsa4096",
            Self::Bls12381 => "bls",
        }
    }

    /// The exact length of the modulus in bits; `None` for schemes without one.
    pub(crate) fn modulus_bits(self) -> Option<u32> {
        match self {
            Self::Rsa2048 => Some(2048),
            Self::Rsa3072 => Some(3072),
            Self::Rsa4096 => Some(4096),
            Self::Bls12381 => None,
        }
    }

    /// The byte that stands for the scheme in encodings.
    pub(crate) fn tag(self) -> u8 {
        match self {
            Self::Rsa2048 => 1,
            Self::Rsa3072 => 2,
            Self::Rsa4096 => 3,
            Self::Bls12381 => 4,
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
