//! The restricted Boltzmann machine.

use crate::RandomSource;
use crate::capability::{BaseModel, Bipartite, BitFlips, BlockGibbs, Energy, ExactPartition};
use crate::params::{Bound, Init, ParamId, Params};
use crate::tractable::log_odds::write_log_odds;
use pathscore_autodiff::{Activation, Real, Scalar, Shape, Var};
use rand::Rng;
use std::ops::Range;

/// Binary visible units $v$ and binary hidden units $h$, connected across but not among themselves (Smolensky 1986;
/// Hinton 2002).
///
/// $$E(v, h) = -b^\top v - c^\top h - v^\top W h, \qquad
/// F(v) = -\ln \sum_h e^{-E(v, h)} = -b^\top v - \sum_j \mathrm{softplus}(c_j + (v^\top W)_j)$$
///
/// and $p(v) = e^{-F(v)} / Z$. [`Energy::energy`] is the free energy $F$; its derivatives are $-v$ (for $b$),
/// $-p(h = 1 \mid v)$ (for $c$) and $-v p(h = 1 \mid v)^\top$ (for $W$). Grey values in $[0, 1]$ may stand in for
/// $v$, as is usual for images.
///
/// The parameters are called `weights`, of shape `[visible, hidden]`, `visible_bias` ($b$) and `hidden_bias` ($c$).
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::energy::Rbm;
/// use pathscore_models::{BlockGibbs, Energy, ExactPartition, Params, seed};
/// let mut params = Params::<f64>::new();
/// let rng = &mut seed::rng(0, seed::Stream::Init, 0);
/// let model = Rbm::new(&mut params, 4, 3, rng);
/// let tape = Tape::new();
/// let bound = params.on(&tape);
/// let v = tape.constant(&[1.0, 0.0, 0.0, 1.0], [1, 4]);
/// let log_z = model.log_partition(&params).expect("three hidden units can be enumerated");
/// let log_prob = -model.energy(bound, v).item() - log_z;
/// assert!(log_prob < 0.0);
/// assert_eq!(model.gibbs_sweep(bound, v, rng).shape()[..], [1, 4]);
/// ```
#[derive(Clone, Copy, Debug)]
#[doc(alias = "restricted Boltzmann machine")]
pub struct Rbm {
    weights: ParamId,
    visible_bias: ParamId,
    hidden_bias: ParamId,
    visible: usize,
    hidden: usize,
}

impl Rbm {
    /// A machine with biases of zero and weights from $\mathcal N(0, 0.01^2)$, as Hinton (2010) recommends.
    ///
    /// # Panics
    /// If there are no visible or no hidden units.
    pub fn new<F: Scalar, R: Rng>(
        params: &mut Params<F>,
        visible: usize,
        hidden: usize,
        rng: &mut R,
    ) -> Self {
        assert!(visible > 0 && hidden > 0, "rbm: {visible} visible and {hidden} hidden units");
        Self {
            weights: params.add("weights", [visible, hidden], Init::Normal(0.01), rng),
            visible_bias: params.add("visible_bias", [visible], Init::Constant(0.0), rng),
            hidden_bias: params.add("hidden_bias", [hidden], Init::Constant(0.0), rng),
            visible,
            hidden,
        }
    }

    /// Sets the visible biases to the log-odds of the data, $b_i = \ln \frac{p_i}{1 - p_i}$ with the mean $p_i$ of
    /// column $i$ clamped to $[0.001, 0.999]$ (Hinton 2010). Without weights this is the best model of independent
    /// columns.
    ///
    /// # Panics
    /// If there is not one mean for each visible unit.
    pub fn set_visible_bias<F: Scalar>(&self, params: &mut Params<F>, means: &[f64]) {
        let visible = self.visible;
        assert!(means.len() == visible, "rbm: {} means for {visible} visible units", means.len());
        write_log_odds(params.get_mut(self.visible_bias), means);
    }

    /// The number of visible units.
    pub fn visible(&self) -> usize {
        self.visible
    }

    /// The number of hidden units.
    pub fn hidden(&self) -> usize {
        self.hidden
    }

    /// The id of $W$, of shape `[visible, hidden]`.
    pub fn weights(&self) -> ParamId {
        self.weights
    }

    /// $p(h_j = 1 \mid v) = \sigma(c_j + (v^\top W)_j)$: from `[…, visible]` to `[…, hidden]`.
    ///
    /// # Panics
    /// If the last axis of `v` has another length.
    #[track_caller]
    pub fn hidden_probs<'t, F: Scalar>(&self, params: Bound<'t, F>, v: Var<'t, F>) -> Var<'t, F> {
        v.affine(params.get(self.weights), params.get(self.hidden_bias), Activation::Sigmoid)
    }

    /// $p(v_i = 1 \mid h) = \sigma(b_i + (W h)_i)$: from `[rows, hidden]` to `[rows, visible]`; further leading
    /// axes are kept.
    ///
    /// # Panics
    /// If `h` has fewer than two axes, or its last axis has another length.
    #[track_caller]
    pub fn visible_probs<'t, F: Scalar>(&self, params: Bound<'t, F>, h: Var<'t, F>) -> Var<'t, F> {
        let logits = h.matmul_with(false, params.get(self.weights), true);
        (logits + params.get(self.visible_bias)).sigmoid()
    }

    /// $E(v, h) = -b^\top v - c^\top h - v^\top W h$ for rows of visible and hidden units: from `[rows, visible]` and
    /// `[rows, hidden]` to `[rows]`.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    pub fn joint_energy<'t, F: Scalar>(
        &self,
        params: Bound<'t, F>,
        v: Var<'t, F>,
        h: Var<'t, F>,
    ) -> Var<'t, F> {
        let inner = v.matmul(params.get(self.weights)) + params.get(self.hidden_bias);
        -(h.dot(inner) + rows_dot(v, params.get(self.visible_bias)))
    }

    /// The logarithms of the terms of $Z$ for some states of one side, the other side summed in closed form.
    fn log_terms_over<'t, F: Scalar>(
        &self,
        params: Bound<'t, F>,
        side: Side,
        states: Range<usize>,
    ) -> Var<'t, F> {
        let [weights, visible, hidden] =
            [self.weights, self.visible_bias, self.hidden_bias].map(|id| params.get(id));
        let (units, bias) = match side {
            Side::Hidden => (self.hidden, hidden),
            Side::Visible => (self.visible, visible),
        };
        let state = params.tape().constant_with([states.len(), units], |out| {
            for (state, out) in states.zip(out.chunks_exact_mut(units)) {
                write_state(state, out);
            }
        });
        match side {
            Side::Hidden => {
                let inputs = state.matmul_with(false, weights, true) + visible;
                inputs.softplus().sum_axis(-1) + rows_dot(state, bias)
            }
            Side::Visible => -free_energy(state, weights, bias, hidden),
        }
    }

    /// The side with fewer units.
    fn smaller_side(&self) -> Side {
        if self.hidden <= self.visible { Side::Hidden } else { Side::Visible }
    }
}

/// The units whose states are enumerated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Visible,
    Hidden,
}

/// Writes the bits of `state`, lowest first.
pub(crate) fn write_state<F: Scalar>(state: usize, out: &mut [F]) {
    for (unit, bit) in out.iter_mut().enumerate() {
        *bit = if state >> unit & 1 == 1 { F::ONE } else { F::ZERO };
    }
}

/// $x^\top b$ for every row `x`, as a matrix product, whose adjoints are matrix products too.
#[track_caller]
pub(crate) fn rows_dot<'t, F: Scalar>(x: Var<'t, F>, b: Var<'t, F>) -> Var<'t, F> {
    let shape = x.shape();
    x.matmul(b.reshape([b.size(), 1])).reshape(Shape::from(&shape[..shape.len() - 1]))
}

/// $-x^\top b - \sum_j \mathrm{softplus}(c_j + (x^\top W)_j)$ for every row `x`, with `bias` $b$ of the units in `x`
/// and `other` $c$ of those that are summed out.
#[track_caller]
fn free_energy<'t, F: Scalar>(
    x: Var<'t, F>,
    weights: Var<'t, F>,
    bias: Var<'t, F>,
    other: Var<'t, F>,
) -> Var<'t, F> {
    -(x.affine(weights, other, Activation::Softplus).sum_axis(-1) + rows_dot(x, bias))
}

impl<F: Scalar> Energy<F> for Rbm {
    /// The free energy $F(v)$.
    fn energy<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        let [weights, bias, other] =
            [self.weights, self.visible_bias, self.hidden_bias].map(|id| params.get(id));
        free_energy(x, weights, bias, other)
    }
}

impl<F: Scalar> BlockGibbs<F> for Rbm {
    fn gibbs_sweep<'t, R: RandomSource>(
        &self,
        params: Bound<'t, F>,
        x: Var<'t, F>,
        rng: &mut R,
    ) -> Var<'t, F> {
        let hidden = self.hidden_probs(params.detach(), x.detach());
        self.next_rows(params, rng.bernoulli_var(hidden, hidden.shape()), rng)
    }

    /// The states are hidden units $h \sim p(h \mid x)$: the energy is a sum of softplus terms, and $p(h_j = 1 \mid x) =
    /// \sigma(a_j) = 1 - e^{-\mathrm{softplus}(a_j)}$, so that they cost no product.
    fn energies_and_states<'t, R: RandomSource>(
        &self,
        params: Bound<'t, F>,
        x: Var<'t, F>,
        chains: Range<usize>,
        rng: &mut R,
    ) -> [Var<'t, F>; 2] {
        let [weights, visible, hidden] =
            [self.weights, self.visible_bias, self.hidden_bias].map(|id| params.get(id));
        let softplus = x.affine(weights, hidden, Activation::Softplus);
        let probs = -(-softplus.detach().slice(0, chains)).exp_m1();
        let states = rng.bernoulli_var(probs, probs.shape());
        [-(softplus.sum_axis(-1) + rows_dot(x, visible)), states]
    }

    fn next_rows<'t, R: RandomSource>(
        &self,
        params: Bound<'t, F>,
        states: Var<'t, F>,
        rng: &mut R,
    ) -> Var<'t, F> {
        let visible = self.visible_probs(params.detach(), states.detach());
        rng.bernoulli_var(visible, visible.shape())
    }
}

impl<F: Scalar> BitFlips<F> for Rbm {
    /// With $d_i = 1 - 2 v_i$ and $a = c + v^\top W$ the difference is $-d_i b_i - \sum_j [\mathrm{softplus}(a_j + d_i
    /// W_{ij}) - \mathrm{softplus}(a_j)]$: one product, and a softplus for every row, column and hidden unit.
    fn flip_differences<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        let shape = x.shape();
        assert!(shape.len() == 2, "flip_differences: {shape:?} is not [rows, columns]");
        let [weights, visible, hidden] =
            [self.weights, self.visible_bias, self.hidden_bias].map(|id| params.get(id));
        let inputs = x.affine(weights, hidden, Activation::Identity);
        let step = F::ONE - x - x;
        let flipped = inputs.reshape([shape[0], 1, self.hidden])
            + step.reshape([shape[0], shape[1], 1]) * weights;
        // The differences of each unit are small beside their sum, and added as they are.
        let before = inputs.softplus().reshape([shape[0], 1, self.hidden]);
        -(flipped.softplus() - before).sum_axis(-1) - step * visible
    }
}

impl<F: Scalar> ExactPartition<F> for Rbm {
    /// $2^n$ with the number $n$ of units of the smaller side.
    fn terms(&self) -> Option<usize> {
        1_usize.checked_shl(self.visible.min(self.hidden) as u32)
    }

    /// The states of the side with fewer units, the other side summed in closed form: for the hidden side the terms are
    /// $e^{c^\top h} \prod_i (1 + e^{b_i + (W h)_i})$.
    fn log_terms<'t>(&self, params: Bound<'t, F>, terms: Range<usize>) -> Var<'t, F> {
        self.log_terms_over(params, self.smaller_side(), terms)
    }
}

impl<F: Scalar> Bipartite<F> for Rbm {
    fn weights_and_biases(&self) -> [ParamId; 3] {
        [self.weights, self.visible_bias, self.hidden_bias]
    }

    fn hidden_means<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        self.hidden_probs(params, x)
    }
}

impl<F: Scalar> BaseModel<F> for Rbm {
    /// Zero weights and hidden biases, and the visible biases of [`Rbm::set_visible_bias`]: $\ln Z = \sum_i
    /// \mathrm{softplus}(b_i) + n \ln 2$ for $n$ hidden units.
    fn set_base(&self, params: &mut Params<F>, means: &[f64]) -> f64 {
        params.get_mut(self.weights).fill(F::ZERO);
        params.get_mut(self.hidden_bias).fill(F::ZERO);
        self.set_visible_bias(params, means);
        let visible = params.get(self.visible_bias).iter().map(|b| b.to_f64().softplus());
        visible.sum::<f64>() + self.hidden as f64 * std::f64::consts::LN_2
    }

    /// The base has neither weights nor hidden biases, so the inputs of the hidden units are $\beta (c_1 + v^\top W)$ at
    /// every $\beta$: one product for both energies and the draw of $h$, and one for the draw of $v$.
    fn anneal_step<'t, R: RandomSource>(
        &self,
        path: [Bound<'t, F>; 2],
        [before, after]: [f64; 2],
        x: Var<'t, F>,
        rng: &mut R,
    ) -> (Var<'t, F>, Var<'t, F>) {
        let [base, target] = path.map(Bound::detach);
        let (weights, x) = (target.get(self.weights), x.detach());
        let [from, to] = [before, after].map(F::from_f64);
        let full = x.affine(weights, target.get(self.hidden_bias), Activation::Identity);
        let [inputs_before, inputs] = [from, to].map(|beta| full * beta);
        // A sum of small differences keeps the digits that a difference of two free energies loses.
        let step = (inputs.softplus() - inputs_before.softplus()).sum_axis(-1);
        let [first, last] = [base, target].map(|end| end.get(self.visible_bias));
        let visible_at = |beta| first * (F::ONE - beta) + last * beta;
        let log_weight = step + rows_dot(x, visible_at(to) - visible_at(from));
        let hidden = inputs.sigmoid();
        let h = rng.bernoulli_var(hidden, hidden.shape());
        let inputs = h.matmul_with(false, weights, true) * to + visible_at(to);
        let visible = inputs.sigmoid();
        (log_weight, rng.bernoulli_var(visible, visible.shape()))
    }
}

#[cfg(test)]
mod tests;
