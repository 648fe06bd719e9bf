//! A row for each turn, as RFC 4180 words it but with `\n` at the end of rows.
//!
//! Programs for tables run what begins like a formula: such a cell gets an apostrophe in front, which they show as text
//! (OWASP, CSV injection).

use super::visible::shown;
use super::{Dialogue, Message, Part};

pub(super) const HEAD: &str = "conversation,place,time,model,message,turn,speaker,role,type,name,call_id,text\n";

/// Characters at the start of a cell that make it a formula, full-width forms included.
const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

pub(super) fn rows(dialogue: &Dialogue) -> String {
    let mut out = String::new();
    let mut turn = 0;
    for (message, at) in dialogue.messages.iter().zip(1..) {
        for part in &message.parts {
            turn += 1;
            row(dialogue, (message, at), (part, turn), &mut out);
        }
    }
    out
}

fn row(dialogue: &Dialogue, (message, at): (&Message, usize), (part, turn): (&Part, usize), out: &mut String) {
    let word = |word: &Option<String>| word.clone().unwrap_or_default();
    let cells = [
        word(&dialogue.id),
        dialogue.place.clone(),
        word(&dialogue.time),
        word(&dialogue.model),
        at.to_string(),
        turn.to_string(),
        message.speaker.name().to_owned(),
        message.role.clone(),
        part.kind.name().to_owned(),
        word(&part.name),
        word(&part.call_id),
        part.text.clone(),
    ];
    for (index, value) in cells.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        cell(value, out);
    }
    out.push('\n');
}

fn cell(value: &str, out: &mut String) {
    let value = shown(value);
    // Some programs skip leading spaces before they look for a formula.
    let formula = value.starts_with(FORMULA) || value.trim_start().starts_with(FORMULA);
    let quoted = formula || value.contains([',', '"', '\n', '\r']) || value.starts_with(' ') || value.ends_with(' ');
    if !quoted {
        return out.push_str(&value);
    }
    out.push('"');
    if formula {
        out.push('\'');
    }
    out.push_str(&value.replace('"', "\"\""));
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    // A log must not run as a formula in the spreadsheet of whoever reads it.
    #[test]
    fn what_begins_like_a_formula_is_text() {
        let safe = |value: &str| {
            let mut out = String::new();
            cell(value, &mut out);
            out
        };
        assert_eq!(safe("=HYPERLINK(\"x\")"), "\"'=HYPERLINK(\"\"x\"\")\"");
        for start in ["+1", "-1", "@x", "\tx", " =1", "\n=1", "＝1"] {
            assert!(safe(start).starts_with("\"'"), "{start:?}");
        }
        assert_eq!(safe("a=1"), "a=1");
        assert_eq!(safe("a,b\nc"), "\"a,b\nc\"");
        assert_eq!(safe("\u{1b}[31m"), "\\u{1b}[31m");
    }
}
