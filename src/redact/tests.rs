use super::*;

/// Made up here: a form with letters and digits that nobody was ever given.
fn made(prefix: &str, alphabet: &str, length: usize) -> String {
    let letters: Vec<char> = alphabet.chars().collect();
    let mut state = 0x9e37_79b9_u64 ^ prefix.len() as u64;
    let mut key = prefix.to_string();
    for _ in 0..length {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        key.push(letters[(state >> 33) as usize % letters.len()]);
    }
    key
}

const WORD: &str = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";

fn shown(text: &str) -> String {
    redact_text(text).unwrap().into_owned()
}

// Protects the way back: what an escape hides is found, and goes as a whole, at any depth.
#[test]
fn a_key_is_found_behind_any_escapes_and_json_stays_json() {
    let key = made("ghp_", WORD, 36);
    let hidden = key.replacen("gh", "\\u0067h", 1);
    assert_eq!(shown(&format!("{{\"a\":\"x {hidden} y\"}}")), r#"{"a":"x [redacted:github-token] y"}"#);
    let mut line = format!("before\n{key}\nbehind \"quoted\" é😀");
    for depth in 0..6 {
        let text = shown(&line);
        assert!(!text.contains(&key), "{depth}: {text}");
        assert_eq!(text, line.replace(&key, "[redacted:github-token]"));
        line = serde_json::json!({ "text": line }).to_string();
        let parsed: serde_json::Value = serde_json::from_str(&shown(&line)).unwrap();
        assert!(parsed["text"].as_str().unwrap().contains("[redacted:github-token]"));
    }
}

// Protects JSON: `\n` before `pm_` is a line feed, and must stay one.
#[test]
fn an_escape_is_never_cut_in_two() {
    let key = made("npm_", WORD, 36);
    assert_eq!(shown(&format!(r#""\{key}""#)), r#""\n[redacted:npm-token]""#);
    assert_eq!(shown(&format!(r#""\n{key}""#)), r#""\n[redacted:npm-token]""#);
}

#[test]
fn colours_addresses_and_html_hide_nothing() {
    let key = made("glpat-", WORD, 24);
    for hidden in [
        format!("\x1b[31mgl\x1b[0m{}", &key[2..]),
        format!("%67{}", &key[1..]),
        format!("&#103;{}", &key[1..]),
        format!("KEY%3D{key}"),
        format!("key=&quot;{key}&quot;"),
    ] {
        let text = shown(&hidden);
        assert!(text.contains("[redacted:gitlab-token]") && !text.contains(&key[3..]), "{hidden} → {text}");
    }
}

#[test]
fn names_headers_and_addresses_give_values_away() {
    let value = made("", WORD, 32);
    for (text, family) in [
        (format!("MY_API_KEY={value}"), "secret"),
        (format!("export client_secret='{value}'"), "secret"),
        (format!("{{\"apiKey\": \"{value}\"}}"), "secret"),
        (format!("{{\"name\":\"APP_TOKEN\",\"value\":\"{value}\"}}"), "secret"),
        (format!("tool --api-key {value} --fast"), "secret"),
        ("password: \"hunter2!x\"".to_string(), "password"),
        ("DB_PASSWORD=tr0ub4dor&3".to_string(), "password"),
        ("ADMIN_PASSWORD=tr0ub4dor".to_string(), "password"),
        (format!("PROFILE_TOKEN={value}"), "secret"),
        (format!("AccountKey={value};"), "secret"),
        (format!("nextauthSecret: '{value}'"), "secret"),
        (format!("Authorization: Bearer {value}"), "bearer-token"),
        (format!("-H 'x: Bearer {value}'"), "bearer-token"),
        ("use Basic dXNlcjpwYXNzd29yZA== here".to_string(), "basic-credentials"),
        ("postgres://app:s3cr3t@db/x".to_string(), "url-password"),
        ("redis://:p%40ss@host".to_string(), "url-password"),
    ] {
        let redacted = shown(&text);
        assert!(redacted.contains(&format!("[redacted:{family}]")), "{text} → {redacted}");
        assert!(!redacted.contains(&value), "{text} → {redacted}");
    }
}

// Protects readers: what is no secret stays, or nobody uses the option.
#[test]
fn ordinary_text_is_left_alone() {
    for text in [
        "max_tokens: 4096, \"token\": \"the\", next_page_token=CAESBggDEAEYAQ00aa11bb22",
        "api_key = os.environ['OPENAI_API_KEY']",
        "api_key=process.env.OPENAI_API_KEY_V2_2024x",
        "password = getpass.getpass1('Password for user1: ')",
        "Your password must have 8 characters, 1 digit. Password: required",
        "const token = await getToken12345abc(user)",
        "the sk-learn-estimator-doc-link1 class, task-1234567890abcdef1234567890abcdef1234",
        "request 550e8400-e29b-41d4-a716-446655440000, sha 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b",
        "http://localhost:8080/a@b and mailto:x@y.z and https://a.b/c:d@e",
        "if line.startswith(\"-----BEGIN PRIVATE KEY-----\"): raise",
        "bearer of bad news, basic understanding",
        "DATABASE_URL=postgres://user:${DB_PASSWORD}@host/db",
        "api_key: <YOUR_API_KEY>, api_key=xxxxxxxxxxxxxxxxxxxxxxxx1",
        "\"user_api_key_hash\": \"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b\"",
        "\"keywords\": \"a1b2c3d4e5f6a7b8c9d0\", \"monkey\": 1",
    ] {
        assert_eq!(shown(text), text);
    }
}

#[test]
fn a_private_key_goes_whole_or_line_by_line() {
    let line = made("MII", WORD, 61);
    let block = format!("-----BEGIN RSA PRIVATE KEY-----\n{line}\n{line}\n-----END RSA PRIVATE KEY-----");
    assert_eq!(shown(&format!("a {block} b")), "a [redacted:private-key] b");
    assert_eq!(shown(&serde_json::json!({ "k": block }).to_string()), r#"{"k":"[redacted:private-key]"}"#);
    let lines: Vec<&str> = block.lines().collect();
    let array = shown(&serde_json::to_string(&lines).unwrap());
    assert_eq!(array, format!("[{}]", ["\"[redacted:private-key]\""; 4].join(",")));
    let cut = shown(&format!("-----BEGIN PRIVATE KEY-----\n{line}\n{line}"));
    assert_eq!(cut, "[redacted:private-key]");
    let numbered =
        shown(&format!("     1\t-----BEGIN EC PRIVATE KEY-----\n     2→{line}\n     3→-----END EC PRIVATE KEY-----\n"));
    assert!(!numbered.contains(&line), "{numbered}");
}

#[test]
fn what_is_a_secret_once_is_one_everywhere() {
    let value = made("", WORD, 24);
    let text = shown(&format!("APP_SECRET={value}\nlater {value} alone"));
    assert_eq!(text, "APP_SECRET=[redacted:secret]\nlater [redacted:secret] alone");
    let whole = Secrets::of(format!("APP_SECRET={value}").as_bytes()).unwrap();
    let part = Secrets::with(value.as_bytes(), &whole).unwrap();
    assert_eq!(part.replace(value.as_bytes()).text, b"[redacted:secret]");
}

#[test]
fn the_secret_beside_an_access_key_goes_with_it() {
    let (key, secret) = (made("AKIA", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16), made("", WORD, 40));
    let text = shown(&format!("{key},{secret}\n"));
    assert_eq!(text, "[redacted:aws-key],[redacted:aws-secret-key]\n");
}

// Protects keys that chance gave no digit: all of Hugging Face's, and one in thirty of those that have twenty characters.
#[test]
fn keys_of_letters_alone_are_keys_and_names_of_programs_are_not() {
    const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (prefix, length) in [("hf_", 34), ("ghp_", 36), ("gsk_", 52), ("glpat-", 28), ("npm_", 36)] {
        // The prefix's own length is all that seeds `made`: rotated alphabets make other keys.
        for turn in 0..LETTERS.len() {
            let (tail, head) = LETTERS.split_at(turn);
            let text = format!("use {} here", made(prefix, &format!("{head}{tail}"), length));
            assert!(!shown(&text).contains(prefix), "{text}");
        }
    }
    for name in [
        "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",
        "npm_config_registry_of_the_company",
        "sk-learnPipelineTransformerConfiguration",
    ] {
        assert_eq!(shown(name), name);
    }
}

// Protects those who trust the option: what cannot be looked at to the end is no text to show.
#[test]
fn escapes_without_end_are_withheld() {
    let deep = format!("%{}41", "25".repeat(40));
    assert_eq!(redact(deep.as_bytes()), Err(Withheld::Deep));
    assert_eq!(redact(&vec![b'a'; LONGEST + 1]), Err(Withheld::Long));
}

#[test]
fn places_follow_the_text_and_never_point_into_a_secret() {
    let text = format!("ab {} cd", made("hf_", WORD, 34));
    let redacted = Secrets::of(text.as_bytes()).unwrap().replace(text.as_bytes());
    assert_eq!(redacted.text, b"ab [redacted:huggingface-token] cd");
    let at = |range| redacted.place(&range);
    assert_eq!(at(0..2), 0..2);
    assert_eq!(at(5..9), 3..31);
    assert_eq!(at(1..4), 1..31);
    assert_eq!(at(text.len() - 2..text.len()), 32..34);
    assert_eq!(at(0..3), 0..3);
}

// Protects the end of long secrets, which no pattern of bounded length reaches.
#[test]
fn a_long_secret_goes_to_its_end() {
    let long = made("", WORD, 3000);
    assert_eq!(shown(&format!("APP_SECRET={long} x")), "APP_SECRET=[redacted:secret] x");
    assert_eq!(shown(&format!("sk-ant-{long} x")), "[redacted:anthropic-key] x");
    assert_eq!(shown(&format!("eyJ{long}.eyJ{long}.{long} x")), "[redacted:jwt] x");
    assert_eq!(shown(&format!("Bearer {long} x")), "Bearer [redacted:bearer-token] x");
}

// Protects everybody's time: what only looks like the beginning of a key, over and over, takes no more than ordinary text.
#[test]
fn beginnings_without_end_are_looked_at_once() {
    for beginning in
        ["eyJ-", "sk-proj-", "key=", "://a:", "-----BEGIN PRIVATE KEY-----", "bearer ", "token: ", "eyJaaaaaaaa=", "\\\\n"]
    {
        let text = beginning.repeat(400_000 / beginning.len());
        assert!(redact(text.as_bytes()).is_ok(), "{beginning}");
    }
}

// Protects those who redact twice: what stands for a secret is no name that makes a secret of what comes behind it.
#[test]
fn what_was_redacted_is_no_name() {
    let once = shown("{\"password\":\"01%a%@\\n=a-00@b1a\"}");
    assert_eq!(once, "{\"password\":\"[redacted:password]\\n=a-00@b1a\"}");
    assert_eq!(shown(&once), once);
}

#[test]
fn a_word_alone_that_looks_random_is_not_shown() {
    let value = made("", WORD, 40);
    assert_eq!(redact_alone(value.as_bytes()).unwrap().as_ref(), b"[redacted:unknown-word]");
    assert_eq!(redact_alone(b"an ordinary sentence").unwrap().as_ref(), b"an ordinary sentence");
    assert_eq!(redact_cut(&format!("{}sk-ant-ab", "word ".repeat(198)), 1000).unwrap(), "word ".repeat(198).trim_end());
}

proptest::proptest! {
    // Whatever a log holds: no panic, JSON in, JSON out, and twice is once.
    #[test]
    fn any_json_stays_json(text in "[a-z\"\\\\/%&;:=@ \nnrtu0-9-]{0,60}", key in proptest::bool::ANY) {
        let text = if key { format!("{text}{}", made("npm_", WORD, 36)) } else { text };
        let line = serde_json::json!({ "password": text, "t": [text] }).to_string();
        let redacted = shown(&line);
        proptest::prop_assert!(serde_json::from_str::<serde::de::IgnoredAny>(&redacted).is_ok(), "{redacted}");
        proptest::prop_assert_eq!(shown(&redacted), redacted.clone());
        let _ = redact(text.as_bytes());
    }
}
