//! Two formulas merged into one tree.

use std::collections::BTreeMap;

use super::{Node, Repeated, UNBOUNDED};
use crate::formula::Gate;
use crate::{Formula, ServerIndex, ServerSet};

/// Merges two formulas: gate by gate where they have the same tree, else side by side under a
/// root of which nothing may fail.
pub(super) fn merge(first: &Formula, second: &Formula) -> Node {
    aligned(first, second).unwrap_or_else(|| Node::Gate {
        tolerance: [0, 0],
        children: vec![
            // A formula may be a bare server: the gate around it lets the other kind of sets have
            // it.
            Node::Gate {
                tolerance: [0, UNBOUNDED],
                children: vec![lift(first, &|gate| [gate.tolerance(), UNBOUNDED])],
            },
            Node::Gate {
                tolerance: [UNBOUNDED, 0],
                children: vec![lift(second, &|gate| [UNBOUNDED, gate.tolerance()])],
            },
        ],
    })
}

/// One tree with both tolerances at every gate; `None` where the shapes differ.
fn aligned(first: &Formula, second: &Formula) -> Option<Node> {
    if first.servers() != second.servers() {
        return None;
    }
    // "All of them" and "any of them" have no shape of their own: they fit every tree.
    if let Some(uniform) = uniform(second) {
        return Some(lift(first, &|gate| [gate.tolerance(), uniform.tolerance(gate)]));
    }
    if let Some(uniform) = uniform(first) {
        return Some(lift(second, &|gate| [uniform.tolerance(gate), gate.tolerance()]));
    }
    let (Formula::Gate(first), Formula::Gate(second)) = (first, second) else {
        return None;
    };
    if first.children().len() != second.children().len() {
        return None;
    }
    let mut partners: Vec<&Formula> = second.children().iter().collect();
    let mut children = Vec::with_capacity(partners.len());
    for child in first.children() {
        let (at, node) = partners
            .iter()
            .enumerate()
            .find_map(|(at, partner)| aligned(child, partner).map(|node| (at, node)))?;
        partners.remove(at);
        children.push(node);
    }
    Some(Node::Gate { tolerance: [first.tolerance(), second.tolerance()], children })
}

/// A formula that needs all of its servers, or any one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Uniform {
    All,
    Any,
}

impl Uniform {
    /// The tolerance that expresses it at a gate of whatever tree.
    fn tolerance(self, gate: &Gate) -> u16 {
        match self {
            Self::All => 0,
            Self::Any => gate.children().len() as u16 - 1,
        }
    }
}

fn uniform(formula: &Formula) -> Option<Uniform> {
    let gate = match formula {
        Formula::Leaf(_) => return Some(Uniform::All),
        Formula::Gate(gate) => gate,
    };
    let own = if gate.tolerance() == 0 {
        Uniform::All
    } else if gate.threshold() == 1 {
        Uniform::Any
    } else {
        return None;
    };
    let agrees = |child: &Formula| matches!(child, Formula::Leaf(_)) || uniform(child) == Some(own);
    gate.children().iter().all(agrees).then_some(own)
}

fn lift(formula: &Formula, tolerance: &impl Fn(&Gate) -> [u16; 2]) -> Node {
    match formula {
        Formula::Leaf(server) => Node::Leaf(*server),
        Formula::Gate(gate) => Node::Gate {
            tolerance: tolerance(gate),
            children: gate.children().iter().map(|child| lift(child, tolerance)).collect(),
        },
    }
}

/// What there is to know about a merged tree.
pub(super) struct Survey {
    /// Leaves and gates.
    pub(super) nodes: u64,
    /// The servers at several leaves, interchangeable ones side by side.
    pub(super) repeated: Vec<Repeated>,
    /// All of a class of interchangeable servers but the first.
    pub(super) twins: ServerSet,
}

/// Counts the nodes and finds the servers that repeat and those that are interchangeable.
pub(super) fn survey(root: &Node) -> Survey {
    let mut gates_of = BTreeMap::new();
    let mut order = Vec::new();
    let mut nodes = 0;
    visit(root, 0, &mut nodes, &mut |server, gate| {
        let gates: &mut Vec<u64> = gates_of.entry(server).or_default();
        if gates.is_empty() {
            order.push(server);
        }
        gates.push(gate);
    });
    let mut classes: BTreeMap<Vec<u64>, u16> = BTreeMap::new();
    let mut survey = Survey { nodes, repeated: Vec::new(), twins: ServerSet::EMPTY };
    for server in order {
        let gates = gates_of.remove(&server).unwrap_or_default();
        let repeats = gates.len() > 1;
        let fresh = classes.len() as u16;
        let class = *classes.entry(gates).or_insert(fresh);
        if class != fresh {
            survey.twins.insert(server);
        }
        if repeats {
            survey.repeated.push(Repeated { server, class });
        }
    }
    survey.repeated.sort_by_key(|repeated| repeated.class);
    survey
}

/// Calls `leaf` with every leaf's server and the number of the gate above it.
fn visit(node: &Node, above: u64, nodes: &mut u64, leaf: &mut impl FnMut(ServerIndex, u64)) {
    *nodes += 1;
    match node {
        Node::Leaf(server) => leaf(*server, above),
        Node::Gate { children, .. } => {
            let own = *nodes;
            children.iter().for_each(|child| visit(child, own, nodes, leaf));
        }
    }
}
