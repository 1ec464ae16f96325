use super::*;

const SERVERS: usize = 4;
/// The longest short record.
const SHORT: usize = SHORT_RECORD_BYTES * SERVERS;
/// Four of them fit.
const LONG: usize = LONG_BYTES_MAX / 4;

fn archive() -> Archive {
    Archive::with(SERVERS, [])
}

/// The numbers kept after records of these lengths, of one kind.
fn kept(archive: &mut Archive, lengths: impl IntoIterator<Item = usize>) -> Vec<u64> {
    let mut kept = Vec::new();
    for bytes in lengths {
        let (key, dropped) = archive.admit(1, bytes).expect("it fits");
        kept.push(key);
        kept.retain(|key| !dropped.contains(key));
    }
    kept.iter().map(|key| key.number).collect()
}

#[test]
fn the_newest_are_kept_of_each_kind_and_no_more_than_fit() {
    let mut archive = archive();
    assert_eq!(kept(&mut archive, [LONG; 10]), [6, 7, 8, 9]);
    let (other, dropped) = archive.admit(2, LONG_BYTES_MAX).expect("it fits");
    assert_eq!((other.number, dropped), (0, Vec::new()), "kinds do not drive each other out");
    assert_eq!(archive.admit(1, LONG_BYTES_MAX + 1), None);
    let fit = SHORT_BYTES_MAX / SHORT;
    let numbers = kept(&mut archive, vec![SHORT; fit + 3]);
    assert_eq!((numbers.len(), numbers[0]), (fit, 10 + 3));
}

/// A lying leader makes each record as long as headers may be; the records from before it led, and
/// of what others lead, stay.
#[test]
fn long_records_do_not_drive_out_short_ones() {
    let mut archive = archive();
    let lengths = (0..5_000).flat_map(|_| [SHORT, SHORT + 1, 500 << 10]);
    let numbers = kept(&mut archive, lengths);
    let short = numbers.iter().filter(|number| *number % 3 == 0).count();
    assert_eq!(short, 5_000);
    let long = numbers.len() - short;
    assert!((32..70).contains(&long), "{long} long ones");
}

#[test]
fn what_was_kept_before_a_restart_counts_and_its_numbers_are_not_used_again() {
    let old = (6..10).map(|number| TestimonyKey { kind: 1, number, bytes: LONG as u32 });
    let mut archive = Archive::with(SERVERS, old);
    let (key, dropped) = archive.admit(1, 1).expect("it fits");
    assert_eq!((key.number, dropped), (10, Vec::new()));
    let (key, dropped) = archive.admit(1, SHORT + 1).expect("it fits");
    assert_eq!(key.number, 11);
    assert_eq!(dropped.iter().map(|key| key.number).collect::<Vec<_>>(), [6]);
}
