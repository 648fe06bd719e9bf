//! Decoding as far as somebody needs it: who wants one record need not wait for its whole block.

use std::cell::RefCell;

use zstd::zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer};

use super::{DECOMPRESSOR, failed, prepare};
use crate::error::{Corrupt, corrupt};

/// Input handed to the decoder between two looks at how far it got.
const STEP: usize = 32 << 10;

/// Says how many bytes are needed, given those that are there. It is asked again when there are so many: the first of them may say
/// how many more.
pub type Needs<'n> = dyn FnMut(&[u8]) -> Result<usize, Corrupt> + 'n;

/// Bytes that are decoded as far as somebody needs them, from the start on.
pub struct Gradual {
    bytes: Vec<u8>,
    done: usize,
    fed: usize,
    decoder: Decoder,
}

/// What decoded blocks leave behind on a thread, for its next ones: the first touch of half a megabyte takes as long as decoding it.
#[derive(Default)]
struct Shelf {
    rooms: Vec<Vec<u8>>,
    contexts: Vec<DCtx<'static>>,
}

/// Of each so many are kept.
const SHELF_PLACES: usize = 4;
/// A larger room is given back: four of them would be missed.
const LARGEST_ROOM: usize = 1 << 20;

thread_local! {
    static SHELF: RefCell<Shelf> = RefCell::default();
}

/// So many bytes, of which none means anything yet.
fn room(length: usize) -> Vec<u8> {
    let mut room = SHELF.with_borrow_mut(|shelf| shelf.rooms.pop()).unwrap_or_default();
    if room.capacity() < length {
        return vec![0; length];
    }
    room.resize(length, 0);
    room
}

impl Drop for Gradual {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        let decoder = std::mem::replace(&mut self.decoder, Decoder::Done);
        // A thread that ends has no shelf any more.
        let _ = SHELF.try_with(|shelf| {
            let Ok(mut shelf) = shelf.try_borrow_mut() else { return };
            if (1..=LARGEST_ROOM).contains(&bytes.capacity()) && shelf.rooms.len() < SHELF_PLACES {
                shelf.rooms.push(bytes);
            }
            if let Decoder::Kept(context) = decoder
                && shelf.contexts.len() < SHELF_PLACES
            {
                shelf.contexts.push(context);
            }
        });
    }
}

/// How the next bytes are had.
enum Decoder {
    /// Everything is there.
    Done,
    /// It goes on where it stopped.
    Kept(DCtx<'static>),
    /// One that rests on a prefix cannot outlive it, and for what is seldom needed further none is kept: each time it begins at the
    /// start.
    Anew,
}

impl Gradual {
    /// Bytes that are all there already.
    #[must_use]
    pub fn whole(bytes: Vec<u8>) -> Gradual {
        Gradual { done: bytes.len(), bytes, fed: 0, decoder: Decoder::Done }
    }

    /// The beginning of what decodes to `length` bytes; nothing is decoded yet.
    ///
    /// # Errors
    /// When there is no decoder.
    pub fn begin(length: usize) -> Result<Gradual, Corrupt> {
        let mut context = SHELF.with_borrow_mut(|shelf| shelf.contexts.pop()).unwrap_or_else(DCtx::create);
        prepare_steps(&mut context).map_err(failed)?;
        Ok(Gradual { bytes: room(length), done: 0, fed: 0, decoder: Decoder::Kept(context) })
    }

    /// The same for what was compressed with a prefix, or will hardly be needed further than the first time.
    #[must_use]
    pub fn anew(length: usize) -> Gradual {
        Gradual { bytes: room(length), done: 0, fed: 0, decoder: Decoder::Anew }
    }

    /// What is decoded so far.
    #[must_use]
    pub fn ready(&self) -> &[u8] {
        self.bytes.get(..self.done).unwrap_or_default()
    }

    /// True when nothing is left to decode.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        matches!(self.decoder, Decoder::Done)
    }

    /// Decodes until there is what `needs` asks for; `data` and `prefix` are the same each time.
    ///
    /// # Errors
    /// When the data that was read is damaged or ends early, and those of `needs`.
    pub fn reach(&mut self, needs: &mut Needs<'_>, data: &[u8], prefix: Option<&[u8]>) -> Result<(), Corrupt> {
        let Some(mut upto) = self.lacks(needs)? else { return Ok(()) };
        match std::mem::replace(&mut self.decoder, Decoder::Anew) {
            Decoder::Done => self.decoder = Decoder::Done,
            Decoder::Kept(mut context) => {
                self.decode(&mut context, upto, needs, data)?;
                self.decoder = Decoder::Kept(context);
            }
            Decoder::Anew => {
                // Who comes again goes on to the end, as a rule, and would begin anew each time.
                if self.done > 0 {
                    upto = self.bytes.len();
                }
                (self.done, self.fed) = (0, 0);
                match prefix {
                    None => DECOMPRESSOR.with_borrow_mut(|context| {
                        prepare_steps(context).map_err(failed)?;
                        self.decode(context, upto, needs, data)
                    })?,
                    Some(prefix) => {
                        let mut context = DCtx::create();
                        prepare_steps(&mut context).map_err(failed)?;
                        context.ref_prefix(prefix).map_err(failed)?;
                        self.decode(&mut context, upto, needs, data)?;
                    }
                }
            }
        }
        if self.done == self.bytes.len() {
            self.decoder = Decoder::Done;
        }
        Ok(())
    }

    /// How many bytes must be there, when that is more than are.
    fn lacks(&self, needs: &mut Needs<'_>) -> Result<Option<usize>, Corrupt> {
        let upto = needs(self.ready())?.min(self.bytes.len());
        Ok((upto > self.done).then_some(upto))
    }

    fn decode(&mut self, context: &mut DCtx<'_>, upto: usize, needs: &mut Needs<'_>, data: &[u8]) -> Result<(), Corrupt> {
        (self.done, self.fed) = until(context, &mut self.bytes, (self.done, self.fed), upto, needs, data)?;
        Ok(())
    }
}

/// Decodes one thing after the other, what rests on a prefix that lives as long as `'p` with one decoder: making one takes as long as
/// decoding 50 KiB.
#[derive(Default)]
pub struct Resting<'p>(Option<DCtx<'p>>);

impl<'p> Resting<'p> {
    /// Decodes into `bytes`, which are as long as the whole, until there is what `needs` asks for; gives how many that are.
    ///
    /// # Errors
    /// When the data that was read is damaged or ends early, and those of `needs`.
    pub fn start(
        &mut self,
        bytes: &mut [u8],
        needs: &mut Needs<'_>,
        data: &[u8],
        prefix: Option<&'p [u8]>,
    ) -> Result<usize, Corrupt> {
        let upto = needs(&[])?.min(bytes.len());
        let reached = match prefix {
            None => DECOMPRESSOR.with_borrow_mut(|context| {
                prepare_steps(context).map_err(failed)?;
                until(context, bytes, (0, 0), upto, needs, data)
            }),
            Some(prefix) => {
                let context = self.0.get_or_insert_with(DCtx::create);
                prepare_steps(context).map_err(failed)?;
                context.ref_prefix(prefix).map_err(failed)?;
                until(context, bytes, (0, 0), upto, needs, data)
            }
        };
        reached.map(|(done, _)| done)
    }
}

/// Decodes on from what is done of `bytes` and was fed of `data`, to `upto` and as far as `needs` wants more; gives how far it came.
fn until(
    context: &mut DCtx<'_>,
    bytes: &mut [u8],
    mut at: (usize, usize),
    mut upto: usize,
    needs: &mut Needs<'_>,
    data: &[u8],
) -> Result<(usize, usize), Corrupt> {
    loop {
        at = steps(context, bytes, at, upto, data).map_err(failed)?;
        if at.0 < upto {
            return Err(corrupt!("decompresses to {} bytes instead of {}", at.0, bytes.len()));
        }
        upto = needs(bytes.get(..at.0).unwrap_or_default())?.min(bytes.len());
        if upto <= at.0 {
            return Ok(at);
        }
    }
}

/// Decodes on from what is done of `bytes` and was fed of `data`, until `upto` bytes are there or nothing comes any more.
fn steps(
    context: &mut DCtx<'_>,
    bytes: &mut [u8],
    (done, mut fed): (usize, usize),
    upto: usize,
    data: &[u8],
) -> Result<(usize, usize), usize> {
    let mut output = OutBuffer::around_pos(bytes, done);
    while output.pos() < upto {
        let end = data.len().min(fed + STEP);
        let mut input = InBuffer { src: &data[..end], pos: fed };
        let before = (fed, output.pos());
        context.decompress_stream(&mut output, &mut input)?;
        fed = input.pos;
        if before == (fed, output.pos()) {
            break;
        }
    }
    Ok((output.pos(), fed))
}

/// The result stays where it is while it grows, so that the decoder needs no window of its own.
fn prepare_steps(context: &mut DCtx<'_>) -> Result<(), usize> {
    prepare(context)?;
    context.set_parameter(DParameter::StableOutBuffer(true)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{compress, compress_with_prefix};

    #[test]
    fn what_is_decoded_step_by_step_is_the_start_of_the_whole_and_damage_in_it_is_seen() {
        let raw: Vec<u8> =
            (0..60_000u32).flat_map(|i| format!("{:08x} of text; ", i.wrapping_mul(0x9e37_79b1)).into_bytes()).collect();
        let packed = compress(&raw, 3).unwrap();
        let mut gradual = Gradual::begin(raw.len()).unwrap();
        for upto in [0, 1, 100_000, 131_072, 500_000, 500_000, raw.len() - 1, raw.len(), raw.len() + 9] {
            gradual.reach(&mut |_| Ok(upto), &packed, None).unwrap();
            assert!(gradual.ready().len() >= upto.min(raw.len()) && raw.starts_with(gradual.ready()), "{upto}");
            assert!(upto > 200_000 || gradual.ready().len() < raw.len() / 2, "much more than {upto}");
        }
        assert!(gradual.is_whole());
        assert!(Gradual::begin(raw.len()).unwrap().reach(&mut |_| Ok(raw.len()), &packed[..packed.len() / 2], None).is_err());
        assert!(Gradual::begin(raw.len()).unwrap().reach(&mut |_| Ok(raw.len()), b"no zstd at all", None).is_err());
    }

    // Protects the time of `get`: what is decoded says itself how far it is needed, and neither starts again nor goes to the end for it;
    // and its bytes: one decoder serves several things, with and without a prefix.
    #[test]
    fn the_first_bytes_say_how_far_is_decoded_and_a_decoder_serves_again() {
        let text =
            |from: u32, to: u32| (from..to).flat_map(|i| format!("{:08x} of text; ", i.wrapping_mul(0x9e37_79b1)).into_bytes());
        let (prefix, raw): (Vec<u8>, Vec<u8>) = (text(0, 9_000).collect(), text(4_000, 60_000).collect());
        let rested = compress_with_prefix(&raw, 3, Some(&prefix)).unwrap();
        let plain = compress(&raw, 3).unwrap();
        let mut room = vec![0; raw.len()];
        let mut decoder = Resting::default();
        for (data, prefix) in [(&rested, Some(&prefix[..])), (&plain, None), (&rested, Some(&prefix[..]))] {
            let mut asked = Vec::new();
            let mut needs = |ready: &[u8]| {
                asked.push(ready.len());
                Ok(if ready.len() < 100 { 100 } else { 300_000 })
            };
            let done = decoder.start(&mut room, &mut needs, data, prefix).unwrap();
            assert!((300_000..raw.len() / 3 * 2).contains(&done), "{done}");
            assert_eq!(room[..done], raw[..done]);
            assert!(asked.len() == 3 && asked.is_sorted(), "{asked:?}");
            room.fill(0);
        }
        let mut needs = |_: &[u8]| Ok(usize::MAX);
        assert_eq!(decoder.start(&mut room, &mut needs, &rested, Some(&prefix)).unwrap(), raw.len());
        assert_eq!(room, raw);
        assert!(decoder.start(&mut room, &mut needs, &rested[..rested.len() / 2], Some(&prefix)).is_err());
        assert!(decoder.start(&mut room, &mut |_| Err(corrupt!("no")), &rested, Some(&prefix)).is_err());
    }

    #[test]
    fn what_rests_on_a_prefix_is_decoded_step_by_step_too() {
        let text =
            |from: u32, to: u32| (from..to).flat_map(|i| format!("{:08x} of text; ", i.wrapping_mul(0x9e37_79b1)).into_bytes());
        let prefix: Vec<u8> = text(0, 9_000).collect();
        let raw: Vec<u8> = text(4_000, 60_000).collect();
        let packed = compress_with_prefix(&raw, 3, Some(&prefix)).unwrap();
        let mut gradual = Gradual::anew(raw.len());
        for upto in [0, 1, 100_000, 90_000, 150_000, 500_000, raw.len() - 1, raw.len(), raw.len() + 9] {
            gradual.reach(&mut |_| Ok(upto), &packed, Some(&prefix)).unwrap();
            assert!(gradual.ready().len() >= upto.min(raw.len()) && raw.starts_with(gradual.ready()), "{upto}");
            assert_eq!(gradual.is_whole(), upto >= 500_000, "{upto}");
        }
        assert!(Gradual::anew(raw.len()).reach(&mut |_| Ok(raw.len()), &packed, Some(&prefix[..500])).is_err());
        assert!(Gradual::anew(raw.len()).reach(&mut |_| Ok(raw.len()), &packed, None).is_err());
    }
}
