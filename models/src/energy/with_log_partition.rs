//! An energy-based model with a parameter for its normaliser.

use super::{NormalBase, RealEnergy};
use crate::capability::Energy;
use crate::params::{Bound, Init, ParamId, Params};
use pathscore_autodiff::{Scalar, Var};
use rand::Rng;

/// A model $M$ with one more parameter $c$ that stands for $\ln Z$: the energy is $E(x) + c$, so that $e^{-E(x) - c}$
/// is a density where $c = \ln Z$.
///
/// Noise-contrastive estimation (Gutmann and Hyvärinen 2010) learns $c$ beside the other parameters. Criteria that
/// compare energies of the same model do not move it. The derivative with respect to $c$ is one. The parameter is
/// called `log_partition` and lies behind those of the model.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::energy::{GaussianEnergy, NormalBase, WithLogPartition};
/// use pathscore_models::{Energy, Params, seed};
/// let (mut params, rng) = (Params::<f64>::new(), &mut seed::rng(0, seed::Stream::Init, 0));
/// let model = GaussianEnergy::new(&mut params, NormalBase::standard(1), rng);
/// let model = WithLogPartition::new(&mut params, model, rng);
/// params.get_mut(model.log_partition())[0] = 0.5;
/// let tape = Tape::new();
/// assert_eq!(model.energy(params.on(&tape), tape.constant(&[1.0], [1, 1])).item(), 1.0);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct WithLogPartition<M> {
    /// The model.
    pub model: M,
    log_partition: ParamId,
}

impl<M> WithLogPartition<M> {
    /// A model with the parameter, which is zero at first.
    ///
    /// # Panics
    /// If another parameter is called `log_partition`.
    pub fn new<F: Scalar, R: Rng>(params: &mut Params<F>, model: M, rng: &mut R) -> Self {
        let log_partition = params.add("log_partition", [], Init::Constant(0.0), rng);
        Self { model, log_partition }
    }

    /// The id of $c$.
    pub fn log_partition(&self) -> ParamId {
        self.log_partition
    }
}

impl<F: Scalar, M: Energy<F>> Energy<F> for WithLogPartition<M> {
    fn energy<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        self.model.energy(params, x) + params.get(self.log_partition)
    }
}

impl<F: Scalar, M: RealEnergy<F>> RealEnergy<F> for WithLogPartition<M> {
    fn base(&self) -> &NormalBase {
        self.model.base()
    }
}
