//! A policy that passed its conditions.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::assessment::Assessment;
use crate::coverage::{Coverage, Task};
use crate::definition::DECIDE;
use crate::error::{PolicyError, Refusal};
use crate::{Definition, FaultModel, Formula, Organisation, ServerIndex, ServerSet, suggest};

/// Domain tag of the policy digest.
const DIGEST_TAG: &[u8] = b"ally/v1/policy";

/// Who has to respond for a decision to stand. Only checked policies exist: every condition that
/// the fault model asks for holds.
///
/// The tests on sets are what the protocol calls for every message; they allocate nothing.
///
/// ```
/// use ally_policy::{FaultModel, ServerSet, TrustPolicy};
///
/// let text = r#"decide = "3 of (acme, globex, initech, umbrella)""#;
/// let policy = TrustPolicy::from_toml(text, "policy.toml", FaultModel::Byzantine)?;
/// assert!(policy.is_quorum(&ServerSet::first(3)));
/// assert!(policy.is_kernel(&ServerSet::first(2)));
/// assert!(policy.is_fail_prone(&ServerSet::first(1)));
/// assert!(!policy.has_slow_path());
/// # Ok::<(), ally_policy::PolicyError>(())
/// ```
#[derive(Debug, Clone)]
pub struct TrustPolicy {
    model: FaultModel,
    servers: Vec<String>,
    organisations: Vec<Organisation>,
    decide: Formula,
    fast: Formula,
    certify: Formula,
    kernel: Formula,
    slow_path: bool,
    /// `decide` and `fast`, for the "possibly decided" test.
    coverage: Coverage,
    /// Whether that test may search; else the walk alone was enough to admit the policy.
    search: bool,
    digest: [u8; 32],
}

impl TrustPolicy {
    /// Reads and checks a policy file.
    ///
    /// # Errors
    /// [`PolicyError::Input`] for a mistake in the text, [`PolicyError::Refused`] for a policy
    /// that fails a condition of the model; both the writer's.
    pub fn from_toml(text: &str, file: &str, model: FaultModel) -> Result<Self, PolicyError> {
        Self::new(&Definition::parse(text, file)?, model)
    }

    /// Checks a policy.
    ///
    /// # Errors
    /// [`PolicyError::Refused`], with the counterexample in names.
    pub fn new(definition: &Definition, model: FaultModel) -> Result<Self, PolicyError> {
        let assessment = Assessment::of(definition, model)?;
        let failures = assessment.failures();
        match assessment.fast.clone() {
            Some(fast) if failures.is_empty() => Ok(Self::assemble(assessment, fast, model)),
            _ => Err(Box::new(Refusal::new(definition.file(), failures)).into()),
        }
    }

    /// A policy whose conditions need not hold, to show what goes wrong then. Never in a server.
    ///
    /// # Errors
    /// [`PolicyError::Input`]: names that cannot be resolved.
    #[cfg(feature = "planted-bugs")]
    pub fn unchecked(definition: &Definition, model: FaultModel) -> Result<Self, PolicyError> {
        let assessment = Assessment::of(definition, model)?;
        let given = assessment.resolved.fast.clone();
        let fast = given.unwrap_or_else(|| assessment.resolved.decide.clone());
        Ok(Self::assemble(assessment, fast, model))
    }

    fn assemble(assessment: Assessment, fast: Formula, model: FaultModel) -> Self {
        let coverage = Coverage::pair(&assessment.resolved.decide, &fast);
        let search = coverage.is_exact_within_bounds();
        let slow_path = assessment.slow_path();
        let resolved = assessment.resolved;
        let kernel = resolved.decide.dual();
        let mut policy = Self {
            model,
            servers: resolved.servers,
            organisations: resolved.organisations,
            certify: resolved.certify.unwrap_or_else(|| kernel.clone()),
            decide: resolved.decide,
            fast,
            kernel,
            slow_path,
            coverage,
            search,
            digest: [0; 32],
        };
        policy.digest = policy.compute_digest();
        policy
    }

    /// `threshold of (s1, ..., sN)`, every server an organisation of its own. For tests and
    /// simulations.
    ///
    /// # Errors
    /// As [`TrustPolicy::new`].
    pub fn flat(threshold: u16, servers: u16, model: FaultModel) -> Result<Self, PolicyError> {
        let decide = counted(threshold, (1..=servers).map(|server| format!("s{server}")));
        let formulas = [(DECIDE, decide.as_str())];
        Self::new(&Definition::from_formulas(formulas, "flat policy", None)?, model)
    }

    /// `threshold.0 of (o1, ..., oN)` with N = `count.0` organisations, each
    /// `threshold.1 of (oI-1, ..., oI-M)` with M = `count.1` servers. For tests and simulations.
    ///
    /// # Errors
    /// As [`TrustPolicy::new`].
    pub fn two_level(
        threshold: (u16, u16),
        count: (u16, u16),
        model: FaultModel,
    ) -> Result<Self, PolicyError> {
        let organisations: Vec<String> = (1..=count.0).map(|own| format!("o{own}")).collect();
        let decide = counted(threshold.0, organisations.iter().cloned());
        let rules: Vec<String> = organisations
            .iter()
            .map(|name| counted(threshold.1, (1..=count.1).map(|at| format!("{name}-{at}"))))
            .collect();
        let own = organisations.iter().zip(&rules).map(|(name, rule)| (&name[..], &rule[..]));
        let formulas = [(DECIDE, decide.as_str())].into_iter().chain(own);
        Self::new(&Definition::from_formulas(formulas, "two-level policy", None)?, model)
    }

    /// The fault model whose conditions hold.
    pub fn model(&self) -> FaultModel {
        self.model
    }

    /// The servers' names; a [`ServerIndex`] is a position in this list.
    pub fn servers(&self) -> &[String] {
        &self.servers
    }

    /// How many servers there are.
    pub fn server_count(&self) -> usize {
        self.servers.len()
    }

    /// The server of that name.
    pub fn server(&self, name: &str) -> Option<ServerIndex> {
        self.servers.iter().position(|own| own == name).map(|index| ServerIndex(index as u16))
    }

    /// The servers that these names stand for; an organisation's name stands for all of its
    /// servers.
    ///
    /// # Errors
    /// The caller's: a name that is no server's and no organisation's.
    pub fn servers_named<'a>(
        &self,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<ServerSet, UnknownServer> {
        let mut set = ServerSet::EMPTY;
        for name in names {
            let organisation = self.organisations.iter().find(|own| own.name() == name);
            let named: ServerSet = match (self.server(name), organisation) {
                (Some(server), _) => [server].into_iter().collect(),
                (None, Some(own)) => own.servers().iter().copied().collect(),
                (None, None) => return Err(self.unknown(name)),
            };
            set = set.union(&named);
        }
        Ok(set)
    }

    fn unknown(&self, name: &str) -> UnknownServer {
        let organisations = self.organisations.iter().map(Organisation::name);
        let names = self.servers.iter().map(String::as_str).chain(organisations);
        let near = suggest::nearest(name, names).map(str::to_owned);
        UnknownServer { name: name.to_owned(), near }
    }

    /// All servers.
    pub fn everybody(&self) -> ServerSet {
        ServerSet::first(self.servers.len())
    }

    /// The organisations, which take equal turns in leading. Every server is in exactly one.
    pub fn organisations(&self) -> &[Organisation] {
        &self.organisations
    }

    /// The organisation that runs the server.
    pub fn organisation_of(&self, server: ServerIndex) -> Option<&Organisation> {
        self.organisations.iter().find(|own| own.servers().contains(&server))
    }

    /// The quorum formula.
    pub fn decide(&self) -> &Formula {
        &self.decide
    }

    /// The fast-quorum formula; implies [`TrustPolicy::decide`].
    pub fn fast(&self) -> &Formula {
        &self.fast
    }

    /// The access structure of the alliance's certificates.
    pub fn certify(&self) -> &Formula {
        &self.certify
    }

    /// The kernel formula: the dual of [`TrustPolicy::decide`].
    pub fn kernel(&self) -> &Formula {
        &self.kernel
    }

    /// Whether the alliance can decide with these servers alone.
    pub fn is_quorum(&self, set: &ServerSet) -> bool {
        self.decide.holds(set)
    }

    /// Whether the set meets every quorum, so that one of it is correct.
    pub fn is_kernel(&self, set: &ServerSet) -> bool {
        self.kernel.holds(set)
    }

    /// Whether votes of these servers decide in two steps.
    pub fn is_fast_quorum(&self, set: &ServerSet) -> bool {
        self.fast.holds(set)
    }

    /// Whether these servers' shares open the alliance's key.
    pub fn is_certify_set(&self, set: &ServerSet) -> bool {
        self.certify.holds(set)
    }

    /// Whether these servers may fail together: everybody else is still a quorum.
    pub fn is_fail_prone(&self, set: &ServerSet) -> bool {
        !self.kernel.holds(set)
    }

    /// Whether fast quorums are harder to reach than quorums, so that decisions need a slow path.
    pub fn has_slow_path(&self) -> bool {
        self.slow_path
    }

    /// Whether a block may have been decided in two steps although `outside` were seen not to
    /// vote for it, and the leader of its view lied: whether `outside` is the union of a set T
    /// and a set F, where everybody but T is a fast quorum, everybody but F is a quorum, and F
    /// contains the leader.
    ///
    /// # Source
    /// docs/protocol.md, selection, with the leader proven an equivocator.
    ///
    /// # Cost
    /// One walk over the formulas where no server repeats; else up to some ten thousand, a bound
    /// that a policy has to keep to be admitted. Called once per block when a lying leader is
    /// replaced.
    pub fn possibly_decided(&self, outside: &ServerSet, leader: ServerIndex) -> bool {
        let common = ServerSet::from_iter([leader]);
        let task = Task { cover: *outside, sets: [1, 1], common };
        if self.search {
            self.coverage.can_be_covered(&task)
        } else {
            self.coverage.may_be_covered(&task)
        }
    }

    /// The policy hash: SHA-256 over a tag and the canonical encoding of model, server names,
    /// organisations and the three formulas. Names are length-prefixed (2, LE), lists counted
    /// (2, LE).
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    fn compute_digest(&self) -> [u8; 32] {
        let mut bytes = DIGEST_TAG.to_vec();
        write_text(&mut bytes, self.model.name());
        write_count(&mut bytes, self.servers.len());
        for name in &self.servers {
            write_text(&mut bytes, name);
        }
        write_count(&mut bytes, self.organisations.len());
        for organisation in &self.organisations {
            write_text(&mut bytes, organisation.name());
            write_count(&mut bytes, organisation.servers().len());
            for server in organisation.servers() {
                bytes.extend_from_slice(&server.0.to_le_bytes());
            }
        }
        for formula in [&self.decide, &self.fast, &self.certify] {
            bytes.extend_from_slice(&formula.to_bytes());
        }
        Sha256::digest(&bytes).into()
    }
}

/// A name that is no server's and no organisation's of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownServer {
    name: String,
    near: Option<String>,
}

impl fmt::Display for UnknownServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no server or organisation is called `{}`", self.name)?;
        match &self.near {
            Some(near) => write!(f, "; did you mean `{near}`?"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for UnknownServer {}

/// `threshold of (name, name, ...)`
fn counted(threshold: u16, names: impl Iterator<Item = String>) -> String {
    format!("{threshold} of ({})", names.collect::<Vec<_>>().join(", "))
}

/// Names and lists fit two bytes: a document is bounded, a policy has 256 servers at most.
fn write_count(bytes: &mut Vec<u8>, count: usize) {
    bytes.extend_from_slice(&(count as u16).to_le_bytes());
}

fn write_text(bytes: &mut Vec<u8>, text: &str) {
    write_count(bytes, text.len());
    bytes.extend_from_slice(text.as_bytes());
}
