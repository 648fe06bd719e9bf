//! Where dialogues go: one stream, or a file for each part below a directory.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::dialogue::Form;
use crate::error::{Error, IoContext, Result};
use crate::fsio;
use crate::vault::api::{DialogueOptions, PartRow};

use super::row::Row;
use super::table::Table;

/// Names of two and of three parts.
const TWO: [&str; 2] = ["train", "test"];
const THREE: [&str; 3] = ["train", "validation", "test"];

/// What dialogues are written to.
pub(super) enum Out<'w> {
    /// Text, one after the other.
    Text(Part<'w>),
    /// A table.
    Table(Box<Table<'w>>),
}

impl<'w> Out<'w> {
    /// One stream for all.
    ///
    /// # Errors
    /// [`Error::Usage`] for a table where this program cannot write one.
    pub(super) fn stream(out: &'w mut (dyn Write + Send), options: &DialogueOptions) -> Result<Out<'w>> {
        match options.form {
            Form::Parquet => Ok(Out::Table(Box::new(Table::stream(out, options)?))),
            form => Ok(Out::Text(Part::stream(out).begin(form)?)),
        }
    }

    fn file(target: PathBuf, options: &DialogueOptions) -> Result<Out<'static>> {
        match options.form {
            Form::Parquet => Ok(Out::Table(Box::new(Table::file(target, options)?))),
            form => Ok(Out::Text(file(target)?.begin(form)?)),
        }
    }

    fn directories(dir: &Path, options: &DialogueOptions) -> Result<Out<'static>> {
        Ok(Out::Table(Box::new(Table::directories(dir, options)?)))
    }

    /// Writes a dialogue.
    ///
    /// # Errors
    /// Those of writing.
    pub(super) fn write(&mut self, text: &str, row: Option<&Row>) -> Result<()> {
        match self {
            Out::Text(part) => {
                part.row.dialogues += 1;
                part.write(text)
            }
            Out::Table(table) => row.map_or(Ok(()), |row| table.write(row)),
        }
    }

    /// Nothing follows; files get their names.
    ///
    /// # Errors
    /// Those of writing.
    pub(super) fn finish(self, form: Form) -> Result<Vec<PartRow>> {
        match self {
            Out::Text(mut part) => {
                part.write(form.foot())?;
                Ok(vec![part.finish()?])
            }
            Out::Table(table) => table.finish(),
        }
    }
}

/// A stream of text.
pub(super) struct Part<'w> {
    out: Box<dyn Write + 'w>,
    path: PathBuf,
    /// Its final name, for a file.
    target: Option<PathBuf>,
    row: PartRow,
}

impl<'w> Part<'w> {
    fn stream(out: &'w mut (dyn Write + Send)) -> Part<'w> {
        let row = PartRow { name: "the output".into(), ..PartRow::default() };
        Part { out: Box::new(out), path: "the output".into(), target: None, row }
    }

    /// Writes what stands before the first dialogue.
    fn begin(mut self, form: Form) -> Result<Part<'w>> {
        self.write(form.head())?;
        Ok(self)
    }

    fn write(&mut self, text: &str) -> Result<()> {
        self.row.bytes += text.len() as u64;
        self.out.write_all(text.as_bytes()).on("writing", &self.path)
    }

    fn finish(mut self) -> Result<PartRow> {
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
pub(super) fn create(dir: &Path, options: &DialogueOptions, count: usize) -> Result<Vec<Out<'static>>> {
    std::fs::create_dir_all(dir).on("creating", dir)?;
    if !options.partition_by.is_empty() {
        return Ok(vec![Out::directories(dir, options)?]);
    }
    let names: &[&str] = match count {
        0 | 1 => &["all"],
        2 => &TWO,
        _ => &THREE,
    };
    let targets: Vec<PathBuf> = names.iter().map(|name| dir.join(format!("{name}.{}", options.form.extension()))).collect();
    for target in &targets {
        if std::fs::symlink_metadata(target).is_ok() {
            return Err(Error::Usage(format!("{} is there already; remove it or give another directory", target.display())));
        }
    }
    targets.into_iter().map(|target| Out::file(target, options)).collect()
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
