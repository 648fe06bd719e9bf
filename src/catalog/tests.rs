use super::*;

fn rows(range: std::ops::Range<u32>) -> Rows {
    let mut rows = Rows::default();
    for number in range {
        let ids: Vec<u32> = (0..number % 4).map(|id| id_print(format!("id-{number}-{id}").as_bytes())).collect();
        rows.push(number.wrapping_mul(0x9e37_79b1), (number % 1000 != 7).then_some(&ids));
    }
    rows
}

fn groups(range: std::ops::Range<u32>) -> Vec<GroupPrints> {
    range
        .map(|group| GroupPrints {
            nodes: (0..2000).map(|node| (group * 5000 + node * 2, node ^ group)).collect(),
            segments: vec![(group * 100, group)],
        })
        .collect()
}

fn catalog(path: &std::path::Path) {
    let mut writer = Writer::open(path).unwrap();
    assert!(writer.covered().is_none());
    let covered = Covered { vault_id: 5, generation: 3, ..Covered::default() };
    writer.apply(Change { rows: rows(0..9000), prints: Prints::Of(1, groups(0..3)), covered }).unwrap();
    writer.apply(Change { rows: rows(9000..9003), prints: Prints::More(groups(3..5)), covered }).unwrap();
    writer.close().unwrap();
    let mut writer = Writer::open(path).unwrap();
    writer.apply(Change { rows: rows(9003..20_000), prints: Prints::Keep, covered }).unwrap();
    writer.close().unwrap();
}

#[test]
fn what_was_put_in_over_several_sessions_is_found_and_what_was_not_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.redb");
    catalog(&path);
    let reader = Reader::open(&path).unwrap();
    assert_eq!(reader.covered().next_record, 20_000);
    assert_eq!(reader.hashes(0).unwrap(), rows(0..20_000).hashes);
    assert_eq!(reader.hashes(4100).unwrap(), rows(4100..20_000).hashes);
    for number in [1u32, 4049, 8999, 9000, 9001, 9003, 19_999] {
        assert!(reader.by_hash(number.wrapping_mul(0x9e37_79b1), u32::MAX).unwrap().contains(&u64::from(number)));
        let found = reader.by_id(format!("id-{number}-0").as_bytes()).unwrap();
        assert_eq!(found.contains(&u64::from(number)), number % 4 > 0, "{number}");
    }
    // Those nobody looked into are always named, and nothing else.
    let unknown: Vec<u64> = (0..20).map(|n| n * 1000 + 7).collect();
    assert_eq!(reader.by_id(b"nowhere").unwrap(), unknown);
    assert_eq!(reader.prints().unwrap(), groups(0..5));
}

#[test]
fn a_prefix_finds_all_records_that_begin_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.redb");
    catalog(&path);
    let reader = Reader::open(&path).unwrap();
    let all = rows(0..20_000).hashes;
    let expected: Vec<u64> = (0..20_000).filter(|&n| all[n as usize] >> 24 == 0xab).collect();
    assert!(expected.len() > 20);
    assert_eq!(reader.by_hash(0xab00_0000, 0xff00_0000).unwrap(), expected);
}

#[test]
fn dropped_prints_leave_the_rest_and_a_closed_file_is_small() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.redb");
    catalog(&path);
    let mut writer = Writer::open(&path).unwrap();
    writer.apply(Change { prints: Prints::Drop, covered: *writer.covered().unwrap(), ..Change::default() }).unwrap();
    writer.close().unwrap();
    let reader = Reader::open(&path).unwrap();
    assert!(reader.prints().unwrap().is_empty());
    assert_eq!(reader.hashes(0).unwrap().len(), 20_000);
    let stored = 20_000 * 4 + 30_000 * 4 + 20_000;
    let size = std::fs::metadata(&path).unwrap().len();
    assert!(size < stored + 120_000, "{size}");
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn readers_and_writers_get_out_of_each_others_way() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.redb");
    assert_eq!(Reader::open(&path).err(), Some(Unusable::Missing));
    catalog(&path);
    let writer = Writer::open(&path).unwrap();
    assert_eq!(Reader::open(&path).err(), Some(Unusable::Busy));
    drop(writer);
    let reader = Reader::open(&path).unwrap();
    let other = Reader::open(&path).unwrap();
    assert_eq!(Writer::open(&path).err(), Some(Unusable::Busy));
    assert_eq!(reader.covered(), other.covered());
}

#[test]
fn a_damaged_file_never_gives_a_wrong_answer() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.redb");
    catalog(&path);
    let good = std::fs::read(&path).unwrap();
    let answer = |reader: &Reader| {
        Ok::<_, Unusable>((reader.by_id(b"id-9001-0")?, reader.by_id(b"id-4049-0")?, reader.hashes(0)?, reader.prints()?))
    };
    let right = answer(&Reader::open(&path).unwrap()).unwrap();
    let bad_path = dir.path().join("bad.redb");
    let (mut noticed, mut harmless) = (0, 0);
    let pages = (0..good.len()).step_by(4096).flat_map(|page| [0, 1, 2, 3, 5, 8, 13, 40, 700, 2000].map(|at| page + at));
    for at in (0..400).chain(pages).filter(|&at| at < good.len()) {
        let mut bad = good.clone();
        bad[at] ^= 0x41;
        std::fs::write(&bad_path, &bad).unwrap();
        match Reader::open(&bad_path).and_then(|reader| answer(&reader)) {
            Ok(given) => {
                assert!(given == right, "byte {at}");
                harmless += 1;
            }
            Err(_) => noticed += 1,
        }
    }
    assert!(noticed > 100 && harmless > 0, "{noticed} {harmless}");
    for length in (0..good.len()).step_by(9973) {
        std::fs::write(&bad_path, &good[..length]).unwrap();
        if let Ok(given) = Reader::open(&bad_path).and_then(|reader| answer(&reader)) {
            assert!(given == right, "{length} bytes");
        }
    }
}

/// Fills a catalog in three sessions, so that its records are in two runs and some in none.
fn large(path: &std::path::Path) -> u32 {
    let (first, second, rest) = (140_000, 141_000, 5_000);
    for range in [0..first, first..first + second, first + second..first + second + rest] {
        let mut writer = Writer::open(path).unwrap();
        writer.apply(Change { rows: rows(range), ..Change::default() }).unwrap();
        writer.close().unwrap();
    }
    first + second + rest
}

// Protects look-ups once records are too many to scan: whatever a scan finds is found in runs, in the order of records.
#[test]
fn very_many_records_are_found_in_runs_as_if_they_were_scanned() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.redb");
    let count = large(&path);
    let reader = Reader::open(&path).unwrap();
    assert_eq!((reader.covered().next_record, reader.covered().sorted), (u64::from(count), 281_000));
    let all = rows(0..count);
    assert_eq!(reader.hashes(0).unwrap(), all.hashes);
    assert_eq!(reader.hashes(139_990).unwrap(), all.hashes[139_990..]);
    assert_eq!(reader.hashes(283_000).unwrap(), all.hashes[283_000..]);
    let unknown = (0..count).filter(|n| n % 1000 == 7).count();
    for number in [1, 2, 139_999, 140_001, 280_997, 280_999, 281_001, count - 1] {
        assert!(reader.by_hash(all.hashes[number as usize], u32::MAX).unwrap().contains(&u64::from(number)));
        let found = reader.by_id(format!("id-{number}-0").as_bytes()).unwrap();
        assert_eq!(found.contains(&u64::from(number)), number % 4 > 0, "{number}");
        assert!(found.len() <= unknown + 2, "{number}: {}", found.len());
    }
    let mut found = reader.by_hash(0xab12_0000, 0xffff_0000).unwrap();
    found.sort_unstable();
    let expected: Vec<u64> = (0..u64::from(count)).filter(|&n| all.hashes[n as usize] >> 16 == 0xab12).collect();
    assert_eq!(found, expected);
    assert_eq!(reader.by_id(b"nowhere").unwrap().len(), unknown);
}

// Protects ids that very many records carry: their fingerprints fill several values of a run, which begin with the same one.
#[test]
fn an_id_of_all_records_of_a_run_is_found_in_all_of_them() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.redb");
    let mut rows = Rows::default();
    (0..runs::RECORDS as u32).for_each(|number| rows.push(number, Some(&[77, number, u32::MAX])));
    let mut writer = Writer::open(&path).unwrap();
    writer.apply(Change { rows, ..Change::default() }).unwrap();
    writer.close().unwrap();
    let (database, mut found) = (redb::Builder::new().open_read_only(&path).unwrap(), Vec::new());
    let transaction = redb::ReadableDatabase::begin_read(&database).unwrap();
    let all = runs::Runs::read(&transaction, runs::RECORDS as u64).unwrap();
    for (print, count) in [(77, runs::RECORDS + 1), (u32::MAX, runs::RECORDS), (78, 1), (1 << 20, 0)] {
        found.clear();
        all.find(&transaction, runs::Kind::Ids, print, print, &mut found).unwrap();
        found.sort_unstable();
        assert_eq!(found.len(), count, "{print}");
        assert!(count < runs::RECORDS || found.iter().copied().collect::<std::collections::BTreeSet<_>>().len() == runs::RECORDS);
    }
}

// Protects the certainty of negative answers: a value or a run that is gone is not an answer.
#[test]
fn a_lost_or_damaged_value_of_a_run_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    for damage in 0..3 {
        let path = dir.path().join(format!("c{damage}.redb"));
        let count = large(&path);
        runs::damage(&path, damage);
        let reader = Reader::open(&path).unwrap();
        let asked = (0..count).step_by(997).map(|n| reader.by_hash(rows(n..n + 1).hashes[0], u32::MAX));
        assert!(asked.into_iter().any(|answer| answer.is_err()), "{damage}");
        assert!(reader.hashes(0).is_err(), "{damage}");
    }
}
