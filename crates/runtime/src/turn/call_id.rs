//! The ids of calls.

/// Tools that one step may ask for.
pub(super) const CALLS_MAX: usize = 64;
/// Calls that are written down of one step: so many have ids of their own.
pub(super) const CALLS_KEPT: usize = 999;
/// How an id begins, and how many characters it has.
const CALL: &str = "call";
const CHARS: usize = 9;

/// The id of a step's call: unique in the session, and of the nine letters and digits that even the
/// strictest provider takes, however many steps people have led the session to.
pub(super) fn call_id(step: u32, index: usize) -> String {
    let number = format!("{step:02}{:03}", index + 1);
    let room = CHARS.saturating_sub(number.len()).min(CALL.len());
    format!("{}{number}", &CALL[..room])
}

/// Whether a call is more than its step may ask for: the last three digits of its id count.
pub(super) fn is_too_many(call_id: &str) -> bool {
    let digits = call_id.len().checked_sub(3).and_then(|at| call_id.get(at..));
    digits.and_then(|digits| digits.parse().ok()).is_some_and(|number: usize| number > CALLS_MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn call_ids_are_nine_letters_and_digits() {
        assert_eq!(call_id(1, 0), "call01001");
        assert_eq!(call_id(50, 99), "call50100");
        assert_eq!(call_id(101, 0), "cal101001");
        assert_eq!(call_id(1_234, 63), "ca1234064");
        let mut ids = HashSet::new();
        for step in (1..=1_100).chain([99_999, 100_000, 1_000_000]) {
            for index in [0, 63, 64, CALLS_KEPT - 1] {
                let id = call_id(step, index);
                assert!(id.len() == CHARS || step >= 1_000_000, "{id}");
                assert_eq!(is_too_many(&id), index >= CALLS_MAX, "{id}");
                assert!(ids.insert(id.clone()), "{id}");
            }
        }
    }
}
