//! Reading and writing of on-disk integers: little-endian fixed widths and LEB128 varints.
//!
//! Bytes from disk are strangers: [`Reader`] checks every length before it touches or allocates anything and its errors
//! carry the offset. Nothing here panics on any input.

use crate::error::{Corrupt, corrupt};

/// Appends integers and byte strings to a growing buffer.
pub trait Put {
    /// One byte.
    fn put_u8(&mut self, value: u8);
    /// Two bytes, little-endian.
    fn put_u16(&mut self, value: u16);
    /// Four bytes, little-endian.
    fn put_u32(&mut self, value: u32);
    /// Eight bytes, little-endian.
    fn put_u64(&mut self, value: u64);
    /// LEB128: seven bits a byte, low group first, at most ten bytes.
    fn put_varint(&mut self, value: u64);
    /// Zigzag, then LEB128.
    fn put_signed(&mut self, value: i64) {
        self.put_varint(zigzag(value));
    }
    /// Varint length, then the bytes.
    fn put_bytes(&mut self, value: &[u8]);
}

impl Put for Vec<u8> {
    fn put_u8(&mut self, value: u8) {
        self.push(value);
    }
    fn put_u16(&mut self, value: u16) {
        self.extend_from_slice(&value.to_le_bytes());
    }
    fn put_u32(&mut self, value: u32) {
        self.extend_from_slice(&value.to_le_bytes());
    }
    fn put_u64(&mut self, value: u64) {
        self.extend_from_slice(&value.to_le_bytes());
    }
    fn put_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.push((value as u8 & 0x7f) | 0x80);
            value >>= 7;
        }
        self.push(value as u8);
    }
    fn put_bytes(&mut self, value: &[u8]) {
        self.put_varint(value.len() as u64);
        self.extend_from_slice(value);
    }
}

/// Maps small magnitudes of either sign to small unsigned numbers.
#[must_use]
pub fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// The inverse of [`zigzag`].
#[must_use]
pub fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// A checked cursor over bytes from disk.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    /// A cursor at the start of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader { bytes, position: 0 }
    }

    /// Offset of the next byte.
    #[must_use]
    pub fn position(&self) -> usize {
        self.position
    }

    /// Bytes not yet read.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.bytes.len() - self.position
    }

    /// True at the end.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.remaining() == 0
    }

    /// The next `length` bytes.
    pub fn take(&mut self, length: usize) -> Result<&'a [u8], Corrupt> {
        let end = self.position.checked_add(length);
        match end.and_then(|end| self.bytes.get(self.position..end)) {
            Some(slice) => {
                self.position += length;
                Ok(slice)
            }
            None => Err(corrupt!("{length} bytes wanted at offset {}, {} left", self.position, self.remaining())),
        }
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, Corrupt> {
        match self.bytes.get(self.position) {
            Some(&byte) => {
                self.position += 1;
                Ok(byte)
            }
            None => Err(corrupt!("a byte wanted at offset {}, none left", self.position)),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Corrupt> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    /// Two bytes, little-endian.
    pub fn u16(&mut self) -> Result<u16, Corrupt> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    /// Four bytes, little-endian.
    pub fn u32(&mut self) -> Result<u32, Corrupt> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// Eight bytes, little-endian.
    pub fn u64(&mut self) -> Result<u64, Corrupt> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// A LEB128 varint of at most 64 bits.
    #[inline]
    pub fn varint(&mut self) -> Result<u64, Corrupt> {
        match self.bytes.get(self.position) {
            Some(&byte) if byte < 0x80 => {
                self.position += 1;
                Ok(u64::from(byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, Corrupt> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(corrupt!("varint longer than 64 bits before offset {}", self.position))
    }

    /// A zigzag varint.
    pub fn signed(&mut self) -> Result<i64, Corrupt> {
        Ok(unzigzag(self.varint()?))
    }

    /// A varint that must fit 32 bits.
    pub fn varint32(&mut self) -> Result<u32, Corrupt> {
        let value = self.varint()?;
        u32::try_from(value).map_err(|_| corrupt!("{value} before offset {} does not fit 32 bits", self.position))
    }

    /// As [`Reader::varint32`], for long lists of mostly small numbers.
    #[inline]
    pub fn short_varint32(&mut self) -> Result<u32, Corrupt> {
        match self.bytes.get(self.position..self.position + 2) {
            Some(&[low, _]) if low < 0x80 => {
                self.position += 1;
                Ok(u32::from(low))
            }
            Some(&[low, high]) if high < 0x80 => {
                self.position += 2;
                Ok(u32::from(low & 0x7f) | u32::from(high) << 7)
            }
            _ => self.varint32(),
        }
    }

    /// A varint that counts things of at least `bytes_each` bytes still to come: refused when they cannot be there, so that
    /// the caller may allocate for it.
    pub fn count(&mut self, bytes_each: usize) -> Result<usize, Corrupt> {
        let value = self.varint()?;
        let most = self.remaining() / bytes_each.max(1);
        match usize::try_from(value) {
            Ok(count) if count <= most => Ok(count),
            _ => Err(corrupt!("count {value} before offset {}, room for {most}", self.position)),
        }
    }

    /// Varint length, then the bytes.
    pub fn bytes(&mut self) -> Result<&'a [u8], Corrupt> {
        let length = self.count(1)?;
        self.take(length)
    }

    /// Varint length, then UTF-8.
    pub fn string(&mut self) -> Result<&'a str, Corrupt> {
        let at = self.position;
        std::str::from_utf8(self.bytes()?).map_err(|_| corrupt!("invalid UTF-8 at offset {at}"))
    }

    /// Refuses bytes left over.
    pub fn finish(self) -> Result<(), Corrupt> {
        if self.is_empty() { Ok(()) } else { Err(corrupt!("{} bytes left over at offset {}", self.remaining(), self.position)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_come_back_and_truncation_is_an_error_not_a_panic() {
        let mut out = Vec::new();
        out.put_u16(513);
        out.put_u64(u64::MAX - 1);
        out.put_varint(u64::MAX);
        out.put_signed(i64::MIN);
        out.put_bytes(b"abc");
        for end in 0..=out.len() {
            let mut reader = Reader::new(&out[..end]);
            let all = (|| {
                assert_eq!(reader.u16()?, 513);
                assert_eq!(reader.u64()?, u64::MAX - 1);
                assert_eq!(reader.varint()?, u64::MAX);
                assert_eq!(reader.signed()?, i64::MIN);
                assert_eq!(reader.bytes()?, b"abc");
                Ok::<_, Corrupt>(())
            })();
            assert_eq!(all.is_ok(), end == out.len(), "{end}");
        }
    }

    #[test]
    fn a_count_that_cannot_be_there_is_refused_before_allocation() {
        let mut out = Vec::new();
        out.put_varint(1 << 40);
        assert!(Reader::new(&out).count(1).is_err());
        assert!(Reader::new(&[0xff; 11]).varint().is_err());
    }
}
