//! Which segments have a match: every block of text is decoded once, and each piece of a segment is looked at where it lies.
//!
//! Most segments are one piece in one block: they are judged there. A segment of several pieces, or one that goes over the end
//! of a block, has a match inside a piece or across a seam between two. What stands around seams is copied out
//! while the blocks pass by, as much to each side as a match can reach, and looked at afterwards. A piece and a
//! surrounding have ends that are none of the text's: unless the pattern is a plain literal, what is found in them is only a
//! candidate, and its segment is put together and judged as a whole. So are segments when matches have no bound.

use std::ops::Range;

use memchr::memmem::Finder;
use rustc_hash::FxHashMap;

use crate::error::{Corrupt, Error, Result, corrupt};
use crate::group::Piece;
use crate::group::decode::Text;
use crate::group::decode::scan::SegmentTable;
use crate::lexical::pattern::Pattern;
use crate::pack::directory::BlockEntry;
use crate::pack::frame;
use crate::pack::frame::Kind;
use crate::pack::reader::PackReader;
use crate::record::cut::class;
use crate::vault::ahead::in_order;
use crate::vault::api::Looked;
use crate::vault::search::hits::Bits;
use crate::vault::search::parts::{Candidates, Side};
use crate::vault::search::strings::{inner_matches, string_matches};
use crate::vault::snapshot::Snapshot;

/// When no more than one in so many blocks may hold what is looked for, they are sifted first.
const SIFTED_SHARE: usize = 2;
/// Bytes of texts that are kept from then on.
const KEPT_BYTES: usize = 64 << 20;
/// Longer matches are not looked for around seams: the segments are put together instead.
const LONGEST_REACH: usize = 512;
/// A character more to each side decides about words and lines.
const CONTEXT: usize = 4;
/// Groups whose tables are read by one job.
const TABLES_TOGETHER: usize = 16;
/// Whole segments judged by one job.
const WHOLE_TOGETHER: usize = 64;

/// A range of a block to be judged.
struct Check {
    from: u32,
    length: u32,
    segment: u32,
    /// The whole text of the segment.
    whole: bool,
    /// The beginning of it.
    first: bool,
}

/// A range of a block to be copied.
struct Copy {
    from: u32,
    length: u32,
    to: usize,
}

/// What is not known of the texts of a group.
struct Asked {
    /// Where in what is looked for each seam of the group may lie; nothing where that is not known.
    seams: Option<Vec<u64>>,
    /// The next of them.
    next: usize,
    /// A text may be JSON with strings of its own.
    inner: bool,
}

/// What to do with one block.
#[derive(Default)]
struct Work {
    checks: Vec<Check>,
    copies: Vec<Copy>,
}

/// What the texts of a pack have to say.
#[derive(Default)]
pub(super) struct Judgement {
    /// Segments that have a match.
    pub(super) hits: Bits,
    /// Segments whose escaped form may have one (see [`crate::lexical::quoted`]).
    pub(super) tails: Bits,
}

/// What a block had to say.
#[derive(Default)]
struct Said {
    hits: Vec<u32>,
    tails: Vec<u32>,
    candidates: Vec<u32>,
    copied: Vec<(usize, Vec<u8>)>,
}

/// A pack whose texts are judged.
pub(super) struct Subject<'c> {
    /// Its place among the snapshot's.
    pub(super) pack: usize,
    /// What may hold a match.
    pub(super) candidates: &'c Candidates,
}

/// Texts of blocks that are at hand, by pack and the block's place in its directory.
pub(super) type Kept = FxHashMap<(usize, usize), Vec<u8>>;

/// Looks for what the pattern needs in the blocks that parts name: most of a few do not hold it, and nothing has to be planned for
/// them. Texts of those that do are kept.
///
/// # Errors
/// When a pack is damaged.
pub(super) fn sift(
    snapshot: &Snapshot,
    packs: Range<usize>,
    candidates: &mut [Candidates],
    pattern: &Pattern,
    threads: usize,
    looked: &mut Looked,
) -> Result<Kept> {
    let Some(needed) = pattern.needed().filter(|_| !pattern.either_case()) else { return Ok(Kept::default()) };
    let finders: Vec<Finder<'_>> = needed.iter().map(Finder::new).collect();
    let (mut jobs, mut blocks) = (Vec::new(), 0);
    for (at, pack) in packs.clone().enumerate() {
        let mut count = [0; class::COUNT];
        for (place, block) in snapshot.packs[pack].directory().blocks.iter().enumerate() {
            let Some(index) = count.get_mut(usize::from(block.class)) else { continue };
            if candidates[at].names_block(place) {
                jobs.push((at, place, block.class, *index));
            }
            *index += 1;
            blocks += 1;
        }
    }
    // Where most blocks are named, what is looked for is in most of them.
    if jobs.len() > blocks / SIFTED_SHARE {
        return Ok(Kept::default());
    }
    let (mut kept, mut room) = (Kept::default(), KEPT_BYTES);
    looked.blocks += jobs.len() as u64;
    in_order(
        snapshot,
        threads,
        jobs.into_iter(),
        |fetcher, (at, place, class, index)| {
            let view = fetcher.view(packs.start + at)?;
            let holds = |text: &[u8]| finders.iter().any(|finder| finder.find(text).is_some());
            let found = view.block_if(class, index, holds).map_err(|corrupt| view.pack().damaged(corrupt))?;
            Ok((at, place, found))
        },
        |(at, place, found)| {
            match found {
                None => candidates[at].dismiss(place),
                Some(text) => {
                    if let Some(left) = room.checked_sub(text.len()) {
                        room = left;
                        kept.insert((packs.start + at, place), text);
                    }
                }
            }
            Ok(())
        },
    )?;
    Ok(kept)
}

/// Judges the segments of some packs side by side: of a small pack there is often a single block to be read.
///
/// # Errors
/// When a pack is damaged.
pub(super) fn segments(
    snapshot: &Snapshot,
    subjects: &[Subject<'_>],
    pattern: &Pattern,
    threads: usize,
    mut kept: Kept,
    looked: &mut Looked,
) -> Result<Vec<Judgement>> {
    let mut plans = plan(snapshot, subjects, pattern, threads)?;
    let mut found: Vec<Judgement> = subjects.iter().map(|_| Judgement::default()).collect();
    let mut around: Vec<Vec<u8>> = plans.iter().map(|plan| vec![0; plan.surroundings]).collect();
    let mut whole: Vec<Vec<u32>> = plans.iter_mut().map(|plan| std::mem::take(&mut plan.whole)).collect();
    let jobs: Vec<(usize, usize, usize)> = plans.iter().enumerate().flat_map(|(at, plan)| plan.jobs(at)).collect();
    let jobs: Vec<(usize, usize, usize, Option<Vec<u8>>)> = jobs
        .into_iter()
        .map(|(at, class, index)| (at, class, index, kept.remove(&(subjects[at].pack, plans[at].places[class][index]))))
        .collect();
    looked.blocks += jobs.iter().filter(|(.., text)| text.is_none()).count() as u64;
    looked.blocks_of += subjects.iter().map(|subject| snapshot.packs[subject.pack].directory().blocks.len() as u64).sum::<u64>();
    in_order(
        snapshot,
        threads,
        jobs.into_iter(),
        |fetcher, (at, class, index, text)| {
            let (reader, plan) = (&snapshot.packs[subjects[at].pack], &plans[at]);
            let judge = |bytes: &[u8]| judge_block(bytes, &plan.work[class][index], pattern);
            let said = match text {
                Some(text) => judge(&text),
                None => {
                    let view = fetcher.view(subjects[at].pack)?;
                    view.with_block(class as u8, index, judge).map_err(|corrupt| reader.damaged(corrupt))?
                }
            };
            said.map(|said| (at, said)).ok_or_else(|| too_short(reader, &plan.blocks[class][index]))
        },
        |(at, said)| {
            said.hits.iter().for_each(|segment| found[at].hits.insert(u64::from(*segment)));
            said.tails.iter().for_each(|segment| found[at].tails.insert(u64::from(*segment)));
            whole[at].extend(said.candidates);
            for (to, bytes) in said.copied {
                if let Some(place) = around[at].get_mut(to..to + bytes.len()) {
                    place.copy_from_slice(&bytes);
                }
            }
            Ok(())
        },
    )?;
    for (((plan, found), around), whole) in plans.iter().zip(&mut found).zip(&around).zip(&mut whole) {
        judge_seams(&plan.seams, around, pattern, found, whole);
    }
    judge_whole(snapshot, subjects, pattern, threads, whole, &mut found)?;
    Ok(found)
}

/// Reads the tables of the groups that may have text of interest, and plans what to do with each block.
fn plan<'c>(snapshot: &Snapshot, subjects: &[Subject<'c>], pattern: &Pattern, threads: usize) -> Result<Vec<Plan<'c>>> {
    let plans = subjects.iter().map(|subject| Plan::new(&snapshot.packs[subject.pack], pattern, subject.candidates));
    let mut plans = plans.collect::<Result<Vec<Plan<'c>>>>()?;
    let mut wanted: Vec<(usize, Vec<usize>)> = Vec::new();
    for (at, subject) in subjects.iter().enumerate() {
        let count = snapshot.packs[subject.pack].directory().groups.len();
        let groups: Vec<usize> = (0..count).filter(|group| subject.candidates.group_has_text(*group)).collect();
        wanted.extend(groups.chunks(TABLES_TOGETHER).map(|groups| (at, groups.to_vec())));
    }
    in_order(
        snapshot,
        threads,
        wanted.into_iter(),
        |_, (at, wanted)| {
            let reader = &snapshot.packs[subjects[at].pack];
            let read = |group: usize| {
                let frame = reader.frame(reader.directory().groups[group].offset, Kind::Group)?;
                Ok((group, SegmentTable::read(&frame::content(&frame)?)?))
            };
            let tables: Result<Vec<(usize, SegmentTable)>, Corrupt> = wanted.into_iter().map(read).collect();
            tables.map(|tables| (at, tables)).map_err(|corrupt| reader.damaged(corrupt))
        },
        |(at, tables)| {
            let candidates = subjects[at].candidates;
            for (group, table) in &tables {
                let mut asked = Asked { seams: candidates.seams(*group), next: 0, inner: !candidates.knows(*group) };
                let taken = table.iter().try_for_each(|(number, text)| plans[at].take(number, text, &mut asked));
                taken.map_err(|corrupt| snapshot.packs[subjects[at].pack].damaged(corrupt))?;
            }
            Ok(())
        },
    )?;
    for (plan, subject) in plans.iter_mut().zip(subjects) {
        plan.whole.extend(subject.candidates.inner());
    }
    Ok(plans)
}

/// Judges what stands around seams.
fn judge_seams(seams: &[Seam], around: &[u8], pattern: &Pattern, found: &mut Judgement, whole: &mut Vec<u32>) {
    let tail = pattern.quoted().tail();
    for seam in seams {
        let around = around.get(seam.at..seam.at + seam.length).unwrap_or_default();
        if pattern.is_in(around) {
            match pattern.literals().is_empty() {
                true => whole.push(seam.segment),
                false => found.hits.insert(u64::from(seam.segment)),
            }
        } else if tail.is_some_and(|tail| tail.places(around, 0).is_none()) {
            found.tails.insert(u64::from(seam.segment));
        }
    }
}

fn too_short(reader: &PackReader, block: &BlockEntry) -> Error {
    reader.damaged(corrupt!("block at offset {} is shorter than its entry", block.offset))
}

/// Judges what lies in a block; `None` when it is too short.
fn judge_block(bytes: &[u8], work: &Work, pattern: &Pattern) -> Option<Said> {
    let mut said = Said::default();
    let exact = !pattern.literals().is_empty();
    let tail = pattern.quoted().tail();
    // What is rare is looked for once in the whole block; what is not is soon found in each text.
    let most = work.checks.len();
    let places = pattern.places(bytes, most);
    let rests = tail.map(|tail| (tail, tail.places(bytes, most)));
    for check in &work.checks {
        let text = bytes.get(check.from as usize..(check.from + check.length) as usize)?;
        let longest = pattern.longest().unwrap_or_default();
        let is_in = places.as_ref().map_or_else(|| pattern.is_in(text), |places| within(places, check, longest));
        if check.whole {
            if is_in || inner_matches(pattern, text) {
                said.hits.push(check.segment);
                continue;
            }
        } else if is_in {
            if exact {
                said.hits.push(check.segment)
            } else {
                said.candidates.push(check.segment)
            }
            continue;
        } else if check.first && matches!(text.trim_ascii_start().first(), None | Some(b'{' | b'[')) {
            // JSON in a string, perhaps: its own strings are looked at when it is there as a whole.
            said.candidates.push(check.segment);
        }
        if let Some((tail, rests)) = &rests
            && rests.as_ref().is_none_or(|rests| within(rests, check, tail.rest().len()))
            && tail.may_be_in(text)
        {
            said.tails.push(check.segment);
        }
    }
    for copy in &work.copies {
        said.copied.push((copy.to, bytes.get(copy.from as usize..(copy.from + copy.length) as usize)?.to_vec()));
    }
    Some(said)
}

/// True when one of the matches, of so many bytes, that begin at `places` lies in a range.
fn within(places: &[u32], check: &Check, length: usize) -> bool {
    let next = places.partition_point(|place| *place < check.from);
    let end = (check.from + check.length) as usize;
    places.get(next).is_some_and(|place| *place as usize + length <= end)
}

/// Puts segments together and judges them.
fn judge_whole(
    snapshot: &Snapshot,
    subjects: &[Subject<'_>],
    pattern: &Pattern,
    threads: usize,
    whole: Vec<Vec<u32>>,
    found: &mut [Judgement],
) -> Result<()> {
    let mut jobs: Vec<(usize, Vec<u32>)> = Vec::new();
    for (at, mut whole) in whole.into_iter().enumerate() {
        whole.sort_unstable();
        whole.dedup();
        whole.retain(|segment| !found[at].hits.has(u64::from(*segment)));
        jobs.extend(whole.chunks(WHOLE_TOGETHER).map(|segments| (at, segments.to_vec())));
    }
    let tail = pattern.quoted().tail();
    in_order(
        snapshot,
        threads,
        jobs.into_iter(),
        |fetcher, (at, segments)| {
            let view = fetcher.view(subjects[at].pack)?;
            let (mut text, mut hits, mut tails) = (Vec::new(), Vec::new(), Vec::new());
            for segment in segments {
                text.clear();
                view.segment(segment, &mut text).map_err(|corrupt| view.pack().damaged(corrupt))?;
                if string_matches(pattern, &text) {
                    hits.push(segment);
                } else if tail.is_some_and(|tail| tail.may_be_in(&text)) {
                    tails.push(segment);
                }
            }
            Ok((at, hits, tails))
        },
        |(at, hits, tails)| {
            hits.into_iter().for_each(|segment| found[at].hits.insert(u64::from(segment)));
            tails.into_iter().for_each(|segment| found[at].tails.insert(u64::from(segment)));
            Ok(())
        },
    )
}

/// What stands around a seam, once copied.
struct Seam {
    segment: u32,
    at: usize,
    length: usize,
}

/// What to do with every block of a pack.
struct Plan<'c> {
    candidates: &'c Candidates,
    /// Places of the blocks of each class in the directory.
    places: [Vec<usize>; class::COUNT],
    blocks: [Vec<BlockEntry>; class::COUNT],
    /// Which of them may hold what is looked for.
    wanted: [Vec<bool>; class::COUNT],
    /// What is found in a piece is certain.
    exact: bool,
    work: [Vec<Work>; class::COUNT],
    seams: Vec<Seam>,
    /// Bytes of all surroundings.
    surroundings: usize,
    /// Segments to be put together.
    whole: Vec<u32>,
    /// How far a match can reach to each side of a seam.
    reach: Option<usize>,
    parts: Vec<Part>,
    /// Of each class the block in which something was found last.
    last: [usize; class::COUNT],
}

/// A piece inside one block.
#[derive(Clone, Copy)]
struct Part {
    block: usize,
    from: u32,
    length: u32,
}

impl<'c> Plan<'c> {
    fn new(reader: &PackReader, pattern: &Pattern, candidates: &'c Candidates) -> Result<Plan<'c>> {
        let mut places: [Vec<usize>; class::COUNT] = Default::default();
        let mut blocks: [Vec<BlockEntry>; class::COUNT] = Default::default();
        let mut wanted: [Vec<bool>; class::COUNT] = Default::default();
        for (index, block) in reader.directory().blocks.iter().enumerate() {
            let list = blocks.get_mut(block.class as usize);
            list.ok_or_else(|| reader.damaged(corrupt!("literal class {} is unknown", block.class)))?.push(*block);
            wanted[block.class as usize].push(candidates.block(index));
            places[block.class as usize].push(index);
        }
        let work = [0, 1, 2].map(|class: usize| blocks[class].iter().map(|_| Work::default()).collect());
        let exact = !pattern.literals().is_empty();
        let reach = pattern.longest().map(|longest| if exact { longest.saturating_sub(1) } else { longest + CONTEXT });
        let reach = reach.filter(|reach| *reach <= LONGEST_REACH);
        Ok(Plan {
            candidates,
            places,
            blocks,
            wanted,
            exact,
            work,
            seams: Vec::new(),
            surroundings: 0,
            whole: Vec::new(),
            reach,
            parts: Vec::new(),
            last: [0; class::COUNT],
        })
    }

    /// Class and index of each block with something to do; `at` comes along.
    fn jobs(&self, at: usize) -> Vec<(usize, usize, usize)> {
        let all =
            self.work.iter().enumerate().flat_map(|(class, blocks)| blocks.iter().enumerate().map(move |block| (class, block)));
        let busy = all.filter(|(_, (_, work))| !work.checks.is_empty() || !work.copies.is_empty());
        busy.map(|(class, (index, _))| (at, class, index)).collect()
    }

    /// Plans the judging of a segment.
    fn take(&mut self, segment: u32, text: Text<'_>, asked: &mut Asked) -> Result<(), Corrupt> {
        let class = text.class as usize;
        if let [piece] = text.pieces
            && let Some(part) = self.inside(class, piece)
        {
            if self.wanted[class].get(part.block).copied().unwrap_or(true) {
                self.check(class, part, segment, true, true);
            } else if asked.inner {
                self.whole.push(segment);
            }
            return Ok(());
        }
        let mut parts = std::mem::take(&mut self.parts);
        parts.clear();
        for piece in text.pieces {
            self.split(class, piece.start, piece.length, &mut parts)?;
        }
        let wanted = |part: &Part| self.wanted[class].get(part.block).copied().unwrap_or(true);
        let any_wanted = parts.iter().any(wanted);
        let all = asked.seams.is_none() && parts.iter().all(wanted);
        let seams = self.wanted_seams(class, &parts, asked);
        match (&parts[..], self.reach) {
            // Nobody has said that it is no JSON with strings of its own.
            ([first, ..], _) if asked.inner && !wanted(first) => self.whole.push(segment),
            ([part], _) if any_wanted => self.check(class, *part, segment, true, true),
            ([_], _) => {}
            _ if !any_wanted && seams.is_empty() => {}
            ([], _) | (_, None) => self.whole.push(segment),
            // A piece may hold what the pattern needs and another one the rest of the match.
            (_, Some(_)) if !self.exact && !all => self.whole.push(segment),
            (_, Some(reach)) => {
                for (index, part) in parts.iter().enumerate() {
                    if self.wanted[class].get(part.block).copied().unwrap_or(true) {
                        self.check(class, *part, segment, false, asked.inner && index == 0);
                    }
                }
                for seam in seams {
                    self.seam(class, segment, &parts, seam, reach);
                }
            }
        }
        self.parts = parts;
        Ok(())
    }

    /// Where a piece lies that goes over no border of blocks. Most lie in the same block as the one before.
    fn inside(&mut self, class: usize, piece: &Piece) -> Option<Part> {
        let blocks = &self.blocks[class];
        let holds = |entry: &BlockEntry| piece.start.checked_sub(entry.start).is_some_and(|from| from < entry.length);
        let last = self.last[class];
        if !blocks.get(last).is_some_and(holds) {
            self.last[class] = blocks.partition_point(|block| block.start + block.length <= piece.start);
        }
        let block = self.last[class];
        let entry = blocks.get(block).filter(|entry| holds(entry))?;
        let from = piece.start - entry.start;
        (piece.length > 0 && piece.length <= entry.length - from).then_some(Part { block, from, length: piece.length })
    }

    /// The seams of a segment that something may lie across.
    fn wanted_seams(&self, class: usize, parts: &[Part], asked: &mut Asked) -> Vec<usize> {
        let Some(seams) = &asked.seams else { return (1..parts.len()).collect() };
        let from = asked.next;
        asked.next += parts.len().saturating_sub(1);
        let side = |part: &Part| Side { block: self.places[class][part.block], length: part.length as usize };
        let may = |seam: &usize| match seams.get(from + seam - 1) {
            Some(0) => false,
            Some(offsets) => self.candidates.across(*offsets, side(&parts[seam - 1]), side(&parts[*seam])),
            None => true,
        };
        (1..parts.len()).filter(may).collect()
    }

    fn check(&mut self, class: usize, part: Part, segment: u32, whole: bool, first: bool) {
        let check = Check { from: part.from, length: part.length, segment, whole, first };
        self.work[class][part.block].checks.push(check);
    }

    /// Cuts a piece where blocks end.
    fn split(&self, class: usize, start: u32, length: u32, parts: &mut Vec<Part>) -> Result<(), Corrupt> {
        let blocks = &self.blocks[class];
        let end = start.checked_add(length).ok_or_else(|| corrupt!("a piece overflows"))?;
        let mut at = start;
        let mut block = blocks.partition_point(|block| block.start + block.length <= start);
        while at < end {
            let entry = blocks.get(block).filter(|entry| entry.start <= at);
            let entry = entry.ok_or_else(|| corrupt!("no block holds position {at} of literal class {class}"))?;
            let upto = end.min(entry.start + entry.length);
            parts.push(Part { block, from: at - entry.start, length: upto - at });
            at = upto;
            block += 1;
        }
        Ok(())
    }

    /// Plans the copying of what stands around a seam: `reach` bytes to each side, over further seams if need be.
    fn seam(&mut self, class: usize, segment: u32, parts: &[Part], seam: usize, reach: usize) {
        // A window that the one before covers as well would be looked at twice.
        let begin = self.surroundings;
        let mut left = reach as u32;
        let mut before = Vec::new();
        for part in parts[..seam].iter().rev() {
            let length = part.length.min(left);
            before.push(Part { from: part.from + part.length - length, length, ..*part });
            left -= length;
            if left == 0 {
                break;
            }
        }
        let mut left = reach as u32;
        let mut after = Vec::new();
        for part in &parts[seam..] {
            let length = part.length.min(left);
            after.push(Part { length, ..*part });
            left -= length;
            if left == 0 {
                break;
            }
        }
        for part in before.into_iter().rev().chain(after) {
            let copy = Copy { from: part.from, length: part.length, to: self.surroundings };
            self.work[class][part.block].copies.push(copy);
            self.surroundings += part.length as usize;
        }
        self.seams.push(Seam { segment, at: begin, length: self.surroundings - begin });
    }
}
