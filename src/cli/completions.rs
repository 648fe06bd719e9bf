//! `completions`: rendered from the same definition as the parser, so they cannot know another command line.

use clap_complete::Shell;

use super::Context;
use super::exit::Status;
use crate::error::Result;

/// Print completions for a shell
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  turnpack completions bash > ~/.local/share/bash-completion/completions/turnpack
  turnpack completions zsh > ~/.zfunc/_turnpack
  turnpack completions fish > ~/.config/fish/completions/turnpack.fish")]
pub(crate) struct Args {
    /// The shell
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(["bash", "zsh", "fish", "powershell"]))]
    shell: String,
}

pub(crate) fn run(args: &Args, context: &Context<'_>) -> Result<Status> {
    let script = render(&args.shell).unwrap_or_default();
    context.ui.raw(script.as_bytes())?;
    Ok(Status::Done)
}

/// The completion script for `bash`, `zsh`, `fish` or `powershell`.
#[must_use]
pub fn render(shell: &str) -> Option<String> {
    let shell = match shell {
        "bash" => Shell::Bash,
        "zsh" => Shell::Zsh,
        "fish" => Shell::Fish,
        "powershell" => Shell::PowerShell,
        _ => return None,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut super::command(), "turnpack", &mut script);
    String::from_utf8(script).ok()
}
