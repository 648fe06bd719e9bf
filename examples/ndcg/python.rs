//! Functions of Python sources with what their docstrings say of them.

use std::path::Path;

use anyhow::{Result, ensure};

/// A body shorter than this says nothing.
const SHORTEST: usize = 120;

/// The first sentence of each function's docstring, and the function without its docstring.
pub fn functions(folder: &Path) -> Result<Vec<(String, String)>> {
    let mut pairs = Vec::new();
    walk(folder, &mut pairs)?;
    ensure!(!pairs.is_empty(), "no functions with docstrings in {}", folder.display());
    Ok(pairs)
}

fn walk(folder: &Path, pairs: &mut Vec<(String, String)>) -> Result<()> {
    let mut paths = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            walk(&path, pairs)?;
        } else if path.extension().is_some_and(|extension| extension == "py") {
            of_source(&String::from_utf8_lossy(&std::fs::read(&path)?), pairs);
        }
    }
    Ok(())
}

fn of_source(source: &str, pairs: &mut Vec<(String, String)>) {
    let lines: Vec<&str> = source.lines().collect();
    let is_head = |line: &str| line.trim_start().starts_with("def ");
    for start in (0..lines.len()).filter(|at| is_head(lines[*at])) {
        let depth = indent(lines[start]);
        // What is indented further, and what closes a list of parameters.
        let inside = |line: &&&str| line.trim().is_empty() || indent(line) > depth || line.trim_start().starts_with(')');
        let end = start + 1 + lines[start + 1..].iter().take_while(inside).count();
        let Some(head) = lines[start..end].iter().position(|line| line.trim_end().ends_with(':')) else { continue };
        let (head, body) = lines[start..end].split_at(head + 1);
        if let Some((sentence, rest)) = docstring(&body.join("\n")) {
            let function = format!("{}\n{}", head.join("\n"), rest.trim_end());
            if function.len() >= SHORTEST && sentence.split(' ').count() >= 4 {
                pairs.push((sentence, function));
            }
        }
    }
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The first sentence of the docstring that a body begins with, and what comes after the docstring.
fn docstring(body: &str) -> Option<(String, &str)> {
    let (before, after) = body.split_once("\"\"\"")?;
    let is_first = matches!(before.trim(), "" | "r");
    let (text, rest) = after.split_once("\"\"\"").filter(|_| is_first)?;
    let paragraph = text.trim().split("\n\n").next().unwrap_or_default();
    let paragraph = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    let sentence = paragraph.split_once(". ").map_or(paragraph.as_str(), |(sentence, _)| sentence);
    Some((sentence.trim_end_matches('.').to_string(), rest))
}
