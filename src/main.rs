//! The program.

// The commands that show and write things are not here yet.
#[allow(dead_code, unused_imports)]
mod program;

fn main() {}
