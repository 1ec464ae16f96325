//! The bytes of a document that are hashed.
//!
//! `version (1) || origin || name || epoch (8, LE) || model || formulas || policy digest (32)
//!  || organisations || parameters || keys`, all by [`ally_codec`]. Signatures are not part of it.
//! Formulas are there as written, and what they mean beside them: a program that reads a formula
//! otherwise gets another identity, not another policy under the same one.

use super::{AllianceDocument, Draft, Introduction};
use ally_codec::{Encode, Writer};
use ally_consensus::AllianceId;
use sha2::{Digest, Sha256};

const TAG: &[u8] = b"ally/v1/alliance\0";
const VERSION: u8 = 1;

struct Formula<'a>(&'a str, &'a str);

impl Encode for Formula<'_> {
    fn encode(&self, writer: &mut Writer) {
        writer.bytes(self.0.as_bytes()).bytes(self.1.as_bytes());
    }
}

impl AllianceDocument {
    /// The canonical encoding, without signatures.
    pub fn canonical_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.u8(VERSION).value(&self.draft).value(&self.keys);
        writer.into_bytes()
    }

    pub(super) fn compute_id(&self) -> AllianceId {
        let digest = Sha256::new_with_prefix(TAG).chain_update(self.canonical_bytes());
        AllianceId(digest.finalize().into())
    }
}

impl Encode for Draft {
    fn encode(&self, writer: &mut Writer) {
        let Introduction { origin, name, epoch, model } = &self.introduction;
        let formulas: Vec<Formula<'_>> =
            self.formulas.iter().map(|(name, formula)| Formula(name, formula)).collect();
        writer.bytes(origin.as_bytes()).bytes(name.as_bytes());
        writer.value(epoch).bytes(model.name().as_bytes());
        writer.list(&formulas).raw(&self.policy.digest()).list(&self.organisations);
        writer.value(&self.parameters);
    }
}
