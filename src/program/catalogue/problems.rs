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
use super::instance::{Instantiate, InstantiateEnergy, TestProblem};
use super::likelihood::{prior_path_rows, prior_rows};
use super::nodes::{node_rows, weak_derivative_rows};
use super::path::{difference_rows, path_rows};
use super::row::About;
use super::tractable::tractable_rows;
use crate::program::bench::{Bench, Instance, ProblemRow, Setting};
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

impl Bench {
    /// The problems and estimators of the program `pathscore`, to which others can be added.
    ///
    /// ```
    /// let bench = pathscore::bench::Bench::catalogue();
    /// assert!(format!("{bench:?}").contains("linear-gaussian"));
    /// ```
    pub fn catalogue() -> Self {
        let forms = |about: &&About| {
            let forms = about.forms().into_iter().map(|form| form.name.into()).collect();
            (about.name.into(), forms)
        };
        let families = estimators().iter().map(forms).collect();
        Self { problems: problems(), families, is_catalogue: true }
    }
}

/// Every problem.
fn problems() -> Vec<ProblemRow> {
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
    let target = Some(target);
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
        let problems = problems();
        let names: Vec<&str> = problems.iter().map(|problem| &*problem.name).collect();
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
        let bench = Bench::catalogue();
        let on = |name: &str, estimator: &str| {
            bench.chosen(Some(name), Some(&[estimator.to_string()]), "").map(|_| ())
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
