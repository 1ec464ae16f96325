//! Whether a scenario can be run: its servers exist, and whoever speaks with two faces counts as a liar.
//!
//! Files are written by people too, and shrinking tries whatever looks smaller. A run of nonsense would
//! find mistakes that nobody made.

use super::{Scenario, Trouble};
use ally_policy::{PolicyError, ServerIndex, ServerSet, TrustPolicy};
use thiserror::Error;

/// Why a scenario cannot be run. Whoever wrote its file is to blame.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum ScenarioError {
    /// The file cannot be read as a scenario.
    #[error(transparent)]
    File(#[from] toml::de::Error),
    /// The policy is none, or fails a condition.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// Something speaks of a server that the policy does not have.
    #[error("{place} speaks of {server}, but the servers of `{policy}` are 0 to {last}")]
    NoServer {
        /// Where in the file.
        place: &'static str,
        /// Which.
        server: ServerIndex,
        /// The policy's name.
        policy: String,
        /// The last server there is.
        last: usize,
    },
    /// Two copies of an honest server would break agreement, and nobody would be to blame.
    #[error("twins.members: {0} runs twice but is not in the coalition")]
    HonestTwin(ServerIndex),
    /// A server that has forgotten what it said is a liar.
    #[error("disk_faults: the disk of {0} is rolled back, but it is not in the coalition")]
    HonestAmnesia(ServerIndex),
    /// Nobody is left of whom anything is to be expected.
    #[error("all servers are liars or have lost their disks")]
    NobodyHonest,
}

impl Scenario {
    /// Whether all servers that it speaks of exist, and those of whom two copies run, or that forget,
    /// count as liars.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub(crate) fn check(&self, policy: &TrustPolicy) -> Result<(), ScenarioError> {
        self.servers_exist(policy)?;
        let honest = |server: &ServerIndex| self.is_honest(*server);
        if let Some(twin) = self.twins.members.iter().find(honest) {
            return Err(ScenarioError::HonestTwin(twin));
        }
        let rolled = |fault: &&super::DiskFault| matches!(fault.trouble, Trouble::RolledBack(_));
        let mut forgets = self.disk_faults.iter().filter(rolled).map(|it| ServerIndex(it.server));
        if let Some(forgetful) = forgets.find(honest) {
            return Err(ScenarioError::HonestAmnesia(forgetful));
        }
        let gone = self.coalition.union(&self.lost());
        if policy.everybody().is_subset(&gone) {
            return Err(ScenarioError::NobodyHonest);
        }
        Ok(())
    }

    fn servers_exist(&self, policy: &TrustPolicy) -> Result<(), ScenarioError> {
        let all = policy.everybody();
        let unknown = |(_, server): &(&'static str, ServerIndex)| !all.contains(*server);
        match self.sets().chain(self.single_servers()).find(unknown) {
            None => Ok(()),
            Some((place, server)) => Err(ScenarioError::NoServer {
                place,
                server,
                policy: self.setting.name.clone(),
                last: policy.server_count() - 1,
            }),
        }
    }

    /// Members of all sets of servers, with where they stand.
    fn sets(&self) -> impl Iterator<Item = (&'static str, ServerIndex)> {
        let network = &self.network;
        let camps = self.twins.script.iter().flat_map(|camps| [camps.first, camps.second]);
        let sides = network.partitions.iter().map(|split| split.side);
        let ends = network.cuts.iter().flat_map(|cut| [cut.speakers, cut.hearers]);
        let named = |place| move |set: ServerSet| (place, set);
        [("coalition", self.coalition), ("twins.members", self.twins.members)]
            .into_iter()
            .chain(camps.map(named("twins.script")))
            .chain(sides.map(named("network.partitions")))
            .chain(ends.map(named("network.cuts")))
            .flat_map(|(place, set)| {
                set.iter().map(move |server| (place, server)).collect::<Vec<_>>()
            })
    }

    /// Servers that stand alone.
    fn single_servers(&self) -> impl Iterator<Item = (&'static str, ServerIndex)> {
        let named = |place| move |server| (place, ServerIndex(server));
        let crashes = self.crashes.iter().map(|crash| crash.server);
        let pauses = self.pauses.iter().map(|pause| pause.server);
        let disks = self.disk_faults.iter().map(|fault| fault.server);
        let clocks = self.clocks.faults.iter().map(|fault| fault.server);
        crashes
            .map(named("crashes"))
            .chain(pauses.map(named("pauses")))
            .chain(disks.map(named("disk_faults")))
            .chain(clocks.map(named("clocks.faults")))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ClockFault, Crash, Cut, CutManner, DiskFault, Partition, Pause};
    use super::*;
    use crate::{Setting, Style};

    fn refused(change: impl Fn(&mut Scenario)) -> String {
        let setting = Setting::named("four").expect("a setting");
        let mut scenario = Scenario::draw(3, &setting, Style::Plot).expect("it is sound");
        assert!(Scenario::from_file(&scenario.to_file()).is_ok());
        change(&mut scenario);
        let read = Scenario::from_file(&scenario.to_file());
        read.err().map_or_else(String::new, |error| error.to_string())
    }

    #[test]
    fn servers_that_do_not_exist_are_named_with_their_place() {
        type Change<'a> = &'a dyn Fn(&mut Scenario);
        let stranger = || ServerSet::from_iter([ServerIndex(4)]);
        let changes: [(&str, Change<'_>); 8] = [
            ("coalition", &|it| it.coalition = stranger()),
            ("twins.members", &|it| it.twins.members = stranger()),
            ("network.partitions", &|it| {
                it.network.partitions.push(Partition { from: 0, to: 1, side: stranger() });
            }),
            ("network.cuts", &|it| {
                let (speakers, hearers) = (ServerSet::first(1), stranger());
                let manner = CutManner::Lost;
                it.network.cuts.push(Cut { from: 0, to: 1, speakers, hearers, manner });
            }),
            ("crashes", &|it| {
                it.crashes.push(Crash { server: 4, at: 0, back: 1, after_outputs: None });
            }),
            ("pauses", &|it| it.pauses.push(Pause { server: 4, at: 0, until: 1 })),
            ("disk_faults", &|it| {
                let trouble = Trouble::Full;
                it.disk_faults.push(DiskFault { server: 4, at: 0, back: 1, trouble });
            }),
            ("clocks.faults", &|it| {
                it.clocks.faults.push(ClockFault { server: 4, from: 0, to: 1, off: 0, drift: 0 });
            }),
        ];
        for (place, change) in changes {
            let expected = "speaks of server 4, but the servers of `four` are 0 to 3";
            assert_eq!(refused(change), format!("{place} {expected}"));
        }
        let far = refused(|scenario| scenario.coalition = ServerSet::EMPTY);
        assert_eq!(far, "", "nobody lies: that can be run");
    }

    #[test]
    fn who_has_two_faces_or_forgets_is_a_liar_and_not_everybody_is() {
        let honest = |scenario: &Scenario| {
            (0..4).map(ServerIndex).find(|it| scenario.is_honest(*it)).expect("somebody")
        };
        let twin = refused(|it| it.twins.members = [honest(it)].into_iter().collect());
        assert!(twin.contains("runs twice but is not in the coalition"), "{twin}");
        let forgets = refused(|it| {
            let (server, trouble) = (honest(it).0, Trouble::RolledBack(0));
            it.disk_faults.push(DiskFault { server, at: 1, back: 2, trouble });
        });
        assert!(forgets.contains("is rolled back, but it is not in the coalition"), "{forgets}");
        let nobody = refused(|it| it.coalition = ServerSet::first(4));
        assert!(nobody.contains("all servers are liars"), "{nobody}");
    }

    #[test]
    fn a_server_beyond_any_alliance_is_not_passed_over() {
        let setting = Setting::named("four").expect("a setting");
        let mut scenario = Scenario::draw(3, &setting, Style::Plot).expect("it is sound");
        scenario.coalition = ServerSet::EMPTY;
        let file = scenario.to_file().replace("coalition = []", "coalition = [700]");
        let error = Scenario::from_file(&file).expect_err("there is none").to_string();
        assert!(error.contains("no alliance has a server 700"), "{error}");
    }
}
