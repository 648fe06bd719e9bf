//! Which files a directory walk takes, by their names, and which it never takes.
//!
//! A walk is the moment where an archive could swallow what nobody meant to give: settings, keys, caches. So it takes only
//! what is known to be a log: lines of JSON by name, documents that known agents write into known places, and `.log` files
//! whose first line is JSON. Compression and rotation endings (`.gz`, `.1`, `-20261120`) are looked through. Credentials are
//! refused under every ending, also with `--all-files`.

use std::path::Path;

/// What the name of a file says about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A log or an export: taken.
    Known,
    /// Taken when its first line is JSON.
    LogIfJson,
    /// May hold keys or tokens: never taken by a walk.
    Credential,
    /// Anything else; the ending tells the user what was left out.
    Unknown(String),
}

const COMPRESSED: [&str; 6] = ["gz", "zst", "zstd", "xz", "bz2", "bz"];
const BACKUP: [&str; 6] = ["bak", "backup", "old", "orig", "save", "tmp"];
const JSON_LINES: [&str; 4] = ["jsonl", "ndjson", "jsonlines", "ldjson"];

/// Documents that are logs wherever they lie.
const DOCUMENT_NAMES: [&str; 8] = [
    "api_conversation_history.json",
    "ui_messages.json",
    "claude_messages.json",
    "conversations.json",
    "trajectory.json",
    ".aider.results.json",
    "aider.results.json",
    "run.traj.json",
];

/// Directories (runs of path components) under which `*.json` is a log: Gemini CLI, opencode, Codex, OpenHands, VS Code
/// Copilot Chat, Bedrock's invocation logs.
const DOCUMENT_HOMES: [&[&str]; 9] = [
    &[".gemini", "tmp"],
    &["opencode", "storage"],
    &[".codex", "sessions"],
    &[".codex", "archived_sessions"],
    &[".openhands", "sessions"],
    &[".openhands", "conversations"],
    &["chatSessions"],
    &[".copilot", "session-state"],
    &["BedrockModelInvocationLogs"],
];

/// Where agents put what tools gave when it is too long for the session's own file: Claude Code, Gemini CLI, opencode. The
/// directory, and one that stands anywhere above it.
const RESULT_HOMES: [(&str, &str); 3] = [("tool-results", "projects"), ("tool-outputs", ".gemini"), ("tool-output", "opencode")];

/// Settings and states that stand beside the logs of such a home.
const NO_DOCUMENTS: [&str; 3] = ["settings.json", "config.json", "meta.json"];

/// Directories that hold nothing but secrets.
const SECRET_DIRECTORIES: [&str; 10] =
    [".ssh", ".gnupg", ".aws", ".azure", ".kube", ".gcloud", "gcloud", ".password-store", "credentials", "mcp-oauth-config"];

const SECRET_NAMES: [&str; 17] = [
    ".credentials.json",
    "credentials.json",
    "credentials",
    "auth.json",
    ".auth.json",
    "auth-profiles.json",
    ".claude.json",
    // OpenHands: the state of a conversation, with the model's key in it.
    "base_state.json",
    "google_accounts.json",
    ".netrc",
    "_netrc",
    ".npmrc",
    ".pypirc",
    ".pgpass",
    ".git-credentials",
    ".htpasswd",
    "known_hosts",
];
const SECRET_ENDINGS: [&str; 8] = [".pem", ".key", ".p12", ".pfx", ".jks", ".keystore", ".kdbx", ".ppk"];
const SECRET_STARTS: [&str; 6] = ["id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", ".env", "service-account"];
/// Inside the names of settings.
const SECRET_WORDS: [&str; 7] = ["token", "oauth", "secret", "credential", "apikey", "api_key", "api-key"];
/// As the last word of such a name: `mcp-auth.json`, `creds.json`.
const SECRET_LAST_WORDS: [&str; 3] = ["auth", "creds", "jwt"];
/// How files that hold settings end.
const SETTINGS: [&str; 9] = ["json", "yaml", "yml", "toml", "ini", "cfg", "conf", "env", "plist"];
/// Settings with keys in them whose names do not say so, by their directory: Copilot, GitHub's client, OpenClaw, Pi.
const SECRET_SETTINGS: [(&str, &str); 6] = [
    ("github-copilot", "hosts.json"),
    ("github-copilot", "apps.json"),
    (".copilot", "config.json"),
    ("gh", "hosts.yml"),
    (".openclaw", "openclaw.json"),
    ("agent", "models.json"),
];

/// Whether a walk stays out of a directory of this name.
#[must_use]
pub fn is_secret_directory(name: &str) -> bool {
    SECRET_DIRECTORIES.contains(&name)
}

/// What the name of a file says; `path` is absolute.
#[must_use]
pub fn kind_of(path: &Path) -> Kind {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let directory = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    if is_credential(&directory, &name) {
        return Kind::Credential;
    }
    if is_result(path) {
        return Kind::Known;
    }
    let (plain, compressed) = strip_compression(&name);
    let rotated = strip_rotation(plain);
    // `gw.log.gz.1` is rare but real: some rotators number after they compress.
    let (plain, compressed) = match strip_compression(rotated) {
        (inner, true) => (strip_rotation(inner), true),
        _ => (rotated, compressed),
    };
    match extension(plain) {
        Some(ending) if JSON_LINES.contains(&ending) || ending == "traj" => Kind::Known,
        Some("log") => Kind::LogIfJson,
        Some("json") if is_document(path, plain) => Kind::Known,
        // Configuration is not compressed; logs and exports are. A look at the first bytes decides.
        Some("json") if compressed => Kind::LogIfJson,
        _ => Kind::Unknown(ending_for_people(plain)),
    }
}

fn is_document(path: &Path, name: &str) -> bool {
    let components: Vec<_> = path.parent().into_iter().flat_map(Path::components).map(|c| c.as_os_str()).collect();
    let is_at_home = || DOCUMENT_HOMES.iter().any(|home| components.windows(home.len()).any(|window| window == *home));
    DOCUMENT_NAMES.contains(&name) || name.ends_with(".traj.json") || !NO_DOCUMENTS.contains(&name) && is_at_home()
}

/// A result of a tool in a file of its own, of whatever kind. Some agents give each session a directory below.
fn is_result(path: &Path) -> bool {
    let above = |path: &Path, name: &str| path.ancestors().skip(1).any(|above| above.file_name().is_some_and(|it| it == name));
    let homes = path.ancestors().skip(1).take(2).filter_map(|home| Some((home, home.file_name()?)));
    homes.into_iter().any(|(home, name)| RESULT_HOMES.iter().any(|(directory, agent)| name == *directory && above(home, agent)))
}

fn is_credential(directory: &str, name: &str) -> bool {
    let mut name = name;
    loop {
        if is_credential_as_it_stands(name) || SECRET_SETTINGS.contains(&(directory, name)) {
            return true;
        }
        let shorter = name.trim_end_matches('~');
        let shorter = match shorter.rsplit_once('.') {
            Some((stem, end)) if COMPRESSED.contains(&end) || BACKUP.contains(&end) => stem,
            _ => strip_rotation(shorter),
        };
        if shorter.len() == name.len() {
            return false;
        }
        name = shorter;
    }
}

fn is_credential_as_it_stands(name: &str) -> bool {
    SECRET_NAMES.contains(&name)
        || SECRET_ENDINGS.iter().any(|ending| name.ends_with(ending))
        || SECRET_STARTS.iter().any(|start| name.starts_with(start))
        || settings_stem(name).is_some_and(tells_secrets)
        || name.rsplit_once('.').is_some_and(|(stem, ending)| JSON_LINES.contains(&ending) && is_secrets(stem))
}

/// A name without its ending, where it ends as settings do or, as `.jwt_secret`, not at all.
fn settings_stem(name: &str) -> Option<&str> {
    let name = name.trim_start_matches('.');
    match name.rsplit_once('.') {
        Some((stem, ending)) => (SETTINGS.contains(&ending) && !stem.ends_with(".traj")).then_some(stem),
        None => Some(name),
    }
}

/// A file of lines may be a log about tokens; one that is called by nothing but what it holds is none.
fn is_secrets(stem: &str) -> bool {
    matches!(stem.trim_start_matches('.'), "credentials" | "credential" | "secrets" | "secret")
}

fn tells_secrets(stem: &str) -> bool {
    let last = stem.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    SECRET_WORDS.iter().any(|word| stem.contains(word)) || SECRET_LAST_WORDS.contains(&last)
}

fn extension(name: &str) -> Option<&str> {
    name.rsplit_once('.').map(|(_, ending)| ending)
}

fn strip_compression(name: &str) -> (&str, bool) {
    match name.rsplit_once('.') {
        Some((stem, ending)) if COMPRESSED.contains(&ending) => (stem, true),
        _ => (name, false),
    }
}

/// Takes off `.1`, `-20261120`, `.2026-11-20`, `.2026-11-20-13` as log rotation appends them.
fn strip_rotation(name: &str) -> &str {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-' || c == '_');
    let cut = &name[stem.len()..];
    match stem.strip_suffix('.') {
        Some(stem) if cut.starts_with(|c: char| c.is_ascii_digit()) && stem.contains('.') => stem,
        None if cut.len() > 1 && cut.starts_with(['-', '_']) && stem.contains('.') => stem,
        _ => name,
    }
}

fn ending_for_people(name: &str) -> String {
    match extension(name) {
        Some(ending) if (1..=10).contains(&ending.len()) && ending.bytes().all(|b| b.is_ascii_alphanumeric()) => {
            format!(".{ending}")
        }
        _ => "other".into(),
    }
}

/// Whether the start of a file looks like lines of JSON, also behind a short prefix (`INFO 2026-… {…}`, `data: {…}`).
#[must_use]
pub fn starts_with_json(start: &[u8]) -> bool {
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    let Some(line) = start.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii).find(|line| !line.is_empty()) else {
        return false;
    };
    let head = &line[..line.len().min(PREFIX)];
    let whole = start.contains(&b'\n') || start.len() < SNIFF;
    let closed = !whole || line.ends_with(b"}") || line.ends_with(b"]");
    let opens = line.starts_with(b"{") || line.starts_with(b"[{") || memchr::memmem::find(head, b"{\"").is_some();
    opens && closed
}

/// How far into a line JSON may begin (`record-shapes`: 200 bytes).
const PREFIX: usize = 200;

/// How much of a file is looked at to decide.
pub const SNIFF: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(path: &str) -> Kind {
        kind_of(Path::new(path))
    }

    #[test]
    fn logs_are_known_under_every_compression_and_rotation_ending() {
        for name in [
            "/l/a.jsonl",
            "/l/a.NDJSON",
            "/l/a.jsonl.gz",
            "/l/a.jsonl.zst",
            "/l/a.jsonl.xz",
            "/l/a.jsonl.bz2",
            "/l/a.jsonl.1",
            "/l/a.jsonl.2.gz",
            "/l/a.jsonl-20261120",
            "/l/a.jsonl.2026-11-20.zst",
            "/l/a.jsonl.gz.1",
            "/l/x.traj",
            "/h/.gemini/tmp/ab12/chats/session-1.json",
            "/h/.gemini/tmp/ab12/logs.json",
            "/h/.local/share/opencode/storage/message/ses_1/msg_1.json",
            "/h/t/1/api_conversation_history.json",
            "/d/conversations.json",
            "/h/.codex/sessions/2025/06/rollout-1.json",
            "/h/.openhands/sessions/s/events/1.json",
            "/h/.codex/sessions/2026/11/20/rollout-2026-11-20T10-00-00-019f5c5a.jsonl.zst",
            "/h/.claude/projects/-w/0b0b/tool-results/toolu_01.txt",
            "/h/.claude/projects/-w/0b0b/tool-results/mcp-x-1763700000123.json",
            "/h/.gemini/tmp/ab12/tool-outputs/session-1/run_shell_command_1.txt",
            "/h/.local/share/opencode/tool-output/tool_01",
        ] {
            assert_eq!(kind(name), Kind::Known, "{name}");
        }
        for name in ["/l/gw.log", "/l/gw.log.3.gz", "/l/batch.json.gz"] {
            assert_eq!(kind(name), Kind::LogIfJson, "{name}");
        }
    }

    #[test]
    fn what_is_no_log_is_counted_by_its_ending() {
        for (name, ending) in [
            ("/h/.claude/settings.json", ".json"),
            ("/h/notes.md", ".md"),
            ("/h/.openhands/conversations/c/settings.json", ".json"),
            ("/w/tool-results/notes.txt", ".txt"),
            ("/p/package.json", ".json"),
            ("/x/README", "other"),
            ("/x/a.tar.gz", ".tar"),
            ("/x/v1.2", ".2"),
            ("/x/.gitignore", ".gitignore"),
        ] {
            assert_eq!(kind(name), Kind::Unknown(ending.into()), "{name}");
        }
    }

    #[test]
    fn credentials_are_recognised_under_every_disguise() {
        for name in [
            "/h/.claude/.credentials.json",
            "/h/.codex/auth.json",
            "/h/.codex/auth.json.bak",
            "/h/auth.json.gz",
            "/h/auth.json~",
            "/h/server.pem",
            "/h/tls.KEY",
            "/h/id_rsa",
            "/h/id_rsa.pub",
            "/h/.env",
            "/h/.env.local",
            "/h/my_token_store.json",
            "/h/.gemini/oauth_creds.json",
            "/h/.gemini/tmp/oauth.json",
            "/h/client_secret_1.json",
            "/h/.claude.json",
            "/h/auth.json.1",
            "/h/.credentials.json.2026-11-20.bak",
            "/h/.claude.json.backup.1763700000123",
            "/h/.codex/.credentials.json",
            "/h/.codex/sessions/auth.json",
            "/h/.claude/projects/-w/0b0b/tool-results/.credentials.json",
            "/h/.claude/projects/-w/credentials.jsonl",
            "/h/.openhands/conversations/c/base_state.json",
            "/h/.gemini/mcp-oauth-tokens-v2.json",
            "/h/.gemini/tmp/ab12/gemini-credentials.json",
            "/h/.local/share/opencode/auth.json",
            "/h/.local/share/opencode/mcp-auth.json",
            "/h/.local/share/opencode/storage/mcp-auth.json",
            "/h/.openclaw/openclaw.json",
            "/h/.openclaw/openclaw.json.bak",
            "/h/.openclaw/agents/main/agent/auth-profiles.json",
            "/h/.openclaw/whatsapp/creds.json",
            "/h/.pi/agent/auth.json",
            "/h/.pi/agent/models.json",
            "/h/.copilot/config.json",
            "/h/.copilot/session-state/config_token.json",
            "/h/.config/github-copilot/hosts.json",
            "/h/.config/github-copilot/apps.json",
            "/h/.config/gh/hosts.yml",
            "/h/.cline/data/secrets.json",
            "/h/.aider/oauth-keys.env",
            "/h/.openhands/.jwt_secret",
            "/h/.openhands/secrets.json",
            "/h/.config/goose/secrets.yaml",
        ] {
            assert_eq!(kind(name), Kind::Credential, "{name}");
        }
        for name in [
            "/d/tokenized.jsonl",
            "/d/tokens.jsonl.gz",
            "/d/authors.jsonl",
            "/d/keys.jsonl",
            "/h/auth.jsonl",
            "/d/oauthlib__fix-auth.traj.json",
        ] {
            assert_eq!(kind(name), Kind::Known, "{name}");
        }
    }

    #[test]
    fn only_json_makes_a_log_file_a_known_one() {
        for start in
            [&b"{\"a\":1}\n{\"a\":2}\n"[..], b"\xef\xbb\xbf\n [{\"a\":1}]\r\n", b"data: {\"x\":1}\n", b"INFO 2026 {\"x\":1}\n"]
        {
            assert!(starts_with_json(start), "{}", String::from_utf8_lossy(start));
        }
        for start in [&b""[..], b"\n\n", b"[2026-11-20] started\n", b"GET / 200\n", b"{oops\n", b"x {\"a\":1} tail\n"] {
            assert!(!starts_with_json(start), "{}", String::from_utf8_lossy(start));
        }
    }
}
