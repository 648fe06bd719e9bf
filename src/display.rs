//! Characters as they may be shown: which ones act on a terminal or on the eye, and how markup writes the others.

/// Controls of the terminal (C0, DEL, C1) and of the writing direction: both can make text look like other text.
#[must_use]
pub fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Appends text to HTML, in an element or a quoted attribute.
pub fn push_html(text: &str, out: &mut String) {
    out.reserve(text.len() + text.len() / 16);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Text from logs ends up in pages that are opened with a browser: none of it may become markup.
    #[test]
    fn no_text_becomes_markup() {
        let mut out = String::new();
        push_html("<a href=\"x\" title='y'>&amp;", &mut out);
        assert_eq!(out, "&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;amp;");
        assert!(['\u{1b}', '\u{7f}', '\u{9b}', '\u{202e}'].into_iter().all(is_control) && !is_control('é'));
    }
}
