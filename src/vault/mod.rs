//! The vault: the order of steps. What the bytes are is the business of the rooms below.

pub mod head;
pub mod layout;
pub mod publish;
pub mod view;
pub mod write;
