//! `get`: records, segments and conversations, as they were or readable.

use std::io::Read;
use std::path::Path;

use clap::ValueEnum;
use serde::Serialize;

use super::exit::Status;
use super::ui::Ui;
use super::visible::visible_text;
use super::{Context, pretty, units};
use crate::dialogue::{push_fenced, push_said};
use crate::error::{Error, IoContext, Result};
use crate::vault::api::{GetItem, GetOptions, Id, RecordItem, Report, SegmentItem, Turn};

/// Print records: the exact lines, or readable
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Prints records. An ID is a record hash or a unique prefix of at least 6 hex digits, an id the records carry \
                  (request id, uuid, ...), or SOURCE:LINE; hash: and id: force a reading. Unknown ids are told, the rest still \
                  comes, and the exit code is 1.",
    after_long_help = "\
Examples:
  turnpack get gateway.jsonl:1041
  turnpack get --conversation 7d1c0e52 --as md
  cut -f1 flagged.tsv | turnpack get - > flagged.jsonl"
)]
#[command(group(clap::ArgGroup::new("what").required(true).multiple(true).args(["ids", "segment", "conversation"])))]
pub(crate) struct Args {
    /// Ids of records; - reads them from standard input, one a line
    #[arg(value_name = "ID")]
    ids: Vec<String>,

    /// Segment, by hash or unique prefix
    #[arg(long, value_name = "HASH")]
    segment: Vec<String>,

    /// All records of a conversation
    #[arg(long, value_name = "ID")]
    conversation: Vec<String>,

    /// Only segments of this type (with --as text, md or --json)
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,

    /// Form: the exact line, the line indented, the text, or Markdown [default: raw]
    #[arg(long = "as", value_name = "FORM", hide_possible_values = false, conflicts_with = "json")]
    form: Option<Form>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Raw,
    Json,
    Text,
    Md,
}

pub(crate) fn run(args: Args, context: &Context<'_>) -> Result<Status> {
    let ui = context.ui;
    let form = args.form.unwrap_or(if args.types.is_empty() { Form::Raw } else { Form::Text });
    if !args.types.is_empty() && matches!(form, Form::Raw | Form::Json) {
        return Err(Error::Usage("--type picks parts of a record, which --as raw and json give whole; use --as text".into()));
    }
    let options = GetOptions {
        ids: gather(&args.ids)?,
        segments: args.segment,
        conversations: args.conversation,
        with_turns: !args.types.is_empty() || matches!(form, Form::Text | Form::Md),
        with_conversation: ui.json() || matches!(form, Form::Text | Form::Md),
        types: args.types,
    };
    let mut missing = 0;
    context.open()?.get(&options, &mut |item| match item {
        GetItem::Missing { id, message } => {
            missing += 1;
            ui.trouble(&format!("{id}: {message}"));
            Ok(())
        }
        GetItem::Record(record) if ui.json() => ui.report(&RecordLine::new(&record)),
        GetItem::Segment(segment) if ui.json() => ui.report(&SegmentLine::new(&segment)),
        GetItem::Record(record) => print_record(&record, form, ui),
        GetItem::Segment(segment) => print_bytes(&segment.bytes, form, ui),
    })?;
    match missing {
        0 => Ok(Status::Done),
        _ => Ok(Status::Negative(format!("{} not found", units::counted(missing, "id")))),
    }
}

/// The ids given, with `-` replaced by the lines of standard input.
pub(crate) fn gather(given: &[String]) -> Result<Vec<Id>> {
    let mut ids = Vec::with_capacity(given.len());
    let mut stream = Some(std::io::stdin());
    for id in given {
        if id != "-" {
            ids.push(Id::parse(id)?);
            continue;
        }
        let Some(mut stdin) = stream.take() else {
            return Err(Error::Usage("standard input can be read once only, and `-` is there twice".into()));
        };
        let mut text = String::new();
        stdin.read_to_string(&mut text).on("reading ids from", Path::new("standard input"))?;
        for line in text.lines().filter(|line| !line.is_empty()) {
            ids.push(Id::parse(line)?);
        }
    }
    Ok(ids)
}

fn print_record(record: &RecordItem, form: Form, ui: &Ui) -> Result<()> {
    // A record without turns is still somebody's line: show it rather than nothing.
    match form {
        Form::Text if !record.turns.is_empty() => ui.line(&as_text(&record.turns)),
        Form::Md if !record.turns.is_empty() => ui.line(&as_markdown(&record.turns)),
        _ => print_bytes(&record.bytes, form, ui),
    }
}

fn print_bytes(bytes: &[u8], form: Form, ui: &Ui) -> Result<()> {
    match form {
        Form::Raw => ui.raw(bytes).and_then(|()| ui.raw(b"\n")),
        Form::Json => match pretty::indent(bytes) {
            Some(json) => ui.json_text(&json),
            None => ui.line(&visible_text(&String::from_utf8_lossy(bytes))),
        },
        Form::Text | Form::Md => ui.line(&visible_text(&String::from_utf8_lossy(bytes))),
    }
}

fn as_text(turns: &[Turn]) -> String {
    turns.iter().map(|turn| format!("{}:\n{}\n", heading(turn), visible_text(&turn.text))).collect::<Vec<_>>().join("\n")
}

/// What tools say is data, not prose: it goes into a fence that nothing inside it can close; talk is quoted, and ends with its quote.
fn as_markdown(turns: &[Turn]) -> String {
    let block = |turn: &Turn| {
        let (mut out, text) = (format!("### {}\n", heading(turn)), visible_text(&turn.text));
        if turn.kind.starts_with("tool") {
            push_fenced(&text, "", &mut out)
        } else {
            push_said(&text, &mut out)
        }
        out
    };
    turns.iter().map(block).collect::<Vec<_>>().join("\n")
}

/// Who speaks, and what kind of text it is where the role word does not say so: agents hand results of tools on as the user.
fn heading(turn: &Turn) -> String {
    let said = match (turn.role.as_deref(), turn.kind.as_str()) {
        (None, kind) => kind.to_owned(),
        (Some(role), "system_prompt" | "user_turn" | "assistant_turn" | "text" | "media") => role.to_owned(),
        (Some(role @ ("tool" | "function")), "tool_result") => role.to_owned(),
        (Some(role), kind) => format!("{role}, {}", kind.replace('_', " ")),
    };
    let name = turn.name.as_deref().map(|name| format!(" ({name})")).unwrap_or_default();
    super::visible::visible(&format!("{said}{name}")).into_owned()
}

/// A record in JSON: its text where it is text, else hex, since JSON cannot hold bytes.
#[derive(Serialize)]
struct RecordLine<'a> {
    #[serde(flatten)]
    item: &'a RecordItem,
    #[serde(flatten)]
    content: Content<'a>,
}

#[derive(Serialize)]
struct SegmentLine<'a> {
    #[serde(flatten)]
    item: &'a SegmentItem,
    #[serde(flatten)]
    content: Content<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Content<'a> {
    Raw(&'a str),
    RawHex(String),
}

impl<'a> Content<'a> {
    fn new(bytes: &'a [u8]) -> Content<'a> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Content::Raw(text),
            Err(_) => Content::RawHex(bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
        }
    }
}

impl<'a> RecordLine<'a> {
    fn new(item: &'a RecordItem) -> RecordLine<'a> {
        RecordLine { item, content: Content::new(&item.bytes) }
    }
}

impl<'a> SegmentLine<'a> {
    fn new(item: &'a SegmentItem) -> SegmentLine<'a> {
        SegmentLine { item, content: Content::new(&item.bytes) }
    }
}

impl Report for RecordLine<'_> {
    const KIND: &'static str = RecordItem::KIND;
}

impl Report for SegmentLine<'_> {
    const KIND: &'static str = SegmentItem::KIND;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::RecordHash;
    use crate::vault::api::Versioned;

    fn turn(role: &str, kind: &str, text: &str) -> Turn {
        Turn { role: Some(role.into()), kind: kind.into(), name: None, text: text.into() }
    }

    #[test]
    fn a_transcript_keeps_tool_output_inside_its_fence() {
        let turns = [turn("user", "user_turn", "hi"), turn("tool", "tool_result", "```\n\x1b[2J")];
        assert_eq!(as_text(&turns), "user:\nhi\n\ntool:\n```\n\\u{1b}[2J\n");
        assert_eq!(as_markdown(&turns), "### user\n\n> hi\n\n### tool\n\n````\n```\n\\u{1b}[2J\n````\n");
    }

    // Claude Code hands results on as the user: a reader must not take a file for words of a person, or an open fence of
    // somebody's words for the rest of the page.
    #[test]
    fn a_transcript_tells_results_and_thoughts_from_words() {
        let turns = [turn("user", "tool_result", "a.txt"), turn("assistant", "reasoning", "```\nhm")];
        assert_eq!(as_text(&turns), "user, tool result:\na.txt\n\nassistant, reasoning:\n```\nhm\n");
        assert_eq!(as_markdown(&turns), "### user, tool result\n\n```\na.txt\n```\n\n### assistant, reasoning\n\n> ```\n> hm\n");
    }

    #[test]
    fn a_line_in_json_is_exact_even_when_it_is_not_text() {
        let mut item = RecordItem {
            hash: RecordHash(0xab),
            source: "a".into(),
            line: 1,
            conversation: None,
            bytes: b"{\"n\": 1.0}".to_vec(),
            turns: Vec::new(),
        };
        let json = |item: &RecordItem| serde_json::to_string(&Versioned::new(&RecordLine::new(item))).unwrap();
        let head = r#"{"schema_version":1,"report":"record","hash":"000000000000000000000000000000ab","source":"a","line":1,"#;
        assert_eq!(json(&item), format!(r#"{head}"conversation":null,"raw":"{{\"n\": 1.0}}"}}"#));
        item.bytes = vec![0xff, 0x00];
        assert_eq!(json(&item), format!(r#"{head}"conversation":null,"raw_hex":"ff00"}}"#));
    }
}
