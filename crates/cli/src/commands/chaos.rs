//! `ally chaos`: breaks a development alliance in every way that this machine allows, and checks it.

use super::dev::Shape;
use crate::chaos::{FaultKind, Nemesis, Report, Run, Schedule, Wish, development_only, works_here};
use crate::connect::{block_on, read_alliance, seconds};
use crate::dealer;
use crate::failure::{Exit, Failure};
use crate::files::read_text;
use crate::local::{Fleet, Place};
use crate::member::{ALLIANCE_FILE, private_directory, write};
use crate::output::{Output, table};
use crate::program::{Stop, interrupted};
use ally_alliance::Durability;
use clap::Args;
use rand::Rng;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Something that must hold did not.
const BROKEN: &str = "ALLY-0802";
/// A fault was asked for that does not work here.
const CANNOT: &str = "ALLY-0803";
/// There is nothing where an alliance should be.
const NO_ALLIANCE: &str = "ALLY-0001";
/// The schedule makes no sense, or is another alliance's.
const BAD_SCHEDULE: &str = "ALLY-0804";
/// A schedule is shorter.
const SCHEDULE_BYTES_MAX: usize = 16 << 20;
/// The longest run, in minutes: a day.
const MINUTES_MAX: u64 = 24 * 60;

/// Arguments of `ally chaos`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Founds an alliance on this machine (or takes a stopped one of `ally dev --dir`, never any other), runs \
its servers as processes, and breaks things: servers are killed and stopped, connections cut, stalled \
and slowed, those of applications too, a disk filled, clocks set, and one server lies with its own keys. \
Meanwhile applications propose and listen. Then everything is healed but the liar, and the logs on the servers' disks are \
compared with what the applications saw. Nothing outside the alliance's directory is touched.

The seed decides which faults happen when. What the servers make of them depends on the machine as \
well, so a failure may need more than one --replay. Faults that do not work here are named with the \
reason; `disk` needs the right to mount: be root, or run `unshare -rm ally chaos`.

Written to --out: the schedule, which --replay plays again, the applications' history, and proofs \
against the liar. If something broke, the alliance is kept with its logs and data.

Examples:
  ally chaos                                 a minute of everything
  ally chaos --list                          the kinds of faults, and which work here
  ally chaos --minutes 30 --orgs 7           longer, with more members
  ally chaos --faults kill,cut,byzantine     only these
  ally chaos --dir my-alliance --seconds 20  an alliance of `ally dev --dir my-alliance`
  ally chaos --replay ally-chaos/chaos-7.schedule.toml

Exit codes: 0 all is well, 1 something broke, 2 bad input.")]
pub struct Chaos {
    #[command(flatten)]
    shape: Shape,
    /// Take this alliance, which `ally dev --dir` has made and which does not run now
    #[arg(long, value_name = "DIR", conflicts_with_all = ["orgs", "policy", "scheme"])]
    dir: Option<PathBuf>,
    /// How long faults go on, in minutes
    #[arg(long, value_name = "M", conflicts_with = "seconds",
          value_parser = clap::value_parser!(u64).range(1..=MINUTES_MAX))]
    minutes: Option<u64>,
    /// How long faults go on, in seconds [default: 60]
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=60 * MINUTES_MAX))]
    seconds: Option<u64>,
    /// Decides which faults happen when [default: any]
    #[arg(long, value_name = "SEED")]
    seed: Option<u64>,
    /// Kinds of faults, with commas between [default: all that work here]
    #[arg(long, value_name = "KINDS", value_enum, value_delimiter = ',')]
    faults: Vec<FaultKind>,
    /// Play the faults of a file again
    #[arg(long, value_name = "FILE", conflicts_with_all = ["seed", "minutes", "seconds", "faults"])]
    replay: Option<PathBuf>,
    /// Commands proposed in a second, by all applications together
    #[arg(long, value_name = "N", default_value_t = 40,
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
    /// How long the alliance may take to decide everything after the last fault, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    recovery: Duration,
    /// Where schedule, history and evidence go
    #[arg(long, value_name = "DIR", default_value = "ally-chaos")]
    out: PathBuf,
    /// Leave the alliance's files also if nothing broke
    #[arg(long)]
    keep: bool,
    /// List the kinds of faults and whether they work here
    #[arg(long)]
    list: bool,
}

impl Chaos {
    /// Breaks things, and judges.
    pub fn run(self, output: &Output) -> Result<(), Failure> {
        if self.list {
            return list(self.dir.is_none(), output);
        }
        self.dir.as_deref().map_or(Ok(()), has_alliance)?;
        let mut plan = self.plan()?;
        block_on(async {
            let mut stop = Stop::new()?;
            let place = Place::new(self.dir.as_deref(), self.keep)?;
            let found = stop.or(self.fleet(&place, output)).await;
            let fleet = found.ok_or_else(interrupted)??;
            let schedule = self.schedule(&mut plan, &fleet)?;
            private_directory(&self.out)?;
            for (kind, why) in &plan.left_out {
                output.note(format_args!("left out: {}: {why}", kind.name()));
            }
            let servers = schedule.servers.len() as u32;
            let run = Run {
                left_out: plan.left_out,
                wanted: plan.kinds,
                pace: Duration::from_secs(1) * (2 * servers) / self.rate,
                recovery: self.recovery,
                out: &self.out,
                fresh: self.dir.is_none(),
                schedule: &schedule,
                output,
            };
            let mut nemesis = Nemesis::prepare(fleet, &schedule).await?;
            let report = run.play(&mut nemesis, &mut stop).await;
            drop(nemesis);
            self.conclude(report?, place, output)
        })
    }

    /// Which faults, as far as that can be said before there is an alliance.
    fn plan(&self) -> Result<Plan, Failure> {
        if let Some(path) = &self.replay {
            let text = read_text(path, SCHEDULE_BYTES_MAX)?;
            let schedule = Schedule::parse(&text).map_err(|problem| {
                Failure::new(
                    Exit::Input,
                    BAD_SCHEDULE,
                    format_args!("{}: {problem}", path.display()),
                )
                .next("`ally chaos` writes such files into --out")
            })?;
            let kinds = schedule.kinds();
            self.all_work(&kinds)?;
            return Ok(Plan { kinds, left_out: BTreeMap::new(), replay: Some(schedule) });
        }
        if !self.faults.is_empty() {
            self.all_work(&self.faults)?;
            let (kinds, left_out) = (self.faults.clone(), BTreeMap::new());
            return Ok(Plan { kinds, left_out, replay: None });
        }
        let (mut kinds, mut left_out) = (Vec::new(), BTreeMap::new());
        for kind in FaultKind::all() {
            match works_here(*kind, self.dir.is_none()) {
                Ok(()) => kinds.push(*kind),
                Err(why) => _ = left_out.insert(*kind, why),
            }
        }
        Ok(Plan { kinds, left_out, replay: None })
    }

    /// Whoever names a fault wants it, or wants to know why not.
    fn all_work(&self, kinds: &[FaultKind]) -> Result<(), Failure> {
        let own = self.dir.is_none();
        match kinds.iter().find_map(|kind| Some((kind, works_here(*kind, own).err()?))) {
            None => Ok(()),
            Some((kind, why)) => {
                let message = format_args!("`{}` does not work here: {why}", kind.name());
                Err(Failure::new(Exit::Input, CANNOT, message).next(
                    "`ally chaos --list` says which do; without --faults the others are left out",
                ))
            }
        }
    }

    /// An alliance of its own, or the one in the directory.
    async fn fleet(&self, place: &Place, output: &Output) -> Result<Fleet, Failure> {
        if self.dir.is_none() {
            return self.shape.found(Durability::Fsync, place.path(), output).await;
        }
        // Before anything in the directory is looked at twice.
        development_only(&read_alliance(&place.path().join(ALLIANCE_FILE))?)?;
        Fleet::is_in(place.path())?;
        Fleet::open(place.path())
    }

    fn schedule(&self, plan: &mut Plan, fleet: &Fleet) -> Result<Schedule, Failure> {
        let servers: Vec<String> =
            fleet.servers().iter().map(|server| server.server().to_owned()).collect();
        if let Some(schedule) = plan.replay.take() {
            if schedule.servers == servers {
                return Ok(schedule);
            }
            let message = format_args!(
                "the schedule is for the servers {}, and this alliance has {}",
                schedule.servers.join(", "),
                servers.join(", ")
            );
            return Err(Failure::new(Exit::Input, BAD_SCHEDULE, message)
                .next("give the --orgs or --policy that it was drawn with"));
        }
        let seed = match self.seed {
            Some(seed) => seed,
            // Short enough to be typed.
            None => u64::from(dealer::rng()?.next_u32()),
        };
        let minutes = self.minutes.map(|minutes| minutes * 60);
        let length_ms = 1000 * minutes.or(self.seconds).unwrap_or(60);
        let small_disk = plan.kinds.contains(&FaultKind::Disk).then_some(servers.len() - 1);
        Ok(Schedule::draw(Wish { seed, length_ms, servers, kinds: &plan.kinds, small_disk }))
    }

    /// Tells the verdict; keeps the alliance if it is needed.
    fn conclude(&self, mut report: Report, place: Place, output: &Output) -> Result<(), Failure> {
        if !report.ok && !place.stays() {
            report.files.push(place.keep());
        } else if place.stays() {
            report.files.push(place.path().to_owned());
        }
        let path = self.out.join(format!("chaos-{}.report.json", report.seed));
        write(&path, &serde_json::to_vec_pretty(&report).map_err(Failure::internal)?)?;
        report.files.insert(0, path);
        output.answer(&report, || report.text())?;
        if !report.missing.is_empty() {
            let names: Vec<_> = report.missing.iter().map(|kind| kind.name()).collect();
            let names = names.join(", ");
            output.note(format_args!("never happened: {names}; give it more time (--minutes)"));
        }
        match report.ok {
            true => Ok(()),
            false => Err(self.broken(&report)),
        }
    }

    fn broken(&self, report: &Report) -> Failure {
        let rules = report.checks.iter().filter(|check| !check.holds());
        let rules: Vec<_> = rules.map(|check| check.rule).collect();
        let schedule = self.out.join(format!("chaos-{}.schedule.toml", report.seed));
        Failure::new(Exit::No, BROKEN, format_args!("it did not hold: {}", rules.join("; ")))
            .detail("seed", report.seed)
            .next(format_args!(
                "report it, with the files; `ally chaos --replay {}` tries again",
                schedule.display()
            ))
    }
}

/// That somebody has founded an alliance in a directory; where there is none, none is made.
fn has_alliance(dir: &Path) -> Result<(), Failure> {
    if dir.join(ALLIANCE_FILE).exists() {
        return Ok(());
    }
    let message = format_args!("{}: there is no alliance", dir.display());
    Err(Failure::new(Exit::Input, NO_ALLIANCE, message).next(format_args!(
        "`ally dev --dir {}` makes one; end it (Ctrl-C) when it runs, and try this again",
        dir.display()
    )))
}

/// What is to happen, before the alliance is there.
struct Plan {
    kinds: Vec<FaultKind>,
    left_out: BTreeMap<FaultKind, String>,
    replay: Option<Schedule>,
}

fn list(own: bool, output: &Output) -> Result<(), Failure> {
    let about = |kind: &FaultKind| {
        let value = clap::ValueEnum::to_possible_value(kind);
        value.and_then(|value| Some(value.get_help()?.to_string())).unwrap_or_default()
    };
    let kinds: Vec<_> = FaultKind::all()
        .iter()
        .map(|kind| (kind.name(), about(kind), works_here(*kind, own).err()))
        .collect();
    let json: Vec<_> = kinds
        .iter()
        .map(|(name, about, why)| json!({ "fault": name, "about": about, "left_out": why }))
        .collect();
    output.answer(&json, || {
        let rows = kinds.iter().map(|(name, about, why)| {
            let here = why.as_ref().map_or_else(|| "yes".to_owned(), |why| format!("no: {why}"));
            [(*name).to_owned(), about.clone(), here]
        });
        table(["FAULT", "WHAT HAPPENS", "HERE"], rows)
    })
}
