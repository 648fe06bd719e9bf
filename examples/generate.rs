//! Writes a log that nobody's model ever saw, for scale tests: `cargo run --release --example generate -- 10G 7 | turnpack ingest -`.
//!
//! Arguments: what, and a seed. The same arguments give the same bytes on every machine.
//!
//! | what | |
//! |---|---|
//! | a size (`500M`, `10G`) | requests of sessions that interleave; each resends its history, so that about half of all bytes are new text |
//! | `segments:N` | small records, each with one or two short texts that nothing else has, until there are N texts: many rows, few bytes |
//! | `variants:N` | a system prompt of 5 KB in N variants, each with a name of random length at a random place |
//!
//! Words follow a Zipf-like law over an invented vocabulary, ids are random, times rise.

use std::io::{self, Write};

/// xorshift64*: small, fast, good enough to look like data.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 33) % limit
    }

    fn hex(&mut self, digits: usize) -> String {
        (0..digits).map(|_| char::from_digit(self.below(16) as u32, 16).unwrap_or('0')).collect()
    }
}

const WORDS: u64 = 30_000;

fn word(random: &mut Random, out: &mut String) {
    // The product of two uniform numbers favours small ranks, as words do.
    let rank = random.below(WORDS) * random.below(WORDS) / WORDS;
    let mut code = rank.wrapping_mul(0x9e37_79b9) >> 7;
    for _ in 0..2 + rank % 4 {
        out.push(b"bcdfghjklmnprstvwz"[(code % 18) as usize] as char);
        code /= 18;
        out.push(b"aeiou"[(code % 5) as usize] as char);
        code = code / 5 + rank;
    }
}

fn text(random: &mut Random, words: u64) -> String {
    let mut out = String::new();
    for index in 0..words {
        if index > 0 {
            out.push_str(if random.below(12) == 0 { ". " } else { " " });
        }
        word(random, &mut out);
    }
    out
}

struct Session {
    id: String,
    messages: Vec<String>,
}

/// What to write.
enum What {
    Bytes(u64),
    Segments(u64),
    Variants(u64),
}

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next().map_or(Some(What::Bytes(100 << 20)), |what| parse(&what));
    let Some(what) = what else { return Err(io::Error::other("usage: generate SIZE|segments:N|variants:N [SEED]")) };
    let seed = arguments.next().and_then(|seed| seed.parse().ok()).unwrap_or(7u64);
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut out = io::BufWriter::with_capacity(1 << 20, io::stdout().lock());
    let written = match what {
        What::Bytes(size) => sessions(&mut random, size, &mut out),
        What::Segments(count) => segments(&mut random, count, &mut out),
        What::Variants(count) => variants(&mut random, count, &mut out),
    };
    match written.and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Rows of a gateway's audit: a few figures, and a note or two.
fn segments(random: &mut Random, count: u64, out: &mut impl Write) -> io::Result<()> {
    let (mut made, mut time) = (0u64, 1_767_225_600_000u64);
    let mut session = random.hex(8);
    while made < count {
        if random.below(16) == 0 {
            session = random.hex(8);
        }
        time += random.below(90);
        let (request, latency) = (random.hex(12), 20 + random.below(900));
        let (prompt, both) = (note(random), random.below(2) == 0);
        let answer = if both { format!(r#","answer":"{}""#, note(random)) } else { String::new() };
        made += 1 + u64::from(both);
        writeln!(out, r#"{{"id":"{request}","ts":{time},"session_id":"s-{session}","ms":{latency},"note":"{prompt}"{answer}}}"#)?;
    }
    Ok(())
}

/// Just long enough to be stored as a segment.
fn note(random: &mut Random) -> String {
    let mut note = String::new();
    while note.len() < 40 {
        word(random, &mut note);
        note.push(' ');
    }
    note + "#" + &random.hex(10)
}

/// What an application makes of its system prompt: the same text, and somewhere in it a name.
fn variants(random: &mut Random, count: u64, out: &mut impl Write) -> io::Result<()> {
    let mut prompt = String::new();
    while prompt.len() < 5_000 {
        prompt.push_str(&text(random, 12));
        prompt.push_str(". ");
    }
    for _ in 0..count {
        let (at, letters) = (random.below(prompt.len() as u64) as usize, 3 + random.below(30));
        let name: String = (0..letters).map(|_| (b'a' + random.below(26) as u8) as char).collect();
        writeln!(out, r#"{{"role":"system","content":"{}{name}{}"}}"#, &prompt[..at], &prompt[at..])?;
    }
    Ok(())
}

fn sessions(random: &mut Random, size: u64, out: &mut impl Write) -> io::Result<()> {
    let system: Vec<String> = (0..8).map(|_| text(random, 400)).collect();
    let mut sessions: Vec<Session> = Vec::new();
    let (mut written, mut time) = (0u64, 1_767_225_600_000u64);
    while written < size {
        if sessions.len() < 24 || random.below(40) == 0 {
            let prompt = &system[random.below(8) as usize];
            let first = format!(r#"{{"role":"system","content":"{prompt}"}}"#);
            sessions.push(Session { id: format!("s-{}", random.hex(12)), messages: vec![first] });
        }
        if sessions.len() > 32 {
            sessions.swap_remove(random.below(24) as usize);
        }
        let pick = random.below(sessions.len() as u64) as usize;
        let words = 60 + random.below(200);
        let question = format!(r#"{{"role":"user","content":"{}"}}"#, text(random, words));
        let words = 80 + random.below(500);
        let answer = format!(r#"{{"role":"assistant","content":"{}"}}"#, text(random, words));
        let (request, latency) = (random.hex(16), 200 + random.below(9000));
        time += random.below(900);
        let session = &mut sessions[pick];
        session.messages.push(question);
        let line = format!(
            r#"{{"id":"req_{request}","timestamp":{time},"session_id":"{}","model":"model-{}","request":{{"model":"model","messages":[{}]}},"response":{{"id":"chatcmpl-{}","object":"chat.completion","choices":[{{"index":0,"message":{answer},"finish_reason":"stop"}}]}},"latency_ms":{latency}}}"#,
            session.id,
            pick % 3,
            session.messages.join(","),
            random.hex(24),
        );
        session.messages.push(answer);
        if session.messages.len() > 4 {
            // Short histories keep about half of the bytes new.
            session.messages.drain(1..3);
        }
        written += line.len() as u64 + 1;
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn parse(what: &str) -> Option<What> {
    match what.split_once(':') {
        Some(("segments", count)) => parse_count(count, 1000).map(What::Segments),
        Some(("variants", count)) => parse_count(count, 1000).map(What::Variants),
        _ => parse_count(what, 1024).map(What::Bytes),
    }
}

fn parse_count(text: &str, kilo: u64) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match &text[digits.len()..] {
        "" => 1,
        "K" => kilo,
        "M" => kilo.pow(2),
        "G" => kilo.pow(3),
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}
