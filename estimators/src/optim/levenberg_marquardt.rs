//! Nonlinear least squares by the method of Levenberg (1944) and Marquardt (1963).

use super::Stop;
use nalgebra::{DMatrix, DVector};
use pathscore_autodiff::{Tape, Var};

/// The condition number of the scaled Jacobian from which some parameters count as undetermined: three digits short of
/// the reciprocal of the rounding error.
const SINGULAR: f64 = 1e13;

/// The damping at which a step is lost in the last digits of the parameters.
const MOST_DAMPING: f64 = 1e32;

/// The share of the predicted decrease from which a step is taken (Moré 1978).
const ACCEPT: f64 = 1e-4;

/// The cosine from which a step changes the sum of squares by less than the square of it, 1e-8.
const NEAR: f64 = 1e-4;

/// The factor by which a last step shortens the gradient, unless only rounding is left.
const SHORTER: f64 = 0.9;

/// The longest acceleration of a step, as a multiple of its velocity (Transtrum and Sethna 2012).
const MOST_ACCELERATION: f64 = 0.75;

/// Finds the parameters $\theta$ that make the sum of squares $\sum_i r_i(\theta)^2$ of some residuals smallest.
///
/// The residuals are recorded on a tape, whose Jacobian $J$ is exact. A step solves
/// $(J^\top J + \lambda D^2) \delta = -J^\top r$ by a QR factorisation, without forming the product. $D$ holds the
/// largest norms so far of the columns of $J$ (Moré 1978), so that the units of the parameters make no difference, and
/// $\lambda$ follows the ratio of the decrease to its prediction (Nielsen 1999). With `geodesic` the step
/// follows the curve of the model to second order (Transtrum and Sethna 2012): half the acceleration that cancels
/// $\delta^\top \nabla^2 r \delta$, found by two sweeps in forward mode, is added if it is short.
///
/// The measure of the gradient is $\Vert P r \Vert / \Vert r \Vert$, where $P$ projects on the columns of $J$: the
/// cosine of the angle between the residuals and the model (Bates and Watts 1981), zero at a stationary point whatever the
/// units. The method reports `Converged` only if it is at most `tolerance`, or if $\Vert P r\Vert$ is as small as the
/// rounding of the parameters themselves makes it (for data without noise), and if $J$ has full rank. A point where
/// parameters have lost their effect is `Singular`.
///
/// ```
/// use pathscore_autodiff::Real as _;
/// use pathscore_estimators::optim::LevenbergMarquardt;
/// // DanWood of the NIST StRD: y = b₁ x^b₂
/// let x = [1.309, 1.471, 1.490, 1.565, 1.611, 1.680];
/// let y = [2.138, 3.421, 3.597, 4.340, 4.882, 5.660];
/// let fit = LevenbergMarquardt::default().fit(&[1.0, 5.0], |b| {
///     let [x, y] = [x, y].map(|data| b.tape().constant(&data, [6]));
///     b.slice(0, 0..1) * (b.slice(0, 1..2) * x.ln()).exp() - y
/// });
/// assert!(fit.stop.converged());
/// assert!((fit.params[0] - 0.76886226176).abs() < 1e-10);
/// assert!((fit.std_errors[1] - 0.051726610913).abs() < 1e-10);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LevenbergMarquardt {
    /// The most steps that are tried.
    pub max_iterations: usize,
    /// The cosine between the residuals and the model that counts as zero.
    pub tolerance: f64,
    /// $\lambda$ of the first step, where all columns of the scaled Jacobian have length one.
    pub damping: f64,
    /// True if steps are accelerated along the geodesic.
    pub geodesic: bool,
}

impl Default for LevenbergMarquardt {
    fn default() -> Self {
        Self { max_iterations: 10_000, tolerance: 1e-8, damping: 1e-3, geodesic: true }
    }
}

/// The result of [`LevenbergMarquardt`].
///
/// ```
/// use pathscore_estimators::optim::LevenbergMarquardt;
/// // The mean of three numbers, and its standard error.
/// let fit = LevenbergMarquardt::default()
///     .fit(&[0.0], |b| b.tape().constant(&[1.0, 2.0, 6.0], [3]) - b);
/// assert!((fit.params[0] - 3.0).abs() < 1e-12);
/// assert!((fit.std_dev - 7_f64.sqrt()).abs() < 1e-12);
/// assert!((fit.std_errors[0] - (7.0_f64 / 3.0).sqrt()).abs() < 1e-12);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LeastSquares {
    /// The parameters.
    pub params: Vec<f64>,
    /// The residuals $r$ there.
    pub residuals: Vec<f64>,
    /// $\sum_i r_i^2$.
    pub sum_of_squares: f64,
    /// The residual standard deviation $s = \sqrt{\sum_i r_i^2 / (n - p)}$ of $n$ residuals and $p$ parameters; NaN
    /// unless $n > p$.
    pub std_dev: f64,
    /// $s^2 (J^\top J)^{-1}$, the covariance of the parameters to first order, row by row; NaN if $J$ has not
    /// full rank.
    pub covariance: Vec<f64>,
    /// The standard errors of the parameters: the roots of the diagonal of the covariance.
    pub std_errors: Vec<f64>,
    /// The number of steps tried.
    pub iterations: usize,
    /// The reason why the search stopped; the norm is the cosine between the residuals and the model.
    pub stop: Stop,
}

/// Residuals as a function of the parameters, on a tape.
type Record<'a> = &'a dyn for<'t> Fn(Var<'t, f64>) -> Var<'t, f64>;

fn residuals(record: Record, params: &[f64]) -> DVector<f64> {
    let tape = Tape::new();
    record(tape.leaf(params, [params.len()])).with(DVector::from_row_slice)
}

/// The second derivative of the residuals along a direction.
fn curvature(record: Record, params: &[f64], along: &DVector<f64>) -> DVector<f64> {
    let tape = Tape::new();
    let x = tape.leaf(params, [params.len()]);
    let along = tape.constant(along.as_slice(), [params.len()]);
    record(x).jvp(&[x], &[along]).jvp(&[x], &[along]).with(DVector::from_row_slice)
}

/// The linear model of the residuals at a point.
struct Linear {
    /// $R$ of the QR factorisation of $J D^{-1}$.
    r: DMatrix<f64>,
    qr: nalgebra::QR<f64, nalgebra::Dyn, nalgebra::Dyn>,
    /// $D$.
    scale: DVector<f64>,
    /// The norms of the columns of $J$.
    norms: DVector<f64>,
    /// $-Q^\top r$.
    z: DVector<f64>,
    /// $R^{-1}$, if $R$ has full rank.
    inverse: Option<DMatrix<f64>>,
    /// $\Vert P r \Vert$.
    projection: f64,
}

impl Linear {
    /// The Jacobian of the residuals, scaled by the largest norms of its columns so far; `None` if it is not finite.
    fn new(
        record: Record,
        params: &[f64],
        residuals: &DVector<f64>,
        largest: &mut DVector<f64>,
    ) -> Option<Self> {
        if !residuals.iter().all(|r| r.is_finite()) {
            return None;
        }
        let tape = Tape::new();
        let x = tape.leaf(params, [params.len()]);
        let jacobian = record(x).jacobian(x);
        let p = params.len();
        let jacobian = DMatrix::from_row_slice(residuals.len(), p, jacobian.values());
        // Rows of zeros give fewer residuals than parameters an R that is square, and singular.
        let rows = residuals.len().max(p);
        let mut scaled = jacobian.resize_vertically(rows, 0.0);
        let norms = DVector::from_fn(p, |j, _| scaled.column(j).norm());
        if !norms.iter().all(|norm| norm.is_finite()) {
            return None;
        }
        *largest = largest.zip_map(&norms, f64::max);
        let scale = largest.map(|norm| if norm > 0.0 { norm } else { 1.0 });
        for j in 0..p {
            scaled.column_mut(j).unscale_mut(scale[j]);
        }
        // The cosines that each column alone makes with the residuals, where R tells nothing.
        let alone = (0..p).map(|j| match norms[j] > 0.0 {
            true => (scaled.column(j).rows(0, residuals.len()).dot(residuals) * scale[j]
                / norms[j])
                .abs(),
            false => 0.0,
        });
        let alone = alone.fold(0.0, f64::max);
        let qr = scaled.qr();
        let r = qr.r();
        let mut model =
            Self { r, qr, scale, norms, z: DVector::zeros(0), inverse: None, projection: alone };
        model.z = model.rotate(&-residuals);
        // Columns of length one, so that only their angles make the condition bad.
        let relative = DMatrix::from_fn(p, p, |i, j| {
            model.r[(i, j)] * (model.scale[j] / model.norms[j].max(f64::MIN_POSITIVE))
        });
        let inverse = relative.solve_upper_triangular(&DMatrix::identity(p, p));
        if let Some(inverse) = inverse
            && relative.norm() * inverse.norm() < SINGULAR
        {
            model.projection = model.z.norm();
            model.inverse = Some(DMatrix::from_fn(p, p, |i, j| {
                inverse[(i, j)] * (model.scale[i] / model.norms[i])
            }));
        }
        Some(model)
    }

    /// The first components of $Q^\top v$.
    fn rotate(&self, v: &DVector<f64>) -> DVector<f64> {
        let p = self.scale.len();
        let mut v = v.clone().resize_vertically(v.len().max(p), 0.0);
        self.qr.q_tr_mul(&mut v);
        v.rows(0, p).into_owned()
    }

    /// The scaled step that makes $\Vert R d - z \Vert^2 + \lambda \Vert d \Vert^2$ smallest.
    fn solve(&self, z: &DVector<f64>, lambda: f64) -> Option<DVector<f64>> {
        let p = z.len();
        let mut stacked = self.r.clone().resize_vertically(2 * p, 0.0);
        (0..p).for_each(|i| stacked[(p + i, i)] = lambda.sqrt());
        let qr = stacked.qr();
        let mut z = z.clone().resize_vertically(2 * p, 0.0);
        qr.q_tr_mul(&mut z);
        qr.r().solve_upper_triangular(&z.rows(0, p).into_owned())
    }

    /// $\Vert Pr \Vert$ that comes from rounding the parameters: a last digit of each, and a few for the residuals.
    fn rounding(&self, params: &[f64]) -> f64 {
        let squares = params.iter().zip(&self.norms).map(|(x, norm)| (x * norm).powi(2));
        4.0 * f64::EPSILON * squares.sum::<f64>().sqrt()
    }
}

fn moved(params: &[f64], step: &DVector<f64>) -> Vec<f64> {
    params.iter().zip(step).map(|(x, d)| x + d).collect()
}

/// Parameters with the residuals and, if they are finite, the linear model there.
struct Point {
    params: Vec<f64>,
    r: DVector<f64>,
    linear: Option<Linear>,
}

impl Point {
    /// The cosine between the residuals and the model.
    fn gradient_norm(&self, linear: &Linear) -> f64 {
        let length = self.r.norm();
        if length > 0.0 { linear.projection / length } else { 0.0 }
    }

    fn is_stationary(&self, linear: &Linear, tolerance: f64) -> bool {
        let rounding = linear.rounding(&self.params);
        linear.projection <= (tolerance * self.r.norm()).max(rounding)
    }
}

impl LevenbergMarquardt {
    /// Fits the parameters from a starting point; `residuals` records the vector of residuals of the vector of
    /// parameters.
    ///
    /// Data are constants that the closure makes on the tape of its argument. A step whose residuals are not finite is
    /// shortened; only at the starting point they end the search.
    ///
    /// # Panics
    /// If the number of residuals changes, or if a custom op without a definition stands between the parameters and the
    /// residuals, since Jacobian and acceleration use forward mode.
    pub fn fit(
        &self,
        start: &[f64],
        residuals: impl for<'t> Fn(Var<'t, f64>) -> Var<'t, f64>,
    ) -> LeastSquares {
        self.search(start, &residuals)
    }

    fn search(&self, start: &[f64], record: Record) -> LeastSquares {
        let mut at = Point { params: start.to_vec(), r: residuals(record, start), linear: None };
        let mut largest = DVector::zeros(start.len());
        // A damping of zero could not grow.
        let (mut lambda, mut growth) = (self.damping.max(f64::MIN_POSITIVE), 2.0);
        let mut iterations = 0;
        let stop = loop {
            at.linear = Linear::new(record, &at.params, &at.r, &mut largest);
            let Some(linear) = &at.linear else { break Stop::NotFinite };
            let gradient_norm = at.gradient_norm(linear);
            if at.is_stationary(linear, self.tolerance) {
                break self.polish(record, &mut at, &mut largest);
            }
            let found = loop {
                if iterations == self.max_iterations {
                    break Err(Stop::MaxIterations { gradient_norm });
                }
                if lambda > MOST_DAMPING {
                    break Err(Stop::NoProgress { gradient_norm });
                }
                iterations += 1;
                let trial = self.trial(record, &at.params, &at.r, linear, lambda);
                if let Some((params, r, gain)) = trial
                    && gain > ACCEPT
                {
                    let factor = (1.0 - (2.0 * gain - 1.0).powi(3)).max(1.0 / 3.0);
                    lambda = (lambda * factor).max(f64::MIN_POSITIVE);
                    growth = 2.0;
                    break Ok((params, r));
                }
                lambda *= growth;
                growth *= 2.0;
            };
            match found {
                Ok((params, r)) => (at.params, at.r) = (params, r),
                // The decrease may be lost in rounding where the gradient is not yet lost.
                Err(Stop::NoProgress { .. }) => break self.polish(record, &mut at, &mut largest),
                Err(stop) => break stop,
            }
        };
        finish(at, iterations, stop)
    }

    /// Takes steps of Gauss and Newton as long as they shorten the gradient: near the solution the sum of squares has no
    /// digits left to tell a step from the next, while the gradient still has half of its own. Returns the reason for
    /// stopping.
    fn polish(&self, record: Record, at: &mut Point, largest: &mut DVector<f64>) -> Stop {
        loop {
            let linear = at.linear.as_ref().expect("the point has a finite Jacobian");
            let gradient_norm = at.gradient_norm(linear);
            let next = (linear.inverse.is_some() && gradient_norm < NEAR)
                .then(|| linear.solve(&linear.z, 0.0))
                .flatten()
                .map(|step| {
                    let params = moved(&at.params, &step.component_div(&linear.scale));
                    let r = residuals(record, &params);
                    let linear = Linear::new(record, &params, &r, largest);
                    Point { params, r, linear }
                });
            if let Some(next) = next
                && let Some(new) = &next.linear
                && new.inverse.is_some()
                && new.projection < SHORTER * linear.projection
            {
                *at = next;
                continue;
            }
            return match (at.is_stationary(linear, self.tolerance), &linear.inverse) {
                (true, Some(_)) => Stop::Converged { gradient_norm },
                (true, None) => Stop::Singular { gradient_norm },
                (false, _) => Stop::NoProgress { gradient_norm },
            };
        }
    }

    /// A step with some damping: the parameters, the residuals, and the decrease of the sum of squares as a multiple
    /// of its prediction; `None` if the residuals are not finite there.
    fn trial(
        &self,
        record: Record,
        params: &[f64],
        r: &DVector<f64>,
        linear: &Linear,
        lambda: f64,
    ) -> Option<(Vec<f64>, DVector<f64>, f64)> {
        let mut step = linear.solve(&linear.z, lambda)?;
        let predicted = (&linear.r * &step).norm_squared() + 2.0 * lambda * step.norm_squared();
        if self.geodesic {
            let velocity = step.component_div(&linear.scale);
            let bend = curvature(record, params, &velocity);
            let acceleration = linear.solve(&linear.rotate(&(bend * -0.5)), lambda)?;
            let ratio = 2.0 * acceleration.norm() / step.norm();
            if ratio > MOST_ACCELERATION || ratio.is_nan() {
                return None;
            }
            step += acceleration;
        }
        let step = step.component_div(&linear.scale);
        let next = moved(params, &step);
        let next_r = residuals(record, &next);
        assert_eq!(next_r.len(), r.len(), "levenberg-marquardt: the number of residuals changed");
        // The difference of the squares without their rounding.
        let decrease: f64 = r.iter().zip(&next_r).map(|(r, n)| (r - n) * (r + n)).sum();
        let gain = decrease / predicted;
        gain.is_finite().then_some((next, next_r, gain))
    }
}

/// The statistics of a fit.
fn finish(at: Point, iterations: usize, stop: Stop) -> LeastSquares {
    let Point { params, r, linear } = at;
    let p = params.len();
    let sum_of_squares = r.norm_squared();
    let variance = match r.len() > p {
        true => sum_of_squares / (r.len() - p) as f64,
        false => f64::NAN,
    };
    let covariance = match linear.and_then(|linear| Some((linear.inverse?, linear.scale))) {
        Some((mut inverse, scale)) => {
            // J = Q R D, so that (JᵀJ)⁻¹ = D⁻¹ R⁻¹ R⁻ᵀ D⁻¹.
            for j in 0..p {
                inverse.row_mut(j).unscale_mut(scale[j]);
            }
            &inverse * inverse.transpose() * variance
        }
        None => DMatrix::from_element(p, p, f64::NAN),
    };
    LeastSquares {
        std_errors: (0..p).map(|j| covariance[(j, j)].sqrt()).collect(),
        covariance: covariance.as_slice().to_vec(),
        residuals: r.as_slice().to_vec(),
        std_dev: variance.sqrt(),
        params,
        sum_of_squares,
        iterations,
        stop,
    }
}
