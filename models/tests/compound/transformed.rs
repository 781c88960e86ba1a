//! Distributions of functions of random variables.

use super::leaf;
use crate::{SEED, rng};
use pathscore_autodiff::{Tape, Tensor, Var, check};
use pathscore_models::dist::*;

/// Thirteen tests in this folder at this rate give a false alarm with probability 10⁻⁵ under a new seed.
const FALSE_ALARMS: f64 = 1e-6;

fn normal<'t>(tape: &'t Tape<f64>, loc: &[f64], scale: f64) -> Normal<'t, f64> {
    Normal::from_scale(leaf(tape, loc), leaf(tape, &[scale])).unwrap()
}

/// The midpoints of `n` equal parts of an interval. For smooth functions that vanish at both ends the error of the rule
/// falls faster than any power of the step.
fn midpoints(a: f64, b: f64, n: usize) -> Vec<f64> {
    (0..n).map(|i| a + (b - a) * (i as f64 + 0.5) / n as f64).collect()
}

#[test]
fn densities_of_rows_integrate_to_one() {
    let tape = Tape::new();
    // Over y_0 and the fraction v that y_1 takes of the rest, so that dy_1 = (1 − y_0) dv.
    let q = Transformed::new(normal(&tape, &[0.3, -0.5], 0.8), StickBreaking);
    let (fractions, n) = (midpoints(0.0, 1.0, 400), 400.0);
    let points = fractions.iter().flat_map(|&u| {
        fractions.iter().flat_map(move |&v| [u, (1.0 - u) * v, (1.0 - u) * (1.0 - v)])
    });
    let points: Vec<f64> = points.collect();
    let density = q.log_prob(tape.constant(&points, [points.len() / 3, 3])).value();
    let total =
        density.values().iter().zip(points.chunks(3)).map(|(log, y)| log.exp() * (1.0 - y[0]));
    let total = total.sum::<f64>() / (n * n);
    assert!((total - 1.0).abs() < 1e-10, "stick-breaking: {total}");

    // Over y_0 and the logarithm of the step, d(step) = step d(ln step).
    let q = Transformed::new(normal(&tape, &[0.3, -0.5], 0.8), Ordered);
    let (starts, steps) = (midpoints(-9.0, 9.0, 200), midpoints(-10.0, 9.0, 200));
    let points: Vec<[f64; 2]> =
        starts.iter().flat_map(|&y| steps.iter().map(move |s| [y, s.exp()])).collect();
    let flat: Vec<f64> = points.iter().flat_map(|[y, step]| [*y, y + step]).collect();
    let density = q.log_prob(tape.constant(&flat, [points.len(), 2])).value();
    let total = density.values().iter().zip(&points).map(|(log, [_, step])| log.exp() * step);
    let total = total.sum::<f64>() * (18.0 / 200.0) * (19.0 / 200.0);
    // Steps of e⁻¹⁰ beside a start of nine have lost four digits.
    assert!((total - 1.0).abs() < 1e-10, "ordered: {total}");

    let q = Transformed::new(normal(&tape, &[0.3, -0.5, 0.1], 0.8), CholeskyFactor);
    let grid = midpoints(-8.0, 8.0, 60);
    let mut points = Vec::new();
    for a in &grid {
        for b in &grid {
            points.extend(grid.iter().flat_map(|c| [a.exp(), 0.0, *b, c.exp()]));
        }
    }
    let density = q.log_prob(tape.constant(&points, [points.len() / 4, 2, 2])).value();
    let volumes = points.chunks(4).map(|l| l[0] * l[3]);
    let total = density.values().iter().zip(volumes).map(|(log, volume)| log.exp() * volume);
    let total = total.sum::<f64>() * (16.0 / 60.0_f64).powi(3);
    assert!((total - 1.0).abs() < 1e-10, "Cholesky factors: {total}");
}

#[test]
fn samples_of_rows_have_the_levels_of_the_base() {
    fn fit<'t>(tape: &'t Tape<f64>, loc: &[f64], map: impl Bijection<'t, f64>) {
        let base = normal(tape, loc, 0.8);
        let q = Transformed::new(base, map);
        let y = q.sample(50_000, &mut rng());
        assert!(!y.is_tracked());
        let levels = base.cdf(map.inverse(y)).value();
        for j in 0..loc.len() {
            let mut column: Vec<f64> =
                levels.values()[j..].iter().step_by(loc.len()).copied().collect();
            let fit = uniform_fit(&mut column);
            assert!(fit.passes(FALSE_ALARMS), "seed {SEED}: column {j}: {fit:?}");
        }
        // The density of a sample by its argument is the density by the inverse.
        let [y, log_prob] = q.rsample_and_log_prob(100, &mut rng());
        let again = q.log_prob(y).value();
        for (a, b) in log_prob.value().values().iter().zip(again.values()) {
            assert!((a - b).abs() < 1e-10, "{a} {b}");
        }
        let [same, constant] = q.sample_and_log_prob(100, &mut rng());
        assert_eq!((same.value(), constant.value()), (y.value(), log_prob.value()));
        assert!(y.is_tracked() && !same.is_tracked());
        // The shapes are those of a sample.
        assert_eq!(q.shapes().whole()[..], y.shape()[1..]);
    }
    let tape = Tape::new();
    fit(&tape, &[0.3, -0.5], StickBreaking);
    fit(&tape, &[0.3, -0.5], Ordered);
    fit(&tape, &[0.3, -0.5, 0.1], CholeskyFactor);
    fit(&tape, &[0.3, -0.5, 0.1], Compose(CholeskyFactor, Elementwise::Exp));
}

#[test]
fn scores_of_rows_have_mean_zero() {
    // By Gauss–Hermite-like midpoints over the base: the mean of the score of a transformed normal is exact in its variables.
    let tape = Tape::new();
    let grid = midpoints(-8.0, 8.0, 80);
    let eps: Vec<f64> = grid.iter().flat_map(|a| grid.iter().flat_map(move |b| [*a, *b])).collect();
    let eps = tape.constant(&eps, [grid.len() * grid.len(), 2]);
    let unit =
        Normal::from_scale(tape.constant(&[0.0], [1]), tape.constant(&[1.0; 2], [2])).unwrap();
    let weights = (unit.log_prob(eps).exp() * (16.0_f64 / 80.0).powi(2)).detach();
    assert!((weights.sum().item() - 1.0).abs() < 1e-12);
    let (loc, scale) = (leaf(&tape, &[0.3, -0.5]), leaf(&tape, &[0.8, 1.1]));
    let base = Normal::from_scale(loc, scale).unwrap();
    let score = |log_prob: Var<f64>| {
        let grads = (log_prob * weights).sum().backward();
        for (name, leaf) in [("loc", loc), ("scale", scale)] {
            let mean = grads.of(leaf);
            // Sums of 6400 terms of size one; what is cut off is below e⁻³².
            assert!(mean.values().iter().all(|g| g.abs() < 1e-10), "{name}: {mean:?}");
        }
    };
    let x = (loc + scale * eps).detach();
    score(Transformed::new(base, Ordered).log_prob(Ordered.forward(x)));
    // Away from the ends of the stick, where y has lost the digits of x.
    score(Transformed::new(base, StickBreaking).log_prob(StickBreaking.forward(x)));
}

#[test]
fn an_event_outside_the_image_has_probability_zero() {
    fn never<'t>(
        q: impl Distribution<'t, f64>,
        leaves: &[Var<'t, f64>],
        y: &[f64],
        shape: &[usize],
    ) {
        let y = q.detach().sample(1, &mut rng()).tape().leaf(y, shape);
        let log_prob = q.log_prob(y);
        assert_eq!(log_prob.value().values(), [f64::NEG_INFINITY], "{:?}", y.value());
        let grads = log_prob.sum().backward();
        for leaf in leaves.iter().chain([&y]) {
            let slopes = grads.of(*leaf);
            assert!(
                slopes.values().iter().all(|&slope| slope == 0.0),
                "{:?}: {slopes:?}",
                y.value()
            );
        }
    }
    let tape = Tape::new();
    let (loc, scale) = (leaf(&tape, &[0.3]), leaf(&tape, &[0.8]));
    let one = Normal::from_scale(loc, scale).unwrap();
    let inf = f64::INFINITY;
    for (map, outside) in [
        (Elementwise::Exp, [-1.0, 0.0, inf]),
        (Elementwise::Sigmoid, [-0.1, 1.0, 1.5]),
        (Elementwise::Softplus, [-inf, 0.0, inf]),
        (Elementwise::Tanh, [-1.0, 1.0, 7.0]),
    ] {
        for y in outside {
            never(Transformed::new(one, map), &[loc, scale], &[y], &[1]);
            let each = Transformed::new(one, map).log_prob_each(leaf(&tape, &[y]));
            assert_eq!(each.item(), -inf);
        }
        let nan = Transformed::new(one, map).log_prob(leaf(&tape, &[f64::NAN]));
        assert!(nan.item().is_nan(), "{map:?}");
    }
    let affine = Affine::new(loc, scale).unwrap();
    let chain = Compose(Compose(Elementwise::Exp, affine), Elementwise::Exp);
    // The image is the numbers above e^0.3.
    for y in [-1.0, 0.0, 1.0, 1.349, inf] {
        never(Transformed::new(one, chain), &[loc, scale], &[y], &[1]);
    }
    assert!(Transformed::new(one, chain).log_prob(leaf(&tape, &[1.351])).item().is_finite());
    let loc = leaf(&tape, &[0.3, 0.1, -0.2]);
    let three = Normal::from_scale(loc, scale).unwrap();
    for y in [[0.2, 0.3, 0.1, 0.3], [0.5, 0.0, 0.25, 0.25], [1.2, -0.2, 0.5, -0.5]] {
        never(Transformed::new(three, StickBreaking), &[loc, scale], &y, &[4]);
    }
    for y in [[0.0, 0.0, 1.0], [3.0, 2.0, 5.0], [0.0, 1.0, inf], [-inf, 0.0, 1.0]] {
        never(Transformed::new(three, Ordered), &[loc, scale], &y, &[3]);
    }
    for y in [[0.0, 0.0, 1.0, 1.0], [1.0, 0.5, 1.0, 1.0], [1.0, 0.0, 1.0, -2.0]] {
        never(Transformed::new(three, CholeskyFactor), &[loc, scale], &y, &[2, 2]);
    }
    // Where the base has no density, the transform has none.
    let waiting = Transformed::new(Exponential::new(scale).unwrap(), affine);
    never(waiting, &[scale], &[0.2], &[1]);
}

#[test]
fn saturated_samples_have_the_density_of_their_argument() {
    let tape = Tape::new();
    let loc = leaf(&tape, &[0.0]);
    let q = Transformed::new(
        Normal::from_scale(loc, leaf(&tape, &[200.0])).unwrap(),
        Elementwise::Tanh,
    );
    let [y, log_prob] = q.rsample_and_log_prob(1000, &mut rng());
    assert!(y.with(|y| y.iter().all(|y| y.abs() < 1.0)));
    // The density of tanh(x) is p(x)/(1 − y²), about p(x) e^{2|x|}/4.
    let x = q.base().sample(1000, &mut rng()).value();
    let base = q.base().log_prob(tape.constant(x.values(), [1000, 1])).value();
    for ((log_prob, base), x) in log_prob.value().values().iter().zip(base.values()).zip(x.values())
    {
        let slope = 4_f64.ln() - 2.0 * x.abs() - 2.0 * (-2.0 * x.abs()).exp().ln_1p();
        assert!((log_prob - (base - slope)).abs() < 1e-12 * (1.0 + x.abs()), "{x}: {log_prob}");
    }
    assert!(log_prob.sum().backward().of(loc).item().is_finite());
}

#[test]
fn derivatives_agree_with_finite_differences() {
    fn all<'t>(v: &[Var<'t, f64>]) -> Var<'t, f64> {
        let base = Normal::from_scale(v[0], v[1].exp()).unwrap();
        let affine = Affine::new(v[1], v[0] + 2.0).unwrap();
        let y = Elementwise::Sigmoid.forward(v[2]);
        let sigmoid = Transformed::new(base, Compose(affine, Elementwise::Sigmoid));
        let ordered = Transformed::new(base, Ordered);
        let simplex = Transformed::new(base, StickBreaking);
        let factor = Transformed::new(base, CholeskyFactor);
        let sum = sigmoid.log_prob(y) + ordered.log_prob(Ordered.forward(v[2])) * 1.3;
        let sum = sum + simplex.log_prob(StickBreaking.forward(v[2]));
        let sum = sum + factor.log_prob(CholeskyFactor.forward(v[2])).square();
        let path = sigmoid.rsample_and_log_prob(1, &mut rng());
        let scaled = Transformed::new(base, affine);
        sum + path[0].sum()
            + path[1].sum()
            + scaled.entropy().square()
            + scaled.cdf(v[2]).sum()
            + (scaled.mean() * scaled.variance()).sum()
    }
    let at: Vec<Tensor<f64>> = [[0.3, -0.2, 0.1], [0.1, -0.4, 0.2], [0.5, -0.6, 0.2]]
        .map(|values| Tensor::new(values.to_vec(), [3]))
        .to_vec();
    check::gradient(all, &at, check::Options::of::<f64>()).unwrap();
}

#[test]
fn parameters_and_events_broadcast() {
    let tape = Tape::new();
    let loc = tape.leaf(&[0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [2, 3]);
    let base = Normal::from_scale(loc, leaf(&tape, &[0.8])).unwrap();
    let affine = Affine::new(tape.leaf(&[0.5], []), leaf(&tape, &[1.0, -2.0, 3.0])).unwrap();
    let q = Transformed::new(base, Compose(affine, Elementwise::Exp));
    let x = leaf(&tape, &[0.7, 1.3, 2.0]);
    assert_eq!(
        (q.log_prob(x).shape()[..].to_vec(), q.log_prob_each(x).shape()[..].to_vec()),
        (vec![2], vec![2, 3])
    );
    let whole = q.log_prob(x.broadcast_to([2, 3])).value();
    assert_eq!(q.log_prob(x).value(), whole);
    // One number stands for three equal ones.
    let one = q.log_prob(leaf(&tape, &[1.3])).value();
    assert_eq!(one, q.log_prob(tape.constant(&[1.3; 6], [2, 3])).value());
    assert_eq!(q.sample(5, &mut rng()).shape()[..], [5, 2, 3]);
    // An event may be a single number.
    let base = Normal::from_scale(tape.leaf(&[0.0], []), tape.leaf(&[1.0], [])).unwrap();
    let q = Transformed::new(base, Elementwise::Exp);
    let log_prob = q.log_prob(leaf(&tape, &[1.0, 2.0]));
    assert_eq!(log_prob.shape()[..], [2]);
    assert!((log_prob.value().values()[0] + 0.5 * std::f64::consts::TAU.ln()).abs() < 1e-15);
    // The shapes that the trait reads off a sample are those that the distributions know.
    let known = crate::univariate::Only(q).shapes();
    assert_eq!(known, q.shapes());
    let base = Normal::from_scale(loc, leaf(&tape, &[0.8])).unwrap();
    assert_eq!(crate::univariate::Only(base).shapes(), base.shapes());
}

#[test]
fn a_map_that_decreases_turns_levels_round() {
    let tape = Tape::new();
    let base = Gamma::new(leaf(&tape, &[3.0]), leaf(&tape, &[0.7])).unwrap();
    let map = Affine::new(leaf(&tape, &[1.0]), leaf(&tape, &[-2.0])).unwrap();
    let q = Transformed::new(base, Compose(map, Elementwise::Exp));
    let levels = [0.0, 1e-6, 0.1, 0.5, 0.9, 1.0];
    let u = tape.leaf(&levels, [6, 1]);
    let x = q.quantile(u);
    let back = q.cdf(x).value();
    for (u, back) in levels.iter().zip(back.values()) {
        // One minus a level keeps the digits of one.
        assert!((u - back).abs() < 4e-15, "{u} {back}");
    }
    // The largest value is e¹, and the density is that of Γ at (1 − ln x)/2.
    assert_eq!(q.cdf(leaf(&tape, &[2.8])).item(), 1.0);
    let inner = x.slice(0, 2..5);
    let argument = (inner.ln() - 1.0) * -0.5;
    let expected = base.log_prob(argument) - (2.0 * inner).ln().reshape([3]);
    for (a, b) in q.log_prob(inner).value().values().iter().zip(expected.value().values()) {
        assert!((a - b).abs() < 1e-13, "{a} {b}");
    }
    let slopes = q.cdf(inner.detach() + u.slice(0, 2..5) * 0.0).sum().backward();
    assert!(slopes.of(u).values().iter().all(|slope| slope.is_finite()));
    let fit = cdf_fit(&q, 50_000, &mut rng());
    assert!(fit.passes(FALSE_ALARMS), "seed {SEED}: {fit:?}");
}

#[test]
fn a_divergence_is_that_of_the_base() {
    let tape = Tape::new();
    let (q, p) = (normal(&tape, &[0.3, -0.5], 0.8), normal(&tape, &[0.0, 0.1], 1.3));
    let [a, b] = [q, p].map(|base| Transformed::new(base, StickBreaking));
    assert_eq!(a.kl(&b).item(), q.kl(&p).item());
}

#[test]
#[should_panic(expected = "no closed form for the bijections Exp and Tanh")]
fn a_divergence_between_different_maps_is_refused() {
    let tape = Tape::new();
    let q = normal(&tape, &[0.3], 0.8);
    let _ = Transformed::new(q, Elementwise::Exp).kl(&Transformed::new(q, Elementwise::Tanh));
}

#[test]
#[should_panic(
    expected = "Affine: parameters of shape [3] do not broadcast to an argument of shape [1]"
)]
fn a_map_of_one_number_to_three_is_refused() {
    let tape = Tape::new();
    let affine = Affine::new(leaf(&tape, &[0.0]), leaf(&tape, &[1.0, 2.0, 3.0])).unwrap();
    let _ = Transformed::new(normal(&tape, &[0.3], 0.8), affine);
}

#[test]
#[should_panic(expected = "Transformed: the base has no density")]
fn a_discrete_base_is_refused() {
    let tape = Tape::new();
    let _ = Transformed::new(Poisson::from_rate(leaf(&tape, &[0.3])).unwrap(), Elementwise::Exp);
}

#[test]
#[should_panic(expected = "the bijection needs an event of 1 axes, and the base has 0")]
fn a_single_number_is_no_stick() {
    let tape = Tape::new();
    let (loc, scale) = (tape.leaf(&[0.0], []), tape.leaf(&[1.0], []));
    let _ = Transformed::new(Normal::from_scale(loc, scale).unwrap(), StickBreaking);
}

#[test]
fn a_scale_of_zero_is_refused() {
    let tape = Tape::new();
    let error = Affine::new(leaf(&tape, &[0.0]), leaf(&tape, &[1.0, 0.0])).unwrap_err();
    assert_eq!((error.parameter, error.index, error.constraint), ("scale", 1, Constraint::NonZero));
}

/// A sample without a path is a constant, and its score is the derivative of the log-density at that constant, also where
/// the map has parameters.
#[test]
fn the_score_of_a_sample_includes_the_parameters_of_the_map() {
    let tape = Tape::new();
    let (loc, scale) = (leaf(&tape, &[0.4, -0.2]), leaf(&tape, &[1.7, -0.6]));
    let affine = Affine::new(loc, scale).unwrap();
    fn check<'t>(q: impl Distribution<'t, f64>, parameters: &[Var<'t, f64>]) {
        let [y, log_prob] = q.sample_and_log_prob(5, &mut rng());
        let (found, expected) = (log_prob.sum().backward(), q.log_prob(y).sum().backward());
        for &parameter in parameters {
            let (found, expected) = (found.of(parameter), expected.of(parameter));
            for (a, b) in found.values().iter().zip(expected.values()) {
                // A few roundings of numbers below a hundred.
                assert!((a - b).abs() < 1e-11 && *b != 0.0, "{a} {b}");
            }
        }
    }
    check(Transformed::new(normal(&tape, &[0.3, -0.5], 0.8), affine), &[loc, scale]);
    let exp = Compose(affine, Elementwise::Exp);
    check(Transformed::new(normal(&tape, &[0.3, -0.5], 0.8), exp), &[loc, scale]);
}
