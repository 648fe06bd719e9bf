//! The one integration binary: a module per command and per whole-vault property.
