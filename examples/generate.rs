//! Writes a log that nobody's model ever saw, for scale tests: `cargo run --release --example generate -- 10G 7 | turnpack ingest -`.
//!
//! Arguments: size (`500M`, `10G`) and seed. Sessions interleave; each request resends its history, so that about half of all
//! bytes are new text. Words follow a Zipf-like law over an invented vocabulary, ids are random, times rise. The same
//! arguments give the same bytes on every machine.

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

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let size = arguments.next().as_deref().and_then(parse_size).unwrap_or(100 << 20);
    let seed = arguments.next().and_then(|seed| seed.parse().ok()).unwrap_or(7u64);
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let system: Vec<String> = (0..8).map(|_| text(&mut random, 400)).collect();
    let mut sessions: Vec<Session> = Vec::new();
    let mut out = io::BufWriter::with_capacity(1 << 20, io::stdout().lock());
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
        let question = format!(r#"{{"role":"user","content":"{}"}}"#, text(&mut random, words));
        let words = 80 + random.below(500);
        let answer = format!(r#"{{"role":"assistant","content":"{}"}}"#, text(&mut random, words));
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
        let sent = out.write_all(line.as_bytes()).and_then(|()| out.write_all(b"\n"));
        if sent.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
            return Ok(());
        }
        sent?;
    }
    out.flush()
}

fn parse_size(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match &text[digits.len()..] {
        "" => 1,
        "K" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}
