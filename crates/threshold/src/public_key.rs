//! The whole public half of a threshold key, as servers need it.

use std::sync::Arc;

use ally_codec::{Decode, DecodeError, Encode, Reader, Writer};
use ally_policy::{Formula, ServerIndex};
use sha2::{Digest, Sha256};

use crate::access::Access;
use crate::signature_share::LEAF_SHARES_OVERHEAD;
use crate::threshold_scheme::ThresholdScheme;
use crate::{Message, Scheme, VerifyingKey, bls, rsa};

/// The longest encoding of a formula that a key may carry.
const FORMULA_BYTES_MAX: usize = 1 << 16;

/// The version of the encoding.
const VERSION: u8 = 1;

/// Which key, in which epoch, dealt how: SHA-256 over the whole encoding of the public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 32]);

/// A threshold key's public half: what verifies signatures and what verifies single shares.
///
/// Cheap to clone. Relying parties need only the [`VerifyingKey`] in it, which stays the same when
/// shares are refreshed.
#[derive(Clone)]
pub struct PublicKey(Arc<Inner>);

struct Inner {
    id: KeyId,
    scheme: Scheme,
    epoch: u64,
    access: Arc<Access>,
    kind: Kind,
}

/// The part that differs from scheme to scheme.
pub(crate) enum Kind {
    /// Shoup's RSA.
    Rsa(rsa::PublicKey),
    /// BLS.
    Bls(bls::PublicKey),
}

impl PublicKey {
    pub(crate) fn new(scheme: Scheme, epoch: u64, access: Arc<Access>, kind: Kind) -> Self {
        let mut inner = Inner { id: KeyId([0; 32]), scheme, epoch, access, kind };
        let mut writer = Writer::new();
        inner.encode(&mut writer);
        let digest = Sha256::new()
            .chain_update(b"ally/v1/threshold-key")
            .chain_update(writer.as_bytes())
            .finalize();
        inner.id = KeyId(digest.into());
        Self(Arc::new(inner))
    }

    /// The signature scheme.
    pub fn scheme(&self) -> Scheme {
        self.0.scheme
    }

    /// The epoch whose shares this key verifies.
    pub fn epoch(&self) -> u64 {
        self.0.epoch
    }

    /// The formula: which servers' shares combine to a signature.
    pub fn formula(&self) -> &Formula {
        self.0.access.formula()
    }

    /// Names the key with its epoch, its formula and all verification keys. Shares carry it.
    pub fn id(&self) -> KeyId {
        self.0.id
    }

    /// What relying parties need.
    pub fn verifying_key(&self) -> VerifyingKey {
        match &self.0.kind {
            Kind::Rsa(key) => key.verifying_key().clone().into(),
            Kind::Bls(key) => key.verifying_key().clone().into(),
        }
    }

    /// [`VerifyingKey::fingerprint`].
    pub fn fingerprint(&self) -> [u8; 32] {
        self.verifying_key().fingerprint()
    }

    /// [`VerifyingKey::to_pem`].
    pub fn to_pem(&self) -> String {
        self.verifying_key().to_pem()
    }

    /// [`VerifyingKey::verify`].
    pub fn verify<'m>(&self, message: impl Into<Message<'m>>, signature: &[u8]) -> bool {
        self.verifying_key().verify(message, signature)
    }

    /// How many bytes the encoding of the server's [`SignatureShare`] has; 0 for a server that holds
    /// nothing.
    ///
    /// # Cost
    /// One step for each leaf of the formula.
    ///
    /// [`SignatureShare`]: crate::SignatureShare
    pub fn share_bytes(&self, server: ServerIndex) -> usize {
        let width = match &self.0.kind {
            Kind::Rsa(key) => key.share_width(),
            Kind::Bls(key) => key.share_width(),
        };
        match self.leaf_count(server) {
            0 => 0,
            leaves => LEAF_SHARES_OVERHEAD + leaves * width,
        }
    }

    pub(crate) fn access(&self) -> &Access {
        &self.0.access
    }

    pub(crate) fn shared_access(&self) -> Arc<Access> {
        self.0.access.clone()
    }

    pub(crate) fn kind(&self) -> &Kind {
        &self.0.kind
    }

    /// How many leaves the server has; 0 for a server that holds nothing.
    pub(crate) fn leaf_count(&self, server: ServerIndex) -> usize {
        self.access().leaves_of(server).count()
    }
}

impl Inner {
    fn encode(&self, writer: &mut Writer) {
        writer.u8(VERSION).u8(self.scheme.tag()).u64(self.epoch);
        writer.bytes(&self.access.formula().to_bytes());
        match &self.kind {
            Kind::Rsa(key) => key.encode(writer),
            Kind::Bls(key) => key.encode(writer),
        }
    }
}

/// `version (1) || scheme (1) || epoch (8, LE) || formula (4, LE + bytes)`, then for RSA `moduli (1)`
/// and for each modulus `bits of a leaf's secret (2, LE) || multiplier (2, LE + bytes) || modulus ||
/// verification key of each leaf`, big-endian, the last ones as long as the modulus; for BLS the
/// dealer's commitments (96 each), as many as the formula has coefficients.
impl Encode for PublicKey {
    fn encode(&self, writer: &mut Writer) {
        self.0.encode(writer);
    }
}

impl Decode for PublicKey {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if reader.u8()? != VERSION {
            return Err(DecodeError::Invalid("version of a threshold key"));
        }
        let scheme = Scheme::from_tag(reader.u8()?).ok_or(DecodeError::Invalid("scheme"))?;
        let epoch = reader.u64()?;
        let formula = Formula::from_bytes(reader.bytes(FORMULA_BYTES_MAX)?)
            .map_err(|_| DecodeError::Invalid("formula of a threshold key"))?;
        let access = Arc::new(Access::new(formula));
        let kind = match scheme.modulus_bits() {
            Some(bits) => Kind::Rsa(rsa::PublicKey::decode(reader, bits, epoch, access.clone())?),
            None => Kind::Bls(bls::PublicKey::decode(reader, &access)?),
        };
        Ok(Self::new(scheme, epoch, access, kind))
    }
}

/// Keys are equal when all of their public parts are.
impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl Eq for PublicKey {}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PublicKey({}, epoch {}, ", self.scheme(), self.epoch())?;
        self.id().0.iter().take(8).try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("..)")
    }
}
