//! Those that are compared, each behind the same few functions.

use std::ffi::CString;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Result, anyhow};
use hnsw_rs::prelude::{AnnT, DistDot, Hnsw, HnswIo};
use memmap2::Mmap;
use turnpack::vectors::graph::Config;
use turnpack::vectors::graph::build::build;
use turnpack::vectors::metric::{Form, Metric};
use turnpack::vectors::nearest::{Manner, nearest};
use turnpack::vectors::part::{Built, Check, Part, Text};
use turnpack::vectors::quantize::Query;
use usearch::{Index as Usearch, IndexOptions, MetricKind, ScalarKind};

use crate::Setting;
use crate::data::{Vectors, WANTED};

/// Ours as it is used.
pub const OURS: &str = "turnpack i8";

/// An index that was opened from its file.
pub trait Index {
    fn search(&mut self, query: &[f32], ef: usize) -> Vec<u32>;
}

/// One that can be built, kept and opened.
pub trait Library {
    fn name(&self) -> &'static str;
    fn build(&mut self, base: &Vectors, setting: &Setting) -> Result<()>;
    fn save(&mut self, base: &Vectors, directory: &Path) -> Result<()>;
    fn open(&self, dimension: usize, directory: &Path) -> Result<Box<dyn Index>>;
}

pub fn all() -> Vec<Box<dyn Library>> {
    let mut all: Vec<Box<dyn Library>> = vec![
        Box::new(Ours { name: OURS, ..Ours::default() }),
        Box::new(Ours { name: "turnpack f32 kept", keeps_originals: true, ..Ours::default() }),
        Box::new(Ours { name: "turnpack --exact", exact: true, ..Ours::default() }),
    ];
    if cfg!(has_hnswlib) {
        all.push(Box::new(Hnswlib(std::ptr::null_mut())));
    }
    all.push(Box::new(Usearches { name: "usearch f16", kind: ScalarKind::F16, index: None }));
    all.push(Box::new(Usearches { name: "usearch i8", kind: ScalarKind::I8, index: None }));
    all.push(Box::new(HnswRs::default()));
    all
}

/// Adds rows from some threads, whoever is free taking the next.
fn on_threads(setting: &Setting, count: usize, add: &(dyn Fn(usize) + Sync)) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..setting.threads {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= count {
                        break;
                    }
                    add(at);
                }
            });
        }
    });
}

/// A whole part as `embed` writes it, one text for each vector.
#[derive(Default)]
struct Ours {
    name: &'static str,
    built: Built,
    /// As with `--quantize none`.
    keeps_originals: bool,
    /// Without a graph, every row compared: how much the rounding of rows costs.
    exact: bool,
}

impl Library for Ours {
    fn name(&self) -> &'static str {
        self.name
    }

    fn build(&mut self, base: &Vectors, setting: &Setting) -> Result<()> {
        let form = Form { dimension: base.dimension, metric: Metric::Cosine, keeps_originals: self.keeps_originals };
        let texts = (0..base.len()).map(|at| {
            let mut text = Text { hash: at as u64, types: 1, holders: vec![at as u64], ..Text::default() };
            text.vectors.add(0, base.get(at), form)?;
            Ok(text)
        });
        self.built = Built { model: "compared".into(), form, texts: texts.collect::<Result<_>>()?, ..Built::default() };
        let store = self.built.rows();
        let config = Config { links: setting.links, ef_construction: setting.ef_construction };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(setting.threads).build()?;
        self.built.graph = (!self.exact).then(|| pool.install(|| build(&store.rows(), config)));
        Ok(())
    }

    fn save(&mut self, _: &Vectors, directory: &Path) -> Result<()> {
        std::fs::write(directory.join("part"), std::mem::take(&mut self.built).encode())?;
        Ok(())
    }

    fn open(&self, _: usize, directory: &Path) -> Result<Box<dyn Index>> {
        Ok(Box::new(OursOpen(open_part(directory)?)))
    }
}

/// The part in a directory.
fn open_part(directory: &Path) -> Result<Part<'static>> {
    let file = std::fs::File::open(directory.join("part"))?;
    // SAFETY: a file of our own directory, which nobody else writes to.
    let map: &'static Mmap = Box::leak(Box::new(unsafe { Mmap::map(&file)? }));
    Part::read(map, Check::Usual).map_err(|error| anyhow!("{error:?}"))
}

/// Our part of some vectors with the usual settings, text *n* of row *n*.
pub fn our_part(base: &Vectors, directory: &Path) -> Result<Part<'static>> {
    if !directory.join("part").exists() {
        let mut ours = Ours { name: OURS, ..Ours::default() };
        ours.build(base, &Setting::default())?;
        ours.save(base, directory)?;
    }
    open_part(directory)
}

struct OursOpen(Part<'static>);

impl Index for OursOpen {
    fn search(&mut self, query: &[f32], ef: usize) -> Vec<u32> {
        let Ok(query) = Query::new(query, self.0.form.metric) else { return Vec::new() };
        nearest(&self.0, &query, WANTED, Manner { ef, ..Manner::default() }).iter().map(|found| found.row()).collect()
    }
}

type Handle = *mut std::ffi::c_void;

#[cfg(has_hnswlib)]
unsafe extern "C" {
    fn hl_new(dimension: usize, count: usize, links: usize, ef: usize) -> Handle;
    fn hl_open(dimension: usize, path: *const i8) -> Handle;
    fn hl_free(both: Handle);
    fn hl_add(both: Handle, vector: *const f32, label: usize);
    fn hl_save(both: Handle, path: *const i8);
    fn hl_search(both: Handle, query: *const f32, ef: usize, most: usize, out: *mut u32) -> usize;
}

#[cfg(not(has_hnswlib))]
mod absent {
    use super::Handle;
    pub unsafe fn hl_new(_: usize, _: usize, _: usize, _: usize) -> Handle {
        std::ptr::null_mut()
    }
    pub unsafe fn hl_open(_: usize, _: *const i8) -> Handle {
        std::ptr::null_mut()
    }
    pub unsafe fn hl_free(_: Handle) {}
    pub unsafe fn hl_add(_: Handle, _: *const f32, _: usize) {}
    pub unsafe fn hl_save(_: Handle, _: *const i8) {}
    pub unsafe fn hl_search(_: Handle, _: *const f32, _: usize, _: usize, _: *mut u32) -> usize {
        0
    }
}
#[cfg(not(has_hnswlib))]
use absent::*;

struct Hnswlib(Handle);

/// hnswlib adds from several threads at once.
struct Shared(Handle);
// SAFETY: `addPoint` locks what it writes.
unsafe impl Sync for Shared {}

impl Library for Hnswlib {
    fn name(&self) -> &'static str {
        "hnswlib f32"
    }

    fn build(&mut self, base: &Vectors, setting: &Setting) -> Result<()> {
        // SAFETY: sizes are those of the vectors that follow.
        self.0 = unsafe { hl_new(base.dimension, base.len(), setting.links, setting.ef_construction) };
        let shared = &Shared(self.0);
        // SAFETY: the vector is as long as was said, each label is given out once.
        on_threads(setting, base.len(), &move |at| unsafe { hl_add(shared.0, base.get(at).as_ptr(), at) });
        Ok(())
    }

    fn save(&mut self, _: &Vectors, directory: &Path) -> Result<()> {
        let path = CString::new(directory.join("hnswlib").to_string_lossy().into_owned())?;
        // SAFETY: the handle was made by `build` and is not used again.
        unsafe {
            hl_save(self.0, path.as_ptr().cast());
            hl_free(self.0);
        }
        Ok(())
    }

    fn open(&self, dimension: usize, directory: &Path) -> Result<Box<dyn Index>> {
        let path = CString::new(directory.join("hnswlib").to_string_lossy().into_owned())?;
        // SAFETY: the file is what `save` wrote.
        Ok(Box::new(HnswlibOpen(unsafe { hl_open(dimension, path.as_ptr().cast()) })))
    }
}

struct HnswlibOpen(Handle);

impl Index for HnswlibOpen {
    fn search(&mut self, query: &[f32], ef: usize) -> Vec<u32> {
        let mut out = vec![0; WANTED];
        // SAFETY: there is room for as many as are asked for.
        let count = unsafe { hl_search(self.0, query.as_ptr(), ef, WANTED, out.as_mut_ptr()) };
        out.truncate(count);
        out
    }
}

struct Usearches {
    name: &'static str,
    kind: ScalarKind,
    index: Option<Usearch>,
}

impl Usearches {
    fn options(&self, dimensions: usize, setting: &Setting) -> IndexOptions {
        IndexOptions {
            dimensions,
            metric: MetricKind::Cos,
            quantization: self.kind,
            connectivity: setting.links,
            expansion_add: setting.ef_construction,
            expansion_search: 64,
            multi: false,
        }
    }
}

impl Library for Usearches {
    fn name(&self) -> &'static str {
        self.name
    }

    fn build(&mut self, base: &Vectors, setting: &Setting) -> Result<()> {
        let index = Usearch::new(&self.options(base.dimension, setting)).map_err(|error| anyhow!("{error}"))?;
        index.reserve_capacity_and_threads(base.len(), setting.threads).map_err(|error| anyhow!("{error}"))?;
        on_threads(setting, base.len(), &|at| index.add(at as u64, base.get(at)).expect("room was reserved"));
        self.index = Some(index);
        Ok(())
    }

    fn save(&mut self, _: &Vectors, directory: &Path) -> Result<()> {
        let index = self.index.take().ok_or_else(|| anyhow!("not built"))?;
        index.save(&directory.join("usearch").to_string_lossy()).map_err(|error| anyhow!("{error}"))
    }

    fn open(&self, dimension: usize, directory: &Path) -> Result<Box<dyn Index>> {
        let setting = Setting::default();
        let index = Usearch::new(&self.options(dimension, &setting)).map_err(|error| anyhow!("{error}"))?;
        index.view(&directory.join("usearch").to_string_lossy()).map_err(|error| anyhow!("{error}"))?;
        Ok(Box::new(index))
    }
}

impl Index for Usearch {
    fn search(&mut self, query: &[f32], ef: usize) -> Vec<u32> {
        self.change_expansion_search(ef);
        let found = Usearch::search(self, query, WANTED);
        found.map(|found| found.keys.iter().map(|key| *key as u32).collect()).unwrap_or_default()
    }
}

#[derive(Default)]
struct HnswRs {
    index: Option<Hnsw<'static, f32, DistDot>>,
}

impl Library for HnswRs {
    fn name(&self) -> &'static str {
        "hnsw_rs f32"
    }

    fn build(&mut self, base: &Vectors, setting: &Setting) -> Result<()> {
        let index = Hnsw::new(setting.links, base.len(), 16, setting.ef_construction, DistDot {});
        let vectors: Vec<Vec<f32>> = (0..base.len()).map(|at| base.get(at).to_vec()).collect();
        let numbered: Vec<(&Vec<f32>, usize)> = vectors.iter().zip(0..).collect();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(setting.threads).build()?;
        pool.install(|| index.parallel_insert(&numbered));
        self.index = Some(index);
        Ok(())
    }

    fn save(&mut self, _: &Vectors, directory: &Path) -> Result<()> {
        let index = self.index.take().ok_or_else(|| anyhow!("not built"))?;
        index.file_dump(directory, "hnsw_rs").map(drop)
    }

    fn open(&self, _: usize, directory: &Path) -> Result<Box<dyn Index>> {
        let io: &'static mut HnswIo = Box::leak(Box::new(HnswIo::new(directory, "hnsw_rs")));
        Ok(Box::new(HnswRsOpen(io.load_hnsw::<f32, DistDot>()?)))
    }
}

struct HnswRsOpen(Hnsw<'static, f32, DistDot>);

impl Index for HnswRsOpen {
    fn search(&mut self, query: &[f32], ef: usize) -> Vec<u32> {
        self.0.search(query, WANTED, ef).iter().map(|found| found.d_id as u32).collect()
    }
}
