//! Values that stand beside a name, in a header or in an address: what gives them away is not their form.

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::Regex;

/// Bytes of a name on each side of the word that makes it one.
const NAME: usize = 48;
/// Bytes looked at behind a name.
const PIECE: usize = 1024;
/// Bytes of a value that are judged; the pattern says the same.
const LONGEST: usize = 512;

type Found = Option<(Range<usize>, &'static str)>;

/// What stands between a name and its value: an assignment in any language, a member of JSON, an option of a command, or a pair of
/// name and value as container orchestrators write it.
static ASSIGNED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let assigned = r#"["'`\])]{0,3}\s{0,8}(?::=|=>|={1,3}|:)\s{0,8}"#;
    let paired = r#"["']?,?\s{0,16}["']?value["']?\s{0,4}[:=]\s{0,4}"#;
    let option = r"\s{1,4}";
    let value = r#"(?:[A-Za-z]{1,12}\()?(["'`\[(]{0,3})(?i:(?:bearer|basic|token|bot)\s{1,4})?([^\s"'`\\<>(){}\[\],;&|]{6,512})"#;
    Regex::new(&format!(r"^(?-u:(?:{assigned}|(?P<paired>{paired})|(?P<option>{option})){value})")).ok()
});

/// A value that a name makes a secret; `anchor` is the telling word of the name.
pub(super) fn value(text: &[u8], anchor: Range<usize>) -> Found {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let before = text.get(anchor.start.saturating_sub(NAME)..anchor.start)?;
    let start = anchor.start - before.iter().rev().take_while(|byte| is_name(byte)).count();
    let after = text.get(anchor.end..text.len().min(anchor.end + NAME))?;
    let end = anchor.end + after.iter().take_while(|byte| is_name(byte)).count();
    // What stands for a secret says what it was: no name.
    if text.get(..start)?.ends_with(b"[redacted:") {
        return None;
    }
    // Most names are followed by other words: no pattern is needed to see that.
    if !matches!(text.get(end)?, b'"' | b'\'' | b'`' | b']' | b')' | b':' | b'=' | b',' | b' ' | b'\t' | b'\n' | b'\r') {
        return None;
    }
    let name = std::str::from_utf8(text.get(start..end)?).ok()?;
    let worth = worth(name)?;
    let found = ASSIGNED.as_ref()?.captures(text.get(end..text.len().min(end + PIECE))?)?;
    if found.name("option").is_some() && !name.starts_with("--") {
        return None;
    }
    let (quote, value) = (found.get(found.len() - 2)?, found.get(found.len() - 1)?);
    let quoted = !quote.is_empty() || name.starts_with("--");
    let in_code = !quoted && text.get(end) != Some(&b'=') && found.name("paired").is_none();
    let bytes = value.as_bytes();
    let bytes = bytes.strip_suffix(b".").unwrap_or(bytes);
    let at = end + value.start()..end + value.start() + bytes.len();
    // What is called with arguments, or looked up, is a program and no value.
    if matches!(text.get(end + value.end()), Some(b'(' | b'[' | b'{')) || is_placeholder(bytes) {
        return None;
    }
    let is_secret = match worth {
        Worth::Password => is_password(bytes, in_code),
        Worth::Key => is_key(bytes) && (entropy(bytes) >= 3.2),
        Worth::Token => is_key(bytes) && !is_uuid(bytes) && entropy(bytes) >= 3.4,
    };
    let family = match worth {
        Worth::Password => "password",
        _ if bytes.len() == 40
            && name.to_ascii_lowercase().contains("secret")
            && name.to_ascii_lowercase().contains("access") =>
        {
            "aws-secret-key"
        }
        _ => "secret",
    };
    // A longer value than the pattern looks at goes on to where values end.
    let more = if value.len() == LONGEST { text.get(at.end..)?.iter().take_while(|byte| !ends_value(**byte)).count() } else { 0 };
    is_secret.then_some((at.start..at.end + more, family))
}

fn ends_value(byte: u8) -> bool {
    byte.is_ascii_whitespace() || b"\"'`\\<>(){}[],;&|".contains(&byte)
}

/// How much a name promises.
#[derive(Clone, Copy)]
enum Worth {
    /// People's own words count, too.
    Password,
    /// Said to be secret.
    Key,
    /// May be a secret, or a place in a list.
    Token,
}

fn worth(name: &str) -> Option<Worth> {
    /// With a word of these a name means something else.
    const NOT: [&str; 32] = [
        "page",
        "cursor",
        "continuation",
        "cancellation",
        "max",
        "min",
        "prompt",
        "completion",
        "count",
        "total",
        "cache",
        "cached",
        "reasoning",
        "tokens",
        "tokenizer",
        "type",
        "idempotency",
        "public",
        "primary",
        "foreign",
        "sort",
        "partition",
        "stop",
        "eos",
        "pad",
        "name",
        "file",
        "path",
        "length",
        "policy",
        "hash",
        "alias",
    ];
    const KEYS: [&str; 18] = [
        "secret",
        "credential",
        "apikey",
        "apitoken",
        "accesskey",
        "accesstoken",
        "privatekey",
        "authkey",
        "authtoken",
        "authorization",
        "encryptionkey",
        "signingkey",
        "masterkey",
        "accountkey",
        "refreshtoken",
        "sessiontoken",
        "bottoken",
        "idtoken",
    ];
    let words = words(name);
    if words.iter().any(|word| NOT.contains(&word.as_str())) {
        return None;
    }
    let flat = words.concat();
    if ["passw", "passphrase", "pwd"].iter().any(|word| flat.contains(word)) {
        return Some(Worth::Password);
    }
    if KEYS.iter().any(|word| flat.contains(word)) {
        return Some(Worth::Key);
    }
    let shouted = name.chars().all(|c| !c.is_ascii_lowercase()) && name.ends_with("_KEY");
    (flat.ends_with("token") || shouted).then_some(Worth::Token)
}

/// The words of a name in lower case: `apiKey`, `api-key` and `API_KEY` have the same.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        let begins = c.is_ascii_uppercase() && !before.is_ascii_uppercase();
        match words.last_mut() {
            Some(word) if c.is_ascii_alphanumeric() && (!begins || word.is_empty()) => word.push(c.to_ascii_lowercase()),
            _ => words.push(c.to_ascii_lowercase().to_string().replace(['_', '-', '.'], "")),
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Letters, digits and no order, of a length that nobody types by heart.
fn is_key(value: &[u8]) -> bool {
    value.len() >= 16 && !value.starts_with(b"/") && !contains(value, b"://") && longest_mixed(value) >= 10
}

/// In code an unquoted word is a name.
fn is_password(value: &[u8], in_code: bool) -> bool {
    let has = |class: fn(&u8) -> bool| value.iter().any(class);
    let letters = has(u8::is_ascii_alphabetic);
    let digits = has(u8::is_ascii_digit);
    let marks = value.iter().any(|byte| b"!@#$%^*+?~=".contains(byte));
    let called = contains(value, b"://") || value.starts_with(b"/") || value.starts_with(b"./");
    !called && letters && (digits || marks && !in_code) && entropy(value) >= 2.2 && (!in_code || value.len() >= 8)
}

/// `Bearer …` and `Basic …` wherever they stand.
pub(super) fn header(text: &[u8], anchor: Range<usize>) -> Found {
    let is_value = |byte: &u8| byte.is_ascii_alphanumeric() || b"._~+/=-".contains(byte);
    let rest = text.get(anchor.end..)?;
    let mut length = rest.iter().take_while(|byte| is_value(byte)).count();
    while rest.get(..length).is_some_and(|value| value.ends_with(b".")) {
        length -= 1;
    }
    let value = rest.get(..length)?;
    let basic = text.get(anchor.start).is_some_and(|byte| byte.eq_ignore_ascii_case(&b'b'))
        && text.get(anchor.start + 1).is_some_and(|byte| byte.eq_ignore_ascii_case(&b'a'));
    let at = anchor.end..anchor.end + length;
    if basic {
        let decoded = base64(value)?;
        let words = decoded.iter().all(|byte| (b' '..0x7f).contains(byte));
        return (length >= 8 && words && decoded.contains(&b':')).then_some((at, "basic-credentials"));
    }
    let telling = length >= 16 && is_mixed(value) && entropy(value) >= 3.0 && !is_placeholder(value);
    telling.then_some((at, "bearer-token"))
}

/// The password in `scheme://user:password@host`; `start` is behind `://`.
pub(super) fn address(text: &[u8], start: usize) -> Option<Range<usize>> {
    static LOGIN: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r#"^(?-u:[^\s/?#:@"'`<>\\]{0,128}:([^\s/?#"'`<>\\]{1,256})@[A-Za-z0-9\[._$\{%-])"#).ok());
    let piece = text.get(start..text.len().min(start + 400))?;
    let password = LOGIN.as_ref()?.captures(piece)?.get(1)?;
    let bytes = password.as_bytes();
    let template = bytes.starts_with(b"$") || bytes.starts_with(b"{") || bytes.starts_with(b"*") || bytes.starts_with(b"%(");
    (!template).then_some(start + password.start()..start + password.end())
}

/// A single word of such length and disorder that it may well be a key.
pub(super) fn looks_random(word: &[u8]) -> bool {
    let one = word.iter().all(|byte| byte.is_ascii_graphic() && !b"\"'<>{}()[],;|".contains(byte));
    one && (32..=512).contains(&word.len()) && is_key(word) && !is_uuid(word) && entropy(word) >= 3.4
}

/// Stands for a value: a variable, a pattern, a word that says so.
fn is_placeholder(value: &[u8]) -> bool {
    let lower = value.to_ascii_lowercase();
    let starts: [&[u8]; 6] = [b"$", b"%(", b"{", b"*", b"[redacted", b"@"];
    let holds: [&[u8]; 12] = [
        b"xxxx",
        b"your",
        b"...",
        b"****",
        b"process.env",
        b"os.environ",
        b"getenv",
        b"secrets.",
        b"config.",
        b"settings.",
        b"redacted",
        b"placeholder",
    ];
    starts.iter().any(|start| lower.starts_with(start)) || holds.iter().any(|word| contains(&lower, word))
}

fn is_uuid(value: &[u8]) -> bool {
    let dashes = [8, 13, 18, 23];
    value.len() == 36
        && value.iter().enumerate().all(|(at, byte)| if dashes.contains(&at) { *byte == b'-' } else { byte.is_ascii_hexdigit() })
}

/// True when letters and digits are both there.
pub(super) fn is_mixed(value: &[u8]) -> bool {
    value.iter().any(u8::is_ascii_alphabetic) && value.iter().any(u8::is_ascii_digit)
}

/// The longest word of letters and digits, both; with strokes and plus signs where no address can be meant.
fn longest_mixed(value: &[u8]) -> usize {
    let is_in_word = |byte: &u8| byte.is_ascii_alphanumeric();
    let words = value.split(|byte| !is_in_word(byte));
    let joined = value.split(|byte| !(is_in_word(byte) || matches!(byte, b'/' | b'+')));
    let all_classes = |word: &&[u8]| {
        is_mixed(word)
            && word.iter().any(u8::is_ascii_uppercase)
            && word.iter().any(u8::is_ascii_lowercase)
            && !word.contains(&b'.')
    };
    let longest = words.filter(|word| is_mixed(word)).map(<[u8]>::len).max().unwrap_or_default();
    longest.max(joined.filter(all_classes).map(<[u8]>::len).max().unwrap_or_default())
}

/// Shannon's entropy of the bytes, in bits a byte.
pub(super) fn entropy(value: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    value.iter().for_each(|byte| counts[*byte as usize] += 1);
    let length = value.len().max(1) as f64;
    let shares = counts.iter().filter(|count| **count > 0).map(|count| f64::from(*count) / length);
    -shares.map(|share| share * share.log2()).sum::<f64>()
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    memchr::memmem::find(text, word).is_some()
}

/// What base64 stands for; `None` where it is none.
fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let digits = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(text);
    let mut decoded = Vec::with_capacity(digits.len());
    let (mut bits, mut count) = (0_u32, 0);
    for digit in digits {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        (bits, count) = (bits << 6 | u32::from(value), count + 6);
        if count >= 8 {
            count -= 8;
            decoded.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    Some(decoded)
}
