//! Maximum likelihood, maximum a posteriori and type-II maximum likelihood of the variances of columns, from a few rows.

use super::problem::Problem;
use crate::program::table::figure;
use pathscore::autodiff::Tape;
use pathscore::estimators::optim::LBfgs;
use pathscore::estimators::samplers::{Differentiable, FromTape};
use pathscore::models::dist::{Cdf, Distribution, InverseGamma, StudentT};
use serde::Serialize;
use std::f64::consts::TAU;

/// Rows from which a variance is estimated.
const FEW: usize = 5;

/// A line of the table.
#[derive(Clone, Debug, Serialize)]
pub(super) struct InvarianceRow {
    pub(super) estimate: &'static str,
    /// The standard deviation of the column with the largest variance.
    pub(super) deviation: f64,
    /// The mean of $\ln p$ of the other rows, over columns and rows.
    pub(super) held_out: f64,
    pub(super) meaning: &'static str,
}

/// The table and the prior that was found.
pub(super) struct Invariance {
    pub(super) caption: String,
    pub(super) rows: Vec<InvarianceRow>,
}

/// Sums of squares about the mean: of the few rows, and of the others, for each column whose few rows differ.
struct Columns {
    few: Vec<f64>,
    others: Vec<Vec<f64>>,
    /// The column with the largest variance.
    widest: usize,
}

impl Columns {
    fn of(problem: &Problem) -> Self {
        let Problem { train, columns, .. } = problem;
        let rows = train.len() / columns;
        let (mut few, mut others) = (Vec::new(), Vec::new());
        for j in 0..*columns {
            let column: Vec<f64> = train.iter().skip(j).step_by(*columns).copied().collect();
            let mean = column.iter().sum::<f64>() / rows as f64;
            let squares: Vec<f64> = column.iter().map(|x| (x - mean).powi(2)).collect();
            let sum: f64 = squares[..FEW].iter().sum();
            let whole: f64 = squares.iter().sum();
            // Where few rows are equal, as at the edge of a picture, the likelihood has no maximum.
            if sum > 1e-6 * whole && whole > 0.0 {
                few.push(sum);
                others.push(squares[FEW..].to_vec());
            }
        }
        let total = |squares: &Vec<f64>| squares.iter().sum::<f64>();
        let widest =
            (0..few.len()).max_by(|&a, &b| total(&others[a]).total_cmp(&total(&others[b])));
        Self { few, others, widest: widest.unwrap_or(0) }
    }

    /// The mean over the other rows of all columns of a log density, which is given the column's sum of squares over the
    /// few rows and the other rows' squares, and returns the sum of $\ln p$.
    fn held_out(&self, log_density: impl Fn(f64, &[f64]) -> f64) -> f64 {
        let columns = self.few.iter().zip(&self.others);
        let sum: f64 = columns.map(|(&few, others)| log_density(few, others)).sum();
        sum / self.others.iter().map(Vec::len).sum::<usize>() as f64
    }
}

/// The sum of $\ln \mathcal N$ over numbers at these squared distances from the mean.
fn log_normal(variance: f64, squares: &[f64]) -> f64 {
    let of = |square: &f64| -0.5 * ((TAU * variance).ln() + square / variance);
    squares.iter().map(of).sum()
}

/// The sum of the log density of the posterior predictive, a Student t distribution of $2a$ degrees of freedom and the
/// squared scale $b/a$.
fn log_predictive(shape: f64, scale: f64, squares: &[f64]) -> f64 {
    let tape = Tape::new();
    let number = |x: f64| tape.constant(&[x], [1]);
    let [df, loc, scale] = [2.0 * shape, 0.0, (scale / shape).sqrt()].map(number);
    let x: Vec<f64> = squares.iter().map(|square| square.sqrt()).collect();
    let x = tape.constant(&x, [x.len(), 1]);
    StudentT::new(df, loc, scale).map_or(f64::NAN, |t| t.log_prob(x).sum().item())
}

/// The parameters $a$ and $b$ of the inverse gamma prior of all variances that make the few rows most probable: the
/// product over the columns of
///
/// $$\int \mathcal N(x; \mu, v I) \mathrm{InvGamma}(v; a, b) \mathrm dv \propto
/// \frac{\Gamma(a + n/2)}{\Gamma(a)} \frac{b^a}{(b + S/2)^{a + n/2}}$$
///
/// with the sum of squares $S$ of the $n$ rows.
fn type_two(few: &[f64]) -> [f64; 2] {
    let half = FEW as f64 / 2.0;
    let mean = few.iter().sum::<f64>() / (few.len() * FEW) as f64;
    let evidence = FromTape::new(2, |logs| {
        let tape = logs.tape();
        let [a, b] = [0, 1].map(|i| logs.slice(0, i..i + 1).exp());
        let squares = tape.constant(few, [few.len()]) * 0.5;
        let terms = (a + half).ln_gamma() - a.ln_gamma() + a * b.ln();
        terms.sum() * few.len() as f64 - ((a + half) * (b + squares).ln()).sum()
    });
    let found = LBfgs { max_iterations: 200, gradient_tolerance: 1e-6, ..LBfgs::default() }
        .maximize(&[2_f64.ln(), mean.ln()], |x, g| evidence.log_prob_and_grad(x, g));
    [found.x[0].exp(), found.x[1].exp()]
}

/// The estimates of the standard deviation of a column from few of its rows.
pub(super) fn invariance(problem: &Problem) -> Option<Invariance> {
    let columns = Columns::of(problem);
    if columns.few.len() < 2 {
        return None;
    }
    let [a, b] = type_two(&columns.few);
    let n = FEW as f64;
    // The posterior of a variance is an inverse gamma distribution with these parameters.
    let shape = a + n / 2.0;
    let scale = |sum: f64| b + sum / 2.0;
    let few = columns.few[columns.widest];
    let line = |estimate, variance: &dyn Fn(f64) -> f64, meaning| InvarianceRow {
        estimate,
        deviation: variance(few).sqrt(),
        held_out: columns.held_out(|sum, squares| log_normal(variance(sum), squares)),
        meaning,
    };
    let rows = vec![
        line(
            "maximum likelihood",
            &|sum| sum / n,
            "S/n: the same variance whatever parameter is maximised over",
        ),
        line(
            "MAP of σ²",
            &|sum| scale(sum) / (shape + 1.0),
            "the highest point of p(σ² | rows), with the type-II prior",
        ),
        line(
            "MAP of σ",
            &|sum| scale(sum) / (shape + 0.5),
            "p(σ | rows) = p(σ² | rows) · 2σ: the Jacobian moves the highest point",
        ),
        line(
            "MAP of ln σ",
            &|sum| scale(sum) / shape,
            "p(ln σ | rows) = p(σ² | rows) · 2σ²: the same posterior, another mode",
        ),
        line(
            "MAP of 1/σ²",
            &|sum| scale(sum) / (shape - 1.0),
            "p(1/σ² | rows) = p(σ² | rows) · σ⁴",
        ),
        line(
            "posterior median",
            &|sum| median(shape, scale(sum)),
            "half of the probability on each side: the same variance in every parameter",
        ),
        InvarianceRow {
            estimate: "posterior predictive",
            deviation: (scale(few) / (shape - 1.0)).sqrt(),
            held_out: columns.held_out(|sum, squares| log_predictive(shape, scale(sum), squares)),
            meaning: "no point at all: the normal density, averaged over the posterior of σ² (its mean is shown)",
        },
    ];
    let caption = format!(
        "Standard deviation of one column from {FEW} rows (that of the other rows: {:.4}). The prior of all variances, \
         InvGamma({}, {}), is the type-II estimate: it makes the {FEW} rows of all {} columns whose rows differ most probable. \
         held out: mean ln p of the other rows of all these columns, narrow ones included",
        (columns.others[columns.widest].iter().sum::<f64>()
            / columns.others[columns.widest].len() as f64)
            .sqrt(),
        figure(a),
        figure(b),
        columns.few.len(),
    );
    Some(Invariance { caption, rows })
}

/// The median of an inverse gamma distribution.
fn median(shape: f64, scale: f64) -> f64 {
    let tape = Tape::new();
    let [shape, scale, half] = [shape, scale, 0.5].map(|x| tape.constant(&[x], [1]));
    InverseGamma::new(shape, scale).map_or(f64::NAN, |found| found.quantile(half).item())
}
