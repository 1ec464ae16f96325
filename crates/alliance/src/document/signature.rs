//! The members' signatures.

use super::{AllianceDocument, Organisation};
use crate::Alliance;
use crate::alliance::NotSigned;
use crate::fields::Fields;
use crate::keys::AdminKey;
use crate::mistake::Mistake;
use ally_consensus::{AllianceId, signing_bytes};
use ally_policy::{SERVERS_MAX, nearest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What a member signs is of this kind; the content is the member's name. The document itself is in
/// the alliance identity that every signature covers.
const KIND: &str = "alliance-document";

/// Whether a member has signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureState {
    /// It has, and the signature is right.
    Signed,
    /// It has not yet.
    Missing,
    /// There is a signature, but not on this document: it was changed after it was signed.
    Bad,
}

/// The key belongs to no member's administrator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no organisation of the document has the admin key {key}: is it the right key file?")]
pub struct NotAMember {
    /// The key, in its text form.
    pub key: String,
}

/// Signatures on one document mean nothing on another.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("these are documents of different alliances: {ours} and {theirs}")]
pub struct OtherDocument {
    /// The one that should take over signatures.
    pub ours: AllianceId,
    /// The one that has them.
    pub theirs: AllianceId,
}

impl AllianceDocument {
    /// Signs for the organisation that has this key, and returns its name.
    ///
    /// # Errors
    /// [`NotAMember`].
    pub fn sign(&mut self, key: &AdminKey) -> Result<&str, NotAMember> {
        let public = key.public();
        let place = self.organisations().iter().position(|member| *member.admin() == public);
        let Some(place) = place else {
            return Err(NotAMember { key: public.to_string() });
        };
        self.signatures[place] = Some(key.sign(&self.bytes_to_sign(place)));
        Ok(self.organisations()[place].name())
    }

    /// Takes over the good signatures of another copy of the same document that are missing or bad
    /// here, and returns how many.
    ///
    /// # Errors
    /// [`OtherDocument`].
    pub fn merge_signatures(&mut self, other: &Self) -> Result<usize, OtherDocument> {
        if self.id != other.id {
            return Err(OtherDocument { ours: self.id, theirs: other.id });
        }
        let mut taken = 0;
        for place in 0..self.signatures.len() {
            let good = |document: &Self| document.state(place) == SignatureState::Signed;
            if !good(self) && good(other) {
                self.signatures[place] = other.signatures[place];
                taken += 1;
            }
        }
        Ok(taken)
    }

    /// Each member's name with the state of its signature, in the order of the document.
    ///
    /// # Cost
    /// One Ed25519 verification for each signature.
    pub fn verify_signatures(&self) -> Vec<(&str, SignatureState)> {
        let members = self.organisations().iter().enumerate();
        members.map(|(place, member)| (member.name(), self.state(place))).collect()
    }

    /// The document as what servers and applications take.
    ///
    /// # Errors
    /// [`NotSigned`]: names the members whose signature is missing or bad.
    pub fn verify(self) -> Result<Alliance, NotSigned> {
        let names = |wanted: SignatureState| {
            let states = self.verify_signatures().into_iter();
            states
                .filter(|(_, state)| *state == wanted)
                .map(|(name, _)| name.to_owned())
                .collect::<Vec<_>>()
        };
        let (missing, bad) = (names(SignatureState::Missing), names(SignatureState::Bad));
        if missing.is_empty() && bad.is_empty() {
            return Ok(Alliance::new(self));
        }
        Err(NotSigned { missing, bad })
    }

    fn state(&self, place: usize) -> SignatureState {
        let Some(signature) = &self.signatures[place] else { return SignatureState::Missing };
        let key = self.organisations()[place].admin();
        match key.verify(&self.bytes_to_sign(place), signature) {
            true => SignatureState::Signed,
            false => SignatureState::Bad,
        }
    }

    fn bytes_to_sign(&self, place: usize) -> Vec<u8> {
        let name = self.organisations()[place].name();
        signing_bytes(&self.context(), KIND, name.as_bytes())
    }
}

/// Reads the signatures, one for each organisation that has one.
pub(super) fn read_all(
    document: &Fields<'_>,
    organisations: &[Organisation],
) -> Result<Vec<Option<[u8; 64]>>, Mistake> {
    let mut signatures = vec![None; organisations.len()];
    for fields in document.tables("signature", &["organisation", "signature"], SERVERS_MAX)? {
        let name = fields.text("organisation")?;
        let place = organisations.iter().position(|member| member.name() == name);
        let Some(place) = place else {
            let mistake = fields.bad("organisation", format!("no member is called `{name}`"));
            let names = organisations.iter().map(Organisation::name);
            return Err(match nearest(name, names) {
                Some(known) => mistake.hint(format!("did you mean `{known}`?")),
                None => mistake,
            });
        };
        let fields = fields.of(format!("signature of \"{name}\""));
        if signatures[place].is_some() {
            return Err(fields.duplicate("organisation", "this", "another signature"));
        }
        let bytes = STANDARD.decode(fields.text("signature")?).ok();
        let Some(signature) = bytes.and_then(|bytes| bytes.try_into().ok()) else {
            return Err(fields.bad("signature", "not the base64 of 64 bytes"));
        };
        signatures[place] = Some(signature);
    }
    Ok(signatures)
}
