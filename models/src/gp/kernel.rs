//! Covariance functions.

use crate::params::{Bound, Init, ParamId, Params};
use crate::seed::{self, Stream};
use pathscore_autodiff::{Scalar, Tape, Var};

/// The form of a covariance function $k(x, x')$ with the variance $s^2$.
///
/// The stationary forms depend on the scaled distance $r^2 = \sum_j (x_j - x'_j)^2 / \ell_j^2$, with a length-scale $\ell_j$ for
/// each dimension (automatic relevance determination): a long one says that the dimension has little effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KernelForm {
    /// $s^2 e^{-r^2/2}$, the radial basis function or squared exponential: infinitely smooth functions.
    #[doc(alias = "squared exponential")]
    #[doc(alias = "SE-ARD")]
    Rbf,
    /// $s^2 e^{-r}$, Matérn's with $\nu = \tfrac12$: continuous functions without a derivative.
    Matern12,
    /// $s^2 (1 + \sqrt3 r) e^{-\sqrt3 r}$, Matérn's with $\nu = \tfrac32$: functions with one derivative.
    Matern32,
    /// $s^2 (1 + \sqrt5 r + \tfrac53 r^2) e^{-\sqrt5 r}$, Matérn's with $\nu = \tfrac52$: functions with two derivatives.
    Matern52,
    /// $\sum_j s_j^2 x_j x'_j$, with a variance for each dimension: linear functions through the origin.
    Linear,
    /// $s^2$ where both are the same point of one set, and zero otherwise, also between equal rows: white noise that belongs to
    /// the function.
    White,
}

impl KernelForm {
    /// The name by which parameters of the form begin.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rbf => "rbf",
            Self::Matern12 => "matern12",
            Self::Matern32 => "matern32",
            Self::Matern52 => "matern52",
            Self::Linear => "linear",
            Self::White => "white",
        }
    }

    /// True if the covariance depends on the scaled distance alone.
    pub fn is_stationary(self) -> bool {
        !matches!(self, Self::Linear | Self::White)
    }

    /// $k/s^2$ of squared scaled distances.
    fn of_distance<F: Scalar>(self, r2: Var<'_, F>) -> Var<'_, F> {
        match self {
            Self::Matern12 => r2.matern12(),
            Self::Matern32 => r2.matern32(),
            Self::Matern52 => r2.matern52(),
            _ => (r2 * F::from_f64(-0.5)).exp(),
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Part {
    form: KernelForm,
    log_variance: ParamId,
    /// Present if the form is stationary.
    log_length_scale: Option<ParamId>,
}

/// A covariance function: the sum of one or more [forms](KernelForm), each with parameters of its own.
///
/// The parameters of a form are called `FORM.log_variance` ($\ln s^2$, of shape `[]`, for the linear form `[dimensions]`) and, if the
/// form is stationary, `FORM.log_length_scale` ($\ln \ell_j$, of shape `[dimensions]`). All begin at zero.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::{Params, gp::{Kernel, KernelForm}};
/// let mut params = Params::<f64>::new();
/// let kernel = Kernel::new(&mut params, &[KernelForm::Rbf], 1);
/// let tape = Tape::new();
/// let x = tape.constant(&[0.0, 2.0], [2, 1]);
/// let k = kernel.gram(params.on(&tape), x).value();
/// assert_eq!(k.values(), [1.0, (-2.0_f64).exp(), (-2.0_f64).exp(), 1.0]);
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "covariance function")]
pub struct Kernel {
    parts: Vec<Part>,
    dimensions: usize,
}

impl Kernel {
    /// The sum of some forms over points of so many dimensions.
    ///
    /// # Panics
    /// If there are no forms or no dimensions, or if a form is there twice.
    #[track_caller]
    pub fn new<F: Scalar>(params: &mut Params<F>, forms: &[KernelForm], dimensions: usize) -> Self {
        assert!(
            !forms.is_empty() && dimensions > 0,
            "kernel: {} forms over {dimensions} dimensions: expected at least one of each",
            forms.len()
        );
        // Constants need no random numbers.
        let rng = &mut seed::rng(0, Stream::Init, 0);
        let part = |&form: &KernelForm| {
            let mut zeros = |name: &str, shape: &[usize]| {
                params.add(format!("{}.{name}", form.name()), shape, Init::Constant(0.0), rng)
            };
            let each: &[usize] = &[dimensions];
            let shape = if form == KernelForm::Linear { each } else { &[] };
            let log_variance = zeros("log_variance", shape);
            let log_length_scale = form.is_stationary().then(|| zeros("log_length_scale", each));
            Part { form, log_variance, log_length_scale }
        };
        Self { parts: forms.iter().map(part).collect(), dimensions }
    }

    /// The number of dimensions of a point.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// The forms of the sum, in order.
    pub fn forms(&self) -> impl Iterator<Item = KernelForm> {
        self.parts.iter().map(|part| part.form)
    }

    /// The id of $\ln s^2$ of a form, if it is part of the sum.
    pub fn log_variance(&self, form: KernelForm) -> Option<ParamId> {
        self.parts.iter().find(|part| part.form == form).map(|part| part.log_variance)
    }

    /// The id of the $\ln \ell_j$ of a form, if it is a stationary part of the sum.
    pub fn log_length_scale(&self, form: KernelForm) -> Option<ParamId> {
        self.parts.iter().find(|part| part.form == form).and_then(|part| part.log_length_scale)
    }

    /// $k(x_i, x_j)$ between the rows of one matrix `[n, dimensions]`, of shape `[n, n]`: symmetric, positive semidefinite, and
    /// with exact zeros for the distances on its diagonal. The derivatives with respect to the points are those of the forms; at
    /// points that coincide, where $\nu = \tfrac12$ has a kink, the slope is zero.
    ///
    /// # Panics
    /// If the points do not have as many dimensions.
    #[track_caller]
    pub fn gram<'t, F: Scalar>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        let n = x.shape()[0];
        self.sum(|part| match part.form {
            KernelForm::White => Some(part.variance(params) * identity(params.tape(), n)),
            _ => part.cross(params, x, x),
        })
        .expect("a kernel has a part")
    }

    /// $k(x_i, z_j)$ between the rows of `[n, dimensions]` and `[m, dimensions]`, of shape `[n, m]`; white noise counts nothing here.
    ///
    /// # Panics
    /// If the points do not have as many dimensions.
    #[track_caller]
    pub fn cross<'t, F: Scalar>(
        &self,
        params: Bound<'t, F>,
        x: Var<'t, F>,
        z: Var<'t, F>,
    ) -> Var<'t, F> {
        let zeros =
            || params.tape().constant_with([x.shape()[0], z.shape()[0]], |out| out.fill(F::ZERO));
        self.sum(|part| part.cross(params, x, z)).unwrap_or_else(zeros)
    }

    /// $k(x_i, x_i)$ for the rows of `[n, dimensions]`, of shape `[n]`.
    ///
    /// # Panics
    /// If the points do not have as many dimensions.
    #[track_caller]
    pub fn diagonal<'t, F: Scalar>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        let n = x.shape()[0];
        self.sum(|part| {
            Some(match part.form {
                KernelForm::Linear => (x * part.scale(params)).sum_squares(-1),
                _ => part.variance(params).broadcast_to([n]),
            })
        })
        .expect("a kernel has a part")
    }

    /// The sum over the parts of what has a value for a part, if anything has.
    fn sum<'t, F: Scalar>(
        &self,
        value: impl FnMut(&Part) -> Option<Var<'t, F>>,
    ) -> Option<Var<'t, F>> {
        self.parts.iter().filter_map(value).reduce(|a, b| a + b)
    }
}

impl Part {
    /// $s^2$.
    fn variance<'t, F: Scalar>(&self, params: Bound<'t, F>) -> Var<'t, F> {
        params.get(self.log_variance).exp()
    }

    /// The numbers by which points are multiplied first: $1/\ell_j$, or $s_j$ of the linear form.
    fn scale<'t, F: Scalar>(&self, params: Bound<'t, F>) -> Var<'t, F> {
        match self.log_length_scale {
            Some(log_length_scale) => (-params.get(log_length_scale)).exp(),
            None => (params.get(self.log_variance) * F::from_f64(0.5)).exp(),
        }
    }

    /// The covariance of two sets of points; none for white noise.
    fn cross<'t, F: Scalar>(
        &self,
        params: Bound<'t, F>,
        x: Var<'t, F>,
        z: Var<'t, F>,
    ) -> Option<Var<'t, F>> {
        if self.form == KernelForm::White {
            return None;
        }
        let scale = match self.log_length_scale {
            // ∞ · 0 and ∞ − ∞ have no value: scaled points stay finite, and points apart are then still infinitely far apart.
            Some(log_length_scale) => {
                let size = |x: Var<'t, F>| {
                    x.with(|x| {
                        let sizes = x.iter().map(|x| x.to_f64().abs());
                        sizes.filter(|x| x.is_finite()).fold(4.0, f64::max)
                    })
                };
                let wide = F::from_f64(f64::MAX).to_f64().is_finite();
                let largest = if wide { f64::MAX } else { f64::from(f32::MAX) };
                let limit = largest.ln() - size(x).max(size(z)).ln() - 4.0_f64.ln();
                let limit = params.tape().constant(&[F::from_f64(limit)], [1]);
                (-params.get(log_length_scale)).min(limit).exp()
            }
            None => self.scale(params),
        };
        let scaled = x * scale;
        let other = if x.id() == z.id() { scaled } else { z * scale };
        Some(match self.form {
            KernelForm::Linear => scaled.matmul_with(false, other, true),
            form => self.variance(params) * form.of_distance(scaled.squared_distances(other)),
        })
    }
}

/// The identity of $n$ rows.
pub(super) fn identity<F: Scalar>(tape: &Tape<F>, n: usize) -> Var<'_, F> {
    tape.constant_with([n, n], |out| {
        out.fill(F::ZERO);
        out.iter_mut().step_by(n + 1).for_each(|x| *x = F::ONE);
    })
}

/// $K + (\sigma^2 + \delta \mathrm{tr} K / n) I$: the covariance of noisy observations with a jitter of $\delta$, and the number that is
/// added to the diagonal.
pub(super) fn with_noise<'t, F: Scalar>(
    gram: Var<'t, F>,
    noise: Var<'t, F>,
    jitter: f64,
) -> (Var<'t, F>, Var<'t, F>) {
    let n = gram.shape()[0];
    let added = noise + gram.diagonal(0).mean() * F::from_f64(jitter);
    (gram + added * identity(gram.tape(), n), added)
}

/// The fraction of the mean prior variance that is added to the diagonal unless another is set, $\sqrt\epsilon$: half of the digits
/// of the number type are then left for the factorisation.
pub(super) fn default_jitter<F: Scalar>() -> f64 {
    F::EPSILON.to_f64().sqrt()
}
