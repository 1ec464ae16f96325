//! Random policies, as the oracle's own trees and as text for the crate.

use super::random::Random;

#[derive(Debug, Clone)]
pub enum Tree {
    Server(usize),
    Gate(usize, Vec<Tree>),
}

pub struct Sample {
    pub servers: usize,
    pub decide: Tree,
    pub fast: Option<Tree>,
    pub certify: Option<Tree>,
}

impl Sample {
    /// A policy of up to nine servers. Parts 2 and 3 give a fast formula, part 3 a certify one.
    pub fn draw(random: &mut Random, part: u64) -> Self {
        let servers = 1 + random.below(9);
        let mut decide = match random.below(3) {
            0 => flat(random, servers),
            1 => grouped(random, servers),
            _ => nested(random, servers, 3),
        };
        if random.one_in(2) {
            strengthen(&mut decide, random);
        }
        let fast = (part >= 2).then(|| similar(&decide, random, servers));
        let certify = (part >= 3).then(|| {
            let dual = dual(&decide);
            similar(&dual, random, servers)
        });
        Self { servers, decide, fast, certify }
    }

    /// Whether a server stands at several leaves of `decide`.
    pub fn repeats(&self) -> bool {
        let mut leaves = Vec::new();
        self.decide.leaves(&mut leaves);
        let all = leaves.len();
        leaves.sort_unstable();
        leaves.dedup();
        leaves.len() < all
    }

    /// The policy file. Some parts become formulas of their own.
    pub fn text(&self) -> String {
        let mut lines = Vec::new();
        let mut text = String::new();
        let given = [("decide", Some(&self.decide)), ("fast", self.fast.as_ref())];
        for (name, tree) in given.into_iter().chain([("certify", self.certify.as_ref())]) {
            if let Some(tree) = tree {
                let formula = tree.text(&mut lines, name);
                text.push_str(&format!("{name} = \"{formula}\"\n"));
            }
        }
        text + &lines.concat()
    }
}

/// A gate over all servers.
fn flat(random: &mut Random, servers: usize) -> Tree {
    let leaves: Vec<Tree> = (0..servers).map(Tree::Server).collect();
    gate(random, leaves)
}

/// Organisations of a few servers each; now and then one server is in two of them.
fn grouped(random: &mut Random, servers: usize) -> Tree {
    let mut groups = Vec::new();
    let mut next = 0;
    while next < servers {
        let size = (1 + random.below(3)).min(servers - next);
        let mut leaves: Vec<Tree> = (next..next + size).map(Tree::Server).collect();
        if random.one_in(8) {
            leaves.push(Tree::Server(random.below(servers)));
        }
        groups.push(gate(random, leaves));
        next += size;
    }
    gate(random, groups)
}

/// Any tree, any server anywhere.
fn nested(random: &mut Random, servers: usize, depth: usize) -> Tree {
    if depth == 0 || random.one_in(3) {
        return Tree::Server(random.below(servers));
    }
    let children = (0..1 + random.below(4)).map(|_| nested(random, servers, depth - 1)).collect();
    gate(random, children)
}

fn gate(random: &mut Random, children: Vec<Tree>) -> Tree {
    // More than half is where the interesting policies are.
    let total = children.len();
    let threshold = if random.one_in(4) {
        1 + random.below(total)
    } else {
        total / 2 + 1 + random.below(total.div_ceil(2))
    };
    Tree::Gate(threshold.min(total), children)
}

fn strengthen(tree: &mut Tree, random: &mut Random) {
    if let Tree::Gate(threshold, children) = tree {
        if random.one_in(2) {
            *threshold = (*threshold + 1).min(children.len());
        }
        children.iter_mut().for_each(|child| strengthen(child, random));
    }
}

/// The same tree, a stronger one of the same shape, all servers, or something else altogether.
fn similar(tree: &Tree, random: &mut Random, servers: usize) -> Tree {
    let mut other = tree.clone();
    match random.below(5) {
        0 => {}
        1 => flat(random, servers).clone_into(&mut other),
        2 => other = Tree::Gate(servers, (0..servers).map(Tree::Server).collect()),
        3 => {
            shuffle(&mut other, random);
            strengthen(&mut other, random);
        }
        _ => strengthen(&mut other, random),
    }
    other
}

fn shuffle(tree: &mut Tree, random: &mut Random) {
    if let Tree::Gate(_, children) = tree {
        let by = random.below(children.len());
        children.rotate_left(by);
        children.iter_mut().for_each(|child| shuffle(child, random));
    }
}

fn dual(tree: &Tree) -> Tree {
    match tree {
        Tree::Server(server) => Tree::Server(*server),
        Tree::Gate(threshold, children) => {
            Tree::Gate(children.len() + 1 - threshold, children.iter().map(dual).collect())
        }
    }
}

impl Tree {
    /// Whether the tree is true on a set, given as a bit mask.
    pub fn holds(&self, set: usize) -> bool {
        match self {
            Self::Server(server) => set >> server & 1 == 1,
            Self::Gate(threshold, children) => {
                children.iter().filter(|child| child.holds(set)).count() >= *threshold
            }
        }
    }

    fn leaves(&self, leaves: &mut Vec<usize>) {
        match self {
            Self::Server(server) => leaves.push(*server),
            Self::Gate(_, children) => children.iter().for_each(|child| child.leaves(leaves)),
        }
    }

    /// The formula as text; every other gate below the root gets a name and a line of its own.
    fn text(&self, lines: &mut Vec<String>, root: &str) -> String {
        match self {
            Self::Server(server) => format!("s{server}"),
            Self::Gate(threshold, children) => {
                let parts: Vec<String> = children
                    .iter()
                    .map(|child| {
                        let part = child.text(lines, root);
                        if matches!(child, Self::Server(_)) || lines.len() % 2 == 1 {
                            return part;
                        }
                        let name = format!("part-{root}-{}", lines.len());
                        lines.push(format!("{name} = \"{part}\"\n"));
                        name
                    })
                    .collect();
                written(*threshold, &parts)
            }
        }
    }
}

/// The different ways to write a gate.
fn written(threshold: usize, parts: &[String]) -> String {
    let list = parts.join(", ");
    match parts.len() {
        total if total == threshold && total > 2 => format!("all of ({list})"),
        total if total == threshold && total > 1 => format!("({})", parts.join(" and ")),
        total if threshold == 1 && total > 2 => format!("any of ({list})"),
        total if threshold == 1 && total > 1 => format!("({})", parts.join(" or ")),
        total if threshold == total / 2 + 1 => format!("majority of ({list},)"),
        _ => format!("{threshold} of ({list})"),
    }
}
