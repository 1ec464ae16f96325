//! Monotone formulas: trees of threshold gates over servers.

use thiserror::Error;

use crate::{SERVERS_MAX, ServerIndex, ServerSet};

/// The most leaves of a formula, counted with repetition.
pub const LEAVES_MAX: usize = 1024;

/// The most gates above a leaf.
pub const DEPTH_MAX: usize = 32;

/// A monotone formula over servers: true on a set of servers if enough of its parts are.
///
/// A server may stand at several leaves. Adding servers to a set never makes a formula false.
///
/// ```
/// use ally_policy::{Formula, ServerIndex, ServerSet};
///
/// let leaves = (0..4).map(|index| Formula::Leaf(ServerIndex(index))).collect();
/// let three_of_four = Formula::gate(3, leaves)?;
/// assert!(three_of_four.holds(&ServerSet::first(3)));
/// assert!(!three_of_four.holds(&ServerSet::first(2)));
/// # Ok::<(), ally_policy::FormulaError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Formula {
    /// True where the server is in the set.
    Leaf(ServerIndex),
    /// True where enough of the children are; made by [`Formula::gate`].
    Gate(Gate),
}

/// A `threshold of (children)` gate. Only [`Formula::gate`] makes one, so that the threshold
/// is always from 1 to the number of children.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Gate {
    threshold: u16,
    leaves: u16,
    depth: u16,
    children: Vec<Formula>,
}

impl Gate {
    /// How many children have to be true, from 1 to their number.
    pub fn threshold(&self) -> u16 {
        self.threshold
    }

    /// The parts, in the order they were written.
    pub fn children(&self) -> &[Formula] {
        &self.children
    }

    /// The number of leaves below, counted with repetition.
    pub fn leaves(&self) -> usize {
        usize::from(self.leaves)
    }

    /// How many children may be false: children - threshold.
    pub fn tolerance(&self) -> u16 {
        self.children.len() as u16 - self.threshold
    }
}

/// Why a formula cannot be built or decoded.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FormulaError {
    /// The threshold is 0 or above the number of children.
    #[error("{threshold} of {children} parts: the number must be from 1 to {children}")]
    Threshold {
        /// The threshold given.
        threshold: u16,
        /// The number of children.
        children: usize,
    },
    /// A gate without children.
    #[error("a gate without parts")]
    Empty,
    /// More than [`LEAVES_MAX`] leaves.
    #[error("{leaves} servers counted with repetition, at most {LEAVES_MAX}")]
    Leaves {
        /// The number of leaves, counted with repetition.
        leaves: usize,
    },
    /// More than [`DEPTH_MAX`] gates above a leaf.
    #[error("gates nested deeper than {DEPTH_MAX}")]
    Depth,
    /// A server at or past [`SERVERS_MAX`].
    #[error("{server} is past the {SERVERS_MAX} an alliance can have")]
    Server {
        /// The server named.
        server: ServerIndex,
    },
    /// The bytes are not the canonical encoding of a formula.
    #[error("not a formula: malformed bytes")]
    Malformed,
}

impl Formula {
    /// The gate `threshold of (children)`.
    ///
    /// # Errors
    /// The caller's: a threshold outside 1 to the number of children, or a tree beyond
    /// [`LEAVES_MAX`], [`DEPTH_MAX`] or [`SERVERS_MAX`].
    pub fn gate(threshold: u16, children: Vec<Formula>) -> Result<Self, FormulaError> {
        if children.is_empty() {
            return Err(FormulaError::Empty);
        }
        let leaves: usize = children.iter().map(Formula::leaf_count).sum();
        if leaves > LEAVES_MAX {
            return Err(FormulaError::Leaves { leaves });
        }
        if threshold == 0 || usize::from(threshold) > children.len() {
            return Err(FormulaError::Threshold { threshold, children: children.len() });
        }
        let depth = 1 + children.iter().map(Formula::depth).max().unwrap_or(0);
        if depth > DEPTH_MAX {
            return Err(FormulaError::Depth);
        }
        for child in &children {
            if let Formula::Leaf(server) = child
                && server.index() >= SERVERS_MAX
            {
                return Err(FormulaError::Server { server: *server });
            }
        }
        Ok(Self::Gate(Gate { threshold, leaves: leaves as u16, depth: depth as u16, children }))
    }

    /// Whether the formula is true on the set. No allocation.
    ///
    /// # Cost
    /// At most one look at every leaf; stops as soon as the answer is known.
    pub fn holds(&self, set: &ServerSet) -> bool {
        let gate = match self {
            Self::Leaf(server) => return set.contains(*server),
            Self::Gate(gate) => gate,
        };
        let mut needed = gate.threshold;
        let mut spare = gate.tolerance();
        for child in &gate.children {
            // Most gates have leaves only: these are looked up here.
            let holds = match child {
                Self::Leaf(server) => set.contains(*server),
                Self::Gate(_) => child.holds(set),
            };
            if holds {
                needed -= 1;
                if needed == 0 {
                    return true;
                }
            } else if spare == 0 {
                return false;
            } else {
                spare -= 1;
            }
        }
        false
    }

    /// The dual: true on S exactly where this one is false on the complement of S. Every
    /// `k of m` gate becomes `m - k + 1 of m`. The dual of a quorum formula is its kernel formula.
    #[must_use]
    pub fn dual(&self) -> Self {
        self.map_gates(&mut |gate| gate.tolerance() + 1)
    }

    /// The same tree with other thresholds, clamped to what each gate allows.
    pub(crate) fn map_gates(&self, threshold: &mut impl FnMut(&Gate) -> u16) -> Self {
        match self {
            Self::Leaf(server) => Self::Leaf(*server),
            Self::Gate(gate) => Self::Gate(Gate {
                threshold: threshold(gate).clamp(1, gate.children.len() as u16),
                leaves: gate.leaves,
                depth: gate.depth,
                children: gate.children.iter().map(|child| child.map_gates(threshold)).collect(),
            }),
        }
    }

    /// The leaves from left to right, a server as often as it is named.
    pub fn leaves(&self) -> Vec<ServerIndex> {
        let mut leaves = Vec::with_capacity(self.leaf_count());
        self.visit_leaves(&mut |server| leaves.push(server));
        leaves
    }

    /// The servers that are named at all.
    pub fn servers(&self) -> ServerSet {
        let mut set = ServerSet::EMPTY;
        self.visit_leaves(&mut |server| {
            set.insert(server);
        });
        set
    }

    /// The number of leaves, counted with repetition; at most [`LEAVES_MAX`].
    pub fn leaf_count(&self) -> usize {
        match self {
            Self::Leaf(_) => 1,
            Self::Gate(gate) => usize::from(gate.leaves),
        }
    }

    /// The number of gates above the deepest leaf; at most [`DEPTH_MAX`].
    pub fn depth(&self) -> usize {
        match self {
            Self::Leaf(_) => 0,
            Self::Gate(gate) => usize::from(gate.depth),
        }
    }

    fn visit_leaves(&self, visit: &mut impl FnMut(ServerIndex)) {
        match self {
            Self::Leaf(server) => visit(*server),
            Self::Gate(gate) => gate.children.iter().for_each(|child| child.visit_leaves(visit)),
        }
    }

    /// The canonical encoding, one per tree: a leaf is `0 || server (2, LE)`, a gate is
    /// `1 || threshold (2, LE) || number of children (2, LE) || children`.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write(&mut bytes);
        bytes
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Leaf(server) => {
                bytes.push(0);
                bytes.extend_from_slice(&server.0.to_le_bytes());
            }
            Self::Gate(gate) => {
                bytes.push(1);
                bytes.extend_from_slice(&gate.threshold.to_le_bytes());
                bytes.extend_from_slice(&(gate.children.len() as u16).to_le_bytes());
                gate.children.iter().for_each(|child| child.write(bytes));
            }
        }
    }

    /// Reads what [`Formula::to_bytes`] wrote. The bytes may come from anyone: nothing is
    /// allocated beyond what they can hold, and nesting is bounded before it is followed.
    ///
    /// # Errors
    /// The sender's: bytes that are no formula, or one beyond the limits.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FormulaError> {
        let mut rest = bytes;
        let formula = Self::read(&mut rest, DEPTH_MAX)?;
        if rest.is_empty() { Ok(formula) } else { Err(FormulaError::Malformed) }
    }

    fn read(rest: &mut &[u8], depth_left: usize) -> Result<Self, FormulaError> {
        let (kind, tail) = rest.split_first().ok_or(FormulaError::Malformed)?;
        *rest = tail;
        match kind {
            0 => {
                let server = ServerIndex(read_u16(rest)?);
                if server.index() >= SERVERS_MAX {
                    return Err(FormulaError::Server { server });
                }
                Ok(Self::Leaf(server))
            }
            1 => {
                let depth_left = depth_left.checked_sub(1).ok_or(FormulaError::Depth)?;
                let threshold = read_u16(rest)?;
                let count = usize::from(read_u16(rest)?);
                if count > LEAVES_MAX {
                    return Err(FormulaError::Leaves { leaves: count });
                }
                // No more is set aside for a claim than there are bytes behind it: gates nest, and
                // each may claim.
                let mut children = Vec::with_capacity(count.min(rest.len() / size_of::<Self>()));
                for _ in 0..count {
                    children.push(Self::read(rest, depth_left)?);
                }
                Self::gate(threshold, children)
            }
            _ => Err(FormulaError::Malformed),
        }
    }
}

fn read_u16(rest: &mut &[u8]) -> Result<u16, FormulaError> {
    let (value, tail) = rest.split_first_chunk().ok_or(FormulaError::Malformed)?;
    *rest = tail;
    Ok(u16::from_le_bytes(*value))
}

#[cfg(test)]
mod tests;
