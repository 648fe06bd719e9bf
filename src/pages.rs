//! Large working memory that is touched here and there: on huge pages where the system gives them.
//!
//! A writer's tables are read at random and its ring is filled once. On pages of 4 KiB most of their cost is the page faults of
//! the first touch and the misses of the address translation ever after. Memory that is never touched costs nothing.

use std::ops::{Deref, DerefMut, Range};

use memmap2::{Advice, MmapMut};

/// Below two huge pages the ordinary heap does as well.
const WORTHWHILE: usize = 4 << 20;

/// Bytes, all zero at first.
pub struct Pages(Kept);

enum Kept {
    Mapped(MmapMut),
    Heap(Vec<u8>),
}

impl Pages {
    /// So many zero bytes. Without room for a mapping of their own they come from the heap.
    #[must_use]
    pub fn zeroed(length: usize) -> Pages {
        let mapped = (length >= WORTHWHILE).then(|| MmapMut::map_anon(length).ok()).flatten();
        Pages(match mapped {
            Some(map) => {
                // Advice only: a system without huge pages keeps the small ones.
                let _ = map.advise(Advice::HugePage);
                Kept::Mapped(map)
            }
            None => Kept::Heap(vec![0; length]),
        })
    }
}

impl Deref for Pages {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match &self.0 {
            Kept::Mapped(map) => map,
            Kept::Heap(bytes) => bytes,
        }
    }
}

impl DerefMut for Pages {
    fn deref_mut(&mut self) -> &mut [u8] {
        match &mut self.0 {
            Kept::Mapped(map) => map,
            Kept::Heap(bytes) => bytes,
        }
    }
}

/// A buffer of a fixed size of which much may never be used: on the heap while that is little, then on pages of its own.
///
/// A huge page is made when its first byte is touched, which takes longer than a small ingest does.
pub struct Spread {
    size: usize,
    kept: KeptSpread,
}

enum KeptSpread {
    Little(Vec<u8>),
    All(Pages),
}

/// As much stays on the heap.
const LITTLE: usize = 1 << 20;

impl Spread {
    /// So many bytes, none of which is touched yet.
    #[must_use]
    pub fn new(size: usize) -> Spread {
        Spread { size, kept: KeptSpread::Little(Vec::new()) }
    }

    /// How many bytes there are.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// Some of the bytes, to be written; none where they reach beyond the size.
    pub fn room(&mut self, range: Range<usize>) -> Option<&mut [u8]> {
        if range.end > self.size {
            return None;
        }
        if let KeptSpread::Little(bytes) = &mut self.kept {
            if range.end > LITTLE.min(self.size) {
                let mut pages = Pages::zeroed(self.size);
                pages[..bytes.len()].copy_from_slice(bytes);
                self.kept = KeptSpread::All(pages);
            } else if range.end > bytes.len() {
                bytes.resize(range.end, 0);
            }
        }
        match &mut self.kept {
            KeptSpread::Little(bytes) => bytes.get_mut(range),
            KeptSpread::All(pages) => pages.get_mut(range),
        }
    }
}

impl Deref for Spread {
    type Target = [u8];
    /// What was touched, and perhaps more.
    fn deref(&self) -> &[u8] {
        match &self.kept {
            KeptSpread::Little(bytes) => bytes,
            KeptSpread::All(pages) => pages,
        }
    }
}

/// 64-bit words, all zero at first.
pub struct Words {
    kept: KeptWords,
}

enum KeptWords {
    Mapped(Pages),
    Heap(Vec<u64>),
}

impl Default for Words {
    fn default() -> Words {
        Words { kept: KeptWords::Heap(Vec::new()) }
    }
}

impl Words {
    /// So many zero words.
    #[must_use]
    pub fn zeroed(count: usize) -> Words {
        let bytes = count.saturating_mul(size_of::<u64>());
        let kept = if bytes >= WORTHWHILE { KeptWords::Mapped(Pages::zeroed(bytes)) } else { KeptWords::Heap(vec![0; count]) };
        // A heap of bytes need not be aligned for words: only a mapping is.
        match kept {
            KeptWords::Mapped(Pages(Kept::Heap(_))) => Words { kept: KeptWords::Heap(vec![0; count]) },
            kept => Words { kept },
        }
    }
}

impl Deref for Words {
    type Target = [u64];
    fn deref(&self) -> &[u64] {
        match &self.kept {
            KeptWords::Mapped(pages) => bytemuck::cast_slice(pages),
            KeptWords::Heap(words) => words,
        }
    }
}

impl DerefMut for Words {
    fn deref_mut(&mut self) -> &mut [u64] {
        match &mut self.kept {
            KeptWords::Mapped(pages) => bytemuck::cast_slice_mut(pages),
            KeptWords::Heap(words) => words,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_memory_begin_as_zeros_and_keep_what_is_written() {
        for count in [0, 1000, WORTHWHILE / 8, WORTHWHILE / 8 + 3] {
            let mut words = Words::zeroed(count);
            assert_eq!(words.len(), count);
            assert!(words.iter().all(|&word| word == 0));
            words.iter_mut().zip(1..).for_each(|(word, n)| *word = n);
            assert!(words.iter().zip(1..).all(|(&word, n)| word == n));
        }
        let mut pages = Pages::zeroed(WORTHWHILE + 1);
        pages[WORTHWHILE] = 7;
        assert_eq!((pages.len(), pages[0], pages[WORTHWHILE]), (WORTHWHILE + 1, 0, 7));
    }

    #[test]
    fn what_was_written_while_it_was_little_is_there_when_it_is_much() {
        let mut spread = Spread::new(LITTLE * 6);
        assert!(spread.is_empty() && spread.room(1..LITTLE * 6 + 1).is_none());
        spread.room(3..6).unwrap().copy_from_slice(b"abc");
        assert_eq!(&spread[..], b"\0\0\0abc");
        spread.room(LITTLE..LITTLE + 2).unwrap().copy_from_slice(b"de");
        assert_eq!((&spread[3..6], &spread[LITTLE..LITTLE + 2]), (&b"abc"[..], &b"de"[..]));
    }
}
