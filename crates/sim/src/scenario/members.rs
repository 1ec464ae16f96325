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
    /// Its servers and, after them, the second copies of those that run twice, whose names end with a
    /// prime: the numbers of traces.
    pub fn copies(&self) -> Vec<Member> {
        let mut copies = self.servers();
        let twins = self.twins.members.iter().filter_map(|server| copies.get(server.index()));
        let second = |own: &Member| Member { name: format!("{}'", own.name), ..own.clone() };
        let second: Vec<_> = twins.map(second).collect();
        copies.extend(second);
        copies
    }

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Setting, Style};
    use ally_policy::ServerSet;

    #[test]
    fn second_copies_come_after_all_servers() {
        let setting = Setting::named("four").expect("a setting");
        let mut scenario = Scenario::draw(3, &setting, Style::Plot).expect("it is sound");
        scenario.twins.members = ServerSet::from_iter([ServerIndex(2)]);
        let names: Vec<_> = scenario.copies().into_iter().map(|copy| copy.name).collect();
        assert_eq!(names, ["s0", "s1", "s2", "s3", "s2'"]);
    }
}
