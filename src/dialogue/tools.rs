//! Definitions of tools: every provider words them its own way; name, description and parameters are in all of them.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::arguments::compact;
use super::{Call, Losses, Settled};

/// What a tool is.
#[derive(Debug)]
pub(super) struct Tool {
    /// Its name.
    pub(super) name: String,
    /// What it does.
    pub(super) description: Option<String>,
    /// A JSON schema.
    pub(super) parameters: Box<RawValue>,
}

#[derive(Deserialize)]
struct Anything<'j> {
    name: Option<String>,
    description: Option<String>,
    #[serde(borrow)]
    parameters: Option<&'j RawValue>,
    #[serde(borrow)]
    input_schema: Option<&'j RawValue>,
    #[serde(borrow, rename = "inputSchema")]
    camel_schema: Option<&'j RawValue>,
    #[serde(borrow, rename = "parametersJsonSchema")]
    json_schema: Option<&'j RawValue>,
    #[serde(borrow)]
    function: Option<&'j RawValue>,
    #[serde(borrow, rename = "toolSpec")]
    tool_spec: Option<&'j RawValue>,
    #[serde(borrow)]
    json: Option<&'j RawValue>,
}

/// The tools of a dialogue as a consumer can use them. Calls of others are counted: what they take is told by no record.
pub(super) fn of(settled: &Settled<'_>, losses: &mut Losses) -> Vec<Tool> {
    let tools = read(&settled.dialogue.tools, losses);
    let is_known = |call: &&Call| tools.iter().any(|tool| tool.name == call.name);
    let calls = settled.steps.iter().flat_map(|step| &step.calls);
    losses.add("calls of tools that no record defines", calls.filter(|call| !is_known(call)).count() as u64);
    tools
}

/// The definitions a consumer can use; others (search by the provider, schemas of answers) are counted.
fn read(definitions: &[String], losses: &mut Losses) -> Vec<Tool> {
    let mut tools: Vec<Tool> = Vec::new();
    for definition in definitions {
        match one(definition, 0) {
            // Agents redefine a tool in the course of a session; a name may stand there once.
            Some(tool) => match tools.iter_mut().find(|known| known.name == tool.name) {
                Some(known) => *known = tool,
                None => tools.push(tool),
            },
            None => losses.count("tool definitions of another kind"),
        }
    }
    tools
}

fn one(definition: &str, depth: u8) -> Option<Tool> {
    let found: Anything<'_> = serde_json::from_str(definition).ok()?;
    if let Some(inner) = found.function.or(found.tool_spec).filter(|_| depth == 0) {
        return one(inner.get(), 1);
    }
    let schema = found.parameters.or(found.input_schema).or(found.camel_schema).or(found.json_schema);
    let parameters = match schema {
        // Bedrock wraps the schema once more.
        Some(schema) => match serde_json::from_str::<Anything<'_>>(schema.get()).ok().and_then(|outer| outer.json) {
            Some(inner) => compact(inner.get())?,
            None => compact(schema.get())?,
        },
        // A tool without a schema takes nothing; with a type of its own it is the provider's.
        None if found.description.is_some() => compact(r#"{"type":"object","properties":{}}"#)?,
        None => return None,
    };
    let parameters = in_lower_case(parameters)?;
    Some(Tool { name: found.name.filter(|name| !name.is_empty())?, description: found.description, parameters })
}

/// Gemini writes types as `OBJECT`, JSON schema as `object`. No text can be mistaken for one: its quotes are escaped.
fn in_lower_case(schema: Box<RawValue>) -> Option<Box<RawValue>> {
    const TYPES: [&str; 7] = ["OBJECT", "STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "NULL"];
    if !schema.get().contains(r#""type":"OBJECT""#) {
        return Some(schema);
    }
    let lower = |text: String, word: &&str| {
        text.replace(&format!(r#""type":"{word}""#), &format!(r#""type":"{}""#, word.to_ascii_lowercase()))
    };
    RawValue::from_string(TYPES.iter().fold(schema.get().to_owned(), lower)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    // The same tool must come out of each provider's wording.
    #[test]
    fn every_wording_of_a_tool_is_the_same_tool() {
        let schema = r#"{"type":"object","properties":{"z":{"type":"string"},"a":{"type":"integer"}}}"#;
        for definition in [
            format!(r#"{{"type":"function","function":{{"name":"f","description":"d","parameters":{schema}}}}}"#),
            format!(r#"{{"type":"function","name":"f","description":"d","parameters":{schema}}}"#),
            format!(r#"{{"name":"f","description":"d","input_schema": {schema}}}"#),
            format!(
                r#"{{"name":"f","description":"d","parameters":{}}}"#,
                schema.replace("object", "OBJECT").replace("string", "STRING").replace("integer", "INTEGER")
            ),
            format!(r#"{{"toolSpec":{{"name":"f","description":"d","inputSchema":{{"json":{schema}}}}}}}"#),
        ] {
            let mut losses = Losses::default();
            let tools = read(&[definition.clone(), definition.clone()], &mut losses);
            assert_eq!(tools.len(), 1, "{definition}");
            assert_eq!((tools[0].name.as_str(), tools[0].description.as_deref()), ("f", Some("d")));
            assert_eq!(tools[0].parameters.get(), schema);
        }
    }

    #[test]
    fn what_is_no_function_is_counted() {
        let mut losses = Losses::default();
        assert!(read(&[r#"{"type":"web_search"}"#.into(), "[]".into()], &mut losses).is_empty());
        assert_eq!(losses.counts["tool definitions of another kind"], 2);
    }
}
