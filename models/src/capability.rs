//! Capabilities of models: each trait is one promise, which estimators and the program ask for.
//!
//! | trait | promise | models that keep it |
//! |---|---|---|
//! | [`LatentModel`](crate::latent::LatentModel) | $\ln p(x, z)$ and an approximate posterior $q(z \mid x)$ | autoencoders, belief networks, probabilistic PCA, factor analysis, the toys |
//! | [`Tractable`] | the exact $\ln p(x)$ | probabilistic PCA, factor analysis, Gaussian mixtures, the linear-Gaussian model, small belief networks, autoregressive densities of bits, flows |
//! | [`ExactPosterior`] | the exact $p(z \mid x)$ | probabilistic PCA, factor analysis, Gaussian mixtures, the linear-Gaussian model |
//! | [`Em`] | one step of expectation maximisation | probabilistic PCA, factor analysis, Gaussian mixtures |
//! | [`Energy`] | $E(x)$ with $p(x) \propto e^{-E(x)}$ | Boltzmann machines: restricted, deep, fully visible |
//! | [`BlockGibbs`] | a Markov transition that leaves $p(x)$ invariant | Boltzmann machines: restricted, deep, fully visible |
//! | [`MeanField`] | the missing columns of a row by mean field, with a bound on its free energy | deep Boltzmann machines |
//! | [`BitFlips`] | differences of $E(x)$ by one flipped bit | Boltzmann machines of bits |
//! | [`ExactPartition`] | $Z$ as a sum of terms that can be listed | Boltzmann machines: restricted, deep, fully visible |
//! | [`Bipartite`] | visible and hidden units with weights between them | restricted Boltzmann machines |
//! | [`BaseModel`] | the model of independent columns, from which annealing starts | Boltzmann machines: restricted, deep, fully visible |
//!
//! Parameters live in a [`Params`](crate::Params); a model only holds their ids, so every method takes the
//! parameters, either on a tape ([`Bound`]) or as the vector itself.

use crate::RandomSource;
use crate::dist::Distribution;
use crate::params::{Bound, ParamId, Params};
use pathscore_autodiff::{Real, Scalar, Tape, Var};
use std::ops::Range;

/// Sums over all states have at most this many terms: a million.
pub const MOST_TERMS: usize = 1 << 20;

/// The number of terms that are summed at a time, so that memory does not grow with the number of all terms.
const BLOCK: usize = 256;

/// A model whose log-likelihood can be computed exactly.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot compute its log-likelihood ln p(x) exactly",
    label = "this model has no exact `log_prob`",
    note = "exact likelihoods need `Tractable`; a model that only has p(x, z) and q(z|x) is a `LatentModel`, \
            and one that only has E(x) is an `Energy`"
)]
pub trait Tractable<F: Scalar>: Sync {
    /// $\ln p(x)$ for every row of `x`: from `[batch, columns]` to `[batch]`. The gradient flows to the parameters
    /// and to `x`.
    fn log_prob<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F>;
}

/// A model whose posterior over the latent variables, $p(z \mid x) = p(x, z) / p(x)$, is a known distribution.
#[diagnostic::on_unimplemented(
    message = "the posterior p(z|x) of `{Self}` is not known in closed form",
    label = "this model has no exact posterior",
    note = "an approximate posterior q(z|x) comes from `LatentModel::posterior`"
)]
pub trait ExactPosterior<F: Scalar>: Tractable<F> {
    /// The form of $p(z \mid x)$.
    type ExactPosterior<'t>: Distribution<'t, F>;

    /// $p(z \mid x)$ for every row of `x`, of shape `[batch, latents]`.
    fn exact_posterior<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Self::ExactPosterior<'t>;
}

/// A model that can be fitted by expectation maximisation (Dempster, Laird and Rubin 1977).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be fitted by expectation maximisation",
    label = "this model has no `em_step`",
    note = "fit it by gradients instead, or implement `Em`"
)]
pub trait Em<F: Scalar>: Tractable<F> {
    /// Does one E step and one M step on the `rows` rows of `x`, which lie one after another, and returns the mean of
    /// $\ln p(x)$ over the rows *before* the step. This mean never falls from step to step, up to rounding.
    ///
    /// # Panics
    /// If `x` does not hold `rows` rows of the model's columns, or if there are no rows.
    fn em_step(&self, params: &mut Params<F>, x: &[F], rows: usize) -> f64;
}

/// A model that is known up to a constant: $p(x) = e^{-E(x)} / Z$.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an energy-based model",
    label = "this model has no energy E(x)",
    note = "contrastive divergence and its relatives need `Energy`; a model with an exact ln p(x) is `Tractable`"
)]
pub trait Energy<F: Scalar>: Sync {
    /// $E(x)$ for every row of `x`: from `[rows, columns]` to `[rows]`. If the model has hidden units, they are summed
    /// out, and this is the free energy.
    fn energy<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F>;

    /// Rows of data as states of the model, at which a criterion takes the energy. They are the rows themselves, unless a
    /// state has columns that the data do not have (see [`MeanField`]). No derivative flows through such columns.
    fn complete<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        let _ = params;
        x
    }
}

/// An energy-based model with a Gibbs sampler: a sweep draws every unit given others, block by block, and leaves $p(x)$
/// invariant.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no block Gibbs sampler",
    label = "this model cannot draw h ~ p(h|x) and then x ~ p(x|h)",
    note = "contrastive divergence with Gibbs sweeps needs `BlockGibbs`"
)]
pub trait BlockGibbs<F: Scalar>: Energy<F> {
    /// Draws $h \sim p(h \mid x)$ and then a new $x \sim p(x \mid h)$ for every row: from `[rows, columns]` to the same
    /// shape.
    ///
    /// The transition leaves $p(x)$ invariant. The new `x` is a constant: no derivative flows through a sweep.
    fn gibbs_sweep<'t, R: RandomSource>(
        &self,
        params: Bound<'t, F>,
        x: Var<'t, F>,
        rng: &mut R,
    ) -> Var<'t, F>;

    /// The energies of all rows of `x`, and for some of the rows the states of chains, from which
    /// [`BlockGibbs::next_rows`] continues, as rows of a constant.
    ///
    /// A state is what a chain keeps between two gradients: the row itself, or, where the energy has already computed
    /// the half of a sweep, a draw of the hidden units given the row. A state followed by its next rows is one
    /// [`BlockGibbs::gibbs_sweep`].
    fn energies_and_states<'t, R: RandomSource>(
        &self,
        params: Bound<'t, F>,
        x: Var<'t, F>,
        chains: Range<usize>,
        rng: &mut R,
    ) -> [Var<'t, F>; 2] {
        let _ = rng;
        [self.energy(params, x), x.detach().slice(0, chains)]
    }

    /// Draws new rows from the states that [`BlockGibbs::energies_and_states`] returned. The rows are a constant.
    fn next_rows<'t, R: RandomSource>(
        &self,
        params: Bound<'t, F>,
        states: Var<'t, F>,
        rng: &mut R,
    ) -> Var<'t, F> {
        self.gibbs_sweep(params, states, rng)
    }

    /// A sweep backwards in time: if $T(x' \mid x)$ is the law of [`BlockGibbs::gibbs_sweep`], this one is
    /// $p(x') T(x \mid x') / p(x)$. Annealing from the model to its base needs it.
    ///
    /// Where $h$ is drawn given $x$ and $x$ given $h$, the sweep is its own reversal, and this default serves. A model that
    /// draws the parts of $x$ one after another, each given all others, overrides it and goes through them in the opposite
    /// order.
    fn reverse_sweep<'t, R: RandomSource>(
        &self,
        params: Bound<'t, F>,
        x: Var<'t, F>,
        rng: &mut R,
    ) -> Var<'t, F> {
        self.gibbs_sweep(params, x, rng)
    }
}

/// An energy-based model of bits, whose criteria and samplers may ask for the energy after one bit was flipped.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an energy-based model of bits",
    label = "this model has no energy differences by flipped bits",
    note = "pseudo-likelihood, ratio matching and minimum probability flow need `BitFlips`; for real data there is \
            score matching"
)]
pub trait BitFlips<F: Scalar>: Energy<F> {
    /// $E(x^{(i)}) - E(x)$ for every row and column, where $x^{(i)}$ is the row $x$ with its bit $i$ flipped: from
    /// `[rows, columns]` to the same shape.
    ///
    /// Every flipped row is evaluated, which costs as much as `columns + 1` energies of each row; a model with a cheaper
    /// form overrides it. The gradient flows to the parameters.
    ///
    /// # Panics
    /// If `x` does not have two axes.
    #[track_caller]
    fn flip_differences<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        let shape = x.shape();
        assert!(shape.len() == 2, "flip_differences: {shape:?} is not [rows, columns]");
        let (rows, columns) = (shape[0], shape[1]);
        let flipped_bit = x.tape().constant_with([columns, 1, columns], |out| {
            out.fill(F::ZERO);
            out.iter_mut().step_by(columns + 1).for_each(|bit| *bit = F::ONE);
        });
        let flipped = x + flipped_bit * (F::ONE - x - x);
        let after = self.energy(params, flipped.reshape([columns * rows, columns]));
        after.reshape([columns, rows]).transpose() - self.energy(params, x).reshape([rows, 1])
    }
}

/// An energy-based model whose partition function $Z$ is a sum of finitely many terms, which can be listed if they are
/// few.
#[diagnostic::on_unimplemented(
    message = "the partition function of `{Self}` is no sum over listed terms",
    label = "this model has no `log_terms`",
    note = "annealed importance sampling estimates ln Z of a model that cannot be summed"
)]
pub trait ExactPartition<F: Scalar>: Energy<F> {
    /// The number of terms of $Z$, or `None` if it is too large for a `usize`.
    fn terms(&self) -> Option<usize>;

    /// The logarithms of some terms of $Z$, of shape `[terms]`. The gradient flows to the parameters.
    fn log_terms<'t>(&self, params: Bound<'t, F>, terms: Range<usize>) -> Var<'t, F>;

    /// $\ln Z = \ln \sum_i e^{t_i}$ over all terms, in double precision, or `None` if there are more than a million.
    #[doc(alias = "partition function")]
    fn log_partition(&self, params: &Params<F>) -> Option<f64>
    where
        Self: ExactPartition<f64>,
    {
        let terms = ExactPartition::<f64>::terms(self).filter(|&terms| terms <= MOST_TERMS)?;
        let params = params.cast::<f64>();
        let mut tape = Tape::new();
        let mut total = f64::NEG_INFINITY;
        for first in (0..terms).step_by(BLOCK) {
            let block = first..terms.min(first + BLOCK);
            let sum = self.log_terms(params.on(&tape), block).log_sum_exp(..).item();
            total = total.log_add_exp(sum);
            tape.clear();
        }
        Some(total)
    }
}

/// An energy-based model whose visible and hidden units enter its energy through $-b^\top v - c^\top h - v^\top W h$, so that
/// its gradient can be centred.
#[diagnostic::on_unimplemented(
    message = "the gradient of `{Self}` cannot be centred",
    label = "this model has no visible and hidden units with weights between them",
    note = "implement `Bipartite` for an energy of the form of a restricted Boltzmann machine"
)]
pub trait Bipartite<F: Scalar>: Energy<F> {
    /// The ids of $W$, of shape `[visible, hidden]`, $b$ and $c$.
    fn weights_and_biases(&self) -> [ParamId; 3];

    /// $p(h_j = 1 \mid v)$: from `[rows, visible]` to `[rows, hidden]`.
    fn hidden_means<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F>;
}

/// An energy-based model that contains a model of independent columns, from which annealing starts.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no base model of independent columns",
    label = "annealed importance sampling has no start for this model",
    note = "implement `BaseModel` for a model whose connections can be set to zero"
)]
pub trait BaseModel<F: Scalar>: BlockGibbs<F> {
    /// Overwrites the parameters by those of a model whose columns are independent and have these means, and returns its
    /// exact $\ln Z$. At these parameters one [`BlockGibbs::gibbs_sweep`] from anywhere is an exact, independent draw.
    ///
    /// # Panics
    /// If there is not one mean for each column.
    fn set_base(&self, params: &mut Params<F>, means: &[f64]) -> f64;

    /// One step of annealed importance sampling along $\theta_\beta = (1 - \beta) \theta_0 + \beta \theta_1$ from the
    /// parameters of [`BaseModel::set_base`], $\theta_0$, to others, $\theta_1$: from $\beta$ to $\beta'$ (`betas`),
    ///
    /// $$\ln w = E_{\theta_\beta}(x) - E_{\theta_{\beta'}}(x) \quad \text{for every row of } x,$$
    ///
    /// and then a sweep of every row at $\theta_{\beta'}$, backwards in time if $\beta' < \beta$. Both results are constant
    /// to derivatives.
    ///
    /// This default interpolates all parameters and evaluates two energies and a sweep. A model in which they share
    /// matrix products overrides it.
    ///
    /// # Panics
    /// If `x` is not of the model's columns.
    fn anneal_step<'t, R: RandomSource>(
        &self,
        path: [Bound<'t, F>; 2],
        betas: [f64; 2],
        x: Var<'t, F>,
        rng: &mut R,
    ) -> (Var<'t, F>, Var<'t, F>) {
        let [before, after] = betas.map(|beta| Bound::between(path, beta).detach());
        let x = x.detach();
        let log_weight = self.energy(before, x) - self.energy(after, x);
        let moved = match betas[1] < betas[0] {
            true => self.reverse_sweep(after, x, rng),
            false => self.gibbs_sweep(after, x, rng),
        };
        (log_weight, moved)
    }
}

/// An energy-based model whose states have more columns than the data: the others are latent, and their posterior is
/// approximated by mean field. [`Energy::complete`] puts the means of the latent columns behind the data.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no mean-field posterior",
    label = "this model cannot complete a row of data by mean field",
    note = "a model whose states are rows of data is fitted by criteria for `Energy`"
)]
pub trait MeanField<F: Scalar>: Energy<F> {
    /// The number of columns of the data, the first ones of a state.
    fn observed(&self) -> usize;

    /// The variational free energy $E(x, \mu) - H(\mu)$ at the means $\mu$ of the latent columns that mean field finds, with the
    /// entropy $H$ of independent bits with these means: from `[rows, observed]` to `[rows]`. It is at least the free energy of the row, so that $-\ln Z$ minus this is a lower bound on
    /// $\ln p(x)$. The gradient flows to the parameters with $q$ held fixed.
    fn variational_free_energy<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F>;
}
