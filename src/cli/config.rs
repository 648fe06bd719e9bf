//! `config`: the settings in force, and their origin.

use std::collections::BTreeMap;

use clap::ValueEnum;

use super::Context;
use super::exit::Status;
use super::settings::Setting;
use super::table::Table;
use crate::error::Result;
use crate::vault::api::SCHEMA_VERSION;

/// Show the settings in force, and where they come from
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Settings come from flags, then the environment (TURNPACK_VAULT, TURNPACK_THREADS, ...), then config.toml in the vault,
then turnpack/config.toml in $XDG_CONFIG_HOME (else ~/.config), then defaults.

Examples:
  turnpack config show
  turnpack config show --origin
  TURNPACK_THREADS=2 turnpack config show --json")]
pub(crate) struct Args {
    /// What to do
    #[arg(value_enum)]
    action: Action,

    /// Say where each value comes from
    #[arg(long)]
    origin: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Action {
    /// Print each setting and its value
    Show,
}

pub(crate) fn run(args: &Args, context: &Context<'_>) -> Result<Status> {
    let (Action::Show, origin) = (args.action, args.origin);
    let shown = context.settings.shown();
    if context.ui.json() {
        let values: BTreeMap<_, _> = shown.map(|(name, setting)| (name, as_json(setting))).collect();
        let report = serde_json::json!({ "schema_version": SCHEMA_VERSION, "report": "config", "settings": values });
        return context.ui.json_line(&report).map(|()| Status::Done);
    }
    let mut table = Table::new(if origin { &["<setting", "<value", "<origin"] } else { &["<setting", "<value"] });
    for (name, setting) in shown {
        let mut row = vec![name.to_string(), setting.text.to_string_lossy().into_owned()];
        row.extend(origin.then(|| setting.origin.to_string()));
        table.row(row);
    }
    table.print(context.ui)?;
    Ok(Status::Done)
}

fn as_json(setting: &Setting) -> serde_json::Value {
    serde_json::json!({ "value": setting.text.to_string_lossy(), "origin": setting.origin.to_string() })
}
