//! Decoders: networks of the latents and the distributions of the data given their output.

use crate::RandomSource;
use crate::dist::{ContinuousBernoulli, Distribution, Moments};
use crate::nn::Mlp;
use crate::params::{Bound, Init, ParamId, Params};
use pathscore_autodiff::{Activation, Scalar, Shape, Tape, Var};
use rand::Rng;

/// The distribution of $x$ given the decoder's output.
///
/// | likelihood | data | output $y$ for each column | $\ln p(x \mid z)$ of a column | mean |
/// |---|---|---|---|---|
/// | `Bernoulli` | bits | logit | $xy - \mathrm{softplus}(y)$ | $\sigma(y)$ |
/// | `ContinuousBernoulli` | numbers in $[0, 1]$ | $\eta$ | $\eta x - \ln\frac{e^\eta - 1}{\eta}$ | $\frac{1}{1 - e^{-\eta}} - \frac1\eta$ |
/// | `Categorical` | levels in $[0, 1]$ | a logit for each level | $y_k - \ln\sum_c e^{y_c}$ | $\sum_c p_c \frac{c}{C - 1}$ |
/// | `Normal` | real numbers | mean, with a learnt $\ln\sigma$ | $-\tfrac12(x - y)^2/\sigma^2 - \ln\sigma - \tfrac12\ln 2\pi$ | $y$ |
///
/// Their values do not compare with each other: bits and levels have probabilities, the others densities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Likelihood {
    /// Bernoulli variables whose logits are the decoder's output. Data may also be grey values in $[0, 1]$; then $\ln p$ is
    /// the cross-entropy, which is the logarithm of no density of them.
    Bernoulli,
    /// Normal variables whose means are the decoder's output, with one learnt standard deviation for each column.
    Normal,
    /// [`ContinuousBernoulli`] variables whose parameters $\eta$ are the decoder's output: a density of grey values
    /// in $[0, 1]$ (Loaiza-Ganem and Cunningham 2019). Data outside have $\ln p = -\infty$.
    ContinuousBernoulli,
    /// Classes, `levels` $= C$ of them for each column: the grey values $0, \frac{1}{C - 1}, \dots, 1$, as the pixels of van den
    /// Oord, Kalchbrenner and Kavukcuoglu (2016) have 256. A number $x$ of the data stands for the nearest of them, the level
    /// $\lfloor x(C - 1) + \frac12\rfloor$, and numbers outside of $[0, 1]$ for the nearest end; $\ln p$ is the
    /// log-probability of the levels. The decoder's output has $C$ logits for each column, those of one column side by side.
    Categorical {
        /// The number of levels, at least two.
        levels: usize,
    },
}

impl Likelihood {
    /// The numbers of the decoder's output for each column of the data.
    fn outputs(self) -> usize {
        match self {
            Self::Categorical { levels } => levels,
            _ => 1,
        }
    }
}

/// A decoder: a network and the distribution of $x$ given its output.
#[derive(Clone, Debug)]
pub(super) struct DecoderNetwork {
    net: Mlp,
    likelihood: Likelihood,
    log_scale: Option<ParamId>,
}

impl DecoderNetwork {
    /// A decoder with the widths of its network, of which the last is the number of columns.
    ///
    /// # Panics
    /// If there are fewer than two levels of a categorical likelihood.
    pub(super) fn new<F: Scalar, R: Rng>(
        params: &mut Params<F>,
        name: &str,
        widths: &[usize],
        activation: Activation,
        likelihood: Likelihood,
        rng: &mut R,
    ) -> Self {
        let outputs = likelihood.outputs();
        assert!(
            outputs > 1 || !matches!(likelihood, Likelihood::Categorical { .. }),
            "a categorical likelihood needs at least 2 levels, not {outputs}"
        );
        let (&columns, before) = widths.split_last().expect("a network has a width");
        let widths: Shape = before.iter().copied().chain([columns * outputs]).collect();
        let net = Mlp::new(params, name, &widths, activation, rng);
        let log_scale = (likelihood == Likelihood::Normal)
            .then(|| params.add(format!("{name}.log_scale"), [columns], Init::Constant(0.0), rng));
        Self { net, likelihood, log_scale }
    }

    /// $\ln\sigma$ of a normal likelihood.
    fn log_scale<'t, F: Scalar>(&self, params: Bound<'t, F>) -> Var<'t, F> {
        params.get(self.log_scale.expect("a normal likelihood has a scale"))
    }

    /// $\ln p(x \mid z)$ for samples `z` of shape `[draws, batch, latents]`.
    pub(super) fn log_prob<'t, F: Scalar>(
        &self,
        params: Bound<'t, F>,
        x: Var<'t, F>,
        z: Var<'t, F>,
    ) -> Var<'t, F> {
        let y = self.net.forward(params, z);
        match self.likelihood {
            Likelihood::Bernoulli => x.bernoulli_log_prob(y),
            Likelihood::Normal => x.normal_log_prob(y, self.log_scale(params)),
            Likelihood::ContinuousBernoulli => ContinuousBernoulli::new_unchecked(y).log_prob(x),
            Likelihood::Categorical { levels } => levels_log_prob(x, y, levels),
        }
    }

    /// $E[x \mid z]$.
    pub(super) fn mean<'t, F: Scalar>(&self, params: Bound<'t, F>, z: Var<'t, F>) -> Var<'t, F> {
        let y = self.net.forward(params, z);
        match self.likelihood {
            Likelihood::Bernoulli => y.sigmoid(),
            Likelihood::Normal => y,
            Likelihood::ContinuousBernoulli => ContinuousBernoulli::new_unchecked(y).mean(),
            Likelihood::Categorical { levels } => {
                let probs = by_level(y, levels).softmax(-1);
                (probs * level_values(y.tape(), levels)).sum_axis(-1)
            }
        }
    }

    /// A sample $x \sim p(x \mid z)$ for each `z`, a constant.
    pub(super) fn sample<'t, F: Scalar, R: RandomSource>(
        &self,
        params: Bound<'t, F>,
        z: Var<'t, F>,
        rng: &mut R,
    ) -> Var<'t, F> {
        let params = params.detach();
        let y = self.net.forward(params, z);
        match self.likelihood {
            Likelihood::Bernoulli => rng.bernoulli_var(y.sigmoid(), y.shape()),
            Likelihood::Normal => {
                y + self.log_scale(params).exp() * rng.normal_var(params.tape(), y.shape())
            }
            Likelihood::ContinuousBernoulli => {
                let x = ContinuousBernoulli::new_unchecked(y).sample(1, rng);
                x.reshape(y.shape())
            }
            Likelihood::Categorical { levels } => {
                let probs = by_level(y, levels).softmax(-1).detach();
                let classes = rng.categorical_var(probs, probs.shape());
                (classes * level_values(y.tape(), levels)).sum_axis(-1)
            }
        }
    }
}

/// The logits of a categorical decoder with an axis of their own for the levels.
fn by_level<F: Scalar>(y: Var<'_, F>, levels: usize) -> Var<'_, F> {
    let shape = y.shape();
    let (width, lead) = shape.split_last().expect("the output of a network has an axis");
    y.reshape(lead.iter().copied().chain([width / levels, levels]).collect::<Shape>())
}

/// The grey values $0, \frac{1}{C - 1}, \dots, 1$ of the levels.
fn level_values<F: Scalar>(tape: &Tape<F>, levels: usize) -> Var<'_, F> {
    tape.constant_with([levels], |values| {
        for (level, value) in values.iter_mut().enumerate() {
            *value = F::from_f64(level as f64 / (levels - 1) as f64);
        }
    })
}

/// $\sum_j y_{jk_j} - \ln\sum_c e^{y_{jc}}$ over the columns $j$ with the levels $k$ of the data.
///
/// # Panics
/// If a number of the data is NaN, which is no level.
#[track_caller]
fn levels_log_prob<'t, F: Scalar>(x: Var<'t, F>, y: Var<'t, F>, levels: usize) -> Var<'t, F> {
    let y = by_level(y, levels);
    let shape = y.shape();
    let lead = &shape[..shape.len() - 1];
    let whole = Shape::broadcast(&x.shape(), lead).unwrap_or_else(|| {
        let (data, lead) = (x.shape(), Shape::from(lead));
        panic!("categorical likelihood: data of shape {data} do not fit an output of shape {lead}")
    });
    let of_levels: Shape = whole.iter().copied().chain([levels]).collect();
    let y = if *shape == *of_levels { y } else { y.broadcast_to(&of_levels) };
    let last = F::from_f64((levels - 1) as f64);
    let level = (x.detach() * last + F::from_f64(0.5)).floor().clamp(F::ZERO, last);
    // An index has as many axes as what it picks from; those of length one are repeated.
    let of_x = x.shape();
    let missing = std::iter::repeat_n(1, whole.len() - of_x.len());
    let index: Shape = missing.chain(of_x.iter().copied()).chain([1]).collect();
    let picked = y.gather(-1, level.reshape(index));
    let picked = picked.expect("no number of the data is NaN").reshape(&whole);
    (picked - y.log_sum_exp(-1)).sum_axis(-1)
}
