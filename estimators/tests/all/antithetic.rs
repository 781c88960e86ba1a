//! Antithetic pairs: exact means and variances from the enumeration of all outcomes.

use pathscore_estimators::both::{Arm, DisArm};
use pathscore_estimators::exact::Enumeration;
use pathscore_estimators::score::{Baseline, Reinforce};
use pathscore_estimators::{Coverage, Enumerator, Estimator, Query, Work};
use pathscore_models::latent::{BernoulliToy, SmallBelief};
use pathscore_models::{Params, seed};

/// ARM is linear in each uniform number between its breaks, and its square quadratic: two nodes of
/// Gauss–Legendre are exact for both.
const NODES: usize = 2;

/// The exact mean and variance of every component.
fn moments<M, E: Estimator<f64, M>>(estimator: &E, query: Query<f64, M>) -> Vec<(f64, f64)> {
    let len = query.params.len();
    let (mut work, mut sums, mut total) = (Work::new(), vec![(0.0, 0.0); len], 0.0);
    let coverage = Enumerator::for_each(NODES, 100_000, |source| {
        estimator.estimate(query, source, &mut work);
        let p = source.probability();
        total += p;
        for (sum, &g) in sums.iter_mut().zip(work.gradient(len)) {
            *sum = (sum.0 + p * g, sum.1 + p * g * g);
        }
    });
    assert!(matches!(coverage, Coverage::Complete { .. }), "{coverage:?}");
    assert!((total - 1.0).abs() < 1e-12, "the probabilities sum to {total}");
    sums.into_iter().map(|(mean, square)| (mean, square - mean * mean)).collect()
}

/// The published table with five rows: the variances of the score-function estimator, of that with $b = E f$, of
/// leave-one-out with two draws, of ARM and of DisARM.
#[test]
fn estimators_of_one_bit_have_every_digit_of_the_bernoulli_toy() {
    for (target, theta, gradient, variances) in [
        (0.45, 0.0, 0.025, [1.593906e-2, 0.0, 6.25e-4, 2.083333e-4, 0.0]),
        (0.45, 1.0, 0.01966119, [1.034605e-2, 4.198692e-4, 5.964971e-4, 3.645323e-4, 3.321117e-4]),
        (0.45, 2.0, 0.01049936, [4.827192e-3, 6.089897e-4, 4.147314e-4, 3.549767e-4, 3.521537e-4]),
        (0.499, 0.0, 0.0005, [1.562513e-2, 0.0, 2.5e-7, 8.333333e-8, 0.0]),
        (
            0.499,
            1.0,
            3.932239e-4,
            [1.224296e-2, 1.679477e-7, 2.385989e-7, 1.458129e-7, 1.328447e-7],
        ),
    ] {
        let mut params = Params::new();
        let rng = &mut seed::rng(0, seed::Stream::Init, 0);
        let model = BernoulliToy::new(&mut params, theta, target, rng);
        let [one, two] = [1, 2].map(|samples| Query::new(&model, &params, &[0.0], samples));
        let p = 1.0 / (1.0 + f64::exp(-theta));
        let mean_f = p * (1.0 - target).powi(2) + (1.0 - p) * target.powi(2);
        let score = |baseline, query| moments(&Reinforce { baseline }, query)[0];
        let found = [
            score(Baseline::None, one),
            score(Baseline::Constant(mean_f), one),
            score(Baseline::LeaveOneOut, two),
            moments(&Arm, one)[0],
            moments(&DisArm, one)[0],
        ];
        for (i, ((mean, found), variance)) in found.into_iter().zip(variances).enumerate() {
            // The table has seven digits; a variance of zero is computed up to the rounding of the squares.
            assert!(
                (mean - gradient).abs() < 6e-7 * gradient,
                "t {target}, θ {theta}, {i}: {mean}"
            );
            let error = (found - variance).abs();
            assert!(error < 4e-7 * variance + 1e-17, "t {target}, θ {theta}, {i}: {found}");
        }
    }
}

#[test]
fn arm_and_disarm_are_unbiased_on_the_small_belief_net() {
    let mut params = Params::new();
    let rng = &mut seed::rng(0, seed::Stream::Init, 0);
    let model = SmallBelief::known(&mut params, rng);
    let x = [1.0, 0.0, 1.0];
    let mut work = Work::new();
    Enumeration.estimate(Query::new(&model, &params, &x, 1), rng, &mut work);
    let exact = work.gradient(params.len()).to_vec();
    for samples in [1, 2] {
        let query = Query::new(&model, &params, &x, samples);
        let (arm, disarm) = (moments(&Arm, query), moments(&DisArm, query));
        for (i, exact) in exact.iter().enumerate() {
            // Sums of at most 6⁴ products of numbers below ten.
            assert!((arm[i].0 - exact).abs() < 1e-10, "K {samples}, ARM {i}: {}", arm[i].0);
            assert!((disarm[i].0 - exact).abs() < 1e-10, "K {samples}, DisARM {i}");
            // DisARM is the conditional mean of ARM given the pair, so its variance is not larger.
            assert!(disarm[i].1 <= arm[i].1 + 1e-12, "component {i}");
        }
    }
}
