use super::*;

fn json(text: &str) -> Json<'_> {
    Json::parse(text.as_bytes()).unwrap()
}

#[test]
fn a_value_is_found_at_its_exact_span() {
    let line = br#"  { "a" : [1, {"b": "x\"y"}] , "c":null}  "#;
    let value = Json::parse(line).unwrap();
    let inner = value.pointer("/a/1/b").unwrap();
    assert_eq!(&line[inner.span_in(line).unwrap()], br#""x\"y""#);
    assert_eq!(inner.as_str().unwrap(), "x\"y");
    assert!(value.get("c").unwrap().is_null());
}

#[test]
fn an_inner_string_that_was_decoded_has_no_span_in_the_line() {
    let elsewhere = String::from("[1]");
    assert_eq!(json(&elsewhere).span_in(br#"{"a":1}"#), None);
}

#[test]
fn the_last_of_duplicate_keys_wins_and_all_are_listed() {
    let value = json(r#"{"a":1,"\u0061":2,"b":3}"#);
    assert_eq!(value.get("a").unwrap().as_i64(), Some(2));
    assert_eq!(Object::of(value).unwrap().get("a").unwrap().as_i64(), Some(2));
    assert_eq!(value.entries().count(), 3);
}

#[test]
fn escapes_of_every_style_decode_and_lone_surrogates_become_replacement_characters() {
    assert_eq!(json(r#""\u0041\/\ud83d\uDE00\b\f\t""#).as_str().unwrap(), "A/😀\u{8}\u{c}\t");
    assert_eq!(json(r#""a\ud83dz""#).as_str().unwrap(), "a\u{fffd}z");
    assert_eq!(json(r#""\ud83d\u0041""#).as_str().unwrap(), "\u{fffd}A");
    assert_eq!(json(r#""\u12""#).as_str().unwrap(), "\u{fffd}12");
}

#[test]
fn atoms_that_python_writes_are_accepted_and_numbers_keep_their_text() {
    let value = json(r#"{"a":NaN,"b":-Infinity,"c":123456789012345678901,"d":1.10,"e":1e400}"#);
    assert!(value.get("a").unwrap().is_null());
    assert!(value.get("b").unwrap().is_null());
    assert_eq!(value.get("c").unwrap().raw(), b"123456789012345678901");
    assert_eq!(value.get("c").unwrap().as_i64(), None);
    assert_eq!(value.get("d").unwrap().raw(), b"1.10");
}

#[test]
fn a_byte_order_mark_and_a_carriage_return_do_not_hide_the_value() {
    assert!(Json::parse(b"\xEF\xBB\xBF{\"a\":1}\r").is_some());
}

#[test]
fn what_is_cut_off_or_malformed_is_no_json() {
    for text in ["", "{", r#"{"a":1"#, r#"{"a" 1}"#, "[1,]x", "[1 2]", r#""abc"#, r#""abc\""#, "tru", "{]", "[}", "-", "1x"] {
        assert!(Json::parse(text.as_bytes()).is_none(), "{text}");
    }
}

#[test]
fn nesting_beyond_the_cap_is_refused_and_at_the_cap_is_read() {
    let deep = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
    assert!(Json::parse(deep(128).as_bytes()).is_some());
    assert!(Json::parse(deep(129).as_bytes()).is_none());
    assert!(Json::parse("[".repeat(1_000_000).as_bytes()).is_none());
}

#[test]
fn objects_of_many_keys_find_each_key_and_the_last_of_duplicates() {
    let mut text: String = (0..100).map(|n| format!(r#""key{n}":{n},"#)).collect();
    text = format!(r#"{{{text}"key7":-7}}"#);
    let object = Object::of(json(&text)).unwrap();
    assert_eq!(object.get("key42").unwrap().as_i64(), Some(42));
    assert_eq!(object.get("key7").unwrap().as_i64(), Some(-7));
    assert!(object.get("key100").is_none());
}
