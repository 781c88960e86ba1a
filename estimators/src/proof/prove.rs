//! The proof: from a problem and a candidate to a verdict.

use super::gradient::Candidate;
use super::means::{after_learning, exact, same};
use super::options::Options;
use super::problem::Problem;
use super::report::Proof;
use super::sequential_test::SequentialTest;

/// The numbers of draws after which a candidate that learns is examined again.
const DRAWS_LEARNT: [usize; 2] = [1, 25];

/// Compares the mean of the draws of `candidate` with the exact gradient of `problem`.
///
/// If the candidate's choices can be enumerated (finite ones directly, normal and uniform numbers by two quadratures
/// that must agree), its mean is exact and must equal the truth to $10^{-8}$: at the beginning, and with the state
/// learnt from some draws. Otherwise draws are tested at interim looks with growing numbers of draws. A
/// component is called biased if its mean is more than $z_c$ standard errors from the truth; $z_c$ is the normal
/// quantile of the false alarm divided among both sides, all components and all looks, widened by Bernstein's
/// term where single draws carry much of the variance. The candidate is called unbiased when a bias of the requested
/// size would have been detected with the requested power, that is, when it exceeds $z_c + z_p$ standard errors.
///
/// ```
/// use pathscore_estimators::Enumerator;
/// use pathscore_estimators::proof::{Expectation, FromFn, Options, Verdict, prove};
/// use pathscore_models::RandomSource;
/// let f = |b: f64| (b - 0.45).powi(2);
/// let p = |theta: f64| 1.0 / (1.0 + (-theta).exp());
/// let problem = Expectation::new("toy", &[1.0], |at, source| f(f64::from(source.bernoulli(p(at[0])))));
/// let score = |factor: f64| FromFn(move |source: &mut Enumerator, out: &mut [f64]| {
///     let b = f64::from(source.bernoulli(p(1.0)));
///     out[0] = factor * f(b) * (b - p(1.0));
/// });
/// let proof = prove(&problem, &score(1.0), &Options::default());
/// assert_eq!(proof.verdict, Verdict::Unbiased);
/// let proof = prove(&problem, &score(0.5), &Options::default());
/// assert_eq!(proof.verdict, Verdict::Biased);
/// ```
///
/// # Panics
/// If the candidate panics on any outcome.
pub fn prove(problem: &dyn Problem, candidate: &dyn Candidate, options: &Options) -> Proof {
    let truth = problem.truth();
    let test = SequentialTest { problem, truth: &truth, claim: candidate.claim(), options };
    let len = truth.gradient.len();
    let Some(first) = exact(candidate, len, options.outcomes) else {
        return test.by_samples(candidate);
    };
    let mut proof = test.by_enumeration(first);
    for draws in DRAWS_LEARNT {
        let learnt = after_learning(candidate, len, draws, options.seed);
        if same(candidate, &*learnt, len) {
            continue;
        }
        let Some(next) = exact(&*learnt, len, options.outcomes) else { continue };
        let mut later = test.by_enumeration(next);
        if proof.ok && (!later.ok || later.max_abs_error > proof.max_abs_error) {
            if let Some(diagnosis) = &mut later.diagnosis {
                diagnosis.push_str(&format!(
                    "; only after {draws} draws: the learnt state depends on the draw that it \
                     corrects, or scales the gradient"
                ));
            }
            proof = later;
        }
    }
    proof
}
