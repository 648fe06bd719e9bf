//! Calls and their results side by side: consumers refuse a result without its call and a call without its result.

use std::collections::VecDeque;

use super::settled::{Call, Step};
use super::{Losses, Speaker};

/// Puts the results of each call right behind it. Calls without an id get one, results without one go to the first open call,
/// of the same name if there is one. A call that stays open is kept only at the very end, where the dialogue stops.
pub(super) fn beside_calls(steps: Vec<Step>, losses: &mut Losses) -> Vec<Step> {
    let mut named = 0;
    let mut out: Vec<Step> = Vec::with_capacity(steps.len());
    // Open calls: id, name, and the place of their step in `out`.
    let mut open: VecDeque<(String, String, usize)> = VecDeque::new();
    for mut step in steps {
        match step.speaker {
            Speaker::Assistant => {
                for call in &mut step.calls {
                    let taken = |id: &str| open.iter().any(|(other, _, _)| other == id);
                    if call.id.is_empty() || taken(&call.id) {
                        named += 1;
                        call.id = format!("call_{named}");
                    }
                    open.push_back((call.id.clone(), call.name.clone(), out.len()));
                }
                out.push(step);
            }
            Speaker::Tool => {
                for mut result in step.results {
                    match take(&mut open, &result.call_id, &result.name) {
                        Some((id, name, at)) => {
                            (result.call_id, result.name) = (id, name);
                            if let Some(step) = out.get_mut(at) {
                                step.results.push(result);
                            }
                        }
                        None => losses.count("results without a call"),
                    }
                }
            }
            _ => out.push(step),
        }
    }
    spread(out, losses)
}

fn take(open: &mut VecDeque<(String, String, usize)>, id: &str, name: &str) -> Option<(String, String, usize)> {
    let at = match id {
        "" => open
            .iter()
            .position(|(_, other, _)| !name.is_empty() && other == name)
            .or_else(|| (!open.is_empty() && name.is_empty()).then_some(0)),
        id => open.iter().position(|(other, _, _)| other == id),
    };
    open.remove(at?)
}

/// Results that were gathered at their call become a step of their own behind it.
fn spread(steps: Vec<Step>, losses: &mut Losses) -> Vec<Step> {
    let last = steps.iter().rposition(|step| step.speaker == Speaker::Assistant);
    let mut out = Vec::with_capacity(steps.len());
    for (at, mut step) in steps.into_iter().enumerate() {
        let results = std::mem::take(&mut step.results);
        let answered = |call: &Call| results.iter().any(|result| result.call_id == call.id);
        if Some(at) != last {
            let before = step.calls.len();
            step.calls.retain(answered);
            losses.add("calls without a result", (before - step.calls.len()) as u64);
        }
        if step.speaker != Speaker::Assistant || !step.is_empty() {
            out.push(step);
        }
        if !results.is_empty() {
            out.push(Step { results, ..Step::of(Speaker::Tool) });
        }
    }
    out
}
