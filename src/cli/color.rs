//! When to use colours: what can be asked for, and what the environment says about it.

use super::settings::Variables;
use crate::error::{Error, Result};

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Color {
    Always,
    Never,
    Auto,
}

impl Color {
    pub(crate) fn applies(self, terminal: bool) -> bool {
        match self {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal,
        }
    }
}

pub(super) fn parse_color(text: &str) -> Result<Color> {
    match text {
        "always" => Ok(Color::Always),
        "never" => Ok(Color::Never),
        "auto" => Ok(Color::Auto),
        _ => Err(Error::Usage(format!("{text:?} is not a choice of colours; auto, always and never are"))),
    }
}

/// NO_COLOR beats CLICOLOR_FORCE beats TERM=dumb; the first two count when set to anything (force: but 0).
pub(super) fn color_of_environment(variables: Variables<'_>) -> Option<Color> {
    let forced = variables("CLICOLOR_FORCE").is_some_and(|value| value != "0");
    match () {
        () if variables("NO_COLOR").is_some() => Some(Color::Never),
        () if forced => Some(Color::Always),
        () if variables("TERM").is_some_and(|term| term == "dumb") => Some(Color::Never),
        () => None,
    }
}
