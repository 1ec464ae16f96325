//! The public side of a dealt key, and one server's secret side.

use super::curve::{G1, G2, G2_BYTES};
use super::scalar::{SCALAR_BYTES, SecretScalar};
use super::share::SignatureShare;
use ally_codec::{DecodeError, Reader, Writer};
use ally_policy::{Formula, ServerIndex};

/// The public key of an alliance together with what it takes to check every share: the dealer's
/// Feldman commitments, gate by gate.
///
/// A gate `k of m` shares its value with a polynomial of degree `k - 1`; child `i` (from 1) gets the
/// polynomial's value at `i`. Committed to are the coefficients in G2, from the root down and from
/// left to right; the constant term of a gate below the root is not repeated, because it follows
/// from the gate above. So the number of commitments is fixed by the formula, and every leaf has one
/// verification key that nobody has to be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    formula: Formula,
    commitments: Vec<G2>,
    /// The server and the verification key of each leaf, from left to right.
    leaves: Vec<(ServerIndex, G2)>,
}

/// The secret sub-shares of one server, one per leaf it stands at. Wiped when dropped.
pub struct KeyShare {
    server: ServerIndex,
    leaves: Vec<SecretScalar>,
}

impl PublicKey {
    /// Builds the key and derives the leaves' verification keys. `None` if the commitments are not
    /// as many as the formula asks for, or if a leaf's key would be the point at infinity (its
    /// secret would be 0, known to all).
    ///
    /// # Cost
    /// One multiplication by a 16-bit number per leaf and coefficient of the gate above it.
    pub(super) fn new(formula: Formula, commitments: Vec<G2>) -> Option<Self> {
        if commitments.len() != commitment_count(&formula) {
            return None;
        }
        let (root, mut below) = commitments.split_first()?;
        let mut leaves = Vec::with_capacity(formula.leaf_count());
        derive_leaves(&formula, *root, &mut below, &mut leaves)?;
        Some(Self { formula, commitments, leaves })
    }

    /// The formula the key was dealt over.
    pub fn formula(&self) -> &Formula {
        &self.formula
    }

    /// The key as verifiers need it: a point of G2, compressed.
    pub fn to_bytes(&self) -> [u8; G2_BYTES] {
        self.point().encode()
    }

    /// Appends the commitments (96 bytes each); the formula fixes how many there are.
    pub fn encode_commitments(&self, writer: &mut Writer) {
        for commitment in &self.commitments {
            writer.raw(&commitment.encode());
        }
    }

    /// Reads the commitments of a key over `formula`, and checks that every point is in the group.
    ///
    /// # Errors
    /// [`DecodeError`]; whoever made the key is to blame.
    pub fn decode_commitments(
        formula: Formula,
        reader: &mut Reader<'_>,
    ) -> Result<Self, DecodeError> {
        let commitments = (0..commitment_count(&formula))
            .map(|_| {
                let point = G2::decode(&reader.array()?);
                point.ok_or(DecodeError::Invalid("commitment: not a point of the group"))
            })
            .collect::<Result<_, _>>()?;
        Self::new(formula, commitments).ok_or(DecodeError::Invalid("commitment: a key of zero"))
    }

    /// The key as a point.
    pub(super) fn point(&self) -> &G2 {
        &self.commitments[0]
    }

    /// The server and the verification key of each leaf, from left to right.
    pub(super) fn leaves(&self) -> &[(ServerIndex, G2)] {
        &self.leaves
    }

    /// The verification keys of one server's leaves, from left to right.
    pub(super) fn keys_of(&self, server: ServerIndex) -> impl Iterator<Item = &G2> {
        self.leaves.iter().filter(move |(owner, _)| *owner == server).map(|(_, key)| key)
    }
}

impl KeyShare {
    pub(super) fn new(server: ServerIndex, leaves: Vec<SecretScalar>) -> Self {
        Self { server, leaves }
    }

    /// Whose share it is.
    pub fn server(&self) -> ServerIndex {
        self.server
    }

    /// The secrets of the server's leaves, from left to right.
    pub(super) fn leaves(&self) -> &[SecretScalar] {
        &self.leaves
    }

    /// Whether the share is the one the dealer committed to: a receiver checks this once, when it
    /// gets the share.
    ///
    /// # Cost
    /// One multiplication in G2 per leaf.
    pub fn matches(&self, key: &PublicKey) -> bool {
        let expected = self.leaves.iter().map(G2::public_key);
        !self.leaves.is_empty() && expected.eq(key.keys_of(self.server).copied())
    }

    /// Signs a prepared message at every leaf of the server. Constant time.
    ///
    /// # Cost
    /// One multiplication in G1 per leaf.
    pub fn sign(&self, message: &Prepared) -> SignatureShare {
        SignatureShare::new(self.leaves.iter().map(|leaf| message.0.times_secret(leaf)).collect())
    }

    /// Appends `server (2, LE) || number of leaves (2, LE) || sub-shares (32 each, LE)`. The
    /// writer's bytes are secret: the caller wipes them.
    pub fn encode(&self, writer: &mut Writer) {
        writer.u16(self.server.0).u16(self.leaves.len() as u16);
        for leaf in &self.leaves {
            writer.raw(&*leaf.encode());
        }
    }

    /// Reads a share.
    ///
    /// # Errors
    /// [`DecodeError`] if the bytes are no share, or the share of a server at no leaf.
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let server = ServerIndex(reader.u16()?);
        let count = usize::from(reader.u16()?);
        if count == 0 || count > ally_policy::LEAVES_MAX {
            return Err(DecodeError::Invalid("key share: number of leaves"));
        }
        let mut leaves = Vec::new();
        for _ in 0..count {
            let bytes: &[u8] = reader.raw(SCALAR_BYTES)?;
            let leaf = bytes.first_chunk().and_then(SecretScalar::decode);
            leaves.push(leaf.ok_or(DecodeError::Invalid("key share: number out of range"))?);
        }
        Ok(Self { server, leaves })
    }
}

/// A message hashed to the curve, under the tag of its use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prepared(pub(super) G1);

impl Prepared {
    /// Hashes `message` under `tag`. Signatures under one tag say nothing under another.
    ///
    /// # Source
    /// RFC 9380, suite `BLS12381G1_XMD:SHA-256_SSWU_RO_`.
    ///
    /// # Cost
    /// Some 60 us, and hashing.
    pub fn new(message: &[u8], tag: &[u8]) -> Self {
        Self(G1::hash(message, tag))
    }
}

/// How many commitments a key over `formula` has: one for the root, and one per coefficient.
fn commitment_count(formula: &Formula) -> usize {
    fn coefficients(formula: &Formula) -> usize {
        match formula {
            Formula::Leaf(_) => 0,
            Formula::Gate(gate) => {
                let below: usize = gate.children().iter().map(coefficients).sum();
                usize::from(gate.threshold()) - 1 + below
            }
        }
    }
    1 + coefficients(formula)
}

/// Walks down from a node whose value is committed to as `value`, takes the commitments of the gates
/// from `rest`, and collects the leaves. `None` if a value is zero.
fn derive_leaves(
    formula: &Formula,
    value: G2,
    rest: &mut &[G2],
    leaves: &mut Vec<(ServerIndex, G2)>,
) -> Option<()> {
    let gate = match formula {
        Formula::Leaf(server) => {
            leaves.push((*server, value));
            return Some(());
        }
        Formula::Gate(gate) => gate,
    };
    let (own, after) = rest.split_at_checked(usize::from(gate.threshold()) - 1)?;
    *rest = after;
    let polynomial: Vec<G2> = std::iter::once(value).chain(own.iter().copied()).collect();
    for (child, x) in gate.children().iter().zip(1..) {
        derive_leaves(child, G2::polynomial(&polynomial, x)?, rest, leaves)?;
    }
    Some(())
}
