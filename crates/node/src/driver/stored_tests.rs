use super::*;
use ally_consensus::{
    AllianceId, BlockRef, Branch, Epoch, Micros, NewView, Signed, SignedHeader, View, ViewChange,
    payload_digest,
};
use ally_policy::ServerIndex;
use std::io::{self, Write};
use std::sync::Mutex;

const CULPRIT: ServerIndex = ServerIndex(3);

/// A wrong choice of a new leader, with a report of as many headers as there may be.
fn large_proof() -> Evidence {
    let genesis = BlockRef::genesis(AllianceId([1; 32]), Epoch(0));
    let header = BlockHeader {
        alliance: AllianceId([1; 32]),
        epoch: Epoch(0),
        height: Height(1),
        view: View::ZERO,
        parent: genesis.hash,
        payload_digest: payload_digest(&[]),
        log_size: 0,
        log_root: Digest([0; 32]),
        timestamp_us: Micros(1),
    };
    let header = SignedHeader { signer: ServerIndex(0), signature: [0; 64], body: header };
    let branch = Branch { view: View::ZERO, new_view: None, headers: vec![header; 1024] };
    let report =
        ViewChange { view: View(1), certified: None, voted: Some(branch), committed: None };
    let report = Signed { signer: ServerIndex(0), signature: [0; 64], body: report };
    let choice = NewView { view: View(1), reports: vec![report.into()], tip: genesis };
    let choice = Signed { signer: CULPRIT, signature: [0; 64], body: choice };
    Evidence::Consensus(ally_consensus::Evidence::Selection(choice))
}

/// What is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_liar_does_not_choose_how_much_is_logged_about_its_lies() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
    let evidence = large_proof();
    let mut write = WriteBatch::new();
    tracing::subscriber::with_default(subscriber, || {
        write_evidence(&mut write, &mut Shelf::default(), &evidence)
    });
    assert!(write.bytes() > 200_000, "the proof itself is kept");
    let said = String::from_utf8(log.0.lock().unwrap().clone()).expect("text");
    assert!(said.contains(&evidence.digest().to_string()), "{said}");
    assert!(said.contains(&CULPRIT.to_string()), "{said}");
    assert!(said.len() < 1000, "{} bytes", said.len());
}
