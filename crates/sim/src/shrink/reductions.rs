//! Scenarios a little smaller than a given one.

use crate::policies::{SOUND, Setting, UNSOUND};
use crate::scenario::{Scenario, Style, Twins};
use ally_policy::{ServerIndex, ServerSet, TrustPolicy};
use toml::{Table, Value};

/// What stays as it is: a smaller number is no simpler, and timeouts that do not suit the network
/// break liveness where nothing is wrong.
const KEPT: [&str; 5] = ["seed", "base_timeout", "timeout_max", "slow_delay", "tolerance"];
/// Keys of times that must not be after the healing.
const TIMES: [&str; 5] = ["at", "back", "from", "to", "until"];

/// Larger numbers are halved only.
const ONE_BY_ONE: i64 = 16;

/// Where in a scenario's file something stands.
type Path = Vec<Step>;

#[derive(Debug, Clone, PartialEq)]
enum Step {
    Key(String),
    Place(usize),
}

/// All reductions within the same alliance, those that take away most first.
pub(super) fn of(scenario: &Scenario) -> impl Iterator<Item = Scenario> + use<> {
    let style = calmer(scenario);
    let values = Table::try_from(scenario).map_or_else(|_| Vec::new(), smaller_values);
    let original = scenario.clone();
    // The alliance stays what it is, and to read its policy takes longer than all the rest.
    let policy = scenario.setting.policy().ok();
    let allowed = move |smaller: &Scenario| {
        let can_be = policy.as_ref().is_some_and(|policy| is_allowed(smaller, &original, policy));
        can_be && *smaller != original
    };
    style.into_iter().chain(
        values
            .into_iter()
            .filter_map(|table| Value::Table(table).try_into::<Scenario>().ok())
            .filter(allowed),
    )
}

/// Whether it can be run, and the policy lets the liars fail together, unless they were too many from
/// the start.
fn is_allowed(smaller: &Scenario, original: &Scenario, policy: &TrustPolicy) -> bool {
    // Of a twin that became honest two copies would run, and break what nobody broke.
    if smaller.check(policy).is_err() {
        return false;
    }
    let fail_prone = |scenario: &Scenario| policy.is_fail_prone(&scenario.coalition);
    // A disk that was rolled back makes a liar: who has trouble with its disk stays what it is.
    let became_honest = original.coalition.difference(&smaller.coalition);
    if smaller.disk_faults.iter().any(|fault| became_honest.contains(ServerIndex(fault.server))) {
        return false;
    }
    smaller.coalition == original.coalition || fail_prone(smaller) || !fail_prone(original)
}

/// The same in alliances of fewer servers, the smallest first, with the liars that those survive.
pub(super) fn fewer_servers(scenario: &Scenario) -> Vec<Scenario> {
    let Ok(policy) = scenario.setting.policy() else { return Vec::new() };
    let names: &[&str] = if scenario.setting.unsound { &UNSOUND } else { &SOUND };
    let mut smaller: Vec<_> = names
        .iter()
        .filter_map(|name| Setting::named(name))
        .filter_map(|setting| Some((setting.policy().ok()?, setting)))
        .filter(|(other, _)| other.server_count() < policy.server_count())
        .collect();
    smaller.sort_by_key(|(other, _)| other.server_count());
    let fit = |(other, setting): (std::sync::Arc<TrustPolicy>, Setting)| {
        let members = other.everybody();
        let mut coalition = ServerSet::EMPTY;
        for server in scenario.coalition.iter().filter(|server| members.contains(*server)) {
            let mut larger = coalition;
            larger.insert(server);
            if other.is_fail_prone(&larger) {
                coalition = larger;
            }
        }
        let mut fitted = Scenario { setting, coalition, ..scenario.clone() };
        let honest = members.difference(&coalition);
        let honest = |server: u16| honest.contains(ServerIndex(server));
        let crashes = scenario.crashes.iter().filter(|crash| honest(crash.server)).copied();
        fitted.crashes = crashes.collect();
        let pauses = scenario.pauses.iter().filter(|pause| honest(pause.server)).copied();
        fitted.pauses = pauses.collect();
        let clocks = &mut fitted.clocks;
        clocks.faults.retain(|fault| members.contains(ServerIndex(fault.server)));
        clocks.ahead.truncate(members.len());
        clocks.paces.truncate(members.len());
        fit_twins(&mut fitted.twins, &members, &coalition);
        // These speak of particular servers and organisations.
        fitted.disk_faults.clear();
        fitted.network.cuts.clear();
        fitted.network.wide_area = None;
        for partition in &mut fitted.network.partitions {
            let side = partition.side.iter().filter(|server| members.contains(*server));
            partition.side = side.collect();
        }
        fitted
    };
    smaller.into_iter().map(fit).collect()
}

/// Only liars run twice, and camps are of those who are there.
fn fit_twins(twins: &mut Twins, members: &ServerSet, coalition: &ServerSet) {
    twins.members = twins.members.intersection(coalition);
    if twins.members.is_empty() {
        twins.script.clear();
    }
    for camps in &mut twins.script {
        camps.first = camps.first.intersection(members);
        camps.second = camps.second.intersection(members);
    }
}

/// Chance in place of a plot.
fn calmer(scenario: &Scenario) -> Option<Scenario> {
    let plot = scenario.style == Style::Plot;
    plot.then(|| Scenario { style: Style::Weather, ..scenario.clone() })
}

fn smaller_values(table: Table) -> Vec<Table> {
    let mut paths = Vec::new();
    walk(&Value::Table(table.clone()), &mut Vec::new(), &mut paths);
    // Lists before numbers: a fault that is gone needs no smaller numbers.
    paths.sort_by_key(|(_, value)| !matches!(value, Value::Array(_)));
    let mut tables = Vec::new();
    for (path, value) in paths {
        for other in smaller(&value) {
            let mut reduced = Value::Table(table.clone());
            if let Some(place) = at(&mut reduced, &path) {
                *place = other;
            }
            if let Value::Table(mut reduced) = reduced {
                end_before_healing(&mut reduced);
                tables.push(reduced);
            }
        }
    }
    tables
}

/// All lists and numbers, with where they stand.
fn walk(value: &Value, path: &mut Path, found: &mut Vec<(Path, Value)>) {
    match value {
        Value::Table(table) => {
            for (key, inner) in table.iter().filter(|(key, _)| !KEPT.contains(&key.as_str())) {
                path.push(Step::Key(key.clone()));
                walk(inner, path, found);
                path.pop();
            }
        }
        Value::Array(items) => {
            found.push((path.clone(), value.clone()));
            for (place, inner) in items.iter().enumerate() {
                // Numbers in lists are names of servers, or the ends of a range.
                if !inner.is_integer() {
                    path.push(Step::Place(place));
                    walk(inner, path, found);
                    path.pop();
                }
            }
        }
        Value::Integer(_) if path.last() != Some(&Step::Key("server".to_owned())) => {
            found.push((path.clone(), value.clone()));
        }
        _ => {}
    }
}

/// Smaller values, the smallest first.
fn smaller(value: &Value) -> Vec<Value> {
    match value {
        Value::Integer(number) => {
            let mut numbers = vec![0, number / 4, number / 2];
            if *number <= ONE_BY_ONE {
                numbers.push(number - 1);
            }
            numbers.retain(|smaller| (0..*number).contains(smaller));
            numbers.dedup();
            numbers.into_iter().map(Value::Integer).collect()
        }
        Value::Array(items) => {
            let half = items.len() / 2;
            let mut lists = vec![Vec::new(), items[..half].to_vec(), items[half..].to_vec()];
            lists.extend((0..items.len()).map(|gone| {
                let rest = items.iter().enumerate().filter(|(place, _)| *place != gone);
                rest.map(|(_, item)| item.clone()).collect()
            }));
            lists.retain(|smaller| smaller.len() < items.len());
            lists.dedup();
            // The shortest and the longest of something become the same.
            if let [shortest, longest] = &items[..]
                && shortest.as_integer() < longest.as_integer()
            {
                lists.push(vec![shortest.clone(), shortest.clone()]);
            }
            lists.into_iter().map(Value::Array).collect()
        }
        _ => Vec::new(),
    }
}

fn at<'a>(value: &'a mut Value, path: &[Step]) -> Option<&'a mut Value> {
    path.iter().try_fold(value, |value, step| match step {
        Step::Key(key) => value.get_mut(key),
        Step::Place(place) => value.get_mut(place),
    })
}

/// All faults end with the healing, also where that is earlier now.
fn end_before_healing(scenario: &mut Table) {
    let Some(healed_at) = scenario.get("healed_at").and_then(Value::as_integer) else { return };
    scenario.iter_mut().for_each(|(_, value)| clip(value, healed_at));
}

fn clip(value: &mut Value, end: i64) {
    match value {
        Value::Table(table) => {
            for (key, inner) in table.iter_mut() {
                match inner {
                    Value::Integer(time) if TIMES.contains(&key.as_str()) => {
                        *time = (*time).min(end)
                    }
                    _ => clip(inner, end),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| clip(item, end)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(seed: u64) -> Scenario {
        let setting = Setting::named("nine").expect("a setting");
        Scenario::draw(seed, &setting, Style::Weather).expect("it is sound")
    }

    #[test]
    fn every_reduction_can_be_run_and_keeps_faults_before_the_healing() {
        let mut count = 0;
        for seed in 0..20 {
            for smaller in of(&drawn(seed)) {
                count += 1;
                smaller.setting.policy().expect("a policy");
                let end = smaller.healed_at;
                assert!(smaller.crashes.iter().all(|crash| crash.back <= end), "{smaller:?}");
                assert!(smaller.network.partitions.iter().all(|split| split.to <= end));
                assert_eq!(smaller.paces.base_timeout, drawn(seed).paces.base_timeout);
                assert_eq!(Scenario::from_file(&smaller.to_file()).expect("a file"), smaller);
            }
        }
        assert!(count > 1_000, "{count}");
    }

    #[test]
    fn no_reduction_makes_a_twin_honest() {
        let twofold = |scenario: &Scenario| !scenario.twins.members.is_empty();
        let (mut within, mut fewer) = (0, 0);
        for scenario in (0..200).map(drawn).filter(twofold) {
            for smaller in of(&scenario).filter(twofold) {
                within += 1;
                assert!(smaller.twins.members.is_subset(&smaller.coalition), "{smaller:?}");
            }
            for smaller in fewer_servers(&scenario) {
                fewer += u32::from(twofold(&smaller));
                let policy = smaller.setting.policy().expect("a policy");
                smaller.check(&policy).expect("it can be run");
            }
        }
        assert!(within > 100 && fewer > 0, "{within} {fewer}");
    }

    #[test]
    fn fewer_servers_have_fewer_liars() {
        let policy = Setting::named("nine").and_then(|it| it.policy().ok()).expect("a policy");
        for scenario in (0..20).map(drawn) {
            for smaller in fewer_servers(&scenario) {
                let members = smaller.setting.policy().expect("a policy");
                assert!(members.server_count() < policy.server_count());
                assert!(members.is_fail_prone(&smaller.coalition));
                assert!(
                    smaller
                        .crashes
                        .iter()
                        .all(|crash| smaller.is_honest(ServerIndex(crash.server)))
                );
            }
        }
    }
}
