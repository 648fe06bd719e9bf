//! The files of vectors: `parts/NNNNNNNN.vec`, numbered in the order they were made.
//!
//! They name records by number, and numbers are never given out twice: so parts stay as they are while packs are rewritten, until
//! a record they name is gone. Then [`prune`] writes them anew without it, and with it go the texts that no record holds any more.

use std::path::{Path, PathBuf};

use rustc_hash::FxHashMap;

use crate::error::{Corrupt, Error, Result};
use crate::fsio::{self, Map};
use crate::progress::Progress;
use crate::vault::api::ModelRow;
use crate::vault::embed::conversations::is_conversations;
use crate::vault::layout::Layout;
use crate::vault::rewrite::Numbers;
use crate::vault::snapshot::Snapshot;
use crate::vectors::graph::build::build;
use crate::vectors::graph::grow::grow;
use crate::vectors::graph::{Config, NONE};
use crate::vectors::metric::Form;
use crate::vectors::part::{Built, Check, Part, Run, Text, join_runs, merge as merge_texts};
use crate::vectors::quantize::stride;

/// Parts are merged up to so many rows, …
const MERGED_ROWS: usize = 1 << 19;
/// … of so many bytes: a merge holds them in memory.
const MERGED_BYTES: usize = 1 << 30;
/// A part is merged with the one before it when that is at most so many times as large.
const LIKE_SIZE: usize = 2;

/// Parts with fewer rows are always merged: it takes a moment.
const SMALL: usize = 1 << 14;

/// All parts of a vault, mapped.
pub(crate) struct Shelf {
    kept: Vec<(PathBuf, Map)>,
    /// Files that cannot be used, and why.
    pub(crate) damaged: Vec<Error>,
    paths: Vec<PathBuf>,
}

impl Shelf {
    /// Opens what there is.
    ///
    /// # Errors
    /// When the system refuses; damaged files are put aside.
    pub(crate) fn open(snapshot: &Snapshot) -> Result<Shelf> {
        Shelf::open_checked(snapshot, Check::Usual)
    }

    /// The same, with a say in how much is read to check it.
    ///
    /// # Errors
    /// As [`Shelf::open`].
    pub(crate) fn open_checked(snapshot: &Snapshot, check: Check) -> Result<Shelf> {
        let mut shelf = Shelf { kept: Vec::new(), damaged: Vec::new(), paths: Vec::new() };
        let mut forms: FxHashMap<String, Form> = FxHashMap::default();
        for path in files(snapshot.layout()) {
            let opened = std::fs::metadata(&path).map(|file| file.len()).map_err(|error| Error::io("opening", &path, error));
            let map = opened.and_then(|length| Map::open(&path, length));
            let map = match map {
                // Merged or pruned since the directory was read.
                Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => continue,
                map => map?,
            };
            match Part::read(&map, check).and_then(|part| fits(snapshot, &part, &mut forms)) {
                Ok(()) => shelf.kept.push((path, map)),
                Err(corrupt) => {
                    shelf.damaged.push(Error::integrity(&path, corrupt));
                    shelf.paths.push(path);
                }
            }
        }
        Ok(shelf)
    }

    /// The parts, of one model or all.
    pub(crate) fn parts(&self, model: Option<&str>) -> Vec<Part<'_>> {
        let parts = self.kept.iter().filter_map(|(_, map)| Part::read(map, Check::Known).ok());
        parts.filter(|part| model.is_none_or(|model| part.model == model)).collect()
    }

    /// Takes some files out of consideration.
    pub(crate) fn leave_out(&mut self, paths: &[PathBuf]) {
        self.kept.retain(|(path, _)| !paths.contains(path));
    }

    /// What there is of each model.
    pub(crate) fn rows(&self) -> Vec<ModelRow> {
        let mut rows: std::collections::BTreeMap<String, ModelRow> = Default::default();
        for (_, map) in &self.kept {
            let Ok(part) = Part::read(map, Check::Known) else { continue };
            let row = rows.entry(part.model.clone()).or_default();
            row.model.clone_from(&part.model);
            row.dimension = part.form.dimension;
            (row.metric, row.quantize) = (part.form.metric.name(), part.form.quantized());
            row.texts += (0..part.texts()).filter(|text| !part.rows_of(*text).is_empty()).count() as u64;
            row.vectors += part.rows().len() as u64;
            row.parts += 1;
            row.bytes += map.len() as u64;
            for (layer, count) in part.graph().map(|graph| graph.layers()).unwrap_or_default().into_iter().enumerate() {
                row.layers.resize(row.layers.len().max(layer + 1), 0);
                row.layers[layer] += count;
            }
        }
        rows.into_values().collect()
    }
}

/// Refuses a part of another vault, or one that names records nobody stored, or whose vectors are not like those of its model before it. (Where
/// two kinds lie side by side an `--all` was killed. They cannot be compared, and what was there before is whole.)
fn fits(snapshot: &Snapshot, part: &Part<'_>, forms: &mut FxHashMap<String, Form>) -> Result<(), Corrupt> {
    let next = snapshot.head.next_record;
    let within = part.known.iter().all(|run| run.first.checked_add(run.count).is_some_and(|end| end <= next));
    if part.vault != snapshot.head.vault_id || !within {
        return Err(Corrupt("is of another vault".into()));
    }
    let is_like_others = *forms.entry(part.model.clone()).or_insert(part.form) == part.form;
    if is_like_others {
        Ok(())
    } else {
        Err(Corrupt("its vectors are of another form than those of the same model before it".into()))
    }
}

/// Parts whose writing never ended.
fn leftovers(layout: &Layout) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(layout.parts()).map(|entries| entries.flatten().map(|entry| entry.path()).collect());
    let files: Vec<PathBuf> = entries.unwrap_or_default();
    files.into_iter().filter(|path| path.to_string_lossy().ends_with(".vec.new")).collect()
}

/// The files, in order.
fn files(layout: &Layout) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(layout.parts()).map(|entries| entries.flatten().map(|entry| entry.path()).collect());
    let mut files: Vec<PathBuf> = entries.unwrap_or_default();
    files.retain(|path| number(path).is_some());
    files.sort();
    files
}

fn number(path: &Path) -> Option<u32> {
    let name = path.file_name()?.to_str()?.strip_suffix(".vec")?;
    name.parse().ok()
}

/// True for a file of this room, half-written ones included.
pub(crate) fn is_ours(path: &Path) -> bool {
    number(path).is_some() || path.to_string_lossy().ends_with(".vec.new")
}

/// Writes a part under the next number.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write(layout: &Layout, built: &Built) -> Result<PathBuf> {
    let folder = layout.parts();
    if !folder.is_dir() {
        fsio::create_dir(&folder)?;
    }
    let next = files(layout).last().and_then(|path| number(path)).map_or(1, |last| last.saturating_add(1));
    let path = folder.join(format!("{next:08}.vec"));
    fsio::replace(&path, &built.encode())?;
    Ok(path)
}

/// Removes all parts.
///
/// # Errors
/// When the system refuses.
pub(crate) fn forget(layout: &Layout) -> Result<()> {
    files(layout).iter().try_for_each(|path| fsio::remove(path))
}

/// The files of a model.
///
/// # Errors
/// When the system refuses.
pub(crate) fn of_model(snapshot: &Snapshot, model: &str) -> Result<Vec<PathBuf>> {
    let is_of = |map: &Map| Part::read(map, Check::Known).is_ok_and(|part| part.model == model);
    Ok(Shelf::open(snapshot)?.kept.into_iter().filter(|(_, map)| is_of(map)).map(|(path, _)| path).collect())
}

/// Records that are stored.
fn stored(snapshot: &Snapshot) -> Numbers {
    let mut stored = Numbers::default();
    snapshot.places().iter().for_each(|place| stored.insert_run(place.first, place.count));
    stored
}

/// Writes parts anew that name records which are gone; damaged ones go as a whole. Gives the files that went and those that came.
///
/// # Errors
/// When parts cannot be written.
pub(crate) fn prune(snapshot: &Snapshot, progress: &dyn Progress) -> Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    for path in leftovers(snapshot.layout()) {
        fsio::remove(&path)?;
    }
    let (mut gone, mut came) = (Vec::new(), Vec::new());
    let shelf = Shelf::open(snapshot)?;
    if shelf.kept.is_empty() && shelf.damaged.is_empty() {
        return Ok((gone, came));
    }
    let stored = stored(snapshot);
    let lives = |number: u64| stored.contains(number);
    for (path, map) in &shelf.kept {
        let Ok(part) = Part::read(map, Check::Known) else { continue };
        let known = part.known.iter().flat_map(|run| run.first..run.first + run.count);
        let whole = known.into_iter().all(lives) && (0..part.texts()).all(|text| part.holders(text).all(lives));
        if whole {
            continue;
        }
        let mut texts: Vec<Text> = (0..part.texts()).map(|text| part.take(text)).collect();
        let mut known = still(&part.known, &stored);
        if is_conversations(&part.model, None) {
            known = without_changed(&mut texts, known, &lives);
        }
        let texts = merge_texts(vec![texts], &lives);
        if !texts.is_empty() || !known.is_empty() {
            let config = part.graph().map(|graph| Config { links: graph.links, ..Config::default() });
            let built = assemble(&part, known, texts, config, Some(&part));
            came.push(write(snapshot.layout(), &built)?);
        }
        fsio::remove(path)?;
        gone.push(path.clone());
    }
    for (path, error) in shelf.paths.iter().zip(&shelf.damaged) {
        // It may hold what was meant to go.
        progress.warn(&format!("{error}; dropped, `turnpack embed` makes it anew"));
        fsio::remove(path)?;
        gone.push(path.clone());
    }
    Ok((gone, came))
}

/// A conversation's vector is made of all its records: when one is gone it goes too, and the rest are pending again.
fn without_changed(texts: &mut Vec<Text>, known: Vec<Run>, lives: &dyn Fn(u64) -> bool) -> Vec<Run> {
    let mut pending = Numbers::default();
    texts.retain(|text| {
        let whole = text.holders.iter().all(|number| lives(*number));
        text.holders.iter().filter(|_| !whole).for_each(|number| pending.insert(*number));
        whole
    });
    let numbers = known.iter().flat_map(|run| run.first..run.first + run.count).filter(|number| !pending.contains(*number));
    join_runs(numbers.map(|first| Run { first, count: 1 }).collect())
}

/// The part of some runs that is stored.
fn still(known: &[Run], stored: &Numbers) -> Vec<Run> {
    let numbers = known.iter().flat_map(|run| run.first..run.first + run.count).filter(|number| stored.contains(*number));
    join_runs(numbers.map(|first| Run { first, count: 1 }).collect())
}

/// Merges parts of like size; what is large enough gets a graph.
///
/// # Errors
/// When parts cannot be written.
pub(crate) fn merge(snapshot: &Snapshot, model: &str, config: Config, graph_from: usize, progress: &dyn Progress) -> Result<()> {
    let stored = stored(snapshot);
    let shelf = Shelf::open(snapshot)?;
    let mut parts: Vec<(&PathBuf, Part<'_>)> = Vec::new();
    for (path, map) in &shelf.kept {
        parts.extend(Part::read(map, Check::Known).ok().filter(|part| part.model == model).map(|part| (path, part)));
    }
    // The largest first: what is joined is what came last and is small.
    parts.sort_by_key(|(path, part)| (std::cmp::Reverse(part.rows().len()), (*path).clone()));
    let sizes: Vec<usize> = parts.iter().map(|(_, part)| part.rows().len()).collect();
    let (first, rows) = worth_merging(&sizes, parts.first().map_or(MERGED_ROWS, |(_, part)| most_merged(part.form)));
    let taken = sizes.len() - first;
    let chosen = parts.get(first..).unwrap_or_default();
    let [.., (_, newest)] = chosen else { return Ok(()) };
    let wants_graph = rows >= graph_from.max(1);
    let is_made = taken == 1 && (newest.graph().is_some() || !wants_graph);
    if is_made {
        return Ok(());
    }
    // What the last run asked for is what the whole answers for; parts made for fewer types give their texts only.
    let types = chosen.iter().max_by_key(|(path, _)| *path).map_or(0, |(_, part)| part.types_wanted);
    let answers = chosen.iter().filter(|(_, part)| part.types_wanted & types == types);
    let known = answers.flat_map(|(_, part)| still(&part.known, &stored)).collect();
    let lists = chosen.iter().map(|(_, part)| (0..part.texts()).map(|text| part.take(text)).collect()).collect();
    let texts = merge_texts(lists, &|number| stored.contains(number));
    if wants_graph {
        progress.phase("building the graph", None);
    }
    // The largest comes first, so that of equal texts its rows are the ones that stay.
    let grown_from = chosen.first().map(|(_, part)| part).filter(|part| part.graph().is_some());
    let mut built = assemble(newest, join_runs(known), texts, wants_graph.then_some(config), grown_from);
    built.types = types;
    write(snapshot.layout(), &built)?;
    chosen.iter().try_for_each(|(path, _)| fsio::remove(path))
}

/// How many rows of a form are merged at most.
fn most_merged(form: Form) -> usize {
    let original = if form.keeps_originals { form.dimension * size_of::<f32>() } else { 0 };
    (MERGED_BYTES / (stride(form.dimension) + original).max(1)).clamp(SMALL, MERGED_ROWS)
}

/// Of parts by size, the largest first, those from here on are merged, and how many rows they have: as many as possible, but none that is
/// much larger than all after it, so that a vault that grows every night is rewritten a few times in all.
fn worth_merging(sizes: &[usize], most: usize) -> (usize, usize) {
    let mut chosen = (sizes.len().saturating_sub(1), sizes.last().copied().unwrap_or(0));
    let mut after = 0;
    for (at, size) in sizes.iter().enumerate().rev() {
        if after + size > most {
            break;
        }
        if *size <= (after * LIKE_SIZE).max(SMALL) {
            chosen = (at, after + size);
        }
        after += size;
    }
    chosen
}

/// A part like another with these texts. Its graph grows from that of another part, where it can.
fn assemble(like: &Part<'_>, known: Vec<Run>, texts: Vec<Text>, config: Option<Config>, from: Option<&Part<'_>>) -> Built {
    let (vault, model, form) = (like.vault, like.model.clone(), like.form);
    let mut built = Built { vault, model, types: like.types_wanted, form, known, texts, graph: None };
    if let Some(config) = config {
        let store = built.rows();
        let grown = from.and_then(|part| grow(&store.rows(), config, part.graph()?, &places(part, &built)));
        built.graph = Some(grown.unwrap_or_else(|| build(&store.rows(), config)));
    }
    built
}

/// For each row of a part its number among the rows of what it was merged into.
fn places(part: &Part<'_>, built: &Built) -> Vec<u32> {
    let mut firsts = FxHashMap::default();
    let mut next = 0u32;
    for text in &built.texts {
        firsts.insert(text.hash, (next, text.vectors.len()));
        next += text.vectors.len() as u32;
    }
    let mut places = vec![NONE; part.rows().len()];
    for text in 0..part.texts() {
        let rows = part.rows_of(text);
        let Some((first, _)) = firsts.get(&part.hash(text)).filter(|(_, count)| *count == rows.len()) else { continue };
        for (place, row) in (*first..).zip(rows) {
            if let Some(slot) = places.get_mut(row as usize) {
                *slot = place;
            }
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    // Too little merging makes searches slow, too much writes a large vault anew every night.
    #[test]
    fn parts_of_like_size_are_merged_and_large_ones_left_alone() {
        let worth_merging = |sizes: &[usize]| worth_merging(sizes, MERGED_ROWS);
        assert_eq!(worth_merging(&[90, 78, 71, 28]), (0, 267));
        assert_eq!(worth_merging(&[100_000, 3, 2]), (1, 5));
        assert_eq!(worth_merging(&[100_000, 9]), (1, 9));
        assert_eq!(worth_merging(&[10_000, 9]), (0, 10_009));
        assert_eq!(worth_merging(&[MERGED_ROWS, 9, 5, 0]), (1, 14));
        assert_eq!((worth_merging(&[7]), worth_merging(&[])), ((0, 7), (0, 0)));
        let form = Form::usual(512);
        assert_eq!((most_merged(form), most_merged(Form { keeps_originals: true, ..form })), (MERGED_ROWS, 419_430));
    }
}
