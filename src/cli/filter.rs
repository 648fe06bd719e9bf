//! The one set of filters, typed the same way for every command that takes it.

use jiff::Timestamp;

use super::Context;
use super::settings::Settings;
use super::units;
use crate::error::{Error, Result};
use crate::vault::api::Filter;

/// Filters. Values of one option are alternatives, options narrow each other.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Filters")]
pub(crate) struct FilterArgs {
    /// Source, by the end of its path; NAME@2 for a generation
    #[arg(long, value_name = "NAME")]
    source: Vec<String>,

    /// Conversation
    #[arg(long, value_name = "ID")]
    conversation: Vec<String>,

    /// Conversation that is left out
    #[arg(long, value_name = "ID")]
    exclude_conversation: Vec<String>,

    /// Records with a segment of this type
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,

    /// Records in which this role speaks, as they word it
    #[arg(long, value_name = "ROLE")]
    role: Vec<String>,

    /// Records that hold this segment, by hash or unique prefix
    #[arg(long, value_name = "HASH")]
    segment: Vec<String>,

    /// Records with this tag; key=value where tags are a map
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,

    /// Model
    #[arg(long, value_name = "NAME")]
    model: Vec<String>,

    /// Application
    #[arg(long, value_name = "NAME")]
    app: Vec<String>,

    /// Event time at or after: RFC 3339, a date, or an age such as 30d
    #[arg(long, value_name = "TIME")]
    since: Option<String>,

    /// Event time before
    #[arg(long, value_name = "TIME")]
    until: Option<String>,

    /// Only records that report an error
    #[arg(long)]
    error: bool,

    /// Condition on fields and JSON paths, such as 'latency_ms > 2000 and /metadata/tenant = "acme"'
    #[arg(long = "where", value_name = "CONDITION")]
    condition: Option<String>,

    /// Time zone of times without one [env: TURNPACK_TZ] [default: UTC]
    #[arg(long, value_name = "ZONE")]
    pub(crate) tz: Option<String>,
}

impl FilterArgs {
    pub(crate) fn resolve(self, settings: &Settings) -> Result<Filter> {
        let zone = settings.zone(self.tz.as_deref())?;
        let now = Timestamp::now();
        let time = |text: Option<&str>| text.map(|text| units::parse_time(text, &zone, now)).transpose();
        let (since, until) = (time(self.since.as_deref())?, time(self.until.as_deref())?);
        if let (Some(since), Some(until)) = (since, until)
            && since >= until
        {
            return Err(Error::Usage(format!("no time is at or after {since} and before {until}")));
        }
        Ok(Filter {
            sources: self.source,
            conversations: self.conversation,
            types: self.types,
            models: self.model,
            apps: self.app,
            since,
            until,
            errors: self.error,
            roles: self.role,
            tags: self.tag,
            not_conversations: self.exclude_conversation,
            segments: self.segment,
            condition: self.condition,
        })
    }
}

/// Tells how many records a time filter could not judge.
pub(crate) fn tell_without_time(context: &Context<'_>, without_time: u64) {
    if without_time > 0 {
        let records = units::counted(without_time, "record");
        context.ui.warn(&format!("{records} without a time left out by --since or --until"));
    }
}
