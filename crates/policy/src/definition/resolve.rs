//! Names replaced by what they stand for.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::{CERTIFY, DECIDE, Definition, Entry, FAST, Member};
use crate::error::{InputError, Problem};
use crate::formula::{DEPTH_MAX, LEAVES_MAX};
use crate::syntax::{self, Expr, ExprKind};
use crate::{Formula, FormulaError, Organisation, SERVERS_MAX, ServerIndex, suggest};

/// A policy with every name replaced.
#[derive(Debug, Clone)]
pub(crate) struct Resolved {
    pub(crate) servers: Vec<String>,
    pub(crate) organisations: Vec<Organisation>,
    pub(crate) decide: Formula,
    pub(crate) fast: Option<Formula>,
    pub(crate) certify: Option<Formula>,
    /// The organisations' formulas by name, in the order they were written.
    pub(crate) named: Vec<(String, Formula)>,
    pub(crate) warnings: Vec<String>,
}

/// Replaces every name.
///
/// # Errors
/// The writer's: an unknown name, a formula that needs itself, or more than the limits allow.
pub(crate) fn resolve(definition: &Definition) -> Result<Resolved, InputError> {
    let mut resolver = Resolver::new(definition);
    resolver.number_members()?;
    let Some(decide) = definition.entry(DECIDE) else {
        let near = suggest::nearest(DECIDE, definition.formulas().map(|(name, _)| name));
        let hint = near.map(|name| format!("did you mean `{DECIDE}` where you wrote `{name}`?"));
        return Err(InputError::new(Problem::NoDecide, definition.start()).hint(hint));
    };
    let decide = resolver.entry(decide)?;
    let fast = definition.entry(FAST).map(|entry| resolver.entry(entry)).transpose()?;
    let certify = definition.entry(CERTIFY).map(|entry| resolver.entry(entry)).transpose()?;

    let named = resolver.named_formulas()?;
    let (organisations, warnings) = (resolver.organisations(), resolver.unused());
    let servers = resolver.servers;
    Ok(Resolved { servers, organisations, decide, fast, certify, named, warnings })
}

struct Resolver<'a> {
    definition: &'a Definition,
    servers: Vec<String>,
    indices: BTreeMap<String, ServerIndex>,
    /// The organisation that each server belongs to: the innermost named formula around it.
    owners: Vec<String>,
    used: BTreeSet<&'a str>,
    /// The names being replaced, outermost first.
    stack: Vec<&'a str>,
    gates: usize,
    leaves: usize,
}

impl<'a> Resolver<'a> {
    fn new(definition: &'a Definition) -> Self {
        Self {
            definition,
            servers: Vec::new(),
            indices: BTreeMap::new(),
            owners: Vec::new(),
            used: BTreeSet::new(),
            stack: Vec::new(),
            gates: 0,
            leaves: 0,
        }
    }

    /// Numbers the servers that a document lists.
    fn number_members(&mut self) -> Result<(), InputError> {
        let definition = self.definition;
        let mut organisations = BTreeSet::new();
        for member in definition.members().unwrap_or_default() {
            if !syntax::is_name(&member.name) {
                return Err(self.bad_member(Problem::BadName(member.name.clone())));
            }
            let fixed = [DECIDE, FAST, CERTIFY].contains(&member.name.as_str());
            if fixed || !organisations.insert(member.name.as_str()) {
                return Err(self.bad_member(Problem::NameTwice(member.name.clone())));
            }
            for server in &member.servers {
                self.number_member(member, server)?;
            }
        }
        let clash = self.servers.iter().find(|server| {
            definition.entry(server).is_some() && !organisations.contains(server.as_str())
        });
        match clash {
            Some(server) => Err(self.bad_member(Problem::NameTwice(server.clone()))),
            None => Ok(()),
        }
    }

    fn number_member(&mut self, member: &Member, server: &str) -> Result<(), InputError> {
        if !syntax::is_name(server) {
            return Err(self.bad_member(Problem::BadName(server.to_owned())));
        }
        let of_another = self.definition.members().unwrap_or_default().iter();
        let organisation = of_another.clone().any(|other| other.name == server);
        if self.indices.contains_key(server) || (organisation && member.name != server) {
            return Err(self.bad_member(Problem::NameTwice(server.to_owned())));
        }
        self.add_server(server, &member.name)
            .map(|_| ())
            .ok_or_else(|| self.bad_member(Problem::TooManyServers))
    }

    fn bad_member(&self, problem: Problem) -> InputError {
        InputError::new(problem, self.definition.start())
    }

    fn add_server(&mut self, name: &str, owner: &str) -> Option<ServerIndex> {
        if self.servers.len() == SERVERS_MAX {
            return None;
        }
        let index = ServerIndex(self.servers.len() as u16);
        self.servers.push(name.to_owned());
        self.owners.push(owner.to_owned());
        self.indices.insert(name.to_owned(), index);
        Some(index)
    }

    /// The formula of an entry that is looked at for its own sake.
    fn entry(&mut self, entry: &'a Entry) -> Result<Formula, InputError> {
        (self.gates, self.leaves) = (0, 0);
        self.stack.clear();
        self.named(entry)
    }

    /// The formulas of the organisations. What nothing leads to is checked like the rest, but
    /// brings no servers with it and is not among them.
    fn named_formulas(&mut self) -> Result<Vec<(String, Formula)>, InputError> {
        let definition = self.definition;
        let known = (self.servers.clone(), self.owners.clone(), self.used.clone());
        let mut named = Vec::new();
        for entry in definition.entries() {
            if ![DECIDE, FAST, CERTIFY].contains(&entry.name.as_str()) {
                let formula = self.entry(entry)?;
                if known.2.contains(entry.name.as_str()) {
                    named.push((entry.name.clone(), formula));
                }
            }
        }
        (self.servers, self.owners, self.used) = known;
        for member in definition.members().unwrap_or_default() {
            if definition.entry(&member.name).is_none() {
                named.push((member.name.clone(), self.member(member, None)?));
            }
        }
        Ok(named)
    }

    fn named(&mut self, entry: &'a Entry) -> Result<Formula, InputError> {
        self.stack.push(&entry.name);
        let formula = self.expr(entry, &entry.expr)?;
        self.stack.pop();
        Ok(formula)
    }

    fn expr(&mut self, entry: &'a Entry, expr: &'a Expr) -> Result<Formula, InputError> {
        let (threshold, children) = match &expr.kind {
            ExprKind::Name(name) => return self.name(entry, name, expr.span.clone()),
            ExprKind::Gate { threshold, children } => (*threshold, children),
        };
        self.gates += 1;
        if self.gates > DEPTH_MAX {
            let problem = Problem::TooDeep(entry.name.clone());
            return Err(self.error(entry, problem, expr.span.clone()));
        }
        let children: Result<Vec<Formula>, InputError> =
            children.iter().map(|child| self.expr(entry, child)).collect();
        self.gates -= 1;
        Formula::gate(threshold, children?).map_err(|error| {
            let problem = match error {
                FormulaError::Depth => Problem::TooDeep(entry.name.clone()),
                // The threshold was checked when it was read.
                _ => Problem::TooManyLeaves(entry.name.clone()),
            };
            self.error(entry, problem, expr.span.clone())
        })
    }

    fn name(
        &mut self,
        entry: &'a Entry,
        name: &'a str,
        span: Range<usize>,
    ) -> Result<Formula, InputError> {
        let definition = self.definition;
        if let Some(target) = definition.entry(name)
            && !(self.stack.last() == Some(&name) && self.indices.contains_key(name))
        {
            return self.replace(entry, target, span);
        }
        let member = definition.members().unwrap_or_default().iter().find(|own| own.name == name);
        if let Some(member) = member {
            self.used.insert(&member.name);
            if !member.servers.iter().any(|server| server == name) {
                return self.member(member, Some((entry, span)));
            }
        }
        self.leaf(entry, name, span).map(Formula::Leaf)
    }

    fn replace(
        &mut self,
        entry: &'a Entry,
        target: &'a Entry,
        span: Range<usize>,
    ) -> Result<Formula, InputError> {
        if let Some(at) = self.stack.iter().position(|name| *name == target.name) {
            let mut path: Vec<String> = self.stack[at..].iter().map(|n| n.to_string()).collect();
            path.push(target.name.clone());
            let hint = (path.len() == 2).then(|| {
                format!("if `{0}` is one server, drop this line: names without one are", path[0])
            });
            return Err(self.error(entry, Problem::Cycle(path), span).hint(hint));
        }
        if self.stack.len() > DEPTH_MAX {
            return Err(self.error(entry, Problem::TooDeep(entry.name.clone()), span));
        }
        self.used.insert(&target.name);
        self.named(target)
    }

    /// "All of its servers", for an organisation without a formula of its own.
    fn member(
        &mut self,
        member: &Member,
        named_at: Option<(&'a Entry, Range<usize>)>,
    ) -> Result<Formula, InputError> {
        let leaves: Vec<Formula> = member
            .servers
            .iter()
            .filter_map(|server| self.indices.get(server).copied().map(Formula::Leaf))
            .collect();
        self.leaves += leaves.len();
        let only = if leaves.len() == 1 { leaves.first().cloned() } else { None };
        let all = leaves.len() as u16;
        only.map_or_else(|| Formula::gate(all, leaves), Ok).map_err(|_| {
            let problem = Problem::UnknownName { name: member.name.clone() };
            let hint = Some(format!("the organisation `{}` has no servers", member.name));
            match named_at {
                Some((entry, span)) => self.error(entry, problem, span).hint(hint),
                None => self.bad_member(problem).hint(hint),
            }
        })
    }

    fn leaf(
        &mut self,
        entry: &'a Entry,
        name: &'a str,
        span: Range<usize>,
    ) -> Result<ServerIndex, InputError> {
        self.leaves += 1;
        if self.leaves > LEAVES_MAX {
            return Err(self.error(entry, Problem::TooManyLeaves(entry.name.clone()), span));
        }
        if let Some(index) = self.indices.get(name) {
            return Ok(*index);
        }
        if self.definition.members().is_some() {
            return Err(self.unknown(entry, name, span));
        }
        let innermost = self.stack.last().copied().unwrap_or(name);
        let owner = if [DECIDE, FAST, CERTIFY].contains(&innermost) { name } else { innermost };
        self.add_server(name, owner).ok_or_else(|| self.error(entry, Problem::TooManyServers, span))
    }

    fn unknown(&self, entry: &Entry, name: &str, span: Range<usize>) -> InputError {
        let members = self.definition.members().unwrap_or_default();
        let names = self.definition.formulas().map(|(name, _)| name);
        let names = names.filter(|own| ![DECIDE, FAST, CERTIFY].contains(own));
        let names = names.chain(members.iter().map(|member| member.name.as_str()));
        let names = names.chain(self.servers.iter().map(String::as_str));
        let hint = suggest::nearest(name, names).map(|near| format!("did you mean `{near}`?"));
        self.error(entry, Problem::UnknownName { name: name.to_owned() }, span).hint(hint)
    }

    fn error(&self, entry: &Entry, problem: Problem, span: Range<usize>) -> InputError {
        InputError::new(problem, self.definition.place(entry, span))
    }

    /// Formulas that nothing leads to: most often a name was mistyped where it was meant, and
    /// then stands there as a server.
    fn unused(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for entry in self.definition.entries() {
            let name = entry.name.as_str();
            if [DECIDE, FAST, CERTIFY].contains(&name) || self.used.contains(name) {
                continue;
            }
            let place = self.definition.key_place(entry);
            let mistyped = suggest::nearest(name, self.servers.iter().map(String::as_str));
            let meant = mistyped.map_or_else(String::new, |server| {
                format!("; did you mean it by `{server}`, which is taken for a server?")
            });
            warnings.push(format!("{place}: no formula uses `{name}`{meant}"));
        }
        warnings
    }

    /// The organisations: as the document lists them, else in the order in which the formulas
    /// lead to them.
    fn organisations(&self) -> Vec<Organisation> {
        let mut organisations: Vec<Organisation> = Vec::new();
        if let Some(members) = self.definition.members() {
            organisations.extend(members.iter().map(|member| Organisation::new(&member.name)));
        }
        for (index, owner) in self.owners.iter().enumerate() {
            let known = organisations.iter().position(|own| own.name() == owner);
            let at = known.unwrap_or_else(|| {
                organisations.push(Organisation::new(owner));
                organisations.len() - 1
            });
            organisations[at].add(ServerIndex(index as u16));
        }
        organisations.retain(|organisation| !organisation.servers().is_empty());
        organisations
    }
}
