//! Scenarios of docs/protocol.md#certificates: a server that missed a decision, while those who made it
//! have nothing to do any more.

mod support;

use ally_consensus::{Input, Message, View};
use ally_policy::ServerIndex;
use support::{Net, flat, s};

const LOST: u16 = 2;

/// Three blocks that all decide but the lost server, to which nothing comes; then the liars, whose votes
/// they needed, fall silent. The lost server has left the view.
fn parted(mut net: Net, liars: &[u16]) -> Net {
    assert!(net.propose(0));
    net.settle();
    net.filter = Box::new(|parcel| parcel.to != s(LOST));
    for _ in 0..3 {
        assert!(net.propose(0));
        net.settle();
    }
    net.filter = Box::new(|_| true);
    net.silent = liars.iter().map(|liar| s(*liar)).collect();
    net.step(s(LOST), Input::Starved, 0);
    net.settle();
    assert_eq!((net.engine(LOST).status().view, net.chain(LOST).len()), (View(1), 1));
    net
}

/// What the lost server has decided once the others were given this input about it.
fn after(net: &mut Net, told: fn(ServerIndex) -> Input) -> usize {
    for _ in 0..4 {
        for server in (0..net.count()).map(s).filter(|server| *server != s(LOST)) {
            if !net.silent.contains(server) {
                net.step(server, told(s(LOST)), 0);
            }
        }
        net.settle();
    }
    net.chain(LOST).len()
}

#[test]
fn what_others_said_of_a_decision_is_passed_on() {
    let mut net = parted(flat(4, 3), &[1]);
    assert_eq!(after(&mut net, Input::Connected), 1, "two votes decide nothing");
    assert_eq!(after(&mut net, Input::Unheard), 4);
    assert_eq!(net.chain(LOST), net.chain(0));
}

#[test]
fn commits_are_passed_on_too() {
    let mut net = parted(flat(7, 5), &[1, 6]);
    assert_eq!(after(&mut net, Input::Connected), 1, "four commits decide nothing");
    assert_eq!(after(&mut net, Input::Unheard), 4);
    assert_eq!(net.chain(LOST), net.chain(0));
}

#[test]
fn it_is_passed_on_after_a_restart_of_all_who_know() {
    let mut net = parted(flat(4, 3), &[1]);
    [0, 3].into_iter().for_each(|server| net.restart(server));
    assert_eq!(after(&mut net, Input::Unheard), 4);
}

#[test]
fn nothing_is_passed_on_once_a_certificate_says_it() {
    let mut net = parted(flat(4, 3), &[1]);
    net.certify(0, 4);
    net.step(s(0), Input::Unheard(s(LOST)), 0);
    let passed_on = net.said.iter().any(|said| matches!(said.body, Message::Support(_)));
    assert!(!passed_on);
}
