//! What has changed between two texts.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::flat;
use crate::tools::words::{sentences, words};

/// Beyond this many pairs of lines their order is no longer compared.
const PAIRS_MAX: usize = 4_000_000;

/// Compares an older text with a newer one: by lines, or by sentences where both are one line.
pub(super) fn compare(old: &str, new: &str, limit: usize) -> Value {
    let by_lines = old.trim().contains('\n') || new.trim().contains('\n');
    let parts = |text| -> Vec<String> {
        let parts: Vec<&str> = if by_lines { str::lines(text).collect() } else { sentences(text) };
        let flat =
            parts.into_iter().map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "));
        flat.filter(|part| !part.is_empty()).collect()
    };
    let (before, after) = (parts(old), parts(new));
    let (removed, added, unchanged) = difference(&before, &after);
    let list =
        |parts: &[&String]| parts.iter().take(limit).map(|part| flat(part)).collect::<Vec<_>>();
    let mut answer = json!({
        "identical": old == new,
        "similarity": similarity(old, new),
        "unit": if by_lines { "lines" } else { "sentences" },
        "unchanged": unchanged,
        "added": list(&added),
        "removed": list(&removed),
        "words_before": words(old).count(),
        "words_after": words(new).count(),
    });
    for (name, all) in [("added_total", &added), ("removed_total", &removed)] {
        if all.len() > limit {
            answer[name] = all.len().into();
        }
    }
    answer
}

/// The share of words that both texts have, 0 to 1, with two decimals.
fn similarity(old: &str, new: &str) -> f64 {
    let mut counts: HashMap<String, i64> = HashMap::new();
    let (mut total, mut common) = (0_u32, 0_u32);
    for word in words(old) {
        *counts.entry(word.to_lowercase()).or_default() += 1;
        total += 1;
    }
    for word in words(new) {
        total += 1;
        if let Some(count) = counts.get_mut(&word.to_lowercase()).filter(|count| **count > 0) {
            *count -= 1;
            common += 1;
        }
    }
    if total == 0 {
        return if old.trim() == new.trim() { 1.0 } else { 0.0 };
    }
    (200.0 * f64::from(common) / f64::from(total)).round() / 100.0
}

type Difference<'a> = (Vec<&'a String>, Vec<&'a String>, usize);

fn difference<'a>(before: &'a [String], after: &'a [String]) -> Difference<'a> {
    let start = before.iter().zip(after).take_while(|(a, b)| a == b).count();
    let (before, after) = (&before[start..], &after[start..]);
    let end = before.iter().rev().zip(after.iter().rev()).take_while(|(a, b)| a == b).count();
    let (before, after) = (&before[..before.len() - end], &after[..after.len() - end]);
    let (removed, added, kept) = if before.len().saturating_mul(after.len()) <= PAIRS_MAX {
        in_order(before, after)
    } else {
        without_order(before, after)
    };
    (removed, added, kept + start + end)
}

/// By the longest common subsequence.
fn in_order<'a>(before: &'a [String], after: &'a [String]) -> Difference<'a> {
    let width = after.len() + 1;
    // The length of the longest common subsequence of what follows each pair of places.
    let mut longest = vec![0_u32; (before.len() + 1) * width];
    for i in (0..before.len()).rev() {
        for j in (0..after.len()).rev() {
            longest[i * width + j] = if before[i] == after[j] {
                longest[(i + 1) * width + j + 1] + 1
            } else {
                longest[(i + 1) * width + j].max(longest[i * width + j + 1])
            };
        }
    }
    let (mut removed, mut added, mut kept) = (Vec::new(), Vec::new(), 0);
    let (mut i, mut j) = (0, 0);
    while i < before.len() && j < after.len() {
        if before[i] == after[j] {
            kept += 1;
            i += 1;
            j += 1;
        } else if longest[(i + 1) * width + j] >= longest[i * width + j + 1] {
            removed.push(&before[i]);
            i += 1;
        } else {
            added.push(&after[j]);
            j += 1;
        }
    }
    removed.extend(&before[i..]);
    added.extend(&after[j..]);
    (removed, added, kept)
}

fn without_order<'a>(before: &'a [String], after: &'a [String]) -> Difference<'a> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for part in after {
        *counts.entry(part).or_default() += 1;
    }
    let mut take = |part: &&String| {
        counts.get_mut(part.as_str()).filter(|count| **count > 0).map(|count| *count -= 1).is_none()
    };
    let removed: Vec<_> = before.iter().filter(|part| take(part)).collect();
    let kept = before.len() - removed.len();
    // What is left over has no partner; of equals the last ones.
    let mut added: Vec<_> = after
        .iter()
        .rev()
        .filter(|part| {
            counts
                .get_mut(part.as_str())
                .filter(|count| **count > 0)
                .map(|count| *count -= 1)
                .is_some()
        })
        .collect();
    added.reverse();
    (removed, added, kept)
}
