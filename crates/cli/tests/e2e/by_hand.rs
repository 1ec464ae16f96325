//! From `ally init` to servers, and what can be wrong on the way.

use crate::founding::{NAMES, config, found, founded, introduced};
use crate::support::{Dev, Said, Server, alone, run, wait_until};
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;

/// Tries to serve, which must not work.
fn serve(dir: &TempDir, name: &str) -> Said {
    let config = config(dir, name);
    run(dir.path(), &["serve", "--config", config.to_str().expect("UTF-8")])
}

#[test]
fn e2e_four_members_found_an_alliance_by_hand() {
    let _alone = alone();
    let dir = founded();
    let servers = NAMES[..3].iter().map(|name| Server::start(&config(&dir, name)));
    let servers: Vec<_> = servers.collect();
    let propose = ["propose", "--client-key", "acme/client.key", "--server", "acme-1", "first"];
    wait_until("three servers decide", || run(dir.path(), &propose).code == 0);
    let show = run(dir.path(), &["alliance", "show", "-o", "json"]).json();
    assert_eq!(show["in_force"], true);
    for server in servers {
        assert_eq!(server.stop(), 0);
    }
}

#[test]
fn e2e_mistakes_in_founding_are_named() {
    let dir = introduced();
    let at = dir.path();
    // The policy: its line is shown.
    fs::write(at.join("policy.toml"), "decide = \"3 off (acme, globex)\"\n").expect("written");
    assert!(found(at).fails(2, "ALLY-0101").contains("policy.toml:1"));
    fs::write(at.join("policy.toml"), "decide = \"2 of (acme, globex, initech, umbrella)\"\n")
        .expect("written");
    assert!(found(at).fails(1, "ALLY-0102").contains("policy.toml: the policy is refused"));
    fs::write(at.join("policy.toml"), "decide = \"3 of (acme, globex, initech, umbrela)\"\n")
        .expect("written");
    let said = found(at);
    let said = said.fails(2, "ALLY-0101");
    assert!(said.contains("policy.toml:1:40: unknown name `umbrela`"), "{said}");
    assert!(said.contains("did you mean `umbrella`"), "{said}");
    assert!(said.contains("3 of (acme, globex, initech, umbrela)"), "{said}");
    assert!(!at.join("founding").exists(), "nothing is left of what failed");

    // A member that is there already, and one that is not.
    let again = [
        "init",
        "--organisation",
        "acme",
        "--server",
        "acme-1",
        "--peers",
        "127.0.0.1:1",
        "--clients",
        "127.0.0.1:2",
        "--dir",
        "acme",
    ];
    run(at, &again).fails(2, "ALLY-0311");
    run(at, &["alliance", "show", "nothing.toml"]).fails(2, "ALLY-0001");
}

#[test]
fn e2e_a_document_is_signed_by_its_members_only() {
    let dir = introduced();
    let at = dir.path();
    fs::write(at.join("policy.toml"), "decide = \"3 of (acme, globex, initech, umbrella)\"\n")
        .expect("written");
    found(at).json();
    let document = "founding/alliance.toml";
    let join = ["init", "--join", document, "--dir", "acme"];
    assert!(run(at, &join).fails(2, "ALLY-0302").contains("umbrella"));
    let other = ["alliance", "sign", document, "--key", "acme/admin.key", "--fingerprint", "x"];
    run(at, &other).fails(1, "ALLY-0316");
    run(at, &["alliance", "sign", document, "--key", "acme/client.key"]).fails(2, "ALLY-0304");
    // Changed after it was signed.
    assert_eq!(run(at, &["alliance", "sign", document, "--key", "acme/admin.key"]).code, 0);
    let text = fs::read_to_string(at.join(document)).expect("there");
    fs::write(at.join(document), text.replace("example.org/ally", "example.org/bad!"))
        .expect("written");
    assert!(run(at, &join).fails(2, "ALLY-0302").contains("changed after it was signed by acme"));
}

#[test]
fn e2e_a_server_says_why_it_does_not_start() {
    let _alone = alone();
    let dir = founded();
    let keys = |name: &str| dir.path().join(name).join(format!("{name}-1/keys"));

    // A key that others can read.
    let key = keys("acme").join("signing.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("changed");
    assert!(serve(&dir, "acme").fails(2, "ALLY-0304").contains("chmod 600"));
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("changed");

    // Somebody else's key.
    fs::copy(keys("globex").join("signing.key"), &key).expect("copied");
    assert!(serve(&dir, "acme").fails(2, "ALLY-0304").contains("acme-1"));

    // A mistake in the configuration, with its line.
    let path = config(&dir, "globex");
    let text = fs::read_to_string(&path).expect("there");
    fs::write(&path, text.replace("durability", "durabilty")).expect("written");
    let said = serve(&dir, "globex");
    assert!(said.fails(2, "ALLY-0305").contains("did you mean `durability`"), "{}", said.err);

    // Data that is gone: it must not start with nothing.
    fs::remove_dir_all(dir.path().join("initech/initech-1/data")).expect("removed");
    assert!(serve(&dir, "initech").fails(2, "ALLY-0501").contains("--rejoin"));
    assert_eq!(run(dir.path(), &["serve", "--rejoin"]).code, 0);
    // Nor is a second directory made for it, where the first was or where its disk was mounted.
    for is_mounted in [false, true] {
        if is_mounted {
            fs::create_dir(dir.path().join("initech/initech-1/data")).expect("made");
        }
        let join = ["init", "--join", "alliance.toml", "--dir", "initech"];
        let said = run(dir.path(), &join);
        assert!(said.fails(2, "ALLY-0501").contains("initech-1 was made before"), "{}", said.err);
        assert!(serve(&dir, "initech").fails(2, "ALLY-0501").contains("--rejoin"));
    }
    fs::remove_dir(dir.path().join("initech/initech-1/data")).expect("removed");

    // Somebody else's data.
    let data = |name: &str| dir.path().join(name).join(format!("{name}-1/data"));
    fs::rename(data("globex"), data("initech")).expect("moved");
    assert!(serve(&dir, "initech").fails(2, "ALLY-0501").contains("belongs to"));

    // The document of another alliance.
    let other = founded();
    fs::copy(other.path().join("alliance.toml"), dir.path().join("umbrella/alliance.toml"))
        .expect("copied");
    let said = serve(&dir, "umbrella");
    assert!(said.fails(2, "ALLY-0304").contains("not the one that the alliance document names"));
    let good = dir.path().join("alliance.toml");
    fs::copy(good, dir.path().join("umbrella/alliance.toml")).expect("copied");

    // An address where somebody listens already; then a document that nobody signed like this.
    let path = config(&dir, "umbrella");
    let text = fs::read_to_string(&path).expect("there");
    let (_, rest) = text.split_once("\npeers   = \"").expect("an address");
    let address = rest.split_once('"').expect("a text").0;
    let holder = TcpListener::bind(address).expect("nobody else");
    assert!(serve(&dir, "umbrella").fails(2, "ALLY-0502").contains(address));
    drop(holder);
    let path = dir.path().join("umbrella/alliance.toml");
    let text = fs::read_to_string(&path).expect("there");
    fs::write(&path, text.replace("timeout_ms = 1000", "timeout_ms = 1001")).expect("written");
    assert!(serve(&dir, "umbrella").fails(2, "ALLY-0302").contains("acme"));
    fs::write(&path, text.replace("timeout_ms = 1000", "timeout = 1000")).expect("written");
    let said = serve(&dir, "umbrella");
    assert!(said.fails(2, "ALLY-0301").contains("alliance.toml:"), "{}", said.err);
}

#[test]
fn e2e_status_tells_a_stranger_from_nobody() {
    let _alone = alone();
    let (dir, other) = (founded(), founded());
    // A server of another alliance stands where acme's should.
    let clients = |dir: &TempDir| {
        let text = fs::read_to_string(config(dir, "acme")).expect("there");
        text.lines().find(|line| line.starts_with("clients = \"127")).expect("a line").to_owned()
    };
    let text = fs::read_to_string(config(&other, "acme")).expect("there");
    fs::write(config(&other, "acme"), text.replace(&clients(&other), &clients(&dir)))
        .expect("written");
    let stranger = Server::start(&config(&other, "acme"));
    let status = ["status", "--client-key", "acme/client.key"];
    wait_until("the stranger answers", || {
        let said = run(dir.path(), &[&status[..], &["-o", "json"]].concat());
        said.fails(3, "ALLY-0210");
        let answer: serde_json::Value = serde_json::from_str(&said.out).expect("JSON");
        assert_eq!(answer["servers"][1]["state"], "unreachable");
        answer["servers"][0]["state"] == "wrong_alliance"
    });
    let said = run(dir.path(), &status).out;
    assert!(said.contains("wrong alliance") && said.contains("shows another key"), "{said}");
    assert_eq!(stranger.stop(), 0);
}

#[test]
fn e2e_a_server_that_lost_its_votes_does_not_vote_again() {
    let _alone = alone();
    let dev = Dev::start();
    (0..3).for_each(|at| _ = dev.propose(&format!("command {at}")));
    let home = dev.config("acme-1").parent().expect("a directory").to_owned();
    let dir = dev.stop();
    // Cut every file of the journal to half its length.
    let mut cut = 0;
    let mut directories = vec![home.join("data")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|ending| ending == "jnl") {
                let file = fs::OpenOptions::new().write(true).open(&path).expect("opened");
                let length = file.metadata().expect("a length").len();
                file.set_len(length / 2).expect("cut");
                cut += 1;
            }
        }
    }
    assert!(cut > 0, "the journal is elsewhere");
    let config = home.join("server.toml");
    let said = run(dir.path(), &["serve", "--config", config.to_str().expect("UTF-8")]);
    assert!(said.fails(2, "ALLY-0501").contains("--rejoin"));
}
