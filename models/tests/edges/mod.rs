//! Shapes, refused parameters, and the edges of supports and parameters.

#[allow(clippy::excessive_precision, reason = "the digits of the source")]
mod extremes;
mod large;
mod range;
#[allow(clippy::excessive_precision, reason = "the digits of the source")]
mod truncated;

use super::rng;
use pathscore_autodiff::{Real, Scalar, Shape, Tape, Var};
use pathscore_models::dist::{
    Bernoulli, Beta, Categorical, Constraint, Coordinates, Dirichlet, Distribution, Entropy,
    Exponential, Gamma, Kl, Laplace, LogNormal, Normal, ParameterError, Poisson, Reparam, StudentT,
    VonMises,
};
use proptest::prelude::*;
use std::f64::consts::TAU;

/// The shapes of two parameters, and the shape to which they broadcast: some axes of each are shortened to one, and some
/// leading axes of each are left out.
fn shapes() -> impl Strategy<Value = [Vec<usize>; 3]> {
    let axis = (1..4_usize, 0..3_u8);
    (prop::collection::vec(axis, 0..4), 0..4_usize, 0..2_usize).prop_map(|(axes, cut, whose)| {
        let whole: Vec<usize> = axes.iter().map(|&(length, _)| length).collect();
        let short = |which: u8| {
            let length = |&(length, one): &(usize, u8)| if one == which { 1 } else { length };
            axes.iter().map(length).collect::<Vec<_>>()
        };
        let mut both = [short(1), short(2)];
        let cut = cut.min(whole.len());
        both[whose].drain(..cut);
        let [a, b] = both;
        let whole = Shape::broadcast(&a, &b).expect("axes of length one are repeated").to_vec();
        [a, b, whole]
    })
}

/// A parameter of this shape with positive numbers that differ.
fn numbers<'t>(tape: &'t Tape<f64>, shape: &[usize], first: f64) -> Var<'t, f64> {
    let size: usize = shape.iter().product();
    let values: Vec<f64> = (0..size).map(|i| first + 0.1 * i as f64).collect();
    tape.leaf(&values, shape)
}

/// The distribution of two parameters is the one with both parameters repeated beforehand.
fn assert_broadcasts<'t, D: Reparam<'t, f64> + Coordinates<'t, f64> + Entropy<'t, f64>>(
    tape: &'t Tape<f64>,
    [a, b, whole]: &[Vec<usize>; 3],
    make: impl Fn(Var<'t, f64>, Var<'t, f64>) -> D,
) {
    let (p, q) = (numbers(tape, a, 0.7), numbers(tape, b, 1.3));
    let short = make(p, q);
    let long = make(p.broadcast_to(&whole[..]), q.broadcast_to(&whole[..]));
    let x = short.sample(2, &mut rng());
    assert_eq!(x.shape()[1..], whole[..], "the shape of a sample");
    assert_eq!(x.value(), long.sample(2, &mut rng()).value());
    assert_eq!(x.value(), short.rsample(2, &mut rng()).value());
    let event = &whole[..whole.len().saturating_sub(1)];
    let log_prob = short.log_prob(x);
    assert_eq!(log_prob.shape()[1..], *event, "the shape of a log-density");
    assert_eq!(log_prob.value(), long.log_prob(x).value());
    assert_eq!(short.log_prob_each(x).shape(), x.shape());
    assert_eq!(short.entropy().shape()[..], *event, "the shape of an entropy");
    assert_eq!(short.entropy().value(), long.entropy().value());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn parameters_broadcast_against_each_other(of in shapes()) {
        let tape = Tape::new();
        assert_broadcasts(&tape, &of, |p, q| Normal::from_scale(p, q).unwrap());
        assert_broadcasts(&tape, &of, |p, q| LogNormal::new(p, q).unwrap());
        assert_broadcasts(&tape, &of, |p, q| Laplace::new(p, q).unwrap());
        assert_broadcasts(&tape, &of, |p, q| Gamma::new(p, q).unwrap());
        assert_broadcasts(&tape, &of, |p, q| Beta::new(p, q).unwrap());
        assert_broadcasts(&tape, &of, |p, q| StudentT::new(p, q, q).unwrap());
        assert_broadcasts(&tape, &of, |p, q| StudentT::new(p, p, q).unwrap());
        assert_broadcasts(&tape, &of, |p, q| VonMises::new(p, q).unwrap());
        assert_broadcasts(&tape, &of, |p, _| Exponential::new(p + numbers(&tape, &of[2], 0.0)).unwrap());
    }
}

#[test]
fn three_coordinates_with_one_mean_are_three_numbers() {
    let tape = Tape::new();
    let (loc, scale) = (tape.leaf(&[0.0], [1]), tape.leaf(&[1.0, 2.0, 3.0], [3]));
    let q = Normal::from_scale(loc, scale).unwrap();
    let draws = q.sample(1, &mut rng()).value();
    assert_eq!(draws.shape()[..], [1, 3]);
    assert!(draws.values()[0] != draws.values()[1]);
    let expected = 3.0 * (0.5 + 0.5 * TAU.ln()) + 6_f64.ln();
    assert!((q.entropy().item() - expected).abs() < 1e-14);
}

#[test]
fn events_broadcast_against_parameters() {
    let tape = Tape::new();
    let loc = tape.leaf(&[0.1, 0.2, 0.3], [3, 1]);
    let x = tape.constant(&[0.5, 1.0], [2, 1, 1]);
    let long = x.broadcast_to([2, 3, 1]);
    let q = Normal::from_log_scale(loc, loc).unwrap();
    assert_eq!(q.log_prob(x).value(), q.log_prob(long).value());
    assert_eq!(q.log_prob_each(x).value(), q.log_prob_each(long).value());
    let q = Bernoulli::from_logits_unchecked(loc);
    assert_eq!(q.log_prob(x).value(), q.log_prob(long).value());
    assert_eq!(q.log_prob_each(x).value(), q.log_prob_each(long).value());
}

#[test]
#[should_panic(expected = "Gamma: parameters of shapes [2] and [3] do not broadcast")]
fn shapes_that_do_not_broadcast_are_refused() {
    let tape = Tape::new();
    let _ = Gamma::new(tape.leaf(&[1.0; 2], [2]), tape.leaf(&[1.0; 3], [3]));
}

#[test]
fn an_event_may_be_a_single_number() {
    let tape = Tape::new();
    let of = |c: f64| tape.leaf(&[c], []);
    let (q, p) = (
        Normal::from_scale(of(0.5), of(2.0)).unwrap(),
        Normal::from_scale(of(0.0), of(1.0)).unwrap(),
    );
    let x = q.sample(4, &mut rng());
    assert_eq!((x.shape()[..].to_vec(), q.log_prob(x).shape()[..].to_vec()), (vec![4], vec![4]));
    assert!((q.kl(&p).item() - (0.5 * (4.0 + 0.25 - 1.0) - 2_f64.ln())).abs() < 1e-15);
    let bit = Bernoulli::from_logits(of(0.3)).unwrap();
    assert_eq!(bit.log_prob(bit.sample(4, &mut rng())).shape()[..], [4]);
    assert!(bit.entropy().shape().is_empty() && bit.kl(&bit).item() == 0.0);
    let bit = Bernoulli::from_logits_unchecked(of(0.3));
    assert_eq!(bit.log_prob(tape.constant(&[1.0, 0.0], [2])).shape()[..], [2]);
    let counts = Poisson::from_rate(of(0.3)).unwrap();
    assert_eq!(counts.log_prob(counts.sample(4, &mut rng())).shape()[..], [4]);
    assert!(counts.kl(&counts).shape().is_empty());
}

#[track_caller]
fn assert_refused<D: std::fmt::Debug>(
    made: Result<D, ParameterError>,
    parameter: &str,
    index: usize,
    constraint: Constraint,
) {
    let error = made.expect_err("the parameters are out of range");
    assert_eq!((error.parameter, error.index, error.constraint), (parameter, index, constraint));
}

#[test]
fn parameters_out_of_range_are_refused_by_name_and_place() {
    use Constraint::{
        Finite, LogOdds, LogRate, LogWeights, NonNegative, Positive, Probability, Weights,
    };
    let tape = Tape::new();
    let of = |values: &[f64]| tape.leaf(values, [values.len()]);
    let (nan, inf) = (f64::NAN, f64::INFINITY);
    let good = of(&[1.0, 1.0]);
    assert_refused(Normal::from_scale(of(&[0.0, nan]), good), "loc", 1, Finite);
    assert_refused(Normal::from_scale(good, of(&[1.0, 0.0])), "scale", 1, Positive);
    assert_refused(Normal::from_log_scale(good, of(&[-inf, 0.0])), "log_scale", 0, Finite);
    assert_refused(Exponential::new(of(&[-1.0])), "rate", 0, Positive);
    assert_refused(Gamma::new(of(&[1.0, 2.0, nan]), of(&[1.0])), "concentration", 2, Positive);
    assert_refused(Beta::new(good, of(&[0.0])), "b", 0, Positive);
    assert_refused(StudentT::new(of(&[inf]), good, good), "freedom", 0, Positive);
    assert_refused(VonMises::new(good, of(&[-0.1])), "concentration", 0, NonNegative);
    assert_refused(Dirichlet::new(of(&[1.0, 0.0])), "concentration", 1, Positive);
    assert_refused(Bernoulli::from_logits(of(&[nan])), "logits", 0, LogOdds);
    assert_refused(Bernoulli::from_probs(of(&[0.0, 1.1])), "probs", 1, Probability);
    assert_refused(Poisson::from_log_rate(of(&[inf])), "log_rate", 0, LogRate);
    assert_refused(Poisson::from_rate(of(&[-1.0])), "rate", 0, NonNegative);
    assert_refused(Categorical::from_logits(of(&[inf, 0.0])), "logits", 0, LogWeights);
    assert_refused(Categorical::from_probs(of(&[0.5, -0.5])), "weights", 1, Weights);
    // The second row of three has no class that is possible.
    let rows = |c: f64| tape.leaf(&[1.0, 0.0, c, c], [2, 2]);
    assert_refused(Categorical::from_probs(rows(0.0)), "weights", 2, Weights);
    assert_refused(Categorical::from_logits(rows(-inf)), "logits", 2, LogWeights);
    // Infinite log-odds, a rate of zero and weights that are partly zero are allowed.
    Bernoulli::from_logits(of(&[inf, -inf])).unwrap();
    Poisson::from_rate(of(&[0.0])).unwrap();
    Categorical::from_logits(of(&[-inf, 0.0])).unwrap();
}

/// The value and the derivatives with respect to every leaf.
fn value_and_slopes<const N: usize>(
    at: [f64; N],
    f: impl for<'t> Fn([Var<'t, f64>; N]) -> Var<'t, f64>,
) -> (f64, [f64; N]) {
    let tape = Tape::new();
    let leaves = at.map(|c| tape.leaf(&[c], [1]));
    let y = f(leaves);
    let grads = y.sum().backward();
    (y.item(), leaves.map(|leaf| grads.of(leaf).item()))
}

#[test]
fn outside_its_support_a_log_density_is_minus_infinity_with_zero_gradient() {
    let never = |(value, slopes): (f64, [f64; 3])| {
        assert_eq!((value, slopes), (f64::NEG_INFINITY, [0.0; 3]));
    };
    for x in [-1.0, -1e-300, f64::NEG_INFINITY, f64::INFINITY] {
        never(value_and_slopes([2.0, 1.0, x], |[a, _, x]| {
            Exponential::new(a).unwrap().log_prob(x)
        }));
        never(value_and_slopes([2.0, 3.0, x], |[a, b, x]| Gamma::new(a, b).unwrap().log_prob(x)));
        never(value_and_slopes([2.0, 3.0, x], |[a, b, x]| {
            LogNormal::new(a, b).unwrap().log_prob(x)
        }));
        never(value_and_slopes([2.0, 3.0, x], |[a, b, x]| Beta::new(a, b).unwrap().log_prob(x)));
        never(value_and_slopes([2.0, 1.0, x], |[a, _, x]| {
            Poisson::from_rate(a).unwrap().log_prob(x)
        }));
        never(value_and_slopes([2.0, 1.0, x], |[a, _, x]| {
            Bernoulli::from_logits(a).unwrap().log_prob(x)
        }));
    }
    never(value_and_slopes([2.0, 3.0, 1.5], |[a, b, x]| Beta::new(a, b).unwrap().log_prob(x)));
    never(value_and_slopes([2.0, 1.0, 1.5], |[a, _, x]| {
        Poisson::from_rate(a).unwrap().log_prob(x)
    }));
    never(value_and_slopes([2.0, 1.0, 0.5], |[a, _, x]| {
        Bernoulli::from_logits(a).unwrap().log_prob(x)
    }));
    // A log-density of NaN is NaN, not minus infinity.
    let (value, _) =
        value_and_slopes([2.0, f64::NAN], |[a, x]| Exponential::new(a).unwrap().log_prob(x));
    assert!(value.is_nan());
}

#[test]
fn a_row_off_the_simplex_or_not_one_hot_has_probability_zero() {
    let tape = Tape::new();
    let shares = Dirichlet::new(tape.leaf(&[1.5, 2.0, 0.5], [3])).unwrap();
    let rows = [0.2, 0.3, 0.6, -0.1, 0.6, 0.5, 0.2, 0.3, 0.5];
    let log_prob = shares.log_prob(tape.constant(&rows, [3, 3])).value();
    assert!(log_prob.values()[..2] == [f64::NEG_INFINITY; 2] && log_prob.values()[2].is_finite());
    let choice = Categorical::from_logits(tape.leaf(&[0.1, 0.2, 0.3], [3])).unwrap();
    let rows = [1.0, 1.0, 0.0, 0.5, 0.5, 0.0, 0.0, 0.0, 0.0, 2.0, -1.0, 0.0];
    let log_prob = choice.log_prob(tape.leaf(&rows, [4, 3]));
    assert_eq!(log_prob.value().values(), [f64::NEG_INFINITY; 4]);
    assert!(log_prob.sum().backward().leading(6).iter().all(|&slope| slope == 0.0));
}

#[test]
fn impossible_values_add_nothing() {
    let inf = f64::INFINITY;
    let tape = Tape::new();
    let of = |values: &[f64]| tape.leaf(values, [values.len()]);
    let all_finite = |y: Var<f64>, leaf: Var<f64>| {
        let slopes = y.sum().backward().of(leaf);
        assert!(slopes.values().iter().all(|slope| slope.is_finite()), "{slopes:?}");
    };
    let eta = of(&[0.0, -inf, 0.0]);
    let other = of(&[0.0, 1.0, 0.0]);
    let (q, p) = (Categorical::from_logits(eta).unwrap(), Categorical::from_logits(other).unwrap());
    assert!((q.entropy().item() - 2_f64.ln()).abs() < 1e-15);
    all_finite(q.entropy(), eta);
    // ln ½ − ln 1/(2 + e).
    assert!((q.kl(&p).item() - (0.5 * (2.0 + 1_f64.exp())).ln()).abs() < 1e-15);
    all_finite(q.kl(&p), eta);
    assert_eq!((q.kl(&q).item(), p.kl(&q).item()), (0.0, inf));
    assert_eq!(q.log_prob(tape.constant(&[0.0, 1.0, 0.0], [3])).item(), -inf);

    for (at, one, zero) in [(inf, 0.0, -inf), (-inf, -inf, 0.0)] {
        let eta = of(&[at]);
        let q = Bernoulli::from_logits(eta).unwrap();
        let log_prob = q.log_prob(tape.constant(&[1.0, 0.0], [2, 1])).value();
        assert_eq!((log_prob.values(), q.entropy().item()), (&[one, zero][..], 0.0));
        assert_eq!(
            (q.kl(&q).item(), q.kl(&Bernoulli::from_logits(of(&[0.0])).unwrap()).item()),
            (0.0, 2_f64.ln())
        );
        assert_eq!(Bernoulli::from_logits(of(&[0.0])).unwrap().kl(&q).item(), inf);
        all_finite(q.entropy(), eta);
        all_finite(q.kl(&Bernoulli::from_logits(of(&[0.0])).unwrap()), eta);
    }

    let zero = of(&[-inf]);
    let none = Poisson::from_log_rate(zero).unwrap();
    let log_prob = none.log_prob(tape.constant(&[0.0, 2.0], [2, 1]));
    assert_eq!(log_prob.value().values(), [0.0, -inf]);
    all_finite(log_prob, zero);
    assert_eq!(none.sample(3, &mut rng()).value().values(), [0.0; 3]);
    let some = Poisson::from_rate(of(&[2.5])).unwrap();
    assert_eq!(
        (none.kl(&none).item(), none.kl(&some).item(), some.kl(&none).item()),
        (0.0, 2.5, inf)
    );
}

#[test]
fn the_slope_of_a_sure_bit_keeps_its_digits() {
    for eta in [40.0, 100.0, 700.0] {
        let (_, [slope]) = value_and_slopes([eta], |[eta]| {
            let x = eta.constant(1.0);
            Bernoulli::from_logits(eta).unwrap().log_prob(x.reshape([1]))
        });
        let expected = Real::sigmoid(-eta);
        assert!((slope / expected - 1.0).abs() < 1e-14, "{eta}: {slope}, not {expected}");
    }
}

#[test]
fn a_von_mises_density_without_concentration_has_its_derivatives() {
    let tape = Tape::new();
    let kappa = tape.leaf(&[0.0], [1]);
    for t in [0.0_f64, 0.7, 2.0, -3.0] {
        let log_prob = VonMises::new(tape.constant(&[0.0], [1]), kappa).unwrap();
        let log_prob = log_prob.log_prob(tape.constant(&[t], [1]));
        let slope = log_prob.grad(&[kappa])[0];
        assert!((slope.item() - t.cos()).abs() < 1e-15, "{t}: {}", slope.item());
        assert!((log_prob.backward().of(kappa).item() - t.cos()).abs() < 1e-15);
        // ln I₀ has the second derivative one half at zero.
        assert!((slope.grad(&[kappa])[0].item() + 0.5).abs() < 1e-15);
    }
}

#[test]
fn a_student_density_does_not_overflow() {
    for t in [1e100, 1e155, 1e200, -1e300] {
        let (value, slopes) = value_and_slopes([3.0, 0.0, 2.0, t], |[nu, mu, sigma, x]| {
            StudentT::new(nu, mu, sigma).unwrap().log_prob(x)
        });
        // With t = x/σ the density tends to c t⁻⁴/σ, where c = Γ(2)/(√(3π) Γ(3/2)) · 3².
        let c: f64 =
            9.0 / ((3.0 * std::f64::consts::PI).sqrt() * (std::f64::consts::PI.sqrt() / 2.0));
        let expected = c.ln() - 4.0 * (t.abs() / 2.0).ln() - 2_f64.ln();
        assert!((value / expected - 1.0).abs() < 1e-14, "{t}: {value}, not {expected}");
        assert!((slopes[3] / (-4.0 / t) - 1.0).abs() < 1e-14, "{t}: {slopes:?}");
        assert!(slopes.iter().all(|slope| slope.is_finite()), "{t}: {slopes:?}");
    }
}

#[test]
fn divergences_keep_their_digits_where_the_two_are_close() {
    let tape = Tape::new();
    let of = |c: f64| tape.leaf(&[c], [1]);
    for d in [1e-9, 1e-5, 1e-2] {
        let expected = |factor: f64| factor * (0.5 * d * d + d * d * d / 6.0);
        let near = |found: f64, expected: f64, what: &str| {
            // The next term of the series is d⁴/24, and the rates differ from e^d by rounding, which is ε/d of the result.
            let allowed = d * d / 6.0 + 4.0 * f64::EPSILON / d;
            assert!((found / expected - 1.0).abs() < allowed, "{what}: {found}, not {expected}");
        };
        let log = Poisson::from_log_rate(of(0.0)).unwrap();
        near(log.kl(&Poisson::from_log_rate(of(d)).unwrap()).item(), expected(1.0), "poisson");
        let [q, p] = [1.0, d.exp()].map(|rate| Exponential::new(of(rate)).unwrap());
        near(q.kl(&p).item(), expected(1.0), "exponential");
        let [q, p] = [1.0, d.exp()].map(|rate| Gamma::new(of(7.0), of(rate)).unwrap());
        near(q.kl(&p).item(), expected(7.0), "gamma");
        let [q, p] = [0.0, d].map(|loc| Laplace::new(of(loc), of(1.0)).unwrap());
        near(q.kl(&p).item(), 0.5 * d * d - d * d * d / 6.0, "laplace");
    }
}

fn all_nan<F: Scalar>(name: &str, x: Var<'_, F>) {
    assert!(x.with(|x| x.iter().all(|x| x.to_f64().is_nan())), "{name}: {:?}", x.value());
}

#[test]
fn nothing_finite_is_drawn_from_nan() {
    let tape = Tape::new();
    let (nan, one) = (tape.leaf(&[f64::NAN], [1]), tape.leaf(&[1.0], [1]));
    let rng = &mut rng();
    all_nan("normal", Normal::from_log_scale_unchecked(nan, one).sample(5, rng));
    all_nan("gamma", Gamma::new_unchecked(nan, one).sample(5, rng));
    all_nan("beta", Beta::new_unchecked(one, nan).sample(5, rng));
    all_nan("student", StudentT::new_unchecked(nan, one, one).sample(5, rng));
    all_nan("exponential", Exponential::new_unchecked(nan).sample(5, rng));
    all_nan("laplace", Laplace::new_unchecked(one, nan).sample(5, rng));
    all_nan("von Mises", VonMises::new_unchecked(one, nan).sample(5, rng));
    all_nan("poisson", Poisson::from_log_rate_unchecked(nan).sample(5, rng));
    let rows = tape.leaf(&[0.0, f64::NAN], [2]);
    all_nan("dirichlet", Dirichlet::new_unchecked(rows).sample(5, rng));
    all_nan("categorical", Categorical::from_logits_unchecked(rows).sample(5, rng));
    all_nan("bernoulli", Bernoulli::from_logits_unchecked(nan).sample(5, rng));
}
