//! Training steps of latent-variable models: noise, gradient, Adam.

use crate::data::{binary, glorot, uniforms, unit_noise};
use crate::work::Work;
use pathscore_autodiff::{Activation, Scalar, Tape, Var};
use pathscore_estimators::Estimator;
use pathscore_estimators::energy::PersistentContrastiveDivergence;
use pathscore_estimators::fit::{Options, Trainer};
use pathscore_estimators::optim::{Adam, Optimizer, Sgd};
use pathscore_estimators::path::{Iwae, SgvbKl};
use pathscore_estimators::score::{Baseline, Reinforce, Vimco};
use pathscore_models::dist::{Distribution, Kl};
use pathscore_models::energy::Rbm;
use pathscore_models::latent::{DiscreteVae, LatentModel, Likelihood, SigmoidBelief, Vae};
use pathscore_models::{Bound, Energy, Params, RandomSource, seed};

const COLUMNS: usize = 784;

fn numbers<F: Scalar>(x: &[f64]) -> Vec<F> {
    x.iter().map(|&x| F::from_f64(x)).collect()
}

/// Weight `j` from seed `first + j`; biases stay zero.
fn set_weights<F: Scalar>(params: &mut Params<F>, first: u64) {
    let weights: Vec<_> = params
        .iter()
        .filter(|(_, shape, _)| shape.len() == 2)
        .map(|(_, shape, at)| (at, shape[0], shape[1]))
        .collect();
    for (seed, (at, from, to)) in (first..).zip(weights) {
        let values = numbers(&glorot(seed, from, to));
        params.values_mut()[at..at + from * to].copy_from_slice(&values);
    }
}

fn gaussian<F: Scalar>() -> (Vae, Params<F>) {
    let mut params = Params::new();
    let rng = &mut seed::rng(0, seed::Stream::Init, 0);
    let (tanh, bits) = (Activation::Tanh, Likelihood::Bernoulli);
    let model = Vae::new(&mut params, COLUMNS, &[200, 200], 50, tanh, bits, rng);
    set_weights(&mut params, 1000);
    (model, params)
}

/// A training step of `model` on the same batch every time.
fn training<F, M, E>(
    (model, params): (M, Params<F>),
    estimator: E,
    samples: usize,
    x: Vec<F>,
    check: f64,
) -> Work
where
    F: Scalar,
    M: LatentModel<F> + Send + 'static,
    E: Estimator<F, M> + Send + 'static,
{
    let options = Options { samples, ..Options::default() };
    steps((model, params), estimator, Box::new(Adam::default()), options, x, check)
}

/// A training step of `model` by an optimiser.
fn steps<F, M, E>(
    (model, params): (M, Params<F>),
    estimator: E,
    optimizer: Box<dyn Optimizer<F>>,
    options: Options,
    x: Vec<F>,
    check: f64,
) -> Work
where
    F: Scalar,
    M: Sync + Send + 'static,
    E: Estimator<F, M> + Send + 'static,
{
    let mut trainer = Trainer::new(model, params, estimator, optimizer, options);
    let shape = [x.len() / COLUMNS, COLUMNS];
    let step = move || {
        let feed = |rows: std::ops::Range<usize>, out: &mut [F], _: &mut _| {
            out.copy_from_slice(&x[rows.start * COLUMNS..rows.end * COLUMNS]);
        };
        trainer.step(shape, feed).expect("a short run stays finite");
    };
    Work::new(1, check, step)
}

/// The number that `f` computes from the parameters and the batch on a tape of its own.
fn on_tape<F: Scalar>(
    params: &Params<F>,
    x: &[F],
    f: impl for<'t> FnOnce(Bound<'t, F>, Var<'t, F>) -> Var<'t, F>,
) -> f64 {
    let tape = Tape::new();
    let bound = params.on(&tape);
    let x = tape.constant(x, [x.len() / COLUMNS, COLUMNS]);
    f(bound, x).item().to_f64()
}

/// One draw, the divergence in closed form; `check` is the loss.
pub(crate) fn vae<F: Scalar>() -> Work {
    const BATCH: usize = 100;
    let (model, params) = gaussian::<F>();
    let x = numbers(&binary(1100, 0.3, BATCH * COLUMNS));
    let noise: Vec<F> = numbers(&unit_noise(1101, BATCH * 50));
    let check = on_tape(&params, &x, |bound, x| {
        let q = model.posterior(bound, x);
        let z = q.loc() + q.scale() * bound.tape().constant(&noise, [1, BATCH, 50]);
        let fit = model.log_likelihood(bound, x, z).mean();
        q.kl(&model.prior(bound)).mean() - fit
    });
    training((model, params), SgvbKl, 1, x, check)
}

/// Fifty draws and the importance-weighted bound; `check` is the loss.
pub(crate) fn iwae<F: Scalar>() -> Work {
    const BATCH: usize = 20;
    const DRAWS: usize = 50;
    let (model, params) = gaussian::<F>();
    let x = numbers(&binary(1100, 0.3, BATCH * COLUMNS));
    let noise: Vec<F> = numbers(&unit_noise(1101, DRAWS * BATCH * 50));
    let check = on_tape(&params, &x, |bound, x| {
        let q = model.posterior(bound, x);
        let z = q.loc() + q.scale() * bound.tape().constant(&noise, [DRAWS, BATCH, 50]);
        let log_w = model.log_joint(bound, x, z) - q.log_prob(z);
        -(log_w.log_sum_exp(0) - F::from_f64((DRAWS as f64).ln())).mean()
    });
    training((model, params), Iwae, DRAWS, x, check)
}

/// Uniform numbers that were fixed beforehand, for bits.
struct Fixed(std::vec::IntoIter<f64>);

impl RandomSource for Fixed {
    fn bernoulli(&mut self, p: f64) -> bool {
        self.uniform() < p
    }

    fn categorical(&mut self, _: &[f64]) -> usize {
        unreachable!("the numbers are for bits")
    }

    fn uniform(&mut self) -> f64 {
        self.0.next().expect("there is a number for each bit")
    }

    fn normal(&mut self) -> f64 {
        unreachable!("the numbers are for bits")
    }
}

/// Two layers of bits with linear logits between them, fifty draws; `check` is minus the bound.
pub(crate) fn vimco<F: Scalar>() -> Work {
    const BATCH: usize = 24;
    const DRAWS: usize = 50;
    let mut params = Params::new();
    let rng = &mut seed::rng(0, seed::Stream::Init, 0);
    let (tanh, bits) = (Activation::Tanh, Likelihood::Bernoulli);
    let model = SigmoidBelief::new(&mut params, COLUMNS, &[200, 200], &[], tanh, bits, rng);
    // The order in which the layers are made: two of the encoder, then two of the decoder.
    set_weights(&mut params, 2000);
    let x = numbers(&binary(1100, 0.3, BATCH * COLUMNS));
    let noise = [2101, 2102].map(|seed| uniforms(seed, DRAWS * BATCH * 200)).concat();
    let check = on_tape(&params, &x, |bound, x| {
        let q = model.posterior(bound, x);
        let z = q.sample(DRAWS, &mut Fixed(noise.into_iter()));
        let log_w = model.log_joint(bound, x, z) - q.log_prob(z);
        -(log_w.log_sum_exp(0) - F::from_f64((DRAWS as f64).ln())).mean()
    });
    training((model, params), Vimco::default(), DRAWS, x, check)
}

/// Four draws of bits, leave-one-out baseline; `check` is minus the mean signal.
pub(crate) fn reinforce<F: Scalar>() -> Work {
    const BATCH: usize = 100;
    const DRAWS: usize = 4;
    let mut params = Params::new();
    let rng = &mut seed::rng(0, seed::Stream::Init, 0);
    let (tanh, bits) = (Activation::Tanh, Likelihood::Bernoulli);
    let model = DiscreteVae::new(&mut params, COLUMNS, &[200], 200, tanh, bits, rng);
    set_weights(&mut params, 3000);
    let x = numbers(&binary(1100, 0.3, BATCH * COLUMNS));
    let noise: Vec<F> = numbers(&uniforms(3101, DRAWS * BATCH * 200));
    let check = on_tape(&params, &x, |bound, x| {
        let q = model.posterior(bound, x);
        let h = q.probs().greater(bound.tape().constant(&noise, [DRAWS, BATCH, 200]));
        (q.log_prob(h) - model.log_joint(bound, x, h)).mean()
    });
    let estimator = Reinforce { baseline: Baseline::LeaveOneOut };
    training((model, params), estimator, DRAWS, x, check)
}

/// The machine of the workloads `rbm` and `ais` with its batch of 100 rows.
pub(crate) fn machine<F: Scalar>() -> (Rbm, Params<F>, Vec<F>) {
    const HIDDEN: usize = 500;
    let mut params = Params::new();
    let rng = &mut seed::rng(0, seed::Stream::Init, 0);
    let model = Rbm::new(&mut params, COLUMNS, HIDDEN, rng);
    let weights = unit_noise(7000, COLUMNS * HIDDEN).into_iter().map(|w| 0.05 * w);
    let biases = [-0.8; COLUMNS].into_iter().chain([0.0; HIDDEN]);
    let values: Vec<F> = numbers(&weights.chain(biases).collect::<Vec<_>>());
    params.values_mut().copy_from_slice(&values);
    (model, params, numbers(&binary(7001, 0.3, 100 * COLUMNS)))
}

/// A step of persistent contrastive divergence with momentum; `check` is the mean free energy of the batch.
pub(crate) fn rbm<F: Scalar>() -> Work {
    let (model, params, x) = machine::<F>();
    let check = on_tape(&params, &x, |bound, x| model.energy(bound, x).mean());
    let estimator = PersistentContrastiveDivergence { sweeps: 1, chains: None };
    let options = Options { lr: 0.01, ..Options::default() };
    steps((model, params), estimator, Box::new(Sgd::new(0.9)), options, x, check)
}
