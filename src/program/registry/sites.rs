//! Where estimators are tried: models that are small enough for every expectation to be known.

use super::super::args::ProblemName;
use super::super::config::cli_name;
use super::{Posed, Setting};
use pathscore::autodiff::Activation;
use pathscore::estimators::proof::{Applied, Gradient, Latent, Problem, Solved, Target};
use pathscore::estimators::score::WakeSleep;
use pathscore::estimators::{Claim, Enumerator};
use pathscore::models::dist::Kind;
use pathscore::models::latent::{
    BernoulliToy, GaussianQuadratic, LatentModel, Likelihood, LinearGaussian, LogisticNormal,
    MixedVae, SigmoidBelief, SmallBelief,
};
use pathscore::models::{Init, Params, seed};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::rc::Rc;
use std::sync::Arc;

/// A problem of latents.
pub(super) trait Site: Copy + Send + Sync + 'static {
    type Model: LatentModel<f64> + Clone + Send + Sync + 'static;
    const NAME: ProblemName;
    /// Columns of a row.
    const COLUMNS: usize;

    /// The model, its parameters, and rows to see it with.
    fn site(self) -> (Self::Model, Params<f64>, &'static [f64]);

    /// The problem in a setting, if there are rows enough for it.
    fn latent(self, setting: Setting, target: Target) -> Option<Latent<Self::Model>> {
        let Setting { samples, batch, scale } = setting;
        let (model, params, rows) = self.site();
        let x = rows.get(..batch * Self::COLUMNS)?.to_vec();
        let name = cli_name(&Self::NAME);
        Some(Latent { name, model, params, x, batch, samples, scale, target })
    }
}

fn rng() -> Xoshiro256PlusPlus {
    seed::rng(0, seed::Stream::Init, 0)
}

/// Two bits behind three.
#[derive(Clone, Copy)]
pub(super) struct Belief;

/// One normal latent seen through a line.
#[derive(Clone, Copy)]
pub(super) struct Line;

/// One normal latent behind two bits.
#[derive(Clone, Copy)]
pub(super) struct Logit;

/// The square of a bit.
#[derive(Clone, Copy)]
pub(super) struct Bit;

/// The square of a normal number.
#[derive(Clone, Copy)]
pub(super) struct Square;

/// Two layers of bits, of two and one.
#[derive(Clone, Copy)]
pub(super) struct Two;

/// Three layers of one bit each, with tanh layers between.
#[derive(Clone, Copy)]
pub(super) struct Deep;

/// A normal latent and two bits behind one.
#[derive(Clone, Copy)]
pub(super) struct Mix;

/// Rows of three bits.
const ROWS: &[f64] = &[1.0, 0.0, 1.0, 0.0, 1.0, 1.0];

impl Site for Belief {
    type Model = SmallBelief;
    const NAME: ProblemName = ProblemName::SbnSmall;
    const COLUMNS: usize = 3;

    fn site(self) -> (SmallBelief, Params<f64>, &'static [f64]) {
        let mut params = Params::new();
        let model = SmallBelief::known(&mut params, &mut rng());
        (model, params, ROWS)
    }
}

impl Site for Line {
    type Model = LinearGaussian;
    const NAME: ProblemName = ProblemName::LinearGaussian;
    const COLUMNS: usize = 1;

    fn site(self) -> (LinearGaussian, Params<f64>, &'static [f64]) {
        let mut params = Params::new();
        let at = [0.3, 0.5 * 0.4_f64.ln(), 1.5, 0.2];
        (LinearGaussian::new(&mut params, at, 0.5, &mut rng()), params, &[1.0, -0.5])
    }
}

impl Site for Logit {
    type Model = LogisticNormal;
    const NAME: ProblemName = ProblemName::LogisticNormal;
    const COLUMNS: usize = 2;

    fn site(self) -> (LogisticNormal, Params<f64>, &'static [f64]) {
        let mut params = Params::new();
        let model = LogisticNormal::known(&mut params, &mut rng());
        (model, params, &[1.0, 0.0, 1.0, 1.0])
    }
}

impl Site for Bit {
    type Model = BernoulliToy;
    const NAME: ProblemName = ProblemName::BernoulliToy;
    const COLUMNS: usize = 1;

    fn site(self) -> (BernoulliToy, Params<f64>, &'static [f64]) {
        let mut params = Params::new();
        let model = BernoulliToy::new(&mut params, 1.0, 0.45, &mut rng());
        (model, params, &[0.0; 2])
    }
}

impl Site for Square {
    type Model = GaussianQuadratic;
    const NAME: ProblemName = ProblemName::GaussianQuadratic;
    const COLUMNS: usize = 1;

    fn site(self) -> (GaussianQuadratic, Params<f64>, &'static [f64]) {
        let mut params = Params::new();
        let model = GaussianQuadratic::new(&mut params, [1.0, 0.0], 0.0, &mut rng());
        (model, params, &[0.0; 2])
    }
}

/// Layers of bits behind three, all parameters at random.
fn layered(layers: &[usize], hidden: &[usize]) -> (SigmoidBelief, Params<f64>, &'static [f64]) {
    let (tanh, bits) = (Activation::Tanh, Likelihood::Bernoulli);
    let (model, params) =
        at_random(|params| SigmoidBelief::new(params, 3, layers, hidden, tanh, bits, &mut rng()));
    (model, params, ROWS)
}

/// A model whose parameters are all drawn, the biases too, and none is small.
fn at_random<M>(make: impl FnOnce(&mut Params<f64>) -> M) -> (M, Params<f64>) {
    let (mut params, mut random) = (Params::new(), Params::<f64>::new());
    let model = make(&mut params);
    random.add("all", [params.len()], Init::Normal(0.7), &mut rng());
    params.values_mut().copy_from_slice(random.values());
    (model, params)
}

impl Site for Two {
    type Model = SigmoidBelief;
    const NAME: ProblemName = ProblemName::SbnTwoLayers;
    const COLUMNS: usize = 3;

    fn site(self) -> (SigmoidBelief, Params<f64>, &'static [f64]) {
        layered(&[2, 1], &[])
    }
}

impl Site for Deep {
    type Model = SigmoidBelief;
    const NAME: ProblemName = ProblemName::SbnThreeLayers;
    const COLUMNS: usize = 3;

    fn site(self) -> (SigmoidBelief, Params<f64>, &'static [f64]) {
        layered(&[1, 1, 1], &[1])
    }
}

impl Mix {
    /// Its nodes, in the order of drawing.
    pub(super) const KINDS: [Kind; 2] = [Kind::Normal(1), Kind::Bits(2)];
}

impl Site for Mix {
    type Model = MixedVae;
    const NAME: ProblemName = ProblemName::MixedSmall;
    const COLUMNS: usize = 1;

    fn site(self) -> (MixedVae, Params<f64>, &'static [f64]) {
        let (tanh, bits) = (Activation::Tanh, Likelihood::Bernoulli);
        let (model, params) =
            at_random(|params| MixedVae::new(params, 1, &[], [1, 2], tanh, bits, &mut rng()));
        (model, params, &[1.0, 0.0])
    }
}

/// What wake-sleep follows without the wake phase of $q$: $L_K$ for the model, and for $q$ the divergence from the
/// posterior over what the model dreams.
pub(super) const ASLEEP: Target = Target::BoundAndSleep;

/// A gradient that is what it was made for: of $L_K$ alone it would be biased.
#[derive(Clone)]
struct Phases(Applied<SmallBelief, WakeSleep>);

impl Gradient for Phases {
    fn claim(&self) -> Claim {
        Claim::Unbiased
    }

    fn draw(&mut self, source: &mut Enumerator, out: &mut [f64]) -> Option<f64> {
        self.0.draw(source, out)
    }
}

/// The sleep phase on the small belief net.
///
/// Its $q$ sees no $x$, so $\nabla_\varphi E_{p(z)} \ln q(z)$ is $\sigma(\eta) - \sigma(\varphi)$, $\eta$ the prior's logits.
pub(super) fn sleep(setting: Setting) -> Option<Posed> {
    let problem = Belief.latent(setting, ASLEEP)?;
    let mut truth = problem.truth();
    let sigmoid = |logit: f64| 1.0 / (1.0 + (-logit).exp());
    let at = problem.params.values();
    for i in 0..2 {
        let slope = sigmoid(at[2 + i]) - sigmoid(at[i]);
        truth.gradient[i] = setting.scale * setting.batch as f64 * slope;
    }
    let (name, components) = (problem.name(), problem.components());
    let key = format!("{name} {ASLEEP} {setting:?}");
    let candidate = Box::new(Phases(Applied::new(&Arc::new(problem), WakeSleep { wake: 0.0 })));
    let solved = Solved { name, components, truth, known_mistakes: Vec::new() };
    Some(Posed { problem: Rc::new(solved), candidate, key })
}
