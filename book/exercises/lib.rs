//! The exercises of the book, and the code that marks them.
//!
//! Each exercise is a folder: `start.rs` is what a student edits, and `mod.rs` marks it. Solutions lie apart,
//! in `book/solutions`, and have the same signatures, so that one marker judges both. `cargo run --release -p
//! pathscore-book -- NAME` marks an exercise.
//!
//! ```
//! // The first exercise as it is given, and its solution.
//! let exercise = &pathscore_book::EXERCISES[0];
//! assert!(!(exercise.start)().passed);
//! assert!((exercise.solution)().passed);
//! ```

#![forbid(unsafe_code)]

#[cfg(doctest)]
mod chapters;
mod columns;
mod exercise;
mod mark;
mod problems;

pub mod adjoints;
pub mod bound_weights;
pub mod common_noise;
pub mod disarm;
pub mod divergence;
pub mod doubly;
pub mod em_step;
pub mod landing;
pub mod leapfrog;
pub mod leave_one_out;
pub mod log_normal;
pub mod metropolis;
pub mod proposal;
pub mod ranks;
pub mod rebar;
pub mod running_mean;
pub mod score;
pub mod score_matching;
pub mod two_phases;
pub mod two_terms;
pub mod vimco;
pub mod volume;
pub mod weak_derivative;

#[path = "../figures/mod.rs"]
pub mod figures;

pub use exercise::{EXERCISES, Exercise};
pub use mark::Mark;
pub use problems::{log_mean_exp, sigmoid};
