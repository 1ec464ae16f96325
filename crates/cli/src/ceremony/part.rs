//! Taking part: one server of this member in one ceremony.

use super::folder::{BAD_CEREMONY, Folder};
use super::home::Home;
use super::words::{FAILED, failed, find, waiting};
use crate::dealer::{self, Search};
use crate::failure::{Exit, Failure};
use crate::output::Output;
use ally_alliance::keys::SigningKey;
use ally_alliance::{KeyFileError, KeyPurpose, ServerConfig, read_share, write_share};
use ally_ceremony::{Outcome, Record, Secrets, Shares, Stage, Status, Step, abort};
use ally_policy::{ServerIndex, ServerSet};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How often the folder is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Nobody came in time.
const TIMED_OUT: &str = "ALLY-0319";

/// One server that takes part.
pub struct Member {
    folder: Folder,
    home: Home,
    config: ServerConfig,
    me: ServerIndex,
    signing: SigningKey,
}

/// How far it went.
pub enum Reached {
    /// Others have to publish first, and were not waited for.
    Waiting(Stage, ServerSet),
    /// The keys are made; this server has not accepted them.
    ToAccept(Shares),
    /// All is done.
    Complete(Outcome),
}

impl Member {
    /// The server of this configuration in the ceremony of this folder.
    ///
    /// # Errors
    /// [`Failure`]: the folder or the configuration cannot be used, or the server has no part in this.
    pub fn open(dir: &Path, config: &Path) -> Result<Self, Failure> {
        let mut folder = Folder::open(dir)?;
        folder.refresh()?;
        let config = ServerConfig::load(config)?;
        let me = find(folder.board(), config.server())?;
        let signing = SigningKey::read(&config.signing_key())?;
        let proposal = folder.board().proposal().clone();
        if signing.public() != proposal.participants()[me.index()].signing {
            let message =
                format_args!("the proposal has another signing key for {}", config.server());
            return Err(Failure::new(Exit::Input, BAD_CEREMONY, message)
                .detail("yours", signing.public())
                .next("send your introduction.toml again, and have a new ceremony proposed"));
        }
        let home = Home::open(config.keys(), proposal.id())?;
        Ok(Self { folder, home, config, me, signing })
    }

    /// The folder.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// The server's name.
    pub fn server(&self) -> &str {
        self.config.server()
    }

    /// Does whatever this server can do now; waits for others until `deadline`, for ever without one.
    ///
    /// # Errors
    /// [`Failure`]: the ceremony came to nothing, the deadline passed, or a file cannot be used.
    pub fn go_on(
        &mut self,
        wait: bool,
        deadline: Option<Instant>,
        output: &Output,
    ) -> Result<Reached, Failure> {
        let secrets = self.secrets(output)?;
        let watch = Watch::new(output);
        loop {
            self.look(output)?;
            let status = match &secrets {
                Some(secrets) => match secrets.step(self.folder.board(), &[], &self.signing) {
                    Step::Publish(record) => {
                        self.say(*record)?;
                        continue;
                    }
                    Step::Confirm(shares) => return Ok(Reached::ToAccept(shares)),
                    Step::Rest(status) => status,
                },
                None => self.folder.board().status(),
            };
            let (stage, missing) = match status {
                Status::Complete(outcome) => return Ok(Reached::Complete(outcome)),
                Status::Failed(cause) => return Err(failed(self.folder.board(), &cause)),
                Status::Waiting { stage, missing } => (stage, missing),
                other => return Err(Failure::internal(format_args!("{other:?}"))),
            };
            if !wait {
                return Ok(Reached::Waiting(stage, missing));
            }
            let for_whom = waiting(self.folder.board(), stage, &missing);
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                let message = format_args!("waited in vain for {for_whom}");
                return Err(Failure::new(Exit::Unavailable, TIMED_OUT, message)
                    .detail("still fine", "nothing is lost: the same command goes on from here")
                    .next("call them, and run the same command again"));
            }
            watch.show(&for_whom);
            sleep(LOOK_EVERY);
        }
    }

    /// Takes the new shares, and tells the others that they are right.
    ///
    /// # Errors
    /// [`Failure`] if a share cannot be written.
    pub fn accept(&mut self, shares: &Shares) -> Result<(), Failure> {
        for ((purpose, public), share) in
            KeyPurpose::ALL.iter().zip(&shares.keys).zip(&shares.shares)
        {
            let Some(share) = share else { continue };
            let path = self.config.share(*purpose);
            match write_share(&path, *purpose, self.config.server(), share) {
                // After a crash: this share is there already, or another one is in the way.
                Err(KeyFileError::Exists { .. }) => {
                    _ = read_share(&path, *purpose, self.me, public)?
                }
                written => written?,
            }
        }
        let secrets = self.home.secrets()?.ok_or_else(|| self.lost())?;
        let board = self.folder.board();
        let record = secrets.confirmation(board, shares, &self.signing, &mut dealer::rng()?);
        self.say(record)
    }

    /// Gives up, and forgets.
    ///
    /// # Errors
    /// [`Failure`] if this server has accepted the keys, or a file cannot be written.
    pub fn abort(&mut self, reason: &str) -> Result<(), Failure> {
        self.look_quietly()?;
        if self.folder.board().has(Stage::Confirmation, self.me) {
            let message = format_args!("{} has accepted the keys already", self.config.server());
            return Err(Failure::new(Exit::Input, FAILED, message)
                .next("do not sign the alliance document, and propose another ceremony"));
        }
        let record = abort(self.folder.board().proposal(), self.me, reason, &self.signing);
        self.say(record)?;
        self.home.forget()
    }

    /// Forgets what is no longer needed, once the ceremony is complete.
    ///
    /// # Errors
    /// [`Failure`] if a file cannot be removed.
    pub fn close(self) -> Result<(), Failure> {
        self.home.close()
    }

    /// The secrets, made if this is the beginning; `None` if this server has nothing more to say.
    fn secrets(&mut self, output: &Output) -> Result<Option<Secrets>, Failure> {
        self.look_quietly()?;
        if let Some(secrets) = self.home.secrets()? {
            return Ok(Some(secrets));
        }
        let board = self.folder.board();
        if board.has(Stage::Confirmation, self.me) || board.has(Stage::Abort, self.me) {
            return Ok(None);
        }
        if board.has(Stage::Hello, self.me) {
            return Err(self.lost());
        }
        let search = Search::new(self.folder.founding().scheme(), output);
        let secrets = Secrets::new(board.proposal(), self.me, &[], &mut dealer::rng()?, &search);
        search.finish();
        let secrets = secrets.map_err(|error| {
            Failure::new(Exit::Input, FAILED, error).next("propose another ceremony")
        })?;
        self.home.keep_secrets(&secrets, self.config.server())?;
        Ok(Some(secrets))
    }

    fn lost(&self) -> Failure {
        let message = format_args!(
            "{} takes part in this ceremony already, but its secrets are not here",
            self.config.server()
        );
        Failure::new(Exit::Input, BAD_CEREMONY, message)
            .next("go on where it began, or give up with `ally key ceremony abort`")
    }

    /// Keeps a record, then publishes it. What is published is what was kept first.
    fn say(&mut self, record: Record) -> Result<(), Failure> {
        let record = self.home.keep(self.folder.board(), record)?;
        self.publish(record)
    }

    fn publish(&mut self, record: Record) -> Result<(), Failure> {
        self.folder.publish(&record)?;
        self.folder.board_mut().add(record).map(|_| ()).map_err(Failure::internal)
    }

    /// Reads what is new, and says again what this server has said and the folder does not have.
    fn look(&mut self, output: &Output) -> Result<(), Failure> {
        for odd in self.look_quietly()? {
            output.note(format_args!("passed over {odd}"));
        }
        Ok(())
    }

    fn look_quietly(&mut self) -> Result<Vec<String>, Failure> {
        let odd = self.folder.refresh()?;
        for said in self.home.all_said()? {
            if !self.folder.board().has(said.stage(), self.me) {
                self.publish(said)?;
            }
        }
        Ok(odd)
    }
}

/// Shows whom it waits for: as a line that changes, or line by line.
struct Watch {
    bar: ProgressBar,
    output: Output,
    last: std::cell::RefCell<String>,
}

impl Watch {
    fn new(output: &Output) -> Self {
        let target = match io::stderr().is_terminal() && !output.is_json() {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("  {spinner} waiting for {msg} · {elapsed}")
        {
            bar.set_style(style);
        }
        Self { bar, output: *output, last: std::cell::RefCell::default() }
    }

    fn show(&self, for_whom: &str) {
        self.bar.set_message(for_whom.to_owned());
        self.bar.tick();
        if self.bar.is_hidden() && *self.last.borrow() != for_whom {
            self.output.note(format_args!("waiting for {for_whom}"));
            *self.last.borrow_mut() = for_whom.to_owned();
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
