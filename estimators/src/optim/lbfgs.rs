//! L-BFGS (Liu and Nocedal 1989): a quasi-Newton method of limited memory.

use super::Stop;
use super::line_search::{Trial, search};
use std::collections::VecDeque;

/// L-BFGS for smooth functions without noise: the inverse Hessian is built from the last `history` steps
/// $s = x' - x$ and changes of the gradient $y = \nabla f(x') - \nabla f(x)$ by the two-loop recursion (Nocedal and
/// Wright 2006, algorithm 7.4), and the length of a step fulfils the strong Wolfe conditions.
///
/// The gradients of this library are of quantities to be maximised, and so [`LBfgs::maximize`] stands beside
/// [`LBfgs::minimize`], which many functions of the literature are written for. Both call the function with a point and
/// a slice for its gradient and take its value.
///
/// A function may be infinite or NaN outside its domain: a step that ends there is shortened. The method never reports
/// `Converged` unless the largest component of the gradient is at most `gradient_tolerance`. For a value near
/// $|f|$ with curvature $h$, rounding limits the gradient to about $\sqrt{10^{-16} |f| h}$; a tolerance below it ends in
/// `NoProgress`.
///
/// ```
/// use pathscore_estimators::optim::LBfgs;
/// // Rosenbrock's valley
/// let found = LBfgs::default().minimize(&[-1.2, 1.0], |x, g| {
///     let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
///     g.copy_from_slice(&[-2.0 * a - 400.0 * x[0] * b, 200.0 * b]);
///     a * a + 100.0 * b * b
/// });
/// assert!(found.stop.converged());
/// assert!(found.x.iter().all(|x| (x - 1.0).abs() < 1e-7));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LBfgs {
    /// The number of steps that the inverse Hessian is built from.
    pub history: usize,
    /// The most iterations, each a line search.
    pub max_iterations: usize,
    /// The largest component of a gradient that counts as zero.
    pub gradient_tolerance: f64,
}

impl Default for LBfgs {
    fn default() -> Self {
        Self { history: 10, max_iterations: 1000, gradient_tolerance: 1e-8 }
    }
}

/// The result of [`LBfgs`].
///
/// ```
/// use pathscore_estimators::optim::LBfgs;
/// let found = LBfgs::default().maximize(&[0.0], |x, g| {
///     g[0] = 2.0 * (3.0 - x[0]);
///     7.0 - (x[0] - 3.0).powi(2)
/// });
/// assert!(found.stop.converged() && (found.x[0] - 3.0).abs() < 1e-8);
/// assert!((found.value - 7.0).abs() < 1e-15 && found.evaluations < 10);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Optimum {
    /// The best point.
    pub x: Vec<f64>,
    /// The value there.
    pub value: f64,
    /// The gradient there.
    pub gradient: Vec<f64>,
    /// The number of steps taken.
    pub iterations: usize,
    /// The number of calls of the function.
    pub evaluations: usize,
    /// The reason why the search stopped; the norm is that of the largest component.
    pub stop: Stop,
}

/// A step and the change of the gradient along it.
struct Pair {
    s: Vec<f64>,
    y: Vec<f64>,
    /// $1 / s^\top y$.
    rho: f64,
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// $x + c y$.
fn plus(x: &[f64], c: f64, y: &[f64]) -> Vec<f64> {
    x.iter().zip(y).map(|(x, y)| x + c * y).collect()
}

fn largest(g: &[f64]) -> f64 {
    // `f64::max` would drop a NaN.
    g.iter().fold(0.0, |most, g| if g.abs() <= most { most } else { g.abs() })
}

/// The two-loop recursion: $-H g$, where $H$ is built from the pairs upon $s^\top y / y^\top y$ of the newest.
fn direction(pairs: &VecDeque<Pair>, g: &[f64]) -> Vec<f64> {
    let mut d: Vec<f64> = g.iter().map(|g| -g).collect();
    let mut alphas = Vec::with_capacity(pairs.len());
    for Pair { s, y, rho } in pairs.iter().rev() {
        let alpha = rho * dot(s, &d);
        d = plus(&d, -alpha, y);
        alphas.push(alpha);
    }
    if let Some(Pair { y, rho, .. }) = pairs.back() {
        let scale = 1.0 / (rho * dot(y, y));
        d.iter_mut().for_each(|d| *d *= scale);
    }
    for (Pair { s, y, rho }, alpha) in pairs.iter().zip(alphas.into_iter().rev()) {
        d = plus(&d, alpha - rho * dot(y, &d), s);
    }
    d
}

impl LBfgs {
    /// Goes up from `start` to a point where the gradient of `f` is zero.
    ///
    /// `f` writes its gradient into its second argument and returns its value.
    pub fn maximize(&self, start: &[f64], mut f: impl FnMut(&[f64], &mut [f64]) -> f64) -> Optimum {
        let mut found = self.minimize(start, |x, g| {
            let value = f(x, g);
            g.iter_mut().for_each(|g| *g = -*g);
            -value
        });
        found.value = -found.value;
        found.gradient.iter_mut().for_each(|g| *g = -*g);
        found
    }

    /// Goes down from `start` to a point where the gradient of `f` is zero.
    ///
    /// `f` writes its gradient into its second argument and returns its value.
    pub fn minimize(&self, start: &[f64], mut f: impl FnMut(&[f64], &mut [f64]) -> f64) -> Optimum {
        let mut evaluations = 0;
        let mut evaluate = |x: &[f64]| {
            evaluations += 1;
            let mut g = vec![0.0; x.len()];
            let value = f(x, &mut g);
            (value, g)
        };
        let mut x = start.to_vec();
        let (mut value, mut gradient) = evaluate(&x);
        let mut pairs: VecDeque<Pair> = VecDeque::with_capacity(self.history);
        let mut iterations = 0;
        let stop = loop {
            let gradient_norm = largest(&gradient);
            if !(value.is_finite() && gradient_norm.is_finite()) {
                break Stop::NotFinite;
            }
            if gradient_norm <= self.gradient_tolerance {
                break Stop::Converged { gradient_norm };
            }
            if iterations == self.max_iterations {
                break Stop::MaxIterations { gradient_norm };
            }
            let mut d = direction(&pairs, &gradient);
            let mut slope = dot(&d, &gradient);
            if !(slope < 0.0 && slope.is_finite()) {
                pairs.clear();
                d = direction(&pairs, &gradient);
                slope = dot(&d, &gradient);
            }
            // Without a history the length of the gradient says nothing about that of the step.
            let first = if pairs.is_empty() { (1.0 / dot(&d, &d).sqrt()).min(1.0) } else { 1.0 };
            let mut there = (Vec::new(), Vec::new());
            let found = search(Trial { step: 0.0, value, slope }, first, &mut |step| {
                let x = plus(&x, step, &d);
                let (value, g) = evaluate(&x);
                let slope = dot(&d, &g);
                there = (x, g);
                Trial { step, value, slope }
            });
            let Some(trial) = found else {
                // A worn-out history may have led astray; the gradient itself is tried before giving up.
                if pairs.is_empty() {
                    break Stop::NoProgress { gradient_norm };
                }
                pairs.clear();
                continue;
            };
            let (new_x, new_gradient) = there;
            let (s, y) = (plus(&new_x, -1.0, &x), plus(&new_gradient, -1.0, &gradient));
            let curvature = dot(&s, &y);
            if curvature > f64::EPSILON * dot(&y, &y) {
                if pairs.len() == self.history {
                    pairs.pop_front();
                }
                if self.history > 0 {
                    pairs.push_back(Pair { s, y, rho: 1.0 / curvature });
                }
            }
            (x, value, gradient) = (new_x, trial.value, new_gradient);
            iterations += 1;
        };
        Optimum { x, value, gradient, iterations, evaluations, stop }
    }
}
