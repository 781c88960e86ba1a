//! Smooth invertible functions with the logarithm of their determinant.

use super::edges::off_simplex;
use super::logistic::log_logistic;
use super::parameters::{broadcast, check};
use super::{Constraint, ParameterError, Support, width};
use pathscore_autodiff::{Scalar, Shape, Var};

/// A smooth invertible function of events, each along the last axis.
pub trait Bijection<'t, F: Scalar>: Copy {
    /// $y = f(x)$.
    fn forward(&self, x: Var<'t, F>) -> Var<'t, F>;

    /// $x = f^{-1}(y)$. Where $y$ is outside the image, the result is a finite number without meaning.
    fn inverse(&self, y: Var<'t, F>) -> Var<'t, F>;

    /// $\ln|\det \partial f/\partial x|$ of each event at $x$: the shape of `x` without its last axis.
    fn log_det(&self, x: Var<'t, F>) -> Var<'t, F>;

    /// Not zero for each event $y$ that is outside the image.
    fn outside(&self, y: Var<'t, F>) -> Var<'t, F>;

    /// The support of $f(x)$, where $x$ has the support `of`.
    fn image(&self, of: Support) -> Support;

    /// The same function, constant to derivatives.
    fn detach(&self) -> Self {
        *self
    }
}

/// Not zero for each event with a number that is infinite.
fn infinite<F: Scalar>(y: Var<'_, F>) -> Var<'_, F> {
    y.abs().equal(y.constant(f64::INFINITY)).sum_axis(-1)
}

/// $y = a + bx$ for each coordinate, with `loc` $a$ and `scale` $b$, which may be negative.
///
/// $\ln|\det| = \sum \ln|b|$.
#[derive(Clone, Copy, Debug)]
pub struct AffineBijection<'t, F> {
    loc: Var<'t, F>,
    scale: Var<'t, F>,
}

impl<'t, F: Scalar> AffineBijection<'t, F> {
    /// The function with these coefficients, which broadcast against each other.
    ///
    /// # Errors
    /// If a number is not finite, or if a scale is zero.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn new(loc: Var<'t, F>, scale: Var<'t, F>) -> Result<Self, ParameterError> {
        let parameters = [
            ("loc", loc, Constraint::Finite),
            ("scale", scale, Constraint::Finite),
            ("size of scale", scale.abs(), Constraint::Positive),
        ];
        check("AffineBijection", &parameters)?;
        let [loc, scale] = broadcast("AffineBijection", [loc, scale]);
        Ok(Self { loc, scale })
    }
}

impl<'t, F: Scalar> Bijection<'t, F> for AffineBijection<'t, F> {
    fn forward(&self, x: Var<'t, F>) -> Var<'t, F> {
        self.loc + self.scale * x
    }

    fn inverse(&self, y: Var<'t, F>) -> Var<'t, F> {
        (y - self.loc) / self.scale
    }

    fn log_det(&self, x: Var<'t, F>) -> Var<'t, F> {
        self.scale.abs().ln().broadcast_to(x.shape()).sum_axis(-1)
    }

    fn outside(&self, y: Var<'t, F>) -> Var<'t, F> {
        infinite(y)
    }

    fn image(&self, of: Support) -> Support {
        match of {
            Support::Real | Support::Vectors => of,
            _ => Support::Interval,
        }
    }

    fn detach(&self) -> Self {
        Self { loc: self.loc.detach(), scale: self.scale.detach() }
    }
}

/// $y = e^x$ for each coordinate. $\ln|\det| = \sum x$.
#[derive(Clone, Copy, Debug)]
pub struct ExpBijection;

impl<'t, F: Scalar> Bijection<'t, F> for ExpBijection {
    fn forward(&self, x: Var<'t, F>) -> Var<'t, F> {
        x.exp()
    }

    fn inverse(&self, y: Var<'t, F>) -> Var<'t, F> {
        positive_or_one(y).ln()
    }

    fn log_det(&self, x: Var<'t, F>) -> Var<'t, F> {
        x.sum_axis(-1)
    }

    fn outside(&self, y: Var<'t, F>) -> Var<'t, F> {
        not_positive(y).sum_axis(-1)
    }

    fn image(&self, _: Support) -> Support {
        Support::NonNegative
    }
}

/// Not zero where a number is not positive, or infinite.
fn not_positive<F: Scalar>(y: Var<'_, F>) -> Var<'_, F> {
    y.less_equal(y.constant(0.0)) + y.equal(y.constant(f64::INFINITY))
}

/// $y$, and one where $y$ is not positive.
fn positive_or_one<F: Scalar>(y: Var<'_, F>) -> Var<'_, F> {
    not_positive(y).select(y.constant(1.0), y)
}

/// $y = \sigma(x)$ for each coordinate. $\ln|\det| = \sum \ln\sigma(x)\sigma(-x)$.
#[derive(Clone, Copy, Debug)]
pub struct SigmoidBijection;

impl<'t, F: Scalar> Bijection<'t, F> for SigmoidBijection {
    fn forward(&self, x: Var<'t, F>) -> Var<'t, F> {
        x.sigmoid()
    }

    fn inverse(&self, y: Var<'t, F>) -> Var<'t, F> {
        beyond(y, 0.0, 1.0).select(y.constant(0.5), y).logit()
    }

    fn log_det(&self, x: Var<'t, F>) -> Var<'t, F> {
        log_logistic(x).sum_axis(-1)
    }

    fn outside(&self, y: Var<'t, F>) -> Var<'t, F> {
        beyond(y, 0.0, 1.0).sum_axis(-1)
    }

    fn image(&self, _: Support) -> Support {
        Support::UnitInterval
    }
}

/// Not zero where a number is not between the two ends.
fn beyond<F: Scalar>(y: Var<'_, F>, low: f64, high: f64) -> Var<'_, F> {
    y.less_equal(y.constant(low)) + y.greater_equal(y.constant(high))
}

/// $y = \ln(1 + e^x)$ for each coordinate. $\ln|\det| = \sum \ln\sigma(x)$; the inverse is $y + \ln(1 - e^{-y})$.
#[derive(Clone, Copy, Debug)]
pub struct SoftplusBijection;

impl<'t, F: Scalar> Bijection<'t, F> for SoftplusBijection {
    fn forward(&self, x: Var<'t, F>) -> Var<'t, F> {
        x.softplus()
    }

    fn inverse(&self, y: Var<'t, F>) -> Var<'t, F> {
        let y = positive_or_one(y);
        y + (-y).log1m_exp()
    }

    fn log_det(&self, x: Var<'t, F>) -> Var<'t, F> {
        x.log_sigmoid().sum_axis(-1)
    }

    fn outside(&self, y: Var<'t, F>) -> Var<'t, F> {
        not_positive(y).sum_axis(-1)
    }

    fn image(&self, _: Support) -> Support {
        Support::NonNegative
    }
}

/// $y = \tanh x$ for each coordinate. $\ln|\det| = \sum \ln 4\sigma(2x)\sigma(-2x)$, accurate in both tails.
#[derive(Clone, Copy, Debug)]
pub struct TanhBijection;

impl<'t, F: Scalar> Bijection<'t, F> for TanhBijection {
    fn forward(&self, x: Var<'t, F>) -> Var<'t, F> {
        x.tanh()
    }

    fn inverse(&self, y: Var<'t, F>) -> Var<'t, F> {
        beyond(y, -1.0, 1.0).select(y.constant(0.0), y).atanh()
    }

    fn log_det(&self, x: Var<'t, F>) -> Var<'t, F> {
        let twice = x * F::from_f64(2.0);
        (log_logistic(twice) + F::from_f64(4_f64.ln())).sum_axis(-1)
    }

    fn outside(&self, y: Var<'t, F>) -> Var<'t, F> {
        beyond(y, -1.0, 1.0).sum_axis(-1)
    }

    fn image(&self, _: Support) -> Support {
        Support::Interval
    }
}

/// Real vectors with $n$ numbers to the interior of the simplex with $n + 1$: of what the earlier entries leave of a stick
/// of length one, entry $k$ takes the part $\sigma(x_k - \ln(n - k))$, counted from zero (Stan's simplex).
///
/// Zeros become the centre of the simplex. $\ln|\det| = \sum_k \ln y_k + \ln(1 - \sigma_k)$ with the parts $\sigma_k$; the inverse
/// is $x_k = \ln y_k - \ln\sum_{j > k} y_j + \ln(n - k)$.
#[derive(Clone, Copy, Debug)]
pub struct StickBreaking;

impl StickBreaking {
    /// $\ln(n - k)$ for $k = 0, \dots, n - 1$.
    fn shift<'t, F: Scalar>(like: Var<'t, F>, n: usize) -> Var<'t, F> {
        like.tape().constant_with([n], |out| {
            for (k, out) in out.iter_mut().enumerate() {
                *out = F::from_f64(((n - k) as f64).ln());
            }
        })
    }

    /// $\ln y_k$ for all but the last entry, $\ln(1 - \sigma_k)$, and the logarithm of the last entry.
    fn logarithms<'t, F: Scalar>(x: Var<'t, F>) -> [Var<'t, F>; 3] {
        let n = width(x);
        let part = x - Self::shift(x, n);
        let rest = (-part).log_sigmoid();
        let left = rest.cumsum(-1).pad(-1, 1, 0);
        [part.log_sigmoid() + left.slice(-1, 0..n), rest, left.slice(-1, n..n + 1)]
    }
}

impl<'t, F: Scalar> Bijection<'t, F> for StickBreaking {
    fn forward(&self, x: Var<'t, F>) -> Var<'t, F> {
        let [ln_y, _, last] = Self::logarithms(x);
        Var::concat(&[ln_y, last], -1).exp()
    }

    fn inverse(&self, y: Var<'t, F>) -> Var<'t, F> {
        let n = width(y) - 1;
        let ln_y = positive_or_one(y).ln();
        // The sums of the entries behind each, added from the end.
        let behind = positive_or_one(y).flip(-1).cumsum(-1).flip(-1).slice(-1, 1..n + 1);
        ln_y.slice(-1, 0..n) - behind.ln() + Self::shift(y, n)
    }

    fn log_det(&self, x: Var<'t, F>) -> Var<'t, F> {
        let [ln_y, rest, _] = Self::logarithms(x);
        (ln_y + rest).sum_axis(-1)
    }

    fn outside(&self, y: Var<'t, F>) -> Var<'t, F> {
        off_simplex(y) + y.less_equal(y.constant(0.0)).sum_axis(-1)
    }

    fn image(&self, _: Support) -> Support {
        Support::Simplex
    }
}

/// Real vectors to increasing ones: $y_0 = x_0$ and $y_k = y_{k-1} + e^{x_k}$ (Stan's ordered vector).
///
/// $\ln|\det| = \sum_{k \ge 1} x_k$; the inverse is $x_k = \ln(y_k - y_{k-1})$.
#[derive(Clone, Copy, Debug)]
pub struct Ordered;

impl Ordered {
    /// The first number, and the differences of neighbours.
    fn steps<'t, F: Scalar>(y: Var<'t, F>) -> [Var<'t, F>; 2] {
        let n = width(y);
        [y.slice(-1, 0..1), y.slice(-1, 1..n) - y.slice(-1, 0..n - 1)]
    }
}

impl<'t, F: Scalar> Bijection<'t, F> for Ordered {
    fn forward(&self, x: Var<'t, F>) -> Var<'t, F> {
        let n = width(x);
        Var::concat(&[x.slice(-1, 0..1), x.slice(-1, 1..n).exp()], -1).cumsum(-1)
    }

    fn inverse(&self, y: Var<'t, F>) -> Var<'t, F> {
        let [first, steps] = Self::steps(y);
        Var::concat(&[first, positive_or_one(steps).ln()], -1)
    }

    fn log_det(&self, x: Var<'t, F>) -> Var<'t, F> {
        x.slice(-1, 1..width(x)).sum_axis(-1)
    }

    fn outside(&self, y: Var<'t, F>) -> Var<'t, F> {
        infinite(y) + not_positive(Self::steps(y)[1]).sum_axis(-1)
    }

    fn image(&self, _: Support) -> Support {
        Support::Vectors
    }
}

/// Real vectors with $n(n + 1)/2$ numbers to lower triangular matrices with positive diagonal, of shape `[…, n, n]`: the
/// numbers fill the triangle row by row, and those of the diagonal become their exponentials.
///
/// $\ln|\det| = \sum_i x_{ii}$, the sum of the logarithms of the diagonal.
#[derive(Clone, Copy, Debug)]
pub struct CholeskyBijection {
    /// The number of rows of a matrix, $n$.
    pub rows: usize,
}

impl CholeskyBijection {
    /// The place of row `i` and column `j` of the triangle in the vector.
    fn place(i: usize, j: usize) -> usize {
        i * (i + 1) / 2 + j
    }

    /// A matrix with ones where `at` is true of row and column.
    fn mask<'t, F: Scalar>(
        self,
        like: Var<'t, F>,
        at: impl Fn(usize, usize) -> bool,
    ) -> Var<'t, F> {
        let n = self.rows;
        like.tape().constant_with([n, n], |out| {
            for (place, out) in out.iter_mut().enumerate() {
                *out = if at(place / n, place % n) { F::ONE } else { F::ZERO };
            }
        })
    }

    /// The diagonal of the matrices that the numbers `x` become.
    fn diagonal<'t, F: Scalar>(self, x: Var<'t, F>) -> Var<'t, F> {
        let places: Vec<usize> = (0..self.rows).map(|i| Self::place(i, i)).collect();
        select(x, &places)
    }
}

/// The numbers at these places of the last axis.
fn select<'t, F: Scalar>(x: Var<'t, F>, places: &[usize]) -> Var<'t, F> {
    let index = x.tape().indices(places, [places.len()]);
    x.index_select(-1, index).expect("the places lie in the axis")
}

impl<'t, F: Scalar> Bijection<'t, F> for CholeskyBijection {
    /// # Panics
    /// If the last axis does not hold a triangle of `rows` rows.
    fn forward(&self, x: Var<'t, F>) -> Var<'t, F> {
        let n = self.rows;
        let (held, needed) = (width(x), Self::place(n, 0));
        assert!(held == needed, "CholeskyBijection: {n} rows need {needed} numbers, not {held}");
        // Above the diagonal any number will do.
        let places: Vec<usize> =
            (0..n * n).map(|at| Self::place(at / n, (at % n).min(at / n))).collect();
        let shape = x.shape();
        let lead = shape[..shape.len() - 1].iter().copied();
        let full = select(x, &places).reshape(lead.chain([n, n]).collect::<Shape>());
        let diagonal = self.mask(x, |i, j| i == j);
        diagonal.select(full.exp(), full).tril(0)
    }

    fn inverse(&self, y: Var<'t, F>) -> Var<'t, F> {
        let n = self.rows;
        let diagonal = self.mask(y, |i, j| i == j);
        let raw = diagonal.select(positive_or_one(y).ln(), y);
        let shape = y.shape();
        let lead = shape[..shape.len() - 2].iter().copied();
        let flat = raw.reshape(lead.chain([n * n]).collect::<Shape>());
        let triangle = (0..n).flat_map(|i| (0..=i).map(move |j| i * n + j));
        select(flat, &triangle.collect::<Vec<usize>>())
    }

    fn log_det(&self, x: Var<'t, F>) -> Var<'t, F> {
        self.diagonal(x).sum_axis(-1)
    }

    fn outside(&self, y: Var<'t, F>) -> Var<'t, F> {
        let diagonal = self.mask(y, |i, j| i == j) * not_positive(y);
        let above = self.mask(y, |i, j| i < j) * y.not_equal(y.constant(0.0));
        (diagonal + above).sum_axis(-1).sum_axis(-1)
    }

    fn image(&self, _: Support) -> Support {
        Support::Vectors
    }
}
