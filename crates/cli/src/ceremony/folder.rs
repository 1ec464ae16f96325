//! The folder of a ceremony, which all participants see: a shared directory, a repository, or copies
//! that are carried from one to the other.
//!
//! ```text
//! DIR/proposal.toml               what everybody agrees to by taking part
//! DIR/records/hello-acme-1.txt    one file for each word of each participant
//! DIR/alliance.toml               what came of it
//! ```
//!
//! Nothing in it is secret, and nothing in it is believed: records are signed. Copies are put together
//! by copying all files into one folder, whatever their names.

use crate::failure::{Exit, Failure};
use crate::files::{read_bounded, read_text};
use crate::member;
use ally_alliance::Founding;
use ally_ceremony::{Board, Proposal, RECORD_BYTES_MAX, Record, Stage, found};
use ally_codec::{Decode, Encode};
use ally_policy::DOCUMENT_BYTES_MAX;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::words::stage_name;

/// No ceremony is here, or not this one.
pub const BAD_CEREMONY: &str = "ALLY-0317";

const PROPOSAL_FILE: &str = "proposal.toml";
const RECORDS: &str = "records";
/// The first line of a record's file.
const RECORD_HEAD: &str = "ally-ceremony-record 1";
/// The first line of a transcript.
const TRANSCRIPT_HEAD: &str = "ally-ceremony-transcript 1";
/// Between the proposal and the records in a transcript.
const TRANSCRIPT_RECORDS: &str = "-- records --";
const LINE_CHARS: usize = 76;
/// A record as text: base64 takes four characters for three bytes, and lines have an end.
const RECORD_CHARS_MAX: usize = RECORD_BYTES_MAX / 2 * 3;
/// The longest transcript that is read.
const TRANSCRIPT_CHARS_MAX: usize = 256 << 20;

/// A ceremony and the folder that it happens in.
pub struct Folder {
    dir: PathBuf,
    founding: Founding,
    board: Board,
    /// Files that have been read, as they were then: one that has changed is read again, because a copy
    /// may have been under way.
    seen: BTreeMap<PathBuf, (u64, Option<SystemTime>)>,
}

/// A whole ceremony in one file.
pub struct Transcript {
    /// What was proposed.
    pub founding: Founding,
    /// What was published.
    pub board: Board,
}

impl Folder {
    /// Makes the folder of a new ceremony.
    ///
    /// # Errors
    /// [`Failure`] if there is one already, or the proposal cannot be carried out.
    pub fn create(dir: &Path, founding: Founding) -> Result<Self, Failure> {
        let proposal = propose(&founding)?;
        fs::create_dir_all(dir.join(RECORDS)).map_err(|error| Failure::file(dir, &error))?;
        member::write(&dir.join(PROPOSAL_FILE), founding.render().as_bytes())?;
        Ok(Self::of(dir, founding, proposal))
    }

    /// Opens a folder and reads what is in it.
    ///
    /// # Errors
    /// [`Failure`] if there is no proposal, or it is not right.
    pub fn open(dir: &Path) -> Result<Self, Failure> {
        let file = dir.join(PROPOSAL_FILE);
        let text = read_text(&file, DOCUMENT_BYTES_MAX)?;
        let founding = Founding::parse(&text, &file.display().to_string())?;
        let proposal = propose(&founding)?;
        Ok(Self::of(dir, founding, proposal))
    }

    fn of(dir: &Path, founding: Founding, proposal: Proposal) -> Self {
        let board = Board::new(Arc::new(proposal));
        Self { dir: dir.to_owned(), founding, board, seen: BTreeMap::new() }
    }

    /// Where it is.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What is proposed.
    pub fn founding(&self) -> &Founding {
        &self.founding
    }

    /// What has been read so far.
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// What has been read so far, to add to.
    pub fn board_mut(&mut self) -> &mut Board {
        &mut self.board
    }

    /// Reads the files that are new; returns what is wrong with those that are no records of this
    /// ceremony. These are passed over: whoever can write to the folder can put anything there.
    ///
    /// # Errors
    /// [`Failure`] if the folder cannot be read.
    pub fn refresh(&mut self) -> Result<Vec<String>, Failure> {
        let records = self.dir.join(RECORDS);
        let listed = fs::read_dir(&records).map_err(|error| Failure::file(&records, &error))?;
        let mut paths: Vec<PathBuf> = listed.filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.sort();
        let mut odd = Vec::new();
        for path in paths {
            let text = path.extension().is_some_and(|extension| extension == "txt");
            let Ok(metadata) = fs::metadata(&path) else { continue };
            let state = (metadata.len(), metadata.modified().ok());
            if !text || self.seen.get(&path) == Some(&state) {
                continue;
            }
            if let Err(reason) = self.take(&path) {
                odd.push(format!("{}: {reason}", path.display()));
            }
            self.seen.insert(path, state);
        }
        Ok(odd)
    }

    /// Puts a record where everybody sees it. A file of that name stays as it is: it is this record, or
    /// somebody else has put something there, which a second file does not hide.
    ///
    /// # Errors
    /// [`Failure`] if it cannot be written.
    pub fn publish(&self, record: &Record) -> Result<(), Failure> {
        let text = armour(&self.board, record);
        let stem = file_stem(&self.board, record);
        for number in 1..100 {
            let name = match number {
                1 => format!("{stem}.txt"),
                again => format!("{stem}-{again}.txt"),
            };
            let path = self.dir.join(RECORDS).join(name);
            if !path.exists() {
                return member::replace(&path, text.as_bytes());
            }
            if read_bounded(&path, RECORD_CHARS_MAX).is_ok_and(|there| there == text.as_bytes()) {
                return Ok(());
            }
        }
        let message = format_args!("{}: full of files called {stem}", self.dir.display());
        Err(Failure::new(Exit::Input, BAD_CEREMONY, message).next("remove what is no record there"))
    }

    /// Everything in one text.
    pub fn transcript(&self) -> String {
        let mut text =
            format!("{TRANSCRIPT_HEAD}\n{}{TRANSCRIPT_RECORDS}\n", self.founding.render());
        for record in self.board.records().chain(self.board.conflict().into_iter().flatten()) {
            text.push_str(&armour(&self.board, record));
            text.push('\n');
        }
        text
    }

    fn take(&mut self, path: &Path) -> Result<(), String> {
        let text = read_text(path, RECORD_CHARS_MAX).map_err(|error| error.message().to_owned())?;
        let record = unarmour(&text)?;
        self.board.add(record).map(|_| ()).map_err(|fault| fault.to_string())
    }
}

impl Transcript {
    /// Reads what [`Folder::transcript`] wrote, or the folder itself.
    ///
    /// # Errors
    /// [`Failure`]: the text is no transcript, or a record in it is none of the ceremony's.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        if path.is_dir() {
            let mut folder = Folder::open(path)?;
            let odd = folder.refresh()?;
            return match odd.first() {
                Some(odd) => Err(Failure::new(Exit::No, BAD_CEREMONY, odd)
                    .next("remove what is no record of this ceremony")),
                None => Ok(Self { founding: folder.founding, board: folder.board }),
            };
        }
        let bytes = read_bounded(path, TRANSCRIPT_CHARS_MAX)?;
        let wrong = |reason: &str| {
            let message = format_args!("{}: {reason}", path.display());
            Failure::new(Exit::Input, BAD_CEREMONY, message)
                .next("`ally key ceremony transcript` writes one")
        };
        let text = std::str::from_utf8(&bytes).map_err(|_| wrong("no text"))?;
        let body = text.strip_prefix(TRANSCRIPT_HEAD).and_then(|rest| rest.strip_prefix('\n'));
        let body = body.ok_or_else(|| wrong("this is no transcript of a ceremony"))?;
        let (proposal, records) = body
            .split_once(&format!("{TRANSCRIPT_RECORDS}\n"))
            .ok_or_else(|| wrong("the records are missing"))?;
        let founding = Founding::parse(proposal, &path.display().to_string())?;
        let mut board = Board::new(Arc::new(propose(&founding)?));
        for record in records.split(RECORD_HEAD).skip(1) {
            let record = unarmour(&format!("{RECORD_HEAD}{record}")).map_err(|why| wrong(&why))?;
            board.add(record).map_err(|fault| wrong(&fault.to_string()))?;
        }
        Ok(Self { founding, board })
    }
}

fn propose(founding: &Founding) -> Result<Proposal, Failure> {
    found(founding).map_err(|error| Failure::new(Exit::Input, BAD_CEREMONY, error))
}

/// `hello-acme-1`.
fn file_stem(board: &Board, record: &Record) -> String {
    let author = &board.proposal().participants()[record.author().index()].name;
    let safe = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let author: String = author.chars().map(safe).collect();
    format!("{}-{author}", stage_name(record.stage()))
}

/// A record as a file.
pub fn armour(board: &Board, record: &Record) -> String {
    let author = &board.proposal().participants()[record.author().index()].name;
    let stage = stage_name(record.stage());
    let mut text = format!("{RECORD_HEAD}\n# {stage} of {author}\n");
    let encoded = STANDARD.encode(record.to_bytes());
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(LINE_CHARS));
        let _ = writeln!(text, "{line}");
        rest = more;
    }
    text
}

/// What [`armour`] wrote.
///
/// # Errors
/// What is wrong, for people.
pub fn unarmour(text: &str) -> Result<Record, String> {
    let mut lines = text.lines();
    if lines.next() != Some(RECORD_HEAD) {
        return Err(format!("no record of a ceremony: the first line is not `{RECORD_HEAD}`"));
    }
    let body: String = lines.filter(|line| !line.starts_with('#')).collect();
    let bytes = STANDARD.decode(body.trim()).map_err(|error| format!("damaged: {error}"))?;
    Record::from_bytes(&bytes).map_err(|error| format!("damaged: {error}"))
}

/// The file of what was said in a stage.
pub fn record_file(stage: Stage) -> String {
    format!("{}.txt", stage_name(stage))
}
