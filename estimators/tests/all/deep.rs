//! Estimators on models with dependent normal latents: layers, full covariances and flows, with two latents.
//!
//! The mean of an estimator is a sum over the nodes of Gauss–Hermite rules for its noise. The truth comes from a sum over a grid
//! of the latents themselves, which knows nothing of the way in which they are drawn, and from differences.

use crate::common::{assert_near, distance, moments};
use pathscore_autodiff::{Activation, Scalar, Tape, Var};
use pathscore_estimators::both::PerNode;
use pathscore_estimators::draw::{Draw, LogProbs};
use pathscore_estimators::path::{Dreg, Iwae, Sgvb, SgvbKl, StickingTheLanding};
use pathscore_estimators::score::{Baseline, Nvil, Reinforce, Vimco};
use pathscore_estimators::{Columns, Cotangents, Estimator, LogWeights};
use pathscore_models::dist::{Bijection, Distribution, FlowKind};
use pathscore_models::latent::{
    FlowOptions, HierarchicalVae, Inference, LatentModel, Likelihood, NormalFlow, Vae,
};
use pathscore_models::{Bound, Init, Params, RandomSource, seed};

const TANH: Activation = Activation::Tanh;
const BITS: Likelihood = Likelihood::Bernoulli;
const X: [f64; 2] = [1.0, 0.0];

/// A model with all parameters at random, small enough that the rules resolve the densities.
struct Problem<M> {
    model: M,
    params: Params<f64>,
}

fn problem<M>(make: impl Fn(&mut Params<f64>) -> M) -> Problem<M> {
    let (mut params, rng) = (Params::new(), &mut seed::rng(0, seed::Stream::Init, 0));
    let model = make(&mut params);
    let mut random = Params::<f64>::new();
    random.add("all", [params.len()], Init::Normal(0.25), rng);
    params.values_mut().copy_from_slice(random.values());
    Problem { model, params }
}

fn hierarchical(inference: Inference) -> Problem<HierarchicalVae> {
    problem(|params| {
        let rng = &mut seed::rng(0, seed::Stream::Init, 0);
        HierarchicalVae::new(params, 2, &[1, 1], &[], (TANH, BITS), inference, rng)
    })
}

fn flow(kind: FlowKind) -> Problem<Vae<NormalFlow>> {
    problem(|params| {
        let rng = &mut seed::rng(0, seed::Stream::Init, 0);
        let flow = FlowOptions { kind, layers: 2, hidden: vec![2] };
        Vae::with_flow(params, [2, 2], &[], (TANH, BITS), &flow, rng)
    })
}

/// The nodes for each normal number where one draw is taken, and where two are.
const NODES: [usize; 2] = [32, 12];

/// Gauss–Hermite rules see the poles of tanh in the networks of a flow and converge slowly: 32 nodes give seven digits of numbers
/// below ten. The differences have nine.
const CLOSE: f64 = 3e-6;

/// The trapezoidal rule of the ELBO, $\int q(z \mid x) (\ln p(x, z) - \ln q(z \mid x)) dz$, whose error falls faster than any power of
/// the step for a smooth density that vanishes at the ends.
fn elbo<M: LatentModel<f64>>(model: &M, params: &Params<f64>) -> f64 {
    const N: usize = 160;
    let place = |i: usize| 12.0 * (2.0 * i as f64 / N as f64 - 1.0);
    let points: Vec<f64> =
        (0..=N * (N + 2)).flat_map(|i| [place(i / (N + 1)), place(i % (N + 1))]).collect();
    let tape = Tape::new();
    let (bound, x) = (params.on(&tape).detach(), tape.constant(&X, [1, 2]));
    let z = tape.constant(&points, [points.len() / 2, 1, 2]);
    let log_q = model.posterior(bound, x).log_prob(z);
    let terms = log_q.exp() * (model.log_joint(bound, x, z) - log_q);
    terms.sum().item() * (24.0 / N as f64).powi(2)
}

/// The gradient of the ELBO with respect to the parameters of the model, by central differences.
fn gradient<M: LatentModel<f64>>(Problem { model, params }: &Problem<M>, count: usize) -> Vec<f64> {
    let mut moved = params.clone();
    let slope = |i: usize| {
        let at = params.values()[i];
        let [up, down] = [1e-4, -1e-4].map(|h| {
            moved.values_mut()[i] = at + h;
            elbo(model, &moved)
        });
        moved.values_mut()[i] = at;
        (up - down) / 2e-4
    };
    (0..count).map(slope).collect()
}

/// Fails if the mean of one draw is not the gradient.
#[track_caller]
fn assert_exact<M: LatentModel<f64>>(
    Problem { model, params }: &Problem<M>,
    truth: &[f64],
    estimator: &impl Estimator<f64, M>,
) {
    let found = moments((model, params), estimator, &X, 1, 1, NODES[0]);
    assert_near(&found.mean[..truth.len()], truth, CLOSE);
}

/// Fails if the means of two draws differ between the path, the path taken twice and the score.
#[track_caller]
fn assert_agree<M>(Problem { model, params }: &Problem<M>)
where
    M: LatentModel<f64>,
    Iwae: Estimator<f64, M>,
    Dreg: Estimator<f64, M>,
    Vimco: Estimator<f64, M>,
{
    let path = moments((model, params), &Iwae, &X, 1, 2, NODES[1]).mean;
    let twice = moments((model, params), &Dreg, &X, 1, 2, NODES[1]).mean;
    let score = moments((model, params), &Vimco::default(), &X, 1, 2, NODES[1]).mean;
    // Fewer nodes for each of four numbers; a wrong form differs by a tenth of the gradient.
    assert_near(&twice, &path, 1e-4);
    assert_near(&score, &path, 1e-4);
    assert!(path.iter().any(|slope| slope.abs() > 0.1));
}

#[test]
fn estimators_are_unbiased_for_layers() {
    for inference in [Inference::BottomUp, Inference::Ladder] {
        let problem = hierarchical(inference);
        let truth = gradient(&problem, problem.params.len());
        assert_exact(&problem, &truth, &Sgvb);
        assert_exact(&problem, &truth, &StickingTheLanding);
        assert_exact(&problem, &truth, &Reinforce { baseline: Baseline::None });
        assert_exact(&problem, &truth, &PerNode::of(&problem.model, &problem.params, 2, 1));
        // A variance that depends on a latent without bound makes the rules converge slowly; the difference falls by the same
        // factor with each four nodes, and a bias would stay.
        let apart = [8, 16].map(|nodes| {
            let at = (&problem.model, &problem.params);
            let path = moments(at, &Iwae, &X, 1, 2, nodes).mean;
            let twice = moments(at, &Dreg, &X, 1, 2, nodes).mean;
            let score = moments(at, &Vimco::default(), &X, 1, 2, nodes).mean;
            distance(&twice, &path).max(distance(&score, &path))
        });
        assert!(apart[1] < 0.25 * apart[0] && apart[1] < 2e-3, "{inference:?}: {apart:?}");
    }
}

/// A signal and a baseline for each layer, or one for all where the top is drawn first.
#[test]
fn baselines_are_unbiased_for_layers() {
    for (inference, widths) in [(Inference::BottomUp, &[2, 1][..]), (Inference::Ladder, &[2])] {
        let mut problem = hierarchical(inference);
        let count = problem.params.len();
        let rng = &mut seed::rng(1, seed::Stream::Init, 0);
        let nvil = Nvil::new(&mut problem.params, widths, 2, rng).plain();
        let truth = gradient(&problem, count);
        assert_exact(&problem, &truth, &nvil);
    }
}

#[test]
fn estimators_are_unbiased_for_a_full_covariance() {
    let problem = problem(|params| {
        let rng = &mut seed::rng(0, seed::Stream::Init, 0);
        Vae::full_covariance(params, [2, 2], &[], TANH, BITS, rng)
    });
    let truth = gradient(&problem, problem.params.len());
    assert_exact(&problem, &truth, &Sgvb);
    assert_exact(&problem, &truth, &SgvbKl);
    assert_exact(&problem, &truth, &StickingTheLanding);
    assert_exact(&problem, &truth, &Reinforce { baseline: Baseline::None });
    assert_agree(&problem);
}

#[test]
fn estimators_are_unbiased_for_flows() {
    for kind in [FlowKind::Coupling, FlowKind::InverseAutoregressive] {
        let problem = flow(kind);
        let truth = gradient(&problem, problem.params.len());
        assert_exact(&problem, &truth, &Sgvb);
        assert_exact(&problem, &truth, &StickingTheLanding);
        assert_exact(&problem, &truth, &Reinforce { baseline: Baseline::None });
        assert_agree(&problem);
    }
}

/// The score of a flow with the argument of the sample held fixed instead of the sample: the derivative of the map is missing.
#[derive(Clone, Copy, Debug)]
struct ArgumentFixed;

/// Constant draws whose density varies along the map.
enum OnTheWay {}

impl Draw<f64, Vae<NormalFlow>> for OnTheWay {
    fn draw<'t, R: RandomSource>(
        q: &<Vae<NormalFlow> as LatentModel<f64>>::Posterior<'t>,
        count: usize,
        rng: &mut R,
    ) -> Var<'t, f64> {
        q.sample(count, rng)
    }

    fn record<'t, R: RandomSource>(
        model: &Vae<NormalFlow>,
        params: Bound<'t, f64>,
        x: Var<'t, f64>,
        count: usize,
        rng: &mut R,
    ) -> LogProbs<'t, f64> {
        let q = model.posterior(params, x);
        let u = q.base().sample(count, rng);
        let [z, log_det] = q.bijection().forward_and_log_det(u, 1);
        let z = z.detach();
        let log_q = q.base().log_prob(u) - log_det;
        LogProbs { z, log_joint: model.log_joint(params, x, z), log_q }
    }
}

impl Columns for ArgumentFixed {
    type Draw = OnTheWay;

    fn cotangents<F: Scalar>(&self, w: &LogWeights<F>, cotangents: &mut Cotangents<F>) {
        Reinforce { baseline: Baseline::None }.cotangents(w, cotangents);
    }
}

#[test]
fn the_score_of_a_flow_at_a_fixed_argument_is_caught() {
    let problem = flow(FlowKind::Coupling);
    let truth = gradient(&problem, problem.params.len());
    let found = moments((&problem.model, &problem.params), &ArgumentFixed, &X, 1, 1, NODES[0]);
    assert!(distance(&found.mean, &truth) > 0.01, "{:?}", found.mean);
}
