//! Targets with known moments.

use pathscore_autodiff::Var;
use pathscore_estimators::samplers::{Constrained, Differentiable, Draws, FromTape, Parts};
use pathscore_models::dist::{Affine, Bijection, Compose, Elementwise, StickBreaking};

type Function = Box<dyn Fn(&[f64]) -> f64>;

/// A function of a draw with its exact mean.
pub(super) struct Moment {
    name: String,
    function: Function,
    exact: f64,
}

pub(super) fn moment(
    name: impl Into<String>,
    exact: f64,
    function: impl Fn(&[f64]) -> f64 + 'static,
) -> Moment {
    Moment { name: name.into(), function: Box::new(function), exact }
}

/// The largest distance of a mean of draws from the exact mean, in Monte Carlo standard errors, and the moment's name.
/// A mean without an error is infinitely far away.
pub(super) fn worst(draws: &Draws, moments: &[Moment]) -> (f64, String) {
    let mut worst = (0.0, String::new());
    for Moment { name, function, exact } in moments {
        let estimate = draws.estimate(function);
        let z = (estimate.mean - exact).abs() / estimate.standard_error;
        let z = if z.is_nan() { f64::INFINITY } else { z };
        if z > worst.0 {
            let (mean, ess) = (estimate.mean, estimate.ess);
            worst = (z, format!("{name} is {mean}, not {exact}, at {z:.2} errors, ess {ess:.0}"));
        }
    }
    worst
}

/// A stationary autoregression: normal, of means $i/10$, variances one and correlations $\rho^{|i-j|}$.
pub(super) fn autoregression(dim: usize, rho: f64) -> impl Differentiable + Sync {
    FromTape::new(dim, move |x| {
        let mu: Vec<f64> = (0..dim).map(|i| 0.1 * i as f64).collect();
        let z = x - x.tape().constant(&mu, [dim]);
        let steps = z.slice(-1, 1..dim) - z.slice(-1, 0..dim - 1) * rho;
        let rest = steps.sum_squares(-1) / (1.0 - rho * rho);
        (z.slice(-1, 0..1).sum_squares(-1) + rest) * -0.5
    })
}

pub(super) fn moments_of_autoregression(dim: usize, rho: f64) -> Vec<Moment> {
    let mu = |i: usize| 0.1 * i as f64;
    let means = (0..dim).map(|i| moment(format!("x{i}"), mu(i), move |x| x[i]));
    let squares =
        (0..dim).map(|i| moment(format!("x{i}²"), 1.0 + mu(i) * mu(i), move |x| x[i] * x[i]));
    let products = (1..dim).map(|i| {
        let exact = rho + mu(i) * mu(i - 1);
        moment(format!("x{} x{i}", i - 1), exact, move |x| x[i] * x[i - 1])
    });
    means.chain(squares).chain(products).collect()
}

/// Student's distribution of three dimensions with ten degrees of freedom.
pub(super) fn student() -> impl Differentiable + Sync {
    FromTape::new(3, |x| (x.sum_squares(-1) * 0.1 + 1.0).ln() * -6.5)
}

/// The variances are $10/8$, and coordinates are uncorrelated.
pub(super) fn moments_of_student() -> Vec<Moment> {
    let means = (0..3).map(|i| moment(format!("x{i}"), 0.0, move |x| x[i]));
    let squares = (0..3).map(|i| moment(format!("x{i}²"), 1.25, move |x| x[i] * x[i]));
    means.chain(squares).chain([moment("x0 x1", 0.0, |x| x[0] * x[1])]).collect()
}

/// $\mathrm{Gamma}(3, 2)$, $\mathrm{Beta}(2, 3)$, $-1 + 4 \mathrm{Beta}(2, 2)$ and $\mathrm{Dirichlet}(2, 3, 4)$.
fn log_prob(y: Var<'_, f64>) -> Var<'_, f64> {
    let [g, b, c] = [0, 1, 2].map(|i| y.slice(-1, i..i + 1));
    let powers = y.tape().constant(&[1.0, 2.0, 3.0], [3]);
    let gamma = g.ln() * 2.0 - g * 2.0;
    let beta = b.ln() + (-b).ln_1p() * 2.0;
    let scaled = (c + 1.0).ln() + (-c + 3.0).ln();
    (gamma + beta + scaled).sum() + (powers * y.slice(-1, 3..6).ln()).sum()
}

/// Gamma by the exponential function, two beta distributions by sigmoids, and weights by a broken stick.
fn parts<'t>(x: &mut Parts<'t>) -> Var<'t, f64> {
    let (loc, scale) = (x.tape().constant(&[-1.0], [1]), x.tape().constant(&[4.0], [1]));
    let interval = Compose(Elementwise::Sigmoid, Affine::new_unchecked(loc, scale));
    let positive = x.next(1, Elementwise::Exp);
    let unit = x.next(1, Elementwise::Sigmoid);
    Var::concat(&[positive, unit, x.next(1, interval), x.next(2, StickBreaking)], -1)
}

pub(super) fn bounded() -> impl Differentiable + Sync {
    Constrained::new(5, parts, log_prob)
}

/// A mistake: the density of $y$ is taken for the density of $x$.
pub(super) fn without_jacobian() -> impl Differentiable + Sync {
    FromTape::new(5, |x| {
        let [g, b, c] = [0, 1, 2].map(|i| x.slice(-1, i..i + 1));
        let weights = StickBreaking.forward(x.slice(-1, 3..5));
        log_prob(Var::concat(&[g.exp(), b.sigmoid(), c.sigmoid() * 4.0 - 1.0, weights], -1))
    })
}

/// The constrained value of a draw, written out: independent of the bijections.
fn constrained(x: &[f64]) -> [f64; 6] {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let (first, rest) = (sigmoid(x[3] - 2_f64.ln()), sigmoid(x[4]));
    let second = (1.0 - first) * rest;
    [
        x[0].exp(),
        sigmoid(x[1]),
        -1.0 + 4.0 * sigmoid(x[2]),
        first,
        second,
        (1.0 - first) * (1.0 - rest),
    ]
}

pub(super) fn moments_of_bounded() -> Vec<Moment> {
    let first = [1.5, 0.4, 1.0, 2.0 / 9.0, 3.0 / 9.0, 4.0 / 9.0];
    // Of Dirichlet(α) with sum 9: α(α + 1)/90. Of −1 + 4 Beta(2, 2): 1 + 16/20.
    let second = [3.0, 0.2, 1.8, 6.0 / 90.0, 12.0 / 90.0, 20.0 / 90.0];
    let means = (0..6).map(|i| moment(format!("y{i}"), first[i], move |x| constrained(x)[i]));
    let squares = (0..6).map(|i| {
        moment(format!("y{i}²"), second[i], move |x| constrained(x)[i] * constrained(x)[i])
    });
    // Independent parts are uncorrelated, and those of the simplex are not: α_i α_j / 90.
    let products = [
        moment("y0 y1", 0.6, |x| constrained(x)[0] * constrained(x)[1]),
        moment("y3 y5", 8.0 / 90.0, |x| constrained(x)[3] * constrained(x)[5]),
    ];
    means.chain(squares).chain(products).collect()
}
