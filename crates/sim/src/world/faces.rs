//! Servers with two faces: second copies that run beside the first, under the same name.
//!
//! A copy is numbered like a server; the second ones follow after the last name.

use super::{Event, World};
use ally_consensus::Micros;
use ally_policy::ServerIndex;

impl World {
    /// The name under which a copy speaks.
    pub(super) fn name(&self, copy: ServerIndex) -> ServerIndex {
        let names = self.policy.server_count();
        match copy.index().checked_sub(names) {
            None => copy,
            Some(number) => {
                let members = &self.scenario.twins.members;
                members.iter().nth(number).expect("there is a copy for each member")
            }
        }
    }

    /// Whether a copy is a second one: nobody is told what happens inside it.
    pub(super) fn is_second(&self, copy: ServerIndex) -> bool {
        copy.index() >= self.policy.server_count()
    }

    /// Whether a server runs twice; it does not lie otherwise.
    pub(super) fn has_two_faces(&self, name: ServerIndex) -> bool {
        self.scenario.twins.members.contains(name)
    }

    /// All copies that go by a name.
    pub(super) fn copies_of(&self, name: ServerIndex) -> impl Iterator<Item = ServerIndex> + use<> {
        let second = self.scenario.twins.members.iter().position(|member| member == name);
        let names = self.policy.server_count();
        let second = second.map(|number| ServerIndex((names + number) as u16));
        std::iter::once(name).chain(second)
    }

    /// Whether the script lets one copy hear another now.
    pub(super) fn hears(&self, from: ServerIndex, to: ServerIndex) -> bool {
        let twins = &self.scenario.twins;
        if twins.members.is_empty() {
            return true;
        }
        let now = self.queue.now().0;
        let camps = twins.script.iter().rev().find(|camps| camps.at <= now && !self.healed);
        let two_faced = |copy| self.has_two_faces(self.name(copy));
        match (two_faced(from), two_faced(to)) {
            (false, false) => camps.is_none_or(|camps| !camps.part(from, to)),
            (true, true) => self.is_second(from) == self.is_second(to),
            (copy_speaks, _) => {
                let (copy, other) = if copy_speaks { (from, to) } else { (to, from) };
                camps.is_none_or(|camps| match self.is_second(copy) {
                    true => camps.second.contains(other),
                    false => camps.first.contains(other),
                })
            }
        }
    }

    /// At each step of the script links go down and come up, so that all say again what matters.
    pub(super) fn plan_faces(&mut self) {
        let twins = self.scenario.twins.clone();
        let honest = self.everyone().difference(&twins.members);
        for steps in twins.script.windows(2) {
            let [before, camps] = steps else { continue };
            let faces = twins.members.iter().flat_map(|a| honest.iter().map(move |b| (a, b)));
            let pairs = honest.iter().flat_map(|a| honest.iter().map(move |b| (a, b)));
            let parted = pairs.filter(|(a, b)| a < b && before.part(*a, *b));
            for (a, b) in faces.chain(parted) {
                self.queue.at(Micros(camps.at), Event::LinkDown { a, b });
                self.queue.at(Micros(camps.at), Event::LinkUp { a, b });
            }
        }
    }
}
