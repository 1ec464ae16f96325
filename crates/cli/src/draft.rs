//! What founders of an alliance have agreed on before there are keys, as arguments of commands.

use crate::failure::Failure;
use crate::files::read_text;
use ally_alliance::{Draft, Introduction, Organisation, Parameters};
use ally_consensus::Epoch;
use ally_policy::{DOCUMENT_BYTES_MAX, Definition, FaultModel};
use clap::Args;
use std::path::PathBuf;

/// Everything that an alliance document says but its keys.
#[derive(Debug, Args)]
pub struct DraftArgs {
    /// A name that nobody else uses, a domain of yours and a path; the first line of every checkpoint
    #[arg(long, value_name = "ORIGIN")]
    origin: String,
    /// The alliance's name, for people
    #[arg(long, value_name = "NAME", default_value = "alliance")]
    name: String,
    /// Who has to agree, over the names in the introductions
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// What a faulty server may be able to do: byzantine, attested-leader or attested
    #[arg(long, value_name = "MODEL", default_value_t)]
    model: FaultModel,
    /// What `ally init` wrote for each member
    #[arg(value_name = "INTRODUCTION", required = true)]
    introductions: Vec<PathBuf>,
}

impl DraftArgs {
    /// Reads the files, and checks the policy against the members.
    ///
    /// # Errors
    /// [`Failure`] that names the file, the line and what to do.
    pub fn read(&self) -> Result<Draft, Failure> {
        let text = read_text(&self.policy, DOCUMENT_BYTES_MAX)?;
        let policy = Definition::parse(&text, &self.policy.display().to_string())?;
        let members = self.introductions.iter().map(|file| {
            let text = read_text(file, DOCUMENT_BYTES_MAX)?;
            Ok::<_, Failure>(Organisation::parse(&text, &file.display().to_string())?)
        });
        let introduction = Introduction {
            origin: self.origin.clone(),
            name: self.name.clone(),
            epoch: Epoch(0),
            model: self.model,
        };
        let members = members.collect::<Result<_, _>>()?;
        Ok(Draft::new(introduction, policy, members, Parameters::default())?)
    }
}
