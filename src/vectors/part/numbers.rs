//! Numbers of one section, found by their place: each in as many bytes as the largest needs, which the section's length says.

use crate::error::{Corrupt, corrupt};

/// Where they lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers<'a> {
    bytes: &'a [u8],
    /// Bytes of each, at most 4; none where all are zero.
    width: usize,
    count: usize,
}

impl<'a> Numbers<'a> {
    /// So many numbers of a section.
    ///
    /// # Errors
    /// When its length is not that of so many.
    pub(super) fn read(bytes: &'a [u8], count: usize, section: usize) -> Result<Numbers<'a>, Corrupt> {
        let width = bytes.len() / count.max(1);
        if width > 4 || width * count != bytes.len() {
            return Err(corrupt!("{} bytes for {count} numbers in section {section}", bytes.len()));
        }
        Ok(Numbers { bytes, width, count })
    }

    /// That at a place.
    #[inline]
    pub(super) fn get(&self, at: usize) -> Option<u32> {
        if at >= self.count {
            return None;
        }
        let start = at * self.width;
        let bytes = self.bytes.get(start..start + self.width)?;
        Some(match *bytes {
            [a] => u32::from(a),
            [a, b] => u32::from_le_bytes([a, b, 0, 0]),
            [a, b, c] => u32::from_le_bytes([a, b, c, 0]),
            [a, b, c, d] => u32::from_le_bytes([a, b, c, d]),
            _ => 0,
        })
    }

    /// True when each is at least as large as the one before it, and the last is this one.
    pub(super) fn climb_to(&self, last: usize) -> bool {
        let all = || (0..self.count).map_while(|at| self.get(at));
        all().is_sorted() && self.count.checked_sub(1).and_then(|at| self.get(at)).is_some_and(|end| end as usize == last)
    }

    /// The first place whose number is larger, where all climb.
    pub(super) fn first_above(&self, number: u32) -> usize {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low.midpoint(high);
            match self.get(middle).is_some_and(|at| at <= number) {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        low
    }
}

/// Writes numbers.
pub(super) fn put(out: &mut Vec<u8>, numbers: &[u32]) {
    let largest = numbers.iter().copied().max().unwrap_or(0);
    let width = (u32::BITS - largest.leading_zeros()).div_ceil(8) as usize;
    for number in numbers {
        out.extend(number.to_le_bytes().iter().take(width));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Every width, its largest and what needs one byte more.
    #[test]
    fn numbers_of_every_width_come_back() {
        for (largest, width) in [(0, 0), (1, 1), (255, 1), (256, 2), (65_535, 2), (65_536, 3), (1 << 24, 4), (u32::MAX, 4)] {
            let numbers = [0, largest / 3, largest / 2, largest];
            let mut bytes = Vec::new();
            put(&mut bytes, &numbers);
            assert_eq!(bytes.len(), 4 * width, "{largest}");
            let read = Numbers::read(&bytes, 4, 0).unwrap();
            assert_eq!((0..5).map_while(|at| read.get(at)).collect::<Vec<u32>>(), numbers);
            assert!(read.climb_to(largest as usize) && !read.climb_to(largest as usize + 1));
            assert_eq!(read.first_above(largest), 4);
            assert_eq!(read.first_above(largest / 2), numbers.iter().filter(|number| **number <= largest / 2).count());
        }
    }

    #[test]
    fn a_section_of_another_length_is_refused() {
        for (bytes, count) in [(5, 4), (20, 4), (1, 0)] {
            assert!(Numbers::read(&vec![0; bytes], count, 0).is_err(), "{bytes} bytes for {count}");
        }
        assert!(!Numbers::read(&[3, 2, 3], 3, 0).unwrap().climb_to(3));
        assert!(!Numbers::read(&[], 0, 0).unwrap().climb_to(0));
    }
}
