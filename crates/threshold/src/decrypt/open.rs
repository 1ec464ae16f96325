//! Opening together: each server gives a share, anybody combines them.

use std::fmt;

use ally_codec::{Decode, DecodeError, Encode, Reader, Writer};
use ally_policy::ServerIndex;
use zeroize::Zeroizing;

use super::ciphertext::Identity;
use super::{Ciphertext, OpenError, SealContext};
use crate::{KeyId, KeyShare, PublicKey, Scheme, SignatureShare, combine, verify_share};

/// A server's share of the opening of one ciphertext. Whoever has enough of them can read it, so
/// they go to the one who may, and to nobody else.
///
/// `Debug` tells whose it is, and no more.
#[derive(Clone, PartialEq, Eq)]
pub struct DecryptionShare(SignatureShare);

impl DecryptionShare {
    /// The server that made it, or says so.
    pub fn server(&self) -> ServerIndex {
        self.0.server()
    }

    /// The key it was made with, or says so.
    pub fn key(&self) -> KeyId {
        self.0.key()
    }
}

impl fmt::Debug for DecryptionShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DecryptionShare(of {})", self.server())
    }
}

/// As that of a [`SignatureShare`], which does not make it one: what is signed is another point.
impl Encode for DecryptionShare {
    fn encode(&self, writer: &mut Writer) {
        self.0.encode(writer);
    }
}

impl Decode for DecryptionShare {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.value().map(Self)
    }
}

impl KeyShare {
    /// This server's share of the opening of `ciphertext`. Constant time.
    ///
    /// The ciphertext is verified first. That it may be opened is for the caller to decide.
    ///
    /// # Errors
    /// [`OpenError::Invalid`]: whoever gave in the ciphertext is to blame; [`OpenError::Scheme`] and
    /// [`OpenError::Share`]: the caller is.
    ///
    /// # Cost
    /// Two pairings, and a multiplication in G1 for each of the server's leaves.
    pub fn open_share(
        &self,
        public: &PublicKey,
        ciphertext: &Ciphertext,
        context: &SealContext<'_>,
    ) -> Result<DecryptionShare, OpenError> {
        let (_, identity) = check(public, ciphertext, context)?;
        Ok(DecryptionShare(self.sign(public, identity.message())?))
    }
}

/// Checks one server's share of the opening of `ciphertext`.
///
/// # Errors
/// [`OpenError::Blamed`]: `server` is to blame, if it was `server` who sent it, with the share as
/// evidence that anyone can check again. [`OpenError::Invalid`] and [`OpenError::Scheme`] as
/// [`KeyShare::open_share`].
///
/// # Cost
/// Two pairings for the ciphertext, and two for each of the server's leaves.
pub fn verify_decryption_share(
    public: &PublicKey,
    ciphertext: &Ciphertext,
    context: &SealContext<'_>,
    server: ServerIndex,
    share: &DecryptionShare,
) -> Result<(), OpenError> {
    let (_, identity) = check(public, ciphertext, context)?;
    let verdict = verify_share(public, identity.message(), server, &share.0, None);
    verdict.map_err(|blame| OpenError::Blamed { server, blame })
}

/// Combines shares to the message inside `ciphertext`. What is returned does not depend on whose
/// shares they are.
///
/// `contributions` are the shares by the server that sent them. More than needed are welcome.
///
/// # Errors
/// [`OpenError::Invalid`] and [`OpenError::Scheme`] as [`KeyShare::open_share`];
/// [`OpenError::Combine`] says whom to wait for, or whose shares are provably wrong; with
/// [`OpenError::Unreadable`] the one who sealed is to blame. Never panics, whatever the shares hold.
///
/// # Cost
/// Five pairings, and a multiplication in G1 for each leaf that is used.
pub fn combine_decryption(
    public: &PublicKey,
    ciphertext: &Ciphertext,
    context: &SealContext<'_>,
    contributions: &[(ServerIndex, DecryptionShare)],
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let (digest, identity) = check(public, ciphertext, context)?;
    let shares: Vec<(ServerIndex, SignatureShare)> =
        contributions.iter().map(|(server, share)| (*server, share.0.clone())).collect();
    // Opens the ciphertext, so it is wiped.
    let signature = Zeroizing::new(combine(public, identity.message(), &shares)?);
    ciphertext.open(&digest, &signature).ok_or(OpenError::Unreadable)
}

/// The digest of the context and what the ciphertext is sealed to, if it is valid.
fn check(
    public: &PublicKey,
    ciphertext: &Ciphertext,
    context: &SealContext<'_>,
) -> Result<([u8; 32], Identity), OpenError> {
    if public.scheme() != Scheme::Bls12381 {
        return Err(OpenError::Scheme(public.scheme()));
    }
    let digest = context.digest(&public.verifying_key());
    let identity = ciphertext.check(&digest).ok_or(OpenError::Invalid)?;
    Ok((digest, identity))
}
