//! Where a policy is a number, the conditions are the known inequalities.

use ally_policy::{Definition, check};
use ally_policy::{FaultModel, Formula, PolicyError, ServerIndex, ServerSet, TrustPolicy, TwoStep};

fn flat(servers: u16, faulty: u16, model: FaultModel) -> Result<TrustPolicy, PolicyError> {
    TrustPolicy::flat(servers - faulty, servers, model)
}

fn root(formula: &Formula) -> (u16, usize) {
    match formula {
        Formula::Leaf(_) => (1, 1),
        Formula::Gate(gate) => (gate.threshold(), gate.children().len()),
    }
}

#[test]
fn byzantine_policies_need_three_f_plus_one_servers() {
    for servers in 1..=40 {
        for faulty in 0..servers {
            let accepted = flat(servers, faulty, FaultModel::Byzantine).is_ok();
            assert_eq!(accepted, servers > 3 * faulty, "n = {servers}, f = {faulty}");
        }
    }
}

#[test]
fn two_steps_survive_t_failures_where_n_is_at_least_three_f_plus_two_t_minus_one() {
    for servers in 1..=40u16 {
        for faulty in 0..=(servers - 1) / 3 {
            let policy = flat(servers, faulty, FaultModel::Byzantine).expect("n > 3f");
            let most = (0..=faulty).rev().find(|fast| servers + 1 >= 3 * faulty + 2 * fast);
            let most = most.expect("t = 0 always does");
            let (needed, total) = root(policy.fast());
            assert_eq!(total - usize::from(needed), usize::from(most), "n={servers} f={faulty}");
            assert_eq!(policy.has_slow_path(), most < faulty, "n = {servers}, f = {faulty}");
        }
    }
}

#[test]
fn attested_policies_need_two_f_plus_one_servers_and_always_take_two_steps() {
    for servers in 1..=40 {
        for faulty in 0..servers {
            let policy = flat(servers, faulty, FaultModel::Attested);
            assert_eq!(policy.is_ok(), servers > 2 * faulty, "n = {servers}, f = {faulty}");
            assert!(policy.map_or(true, |policy| !policy.has_slow_path()));
        }
    }
}

#[test]
fn with_an_attested_leader_two_steps_are_always_enough() {
    // Without a slow path the condition is n > 3f; a slow path would need the same.
    for servers in 1..=40 {
        for faulty in 0..servers {
            let policy = flat(servers, faulty, FaultModel::AttestedLeader);
            assert_eq!(policy.is_ok(), servers > 3 * faulty, "n = {servers}, f = {faulty}");
            assert!(policy.map_or(true, |policy| !policy.has_slow_path()));
        }
    }
}

#[test]
fn a_given_fast_formula_has_to_meet_the_bound() {
    // n = 9, f = 2: t = 2 is the most; n = 8 allows t = 1 only.
    let report = |servers: usize, fast: usize| {
        let names: Vec<String> = (0..servers).map(|at| format!("s{at}")).collect();
        let list = names.join(", ");
        let needed = servers - 2;
        let text = format!("decide = \"{needed} of ({list})\"\nfast = \"{fast} of ({list})\"");
        let definition = Definition::parse(&text, "p.toml").expect("a policy");
        check(&definition, FaultModel::Byzantine).expect("a report")
    };
    assert_eq!((report(9, 7).is_ok(), report(9, 7).two_step()), (true, TwoStep::Always));
    assert_eq!((report(8, 6).is_ok(), report(8, 6).two_step()), (false, TwoStep::Never));
    assert_eq!((report(8, 7).is_ok(), report(8, 7).two_step()), (true, TwoStep::Reduced));
    assert!(!report(9, 6).is_ok(), "a fast quorum that is no quorum");
}

#[test]
fn possibly_decided_is_the_known_inequality() {
    // n = 5f - 1 with an equivocating leader: a block is possible if at most f - 1 others and at
    // most f more did not vote for it.
    for faulty in 1..=4u16 {
        let servers = 5 * faulty - 1;
        let policy = flat(servers, faulty, FaultModel::Byzantine).expect("n > 3f");
        assert!(!policy.has_slow_path());
        let leader = ServerIndex(servers - 1);
        for outside in 0..servers {
            let set = ServerSet::first(outside.into());
            let expected = outside < 2 * faulty;
            assert_eq!(policy.possibly_decided(&set, leader), expected, "f={faulty} {outside}");
        }
    }
}

#[test]
fn organisations_of_one_server_and_of_several_may_be_mixed() {
    let policy = TrustPolicy::two_level((3, 3), (4, 3), FaultModel::Byzantine).expect("safe");
    assert_eq!(policy.organisations().len(), 4);
    assert!(!policy.has_slow_path(), "a whole organisation may fail, as one server of four");
    let acme = policy.servers_named(["o1"]).expect("an organisation");
    assert!(policy.is_fail_prone(&acme));
    assert_eq!(policy.organisation_of(ServerIndex(4)).map(|own| own.name()), Some("o2"));
    assert_eq!(policy.server("o4-3"), Some(ServerIndex(11)));
    assert!(policy.servers_named(["o9"]).expect_err("no o9").to_string().contains("o9"));

    let policy = TrustPolicy::two_level((3, 3), (4, 4), FaultModel::Byzantine).expect("safe");
    assert!(policy.has_slow_path());
    let thin = TrustPolicy::two_level((3, 2), (4, 3), FaultModel::Byzantine);
    assert!(thin.is_err(), "three sets of one server of every organisation are everybody");
}

#[test]
fn conformance_policy_digest() {
    let digest = |policy: &TrustPolicy| -> String {
        policy.digest().iter().map(|byte| format!("{byte:02x}")).collect()
    };
    let four = flat(4, 1, FaultModel::Byzantine).expect("n > 3f");
    // Computed with another program from the description of the encoding.
    let expected = "4103be28d715e65b10e892327428e257dd80fa360a08a101ec3b2345ccc44bc2";
    assert_eq!(digest(&four), expected);
    let attested = flat(4, 1, FaultModel::Attested).expect("n > 2f");
    assert_ne!(digest(&attested), digest(&four), "the model is part of it");
    let text = "decide = \"3 of (s1, s2, s3, s5)\"";
    let renamed = TrustPolicy::from_toml(text, "p", FaultModel::Byzantine).expect("n > 3f");
    assert_ne!(digest(&renamed), digest(&four), "names are part of it");
    let text = "decide = \"3 of (s1, s2, s3, s4)\"\nfast = \"all of (s1, s2, s3, s4)\"";
    let faster = TrustPolicy::from_toml(text, "p", FaultModel::Byzantine).expect("n > 3f");
    assert_ne!(digest(&faster), digest(&four), "the fast formula is part of it");
}
