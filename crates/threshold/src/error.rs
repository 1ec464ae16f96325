//! Who did what wrong.

use ally_policy::{ServerIndex, ServerSet};
use thiserror::Error;

use crate::Scheme;

/// What is wrong with one leaf's share or proof. Its sender is to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LeafFault {
    /// The share is not as long as shares of this key are.
    #[error("a share of {actual} bytes where {expected} are due")]
    Length {
        /// Bytes due.
        expected: usize,
        /// Bytes sent.
        actual: usize,
    },
    /// The share is zero, not below the modulus, or not in the group.
    #[error("a share out of range")]
    OutOfRange,
    /// The share has a factor in common with the modulus.
    #[error("a share that is not invertible")]
    NotInvertible,
    /// The proof is malformed or out of range.
    #[error("a malformed proof")]
    MalformedProof,
    /// The proof, or the share where shares prove themselves, does not hold.
    #[error("a wrong share")]
    Wrong,
}

/// What is provably wrong with a server's contribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Blame {
    /// The server holds no part of this key.
    #[error("it holds no part of this key")]
    UnknownServer,
    /// The contribution names another server than the one it came from.
    #[error("it sent a share in the name of {named}")]
    OtherServer {
        /// The server named.
        named: ServerIndex,
    },
    /// More than one contribution of one server.
    #[error("it contributed twice")]
    Duplicate,
    /// The contribution was made with another key, or with this key in another epoch.
    #[error("it used another key or epoch")]
    OtherKey,
    /// The share was made for another FROST session: for other signers, nonces or another message.
    /// Ask who asked for it before accusing.
    #[error("it answered another session")]
    OtherSession,
    /// The number of sub-shares is not the server's number of leaves.
    #[error("{actual} sub-shares where {expected} are due")]
    LeafCount {
        /// Leaves of the server.
        expected: usize,
        /// Sub-shares or proofs sent.
        actual: usize,
    },
    /// No proof came with the shares, and these do not prove themselves. A reason to ask for it,
    /// not yet to accuse.
    #[error("it sent no proof")]
    NoProof,
    /// The key's scheme has no such encoding: nothing against the server, the caller is to blame.
    #[error(transparent)]
    Encoding(#[from] UnsupportedEncoding),
    /// One of the sub-shares is wrong.
    #[error("at leaf {leaf}: {fault}")]
    Leaf {
        /// The leaf by number.
        leaf: usize,
        /// What is wrong.
        fault: LeafFault,
    },
}

/// Why shares did not combine to a signature.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CombineError {
    /// The contributors do not satisfy the key's formula: wait for more. Nobody is blamed.
    #[error("not enough shares: {} more servers hold some", missing.len())]
    NotQualified {
        /// The servers that hold a part of the key and have not contributed.
        missing: ServerSet,
    },
    /// Contributions are provably wrong: drop them and try again.
    #[error("refused: {}", list(culprits))]
    Refused {
        /// Who sent what, in the order of the contributions.
        culprits: Vec<(ServerIndex, Blame)>,
    },
    /// The combined signature does not verify, and the shares alone do not show why: ask the
    /// contributors for proofs, check each with [`verify_share`](crate::verify_share), drop the
    /// culprits and try again. One of them is wrong.
    #[error("the shares of {contributors:?} do not fit together: ask for proofs")]
    Inconsistent {
        /// The servers whose shares were combined.
        contributors: ServerSet,
    },
    /// The key's scheme has no such encoding; the caller is to blame.
    #[error(transparent)]
    Encoding(#[from] UnsupportedEncoding),
}

pub(crate) fn list(culprits: &[(ServerIndex, Blame)]) -> String {
    let one = |(server, blame): &(ServerIndex, Blame)| format!("{server}: {blame}");
    culprits.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// The scheme does not have the message's encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "this key's scheme does not have that message encoding (PSS is for RSA keys, tags are for BLS keys)"
)]
pub struct UnsupportedEncoding;

/// Why a key share does not sign. The caller is to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SignError {
    /// The share is of another key, or of another epoch of this key.
    #[error("the key share belongs to another key or epoch")]
    OtherKey,
    /// The signature share is not one of this server, with this key.
    #[error("the signature share was not made with this key share")]
    OtherShare,
    /// The key's scheme has no such encoding.
    #[error(transparent)]
    Encoding(#[from] UnsupportedEncoding),
}

/// Why a key share cannot be used with a public key. The dealer is to blame, or whoever kept the
/// share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeyShareError {
    /// The share is of another key, or of another epoch of this key.
    #[error("the key share belongs to another key or epoch")]
    OtherKey,
    /// The secret of a leaf is not the one that the public key commits to.
    #[error("the secret of leaf {leaf} does not match the public key")]
    Mismatch {
        /// The leaf by number.
        leaf: usize,
    },
}

/// Why nothing was dealt: neither a key nor new shares of one. The caller is to blame, or nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DealError {
    /// [`Progress::cancelled`](crate::Progress::cancelled) said so.
    #[error("cancelled")]
    Cancelled,
    /// The plan for the key cannot be carried out.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The share that new ones are to be made of is of another key, of another epoch of this key,
    /// or damaged.
    #[error("the key share is not one of the key that is handed over")]
    OtherKey,
}

/// Why dealings do not come to a key, or to a share of one. Whoever called is to blame: he planned
/// what cannot be, or brought together what does not belong together. What *dealers* do wrong is
/// found where their contributions and parts are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PlanError {
    /// No key of this scheme has so many dealers with a modulus each.
    #[error(
        "a key of {scheme} is not made of {moduli} moduli: rsa4096 takes 1 or 2, rsa6144 1 to 3, \
         rsa8192 1, 2 or 4, everything else 1"
    )]
    Moduli {
        /// The scheme asked for.
        scheme: Scheme,
        /// The moduli asked for.
        moduli: u8,
    },
    /// The formula's gates are too wide for the scheme.
    #[error(
        "the gates of this formula are too wide for a threshold RSA key (their common denominator \
         exceeds {limit_bits} bits): nest the servers in organisations, or use bls"
    )]
    TooWide {
        /// The longest denominator allowed, in bits.
        limit_bits: u32,
    },
    /// Secret exponents, or the factor they carry, would grow beyond the bound: the key has been
    /// handed over as often as an RSA key can be, or the formula is too wide.
    #[error(
        "the secret exponents of this RSA key would grow to {bits} bits, more than {limit_bits}: \
         make a new key and certify it with this one"
    )]
    TooLong {
        /// Bits needed.
        bits: u32,
        /// Bits allowed.
        limit_bits: u32,
    },
    /// FROST keys are for plain thresholds only.
    #[error("a FROST key is for `k of` distinct servers, without gates below: use bls")]
    NotPlain,
    /// Epochs go up.
    #[error("epoch {epoch} does not follow epoch {from}")]
    Epoch {
        /// The epoch of the key that is handed over.
        from: u64,
        /// The epoch asked for.
        epoch: u64,
    },
    /// Too many or too few contributions, or parts.
    #[error("{actual} contributions where {expected} are due")]
    Count {
        /// Contributions due; where more may be given, the fewest.
        expected: usize,
        /// Contributions given.
        actual: usize,
    },
    /// Two contributions of one dealer.
    #[error("two contributions of {dealer}")]
    Duplicate {
        /// The dealer.
        dealer: ServerIndex,
    },
    /// The moduli of two contributions have a common factor; one of the two dealers copied from the
    /// other, or both used the same bad randomness. Which of them cannot be told.
    #[error("the moduli of contributions {first} and {second} have a common factor")]
    CommonFactor {
        /// The position of one of them.
        first: usize,
        /// The position of the other.
        second: usize,
    },
    /// The contributions add up to no key. For RSA the product of the moduli has another length than
    /// planned; for BLS and FROST a key or a share of it would be zero.
    #[error("the contributions do not add up to a key")]
    NoKey,
    /// The dealers do not satisfy the formula of the old key: wait for more.
    #[error("the dealers do not satisfy the formula of the key that is handed over")]
    NotQualified,
    /// A contribution, a part or a share that was made for another plan, key or server.
    #[error("a contribution, part or share belongs to another plan, key or server")]
    OtherPlan,
    /// The parts do not come to the secret that the public key commits to.
    #[error("the parts do not come to the secret of leaf {leaf} that the public key commits to")]
    Mismatch {
        /// The leaf by number.
        leaf: usize,
    },
}

/// What is wrong with the secret part that a dealer gave a server. The dealer is to blame: the part
/// and the contribution are evidence that anyone can check again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PartFault {
    /// The part is not as long as the plan says.
    #[error("a part of {actual} bytes where {expected} are due")]
    Length {
        /// Bytes due.
        expected: usize,
        /// Bytes given.
        actual: usize,
    },
    /// A secret is out of range.
    #[error("the secret of leaf {leaf} is out of range")]
    OutOfRange {
        /// The leaf by number.
        leaf: usize,
    },
    /// A secret is not what the dealer committed to.
    #[error("the secret of leaf {leaf} is not the one that the contribution commits to")]
    Mismatch {
        /// The leaf by number.
        leaf: usize,
    },
    /// The contribution was read under another plan: nothing against the dealer, the caller is to
    /// blame.
    #[error("the contribution belongs to another plan")]
    OtherPlan,
}
