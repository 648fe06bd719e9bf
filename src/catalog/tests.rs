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
