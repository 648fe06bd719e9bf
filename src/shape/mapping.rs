//! stub
use super::json::Json;
use super::segments::Walker;
use super::*;
/// m
#[derive(Debug)]
pub struct Mappings {}
/// m
#[derive(Debug)]
pub struct Mapping {
    /// n
    pub name: String,
}
impl Mappings {
    pub(super) fn claim(&self, _r: &Record<'_>, _s: Option<&str>, _f: bool) -> Option<&Mapping> {
        None
    }
}
impl Mapping {
    pub(super) fn base(&self) -> ShapeId {
        ShapeId::Generic
    }
    pub(super) fn walk(&self, _w: &mut Walker<'_>, _v: Json<'_>) {}
}
impl Mapping { pub(super) fn fill(&self,_m:&mut Metadata,_v:Json<'_>,_s:&mut FileState){} }
