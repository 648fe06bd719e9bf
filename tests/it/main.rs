//! The one integration binary: a module per command and per whole-vault property.

// The lint spares test functions, but not the helpers beside them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod architecture;
mod browser;
mod catalog;
mod cli;
mod company;
mod conversations;
mod counting;
mod crash;
mod damage;
mod drifting;
mod exports;
mod forms;
mod generated;
mod harness;
mod histories;
mod house;
mod limits;
mod model;
mod powercut;
mod read;
mod report;
mod rewrites;
mod roundtrip;
mod search;
mod secrets;
mod sources;
mod squeeze;
mod stars;
#[cfg(feature = "parquet")]
mod tables;
mod upkeep;
mod vectors;
