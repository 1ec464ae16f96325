//! Selection against a model of what may have happened.
//!
//! The model draws a view 1 with a lying leader, who led one or two tips to certificates and signed
//! several branches; correct servers that entered at one of the tips, voted along one branch above it
//! and committed there, where there is a slow path; the blocks that this decided; and reports of a quorum, of which the faulty ones say
//! anything that verifies. Whatever is chosen must have every decided block at or below it.
//!
//! The oracle counts servers and walks its own tree; it shares nothing with selection.

use super::*;
use crate::{
    AllianceId, CheckpointCertificate, CommitCertificate, Digest, Epoch, Micros, NewViewCertificate,
};
use std::ops::Range;

/// The threshold case, sound or not: n servers, of which f may lie, and fast quorums of n - t.
#[derive(Clone, Copy)]
pub(crate) struct Counts {
    pub n: usize,
    pub f: usize,
    pub t: usize,
}

impl Quorums for Counts {
    fn server_count(&self) -> usize {
        self.n
    }

    fn is_quorum(&self, set: &ServerSet) -> bool {
        set.len() >= self.n - self.f
    }

    fn is_kernel(&self, set: &ServerSet) -> bool {
        set.len() > self.f
    }

    fn is_fast_quorum(&self, set: &ServerSet) -> bool {
        set.len() >= self.n - self.t
    }

    fn has_slow_path(&self) -> bool {
        self.t < self.f
    }

    fn possibly_decided(&self, outside: &ServerSet, leader: ServerIndex) -> bool {
        let others = outside.len() - usize::from(outside.contains(leader));
        others < self.t + self.f
    }
}

/// SplitMix64: small, and the same everywhere.
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

fn header(view: u64, parent: BlockRef, salt: u8) -> SignedHeader {
    let body = crate::BlockHeader {
        alliance: AllianceId([1; 32]),
        epoch: Epoch(0),
        height: parent.height.next(),
        view: View(view),
        parent: parent.hash,
        payload_digest: Digest([salt; 32]),
        log_size: 0,
        log_root: Digest([0; 32]),
        timestamp_us: Micros(0),
    };
    Signed { signer: LEADER, signature: [0; 64], body }
}

/// Rotation over organisations of one server each: view 1 of epoch 0 is led by server 1.
const LEADER: ServerIndex = ServerIndex(1);

/// A branch of view 1: its tip, and the blocks on it.
#[derive(Clone)]
struct Path {
    tip: BlockRef,
    headers: Vec<SignedHeader>,
}

impl Path {
    fn blocks(&self) -> impl Iterator<Item = BlockRef> {
        self.headers.iter().map(|header| header.body.block_ref())
    }

    fn cut(&self, length: usize) -> Self {
        Self { tip: self.tip, headers: self.headers[..length].to_vec() }
    }
}

/// What happened.
struct World {
    origin: BlockRef,
    /// Blocks below tips, so that everything above them has them below.
    trunk: Vec<BlockRef>,
    /// The block that view 0 decided, if it did.
    first: Option<SignedHeader>,
    /// The tip at which each server entered view 1.
    entered: Vec<BlockRef>,
    /// What each server voted for in view 1; the faulty ones vote for everything.
    voted: Vec<Option<Path>>,
    committed: Vec<Option<Path>>,
    faulty: ServerSet,
    paths: Vec<Path>,
    committable: Vec<Path>,
    decided: Vec<BlockRef>,
    /// Decided blocks, each with all that lies below it.
    ancestry: BTreeMap<BlockRef, Vec<BlockRef>>,
}

fn draw_world(counts: Counts, draws: &mut Draws, bugs: Bugs) -> World {
    let origin = BlockRef::genesis(AllianceId([1; 32]), Epoch(0));
    let first = header(0, origin, 200);
    let old = first.body.block_ref();
    let older = header(0, old, 201).body.block_ref();
    let tips = match draws.below(4) {
        0 => vec![origin, old],
        1 => vec![old, older],
        _ => vec![origin],
    };
    let paths = draw_paths(&tips, draws);
    let faulty = draw_faulty(counts, draws);
    let voted: Vec<_> = (0..counts.n).map(|_| draw_prefix(&paths, draws)).collect();
    let entered = |path: &Option<Path>| {
        path.as_ref().map_or_else(|| tips[draws.below(tips.len())], |path| path.tip)
    };
    let entered = voted.iter().map(entered).collect();
    let mut world = World {
        origin,
        trunk: vec![origin, old, older],
        // An honest kernel signs no two tips above a block, unless it may have been decided.
        first: (tips[0] == old).then_some(first),
        committed: vec![None; counts.n],
        entered,
        voted,
        faulty,
        committable: Vec::new(),
        decided: Vec::new(),
        ancestry: BTreeMap::new(),
        paths,
    };
    world.find_ancestry();
    world.commit(counts, draws, bugs);
    world.decide(counts);
    if world.first.is_some() {
        world.decided.push(old);
    }
    world
}

fn draw_paths(tips: &[BlockRef], draws: &mut Draws) -> Vec<Path> {
    let mut paths: Vec<Path> = Vec::new();
    for salt in 0..2 + draws.below(2) as u8 {
        let mut path = if !paths.is_empty() && draws.one_in(2) {
            let other = &paths[draws.below(paths.len())];
            other.cut(draws.below(other.headers.len() + 1))
        } else {
            Path { tip: tips[draws.below(tips.len())], headers: Vec::new() }
        };
        for _ in 0..1 + draws.below(2) {
            let parent = path.blocks().last().unwrap_or(path.tip);
            path.headers.push(header(1, parent, salt));
        }
        paths.push(path);
    }
    paths
}

/// As many as may be faulty, the leader among them.
fn draw_faulty(counts: Counts, draws: &mut Draws) -> ServerSet {
    let mut faulty = ServerSet::from_iter([LEADER]);
    while faulty.len() < counts.f {
        faulty.insert(ServerIndex(draws.below(counts.n) as u16));
    }
    faulty
}

fn draw_prefix(paths: &[Path], draws: &mut Draws) -> Option<Path> {
    if draws.one_in(8) {
        return None;
    }
    let path = &paths[draws.below(paths.len())];
    let full = !draws.one_in(3);
    let length = if full { path.headers.len() } else { 1 + draws.below(path.headers.len()) };
    Some(path.cut(length))
}

impl World {
    fn find_ancestry(&mut self) {
        let below = |tip: BlockRef| {
            let trunk = self.trunk.iter().copied();
            trunk.filter(move |block| block.height <= tip.height).collect::<Vec<_>>()
        };
        for path in &self.paths {
            let mut line = below(path.tip);
            for block in path.blocks() {
                line.push(block);
                self.ancestry.insert(block, line.clone());
            }
        }
        for tip in &self.trunk {
            self.ancestry.insert(*tip, below(*tip));
        }
    }

    fn correct(&self) -> impl Iterator<Item = usize> + use<'_> {
        (0..self.voted.len()).filter(|index| !self.faulty.contains(ServerIndex(*index as u16)))
    }

    /// How many servers stand behind a block; all faulty ones do.
    fn support(&self, said: &[Option<Path>], block: BlockRef) -> usize {
        let speaks = |index: &usize| {
            said[*index].as_ref().is_some_and(|path| path.blocks().any(|other| other == block))
        };
        self.faulty.len() + self.correct().filter(speaks).count()
    }

    fn prefixes(&self) -> Vec<Path> {
        let mut prefixes = BTreeMap::new();
        for path in &self.paths {
            for length in 1..=path.headers.len() {
                let prefix = path.cut(length);
                prefixes.insert(prefix.blocks().last(), prefix);
            }
        }
        prefixes.into_values().collect()
    }

    fn commit(&mut self, counts: Counts, draws: &mut Draws, bugs: Bugs) {
        if !counts.has_slow_path() {
            return;
        }
        let backed = |path: &Path| {
            let top = path.blocks().last().expect("not empty");
            self.support(&self.voted, top) >= counts.n - counts.f
        };
        self.committable = self.prefixes().into_iter().filter(backed).collect();
        for index in 0..counts.n {
            if !self.committable.is_empty() && !draws.one_in(3) {
                let choice = &self.committable[draws.below(self.committable.len())];
                let may = choice.tip == self.entered[index] || bugs.has(Bug::OtherTipFollowed);
                self.committed[index] = may.then(|| choice.clone());
            }
        }
    }

    fn decide(&mut self, counts: Counts) {
        for path in self.prefixes() {
            let top = path.blocks().last().expect("not empty");
            let fast = self.support(&self.voted, top) >= counts.n - counts.t;
            let slow =
                counts.has_slow_path() && self.support(&self.committed, top) >= counts.n - counts.f;
            if fast || slow {
                self.decided.push(top);
            }
        }
    }

    /// One server's report; a faulty one says whatever verifies.
    fn report(&self, index: usize, draws: &mut Draws) -> Signed<ViewChange> {
        let server = ServerIndex(index as u16);
        let lies = self.faulty.contains(server);
        let certified = (!self.decided.is_empty() && draws.one_in(3))
            .then(|| self.decided[draws.below(self.decided.len())]);
        let voted = if lies { draw_prefix(&self.paths, draws) } else { self.voted[index].clone() };
        let committed = if lies && !self.committable.is_empty() && draws.one_in(2) {
            Some(self.committable[draws.below(self.committable.len())].clone())
        } else {
            // With the tip that it entered at it can show no other branch.
            self.committed[index].clone().filter(|path| lies || path.tip == self.entered[index])
        };
        let body = ViewChange {
            view: View(2),
            certified: certified.map(|block| CheckpointCertificate {
                block,
                log_size: 0,
                log_root: Digest([0; 32]),
                signature: Vec::new(),
            }),
            voted: voted.map(|path| branch(&path, certified)).or_else(|| {
                let headers = self.first.iter().filter(|_| !lies && certified.is_none()).cloned();
                let headers: Vec<_> = headers.collect();
                let spoke = self.first.is_some() && !lies;
                spoke.then_some(Branch { view: View(0), new_view: None, headers })
            }),
            committed: committed.and_then(|path| {
                let block = path.blocks().last()?;
                let branch = branch(&path, certified);
                let certificate = CommitCertificate { view: View(1), block, signature: vec![] };
                (!branch.headers.is_empty()).then_some((certificate, branch))
            }),
        };
        Signed { signer: server, signature: [0; 64], body }
    }
}

fn branch(path: &Path, certified: Option<BlockRef>) -> Branch {
    let base = certified.filter(|block| block.height > path.tip.height).unwrap_or(path.tip);
    let above: Vec<_> =
        path.headers.iter().filter(|header| header.body.height > base.height).cloned().collect();
    let linked = above.first().is_some_and(|header| header.body.parent == base.hash);
    let new_view = NewViewCertificate { view: View(1), tip: path.tip, signature: Vec::new() };
    let headers = if linked { above } else { Vec::new() };
    Branch { view: View(1), new_view: Some(new_view), headers }
}

/// A case in which selection lost a decided block, or could not choose although the policy is kept.
fn find_conflict(counts: Counts, mut seeds: Range<u64>, bugs: Bugs) -> Option<u64> {
    seeds.find(|seed| {
        let mut draws = Draws(*seed);
        let world = draw_world(counts, &mut draws, bugs);
        let mut servers: Vec<usize> = (0..counts.n).collect();
        let size = counts.n - draws.below(counts.f + 1);
        while servers.len() > size {
            servers.remove(draws.below(servers.len()));
        }
        let reports: Vec<_> =
            servers.into_iter().map(|index| world.report(index, &mut draws).into()).collect();
        let organisations = (0..counts.n as u16).map(|index| vec![ServerIndex(index)]).collect();
        let reported = Reported {
            reports: &reports,
            policy: &counts,
            rotation: &Rotation::new(Epoch(0), organisations),
            origin: world.origin,
            bugs,
        };
        match select(&reported) {
            Err(SelectionError::NoQuorum | SelectionError::NoQuorumWithout(_)) => false,
            Err(SelectionError::Contradiction) => true,
            Ok(Selection { tip, .. }) => {
                let below = &world.ancestry[&tip];
                world.decided.iter().any(|block| !below.contains(block))
            }
        }
    })
}

const CASES: Range<u64> = 0..30_000;

#[test]
fn model_no_decided_block_is_lost_at_the_bound() {
    for (n, f, t) in [(4, 1, 1), (5, 1, 1), (7, 2, 1), (9, 2, 2), (14, 3, 3)] {
        let conflict = find_conflict(Counts { n, f, t }, CASES, Bugs::NONE);
        assert_eq!(conflict, None, "n = {n}, f = {f}, t = {t}");
    }
}

#[test]
fn model_decided_blocks_are_lost_one_server_below_the_bound() {
    for (n, f, t) in [(3, 1, 1), (6, 2, 1), (8, 2, 2)] {
        let conflict = find_conflict(Counts { n, f, t }, CASES, Bugs::NONE);
        assert!(conflict.is_some(), "n = {n}, f = {f}, t = {t}");
    }
}

#[cfg(feature = "planted-bugs")]
mod planted_bugs {
    use super::*;

    fn assert_found(counts: Counts, bugs: Bugs) {
        assert_eq!(find_conflict(counts, CASES, Bugs::NONE), None);
        assert!(find_conflict(counts, CASES, bugs).is_some());
    }

    #[test]
    fn model_finds_equivocation_ignored() {
        let bugs = Bugs::planted(Bug::EquivocationIgnored);
        assert_found(Counts { n: 4, f: 1, t: 1 }, bugs);
    }

    #[test]
    fn model_finds_the_equivocators_report_admitted() {
        let bugs = Bugs::planted(Bug::EquivocatorAdmitted);
        assert_found(Counts { n: 4, f: 1, t: 1 }, bugs);
    }

    #[test]
    fn model_finds_the_equivocator_not_counted_as_faulty() {
        let bugs = Bugs::planted(Bug::EquivocatorNotCounted);
        assert_found(Counts { n: 4, f: 1, t: 1 }, bugs);
    }

    #[test]
    fn model_finds_commits_ignored() {
        let bugs = Bugs::planted(Bug::CommitIgnored);
        assert_found(Counts { n: 7, f: 2, t: 1 }, bugs);
    }
    #[test]
    fn model_finds_commits_where_the_own_tip_does_not_lead() {
        let bugs = Bugs::planted(Bug::OtherTipFollowed);
        // It takes three who commit elsewhere, and reports without the one who would tell.
        let (counts, seeds) = (Counts { n: 7, f: 2, t: 1 }, 130_000..135_000);
        assert_eq!(find_conflict(counts, seeds.clone(), Bugs::NONE), None);
        assert!(find_conflict(counts, seeds, bugs).is_some());
    }
}
