//! What dealers give when keys are made or handed over, and what is sealed to a key: whatever is changed is
//! noticed, by whoever looks, and what is accepted is what the dealer committed to.

use crate::cursor::Cursor;
use crate::fixtures::{ThresholdKey, fixtures};
use ally_codec::{Decode, DecodeError, Encode};
use ally_policy::{Formula, ServerIndex};
use ally_threshold::{
    BeaconRound, Ciphertext, Contribution, Dealing, DecryptionShare, EncryptionKey, Handover,
    PartFault, Plan, Scheme, SealContext, SecretPart, TimeSealed, combine_decryption,
    verify_decryption_share,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use std::sync::OnceLock;

/// How many bytes of a right value are changed.
const CHANGES_MAX: usize = 8;
const DEALER: ServerIndex = ServerIndex(1);
const CONTEXT: SealContext<'_> = SealContext::new(b"auction", b"17");

/// One dealer's work for a key of some kind.
struct Dealt {
    task: Task,
    contribution: Contribution,
    bytes: Vec<u8>,
    /// The encoded parts, by server.
    parts: Vec<(ServerIndex, Vec<u8>)>,
}

enum Task {
    Plan(Plan),
    Handover(Handover),
}

/// `what (1) || server (1) || kind (1) || changes or bytes`.
pub(super) fn run(data: &[u8]) {
    let mut cursor = Cursor::new(data);
    let what = cursor.below(dealings().len() + 1);
    let Some(dealt) = dealings().get(what) else { return sealed(cursor) };
    let (server, part) = &dealt.parts[cursor.below(dealt.parts.len())];
    match cursor.byte() {
        0 => contributed(dealt, &bent(&dealt.bytes, cursor)),
        1 => contributed(dealt, cursor.rest()),
        2 => given(dealt, *server, part, &bent(part, cursor)),
        3 => given(dealt, *server, part, cursor.rest()),
        // Somebody else's part, or that of another dealing.
        _ => {
            let other = &dealings()[cursor.below(dealings().len())];
            let (_, other) = &other.parts[cursor.below(other.parts.len())];
            given(dealt, *server, part, other);
        }
    }
}

/// Right values and small changes of each kind.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (what, dealt) in (0_u8..).zip(dealings()) {
        for kind in [0, 2, 4] {
            seeds.push(vec![what, 1, kind]);
            seeds.push(vec![what, 2, kind, 60, 0, 1, 80, 0, 255]);
        }
        seeds.push([&[what, 0, 1][..], &dealt.bytes].concat());
        seeds.push([&[what, 0, 3][..], &dealt.parts[0].1].concat());
    }
    let what = dealings().len() as u8;
    seeds.extend((0..6).map(|kind| vec![what, kind, 60, 0, 1, 80, 0, 255]));
    seeds
}

fn bent(right: &[u8], mut changes: Cursor<'_>) -> Vec<u8> {
    let mut bytes = right.to_vec();
    changes.change(&mut bytes, CHANGES_MAX);
    bytes
}

fn dealings() -> &'static [Dealt] {
    static DEALINGS: OnceLock<Vec<Dealt>> = OnceLock::new();
    DEALINGS.get_or_init(|| {
        let leaf = |server| Formula::Leaf(ServerIndex(server));
        let inner = Formula::gate(2, vec![leaf(0), leaf(1), leaf(2)]).expect("2 of 3");
        let nested = Formula::gate(2, vec![inner, leaf(2), leaf(3)]).expect("2 of 3");
        let mut dealings = Vec::new();
        for scheme in [Scheme::Bls12381, Scheme::Rsa2048] {
            let plan = Plan::new(scheme, 1, &nested, 7).expect("a plan");
            let mut rng = ChaCha20Rng::seed_from_u64(3);
            let dealing = plan.deal(&mut rng, &()).expect("a dealing");
            dealings.push(Dealt::new(Task::Plan(plan), dealing));
        }
        for key in [&fixtures().bls, &fixtures().rsa] {
            let epoch = key.public.epoch() + 1;
            let refresh = Handover::refresh(&key.public, epoch).expect("a refresh");
            let reshare = Handover::reshare(&key.public, &nested, epoch).expect("a reshare");
            dealings.extend([refresh, reshare].map(|handover| Dealt::handover(handover, key)));
        }
        dealings
    })
}

impl Dealt {
    fn new(task: Task, (contribution, parts): Dealing) -> Self {
        let encoded = |part: &SecretPart| (part.server(), part.encode().to_vec());
        let parts = parts.iter().map(encoded).collect();
        Self { task, bytes: contribution.to_bytes(), contribution, parts }
    }

    fn handover(handover: Handover, key: &ThresholdKey) -> Self {
        let own = key.shares.iter().find(|share| share.server() == DEALER).expect("a holder");
        let mut rng = ChaCha20Rng::seed_from_u64(4);
        let dealing = handover.deal(own, &mut rng).expect("a dealing");
        Self::new(Task::Handover(handover), dealing)
    }

    fn read(&self, bytes: &[u8]) -> Result<Contribution, DecodeError> {
        match &self.task {
            Task::Plan(plan) => plan.contribution(bytes),
            Task::Handover(handover) => handover.contribution(DEALER, bytes),
        }
    }

    fn part(
        &self,
        contribution: &Contribution,
        server: ServerIndex,
        bytes: &[u8],
    ) -> Result<SecretPart, PartFault> {
        match &self.task {
            Task::Plan(plan) => plan.part(contribution, server, bytes),
            Task::Handover(handover) => handover.part(contribution, server, bytes),
        }
    }
}

/// A dealer publishes something.
fn contributed(dealt: &Dealt, bytes: &[u8]) {
    let Ok(contribution) = dealt.read(bytes) else {
        assert_ne!(bytes, dealt.bytes, "what is right is read");
        return;
    };
    assert_eq!(contribution.to_bytes(), bytes, "one contribution, one encoding");
    let fits =
        |(server, part): &(ServerIndex, Vec<u8>)| dealt.part(&contribution, *server, part).is_ok();
    let fit = dealt.parts.iter().all(fits);
    assert_eq!(fit, bytes == dealt.bytes, "parts belong to what was committed to");
}

/// A dealer gives something to a server.
fn given(dealt: &Dealt, server: ServerIndex, right: &[u8], bytes: &[u8]) {
    match dealt.part(&dealt.contribution, server, bytes) {
        Ok(part) => {
            assert_eq!(part.encode().as_slice(), bytes, "one part, one encoding");
            assert_eq!(bytes, right, "a part was accepted that is not what was committed to");
        }
        Err(fault) => assert_ne!(bytes, right, "{fault}"),
    }
}

/// What was sealed, and what opens it.
struct Sealed {
    ciphertext: Vec<u8>,
    shares: Vec<DecryptionShare>,
}

fn sealed_value() -> &'static Sealed {
    static SEALED: OnceLock<Sealed> = OnceLock::new();
    SEALED.get_or_init(|| {
        let key = &fixtures().bls;
        let mut rng = ChaCha20Rng::seed_from_u64(5);
        let sealer = EncryptionKey::new(&key.public.verifying_key()).expect("a BLS key");
        let ciphertext = sealer.seal(b"a bid", &CONTEXT, &mut rng).expect("short");
        let open = |own: &ally_threshold::KeyShare| {
            own.open_share(&key.public, &ciphertext, &CONTEXT).expect("a valid ciphertext")
        };
        let shares = key.shares.iter().map(open).collect();
        Sealed { ciphertext: ciphertext.to_bytes(), shares }
    })
}

/// Somebody shows a ciphertext, a share of its opening, or a round of a beacon.
fn sealed(mut cursor: Cursor<'_>) {
    let value = sealed_value();
    match cursor.byte() {
        0 => ciphertext(&bent(&value.ciphertext, cursor)),
        1 => ciphertext(cursor.rest()),
        2 => {
            let server = cursor.below(value.shares.len());
            share(server, &bent(&value.shares[server].to_bytes(), cursor));
        }
        3 => share(cursor.below(value.shares.len()), cursor.rest()),
        4 => written_as_read::<TimeSealed>(cursor.rest()),
        _ => written_as_read::<BeaconRound>(cursor.rest()),
    }
}

fn written_as_read<T: Encode + Decode>(bytes: &[u8]) {
    if let Ok(value) = T::from_bytes(bytes) {
        assert_eq!(value.to_bytes(), bytes, "what is read is written as it was");
    }
}

fn ciphertext(bytes: &[u8]) {
    let Ok(ciphertext) = Ciphertext::from_bytes(bytes) else { return };
    assert_eq!(ciphertext.to_bytes(), bytes, "one ciphertext, one encoding");
    let key = &fixtures().bls.public;
    let sealer = EncryptionKey::new(&key.verifying_key()).expect("a BLS key");
    let valid = ciphertext.verify(&sealer, &CONTEXT);
    assert_eq!(valid, bytes == sealed_value().ciphertext, "nothing can be changed in it");
    assert!(!ciphertext.verify(&sealer, &SealContext::new(b"auction", b"18")), "another auction");
}

fn share(server: usize, bytes: &[u8]) {
    let Ok(share) = DecryptionShare::from_bytes(bytes) else { return };
    let (key, value) = (&fixtures().bls.public, sealed_value());
    let ciphertext = Ciphertext::from_bytes(&value.ciphertext).expect("as it was sealed");
    let giver = ServerIndex(server as u16);
    let right = bytes == value.shares[server].to_bytes();
    let verdict = verify_decryption_share(key, &ciphertext, &CONTEXT, giver, &share);
    assert_eq!(verdict.is_ok(), right, "there is one share of each server");
    let mut given: Vec<_> = (0..).map(ServerIndex).zip(value.shares.iter().cloned()).collect();
    given[server].1 = share;
    match combine_decryption(key, &ciphertext, &CONTEXT, &given) {
        Ok(message) => assert_eq!(message.as_slice(), b"a bid"),
        Err(error) => assert!(!right, "{error}"),
    }
}
