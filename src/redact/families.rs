//! Keys that their form gives away.
//!
//! A form is tried only where one of its anchors stands, which one pass finds for all of them; it looks at a bounded piece of text.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use regex::bytes::Regex;

use super::named::{entropy, is_mixed};

/// Bytes a form is tried on; a longer key is followed to its end.
const PIECE: usize = 512;
/// Bytes around an access key id in which its secret is looked for.
const NEAR: usize = 256;

/// A kind of key.
pub(super) struct Form {
    /// As replacements say it.
    pub(super) name: &'static str,
    anchors: &'static [&'static str],
    check: Check,
    regex: LazyLock<Option<Regex>>,
}

/// What a match must be beside its form.
#[derive(Clone, Copy, PartialEq)]
enum Check {
    Nothing,
    /// Without order: the form alone fits words, too.
    Random,
    /// Two points at least, or a second part that is JSON.
    Token,
}

/// What an anchor leads to.
pub(super) enum Kind {
    Form(&'static Form),
    Block,
    Name,
    Scheme,
    Address,
}

macro_rules! forms {
    ($($name:literal, [$($anchor:literal),+], $pattern:literal, $check:ident;)+) => {
        static FORMS: [Form; [$($name),+].len()] = [$(Form {
            name: $name,
            anchors: &[$($anchor),+],
            check: Check::$check,
            regex: LazyLock::new(|| Regex::new(concat!("^(?-u:", $pattern, ")")).ok()),
        }),+];
    };
}

forms! {
    "anthropic-key", ["sk-ant-"], "sk-ant-[A-Za-z0-9_-]{16,}", Random;
    "openai-key", ["sk-proj-", "sk-svcacct-", "sk-admin-", "sk-None-"], "sk-(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{16,}", Random;
    "openai-key", ["sk-"], "sk-[A-Za-z0-9]{32,}", Random;
    "provider-key", ["sk-or-", "sk-lf-"], "sk-[A-Za-z0-9-]{24,}", Random;
    "provider-key", ["gsk_"], "gsk_[A-Za-z0-9]{32,}", Random;
    "provider-key", ["xai-"], "xai-[A-Za-z0-9]{40,}", Random;
    "provider-key", ["pplx-"], "pplx-[A-Za-z0-9]{32,}", Random;
    "provider-key", ["r8_"], "r8_[A-Za-z0-9]{30,}", Random;
    "provider-key", ["lsv2_"], "lsv2_[a-z]{2}_[A-Za-z0-9_]{32,}", Random;
    "provider-key", ["tvly-"], "tvly-[A-Za-z0-9_-]{20,}", Random;
    "provider-key", ["pcsk_"], "pcsk_[A-Za-z0-9_]{30,}", Random;
    "aws-key", ["AKIA", "ASIA", "ABIA", "ACCA"], "A(?:KI|SI|BI|CC)A[A-Z0-9]{16}", Nothing;
    "aws-session-token", ["IQoJb3JpZ2lu", "FwoGZXIvYXdz"], "(?:IQoJb3JpZ2lu|FwoGZXIvYXdz)[A-Za-z0-9+/=]{60,}", Nothing;
    "github-token", ["ghp_", "gho_", "ghu_", "ghs_", "ghr_"], "gh[pousr]_[A-Za-z0-9_.-]{20,}", Random;
    "github-token", ["github_pat_"], "github_pat_[A-Za-z0-9_]{20,}", Random;
    "gitlab-token", ["glpat-", "gldt-", "glrt-", "glcbt-", "glptt-", "glft-", "glagent-", "gloas-"], "gl[a-z]{2,5}-[A-Za-z0-9_.-]{20,}", Random;
    "google-key", ["AIza"], "AIza[A-Za-z0-9_-]{35}", Nothing;
    "google-token", ["ya29."], "ya29\\.[A-Za-z0-9_.-]{20,}", Random;
    "google-token", ["1//0"], "1//0[A-Za-z0-9_-]{30,}", Random;
    "google-secret", ["GOCSPX-"], "GOCSPX-[A-Za-z0-9_-]{20,}", Nothing;
    "slack-token", ["xoxa-", "xoxb-", "xoxe-", "xoxe.", "xoxo-", "xoxp-", "xoxr-", "xoxs-", "xoxc-", "xoxd-"], "xox[a-z][.-][A-Za-z0-9.%_-]{10,}", Random;
    "slack-token", ["xapp-"], "xapp-[0-9]-[A-Za-z0-9-]{20,}", Random;
    "slack-webhook", ["hooks.slack.com/"], "hooks\\.slack\\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_-]{20,}", Nothing;
    "discord-webhook", ["/api/webhooks/"], "/api/webhooks/[0-9]{15,22}/[A-Za-z0-9_-]{40,}", Nothing;
    "stripe-key", ["sk_live_", "rk_live_", "sk_test_", "rk_test_"], "[sr]k_(?:live|test)_[A-Za-z0-9_]{10,}", Random;
    "stripe-secret", ["whsec_"], "whsec_[A-Za-z0-9+/=]{24,}", Random;
    "huggingface-token", ["hf_"], "hf_[A-Za-z0-9]{24,}", Random;
    "npm-token", ["npm_"], "npm_[A-Za-z0-9]{30,}", Random;
    "pypi-token", ["pypi-"], "pypi-[A-Za-z0-9_-]{40,}", Random;
    "sendgrid-key", ["SG."], "SG\\.[A-Za-z0-9_-]{16,}\\.[A-Za-z0-9_-]{16,}", Random;
    "mailgun-key", ["key-"], "key-[a-f0-9]{32}", Random;
    "twilio-key", ["SK"], "SK[a-f0-9]{32}", Random;
    "telegram-token", [":AA"], ":AA[A-Za-z0-9_-]{33}", Random;
    "digitalocean-token", ["dop_v1_", "doo_v1_", "dor_v1_"], "do[opr]_v1_[a-f0-9]{40,}", Nothing;
    "databricks-token", ["dapi"], "dapi[a-f0-9]{32}(?:-[0-9])?", Nothing;
    "shopify-token", ["shpat_", "shpca_", "shppa_", "shpss_"], "shp[a-z]{2}_[a-fA-F0-9]{32}", Nothing;
    "linear-key", ["lin_api_"], "lin_api_[A-Za-z0-9]{30,}", Random;
    "notion-token", ["ntn_"], "ntn_[A-Za-z0-9]{40,}", Random;
    "supabase-token", ["sbp_", "sb_secret_"], "sb(?:p|_secret)_[A-Za-z0-9_-]{20,}", Random;
    "vault-token", ["hvs.", "hvb."], "hv[sb]\\.[A-Za-z0-9_-]{24,}", Random;
    "terraform-token", [".atlasv1."], "\\.atlasv1\\.[A-Za-z0-9_=-]{40,}", Random;
    "docker-token", ["dckr_pat_"], "dckr_pat_[A-Za-z0-9_-]{20,}", Random;
    "rubygems-key", ["rubygems_"], "rubygems_[a-f0-9]{48}", Nothing;
    "planetscale-token", ["pscale_"], "pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.=-]{30,}", Random;
    "age-key", ["AGE-SECRET-KEY-1"], "AGE-SECRET-KEY-1[A-Z0-9]{40,}", Nothing;
    "jwt", ["eyJ"], "eyJ[A-Za-z0-9_-]{8,}", Token;
}

/// Anchors, and what they lead to.
type Other = (&'static [&'static str], fn() -> Kind);

/// Anchors of what is no form.
static OTHERS: &[Other] = &[
    (&["-----BEGIN "], || Kind::Block),
    (&["key", "token", "secret", "passw", "passphrase", "pwd", "credential", "authorization"], || Kind::Name),
    (&["bearer ", "basic "], || Kind::Scheme),
    (&["://"], || Kind::Address),
];

struct Anchors {
    finder: AhoCorasick,
    /// The form of each anchor, or past them the entry of `OTHERS`.
    of: Vec<usize>,
}

static ANCHORS: LazyLock<Anchors> = LazyLock::new(|| {
    let forms = FORMS.iter().map(|form| form.anchors);
    let all = forms.chain(OTHERS.iter().map(|(anchors, _)| *anchors)).enumerate();
    let all: Vec<(usize, &str)> = all.flat_map(|(at, anchors)| anchors.iter().map(move |anchor| (at, *anchor))).collect();
    let finder = AhoCorasick::builder().ascii_case_insensitive(true).build(all.iter().map(|(_, anchor)| anchor));
    // The table is fixed: a test builds it.
    Anchors { finder: finder.expect("anchors are a few short words"), of: all.into_iter().map(|(at, _)| at).collect() }
});

/// Finds all anchors, whatever their case.
pub(super) fn anchors() -> &'static AhoCorasick {
    &ANCHORS.finder
}

/// What an anchor stands for.
pub(super) fn of_anchor(anchor: usize) -> Kind {
    let at = ANCHORS.of.get(anchor).copied().unwrap_or_default();
    match FORMS.get(at) {
        Some(form) => Kind::Form(form),
        None => OTHERS.get(at - FORMS.len()).map_or(Kind::Name, |(_, kind)| kind()),
    }
}

impl Form {
    /// The key at an anchor.
    pub(super) fn at(&self, text: &[u8], start: usize) -> Option<Range<usize>> {
        let before = start.checked_sub(1).and_then(|at| text.get(at)).copied().unwrap_or(b' ');
        let begins_word = self.anchors.first().is_some_and(|anchor| anchor.starts_with(|c: char| c.is_ascii_alphanumeric()));
        if begins_word && before.is_ascii_alphanumeric() || self.check == Check::Token && is_part_of_token(before) {
            return None;
        }
        let piece = text.get(start..text.len().min(start + PIECE))?;
        let found = self.regex.as_ref()?.find(piece)?;
        // Judged before it is followed to its end: what is no key must not be followed again from each place in it.
        let fits = match self.check {
            Check::Random => is_random(found.as_bytes().get(4..)?) && entropy(found.as_bytes()) >= 3.0,
            Check::Nothing | Check::Token => true,
        };
        if !fits {
            return None;
        }
        let mut end = start + found.end();
        let belongs = if self.check == Check::Token { is_part_of_token } else { is_part };
        if end == start + piece.len() || self.check == Check::Token {
            end += text.get(end..)?.iter().take_while(|byte| belongs(**byte)).count();
        }
        // What a sentence ends with does not belong to it.
        while end > start && matches!(text.get(end - 1), Some(b'.' | b'-')) {
            end -= 1;
        }
        // A form of fixed length inside a longer word is no key.
        if text.get(end).is_some_and(u8::is_ascii_alphanumeric) {
            return None;
        }
        let key = text.get(start..end)?;
        let points = key.iter().filter(|byte| **byte == b'.').count();
        let is_token = points >= 2 || points == 1 && memchr::memmem::find(key, b".eyJ").is_some();
        let start = if self.name == "telegram-token" { digits_before(text, start)? } else { start };
        (self.check != Check::Token || is_token).then_some(start..end)
    }

    /// A key of a pair has its secret beside it, which has no form of its own.
    pub(super) fn beside(&self, text: &[u8], key: &Range<usize>, tell: &mut dyn FnMut(Range<usize>, &'static str)) {
        if self.name != "aws-key" {
            return;
        }
        let from = key.start.saturating_sub(NEAR);
        let near = text.get(from..text.len().min(key.end + NEAR)).unwrap_or_default();
        let mut at = from;
        for word in near.split(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'+'))) {
            let classes = [u8::is_ascii_uppercase, u8::is_ascii_lowercase, u8::is_ascii_digit];
            if word.len() == 40 && classes.iter().all(|class| word.iter().any(class)) {
                tell(at..at + 40, "aws-secret-key");
            }
            at += word.len() + 1;
        }
    }
}

/// Letters and digits; or letters alone, which one key of twenty characters in thirty has and every one of Hugging Face: with capitals as
/// chance puts them. In names of programs they are fewer than one letter in five.
fn is_random(value: &[u8]) -> bool {
    let count = |is: fn(&u8) -> bool| value.iter().filter(|byte| is(byte)).count();
    let (capitals, small) = (count(u8::is_ascii_uppercase), count(u8::is_ascii_lowercase));
    is_mixed(value) || capitals.min(small) * 5 > capitals + small
}

fn is_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

fn is_part_of_token(byte: u8) -> bool {
    is_part(byte) || byte == b'.'
}

/// A bot's number stands before its secret.
fn digits_before(text: &[u8], start: usize) -> Option<usize> {
    let digits = text.get(..start)?.iter().rev().take(12).take_while(|byte| byte.is_ascii_digit()).count();
    (8..=11).contains(&digits).then_some(start - digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Patterns are written by hand: one that does not compile would find nothing and say nothing.
    #[test]
    fn every_form_compiles_and_begins_with_its_anchors() {
        for form in &FORMS {
            let regex = form.regex.as_ref().unwrap_or_else(|| panic!("{}", form.name));
            assert!(!regex.is_match(b""), "{}", form.name);
        }
        assert!(ANCHORS.of.len() > FORMS.len());
    }
}
