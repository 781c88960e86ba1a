//! Estimators studied on a problem whose gradient is known.

use super::case::{Case, DRAWS, Studied, file_name};
use super::options::Options;
use crate::program::bench::{ProblemRow, Setting, Truths};
use crate::program::progress::Count;
use pathscore::estimators::Enumerator;
use pathscore::estimators::proof::{Problem, Truth, TruthMethod};
use pathscore::estimators::variance::{first_draws, study_candidate};

/// A standard deviation of less than this part of the gradient is rounding, of some thousand sums in double precision.
const ROUNDING: f64 = 1e-12;

/// The number of sets of draws for the mean effective sample size: enough for two digits of it.
const ESS_DRAWS: usize = 2000;

/// Studies the estimators of a problem.
///
/// # Errors
/// If the exact gradient of one of their targets is not known to the tolerance.
pub(super) fn study(
    problem: &ProblemRow,
    truths: &mut Truths,
    options: &Options,
) -> anyhow::Result<Case> {
    let name = problem.name.to_string();
    let (components, studied, notes) = (Vec::new(), Vec::new(), Vec::new());
    let (effective, estimated, file, left_out) = (None, None, file_name(&name), Vec::new());
    let mut case = Case { name, file, components, studied, effective, notes, estimated, left_out };
    let setting = Setting { samples: options.samples, batch: 1, scale: 1.0 };
    let mut instances = Vec::new();
    for pair in &problem.pairs {
        match pair.instance(setting) {
            Ok(instance) => instances.push((pair, instance)),
            Err(why) => case.left_out.push((pair.name.to_string(), why)),
        }
    }
    let count = Count::new(instances.len(), "estimators");
    for (pair, instance) in instances {
        if case.studied.is_empty() {
            case.components = instance.problem.components();
            case.effective = self::effective(&*instance.problem, options.seed);
        }
        let truth = truths.truth(&instance)?;
        let note = note(&instance.target_name(), &truth);
        if !case.notes.contains(&note) {
            case.notes.push(note);
        }
        if let TruthMethod::Draws(draws) = truth.method {
            case.estimated = Some(case.estimated.map_or(draws, |least: usize| least.min(draws)));
        }
        let exact = truth.gradient;
        let study = study_candidate(&*instance.candidate, &exact, options.draws, options.seed);
        let norm = exact.iter().map(|g| g * g).sum::<f64>().sqrt();
        let variance = study.components.iter().map(|component| component.variance).sum::<f64>();
        case.studied.push(Studied {
            estimator: pair.name.to_string(),
            target: instance.target_name(),
            errors: truth.gradient_errors,
            variance: if variance.sqrt() <= ROUNDING * norm { 0.0 } else { variance },
            norm,
            draws: first_draws(
                &*instance.candidate,
                exact.len(),
                DRAWS.min(options.draws),
                options.seed,
            ),
            study,
            samples: (!pair.one_setting).then_some(options.samples),
        });
        count.one_more();
    }
    count.finish();
    Ok(case)
}

/// The way to an exact gradient and its largest error.
fn note(target: &str, truth: &Truth) -> String {
    let error = truth.gradient_errors.iter().fold(0.0_f64, |most, &error| most.max(error));
    format!("gradient of {target}: {}, known to {error:.0e}; z counts this error", truth.method)
}

/// The mean effective sample size of $K$ draws from $q$.
fn effective(problem: &dyn Problem, seed: u64) -> Option<f64> {
    let mut source = Enumerator::seeded(seed, 0);
    let mut sum = 0.0;
    for _ in 0..ESS_DRAWS {
        sum += problem.effective_draws(&mut source)?;
    }
    Some(sum / ESS_DRAWS as f64)
}

#[cfg(test)]
mod tests {
    use super::super::rows::{fronts, rows_of};
    use super::*;
    use crate::program::bench::Bench;
    use pathscore::estimators::proof::{Expectation, FromFn, Latent};
    use pathscore::models::latent::SmallBelief;
    use pathscore::models::{Params, RandomSource, seed};
    use pathscore::prelude::{Baseline, Reinforce};

    /// Every estimator on every problem, from two samples to more than there are outcomes to list. A few gradients
    /// show a truth that is wrong, since exact estimators have no noise and the others differ by many errors.
    #[test]
    fn the_truth_holds_for_any_number_of_samples() {
        let of_all = Bench::catalogue().problems;
        for num_samples in [2, 5, 8, 16] {
            let options = Options { draws: 150, samples: num_samples, seed: 1 };
            let mut truths = Truths::default();
            for problem in &of_all {
                let case = study(problem, &mut truths, &options).expect("the truth is known");
                for row in rows_of(&case, &fronts(&case.studied)) {
                    let at = format!("{} on {}, K={num_samples}", row.estimator, row.problem);
                    // Exact estimators have the truth to 1e-9, which counts as no error.
                    assert!(row.claim != "exact" || row.z == 0.0, "{at}: z = {}", row.z);
                    assert!(row.claim != "unbiased" || row.z.abs() < 4.5, "{at}: z = {}", row.z);
                    assert!(row.exact_error < 1e-8, "{at}: {}", row.exact_error);
                }
            }
        }
    }

    /// E (μ + ε)² at 0.5, whose gradient is 1.
    #[test]
    fn draws_that_are_not_finite_have_no_mean_no_variance_and_no_place_on_the_front() {
        let problem =
            Expectation::new("a square", &[0.5], |at, source| (at[0] + source.normal()).powi(2));
        let path = |worst: f64| {
            FromFn(move |source: &mut Enumerator, out: &mut [f64]| {
                let eps = source.normal();
                out[0] = if eps > worst { f64::NAN } else { 2.0 * (0.5 + eps) };
            })
        };
        let mut bench = Bench::new();
        bench.on(problem).add_gradient("right", path(99.0)).add_gradient("rarely", path(2.0));
        let results = bench.compare(&Options { draws: 1000, ..Options::default() });
        let results = results.expect("the truth is known");
        let [right, rarely] = [0, 1].map(|i| &results.rows()[i]);
        assert!(right.pareto && right.z.abs() < 5.0 && right.num_samples.is_none());
        assert!(!rarely.pareto && rarely.mean.is_nan() && rarely.total_variance.is_nan());
        let words = results.to_string();
        assert!(words.contains("gradients are not finite"), "{words}");
        assert!(!words.contains("K ="), "{words}");
    }

    #[test]
    fn what_is_left_out_is_said_and_nothing_is_no_comparison() {
        let mut params = Params::new();
        let model = SmallBelief::known(&mut params, &mut seed::rng(0, seed::Stream::Init, 0));
        let mut bench = Bench::new();
        bench
            .on(Latent::new("two bits", model, params, &[1.0, 0.0, 1.0]))
            .add("alone", Reinforce { baseline: Baseline::None })
            .add("others", Reinforce { baseline: Baseline::LeaveOneOut });
        let options = Options { draws: 50, samples: 1, seed: 0 };
        let results = bench.compare(&options).expect("one of them needs no other draw");
        assert!(results.rows().iter().all(|row| row.estimator == "alone"));
        let left_out =
            "left out of two bits: others (2 samples or more are needed, not 1)".to_string();
        assert_eq!(results.left_out(), [left_out]);
        bench.problems[0].pairs.remove(0);
        let refused = bench.compare(&options).expect_err("nothing is left").to_string();
        assert!(
            refused.contains("nothing was compared") && refused.contains("others"),
            "{refused}"
        );
        assert!(Bench::new().compare(&options).is_err());
    }
}
