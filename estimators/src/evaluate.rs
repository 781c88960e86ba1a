//! Evaluation: the ELBO and estimates of the log-likelihood on rows of data.

use crate::draw::{Draw, Score};
use crate::parallel::map;
use pathscore_autodiff::{Scalar, Tape, vector::Lanes};
use pathscore_models::Params;
use pathscore_models::latent::LatentModel;
use pathscore_models::seed::{self, Stream};
use std::ops::Range;

/// The number of rows that are evaluated together; constant, so that the result does not depend on the number of
/// threads.
const ROWS: usize = 20;

/// The number of draws that are made together for each row.
pub const GROUP: usize = 50;

/// Bounds on the mean log-likelihood of a set of rows, in nats for a row, each with its standard error
/// over the rows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Evaluation {
    /// The number of rows.
    pub rows: usize,
    /// The number of draws for each row.
    pub samples: usize,
    /// $E_q[\ln p(x, z) - \ln q(z \mid x)]$, with the divergence estimated at the draws.
    pub elbo: f64,
    /// The standard error of `elbo`.
    pub elbo_se: f64,
    /// The bound of [`GROUP`] draws, $L_{50}$ (of all draws, if there are fewer).
    pub group_bound: f64,
    /// The standard error of `group_bound`.
    pub group_bound_se: f64,
    /// $\ln \frac1K \sum_k w_k$ of all draws, whose mean is a lower bound of $\ln p(x)$ that rises with the number of
    /// draws.
    pub log_likelihood: f64,
    /// The standard error of `log_likelihood`.
    pub log_likelihood_se: f64,
}

/// Evaluates `rows` rows of `columns` columns with `samples` draws each; `feed` writes a range of rows
/// and may draw from the generator in its last argument. The result does not depend on the number of threads.
///
/// ```
/// use pathscore_estimators::evaluate;
/// use pathscore_models::{Params, latent::LinearGaussian, seed};
/// let mut params = Params::<f64>::new();
/// let rng = &mut seed::rng(0, seed::Stream::Init, 0);
/// let model = LinearGaussian::new(&mut params, [0.3, 0.5 * 0.4_f64.ln(), 1.5, 0.2], 0.5, rng);
/// let found = evaluate(&model, &params, [1, 1], 5000, 0, |_, x, _| x.fill(1.0));
/// assert!((found.log_likelihood + 1.541102625408).abs() < 0.05);
/// assert!(found.elbo < found.group_bound && found.group_bound < found.log_likelihood);
/// ```
pub fn evaluate<F: Scalar, M: LatentModel<F>>(
    model: &M,
    params: &Params<F>,
    [rows, columns]: [usize; 2],
    samples: usize,
    seed: u64,
    feed: impl Fn(Range<usize>, &mut [F], &mut Lanes) + Sync,
) -> Evaluation {
    let piece = |tape: &mut Tape<F>, index: usize| {
        let range = index * ROWS..rows.min((index + 1) * ROWS);
        let rng = &mut seed::lanes(seed, Stream::Evaluate, index as u64);
        let mut x = vec![F::ZERO; range.len() * columns];
        feed(range.clone(), &mut x, rng);
        let mut members = vec![Member::default(); range.len()];
        let mut left = samples;
        while left > 0 {
            let draws = left.min(GROUP);
            left -= draws;
            tape.clear();
            // Without derivatives a flow has the density of its sample on the way to it.
            let bound = params.on(tape).detach();
            let x = tape.constant(&x, [range.len(), columns]);
            let drawn = <Score as Draw<F, M>>::record(model, bound, x, draws, rng);
            drawn.log_joint.with(|log_joint| {
                drawn.log_q.with(|log_q| {
                    for (b, member) in members.iter_mut().enumerate() {
                        let at = |k: usize| k * range.len() + b;
                        member.add((0..draws).map(|k| (log_joint[at(k)] - log_q[at(k)]).to_f64()));
                    }
                })
            });
        }
        members
    };
    let members = map(0..rows.div_ceil(ROWS), Tape::new, piece);
    let members: Vec<Member> = members.into_iter().flatten().collect();
    let summary = |f: fn(&Member) -> f64| {
        let n = members.len() as f64;
        let mean = members.iter().map(f).sum::<f64>() / n;
        let variance =
            members.iter().map(|m| (f(m) - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
        (mean, (variance / n).sqrt())
    };
    let (elbo, elbo_se) = summary(|m| m.sum / m.draws);
    let (group_bound, group_bound_se) = summary(|m| m.group_bounds / m.groups);
    let (log_likelihood, log_likelihood_se) = summary(|m| m.top + (m.shifted / m.draws).ln());
    Evaluation {
        rows,
        samples,
        elbo,
        elbo_se,
        group_bound,
        group_bound_se,
        log_likelihood,
        log_likelihood_se,
    }
}

/// Running sums over the draws of one row, in double precision.
#[derive(Clone, Copy, Debug)]
struct Member {
    draws: f64,
    sum: f64,
    /// The largest log-weight, and the sum of the weights divided by it.
    top: f64,
    shifted: f64,
    groups: f64,
    group_bounds: f64,
}

impl Default for Member {
    fn default() -> Self {
        let top = f64::NEG_INFINITY;
        Self { draws: 0.0, sum: 0.0, top, shifted: 0.0, groups: 0.0, group_bounds: 0.0 }
    }
}

impl Member {
    /// Adds a group of draws.
    fn add(&mut self, log_weights: impl Iterator<Item = f64> + Clone) {
        let top = log_weights.clone().fold(f64::NEG_INFINITY, f64::max);
        let draws = log_weights.clone().count() as f64;
        self.draws += draws;
        self.sum += log_weights.clone().sum::<f64>();
        self.groups += 1.0;
        if top == f64::NEG_INFINITY {
            self.group_bounds = f64::NEG_INFINITY;
            return;
        }
        let shifted: f64 = log_weights.map(|f| (f - top).exp()).sum();
        self.group_bounds += top + (shifted / draws).ln();
        let higher = self.top.max(top);
        self.shifted = self.shifted * (self.top - higher).exp() + shifted * (top - higher).exp();
        self.top = higher;
    }
}
