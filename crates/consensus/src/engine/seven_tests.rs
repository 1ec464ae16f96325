//! One engine of seven, and what it hears, for the tests of commits and of tips.

use super::Engine;
use super::selection::tests::Counts;
use crate::{
    AllianceId, BlockHeader, BlockRef, Config, Context, Digest, Epoch, Input, Message, Micros, Now,
    Output, PolicyDigest, Rotation, Signed, Verified, View, payload_digest,
};
use ally_policy::ServerIndex;
use std::sync::Arc;

/// Server 1 of seven, of which two may lie and one may be silent without a third step.
pub fn engine() -> Engine {
    let context =
        Context { alliance: AllianceId([1; 32]), epoch: Epoch(0), policy: PolicyDigest([2; 32]) };
    let rotation = Rotation::new(Epoch(0), (0..7).map(|s| vec![ServerIndex(s)]).collect());
    let policy = Arc::new(Counts { n: 7, f: 2, t: 1 });
    let mut engine =
        Engine::new(Config::new(context, ServerIndex(1), policy, rotation, Micros(1_000)));
    engine.step(Input::Tick, at(1), &mut Vec::new());
    engine
}

pub fn at(time: u64) -> Now {
    Now { monotonic: Micros(time), unix: Micros(time) }
}

pub fn genesis() -> BlockRef {
    BlockRef::genesis(AllianceId([1; 32]), Epoch(0))
}

pub fn header(view: View, parent: BlockRef) -> BlockHeader {
    BlockHeader {
        alliance: AllianceId([1; 32]),
        epoch: Epoch(0),
        height: parent.height.next(),
        view,
        parent: parent.hash,
        payload_digest: payload_digest(&[]),
        log_size: 0,
        log_root: Digest([0; 32]),
        timestamp_us: Micros(0),
    }
}

pub fn hear(engine: &mut Engine, signer: u16, body: Message) -> Vec<Output> {
    let mut outputs = Vec::new();
    let signed = Signed { signer: ServerIndex(signer), signature: [0; 64], body };
    engine.step(Input::Received(Verified::own(signed)), at(1), &mut outputs);
    outputs
}
