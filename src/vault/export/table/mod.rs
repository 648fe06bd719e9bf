//! Rows as Parquet: to one stream, one file, or directories named by day, model and the like.
//!
//! Memory is bounded: rows wait in small batches, a row group is closed when it has enough, and of many directories only some
//! have an open file; when one of the others gets more rows, they begin a new file. All of it depends on the rows alone, so the
//! same rows give the same bytes. Files get their names when all are whole.

mod columns;
mod messages;
mod partition;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;

use super::row::Row;
use crate::error::{Error, IoContext, Result};
use crate::fsio;
use crate::vault::api::{DialogueOptions, PartRow, PartitionKey, Per};
use columns::Columns;

/// Rows of a row group at most: what DuckDB gives one thread.
const GROUP_ROWS: usize = 122_880;
/// Memory of a row group that is being written, of one file and of all that are open.
const GROUP_BYTES: usize = 48 << 20;
const ALL_GROUPS_BYTES: usize = 128 << 20;
/// Rows that wait to be encoded together: so many, or so many bytes of text.
const BATCH_ROWS: usize = 1024;
const BATCH_BYTES: usize = 1 << 20;
/// Files open at once. Logs come by day, so a day is rarely opened twice.
const OPEN_FILES: usize = 64;

/// Where the rows go.
pub(super) struct Table<'w> {
    without_messages: bool,
    keys: Vec<PartitionKey>,
    properties: WriterProperties,
    target: Target<'w>,
    /// Open files by directory; that of a table without partitions has no name.
    open: BTreeMap<String, Open<'w>>,
    /// Files begun in each directory.
    begun: BTreeMap<String, u32>,
    /// Written and not named yet.
    whole: Vec<(PathBuf, PathBuf, PartRow)>,
    clock: u64,
}

enum Target<'w> {
    Stream(Option<Box<dyn Write + Send + 'w>>),
    File(PathBuf),
    Directory(PathBuf),
}

struct Open<'w> {
    writer: ArrowWriter<Box<dyn Write + Send + 'w>>,
    columns: Columns,
    waiting: usize,
    used: u64,
    path: PathBuf,
    /// Its name when it is whole; a stream has none.
    named: Option<PathBuf>,
    row: PartRow,
}

impl<'w> Table<'w> {
    /// A table on a stream.
    pub(super) fn stream(out: &'w mut (dyn Write + Send), options: &DialogueOptions) -> Result<Table<'w>> {
        Table::new(Target::Stream(Some(Box::new(out))), options)
    }

    /// A table in one file, which must not be there yet.
    pub(super) fn file(path: PathBuf, options: &DialogueOptions) -> Result<Table<'w>> {
        Table::new(Target::File(path), options)
    }

    /// A table in directories below an empty one.
    ///
    /// # Errors
    /// [`Error::Usage`] when it is not empty: readers take all files below it for one table.
    pub(super) fn directories(dir: &Path, options: &DialogueOptions) -> Result<Table<'w>> {
        if std::fs::read_dir(dir).on("reading", dir)?.next().is_some() {
            let reason = "readers take all files below it for one table; empty it or give another directory";
            return Err(Error::Usage(format!("{} is not empty: {reason}", dir.display())));
        }
        Table::new(Target::Directory(dir.to_path_buf()), options)
    }

    fn new(target: Target<'w>, options: &DialogueOptions) -> Result<Table<'w>> {
        let mut table = Table {
            without_messages: options.without_messages,
            keys: options.partition_by.clone(),
            properties: properties(options.per),
            target,
            open: BTreeMap::new(),
            begun: BTreeMap::new(),
            whole: Vec::new(),
            clock: 0,
        };
        if !matches!(table.target, Target::Directory(_)) {
            // A table without rows is a table.
            table.begin(String::new())?;
        }
        Ok(table)
    }

    /// Adds a row.
    pub(super) fn write(&mut self, row: &Row) -> Result<()> {
        let directory = match self.target {
            Target::Directory(_) => partition::directory(&self.keys, row),
            _ => String::new(),
        };
        if !self.open.contains_key(&directory) {
            self.make_room()?;
            self.begin(directory.clone())?;
        }
        self.clock += 1;
        let Some(open) = self.open.get_mut(&directory) else {
            return Err(Error::Internal(format!("a table has no directory {directory}")));
        };
        open.used = self.clock;
        open.columns.push(row);
        open.row.dialogues += 1;
        open.waiting += row.text_bytes();
        if open.waiting >= BATCH_BYTES || open.columns.rows() >= BATCH_ROWS {
            open.encode()?;
            if open.writer.memory_size() >= GROUP_BYTES {
                open.close_group()?;
            }
            self.bound_memory()?;
        }
        Ok(())
    }

    /// Closes all files and names them.
    pub(super) fn finish(mut self) -> Result<Vec<PartRow>> {
        while let Some((_, open)) = self.open.pop_first() {
            self.close(open)?;
        }
        for (path, named, _) in &self.whole {
            if path != named {
                std::fs::rename(path, named).on("naming", named)?;
            }
        }
        let mut rows: Vec<PartRow> = self.whole.into_iter().map(|(_, _, row)| row).collect();
        rows.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(rows)
    }

    fn begin(&mut self, directory: String) -> Result<()> {
        let (out, path, named, name): (Box<dyn Write + Send + 'w>, _, _, _) = match &mut self.target {
            Target::Stream(out) => {
                let out = out.take().ok_or_else(|| Error::Internal("a stream takes one table".into()))?;
                (out, PathBuf::from("the output"), None, "the output".to_owned())
            }
            Target::File(named) => {
                let (file, path) = unfinished(named)?;
                let name = named.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                (Box::new(file), path, Some(named.clone()), name)
            }
            Target::Directory(dir) => {
                let begun = self.begun.entry(directory.clone()).or_default();
                let name = format!("{directory}/part-{begun:05}.parquet");
                *begun += 1;
                let named = dir.join(&name);
                named.parent().map_or(Ok(()), |parent| std::fs::create_dir_all(parent).on("creating", parent))?;
                let (file, path) = unfinished(&named)?;
                (Box::new(file), path, Some(named), name)
            }
        };
        let columns = Columns::new(self.without_messages, &self.keys);
        let schema = columns::schema(self.without_messages, &self.keys);
        let writer = ArrowWriter::try_new(out, schema, Some(self.properties.clone())).map_err(|error| failed(&path, error))?;
        let row = PartRow { name, ..PartRow::default() };
        self.open.insert(directory, Open { writer, columns, waiting: 0, used: 0, path, named, row });
        Ok(())
    }

    /// Closes the file that was not written to for longest when there are as many as may be.
    fn make_room(&mut self) -> Result<()> {
        if self.open.len() < OPEN_FILES {
            return Ok(());
        }
        let oldest = self.open.iter().min_by_key(|(_, open)| open.used).map(|(directory, _)| directory.clone());
        match oldest.and_then(|directory| self.open.remove(&directory)) {
            Some(open) => self.close(open),
            None => Ok(()),
        }
    }

    /// Closes row groups, the largest first, until all together are small enough.
    fn bound_memory(&mut self) -> Result<()> {
        while self.open.len() > 1 && self.open.values().map(|open| open.writer.memory_size()).sum::<usize>() > ALL_GROUPS_BYTES {
            match self.open.values_mut().max_by_key(|open| open.writer.memory_size()) {
                Some(open) => open.close_group()?,
                None => break,
            }
        }
        Ok(())
    }

    fn close(&mut self, mut open: Open<'w>) -> Result<()> {
        open.encode()?;
        open.writer.finish().map_err(|error| failed(&open.path, error))?;
        open.row.bytes = open.writer.bytes_written() as u64;
        let named = open.named.unwrap_or_else(|| open.path.clone());
        self.whole.push((open.path, named, open.row));
        Ok(())
    }
}

impl Open<'_> {
    /// Hands the rows that wait to the row group.
    fn encode(&mut self) -> Result<()> {
        if self.columns.rows() == 0 {
            return Ok(());
        }
        self.waiting = 0;
        let batch = self.columns.batch().map_err(|error| Error::Internal(format!("columns of a table: {error}")))?;
        self.writer.write(&batch).map_err(|error| failed(&self.path, error))
    }

    fn close_group(&mut self) -> Result<()> {
        self.writer.flush().map_err(|error| failed(&self.path, error))
    }
}

/// A file that has its final name only when it is whole: half a file would be taken for one.
fn unfinished(named: &Path) -> Result<(File, PathBuf)> {
    let mut path = named.to_path_buf().into_os_string();
    path.push(".unfinished");
    let path = PathBuf::from(path);
    if path.is_file() {
        fsio::remove(&path)?;
    }
    Ok((fsio::create_new(&path)?, path))
}

fn properties(per: Per) -> WriterProperties {
    let rows = match per {
        Per::Record => "record",
        Per::Conversation => "conversation",
    };
    let version = env!("CARGO_PKG_VERSION");
    let about = [("turnpack.version", version), ("turnpack.rows", rows)];
    let about = about.into_iter().map(|(key, value)| KeyValue::new(key.to_owned(), value.to_owned())).collect();
    let mut properties = WriterProperties::builder()
        .set_created_by(format!("turnpack version {version}"))
        .set_key_value_metadata(Some(about))
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(GROUP_ROWS));
    for column in columns::UNIQUE {
        properties = properties.set_column_dictionary_enabled(ColumnPath::from(column), false);
    }
    properties.build()
}

fn failed(path: &Path, error: ParquetError) -> Error {
    let error = match error {
        ParquetError::External(inner) => match inner.downcast::<std::io::Error>() {
            Ok(error) => *error,
            Err(other) => std::io::Error::other(other),
        },
        other => std::io::Error::other(other),
    };
    Error::io("writing", path, error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialogue::{FlatMessage, Form};
    use crate::vault::api::Filter;
    use parquet::file::reader::{FileReader, SerializedFileReader};

    fn options(partition_by: Vec<PartitionKey>) -> DialogueOptions {
        DialogueOptions {
            filter: Filter::default(),
            form: Form::Parquet,
            per: Per::Record,
            include: Vec::new(),
            exclude: Vec::new(),
            limit: None,
            dedup: None,
            decontaminate: None,
            split: Vec::new(),
            roles: Vec::new(),
            partition_by,
            without_messages: false,
        }
    }

    fn row(line: u64, text: String) -> Row {
        let message = FlatMessage { role: "user".into(), content: Some(text), ..FlatMessage::default() };
        Row { line, records: 1, messages: vec![message], ..Row::default() }
    }

    // A log by a thousand users must not need a thousand open files; and no row is lost when a file is closed early.
    #[test]
    fn of_many_directories_few_have_an_open_file_and_all_rows_are_there() {
        const MODELS: u64 = OPEN_FILES as u64 + 6;
        let dir = tempfile::tempdir().unwrap();
        let mut table = Table::directories(dir.path(), &options(vec![PartitionKey::Model])).unwrap();
        for line in 0..2 * MODELS {
            let mut row = row(line, "x".into());
            row.metadata.model = Some(format!("m{}", line % MODELS));
            table.write(&row).unwrap();
            assert!(table.open.len() <= OPEN_FILES);
        }
        assert!(dir.path().join("model=m1/part-00000.parquet.unfinished").exists());
        let files = table.finish().unwrap();
        let rows = |file: &PartRow| {
            let reader = SerializedFileReader::try_from(dir.path().join(&file.name).as_path()).unwrap();
            assert_eq!(reader.metadata().file_metadata().num_rows() as u64, file.dialogues);
            file.dialogues
        };
        assert_eq!(files.iter().map(rows).sum::<u64>(), 2 * MODELS);
        assert!(files.len() as u64 > MODELS && files.iter().any(|file| file.name == "model=m0/part-00001.parquet"));
    }

    // A row group is in memory until it is closed: by its bytes, since one row can be a book.
    #[test]
    fn row_groups_end_before_they_fill_the_memory() {
        let mut state = 7_u64;
        let mut noise = || -> String {
            let mut letter = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                char::from(b'!' + (state >> 58) as u8)
            };
            (0..1 << 20).map(|_| letter()).collect()
        };
        let mut out = Vec::new();
        let mut table = Table::stream(&mut out, &options(Vec::new())).unwrap();
        for line in 0..80 {
            table.write(&row(line, noise())).unwrap();
            assert!(table.open.values().all(|open| open.writer.memory_size() < GROUP_BYTES + (8 << 20)));
        }
        table.finish().unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), out).unwrap();
        let reader = SerializedFileReader::try_from(file.path()).unwrap();
        assert!(reader.num_row_groups() >= 2, "{}", reader.num_row_groups());
        assert_eq!(reader.metadata().file_metadata().num_rows(), 80);
    }
}
