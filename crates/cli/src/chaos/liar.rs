//! A server that lies: the real server with its real keys, and the simulator's liars between it and
//! the others.

use super::schedule::Liar;
use crate::failure::{Exit, Failure};
use crate::local::DEVELOPMENT_ORIGIN;
use crate::member;
use ally_alliance::Alliance;
use ally_byzantine::{Coalition, Keys, Lie, Stream, Treachery};
use ally_codec::Encode;
use ally_consensus::{Context, Micros, Signed, Statement, signing_bytes};
use ally_log::Checkpoint;
use ally_node::{Between, Hands};
use ally_policy::{ServerIndex, ServerSet};
use ally_replica::{CERTIFY_SHARE_KIND, CertifyShare, PeerMessage};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The hidden command that runs a liar.
pub const COMMAND: &str = "lie";
/// How it lies, in its directory.
const SCRIPT_FILE: &str = "lies.toml";
/// How often it has, in its directory.
const TALLY_FILE: &str = "lies.json";
/// The alliance is not one to play with.
const NOT_DEVELOPMENT: &str = "ALLY-0801";
/// How often the tally is written.
const WRITE_EVERY: Duration = Duration::from_millis(500);

/// What a liar is told.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    seed: u64,
    treachery: Treachery,
}

/// Writes the script of a server in `home`; returns the command that runs the server by it.
///
/// # Errors
/// [`Failure`] if it cannot be written.
pub fn command(home: &Path, liar: &Liar, seed: u64) -> Result<Vec<OsString>, Failure> {
    let script = Script { seed, treachery: liar.treachery };
    let text = toml::to_string(&script).map_err(Failure::internal)?;
    let path = home.join(SCRIPT_FILE);
    member::write(&path, text.as_bytes())?;
    // What it did in an earlier run is not counted again. There may be none.
    _ = std::fs::remove_file(home.join(TALLY_FILE));
    Ok(vec![COMMAND.into(), "--script".into(), path.into()])
}

/// Whether a server in `home` has ever lied: what it said then may be held against it for ever.
pub fn has_lied(home: &Path) -> bool {
    home.join(SCRIPT_FILE).exists()
}

/// How often a server in `home` has lied in which way; nothing if it never ran.
pub fn told(home: &Path) -> BTreeMap<String, u64> {
    let text = std::fs::read(home.join(TALLY_FILE)).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

/// That an alliance is one to play with.
///
/// # Errors
/// [`Failure`] if it is not: its members would have to answer for what is done in their name.
pub fn development_only(alliance: &Alliance) -> Result<(), Failure> {
    if alliance.origin() == DEVELOPMENT_ORIGIN {
        return Ok(());
    }
    let message = format_args!(
        "`{}` ({}) is no development alliance: nothing is done to it",
        alliance.name(),
        alliance.origin()
    );
    Err(Failure::new(Exit::Input, NOT_DEVELOPMENT, message)
        .detail("known by", format_args!("the origin {DEVELOPMENT_ORIGIN}, which `ally dev` gives"))
        .next("`ally chaos` without --dir makes an alliance of its own"))
}

/// A coalition of one, between a server and the others.
pub struct OneLiar {
    coalition: Coalition,
    server: ServerIndex,
    hands: Arc<Hands>,
    home: PathBuf,
    written: Option<Instant>,
}

impl OneLiar {
    /// A server that lies by a script in its directory.
    ///
    /// # Errors
    /// [`Failure`] if the script cannot be read.
    pub fn read(path: &Path) -> Result<Script, Failure> {
        let text = crate::files::read_text(path, 1 << 16)?;
        toml::from_str(&text).map_err(Failure::internal)
    }

    /// Takes its place. `home` is where the tally goes.
    pub fn new(hands: Hands, alliance: &Alliance, script: &Script, home: &Path) -> Self {
        let hands = Arc::new(hands);
        let server = hands.server();
        let own = OwnHands { hands: Arc::clone(&hands), servers: [server].into_iter().collect() };
        let coalition = Coalition::new(
            *hands.context(),
            hands.origin().clone(),
            Box::new(own),
            script.treachery,
            Arc::new(alliance.policy().clone()),
            alliance.rotation(),
            Stream::new(script.seed, "coalition"),
            None,
        );
        Self { coalition, server, hands, home: home.to_owned(), written: None }
    }

    /// A share of the alliance's key with a bit turned, signed as if it were right.
    fn spoilt(&self, share: &Signed<CertifyShare>) -> PeerMessage {
        let mut body = share.body.clone();
        if let Some(last) = body.share.last_mut() {
            *last ^= 1;
        }
        let bytes = signing_bytes(self.hands.context(), CERTIFY_SHARE_KIND, &body.to_bytes());
        let signature = self.hands.sign(&bytes);
        PeerMessage::CertifyShare(Signed { signer: self.server, signature, body })
    }

    /// Writes now and then what was done. It may be killed at any time.
    fn note(&mut self) {
        if self.written.is_some_and(|at| at.elapsed() < WRITE_EVERY) {
            return;
        }
        self.written = Some(Instant::now());
        let mut all = told(&self.home);
        for (what, count) in self.coalition.take_tally().iter() {
            *all.entry(what.to_owned()).or_insert(0) += count;
        }
        // A tally that is lost changes nothing about the lies.
        if let Ok(text) = serde_json::to_vec(&all) {
            _ = std::fs::write(self.home.join(TALLY_FILE), text);
        }
    }
}

impl Between for OneLiar {
    fn say(
        &mut self,
        to: &[ServerIndex],
        message: &PeerMessage,
    ) -> Vec<(ServerIndex, PeerMessage)> {
        self.note();
        let message = match message {
            PeerMessage::CertifyShare(share) if self.coalition.spoils(self.server) => {
                self.spoilt(share)
            }
            other => other.clone(),
        };
        to_whom(self.coalition.send(self.server, to, message, unix_now()))
    }

    fn hear(
        &mut self,
        from: ServerIndex,
        message: &PeerMessage,
    ) -> Vec<(ServerIndex, PeerMessage)> {
        to_whom(self.coalition.overhear(self.server, from, message))
    }

    fn frame(&mut self, frame: Bytes) -> Bytes {
        self.coalition.garble(self.server, &frame).unwrap_or(frame)
    }
}

fn to_whom(lies: Vec<Lie>) -> Vec<(ServerIndex, PeerMessage)> {
    lies.into_iter().map(|lie| (lie.to, lie.message)).collect()
}

fn unix_now() -> Micros {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Micros(u64::try_from(now.as_micros()).unwrap_or(u64::MAX))
}

/// The keys of one real server.
struct OwnHands {
    hands: Arc<Hands>,
    servers: ServerSet,
}

impl OwnHands {
    fn check(&self, server: ServerIndex) {
        assert!(self.servers.contains(server), "{server}'s key is not in these hands");
    }
}

impl Keys for OwnHands {
    fn servers(&self) -> &ServerSet {
        &self.servers
    }

    fn sign(&self, server: ServerIndex, bytes: &[u8]) -> [u8; 64] {
        self.check(server);
        self.hands.sign(bytes)
    }

    fn share(&self, server: ServerIndex, _: &Context, statement: &Statement) -> Vec<u8> {
        self.check(server);
        self.hands.statement_share(statement)
    }

    fn combine(
        &self,
        _: &Context,
        statement: &Statement,
        shares: &[(ServerIndex, Vec<u8>)],
    ) -> Option<Vec<u8>> {
        self.hands.combine(statement, shares)
    }

    fn certify_share(&self, server: ServerIndex, checkpoint: &Checkpoint) -> Vec<u8> {
        self.check(server);
        self.hands.certify_share(checkpoint).unwrap_or_default()
    }
}
