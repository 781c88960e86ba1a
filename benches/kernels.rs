//! Small pieces of the engine, one at a time.
#![allow(missing_docs)]
fn main() {}
