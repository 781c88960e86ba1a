//! The restricted Boltzmann machine of real numbers.

use super::rbm::rows_dot;
use super::rows::{bits, power_of_two};
use crate::RandomSource;
use crate::capability::{BaseModel, BlockGibbs, Energy, ExactPartition};
use crate::params::{Bound, Init, ParamId, Params};
use pathscore_autodiff::{Activation, Scalar, Var};
use rand::Rng;
use std::f64::consts::{LN_2, TAU};
use std::ops::Range;
use std::sync::Arc;

/// Real visible units $v$ and binary hidden units $h$, connected across but not among themselves (Welling, Rosen-Zvi and
/// Hinton 2004; in the parameterisation of Cho, Ilin and Raiko 2011).
///
/// $$E(v, h) = \sum_i \frac{(v_i - b_i)^2}{2 \sigma_i^2} - c^\top h - \sum_{ij} \frac{v_i}{\sigma_i^2} W_{ij} h_j, \qquad
/// F(v) = \sum_i \frac{(v_i - b_i)^2}{2 \sigma_i^2} - \sum_j \mathrm{softplus}(a_j)$$
///
/// with $a_j = c_j + \sum_i v_i W_{ij} / \sigma_i^2$. Then $p(h_j = 1 \mid v) = \sigma(a_j)$ and $p(v \mid h) =
/// \mathcal N(b + W h, \mathrm{diag}(\sigma^2))$, so that $p(v)$ is a mixture of $2^n$ normal distributions with common
/// variances for $n$ hidden units, and
///
/// $$Z = \prod_i \sqrt{2\pi} \sigma_i \sum_h \exp\Bigl(c^\top h + \sum_i \frac{m_i (m_i + 2 b_i)}{2\sigma_i^2}\Bigr),
/// \qquad m = W h.$$
///
/// The derivatives of $F$ are $(b - v)/\sigma^2$ (for $b$), $-p(h = 1 \mid v)$ (for $c$), $-(v/\sigma^2) p(h = 1 \mid
/// v)^\top$ (for $W$), and $\bigl(2 v_i (W p)_i - (v_i - b_i)^2\bigr) / \sigma_i^2$ with $p = p(h = 1 \mid v)$ (for
/// $\ln \sigma_i$). The integral over $v$ is finite for every finite parameter, since $\sigma_i = e^{\ln \sigma_i} > 0$;
/// where a standard deviation overflows, vanishes or is not a number, $\ln Z$ is not finite either.
///
/// The parameters are called `weights`, of shape `[visible, hidden]`, `visible_bias` ($b$), `hidden_bias` ($c$) and, if
/// they are learnt, `log_sd` ($\ln \sigma$).
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::energy::GaussianRbm;
/// use pathscore_models::{Energy, ExactPartition, Params, seed};
/// let mut params = Params::<f64>::new();
/// let rng = &mut seed::rng(0, seed::Stream::Init, 0);
/// let model = GaussianRbm::new(&mut params, &[1.0, 2.0], 3, rng);
/// params.get_mut(model.weights()).fill(0.0);
/// // Without weights it is a normal distribution: at the mean its density is 1 / (2π · 1 · 2).
/// let log_z = model.log_partition(&params).expect("three hidden units can be enumerated");
/// let tape = Tape::new();
/// let log_prob = -model.energy(params.on(&tape), tape.constant(&[0.0, 0.0], [1, 2])).item() - log_z;
/// assert!((log_prob + (4.0 * std::f64::consts::PI).ln()).abs() < 1e-12);
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "GRBM")]
#[doc(alias = "Gaussian-Bernoulli RBM")]
pub struct GaussianRbm {
    weights: ParamId,
    visible_bias: ParamId,
    hidden_bias: ParamId,
    log_sd: LogSd,
    visible: usize,
    hidden: usize,
}

/// The logarithms of the standard deviations.
#[derive(Clone, Debug)]
enum LogSd {
    Learnt(ParamId),
    Fixed(Arc<[f64]>),
}

impl GaussianRbm {
    /// A machine with one visible unit for each standard deviation of `sds`, which stay as they are, with biases of zero and
    /// weights from $\mathcal N(0, 0.01^2)$. Columns that are scaled to unit variance have standard deviations of one
    /// (Krizhevsky 2009).
    ///
    /// # Panics
    /// If there are no visible or no hidden units, or a standard deviation is not positive and finite.
    pub fn new<F: Scalar, R: Rng>(
        params: &mut Params<F>,
        sds: &[f64],
        hidden: usize,
        rng: &mut R,
    ) -> Self {
        let visible = sds.len();
        assert!(visible > 0 && hidden > 0, "rbm: {visible} visible and {hidden} hidden units");
        for (i, sd) in sds.iter().enumerate() {
            assert!(
                *sd > 0.0 && sd.is_finite(),
                "rbm: the standard deviation of column {i} is {sd}"
            );
        }
        Self {
            weights: params.add("weights", [visible, hidden], Init::Normal(0.01), rng),
            visible_bias: params.add("visible_bias", [visible], Init::Constant(0.0), rng),
            hidden_bias: params.add("hidden_bias", [hidden], Init::Constant(0.0), rng),
            log_sd: LogSd::Fixed(sds.iter().map(|sd| sd.ln()).collect()),
            visible,
            hidden,
        }
    }

    /// The same machine with standard deviations that are parameters and begin at `sds`. The slope of $\ln \sigma$ grows
    /// with $1/\sigma^2$, so they need a smaller learning rate than the weights.
    ///
    /// # Panics
    /// As [`GaussianRbm::new`].
    pub fn with_learnt_sds<F: Scalar, R: Rng>(
        params: &mut Params<F>,
        sds: &[f64],
        hidden: usize,
        rng: &mut R,
    ) -> Self {
        let model = Self::new(params, sds, hidden, rng);
        let id = params.add("log_sd", [sds.len()], Init::Constant(0.0), rng);
        for (log_sd, sd) in params.get_mut(id).iter_mut().zip(sds) {
            *log_sd = F::from_f64(sd.ln());
        }
        Self { log_sd: LogSd::Learnt(id), ..model }
    }

    /// Sets the visible biases to the means of the data. Without weights they are the means of the model.
    ///
    /// # Panics
    /// If there is not one mean for each visible unit.
    pub fn set_visible_bias<F: Scalar>(&self, params: &mut Params<F>, means: &[f64]) {
        let visible = self.visible;
        assert!(means.len() == visible, "rbm: {} means for {visible} visible units", means.len());
        for (bias, &mean) in params.get_mut(self.visible_bias).iter_mut().zip(means) {
            *bias = F::from_f64(mean);
        }
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

    /// $\ln \sigma$, of shape `[visible]`.
    pub fn log_sd<'t, F: Scalar>(&self, params: Bound<'t, F>) -> Var<'t, F> {
        match &self.log_sd {
            LogSd::Learnt(id) => params.get(*id),
            LogSd::Fixed(log_sd) => params.tape().constant_with([self.visible], |out| {
                out.iter_mut().zip(&**log_sd).for_each(|(to, &x)| *to = F::from_f64(x));
            }),
        }
    }

    /// $p(h_j = 1 \mid v) = \sigma(c_j + \sum_i v_i W_{ij} / \sigma_i^2)$: from `[…, visible]` to `[…, hidden]`.
    ///
    /// # Panics
    /// If the last axis of `v` has another length.
    #[track_caller]
    pub fn hidden_probs<'t, F: Scalar>(&self, params: Bound<'t, F>, v: Var<'t, F>) -> Var<'t, F> {
        self.of_inputs(params, v, Activation::Sigmoid)
    }

    /// $E(v \mid h) = b + W h$: from `[rows, hidden]` to `[rows, visible]`; further leading axes are kept.
    ///
    /// # Panics
    /// If `h` has fewer than two axes, or its last axis has another length.
    #[track_caller]
    pub fn visible_means<'t, F: Scalar>(&self, params: Bound<'t, F>, h: Var<'t, F>) -> Var<'t, F> {
        h.matmul_with(false, params.get(self.weights), true) + params.get(self.visible_bias)
    }

    /// $E(v, h)$ for rows of visible and hidden units: from `[rows, visible]` and `[rows, hidden]` to `[rows]`.
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
        let inputs = self.of_inputs(params, v, Activation::Identity);
        self.distance(params, v) - h.dot(inputs)
    }

    /// An activation of $c_j + \sum_i v_i W_{ij} / \sigma_i^2$.
    #[track_caller]
    fn of_inputs<'t, F: Scalar>(
        &self,
        params: Bound<'t, F>,
        v: Var<'t, F>,
        activation: Activation,
    ) -> Var<'t, F> {
        let precision = self.precision(params);
        (v * precision).affine(params.get(self.weights), params.get(self.hidden_bias), activation)
    }

    /// $1 / \sigma^2$.
    fn precision<'t, F: Scalar>(&self, params: Bound<'t, F>) -> Var<'t, F> {
        (self.log_sd(params) * F::from_f64(-2.0)).exp()
    }

    /// $\sum_i (v_i - b_i)^2 / (2 \sigma_i^2)$.
    #[track_caller]
    fn distance<'t, F: Scalar>(&self, params: Bound<'t, F>, v: Var<'t, F>) -> Var<'t, F> {
        let standard = (v - params.get(self.visible_bias)) * (-self.log_sd(params)).exp();
        standard.sum_squares(-1) * F::from_f64(0.5)
    }
}

impl<F: Scalar> Energy<F> for GaussianRbm {
    /// The free energy $F(v)$.
    fn energy<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        self.distance(params, x) - self.of_inputs(params, x, Activation::Softplus).sum_axis(-1)
    }
}

impl<F: Scalar> BlockGibbs<F> for GaussianRbm {
    fn gibbs_sweep<'t, R: RandomSource>(
        &self,
        params: Bound<'t, F>,
        x: Var<'t, F>,
        rng: &mut R,
    ) -> Var<'t, F> {
        let params = params.detach();
        let hidden = self.hidden_probs(params, x.detach());
        let h = rng.bernoulli_var(hidden, hidden.shape());
        let means = self.visible_means(params, h);
        means + self.log_sd(params).exp() * rng.normal_var(params.tape(), means.shape())
    }
}

impl<F: Scalar> ExactPartition<F> for GaussianRbm {
    /// $2^n$ for $n$ hidden units: the visible units are integrated in closed form.
    fn terms(&self) -> Option<usize> {
        power_of_two(self.hidden)
    }

    fn log_terms<'t>(&self, params: Bound<'t, F>, range: Range<usize>) -> Var<'t, F> {
        let h = bits(params.tape(), range, self.hidden);
        let log_sd = self.log_sd(params);
        let m = h.matmul_with(false, params.get(self.weights), true);
        let (precision, b) = (self.precision(params), params.get(self.visible_bias));
        let of_means = (m * (m + b + b)).dot(precision) * F::from_f64(0.5);
        let of_normals = log_sd.sum() + F::from_f64(0.5 * TAU.ln() * self.visible as f64);
        of_means + rows_dot(h, params.get(self.hidden_bias)) + of_normals
    }
}

impl<F: Scalar> BaseModel<F> for GaussianRbm {
    /// The independent normal columns with these means and the machine's own standard deviations.
    fn set_base(&self, params: &mut Params<F>, means: &[f64]) -> f64 {
        params.get_mut(self.weights).fill(F::ZERO);
        params.get_mut(self.hidden_bias).fill(F::ZERO);
        self.set_visible_bias(params, means);
        let log_sds: f64 = match &self.log_sd {
            LogSd::Learnt(id) => params.get(*id).iter().map(|x| x.to_f64()).sum(),
            LogSd::Fixed(log_sd) => log_sd.iter().sum(),
        };
        log_sds + 0.5 * TAU.ln() * self.visible as f64 + LN_2 * self.hidden as f64
    }
}

#[cfg(test)]
mod tests;
