//! Exact log-likelihoods of models that have them.

use super::kind::Quantity;
use pathscore::autodiff::{Scalar, Tape, Var};
use pathscore::models::data::{Binarize, Table};
use pathscore::models::seed::{self, Stream};
use pathscore::models::{Bound, Params};

/// The number of rows that are evaluated together.
const ROWS: usize = 500;

/// A mean over rows with its standard error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Mean {
    pub(crate) value: f64,
    pub(crate) error: f64,
    pub(crate) rows: usize,
}

impl Mean {
    /// The mean of some numbers.
    pub(crate) fn of(numbers: &[f64]) -> Self {
        let n = numbers.len() as f64;
        let value = numbers.iter().sum::<f64>() / n;
        let squares: f64 = numbers.iter().map(|x| (x - value).powi(2)).sum();
        let variance = squares / (n - 1.0).max(1.0);
        Self { value, error: (variance / n).sqrt(), rows: numbers.len() }
    }

    /// The mean as an exact quantity of that name.
    pub(crate) fn quantity(self, name: impl Into<String>, unit: &'static str) -> Quantity {
        let Self { value, error, rows } = self;
        // One row tells nothing about the others.
        let error = (rows > 1).then_some(error);
        Quantity { name: name.into(), value, error, unit, samples: None, rows }
    }
}

/// A number for each of the first rows of a table; `numbers` computes those of some rows at a time.
pub(crate) fn each_row<F: Scalar>(
    (table, binarize): (&Table, Binarize),
    rows: usize,
    seed: u64,
    mut numbers: impl FnMut(&Tape<F>, &[F], usize) -> Vec<f64>,
) -> Vec<f64> {
    let mut tape = Tape::new();
    let mut found = Vec::with_capacity(rows);
    for (piece, start) in (0..rows).step_by(ROWS).enumerate() {
        let range: Vec<usize> = (start..rows.min(start + ROWS)).collect();
        let rng = &mut seed::lanes(seed, Stream::Evaluate, piece as u64);
        let mut x = vec![F::ZERO; range.len() * table.columns()];
        binarize.fill(table, &range, &mut x, rng);
        found.extend(numbers(&tape, &x, range.len()));
        tape.clear();
    }
    found
}

/// The mean of $\ln p(x)$, which `log_probs` computes for each row, over the first rows of a table.
pub(crate) fn log_likelihood<F: Scalar>(
    log_probs: impl for<'t> Fn(Bound<'t, F>, Var<'t, F>) -> Var<'t, F>,
    params: &Params<F>,
    data: (&Table, Binarize),
    rows: usize,
    seed: u64,
) -> Mean {
    let columns = data.0.columns();
    Mean::of(&each_row(data, rows, seed, |tape: &Tape<F>, x, rows| {
        let x = tape.constant(x, [rows, columns]);
        let log_prob = log_probs(params.on(tape), x);
        log_prob.with(|numbers| numbers.iter().map(|x| x.to_f64()).collect())
    }))
}
