//! The room as a whole: which coder is taken for which values, that all values come back, and that damage is an error.

use super::*;
use crate::bytes::Reader;
use crate::error::Corrupt;
use proptest::prelude::*;

/// A coded column on its own.
struct Coded {
    header: Vec<u8>,
    streams: Streams,
    count: usize,
}

fn code(values: &Values) -> Coded {
    let mut coded = Coded { header: Vec::new(), streams: Streams::default(), count: values.len() };
    encode(values, &mut coded.header, &mut coded.streams);
    coded
}

fn values<T: AsRef<[u8]>>(values: impl IntoIterator<Item = T>) -> Values {
    let mut list = Values::new();
    values.into_iter().for_each(|value| list.push(value.as_ref()));
    list
}

/// Both ways of reading must give the values, the header and the streams must be used up; returns the coder's name.
fn round_trip(list: &Values) -> &'static str {
    let coded = code(list);
    let mut reader = Reader::new(&coded.header);
    let mut offsets = Offsets::default();
    let header = Header::read(&mut reader, coded.count, &mut offsets).expect("header");
    assert!(reader.is_empty());
    for class in Class::ALL {
        assert_eq!(offsets.of(class), coded.streams.get(class).len(), "{class:?} is used up");
        assert!(header.reads(class) || coded.streams.get(class).is_empty(), "{class:?} is read");
    }
    let column = Column::open(&header, &coded.streams.slices()).expect("column");
    let (mut bytes, mut ends, mut one) = (Vec::new(), Vec::new(), Vec::new());
    column.decode_all(list.byte_len(), &mut bytes, &mut ends).expect("all values");
    assert_eq!((ends.len(), bytes.as_slice()), (list.len(), list.flat()));
    for rank in (0..list.len()).rev() {
        one.clear();
        column.get(rank, &mut one).expect("a value");
        assert_eq!(one, list.get(rank), "value {rank}");
        assert_eq!(ends[rank] as usize - one.len(), if rank == 0 { 0 } else { ends[rank - 1] as usize });
    }
    assert!(column.get(list.len(), &mut one).is_err());
    header.coder_name()
}

/// A stream of numbers without a seed from outside.
fn random(seed: u64) -> impl Iterator<Item = u64> {
    (seed..).map(|at| {
        let mixed = at.wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ mixed >> 29).wrapping_mul(0x94d0_49bb_1331_11eb) ^ mixed >> 32
    })
}

fn uuids(seed: u64, count: usize) -> impl Iterator<Item = String> {
    random(seed).take(count).map(|r| {
        format!("{:08x}-{:04x}-4{:03x}-a{:03x}-{r:012x}", r as u32, r >> 48, r >> 20 & 0xfff, r >> 5 & 0xfff)
            .chars()
            .take(36)
            .collect()
    })
}

fn call_ids(seed: u64, count: usize) -> impl Iterator<Item = String> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    random(seed).take(count).map(|r| {
        let tail = random(r >> 8).take(24).map(|r| char::from(LETTERS[r as usize % LETTERS.len()])).collect::<String>();
        format!("call_{tail}")
    })
}

#[test]
fn each_typical_column_gets_the_coder_made_for_it() {
    let numbers = || random(7).take(100);
    let cases: Vec<(&str, Values)> = vec![
        ("constant", values(["end_turn"; 40])),
        ("constant", values([""; 0])),
        ("enum", values(numbers().map(|r| ["stop", "length", "tool_calls", ""][r as usize % 4]))),
        ("enum", values(numbers().map(|r| ["1000000007", "3", "123456"][r as usize % 3]))),
        ("integer", values(numbers().map(|r| (r % 100_000).to_string()))),
        ("integer", values((0..100).map(|at| (1_732_000_000 + 7 * at).to_string()))),
        ("integer", values([i64::MAX.to_string(), (-i64::MAX).to_string(), "0".to_string(), "-5".to_string()])),
        ("decimal", values(numbers().map(|r| format!("{}.{:03}", r % 90, r >> 20 & 511)))),
        ("decimal", values(numbers().map(|r| format!("{:?}", (r % 10_000) as f64 / 16.0)))),
        ("decimal", values(numbers().map(|r| format!("{}", (r % 10_000) as f64 / 16.0)))),
        ("decimal", values(numbers().map(|r| format!("{}.{:02$}", r >> 9 & 255, r % 10, r as usize % 5 + 1)))),
        ("fixed", values(uuids(1, 100))),
        ("fixed", values(uuids(1, 1))),
        ("fixed", values(call_ids(1, 100))),
        ("fixed", values(numbers().map(|r| format!("{r:032x}")))),
        ("text", values((0..100).map(|at| format!("tool number {at}")))),
        ("text", values(["two\nlines", "a zero \0", "é"])),
        ("decimal", values(numbers().map(|r| format!("{:?}", (r % 977) as f64 * 0.1 + 0.2)))),
        ("runs", values(uuids(4, 300).enumerate().flat_map(|(at, id)| vec![id; at % 4 + 1]))),
        (
            "text",
            values(random(9).take(900).map(|pick| {
                let r = random(pick % 300 * 1_000).next().unwrap_or(0) >> 20;
                format!("{}.{:06}", r / 1_000_000, r % 1_000_000)
            })),
        ),
        ("split", values(numbers().zip(uuids(3, 100)).map(|(r, id)| if r % 3 == 0 { "null".to_string() } else { id }))),
        ("split", values(uuids(3, 50).chain(call_ids(3, 50)))),
    ];
    for (coder, list) in &cases {
        assert_eq!(round_trip(list), *coder, "{:?}", list.iter().take(4).map(String::from_utf8_lossy).collect::<Vec<_>>());
    }
}

#[test]
fn timestamps_of_all_common_forms_become_deltas() {
    let forms: [fn(u64) -> String; 5] = [
        |t| format!("2026-11-20T{:02}:{:02}:{:02}.{:03}Z", t / 3600 % 24, t / 60 % 60, t % 60, t * 37 % 1000),
        |t| format!("2026-11-20T{:02}:{:02}:{:02}Z", t / 3600 % 24, t / 60 % 60, t % 60),
        |t| format!("2026-11-20 {:02}:{:02}:{:02}.{:06}", t / 3600 % 24, t / 60 % 60, t % 60, t * 37 % 1000),
        |t| format!("2026-11-20T{:02}:{:02}:{:02}.{:09}+00:00", t / 3600 % 24, t / 60 % 60, t % 60, t * 37 % 1000),
        |t| format!("2026-{:02}-{:02}", t % 12 + 1, t % 28 + 1),
    ];
    for form in forms {
        assert_eq!(round_trip(&values((0..200).map(|at| form(at * 11)))), "time", "{}", form(0));
    }
    // Python leaves the fraction out when it is zero: the few go apart.
    let python = values((0..200).map(|at| if at % 50 == 3 { forms[1](at) } else { forms[0](at) }));
    assert_eq!(round_trip(&python), "split");
}

#[test]
fn an_id_leaves_the_same_bytes_in_a_long_column_and_in_a_short_one() {
    let ids: Vec<String> = uuids(5, 100).collect();
    let long = code(&values(&ids));
    for few in [&ids[40..41], &ids[40..43]] {
        let short = code(&values(few));
        let bytes = short.streams.get(Class::Hex);
        assert_eq!(bytes.len() % few.len(), 0);
        // The variant digit of these ids is constant too, and only a long column may drop it.
        assert!(memchr::memmem::find(long.streams.get(Class::Hex), &bytes[..15]).is_some());
    }
    let calls: Vec<String> = call_ids(5, 100).collect();
    let (long, short) = (code(&values(&calls)), code(&values(&calls[7..9])));
    assert!(memchr::memmem::find(long.streams.get(Class::Id), short.streams.get(Class::Id)).is_some());
}

#[test]
fn columns_of_a_group_share_streams_and_each_finds_its_own_part() {
    let lists =
        [values(uuids(1, 50)), values((0..30).map(|at| (at * at).to_string())), values(call_ids(2, 9)), values(uuids(2, 20))];
    let (mut header, mut streams) = (Vec::new(), Streams::default());
    lists.iter().for_each(|list| encode(list, &mut header, &mut streams));
    let (mut reader, mut offsets) = (Reader::new(&header), Offsets::default());
    for list in &lists {
        let header = Header::read(&mut reader, list.len(), &mut offsets).expect("header");
        let column = Column::open(&header, &streams.slices()).expect("column");
        let mut out = Vec::new();
        column.get(list.len() / 2, &mut out).expect("value");
        assert_eq!(out, list.get(list.len() / 2));
    }
}

#[test]
fn a_group_larger_than_expected_is_refused_before_memory_is_gone() {
    let coded = code(&values(["a constant of some length"; 10]));
    let header = Header::read(&mut Reader::new(&coded.header), 1_000_000, &mut Offsets::default()).expect("header");
    let column = Column::open(&header, &coded.streams.slices()).expect("column");
    assert!(column.decode_all(1000, &mut Vec::new(), &mut Vec::new()).is_err());
}

#[test]
fn a_wrong_count_is_refused_on_opening_or_leaves_bytes_of_the_streams_over() {
    let runs = uuids(4, 90).flat_map(|id| [id.clone(), id]);
    let split = numbers_and_ids(90);
    for (name, list) in [("runs", values(runs)), ("split", values(split))] {
        let coded = code(&list);
        for count in [list.len() - 1, list.len() + 1] {
            let mut offsets = Offsets::default();
            let header = Header::read(&mut Reader::new(&coded.header), count, &mut offsets);
            let header = header.expect("header");
            assert_eq!(header.coder_name(), name);
            let refused = Column::open(&header, &coded.streams.slices()).is_err();
            let used_up = |class| offsets.of(class) == coded.streams.get(class).len();
            assert!(refused || !Class::ALL.into_iter().all(used_up), "{name} {count}");
            assert!(refused || name == "split", "runs know their count");
        }
    }
}

fn numbers_and_ids(count: usize) -> impl Iterator<Item = String> {
    let numbers = random(3).map(|r| (r % 10_000_000).to_string());
    uuids(6, count).zip(numbers).flat_map(|(id, number)| [id, number])
}

/// One value of some kind, typical or odd.
fn any_value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..20),
        any::<i64>().prop_map(|number| number.to_string().into_bytes()),
        (0i64..300).prop_map(|number| number.to_string().into_bytes()),
        (any::<i32>(), 0usize..12).prop_map(|(number, digits)| format!("{:.digits$}", f64::from(number) / 1024.0).into_bytes()),
        "20[0-9]{2}-[01][0-9]-[0-3][0-9][T ][0-2][0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{3,9})?(Z|\\+00:00)?"
            .prop_map(String::into_bytes),
        "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}".prop_map(String::into_bytes),
        "(call|toolu)_[A-Za-z0-9]{24}".prop_map(String::into_bytes),
        "null|true|false||0|-0|007|1e5|1.|-".prop_map(String::into_bytes),
    ]
}

/// Columns of one kind, of several, and of few distinct values.
fn any_column() -> impl Strategy<Value = Values> {
    let few = proptest::collection::vec(any_value(), 1..5);
    prop_oneof![
        proptest::collection::vec(any_value(), 0..60).prop_map(values),
        (few, proptest::collection::vec(any::<usize>(), 0..100))
            .prop_map(|(few, picks)| values(picks.iter().map(|pick| &few[pick % few.len()]))),
        proptest::collection::vec(any::<i64>(), 0..50).prop_map(|list| values(list.iter().map(i64::to_string))),
        proptest::collection::vec(("[0-9]{1,3}", "[0-9]{0,22}"), 0..50)
            .prop_map(|list| values(list.iter().map(|(whole, digits)| format!("{whole}.{digits}")))),
        proptest::collection::vec(proptest::option::of("[0-9a-f]{20}"), 0..80)
            .prop_map(|list| values(list.iter().map(|id| id.as_deref().unwrap_or("null")))),
    ]
}

/// Reads everything there is and ignores what comes.
fn read_all(header: &[u8], count: usize, streams: &[&[u8]; Class::COUNT]) -> Result<(), Corrupt> {
    let header = Header::read(&mut Reader::new(header), count, &mut Offsets::default())?;
    let column = Column::open(&header, streams)?;
    (0..count.min(200)).for_each(|rank| drop(column.get(rank, &mut Vec::new())));
    column.decode_all(1 << 20, &mut Vec::new(), &mut Vec::new())
}

proptest! {
    #[test]
    fn any_values_come_back_by_rank_and_all_at_once(list in any_column()) {
        round_trip(&list);
    }

    #[test]
    fn the_same_values_give_the_same_bytes(list in any_column()) {
        let (one, two) = (code(&list), code(&list));
        prop_assert_eq!(one.header, two.header);
        prop_assert_eq!(one.streams.slices(), two.streams.slices());
    }

    #[test]
    fn damaged_headers_and_streams_are_errors_or_wrong_values_but_never_a_panic(
        list in any_column(), damage in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..4), cut in any::<usize>(), count in 0usize..300,
    ) {
        let mut coded = code(&list);
        for (place, byte) in damage {
            let all = coded.header.len() + coded.streams.bytes.iter().map(Vec::len).sum::<usize>();
            let mut place = place % all.max(1);
            for bytes in std::iter::once(&mut coded.header).chain(&mut coded.streams.bytes) {
                if let Some(target) = bytes.get_mut(place) {
                    *target = byte;
                    break;
                }
                place -= bytes.len();
            }
        }
        drop(read_all(&coded.header, coded.count, &coded.streams.slices()));
        drop(read_all(&coded.header, count, &coded.streams.slices()));
        drop(read_all(&coded.header[..cut % (coded.header.len() + 1)], coded.count, &coded.streams.slices()));
        let halves = coded.streams.slices().map(|stream| &stream[..cut % (stream.len() + 1)]);
        drop(read_all(&coded.header, coded.count, &halves));
    }

    #[test]
    fn random_headers_never_panic(header in proptest::collection::vec(prop_oneof![0u8..9, any::<u8>()], 0..60), stream in proptest::collection::vec(any::<u8>(), 0..200), count in 0usize..300) {
        drop(read_all(&header, count, &[&stream; Class::COUNT]));
    }
}
