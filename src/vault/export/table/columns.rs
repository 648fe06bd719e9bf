//! The columns of a table: what each is called, of what type it is, and where its values come from.

use std::borrow::Cow;
use std::sync::Arc;

use arrow_array::builder::{Float64Builder, Int64Builder, ListBuilder, StringBuilder, TimestampMicrosecondBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};

use super::super::row::Row;
use super::messages::{Messages, message_type};
use crate::ids::RecordHash;
use crate::vault::api::PartitionKey;

/// Where the values of a column come from.
#[derive(Clone, Copy)]
enum Origin {
    Text(fn(&Row) -> Option<Cow<'_, str>>),
    Count(fn(&Row) -> Option<u64>),
    Real(fn(&Row) -> Option<f64>),
    Time(fn(&Row) -> Option<i64>),
    Texts(fn(&Row) -> &[String]),
    Messages,
}

fn word(text: &Option<String>) -> Option<Cow<'_, str>> {
    text.as_deref().map(Cow::Borrowed)
}

/// All columns, in their order. Names are those of conditions (`--where`) where there is one.
const COLUMNS: [(&str, Origin); 33] = [
    ("record", Origin::Text(|row| Some(RecordHash(row.hash).to_string().into()))),
    ("source", Origin::Text(|row| Some(row.source.as_str().into()))),
    ("line", Origin::Count(|row| Some(row.line))),
    ("time", Origin::Time(|row| row.metadata.timestamp_us)),
    ("application", Origin::Text(|row| word(&row.metadata.application))),
    ("agent", Origin::Text(|row| word(&row.metadata.agent))),
    ("model", Origin::Text(|row| word(&row.metadata.model))),
    ("model_requested", Origin::Text(|row| word(&row.metadata.model_requested))),
    ("provider", Origin::Text(|row| word(&row.metadata.provider))),
    ("conversation", Origin::Text(|row| word(&row.metadata.conversation_id))),
    ("title", Origin::Text(|row| word(&row.metadata.title))),
    ("project", Origin::Text(|row| word(&row.metadata.project))),
    ("shape", Origin::Text(|row| Some(Cow::Borrowed(&*row.shape)))),
    ("request_id", Origin::Text(|row| word(&row.metadata.request_id))),
    ("response_id", Origin::Text(|row| word(&row.metadata.response_id))),
    ("parent_id", Origin::Text(|row| word(&row.metadata.parent_id))),
    ("trace_id", Origin::Text(|row| word(&row.metadata.trace_id))),
    ("end_user", Origin::Text(|row| word(&row.metadata.end_user))),
    ("status", Origin::Text(|row| word(&row.metadata.status))),
    ("stop_reason", Origin::Text(|row| word(&row.metadata.stop_reason))),
    ("error", Origin::Text(|row| word(&row.metadata.error))),
    ("latency_ms", Origin::Real(|row| row.metadata.latency_ms)),
    ("ttft_ms", Origin::Real(|row| row.metadata.ttft_ms)),
    ("tokens_in", Origin::Count(|row| row.metadata.tokens_in)),
    ("tokens_in_cached", Origin::Count(|row| row.metadata.tokens_in_cached)),
    ("tokens_in_cache_write", Origin::Count(|row| row.metadata.tokens_in_cache_write)),
    ("tokens_out", Origin::Count(|row| row.metadata.tokens_out)),
    ("tokens_reasoning", Origin::Count(|row| row.metadata.tokens_reasoning)),
    ("cost_usd", Origin::Real(|row| row.metadata.cost_usd)),
    ("quality_score", Origin::Real(|row| row.metadata.quality_score)),
    ("tags", Origin::Texts(|row| &row.metadata.tags)),
    ("records", Origin::Count(|row| Some(row.records))),
    ("bytes", Origin::Count(|row| Some(row.bytes))),
];
/// What was said, which can be left out.
const SAID: [(&str, Origin); 2] = [("tools", Origin::Texts(|row| &row.tools)), ("messages", Origin::Messages)];
/// They have a value in every row.
const ALWAYS: [&str; 6] = ["record", "source", "line", "shape", "records", "bytes"];
/// Different in nearly every row: a dictionary of them would be all of them.
pub(super) const UNIQUE: [&str; 2] = ["record", "response_id"];

/// Rows on their way into a batch.
pub(super) struct Columns {
    schema: SchemaRef,
    filling: Vec<Filling>,
    rows: usize,
}

enum Filling {
    Text(fn(&Row) -> Option<Cow<'_, str>>, StringBuilder),
    Count(fn(&Row) -> Option<u64>, Int64Builder),
    Real(fn(&Row) -> Option<f64>, Float64Builder),
    Time(fn(&Row) -> Option<i64>, TimestampMicrosecondBuilder),
    Texts(fn(&Row) -> &[String], ListBuilder<StringBuilder>),
    Messages(Box<Messages>),
}

/// The columns of a table; what its directories say is not said again in its files.
fn chosen(without_messages: bool, keys: &[PartitionKey]) -> impl Iterator<Item = (&'static str, Origin)> {
    let said = if without_messages { &[][..] } else { &SAID[..] };
    COLUMNS.into_iter().chain(said.iter().copied()).filter(|(name, _)| keys.iter().all(|key| key.name() != *name))
}

/// The schema of a table.
pub(super) fn schema(without_messages: bool, keys: &[PartitionKey]) -> SchemaRef {
    let field = |(name, from): (&str, Origin)| Field::new(name, data_type(from), !ALWAYS.contains(&name));
    Arc::new(Schema::new(chosen(without_messages, keys).map(field).collect::<Vec<_>>()))
}

fn data_type(from: Origin) -> DataType {
    match from {
        Origin::Text(_) => DataType::Utf8,
        Origin::Count(_) => DataType::Int64,
        Origin::Real(_) => DataType::Float64,
        Origin::Time(_) => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Origin::Texts(_) => DataType::List(texts()),
        Origin::Messages => DataType::List(element(message_type())),
    }
}

fn texts() -> Arc<Field> {
    Arc::new(Field::new("element", DataType::Utf8, false))
}

/// The field of a list's elements, by the name the format gives it.
pub(super) fn element(of: DataType) -> Arc<Field> {
    Arc::new(Field::new("element", of, false))
}

impl Columns {
    pub(super) fn new(without_messages: bool, keys: &[PartitionKey]) -> Columns {
        let filling = chosen(without_messages, keys).map(|(_, from)| match from {
            Origin::Text(value) => Filling::Text(value, StringBuilder::new()),
            Origin::Count(value) => Filling::Count(value, Int64Builder::new()),
            Origin::Real(value) => Filling::Real(value, Float64Builder::new()),
            Origin::Time(value) => Filling::Time(value, TimestampMicrosecondBuilder::new().with_timezone("UTC")),
            Origin::Texts(value) => Filling::Texts(value, ListBuilder::new(StringBuilder::new()).with_field(texts())),
            Origin::Messages => Filling::Messages(Box::default()),
        });
        Columns { schema: schema(without_messages, keys), filling: filling.collect(), rows: 0 }
    }

    /// Rows that wait for [`Columns::batch`].
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn push(&mut self, row: &Row) {
        self.rows += 1;
        // No record has a count that large; a number that is none would be worse than none.
        let whole = |count: u64| i64::try_from(count).ok();
        for filling in &mut self.filling {
            match filling {
                Filling::Text(value, column) => column.append_option(value(row)),
                Filling::Count(value, column) => column.append_option(value(row).and_then(whole)),
                Filling::Real(value, column) => column.append_option(value(row)),
                Filling::Time(value, column) => column.append_option(value(row)),
                Filling::Texts(value, column) => column.append_value(value(row).iter().map(Some)),
                Filling::Messages(column) => column.push(&row.messages),
            }
        }
    }

    /// The rows so far.
    ///
    /// # Errors
    /// When columns do not fit together, which would be a mistake of this room.
    pub(super) fn batch(&mut self) -> Result<RecordBatch, arrow_schema::ArrowError> {
        self.rows = 0;
        let arrays = self.filling.iter_mut().map(|filling| -> Result<ArrayRef, arrow_schema::ArrowError> {
            Ok(match filling {
                Filling::Text(_, column) => Arc::new(column.finish()),
                Filling::Count(_, column) => Arc::new(column.finish()),
                Filling::Real(_, column) => Arc::new(column.finish()),
                Filling::Time(_, column) => Arc::new(column.finish()),
                Filling::Texts(_, column) => Arc::new(column.finish()),
                Filling::Messages(column) => Arc::new(column.finish()?),
            })
        });
        RecordBatch::try_new(Arc::clone(&self.schema), arrays.collect::<Result<_, _>>()?)
    }
}
