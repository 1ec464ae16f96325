//! A run from the first server's start to the verdict.

use super::checks::{self, Check};
use super::clients::{Clients, Seen};
use super::evidence::Convicted;
use super::history::Operation;
use super::nemesis::Nemesis;
use super::report::{Commands, Report};
use super::schedule::Schedule;
use super::written::ServerLog;
use super::{FaultKind, evidence, liar, receipts, story};
use crate::failure::Failure;
use crate::output::Output;
use crate::program::{Stop, interrupted};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// How long one answer about a server's state may take.
const ANSWER: Duration = Duration::from_millis(500);
const POLL: Duration = Duration::from_millis(100);
/// So often in a row nothing has changed before the alliance counts as at rest.
const STEADY: u32 = 3;

/// What to do to an alliance.
pub struct Run<'a> {
    /// The faults.
    pub schedule: &'a Schedule,
    /// Faults that do not work here, and why.
    pub left_out: BTreeMap<FaultKind, String>,
    /// Kinds of faults that were asked for.
    pub wanted: Vec<FaultKind>,
    /// From one command of a proposer to its next.
    pub pace: Duration,
    /// How long the alliance may take after the last fault.
    pub recovery: Duration,
    /// Where files go.
    pub out: &'a Path,
    /// Whether the log was empty before.
    pub fresh: bool,
    /// Where to tell how it goes.
    pub output: &'a Output,
}

impl Run<'_> {
    /// Runs, and judges. The servers are stopped when it returns.
    ///
    /// # Errors
    /// [`Failure`] if the machine refuses something, or it is interrupted; what the servers do wrong
    /// is in the report.
    pub async fn play(&self, nemesis: &mut Nemesis, stop: &mut Stop) -> Result<Report, Failure> {
        let played = stop.or(self.perform(nemesis)).await;
        nemesis.stop().await;
        let report = match played {
            Some(Ok((seen, recovery))) => self.judge(nemesis, seen, recovery).await,
            Some(Err(failure)) => Err(failure),
            None => Err(interrupted()),
        };
        nemesis.tidy()?;
        report
    }

    async fn perform(&self, nemesis: &mut Nemesis) -> Result<(Seen, Duration), Failure> {
        nemesis.start().await?;
        let begun = Instant::now();
        let clients = Clients::start(nemesis, begun, self.pace)?;
        self.faults(nemesis, &clients, begun).await?;
        nemesis.heal()?;
        let healed = Instant::now();
        story::healed(self.output, begun.elapsed(), clients.acknowledged());
        let size = self.recover(nemesis, &clients).await?;
        let took = healed.elapsed();
        let seen = clients.end(size, self.recovery).await?;
        Ok((seen, took))
    }

    /// Begins and ends each fault at its time.
    async fn faults(
        &self,
        nemesis: &mut Nemesis,
        clients: &Clients,
        begun: Instant,
    ) -> Result<(), Failure> {
        let mut told = story::Progress::new(self.output);
        for (at_ms, number, begins) in self.moments() {
            let due = begun + Duration::from_millis(at_ms);
            loop {
                tokio::select! {
                    biased;
                    () = sleep_until(due) => break,
                    (place, status) = nemesis.crash() => nemesis.crashed(place, status)?,
                }
            }
            let step = &self.schedule.steps[number];
            match begins {
                true => {
                    nemesis.begin(number, &step.fault).await?;
                    let names = &self.schedule.servers;
                    told.fault(begun.elapsed(), step, names, clients.acknowledged());
                }
                false => nemesis.end(number)?,
            }
        }
        let end = begun + Duration::from_millis(self.schedule.length_ms);
        loop {
            tokio::select! {
                biased;
                () = sleep_until(end) => return Ok(()),
                (place, status) = nemesis.crash() => nemesis.crashed(place, status)?,
            }
        }
    }

    /// When which fault begins or ends, in order; ends before beginnings.
    fn moments(&self) -> Vec<(u64, usize, bool)> {
        let steps = self.schedule.steps.iter().enumerate();
        let mut moments: Vec<_> = steps
            .flat_map(|(number, step)| {
                [(step.at_ms, number, true), (step.at_ms + step.for_ms, number, false)]
            })
            .collect();
        moments.sort_by_key(|(at, number, begins)| (*at, *begins, *number));
        moments
    }

    /// Waits until the last commands are answered and all honest servers have the same log, and rest.
    /// Returns its size.
    async fn recover(&self, nemesis: &mut Nemesis, clients: &Clients) -> Result<u64, Failure> {
        let deadline = Instant::now() + self.recovery;
        let drained = clients.drain(self.recovery);
        tokio::pin!(drained);
        loop {
            tokio::select! {
                () = &mut drained => break,
                (place, status) = nemesis.crash() => nemesis.crashed(place, status)?,
            }
        }
        let (mut steady, mut last) = (0, None);
        while Instant::now() < deadline && steady < STEADY {
            let now = self.sizes(nemesis).await;
            let same = now.is_some() && now == last;
            steady = if same { steady + 1 } else { 0 };
            last = now.or(last);
            // Also where a server ends just now.
            if let Ok((place, status)) = timeout(POLL, nemesis.crash()).await {
                nemesis.crashed(place, status)?;
            }
            sleep(POLL).await;
        }
        Ok(last.unwrap_or(0))
    }

    /// The size of the log, if all honest servers have the same and have certified it.
    async fn sizes(&self, nemesis: &Nemesis) -> Option<u64> {
        let liar = nemesis.liar().map(|place| self.schedule.servers[place].as_str());
        let answers = nemesis.fleet().client().status(ANSWER).await;
        let honest = answers.iter().filter(|(server, _)| Some(server.name.as_str()) != liar);
        let mut sizes = honest.map(|(_, answer)| answer.as_ref().ok().map(|reply| reply.log_size));
        let first = sizes.next()??;
        sizes.all(|size| size == Some(first)).then_some(first)
    }

    async fn judge(
        &self,
        nemesis: &Nemesis,
        seen: Seen,
        recovery: Duration,
    ) -> Result<Report, Failure> {
        let operations: Vec<Operation> =
            seen.histories.iter().flat_map(|history| history.operations.iter().cloned()).collect();
        let mut files = vec![self.write_schedule()?, self.write_history(&operations)?];
        let (readable, logs) = self.read_logs(nemesis)?;
        let (alliance, proofs) = (nemesis.fleet().alliance(), self.file("evidence"));
        let Convicted { check: blame, convicted_of, files: proofs } =
            evidence::judge(&logs, alliance, &nemesis.liars_ever(), &proofs)?;
        files.extend(proofs);
        let mut checks = self.compare(nemesis, &seen, &operations, &logs);
        checks.extend(receipts::judge(&seen.histories, alliance, nemesis.fleet().dir()).await?);
        checks.extend([blame, readable, self.unharmed(nemesis)]);
        let liar = nemesis.liar();
        let home = liar.map(|place| nemesis.fleet().servers()[place].home().to_owned());
        Ok(Report {
            ok: checks.iter().all(Check::holds),
            seed: self.schedule.seed,
            seconds: self.schedule.length_ms as f64 / 1000.0,
            recovery_s: recovery.as_secs_f64(),
            servers: self.schedule.servers.len(),
            liar: liar.map(|place| self.schedule.servers[place].clone()),
            faults: nemesis.done().clone(),
            missing: self.missing(nemesis),
            left_out: self.left_out.clone(),
            stops_for_disk: nemesis.stops_for_disk(),
            lies: home.map(|home| liar::told(&home)).unwrap_or_default(),
            convicted_of,
            commands: summary(&operations, &logs),
            carried_bytes: nemesis.carried(),
            checks,
            files,
        })
    }

    /// The logs of the honest servers, and whether all could be read.
    fn read_logs(&self, nemesis: &Nemesis) -> Result<(Check, Vec<ServerLog>), Failure> {
        let mut readable = Check::of("every honest server's disk can be read");
        let mut logs = Vec::new();
        for (place, data) in nemesis.data_directories()?.into_iter().enumerate() {
            if Some(place) == nemesis.liar() {
                continue;
            }
            let server = &self.schedule.servers[place];
            match ServerLog::read(server, &data, nemesis.fleet().alliance()) {
                Ok(log) => {
                    readable.look(None::<String>);
                    logs.push(log);
                }
                Err(failure) => readable.look(Some(format!("{server}: {}", failure.message()))),
            }
        }
        Ok((readable, logs))
    }

    /// What clients saw, beside what stands on the disks.
    fn compare(
        &self,
        nemesis: &Nemesis,
        seen: &Seen,
        operations: &[Operation],
        logs: &[ServerLog],
    ) -> Vec<Check> {
        let liar = nemesis.liar().map(|place| self.schedule.servers[place].as_str());
        let mut checks = vec![
            checks::all_answered(operations),
            checks::nothing_forged(&seen.histories, liar),
            checks::acknowledged_stays(operations, logs),
            checks::one_order(logs),
            checks::right_logs(logs),
        ];
        if let Some(longest) = logs.iter().max_by_key(|log| log.ids.len()) {
            checks.push(checks::real_time_order(operations, longest));
            checks.push(checks::listeners(&seen.heard, longest, seen.size));
            if self.fresh && nemesis.liar().is_none() {
                checks.push(checks::nothing_invented(operations, longest));
            }
        }
        checks
    }

    /// No server ended without a reason, and none has panicked.
    fn unharmed(&self, nemesis: &Nemesis) -> Check {
        let mut check = Check::of("no honest server ends by itself or panics");
        for crash in nemesis.crashes() {
            check.look(Some(crash));
        }
        for (place, server) in nemesis.fleet().servers().iter().enumerate() {
            let log = std::fs::read(server.log()).unwrap_or_default();
            let panicked = String::from_utf8_lossy(&log).contains("panicked at");
            let honest = Some(place) != nemesis.liar();
            check.look((panicked && honest).then(|| {
                format!("{} has panicked; see {}", server.server(), server.log().display())
            }));
        }
        check
    }

    /// What was asked for and never happened.
    fn missing(&self, nemesis: &Nemesis) -> Vec<FaultKind> {
        let done = |kind: &&FaultKind| nemesis.done().get(kind).is_none_or(|count| *count == 0);
        self.wanted.iter().filter(done).copied().collect()
    }

    fn write_schedule(&self) -> Result<PathBuf, Failure> {
        let path = self.file("schedule.toml");
        crate::member::write(&path, self.schedule.to_text().as_bytes())?;
        Ok(path)
    }

    fn write_history(&self, operations: &[Operation]) -> Result<PathBuf, Failure> {
        let path = self.file("history.jsonl");
        let text: String = operations.iter().map(|one| format!("{}\n", one.line())).collect();
        crate::member::write(&path, text.as_bytes())?;
        Ok(path)
    }

    fn file(&self, kind: &str) -> PathBuf {
        self.out.join(format!("chaos-{}.{kind}", self.schedule.seed))
    }
}

fn summary(operations: &[Operation], logs: &[ServerLog]) -> Commands {
    let mut waits: Vec<u64> = operations
        .iter()
        .filter_map(|one| Some(one.acknowledged?.at_ms.saturating_sub(one.asked_ms)))
        .collect();
    waits.sort_unstable();
    let longest = logs.iter().max_by_key(|log| log.ids.len());
    Commands {
        proposed: operations.len() as u64,
        acknowledged: waits.len() as u64,
        repeated: operations.iter().filter(|one| one.attempts > 1).count() as u64,
        log_size: longest.map_or(0, |log| log.ids.len() as u64),
        height: longest.map_or(0, |log| log.blocks.len() as u64),
        median_ms: waits.get(waits.len() / 2).copied().unwrap_or(0),
        longest_ms: waits.last().copied().unwrap_or(0),
    }
}
