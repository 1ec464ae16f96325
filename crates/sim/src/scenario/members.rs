//! Who takes part, as people call them.

use super::Scenario;
use ally_policy::ServerIndex;

/// A server of a scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name in the policy.
    pub name: String,
    /// Whose it is; none if the policy names no organisations.
    pub organisation: Option<String>,
    /// Whether it is Byzantine.
    pub lies: bool,
}

impl Scenario {
    /// Its servers, in the order of their indices; empty if its policy is none.
    pub fn servers(&self) -> Vec<Member> {
        let Ok(policy) = self.setting.policy() else { return Vec::new() };
        let names = policy.servers().iter().zip(0..);
        let member = |(name, index): (&String, u16)| {
            let server = ServerIndex(index);
            let organisation = policy.organisation_of(server).map(|it| it.name().to_owned());
            Member {
                name: name.clone(),
                organisation: organisation.filter(|organisation| organisation != name),
                lies: !self.is_honest(server),
            }
        };
        names.map(member).collect()
    }
}
