//! What `dedup-report` says is true: sums are those of the files, changes are those that were planted, and near means near.

use std::collections::BTreeMap;
use std::path::Path;

use turnpack::vault::api::{ByteDimension, DedupOptions, DedupReport, Filter, Time};

use crate::browser::Browser;
use crate::drifting::{self, Dice};
use crate::harness::Sandbox;
use crate::house::House;

fn report(house: &House, options: &DedupOptions) -> DedupReport {
    house.open().dedup_report(options).unwrap()
}

/// Lengths of all files and directories: what `du -b` says.
fn du(path: &Path) -> u64 {
    let own = std::fs::metadata(path).unwrap();
    let below = |path: &Path| std::fs::read_dir(path).unwrap().map(|entry| du(&entry.unwrap().path())).sum::<u64>();
    own.len() + if own.is_dir() { below(path) } else { 0 }
}

fn assert_sums(house: &House) {
    // The vault is measured after the report: opening it may leave a lock file behind.
    for by in [
        ByteDimension::Type,
        ByteDimension::Tool,
        ByteDimension::Model,
        ByteDimension::App,
        ByteDimension::Source,
        ByteDimension::Day,
    ] {
        let report = report(house, &DedupOptions { by: Some(by), ..DedupOptions::default() });
        let disk = du(&house.vault());
        assert_eq!(report.du_bytes, disk);
        assert_eq!(report.waterfall.iter().map(|layer| layer.bytes).sum::<i64>(), disk as i64, "{:#?}", report.waterfall);
        assert_eq!(report.waterfall.last().unwrap().remaining, disk);
        assert_eq!(report.files.values().sum::<u64>(), disk);
        let groups = report.by.unwrap();
        let charged: u64 = groups.groups.iter().map(|group| group.stored_bytes).sum();
        assert_eq!(charged + groups.shared_bytes + groups.unneeded_bytes + groups.left_out_bytes, disk, "{by:?}");
    }
}

/// Every byte on disk is told once, whatever they are told apart by: before a removal, after it, after `compact`.
#[test]
fn the_sums_of_a_report_are_those_of_the_files() {
    let house = House::new();
    let (log, _) = drifting::log(3, 400);
    house.put("gw.jsonl", &log);
    house.put("again.jsonl", log.lines().take(90).map(|line| format!("{line}\n")).collect::<String>());
    house.put("twin.jsonl", &log);
    house.ingest(&["gw.jsonl", "again.jsonl", "twin.jsonl"]);
    assert_sums(&house);
    house.rm(&["r000000", "r000007", "r000200"]);
    assert_sums(&house);
    house.compact();
    assert_sums(&house);
}

/// The changes of a log with those that were planted, as (line, kind, tool).
fn assert_planted(seed: u64, records: usize) {
    let house = House::new();
    let (log, planted) = drifting::log(seed, records);
    house.put_in("gw.jsonl", &log);
    let drift = report(&house, &DedupOptions { drift: true, ..DedupOptions::default() }).drift.unwrap();
    let found: Vec<(String, &str, bool)> = drift
        .changes
        .iter()
        .map(|change| (change.place.rsplit(':').next().unwrap().to_string(), change.kind, change.tool.is_some()))
        .collect();
    let expected: Vec<(String, &str, bool)> = planted.iter().map(|one| (one.line.to_string(), one.kind, one.tool)).collect();
    assert_eq!(found, expected, "seed {seed}, {}", drift.summary);
    // Versions of the prompt are numbered by their first use, which is how the states were made.
    let prompt = drift.lineages.iter().find(|lineage| lineage.what == "system_prompt").unwrap();
    assert_eq!(prompt.versions.len(), 5, "seed {seed}");
    for (change, planted) in drift.changes.iter().zip(&planted) {
        assert_eq!((change.from - 1, change.to - 1), (planted.from, planted.to), "seed {seed}: {change:?}");
        let parent = if planted.kind == "rollback" { planted.to } else { planted.from };
        assert_eq!(change.parent - 1, parent, "seed {seed}");
        let time = log.lines().nth(planted.line - 1).unwrap().split('"').find(|word| word.starts_with("202")).unwrap();
        assert_eq!(change.time.unwrap().to_string(), time);
    }
    let kinds: Vec<(&str, u64)> = prompt.slots.iter().map(|slot| (slot.kind, slot.values)).collect();
    assert_eq!(kinds.iter().map(|slot| slot.0).collect::<Vec<_>>(), ["date", "id", "text"], "seed {seed}: {:?}", prompt.slots);
    assert_eq!(kinds[1].1, records as u64);
}

/// The promise of the drift audit: all planted changes and no other, with their times, versions and parents.
#[test]
fn planted_changes_are_found_and_no_others() {
    assert_planted(1, 20_000);
}

/// The same with other seeds and in short logs: nothing is fitted to one of them.
#[test]
fn planted_changes_are_found_in_short_logs_too() {
    (2..8).for_each(|seed| assert_planted(seed, 1_200));
}

/// Protects what is read as one release: without times, too, what one request brought stands together, in the order of the log.
/// (Seen red with changes in the order of their tools.)
#[test]
fn changes_of_one_request_stand_together_also_without_times() {
    let tool = |name: &str, new: bool| {
        let about = if new { "in new words, with a limit" } else { "as it was told at first" };
        serde_json::json!({"type": "function", "function": {"name": name, "description": format!("Does {name}, {about}."), "parameters": {"type": "object"}}})
    };
    let line = |n: usize| {
        let prompt =
            format!("You keep the books of a shop and answer in {} words or less.", if n < 20 { "fifty" } else { "ninety" });
        let tools = [tool("a", n >= 20), tool("b", n >= 30), tool("c", n >= 20)];
        let messages =
            serde_json::json!([{"role": "system", "content": prompt}, {"role": "user", "content": format!("Question {n}?")}]);
        serde_json::json!({"id": n, "model": "m", "messages": messages, "tools": tools}).to_string() + "\n"
    };
    let house = House::new();
    house.put_in("gw.jsonl", (0..40).map(line).collect::<String>());
    let drift = report(&house, &DedupOptions { drift: true, ..DedupOptions::default() }).drift.unwrap();
    let told: Vec<(&str, Option<&str>)> =
        drift.changes.iter().map(|change| (change.place.rsplit(':').next().unwrap(), change.tool.as_deref())).collect();
    assert_eq!(told, [("21", None), ("21", Some("a")), ("21", Some("c")), ("31", Some("b"))]);
}

/// What is near is decided exactly and found at any threshold: compared with all pairs.
#[test]
fn near_duplicates_are_those_of_all_pairs() {
    let mut dice = Dice(11);
    let word = |dice: &mut Dice| format!("w{}", dice.roll(5_000));
    let base: Vec<String> = (0..120).map(|_| word(&mut dice)).collect();
    let mut texts: Vec<String> = vec![base.join(" ")];
    // Variants with one to forty words changed, and strangers.
    for changed in 1..=40 {
        let mut variant = base.clone();
        for _ in 0..changed {
            let at = dice.roll(variant.len() as u64) as usize;
            variant[at] = word(&mut dice);
        }
        texts.push(variant.join(" "));
    }
    texts.extend((0..40).map(|_| (0..120).map(|_| word(&mut dice)).collect::<Vec<_>>().join(" ")));
    let house = House::new();
    // The first is said most often, so that it is the canonical one.
    let lines = texts.iter().chain(std::iter::repeat_n(&texts[0], 3)).enumerate();
    house.put_in("a.jsonl", lines.map(|(at, text)| format!("{{\"n\":{at},\"text\":\"{text}\"}}\n")).collect::<String>());
    let shingles: Vec<_> = texts.iter().map(|text| turnpack::text::Shingles::of(text)).collect();
    for threshold in [0.5, 0.7, 0.85, 0.95, 0.99] {
        let near = report(&house, &DedupOptions { near: Some(threshold), ..DedupOptions::default() }).near.unwrap();
        let similar = shingles[1..].iter().filter(|other| shingles[0].jaccard(other) >= threshold).count();
        let found = near.clusters.iter().find(|cluster| cluster.references == 4);
        let found = found.map_or(0, |cluster| cluster.variants.len() as u64 + cluster.more_variants);
        assert_eq!(found, similar as u64, "at {threshold}");
        assert!(near.recall >= 0.999);
    }
}

/// Protects pairs that nothing but one join holds together: in a crowd of variants a lost join goes unseen, since there are others.
/// (Seen red with every second join left out.)
#[test]
fn pairs_that_stand_alone_are_all_found() {
    let mut dice = Dice(23);
    let mut texts: Vec<(String, String)> = Vec::new();
    for pair in 0..90 {
        let mut words: Vec<String> = (0..60 + dice.roll(80)).map(|at| format!("p{pair}w{at}")).collect();
        let first = words.join(" ");
        for _ in 0..1 + pair % 8 {
            let at = dice.roll(words.len() as u64) as usize;
            words[at] = format!("n{}", dice.roll(1 << 40));
        }
        texts.push((first, words.join(" ")));
    }
    let house = House::new();
    let lines = texts.iter().flat_map(|(first, second)| [first, first, second]).enumerate();
    house.put_in("a.jsonl", lines.map(|(at, text)| format!("{{\"n\":{at},\"text\":\"{text}\"}}\n")).collect::<String>());
    let similar =
        |(first, second): &(String, String)| turnpack::text::Shingles::of(first).jaccard(&turnpack::text::Shingles::of(second));
    for threshold in [0.5, 0.65, 0.8] {
        let near = report(&house, &DedupOptions { near: Some(threshold), ..DedupOptions::default() }).near.unwrap();
        let wanted = texts.iter().filter(|pair| similar(pair) >= threshold).count();
        assert!(wanted > 9, "the test has {wanted} pairs at {threshold}");
        assert_eq!(near.clusters.len(), wanted, "at {threshold}");
        assert!(near.clusters.iter().all(|cluster| cluster.references == 2 && cluster.variants.len() == 1));
    }
}

/// A retention that keeps everything frees nothing, one that keeps nothing frees all content; the truth is told by doing it.
#[test]
fn what_if_tells_what_gc_would_free() {
    let house = House::new();
    let (log, _) = drifting::log(5, 300);
    house.put_in("gw.jsonl", &log);
    let freed =
        |since: i64| report(&house, &DedupOptions { keep_since: Some(Time(since)), ..DedupOptions::default() }).what_if.unwrap();
    let (nothing, all) = (freed(0), freed(i64::MAX));
    assert_eq!((nothing.records, nothing.freed_bytes), (0, 0));
    assert_eq!((all.records, all.kept_bytes), (300, 0));
    assert_eq!(all.freed_bytes, nothing.kept_bytes);
    let half = freed(1_790_000_000_000_000 + 1_296_000_000_000);
    assert!(half.records > 0 && half.freed_bytes > 0 && half.kept_bytes > 0);
    assert_eq!(half.freed_bytes + half.kept_bytes, all.freed_bytes);
}

/// References, records and times of a repeated text are those of its lines, and the reverse look-up lists exactly these.
#[test]
fn a_repeated_segment_leads_to_its_lines() {
    let house = House::new();
    let text = "You are the assistant of a bakery and take orders for bread and cake.";
    let line = |n: usize, text: &str| {
        format!(
            "{{\"timestamp\":\"2026-09-0{}T00:00:00Z\",\"session_id\":\"s{}\",\"model\":\"m\",\"messages\":[{{\"role\":\"system\",\"content\":\"{text}\"}},{{\"role\":\"user\",\"content\":\"{n}\"}}]}}\n",
            n + 1,
            n % 2
        )
    };
    let other = "You are the assistant of a florist and take orders for flowers of all kinds.";
    house.put_in("a.jsonl", (0..6).map(|n| line(n, if n < 4 { text } else { other })).collect::<String>());
    let top = report(&house, &DedupOptions { top: Some(5), ..DedupOptions::default() }).top.unwrap();
    assert_eq!(top.len(), 2);
    assert_eq!((top[0].references, top[0].records, top[0].bytes), (4, 4, text.len() as u64));
    assert_eq!(top[0].wasted_bytes, 3 * text.len() as u64);
    assert_eq!(top[0].kind.as_deref(), Some("system_prompt"));
    assert_eq!(top[0].first_seen.unwrap().to_string(), "2026-09-01T00:00:00Z");
    assert_eq!(top[0].last_seen.unwrap().to_string(), "2026-09-04T00:00:00Z");
    let found =
        report(&house, &DedupOptions { segment: Some(top[0].hash[..8].into()), ..DedupOptions::default() }).segment.unwrap();
    let lines: Vec<&str> = found.holders.iter().map(|holder| holder.place.rsplit(':').next().unwrap()).collect();
    assert_eq!(lines, ["1", "2", "3", "4"]);
    let conversations: BTreeMap<&str, u64> = found.conversations.iter().map(|row| (row.id.as_str(), row.occurrences)).collect();
    assert_eq!(conversations, BTreeMap::from([("s0", 2), ("s1", 2)]));
    assert!(found.holders.iter().all(|holder| !holder.inferred));
}

/// Filters narrow the report as they narrow every other command.
#[test]
fn a_report_is_narrowed_by_filters() {
    let house = House::new();
    house.put_in("gw.jsonl", drifting::log(9, 200).0);
    let of = |filter: Filter| {
        let options = DedupOptions { filter, drift: true, by: Some(ByteDimension::Model), ..DedupOptions::default() };
        report(&house, &options)
    };
    let all = of(Filter::default());
    let one = of(Filter { models: vec!["gpt-5.2".into()], ..Filter::default() });
    let count = |report: &DedupReport| report.drift.as_ref().unwrap().requests;
    let of_model = all.by.as_ref().unwrap().groups.iter().find(|group| group.key.as_deref() == Some("gpt-5.2")).unwrap();
    assert_eq!((count(&all), count(&one)), (200, of_model.occurrences));
    let groups = one.by.unwrap();
    assert_eq!(groups.groups.len(), 1);
    assert_eq!(groups.groups[0].stored_bytes, of_model.stored_bytes);
    let deep = of(Filter { condition: Some("model = \"gpt-5.2\"".into()), ..Filter::default() });
    assert_eq!(count(&deep), of_model.occurrences);
    assert_eq!(count(&of(Filter { apps: vec!["other".into()], ..Filter::default() })), 0);
}

/// In CI the exit code speaks: 1 when something changed, 0 when nothing did; the summary is one line.
#[test]
fn fail_on_drift_is_an_exit_code() {
    let sandbox = Sandbox::new();
    sandbox.write("gw.jsonl", drifting::log(4, 400).0);
    sandbox.run(&["ingest", "gw.jsonl"]).exits(0);
    let drifted = sandbox.run(&["dedup-report", "--fail-on-drift"]).exits(1);
    assert!(String::from_utf8_lossy(&drifted.stderr_bytes).contains("5 edits, 2 roll-backs"));
    sandbox.run(&["dedup-report", "--fail-on-drift", "--app", "other"]).exits(0);
    sandbox.run(&["dedup-report", "--drift"]).exits(0);
}

/// The page opens from a file in a real browser, asks for nothing, complains of nothing, can be read in light and dark and in a
/// narrow window, shows its sections, charts and differences, and runs nothing that a log put into it.
#[test]
fn a_page_is_shown_by_a_browser() {
    let sandbox = Sandbox::new();
    let (log, _) = drifting::log(6, 400);
    let hostile =
        log.replace("Northwind", "<script>document.title='broken'</script><img src=http://a.example/x onerror=alert(1)>");
    sandbox.write("gw.jsonl", hostile);
    sandbox.run(&["ingest", "gw.jsonl"]).exits(0);
    sandbox.run(&["dedup-report", "--html", "report.html", "--near", "0.5", "--what-if", "keep=2026-10-01"]).exits(0);
    let page = std::fs::read_to_string(sandbox.path("report.html")).unwrap();
    assert!(!page.contains("<script") && page.matches("<svg").count() >= 4, "{}", page.len());
    let Some(mut browser) = Browser::start(&sandbox.path("")) else { return };
    browser.open(&sandbox.path("report.html"));
    browser.assert_quiet();
    browser.assert_readable();
    assert_eq!(browser.evaluate("document.title"), "turnpack: where the bytes go");
    let sections =
        browser.evaluate("[...document.querySelectorAll('nav a')].map(a => document.querySelector(a.hash).textContent)");
    assert_eq!(
        sections,
        serde_json::json!([
            "Bytes in to bytes on disk",
            "Bytes on disk by type",
            "Changes of prompts and tools",
            "How requests went",
            "Prompts and tools",
            "Repeated segments",
            "Near duplicates",
            "If older records were removed"
        ])
    );
    let count = |browser: &mut Browser, selector: &str| {
        browser.evaluate(&format!("document.querySelectorAll({selector:?}).length")).as_u64().unwrap()
    };
    // Waterfall, timeline, share of traffic, clusters; with bars, marks of changes and dots in them.
    assert!(count(&mut browser, "svg") >= 4);
    assert_eq!(count(&mut browser, "path.mark"), 7);
    assert_eq!(count(&mut browser, "path.back"), 2);
    assert!(count(&mut browser, "rect.less") >= 3 && count(&mut browser, "circle.ring") >= 1);
    assert!(count(&mut browser, "h3 ~ pre ins") > 0 && count(&mut browser, "h3 ~ pre del") > 0);
    assert_eq!(count(&mut browser, "script, img"), 0);
    // What is drawn can be seen: no chart has collapsed.
    let heights = browser.evaluate("[...document.querySelectorAll('svg')].map(svg => svg.getBoundingClientRect().height)");
    assert!(heights.as_array().unwrap().iter().all(|height| height.as_f64().unwrap() > 40.0), "{heights}");
}
