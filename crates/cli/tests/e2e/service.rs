//! What an alliance does for its clients, whatever happens to one of its servers.

use crate::support::{Dev, Server, ally, alone, run, runs, signal, wait_until};
use std::fs;
use std::process::{Command, Stdio};

#[test]
fn e2e_a_command_gets_a_receipt_that_anyone_can_verify() {
    let _alone = alone();
    let dev = Dev::start();
    let said = dev.run(&["propose", "-o", "json", "--receipts", ".", "set 5"]).json();
    assert_eq!(said["index"], 0);
    let verify = ["verify", "--receipt", "0.receipt", "--command"];
    assert_eq!(dev.run(&[&verify[..], &["set 5"]].concat()).code, 0);
    dev.run(&[&verify[..], &["set 6"]].concat()).fails(1, "ALLY-0403");

    // The same proposal again is the same entry.
    let nonce = said["nonce"].as_str().expect("a nonce");
    let again = dev.run(&["propose", "-o", "json", "--nonce", nonce, "set 5"]).json();
    assert_eq!(again["index"], 0);
    dev.stop();
}

#[test]
fn e2e_a_receipt_can_be_had_later_by_place_and_by_id() {
    let _alone = alone();
    let dev = Dev::start();
    dev.propose("something before it");
    let said = dev.run(&["propose", "-o", "json", "set 5"]).json();
    let id = said["id"].as_str().expect("an id");
    for which in ["1", id] {
        let written = ["receipt", which, "--out", "later.receipt", "--command", "later.command"];
        assert!(dev.run(&written).out.contains("  verified\n"));
        assert_eq!(fs::read(dev.path().join("later.command")).expect("there"), b"set 5");
        let verify = ["verify", "--receipt", "later.receipt", "--file", "later.command"];
        assert_eq!(dev.run(&verify).code, 0);
        let answer = dev.run(&["receipt", which, "-o", "json"]).json();
        assert_eq!((&answer["index"], &answer["command"]), (&1.into(), &"set 5".into()));
        assert_eq!((&answer["id"], &answer["nonce"]), (&said["id"], &said["nonce"]));
        // On standard output it is the file, byte for byte.
        let printed = dev.run(&["receipt", which]);
        assert_eq!(answer["receipt"], printed.out.as_str());
        assert_eq!((printed.code, printed.err.as_str()), (0, ""));
    }
    dev.run(&["receipt", "2"]).fails(1, "ALLY-0213");
    dev.run(&["receipt", &"0".repeat(64)]).fails(1, "ALLY-0213");
    assert!(dev.run(&["receipt", "two"]).err.contains("neither an index"));
    dev.stop();
}

#[test]
fn e2e_a_killed_server_is_not_missed_and_catches_up() {
    let _alone = alone();
    let dev = Dev::start();
    dev.propose("with everybody");
    let victim = "umbrella-1";
    signal("KILL", dev.pid(victim));
    wait_until("umbrella-1 ends", || !runs(dev.pid(victim)));
    (0..5).for_each(|at| _ = dev.propose(&format!("without it {at}")));

    let server = Server::start(&dev.config(victim));
    wait_until("umbrella-1 catches up", || {
        dev.status_of(victim).is_some_and(|status| status["log_size"] == 6)
    });
    assert_eq!(dev.propose("with it again"), 6);
    assert_eq!(server.stop(), 0);
    dev.stop();
}

#[test]
fn e2e_the_leader_is_killed_and_another_one_takes_over() {
    let _alone = alone();
    let dev = Dev::start();
    dev.propose("while it leads");
    let status = dev.status_of("acme-1").expect("it answers");
    let leader = status["leader"].as_str().expect("a name").to_owned();
    signal("KILL", dev.pid(&leader));
    assert_eq!(dev.propose("after it"), 1);
    let other = if leader == "globex-1" { "initech-1" } else { "globex-1" };
    let status = dev.status_of(other).expect("it answers");
    assert_ne!(status["leader"], leader.as_str());
    dev.stop();
}

#[test]
fn e2e_the_leader_is_stopped_and_another_one_takes_over() {
    let _alone = alone();
    let dev = Dev::start();
    dev.propose("while it leads");
    let leader = dev.status_of("acme-1").expect("it answers")["leader"].clone();
    let leader = leader.as_str().expect("a name");
    // It keeps its connections and says nothing: nobody is told that it is gone.
    signal("STOP", dev.pid(leader));
    assert_eq!(dev.propose("while it is stopped"), 1);
    signal("CONT", dev.pid(leader));
    wait_until("it catches up", || {
        dev.status_of(leader).is_some_and(|status| status["log_size"] == 2)
    });
    dev.stop();
}

#[test]
fn e2e_a_full_disk_stops_one_server_and_nobody_else() {
    let _alone = alone();
    let dev = Dev::start();
    let victim = "umbrella-1";
    signal("KILL", dev.pid(victim));
    wait_until("umbrella-1 ends", || !runs(dev.pid(victim)));
    // Files cannot grow beyond 64 KiB: what a full disk does to a journal.
    let config = dev.config(victim);
    let log = fs::File::create(dev.path().join("full.log")).expect("a log");
    let mut server = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 128; exec \"$0\" serve --config \"$1\""])
        .arg(env!("CARGO_BIN_EXE_ally"))
        .arg(&config)
        .stderr(log)
        .spawn()
        .expect("a shell");
    let large = "x".repeat(50_000);
    let mut proposed = 0;
    wait_until("umbrella-1 has no room left", || {
        dev.propose(&large);
        proposed += 1;
        server.try_wait().expect("a child").is_some()
    });
    assert_eq!(server.wait().expect("it has ended").code(), Some(3));
    let said = fs::read_to_string(dev.path().join("full.log")).expect("a log");
    assert!(said.contains("ALLY-0504") && said.contains("File too large"), "{said}");
    // With room again it goes on as if nothing had happened.
    let server = Server::start(&config);
    wait_until("umbrella-1 catches up", || {
        dev.status_of(victim).is_some_and(|status| status["log_size"] == proposed)
    });
    assert_eq!(server.stop(), 0);
    dev.stop();
}

#[test]
fn e2e_a_key_that_nobody_admits_is_an_error_and_no_wait() {
    let _alone = alone();
    let dev = Dev::start();
    assert_eq!(dev.run(&["key", "client", "--out", "other.key"]).code, 0);
    for args in [&["propose", "hello"][..], &["listen"], &["status"]] {
        let said = dev.run(&[args, &["--client-key", "other.key", "--timeout", "3000"]].concat());
        let said = said.fails(2, "ALLY-0214");
        assert!(said.contains("acme") && said.contains("server.toml"), "{said}");
    }
    let said = dev.run(&["status", "--client-key", "other.key"]).out;
    assert_eq!(said.matches("refuses this key").count(), 4, "{said}");
    dev.stop();
}

#[test]
fn e2e_all_killed_at_once_lose_nothing() {
    let _alone = alone();
    let dev = Dev::start();
    for at in 0..10 {
        assert_eq!(dev.propose(&format!("command {at}")), at);
    }
    dev.pids().into_iter().for_each(|pid| signal("KILL", pid));
    let dir = dev.stop();
    let dev = Dev::start_in(dir);
    assert_eq!(dev.propose("after the power cut"), 10);
    let listened = dev.run(&["listen", "--from", "0", "--count", "11", "-o", "json"]);
    assert_eq!(listened.code, 0, "{}", listened.err);
    dev.stop();
}

#[test]
fn e2e_without_a_quorum_clients_hear_who_is_missing() {
    let _alone = alone();
    let dev = Dev::start();
    dev.propose("with everybody");
    for name in ["initech-1", "umbrella-1"] {
        signal("STOP", dev.pid(name));
    }
    // The servers left need a moment to notice that the others are silent.
    wait_until("the missing are named", || {
        let said = dev.run(&["propose", "--timeout", "3", "-o", "json", "without a quorum"]);
        assert_eq!(said.code, 3, "{}{}", said.out, said.err);
        let missing = |name| said.err.contains(name);
        said.err.contains("ALLY-0211") && missing("initech") && missing("umbrella")
    });
    wait_until("status names them", || {
        let said = dev.run(&["status", "--timeout", "1"]).out;
        said.contains("decisions have stopped without initech, umbrella")
    });
    // Nothing was decided in the meantime, and all of it is once one returns.
    let before = dev.status_of("acme-1").expect("it answers")["log_size"].clone();
    assert_eq!(before, 1);
    signal("CONT", dev.pid("initech-1"));
    dev.propose("with a quorum");
    signal("CONT", dev.pid("umbrella-1"));
    wait_until("all have one log", || {
        let sizes = ["acme-1", "globex-1", "initech-1", "umbrella-1"]
            .map(|name| dev.status_of(name).map(|status| status["log_size"].clone()));
        sizes[0].is_some() && sizes.iter().all(|size| *size == sizes[0])
    });
    dev.stop();
}

#[test]
fn e2e_a_founding_that_was_cut_short_is_in_nobodys_way() {
    let _alone = alone();
    for name in ["KILL", "INT"] {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().to_str().expect("UTF-8");
        // Safe primes of 2048 bits take a while, and meanwhile half of the files are there.
        let mut founding = ally(&["dev", "--scheme", "rsa4096", "--dir", path])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("ally dev runs");
        let half = dir.path().join(".founding/client.key");
        wait_until("keys are dealt", || half.exists());
        // Nobody else founds there now.
        run(dir.path(), &["dev", "--dir", path]).fails(2, "ALLY-0515");
        signal(name, founding.id());
        let status = founding.wait().expect("it ends");
        assert!(!dir.path().join("alliance.toml").exists(), "keys were dealt too soon");
        assert_eq!(status.code(), (name == "INT").then_some(0));
        let dev = Dev::start_in(dir);
        assert_eq!(dev.propose("as if nothing had been"), 0);
        let hidden = |entry: std::io::Result<fs::DirEntry>| {
            entry.expect("an entry").file_name().to_string_lossy().starts_with('.')
        };
        assert!(!fs::read_dir(dev.path()).expect("a directory").any(hidden), "something is left");
        dev.stop();
    }
}

#[test]
fn e2e_servers_do_not_outlive_a_killed_parent() {
    let _alone = alone();
    let mut dev = Dev::start();
    dev.kill();
    wait_until("the servers end", || !dev.pids().into_iter().any(runs));
}

#[test]
fn e2e_an_idle_alliance_rests() {
    let _alone = alone();
    let dev = Dev::start();
    dev.propose("something to have been done");
    // Processor time in ticks of 10 ms, and bytes that went to the disk.
    let used = |pid: u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
        let fields = stat.rsplit_once(')').expect("a name").1.split_ascii_whitespace();
        let cpu: u64 = fields.skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
        let io = fs::read_to_string(format!("/proc/{pid}/io")).expect("it runs");
        let written = io.lines().find_map(|line| line.strip_prefix("write_bytes: "));
        (cpu, written.expect("a count").parse::<u64>().expect("a number"))
    };
    let all = || -> Vec<_> { dev.pids().into_iter().map(used).collect() };
    // What was proposed is answered before every server has its certificate on the disk.
    let mut before = all();
    wait_until("all is written", || {
        std::thread::sleep(std::time::Duration::from_secs(1));
        let written = |used: &[(u64, u64)]| used.iter().map(|(_, bytes)| *bytes).sum::<u64>();
        let earlier = std::mem::replace(&mut before, all());
        written(&earlier) == written(&before)
    });
    // Not to wait for anything: this is the time over which it is measured.
    std::thread::sleep(std::time::Duration::from_secs(3));
    for (pid, (cpu, written)) in dev.pids().into_iter().zip(before) {
        let (cpu_now, written_now) = used(pid);
        assert!(cpu_now - cpu <= 3, "{} ms of 3 s", (cpu_now - cpu) * 10);
        assert_eq!(written_now, written, "an idle server writes");
    }
    dev.stop();
}

#[test]
fn e2e_bench_measures_an_alliance_that_runs() {
    let _alone = alone();
    let dev = Dev::start();
    let dir = dev.path().to_str().expect("UTF-8");
    for pace in [&["--rate", "200"], &["--in-flight", "8"]] {
        let args = ["bench", "--dir", dir, "--seconds", "1", "--warm-up", "0", "-o", "json"];
        let report = dev.run(&[&args[..], pace].concat()).json();
        let number = |pointer: &str| report.pointer(pointer).and_then(|value| value.as_f64());
        assert!(number("/commands").is_some_and(|count| count > 0.0), "{report}");
        assert_eq!(number("/failed"), Some(0.0));
        assert_eq!(number("/two_step_share"), Some(1.0));
        assert!(number("/decided/p50_us").is_some() && number("/certified/p50_us").is_some());
        assert!(number("/limits/fsync/p50_us").is_some_and(|time| time > 0.0));
        assert_eq!(report["processes"].as_array().map(Vec::len), Some(5));
        assert!(report["processes"][0]["memory_peak_bytes"].as_u64() > Some(1 << 20));
    }
    dev.stop();
}
