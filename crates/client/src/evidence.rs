//! Proofs that servers lied, as servers keep them.

use crate::client::answer_within;
use crate::link::{self, Link};
use crate::{Attempt, Cause, Client, ServerEntry};
use ally_proto::v1::{EvidencePart, EvidenceSummary, FetchEvidenceRequest, ListEvidenceRequest};
use bytes::Bytes;
use futures::future::join_all;
use std::time::Duration;
use tokio::time::timeout;
use tonic::Status;

/// The longest proof that is fetched.
const EVIDENCE_BYTES_MAX: usize = 48 << 20;

impl Client {
    /// Which proofs of misbehaviour each server keeps, in the order in which they are asked. Weak:
    /// fetch what matters and check it, which takes the alliance document and no server.
    pub async fn evidence(
        &self,
        within: Duration,
    ) -> Vec<(ServerEntry, Result<Vec<EvidenceSummary>, Attempt>)> {
        let ask = |link: &Link| {
            let (server, mut api) = (link.server().clone(), link.api());
            async move {
                let reply = api.list_evidence(ListEvidenceRequest {});
                let answer = answer_within(&server, within, reply).await;
                (server, answer.map(|reply| reply.evidence))
            }
        };
        join_all(self.links().map(ask)).await
    }

    /// The bytes of a proof, from the server of this name. Weak: they prove what they prove, if they
    /// do, but the server may have made them up.
    ///
    /// # Errors
    /// [`Attempt`]: why this server gave none.
    pub async fn fetch_evidence(
        &self,
        from: &ServerEntry,
        id: [u8; 32],
        within: Duration,
    ) -> Result<Bytes, Attempt> {
        let unknown =
            || link::failed(from, "it is no server of this alliance".into(), Cause::Other);
        let link = self.links().find(|link| link.server() == from).ok_or_else(unknown)?;
        let request = FetchEvidenceRequest { id: Bytes::copy_from_slice(&id) };
        let mut api = link.api();
        let fetch = async move {
            let mut parts = api.fetch_evidence(request).await?.into_inner();
            let mut proof = Vec::new();
            while let Some(EvidencePart { bytes }) = parts.message().await? {
                proof.extend_from_slice(&bytes);
                if proof.len() > EVIDENCE_BYTES_MAX {
                    return Err(Status::out_of_range("it sends more than any proof has"));
                }
            }
            Ok(Bytes::from(proof))
        };
        match timeout(within, fetch).await {
            Ok(proof) => proof.map_err(|status| link::attempt(from, &status)),
            Err(_) => {
                let outcome = format!("not all of it within {:.1} s", within.as_secs_f64());
                Err(link::failed(from, outcome, Cause::Other))
            }
        }
    }
}
