//! What stands in for tables in a program that was built without the cargo feature `parquet`: there are none.

use std::convert::Infallible;
use std::io::Write;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use super::row::Row;
use crate::error::{Error, Result};
use crate::vault::api::{DialogueOptions, PartRow};

/// A table that nobody can have.
pub(super) struct Table<'w>(Infallible, PhantomData<&'w ()>);

fn none<'w>() -> Result<Table<'w>> {
    let reason = "this program was built without Parquet; build it with the cargo feature parquet, or name another --format";
    Err(Error::Usage(reason.into()))
}

impl<'w> Table<'w> {
    pub(super) fn stream(_: &'w mut (dyn Write + Send), _: &DialogueOptions) -> Result<Table<'w>> {
        none()
    }

    pub(super) fn file(_: PathBuf, _: &DialogueOptions) -> Result<Table<'w>> {
        none()
    }

    pub(super) fn directories(_: &Path, _: &DialogueOptions) -> Result<Table<'w>> {
        none()
    }

    pub(super) fn write(&mut self, _: &Row) -> Result<()> {
        match self.0 {}
    }

    pub(super) fn finish(self) -> Result<Vec<PartRow>> {
        match self.0 {}
    }
}
