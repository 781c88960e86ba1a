//! The table of exercises.

use crate::mark::Mark;

/// An exercise: a function with a mistake, a marker and a solution.
#[derive(Clone, Copy, Debug)]
pub struct Exercise {
    /// The name: that of its folder and of its solution.
    pub name: &'static str,
    /// The number of the chapter that poses it.
    pub chapter: usize,
    /// The task in one line.
    pub task: &'static str,
    /// Marks `start.rs`, which the student edits.
    pub start: fn() -> Mark,
    /// Marks the solution.
    pub solution: fn() -> Mark,
}

/// All exercises, in the order of the chapters.
pub const EXERCISES: &[Exercise] = &[
    crate::two_terms::EXERCISE,
    crate::adjoints::EXERCISE,
    crate::log_normal::EXERCISE,
    crate::score::EXERCISE,
    crate::leave_one_out::EXERCISE,
    crate::running_mean::EXERCISE,
    crate::divergence::EXERCISE,
    crate::landing::EXERCISE,
    crate::bound_weights::EXERCISE,
    crate::doubly::EXERCISE,
    crate::vimco::EXERCISE,
    crate::disarm::EXERCISE,
    crate::rebar::EXERCISE,
    crate::volume::EXERCISE,
    crate::em_step::EXERCISE,
    crate::metropolis::EXERCISE,
    crate::leapfrog::EXERCISE,
    crate::two_phases::EXERCISE,
    crate::score_matching::EXERCISE,
    crate::weak_derivative::EXERCISE,
    crate::proposal::EXERCISE,
    crate::ranks::EXERCISE,
    crate::common_noise::EXERCISE,
];
