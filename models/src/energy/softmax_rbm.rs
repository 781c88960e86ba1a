//! The restricted Boltzmann machine of categories.

use super::rbm::rows_dot;
use super::rows::{bits, power_of_two};
use crate::RandomSource;
use crate::capability::{BaseModel, BlockGibbs, Energy, ExactPartition};
use crate::params::{Bound, Init, ParamId, Params};
use crate::tractable::log_odds::clamped;
use pathscore_autodiff::{Activation, Scalar, Var};
use rand::Rng;
use std::f64::consts::LN_2;
use std::ops::Range;

/// Visible units that are categories (Potts or softmax units) and binary hidden units (Salakhutdinov, Mnih and Hinton 2007).
///
/// A category of group $g$ is a one-hot row of $C$ columns, and the groups lie one after another in $v$. The energy is
/// that of [`Rbm`](super::Rbm),
///
/// $$E(v, h) = -b^\top v - c^\top h - v^\top W h, \qquad
/// F(v) = -b^\top v - \sum_j \mathrm{softplus}(c_j + (v^\top W)_j),$$
///
/// with the same derivatives: $-v$ (for $b$), $-p(h = 1 \mid v)$ (for $c$) and $-v p(h = 1 \mid v)^\top$ (for $W$). The
/// density is defined on rows with exactly one one in each group, so that $p(v_g = k \mid h) =
/// \mathrm{softmax}_k(b_g + (W h)_g)$ and
///
/// $$Z = \sum_h e^{c^\top h} \prod_g \sum_k e^{b_{gk} + (W h)_{gk}}.$$
///
/// A number that is added to the biases of all classes of a group changes nothing but $Z$.
///
/// The parameters are called `weights`, of shape `[groups C, hidden]`, `visible_bias` ($b$) and `hidden_bias` ($c$).
///
/// ```
/// use pathscore_models::energy::SoftmaxRbm;
/// use pathscore_models::{ExactPartition, Params, seed};
/// let mut params = Params::<f64>::new();
/// let model = SoftmaxRbm::new(&mut params, 2, 3, 4, &mut seed::rng(0, seed::Stream::Init, 0));
/// params.get_mut(model.weights()).fill(0.0);
/// // Nine states of the categories times sixteen of the hidden units, all of energy zero.
/// let log_z = model.log_partition(&params).expect("nine terms can be summed");
/// assert!((log_z - 144_f64.ln()).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
#[doc(alias = "Potts")]
pub struct SoftmaxRbm {
    weights: ParamId,
    visible_bias: ParamId,
    hidden_bias: ParamId,
    groups: usize,
    classes: usize,
    hidden: usize,
}

impl SoftmaxRbm {
    /// A machine of so many groups with so many classes each, with biases of zero and weights from $\mathcal N(0, 0.01^2)$.
    ///
    /// # Panics
    /// If there are no groups, classes or hidden units.
    pub fn new<F: Scalar, R: Rng>(
        params: &mut Params<F>,
        groups: usize,
        classes: usize,
        hidden: usize,
        rng: &mut R,
    ) -> Self {
        let columns = groups * classes;
        assert!(
            columns > 0 && hidden > 0,
            "rbm: {groups} groups of {classes} classes and {hidden} hidden units"
        );
        Self {
            weights: params.add("weights", [columns, hidden], Init::Normal(0.01), rng),
            visible_bias: params.add("visible_bias", [columns], Init::Constant(0.0), rng),
            hidden_bias: params.add("hidden_bias", [hidden], Init::Constant(0.0), rng),
            groups,
            classes,
            hidden,
        }
    }

    /// Sets the visible biases to $\ln p_{gk}$ with the share $p_{gk}$ of class $k$ in group $g$, clamped to $[0.001,
    /// 0.999]$. Without weights this is the best model of independent groups.
    ///
    /// # Panics
    /// If there is not one mean for each column.
    pub fn set_visible_bias<F: Scalar>(&self, params: &mut Params<F>, means: &[f64]) {
        let columns = self.columns();
        assert!(means.len() == columns, "rbm: {} means for {columns} columns", means.len());
        for (bias, &mean) in params.get_mut(self.visible_bias).iter_mut().zip(means) {
            *bias = F::from_f64(clamped(mean).ln());
        }
    }

    /// The number of groups, each of which is one category.
    pub fn groups(&self) -> usize {
        self.groups
    }

    /// $C$, the number of classes of a group.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The number of columns, groups times classes.
    pub fn columns(&self) -> usize {
        self.groups * self.classes
    }

    /// The number of hidden units.
    pub fn hidden(&self) -> usize {
        self.hidden
    }

    /// The id of $W$, of shape `[groups C, hidden]`.
    pub fn weights(&self) -> ParamId {
        self.weights
    }

    /// $p(h_j = 1 \mid v) = \sigma(c_j + (v^\top W)_j)$: from `[…, columns]` to `[…, hidden]`.
    ///
    /// # Panics
    /// If the last axis of `v` has another length.
    #[track_caller]
    pub fn hidden_probs<'t, F: Scalar>(&self, params: Bound<'t, F>, v: Var<'t, F>) -> Var<'t, F> {
        v.affine(params.get(self.weights), params.get(self.hidden_bias), Activation::Sigmoid)
    }

    /// $p(v_g = k \mid h) = \mathrm{softmax}_k(b_g + (W h)_g)$: from `[rows, hidden]` to `[rows, groups, classes]`.
    ///
    /// # Panics
    /// If `h` does not have two axes, or its last axis has another length.
    #[track_caller]
    pub fn visible_probs<'t, F: Scalar>(&self, params: Bound<'t, F>, h: Var<'t, F>) -> Var<'t, F> {
        self.visible_logits(params, h).softmax(-1)
    }

    fn visible_logits<'t, F: Scalar>(&self, params: Bound<'t, F>, h: Var<'t, F>) -> Var<'t, F> {
        let logits = h.matmul_with(false, params.get(self.weights), true);
        let shape = [h.shape()[0], self.groups, self.classes];
        (logits + params.get(self.visible_bias)).reshape(shape)
    }

    /// The number of states of the visible units, if it does not overflow.
    fn visible_states(&self) -> Option<usize> {
        self.classes.checked_pow(u32::try_from(self.groups).ok()?)
    }

    /// The number of states of the visible units if they are the fewer.
    fn enumerated_visible(&self) -> Option<usize> {
        let hidden = power_of_two(self.hidden).unwrap_or(usize::MAX);
        self.visible_states().filter(|&states| states < hidden)
    }

    /// The one-hot rows with the numbers of a range, the first group changing fastest.
    fn categories<'t, F: Scalar>(&self, params: Bound<'t, F>, range: Range<usize>) -> Var<'t, F> {
        params.tape().constant_with([range.len(), self.columns()], |out| {
            out.fill(F::ZERO);
            for (row, mut state) in out.chunks_exact_mut(self.columns()).zip(range) {
                for group in row.chunks_exact_mut(self.classes) {
                    group[state % self.classes] = F::ONE;
                    state /= self.classes;
                }
            }
        })
    }
}

impl<F: Scalar> Energy<F> for SoftmaxRbm {
    /// The free energy $F(v)$.
    fn energy<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        let [weights, bias, other] =
            [self.weights, self.visible_bias, self.hidden_bias].map(|id| params.get(id));
        -(x.affine(weights, other, Activation::Softplus).sum_axis(-1) + rows_dot(x, bias))
    }
}

impl<F: Scalar> BlockGibbs<F> for SoftmaxRbm {
    fn gibbs_sweep<'t, R: RandomSource>(
        &self,
        params: Bound<'t, F>,
        x: Var<'t, F>,
        rng: &mut R,
    ) -> Var<'t, F> {
        let params = params.detach();
        let hidden = self.hidden_probs(params, x.detach());
        let h = rng.bernoulli_var(hidden, hidden.shape());
        let visible = self.visible_probs(params, h);
        rng.categorical_var(visible, visible.shape()).reshape(x.shape())
    }
}

impl<F: Scalar> ExactPartition<F> for SoftmaxRbm {
    /// The smaller of $C^{\text{groups}}$ and $2^{\text{hidden}}$.
    fn terms(&self) -> Option<usize> {
        self.enumerated_visible().or_else(|| power_of_two(self.hidden))
    }

    fn log_terms<'t>(&self, params: Bound<'t, F>, range: Range<usize>) -> Var<'t, F> {
        if self.enumerated_visible().is_some() {
            return -self.energy(params, self.categories(params, range));
        }
        let h = bits(params.tape(), range, self.hidden);
        let groups = self.visible_logits(params, h).log_sum_exp(-1);
        groups.sum_axis(-1) + rows_dot(h, params.get(self.hidden_bias))
    }
}

impl<F: Scalar> BaseModel<F> for SoftmaxRbm {
    /// The independent groups in which each class has its mean as its share; shares that do not add up to one are scaled.
    fn set_base(&self, params: &mut Params<F>, means: &[f64]) -> f64 {
        params.get_mut(self.weights).fill(F::ZERO);
        params.get_mut(self.hidden_bias).fill(F::ZERO);
        self.set_visible_bias(params, means);
        let bias = params.get(self.visible_bias).chunks_exact(self.classes);
        let groups = bias.map(|group| group.iter().map(|b| b.to_f64().exp()).sum::<f64>().ln());
        groups.sum::<f64>() + LN_2 * self.hidden as f64
    }
}

#[cfg(test)]
mod tests;
