//! Where dialogues go: one stream, or a file for each part below a directory.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::dialogue::Form;
use crate::error::{Error, IoContext, Result};
use crate::fsio;
use crate::vault::api::PartRow;

/// Names of two and of three parts.
const TWO: [&str; 2] = ["train", "test"];
const THREE: [&str; 3] = ["train", "validation", "test"];

/// A stream that dialogues are written to.
pub(super) struct Part<'w> {
    out: Box<dyn Write + 'w>,
    path: PathBuf,
    /// Its final name, for a file.
    target: Option<PathBuf>,
    pub(super) row: PartRow,
}

impl<'w> Part<'w> {
    /// One stream for all.
    pub(super) fn stream(out: &'w mut dyn Write) -> Part<'w> {
        let row = PartRow { name: "the output".into(), ..PartRow::default() };
        Part { out: Box::new(out), path: "the output".into(), target: None, row }
    }

    /// Writes text.
    pub(super) fn write(&mut self, text: &str) -> Result<()> {
        self.row.bytes += text.len() as u64;
        self.out.write_all(text.as_bytes()).on("writing", &self.path)
    }

    /// Nothing follows; a file gets its name.
    pub(super) fn finish(mut self) -> Result<PartRow> {
        self.out.flush().on("writing", &self.path)?;
        drop(self.out);
        if let Some(target) = &self.target {
            std::fs::rename(&self.path, target).on("naming", target)?;
        }
        Ok(self.row)
    }
}

/// The files of an export below `dir`: `all`, or the names of the parts. Half a file would be taken for a whole one, so they have
/// another name until they are.
///
/// # Errors
/// [`Error::Usage`] when one is there already.
pub(super) fn create(dir: &Path, form: Form, count: usize) -> Result<Vec<Part<'static>>> {
    let names: &[&str] = match count {
        0 | 1 => &["all"],
        2 => &TWO,
        _ => &THREE,
    };
    std::fs::create_dir_all(dir).on("creating", dir)?;
    let targets: Vec<PathBuf> = names.iter().map(|name| dir.join(format!("{name}.{}", form.extension()))).collect();
    for target in &targets {
        if std::fs::symlink_metadata(target).is_ok() {
            return Err(Error::Usage(format!("{} is there already; remove it or give another directory", target.display())));
        }
    }
    targets.into_iter().map(file).collect()
}

fn file(target: PathBuf) -> Result<Part<'static>> {
    let mut unfinished = target.clone().into_os_string();
    unfinished.push(".unfinished");
    let path = PathBuf::from(unfinished);
    if path.is_file() {
        fsio::remove(&path)?;
    }
    let file: File = fsio::create_new(&path)?;
    let name = target.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let out = Box::new(BufWriter::with_capacity(1 << 20, file));
    Ok(Part { out, path, target: Some(target), row: PartRow { name, ..PartRow::default() } })
}
