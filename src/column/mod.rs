//! Typed column coders: the short values of one slot of one template, kept together and coded by what they are.
//!
//! A column is a list of short byte strings (raw JSON tokens, or the raw inside of short strings). [`encode`] looks at it,
//! picks a coder and leaves two things: a *header* (coder number and parameters) and *coded bytes*, appended to the group's
//! stream of the value's [`Class`]. The caller compresses each stream as a whole, so the coders do not squeeze out the last
//! bit: they leave bytes that an LZ and entropy coder models well. An id that occurs again in another column leaves the
//! same characters in the same stream, where a match finds it.
//!
//! ```text
//! column  = coder u8 · parameters (by coder, see `header`) · for some coders the columns they are made of
//! streams = numbers · hex · ids · times · text       each the concatenation of its columns' parts, in column order
//! ```
//!
//! Every value comes back byte for byte: a typed coder is used only when each value was parsed and the canonical form is
//! the value itself; everything else is text. The room decides nothing about groups, blocks or compression.

mod decimal;
mod encode;
mod find;
mod fixed;
mod header;
mod integers;
mod nudged;
mod open;
mod repeats;
mod split;
mod text;
mod time;
mod values;

#[cfg(test)]
mod tests;

pub use encode::encode;
pub use find::{Needles, Sought};
pub use header::{Header, Offsets};
pub use open::Column;
pub use values::Values;

/// What kind of bytes a coder leaves; one stream per class and group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Class {
    /// Byte planes of integers and decimals, enum indexes, split maps.
    Number = 0,
    /// Lower-case hex digits of ids, without their constant parts.
    Hex = 1,
    /// Characters of ids from `[A-Za-z0-9_-]`, without their constant parts.
    Id = 2,
    /// Byte planes of timestamps.
    Time = 3,
    /// Everything else.
    Text = 4,
}

impl Class {
    /// How many classes there are.
    pub const COUNT: usize = 5;
    /// All classes, in the order of their numbers.
    pub const ALL: [Class; Class::COUNT] = [Class::Number, Class::Hex, Class::Id, Class::Time, Class::Text];

    fn from_u8(value: u8) -> Option<Class> {
        Class::ALL.get(usize::from(value)).copied()
    }
}

/// The coded bytes of a group's columns, one stream per class.
#[derive(Clone, Debug, Default)]
pub struct Streams {
    bytes: [Vec<u8>; Class::COUNT],
}

impl Streams {
    /// The stream of a class.
    #[must_use]
    pub fn get(&self, class: Class) -> &[u8] {
        &self.bytes[class as usize]
    }

    /// All streams, as [`Column::open`] wants them.
    #[must_use]
    pub fn slices(&self) -> [&[u8]; Class::COUNT] {
        Class::ALL.map(|class| self.get(class))
    }

    /// Forgets the bytes, keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.iter_mut().for_each(Vec::clear);
    }

    fn of(&mut self, class: Class) -> &mut Vec<u8> {
        &mut self.bytes[class as usize]
    }
}
