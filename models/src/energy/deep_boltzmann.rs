//! The Boltzmann machine with two layers of hidden units.

use super::rbm::rows_dot;
use super::rows::{bits, power_of_two};
use crate::RandomSource;
use crate::capability::{BaseModel, BitFlips, BlockGibbs, Energy, ExactPartition, MeanField};
use crate::params::{Bound, Init, ParamId, Params};
use crate::tractable::log_odds::write_log_odds;
use pathscore_autodiff::{Real, Scalar, Var};
use rand::Rng;
use std::f64::consts::LN_2;
use std::ops::Range;

/// The steps of mean field of a machine that was not told another number, as Salakhutdinov and Hinton (2009) use fewer than
/// this on MNIST.
const STEPS: usize = 30;

/// Binary visible units $v$ and two layers of binary hidden units, $h$ and $g$, connected layer by layer (Salakhutdinov and
/// Hinton 2009).
///
/// $$E(v, h, g) = -b^\top v - c^\top h - d^\top g - v^\top W h - h^\top U g$$
///
/// The layer in the middle is summed out: a state is the row $x = (v, g)$, with
///
/// $$E(v, g) = -b^\top v - d^\top g - \sum_j \mathrm{softplus}(a_j), \qquad a = c + v^\top W + U g,$$
///
/// whose derivatives are $-v$ (for $b$), $-g$ (for $d$), $-p$ (for $c$), $-v p^\top$ (for $W$) and $-p g^\top$ (for $U$) with
/// $p = p(h = 1 \mid v, g) = \sigma(a)$. Given $h$, the units of $v$ and of $g$ are independent, so that a Gibbs sweep
/// draws $h$ given $(v, g)$ and then $(v, g)$ given $h$. $Z$ has $2^{\min(|h|, |v| + |g|)}$ terms.
///
/// **The data are rows of $v$ alone.** The posterior of $g$ is approximated by independent bits with the means $\mu$ of mean
/// field ([`DeepBoltzmann::mean_field`]), which maximises the bound
///
/// $$\ln p(v) \ge -E(v, \mu) + H(\mu) - \ln Z,$$
///
/// where $H$ is the entropy of the bits of $g$ (the factor of $h$ is the best one, so that its entropy is inside
/// $\mathrm{softplus}$). By the envelope theorem the derivative of the bound is that of $-E(v, \mu)$ with $\mu$ held
/// fixed. [`DeepBoltzmann::free_energy`] sums over $g$ exactly where its units are few.
///
/// The parameters are called `weights` ($W$), `upper_weights` ($U$), `visible_bias` ($b$), `hidden_bias` ($c$) and
/// `upper_bias` ($d$).
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::energy::DeepBoltzmann;
/// use pathscore_models::{ExactPartition, MeanField, Params, seed};
/// let mut params = Params::<f64>::new();
/// let model = DeepBoltzmann::new(&mut params, 4, [3, 2], &mut seed::rng(0, seed::Stream::Init, 0));
/// let tape = Tape::new();
/// let bound = params.on(&tape);
/// let v = tape.constant(&[1.0, 0.0, 0.0, 1.0], [1, 4]);
/// let exact = model.free_energy(bound, v).expect("two units can be enumerated").item();
/// // The variational free energy is above the exact one.
/// assert!(model.variational_free_energy(bound, v).item() >= exact);
/// assert_eq!(ExactPartition::<f64>::terms(&model), Some(8));
/// ```
#[derive(Clone, Copy, Debug)]
#[doc(alias = "DBM")]
pub struct DeepBoltzmann {
    weights: ParamId,
    upper_weights: ParamId,
    visible_bias: ParamId,
    hidden_bias: ParamId,
    upper_bias: ParamId,
    visible: usize,
    hidden: [usize; 2],
    /// The steps of mean field. Each updates both layers.
    pub mean_field_steps: usize,
}

impl DeepBoltzmann {
    /// A machine whose two hidden layers have so many units, the nearest to the data first, with biases of zero, weights
    /// from $\mathcal N(0, 0.01^2)$ and 30 steps of mean field.
    ///
    /// # Panics
    /// If a layer has no units.
    pub fn new<F: Scalar, R: Rng>(
        params: &mut Params<F>,
        visible: usize,
        hidden: [usize; 2],
        rng: &mut R,
    ) -> Self {
        let [lower, upper] = hidden;
        assert!(
            visible > 0 && lower > 0 && upper > 0,
            "deep boltzmann machine: {visible} visible units under {lower} and {upper} hidden ones"
        );
        Self {
            weights: params.add("weights", [visible, lower], Init::Normal(0.01), rng),
            upper_weights: params.add("upper_weights", [lower, upper], Init::Normal(0.01), rng),
            visible_bias: params.add("visible_bias", [visible], Init::Constant(0.0), rng),
            hidden_bias: params.add("hidden_bias", [lower], Init::Constant(0.0), rng),
            upper_bias: params.add("upper_bias", [upper], Init::Constant(0.0), rng),
            visible,
            hidden,
            mean_field_steps: STEPS,
        }
    }

    /// Sets the visible biases to the log-odds of the data, as [`Rbm::set_visible_bias`](super::Rbm::set_visible_bias)
    /// does.
    ///
    /// # Panics
    /// If there is not one mean for each visible unit.
    pub fn set_visible_bias<F: Scalar>(&self, params: &mut Params<F>, means: &[f64]) {
        let visible = self.visible;
        assert!(
            means.len() == visible,
            "deep boltzmann machine: {} means for {visible} visible units",
            means.len()
        );
        write_log_odds(params.get_mut(self.visible_bias), means);
    }

    /// The number of visible units.
    pub fn visible(&self) -> usize {
        self.visible
    }

    /// The numbers of units of the hidden layers, the nearest to the data first.
    pub fn hidden(&self) -> [usize; 2] {
        self.hidden
    }

    /// The number of columns of a state $(v, g)$.
    pub fn columns(&self) -> usize {
        self.visible + self.hidden[1]
    }

    /// The id of $W$, of shape `[visible, hidden]`.
    pub fn weights(&self) -> ParamId {
        self.weights
    }

    /// The id of $U$, of shape `[hidden, upper]`.
    pub fn upper_weights(&self) -> ParamId {
        self.upper_weights
    }

    /// $p(h_j = 1 \mid v, g) = \sigma(a_j)$: from `[rows, visible + upper]` to `[rows, hidden]`.
    ///
    /// # Panics
    /// If `x` does not have two axes, or the last has another length.
    #[track_caller]
    pub fn hidden_probs<'t, F: Scalar>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        self.inputs(params, x).sigmoid()
    }

    /// $p(v = 1 \mid h)$ and $p(g = 1 \mid h)$ side by side: from `[rows, hidden]` to `[rows, visible + upper]`.
    ///
    /// # Panics
    /// If `h` does not have two axes, or the last has another length.
    #[track_caller]
    pub fn outer_probs<'t, F: Scalar>(&self, params: Bound<'t, F>, h: Var<'t, F>) -> Var<'t, F> {
        self.outer_logits(params, h).sigmoid()
    }

    /// The means $\mu$ of $g$ given $v$ by mean field: from `[rows, visible]` to `[rows, upper]`, a constant.
    ///
    /// The fixed point of $\mu_h = \sigma(c + v^\top W + U \mu)$ and $\mu = \sigma(d + \mu_h^\top U)$ is approached by updating both
    /// in turn from $\mu = \frac12$; no update lowers the bound on $\ln p(v)$.
    ///
    /// # Panics
    /// If `v` does not have two axes, or the last has another length.
    #[track_caller]
    pub fn mean_field<'t, F: Scalar>(&self, params: Bound<'t, F>, v: Var<'t, F>) -> Var<'t, F> {
        let (params, v) = (params.detach(), v.detach());
        let [u, d] = [self.upper_weights, self.upper_bias].map(|id| params.get(id));
        let below = v.matmul(params.get(self.weights)) + params.get(self.hidden_bias);
        let start = params.tape().constant_with([v.shape()[0], self.hidden[1]], |out| {
            out.fill(F::from_f64(0.5));
        });
        (0..self.mean_field_steps).fold(start, |mu, _| {
            let hidden = (below + mu.matmul_with(false, u, true)).sigmoid();
            (hidden.matmul(u) + d).sigmoid()
        })
    }

    /// The free energy $F(v) = -\ln \sum_g e^{-E(v, g)}$, exactly: from `[rows, visible]` to `[rows]`; `None` if there are
    /// more than twelve units in the upper layer. It takes $2^{|g|}$ energies of each row.
    ///
    /// # Panics
    /// If `v` does not have two axes, or the last has another length.
    #[track_caller]
    pub fn free_energy<'t, F: Scalar>(
        &self,
        params: Bound<'t, F>,
        v: Var<'t, F>,
    ) -> Option<Var<'t, F>> {
        let (rows, upper) = (v.shape()[0], self.hidden[1]);
        let states = power_of_two(upper).filter(|&states| states <= 1 << 12)?;
        let g = bits(params.tape(), 0..states, upper);
        let all = [rows, states];
        let wide = |x: Var<'t, F>, axis: [usize; 2], columns: usize| {
            let shape = [axis[0], axis[1], columns];
            x.reshape(shape).broadcast_to([all[0], all[1], columns])
        };
        let both = [wide(v, [rows, 1], self.visible), wide(g, [1, states], upper)];
        let x = Var::concat(&both, -1).reshape([rows * states, self.columns()]);
        Some(-(-self.energy(params, x)).reshape(all).log_sum_exp(-1))
    }

    /// $a = c + v^\top W + U g$.
    #[track_caller]
    fn inputs<'t, F: Scalar>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        let (v, g) = self.parts(x);
        let [w, u, c] =
            [self.weights, self.upper_weights, self.hidden_bias].map(|id| params.get(id));
        v.matmul(w) + g.matmul_with(false, u, true) + c
    }

    /// The visible units and the upper ones.
    #[track_caller]
    fn parts<'t, F: Scalar>(&self, x: Var<'t, F>) -> (Var<'t, F>, Var<'t, F>) {
        (x.slice(-1, 0..self.visible), x.slice(-1, self.visible..self.columns()))
    }

    #[track_caller]
    fn outer_logits<'t, F: Scalar>(&self, params: Bound<'t, F>, h: Var<'t, F>) -> Var<'t, F> {
        let [w, u, b, d] = [self.weights, self.upper_weights, self.visible_bias, self.upper_bias]
            .map(|id| params.get(id));
        Var::concat(&[h.matmul_with(false, w, true) + b, h.matmul(u) + d], -1)
    }

    /// The logarithms of the terms of $Z$ for some states of the middle layer.
    fn log_terms_of_hidden<'t, F: Scalar>(
        &self,
        params: Bound<'t, F>,
        terms: Range<usize>,
    ) -> Var<'t, F> {
        let h = bits(params.tape(), terms, self.hidden[0]);
        let outer = self.outer_logits(params, h).softplus().sum_axis(-1);
        outer + rows_dot(h, params.get(self.hidden_bias))
    }

    /// The logarithms of the terms of $Z$ for some states of the two outer layers.
    fn log_terms_of_outer<'t, F: Scalar>(
        &self,
        params: Bound<'t, F>,
        terms: Range<usize>,
    ) -> Var<'t, F> {
        -self.energy(params, bits(params.tape(), terms, self.columns()))
    }
}

impl<F: Scalar> Energy<F> for DeepBoltzmann {
    /// $E(v, g)$ of rows $(v, g)$: the middle layer is summed out.
    fn energy<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        let (v, g) = self.parts(x);
        let middle = self.inputs(params, x).softplus().sum_axis(-1);
        let [b, d] = [self.visible_bias, self.upper_bias].map(|id| params.get(id));
        -(middle + rows_dot(v, b) + rows_dot(g, d))
    }

    /// $(v, \mu)$ with the means of [`DeepBoltzmann::mean_field`]: the derivative of the energy there is that of the
    /// variational free energy.
    #[track_caller]
    fn complete<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        Var::concat(&[x, self.mean_field(params, x)], -1)
    }
}

impl<F: Scalar> BlockGibbs<F> for DeepBoltzmann {
    fn gibbs_sweep<'t, R: RandomSource>(
        &self,
        params: Bound<'t, F>,
        x: Var<'t, F>,
        rng: &mut R,
    ) -> Var<'t, F> {
        let params = params.detach();
        let hidden = self.hidden_probs(params, x.detach());
        let h = rng.bernoulli_var(hidden, hidden.shape());
        let outer = self.outer_probs(params, h);
        rng.bernoulli_var(outer, outer.shape())
    }
}

impl<F: Scalar> BitFlips<F> for DeepBoltzmann {}

impl<F: Scalar> ExactPartition<F> for DeepBoltzmann {
    /// The smaller of $2^{|h|}$ and $2^{|v| + |g|}$.
    fn terms(&self) -> Option<usize> {
        power_of_two(self.hidden[0].min(self.columns()))
    }

    fn log_terms<'t>(&self, params: Bound<'t, F>, terms: Range<usize>) -> Var<'t, F> {
        if self.hidden[0] <= self.columns() {
            self.log_terms_of_hidden(params, terms)
        } else {
            self.log_terms_of_outer(params, terms)
        }
    }
}

impl<F: Scalar> BaseModel<F> for DeepBoltzmann {
    /// The independent bits with these means, of the visible units or of visible and upper units; upper units without a
    /// mean get one half.
    fn set_base(&self, params: &mut Params<F>, means: &[f64]) -> f64 {
        let (count, visible, columns) = (means.len(), self.visible, self.columns());
        assert!(
            count == visible || count == columns,
            "deep boltzmann machine: {count} means for {visible} visible units or {columns} columns"
        );
        for id in [self.weights, self.upper_weights, self.hidden_bias, self.upper_bias] {
            params.get_mut(id).fill(F::ZERO);
        }
        self.set_visible_bias(params, &means[..visible]);
        if count == columns {
            write_log_odds(params.get_mut(self.upper_bias), &means[visible..]);
        }
        let biases = [self.visible_bias, self.upper_bias].map(|id| params.get(id));
        let outer: f64 = biases.concat().iter().map(|b| b.to_f64().softplus()).sum();
        outer + LN_2 * self.hidden[0] as f64
    }
}

impl<F: Scalar> MeanField<F> for DeepBoltzmann {
    fn observed(&self) -> usize {
        self.visible
    }

    /// $E(v, \mu) - H(\mu)$ with the means $\mu$ of mean field held fixed.
    fn variational_free_energy<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        let complete = self.complete(params, x);
        let (_, mu) = self.parts(complete);
        // p ln p tends to zero at zero.
        let zero = mu.constant(0.0);
        let part = |p: Var<'t, F>| p.greater(zero).select(-(p * p.ln()), zero);
        let entropy = (part(mu) + part(-mu + F::ONE)).sum_axis(-1);
        self.energy(params, complete) - entropy
    }
}

#[cfg(test)]
mod tests;
