//! What `--memory-limit` means for an ingest.
//!
//! The bytes of a pack must not depend on it, so it does not touch what is remembered to compare with: windows of text, recent nodes,
//! and tables that grow with the open pack. It bounds what is under way, chunks read and cut ahead of the one that is numbered, and
//! the window a decoder may ask for. So it is an aim and no ceiling: a pack of very many short nodes, or lines of tens of megabytes
//! made of them, take more.

/// Set aside for what the limit does not touch. Chosen; the tables of a large open pack alone may take more.
const FIXED: u64 = 144 << 20;

/// Raw bytes under way without a limit: lines of up to 32 MiB must not add up.
const UNDER_WAY: u64 = 64 << 20;
/// Never less: a few chunks, or nothing would go in parallel.
const LEAST_UNDER_WAY: u64 = 4 << 20;
/// What a raw byte under way is taken to need: itself, its decoded strings, nodes and values. Chosen for logs; short nodes need more.
const FOOTPRINT: u64 = 4;

/// Largest window a decoder may need without a limit (what `zstd --long` writes).
const WINDOW: u64 = 128 << 20;
/// Never less: what zstd and xz write by default.
const LEAST_WINDOW: u64 = 8 << 20;

/// How much of what may be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Raw bytes of chunks that are read or cut and not stored yet.
    pub under_way: u64,
    /// Window of a decoder.
    pub window: u64,
}

impl Budget {
    /// Shares out a limit: half of what is not fixed for what is under way, half for the decoder.
    #[must_use]
    pub fn of(limit: Option<u64>) -> Budget {
        let Some(limit) = limit else { return Budget { under_way: UNDER_WAY, window: WINDOW } };
        let half = limit.saturating_sub(FIXED) / 2;
        Budget { under_way: (half / FOOTPRINT).clamp(LEAST_UNDER_WAY, UNDER_WAY), window: half.max(LEAST_WINDOW) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is shared out adds up to no more than the limit, as long as that is no less than what is set aside.
    #[test]
    fn shares_stay_below_the_limit_and_a_generous_one_allows_larger_windows() {
        let mib = 1 << 20;
        for limit in [200, 256, 300, 512, 1024, 8192] {
            let budget = Budget::of(Some(limit * mib));
            assert!(FIXED + budget.under_way * FOOTPRINT + budget.window <= limit * mib, "{limit}: {budget:?}");
        }
        assert!(Budget::of(Some(512 * mib)).window >= WINDOW);
        assert!(Budget::of(Some(8192 * mib)).window >= 2048 * mib);
        assert_eq!(Budget::of(Some(1)), Budget { under_way: LEAST_UNDER_WAY, window: LEAST_WINDOW });
    }
}
