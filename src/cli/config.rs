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
        let value = setting.map_or_else(|| unset(name).into(), |setting| setting.text.to_string_lossy());
        let mut row = vec![name.to_string(), value.into_owned()];
        row.extend(origin.then(|| setting.map_or_else(|| "default".into(), |setting| setting.origin.to_string())));
        table.row(row);
    }
    table.print(context.ui)?;
    Ok(Status::Done)
}

/// What holds where nothing is set.
fn unset(name: &str) -> &'static str {
    match name {
        "threads" => "(all processors)",
        "vault" => "(none: HOME is not set)",
        _ => "(none)",
    }
}

fn as_json(setting: Option<&Setting>) -> serde_json::Value {
    let origin = setting.map_or_else(|| "default".to_string(), |setting| setting.origin.to_string());
    serde_json::json!({ "value": setting.map(|setting| setting.text.to_string_lossy()), "origin": origin })
}
