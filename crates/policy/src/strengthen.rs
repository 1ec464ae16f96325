//! The weakest uniform strengthening of `decide` that still decides in two steps.

use crate::conditions::Judge;
use crate::{FaultModel, Formula};

/// The first of a chain of ever stronger formulas that meets the condition for two steps: first
/// the root gate of `decide` needs more of its parts, one by one up to all; then every gate may
/// miss at most 3, 2, 1, ... parts; last, everybody is needed. `None` if not even that helps.
///
/// The chain is searched by halving: a stronger formula never breaks the condition.
pub(crate) fn weakest_fast(judge: &mut Judge<'_>, model: FaultModel) -> Option<Formula> {
    let chain = Chain::new(judge.decide);
    let (mut low, mut high) = (0, chain.length());
    while low < high {
        let middle = low + (high - low) / 2;
        if judge.two_steps(&chain.at(middle), model).holds() {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    (low < chain.length()).then(|| chain.at(low))
}

struct Chain<'a> {
    decide: &'a Formula,
    /// What the root may miss.
    root: usize,
    /// The most that any gate below the root may miss.
    below: usize,
}

impl<'a> Chain<'a> {
    fn new(decide: &'a Formula) -> Self {
        let (mut root, mut below) = (0, 0);
        if let Formula::Gate(gate) = decide {
            root = usize::from(gate.tolerance());
            below = gate.children().iter().map(most_missed).max().unwrap_or(0);
        }
        Self { decide, root, below }
    }

    /// Root tolerances from `root` to 0, then caps from `below - 1` to 0.
    fn length(&self) -> usize {
        self.root + 1 + self.below
    }

    fn at(&self, position: usize) -> Formula {
        let root = self.root.saturating_sub(position) as u16;
        let capped = position.saturating_sub(self.root);
        let below = self.below.saturating_sub(capped) as u16;
        let mut at_root = true;
        self.decide.map_gates(&mut |gate| {
            let tolerance = if at_root { root } else { gate.tolerance().min(below) };
            at_root = false;
            gate.children().len() as u16 - tolerance
        })
    }
}

/// The largest tolerance in a formula.
fn most_missed(formula: &Formula) -> usize {
    match formula {
        Formula::Leaf(_) => 0,
        Formula::Gate(gate) => {
            let below = gate.children().iter().map(most_missed).max().unwrap_or(0);
            below.max(usize::from(gate.tolerance()))
        }
    }
}
