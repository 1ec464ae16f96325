//! "Did you mean ...?"

/// Longer words are not compared: the table is quadratic and nobody mistypes such names.
const WORD_BYTES_MAX: usize = 64;

/// The candidate nearest to a mistyped word, if one is near: up to one edit for every three
/// characters. An edit inserts, removes or replaces a character or swaps two neighbours.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > WORD_BYTES_MAX {
        return None;
    }
    let limit = word.chars().count().div_ceil(3);
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= WORD_BYTES_MAX && *candidate != word)
        .map(|candidate| (edits(word, candidate), candidate))
        .filter(|(edits, candidate)| *edits <= limit && *edits < candidate.chars().count())
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// The number of edits from one word to another, upper and lower case alike.
///
/// # Source
/// Optimal string alignment (Damerau 1964, Wagner & Fischer 1974).
fn edits(from: &str, to: &str) -> usize {
    let from: Vec<char> = from.to_lowercase().chars().collect();
    let to: Vec<char> = to.to_lowercase().chars().collect();
    let mut rows: Vec<Vec<usize>> = vec![(0..=to.len()).collect()];
    for (i, a) in from.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in to.iter().enumerate() {
            let replaced = rows[i][j] + usize::from(a != b);
            let mut least = replaced.min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == to[j - 1] && from[i - 1] == *b {
                least = least.min(rows[i - 1][j - 1] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_counts_insertions_removals_replacements_and_swaps() {
        assert_eq!(edits("acme", "acme"), 0);
        assert_eq!(edits("acmee", "acme"), 1);
        assert_eq!(edits("cme", "acme"), 1);
        assert_eq!(edits("amce", "acme"), 1);
        assert_eq!(edits("ACME", "acme"), 0);
        assert_eq!(edits("", "acme"), 4);
    }

    #[test]
    fn nearest_stays_silent_when_nothing_is_near() {
        assert_eq!(nearest("globx", ["acme", "globex", "initech"]), Some("globex"));
        assert_eq!(nearest("zurich", ["acme", "globex", "initech"]), None);
        assert_eq!(nearest("a", ["b"]), None);
        assert_eq!(nearest(&"x".repeat(1000), ["x"]), None);
    }
}
