//! Links of a row as they lie in a part and in memory: 20 bits each, two in five bytes. A part has fewer rows than 20 bits can count, and a search
//! reads some hundred lists: what is shorter takes less room in the file and in the processor's cache.

/// Two links, the first in the low bits.
pub type Pair = [u8; 5];

/// Bits of a link.
const BITS: u32 = 20;
const MASK: u32 = (1 << BITS) - 1;
/// What stands where there is no link. No row has this number: see `part::MOST_ROWS`.
const NOTHING: u32 = MASK;
/// Two places without a link.
pub const EMPTY: Pair = [u8::MAX; 5];
/// Rows from here on cannot be linked to.
pub const MOST_LINKED: usize = NOTHING as usize;

/// How many pairs hold so many links.
#[must_use]
pub fn pairs(links: usize) -> usize {
    links.div_ceil(2)
}

#[inline]
fn both([a, b, c, d, e]: Pair) -> [u32; 2] {
    let low = u32::from_le_bytes([a, b, c, d]);
    [low & MASK, low >> BITS | u32::from(e) << (32 - BITS)]
}

fn pair(first: u32, second: u32) -> Pair {
    let [a, b, c, d, ..] = (u64::from(first & MASK) | u64::from(second & MASK) << BITS).to_le_bytes();
    let e = (second & MASK) >> (32 - BITS);
    [a, b, c, d, e as u8]
}

/// Writes links into their slots, as many as there are; what is left over stays empty.
pub(super) fn write(slots: &mut [Pair], links: &[u32]) {
    let mut links = links.iter().copied();
    for slot in slots {
        let first = links.next().unwrap_or(NOTHING);
        *slot = pair(first, links.next().unwrap_or(NOTHING));
    }
}

/// The links of a row on a layer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Links<'a>(pub &'a [Pair]);

impl<'a> Links<'a> {
    /// Gives them out in turn, in a plain loop: a search does this some hundred times.
    #[inline]
    pub fn each(self, mut take: impl FnMut(u32)) {
        for pair in self.0 {
            let [first, second] = both(*pair);
            if first == NOTHING {
                return;
            }
            take(first);
            if second == NOTHING {
                return;
            }
            take(second);
        }
    }

    /// The same as an iterator.
    pub fn iter(self) -> impl Iterator<Item = u32> + use<'a> {
        self.0.iter().flat_map(|pair| both(*pair)).take_while(|link| *link != NOTHING)
    }

    /// True when all lead to one of so many rows.
    #[must_use]
    pub fn are_below(self, rows: usize) -> bool {
        self.0.iter().flat_map(|pair| both(*pair)).all(|link| link == NOTHING || (link as usize) < rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // What is written is read, in order, whatever is beside it in its five bytes.
    #[test]
    fn links_come_back_in_order_and_no_others() {
        let last = MOST_LINKED as u32 - 1;
        for links in [&[][..], &[0], &[last], &[0, last], &[last, 0, 7], &[1, 0xf_0000, 0x0_ffff, 0xabcde, last]] {
            let mut slots = vec![[0x55; 5]; pairs(links.len()) + 1];
            write(&mut slots, links);
            assert_eq!(Links(&slots).iter().collect::<Vec<u32>>(), links);
            let mut seen = Vec::new();
            Links(&slots).each(|link| seen.push(link));
            assert_eq!(seen, links);
            let above = links.iter().max().map_or(0, |most| *most as usize + 1);
            assert!(Links(&slots).are_below(above) && (above == 0 || !Links(&slots).are_below(above - 1)));
        }
    }

    // As docs/format.md has it.
    #[test]
    fn the_first_of_a_pair_is_in_its_low_bits() {
        assert_eq!(pair(0x12345, 0x6789a), [0x45, 0x23, 0xa1, 0x89, 0x67]);
        assert_eq!((pair(NOTHING, NOTHING), both(EMPTY)), (EMPTY, [NOTHING; 2]));
    }
}
