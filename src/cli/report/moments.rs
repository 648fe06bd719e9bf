//! Changes as they came: what the same request brought changed together.
//!
//! A release that touches the prompt and fifteen tools is one event to whoever reads the report, and not sixteen.

use crate::vault::api::{DriftChange, DriftReport, Lineage, PromptVersion};

/// Characters of a prompt that tell it from others.
const NAME: usize = 48;

/// What changed with one request.
pub(super) struct Moment<'r> {
    /// The prompt first, then tools.
    pub(super) changes: Vec<Changed<'r>>,
}

/// A change with the lineage it belongs to.
#[derive(Clone, Copy)]
pub(super) struct Changed<'r> {
    pub(super) change: &'r DriftChange,
    lineage: Option<&'r Lineage>,
}

/// Puts changes together that were first seen in the same record.
pub(super) fn moments(drift: &DriftReport) -> Vec<Moment<'_>> {
    let of = |change| Changed { change, lineage: lineage_of(drift, change) };
    let same = |a: &DriftChange, b: &DriftChange| (a.time, &a.place) == (b.time, &b.place);
    let mut moments: Vec<Moment<'_>> =
        drift.changes.chunk_by(same).map(|together| Moment { changes: together.iter().map(of).collect() }).collect();
    moments.iter_mut().for_each(|moment| moment.changes.sort_by_key(|changed| changed.change.tool.is_some()));
    moments
}

fn lineage_of<'r>(drift: &'r DriftReport, change: &DriftChange) -> Option<&'r Lineage> {
    let is_of = |lineage: &&Lineage| {
        (&lineage.app, &lineage.tool) == (&change.app, &change.tool)
            && lineage.versions.get(change.to.wrapping_sub(1)).is_some_and(|version| version.hash == change.to_hash)
    };
    drift.lineages.iter().find(is_of)
}

impl Moment<'_> {
    /// The first change, which stands for time and place of all.
    pub(super) fn first(&self) -> Option<&DriftChange> {
        self.changes.first().map(|changed| changed.change)
    }

    /// What changed, in a few words.
    pub(super) fn title(&self) -> String {
        if let [only] = self.changes.as_slice() {
            return only.title();
        }
        let tools = self.changes.iter().filter(|changed| changed.change.tool.is_some()).count();
        let prompts = self.changes.len() - tools;
        let many = |count: usize, word: &str| match count {
            0 => None,
            1 => Some(format!("1 {word}")),
            _ => Some(format!("{count} {word}s")),
        };
        let parts: Vec<String> = [many(prompts, "system prompt"), many(tools, "tool")].into_iter().flatten().collect();
        format!("{} changed together", parts.join(" and "))
    }
}

impl<'r> Changed<'r> {
    /// What happened to what: `edit of the tool search: version 1 to 2`.
    pub(super) fn title(&self) -> String {
        let change = self.change;
        let kind = match change.kind {
            "rollback" => "roll-back",
            "replaced" => "replacement",
            other => other,
        };
        let app = change.app.as_ref().map(|app| format!(" of {app}")).unwrap_or_default();
        let parent = match change.kind {
            "rollback" => String::new(),
            _ if change.parent == change.from => String::new(),
            _ => format!(", made from version {}", change.parent),
        };
        format!("{kind} of the {}{app}: version {} to {}{parent}", self.name(), change.from, change.to)
    }

    /// The prompt or tool; prompts have no name but their beginning.
    fn name(&self) -> String {
        match (&self.change.tool, self.lineage) {
            (Some(tool), _) => format!("tool {tool}"),
            (None, Some(lineage)) => format!("system prompt “{}”", beginning(&lineage.preview)),
            (None, None) => "system prompt".to_string(),
        }
    }

    /// The version that came.
    pub(super) fn came(&self) -> Option<&'r PromptVersion> {
        self.lineage.and_then(|lineage| lineage.versions.get(self.change.to.wrapping_sub(1)))
    }
}

/// As much of a text as names it.
fn beginning(text: &str) -> String {
    match text.char_indices().nth(NAME) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default().trim_end_matches('…').trim_end()),
        None => text.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::api::Time;

    fn change(time: i64, tool: Option<&str>) -> DriftChange {
        DriftChange {
            kind: "edit",
            what: if tool.is_some() { "tool" } else { "system_prompt" },
            app: None,
            models: Vec::new(),
            tool: tool.map(String::from),
            time: Some(Time(time)),
            place: format!("gw.jsonl:{time}"),
            from: 1,
            from_hash: String::new(),
            to: 2,
            to_hash: String::new(),
            parent: 1,
            parent_hash: String::new(),
            diff: Vec::new(),
            before: Default::default(),
            after: Default::default(),
        }
    }

    /// A release is told once, whatever it touched, and the prompt is told first.
    #[test]
    fn what_one_request_brought_is_one_moment() {
        let changes = vec![change(1, Some("a")), change(1, Some("b")), change(1, None), change(2, Some("a"))];
        let drift = DriftReport { changes, ..DriftReport::default() };
        let moments = moments(&drift);
        let titles: Vec<String> = moments.iter().map(Moment::title).collect();
        assert_eq!(titles, ["1 system prompt and 2 tools changed together", "edit of the tool a: version 1 to 2"]);
        assert!(moments[0].first().unwrap().tool.is_none());
    }

    #[test]
    fn a_prompt_is_named_by_its_beginning() {
        assert_eq!(beginning("short"), "short");
        assert_eq!(beginning(&"x".repeat(60)).chars().count(), NAME + 1);
    }
}
