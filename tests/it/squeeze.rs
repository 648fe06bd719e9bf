//! Smaller: vocabularies, tiers, near duplicates and dictionaries, and that nothing of what is purged lives on in them.

use turnpack::codec::vocabulary::Vocabulary;
use turnpack::interrupt::Interrupt;
use turnpack::pack::frame::{self, Frame, form};
use turnpack::progress::Silent;
use turnpack::vault::api::{CompactOptions, CompactReport, RmOptions, Tier, TrainOptions, TrainReport};

use crate::house::House;

/// xorshift64*: the same numbers on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % limit
    }

    fn word(&mut self) -> String {
        let (length, rank) = (2 + self.below(3), self.below(900));
        let mut word = Random(rank * 7919 + 1);
        (0..length).map(|_| ["ka", "to", "ri", "mu", "se", "lon", "vi", "dar"][word.below(8) as usize]).collect()
    }

    fn text(&mut self, bytes: usize) -> String {
        let mut text = String::new();
        while text.len() < bytes {
            text += &self.word();
            text += [" ", " ", " ", ". ", ",\n"][self.below(5) as usize];
        }
        text.truncate(bytes);
        text
    }
}

/// Lines of new text, with an extra sentence in some.
fn prose(seed: u64, lines: usize, extra: &str) -> String {
    let mut random = Random(seed);
    let line = |n: usize| {
        format!("{{\"id\":\"r{seed}-{n}\",\"text\":{:?}}}\n", random.text(900) + if n.is_multiple_of(5) { extra } else { "" })
    };
    (0..lines).map(line).collect()
}

fn bytes_of(house: &House) -> u64 {
    let size = |dir: std::path::PathBuf| -> u64 {
        std::fs::read_dir(dir)
            .unwrap()
            .flatten()
            .filter(|entry| entry.path().is_file())
            .map(|entry| entry.metadata().unwrap().len())
            .sum()
    };
    size(house.vault()) + size(house.vault().join("packs"))
}

fn compact(house: &House, tier: Option<Tier>, level: Option<u8>) -> CompactReport {
    house.open().compact(&CompactOptions { tier, level, ..CompactOptions::default() }, &Silent, &Interrupt::default()).unwrap()
}

/// Kind and codec of every frame, and all words of all vocabularies.
fn frames(house: &House) -> (Vec<(u8, u8)>, Vec<Vec<u8>>) {
    let (mut kinds, mut words) = (Vec::new(), Vec::new());
    for entry in std::fs::read_dir(house.vault().join("packs")).unwrap().flatten() {
        let bytes = std::fs::read(entry.path()).unwrap();
        let mut at = turnpack::pack::HEADER_BYTES;
        while let Ok(frame) = Frame::read(&bytes, at) {
            kinds.push((frame.kind, frame.codec));
            if frame.kind == frame::Kind::Dictionary as u8 {
                let payload = frame::decode(&frame, None).unwrap();
                if payload[0] == form::VOCABULARY {
                    words.extend(Vocabulary::decode(&payload[1..]).unwrap().words().map(<[u8]>::to_vec));
                }
            }
            at += frame.length;
        }
    }
    (kinds, words)
}

/// Protects the contract of the tiers: every byte stays, the cold one is smaller, each is left alone once it is there, and a vault can come back.
#[test]
fn packs_go_to_the_cold_tier_and_back_and_stay_where_they_are() {
    let house = House::new();
    let log = prose(1, 700, "");
    house.put_in("a.jsonl", &log);
    let hot = compact(&house, None, None);
    assert_eq!((hot.packs_rewritten, compact(&house, None, None).packs_rewritten), (1, 0));
    assert!(!frames(&house).1.is_empty(), "a vocabulary pays here");
    let cold = compact(&house, Some(Tier::Cold), None);
    assert_eq!(cold.packs_rewritten, 1);
    assert!(cold.vault_bytes_after < hot.vault_bytes_after, "{} {}", cold.vault_bytes_after, hot.vault_bytes_after);
    assert_eq!(house.export("a.jsonl"), log.as_bytes());
    house.consistent();
    assert_eq!(compact(&house, Some(Tier::Cold), None).packs_rewritten, 0);
    assert_eq!(compact(&house, None, None).packs_rewritten, 0, "without a tier packs stay in theirs");
    // What is collected from a cold pack stays cold.
    house.rm(&["a.jsonl:3"]);
    assert_eq!(house.gc().records, 1);
    assert!(frames(&house).0.iter().any(|(_, codec)| *codec == frame::codec::PPMD_CODED));
    // The pack, and the one with the removal.
    assert_eq!(compact(&house, Some(Tier::Hot), None).packs_rewritten, 2);
    assert!(!frames(&house).0.iter().any(|(_, codec)| *codec == frame::codec::PPMD_CODED));
    house.consistent();
    // A higher level is work, a lower one is not.
    assert_eq!(compact(&house, None, Some(3)).packs_rewritten, 0);
    assert_eq!(compact(&house, None, Some(20)).packs_rewritten, 1);
    house.consistent();
}

/// Protects the purge proof: a word that stood in victims often enough to be in the vocabulary is in none afterwards.
#[test]
fn a_purged_word_is_in_no_vocabulary() {
    let house = House::new();
    let canary = "xqzcanaryzqx";
    house.put_in("a.jsonl", prose(2, 300, &format!(" {canary} {canary}")));
    house.compact();
    let has = |house: &House| frames(house).1.iter().any(|word| String::from_utf8_lossy(word).contains("canary"));
    assert!(has(&house), "the test needs a vocabulary that holds it");
    let victims: Vec<String> = (0..300).step_by(5).map(|n| format!("a.jsonl:{}", n + 1)).collect();
    house.rm_as(&victims.iter().map(String::as_str).collect::<Vec<_>>(), RmOptions { purge: true, ..RmOptions::default() });
    assert!(!has(&house));
    house.consistent();
}

/// Protects near duplicates: what an insertion costs is the insertion, not the text.
#[test]
fn two_thousand_variants_of_a_prompt_cost_sixty_bytes_each() {
    let house = House::new();
    let mut random = Random(7);
    let prompt = random.text(5_000);
    let mut log = String::new();
    for n in 0..2_000 {
        let name: String = (0..4 + random.below(20)).map(|_| (b'a' + random.below(26) as u8) as char).collect();
        let at = random.below(prompt.len() as u64) as usize;
        log += &format!(
            "{{\"n\":{n},\"messages\":[{{\"role\":\"system\",\"content\":{:?}}}]}}\n",
            [&prompt[..at], &name, &prompt[at..]].concat()
        );
    }
    house.put_in("a.jsonl", &log);
    house.compact();
    assert_eq!(house.export("a.jsonl"), log.as_bytes());
    let each = bytes_of(&house) / 2_000;
    assert!(each <= 60, "{each} bytes each");
}

/// Protects reading groups that are coded with a dictionary: they are few, and every way to a record leads through them.
#[test]
fn records_in_groups_with_a_dictionary_are_found_by_their_hash() {
    let house = House::new();
    let mut random = Random(4);
    let mut line = |n: usize| {
        let fields: String = (0..40).map(|field| format!("\"field_{field}\":\"{}\",", random.word())).collect();
        format!(
            "{{\"id\":\"request-{n}\",{fields}\"usage\":{{\"input\":{},\"output\":{}}}}}",
            random.below(9_000),
            random.below(900)
        )
    };
    let lines: Vec<String> = (0..400).map(&mut line).collect();
    let mut log = String::new();
    for (step, part) in lines.chunks(5).enumerate() {
        log += &(part.join("\n") + "\n");
        house.put_in("a.jsonl", &log);
        if step == 60 {
            train(&house, &TrainOptions::default());
        }
    }
    assert!(frames(&house).0.contains(&(frame::Kind::Group as u8, frame::codec::ZSTD_DICTIONARY)), "{:?}", frames(&house).0);
    for line in lines.iter().rev().step_by(7) {
        let hash = format!("{:032x}", turnpack::checksum::content_hash(line.as_bytes()));
        assert_eq!(house.get(&hash[..12]).unwrap().0, line.as_bytes());
        assert_eq!(house.get(&hash).unwrap().0, line.as_bytes());
    }
    house.consistent();
}

/// Protects logs of different kinds beside each other: each has packs of its own, every line stays, nothing is done twice, and what comes
/// in little by little does not have all of them written anew.
#[test]
fn logs_of_different_kinds_are_compacted_apart() {
    let house = House::new();
    let mut random = Random(9);
    let mut noise = |length: usize| -> String { (0..length).map(|_| char::from(b'!' + random.below(90) as u8)).collect() };
    let mut gateway = |lines: usize| -> String {
        let line = |n| format!("{{\"request_id\":\"q{n}\",\"model\":\"m\",\"prompt\":{:?},\"status\":200}}\n", noise(6_000));
        (0..lines).map(line).collect()
    };
    let first = gateway(900);
    let agent: String =
        gateway(900).replace("request_id", "uuid").replace("prompt", "text").replace("status", "turn").replace("model", "cwd");
    house.put_in("gateway.jsonl", &first);
    house.put_in("agent.jsonl", &agent);
    let small = "{\"event\":\"start\",\"host\":\"a\"}\n".to_string();
    house.put_in("small.jsonl", &small);
    let packs = |house: &House| std::fs::read_dir(house.vault().join("packs")).unwrap().count();
    house.compact();
    assert_eq!(packs(&house), 3);
    let names = ["gateway.jsonl", "agent.jsonl", "small.jsonl"];
    for (name, bytes) in names.into_iter().zip([&first, &agent, &small]) {
        assert_eq!(house.export(name), bytes.as_bytes(), "{name}");
    }
    house.consistent();
    assert_eq!(house.compact().packs_rewritten, 0);
    // A little more: the large packs of the run before stay, though each alone is not twice as large as what the small ones make.
    let more = first.clone() + &gateway(20);
    house.put_in("gateway.jsonl", &more);
    let report = house.compact();
    assert_eq!((report.packs_rewritten, report.packs_kept), (1, 3));
    assert_eq!(house.export("gateway.jsonl"), more.as_bytes());
    house.put_in("agent.jsonl", agent.clone() + &gateway(1_200));
    assert_eq!(house.compact().packs_kept, 0);
    house.consistent();
}

fn train(house: &House, options: &TrainOptions) -> TrainReport {
    house.open().train_dictionaries(options).unwrap()
}

/// Protects small commits: dictionaries come by themselves, are used, can be retired, and go with the small blocks.
#[test]
fn many_small_ingests_use_dictionaries_until_they_are_compacted() {
    let house = House::new();
    assert!(train(&house, &TrainOptions::default()).trained.is_empty());
    let lines: Vec<String> = prose(3, 1_300, "").lines().map(str::to_string).collect();
    let mut log = String::new();
    for part in lines.chunks(26) {
        log += &(part.join("\n") + "\n");
        house.put_in("a.jsonl", &log);
    }
    let uses = |house: &House| frames(house).0.iter().filter(|(_, codec)| *codec == frame::codec::ZSTD_DICTIONARY).count();
    assert!(uses(&house) > 4, "{:?}", frames(&house).0);
    house.consistent();
    let listed = train(&house, &TrainOptions { list: true, ..TrainOptions::default() }).dictionaries;
    let active: Vec<String> = listed.iter().filter(|row| row.active).map(|row| row.id.clone()).collect();
    assert!(!active.is_empty());
    let after = train(&house, &TrainOptions { retire: active.clone(), ..TrainOptions::default() }).dictionaries;
    assert!(after.iter().all(|row| !row.active || !active.contains(&row.id)));
    let trained = train(&house, &TrainOptions { no_activate: true, ..TrainOptions::default() });
    assert!(trained.trained.iter().any(|row| row.held_out_bytes_with < row.held_out_bytes_without), "{:?}", trained.trained);
    let kept: Vec<&String> = trained.trained.iter().filter_map(|row| row.id.as_ref()).collect();
    assert!(trained.dictionaries.iter().all(|row| !row.active || !kept.contains(&&row.id)));
    let activated = train(&house, &TrainOptions { activate: active.clone(), ..TrainOptions::default() });
    assert!(active.iter().all(|id| activated.dictionaries.iter().any(|row| row.active && row.id == *id)));
    assert!(house.open().train_dictionaries(&TrainOptions { retire: vec!["9:9".into()], ..TrainOptions::default() }).is_err());
    house.consistent();
    house.compact();
    assert_eq!(uses(&house), 0);
    assert_eq!(house.export("a.jsonl"), log.as_bytes());
}
