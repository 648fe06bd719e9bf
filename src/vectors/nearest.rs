//! The rows of a part that are nearest to a question: by the graph, or by looking at all rows where that is as fast or surer.

use rayon::prelude::*;

use crate::vectors::graph::search::{Found, Visited, descend, layer};
use crate::vectors::part::Part;
use crate::vectors::quantize::Query;

/// Candidates of a walk unless more or fewer are asked for: on 50,000 and 200,000 texts of logs it found more than 19 of 20 true neighbours, where 96 did
/// not.
pub const EF: usize = 256;
/// Rows of one job of a scan.
const SCANNED_TOGETHER: usize = 1 << 14;
/// A walk through a filter is worth it when the square of the share that passes is more than this divided by the rows: estimated, not measured, from
/// about 1000 rows compared for each that passes and three times the cost of a comparison of a scan.
const WALK_COST: f64 = 3000.0;

/// Rows of a part.
#[derive(Clone, Debug, Default)]
pub struct RowSet {
    words: Vec<u64>,
    count: usize,
}

impl RowSet {
    /// The rows of the texts that `passes` takes.
    #[must_use]
    pub fn of_texts(part: &Part<'_>, passes: &dyn Fn(u32) -> bool) -> RowSet {
        let mut set = RowSet { words: vec![0; part.rows().len().div_ceil(64)], count: 0 };
        for text in (0..part.texts()).filter(|text| passes(*text)) {
            part.rows_of(text).for_each(|row| set.insert(row));
        }
        set
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// True without any.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn insert(&mut self, row: u32) {
        if let Some(word) = self.words.get_mut(row as usize / 64) {
            let bit = 1 << (row % 64);
            self.count += usize::from(*word & bit == 0);
            *word |= bit;
        }
    }

    fn has(&self, row: u32) -> bool {
        self.words.get(row as usize / 64).is_some_and(|word| word >> (row % 64) & 1 == 1)
    }
}

/// How to look.
#[derive(Clone, Copy, Debug)]
pub struct Manner<'a> {
    /// Candidates of a walk.
    pub ef: usize,
    /// All rows are looked at.
    pub exact: bool,
    /// Only these rows count; none: all.
    pub within: Option<&'a RowSet>,
}

impl Default for Manner<'_> {
    fn default() -> Self {
        Manner { ef: EF, exact: false, within: None }
    }
}

/// The best row of each of the `wanted` nearest texts, the best first, compared with the question as it is, not rounded.
#[must_use]
pub fn nearest(part: &Part<'_>, query: &Query, wanted: usize, manner: Manner<'_>) -> Vec<Found> {
    let count = manner.within.map_or(part.rows().len(), RowSet::len);
    let mut most = wanted.min(count);
    loop {
        let rows = rows(part, query, most, manner);
        let is_all = rows.len() < most || most >= count;
        let mut seen = rustc_hash::FxHashSet::default();
        let mut best: Vec<Found> = rows.into_iter().filter(|found| seen.insert(part.text_of(found.row()))).collect();
        if best.len() >= wanted || is_all {
            best.truncate(wanted);
            return best;
        }
        // Several windows of one text: look further.
        most = (most * 4).min(count);
    }
}

fn rows(part: &Part<'_>, query: &Query, most: usize, manner: Manner<'_>) -> Vec<Found> {
    let rows = part.rows();
    if most == 0 || query.row.len() != rows.stride {
        return Vec::new();
    }
    // The row of the question is rounded: a few more than wanted are compared again.
    let candidates = most.saturating_add(most / 2).saturating_add(16);
    let all = || {
        let target = query.target();
        match manner.exact && part.form.keeps_originals {
            true => scan(rows.len(), |row| likeness(part, query, row), candidates, manner.within),
            false => scan(rows.len(), |row| rows.likeness(target, row), candidates, manner.within),
        }
    };
    let found = walk(part, query, candidates, manner).unwrap_or_else(all);
    let mut found: Vec<Found> =
        found.into_iter().map(|found| Found::new(likeness(part, query, found.row()), found.row())).collect();
    found.sort_unstable_by(|a, b| b.cmp(a));
    found.truncate(most);
    found
}

/// How alike a row is, as exactly as the part knows.
fn likeness(part: &Part<'_>, query: &Query, row: u32) -> f32 {
    match part.original(row) {
        [] => query.likeness(&part.rows(), row),
        original => query.likeness_of_original(original),
    }
}

/// By the graph; `None` where there is none or a scan does better.
fn walk(part: &Part<'_>, query: &Query, candidates: usize, manner: Manner<'_>) -> Option<Vec<Found>> {
    let (rows, view) = (part.rows(), part.graph().filter(|_| !manner.exact)?);
    let count = rows.len();
    let share = manner.within.map_or(1.0, |within| within.len() as f64 / count.max(1) as f64);
    if share * share * (count as f64) < WALK_COST && manner.within.is_some() {
        return None;
    }
    let target = query.target();
    let start = descend(&view, &rows, target, 0)?;
    let ef = manner.ef.max(candidates).min(count);
    let budget = manner.within.map_or(count / 2, |within| most_compared(ef, view.links, within.len(), count));
    let mut visited = Visited::new(count);
    let found = match manner.within {
        None => layer(&view, &rows, target, &[start], (ef, 0, budget), &|_| true, &mut visited),
        Some(within) => layer(&view, &rows, target, &[start], (ef, 0, budget), &|row| within.has(row), &mut visited),
    }?;
    // A walk that ends early has lost its way: what exists must be found.
    let exist = manner.within.map_or(count, RowSet::len);
    (found.len() >= candidates.min(exist)).then_some(found)
}

/// How many rows a walk through a filter may compare before all that pass are compared instead. Where what passes lies anywhere, this is enough for nearly every
/// question (of 200,000 rows); where it lies elsewhere than what is asked for, a walk would go through half of all rows and find too little.
/// And never more than the rows that pass: looking at those is what it is to save.
fn most_compared(ef: usize, links: usize, passing: usize, count: usize) -> usize {
    let usual = (ef * links * 3 / 2).saturating_mul(count) / passing.max(1);
    usual.min(passing).min(count / 2)
}

/// Looks at all of so many rows.
fn scan(count: usize, likeness: impl Fn(u32) -> f32 + Sync, most: usize, within: Option<&RowSet>) -> Vec<Found> {
    let starts: Vec<usize> = (0..count).step_by(SCANNED_TOGETHER).collect();
    let best = |start: &usize| {
        let mut best: Vec<Found> = Vec::with_capacity(most.min(SCANNED_TOGETHER) * 2);
        let mut least = None;
        for row in *start as u32..count.min(start + SCANNED_TOGETHER) as u32 {
            if within.is_some_and(|within| !within.has(row)) {
                continue;
            }
            let found = Found::new(likeness(row), row);
            if least.is_some_and(|least| found <= least) {
                continue;
            }
            best.push(found);
            if best.len() >= most.saturating_mul(2) {
                least = keep_best(&mut best, most);
            }
        }
        keep_best(&mut best, most);
        best
    };
    let mut found: Vec<Found> = match starts.len() {
        0..=4 => starts.iter().flat_map(best).collect(),
        _ => starts.par_iter().flat_map_iter(best).collect(),
    };
    found.sort_unstable_by(|a, b| b.cmp(a));
    found.truncate(most);
    found
}

/// Leaves the best; gives the least of them when there are as many as may stay.
fn keep_best(found: &mut Vec<Found>, most: usize) -> Option<Found> {
    if found.len() <= most || most == 0 {
        return None;
    }
    let (_, least, _) = found.select_nth_unstable_by(most - 1, |a, b| b.cmp(a));
    let least = *least;
    found.truncate(most);
    Some(least)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::graph::Config;
    use crate::vectors::graph::build::tests::points;
    use crate::vectors::graph::grow::grow;
    use crate::vectors::graph::links::EMPTY;
    use crate::vectors::metric::{Form, Metric};
    use crate::vectors::part::tests::{Aligned, built, built_of, forms, reseal};
    use crate::vectors::part::{Check, HEADER};

    fn share_found(part: &Part<'_>, passes: &dyn Fn(u32) -> bool) -> (usize, usize) {
        let set = RowSet::of_texts(part, passes);
        let within = (set.len() < part.rows().len()).then_some(&set);
        let (mut hits, mut wanted) = (0, 0);
        for row in (0..part.rows().len() as u32).step_by(37) {
            let query = part.question(row);
            let ask = |exact| nearest(part, &query, 10, Manner { within, exact, ..Manner::default() });
            let truth = ask(true);
            let found = ask(false);
            assert!(
                [&truth, &found].into_iter().flatten().all(|found| passes(part.text_of(found.row()))),
                "nothing else is found"
            );
            assert_eq!(found.len(), truth.len(), "what exists is found");
            hits += found.iter().filter(|found| truth.contains(found)).count();
            wanted += truth.len();
        }
        (hits, wanted)
    }

    // Filters must not cost hits, however few rows they leave.
    #[test]
    fn recall_holds_under_filters() {
        let built = built(6000, true);
        let bytes = Aligned::of(&built.encode());
        let part = Part::read(bytes.bytes(), Check::Whole).unwrap();
        // Nine of ten are walked through, fewer compared one by one.
        for (some, of) in [(1, 1), (9, 10), (1, 2), (1, 20), (1, 100), (1, 1000)] {
            let passes = |text: u32| text.wrapping_mul(2_654_435_761) % of < some;
            let (hits, wanted) = share_found(&part, &passes);
            assert!(hits * 100 >= wanted * 95, "{some} of {of}: {hits} of {wanted}");
        }
    }

    // A walk that is given up must not have cost more than what is done instead, and one that does well must not be given up.
    #[test]
    fn a_walk_through_a_filter_ends_before_it_costs_more_than_a_scan() {
        let [half, fifth, eighth] = [100_000, 40_000, 25_000].map(|passing| most_compared(256, 16, passing, 200_000));
        assert_eq!((half, fifth, eighth), (12_288, 30_720, 25_000));
        assert_eq!(most_compared(100_000, 16, 150_000, 200_000), 100_000);
        assert_eq!((most_compared(256, 16, 0, 200_000), most_compared(256, 16, 1, 1)), (0, 0));
    }

    // Whatever becomes of a walk, what exists is found: one that would compare too much is given up, one that finds too little is not believed.
    #[test]
    fn a_walk_that_is_given_up_or_finds_too_little_ends_in_a_scan() {
        let mut built = built(6000, true);
        let bytes = Aligned::of(&built.encode());
        let part = Part::read(bytes.bytes(), Check::Whole).unwrap();
        let most = RowSet::of_texts(&part, &|text| text % 10 != 3);
        let query = part.question(42);
        let half = RowSet::of_texts(&part, &|text| text % 2 == 0);
        assert_eq!(
            walk(&part, &query, 31, Manner { within: Some(&half), ..Manner::default() }),
            None,
            "a scan of 3,000 is quicker"
        );
        for within in [None, Some(&most)] {
            let manner = |ef| Manner { ef, within, ..Manner::default() };
            assert!(walk(&part, &query, 31, manner(64)).is_some_and(|found| found.len() == 64));
            assert!(walk(&part, &query, 200, manner(64)).is_some_and(|found| found.len() == 200), "as many as are wanted");
            assert_eq!(walk(&part, &query, 31, manner(6000)), None, "more than half of all");
            let exact = nearest(&part, &query, 10, Manner { exact: true, ..manner(64) });
            assert_eq!(nearest(&part, &query, 10, manner(6000)), exact);
        }
        // A graph whose links lead nowhere.
        built.graph.as_mut().unwrap().ground.fill(EMPTY);
        let bytes = Aligned::of(&built.encode());
        let part = Part::read(bytes.bytes(), Check::Whole).unwrap();
        assert_eq!(walk(&part, &query, 31, Manner::default()), None);
        assert_eq!(
            nearest(&part, &query, 10, Manner::default()),
            nearest(&part, &query, 10, Manner { exact: true, ..Manner::default() })
        );
    }

    // Ten texts were asked for, not ten windows: that those of one long text are nearer than all others must not push these out.
    #[test]
    fn many_windows_of_one_text_leave_room_for_others() {
        let mut built = built(600, false);
        let form = built.form;
        for (text, point) in built.texts.iter_mut().zip(points(600, 24, 8)).step_by(3) {
            (1..40).for_each(|window| text.vectors.add(window * 2048, &point, form).unwrap());
        }
        let bytes = Aligned::of(&built.encode());
        let part = Part::read(bytes.bytes(), Check::Whole).unwrap();
        let found = nearest(&part, &part.question(0), 10, Manner::default());
        let texts: std::collections::BTreeSet<u32> = found.iter().map(|found| part.text_of(found.row())).collect();
        assert!(texts.len() == 10 && found.is_sorted_by(|a, b| a > b), "{texts:?}");
    }

    /// Points of very different lengths: they matter to products and distances.
    fn long_and_short(count: usize) -> Vec<Vec<f32>> {
        let stretched = |(at, point): (usize, Vec<f32>)| point.iter().map(|value| value * (1.0 + (at % 7) as f32)).collect();
        points(count, 24, 8).into_iter().enumerate().map(stretched).collect()
    }

    // Whichever way vectors are compared and kept: a graph finds what they themselves say is nearest, and nothing is rounded where they are kept.
    #[test]
    fn the_nearest_are_found_in_every_form() {
        let points = long_and_short(3000);
        for form in forms(24) {
            let bytes = Aligned::of(&built_of(&points, form, true).encode());
            let part = Part::read(bytes.bytes(), Check::Whole).unwrap();
            let (mut hits, mut wanted, mut first) = (0, 0, 0);
            for at in (5..points.len()).step_by(61) {
                // A question beside the point: between it and its neighbour.
                let asked: Vec<f32> = points[at].iter().zip(&points[at - 1]).map(|(a, b)| a + b * 0.3).collect();
                let mut truth: Vec<(f32, u32)> =
                    (0..).zip(&points).map(|(row, point)| (truly(form.metric, &asked, point), row)).collect();
                truth.sort_by(|a, b| b.0.total_cmp(&a.0));
                let query = Query::new(&asked, form.metric).unwrap();
                let ask = |exact| nearest(&part, &query, 10, Manner { exact, ..Manner::default() });
                let (found, exact) = (ask(false), ask(true));
                let rows: Vec<u32> = truth[..10].iter().map(|(_, row)| *row).collect();
                hits += found.iter().filter(|found| rows.contains(&found.row())).count();
                wanted += 10;
                first += usize::from(exact[0].row() == rows[0]);
                if form.keeps_originals {
                    let likeness: Vec<f32> = exact.iter().map(|found| found.likeness()).collect();
                    let close = |(a, b): (&f32, &(f32, u32))| (a - b.0).abs() <= 1e-4 * (1.0 + b.0.abs());
                    assert!(likeness.iter().zip(&truth).all(close), "{form:?} {likeness:?} {:?}", &truth[..10]);
                }
            }
            let least = if form.keeps_originals { 98 } else { 90 };
            assert!(hits * 100 >= wanted * least && first * 10 * 10 >= wanted * 9, "{form:?}: {hits} and {first} of {wanted}");
        }
    }

    fn truly(metric: Metric, a: &[f32], b: &[f32]) -> f32 {
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        match metric {
            Metric::Cosine => dot(a, b) / (dot(a, a) * dot(b, b)).sqrt(),
            Metric::Dot => dot(a, b),
            Metric::L2 => -a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f32>(),
        }
    }

    // Bytes of a part are strangers: whatever is in its header and sections, an answer comes back or an error, never a panic.
    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config { cases: 600, failure_persistence: None, ..Default::default() })]
        #[test]
        fn hostile_parts_never_panic(
            changes in proptest::collection::vec((proptest::num::usize::ANY, proptest::num::u8::ANY, proptest::bool::ANY), 1..12),
            cut in proptest::option::weighted(0.1, proptest::num::usize::ANY),
        ) {
            static GOOD: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
            let form = Form { dimension: 24, metric: Metric::L2, keeps_originals: true };
            let mut bad = GOOD.get_or_init(|| built_of(&points(300, 24, 8), form, true).encode()).clone();
            for (place, value, in_header) in changes {
                // Behind the magic; half of all changes meet the sizes and the table of sections.
                let end = if in_header { HEADER } else { bad.len() };
                bad[8 + place % (end - 8)] = value;
            }
            reseal(&mut bad);
            let end = cut.map_or(bad.len(), |cut| cut % bad.len());
            let aligned = Aligned::of(&bad[..end]);
            for check in [Check::Whole, Check::Known] {
                Part::read(aligned.bytes(), check).into_iter().for_each(|part| use_all(&part));
            }
        }
    }

    /// All that is asked of a part.
    fn use_all(part: &Part<'_>) {
        for row in [0, 17, 299, 5000] {
            let query = Query::of_row(part.rows().row(row), 0.01, part.form.metric);
            let found = nearest(part, &query, 10, Manner::default());
            found.iter().for_each(|found| drop(part.take(part.text_of(found.row()))));
            let set = RowSet::of_texts(part, &|text| part.holders(text).any(|number| number % 2 == 0));
            drop(nearest(part, &query, 10, Manner { within: Some(&set), ..Manner::default() }));
        }
        drop(part.graph().map(|graph| graph.layers()));
        let places: Vec<u32> = (0..part.rows().len() as u32).collect();
        if let Some(graph) = part.graph() {
            drop(grow(&part.rows(), Config { links: graph.links, ef_construction: 20 }, graph, &places));
        }
    }
}
