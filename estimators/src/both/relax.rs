//! RELAX (Grathwohl, Choi, Wu, Roeder and Duvenaud 2018).

use super::Rebar;
use crate::estimator::{Estimator, Query, Work};
use pathscore_autodiff::{Activation, Scalar};
use pathscore_models::dist::Bits;
use pathscore_models::latent::LatentModel;
use pathscore_models::nn::Mlp;
use pathscore_models::{Params, RandomSource};
use rand::Rng;

/// [`Rebar`] with a network in the control variate, $c(z) = \lambda f(\zeta) + r_\psi(\zeta)$ and
/// $\zeta = \sigma(z/\tau)$.
///
/// The tensors of the network follow the model's parameters in the same vector. Their gradient, that of
/// $-\Vert\bar\eta\Vert^2$, lies in the same gradient vector, and the two gradients do not influence each other. The
/// columns are those of [`Rebar`]. (In the paper the network's input is $z$ itself, which is unbounded.) It is
/// unbiased for the ELBO's gradient of one layer of bits, whatever the network is.
/// It costs one evaluation of the network more than REBAR: prefer it for runs that are long enough to train the
/// network.
///
/// ```
/// use pathscore_estimators::both::Relax;
/// use pathscore_models::{Params, seed};
/// let mut params = Params::<f64>::new();
/// let relax = Relax::new(&mut params, 2, 5, &mut seed::rng(0, seed::Stream::Init, 0));
/// assert_eq!((relax.rebar.temperature(), params.len()), (0.5, 2 * 5 + 5 + 5 + 1));
/// ```
#[doc(alias = "LAX")]
#[doc(alias = "control variate")]
#[derive(Clone, Debug)]
pub struct Relax {
    /// The control variate without the network. If it does not learn, neither does the network.
    pub rebar: Rebar,
    net: Mlp,
}

impl Relax {
    /// RELAX at temperature one half for a model of `latents` bits. Its network has one tanh layer of width `hidden`,
    /// and its tensors are added to `params` after those of the model.
    pub fn new<F: Scalar, R: Rng>(
        params: &mut Params<F>,
        latents: usize,
        hidden: usize,
        rng: &mut R,
    ) -> Self {
        let net = Mlp::new(params, "control", &[latents, hidden, 1], Activation::Tanh, rng);
        Self { rebar: Rebar::new(0.5), net }
    }
}

impl<F, M> Estimator<F, M> for Relax
where
    F: Scalar,
    M: LatentModel<F>,
    for<'t> M::Posterior<'t>: Bits<'t, F>,
{
    fn estimate<R: RandomSource>(&self, query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F {
        self.rebar.estimate_with(Some(self.net), query, rng, work)
    }

    fn observe(&mut self, stats: &[f64]) {
        self.rebar.learn(stats);
    }

    fn state(&self) -> Vec<f64> {
        self.rebar.learnt_numbers()
    }

    fn restore(&mut self, state: &[f64]) {
        self.rebar.restore_learnt(state);
    }
}
