//! The public half of a FROST key.

use super::group::{POINT_BYTES, Point};
use super::sharing::share_commitment;
use super::threshold::Threshold;
use super::{SUITE, VERSION};
use crate::{KeyId, PlanError, pem};
use ally_codec::{Decode, DecodeError, Encode, Reader, Writer};
use ally_policy::{Formula, ServerIndex};
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::Arc;

/// The longest encoding of a formula: a gate over the most servers there can be.
const FORMULA_BYTES_MAX: usize = 5 + 3 * ally_policy::SERVERS_MAX;

/// What stands in front of the 32 bytes in a SubjectPublicKeyInfo (RFC 8410).
const SPKI_HEADER: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];

/// A FROST key's public half: an ordinary Ed25519 public key, and the commitments with which shares
/// are checked. Cheap to clone.
///
/// Relying parties need only the 32 bytes of [`PublicKey::verifying_key`], which stay the same when
/// shares are refreshed.
#[derive(Clone)]
pub struct PublicKey(Arc<Inner>);

struct Inner {
    id: KeyId,
    epoch: u64,
    threshold: Threshold,
    coefficients: Vec<Point>,
    /// Each holder's, in the order of the formula.
    share_keys: Vec<Point>,
    verifier: VerifyingKey,
}

impl PublicKey {
    /// `None` unless there are as many coefficients as servers are needed, and no server gets 0.
    ///
    /// # Cost
    /// For each server and each coefficient a dozen additions of points.
    pub(super) fn new(epoch: u64, threshold: Threshold, coefficients: Vec<Point>) -> Option<Self> {
        if coefficients.len() != threshold.needed() {
            return None;
        }
        let (root, above) = coefficients.split_first()?;
        let share_key = |server| Point::new(share_commitment(root.point(), above, server));
        let share_keys =
            threshold.servers().iter().copied().map(share_key).collect::<Option<_>>()?;
        let verifier = VerifyingKey::from_bytes(root.bytes()).ok()?;
        let id = KeyId([0; 32]);
        let mut inner = Inner { id, epoch, threshold, coefficients, share_keys, verifier };
        let mut writer = Writer::new();
        inner.encode(&mut writer);
        let digest = Sha256::new_with_prefix(b"ally/v1/frost-key").chain_update(writer.as_bytes());
        inner.id = KeyId(digest.finalize().into());
        Some(Self(Arc::new(inner)))
    }

    /// The epoch whose shares belong to this key.
    pub fn epoch(&self) -> u64 {
        self.0.epoch
    }

    /// The formula: which servers sign together.
    pub fn formula(&self) -> &Formula {
        self.0.threshold.formula()
    }

    /// Names the key with its epoch, its formula and all commitments. Commitments and shares carry
    /// it, and those of another key or epoch are refused.
    pub fn id(&self) -> KeyId {
        self.0.id
    }

    /// The Ed25519 public key (RFC 8032, 32 bytes): all that relying parties need.
    pub fn verifying_key(&self) -> [u8; POINT_BYTES] {
        *self.root().bytes()
    }

    /// The Ed25519 public key as other programs read it: SubjectPublicKeyInfo (RFC 8410) as PEM.
    pub fn to_pem(&self) -> String {
        pem::encode("PUBLIC KEY", &[&SPKI_HEADER[..], self.root().bytes()].concat())
    }

    /// Whether `signature` (64 bytes, RFC 8032) is this key's on `message`. Strict: no second
    /// signature that a bystander could derive from the first is accepted.
    ///
    /// # Cost
    /// One multiplication of two points at once.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        let signature = Signature::from_slice(signature);
        signature.is_ok_and(|signature| self.0.verifier.verify_strict(message, &signature).is_ok())
    }

    pub(super) fn threshold(&self) -> &Threshold {
        &self.0.threshold
    }

    /// The commitments to the polynomial's coefficients, the key's first.
    pub(super) fn coefficients(&self) -> &[Point] {
        &self.0.coefficients
    }

    pub(super) fn root(&self) -> &Point {
        &self.0.coefficients[0]
    }

    /// The number of the server's leaf, and what its share is committed to as.
    pub(super) fn share_key(&self, server: ServerIndex) -> Option<(usize, &Point)> {
        let leaf = self.0.threshold.leaf_of(server)?;
        Some((leaf, self.0.share_keys.get(leaf)?))
    }
}

impl Inner {
    fn encode(&self, writer: &mut Writer) {
        writer.u8(VERSION).u8(SUITE).u64(self.epoch);
        writer.bytes(&self.threshold.formula().to_bytes());
        self.coefficients.iter().for_each(|point| {
            writer.raw(point.bytes());
        });
    }
}

/// `version (1) || suite (1) || epoch (8, LE) || formula (4, LE + bytes) || commitments to the
/// polynomial's coefficients (32 each)`, as many as servers are needed.
impl Encode for PublicKey {
    fn encode(&self, writer: &mut Writer) {
        self.0.encode(writer);
    }
}

impl Decode for PublicKey {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if reader.u8()? != VERSION || reader.u8()? != SUITE {
            return Err(DecodeError::Invalid("version of a FROST key"));
        }
        let epoch = reader.u64()?;
        let formula = Formula::from_bytes(reader.bytes(FORMULA_BYTES_MAX)?);
        let formula = formula.map_err(|_| DecodeError::Invalid("formula of a FROST key"))?;
        let threshold = Threshold::new(&formula)
            .map_err(|_: PlanError| DecodeError::Invalid("formula: not a plain threshold"))?;
        let coefficients = Point::read_all(reader, threshold.needed())?;
        Self::new(epoch, threshold, coefficients)
            .ok_or(DecodeError::Invalid("commitment: a share of zero"))
    }
}

/// Keys are equal when all of their public parts are.
impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "frost::PublicKey(epoch {}, ", self.epoch())?;
        self.id().0.iter().take(8).try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("..)")
    }
}
