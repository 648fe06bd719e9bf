//! Several segments in one text: `<think>` before an answer, and whole conversations rendered with role markers
//! (record-shapes §9.4). Ranges count bytes of the decoded text and lie back to back, so that the pieces join to the text.

use std::ops::Range;

use crate::shape::json::Json;
use crate::shape::roles::{SegmentType, type_of_role};

/// A prompt shorter than this is not looked into for markers (record-shapes §9.4).
const SHORTEST_RENDERED: usize = 256;

/// Starts of texts that a tool put into the user's mouth (record-shapes §8.1, §8.2).
const INJECTED: [&[u8]; 15] = [
    b"<system-reminder>",
    b"<command-name>",
    b"<command-message>",
    b"<local-command-stdout>",
    b"<local-command-caveat>",
    b"<environment_context>",
    b"<user_instructions>",
    b"<permissions instructions>",
    b"<collaboration_mode>",
    b"# AGENTS.md",
    b"<INSTRUCTIONS>",
    b"<bash-input>",
    b"<bash-stdout>",
    b"<skill>",
    b"<turn_aborted>",
];

/// The type of a user's text: context when a tool wrote it.
pub(super) fn injected(kind: SegmentType, raw: &[u8]) -> SegmentType {
    let is_injected = kind == SegmentType::UserTurn && INJECTED.iter().any(|start| raw.starts_with(start));
    if is_injected { SegmentType::Context } else { kind }
}

/// Whether a raw literal begins with a thought.
pub(super) fn may_hold_thought(raw: &[u8]) -> bool {
    let start = raw.get(..raw.len().min(40)).unwrap_or_default();
    memchr::memmem::find(start, b"<think").is_some() || memchr::memmem::find(start, b"\\u003cthink").is_some()
}

/// Splits `<think>…</think>answer`; the tags belong to the thought.
pub(super) fn thought(text: &str) -> Vec<(SegmentType, Range<usize>)> {
    let whole = vec![(SegmentType::AssistantTurn, 0..text.len())];
    if !text.trim_start().starts_with("<think") {
        return whole;
    }
    let end = ["</think>", "</thinking>"].iter().filter_map(|tag| Some(text.find(tag)? + tag.len())).min();
    match end {
        None => vec![(SegmentType::Reasoning, 0..text.len())],
        Some(end) if text.get(end..).is_some_and(|answer| answer.trim().is_empty()) => {
            vec![(SegmentType::Reasoning, 0..text.len())]
        }
        Some(end) => vec![(SegmentType::Reasoning, 0..end), (SegmentType::AssistantTurn, end..text.len())],
    }
}

/// One turn of a rendered conversation; the marker that opens it is part of it.
pub(super) struct RenderedTurn<'t> {
    pub(super) kind: SegmentType,
    pub(super) role: &'t str,
    pub(super) range: Range<usize>,
}

/// How a chat template writes the start of a turn.
enum Marker {
    /// The role follows, up to the given end: `<|im_start|>user\n`.
    Named(&'static str, &'static str),
    /// The marker is the role.
    Fixed(&'static str, SegmentType, &'static str),
}

use Marker::{Fixed, Named};
use SegmentType::{AssistantTurn, SystemPrompt, ToolCall, ToolDefinitions, ToolResult, UserTurn};

/// Chat templates, most distinctive first; the first one that marks a text is the only one applied to it.
const TEMPLATES: &[&[Marker]] = &[
    &[Named("<|im_start|>", "\n")],
    &[Named("<|start_header_id|>", "<|end_header_id|>")],
    &[Named("<start_of_turn>", "\n")],
    &[Named("<|start|>", "<|")],
    &[
        Fixed("<|system|>", SystemPrompt, "system"),
        Fixed("<|user|>", UserTurn, "user"),
        Fixed("<|assistant|>", AssistantTurn, "assistant"),
    ],
    &[Fixed("<｜User｜>", UserTurn, "user"), Fixed("<｜Assistant｜>", AssistantTurn, "assistant")],
    &[
        Fixed("[AVAILABLE_TOOLS]", ToolDefinitions, "system"),
        Fixed("[TOOL_CALLS]", ToolCall, "assistant"),
        Fixed("[TOOL_RESULTS]", ToolResult, "tool"),
        Fixed("<<SYS>>", SystemPrompt, "system"),
        Fixed("<</SYS>>", UserTurn, "user"),
        Fixed("[INST]", UserTurn, "user"),
        Fixed("[/INST]", AssistantTurn, "assistant"),
    ],
    &[Fixed("\n\nHuman:", UserTurn, "human"), Fixed("\n\nAssistant:", AssistantTurn, "assistant")],
    &[
        Fixed("### Instruction:", UserTurn, "user"),
        Fixed("### Input:", SegmentType::Context, "user"),
        Fixed("### Response:", AssistantTurn, "assistant"),
    ],
    &[Fixed("USER:", UserTurn, "user"), Fixed("ASSISTANT:", AssistantTurn, "assistant")],
    &[Fixed("[|Human|]", UserTurn, "human"), Fixed("[|AI|]", AssistantTurn, "ai")],
];

/// Whether a literal is worth decoding to look for markers.
pub(super) fn may_hold_turns(value: Json<'_>) -> bool {
    const FIRST: [&[u8]; 9] = [
        b"<|im_start|>",
        b"<|start_header_id|>",
        b"<start_of_turn>",
        b"\\n\\nHuman:",
        b"[|Human|]",
        b"<|user|>",
        b"[INST]",
        b"### Instruction:",
        b"<|start|>",
    ];
    value.raw_str().is_some_and(|raw| {
        raw.len() >= SHORTEST_RENDERED || FIRST.iter().any(|marker| memchr::memmem::find(raw, marker).is_some())
    })
}

/// The turns of a rendered conversation; empty when the text is none.
pub(super) fn turns(text: &str) -> Vec<RenderedTurn<'_>> {
    for template in TEMPLATES {
        let mut turns = cut(text, template);
        if is_conversation(template, &turns) {
            // Text before the first marker stays part of the first turn: the pieces must join to the whole.
            if let Some(first) = turns.first_mut() {
                first.range.start = 0;
            }
            return turns;
        }
    }
    Vec::new()
}

/// A word like `USER:` marks a conversation only when several turns change sides; real markers need no second one.
fn is_conversation(template: &[Marker], turns: &[RenderedTurn<'_>]) -> bool {
    let is_word = template.iter().any(|marker| matches!(marker, Fixed("USER:", ..)));
    let changes = turns.windows(2).filter(|pair| matches!(pair, [a, b] if a.kind != b.kind)).count();
    !turns.is_empty() && (!is_word || changes >= 2)
}

fn cut<'t>(text: &'t str, template: &[Marker]) -> Vec<RenderedTurn<'t>> {
    let mut starts: Vec<(usize, SegmentType, &str)> = Vec::new();
    for marker in template {
        let opening = match marker {
            Named(opening, _) | Fixed(opening, ..) => opening,
        };
        for at in memchr::memmem::find_iter(text.as_bytes(), opening.as_bytes()) {
            match marker {
                Fixed(_, kind, role) => starts.push((at, *kind, role)),
                Named(_, end) => starts.extend(named(text, at, opening, end)),
            }
        }
    }
    starts.sort_unstable_by_key(|start| start.0);
    let ends = starts.iter().skip(1).map(|start| start.0).chain([text.len()]);
    starts.iter().zip(ends).map(|((at, kind, role), end)| RenderedTurn { kind: *kind, role, range: *at..end }).collect()
}

/// Reads the role after a marker; a long or odd "role" is text about markers, not a marker.
fn named<'t>(text: &'t str, at: usize, opening: &str, end: &str) -> Option<(usize, SegmentType, &'t str)> {
    let rest = text.get(at + opening.len()..)?;
    let role = rest.get(..rest.find(end)?)?.trim();
    let is_word =
        !role.is_empty() && role.len() <= 32 && role.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-. ".contains(&byte));
    let is_analysis = opening == "<|start|>" && rest.starts_with("assistant<|channel|>analysis");
    let kind = if is_analysis { SegmentType::Reasoning } else { type_of_role(role).unwrap_or(SegmentType::Text) };
    is_word.then_some((at, kind, role))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<SegmentType> {
        turns(text).iter().map(|turn| turn.kind).collect()
    }

    #[test]
    fn the_pieces_of_a_rendered_conversation_join_to_the_text() {
        let text = "<s><|im_start|>system\nShort.<|im_end|>\n<|im_start|>user\nhé<|im_end|>\n<|im_start|>assistant\n";
        let joined: String = turns(text).iter().map(|turn| &text[turn.range.clone()]).collect();
        assert_eq!(joined, text);
        assert_eq!(kinds(text), [SystemPrompt, UserTurn, AssistantTurn]);
    }

    #[test]
    fn every_chat_template_is_cut_at_its_own_markers() {
        assert_eq!(kinds("[INST] <<SYS>>be brief<</SYS>> hi [/INST] hello"), [UserTurn, SystemPrompt, UserTurn, AssistantTurn]);
        assert_eq!(kinds("<start_of_turn>user\nhi<end_of_turn>\n<start_of_turn>model\n"), [UserTurn, AssistantTurn]);
        assert_eq!(kinds("\n\nHuman: hi\n\nAssistant: ho"), [UserTurn, AssistantTurn]);
        let harmony = "<|start|>user<|message|>x<|end|><|start|>assistant<|channel|>analysis<|message|>hm<|end|>";
        assert_eq!(kinds(harmony), [UserTurn, SegmentType::Reasoning]);
    }

    #[test]
    fn a_single_word_that_looks_like_a_speaker_is_no_conversation() {
        assert!(kinds("Reply to USER: politely").is_empty());
        assert_eq!(kinds("USER: a ASSISTANT: b USER: c").len(), 3);
    }

    #[test]
    fn a_thought_is_parted_from_its_answer_and_an_unfinished_one_is_all_thought() {
        assert_eq!(thought("<think>hm</think>yes"), [(SegmentType::Reasoning, 0..17), (AssistantTurn, 17..20)]);
        assert_eq!(thought("<think>hm"), [(SegmentType::Reasoning, 0..9)]);
        assert_eq!(thought("a <think>"), [(AssistantTurn, 0..9)]);
    }
}
