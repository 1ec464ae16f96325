//! From shares to a signature, or to the names of those who stood in its way.

use std::collections::BTreeMap;

use ally_policy::{ServerIndex, ServerSet};

use crate::public_key::Kind;
use crate::threshold_scheme::ThresholdScheme;
use crate::{
    Blame, CombineError, LeafFault, LeafShares, Message, PublicKey, ShareProof, SignatureShare,
};

/// Combines shares of one message to the key's signature on it.
///
/// Optimistic: shares are combined unproven, and the result is verified as any relying party would
/// verify it, so that what is returned is right whoever contributed. Only when that fails are
/// single shares looked at.
///
/// `contributions` are the shares by the server that sent them. More than needed are welcome; the
/// leftmost leaves are used.
///
/// # Errors
/// [`CombineError`], which says whom to wait for, whom to drop, or whom to ask for proofs. Never
/// panics, whatever the shares hold.
///
/// # Cost
/// RSA: for flat policies of a few servers about eight verifications.
pub fn combine<'m>(
    public: &PublicKey,
    message: impl Into<Message<'m>>,
    contributions: &[(ServerIndex, SignatureShare)],
) -> Result<Vec<u8>, CombineError> {
    let message = message.into();
    match public.kind() {
        Kind::Rsa(key) => combine_with(key, public, &message, contributions),
        Kind::Bls(key) => combine_with(key, public, &message, contributions),
    }
}

/// Checks one server's share, with the proof it gave on request, or without one for BLS.
///
/// # Errors
/// [`Blame`], with the share and the proof as evidence that anyone can check again: `server` is to
/// blame, if it was `server` who sent both. (Except [`Blame::NoProof`]: then ask for it; and
/// [`Blame::Encoding`]: that is the caller's.)
///
/// # Cost
/// RSA: for each leaf and modulus 1.4 of a share. The first proof or check of a proof with a
/// `PublicKey` makes a table, for nine tenths of a share.
pub fn verify_share<'m>(
    public: &PublicKey,
    message: impl Into<Message<'m>>,
    server: ServerIndex,
    share: &SignatureShare,
    proof: Option<&ShareProof>,
) -> Result<(), Blame> {
    let message = message.into();
    match public.kind() {
        Kind::Rsa(key) => verify_share_with(key, public, &message, server, share, proof),
        Kind::Bls(key) => verify_share_with(key, public, &message, server, share, proof),
    }
}

fn combine_with<S: ThresholdScheme>(
    scheme: &S,
    public: &PublicKey,
    message: &Message<'_>,
    contributions: &[(ServerIndex, SignatureShare)],
) -> Result<Vec<u8>, CombineError> {
    let prepared = scheme.prepare(message)?;
    let shares = collect(scheme, public, contributions)?;
    let present: ServerSet = contributions.iter().map(|(server, _)| *server).collect();
    let access = public.access();
    let Some(selection) = access.select(&present) else {
        return Err(CombineError::NotQualified { missing: access.servers().difference(&present) });
    };
    let leaves = selection.leaves();
    let chosen: Vec<&S::Share> = leaves.iter().filter_map(|leaf| shares.get(leaf)).collect();
    debug_assert_eq!(chosen.len(), leaves.len(), "a selection out of the leaves that are here");
    if let Some(signature) = scheme.combine(&prepared, &selection, &chosen)
        && scheme.verify(&prepared, &signature)
    {
        return Ok(signature);
    }
    Err(find_culprits(scheme, public, &prepared, &leaves, &shares))
}

/// All sub-shares by leaf, each in its range and from the server that may send it.
fn collect<S: ThresholdScheme>(
    scheme: &S,
    public: &PublicKey,
    contributions: &[(ServerIndex, SignatureShare)],
) -> Result<BTreeMap<usize, S::Share>, CombineError> {
    let mut shares = BTreeMap::new();
    let mut culprits = Vec::new();
    let mut seen = ServerSet::EMPTY;
    for (server, share) in contributions {
        let parsed = parse(scheme, public, *server, &share.0);
        match parsed {
            Ok(parsed) if seen.insert(*server) => shares.extend(parsed),
            Ok(_) => culprits.push((*server, Blame::Duplicate)),
            Err(blame) => culprits.push((*server, blame)),
        }
    }
    if culprits.is_empty() { Ok(shares) } else { Err(CombineError::Refused { culprits }) }
}

/// The sub-shares of one contribution by leaf.
fn parse<S: ThresholdScheme>(
    scheme: &S,
    public: &PublicKey,
    server: ServerIndex,
    shares: &LeafShares,
) -> Result<Vec<(usize, S::Share)>, Blame> {
    check_shape(public, server, shares)?;
    let leaves = public.access().leaves_of(server);
    let parse = |(leaf, share): (usize, &Vec<u8>)| match scheme.parse_share(share) {
        Ok(share) => Ok((leaf, share)),
        Err(fault) => Err(Blame::Leaf { leaf, fault }),
    };
    leaves.zip(shares.leaves()).map(parse).collect()
}

fn check_shape(public: &PublicKey, server: ServerIndex, shares: &LeafShares) -> Result<(), Blame> {
    let expected = public.leaf_count(server);
    if expected == 0 {
        return Err(Blame::UnknownServer);
    }
    if shares.server() != server {
        return Err(Blame::OtherServer { named: shares.server() });
    }
    if shares.key() != public.id() {
        return Err(Blame::OtherKey);
    }
    let actual = shares.leaves().len();
    if actual != expected {
        return Err(Blame::LeafCount { expected, actual });
    }
    Ok(())
}

/// Who made the combination of `leaves` fail, as far as the shares alone tell.
fn find_culprits<S: ThresholdScheme>(
    scheme: &S,
    public: &PublicKey,
    prepared: &S::Prepared,
    leaves: &[usize],
    shares: &BTreeMap<usize, S::Share>,
) -> CombineError {
    let owner = |leaf: usize| public.access().leaves()[leaf];
    let verdict = |leaf: usize, share: &S::Share| -> Result<(), LeafFault> {
        scheme.inspect(share)?;
        if S::SELF_EVIDENT { scheme.verify_share(leaf, prepared, share, &[]) } else { Ok(()) }
    };
    let mut culprits: Vec<(ServerIndex, Blame)> = Vec::new();
    for (&leaf, share) in shares {
        if let Err(fault) = verdict(leaf, share)
            && culprits.iter().all(|(culprit, _)| *culprit != owner(leaf))
        {
            culprits.push((owner(leaf), Blame::Leaf { leaf, fault }));
        }
    }
    if culprits.is_empty() {
        let contributors = leaves.iter().map(|leaf| owner(*leaf)).collect();
        CombineError::Inconsistent { contributors }
    } else {
        CombineError::Refused { culprits }
    }
}

fn verify_share_with<S: ThresholdScheme>(
    scheme: &S,
    public: &PublicKey,
    message: &Message<'_>,
    server: ServerIndex,
    share: &SignatureShare,
    proof: Option<&ShareProof>,
) -> Result<(), Blame> {
    let shares = parse(scheme, public, server, &share.0)?;
    let prepared = scheme.prepare(message)?;
    let none = Vec::new();
    let proofs = match proof {
        Some(proof) => {
            check_shape(public, server, &proof.0)?;
            proof.0.leaves()
        }
        None if S::SELF_EVIDENT => &[],
        None => return Err(Blame::NoProof),
    };
    for (at, (leaf, share)) in shares.iter().enumerate() {
        let proof = proofs.get(at).unwrap_or(&none);
        scheme
            .inspect(share)
            .and_then(|()| scheme.verify_share(*leaf, &prepared, share, proof))
            .map_err(|fault| Blame::Leaf { leaf: *leaf, fault })?;
    }
    Ok(())
}
