//! The columns of some lines: gathered line by line, and read back.
//!
//! ```text
//! words   = count varint × bytes · bytes usages (u64 each)
//! columns = each as bytes: flags, bytes, shape, conversation, model, application, title, usage, types, time, latency, cost, parts of
//!           latency, project, turns, five of tokens; a value a line, where the flags say that it is there
//! ```

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::bytes::{Put, Reader, unzigzag, zigzag};
use crate::error::{Corrupt, corrupt};
use crate::vault::api::Time;
use crate::vault::filter::TypeSet;
use crate::vault::meaning::Meaning;

/// Columns of a chunk.
const COLUMNS: usize = 20;

const OPAQUE: u8 = 1;
const ERROR: u8 = 2;
const TIMED: u8 = 4;
const SLOW: u8 = 8;
const PAID: u8 = 16;
const GONE: u8 = 32;
const PARTED: u8 = 64;

/// Columns while they are gathered.
#[derive(Default)]
pub(super) struct Columns {
    words: Words,
    usages: FxHashMap<u64, u64>,
    keys: Vec<u8>,
    columns: [Vec<u8>; COLUMNS],
    time: i64,
}

/// Every text once, numbered from 1.
#[derive(Default)]
struct Words {
    numbers: FxHashMap<Arc<str>, u64>,
    list: Vec<Arc<str>>,
    bytes: usize,
}

impl Words {
    fn number(&mut self, text: Option<&str>) -> u64 {
        let Some(text) = text else { return 0 };
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let text: Arc<str> = text.into();
        self.bytes += text.len();
        self.list.push(Arc::clone(&text));
        self.numbers.insert(text, self.list.len() as u64);
        self.list.len() as u64
    }
}

impl Columns {
    /// Lines so far.
    pub(super) fn lines(&self) -> u64 {
        self.columns[0].len() as u64
    }

    /// Their bytes, about.
    pub(super) fn bytes(&self) -> usize {
        self.words.bytes + self.keys.len() + self.columns.iter().map(Vec::len).sum::<usize>()
    }

    /// Adds what the next line means; none for one that is gone.
    pub(super) fn push(&mut self, row: Option<&Meaning>) {
        let columns = &mut self.columns;
        let Some(row) = row else {
            columns[0].push(GONE);
            return;
        };
        let bit = |is: bool, flag: u8| if is { flag } else { 0 };
        columns[0].push(
            bit(row.opaque, OPAQUE)
                | bit(row.error, ERROR)
                | bit(row.time.is_some(), TIMED)
                | bit(row.latency_ms.is_some(), SLOW)
                | bit(row.cost_usd.is_some(), PAID)
                | bit(!row.components.is_empty(), PARTED),
        );
        columns[1].put_varint(row.bytes);
        columns[2].put_varint(self.words.number(Some(&row.shape)));
        let texts = [&row.conversation, &row.model, &row.application, &row.title];
        for (column, text) in columns[3..].iter_mut().zip(texts) {
            column.put_varint(self.words.number(text.as_deref()));
        }
        columns[7].put_varint(row.usage.map_or(0, |usage| {
            *self.usages.entry(usage).or_insert_with(|| {
                self.keys.put_u64(usage);
                self.keys.len() as u64 / 8
            })
        }));
        columns[8].put_varint(row.types.bits());
        if let Some(Time(time)) = row.time {
            columns[9].put_varint(zigzag(time.wrapping_sub(self.time)));
            self.time = time;
        }
        columns[10].extend(row.latency_ms.iter().flat_map(|value| value.to_bits().to_le_bytes()));
        columns[11].extend(row.cost_usd.iter().flat_map(|value| value.to_bits().to_le_bytes()));
        if !row.components.is_empty() {
            columns[12].put_varint(row.components.len() as u64);
            for (name, value) in &row.components {
                columns[12].put_varint(self.words.number(Some(name)));
                columns[12].extend(value.to_bits().to_le_bytes());
            }
        }
        columns[13].put_varint(self.words.number(row.project.as_deref()));
        columns[14].put_varint(u64::from(row.turns));
        for (column, tokens) in columns[15..].iter_mut().zip(row.tokens) {
            column.put_varint(tokens);
        }
    }

    /// All of it.
    pub(super) fn finish(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.bytes() + self.bytes() / 8);
        out.put_varint(self.words.list.len() as u64);
        self.words.list.iter().for_each(|word| out.put_bytes(word.as_bytes()));
        out.put_bytes(&self.keys);
        self.columns.iter().for_each(|column| out.put_bytes(column));
        out
    }
}

/// The meanings of so many lines.
///
/// # Errors
/// When anything does not add up.
pub(super) fn decode(bytes: &[u8], lines: usize) -> Result<Vec<Option<Meaning>>, Corrupt> {
    let mut reader = Reader::new(bytes);
    let mut words: Vec<Arc<str>> = Vec::new();
    for _ in 0..reader.count(1)? {
        let word = std::str::from_utf8(reader.bytes()?).map_err(|_| corrupt!("a word that is no text"))?;
        words.push(word.into());
    }
    let keys = reader.bytes()?;
    let mut columns = Vec::with_capacity(COLUMNS);
    for _ in 0..COLUMNS {
        columns.push(Reader::new(reader.bytes()?));
    }
    reader.finish()?;
    let [
        flags,
        size,
        shape,
        conversation,
        model,
        application,
        title,
        usage,
        types,
        time,
        latency,
        cost,
        parts,
        project,
        turns,
        tokens @ ..,
    ] = &mut columns[..]
    else {
        return Err(corrupt!("columns missing"));
    };
    let word = |at: u64| match at.checked_sub(1) {
        None => Ok(None),
        Some(at) => words.get(at as usize).map(Some).ok_or_else(|| corrupt!("no word {at}")),
    };
    let text = |at: u64| Ok::<_, Corrupt>(word(at)?.map(|word| Box::<str>::from(&**word)));
    if flags.remaining() != lines {
        return Err(corrupt!("{} of {lines} lines", flags.remaining()));
    }
    let mut before = 0i64;
    let mut rows = Vec::with_capacity(lines);
    for _ in 0..lines {
        let flag = flags.u8()?;
        if flag & GONE != 0 {
            rows.push(None);
            continue;
        }
        let mut row = Meaning {
            opaque: flag & OPAQUE != 0,
            error: flag & ERROR != 0,
            bytes: size.varint()?,
            shape: word(shape.varint()?)?.map(Arc::clone).unwrap_or_default(),
            conversation: text(conversation.varint()?)?,
            model: text(model.varint()?)?,
            application: text(application.varint()?)?,
            title: text(title.varint()?)?,
            project: text(project.varint()?)?,
            turns: turns.varint32()?,
            types: TypeSet::from_bits(types.varint()?),
            ..Meaning::default()
        };
        if let Some(at) = usage.varint()?.checked_sub(1) {
            let key = usize::try_from(at).ok().and_then(|at| keys.get(at.checked_mul(8)?..)).unwrap_or_default();
            row.usage = Some(Reader::new(key).u64()?);
        }
        if flag & TIMED != 0 {
            before = before.wrapping_add(unzigzag(time.varint()?));
            row.time = Some(Time(before));
        }
        row.latency_ms = (flag & SLOW != 0).then(|| latency.u64().map(f64::from_bits)).transpose()?;
        row.cost_usd = (flag & PAID != 0).then(|| cost.u64().map(f64::from_bits)).transpose()?;
        if flag & PARTED != 0 {
            let count = parts.count(5)?;
            row.components = (0..count)
                .map(|_| {
                    let name = word(parts.varint()?)?.map(Arc::clone).unwrap_or_default();
                    Ok((name, f32::from_bits(parts.u32()?)))
                })
                .collect::<Result<_, Corrupt>>()?;
        }
        for (value, column) in row.tokens.iter_mut().zip(tokens.iter_mut()) {
            *value = column.varint()?;
        }
        rows.push(Some(row));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(rows: &[Option<Meaning>]) -> Vec<u8> {
        let mut columns = Columns::default();
        rows.iter().for_each(|row| columns.push(row.as_ref()));
        columns.finish()
    }

    #[test]
    fn meanings_come_back_as_they_were() {
        let row = |n: u64| Meaning {
            shape: "openai.chat".into(),
            bytes: n * 100,
            conversation: Some(format!("c{}", n % 2).into()),
            model: (n > 1).then(|| "m".into()),
            time: (n != 2).then_some(Time(1_790_000_000_000_000 - n as i64)),
            latency_ms: (n == 2).then_some(1.5),
            cost_usd: (n == 1).then_some(0.25),
            components: if n == 3 { [("queue".into(), 1.5), ("m".into(), 0.5)].into() } else { Default::default() },
            tokens: [n, 0, 1, 2, 3],
            project: (n == 2).then(|| "/w".into()),
            turns: n as u32 * 200,
            error: n == 3,
            usage: (n != 1).then_some(n % 2 * 77),
            ..Meaning::default()
        };
        let rows = vec![Some(row(0)), None, Some(row(1)), Some(row(2)), Some(row(3))];
        let again = decode(&encode(&rows), rows.len()).unwrap();
        assert_eq!(format!("{again:?}"), format!("{rows:?}"));
        assert!(decode(&encode(&rows), 4).is_err());
        let bytes = encode(&rows);
        (0..bytes.len()).for_each(|end| assert!(decode(&bytes[..end], rows.len()).is_err(), "cut at {end}"));
    }
}
