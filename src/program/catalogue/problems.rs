//! The problems of `compare` and `check`: models so small that the exact gradient of every expectation is known.
//!
//! To add a problem is one row of [`problems`]: its name, one line, the model at known parameters, rows of data, and
//! the capabilities of the model, from which the estimators that fit it follow.

use super::all::estimators;
use super::any::{any_rows, generative_rows};
use super::bits::bits_rows;
use super::energy::{base_rows, coupled_rows, energy_rows, flip_rows, partition_rows};
use super::exact::{enumerable_rows, normal_rows};
use super::gaussian_energy::gaussian_energy;
use super::instance::{Instance, Instantiate, InstantiateEnergy, ProblemRow, Setting, TestProblem};
use super::likelihood::{prior_path_rows, prior_rows};
use super::nodes::{node_rows, weak_derivative_rows};
use super::path::{difference_rows, path_rows};
use super::tractable::tractable_rows;
use crate::program::usage_error::usage_error;
use clap::builder::{PossibleValue, PossibleValuesParser};
use pathscore::autodiff::Activation;
use pathscore::estimators::Estimator;
use pathscore::estimators::proof::{Applied, Latent, Problem, Solved};
use pathscore::estimators::score::WakeSleep;
use pathscore::models::dist::Kind;
use pathscore::models::energy::{BoltzmannMachine, Boundary, Graph, Rbm, small_rbm};
use pathscore::models::latent::{
    BernoulliToy, GaussianQuadratic, Likelihood, LinearGaussian, LogisticNormal, MixedVae,
    SigmoidBelief, SmallBelief,
};
use pathscore::models::{Init, Params, seed};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::rc::Rc;
use std::sync::Arc;

/// Every problem.
pub(crate) fn problems() -> Vec<ProblemRow> {
    vec![
        small_belief().with::<Instantiate<_>, _>([
            enumerable_rows(),
            any_rows(),
            generative_rows(),
            bits_rows(),
            weak_derivative_rows(),
            prior_rows(),
            tractable_rows(),
        ]),
        TestProblem {
            name: "linear-gaussian",
            line: "one normal latent seen through a line, in closed form",
            source: "Tipping & Bishop 1999",
            model: || {
                known(|params| {
                    let at = [0.3, 0.5 * 0.4_f64.ln(), 1.5, 0.2];
                    LinearGaussian::new(params, at, 0.5, &mut rng())
                })
            },
            rows: &[1.0, -0.5],
            columns: 1,
            layers: &[1],
            nodes: &[],
            expectation: false,
            solved: &[],
        }
        .with::<Instantiate<_>, _>([
            normal_rows(),
            path_rows(),
            any_rows(),
            weak_derivative_rows(),
            prior_rows(),
            prior_path_rows(),
            difference_rows(),
            tractable_rows(),
        ]),
        TestProblem {
            name: "bernoulli-toy",
            line: "E (b − 0.45)² for a bit b",
            source: "Tucker et al. 2017",
            model: || known(|params| BernoulliToy::new(params, 1.0, 0.45, &mut rng())),
            rows: &[0.0; 2],
            columns: 1,
            layers: &[1],
            nodes: &[],
            expectation: true,
            solved: &[],
        }
        .with::<Instantiate<_>, _>([
            enumerable_rows(),
            any_rows(),
            bits_rows(),
            weak_derivative_rows(),
            prior_rows(),
        ]),
        TestProblem {
            name: "gaussian-quadratic",
            line: "E z² for a normal number z",
            source: "Mohamed et al. 2020",
            model: || {
                known(|params| GaussianQuadratic::new(params, [1.0, 0.0], 0.0, &mut rng()))
            },
            rows: &[0.0; 2],
            columns: 1,
            layers: &[1],
            nodes: &[],
            expectation: true,
            solved: &[],
        }
        .with::<Instantiate<_>, _>([
            normal_rows(),
            path_rows(),
            any_rows(),
            weak_derivative_rows(),
            prior_rows(),
            prior_path_rows(),
            difference_rows(),
        ]),
        TestProblem {
            name: "sbn-two-layers",
            line: "layers of two bits and one behind three, all states summed",
            source: "Neal 1992",
            model: || layered(&[2, 1], &[]),
            rows: ROWS,
            columns: 3,
            layers: &[2, 1],
            nodes: &[],
            expectation: false,
            solved: &[],
        }
        .with::<Instantiate<_>, _>([enumerable_rows(), any_rows(), bits_rows(), prior_rows()]),
        TestProblem {
            name: "sbn-three-layers",
            line: "three layers of a bit each, with tanh layers between, all states summed",
            source: "Neal 1992",
            model: || layered(&[1, 1, 1], &[1]),
            rows: ROWS,
            columns: 3,
            layers: &[1, 1, 1],
            nodes: &[],
            expectation: false,
            solved: &[],
        }
        .with::<Instantiate<_>, _>([enumerable_rows(), any_rows(), bits_rows(), prior_rows()]),
        TestProblem {
            name: "logistic-normal",
            line: "one normal latent behind two bits, by quadrature",
            source: "no closed form",
            model: || known(|params| LogisticNormal::known(params, &mut rng())),
            rows: &[1.0, 0.0, 1.0, 1.0],
            columns: 2,
            layers: &[1],
            nodes: &[],
            expectation: false,
            solved: &[],
        }
        .with::<Instantiate<_>, _>([
            normal_rows(),
            path_rows(),
            any_rows(),
            weak_derivative_rows(),
            prior_rows(),
            prior_path_rows(),
            difference_rows(),
        ]),
        TestProblem {
            name: "mixed-small",
            line: "one normal latent, then two bits, behind one bit: states summed, the rest by quadrature",
            source: "sums and quadrature",
            model: || {
                let (tanh, bits) = (Activation::Tanh, Likelihood::Bernoulli);
                at_random(|params| MixedVae::new(params, 1, &[], [1, 2], tanh, bits, &mut rng()))
            },
            rows: &[1.0, 0.0],
            columns: 1,
            layers: &[3],
            nodes: &[Kind::Normal(1), Kind::Bits(2)],
            expectation: false,
            solved: &[],
        }
        .with::<Instantiate<_>, _>([any_rows(), node_rows(), prior_rows()]),
        TestProblem {
            name: "rbm-small",
            line: "a restricted Boltzmann machine of four visible and three hidden bits, all states summed",
            source: "a sum of 16 terms",
            model: || known(|params| small_rbm(params, &mut rng())),
            rows: &[0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0],
            columns: 4,
            layers: &[],
            nodes: &[],
            expectation: false,
            solved: &[],
        }
        .with::<InstantiateEnergy<Rbm>, _>([
            partition_rows(),
            energy_rows(),
            coupled_rows(),
            base_rows(),
            flip_rows(),
        ]),
        TestProblem {
            name: "ising-small",
            line: "six visible bits on a lattice of 2 × 3, random couplings and fields, all states summed",
            source: "a sum of 64 terms",
            model: || {
                let lattice = Graph::lattice(2, 3, Boundary::Open);
                at_random(|params| BoltzmannMachine::new(params, &lattice, &mut rng()))
            },
            rows: &[1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0],
            columns: 6,
            layers: &[],
            nodes: &[],
            expectation: false,
            solved: &[],
        }
        .with::<InstantiateEnergy<BoltzmannMachine>, _>([
            partition_rows(),
            energy_rows(),
            coupled_rows(),
            base_rows(),
            flip_rows(),
        ]),
        gaussian_energy(),
    ]
}

/// A former name of `sbn-small`.
const FORMER_NAME: &str = "small-dvae";

/// The names of the problems as values of an argument.
pub(crate) fn problem_values() -> PossibleValuesParser {
    let value = |problem: ProblemRow| {
        let value = PossibleValue::new(problem.name).help(problem.line);
        if problem.name == "sbn-small" { value.alias(FORMER_NAME) } else { value }
    };
    PossibleValuesParser::new(problems().into_iter().map(value))
}

/// The problem called `name`.
///
/// # Errors
/// If there is none.
pub(crate) fn problem(name: &str) -> Result<ProblemRow, String> {
    let name = if name == FORMER_NAME { "sbn-small" } else { name };
    problems().into_iter().find(|problem| problem.name == name).ok_or_else(|| {
        let names: Vec<&str> = problems().iter().map(|problem| problem.name).collect();
        format!("the choices are {}", names.join(", "))
    })
}

/// Keeps for each problem the estimators of these names, or all if there are no names, and drops problems that have no
/// estimator left.
///
/// # Errors
/// If no problem knows a name, or none of the estimators is studied on any of the problems.
pub(crate) fn keep_estimators(
    mut problems: Vec<ProblemRow>,
    names: Option<&[String]>,
) -> anyhow::Result<Vec<ProblemRow>> {
    let Some(names) = names else { return Ok(problems) };
    let forms = form_names();
    // The name of an estimator stands for all its forms.
    let estimators = estimators();
    let forms_of = |name: &String| match estimators.iter().find(|about| about.name == *name) {
        Some(about) if !forms.contains(&name.as_str()) => {
            let known = about.forms().into_iter().filter(|form| forms.contains(&form.name));
            known.map(|form| form.name.to_string()).collect()
        }
        _ => vec![name.clone()],
    };
    let names: Vec<String> = names.iter().flat_map(forms_of).collect();
    if let Some(name) = names.iter().find(|name| !forms.contains(&name.as_str())) {
        let forms = forms.join(", ");
        return Err(usage_error(format!("unknown estimator `{name}`: the choices are {forms}")));
    }
    let asked = |name: &str| names.iter().any(|one| one == name);
    let mut reasons = Vec::new();
    for problem in &mut problems {
        problem.pairs.retain(|pair| asked(pair.estimator.name));
        let left_out = problem.left_out.iter().filter(|(name, _)| asked(name));
        reasons.extend(left_out.map(|(form, why)| format!("\n{form} on {}: {why}", problem.name)));
    }
    problems.retain(|problem| !problem.pairs.is_empty());
    if problems.is_empty() {
        let studied = |row: &ProblemRow| row.pairs.iter().any(|pair| asked(pair.estimator.name));
        let others: Vec<&str> =
            self::problems().iter().filter(|row| studied(row)).map(|row| row.name).collect();
        let others = if others.is_empty() { "no problem".into() } else { others.join(", ") };
        return Err(usage_error(format!(
            "none of these estimators fits the problem; they are studied on {others}{}",
            reasons.concat()
        )));
    }
    Ok(problems)
}

/// The names of all forms of estimators that are studied on problems or left out there with a reason, each once.
fn form_names() -> Vec<&'static str> {
    let mut names = Vec::new();
    for problem in problems() {
        let studied = problem.pairs.iter().map(|pair| pair.estimator.name);
        for name in studied.chain(problem.left_out.iter().map(|(name, _)| *name)) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

/// Rows of three bits.
const ROWS: &[f64] = &[1.0, 0.0, 1.0, 0.0, 1.0, 1.0];

fn rng() -> Xoshiro256PlusPlus {
    seed::rng(0, seed::Stream::Init, 0)
}

/// A model that sets its parameters itself.
fn known<M>(make: impl FnOnce(&mut Params<f64>) -> M) -> (M, Params<f64>) {
    let mut params = Params::new();
    let model = make(&mut params);
    (model, params)
}

/// A model whose parameters are all drawn, the biases too, so that none is small.
fn at_random<M>(make: impl FnOnce(&mut Params<f64>) -> M) -> (M, Params<f64>) {
    let (mut params, mut random) = (Params::new(), Params::<f64>::new());
    let model = make(&mut params);
    random.add("all", [params.len()], Init::Normal(0.7), &mut rng());
    params.values_mut().copy_from_slice(random.values());
    (model, params)
}

/// Layers of bits behind three bits of data, all parameters at random.
fn layered(layers: &[usize], hidden: &[usize]) -> (SigmoidBelief, Params<f64>) {
    let (tanh, bits) = (Activation::Tanh, Likelihood::Bernoulli);
    at_random(|params| SigmoidBelief::new(params, 3, layers, hidden, tanh, bits, &mut rng()))
}

fn small_belief() -> TestProblem<SmallBelief> {
    TestProblem {
        name: "sbn-small",
        line: "two bits behind three, all four states of the latents summed",
        source: "a sum of four terms",
        model: || known(|params| SmallBelief::known(params, &mut rng())),
        rows: ROWS,
        columns: 3,
        layers: &[2],
        nodes: &[],
        expectation: false,
        solved: &[("sleep", sleep)],
    }
}

/// The sleep phase on the small belief net.
///
/// The $q$ of this model does not depend on $x$, so $\nabla_\varphi E_{p(z)} \ln q(z)$ is $\sigma(\eta) -
/// \sigma(\varphi)$ with the prior's logits $\eta$.
fn sleep(setting: Setting) -> Option<Instance> {
    let estimator = WakeSleep { wake: 0.0 };
    let target = Estimator::<f64, SmallBelief>::target(&estimator);
    let problem: Latent<SmallBelief> = small_belief().latent(setting, target)?;
    let key = format!("{} {target} {setting:?}", problem.name());
    let candidate = Box::new(Applied::new(&Arc::new(problem.clone()), estimator));
    let instance = |problem| Some(Instance { problem, candidate, target, key });
    // A problem without a truth is refused when the truth is asked for.
    let Ok(mut truth) = problem.truth() else { return instance(Rc::new(problem)) };
    let sigmoid = |logit: f64| 1.0 / (1.0 + (-logit).exp());
    let at = problem.params.values();
    for i in 0..2 {
        let slope = sigmoid(at[2 + i]) - sigmoid(at[i]);
        truth.gradient[i] = setting.scale * setting.batch as f64 * slope;
    }
    let (name, components) = (problem.name(), problem.components());
    instance(Rc::new(Solved { name, components, truth, known_mistakes: Vec::new() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_has_an_instance_or_a_reason() {
        for problem in problems() {
            assert!(!problem.pairs.is_empty(), "{}", problem.name);
            for (form, why) in &problem.left_out {
                assert!(!why.is_empty(), "{form} on {}", problem.name);
            }
        }
    }

    #[test]
    fn problems_that_are_skipped_exist() {
        let names: Vec<&str> = problems().iter().map(|problem| problem.name).collect();
        for about in super::super::all::estimators() {
            let forms = about.forms();
            let skips = about.skips.iter().chain(forms.iter().flat_map(|form| form.skips));
            for name in skips.flat_map(|skip| skip.problems) {
                assert!(names.contains(name), "{} skips {name}, which is no problem", about.name);
            }
        }
    }

    #[test]
    fn an_estimator_that_is_left_out_is_refused_with_the_reason() {
        let on = |name: &str, estimator: &str| {
            let rows = vec![problem(name).expect("it is a problem")];
            keep_estimators(rows, Some(&[estimator.to_string()])).map(|_| ())
        };
        assert!(on("sbn-small", "sleep").is_ok());
        let why = |name, estimator| on(name, estimator).expect_err("it is left out").to_string();
        assert!(why("logistic-normal", "wake").contains("wake on logistic-normal: its proof"));
        assert!(why("bernoulli-toy", "vimco").contains("it has no L_K"));
        assert!(why("sbn-two-layers", "arm").contains("one layer of bits"));
        assert!(why("sbn-small", "no-such").contains("unknown estimator"));
        assert!(why("sbn-small", "russian-roulette").contains("rare draws carry the variance"));
    }
}
