//! No pair of nonces signs twice: not by mistake, not after a crash, not in a copy of the process.

use super::{Holders, MESSAGE, Memory, dealt, fixed_pair, rng, set, sign_again};
use crate::frost::{
    CommitmentBatch, NONCES_MAX, NonceBatch, NonceClaim, NonceError, NonceRecord, NonceStore,
    OpenError, SigningError,
};
use crate::{KeyId, SignError};
use ally_codec::{Decode, DecodeError, Encode};
use ally_policy::ServerIndex;
use std::slice;

fn holders() -> Holders {
    Holders::new(dealt(2, 3), 8, 8)
}

#[test]
fn used_nonces_are_refused() {
    let mut holders = holders();
    let first = holders.session(MESSAGE, &set(&[0, 1]), 5);
    let other_message = holders.session(b"another message", &set(&[0, 1]), 5);
    let other_signers = holders.session(MESSAGE, &set(&[0, 2]), 5);
    let shares = holders.sign(&first);
    assert!(first.aggregate(&shares).is_ok());
    let used = NonceError::Used { serial: 0, index: 5 };
    for session in [&first, &other_message, &other_signers] {
        assert_eq!(holders.batches[0].reserve(slice::from_ref(session)).err(), Some(used));
    }
    assert_eq!(holders.batches[0].left(), 7);
    assert_eq!(holders.batches[2].left(), 8, "nothing asked of it yet");
    assert!(holders.batches[2].reserve(&[other_signers]).is_ok());
}

#[test]
fn one_reservation_does_not_take_nonces_twice() {
    let mut holders = holders();
    let sessions = [MESSAGE, b"another message"].map(|m| holders.session(m, &set(&[0, 1]), 3));
    let used = NonceError::Used { serial: 0, index: 3 };
    assert_eq!(holders.batches[0].reserve(&sessions).err(), Some(used));
    assert_eq!(holders.batches[0].left(), 8, "nothing is taken where something is wrong");
    assert!(holders.batches[0].reserve(&sessions[..1]).is_ok());
}

/// The reason for all of it: two shares with one pair of nonces are the key share.
#[test]
fn nonces_that_sign_twice_give_the_key_share_away() {
    let holders = holders();
    let commitments = |seed| {
        let mut commitments = holders.commitments(&set(&[0, 1]), 0);
        commitments[0].1.points = fixed_pair(seed).commit().expect("not 0");
        commitments
    };
    let session = |message| {
        crate::frost::Session::new(&holders.dealt.public, message, &commitments(5)).unwrap()
    };
    // With the binding factor fixed by the session, two shares have two unknown nonces and the key
    // share: three sessions solve for all of them.
    let sessions = [&b"one"[..], b"two", b"three"].map(session);
    let rows = sessions.each_ref().map(|session| {
        let share = sign_again(&holders, session, 0, fixed_pair(5));
        let (factor, weighted) = session.equation(ServerIndex(0));
        (factor, weighted, share.response)
    });
    let [(f0, w0, z0), (f1, w1, z1), (f2, w2, z2)] = rows;
    // z_i = hiding + f_i * binding + w_i * key share.
    let (df1, dw1, dz1) = (f1 - f0, w1 - w0, z1 - z0);
    let (df2, dw2, dz2) = (f2 - f0, w2 - w0, z2 - z0);
    let key_share = (dz1 * df2 - dz2 * df1) * (dw1 * df2 - dw2 * df1).invert();
    assert_eq!(key_share, *holders.dealt.shares[0].secret().number());
}

#[test]
fn what_is_reserved_and_not_persisted_is_gone() {
    let mut holders = holders();
    let session = holders.session(MESSAGE, &set(&[0, 1]), 0);
    drop(holders.batches[0].reserve(slice::from_ref(&session)).unwrap());
    let used = NonceError::Used { serial: 0, index: 0 };
    assert_eq!(holders.batches[0].reserve(&[session]).err(), Some(used));
    let next = holders.session(MESSAGE, &set(&[0, 1]), 1);
    assert!(next.aggregate(&holders.sign(&next)).is_ok());
}

/// A disk that fails, before or after it has written.
struct Broken {
    disk: Memory,
    writes: bool,
}

impl NonceStore for Broken {
    type Error = &'static str;

    fn claim(&mut self, claim: &NonceClaim) -> Result<(), Self::Error> {
        if self.writes {
            self.disk.claim(claim)?;
        }
        Err("broken")
    }
}

#[test]
fn a_store_that_fails_lets_no_share_out_and_harms_no_other() {
    for writes in [false, true] {
        let mut holders = holders();
        let [first, second] = [0, 1].map(|index| holders.session(MESSAGE, &set(&[0, 1]), index));
        let disk = std::mem::take(&mut holders.stores[0]);
        let mut broken = Broken { disk, writes };
        let reserved = holders.batches[0].reserve(slice::from_ref(&first)).unwrap();
        assert_eq!(reserved.persist(&mut broken).err(), Some("broken"));
        holders.stores[0] = broken.disk;
        assert_eq!(
            holders.batches[0].reserve(&[first]).err(),
            Some(NonceError::Used { serial: 0, index: 0 })
        );
        let shares = holders.sign(&second);
        assert!(second.aggregate(&shares).is_ok());
    }
}

#[test]
fn the_mark_is_written_before_a_share_can_be_made() {
    let mut holders = holders();
    let sessions = [4, 2].map(|index| holders.session(MESSAGE, &set(&[0, 1]), index));
    let reserved = holders.batches[0].reserve(&sessions).unwrap();
    let durable = reserved.persist(&mut holders.stores[0]).unwrap();
    // Before anything is signed, and with one write for both; the other one opened the batch.
    assert_eq!(holders.stores[0].writes, 2);
    let used = (0..9).filter(|index| holders.stores[0].kept[&0].is_used(*index));
    assert_eq!(used.collect::<Vec<_>>(), [2, 4, 8], "8 is past the end");
    let sessions = durable
        .into_iter()
        .map(|nonces| nonces.sign(&holders.dealt.shares[0]).map(|share| share.session()));
    let due = sessions.collect::<Result<Vec<_>, _>>().unwrap();
    assert_eq!(due, [4, 2].map(|index| holders.session(MESSAGE, &set(&[0, 1]), index).digest()));
}

#[test]
fn nothing_is_written_for_no_sessions() {
    let mut holders = holders();
    let durable = holders.batches[0].reserve(&[]).unwrap().persist(&mut holders.stores[0]);
    assert_eq!((durable.unwrap().len(), holders.stores[0].writes), (0, 1));
}

#[test]
fn after_a_restart_there_is_a_new_batch_and_the_old_one_signs_nothing() {
    let mut holders = holders();
    let promised = holders.session(MESSAGE, &set(&[0, 1]), 6);
    let share = &holders.dealt.shares[0];
    let store = &mut holders.stores[0];
    let mut open = |serial, seed| {
        NonceBatch::open(&holders.dealt.public, share, serial, 8, store, &mut rng(seed))
    };
    // Even with the same randomness as before, the same batch is not opened again.
    assert_eq!(open(0, 8).err(), Some(OpenError::Store("refused")));
    let mut batch = open(1, 9).expect("a new serial number");
    let unknown = NonceError::Unknown { serial: 0, index: 6 };
    assert_eq!(batch.reserve(&[promised]).err(), Some(unknown));
}

/// A machine is restored from a snapshot while the original runs on: both have the same nonces, and
/// one store. Whatever they try, in whatever order, each pair signs once.
#[test]
fn copies_of_a_process_never_sign_with_the_same_nonces() {
    for order in 0..1_u32 << 8 {
        let mut copies = [holders(), holders()];
        assert_eq!(copies[0].batches[0].commitments(), copies[1].batches[0].commitments());
        let mut store = std::mem::take(&mut copies[0].stores[0]);
        let mut signed = [0; 4];
        // Two bits a step: which copy, and whether it goes to the next pair or to the same again.
        let mut next = [0, 0];
        for step in 0..4 {
            let bits = order >> (2 * step);
            let who = (bits & 1) as usize;
            next[who] = (next[who] + (bits >> 1 & 1) as u16).min(3);
            let message = [who as u8, step as u8];
            let session = copies[who].session(&message, &set(&[0, 1]), next[who]);
            let reserved = copies[who].batches[0].reserve(&[session]);
            let Ok(reserved) = reserved else { continue };
            if reserved.persist(&mut store).is_ok() {
                signed[usize::from(next[who])] += 1;
            }
        }
        assert!(signed.iter().all(|times| *times <= 1), "order {order:b}: {signed:?}");
        assert!(signed.iter().sum::<i32>() >= 1, "the first to come signs");
    }
}

/// A copy has the generator's state as well, and a broken generator has only one.
#[test]
fn nonces_differ_from_batch_to_batch_whatever_the_generator_does() {
    let dealt = dealt(2, 3);
    let refreshed = super::deal(&super::threshold(2, 3), 4, &mut rng(7)).unwrap();
    assert_eq!(dealt.public.verifying_key(), refreshed.public.verifying_key());
    let mut points = std::collections::BTreeSet::new();
    for (key, serial) in [(&dealt, 0), (&dealt, 1), (&refreshed, 0)] {
        let (mut store, share) = (Memory::default(), &key.shares[0]);
        let mut same = rng(5);
        let batch = NonceBatch::open(&key.public, share, serial, 8, &mut store, &mut same).unwrap();
        for commitment in batch.commitments().iter() {
            points.insert(*commitment.points.hiding.bytes());
            points.insert(*commitment.points.binding.bytes());
        }
    }
    assert_eq!(points.len(), 3 * 8 * 2);
}

#[test]
fn sessions_interleave() {
    let mut holders = Holders::new(dealt(3, 5), 16, 8);
    let signers = [set(&[0, 1, 2]), set(&[1, 2, 3, 4]), set(&[0, 2, 4]), set(&[0, 1, 2, 3, 4])];
    // Indices go down, so that no order of the nonces is kept.
    let open = |(at, signers): (u16, _)| {
        let message = [at as u8; 9];
        holders.session(&message, signers, 15 - at)
    };
    let sessions: Vec<_> = (0..).zip(&signers).map(open).collect();
    let mut answers = vec![Vec::new(); sessions.len()];
    // Server by server, each all of its sessions in one reservation.
    for server in 0..5 {
        let index = ServerIndex(server as u16);
        let of_server =
            |(_, session): &(usize, &crate::frost::Session)| session.signers().contains(index);
        let own: Vec<_> = sessions.iter().enumerate().filter(of_server).collect();
        let asked: Vec<_> = own.iter().map(|(_, session)| (*session).clone()).collect();
        let reserved = holders.batches[server].reserve(&asked).unwrap();
        let durable = reserved.persist(&mut holders.stores[server]).unwrap();
        for ((at, _), nonces) in own.into_iter().zip(durable) {
            let share = nonces.sign(&holders.dealt.shares[server]).unwrap();
            answers[at].push((index, share));
        }
    }
    for (session, answers) in sessions.iter().zip(&answers) {
        let signature = session.aggregate(answers).expect("right shares");
        assert!(holders.dealt.public.verify(session.message(), &signature));
        let others = sessions.iter().filter(|other| other.digest() != session.digest());
        for other in others {
            assert!(matches!(other.aggregate(answers), Err(SigningError::Refused { .. })));
        }
    }
}

#[test]
fn foreign_sessions_and_shares_are_refused() {
    let mut holders = holders();
    let other = Holders::new(dealt(2, 2), 8, 9);
    let foreign = other.session(MESSAGE, &set(&[0, 1]), 0);
    assert_eq!(holders.batches[0].reserve(&[foreign]).err(), Some(NonceError::OtherKey));
    let session = holders.session(MESSAGE, &set(&[0, 1]), 0);
    let absent = holders.batches[2].reserve(slice::from_ref(&session)).err();
    assert_eq!(absent, Some(NonceError::NotASigner));

    let reserved = holders.batches[0].reserve(slice::from_ref(&session)).unwrap();
    let nonces = reserved.persist(&mut holders.stores[0]).unwrap().pop().unwrap();
    let wrong = nonces.sign(&other.dealt.shares[0]);
    assert_eq!(wrong.err(), Some(SignError::OtherKey));
    let reserved = holders.batches[1].reserve(&[session]).unwrap();
    let nonces = reserved.persist(&mut holders.stores[1]).unwrap().pop().unwrap();
    let wrong = nonces.sign(&holders.dealt.shares[0]);
    assert_eq!(wrong.err(), Some(SignError::OtherKey), "another server's share");
}

#[test]
fn commitments_put_into_a_servers_mouth_are_refused() {
    let mut holders = holders();
    let mut commitments = holders.commitments(&set(&[0, 1]), 0);
    commitments[0].1.points = commitments[1].1.points;
    let session = crate::frost::Session::new(&holders.dealt.public, MESSAGE, &commitments).unwrap();
    let other = NonceError::OtherCommitment { serial: 0, index: 0 };
    assert_eq!(holders.batches[0].reserve(&[session]).err(), Some(other));
    assert_eq!(holders.batches[0].left(), 8);
    commitments[0].1.index = 8;
    let session = crate::frost::Session::new(&holders.dealt.public, MESSAGE, &commitments).unwrap();
    let unknown = NonceError::Unknown { serial: 0, index: 8 };
    assert_eq!(holders.batches[0].reserve(&[session]).err(), Some(unknown));
}

#[test]
fn batches_are_bounded() {
    let dealt = dealt(2, 3);
    let mut store = Memory::default();
    for count in [0, NONCES_MAX as u16 + 1, u16::MAX] {
        let opened =
            NonceBatch::open(&dealt.public, &dealt.shares[0], 0, count, &mut store, &mut rng(1));
        assert_eq!(opened.err(), Some(OpenError::Count { count }));
    }
    assert_eq!(store.writes, 0);
    let full = NONCES_MAX as u16;
    let opened =
        NonceBatch::open(&dealt.public, &dealt.shares[0], 0, full, &mut store, &mut rng(1));
    let batch = opened.unwrap();
    assert_eq!((batch.left(), batch.commitments().iter().count()), (full, NONCES_MAX));
    let bytes = batch.commitments().to_bytes();
    assert_eq!(CommitmentBatch::from_bytes(&bytes).as_ref(), Ok(batch.commitments()));
    let other = super::dealt(2, 2);
    let opened = NonceBatch::open(&other.public, &dealt.shares[0], 1, 1, &mut store, &mut rng(1));
    assert_eq!(opened.err(), Some(OpenError::OtherKey));
}

#[test]
fn a_claim_is_taken_once() {
    let fresh = |serial, count| NonceRecord::new(KeyId([1; 32]), ServerIndex(2), serial, count);
    let marked = |indices: &[u16]| {
        let mut record = fresh(0, 70);
        assert!(indices.iter().all(|index| record.mark(*index)));
        record
    };
    let claim = |indices: &[u16]| marked(indices).claim_since(&fresh(0, 70));
    let open = claim(&[]);
    assert_eq!(open.apply(None), Some(fresh(0, 70)));
    assert_eq!(open.apply(Some(&fresh(0, 70))), None, "opened before");
    assert_eq!(open.apply(Some(&marked(&[3]))), None, "opened before");
    assert_eq!(claim(&[3]).apply(None), None, "a batch that nobody opened");
    assert_eq!(claim(&[3, 69]).apply(Some(&fresh(0, 70))), Some(marked(&[3, 69])));
    assert_eq!(claim(&[3]).apply(Some(&marked(&[4, 69]))), Some(marked(&[3, 4, 69])));
    assert_eq!(claim(&[3]).apply(Some(&marked(&[3]))), None);
    assert_eq!(claim(&[3, 4]).apply(Some(&marked(&[4, 5]))), None);
    for other in [fresh(1, 70), fresh(0, 71)] {
        assert_eq!(claim(&[3]).apply(Some(&other)), None, "another batch");
    }
    let later = marked(&[3, 4]).claim_since(&marked(&[3]));
    assert_eq!(later, claim(&[4]), "only what is new");
}

#[test]
fn records_come_back_from_their_encoding() {
    let mut record = NonceRecord::new(KeyId([1; 32]), ServerIndex(2), 9, 70);
    assert!(record.mark(0) && record.mark(69));
    assert!(!record.mark(0) && !record.mark(70) && !record.mark(u16::MAX));
    assert_eq!(record.left(), 68);
    let bytes = record.to_bytes();
    assert_eq!(NonceRecord::from_bytes(&bytes).as_ref(), Ok(&record));
    let mut past = bytes.clone();
    past[46 + 70 / 8] |= 1 << (70 % 8);
    let invalid = DecodeError::Invalid("nonce record: a mark past its end");
    assert_eq!(NonceRecord::from_bytes(&past), Err(invalid));
    for count in [[0, 0], [1, 1]] {
        let mut sized = bytes.clone();
        sized[44..46].copy_from_slice(&count);
        let invalid = DecodeError::Invalid("size of a nonce record");
        assert_eq!(NonceRecord::from_bytes(&sized), Err(invalid));
    }
}
