//! The blocks above the last certified one, by parent: what is proposed, voted for and decided.
//!
//! Purpose: one place that knows which block extends which, so that the roles need not. The root is
//! the last decided block; the trunk leads from the last certified block up to it; everything else
//! grows on top of the root, or is dead because it conflicts with it.

use super::testimony::Heard;
use crate::{
    BlockHash, BlockHeader, BlockRef, Height, Micros, Proposal, Signed, SignedHeader, View,
};
use ally_policy::{ServerIndex, ServerSet};
use std::collections::BTreeMap;

/// The most blocks a tree holds. Leaders fill two slots per height and view at most; the rest is for
/// reports of an equivocating leader's branches.
pub(super) const TREE_BLOCKS_MAX: usize = 16_384;

/// How far the check of a block's payload has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Payload {
    /// Its parent is not ready.
    Waiting,
    /// The replica was asked.
    Asked,
    /// Held and right.
    Valid,
    /// It breaks a rule: never voted for.
    Invalid,
}

/// A block and what was said about it.
#[derive(Clone, Hash)]
pub(crate) struct Node {
    pub block: BlockRef,
    pub proposal: Proposal,
    pub signer: ServerIndex,
    pub signature: [u8; 64],
    /// Who voted in the block's view for it or for a descendant.
    pub voters: ServerSet,
    /// Who committed in the block's view to it or to a descendant.
    pub committers: ServerSet,
    /// Votes and commits for this very block, with their signatures.
    pub heard: Heard,
    /// Whose share was bad; they get no second try.
    pub spoilers: ServerSet,
    pub payload: Payload,
    /// A journal record holds it.
    pub journalled: bool,
    /// It conflicts with a decided block.
    pub dead: bool,
}

impl Node {
    pub fn header(&self) -> &BlockHeader {
        &self.proposal.header
    }

    pub fn view(&self) -> View {
        self.proposal.header.view
    }

    pub fn parent(&self) -> BlockRef {
        let height = Height(self.block.height.0.saturating_sub(1));
        BlockRef { height, hash: self.proposal.header.parent }
    }

    /// The shares of the commit certificate that may be combined.
    pub fn shares(&self) -> impl Iterator<Item = (ServerIndex, &Vec<u8>)> {
        self.heard.shares().filter(|(sender, _)| !self.spoilers.contains(*sender))
    }

    pub fn signed_header(&self) -> SignedHeader {
        Signed { signer: self.signer, signature: self.signature, body: self.header().clone() }
    }

    pub fn signed_proposal(&self) -> Signed<Proposal> {
        let body = self.proposal.clone();
        Signed { signer: self.signer, signature: self.signature, body }
    }
}

/// The last decided block, or one above it, as far as its children need it.
#[derive(Debug, Clone, Copy, Hash)]
pub(crate) struct Root {
    pub block: BlockRef,
    pub view: View,
    pub timestamp_us: Micros,
}

/// How a block relates to the root.
pub(crate) enum Lineage {
    /// The blocks from the root's child up to it.
    Linked(Vec<BlockHash>),
    /// This ancestor is not known.
    Missing(BlockRef),
    /// It does not descend from the root, or is at or below it.
    Conflicting,
}

/// The blocks above the last certified one.
#[derive(Clone, Hash)]
pub(crate) struct Tree {
    /// Apart from the keys, which are looked through.
    nodes: BTreeMap<BlockHash, Box<Node>>,
    children: BTreeMap<BlockHash, Vec<BlockHash>>,
    slots: BTreeMap<(View, Height), BlockHash>,
    trunk: BTreeMap<Height, BlockHash>,
    root: Root,
}

impl Tree {
    pub fn new(root: Root) -> Self {
        let trunk = BTreeMap::from([(root.block.height, root.block.hash)]);
        Self {
            nodes: BTreeMap::new(),
            children: BTreeMap::new(),
            slots: BTreeMap::new(),
            trunk,
            root,
        }
    }

    pub fn root(&self) -> &Root {
        &self.root
    }

    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    pub fn node(&self, hash: &BlockHash) -> Option<&Node> {
        self.nodes.get(hash).map(Box::as_ref)
    }

    pub fn node_mut(&mut self, hash: &BlockHash) -> Option<&mut Node> {
        self.nodes.get_mut(hash).map(Box::as_mut)
    }

    /// What the children of a block need to know of it, if it is the root or above it.
    pub fn parent(&self, hash: &BlockHash) -> Option<Root> {
        if *hash == self.root.block.hash {
            return Some(self.root);
        }
        let node = self.nodes.get(hash)?;
        let timestamp_us = node.header().timestamp_us;
        Some(Root { block: node.block, view: node.view(), timestamp_us })
    }

    /// The decided block at `height`, as far back as the trunk is kept.
    pub fn decided_at(&self, height: Height) -> Option<BlockHash> {
        self.trunk.get(&height).copied()
    }

    pub fn children(&self, parent: &BlockHash) -> &[BlockHash] {
        self.children.get(parent).map_or(&[], Vec::as_slice)
    }

    /// Whether a child of this block can be judged: it is the root, or checked and above it.
    pub fn is_ready(&self, hash: &BlockHash) -> bool {
        *hash == self.root.block.hash
            || self.nodes.get(hash).is_some_and(|node| {
                node.payload == Payload::Valid
                    && !node.dead
                    && node.block.height > self.root.block.height
            })
    }

    /// Adds a block; false if it is there or the tree is full.
    pub fn insert(&mut self, block: BlockRef, proposal: Signed<Proposal>) -> bool {
        if self.nodes.len() >= TREE_BLOCKS_MAX || self.nodes.contains_key(&block.hash) {
            return false;
        }
        let header = &proposal.body.header;
        let (parent, slot) = (header.parent, (header.view, block.height));
        let dead = self.conflicts_with_root(block, parent);
        self.children.entry(parent).or_default().push(block.hash);
        self.slots.entry(slot).or_insert(block.hash);
        let node = Node {
            block,
            proposal: proposal.body,
            signer: proposal.signer,
            signature: proposal.signature,
            voters: ServerSet::EMPTY,
            committers: ServerSet::EMPTY,
            heard: Heard::default(),
            spoilers: ServerSet::EMPTY,
            payload: Payload::Waiting,
            journalled: false,
            dead,
        };
        self.nodes.insert(block.hash, Box::new(node));
        if dead {
            self.kill(block.hash);
        }
        true
    }

    /// A known header of the same view that conflicts with this one on its face: at the same height,
    /// or next to it without being its parent or child.
    pub fn conflicting(&self, header: &BlockHeader, hash: BlockHash) -> Option<&Node> {
        let at = |height: u64| self.slots.get(&(header.view, Height(height)));
        let same = at(header.height.0).filter(|other| **other != hash);
        let below = at(header.height.0.saturating_sub(1))
            .filter(|other| header.height.0 > 0 && **other != header.parent);
        let above = at(header.height.0.saturating_add(1))
            .filter(|other| self.nodes.get(other).is_some_and(|node| node.header().parent != hash));
        same.or(below).or(above).and_then(|other| self.node(other))
    }

    /// How a block relates to the root.
    ///
    /// # Cost
    /// One look-up per undecided ancestor.
    pub fn lineage(&self, block: BlockRef) -> Lineage {
        let mut chain = Vec::new();
        let mut cursor = block;
        while cursor.height > self.root.block.height {
            let Some(node) = self.nodes.get(&cursor.hash) else {
                return Lineage::Missing(cursor);
            };
            if node.block != cursor {
                return Lineage::Conflicting;
            }
            chain.push(cursor.hash);
            cursor = node.parent();
        }
        chain.reverse();
        if cursor == self.root.block && !chain.is_empty() {
            Lineage::Linked(chain)
        } else {
            Lineage::Conflicting
        }
    }

    /// The blocks from `top` down to, and without, `base`; or as far down as they are known.
    pub fn walk_down(&self, top: BlockHash, base: Height) -> impl Iterator<Item = &Node> {
        let start = self.node(&top);
        std::iter::successors(start, |node| self.node(&node.header().parent))
            .take_while(move |node| node.block.height > base)
    }

    /// The blocks that journal records hold, parents first.
    pub fn journalled(&self) -> Vec<Signed<Proposal>> {
        let mut nodes: Vec<_> = self.nodes.values().filter(|node| node.journalled).collect();
        nodes.sort_unstable_by_key(|node| node.block);
        nodes.into_iter().map(|node| node.signed_proposal()).collect()
    }

    /// The blocks whose payload was not asked for, or has to be asked for again, lowest first.
    pub fn waiting(&self) -> Vec<BlockHash> {
        let waiting = self.nodes.values().filter(|node| node.payload == Payload::Waiting);
        let mut blocks: Vec<_> = waiting.map(|node| node.block).collect();
        blocks.sort_unstable();
        blocks.into_iter().map(|block| block.hash).collect()
    }

    /// The height of the highest block of a view.
    pub fn highest(&self, view: View) -> Height {
        let mut slots = self.slots.range((view, Height::ZERO)..=(view, Height(u64::MAX)));
        slots.next_back().map_or(Height::ZERO, |((_, height), _)| *height)
    }

    /// Unknown parents, above the root, of blocks of a view.
    pub fn orphans(&self, view: View) -> Vec<BlockRef> {
        let slots = self.slots.range((view, Height::ZERO)..=(view, Height(u64::MAX)));
        let nodes = slots.filter_map(|(_, hash)| self.node(hash));
        let parents = nodes.filter(|node| !node.dead).map(Node::parent);
        parents
            .filter(|parent| {
                parent.height > self.root.block.height && !self.nodes.contains_key(&parent.hash)
            })
            .collect()
    }

    /// Makes a child of the root the new root, and what conflicts with it dead.
    pub fn settle(&mut self, root: Root) {
        let siblings = self.children(&self.root.block.hash).iter();
        let siblings: Vec<_> =
            siblings.filter(|sibling| **sibling != root.block.hash).copied().collect();
        siblings.into_iter().for_each(|sibling| self.kill(sibling));
        self.trunk.insert(root.block.height, root.block.hash);
        if let Some(node) = self.nodes.get_mut(&root.block.hash) {
            // Whoever keeps it has it by now, and a share may be long.
            node.heard = Heard::default();
        }
        self.root = root;
    }

    /// Forgets what is at or below a certified height; the trunk keeps the certified block's hash.
    pub fn prune(&mut self, certified: Height) {
        self.trunk = self.trunk.split_off(&certified);
        self.retain(|node| node.block.height > certified);
    }

    /// Keeps the nodes that `keep` wants.
    pub fn retain(&mut self, keep: impl Fn(&Node) -> bool) {
        self.nodes.retain(|_, node| keep(node));
        let nodes = &self.nodes;
        self.slots.retain(|_, hash| nodes.contains_key(hash));
        self.children.retain(|_, hashes| {
            hashes.retain(|hash| nodes.contains_key(hash));
            !hashes.is_empty()
        });
    }

    /// Rebuilds the trunk below the root from what is known, after a restart.
    pub fn regrow_trunk(&mut self, decided: &[BlockRef]) {
        self.trunk.extend(decided.iter().map(|block| (block.height, block.hash)));
        let trunk: Vec<_> = self
            .walk_down(self.root.block.hash, Height::ZERO)
            .map(|node| (node.block.height, node.block.hash))
            .collect();
        self.trunk.extend(trunk);
        let doomed: Vec<_> = self
            .nodes
            .values()
            .filter(|node| self.conflicts_with_root(node.block, node.header().parent))
            .map(|node| node.block.hash)
            .collect();
        for hash in doomed {
            self.kill(hash);
        }
    }

    fn conflicts_with_root(&self, block: BlockRef, parent: BlockHash) -> bool {
        let root = self.root.block;
        if block.height <= root.height {
            return self.trunk.get(&block.height) != Some(&block.hash);
        }
        let parent_is_dead = self.nodes.get(&parent).is_some_and(|node| node.dead);
        parent_is_dead || (block.height == root.height.next() && parent != root.hash)
    }

    fn kill(&mut self, hash: BlockHash) {
        let mut doomed = vec![hash];
        while let Some(hash) = doomed.pop() {
            if let Some(node) = self.nodes.get_mut(&hash) {
                node.dead = true;
                doomed.extend(self.children.get(&hash).into_iter().flatten().copied());
            }
        }
    }
}
