//! Which proofs are kept where, and their bytes.

use super::{NOT_KEPT, data_of_another};
use crate::failure::{Exit, Failure};
use crate::output::hex;
use ally::{Client, ServerEntry};
use ally_alliance::Alliance;
use ally_consensus::Digest;
use ally_node::evidence::kind_name;
use ally_node::store::{Durability, EvidenceKey, Identity, Store};
use std::path::Path;
use std::time::Duration;

/// One proof, and who keeps it.
#[derive(Debug, Clone)]
pub struct Kept {
    pub digest: [u8; 32],
    pub server: String,
    pub organisation: String,
    pub kind: String,
    pub size: u64,
    /// Names of servers.
    pub by: Vec<String>,
}

impl Kept {
    /// The id in hexadecimal.
    pub fn id(&self) -> String {
        hex(&self.digest)
    }
}

/// All that is kept where somebody looked.
pub struct Shelf {
    /// By accused server, kind and id.
    pub kept: Vec<Kept>,
    /// Servers that gave no answer, and why.
    pub silent: Vec<String>,
    place: Place,
}

enum Place {
    Servers { client: Client, within: Duration, entries: Vec<ServerEntry> },
    Data { store: Store, keys: Vec<EvidenceKey>, server: String },
}

impl Shelf {
    /// Asks every server.
    ///
    /// # Errors
    /// [`Failure`] if none answers.
    pub async fn running(client: Client, within: Duration) -> Result<Self, Failure> {
        let (mut kept, mut failed, mut entries) = (Vec::<Kept>::new(), Vec::new(), Vec::new());
        for (entry, answer) in client.evidence(within).await {
            let listed = match answer {
                Ok(listed) => listed,
                Err(attempt) => {
                    failed.push(attempt);
                    continue;
                }
            };
            for summary in listed {
                let Ok(digest) = <[u8; 32]>::try_from(&summary.id[..]) else { continue };
                match kept.iter_mut().find(|known| known.digest == digest) {
                    Some(known) => known.by.push(entry.name.clone()),
                    None => kept.push(Kept {
                        digest,
                        server: summary.server,
                        organisation: summary.organisation,
                        kind: summary.kind,
                        size: summary.size,
                        by: vec![entry.name.clone()],
                    }),
                }
            }
            entries.push(entry);
        }
        if entries.is_empty() {
            return Err(client.nobody(failed).into());
        }
        kept.sort_by(|a, b| (&a.server, &a.kind, a.digest).cmp(&(&b.server, &b.kind, b.digest)));
        let silent = failed.iter().map(ToString::to_string).collect();
        Ok(Self { kept, silent, place: Place::Servers { client, within, entries } })
    }

    /// Reads the data directory of a server that does not run. Nothing is added to it; a last write
    /// that was cut off is dropped, as the server's own start would.
    ///
    /// # Errors
    /// [`Failure`] if it is another alliance's, or cannot be read.
    pub fn stopped(data: &Path, alliance: &Alliance) -> Result<Self, Failure> {
        let identity = Identity::read(data)?;
        if identity.alliance != alliance.id() {
            return Err(data_of_another(data));
        }
        let (store, _) = Store::open(data, &identity, Durability::Fsync)?;
        let name = |index| alliance.server(index).map_or("?", |server| server.name()).to_owned();
        let server = name(identity.server);
        let listed = store.all_evidence()?;
        let kept = listed.iter().map(|(key, size)| Kept {
            digest: key.digest.0,
            server: name(key.culprit),
            organisation: alliance
                .organisation_of(key.culprit)
                .map_or_else(String::new, |organisation| organisation.name().to_owned()),
            kind: kind_name(key.kind).to_owned(),
            size: *size as u64,
            by: vec![server.clone()],
        });
        let kept = kept.collect();
        let keys = listed.into_iter().map(|(key, _)| key).collect();
        Ok(Self { kept, silent: Vec::new(), place: Place::Data { store, keys, server } })
    }

    /// The bytes of a proof, and who keeps it.
    ///
    /// # Errors
    /// [`Failure`] with what each of those that listed it said.
    pub async fn fetch(&self, digest: [u8; 32]) -> Result<(Vec<u8>, String), Failure> {
        let gone = || {
            let message = format_args!("the evidence {} cannot be had", &hex(&digest)[..16]);
            Failure::new(Exit::No, NOT_KEPT, message).next("`ally evidence list` says who keeps it")
        };
        match &self.place {
            Place::Data { store, keys, server } => {
                let key = keys.iter().find(|key| key.digest == Digest(digest)).ok_or_else(gone)?;
                let bytes = store.evidence(*key)?.ok_or_else(gone)?;
                Ok((bytes.to_vec(), server.clone()))
            }
            Place::Servers { client, within, entries } => {
                let known = self.kept.iter().find(|kept| kept.digest == digest);
                let by = known.map(|kept| &kept.by[..]).unwrap_or_default();
                let mut failure = gone();
                for entry in entries.iter().filter(|entry| by.contains(&entry.name)) {
                    match client.fetch_evidence(entry, digest, *within).await {
                        Ok(bytes) if ally_node::evidence::id(&bytes).0 == digest => {
                            return Ok((bytes.to_vec(), entry.name.clone()));
                        }
                        Ok(_) => {
                            let lie = format!("{}: it sent something else", entry.name);
                            failure = failure.detail("asked", lie);
                        }
                        Err(attempt) => failure = failure.detail("asked", attempt),
                    }
                }
                Err(failure)
            }
        }
    }
}
