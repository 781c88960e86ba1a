//! Marks the columns of VIMCO.

pub mod start;

#[path = "../../solutions/vimco.rs"]
pub mod solution;

use crate::columns::FromLogWeights;
use crate::{Exercise, Mark, problems};
use pathscore::estimators::Target;
use pathscore::estimators::draw::Score;
use pathscore::estimators::proof::Applied;

/// The exercise.
pub const EXERCISE: Exercise = Exercise {
    name: "vimco",
    chapter: 8,
    task: "the two columns of VIMCO",
    start: || mark(|f| columns(start::columns(f))),
    solution: || mark(|f| columns(solution::columns(f))),
};

const HINT: &str =
    "∇f_k = ∇ ln p(x, z_k) − ∇ ln q(z_k|x). Both columns have a part of the second sum.";

fn columns(columns: Vec<[f64; 2]>) -> Vec<[f64; 3]> {
    columns.into_iter().map(|[a, b]| [a, b, 0.0]).collect()
}

fn mark(columns: fn(&[f64]) -> Vec<[f64; 3]>) -> Mark {
    let of = |samples| {
        let problem = problems::bits(Target::Bound, samples);
        let estimator = FromLogWeights::<Score>::new(Target::Bound, columns);
        Mark::proof(&*problem, &Applied::new(&problem, estimator), HINT)
            .at(&format!("K = {samples}"))
    };
    of(2).and(|| of(3))
}
