//! Secrets in text: where they stand, and the text without them.
//!
//! | file | what |
//! |---|---|
//! | `peel` | one level of escapes taken off, with the way back |
//! | `families` | keys that their form gives away |
//! | `named` | values that stand beside a name, in a header or in an address |
//! | `blocks` | private keys over several lines |
//!
//! A text is looked at as it is, and again with one more level of escapes taken off until none is left: JSON, JSON in its
//! strings, addresses, HTML and colours of terminals all come down to this, and no form has to be parsed. What is found at any
//! level is replaced in the text as it was, escapes whole, so that JSON stays JSON. What cannot be looked at to the
//! end is not handed out at all.

mod blocks;
mod families;
mod named;
mod peel;

use std::borrow::Cow;
use std::ops::Range;

use aho_corasick::AhoCorasick;
use peel::Layer;

/// Levels of escapes that are taken off; real logs have five at most.
const LEVELS: usize = 16;
/// A text of more bytes is not looked at: the tables of its escapes would need several times as many.
pub const LONGEST: usize = 64 << 20;
/// A value of so many bytes is a secret wherever else it stands in the same text.
const TELLING: usize = 12;

/// Values that are looked for elsewhere in the text; what else is found goes where it stands.
const REMEMBERED: usize = 4096;

/// A secret in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// Where it stands.
    pub at: Range<usize>,
    /// What kind it is, as its replacement says.
    pub family: &'static str,
}

/// Why a text is not handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withheld {
    /// It is too long.
    Long,
    /// Its escapes are nested too deeply.
    Deep,
}

impl std::fmt::Display for Withheld {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Withheld::Long => write!(f, "it has more than {} MiB", LONGEST >> 20),
            Withheld::Deep => write!(f, "its escapes are nested more than {LEVELS} levels deep"),
        }
    }
}

impl From<Withheld> for crate::error::Error {
    fn from(why: Withheld) -> crate::error::Error {
        crate::error::Error::Withheld(format!(
            "a text is withheld because it cannot be searched for secrets: {why}; without --redact it is shown as it is"
        ))
    }
}

/// The secrets of one text, and what they say, so that they are found in other texts made of it.
#[derive(Debug, Default)]
pub struct Secrets {
    /// Where they stand, in order, none touching another.
    pub found: Vec<Secret>,
    /// What they say, at every level of escapes.
    values: Vec<(Vec<u8>, &'static str)>,
}

impl Secrets {
    /// All secrets of a text.
    ///
    /// # Errors
    /// When the text cannot be looked at.
    pub fn of(text: &[u8]) -> Result<Secrets, Withheld> {
        Secrets::with(text, &Secrets::default())
    }

    /// All secrets of a text that was taken out of another one: a value tells nothing where its name is missing.
    ///
    /// # Errors
    /// When the text cannot be looked at.
    pub fn with(text: &[u8], whole: &Secrets) -> Result<Secrets, Withheld> {
        if text.len() > LONGEST {
            return Err(Withheld::Long);
        }
        let mut secrets = Secrets { found: Vec::new(), values: whole.values.clone() };
        let mut layers = vec![Layer::of(text)];
        while let Some(layer) = layers.last() {
            look(layer.text(), |secret| {
                let value = layer.text().get(secret.at.clone()).unwrap_or_default();
                let room = secrets.values.len() < REMEMBERED;
                if room && value.len() >= TELLING && !secrets.values.iter().any(|(known, _)| known == value) {
                    secrets.values.push((value.to_vec(), secret.family));
                }
                secrets.found.push(Secret { at: down(&layers, secret.at), family: secret.family });
            });
            let Some(next) = layer.peeled() else { break };
            if layers.len() > LEVELS {
                return Err(Withheld::Deep);
            }
            layers.push(next);
        }
        secrets.repeated(&layers);
        secrets.merge();
        Ok(secrets)
    }

    /// Values stand again where nothing tells what they are.
    fn repeated(&mut self, layers: &[Layer<'_>]) {
        let values: Vec<&[u8]> = self.values.iter().map(|(value, _)| value.as_slice()).collect();
        let Some(finder) = (!values.is_empty()).then(|| AhoCorasick::new(&values).ok()).flatten() else { return };
        for (depth, layer) in layers.iter().enumerate() {
            for place in finder.find_overlapping_iter(layer.text()) {
                let family = self.values.get(place.pattern().as_usize()).map_or("secret", |(_, family)| family);
                let at = down(layers.get(..=depth).unwrap_or_default(), place.range());
                self.found.push(Secret { at, family });
            }
        }
    }

    /// What touches is one secret, with the name that says most: that of the longest.
    fn merge(&mut self) {
        self.found.retain(|secret| !secret.at.is_empty());
        self.found.sort_by_key(|secret| (secret.at.start, std::cmp::Reverse(secret.at.end)));
        let mut merged: Vec<(Secret, usize)> = Vec::with_capacity(self.found.len());
        for secret in self.found.drain(..) {
            let length = secret.at.len();
            match merged.last_mut().filter(|(last, _)| secret.at.start < last.at.end) {
                Some((last, longest)) => {
                    if length > *longest || (length == *longest && is_vague(last.family)) {
                        (last.family, *longest) = (secret.family, length);
                    }
                    last.at.end = last.at.end.max(secret.at.end);
                }
                None => merged.push((secret, length)),
            }
        }
        self.found = merged.into_iter().map(|(secret, _)| secret).collect();
    }

    /// The text with each secret replaced.
    #[must_use]
    pub fn replace(&self, text: &[u8]) -> Redacted {
        let mut redacted = Redacted { text: Vec::with_capacity(text.len()), moved: Vec::with_capacity(self.found.len()) };
        let mut from = 0;
        for secret in &self.found {
            redacted.text.extend_from_slice(text.get(from..secret.at.start).unwrap_or_default());
            let start = redacted.text.len();
            redacted.text.extend_from_slice(format!("[redacted:{}]", secret.family).as_bytes());
            redacted.moved.push((secret.at.clone(), start..redacted.text.len()));
            from = secret.at.end;
        }
        redacted.text.extend_from_slice(text.get(from..).unwrap_or_default());
        redacted
    }
}

/// A text without its secrets.
#[derive(Debug, Default)]
pub struct Redacted {
    /// The text.
    pub text: Vec<u8>,
    /// Where each secret stood, and where its replacement stands.
    moved: Vec<(Range<usize>, Range<usize>)>,
}

impl Redacted {
    /// Where a place of the text is now; one that touches a secret covers its replacement.
    #[must_use]
    pub fn place(&self, place: &Range<usize>) -> Range<usize> {
        let start = self.moved_to(place.start, |_, new| new.start);
        let end = self.moved_to(place.end, |old, new| if place.end > old.start { new.end } else { new.start });
        start..end.max(start)
    }

    fn moved_to(&self, at: usize, inside: impl Fn(&Range<usize>, &Range<usize>) -> usize) -> usize {
        let before = self.moved.partition_point(|(old, _)| old.start <= at);
        match before.checked_sub(1).and_then(|last| self.moved.get(last)) {
            Some((old, new)) if at < old.end => inside(old, new),
            Some((old, new)) => at - old.end + new.end,
            None => at,
        }
    }
}

/// A text without its secrets.
///
/// # Errors
/// When the text cannot be looked at.
pub fn redact(text: &[u8]) -> Result<Cow<'_, [u8]>, Withheld> {
    let secrets = Secrets::of(text)?;
    Ok(if secrets.found.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(secrets.replace(text).text) })
}

/// As [`redact`], for text.
///
/// # Errors
/// When the text cannot be looked at.
pub fn redact_text(text: &str) -> Result<Cow<'_, str>, Withheld> {
    Ok(match redact(text.as_bytes())? {
        Cow::Borrowed(_) => Cow::Borrowed(text),
        // Secrets are cut at characters of ASCII, or at whole escapes.
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
    })
}

/// A text that is shown without what stood around it. One long word says nothing of what it is, and is taken for a secret when it
/// looks like one.
///
/// # Errors
/// When the text cannot be looked at.
pub fn redact_alone(text: &[u8]) -> Result<Cow<'_, [u8]>, Withheld> {
    let word = text.trim_ascii();
    let redacted = redact(text)?;
    Ok(if matches!(redacted, Cow::Borrowed(_)) && named::looks_random(word) {
        Cow::Owned(b"[redacted:unknown-word]".to_vec())
    } else {
        redacted
    })
}

/// A text of at most `cut` bytes that may have lost its end there: what could be half a secret goes, too.
///
/// # Errors
/// When the text cannot be looked at.
pub fn redact_cut(text: &str, cut: usize) -> Result<String, Withheld> {
    let whole = if text.len() + 4 > cut { text.rsplit_once(char::is_whitespace).map_or("", |(whole, _)| whole) } else { text };
    redact_text(whole).map(Cow::into_owned)
}

fn is_vague(family: &str) -> bool {
    matches!(family, "secret" | "password")
}

/// Looks for every kind of secret in one text as it is.
fn look(text: &[u8], mut tell: impl FnMut(Secret)) {
    let mut last = 0..0;
    for found in families::anchors().find_overlapping_iter(text) {
        // Most anchors of a long key stand inside it.
        if last.contains(&found.start()) && last.start != found.start() {
            continue;
        }
        let mut tell_one = |at: Range<usize>, family: &'static str| {
            let at = whole_escape(text, at);
            last = at.clone();
            tell(Secret { at, family });
        };
        match families::of_anchor(found.pattern().as_usize()) {
            families::Kind::Form(form) => {
                if let Some(at) = form.at(text, found.start()) {
                    form.beside(text, &at, &mut tell_one);
                    tell_one(at, form.name);
                }
            }
            families::Kind::Block => blocks::at(text, found.start(), &mut tell_one),
            families::Kind::Name => named::value(text, found.range()).into_iter().for_each(|(at, family)| tell_one(at, family)),
            families::Kind::Scheme => {
                named::header(text, found.range()).into_iter().for_each(|(at, family)| tell_one(at, family))
            }
            families::Kind::Address => named::address(text, found.end()).into_iter().for_each(|at| tell_one(at, "url-password")),
        }
    }
}

/// A secret that begins with what may be the letter of an escape leaves this letter: `\npm_…` is a line feed and something else.
fn whole_escape(text: &[u8], at: Range<usize>) -> Range<usize> {
    let before = text.get(..at.start).unwrap_or_default();
    let slashes = before.iter().rev().take_while(|byte| **byte == b'\\').count();
    let letter = text.get(at.start).is_some_and(|byte| b"nrtbf/".contains(byte));
    if slashes % 2 == 1 && letter { at.start + 1..at.end } else { at }
}

/// A place of the last layer in the first.
fn down(layers: &[Layer<'_>], at: Range<usize>) -> Range<usize> {
    layers.iter().rev().fold(at, |at, layer| layer.below(&at))
}

#[cfg(test)]
mod tests;
