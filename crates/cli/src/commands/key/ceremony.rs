//! `ally key ceremony`: the keys of a new alliance, made by its members together.

use crate::ceremony::{Folder, Member, Reached, describe, failed, name, stage_name, waiting};
use crate::dealer;
use crate::draft::DraftArgs;
use crate::failure::{Exit, Failure};
use crate::files::read_text;
use crate::member;
use crate::output::{Output, hex, table};
use ally_alliance::{AllianceDocument, Draft, Founding, KeyPurpose};
use ally_ceremony::{Board, DealerFault, Stage, Status, founded};
use ally_policy::{DOCUMENT_BYTES_MAX, ServerIndex};
use ally_threshold::{PublicKey, Scheme};
use clap::{Args, Subcommand};
use rand::Rng;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Something is in the way.
const OCCUPIED: &str = "ALLY-0313";
/// Not the document that was expected.
const OTHER_FINGERPRINT: &str = "ALLY-0316";

/// Arguments of `ally key ceremony`.
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    after_long_help = "\
A ceremony happens in a folder that all participants see: a shared directory, a repository, or copies \
that they carry to each other and put together. Nothing in it is secret. Every step can be taken \
again, also after a crash.

  propose   one member writes the proposal
  join      everybody reads it and takes part, with each of its servers
  accept    everybody accepts what came of it
  and then members sign ceremony/alliance.toml with `ally alliance sign`

An RSA key is made of a modulus from each of its dealers (two for rsa4096, two or three for rsa6144, \
two or four for rsa8192): to know the key takes all of them. BLS keys are dealt by all servers.

Examples:
  ally key ceremony propose --origin example.org/ally --policy policy.toml --scheme rsa4096 \\
       --dealer acme --dealer globex --out ceremony */introduction.toml
  ally key ceremony join ceremony --config acme/acme-1/server.toml
  ally key ceremony accept ceremony --config acme/acme-1/server.toml
  ally key ceremony status ceremony"
)]
pub struct Ceremony {
    #[command(subcommand)]
    step: Step,
}

#[derive(Debug, Subcommand)]
enum Step {
    /// Write the proposal that the others read
    Propose(Propose),
    /// Take part: show a key, deal, check what others dealt
    Join(Join),
    /// Take the new shares, once everybody has checked what was dealt
    Accept(Accept),
    /// Show who has done what, and whom it waits for
    Status(Show),
    /// Give up, and say so to the others
    Abort(Abort),
    /// Put everything that was published into one file
    Transcript(Transcript),
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  ally key ceremony propose --origin example.org/ally --policy policy.toml --dealer acme \\
       --dealer globex --out ceremony */introduction.toml
  ally key ceremony propose --origin example.org/ally --policy policy.toml --scheme bls \\
       --out ceremony */introduction.toml")]
struct Propose {
    #[command(flatten)]
    draft: DraftArgs,
    /// Signature scheme of the certificates: rsa4096, rsa6144, rsa8192, bls, or one that one dealer knows
    #[arg(long, value_name = "SCHEME", default_value_t = Scheme::Rsa4096)]
    scheme: Scheme,
    /// For RSA: who deals, a server or an organisation; repeat for each
    #[arg(long = "dealer", value_name = "NAME")]
    dealers: Vec<String>,
    /// The folder of the ceremony
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Who takes part, and how long it waits for others.
#[derive(Debug, Args)]
struct Who {
    /// The folder of the ceremony
    #[arg(value_name = "DIR", default_value = "ceremony")]
    dir: PathBuf,
    /// The server that takes part
    #[arg(long, value_name = "FILE", default_value = "server.toml", env = "ALLY_CONFIG")]
    config: PathBuf,
    /// Do what can be done now, and do not wait for others
    #[arg(long)]
    no_wait: bool,
    /// Wait for others at most so long
    #[arg(long, value_name = "SECONDS", conflicts_with = "no_wait")]
    timeout: Option<u64>,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
By taking part you agree to the proposal: read it first. Each of your servers takes part by itself. The \
secrets of the ceremony are kept beside the server's keys until it is over.

Examples:
  ally key ceremony join ceremony --config acme/acme-1/server.toml
  ally key ceremony join ceremony --config acme/acme-1/server.toml --no-wait")]
struct Join {
    #[command(flatten)]
    who: Who,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Writes the server's shares beside its other keys, signs with them once so that the others see that they \
are right, and erases the secrets of the ceremony when everybody has done so. Writes DIR/alliance.toml, \
which members sign next.

Examples:
  ally key ceremony accept ceremony --config acme/acme-1/server.toml
  ally key ceremony accept ceremony --config acme/acme-1/server.toml \\
       --fingerprint 15a6-d344-2124-3319-4b79-8e2a-7314-afac")]
struct Accept {
    #[command(flatten)]
    who: Who,
    /// Accept only the document with this fingerprint, as the members agreed on it
    #[arg(long, value_name = "FINGERPRINT")]
    fingerprint: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  ally key ceremony status ceremony
  ally key ceremony status ceremony -o json | jq -r .state")]
struct Show {
    /// The folder of the ceremony
    #[arg(value_name = "DIR", default_value = "ceremony")]
    dir: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
The ceremony is over for everybody. Erases this server's secrets of it.

Examples:
  ally key ceremony abort ceremony --config acme/acme-1/server.toml --reason 'wrong policy'")]
struct Abort {
    /// The folder of the ceremony
    #[arg(value_name = "DIR", default_value = "ceremony")]
    dir: PathBuf,
    /// The server that gives up
    #[arg(long, value_name = "FILE", default_value = "server.toml", env = "ALLY_CONFIG")]
    config: PathBuf,
    /// Why, for the others
    #[arg(long, value_name = "TEXT", default_value = "no reason given")]
    reason: String,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Keep it with the alliance document: whoever doubts that nobody knew the keys checks it with `ally key \
audit`. Nothing in it is secret.

Examples:
  ally key ceremony transcript ceremony --out founding.transcript")]
struct Transcript {
    /// The folder of the ceremony
    #[arg(value_name = "DIR", default_value = "ceremony")]
    dir: PathBuf,
    /// The new file
    #[arg(long, value_name = "FILE", default_value = "ceremony.transcript")]
    out: PathBuf,
}

impl Ceremony {
    /// Does it.
    pub fn run(self, output: &Output) -> Result<(), Failure> {
        match self.step {
            Step::Propose(step) => step.run(output),
            Step::Join(step) => step.run(output),
            Step::Accept(step) => step.run(output),
            Step::Status(step) => step.run(output),
            Step::Abort(step) => step.run(output),
            Step::Transcript(step) => step.run(output),
        }
    }
}

impl Propose {
    fn run(self, output: &Output) -> Result<(), Failure> {
        if self.out.join("proposal.toml").exists() {
            let message = format_args!("{} holds a ceremony already", self.out.display());
            return Err(Failure::new(Exit::Input, OCCUPIED, message).next("name another directory"));
        }
        let draft = self.draft.read()?;
        let dealers: Vec<String> =
            self.dealers.iter().map(|name| server_of(&draft, name)).collect();
        let mut round = [0; 16];
        dealer::rng()?.fill_bytes(&mut round);
        let founding = Founding::new(draft, self.scheme, &dealers, round).map_err(|error| {
            let next = match self.scheme {
                Scheme::Bls12381 => "leave out --dealer",
                _ => "name as many as will be, for instance `--dealer acme --dealer globex`",
            };
            Failure::from(error).next(next)
        })?;
        let folder = Folder::create(&self.out, founding)?;
        if dealers.len() == 1 {
            output.note(format_args!("{}\n", dealer::BANNER));
        }
        let proposal = folder.board().proposal();
        let names: Vec<&str> = proposal.participants().iter().map(|one| &*one.name).collect();
        let answer = json!({
            "ceremony": hex(&proposal.id().0),
            "proposal": self.out.join("proposal.toml"),
            "participants": names,
            "dealers": dealers,
        });
        output.answer(&answer, || {
            let out = self.out.display();
            format!(
                "proposed to {}\n  {out}/proposal.toml   what they agree to by taking part\n\n\
                 next: everybody reads it and runs, for each of its servers\n  \
                 ally key ceremony join {out} --config acme/acme-1/server.toml",
                names.join(", ")
            )
        })
    }
}

/// The server of this name, or the first one of the organisation of this name.
fn server_of(draft: &Draft, name: &str) -> String {
    let member = draft.organisations().iter().find(|member| member.name() == name);
    match member.and_then(|member| member.servers().first()) {
        Some(server) => server.name().to_owned(),
        None => name.to_owned(),
    }
}

impl Who {
    fn deadline(&self) -> Option<Instant> {
        self.timeout.map(|seconds| Instant::now() + Duration::from_secs(seconds))
    }
}

impl Join {
    fn run(self, output: &Output) -> Result<(), Failure> {
        let Who { dir, config, no_wait, .. } = &self.who;
        let mut member = Member::open(dir, config)?;
        let deadline = self.who.deadline();
        match member.go_on(!no_wait, deadline, output)? {
            Reached::Waiting(stage, missing) => {
                rest(output, &member, stage, &missing, "join", &self.who)
            }
            Reached::ToAccept(shares) => {
                let document = document(member.folder().founding(), &shares.keys)?;
                let fingerprint = document.fingerprint();
                let board = member.folder().board();
                let answer = json!({
                    "server": member.server(),
                    "state": "to accept",
                    "fingerprint": fingerprint,
                    "left_out": left_out(board, &shares.disqualified),
                });
                output.answer(&answer, || {
                    format!(
                        "the keys are made\nfingerprint {fingerprint}\n{}\n\
                         next: compare the fingerprint with the other members and run\n  \
                         ally key ceremony accept {} --config {} --fingerprint {fingerprint}",
                        dealt(board, &shares.disqualified),
                        dir.display(),
                        config.display()
                    )
                })
            }
            Reached::Complete(outcome) => finish(member, &outcome.keys, output),
        }
    }
}

impl Accept {
    fn run(self, output: &Output) -> Result<(), Failure> {
        let Who { dir, config, no_wait, .. } = &self.who;
        let mut member = Member::open(dir, config)?;
        let deadline = self.who.deadline();
        let mut reached = member.go_on(!no_wait, deadline, output)?;
        if let Reached::ToAccept(shares) = &reached {
            self.check(&document(member.folder().founding(), &shares.keys)?)?;
            member.accept(shares)?;
            reached = member.go_on(!no_wait, deadline, output)?;
        }
        match reached {
            Reached::Complete(outcome) => finish(member, &outcome.keys, output),
            Reached::Waiting(stage, missing) => {
                rest(output, &member, stage, &missing, "accept", &self.who)
            }
            Reached::ToAccept(_) => Err(Failure::internal("accepted twice")),
        }
    }

    fn check(&self, document: &AllianceDocument) -> Result<(), Failure> {
        let found = document.fingerprint();
        match &self.fingerprint {
            Some(expected) if *expected != found => {
                let message =
                    format_args!("the document has the fingerprint {found}, not {expected}");
                Err(Failure::new(Exit::No, OTHER_FINGERPRINT, message)
                    .next("do not accept it; ask the other members what they see"))
            }
            _ => Ok(()),
        }
    }
}

/// Everybody has accepted: writes the document and forgets the secrets.
fn finish(member: Member, keys: &[PublicKey], output: &Output) -> Result<(), Failure> {
    let document = document(member.folder().founding(), keys)?;
    let (dir, fingerprint) = (member.folder().dir().to_owned(), document.fingerprint());
    let file = dir.join(member::ALLIANCE_FILE);
    if !holds(&file, &document) {
        member::replace(&file, document.render().as_bytes())?;
    }
    let pem = document.keys().of(KeyPurpose::Certify).to_pem();
    member::replace(&dir.join(member::PUBLIC_KEY_FILE), pem.as_bytes())?;
    let answer = json!({
        "server": member.server(),
        "state": "complete",
        "fingerprint": fingerprint,
        "document": file,
    });
    let server = member.server().to_owned();
    member.close()?;
    output.answer(&answer, || {
        format!(
            "{server} has its shares, and so has everybody\nfingerprint {fingerprint}\n  \
             {0}/alliance.toml   for every member to sign; nothing in it is secret\n  \
             {0}/alliance.pem    what receipts are verified with\n\n\
             next: every member runs\n  \
             ally alliance sign {0}/alliance.toml --key admin.key --fingerprint {fingerprint}",
            dir.display()
        )
    })
}

/// Whether the file is a copy of the document already, perhaps with signatures.
fn holds(file: &Path, document: &AllianceDocument) -> bool {
    let text = read_text(file, DOCUMENT_BYTES_MAX).unwrap_or_default();
    AllianceDocument::parse(&text, "").is_ok_and(|there| there.id() == document.id())
}

fn document(founding: &Founding, keys: &[PublicKey]) -> Result<AllianceDocument, Failure> {
    founded(founding, keys).map_err(Failure::internal)
}

fn rest(
    output: &Output,
    member: &Member,
    stage: Stage,
    missing: &ally_policy::ServerSet,
    step: &str,
    who: &Who,
) -> Result<(), Failure> {
    let board = member.folder().board();
    let for_whom = waiting(board, stage, missing);
    let names: Vec<&str> = missing.iter().map(|server| name(board, server)).collect();
    let answer = json!({
        "server": member.server(),
        "state": "waiting",
        "stage": stage_name(stage),
        "missing": names,
    });
    output.answer(&answer, || {
        format!(
            "{} has done its part; waiting for {for_whom}\nnext: when they have\n  \
             ally key ceremony {step} {} --config {}",
            member.server(),
            who.dir.display(),
            who.config.display()
        )
    })
}

impl Show {
    fn run(self, output: &Output) -> Result<(), Failure> {
        let mut folder = Folder::open(&self.dir)?;
        for odd in folder.refresh()? {
            output.note(format_args!("passed over {odd}"));
        }
        let board = folder.board();
        let status = board.status();
        let state = state(board, &status);
        let answer = json!({
            "ceremony": hex(&board.proposal().id().0),
            "state": state.0,
            "detail": state.1,
            "participants": progress_json(board),
        });
        output.answer(&answer, || format!("{}\n\n{}: {}", progress(board), state.0, state.1))
    }
}

/// A word, and what it is about.
fn state(board: &Board, status: &Status) -> (&'static str, String) {
    match status {
        Status::Waiting { stage, missing } => ("waiting for", waiting(board, *stage, missing)),
        Status::Failed(cause) => ("failed", failed(board, cause).message().to_owned()),
        Status::Complete(outcome) => ("complete", dealt(board, &outcome.disqualified)),
        other => ("unknown", format!("{other:?}")),
    }
}

const STAGES: [Stage; 4] = [Stage::Hello, Stage::Dealing, Stage::Verdict, Stage::Confirmation];

fn progress(board: &Board) -> String {
    let dealers = board.proposal().dealers();
    let rows = board.proposal().participants().iter().enumerate().map(|(at, participant)| {
        let server = ServerIndex(at as u16);
        let mark = |stage: Stage| {
            let due = stage != Stage::Dealing || dealers.contains(server);
            match (due, board.has(stage, server)) {
                (false, _) => "-",
                (true, true) => "yes",
                (true, false) => "",
            }
        };
        let [hello, dealing, verdict, confirmation] = STAGES.map(|stage| mark(stage).to_owned());
        [participant.name.clone(), hello, dealing, verdict, confirmation]
    });
    table(["server", "joined", "dealt", "checked", "accepted"], rows)
}

fn progress_json(board: &Board) -> Vec<Value> {
    let participants = board.proposal().participants().iter().enumerate();
    let one = |(at, participant): (usize, &ally_ceremony::Participant)| {
        let [joined, dealt, checked, accepted] =
            STAGES.map(|stage| board.has(stage, ServerIndex(at as u16)));
        json!({
            "server": participant.name,
            "joined": joined,
            "dealt": dealt,
            "checked": checked,
            "accepted": accepted,
        })
    };
    participants.map(one).collect()
}

/// Who dealt rightly, in a sentence.
fn dealt(board: &Board, disqualified: &[(ServerIndex, DealerFault)]) -> String {
    if disqualified.is_empty() {
        return "all dealers dealt rightly".to_owned();
    }
    let one = |(dealer, fault): &(ServerIndex, DealerFault)| {
        format!("{} was left out: {}", name(board, *dealer), describe(board, fault))
    };
    disqualified.iter().map(one).collect::<Vec<_>>().join("\n")
}

fn left_out(board: &Board, disqualified: &[(ServerIndex, DealerFault)]) -> Vec<Value> {
    let one = |(dealer, fault): &(ServerIndex, DealerFault)| {
        let (server, reason) = (name(board, *dealer), describe(board, fault));
        json!({ "server": server, "reason": reason })
    };
    disqualified.iter().map(one).collect()
}

impl Abort {
    fn run(self, output: &Output) -> Result<(), Failure> {
        let mut member = Member::open(&self.dir, &self.config)?;
        member.abort(&self.reason)?;
        let answer = json!({ "server": member.server(), "state": "aborted" });
        output.answer(&answer, || {
            format!(
                "{} has given up; the others will see it\nits secrets are erased",
                member.server()
            )
        })
    }
}

impl Transcript {
    fn run(self, output: &Output) -> Result<(), Failure> {
        let mut folder = Folder::open(&self.dir)?;
        for odd in folder.refresh()? {
            output.note(format_args!("passed over {odd}"));
        }
        let status = folder.board().status();
        member::replace(&self.out, folder.transcript().as_bytes())?;
        let state = state(folder.board(), &status);
        let answer = json!({ "file": self.out, "state": state.0, "detail": state.1 });
        output.answer(&answer, || {
            format!(
                "{}: {}\nwritten to {}\nnext: ally key audit {}",
                state.0,
                state.1,
                self.out.display(),
                self.out.display()
            )
        })
    }
}
