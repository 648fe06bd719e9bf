//! Documents come back byte for byte, and what is none is taken as lines.

use super::*;
use proptest::prelude::*;

/// Reads a few bytes at a time.
struct Slow<'a>(&'a [u8], usize);

impl Read for Slow<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let limit = self.1.min(buffer.len());
        self.0.read(&mut buffer[..limit])
    }
}

fn document(text: &[u8]) -> Result<Outline, &'static str> {
    match outline(text, 1 << 20).unwrap() {
        Verdict::Document(outline) => Ok(outline),
        Verdict::Lines(why) => Err(why),
    }
}

fn elements(text: &[u8], chunk_bytes: usize) -> Vec<Vec<u8>> {
    let reader = ElementReader::new(text, document(text).unwrap(), chunk_bytes);
    reader.flat_map(|chunk| chunk.unwrap().iter().map(<[u8]>::to_vec).collect::<Vec<_>>()).collect()
}

fn woven(glue: &Glue, elements: &[Vec<u8>]) -> Vec<u8> {
    let mut elements = elements.iter();
    glue.around().flat_map(|glue| [glue, elements.next().map_or(&[][..], |element| element)].concat()).collect()
}

#[test]
fn elements_of_an_array_are_records_and_the_rest_is_glue() {
    let text = b"\xef\xbb\xbf [\n  {\"a\": \"]\\\"}\"},\n  [1, {}],\n  \"s, ]\" , -1.50e3,null\n]\n";
    let expected = [&b"{\"a\": \"]\\\"}\"}"[..], b"[1, {}]", b"\"s, ]\"", b"-1.50e3", b"null"];
    assert_eq!(elements(text, 8), expected);
    let outline = document(text).unwrap();
    assert_eq!((outline.elements, outline.length), (5, text.len() as u64));
    assert_eq!(outline.glue.open, b"\xef\xbb\xbf [\n  ");
    assert_eq!(outline.glue.close, b"\n]\n");
}

#[test]
fn an_object_is_one_record_and_an_empty_array_none() {
    let text = b"\n{\n \"a\": [1, 2]\n}\n\n";
    assert_eq!(elements(text, 100), [b"{\n \"a\": [1, 2]\n}"]);
    assert_eq!(woven(&document(b" [ ]\n").unwrap().glue, &[]), b" [ ]\n");
}

#[test]
fn what_is_no_whole_document_is_taken_as_lines_with_a_reason() {
    for text in [
        "[1, 2",
        "[1 2]",
        "[1,,2]",
        "[,1]",
        "[1,]",
        "[1]]",
        "[1] x",
        "{\"a\":1}\n{\"a\":2}\n",
        "[{]}",
        "[{]]",
        "[\"a\nb\"]",
        "",
        "  ",
        "1",
        "[tru\"e\"]",
        "{\"a\":\"",
        "[\"\\",
    ] {
        assert!(document(text.as_bytes()).is_err(), "{text}");
    }
    assert!(document("[".repeat(1 << 20).as_bytes()).is_err());
    let long = format!("[\"{}\"]", "x".repeat(2 << 20));
    assert_eq!(document(long.as_bytes()), Err("an element is longer than a record may be"));
}

#[test]
fn only_a_value_that_outlives_its_first_line_may_be_a_document() {
    use Sniff::{Lines, MaybeDocument};
    for (start, whole, expected) in [
        ("{\n \"a\": 1\n}\n", true, MaybeDocument),
        ("\n\n[\n{\"a\":1}\n]\n", true, MaybeDocument),
        ("\u{feff}[{\"a\":1},\n{\"a\":2}]", true, MaybeDocument),
        ("[{\"a\":1},{\"a", false, MaybeDocument),
        ("{\"a\":1}\n{\"a\":2}\n", true, Lines),
        ("{\"a\":1} {\"a\":2}\n", true, Lines),
        ("[1,2]\n[3,4]\n", true, Lines),
        ("{\"a\":\"very long", false, Lines),
        ("[{\"a\":1},{\"a", true, Lines),
        ("hello\n{", true, Lines),
        ("{\"torn", true, Lines),
        ("", true, Lines),
    ] {
        assert_eq!(sniff(start.as_bytes(), whole), expected, "{start}");
    }
}

#[test]
fn a_document_that_changes_between_the_two_readings_ends_in_an_error() {
    let outline = document(b"[1, 2]").unwrap();
    for other in [&b"[1,2]"[..], b"[1, 2, 3]", b"[1, 2", b"[1, 2] "] {
        let last = ElementReader::new(other, outline.clone(), 1).last().unwrap();
        assert!(last.is_err(), "{}", String::from_utf8_lossy(other));
    }
}

/// A JSON value as text, with spaces at will.
fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof!["-?[0-9]{1,3}", "\"[a-z,\\]}{:]{0,6}\"", Just(r#""\\\"""#.to_string()), Just("true".into())];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(" ,\n"))),
            proptest::collection::vec(inner, 0..4).prop_map(|items| {
                let members: Vec<String> = items.iter().map(|item| format!("\"k\": {item}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn glue_and_elements_together_are_the_file_however_it_is_read(
        values in proptest::collection::vec((value(), "[ \n\r\t]{0,2}"), 0..12), step in 1usize..40, chunk_bytes in 1usize..60,
    ) {
        let inner: Vec<String> = values.iter().map(|(value, space)| format!("{space}{value}{space}")).collect();
        let text = format!(" [{}]\n", inner.join(",")).into_bytes();
        let outlined = document(&text).unwrap();
        let slow = outline(Slow(&text, step), 1 << 20).unwrap();
        prop_assert_eq!(&slow, &Verdict::Document(outlined.clone()));
        let fast: Vec<Chunk> = ElementReader::new(&text[..], outlined.clone(), chunk_bytes).map(Result::unwrap).collect();
        let chunks: Vec<Chunk> =
            ElementReader::new(Slow(&text, step), outlined.clone(), chunk_bytes).map(Result::unwrap).collect();
        prop_assert_eq!(&chunks, &fast);
        prop_assert_eq!(chunks.iter().flat_map(|chunk| chunk.data.clone()).collect::<Vec<u8>>(), text.clone());
        let records: Vec<Vec<u8>> = chunks.iter().flat_map(|chunk| chunk.iter().map(<[u8]>::to_vec)).collect();
        prop_assert_eq!(records.len(), values.len());
        prop_assert!(records.iter().zip(&values).all(|(record, (value, _))| record == value.as_bytes()));
        prop_assert_eq!(woven(&outlined.glue, &records), text);
    }

    #[test]
    fn strange_bytes_are_lines_or_a_document_that_comes_back(text in "[\\[\\]{}\",:\\\\ \n1a]{0,40}") {
        if let Ok(outline) = document(text.as_bytes()) {
            prop_assert_eq!(woven(&outline.glue, &elements(text.as_bytes(), 10)), text.as_bytes());
        }
    }
}
