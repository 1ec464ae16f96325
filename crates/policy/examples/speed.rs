//! How long policies of several shapes take to read, check and ask. Prints; asserts nothing.
//!
//! `cargo run --release -p ally-policy --example speed`

use std::hint::black_box;
use std::time::{Duration, Instant};

use ally_policy::{Definition, FaultModel, ServerIndex, ServerSet, TrustPolicy, check};

fn main() {
    let names = |count: usize| (0..count).map(|at| format!("s{at}")).collect::<Vec<_>>();
    let list = |count: usize| names(count).join(", ");
    let groups = |count: usize, size: usize, needed: usize| -> String {
        let group = |own| (0..size).map(|at| format!("s{}", own * size + at)).collect::<Vec<_>>();
        let group = |own| format!("{needed} of ({})", group(own).join(", "));
        (0..count).map(group).collect::<Vec<_>>().join(", ")
    };
    let rows: Vec<String> = (0..16)
        .map(|row| (0..16).map(|at| format!("s{}", row * 16 + at)).collect::<Vec<_>>().join(", "))
        .collect();
    let rows = rows.iter().map(|row| format!("12 of ({row})")).collect::<Vec<_>>().join(", ");
    let policies = [
        ("4 servers", format!("decide = \"3 of ({})\"", list(4))),
        ("4 x 4 servers", format!("decide = \"3 of ({})\"", groups(4, 4, 3))),
        ("10 x 5 servers", format!("decide = \"8 of ({})\"", groups(10, 5, 4))),
        ("256 servers, flat", format!("decide = \"171 of ({})\"", list(256))),
        ("16 x 16 servers", format!("decide = \"13 of ({rows})\"")),
        ("9 weights", "decide = \"7 of (a, a, b, b, c, d, e, f, g)\"".to_owned()),
        (
            "20 servers, fast of another shape",
            format!("decide = \"3 of ({})\"\nfast = \"19 of ({})\"", groups(4, 5, 4), list(20)),
        ),
        (
            "50 servers, fast of another shape",
            format!("decide = \"8 of ({})\"\nfast = \"49 of ({})\"", groups(10, 5, 4), list(50)),
        ),
        (
            "1000 leaves, 100 servers",
            format!(
                "decide = \"7 of ({})\"",
                vec![format!("67 of ({})", list(100)); 10].join(", ")
            ),
        ),
    ];
    for (name, text) in &policies {
        measure(name, text);
    }
}

fn measure(name: &str, text: &str) {
    let definition = Definition::parse(text, "p.toml").expect("a policy");
    let read = time(|| Definition::parse(text, "p.toml").is_ok());
    let report = time(|| check(&definition, FaultModel::Byzantine).is_ok_and(|own| own.is_ok()));
    let admit = time(|| TrustPolicy::new(&definition, FaultModel::Byzantine).is_ok());
    print!("{name:36} read {read:>10.1?}  admit {admit:>10.1?}  report {report:>10.1?}");
    if let Ok(policy) = TrustPolicy::new(&definition, FaultModel::Byzantine) {
        let all = policy.everybody();
        let quorum = time(|| policy.is_quorum(black_box(&all)));
        let half = ServerSet::first(policy.server_count() / 2);
        let possibly = time(|| policy.possibly_decided(black_box(&half), ServerIndex(0)));
        println!("  is_quorum {quorum:>8.1?}  possibly_decided {possibly:>8.1?}");
    } else {
        println!("  refused");
    }
}

/// The mean of as many runs as fit into a tenth of a second.
fn time(mut run: impl FnMut() -> bool) -> Duration {
    let start = Instant::now();
    let mut runs = 0;
    while start.elapsed() < Duration::from_millis(100) {
        black_box(run());
        runs += 1;
    }
    start.elapsed() / runs
}
