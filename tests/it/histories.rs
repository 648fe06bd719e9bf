//! Sources as the world changes them: growing, renamed, truncated, rewritten, packed, copied, piped, removed from.

use std::io::Write;

use turnpack::vault::api::IngestOptions;

use crate::house::{House, chat, chats, export};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

/// What `ls` must say: name, generation, lines.
fn rows(rows: &[(&str, u32, u64)]) -> Vec<(String, u32, u64)> {
    rows.iter().map(|(name, generation, lines)| ((*name).to_string(), *generation, *lines)).collect()
}

#[track_caller]
fn gives(house: &House, source: &str, expected: impl AsRef<[u8]>) {
    assert_eq!(String::from_utf8_lossy(&house.export(source)), String::from_utf8_lossy(expected.as_ref()), "{source}");
}

#[test]
fn a_file_taken_in_after_every_byte_it_grows_is_one_source_with_its_lines() {
    let house = House::new();
    let file = "{\"a\":\"first line\"}\n\r\n{\"b\":\"second, which is longer than forty-eight bytes in all\"}\nlast";
    for length in 1..=file.len() {
        let so_far = &file[..length];
        house.put_in("gw.log", so_far);
        gives(&house, "gw.log", so_far);
        let lines = so_far.split_inclusive('\n').count() as u64;
        let ls = house.ls();
        assert_eq!((ls.len(), ls[0].occurrences, ls[0].provisional), (1, lines, !so_far.ends_with('\n')), "after {length} bytes");
    }
    house.consistent();
    house.gc();
    house.compact();
    gives(&house, "gw.log", file);
    house.consistent();
}

#[test]
fn a_pipe_taken_in_after_every_byte_it_grows_is_one_source_with_its_lines() {
    for name in [Some("gateway"), None] {
        let house = House::new();
        let file = "{\"a\":1}\n\n{\"b\":\"second, which is longer than forty-eight bytes in all\"}\nlast";
        for length in 1..=file.len() {
            house.stream(name, false, &file.as_bytes()[..length]);
            let ls = house.ls();
            assert_eq!(ls.len(), 1, "after {length} bytes: {ls:?}");
            gives(&house, &ls[0].name, &file[..length]);
        }
        house.consistent();
    }
}

#[test]
fn after_a_rotation_by_renaming_both_files_have_their_lines() {
    for order in [["gw.log", "gw.log.1"], ["gw.log.1", "gw.log"]] {
        let house = House::new();
        let (old, late, new) = (chats(1, 6), chats(1, 6) + &chat(2, 1) + "\n", chats(3, 4));
        house.put_in("gw.log", &old);
        // It grew once more before it was renamed.
        std::fs::rename(house.put("gw.log", &late), house.path("gw.log.1")).unwrap();
        house.put("gw.log", &new);
        house.ingest(&order);
        gives(&house, "gw.log", &new);
        gives(&house, "gw.log.1", &late);
        assert_eq!(house.ls().iter().map(|row| row.aliases.len()).sum::<usize>(), usize::from(house.ls().len() < 3), "{order:?}");
        house.consistent();
        assert_eq!(house.ingest(&order).occurrences, 0);
    }
}

#[test]
fn after_a_rotation_by_copying_and_truncating_both_files_have_their_lines() {
    let house = House::new();
    let (old, new) = (chats(1, 6), chats(3, 2));
    house.put_in("gw.log", &old);
    house.put("gw.log.1", &old);
    house.put("gw.log", &new);
    let report = house.ingest(&["gw.log", "gw.log.1"]);
    assert_eq!((report.occurrences, report.sources_unchanged), (2, 1));
    gives(&house, "gw.log", &new);
    gives(&house, "gw.log@1", &old);
    gives(&house, "gw.log.1", &old);
    // Truncated to nothing, then longer than ever.
    house.put_in("gw.log", "");
    gives(&house, "gw.log", "");
    house.put_in("gw.log", chats(4, 20));
    gives(&house, "gw.log", chats(4, 20));
    gives(&house, "gw.log@2", &new);
    house.consistent();
}

#[test]
fn a_rewrite_in_the_middle_is_a_new_generation_also_when_length_and_both_ends_are_as_before() {
    let house = House::new();
    let old = chats(1, 400);
    assert!(old.len() > 140_000, "both ends of 64 KiB must not meet");
    let new = old.replacen("\"id\":\"req_1_100\"", "\"id\":\"REQ_1_100\"", 1);
    house.put_in("gw.log", &old);
    let report = house.put_in("gw.log", &new);
    assert_eq!((report.occurrences, report.new_records), (400, 1));
    gives(&house, "gw.log", &new);
    gives(&house, "gw.log@1", &old);
    house.consistent();
}

#[test]
fn the_same_content_packed_touched_or_copied_adds_no_line() {
    let house = House::new();
    let file = chats(1, 6);
    let path = house.put("gw.log", &file);
    house.ingest(&["gw.log"]);
    house.put("gw.log.gz", gzip(file.as_bytes()));
    house.put("copy.log", &file);
    std::fs::File::options().append(true).open(&path).unwrap().set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    let report = house.ingest(&["gw.log", "gw.log.gz", "copy.log"]);
    assert_eq!((report.occurrences, report.sources_unchanged), (0, 3));
    for name in ["gw.log", "gw.log.gz", "copy.log"] {
        gives(&house, name, &file);
    }
    // Packed in place, and growing inside the package.
    house.put("gw.log", gzip(file.as_bytes()));
    assert_eq!(house.ingest(&["gw.log"]).occurrences, 0);
    let longer = file.clone() + &chat(9, 1) + "\n";
    house.put("gw.log", gzip(longer.as_bytes()));
    assert_eq!(house.ingest(&["gw.log"]).occurrences, 1);
    gives(&house, "gw.log", &longer);
    gives(&house, "gw.log.gz", &file);
    gives(&house, "copy.log", &file);
    house.consistent();
}

#[test]
fn a_copy_and_its_original_grow_apart() {
    let house = House::new();
    let file = chats(1, 3);
    house.put("a.log", &file);
    house.put("b.log", &file);
    house.ingest(&["a.log", "b.log"]);
    let (a, b) = (file.clone() + "{\"a\":1}\n", file.clone() + "{\"b\":1}\n{\"b\":2}\n");
    house.put_in("b.log", &b);
    gives(&house, "a.log", &file);
    gives(&house, "b.log", &b);
    house.put_in("a.log", &a);
    gives(&house, "a.log", &a);
    gives(&house, "b.log", &b);
    house.compact();
    gives(&house, "a.log", &a);
    gives(&house, "b.log", &b);
    house.consistent();
}

#[test]
fn several_names_of_one_content_in_one_go_are_taken_once() {
    let house = House::new();
    let file = chats(1, 4);
    house.put("d/a.jsonl", &file);
    house.put("d/b.jsonl", &file);
    house.put("d/c.jsonl.gz", gzip(file.as_bytes()));
    house.put("d/d.jsonl", file.clone() + "{\"more\":1}\n");
    house.ingest(&["d"]);
    for name in ["a.jsonl", "b.jsonl", "c.jsonl.gz"] {
        gives(&house, name, &file);
    }
    gives(&house, "d.jsonl", file.clone() + "{\"more\":1}\n");
    house.consistent();
    assert_eq!(house.ingest(&["d"]).occurrences, 0);
}

#[test]
fn a_named_stream_that_is_repeated_longer_shorter_or_other_is_what_a_file_would_be() {
    let house = House::new();
    let file = chats(1, 5);
    let longer = file.clone() + &chat(2, 2) + "\n";
    let occurrences = |bytes: &str| house.stream(Some("gw"), false, bytes.as_bytes()).occurrences;
    assert_eq!(occurrences(&file), 5);
    occurrences(&file);
    gives(&house, "gw", &file);
    occurrences(&longer);
    gives(&house, "gw", &longer);
    occurrences(&file);
    assert_eq!(house.ls().len(), 1, "a beginning of what is known adds nothing");
    gives(&house, "gw", &longer);
    let other = chats(7, 2);
    occurrences(&other);
    gives(&house, "gw", &other);
    gives(&house, "gw@1", &longer);
    house.stream(Some("gw"), true, b"{\"appended\":1}\n");
    house.stream(Some("gw"), true, b"{\"appended\":1}\n");
    gives(&house, "gw", other + "{\"appended\":1}\n{\"appended\":1}\n");
    assert_eq!(house.lines(), rows(&[("gw", 1, 6), ("gw", 2, 4)]));
    house.consistent();
}

#[test]
fn what_is_appended_after_an_open_line_is_consistent_with_its_digest() {
    let house = House::new();
    house.stream(Some("gw"), false, b"{\"a\":1}\n{\"open\":");
    house.stream(Some("gw"), true, b"{\"b\":1}\n");
    house.consistent();
    house.stream(Some("gw"), true, b"");
    house.stream(Some("gw"), true, b"{\"c\":1}");
    house.consistent();
}

#[test]
fn an_unnamed_stream_is_known_again_by_its_start() {
    let house = House::new();
    let file = chats(1, 5);
    house.stream(None, false, file.as_bytes());
    house.stream(None, false, file.as_bytes());
    let longer = file.clone() + &chat(2, 2) + "\n";
    house.stream(None, false, longer.as_bytes());
    assert_eq!(house.ls().len(), 1);
    let name = house.ls()[0].name.clone();
    gives(&house, &name, &longer);
    house.stream(None, false, chats(3, 1).as_bytes());
    assert_eq!(house.ls().len(), 2);
    // A shorter one is a stream of its own or nothing new; in any case nothing is lost.
    house.stream(None, false, file.as_bytes());
    gives(&house, &name, &longer);
    house.consistent();
}

#[test]
fn an_empty_stream_leaves_a_vault_that_is_whole() {
    let house = House::new();
    house.stream(None, false, b"");
    house.stream(Some("gw"), false, b"");
    house.consistent();
    house.stream(Some("gw"), false, b"{\"a\":1}\n");
    gives(&house, "gw", "{\"a\":1}\n");
    house.consistent();
}

#[test]
fn a_json_document_comes_back_whole_and_a_changed_one_is_a_new_generation() {
    let house = House::new();
    let element =
        |n: u64| format!("  {{\n    \"role\": \"user\",\n    \"content\": \"element {n} of a document, of some length\"\n  }}");
    let document = |count: u64| format!("[\n{}\n]\n", (0..count).map(element).collect::<Vec<_>>().join(",\n"));
    house.put_in("export.json", document(3));
    gives(&house, "export.json", document(3));
    assert_eq!(house.lines(), rows(&[("export.json", 1, 3)]));
    let report = house.put_in("export.json", document(4));
    assert_eq!((report.occurrences, report.new_records), (4, 1));
    gives(&house, "export.json", document(4));
    gives(&house, "export.json@1", document(3));
    house.put_in("packed.json.gz", gzip(document(4).as_bytes()));
    gives(&house, "packed.json.gz", document(4));
    house.compact();
    gives(&house, "export.json", document(4));
    house.consistent();
}

#[test]
fn removed_records_do_not_come_back_with_their_source_grown_packed_or_piped() {
    let house = House::new();
    let lines: Vec<String> = (0..4).map(|turn| chat(turn, 3)).collect();
    let file = lines.join("\n") + "\n";
    house.put_in("gw.log", &file);
    let (_, hash) = house.get("gw.log:2").unwrap();
    house.rm(&[&format!("hash:{hash}")]);
    let left = [&lines[0][..], &lines[2], &lines[3]].join("\n") + "\n";
    let gives_left = |name: &str, more: &str| {
        let (bytes, report) = export(&house.vault(), name).unwrap();
        assert_eq!((String::from_utf8(bytes).unwrap(), report.removed_lines), (left.clone() + more, 1), "{name}");
    };
    gives_left("gw.log", "");
    for after_gc in [false, true] {
        if after_gc {
            house.gc();
            house.compact();
        }
        let suffix = if after_gc { "2" } else { "1" };
        house.put("copy.log", &file);
        house.put("gw.log.gz", gzip(file.as_bytes()));
        house.put("more.log", file.clone() + suffix + "\n");
        house.ingest(&["copy.log", "gw.log.gz", "more.log"]);
        house.stream(Some("pipe"), false, file.as_bytes());
        for name in ["gw.log", "copy.log", "gw.log.gz", "pipe"] {
            gives_left(name, "");
        }
        gives_left("more.log", &format!("{suffix}\n"));
        assert!(house.get(&format!("hash:{hash}")).is_none());
        house.consistent();
    }
    house.put("gw.log", file.clone() + "grown\n");
    house.ingest(&["gw.log"]);
    gives_left("gw.log", "grown\n");
    assert_eq!(house.ingest_as(&["gw.log"], &IngestOptions { verify_sources: true, ..IngestOptions::default() }).occurrences, 0);
}

#[test]
fn a_removed_line_of_several_equal_ones_stays_removed_when_its_source_grows() {
    let house = House::new();
    let line = chat(1, 5);
    let file = format!("{line}\n{line}\n{line}\n");
    house.put_in("gw.log", &file);
    house.rm(&["gw.log:2"]);
    let two = format!("{line}\n{line}\n");
    assert_eq!(export(&house.vault(), "gw.log").unwrap().0, two.as_bytes());
    house.put_in("gw.log", file.clone() + "grown\n");
    house.compact();
    house.gc();
    assert_eq!(export(&house.vault(), "gw.log").unwrap().0, (two + "grown\n").as_bytes());
    house.consistent();
}
