//! Datasets, evaluations, token lists and plain texts (record-shapes §9).

use super::grammar::{kind_of, word};
use super::walker::{Tag, Walker};
use crate::shape::id::ShapeId::{self, *};
use crate::shape::json::{Json, Object};
use crate::shape::roles::SegmentType::{self, AssistantTurn, Context, Rubric, SystemPrompt, Tokens, UserTurn};

const USER: Tag<'static> = Tag { kind: UserTurn, role: Some("user"), name: None, call_id: None, guessed: false };
const ASSISTANT: Tag<'static> = Tag { kind: AssistantTurn, role: Some("assistant"), name: None, call_id: None, guessed: false };

impl Walker<'_> {
    pub(super) fn dataset(&mut self, shape: ShapeId, object: &Object<'_>, value: Json<'_>) {
        match shape {
            TauResult => self.tau(object),
            Tau2Sim => self.tau2(object),
            LmEvalSample => self.lm_eval(object),
            VerlRollout | PromptCompletion | Kto => self.prompt_and_answer(object),
            Preference => self.preference(object),
            Sharegpt => self.conversation(object, "conversations"),
            Wildchat | Lmsys => self.conversation(object, "conversation"),
            OasstTree => {
                self.key(object, "prompt", |walker, prompt| walker.oasst(prompt));
            }
            OasstMessage | MessageSingle => self.message(value, false),
            MtbenchQuestion => {
                self.key(object, "turns", |walker, turns| walker.each(turns, |walker, turn| walker.plain_prompt(turn)));
                self.key(object, "reference", |walker, list| walker.content(list, Tag::of(Rubric)));
            }
            MtbenchAnswer => self.mtbench_answer(object),
            Alpaca => self.alpaca(object),
            Ultrachat => {
                self.key(object, "data", |walker, turns| walker.alternating(turns));
            }
            Bfcl => {
                self.key(object, "function", |walker, tools| walker.definitions(tools));
                self.key(object, "question", |walker, turns| walker.messages(turns, false));
            }
            PromptOnly => self.prompt_only(object),
            TokensInputIds | TokensTokenIds | TokensTokens => self.token_lists(object),
            Text | TextChatml => {
                self.key(object, "text", |walker, text| walker.prompt(Tag::of(SegmentType::Text), text));
                self.generic_rest(object, &["text"]);
            }
            Tau2File => self.generic(value),
            _ => self.generic_rest(object, &[]),
        }
    }

    fn tau(&mut self, object: &Object<'_>) {
        self.key(object, "traj", |walker, messages| walker.messages(messages, false));
        if let Some(task) = object.get("info").and_then(|info| info.get("task")) {
            self.deep(&["info", "task"], |walker| walker.emit(Tag::of(Rubric), task));
        }
    }

    fn tau2(&mut self, object: &Object<'_>) {
        self.key(object, "messages", |walker, messages| {
            walker.each(messages, |walker, message| {
                walker.message(message, false);
                if let Some(repeated) = message.get("raw_data").filter(|data| data.is_object()) {
                    walker.at("raw_data", |walker| walker.hidden(|walker| walker.generic_at("raw_data", repeated)));
                }
            })
        });
        self.key(object, "reward_info", |walker, info| walker.long_strings(Tag::of(Rubric), info));
    }

    fn lm_eval(&mut self, object: &Object<'_>) {
        self.key(object, "arguments", |walker, arguments| walker.long_prompts(arguments));
        for (key, hidden) in [("resps", false), ("filtered_resps", true)] {
            self.key(object, key, |walker, answers| {
                let work = |walker: &mut Self| walker.each_text(answers, ASSISTANT);
                if hidden { walker.hidden(work) } else { work(walker) }
            });
        }
        self.key(object, "target", |walker, target| walker.content(target, Tag::of(Rubric)));
        self.key(object, "doc", |walker, doc| walker.hidden(|walker| walker.generic_at("doc", doc)));
    }

    /// The strings among nested arguments of a model call.
    fn long_prompts(&mut self, value: Json<'_>) {
        if value.is_string() {
            return self.plain_prompt(value);
        }
        if value.is_array() {
            return self.each(value, |walker, item| walker.long_prompts(item));
        }
        let Some(object) = Object::of(value) else {
            return;
        };
        for (key, value) in object.entries().filter(|(key, _)| key.starts_with("gen_args") || key == "arg_0") {
            self.at(&key, |walker| walker.long_prompts(value));
        }
    }

    fn each_text(&mut self, value: Json<'_>, tag: Tag<'_>) {
        if value.is_array() {
            return self.each(value, |walker, item| walker.each_text(item, tag));
        }
        self.text(tag, value);
    }

    pub(super) fn prompt_and_answer(&mut self, object: &Object<'_>) {
        self.system(object);
        let mut told = vec!["system", "instructions", "system_prompt"];
        for key in ["prompt", "input", "question", "query"] {
            self.key(
                object,
                key,
                |walker, prompt| {
                    if prompt.is_object() { walker.generic_at(key, prompt) } else { walker.plain_prompt(prompt) }
                },
            );
            told.push(key);
        }
        for key in ["completion", "response", "output", "answer", "generation", "target"] {
            self.key(object, key, |walker, answer| match answer.at(0).is_some_and(Json::is_object) {
                true => walker.messages(answer, false),
                false => walker.answer(answer),
            });
            told.push(key);
        }
        self.generic_rest(object, &told);
    }

    /// Chosen is answer 0, rejected is answer 1.
    fn preference(&mut self, object: &Object<'_>) {
        self.inner(object, "input", |walker, input| walker.request(input, false));
        self.key(object, "prompt", |walker, prompt| walker.plain_prompt(prompt));
        let sides = [
            ("chosen", 0),
            ("chosen_messages", 0),
            ("preferred_output", 0),
            ("rejected", 1),
            ("rejected_messages", 1),
            ("non_preferred_output", 1),
        ];
        for (key, number) in sides {
            self.key(object, key, |walker, side| {
                walker.choice(number, |walker| match side.at(0) {
                    Some(_) => walker.messages(side, false),
                    None if side.is_string() => {
                        walker.next_message();
                        walker.prompt(ASSISTANT, side);
                    }
                    None => walker.message(side, false),
                })
            });
        }
    }

    fn conversation(&mut self, object: &Object<'_>, key: &str) {
        self.system(object);
        self.key(object, "tools", |walker, tools| walker.definitions(tools));
        self.key(object, key, |walker, messages| walker.messages(messages, false));
        for (key, number) in [("chosen", 0), ("rejected", 1)] {
            self.key(object, key, |walker, side| walker.choice(number, |walker| walker.message(side, false)));
        }
    }

    /// A message and its replies, depth first.
    fn oasst(&mut self, message: Json<'_>) {
        let Some(object) = Object::of(message) else {
            return;
        };
        self.next_message();
        let role = word(&object, &["role"]).unwrap_or_default();
        self.key(&object, "text", |walker, text| walker.text(Tag::spoken(kind_of(&role), &role), text));
        self.key(&object, "replies", |walker, replies| walker.each(replies, |walker, reply| walker.oasst(reply)));
    }

    fn mtbench_answer(&mut self, object: &Object<'_>) {
        self.key(object, "choices", |walker, choices| {
            for (index, choice) in choices.items().enumerate() {
                let Some(turns) = choice.get("turns") else {
                    continue;
                };
                walker.at(index, |walker| {
                    walker.at("turns", |walker| {
                        walker.choice(u32::try_from(index).unwrap_or(u32::MAX), |walker| {
                            walker.each(turns, |walker, turn| match turn.get("content") {
                                Some(text) => walker.at("content", |walker| walker.answer(text)),
                                None => walker.answer(turn),
                            })
                        });
                    })
                });
            }
        });
    }

    fn alpaca(&mut self, object: &Object<'_>) {
        self.key(object, "system", |walker, system| walker.content(system, Tag::spoken(SystemPrompt, "system")));
        self.key(object, "history", |walker, pairs| walker.messages(pairs, false));
        self.next_message();
        self.key(object, "instruction", |walker, text| walker.prompt(USER, text));
        self.key(object, "input", |walker, text| walker.content(text, Tag::spoken(Context, "user")));
        for (key, number) in [("output", 0), ("response", 0), ("output_1", 0), ("output_2", 1)] {
            self.key(object, key, |walker, answer| walker.choice(number, |walker| walker.answer(answer)));
        }
        self.generic_rest(object, &["system", "history", "instruction", "input", "output", "response", "output_1", "output_2"]);
    }

    fn alternating(&mut self, turns: Json<'_>) {
        let mut sides = [USER, ASSISTANT].into_iter().cycle();
        self.each(turns, |walker, text| {
            walker.next_message();
            walker.text(sides.next().unwrap_or(USER), text);
        });
    }

    fn prompt_only(&mut self, object: &Object<'_>) {
        const PROMPTS: [&str; 7] = ["prompt", "instruction", "question", "query", "input", "task", "problem_statement"];
        self.system(object);
        let Some(main) = PROMPTS.iter().find(|key| object.get(key).is_some_and(Json::is_string)) else {
            return;
        };
        self.key(object, main, |walker, prompt| walker.plain_prompt(prompt));
        self.generic_rest(object, &[main, "system", "instructions", "system_prompt"]);
    }

    fn token_lists(&mut self, object: &Object<'_>) {
        const IDS: [&str; 20] = [
            "tokens",
            "token_ids",
            "input_ids",
            "prompt_token_ids",
            "prompt_ids",
            "output_ids",
            "output_token_ids",
            "completion_token_ids",
            "response_token_ids",
            "response_ids",
            "generated_ids",
            "context",
            "labels",
            "loss_mask",
            "position_ids",
            "attention_mask",
            "assistant_masks",
            "hash_ids",
            "token_type_ids",
            "special_tokens_mask",
        ];
        for (key, value) in object.entries() {
            if IDS.contains(&&*key) && value.is_array() {
                let is_answer = ["output", "completion", "response", "generated"].iter().any(|word| key.contains(word));
                let role = if is_answer { "assistant" } else { "user" };
                self.at(&key, |walker| walker.emit(Tag::spoken(Tokens, role), value));
            }
        }
        self.generic_rest(object, &IDS);
    }
}
