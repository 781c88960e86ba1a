//! The bias of a criterion: its mean gradient beside that of the likelihood.

use super::counted::Counted;
use super::problem::Enumerable;
use super::rows::Criterion;
use crate::program::catalogue::Job;
use pathscore::estimators::{Claim, Coverage, Enumerator, Estimator, Query, Work};
use pathscore::models::{Params, RandomSource, seed};

/// The largest number of outcomes of one row that are listed.
const OUTCOMES: usize = 2048;

/// Estimates before the mean of draws begins, in which chains that go on reach the model's distribution.
const WARM_UP: usize = 300;

/// The rows of one estimate where they are drawn from the model.
const MODEL_ROWS: usize = 16;

/// Groups of estimates whose means give the error of the mean: neighbours depend on each other where chains go on.
const GROUPS: usize = 20;

/// The bias of a criterion.
#[derive(Clone, Debug)]
pub(super) struct Bias {
    pub(super) claim: Claim,
    /// True if all draws were listed.
    pub(super) exact: bool,
    /// The cosine of the mean gradient and that of the likelihood, and the ratio of their norms.
    pub(super) cosine: f64,
    pub(super) norm_ratio: f64,
    /// The error of the mean gradient, relative to the norm of that of the likelihood.
    pub(super) error: f64,
    /// The norm of the mean gradient where the data are distributed as the model, relative to the same, and its error.
    pub(super) at_rest: f64,
    pub(super) at_rest_error: f64,
}

/// Measures the bias of a criterion; a mean that cannot be listed is one of so many draws.
pub(super) fn bias(criterion: &Criterion, problem: &Enumerable, draws: usize, seed: u64) -> Bias {
    let log_z = problem.log_partition(&problem.params);
    criterion.run(problem, problem.params.clone(), log_z, Measure { problem, draws, seed })
}

/// The job of measuring the bias of an estimator.
struct Measure<'a> {
    problem: &'a Enumerable,
    draws: usize,
    seed: u64,
}

/// A mean gradient, and the square root of the summed squares of its errors.
struct Mean {
    gradient: Vec<f64>,
    error: f64,
}

impl Job<f64, Counted> for Measure<'_> {
    type Output = Bias;

    fn run<E>(self, params: Params<f64>, estimator: E) -> Bias
    where
        E: Estimator<f64, Counted> + Clone + Send + Sync + 'static,
    {
        let Self { problem, .. } = self;
        let exact = problem.likelihood_gradient();
        let (data, model) = (problem.data_shares(), problem.model_shares());
        let listed = self.listed(&params, &estimator, &data);
        let (is_exact, at_data, at_model) = match listed {
            Some(found) => {
                let rest = self.listed(&params, &estimator, &model);
                (true, found, rest.expect("the outcomes of other rows are as many"))
            }
            None => {
                let fixed = |_: &mut _, x: &mut Vec<f64>| x.clone_from(&problem.rows);
                let at_data = self.drawn(&params, &estimator, problem.count(), fixed);
                let states = problem.states();
                let rows = |rng: &mut Enumerator, x: &mut Vec<f64>| {
                    x.clear();
                    for _ in 0..MODEL_ROWS {
                        let at = rng.categorical(&model) * problem.columns;
                        x.extend_from_slice(&states[at..at + problem.columns]);
                    }
                };
                (false, at_data, self.drawn(&params, &estimator, MODEL_ROWS, rows))
            }
        };
        let norm = |g: &[f64]| g.iter().map(|g| g * g).sum::<f64>().sqrt();
        let length = norm(&exact);
        let product: f64 = exact.iter().zip(&at_data.gradient).map(|(a, b)| a * b).sum();
        let found = norm(&at_data.gradient);
        Bias {
            claim: estimator.claim(),
            exact: is_exact,
            cosine: product / (length * found),
            norm_ratio: found / length,
            error: at_data.error / length,
            at_rest: norm(&at_model.gradient) / length,
            at_rest_error: at_model.error / length,
        }
    }
}

impl Measure<'_> {
    /// The mean over all that an estimator can draw, of rows with these shares of all states; none if there is too much.
    fn listed<E: Estimator<f64, Counted>>(
        &self,
        params: &Params<f64>,
        estimator: &E,
        shares: &[f64],
    ) -> Option<Mean> {
        let Self { problem, .. } = self;
        let (model, mut gradient) =
            (Counted::new(problem.machine), vec![0.0; problem.params.len()]);
        for (state, share) in problem.states().chunks_exact(problem.columns).zip(shares) {
            if *share == 0.0 {
                continue;
            }
            let coverage = Enumerator::for_each(0, OUTCOMES, |source| {
                // Chains that go on from draw to draw would begin elsewhere.
                let mut work = Work::new();
                estimator.estimate(Query::new(&model, params, state, 1), source, &mut work);
                if work.state.save().is_empty() {
                    let weight = share * source.probability();
                    let found = work.gradient(gradient.len()).iter();
                    gradient.iter_mut().zip(found).for_each(|(mean, g)| *mean += weight * g);
                } else {
                    gradient.fill(f64::NAN);
                }
            });
            if !matches!(coverage, Coverage::Complete { .. }) || gradient[0].is_nan() {
                return None;
            }
        }
        Some(Mean { gradient, error: 0.0 })
    }

    /// The mean of draws, of rows that `fill` writes for each of them.
    fn drawn<E: Estimator<f64, Counted>>(
        &self,
        params: &Params<f64>,
        estimator: &E,
        batch: usize,
        mut fill: impl FnMut(&mut Enumerator, &mut Vec<f64>),
    ) -> Mean {
        let len = self.problem.params.len();
        let (model, mut work, mut x) =
            (Counted::new(self.problem.machine), Work::new(), Vec::new());
        let rng = &mut seed::rng(self.seed, seed::Stream::Estimate, 0);
        let source = &mut Enumerator::seeded(self.seed, 1);
        let mut groups = vec![vec![0.0; len]; GROUPS];
        let each = self.draws.div_ceil(GROUPS);
        for draw in 0..WARM_UP + GROUPS * each {
            fill(source, &mut x);
            let scale = 1.0 / batch as f64;
            let query = Query { batch, scale, ..Query::new(&model, params, &x, 1) };
            estimator.estimate(query, rng, &mut work);
            if let Some(at) = draw.checked_sub(WARM_UP) {
                let found = work.gradient(len).iter();
                groups[at / each].iter_mut().zip(found).for_each(|(mean, g)| *mean += g);
            }
        }
        groups.iter_mut().flatten().for_each(|sum| *sum /= each as f64);
        let count = GROUPS as f64;
        let component = |i| groups.iter().map(move |group: &Vec<f64>| group[i]);
        let gradient: Vec<f64> = (0..len).map(|i| component(i).sum::<f64>() / count).collect();
        let squares = |i| component(i).map(|g| (g - gradient[i]).powi(2)).sum::<f64>();
        let error = ((0..len).map(squares).sum::<f64>() / (count * (count - 1.0))).sqrt();
        Mean { gradient, error }
    }
}

#[cfg(test)]
mod tests {
    use super::super::args::Machine;
    use super::super::rows::CRITERIA;
    use super::*;

    fn of(name: &str) -> Bias {
        let problem = Enumerable::new(Machine::RbmSmall, 0);
        let criterion = CRITERIA.iter().find(|criterion| criterion.name == name);
        bias(criterion.expect("it is compared"), &problem, 2000, 0)
    }

    #[test]
    fn what_can_be_listed_has_the_published_angles_and_rests_at_the_truth() {
        // Computed independently, to five digits.
        for (name, cosine) in
            [("ml", 1.0), ("pl", 0.99349), ("ratio-matching", 0.99137), ("mpf", 0.99383)]
        {
            let found = of(name);
            assert!(found.exact && (found.cosine - cosine).abs() < 6e-6, "{name}: {found:?}");
            // Sums of sixteen gradients of rounded numbers.
            assert!(found.at_rest < 1e-13, "{name}: {found:?}");
        }
        let cd = of("cd-1");
        assert!(cd.exact && cd.at_rest < 1e-13 && cd.norm_ratio < 0.8, "{cd:?}");
    }

    #[test]
    fn draws_of_unbiased_criteria_agree_with_the_likelihood() {
        for name in ["ucd", "pcd", "pt"] {
            let found = of(name);
            assert!(!found.exact, "{name}");
            // The error is that of the whole vector: its length is exceeded twice about once in ten thousand times.
            let away = (found.norm_ratio.powi(2) + 1.0 - 2.0 * found.norm_ratio * found.cosine)
                .max(0.0)
                .sqrt();
            assert!(away < 2.5 * found.error && found.error < 0.1, "{name}: {away} {found:?}");
            assert!(found.at_rest < 2.5 * found.at_rest_error, "{name}: {found:?}");
        }
        let bis = of("bis");
        assert!(bis.at_rest_error < 0.1, "{bis:?}");
    }
}
