//! The recent part of the literal stream, by address: what copies are verified against.

/// The part of the literal stream that is still at hand.
pub trait Window {
    /// The bytes from `address` on that lie together in memory; empty when that address is not at hand.
    fn after(&self, address: u32) -> &[u8];
    /// The bytes that end right before `address` and lie together in memory; empty when they are not at hand.
    fn before(&self, address: u32) -> &[u8];
}

/// A window made of blocks of literals, in the order of their addresses.
#[derive(Clone, Debug, Default)]
pub struct Blocks<'a> {
    blocks: Vec<(u32, &'a [u8])>,
}

impl<'a> Blocks<'a> {
    /// Adds a block behind all others. A block that is empty, begins before the last one ends, or leaves the address space
    /// is not taken: false.
    pub fn push(&mut self, address: u32, bytes: &'a [u8]) -> bool {
        let end = self.blocks.last().map_or(0, |(start, bytes)| *start as usize + bytes.len());
        let fits = address as usize >= end && !bytes.is_empty() && bytes.len() <= (u32::MAX - address) as usize;
        if fits {
            self.blocks.push((address, bytes));
        }
        fits
    }

    /// The block that holds `address`, and the offset in it.
    fn find(&self, address: u32) -> Option<(&'a [u8], usize)> {
        let after = self.blocks.partition_point(|(start, _)| *start <= address);
        let &(start, bytes) = self.blocks.get(after.checked_sub(1)?)?;
        let offset = (address - start) as usize;
        (offset < bytes.len()).then_some((bytes, offset))
    }
}

impl Window for Blocks<'_> {
    fn after(&self, address: u32) -> &[u8] {
        self.find(address).map_or(&[], |(bytes, offset)| &bytes[offset..])
    }

    fn before(&self, address: u32) -> &[u8] {
        let last = address.checked_sub(1).and_then(|last| self.find(last));
        last.map_or(&[], |(bytes, offset)| &bytes[..=offset])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_found_up_to_the_seams_of_blocks_and_nothing_is_found_in_gaps() {
        let mut blocks = Blocks::default();
        assert!(blocks.push(10, b"abc") && blocks.push(13, b"de") && blocks.push(20, b"f"));
        assert_eq!((blocks.after(11), blocks.before(13)), (&b"bc"[..], &b"abc"[..]));
        assert_eq!((blocks.after(13), blocks.before(15)), (&b"de"[..], &b"de"[..]));
        assert_eq!((blocks.after(15), blocks.before(20)), (&b""[..], &b""[..]));
        assert_eq!((blocks.after(0), blocks.before(10)), (&b""[..], &b""[..]));
        assert_eq!((blocks.after(u32::MAX), blocks.before(0)), (&b""[..], &b""[..]));
    }
}
