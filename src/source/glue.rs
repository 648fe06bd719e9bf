//! What stands between the records of a file that is one JSON document.
//!
//! The bytes before the first element, between two elements, and after the last; put around the elements in order they give
//! the file again, byte for byte. Separators are nearly always the same (`,\n  `), so they are kept as runs.
//!
//! ```text
//! glue = bytes open · varint runs · runs × (bytes separator · varint count ≥ 1) · bytes close      (bytes = varint length + bytes)
//! ```

use crate::bytes::{Put, Reader};
use crate::error::{Corrupt, corrupt};

/// The same separator several times in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The bytes between two elements.
    pub separator: Vec<u8>,
    /// How often in a row.
    pub count: u64,
}

/// Everything of a document that is no element.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Glue {
    /// Before the first element; all of a document without elements up to its closing bracket.
    pub open: Vec<u8>,
    /// Between elements, in order.
    pub separators: Vec<Run>,
    /// After the last element.
    pub close: Vec<u8>,
}

impl Glue {
    /// Adds the separator before the next element.
    pub fn push(&mut self, separator: &[u8]) {
        match self.separators.last_mut() {
            Some(run) if run.separator == separator => run.count += 1,
            _ => self.separators.push(Run { separator: separator.to_vec(), count: 1 }),
        }
    }

    /// What stands before each element and, last, after the final one: one more than there are elements.
    pub fn around(&self) -> impl Iterator<Item = &[u8]> {
        let between = self.separators.iter().flat_map(|run| (0..run.count).map(|_| &run.separator[..]));
        std::iter::once(&self.open[..]).chain(between).chain(std::iter::once(&self.close[..]))
    }

    /// The bytes of the stored form.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.put_bytes(&self.open);
        out.put_varint(self.separators.len() as u64);
        for run in &self.separators {
            out.put_bytes(&run.separator);
            out.put_varint(run.count);
        }
        out.put_bytes(&self.close);
        out
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// When the bytes are no glue.
    pub fn decode(bytes: &[u8]) -> Result<Glue, Corrupt> {
        let mut reader = Reader::new(bytes);
        let open = reader.bytes()?.to_vec();
        let mut separators = Vec::new();
        for _ in 0..reader.count(2)? {
            let separator = reader.bytes()?.to_vec();
            let count = reader.varint()?;
            if count == 0 {
                return Err(corrupt!("a separator that never occurs before offset {}", reader.position()));
            }
            separators.push(Run { separator, count });
        }
        let close = reader.bytes()?.to_vec();
        reader.finish()?;
        Ok(Glue { open, separators, close })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glue() -> Glue {
        let mut glue = Glue { open: b"\xef\xbb\xbf[\n".to_vec(), close: b"\n]\n".to_vec(), ..Glue::default() };
        [",\n", ",\n", ", ", ",\n"].iter().for_each(|separator| glue.push(separator.as_bytes()));
        glue
    }

    #[test]
    fn equal_separators_in_a_row_are_stored_once_and_come_back_in_order() {
        assert_eq!(glue().separators.len(), 3);
        let around: Vec<&[u8]> = [&b"\xef\xbb\xbf[\n"[..], b",\n", b",\n", b", ", b",\n", b"\n]\n"].to_vec();
        assert_eq!(glue().around().collect::<Vec<_>>(), around);
    }

    #[test]
    fn the_stored_form_comes_back_and_a_damaged_one_is_refused() {
        let stored = glue().encode();
        assert_eq!(Glue::decode(&stored), Ok(glue()));
        for end in 0..stored.len() {
            assert!(Glue::decode(&stored[..end]).is_err(), "{end}");
        }
        let mut never = Vec::new();
        [&[0u8, 1, 1, b',', 0, 0][..]].iter().for_each(|bytes| never.extend_from_slice(bytes));
        assert!(Glue::decode(&never).is_err());
    }
}
