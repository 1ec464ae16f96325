//! The three threshold keys of an alliance.

use crate::fields::Fields;
use crate::mistake::Mistake;
use ally_codec::{Decode, Encode, Writer};
use ally_consensus::Epoch;
use ally_policy::{DOCUMENT_BYTES_MAX, Formula, TrustPolicy};
use ally_threshold::{PublicKey, Scheme};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fmt::{self, Write};

const LINE_CHARS: usize = 76;

/// What a threshold key signs, and thereby whose shares open it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyPurpose {
    /// Checkpoints; opened by a certify set. The one key that relying parties know.
    Certify,
    /// New-view certificates; opened by a kernel.
    Kernel,
    /// Commit certificates of the slow path; opened by a quorum.
    Quorum,
}

impl KeyPurpose {
    /// All of them, in the order of the document.
    pub const ALL: [Self; 3] = [Self::Certify, Self::Kernel, Self::Quorum];

    /// The word in documents and key files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Certify => "certify",
            Self::Kernel => "kernel",
            Self::Quorum => "quorum",
        }
    }

    /// The formula over which a key of this purpose is dealt.
    pub fn formula(self, policy: &TrustPolicy) -> &Formula {
        match self {
            Self::Certify => policy.certify(),
            Self::Kernel => policy.kernel(),
            Self::Quorum => policy.decide(),
        }
    }
}

impl fmt::Display for KeyPurpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The public halves of an alliance's threshold keys.
#[derive(Clone)]
pub struct ThresholdKeys {
    /// Signs checkpoints.
    pub certify: PublicKey,
    /// Signs new-view certificates.
    pub kernel: PublicKey,
    /// Signs commit certificates.
    pub quorum: PublicKey,
}

/// A threshold key that does not belong to the document it stands in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyMismatch {
    /// Dealt over another formula.
    #[error(
        "the {0} key was dealt over another formula than the policy's: whoever changes the policy or \
         the servers has to deal the keys again"
    )]
    Formula(
        /// Which key.
        KeyPurpose,
    ),
    /// Dealt for another epoch.
    #[error("the {purpose} key was dealt for epoch {theirs}, the document is of epoch {ours}")]
    Epoch {
        /// Which key.
        purpose: KeyPurpose,
        /// The document's.
        ours: Epoch,
        /// The key's.
        theirs: u64,
    },
    /// Not BLS, where only BLS will do.
    #[error("the {purpose} key is {scheme}, but has to be {}", Scheme::Bls12381)]
    Scheme {
        /// Which key.
        purpose: KeyPurpose,
        /// What it is.
        scheme: Scheme,
    },
}

impl ThresholdKeys {
    /// The key of this purpose.
    pub fn of(&self, purpose: KeyPurpose) -> &PublicKey {
        match purpose {
            KeyPurpose::Certify => &self.certify,
            KeyPurpose::Kernel => &self.kernel,
            KeyPurpose::Quorum => &self.quorum,
        }
    }

    /// Whether the keys were dealt over the policy's formulas, in the epoch.
    pub(super) fn check(&self, policy: &TrustPolicy, epoch: Epoch) -> Result<(), KeyMismatch> {
        for purpose in KeyPurpose::ALL {
            check_one(self.of(purpose), purpose, policy, epoch)?;
        }
        Ok(())
    }

    pub(super) fn read(
        document: &Fields<'_>,
        policy: &TrustPolicy,
        epoch: Epoch,
    ) -> Result<Self, Mistake> {
        let names = KeyPurpose::ALL.map(KeyPurpose::name);
        let Some(fields) = document.table("keys", &names)? else {
            let hint = "`ally alliance new` deals the keys and writes them";
            return Err(document.missing("keys").hint(hint));
        };
        let key = |purpose| read_key(&fields, purpose, policy, epoch);
        Ok(Self {
            certify: key(KeyPurpose::Certify)?,
            kernel: key(KeyPurpose::Kernel)?,
            quorum: key(KeyPurpose::Quorum)?,
        })
    }

    pub(super) fn render(&self, text: &mut String) {
        for purpose in KeyPurpose::ALL {
            let key = self.of(purpose);
            let _ = writeln!(text, "[keys.{purpose}]\nscheme = \"{}\"\npublic = '''", key.scheme());
            let encoded = STANDARD.encode(key.to_bytes());
            let mut rest = encoded.as_str();
            while !rest.is_empty() {
                let (line, more) = rest.split_at(rest.len().min(LINE_CHARS));
                text.push_str(line);
                text.push('\n');
                rest = more;
            }
            text.push_str("'''\n\n");
        }
    }
}

impl Encode for ThresholdKeys {
    fn encode(&self, writer: &mut Writer) {
        for purpose in KeyPurpose::ALL {
            writer.bytes(&self.of(purpose).to_bytes());
        }
    }
}

fn read_key(
    keys: &Fields<'_>,
    purpose: KeyPurpose,
    policy: &TrustPolicy,
    epoch: Epoch,
) -> Result<PublicKey, Mistake> {
    let name = purpose.name();
    let Some(fields) = keys.table(name, &["scheme", "public"])? else {
        return Err(keys.missing(name));
    };
    let fields = fields.of(format!("the {name} key"));
    let scheme: Scheme = fields.value("scheme")?;
    let text: String = fields.text("public")?.split_ascii_whitespace().collect();
    let bytes = STANDARD.decode(text);
    let bytes = bytes.map_err(|error| fields.bad("public", format!("not base64: {error}")))?;
    debug_assert!(bytes.len() <= DOCUMENT_BYTES_MAX);
    let key = PublicKey::from_bytes(&bytes)
        .map_err(|error| fields.bad("public", format!("not a threshold key: {error}")))?;
    if key.scheme() != scheme {
        let reason = format!("the key below is {}", key.scheme());
        return Err(fields.bad("scheme", reason));
    }
    check_one(&key, purpose, policy, epoch)
        .map_err(|mismatch| fields.bad("public", mismatch.to_string()))?;
    Ok(key)
}

fn check_one(
    key: &PublicKey,
    purpose: KeyPurpose,
    policy: &TrustPolicy,
    epoch: Epoch,
) -> Result<(), KeyMismatch> {
    if key.formula() != purpose.formula(policy) {
        return Err(KeyMismatch::Formula(purpose));
    }
    if key.epoch() != epoch.0 {
        return Err(KeyMismatch::Epoch { purpose, ours: epoch, theirs: key.epoch() });
    }
    if purpose != KeyPurpose::Certify && key.scheme() != Scheme::Bls12381 {
        return Err(KeyMismatch::Scheme { purpose, scheme: key.scheme() });
    }
    Ok(())
}
