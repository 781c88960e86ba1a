//! From a problem and a candidate to a verdict.

use super::certificate::Proof;
use super::gradient::Candidate;
use super::means::{after, exact, same};
use super::problem::Problem;
use super::sequential_test::SequentialTest;

/// How hard is looked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// The probability that a right estimator is called biased by its samples, over all components and
    /// looks. What is listed is never called so.
    pub false_alarm: f64,
    /// The probability with which a bias of the detectable size would be seen.
    pub power: f64,
    /// The bias that must be detectable before samples call an estimator unbiased, as a fraction of the
    /// norm of the gradient (of the standard deviation of a draw, where that is zero).
    pub resolution: f64,
    /// The most draws.
    pub draws: usize,
    /// The most seconds of drawing. With a limit the number of draws, and so the last digits, depend on
    /// the machine.
    pub seconds: f64,
    /// The most outcomes that are listed.
    pub outcomes: usize,
    /// From which the random numbers are derived.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            false_alarm: 1e-5,
            power: 0.99,
            resolution: 0.02,
            draws: 8_192_000,
            seconds: f64::INFINITY,
            outcomes: 20_000,
            seed: 0,
        }
    }
}

/// Draws after which what a candidate has learnt is examined, beside the beginning.
const LEARNT: [usize; 2] = [1, 25];

/// Compares the mean of what `candidate` draws with the exact gradient of `problem`.
///
/// Where the candidate's choices can be listed (finite ones outright, normal and uniform numbers by two
/// quadratures that must agree), the mean is exact and must be the truth to $10^{-8}$: at the beginning, and
/// given what has been learnt after some draws. Where they cannot, samples are compared at looks of growing
/// size. A component is called biased if its distance from the truth exceeds $z_c$ standard errors, $z_c$
/// the normal quantile of the false alarm shared out over both sides, all components and all looks, widened
/// by Bernstein's term where single draws weigh much; and called unbiased when a bias of the size that is
/// asked for would have been seen with the power that is asked for: $(z_c + z_p)$ standard errors.
///
/// ```
/// use pathscore_estimators::Enumerator;
/// use pathscore_estimators::proof::{FromFn, Expectation, Options, Verdict, prove};
/// use pathscore_models::RandomSource;
/// let f = |b: f64| (b - 0.45).powi(2);
/// let p = |theta: f64| 1.0 / (1.0 + (-theta).exp());
/// let problem = Expectation::new("toy", &[1.0], |at, dice| f(f64::from(dice.bernoulli(p(at[0])))));
/// let score = |factor: f64| FromFn(move |dice: &mut Enumerator, out: &mut [f64]| {
///     let b = f64::from(dice.bernoulli(p(1.0)));
///     out[0] = factor * f(b) * (b - p(1.0));
/// });
/// let proof = prove(&problem, &score(1.0), &Options::default());
/// assert_eq!(proof.verdict, Verdict::Unbiased);
/// let proof = prove(&problem, &score(0.5), &Options::default());
/// assert_eq!(proof.verdict, Verdict::Biased);
/// ```
///
/// # Panics
/// If the candidate does, on any outcome.
pub fn prove(problem: &dyn Problem, candidate: &dyn Candidate, options: &Options) -> Proof {
    let truth = problem.truth();
    let test = SequentialTest { problem, truth: &truth, claim: candidate.claim(), options };
    let len = truth.gradient.len();
    let Some(first) = exact(candidate, len, options.outcomes) else {
        return test.by_samples(candidate);
    };
    let mut proof = test.by_list(first);
    for draws in LEARNT {
        let learnt = after(candidate, len, draws, options.seed);
        if same(candidate, &*learnt, len) {
            continue;
        }
        let Some(next) = exact(&*learnt, len, options.outcomes) else { continue };
        let mut later = test.by_list(next);
        if proof.ok && (!later.ok || later.max_abs_error > proof.max_abs_error) {
            if let Some(diagnosis) = &mut later.diagnosis {
                diagnosis.push_str(&format!(
                    "; only after {draws} draws: what it has learnt is no constant to the draw that it \
                     corrects, or scales it"
                ));
            }
            proof = later;
        }
    }
    proof
}
