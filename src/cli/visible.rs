//! Text from logs made safe to look at: an escape sequence is shown, not obeyed.
//!
//! One line for [`visible`], many for [`visible_text`]. JSON gets the same protection by escapes, which change no value.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::display::is_control;

/// One line: every control character is shown, newline and tab included.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    show(text, |_| false)
}

/// Several lines: newline and tab stay what they are.
pub(crate) fn visible_text(text: &str) -> Cow<'_, str> {
    show(text, |c| matches!(c, '\n' | '\t'))
}

fn show(text: &str, keep: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(|c| is_control(c) && !keep(c)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_control(c) && !keep(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    Cow::Owned(out)
}

/// Escapes what JSON allows unescaped but a terminal would act on. Such characters occur in strings only.
pub(crate) fn escape_json(json: &str) -> Cow<'_, str> {
    // A newline can only be one between values: in strings it is escaped.
    let acted_on = |c: char| is_control(c) && c != '\n';
    if !json.chars().any(acted_on) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if acted_on(c) {
            // Writing to a String cannot fail; all these characters are below U+10000.
            let _ = write!(out, "\\u{:04x}", c as u32);
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escape_sequence_in_a_log_cannot_reach_the_terminal() {
        assert_eq!(visible("a\x1b[2Jb\tc\n\u{9b}1m"), r"a\u{1b}[2Jb\tc\n\u{9b}1m");
        assert_eq!(visible_text("a\tb\n\rc\u{202e}"), "a\tb\n\\rc\\u{202e}");
    }

    #[test]
    fn readable_text_of_any_language_is_left_as_it_is() {
        for text in ["plain", "größer", "日本語", "👩‍💻", ""] {
            assert_eq!(visible(text), text);
        }
    }

    #[test]
    fn json_for_a_terminal_is_the_same_json() {
        let value = "\u{7f}\u{9b}2J\u{202e}x\n";
        let escaped = escape_json(&serde_json::to_string(value).unwrap()).into_owned();
        assert_eq!(escaped, r#""\u007f\u009b2J\u202ex\n""#);
        assert_eq!(serde_json::from_str::<String>(&escaped).unwrap(), value);
    }
}
