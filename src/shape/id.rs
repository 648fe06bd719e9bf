//! The names of the shapes. A [`ShapeId`] is what detection finds; its name is stable and is what reports, filters and
//! mappings show. The order is the order of precedence, tier by tier, and serves nothing else.

use std::fmt;

macro_rules! shapes {
    ($($variant:ident = $name:literal, $doc:literal;)*) => {
        /// A kind of record turnpack understands.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum ShapeId {
            $(#[doc = $doc] $variant,)*
        }

        impl ShapeId {
            /// Every shape, in order of precedence.
            pub const ALL: &[ShapeId] = &[$(ShapeId::$variant,)*];

            /// The stable name, as in `openai.chat.request`.
            pub fn name(self) -> &'static str {
                match self {
                    $(ShapeId::$variant => $name,)*
                }
            }
        }
    };
}

impl ShapeId {
    /// The shape of that name.
    pub fn from_name(name: &str) -> Option<ShapeId> {
        ShapeId::ALL.iter().copied().find(|shape| shape.name() == name)
    }
}

impl fmt::Display for ShapeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

shapes! {
    ClaudeCodeEntry = "claude_code.entry", "A line of a Claude Code transcript.";
    ClaudeCodeAux = "claude_code.aux", "A summary or file snapshot beside a Claude Code transcript.";
    ClaudeCodeHistory = "claude_code.history", "A typed prompt of Claude Code.";
    ClaudeCodeStream = "claude_code.stream", "A line of Claude Code's stream output.";
    ClaudeCodeMin = "claude_code.min", "A Claude Code line stripped of its envelope.";
    CodexRollout = "codex.rollout", "A line of a Codex rollout.";
    CodexLegacyMeta = "codex.legacy_meta", "The head of an early Codex rollout.";
    CodexExec = "codex.exec", "An event of Codex in batch mode.";
    CodexHistory = "codex.history", "A typed prompt of Codex.";
    GeminiCliSession = "gemini_cli.session", "A line of a Gemini CLI session.";
    GeminiCliLog = "gemini_cli.log", "A typed prompt of Gemini CLI.";
    CopilotCliEvent = "copilot_cli.event", "An event of Copilot CLI.";
    PiSession = "pi.session", "A line of a Pi session.";
    OpencodeMessage = "opencode.message", "A message, part or session of opencode.";
    ClineUi = "cline.ui", "A UI message of Cline or Roo.";
    OpenhandsV1 = "openhands.v1", "An event of OpenHands' agent SDK.";
    OpenhandsV0 = "openhands.v0", "An action or observation of OpenHands.";
    OpenhandsOutput = "openhands.output", "One evaluated instance of OpenHands.";
    Atif = "atif", "A trajectory in the agent interchange format.";
    MiniSweTraj = "mini_swe.traj", "A trajectory of mini-SWE-agent.";
    SweAgentTraj = "swe_agent.traj", "A trajectory of SWE-agent.";
    InspectLog = "inspect.log", "An evaluation log of inspect.";
    InspectSample = "inspect.sample", "One sample of an inspect log.";
    ChatgptExport = "chatgpt.export", "A conversation of a ChatGPT data export.";
    ClaudeAiExport = "claude_ai.export", "A conversation of a Claude.ai data export.";
    CursorBubble = "cursor.bubble", "A chat bubble of Cursor.";
    CursorComposer = "cursor.composer", "A composer of Cursor.";
    LitellmSlp = "litellm.slp", "LiteLLM's standard logging payload.";
    HeliconeRequest = "helicone.request", "A Helicone request.";
    LangfuseObservation = "langfuse.observation", "A Langfuse observation.";
    LangfuseTrace = "langfuse.trace", "A Langfuse trace.";
    LangsmithRun = "langsmith.run", "A LangSmith run.";
    OpeninferenceSpan = "openinference.span", "A span in OpenInference conventions.";
    MlflowTrace = "mlflow.trace", "An MLflow trace or inference row.";
    OtelGenai = "otel.genai", "A span or event in OpenTelemetry's GenAI conventions.";
    Otlp = "otlp", "An OTLP export of many spans or logs.";
    WeaveCall = "weave.call", "A Weave call.";
    BedrockInvocationLog = "bedrock.invocation_log", "A Bedrock model invocation log.";
    LlmCliRow = "llm_cli.row", "A row of the llm tool's log.";
    OpenrouterGeneration = "openrouter.generation", "Figures of one OpenRouter generation.";
    GatewayPair = "gateway.pair", "A request and its response in one record.";
    Witness = "witness", "An audit record of one routed request.";
    AnthropicBatchIn = "anthropic.batch_in", "A request of an Anthropic batch.";
    AnthropicBatchOut = "anthropic.batch_out", "A result of an Anthropic batch.";
    OpenaiBatchIn = "openai.batch_in", "A request of an OpenAI batch.";
    OpenaiBatchOut = "openai.batch_out", "A result of an OpenAI batch.";
    BedrockBatch = "bedrock.batch", "A request or result of a Bedrock batch.";
    GeminiBatch = "gemini.batch", "A request or result of a Gemini batch.";
    OpenaiChatChunk = "openai.chat.chunk", "A streamed piece of a chat completion.";
    OpenaiChatResponse = "openai.chat.response", "A chat completion.";
    OpenaiCompletionResponse = "openai.completion.response", "A text completion.";
    OpenaiResponsesResponse = "openai.responses.response", "A response of the Responses API.";
    OpenaiResponsesEvent = "openai.responses.event", "A streamed event of the Responses API.";
    OpenaiResponsesItem = "openai.responses.item", "One item of the Responses API.";
    AnthropicResponse = "anthropic.response", "A response of the Messages API.";
    AnthropicEvent = "anthropic.event", "A streamed event of the Messages API.";
    GeminiResponse = "gemini.response", "A response of Gemini.";
    GeminiRequest = "gemini.request", "A request to Gemini.";
    BedrockConverseResp = "bedrock.converse_resp", "A response of Bedrock Converse.";
    BedrockConverseReq = "bedrock.converse_req", "A request to Bedrock Converse.";
    OllamaResponse = "ollama.response", "A response of Ollama.";
    OllamaRequest = "ollama.request", "A request to Ollama.";
    LlamacppResponse = "llamacpp.response", "A response of the llama.cpp server.";
    CohereV1Resp = "cohere.v1_resp", "A response of Cohere's first chat API.";
    CohereV1Req = "cohere.v1_req", "A request to Cohere's first chat API.";
    CohereV2Resp = "cohere.v2_resp", "A response of Cohere's second chat API.";
    MistralEntry = "mistral.entry", "An entry of a Mistral conversation.";
    VllmOutput = "vllm.output", "A request output of vLLM.";
    OpenaiResponsesRequest = "openai.responses.request", "A request to the Responses API.";
    AnthropicRequest = "anthropic.request", "A request to the Messages API.";
    OpenaiChatRequest = "openai.chat.request", "A chat completion request.";
    TauResult = "tau.result", "A run of tau-bench.";
    Tau2Sim = "tau2.sim", "A simulation of tau2-bench.";
    Tau2File = "tau2.file", "A result file of tau2-bench.";
    LmEvalSample = "lm_eval.sample", "A sample of lm-evaluation-harness.";
    VerlRollout = "verl.rollout", "A rollout of verl.";
    Preference = "preference", "A chosen and a rejected answer.";
    Kto = "kto", "An answer with a thumb up or down.";
    Sharegpt = "sharegpt", "A conversation in ShareGPT form.";
    Wildchat = "wildchat", "A WildChat conversation.";
    Lmsys = "lmsys", "An LMSYS conversation.";
    OasstTree = "oasst.tree", "An OpenAssistant message tree.";
    OasstMessage = "oasst.message", "An OpenAssistant message.";
    MtbenchQuestion = "mtbench.question", "An MT-bench question.";
    MtbenchAnswer = "mtbench.answer", "An MT-bench answer.";
    Alpaca = "alpaca", "An instruction with its output.";
    Ultrachat = "ultrachat", "Alternating turns as bare strings.";
    Bfcl = "bfcl", "A function calling question.";
    Messages = "messages", "A conversation as a list of messages.";
    PromptCompletion = "prompt_completion", "A prompt and its answer.";
    MessageSingle = "message.single", "One message.";
    PromptOnly = "prompt_only", "A prompt or task without an answer.";
    TokensInputIds = "tokens.input_ids", "Token ids under `input_ids`.";
    TokensTokenIds = "tokens.token_ids", "Token ids under `token_ids`.";
    TokensTokens = "tokens.tokens", "Token ids under `tokens`.";
    TextChatml = "text.chatml", "A conversation rendered into one text with role markers.";
    Text = "text", "A plain text.";
    MessagesArray = "messages.array", "A bare array of messages.";
    TokensArray = "tokens.array", "A bare array of token ids.";
    Generic = "generic", "JSON of no known shape.";
    Scalar = "scalar", "A bare number, string or literal.";
    Empty = "empty", "An empty array.";
    Blank = "blank", "A line of nothing but white space.";
    StreamEnd = "event", "A stream marker without a body.";
    Raw = "raw", "No JSON.";
}
