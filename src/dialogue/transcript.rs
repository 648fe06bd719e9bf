//! A dialogue for people: Markdown, and a page that needs nothing else and runs nothing.

use std::fmt::Write as _;

use super::visible::shown;
use super::{Dialogue, Message, Part, Speaker};
use crate::display::push_html;
use crate::shape::SegmentType::{self, *};

/// Nothing is loaded or run, whatever the texts hold: the policy forbids it and every text is escaped.
pub(super) const HTML_HEAD: &str = "<!DOCTYPE html>
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
<title>Conversations</title>
<style>
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
article{margin-bottom:4rem}h2{border-bottom:1px solid #bbb;overflow-wrap:anywhere}
section{border-left:4px solid #bbb;margin:1rem 0;padding:.1rem 1rem}
.user{border-color:#2b6cb0}.assistant{border-color:#2f855a}.tool{border-color:#b7791f}.system{border-color:#805ad5}
h3{margin:.4rem 0;font-size:.9rem}pre{white-space:pre-wrap;overflow-wrap:anywhere;margin:.4rem 0;font:inherit}
details pre{font:13px/1.4 ui-monospace,monospace}.about{color:#555;font-size:.85rem;overflow-wrap:anywhere}
</style>
</head>
<body>
";
pub(super) const HTML_FOOT: &str = "</body>\n</html>\n";

/// A headline, what is known about it, and a chapter for each message.
pub(super) fn markdown(dialogue: &Dialogue) -> String {
    let mut out = format!("# {}\n\n", one_line(&heading(dialogue)));
    for about in about(dialogue) {
        let _ = writeln!(out, "- {}", one_line(&about));
    }
    for message in &dialogue.messages {
        let _ = write!(out, "\n## {}\n", one_line(&speaker(message)));
        for part in &message.parts {
            let text = shown(&part.text);
            match label(part) {
                None => {
                    let _ = write!(out, "\n{}\n", text.trim_end_matches('\n'));
                }
                Some(label) => {
                    let fence = fence(&text);
                    let newline = if text.ends_with('\n') { "" } else { "\n" };
                    let _ = write!(out, "\n{}\n\n{fence}{}\n{text}{newline}{fence}\n", one_line(&label), language(part));
                }
            }
        }
    }
    out.push('\n');
    out
}

/// An article; results, calls and thoughts are folded.
pub(super) fn html(dialogue: &Dialogue) -> String {
    let mut out = format!("<article>\n<h2>{}</h2>\n<p class=\"about\">", escape(&heading(dialogue)));
    out.push_str(&about(dialogue).iter().map(|about| escape(about)).collect::<Vec<_>>().join("<br>\n"));
    out.push_str("</p>\n");
    for message in &dialogue.messages {
        let _ = writeln!(out, "<section class=\"{}\">\n<h3>{}</h3>", message.speaker.name(), escape(&speaker(message)));
        for part in &message.parts {
            let text = escape(&part.text);
            // A parser drops the first newline of `pre`: one more keeps the text's own.
            let _ = match label(part) {
                None => writeln!(out, "<pre>\n{text}</pre>"),
                Some(label) => {
                    writeln!(out, "<details><summary>{}</summary>\n<pre>\n{text}</pre></details>", escape(&label))
                }
            };
        }
        out.push_str("</section>\n");
    }
    out.push_str("</article>\n");
    out
}

fn heading(dialogue: &Dialogue) -> String {
    let name = dialogue.title.as_ref().or(dialogue.id.as_ref());
    name.unwrap_or(&dialogue.place).clone()
}

fn about(dialogue: &Dialogue) -> Vec<String> {
    let line = |word: &str, value: &Option<String>| value.as_ref().map(|value| format!("{word}: {value}"));
    let place = Some(format!("source: {}", dialogue.place));
    let known = [line("conversation", &dialogue.id), place, line("began", &dialogue.time), line("model", &dialogue.model)];
    known.into_iter().flatten().collect()
}

/// Who speaks; the record's own word where it says more.
fn speaker(message: &Message) -> String {
    let name = match message.speaker {
        Speaker::System => "System",
        Speaker::User => "User",
        Speaker::Assistant => "Assistant",
        Speaker::Tool => "Tool",
        Speaker::Unknown if message.role.is_empty() => "Text",
        Speaker::Unknown => return message.role.clone(),
    };
    name.to_owned()
}

/// A line before what is not plain talk.
fn label(part: &Part) -> Option<String> {
    let kind = match part.kind {
        SystemPrompt | UserTurn | AssistantTurn | Continuation | Text | Media | Summary => return None,
        ToolCall => "Call",
        ToolResult => "Result",
        Reasoning => "Reasoning",
        Context => "Context",
        Refusal => "Refusal",
        ErrorText => "Error",
        Rubric => "Rubric",
        other => other.name(),
    };
    Some(match &part.name {
        Some(name) if matches!(part.kind, ToolCall | ToolResult) => format!("{kind}: {name}"),
        _ => kind.to_owned(),
    })
}

fn language(part: &Part) -> &'static str {
    let json = part.kind == SegmentType::ToolCall && part.text.starts_with('{');
    if json { "json" } else { "" }
}

/// A fence longer than any run of backticks inside, so that no text ends it.
fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

/// On one line, so that nothing in a name begins a chapter.
fn one_line(text: &str) -> String {
    shown(text).replace(['\n', '\t'], " ")
}

fn escape(text: &str) -> String {
    let mut out = String::new();
    push_html(&shown(text), &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dialogue(kind: SegmentType, text: &str) -> Dialogue {
        let part = Part { kind, text: text.into(), name: Some("<b>".into()), call_id: None };
        let message = Message { speaker: Speaker::Assistant, role: String::new(), parts: vec![part] };
        Dialogue { title: Some("a\n# <i>".into()), place: "x:1".into(), messages: vec![message], ..Dialogue::default() }
    }

    // Logs hold whatever a web page held: a transcript must show it, not run it.
    #[test]
    fn a_page_shows_markup_and_runs_none() {
        let page = html(&dialogue(ToolCall, "</pre><script>alert('1')</script>\u{1b}"));
        assert!(!page.contains("<script") && !page.contains("<i>") && !page.contains("<b>"), "{page}");
        assert!(page.contains("&lt;/pre&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;\\u{1b}"), "{page}");
    }

    // A result with fences of its own must not run out into the transcript.
    #[test]
    fn a_fence_holds_text_with_fences_in_it() {
        let text = markdown(&dialogue(ToolResult, "````\nx\n````"));
        assert!(text.contains("\n`````\n````\nx\n````\n`````\n"), "{text}");
        assert!(text.starts_with("# a # <i>\n"), "{text}");
    }
}
