//! Who is in an alliance, before it has keys.

use crate::failure::{Exit, Failure};
use crate::files::read_text;
use ally_policy::{DOCUMENT_BYTES_MAX, Definition, FaultModel, TrustPolicy};
use std::path::Path;

/// Names for as many organisations as a person may want to watch.
const NAMES: [&str; 10] = [
    "acme", "globex", "initech", "umbrella", "hooli", "soylent", "stark", "tyrell", "wayne",
    "wonka",
];
/// The most organisations on one machine.
const ORGANISATIONS_MAX: u16 = 64;
/// With fewer organisations none of them may fail.
const ORGANISATIONS_MIN: u16 = 4;
/// Too few or too many organisations.
const BAD_COUNT: &str = "ALLY-0511";

/// Organisations with their servers, and the formulas that say who has to agree.
#[derive(Debug)]
pub struct Plan {
    /// Each organisation's name, with the names of its servers.
    pub organisations: Vec<(String, Vec<String>)>,
    /// `decide` and the others.
    pub policy: Definition,
}

impl Plan {
    /// `count` organisations of one server each, of which as many may fail as can.
    ///
    /// # Errors
    /// [`Failure`] if there are too few or too many.
    pub fn of_organisations(count: u16) -> Result<Self, Failure> {
        if !(ORGANISATIONS_MIN..=ORGANISATIONS_MAX).contains(&count) {
            let message = format_args!("{count} organisations");
            return Err(Failure::new(Exit::Input, BAD_COUNT, message)
                .next("choose from 4 (one may fail) to 64, or give a policy file with --policy"));
        }
        let names: Vec<String> = (0..usize::from(count))
            .map(|at| NAMES.get(at).map_or_else(|| format!("org-{}", at + 1), ToString::to_string))
            .collect();
        let may_fail = (count - 1) / 3;
        let decide = format!("{} of ({})", count - may_fail, names.join(", "));
        let organisations = names.into_iter().map(|name| {
            let server = format!("{name}-1");
            (name, vec![server])
        });
        let policy = Definition::from_formulas([("decide", decide.as_str())], "policy", None)?;
        Ok(Self { organisations: organisations.collect(), policy })
    }

    /// The organisations and servers that a policy file names.
    ///
    /// # Errors
    /// [`Failure`] with the place of a mistake, or why the policy is not safe.
    pub fn of_policy(file: &Path) -> Result<Self, Failure> {
        let text = read_text(file, DOCUMENT_BYTES_MAX)?;
        let definition = Definition::parse(&text, &file.display().to_string())?;
        let policy = TrustPolicy::new(&definition, FaultModel::Byzantine)?;
        let organisations = policy.organisations().iter().map(|organisation| {
            let servers = organisation.servers().iter();
            let names = servers.filter_map(|server| policy.servers().get(server.index()).cloned());
            (organisation.name().to_owned(), names.collect())
        });
        Ok(Self { organisations: organisations.collect(), policy: definition })
    }
}
