//! `ally demo`: an alliance at work, broken and repaired, in one command.

use super::dev::Shape;
use crate::connect::block_on;
use crate::demo::{
    Artefacts, Bar, Load, Narrator, Verdict, commands_of, good, openssl_verifies, propose_all,
    refused_forgeries, unexpected, write_receipts,
};
use crate::failure::Failure;
use crate::files::{read_bounded, read_text};
use crate::local::Fleet;
use crate::output::Output;
use crate::program::{Stop, interrupted, program};
use crate::statistics::duration;
use ally::AllianceKey;
use ally_alliance::Durability;
use ally_threshold::Scheme;
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::time::{sleep, timeout};

/// What is proposed if no text is named and there is no README.md here.
const TEXT: &str = include_str!("../../../../README.md");
/// The longest text.
const TEXT_BYTES_MAX: usize = 256 << 20;
/// The most receipts that are fetched and written: a gigabyte or two of small files.
const RECEIPTS_MAX: usize = 200_000;
/// How many commands are proposed while a server is dead.
const WHILE_DEAD: usize = 20;
/// How long any single thing may take.
const STEP_TIMEOUT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(10);

/// Arguments of `ally demo`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Founds an alliance on this machine, has it order every line of a text, kills a server with -9 and \
goes on, brings it back, verifies what it got with this program and with openssl, and tries to cheat. \
Exit code 0 if everything went as it has to.

Leaves in DIR: alliance.pem, checkpoint.txt, cert.sig, the alliance itself in alliance/, which \
`ally dev --dir DIR/alliance` runs again, and receipts/ with a receipt for every line, at most 200,000: \
NNNN.receipt and NNNN.command, in a directory for each thousand if there are more than 10,000. The text \
may be any bytes of up to 256 MiB; a line of up to 1 MiB is a command, and empty lines are none.

Examples:
  ally demo --out demo
  ally demo --out demo --input /usr/share/common-licenses/Apache-2.0
  openssl dgst -sha256 -verify demo/alliance.pem -signature demo/cert.sig demo/checkpoint.txt")]
pub struct Demo {
    #[command(flatten)]
    shape: Shape,
    /// A text, each line of which is a command [default: README.md]
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Where to leave what can be verified
    #[arg(long, value_name = "DIR", default_value = "ally-demo")]
    out: PathBuf,
}

impl Demo {
    /// Plays everything through.
    pub fn run(self, output: &Output) -> Result<(), Failure> {
        // Before anything is emptied, dealt or started.
        let (name, text) = self.text()?;
        let commands = commands_of(&text, &name)?;
        let artefacts = Artefacts::prepare(&self.out)?;
        block_on(async {
            let mut stop = Stop::new()?;
            let mut narrator = Narrator::new(output);
            let found = stop.or(self.found(&artefacts, &mut narrator, output)).await;
            let mut fleet = found.ok_or_else(interrupted)??;
            // Whatever happens, the servers are stopped before this returns.
            let scheme = self.shape.scheme();
            let mut play = Play { fleet: &mut fleet, artefacts: &artefacts, scheme, output };
            let result = stop.or(play.run(&commands, &mut narrator)).await;
            fleet.stop().await;
            let sample = result.ok_or_else(interrupted)??;
            narrator.end(&farewell(&artefacts, &sample, self.shape.scheme()))
        })
    }

    /// The text and its name.
    fn text(&self) -> Result<(String, Vec<u8>), Failure> {
        match &self.input {
            Some(path) => Ok((path.display().to_string(), read_bounded(path, TEXT_BYTES_MAX)?)),
            None => {
                let own = read_bounded("README.md".as_ref(), TEXT_BYTES_MAX);
                let text = own.unwrap_or_else(|_| TEXT.as_bytes().to_vec());
                Ok(("README.md".to_owned(), text))
            }
        }
    }

    async fn found(
        &self,
        artefacts: &Artefacts,
        narrator: &mut Narrator,
        output: &Output,
    ) -> Result<Fleet, Failure> {
        let fleet = self.shape.found(Durability::Fsync, &artefacts.alliance(), output).await?;
        artefacts.write_key()?;
        let alliance = fleet.alliance();
        let names: Vec<_> = alliance.organisations().iter().map(|own| own.name()).collect();
        let lines = [
            format!("{} have signed one document, fingerprint", names.join(", ")),
            alliance.document().fingerprint(),
            format!("one {} key, of which each holds a share", self.shape.scheme()),
        ];
        let data = json!({
            "organisations": names,
            "servers": fleet.servers().len(),
            "scheme": self.shape.scheme().name(),
            "fingerprint": alliance.document().fingerprint(),
        });
        narrator.step("Found an alliance", &lines, data)?;
        Ok(fleet)
    }
}

/// The story from the first server's start on.
struct Play<'a> {
    fleet: &'a mut Fleet,
    artefacts: &'a Artefacts,
    scheme: Scheme,
    output: &'a Output,
}

impl Play<'_> {
    /// Returns a receipt that was written, with its command.
    async fn run(
        &mut self,
        commands: &[&[u8]],
        narrator: &mut Narrator,
    ) -> Result<(PathBuf, PathBuf), Failure> {
        self.start(narrator).await?;
        let mut load = self.order(commands, narrator).await?;
        let victim = self.kill(commands, &mut load, narrator).await?;
        self.restart(victim, narrator).await?;
        let sample = self.receipts(&load, narrator).await?;
        self.openssl(narrator).await?;
        self.forge(&sample, narrator)?;
        Ok(sample)
    }

    async fn start(&mut self, narrator: &mut Narrator) -> Result<(), Failure> {
        self.fleet.start()?;
        self.fleet.ready().await?;
        let servers = self.fleet.servers().iter();
        let servers: Vec<_> =
            servers.map(|own| format!("{} ({})", own.server(), own.pid().unwrap_or(0))).collect();
        let lines = [format!("one process each: {}", servers.join(", "))];
        narrator.step("Start its servers", &lines, json!({ "servers": servers }))
    }

    async fn order(
        &mut self,
        commands: &[&[u8]],
        narrator: &mut Narrator,
    ) -> Result<Load, Failure> {
        let mut load = self.propose(commands).await?;
        let (two_steps, all) = self.decisions().await;
        let share = 100.0 * two_steps as f64 / all.max(1) as f64;
        let lines = [
            format!("{} commands at {:.0}/s, durable on every disk", commands.len(), load.rate()),
            format!("decided after {}", load.latencies.text()),
            format!("{share:.0} % of the decisions took two message steps"),
        ];
        let data = json!({
            "commands": commands.len(),
            "commands_per_second": load.rate(),
            "latency": load.latencies.json(),
            "two_step_share": share / 100.0,
        });
        narrator.step("Order every line", &lines, data)?;
        Ok(load)
    }

    /// Kills the leader: the worst of all choices.
    async fn kill(
        &mut self,
        commands: &[&[u8]],
        load: &mut Load,
        narrator: &mut Narrator,
    ) -> Result<usize, Failure> {
        let answers = self.fleet.client().status(STEP_TIMEOUT).await;
        let leader =
            answers.iter().find_map(|(_, answer)| Some(answer.as_ref().ok()?.leader.clone()));
        let leader = leader.ok_or_else(|| unexpected("no server answers"))?;
        let victim = self.fleet.servers().iter().position(|own| own.server() == leader);
        let victim = victim.ok_or_else(|| unexpected("the leader is nobody"))?;
        self.fleet.server_mut(victim).kill().await?;

        let more: Vec<&[u8]> = commands.iter().copied().cycle().take(WHILE_DEAD).collect();
        let begun = Instant::now();
        let first = self.propose(&more[..1]).await?;
        let pause = begun.elapsed();
        let rest = self.propose(&more[1..]).await?;
        load.placed.extend(first.placed.into_iter().chain(rest.placed));
        let lines = [
            format!("{leader} led, and is gone without a word"),
            format!("the others chose a new leader and decided again after {}", duration(pause)),
            format!("{} more commands ordered without it", more.len()),
        ];
        let data = json!({
            "killed": leader,
            "commands": more.len(),
            "pause_us": pause.as_micros() as u64,
        });
        narrator.step("Kill the leader with -9", &lines, data)?;
        Ok(victim)
    }

    async fn restart(&mut self, victim: usize, narrator: &mut Narrator) -> Result<(), Failure> {
        let server = self.fleet.server_mut(victim);
        server.start()?;
        let name = server.server().to_owned();
        let caught_up = timeout(STEP_TIMEOUT, async {
            loop {
                if let Some(size) = self.caught_up(&name).await {
                    return size;
                }
                sleep(POLL).await;
            }
        });
        let size = caught_up.await.map_err(|_| unexpected(format!("{name} does not catch up")))?;
        let lines =
            [format!("{name} read its journal, asked the others, and holds all {size} entries")];
        narrator.step("Start it again", &lines, json!({ "server": name, "log_size": size }))
    }

    /// The log's size at all servers, if the server of this name has as much of it as the others.
    async fn caught_up(&self, name: &str) -> Option<u64> {
        let answers = self.fleet.client().status(Duration::from_secs(1)).await;
        let sizes = answers.iter().map(|(server, answer)| (server, answer.as_ref().ok()));
        let sizes: Vec<_> =
            sizes.filter_map(|(server, answer)| Some((server, answer?.log_size))).collect();
        let most = sizes.iter().map(|(_, size)| *size).max()?;
        let own = sizes.iter().find(|(server, _)| server.name == name)?.1;
        (own == most).then_some(own)
    }

    async fn propose(&self, commands: &[&[u8]]) -> Result<Load, Failure> {
        let bar = Bar::new(commands.len(), "commands decided", self.output);
        propose_all(self.fleet.client(), commands, STEP_TIMEOUT, &bar).await
    }

    /// Fetches and writes receipts, and the certificate that covers most. Returns one of the receipts
    /// with its command.
    async fn receipts(
        &mut self,
        load: &Load,
        narrator: &mut Narrator,
    ) -> Result<(PathBuf, PathBuf), Failure> {
        let all = load.placed.len();
        let placed = &load.placed[..all.min(RECEIPTS_MAX)];
        let bar = Bar::new(placed.len(), "receipts verified and written", self.output);
        let client = self.fleet.client();
        let written = write_receipts(client, self.artefacts, placed, STEP_TIMEOUT, &bar).await?;
        drop(bar);
        self.artefacts.write_certificate(&written.newest.certificate)?;
        let size = written.newest.certificate.checkpoint.log_size;
        let (count, dir) = (written.count, self.artefacts.receipts());
        let mut lines = vec![
            format!("{count} receipts {} by the library, with one public key", good("verified")),
            format!("the newest certificate covers {size} entries with one signature"),
            format!("all are in {}, each with its command", dir.display()),
        ];
        if count < all {
            lines[2] = format!(
                "the first {count} are in {}, each with its command; not written: {}\n   \
                 (`ally receipt INDEX` has them, while `ally dev --dir` runs this alliance)",
                dir.display(),
                all - count
            );
        }
        let data = json!({ "receipts": count, "commands": all, "dir": dir, "log_size": size });
        narrator.step("Fetch receipts", &lines, data)?;
        Ok(written.sample)
    }

    async fn openssl(&self, narrator: &mut Narrator) -> Result<(), Failure> {
        let own = self.artefacts;
        let (key, signature, statement) = (own.public_key(), own.signature(), own.checkpoint());
        if self.scheme == Scheme::Bls12381 {
            let lines =
                ["openssl knows no BLS; certificates of the RSA schemes are for it".to_owned()];
            return narrator.step("Ask openssl", &lines, json!({ "verdict": "unsupported" }));
        }
        let (line, verdict) = match openssl_verifies(&key, &signature, &statement).await? {
            Verdict::Verified => (format!("openssl says: {}", good("Verified OK")), "verified"),
            Verdict::NotInstalled => (
                "there is no openssl here; the command below is for where there is".to_owned(),
                "absent",
            ),
            Verdict::Refused => return Err(unexpected("openssl refuses the certificate")),
        };
        narrator.step("Ask openssl", &[line], json!({ "verdict": verdict }))
    }

    fn forge(
        &self,
        (receipt, command): &(PathBuf, PathBuf),
        narrator: &mut Narrator,
    ) -> Result<(), Failure> {
        let pem = read_text(&self.artefacts.public_key(), 1 << 16)?;
        let key = AllianceKey::from_pem(&pem).map_err(Failure::internal)?;
        let text = read_text(receipt, 1 << 20)?;
        let command = read_bounded(command, TEXT_BYTES_MAX)?;
        let (refused, tried) = refused_forgeries(&text, &command, &key);
        if refused < tried {
            return Err(unexpected(format!("{} forged receipts are accepted", tried - refused)));
        }
        let line =
            format!("{tried} receipts with one byte changed, each of them {}", good("refused"));
        narrator.step("Forge receipts", &[line], json!({ "tried": tried, "refused": refused }))
    }

    /// Decisions in two steps, and all, over all servers that answer.
    async fn decisions(&self) -> (u64, u64) {
        let answers = self.fleet.client().status(STEP_TIMEOUT).await;
        let replies = answers.iter().filter_map(|(_, answer)| answer.as_ref().ok());
        replies.fold((0, 0), |(two, all), reply| {
            let fast = reply.two_step_decisions;
            (two + fast, all + fast + reply.three_step_decisions)
        })
    }
}

fn farewell(artefacts: &Artefacts, sample: &(PathBuf, PathBuf), scheme: Scheme) -> String {
    let (program, dir) = (program(), artefacts.dir().display());
    let openssl = match scheme {
        Scheme::Bls12381 => String::new(),
        _ => format!(
            "  openssl dgst -sha256 -verify {dir}/alliance.pem -signature {dir}/cert.sig \
             {dir}/checkpoint.txt\n"
        ),
    };
    let (receipt, command) = (sample.0.display(), sample.1.display());
    format!(
        "\nThe servers are stopped; what they signed stays. Try:\n{openssl}  \
         {program} verify --key {dir}/alliance.pem --receipt {receipt} --file {command}\n  \
         {program} dev --dir {dir}/alliance"
    )
}
