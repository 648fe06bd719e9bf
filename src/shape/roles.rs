//! Segment types, and how the role words of forty formats map to them (record-shapes §0.3 and §10.1).
//!
//! Role words are compared without regard to case. An unknown word is never dropped and never guessed from its place:
//! the text becomes [`SegmentType::Text`] and keeps the word.

use std::fmt;

macro_rules! segment_types {
    ($($variant:ident = $name:literal, $doc:literal;)*) => {
        /// What a piece of a record is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum SegmentType {
            $(#[doc = $doc] $variant,)*
        }

        impl SegmentType {
            /// Every type.
            pub const ALL: &[SegmentType] = &[$(SegmentType::$variant,)*];

            /// The stable name, as in `system_prompt`.
            pub fn name(self) -> &'static str {
                match self {
                    $(SegmentType::$variant => $name,)*
                }
            }
        }
    };
}

segment_types! {
    SystemPrompt = "system_prompt", "Instructions to the model.";
    Context = "context", "Retrieved or injected text.";
    UserTurn = "user_turn", "What the user said.";
    AssistantTurn = "assistant_turn", "What the model said.";
    Reasoning = "reasoning", "What the model thought.";
    ToolCall = "tool_call", "Arguments of a call.";
    ToolResult = "tool_result", "What a call returned.";
    ToolDefinitions = "tool_definitions", "One definition of a tool or schema.";
    Continuation = "continuation", "A prefilled or streamed part of an answer.";
    Summary = "summary", "A condensed history.";
    Refusal = "refusal", "A refusal of the model.";
    ErrorText = "error_text", "An error in words.";
    Media = "media", "Images, audio, files.";
    Tokens = "tokens", "Token ids.";
    Embedding = "embedding", "A vector.";
    Logprobs = "logprobs", "Token probabilities.";
    Opaque = "opaque", "Signatures and encrypted content.";
    Rubric = "rubric", "Expected answers and judgements.";
    Text = "text", "Text of no known role.";
    Event = "event", "A small record without a body.";
}

impl SegmentType {
    /// The type of that name.
    pub fn from_name(name: &str) -> Option<SegmentType> {
        SegmentType::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for SegmentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

const SYSTEM: &[&str] = &["system", "developer", "preamble", "instructions", "sys", "systemmessage", "systemmessagechunk"];
const USER: &[&str] = &["user", "human", "prompter", "humanmessage", "humanmessagechunk", "customer", "you"];
const ASSISTANT: &[&str] = &[
    "assistant",
    "gpt",
    "chatgpt",
    "bard",
    "bing",
    "model",
    "gemini",
    "chatbot",
    "ai",
    "aimessage",
    "aimessagechunk",
    "bot",
    "agent",
    "llm",
];
const RESULT: &[&str] = &[
    "tool",
    "function",
    "toolresult",
    "tool_result",
    "observation",
    "ipython",
    "environment",
    "tool_response",
    "toolmessage",
    "functionmessage",
    "bashexecution",
    "execution_output",
    "exit",
];
const CALL: &[&str] = &["function_call", "tool_call", "tool_calls", "tool_use", "toolcall", "tooluse", "functioncall"];
const REASONING: &[&str] = &["thinking", "reasoning", "thought", "thoughts", "analysis", "critic"];
const SUMMARY: &[&str] = &["summary", "branchsummary", "compactionsummary"];

/// The type of a text spoken in `role`; `None` for an unknown word.
pub fn type_of_role(role: &str) -> Option<SegmentType> {
    let is_in = |words: &[&str]| words.iter().any(|word| word.eq_ignore_ascii_case(role));
    let types = [
        (USER, SegmentType::UserTurn),
        (ASSISTANT, SegmentType::AssistantTurn),
        (SYSTEM, SegmentType::SystemPrompt),
        (RESULT, SegmentType::ToolResult),
        (CALL, SegmentType::ToolCall),
        (REASONING, SegmentType::Reasoning),
        (SUMMARY, SegmentType::Summary),
    ];
    types.into_iter().find(|(words, _)| is_in(words)).map(|(_, kind)| kind)
}

/// Whether a word in a role-like key marks an object as a message.
pub(super) fn is_role_word(word: &str) -> bool {
    // `reasoning` and `summary` are block types far more often than roles: they alone make no conversation.
    matches!(
        type_of_role(word),
        Some(SegmentType::UserTurn | SegmentType::AssistantTurn | SegmentType::SystemPrompt | SegmentType::ToolResult)
    ) || ["function_call", "critic"].iter().any(|known| known.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn role_words_map_without_regard_to_case_and_unknown_words_to_nothing() {
        assert_eq!(type_of_role("USER"), Some(SegmentType::UserTurn));
        assert_eq!(type_of_role("toolResult"), Some(SegmentType::ToolResult));
        assert_eq!(type_of_role("developer"), Some(SegmentType::SystemPrompt));
        assert_eq!(type_of_role("counselor"), None);
    }

    #[test]
    fn every_type_is_found_again_by_its_name() {
        for kind in SegmentType::ALL {
            assert_eq!(SegmentType::from_name(kind.name()), Some(*kind));
        }
    }
}
