//! From TOML to a document.

use super::draft::EPOCHS;
use super::signature;
use super::{AllianceDocument, Draft, Introduction, Organisation, Parameters, ThresholdKeys};
use crate::fields::{self, Fields};
use crate::mistake::Mistake;
use ally_consensus::Epoch;
use ally_policy::{DOCUMENT_BYTES_MAX, Definition, PolicyError, Source, TrustPolicy};

/// Everything but keys and signatures.
pub(super) const DRAFT_KEYS: [&str; 7] =
    ["origin", "name", "epoch", "model", "policy", "organisation", "parameters"];

/// Why a text is no alliance document.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// A mistake outside the policy.
    #[error(transparent)]
    Mistake(#[from] Mistake),
    /// A mistake in the policy, or a policy that fails its conditions.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// A value given for a new alliance that no document may have.
    #[error("`{key}`: {reason}")]
    Value {
        /// The key that it would stand under.
        key: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

impl AllianceDocument {
    /// Reads a document. `file` is its name in messages.
    ///
    /// # Errors
    /// [`DocumentError`]: whoever wrote or changed the file is to blame; the message says where.
    ///
    /// # Cost
    /// Milliseconds: the policy's conditions are checked, and the keys decoded.
    pub fn parse(text: &str, file: &str) -> Result<Self, DocumentError> {
        let source = Source::new(file, text);
        let table = fields::parse(&source, DOCUMENT_BYTES_MAX)?;
        let fields =
            Fields::root(&source, &table, &[&DRAFT_KEYS[..], &["keys", "signature"]].concat())?;
        let draft = Draft::read(&fields, text, file)?;
        let keys = ThresholdKeys::read(&fields, &draft.policy, draft.epoch())?;
        let signatures = signature::read_all(&fields, &draft.organisations)?;
        let mut document = Self { draft, keys, id: Default::default(), signatures };
        document.id = document.compute_id();
        Ok(document)
    }
}

impl Draft {
    /// Reads what a document says besides keys and signatures; `text` is the whole of it.
    pub(super) fn read(fields: &Fields<'_>, text: &str, file: &str) -> Result<Self, DocumentError> {
        let introduction = introduction(fields)?;
        let organisations = Organisation::read_all(fields)?;
        let members = organisations.iter().map(Organisation::member).collect();
        let definition = Definition::parse_table(text, file, "policy", members)?;
        let policy = TrustPolicy::new(&definition, introduction.model)?;
        let formulas = definition.formulas();
        let formulas = formulas.map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
        let parameters = Parameters::read(fields)?;
        Ok(Self { introduction, formulas, policy, organisations, parameters })
    }
}

fn introduction(fields: &Fields<'_>) -> Result<Introduction, Mistake> {
    let introduction = Introduction {
        origin: fields.text("origin")?.to_owned(),
        name: fields.text("name")?.to_owned(),
        epoch: Epoch(fields.number("epoch", EPOCHS, 0)?),
        model: fields.optional_value("model")?.unwrap_or_default(),
    };
    match introduction.fault() {
        Some((key @ "origin", reason)) => Err(fields
            .bad(key, reason)
            .hint("a domain of yours and a path will do, for instance `example.org/ally`")),
        Some((key, reason)) => Err(fields.bad(key, reason)),
        None => Ok(introduction),
    }
}
