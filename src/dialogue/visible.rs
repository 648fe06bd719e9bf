//! Characters a terminal or a reader's eye would act on, shown instead.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::display::is_control;

/// Text with its controls shown; newlines and tabs stay, a carriage return before a newline goes.
pub(super) fn shown(text: &str) -> Cow<'_, str> {
    let keep = |c: char| !is_control(c) || matches!(c, '\n' | '\t');
    if text.chars().all(keep) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.replace("\r\n", "\n").chars() {
        if keep(c) { out.push(c) } else { out.extend(c.escape_default()) }
    }
    Cow::Owned(out)
}

/// JSON on one line with such characters escaped, which changes no value: they occur in strings only.
pub(super) fn escaped(json: String) -> String {
    if !json.chars().any(is_control) {
        return json;
    }
    let mut out = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if is_control(c) {
            // Writing to a String cannot fail; all these characters are below U+10000.
            let _ = write!(out, "\\u{:04x}", c as u32);
        } else {
            out.push(c);
        }
    }
    out
}
