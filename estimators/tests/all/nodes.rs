//! A strategy for each node, on models small enough for their exact gradients: bits listed, normal numbers as nodes
//! of a quadrature.

use pathscore_autodiff::{Activation, Scalar, Var};
use pathscore_estimators::both::{PerNode, Strategy};
use pathscore_estimators::draw::Draw;
use pathscore_estimators::path::Sgvb;
use pathscore_estimators::proof::{Applied, Latent, Method, Options, Proof, Verdict, prove};
use pathscore_estimators::{Claim, Columns, Cotangents, Estimator, LogWeights, Query, Work};
use pathscore_models::dist::{Distribution, Factorised, Kind, Node, Reparam};
use pathscore_models::latent::{
    First, LatentModel, Likelihood, LinearGaussian, Mixed, MixedVae, SigmoidBelief,
};
use pathscore_models::{Bound, Init, Params, RandomSource, seed};
use std::sync::Arc;

const PATH: Strategy = Strategy::Path;
const SCORE: Strategy = Strategy::Score;

/// A model with all parameters at random, none small, none so large that a quadrature would need many nodes.
fn at_random<M>(x: &[f64], make: impl Fn(&mut Params<f64>) -> M) -> Latent<M> {
    let (mut params, rng) = (Params::new(), &mut seed::rng(0, seed::Stream::Init, 0));
    let model = make(&mut params);
    let mut random = Params::<f64>::new();
    // Small enough that quadrature resolves the densities of two draws.
    random.add("all", [params.len()], Init::Normal(0.3), rng);
    params.values_mut().copy_from_slice(random.values());
    Latent::new("nodes", model, params, x)
}

/// A normal latent, then bits; behind one bit.
fn normal_first(bits: usize) -> Latent<MixedVae> {
    let (tanh, bernoulli) = (Activation::Tanh, Likelihood::Bernoulli);
    at_random(&[1.0], |params| {
        let rng = &mut seed::rng(0, seed::Stream::Init, 0);
        MixedVae::new(params, 1, &[], [1, bits], tanh, bernoulli, rng)
    })
}

fn proof<M, E>(problem: &Latent<M>, samples: usize, estimator: E) -> Proof
where
    M: LatentModel<f64> + Clone + Send + 'static,
    E: Estimator<f64, M> + Clone + Send + 'static,
{
    let problem = Arc::new(Latent { samples, ..problem.clone() });
    // Forty nodes for each of two normal numbers and a bit.
    let options = Options { outcomes: 8_000, confirming: 8_000, ..Options::default() };
    prove(&*problem, &Applied::new(&problem, estimator), &options)
}

/// Fails if the exact mean is not the gradient.
#[track_caller]
fn assert_exact<M, E>(problem: &Latent<M>, samples: usize, estimator: E)
where
    M: LatentModel<f64> + Clone + Send + 'static,
    E: Estimator<f64, M> + Clone + Send + 'static,
{
    let proof = proof(problem, samples, estimator);
    assert!(proof.ok && proof.verdict == Verdict::Unbiased, "{proof}");
    assert!(!matches!(proof.method, Method::Sampled(_)), "{samples} draws: {proof}");
}

#[test]
fn the_automatic_choice_is_unbiased_for_a_normal_node_and_bits() {
    let problem = normal_first(2);
    let automatic = PerNode::of(&problem.model, &problem.params, 1, 1);
    assert_eq!(
        automatic.choices().iter().map(|c| c.strategy).collect::<Vec<_>>(),
        [PATH, Strategy::Sum]
    );
    assert_exact(&problem, 1, automatic);
}

#[test]
fn every_unbiased_road_is_unbiased_beside_every_other() {
    for (first, second, bits, samples) in [
        (PATH, SCORE, 2, 1),
        (PATH, SCORE, 1, 2),
        (PATH, Strategy::Sum, 1, 2),
        (SCORE, SCORE, 1, 2),
        (SCORE, Strategy::Sum, 1, 2),
    ] {
        let kinds = [Kind::Normal(1), Kind::Bits(bits)];
        let estimator = PerNode::named(&kinds, &[first, second]).unwrap();
        assert_exact(&normal_first(bits), samples, estimator);
    }
    // The weight of a pair, max(p, 1 − p), has a kink at η = 0, which a quadrature over z does not see exactly: by
    // samples, which would show a fiftieth of the gradient.
    let estimator =
        PerNode::named(&[Kind::Normal(1), Kind::Bits(2)], &[PATH, Strategy::Pairs]).unwrap();
    let proof = proof(&normal_first(2), 1, estimator);
    assert!(proof.ok && proof.verdict == Verdict::Unbiased, "{proof}");
}

/// $q(h)$, then $q(z \mid h)$: the other way round than [`MixedVae`], which it borrows all else from.
#[derive(Clone)]
struct BitsFirst(MixedVae);

impl<F: Scalar> LatentModel<F> for BitsFirst {
    type Posterior<'t> = Mixed<'t, F>;
    type Prior<'t> = Mixed<'t, F>;

    fn posterior<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Mixed<'t, F> {
        let q = self.0.posterior(params, x);
        Mixed { across: q.across.transpose(), first: First::Bits, ..q }
    }

    fn prior<'t>(&self, params: Bound<'t, F>) -> Mixed<'t, F> {
        self.0.prior(params)
    }

    fn log_likelihood<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>, z: Var<'t, F>) -> Var<'t, F> {
        self.0.log_likelihood(params, x, z)
    }
}

#[test]
fn bits_may_come_before_the_normal_node() {
    let problem = |bits| {
        let Latent { model, params, x, .. } = normal_first(bits);
        Latent::new("bits first", BitsFirst(model), params, &x)
    };
    let two = problem(2);
    let automatic = PerNode::of(&two.model, &two.params, 1, 1);
    assert_eq!(
        automatic.choices().iter().map(|c| c.strategy).collect::<Vec<_>>(),
        [Strategy::Sum, PATH]
    );
    assert_exact(&two, 1, automatic);
    for (first, bits, samples) in [(SCORE, 1, 2), (Strategy::Pairs, 2, 1)] {
        let kinds = [Kind::Bits(bits), Kind::Normal(1)];
        let estimator = PerNode::named(&kinds, &[first, PATH]).unwrap();
        assert_exact(&problem(bits), samples, estimator);
    }
}

#[test]
fn layers_of_bits_may_take_a_road_each() {
    let (tanh, bernoulli) = (Activation::Tanh, Likelihood::Bernoulli);
    let problem = at_random(&[1.0, 0.0], |params| {
        let rng = &mut seed::rng(0, seed::Stream::Init, 0);
        SigmoidBelief::new(params, 2, &[2, 1], &[], tanh, bernoulli, rng)
    });
    let kinds = [Kind::Bits(2), Kind::Bits(1)];
    for (first, second, samples) in [
        (Strategy::Sum, SCORE, 2),
        (SCORE, Strategy::Sum, 2),
        (Strategy::Sum, Strategy::Pairs, 1),
        (Strategy::Pairs, SCORE, 2),
        (Strategy::Pairs, Strategy::Pairs, 2),
        (Strategy::Sum, Strategy::Sum, 1),
    ] {
        let estimator = PerNode::named(&kinds, &[first, second]).unwrap();
        let all = first == Strategy::Sum && second == Strategy::Sum;
        let claim = Estimator::<f64, SigmoidBelief>::claim(&estimator);
        assert_eq!(claim == Claim::Exact, all);
        assert_exact(&problem, samples, estimator);
    }
}

#[test]
fn on_a_normal_node_alone_it_is_the_path() {
    let problem = at_random(&[1.0], |params| {
        let rng = &mut seed::rng(0, seed::Stream::Init, 0);
        LinearGaussian::new(params, [0.0; 4], 0.5, rng)
    });
    let draw = |estimator: &dyn Fn(&mut Work<f64>) -> f64| {
        let mut work = Work::new();
        let value = estimator(&mut work);
        (value, work.gradient(problem.params.len()).to_vec())
    };
    let query = Query::new(&problem.model, &problem.params, &problem.x, 3);
    let rng = || seed::rng(7, seed::Stream::Estimate, 0);
    let per_node = PerNode::of(&problem.model, &problem.params, 1, 3);
    let (value, gradient) = draw(&|work| per_node.estimate(query, &mut rng(), work));
    let (known, expected) = draw(&|work| Sgvb.estimate(query, &mut rng(), work));
    // The same draws in another order of sums of three.
    assert!((value - known).abs() < 1e-14, "{value} {known}");
    for (g, e) in gradient.iter().zip(&expected) {
        assert!((g - e).abs() < 1e-13 * e.abs().max(1.0), "{g} {e}");
    }
}

#[test]
fn a_biased_road_is_taken_only_by_name_and_found_to_be_biased() {
    let problem = normal_first(1);
    let kinds = [Kind::Normal(1), Kind::Bits(1)];
    for strategy in [Strategy::StraightThrough, Strategy::Concrete { temperature: 0.5 }] {
        let estimator = PerNode::named(&kinds, &[PATH, strategy]).unwrap();
        assert_eq!(Estimator::<f64, MixedVae>::claim(&estimator), Claim::Biased);
        assert_eq!(proof(&problem, 1, estimator).verdict, Verdict::Biased, "{strategy}");
    }
    for units in [1, 3, 5, 21, 1000] {
        for samples in [1, 2] {
            let per_node = PerNode::automatic(&[Kind::Bits(units), Kind::Normal(units)], samples);
            assert!(
                per_node.choices().iter().all(|c| c.strategy.claim() != Claim::Biased),
                "{per_node}"
            );
        }
    }
}

#[test]
fn roads_that_do_not_fit_are_refused() {
    let kinds = [Kind::Normal(1), Kind::Bits(30)];
    let refused =
        |strategies: &[Strategy]| PerNode::named(&kinds, strategies).unwrap_err().to_string();
    assert_eq!(
        refused(&[PATH, Strategy::Sum]),
        "node 2, 30 bits: the strategy `sum` does not fit it"
    );
    assert_eq!(
        refused(&[Strategy::Pairs, SCORE]),
        "node 1, 1 normal: the strategy `pairs` does not fit it"
    );
    assert_eq!(refused(&[PATH]), "node 2: it has no strategy");
    assert_eq!(refused(&[PATH, SCORE, SCORE]), "node 3: the model has no such node");
}

/// Normal nodes along their paths and bits as constants, and no score for the bits.
#[derive(Clone, Copy, Debug)]
struct PathAlone;

/// Every node drawn as its path allows.
enum AsPathsAllow {}

impl<M: for<'t> LatentModel<f64, Posterior<'t> = Mixed<'t, f64>>> Draw<f64, M> for AsPathsAllow {
    fn draw<'t, R: RandomSource>(q: &M::Posterior<'t>, count: usize, rng: &mut R) -> Var<'t, f64> {
        let q: &Mixed<'t, f64> = q;
        let Node::Normal(normal) = q.node(&[]) else { panic!("the normal node is the first") };
        let z = normal.rsample(count, rng);
        let Node::Bits(bits) = q.node(&[z]) else { panic!("bits are the second") };
        let h = bits.sample(1, rng).reshape([count, 1, 1]);
        q.join(&[z, h])
    }
}

impl Columns for PathAlone {
    type Draw = AsPathsAllow;

    fn cotangents<F: Scalar>(&self, w: &LogWeights<F>, cotangents: &mut Cotangents<F>) {
        Sgvb.cotangents(w, cotangents);
    }
}

#[test]
fn the_path_alone_is_caught_and_named() {
    let proof = proof(&normal_first(1), 1, PathAlone);
    assert_eq!(proof.verdict, Verdict::Biased, "{proof}");
    let words = proof.diagnosis.clone().unwrap_or_default();
    assert!(words.contains("paths alone"), "{proof}");
}
