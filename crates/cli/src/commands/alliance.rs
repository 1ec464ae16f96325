//! `ally alliance`: the one document that everything derives from.

use crate::connect::block_on;
use crate::dealer;
use crate::draft::DraftArgs;
use crate::failure::{Exit, Failure};
use crate::files::read_text;
use crate::member;
use crate::output::{Output, table};
use ally_alliance::keys::AdminKey;
use ally_alliance::{AllianceDocument, KeyPurpose, ServerShares, SignatureState};
use ally_policy::DOCUMENT_BYTES_MAX;
use ally_threshold::Scheme;
use anstyle::{AnsiColor, Style};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Something is in the way.
const OCCUPIED: &str = "ALLY-0313";
/// The key is no member's.
const NOT_A_MEMBER: &str = "ALLY-0314";
/// Two documents that are not copies of one.
const OTHER_DOCUMENT: &str = "ALLY-0315";
/// Not the document that was expected.
const OTHER_FINGERPRINT: &str = "ALLY-0316";

/// Arguments of `ally alliance`.
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    after_long_help = "\
`ally init --help` shows the way from introductions to running servers.

Examples:
  ally alliance new --origin example.org/ally --policy policy.toml --out founding */introduction.toml
  ally alliance show alliance.toml
  ally alliance sign alliance.toml --key acme/admin.key"
)]
pub struct AllianceCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Found an alliance: deal its keys and write its document
    New(New),
    /// Show what a document says, and who has signed it
    Show(Show),
    /// Sign a document, or put signatures together
    Sign(Sign),
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Writes DIR/alliance.toml, which members sign, DIR/alliance.pem, the public key, and for each server a \
directory DIR/shares/SERVER with its secret shares. Bring each one to its server over a way that nobody \
can listen to, and delete DIR/shares then.

The process that does this knows the keys for a moment. `ally key ceremony` makes them without anybody \
who ever does.

Examples:
  ally alliance new --origin example.org/ally --policy policy.toml --out founding */introduction.toml
  ally alliance new --origin example.org/ally --scheme bls --policy policy.toml --out founding a.toml b.toml")]
struct New {
    #[command(flatten)]
    draft: DraftArgs,
    /// Signature scheme of the certificates: rsa2048, rsa3072, rsa4096 or bls
    #[arg(long, value_name = "SCHEME", default_value_t = Scheme::Rsa3072)]
    scheme: Scheme,
    /// A directory that does not exist yet
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Compare the fingerprint with the other members over the telephone before you sign.

Examples:
  ally alliance show alliance.toml
  ally alliance show alliance.toml --pem > alliance.pem
  ally alliance show alliance.toml -o json | jq -r .fingerprint")]
struct Show {
    /// The document
    #[arg(value_name = "FILE", default_value = "alliance.toml")]
    file: PathBuf,
    /// Print the public key only
    #[arg(long)]
    pem: bool,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
The document is rewritten in place. Signatures from other copies are taken over with --merge. Exit code 0 \
also while other members' signatures are missing; servers take the document once all are there.

Examples:
  ally alliance sign alliance.toml --key acme/admin.key --fingerprint 15a6-d344-2124-3319-4b79-8e2a-7314-afac
  ally alliance sign alliance.toml --merge from-globex.toml --merge from-initech.toml")]
struct Sign {
    /// The document
    #[arg(value_name = "FILE", default_value = "alliance.toml")]
    file: PathBuf,
    /// The organisation's admin key
    #[arg(long, value_name = "FILE", required_unless_present = "merge")]
    key: Option<PathBuf>,
    /// Another copy of the document, to take signatures from; repeat for more
    #[arg(long, value_name = "FILE")]
    merge: Vec<PathBuf>,
    /// Sign only the document with this fingerprint, as the members agreed on it
    #[arg(long, value_name = "FINGERPRINT")]
    fingerprint: Option<String>,
}

impl AllianceCommand {
    /// Does it.
    pub fn run(self, output: &Output) -> Result<(), Failure> {
        match self.action {
            Action::New(action) => action.run(output),
            Action::Show(action) => action.run(output),
            Action::Sign(action) => action.run(output),
        }
    }
}

impl New {
    fn run(self, output: &Output) -> Result<(), Failure> {
        if self.out.exists() {
            let message = format_args!("{} exists already", self.out.display());
            return Err(Failure::new(Exit::Input, OCCUPIED, message)
                .next("name a directory that does not exist yet"));
        }
        let draft = self.draft.read()?;
        output.note(format_args!("{}\n", dealer::BANNER));
        let (keys, shares) = block_on(dealer::deal(&draft, self.scheme, output))?;
        let servers = draft.policy().servers().to_vec();
        let document = draft.seal(keys).map_err(Failure::internal)?;
        let text = document.render();
        let file = self.out.join(member::ALLIANCE_FILE);
        // Members may have sent one name or one key twice: reading finds it.
        AllianceDocument::parse(&text, &file.display().to_string())?;
        member::private_directory(&self.out)?;
        write_shares(&self.out, &servers, &shares)?;
        member::write(&file, text.as_bytes())?;
        let pem = document.keys().of(KeyPurpose::Certify).to_pem();
        member::write(&self.out.join(member::PUBLIC_KEY_FILE), pem.as_bytes())?;
        let out = self.out.display();
        let fingerprint = document.fingerprint();
        let answer = json!({ "fingerprint": fingerprint, "document": file, "servers": servers });
        output.answer(&answer, || {
            format!(
                "{} is ready to be signed\nfingerprint {fingerprint}\n  \
                 {out}/alliance.toml   to every member; nothing in it is secret\n  \
                 {out}/alliance.pem    to everybody: what receipts are verified with\n  \
                 {out}/shares/SERVER   SECRET, each to its server only; then delete {out}/shares\n\n\
                 next: every member compares the fingerprint and runs\n  \
                 ally alliance sign alliance.toml --key admin.key --fingerprint {fingerprint}",
                document.name()
            )
        })
    }
}

fn write_shares(out: &Path, servers: &[String], shares: &[ServerShares]) -> Result<(), Failure> {
    for (name, shares) in servers.iter().zip(shares) {
        let dir = out.join("shares").join(name);
        member::private_directory(&dir)?;
        shares.write(&dir, name)?;
    }
    Ok(())
}

impl Show {
    fn run(self, output: &Output) -> Result<(), Failure> {
        let document = read(&self.file)?;
        if self.pem {
            return output.bytes(document.keys().of(KeyPurpose::Certify).to_pem().as_bytes());
        }
        output.answer(&describe(&document), || text(&document))
    }
}

impl Sign {
    fn run(self, output: &Output) -> Result<(), Failure> {
        let mut document = read(&self.file)?;
        let found = document.fingerprint();
        if let Some(expected) = self.fingerprint.as_ref().filter(|expected| **expected != found) {
            let message = format_args!("this document has the fingerprint {found}, not {expected}");
            return Err(Failure::new(Exit::No, OTHER_FINGERPRINT, message)
                .next("do not sign it; ask the other members which document they have"));
        }
        let mut taken = 0;
        for other in &self.merge {
            let merged = document.merge_signatures(&read(other)?);
            taken += merged.map_err(|error| {
                Failure::new(Exit::Input, OTHER_DOCUMENT, error).detail("file", other.display())
            })?;
        }
        let signer = match &self.key {
            Some(path) => Some(sign(&mut document, path)?),
            None => None,
        };
        member::replace(&self.file, document.render().as_bytes())?;
        let missing = missing(&document);
        let answer = json!({
            "fingerprint": found,
            "signed_by": signer,
            "taken": taken,
            "missing": missing,
        });
        output.answer(&answer, || {
            let done = match signer {
                Some(name) => format!("signed for {name}, {taken} signatures taken over"),
                None => format!("{taken} signatures taken over"),
            };
            let rest = match &missing[..] {
                [] => "every member has signed: the document is in force\n\
                       next: `ally init --join`"
                    .to_owned(),
                missing => format!("still missing: {}", missing.join(", ")),
            };
            format!("{done}\n{rest}")
        })
    }
}

fn sign(document: &mut AllianceDocument, path: &Path) -> Result<String, Failure> {
    let key = AdminKey::read(path)?;
    let name = document.sign(&key).map_err(|error| {
        Failure::new(Exit::Input, NOT_A_MEMBER, error).detail("key file", path.display())
    })?;
    Ok(name.to_owned())
}

fn read(file: &Path) -> Result<AllianceDocument, Failure> {
    let text = read_text(file, DOCUMENT_BYTES_MAX)?;
    Ok(AllianceDocument::parse(&text, &file.display().to_string())?)
}

fn missing(document: &AllianceDocument) -> Vec<&str> {
    let states = document.verify_signatures().into_iter();
    states.filter(|(_, state)| *state != SignatureState::Signed).map(|(name, _)| name).collect()
}

fn word(state: SignatureState) -> &'static str {
    match state {
        SignatureState::Signed => "signed",
        SignatureState::Missing => "missing",
        SignatureState::Bad => "bad",
    }
}

fn describe(document: &AllianceDocument) -> Value {
    let members = document.organisations().iter().zip(document.verify_signatures());
    let members = members.map(|(member, (_, state))| {
        let servers = member.servers().iter().map(|server| {
            json!({
                "name": server.name(),
                "peers": server.peer_address().as_str(),
                "clients": server.client_address().as_str(),
                "signing": server.signing().to_string(),
                "transport": server.transport().to_string(),
            })
        });
        json!({
            "name": member.name(),
            "admin": member.admin().to_string(),
            "signature": word(state),
            "servers": servers.collect::<Vec<_>>(),
        })
    });
    let formulas: serde_json::Map<_, _> =
        document.formulas().map(|(name, text)| (name.to_owned(), Value::from(text))).collect();
    json!({
        "name": document.name(),
        "origin": document.origin(),
        "epoch": document.epoch().0,
        "id": document.id().to_string(),
        "fingerprint": document.fingerprint(),
        "scheme": document.keys().of(KeyPurpose::Certify).scheme().name(),
        "policy": formulas,
        "organisations": members.collect::<Vec<_>>(),
        "in_force": missing(document).is_empty(),
    })
}

fn text(document: &AllianceDocument) -> String {
    let bold = Style::new().bold();
    let key = document.keys().of(KeyPurpose::Certify);
    let mut text = format!(
        "{bold}{}{bold:#}\nfingerprint  {bold}{}{bold:#}\norigin       {}\nepoch        {}\n\
         certificates {}\n\n",
        document.name(),
        document.fingerprint(),
        document.origin(),
        document.epoch().0,
        key.scheme(),
    );
    for (name, formula) in document.formulas() {
        text += &format!("{name:<12} {formula}\n");
    }
    let members = document.organisations().iter().zip(document.verify_signatures());
    let rows = members.flat_map(|(member, (_, state))| {
        member.servers().iter().map(move |server| {
            [
                member.name().to_owned(),
                word(state).to_owned(),
                server.name().to_owned(),
                server.peer_address().to_string(),
                server.client_address().to_string(),
            ]
        })
    });
    let header = ["ORGANISATION", "SIGNATURE", "SERVER", "PEERS", "CLIENTS"];
    text += &format!("\n{}\n\n", table(header, rows));
    let colour = |colour: AnsiColor| Style::new().bold().fg_color(Some(colour.into()));
    let (good, bad) = (colour(AnsiColor::Green), colour(AnsiColor::Yellow));
    text += &match &missing(document)[..] {
        [] => format!("{good}In force{good:#}: every member has signed."),
        missing => format!("{bad}Not in force{bad:#}: {} still to sign.", missing.join(", ")),
    };
    text
}
