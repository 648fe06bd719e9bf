//! From a sequence of versions to what changed when.
//!
//! A version that comes for the first time is an edit. One that comes back after others took its place is a roll-back: it was
//! absent longer than chance explains given how often it was used before, and afterwards most uses are of it again. Two versions
//! that are in use side by side, as during a slow change, therefore make no roll-backs.

/// Uses looked at to see how often a version is in use.
const NEAR: usize = 50;
/// Uses after a return of which most must be of the version.
const AFTER: usize = 10;

/// So many uses of a new version without another in between make it more than a trial.
const STEADY: usize = 4;
/// More returns between two versions are no roll-backs.
const MOST_RETURNS: usize = 4;

/// What happened at a use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Event {
    /// The use, by its place in the sequence.
    pub(super) at: usize,
    /// The version in use before.
    pub(super) from: usize,
    /// The version that came.
    pub(super) to: usize,
    /// It had been in use before.
    pub(super) returned: bool,
}

/// What changed in a sequence of versions.
pub(super) fn events(sequence: &[usize]) -> Vec<Event> {
    let versions = sequence.iter().copied().max().map_or(0, |most| most + 1);
    let mut uses: Vec<Vec<usize>> = vec![Vec::new(); versions];
    for (at, version) in sequence.iter().enumerate() {
        uses[*version].push(at);
    }
    let mut events = Vec::new();
    for (version, uses) in uses.iter().enumerate() {
        // What is tried once among many others takes nobody's place.
        if let Some(&first) = uses.first()
            && first > 0
            && (uses.iter().any(|at| is_back(sequence, version, *at))
                || uses.windows(STEADY).any(|run| run[STEADY - 1] - run[0] < STEADY))
        {
            events.push(Event { at: first, from: usual_before(sequence, first), to: version, returned: false });
        }
        // Uses that come after an absence, up to the next one: a return may be as slow as an edit.
        let absent = |at: &usize| was_absent(sequence, version, uses[*at - 1], uses[*at]);
        let returns: Vec<usize> = (1..uses.len()).filter(|at| uses[*at] - uses[at - 1] > 1).filter(absent).collect();
        for (nth, &at) in returns.iter().enumerate() {
            let until = returns.get(nth + 1).copied().unwrap_or(uses.len());
            if uses[at..until].iter().any(|at| is_back(sequence, version, *at)) {
                events.push(Event { at: uses[at], from: usual_before(sequence, uses[at]), to: version, returned: true });
            }
        }
    }
    events.retain(|event| event.from != event.to);
    side_by_side(&mut events);
    events.sort_by_key(|event| event.at);
    events
}

/// The version that was usual in all uses before `at`, where the sequence of one model begins with a version that is new there and
/// stays.
pub(super) fn came_with(all: &[usize], sequence: &[usize], at: usize) -> Option<usize> {
    let (&version, before) = (all.get(at)?, all.get(..at)?);
    let from = usual_before(all, at);
    let is_new = !before.is_empty() && !before.contains(&version);
    (is_new && sequence.len() >= STEADY && is_back(sequence, version, 0)).then_some(from)
}

/// The version that most of the uses just before are of; of equally many the latest.
fn usual_before(sequence: &[usize], at: usize) -> usize {
    let before = &sequence[at.saturating_sub(AFTER)..at];
    let count = |version: usize| before.iter().filter(|other| **other == version).count();
    let best = before.iter().enumerate().max_by_key(|(at, version)| (count(**version), *at));
    best.map_or(0, |(_, version)| *version)
}

/// Two versions that give way to each other again and again are in use side by side, a session of the one after a session of the
/// other: nothing changed.
fn side_by_side(events: &mut Vec<Event>) {
    let pair = |event: &Event| (event.from.min(event.to), event.from.max(event.to));
    let returns: Vec<(usize, usize)> = events.iter().filter(|event| event.returned).map(pair).collect();
    events.retain(|event| returns.iter().filter(|other| **other == pair(event)).count() <= MOST_RETURNS);
}

/// Whether the uses between `last` and `next` without the version are more than chance explains.
fn was_absent(sequence: &[usize], version: usize, last: usize, next: usize) -> bool {
    let window = &sequence[last.saturating_sub(NEAR - 1)..=last];
    let mine = window.iter().filter(|other| **other == version).count();
    let share = (mine + 1) as f64 / (window.len() + 2) as f64;
    let without = (next - last - 1) as f64;
    // One false alarm in as many logs as this one has uses.
    let unlikely = -2.0 * (sequence.len().max(3) as f64).ln();
    without * (1.0 - share).ln() < unlikely
}

/// Whether most uses are of the version from here on.
fn is_back(sequence: &[usize], version: usize, at: usize) -> bool {
    let after = &sequence[at..sequence.len().min(at + AFTER)];
    let mine = after.iter().filter(|other| **other == version).count();
    mine * 10 >= after.len() * 6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(sequence: &[usize]) -> Vec<(usize, usize, usize, bool)> {
        events(sequence).into_iter().map(|event| (event.at, event.from, event.to, event.returned)).collect()
    }

    fn runs(runs: &[(usize, usize)]) -> Vec<usize> {
        runs.iter().flat_map(|(version, count)| vec![*version; *count]).collect()
    }

    #[test]
    fn an_edit_is_told_once_and_a_return_is_a_roll_back() {
        let sequence = runs(&[(0, 100), (1, 50), (0, 80), (2, 40)]);
        assert_eq!(told(&sequence), [(100, 0, 1, false), (150, 1, 0, true), (230, 0, 2, false)]);
    }

    #[test]
    fn a_prompt_that_comes_with_another_model_has_changed() {
        let (old, new) = (runs(&[(0, 50)]), runs(&[(1, 50)]));
        let all = [old.clone(), new.clone()].concat();
        assert_eq!((came_with(&all, &new, 50), came_with(&all, &old, 0)), (Some(0), None));
        // A model that begins with what others have in use changes nothing.
        assert_eq!(came_with(&runs(&[(0, 50)]), &runs(&[(0, 20)]), 30), None);
    }

    #[test]
    fn short_logs_have_roll_backs_too() {
        assert_eq!(told(&runs(&[(0, 10), (1, 10), (0, 10)])), [(10, 0, 1, false), (20, 1, 0, true)]);
    }

    #[test]
    fn a_slow_change_is_one_edit() {
        let mut sequence = runs(&[(0, 200)]);
        sequence.extend((0..100).map(|at| usize::from(at % 10 < at / 10)));
        sequence.extend(runs(&[(1, 200)]));
        assert_eq!(told(&sequence).len(), 1);
        // Nor does a slow return make more than one roll-back.
        sequence.extend((0..100).map(|at| usize::from(at % 10 >= at / 10)));
        sequence.extend(runs(&[(0, 200)]));
        assert_eq!(told(&sequence).len(), 2);
        // A last straggler does not bring the old version back.
        let mut late = runs(&[(0, 200), (1, 100)]);
        late.extend([0]);
        late.extend(runs(&[(1, 100)]));
        assert_eq!(told(&late).len(), 1);
    }

    #[test]
    fn versions_side_by_side_make_no_roll_backs() {
        let sequence: Vec<usize> =
            (0..20_000u64).map(|at| usize::from(crate::checksum::checksum(&at.to_le_bytes()).is_multiple_of(20))).collect();
        assert_eq!(told(&sequence), []);
        // Sessions of one kind after sessions of another.
        assert_eq!(told(&runs(&[(0, 40), (1, 30), (0, 50), (1, 20), (0, 30), (1, 60), (0, 20), (1, 30)])), []);
    }
}
