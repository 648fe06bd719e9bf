//! A pack's templates, decoded and parsed when they are first asked for.

use std::cell::{OnceCell, RefCell};
use std::ops::Range;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::bytes::Reader;
use crate::error::{Corrupt, corrupt};
use crate::group::decode::outline::{Outline, Outlines, outline_of};
use crate::pack::directory::TemplatesEntry;
use crate::pack::frame::{self, Kind};
use crate::pack::reader::PackReader;
use crate::record::template::{Part, SlotKind, Template};

/// A pack's templates. A record needs a handful of thousands: frames are decoded and templates parsed when they are first asked for.
pub struct Templates {
    pub(super) pack: Arc<PackReader>,
    pub(super) frames: Vec<OnceCell<Option<TemplateFrame>>>,
}

/// One frame of templates.
pub(super) struct TemplateFrame {
    pub(super) bytes: Vec<u8>,
    pub(super) ends: Vec<u32>,
    pub(super) parsed: Vec<OnceCell<Option<Box<Template>>>>,
    pub(super) outlines: RefCell<KnownOutlines>,
}

/// Outlines that were asked for: each group of a pass asks for hundreds of the same.
#[derive(Default)]
pub(super) struct KnownOutlines {
    /// Each with the range of its kinds.
    pub(super) known: FxHashMap<u32, (Outline, Range<u32>)>,
    pub(super) kinds: Vec<SlotKind>,
}

impl Templates {
    pub(super) fn new(pack: Arc<PackReader>) -> Result<Templates, Corrupt> {
        let mut next = 0u32;
        for entry in &pack.directory().templates {
            if entry.first != next {
                return Err(corrupt!("templates at offset {} begin at {} instead of {next}", entry.offset, entry.first));
            }
            next = next.checked_add(entry.count).ok_or_else(|| corrupt!("more than 4 billion templates"))?;
        }
        let frames = pack.directory().templates.iter().map(|_| OnceCell::new()).collect();
        Ok(Templates { pack, frames })
    }

    /// The template with a number; `None` when there is none or it is damaged.
    #[must_use]
    pub fn get(&self, number: u32) -> Option<&Template> {
        let (frame, index) = self.frame_of(number)?;
        frame.get(index)
    }

    /// Shows what is constant in each template to `look` until that says to stop; true when it did, or when one cannot be read.
    pub fn any_constant(&self, look: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        let count = self.pack.directory().templates.last().map_or(0, |entry| entry.first + entry.count);
        (0..count).any(|number| match self.get(number) {
            Some(Template::Fixed(parts)) => parts.iter().any(|part| matches!(part, Part::Literal(bytes) if look(bytes))),
            Some(Template::List { open, separator, close, .. }) => look(open) || look(separator) || look(close),
            None => true,
        })
    }

    /// The frame that holds a template, and its place in it.
    pub(super) fn frame_of(&self, number: u32) -> Option<(&TemplateFrame, usize)> {
        let entries = &self.pack.directory().templates;
        let index = entries.partition_point(|entry| entry.first + entry.count <= number);
        let entry = entries.get(index)?;
        let frame = self.frames.get(index)?.get_or_init(|| TemplateFrame::read(&self.pack, entry).ok()).as_ref()?;
        Some((frame, (number - entry.first) as usize))
    }
}

impl Outlines for Templates {
    fn outline(&self, number: u32, slots: &mut Vec<SlotKind>) -> Option<Outline> {
        let (frame, index) = self.frame_of(number)?;
        let mut outlines = frame.outlines.borrow_mut();
        if let Some((outline, kinds)) = outlines.known.get(&number) {
            slots.extend_from_slice(outlines.kinds.get(kinds.start as usize..kinds.end as usize)?);
            return Some(*outline);
        }
        let (start, from) = (outlines.kinds.len() as u32, slots.len());
        let outline = outline_of(frame.stored(index)?, slots)?;
        outlines.kinds.extend_from_slice(&slots[from..]);
        let end = outlines.kinds.len() as u32;
        outlines.known.insert(number, (outline, start..end));
        Some(outline)
    }
}

impl TemplateFrame {
    pub(super) fn read(pack: &PackReader, entry: &TemplatesEntry) -> Result<TemplateFrame, Corrupt> {
        let bytes = frame::decode(&pack.frame(entry.offset, Kind::Templates)?, None)?;
        let mut reader = Reader::new(&bytes);
        let mut ends = Vec::new();
        for _ in 0..entry.count {
            reader.bytes()?;
            ends.push(reader.position() as u32);
        }
        reader.finish()?;
        let parsed = ends.iter().map(|_| OnceCell::new()).collect();
        Ok(TemplateFrame { bytes, ends, parsed, outlines: RefCell::default() })
    }

    pub(super) fn get(&self, index: usize) -> Option<&Template> {
        let parse = || Template::parse(self.stored(index)?).ok().map(Box::new);
        self.parsed.get(index)?.get_or_init(parse).as_deref()
    }

    /// The bytes of a template.
    pub(super) fn stored(&self, index: usize) -> Option<&[u8]> {
        let start = index.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied())? as usize;
        Reader::new(self.bytes.get(start..)?).bytes().ok()
    }
}
