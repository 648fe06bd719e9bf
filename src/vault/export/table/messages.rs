//! The column of messages: a list of structures, nested as OpenAI's chat format is.

use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{ArrayRef, ListArray, StructArray};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{ArrowError, DataType, Field, Fields};

use super::columns::element;
use crate::dialogue::FlatMessage;

/// Messages of some rows, column by column.
#[derive(Default)]
pub(super) struct Messages {
    /// How many messages each row has, and how many calls each message.
    counts: Vec<usize>,
    call_counts: Vec<usize>,
    role: StringBuilder,
    content: StringBuilder,
    reasoning: StringBuilder,
    name: StringBuilder,
    tool_call_id: StringBuilder,
    call_id: StringBuilder,
    call_type: StringBuilder,
    call_name: StringBuilder,
    arguments: StringBuilder,
}

fn text(name: &str, nullable: bool) -> Field {
    Field::new(name, DataType::Utf8, nullable)
}

fn function_fields() -> Fields {
    vec![text("name", true), text("arguments", false)].into()
}

fn call_fields() -> Fields {
    vec![text("id", true), text("type", false), Field::new("function", DataType::Struct(function_fields()), false)].into()
}

fn message_fields() -> Fields {
    let calls = DataType::List(element(DataType::Struct(call_fields())));
    vec![
        text("role", false),
        text("content", true),
        text("reasoning_content", true),
        text("name", true),
        text("tool_call_id", true),
        Field::new("tool_calls", calls, false),
    ]
    .into()
}

/// The type of one message.
pub(super) fn message_type() -> DataType {
    DataType::Struct(message_fields())
}

impl Messages {
    /// Adds the messages of a row.
    pub(super) fn push(&mut self, messages: &[FlatMessage]) {
        self.counts.push(messages.len());
        for message in messages {
            self.role.append_value(&message.role);
            self.content.append_option(message.content.as_deref());
            self.reasoning.append_option(message.reasoning.as_deref());
            self.name.append_option(message.name.as_deref());
            self.tool_call_id.append_option(message.tool_call_id.as_deref());
            self.call_counts.push(message.calls.len());
            for call in &message.calls {
                self.call_id.append_option(call.id.as_deref());
                self.call_type.append_value("function");
                self.call_name.append_option(call.name.as_deref());
                self.arguments.append_value(&call.arguments);
            }
        }
    }

    /// The rows so far as one column.
    pub(super) fn finish(&mut self) -> Result<ListArray, ArrowError> {
        let text = |column: &mut StringBuilder| -> ArrayRef { Arc::new(column.finish()) };
        let function = StructArray::try_new(function_fields(), vec![text(&mut self.call_name), text(&mut self.arguments)], None)?;
        let calls = vec![text(&mut self.call_id), text(&mut self.call_type), Arc::new(function) as ArrayRef];
        let calls = list(call_fields(), calls, &mut self.call_counts)?;
        let columns = [&mut self.role, &mut self.content, &mut self.reasoning, &mut self.name, &mut self.tool_call_id];
        let mut messages: Vec<ArrayRef> = columns.into_iter().map(text).collect();
        messages.push(Arc::new(calls));
        list(message_fields(), messages, &mut self.counts)
    }
}

fn list(fields: Fields, columns: Vec<ArrayRef>, counts: &mut Vec<usize>) -> Result<ListArray, ArrowError> {
    let structs = StructArray::try_new(fields, columns, None)?;
    let offsets = OffsetBuffer::from_lengths(std::mem::take(counts));
    ListArray::try_new(element(structs_type(&structs)), offsets, Arc::new(structs), None)
}

fn structs_type(structs: &StructArray) -> DataType {
    DataType::Struct(structs.fields().clone())
}
