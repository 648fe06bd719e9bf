//! Vectors from outside: a command, a folder with a model, or a server that speaks the embeddings interface of OpenAI.
//!
//! One request is under way at a time: who answers slowly is asked slowly. A server that is busy or down is asked again, a little later each time.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::vault::Vault;
use crate::vault::api::EmbedModel;
use crate::vault::embed::answer::{Vector, parse as parse_answer};

/// Texts of one request.
const TOGETHER: usize = 64;
/// Texts of one run of a command: it may take seconds to start.
const TOGETHER_COMMAND: usize = 8192;
/// Texts that a model of a folder is given at a time: enough for all threads, and for an interruption to be heard.
const TOGETHER_FOLDER: usize = 256;
/// Records that are read for a slow model at a time.
const RECORDS_TOGETHER: usize = 128;
/// How often a server is asked.
const ATTEMPTS: u32 = 6;
/// Pause after the first failure; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// No pause is longer, whatever a server asks for.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A request may take so long: models on small machines do.
const TIMEOUT: Duration = Duration::from_secs(300);
/// Most bytes of an answer: 64 vectors of 16,384 dimensions, as text.
const MOST_ANSWER: u64 = 64 << 20;

/// Who embeds.
pub(crate) enum Backend {
    /// The program, text by text.
    Builtin,
    /// Nobody: vectors are in the records.
    Log,
    /// Somebody else, many texts at a time.
    Outside(Outside),
}

impl Backend {
    /// Gets ready.
    ///
    /// # Errors
    /// [`Error::Usage`] for an address that is none.
    pub(crate) fn new(vault: &Vault, model: &EmbedModel) -> Result<Backend> {
        Ok(match model {
            EmbedModel::Builtin => Backend::Builtin,
            EmbedModel::Log { .. } => Backend::Log,
            model => Backend::Outside(Outside::new(vault, model)?),
        })
    }
}

/// A model that is not in the program.
pub(crate) struct Outside {
    kind: Kind,
    name: String,
}

enum Kind {
    Command(String),
    Folder(Folder),
    Server { agent: ureq::Agent, url: String, key: Option<String> },
}

/// A folder with a model, run here on the threads of the vault.
#[cfg(feature = "candle")]
struct Folder {
    model: crate::vectors::bert::Model,
    pool: std::sync::Arc<rayon::ThreadPool>,
}

#[cfg(feature = "candle")]
impl Folder {
    fn open(vault: &Vault, path: &Path) -> Result<Folder> {
        Ok(Folder { model: crate::vectors::bert::Model::open(path)?, pool: vault.pool()? })
    }

    fn window(&self) -> usize {
        self.model.window()
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        self.pool.install(|| self.model.embed(texts))
    }
}

/// Models cannot be run by this program: there is no such folder.
#[cfg(not(feature = "candle"))]
enum Folder {}

#[cfg(not(feature = "candle"))]
impl Folder {
    fn open(_: &Vault, path: &Path) -> Result<Folder> {
        Err(Error::Usage(format!(
            "this program cannot run the model in {}: it was built without the feature candle. Build it with `--features candle`, or let a server or \
             a command embed: --endpoint, --command",
            path.display()
        )))
    }

    fn window(&self) -> usize {
        match *self {}
    }

    fn embed(&self, _: &[&str]) -> Result<Vec<Vec<f32>>> {
        match *self {}
    }
}

/// A line of a command's output; a line may also be the bare vector.
#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Named { embedding: Vector },
    Bare(Vector),
}

#[derive(Serialize)]
struct Request<'r> {
    model: &'r str,
    input: &'r [&'r str],
    encoding_format: &'static str,
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    index: usize,
    embedding: Vector,
}

/// Why a server gave no vectors.
enum Trouble {
    /// It may work later; perhaps it said when.
    Later(String, Option<Duration>),
    Never(String),
}

impl Outside {
    fn new(vault: &Vault, model: &EmbedModel) -> Result<Outside> {
        let name = model.name().to_string();
        let kind = match model {
            EmbedModel::Builtin | EmbedModel::Log { .. } => return Err(Error::Internal("nobody is to be asked".into())),
            EmbedModel::Command { command, .. } => Kind::Command(command.clone()),
            EmbedModel::Folder { path, .. } => Kind::Folder(Folder::open(vault, path)?),
            EmbedModel::Endpoint { url, key, .. } => {
                if !url.starts_with("http://") {
                    return Err(Error::Usage(format!(
                        "{url}: an address that begins with http:// is expected; this program has no TLS, so reach a server elsewhere through a local proxy"
                    )));
                }
                let config = ureq::Agent::config_builder();
                // No proxy of the environment: texts go where the user said and nowhere else.
                let config = config.timeout_global(Some(TIMEOUT)).http_status_as_error(false).max_redirects(0).proxy(None);
                let base = url.trim_end_matches('/');
                let url = if base.ends_with("/embeddings") { base.to_string() } else { format!("{base}/embeddings") };
                Kind::Server { agent: config.build().into(), url, key: key.clone() }
            }
        };
        Ok(Outside { kind, name })
    }

    /// What it is called in messages.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// How many texts it takes at a time.
    pub(crate) fn together(&self) -> usize {
        match self.kind {
            Kind::Command(_) => TOGETHER_COMMAND,
            Kind::Folder(_) => TOGETHER_FOLDER,
            Kind::Server { .. } => TOGETHER,
        }
    }

    /// How many records are read for it at a time: an interruption, or a server that falls silent, costs no more than their vectors. Commands take
    /// as many as there are, for they may take seconds to start.
    pub(crate) fn records_together(&self) -> usize {
        if let Kind::Command(_) = self.kind { usize::MAX } else { RECORDS_TOGETHER }
    }

    /// Bytes of a text that it takes in whole, as far as that is known.
    pub(crate) fn window(&self) -> usize {
        if let Kind::Folder(folder) = &self.kind { folder.window() } else { usize::MAX }
    }

    /// A vector for each text.
    ///
    /// # Errors
    /// When it does not answer, or not with a vector for each.
    pub(crate) fn embed(&mut self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        let vectors = match &self.kind {
            Kind::Command(command) => {
                let lines: Vec<Line> = run("embedding", command, texts, r#"{"embedding": […]} nor […]"#)?;
                lines.into_iter().map(|(Line::Named { embedding: Vector(vector) } | Line::Bare(Vector(vector)))| vector).collect()
            }
            Kind::Folder(folder) => folder.embed(texts)?,
            Kind::Server { agent, url, key } => ask(agent, url, key.as_deref(), &self.name, texts)?,
        };
        if vectors.len() != texts.len() {
            return Err(Error::Usage(format!("{} gave {} vectors for {} texts", self.name, vectors.len(), texts.len())));
        }
        Ok(vectors)
    }
}

/// What a command makes of each text: a line {"summary": "…"} or "…" of its output.
///
/// # Errors
/// When it fails or does not answer with a line for each.
pub(crate) fn sum_up(command: &str, texts: &[String]) -> Result<Vec<String>> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Summed {
        Named { summary: String },
        Bare(String),
    }
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let summed: Vec<Summed> = run("summing up", command, &texts, r#"{"summary": "…"} nor "…""#)?;
    if summed.len() != texts.len() {
        return Err(Error::Usage(format!("`{command}` gave {} summaries for {} conversations", summed.len(), texts.len())));
    }
    Ok(summed.into_iter().map(|(Summed::Named { summary } | Summed::Bare(summary))| summary).collect())
}

fn run<T: DeserializeOwned>(doing: &str, command: &str, texts: &[&str], expected: &str) -> Result<Vec<T>> {
    if texts.is_empty() {
        return Ok(Vec::new());
    }
    let failed = |what: String| Error::Usage(format!("{doing} with `{command}`: {what}"));
    let mut child = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .map_err(|error| failed(format!("it could not be started: {error}")))?;
    let stdin = child.stdin.take();
    // From a thread of its own: a command that answers line by line would block both sides.
    let output = std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut stdin = std::io::BufWriter::new(stdin?);
            for text in texts {
                // A command that ends early is told of by its exit or by the lines that are missing.
                serde_json::to_writer(&mut stdin, &serde_json::json!({ "text": text })).ok()?;
                stdin.write_all(b"\n").ok()?;
            }
            stdin.flush().ok()
        });
        child.wait_with_output()
    });
    let output = output.map_err(|error| failed(format!("reading its output: {error}")))?;
    if !output.status.success() {
        return Err(failed(format!("it ended with {}", output.status)));
    }
    let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    let parse = |(at, line): (usize, &[u8])| {
        parse_answer(line).map_err(|_| failed(format!("line {at} of its output is neither {expected}")))
    };
    (1..).zip(lines).map(parse).collect()
}

fn ask(agent: &ureq::Agent, url: &str, key: Option<&str>, model: &str, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
    let body = serde_json::to_vec(&Request { model, input: texts, encoding_format: "float" });
    let body = body.map_err(|error| Error::Internal(format!("writing a request: {error}")))?;
    let failed = |what: &str| Error::Usage(format!("embedding with {url}: {what}"));
    let mut pause = FIRST_PAUSE;
    for attempt in 1.. {
        match ask_once(agent, url, key, &body) {
            Ok(answer) => return in_order(answer, texts.len()).ok_or_else(|| failed("it did not give one vector for each text")),
            Err(Trouble::Never(what)) => return Err(failed(&what)),
            Err(Trouble::Later(what, _)) if attempt == ATTEMPTS => return Err(failed(&format!("{what}, {attempt} times"))),
            Err(Trouble::Later(_, wish)) => std::thread::sleep(wish.unwrap_or(pause).min(LONGEST_PAUSE)),
        }
        pause *= 2;
    }
    Err(failed("it was never asked"))
}

fn ask_once(agent: &ureq::Agent, url: &str, key: Option<&str>, body: &[u8]) -> Result<Answer, Trouble> {
    let mut request = agent.post(url).header("content-type", "application/json");
    if let Some(key) = key {
        request = request.header("authorization", format!("Bearer {key}"));
    }
    let mut response = request.send(body).map_err(|error| Trouble::Later(error.to_string(), None))?;
    let status = response.status().as_u16();
    let wish = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let read = response.body_mut().with_config().limit(MOST_ANSWER).read_to_vec();
    let answer = read.map_err(|error| Trouble::Later(error.to_string(), None))?;
    match status {
        200..=299 => parse_answer(&answer).map_err(|error| Trouble::Never(format!("its answer cannot be read: {error}"))),
        408 | 425 | 429 | 500..=599 => Err(Trouble::Later(format!("status {status}"), wish.map(Duration::from_secs))),
        _ => {
            let told: String = String::from_utf8_lossy(&answer).chars().take(300).collect();
            Err(Trouble::Never(format!("status {status}: {told}")))
        }
    }
}

/// The vectors in the order of the texts; `None` unless there is one for each.
fn in_order(answer: Answer, count: usize) -> Option<Vec<Vec<f32>>> {
    let mut vectors = vec![None; count];
    for item in answer.data {
        *vectors.get_mut(item.index)? = Some(item.embedding.0);
    }
    vectors.into_iter().collect()
}
