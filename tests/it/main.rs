//! The one integration binary: a module per command and per whole-vault property.

mod architecture;
mod cli;
mod generated;
mod harness;
