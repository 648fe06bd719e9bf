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
:root{color-scheme:light dark;--bg:#fff;--fg:#222;--dim:#555;--line:#bbb;--user:#2b6cb0;--assistant:#2f855a;--tool:#b7791f;--system:#805ad5}
@media(prefers-color-scheme:dark){:root{--bg:#15171a;--fg:#e4e6e8;--dim:#a2a8ae;--line:#4a4f55;--user:#6aa3ea;--assistant:#62c497;--tool:#eab15c;--system:#a596ea}}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:var(--fg);background:var(--bg)}
article{margin-bottom:4rem}h2{border-bottom:1px solid var(--line);overflow-wrap:anywhere}
section{border-left:4px solid var(--line);margin:1rem 0;padding:.1rem 1rem}
.user{border-color:var(--user)}.assistant{border-color:var(--assistant)}.tool{border-color:var(--tool)}.system{border-color:var(--system)}
h3{margin:.4rem 0;font-size:.9rem}pre{white-space:pre-wrap;overflow-wrap:anywhere;margin:.4rem 0;font:inherit}
summary{cursor:pointer;overflow-wrap:anywhere}
details pre{font:13px/1.4 ui-monospace,monospace}.about{color:var(--dim);font-size:.85rem;overflow-wrap:anywhere}
</style>
</head>
<body>
";
pub(super) const HTML_FOOT: &str = "</body>\n</html>\n";

/// A headline, what is known about it, and a chapter for each message. Talk is quoted, so that its own Markdown shows and its
/// headlines and open fences end with it; what holds markup, and all that is no talk, is fenced.
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
                None => push_said(&text, &mut out),
                Some(label) => {
                    let _ = write!(out, "\n{}\n", one_line(&label));
                    push_fenced(&text, language(part), &mut out);
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

/// True for text in which a renderer may see HTML: a quote would not hold it.
fn has_markup(text: &str) -> bool {
    text.match_indices('<')
        .any(|(at, _)| text[at + 1..].starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')))
}

/// Adds what somebody said so that its own Markdown ends with it.
pub(crate) fn push_said(text: &str, out: &mut String) {
    if has_markup(text) { push_fenced(text, "", out) } else { push_quoted(text, out) }
}

fn push_quoted(text: &str, out: &mut String) {
    out.push('\n');
    for line in text.trim_end_matches('\n').split('\n') {
        out.push('>');
        if !line.is_empty() {
            let _ = write!(out, " {line}");
        }
        out.push('\n');
    }
}

/// Adds what is data and no talk.
pub(crate) fn push_fenced(text: &str, language: &str, out: &mut String) {
    let fence = fence(text);
    let newline = if text.ends_with('\n') { "" } else { "\n" };
    let _ = write!(out, "\n{fence}{language}\n{text}{newline}{fence}\n");
}

/// A fence longer than any run of backticks inside, so that no text ends it.
fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

/// On one line, so that nothing in a name begins a chapter, and with what Markdown acts on escaped.
fn one_line(text: &str) -> String {
    let text = shown(text).replace(['\n', '\t'], " ");
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '`' | '*' | '<' | '[' | ']' | '&' | '~') {
            out.push('\\');
        }
        out.push(c);
    }
    out
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
        assert!(text.starts_with("# a # \\<i>\n"), "{text}");
    }

    // What a text says in Markdown ends with it: the chapters of the transcript are its own, and no HTML is among them.
    // A renderer judges, as it would for a reader.
    #[test]
    fn nothing_escapes_its_quote_or_its_fence() {
        use pulldown_cmark::{Event, Parser, Tag, TagEnd};
        let texts = [
            "```\nnever closed",
            "~~~~\nnever closed\n## User",
            "# headline\n\ntext\n===\n\n---",
            "</blockquote><script>x</script>",
            "<!-- open",
            "- a\n    - b\n\n      ```\n",
            "> quote\nlazy",
            "    indented\n\n\n\n",
            "`````\n````\n```",
            "\n\n[a]: http://x\n[a]",
            "<details>\n<summary>",
            "1 < 2 and Vec<u8>",
            "$$\n\\(",
            "| a |\n|---|\n| b |",
            "\u{2028}# x\u{85}# y\r# z",
        ];
        let kinds = [UserTurn, ToolResult, ToolCall, Reasoning, AssistantTurn];
        let mut messages = Vec::new();
        for text in texts {
            for kind in kinds {
                let part = Part { kind, text: text.into(), name: Some("<b>`\n# x".into()), call_id: None };
                messages.push(Message { speaker: Speaker::User, role: String::new(), parts: vec![part] });
            }
        }
        let count = messages.len();
        let dialogue = Dialogue { title: Some("<b>".into()), place: "<x>:1".into(), messages, ..Dialogue::default() };
        let markdown = markdown(&dialogue);
        let (mut depth, mut headlines, mut fenced, mut in_fence) = (0, Vec::new(), Vec::new(), false);
        for event in Parser::new(&markdown) {
            match event {
                Event::Html(html) | Event::InlineHtml(html) => panic!("HTML: {html}"),
                Event::Start(Tag::BlockQuote(_)) => depth += 1,
                Event::End(TagEnd::BlockQuote(_)) => depth -= 1,
                Event::Start(Tag::Heading { .. }) if depth == 0 => headlines.push(String::new()),
                Event::Start(Tag::CodeBlock(_)) if depth == 0 => {
                    fenced.push(String::new());
                    in_fence = true;
                }
                Event::End(TagEnd::CodeBlock) => in_fence = false,
                Event::Text(text) if in_fence => fenced.last_mut().unwrap().push_str(&text),
                Event::Text(text) if depth == 0 => headlines.last_mut().unwrap().push_str(&text),
                _ => {}
            }
        }
        assert_eq!(headlines.len(), count + 1, "{markdown}");
        assert!(headlines[1..].iter().all(|headline| headline.starts_with("User")), "{headlines:?}");
        for text in texts {
            let whole = format!("{}\n", shown(text).trim_end_matches('\n'));
            let found = fenced.iter().filter(|fenced| fenced.trim_end_matches('\n') == whole.trim_end_matches('\n')).count();
            assert!(found >= 3, "{found} of {text:?}");
        }
    }
}
