use super::*;

fn leaf(server: u16) -> Formula {
    Formula::Leaf(ServerIndex(server))
}

fn gate(threshold: u16, children: Vec<Formula>) -> Formula {
    Formula::gate(threshold, children).expect("a valid gate")
}

/// 2 of (0, 1 of (1, 2), all of (3, 0)): server 0 stands at two leaves.
fn mixed() -> Formula {
    gate(2, vec![leaf(0), gate(1, vec![leaf(1), leaf(2)]), gate(2, vec![leaf(3), leaf(0)])])
}

fn subsets(count: u16) -> impl Iterator<Item = ServerSet> {
    (0..1u32 << count)
        .map(move |bits| (0..count).filter(|i| bits >> i & 1 == 1).map(ServerIndex).collect())
}

#[test]
fn dual_is_false_on_the_complement_exactly_where_the_formula_is_true() {
    let formula = mixed();
    let dual = formula.dual();
    for set in subsets(4) {
        let complement = ServerSet::first(4).difference(&set);
        assert_eq!(dual.holds(&set), !formula.holds(&complement), "{set:?}");
    }
    assert_eq!(dual.dual(), formula);
}

#[test]
fn holds_counts_a_repeated_server_at_each_of_its_leaves() {
    let set: ServerSet = [ServerIndex(0), ServerIndex(3)].into_iter().collect();
    assert!(mixed().holds(&set));
    assert!(!mixed().holds(&[ServerIndex(0)].into_iter().collect()));
}

#[test]
fn leaves_come_from_left_to_right_with_repetition() {
    let leaves: Vec<u16> = mixed().leaves().iter().map(|server| server.0).collect();
    assert_eq!(leaves, [0, 1, 2, 3, 0]);
    assert_eq!(mixed().leaf_count(), 5);
    assert_eq!(mixed().depth(), 2);
    assert_eq!(mixed().servers(), ServerSet::first(4));
}

#[test]
fn encoding_is_frozen_and_reads_back() {
    let bytes = gate(2, vec![leaf(0), leaf(1), leaf(0x0102 % 256)]).to_bytes();
    assert_eq!(bytes, [1, 2, 0, 3, 0, 0, 0, 0, 0, 1, 0, 0, 2, 0]);
    assert_eq!(Formula::from_bytes(&mixed().to_bytes()), Ok(mixed()));
}

#[test]
fn decoding_refuses_every_truncation_and_every_trailing_byte() {
    let bytes = mixed().to_bytes();
    for length in 0..bytes.len() {
        assert!(Formula::from_bytes(&bytes[..length]).is_err(), "{length} bytes");
    }
    let longer = [bytes.as_slice(), &[0]].concat();
    assert_eq!(Formula::from_bytes(&longer), Err(FormulaError::Malformed));
}

#[test]
fn decoding_bounds_nesting_before_it_follows_it() {
    let bytes = [1, 1, 0, 1, 0].repeat(1_000_000);
    assert_eq!(Formula::from_bytes(&bytes), Err(FormulaError::Depth));
}

#[test]
fn limits_are_reached_and_kept() {
    let many: Vec<Formula> = (0..LEAVES_MAX).map(|index| leaf(index as u16 % 256)).collect();
    let widest = gate(1, many);
    assert_eq!(widest.leaf_count(), LEAVES_MAX);
    let beyond = Formula::gate(1, vec![widest, leaf(0)]);
    assert_eq!(beyond, Err(FormulaError::Leaves { leaves: LEAVES_MAX + 1 }));

    let deepest = (0..DEPTH_MAX).fold(leaf(0), |formula, _| gate(1, vec![formula]));
    assert_eq!(Formula::from_bytes(&deepest.to_bytes()), Ok(deepest.clone()));
    assert_eq!(Formula::gate(1, vec![deepest]), Err(FormulaError::Depth));

    let zero = Formula::gate(0, vec![leaf(0)]);
    assert_eq!(zero, Err(FormulaError::Threshold { threshold: 0, children: 1 }));
    let large = Formula::gate(2, vec![leaf(0)]);
    assert_eq!(large, Err(FormulaError::Threshold { threshold: 2, children: 1 }));
    assert_eq!(Formula::gate(1, Vec::new()), Err(FormulaError::Empty));
    assert!(Formula::gate(1, vec![leaf(256)]).is_err());
}
