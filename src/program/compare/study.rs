//! Estimators studied on a problem whose gradient is known.

use super::args::CompareArgs;
use super::case::{Case, DRAWS, Studied};
use crate::program::catalogue::{ProblemRow, Setting, Truths};
use pathscore::estimators::Enumerator;
use pathscore::estimators::proof::{Candidate, Problem};
use pathscore::estimators::variance::study_candidate;

/// The number of sets of draws for the mean effective sample size: enough for two digits of it.
const ESS_DRAWS: usize = 2000;

/// Studies the estimators of a problem.
pub(super) fn study(problem: &ProblemRow, truths: &mut Truths, args: &CompareArgs) -> Case {
    let name = problem.name.to_string();
    let (components, studied, notes) = (Vec::new(), Vec::new(), Vec::new());
    let mut case = Case { file: name.clone(), name, components, studied, effective: None, notes };
    let setting = Setting { samples: args.num_samples, batch: 1, scale: 1.0 };
    for pair in &problem.pairs {
        let Ok(instance) = pair.instance(setting) else { continue };
        if case.studied.is_empty() {
            case.components = instance.problem.components();
            case.effective = effective(&*instance.problem, args.seed);
        }
        let exact = truths.of(&instance).truth().gradient;
        let study = study_candidate(&*instance.candidate, &exact, args.draws(), args.seed);
        case.studied.push(Studied {
            estimator: pair.estimator.name.into(),
            target: instance.target.to_string(),
            errors: vec![0.0; exact.len()],
            variance: study.components.iter().map(|component| component.variance).sum(),
            norm: exact.iter().map(|g| g * g).sum::<f64>().sqrt(),
            draws: draws(&*instance.candidate, exact.len(), DRAWS.min(args.draws()), args.seed),
            study,
        });
    }
    case
}

/// `count` draws of each component.
fn draws(candidate: &dyn Candidate, len: usize, count: usize, seed: u64) -> Vec<Vec<f64>> {
    let (mut candidate, mut source) = (candidate.clone_box(), Enumerator::seeded(seed, 0));
    let (mut gradient, mut draws) = (vec![0.0; len], vec![Vec::with_capacity(count); len]);
    for _ in 0..count {
        candidate.draw(&mut source, &mut gradient);
        draws.iter_mut().zip(&gradient).for_each(|(draws, &g)| draws.push(g));
    }
    draws
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
