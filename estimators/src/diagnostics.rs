//! Diagnostics of a trained posterior: its latents one by one, and the weights of its draws.

use crate::estimator::{LogWeights, rows};
use pathscore_autodiff::{Scalar, Tape, Var};
use pathscore_models::dist::{Coordinates, Distribution};
use pathscore_models::latent::Decoder;
use pathscore_models::{Bound, Params, RandomSource};

/// A unit is active if the mean of its posterior varies by more than this from row to row (Burda,
/// Grosse and Salakhutdinov 2016).
pub const ACTIVE: f64 = 0.01;

/// Statistics of a posterior on a batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Diagnosis {
    /// $E_x E_q[\ln q(z_j \mid x) - \ln p(z_j)]$ of each latent $j$, in nats, estimated from draws; in a model of
    /// several layers both are given the layer before. A unit with a value near zero is not used.
    pub kl: Vec<f64>,
    /// $\mathrm{Var}_x E_q z_j$ of each latent.
    pub activity: Vec<f64>,
    /// $1 / \sum_k \tilde w_k^2$, on average over the rows: the effective sample size.
    pub effective_draws: f64,
}

impl Diagnosis {
    /// The number of latents whose activity is above [`ACTIVE`].
    pub fn active_units(&self) -> usize {
        self.activity.iter().filter(|activity| **activity > ACTIVE).count()
    }
}

/// Computes the statistics of the posterior of `batch` rows `x` from `draws` draws for each.
///
/// ```
/// use pathscore_autodiff::Activation;
/// use pathscore_estimators::diagnose;
/// use pathscore_models::latent::{Likelihood, Vae};
/// use pathscore_models::{Params, seed};
/// let rng = &mut seed::rng(0, seed::Stream::Init, 0);
/// let mut params = Params::<f64>::new();
/// let model = Vae::new(&mut params, 4, &[3], 2, Activation::Tanh, Likelihood::Bernoulli, rng);
/// let x = [1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0];
/// let found = diagnose(&model, &params, &x, 2, 50, rng);
/// assert_eq!(found.kl.len(), 2);
/// assert!(found.effective_draws >= 1.0 && found.effective_draws <= 50.0);
/// ```
pub fn diagnose<F, M, R>(
    model: &M,
    params: &Params<F>,
    x: &[F],
    batch: usize,
    draws: usize,
    rng: &mut R,
) -> Diagnosis
where
    F: Scalar,
    M: Decoder<F>,
    for<'t> M::Posterior<'t>: Coordinates<'t, F>,
    for<'t> M::Prior<'t>: Coordinates<'t, F>,
    R: RandomSource,
{
    let tape = Tape::new();
    let (params, x) = (params.on(&tape).detach(), rows(&tape, x, batch));
    let (q, p) = (model.posterior(params, x), model.prior(params));
    let z = q.sample(draws, rng);
    let each = q.log_prob_each(z);
    let kl = (each - p.log_prob_each(z)).mean_axis([0, 1]);
    diagnosis(model, params, x, z, [each.sum_axis(-1), kl])
}

/// [`diagnose`] for a posterior that has no density for each coordinate, such as a flow: `kl` has a single number, of all
/// latents together.
///
/// ```
/// use pathscore_autodiff::Activation;
/// use pathscore_estimators::diagnose_whole;
/// use pathscore_models::dist::FlowKind;
/// use pathscore_models::latent::{FlowOptions, Likelihood, Vae};
/// use pathscore_models::{Params, seed};
/// let rng = &mut seed::rng(0, seed::Stream::Init, 0);
/// let mut params = Params::<f64>::new();
/// let networks = (Activation::Tanh, Likelihood::Bernoulli);
/// let kind = FlowKind::InverseAutoregressive;
/// let flow = FlowOptions { kind, layers: 2, hidden: vec![5] };
/// let model = Vae::with_flow(&mut params, [4, 2], &[3], networks, &flow, rng);
/// let x = [1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0];
/// let found = diagnose_whole(&model, &params, &x, 2, 50, rng);
/// assert_eq!((found.kl.len(), found.activity.len()), (1, 2));
/// ```
pub fn diagnose_whole<F: Scalar, M: Decoder<F>, R: RandomSource>(
    model: &M,
    params: &Params<F>,
    x: &[F],
    batch: usize,
    draws: usize,
    rng: &mut R,
) -> Diagnosis {
    let tape = Tape::new();
    // Without derivatives a flow has the density of its sample on the way to it.
    let (params, x) = (params.on(&tape).detach(), rows(&tape, x, batch));
    let [z, log_q] = model.posterior(params, x).sample_and_log_prob(draws, rng);
    let kl = (log_q - model.prior(params).log_prob(z)).mean();
    diagnosis(model, params, x, z, [log_q, kl])
}

/// The statistics from draws `z`, $\ln q$ of each, and the numbers of `kl`.
fn diagnosis<'t, F: Scalar, M: Decoder<F>>(
    model: &M,
    params: Bound<'t, F>,
    x: Var<'t, F>,
    z: Var<'t, F>,
    [log_q, kl]: [Var<'t, F>; 2],
) -> Diagnosis {
    let (draws, batch) = (z.shape()[0], x.shape()[0]);
    let log_joint = model.log_joint(params, x, z);
    let activity = model.encode(params, x).var_axis(0, 0);
    let numbers =
        |var: Var<F>| var.with(|values| values.iter().map(|x| x.to_f64()).collect::<Vec<f64>>());
    let effective = |log_joint: &[F], log_q: &[F]| {
        let w = LogWeights::new(draws, batch, log_joint, log_q);
        (0..batch).map(|b| w.effective_draws(b).to_f64()).sum::<f64>() / batch as f64
    };
    let effective_draws =
        log_joint.with(|log_joint| log_q.with(|log_q| effective(log_joint, log_q)));
    Diagnosis { kl: numbers(kl), activity: numbers(activity), effective_draws }
}
