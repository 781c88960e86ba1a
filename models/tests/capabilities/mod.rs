//! Sources of random numbers, weak derivatives, nodes and constraints: one number against its formula.

use pathscore_autodiff::{Real, Tape, Var};
use pathscore_models::RandomSource;
use pathscore_models::dist::*;
use std::f64::consts::TAU;

/// A source that returns these numbers in turn, and fails where there are none left.
#[derive(Default)]
struct Script {
    uniforms: Vec<f64>,
    normals: Vec<f64>,
}

impl Script {
    fn new(uniforms: &[f64], normals: &[f64]) -> Self {
        let reversed = |numbers: &[f64]| numbers.iter().rev().copied().collect();
        Self { uniforms: reversed(uniforms), normals: reversed(normals) }
    }
}

impl RandomSource for Script {
    fn uniform(&mut self) -> f64 {
        self.uniforms.pop().expect("a uniform number is left")
    }

    fn normal(&mut self) -> f64 {
        self.normals.pop().expect("a normal number is left")
    }
}

#[test]
fn choices_compare_uniform_numbers_with_sums_of_probabilities() {
    for (u, p, expected) in [(0.0, 0.0, false), (0.25, 0.25, false), (0.2, 0.25, true)] {
        assert_eq!(Script::new(&[u], &[]).bernoulli(p), expected, "{u} against {p}");
    }
    let probs: &[&[f64]] = &[&[0.25, 0.25, 0.5], &[0.0, 1.0], &[0.5, 0.25, 0.0], &[0.0, 0.0]];
    for (u, row, class) in [
        (0.0, 0, 0),
        (0.2, 0, 0),
        // The sum must exceed the number: at the sum itself the next class begins.
        (0.25, 0, 1),
        (0.5, 0, 2),
        (0.9, 0, 2),
        (0.0, 1, 1),
        // A remainder goes to the last class that is possible.
        (0.9, 2, 1),
        (0.9, 3, 0),
    ] {
        let found = Script::new(&[u], &[]).categorical(probs[row]);
        assert_eq!(found, class, "{u} among {:?}", probs[row]);
    }
    let mut source = Script::new(&[0.3], &[3.0, 4.0, 1.0, 2.0, 2.0]);
    assert_eq!((source.chi(2), source.chi(3), source.chi(0)), (5.0, 3.0, 0.0));
    assert_eq!(source.uniform_split(&[0.1, 0.7]), 0.3);
}

#[test]
fn a_source_of_single_numbers_fills_variables_in_order() {
    let tape = Tape::<f64>::new();
    let probs = tape.leaf(&[0.5, 0.25], [2]);
    let mut source = Script::new(&[0.4, 0.4, 0.5, 0.2], &[1.0, -2.0, 0.5]);
    let bits = source.bernoulli_var(probs, [2, 2].into());
    assert!(!bits.is_tracked());
    assert_eq!(bits.value().values(), [1.0, 0.0, 0.0, 1.0]);
    assert_eq!(source.normal_var(&tape, [3].into()).value().values(), [1.0, -2.0, 0.5]);
    let mut source = Script::new(&[0.4, 0.8, 0.1, 0.6], &[]);
    assert_eq!(source.uniform_var(&tape, [2].into()).value().values(), [0.4, 0.8]);
    let rows = tape.leaf(&[0.5, 0.5, f64::NAN, f64::NAN], [2, 2]);
    let classes = source.categorical_var(rows, [2, 2].into()).value();
    assert_eq!(classes.values()[..2], [1.0, 0.0]);
    assert!(classes.values()[2..].iter().all(|x| x.is_nan()));
}

#[test]
fn weak_derivatives_split_the_derivative_of_a_density() {
    fn of<'t, D: WeakDerivative<'t, f64>>(at: &[f64], by: usize, source: &mut Script) -> [f64; 3] {
        let pair = D::split(at, by, source);
        [pair.factor, pair.plus, pair.minus]
    }
    let at = [0.7, 2_f64.ln()];
    // µ: Rayleigh's number is 5, and σ = 2.
    let found = of::<Normal<f64>>(&at, 0, &mut Script::new(&[], &[3.0, 4.0]));
    assert_eq!(found, [1.0 / (2.0 * TAU.sqrt()), 0.7 + 10.0, 0.7 - 10.0]);
    // ln σ: Maxwell's number is 3, on either side; the other point lies a quarter of the way.
    for (side, sign) in [(0.4, 1.0), (0.5, -1.0)] {
        let source = &mut Script::new(&[side, 0.25], &[1.0, 2.0, 2.0]);
        let found = of::<Normal<f64>>(&at, 1, source);
        assert_eq!(found, [1.0, 0.7 + sign * 6.0, 0.7 + sign * 1.5]);
    }
    let found = of::<Bernoulli<f64>>(&[1.5], 0, &mut Script::default());
    let p = 1.0 / (1.0 + (-1.5_f64).exp());
    assert!((found[0] - p * (1.0 - p)).abs() < 1e-16);
    assert_eq!(found[1..], [1.0, 0.0]);
    let mut rng = super::rng();
    for rate in [0.3_f64, 40.0] {
        let pair = <Poisson<f64> as WeakDerivative<f64>>::split(&[rate.ln()], 0, &mut rng);
        assert!((pair.factor / rate - 1.0).abs() < 1e-14);
        assert_eq!(pair.plus, pair.minus + 1.0);
        assert!(pair.minus >= 0.0 && pair.minus.fract() == 0.0);
    }
    let tape = Tape::new();
    let [a, b] = [0.3, -0.4].map(|x| tape.leaf(&[x, 2.0 * x], [2]));
    let same = |found: Layers<Var<f64>>, expected: &[Var<f64>]| {
        assert!(found.iter().map(|x| x.value()).eq(expected.iter().map(|x| x.value())));
    };
    same(Normal::from_log_scale(a, b).unwrap().parameters(), &[a, b]);
    same(Bernoulli::from_logits(a).unwrap().parameters(), &[a]);
    same(Poisson::from_log_rate(b).unwrap().parameters(), &[b]);
}

#[test]
fn kinds_of_nodes_describe_themselves() {
    for (kind, units, path, values, text) in [
        (Kind::Normal(1), 1, true, None, "1 normal"),
        (Kind::Normal(5), 5, true, None, "5 normal"),
        (Kind::Bits(1), 1, false, Some(2), "1 bit"),
        (Kind::Bits(3), 3, false, Some(8), "3 bits"),
        (Kind::Bits(20), 20, false, Some(1 << 20), "20 bits"),
        (Kind::Bits(21), 21, false, None, "21 bits"),
    ] {
        assert_eq!((kind.units(), kind.has_path(), kind.values()), (units, path, values));
        assert_eq!(kind.to_string(), text);
    }
    let tape = Tape::new();
    let numbers = tape.leaf(&[0.1, 0.2, 0.3], [1, 3]);
    let (normal, bits) =
        (Normal::from_log_scale(numbers, numbers).unwrap(), Bernoulli::from_logits(numbers));
    let bits = bits.unwrap();
    assert_eq!(normal.kinds()[..], [Kind::Normal(3)]);
    assert_eq!(bits.kinds()[..], [Kind::Bits(3)]);
    assert!(matches!(normal.node(&[]), Node::Normal(q) if q.loc().value() == numbers.value()));
    assert!(matches!(bits.node(&[]), Node::Bits(q) if q.logits().value() == numbers.value()));
    let node = tape.constant(&[1.0, 0.0, 1.0], [1, 1, 3]);
    assert_eq!(normal.join(&[node]).value(), node.value());
    assert_eq!(bits.join(&[node]).value(), node.value());
    // An event of one part.
    assert_eq!(normal.layers(node).len(), 1);
    let terms = normal.log_prob_layers(node);
    assert_eq!(terms.len(), 1);
    assert_eq!(terms[0].value(), normal.log_prob(node).value());
    assert_eq!(normal.support(), Support::Real);
}

#[test]
fn shares_have_the_moments_of_their_concentrations() {
    let tape = Tape::new();
    let alpha = [0.5, 1.5, 2.0, 3.0, 1.0, 6.0];
    let shares = Dirichlet::new(tape.leaf(&alpha, [1, 2, 3])).unwrap();
    let (mean, variance) = (shares.mean().value(), shares.variance().value());
    for (i, a) in alpha.into_iter().enumerate() {
        let sum: f64 = alpha[i / 3 * 3..][..3].iter().sum();
        let m = a / sum;
        assert!((mean.values()[i] - m).abs() < 1e-15);
        assert!((variance.values()[i] - m * (1.0 - m) / (sum + 1.0)).abs() < 1e-15);
    }
    assert_eq!(shares.support(), Support::Simplex);
    assert_eq!(Independent::new(shares, 1).axes(), 1);
    assert_eq!(Independent::new(shares, 0).axes(), 0);
}

/// A number, and the constraints that allow it.
#[test]
fn constraints_allow_their_ranges_and_no_more() {
    use Constraint::*;
    let inf = f64::INFINITY;
    let all = [
        (Finite, "a finite number"),
        (NonZero, "a finite number that is not zero"),
        (Positive, "a positive number"),
        (NonNegative, "a finite number that is not negative"),
        (Probability, "between zero and one"),
        (Fraction, "between zero and one, and neither of them"),
        (LogOdds, "a number or infinite"),
        (LogRate, "the logarithm of a finite number, or negative infinity"),
        (LogWeights, "below infinity, and not negative infinity in the whole row"),
        (Weights, "a finite number that is not negative, and not zero in the whole row"),
        (Count, "a whole number that is not negative"),
        (Low, "a number below infinity"),
        (AboveLow, "a finite number above low, at a finite distance"),
        (EndAboveLow, "above low"),
    ];
    for (constraint, text) in all {
        assert_eq!(constraint.to_string(), text);
    }
    for (value, allowed) in [
        (f64::NAN, &[][..]),
        (-inf, &[LogOdds, LogRate, LogWeights, Low]),
        (-1.5, &[Finite, NonZero, LogOdds, LogRate, LogWeights, Low, AboveLow, EndAboveLow]),
        (
            0.0,
            &[
                Finite,
                NonNegative,
                Probability,
                LogOdds,
                LogRate,
                LogWeights,
                Weights,
                Count,
                Low,
                AboveLow,
                EndAboveLow,
            ],
        ),
        (
            0.5,
            &[
                Finite,
                NonZero,
                Positive,
                NonNegative,
                Probability,
                Fraction,
                LogOdds,
                LogRate,
                LogWeights,
                Weights,
                Low,
                AboveLow,
                EndAboveLow,
            ],
        ),
        (
            1.0,
            &[
                Finite,
                NonZero,
                Positive,
                NonNegative,
                Probability,
                LogOdds,
                LogRate,
                LogWeights,
                Weights,
                Count,
                Low,
                AboveLow,
                EndAboveLow,
            ],
        ),
        (
            2.5,
            &[
                Finite,
                NonZero,
                Positive,
                NonNegative,
                LogOdds,
                LogRate,
                LogWeights,
                Weights,
                Low,
                AboveLow,
                EndAboveLow,
            ],
        ),
        (inf, &[LogOdds, EndAboveLow]),
    ] {
        let found: Vec<Constraint> =
            all.iter().map(|row| row.0).filter(|constraint| constraint.allows(value)).collect();
        assert_eq!(found, allowed, "{value}");
    }
}

/// $\mathrm{Normal}(\mu, \mathrm{diag})$ and full covariances with an axis of a batch, against a sum for each member.
#[test]
fn divergences_of_normal_distributions_keep_the_members_of_a_batch_apart() {
    let tape = Tape::new();
    let (mu, other) = ([0.3, -0.8, 1.1, 0.2], [-0.5, 0.4, 0.9, -1.2]);
    let (scale, tril) = ([0.7, 1.3, 0.4, 2.0_f64], [0.9, 0.0, -0.6, 1.2, 1.7, 0.0, 0.8, 0.5]);
    let normal = Normal::from_scale(tape.leaf(&mu, [2, 2]), tape.leaf(&scale, [2, 2])).unwrap();
    let full =
        MultivariateNormal::from_scale_tril(tape.leaf(&other, [2, 2]), tape.leaf(&tril, [2, 2, 2]))
            .unwrap();
    let low = LowRankNormal::new(
        tape.leaf(&other, [2, 2]),
        tape.leaf(&[0.6, -0.3, 1.1, 0.2], [2, 2, 1]),
        tape.leaf(&[0.5, 0.9, 1.4, 0.3], [2, 2]),
    )
    .unwrap();
    // Covariances [[a, b], [b, c]] of each member.
    let diagonal = |i: usize| [scale[2 * i].powi(2), 0.0, scale[2 * i + 1].powi(2)];
    let of_tril = |i: usize| {
        let [a, _, b, c] = [0, 1, 2, 3].map(|k| tril[4 * i + k]);
        [a * a, a * b, b * b + c * c]
    };
    let of_low = |i: usize| {
        let (w, d) = ([[0.6, -0.3], [1.1, 0.2]][i], [[0.5, 0.9], [1.4, 0.3]][i]);
        [w[0] * w[0] + d[0], w[0] * w[1], w[1] * w[1] + d[1]]
    };
    let det = |[a, b, c]: [f64; 3]| a * c - b * b;
    let expected = |d: [f64; 2], q: [f64; 3], p: [f64; 3]| {
        let trace = (q[0] * p[2] - 2.0 * q[1] * p[1] + q[2] * p[0]) / det(p);
        let distance =
            (d[0] * d[0] * p[2] - 2.0 * d[0] * d[1] * p[1] + d[1] * d[1] * p[0]) / det(p);
        0.5 * (trace + distance - 2.0 + (det(p) / det(q)).ln())
    };
    let d = |i: usize| [other[2 * i] - mu[2 * i], other[2 * i + 1] - mu[2 * i + 1]];
    for (what, found, cases) in [
        (
            "full, diagonal",
            full.kl(&normal),
            [0, 1].map(|i| expected(d(i), of_tril(i), diagonal(i))),
        ),
        (
            "diagonal, full",
            normal.kl(&full),
            [0, 1].map(|i| expected(d(i), diagonal(i), of_tril(i))),
        ),
        ("low, diagonal", low.kl(&normal), [0, 1].map(|i| expected(d(i), of_low(i), diagonal(i)))),
        ("diagonal, low", normal.kl(&low), [0, 1].map(|i| expected(d(i), diagonal(i), of_low(i)))),
        ("low, full", low.kl(&full), [0, 1].map(|i| expected([0.0; 2], of_low(i), of_tril(i)))),
        ("full, low", full.kl(&low), [0, 1].map(|i| expected([0.0; 2], of_tril(i), of_low(i)))),
    ] {
        super::assert_close(found.value().values(), &cases, super::CLOSE);
        assert_eq!(found.shape()[..], [2], "{what}");
    }
}

/// Levels so small that Newton's method alone would need hundreds of steps.
#[test]
fn quantiles_of_an_inverse_gamma_reach_levels_far_out_in_the_tail() {
    let tape = Tape::new();
    for alpha in [0.5, 3.0] {
        let q = InverseGamma::new(tape.leaf(&[alpha], [1]), tape.leaf(&[2.0], [1])).unwrap();
        for u in [1e-20, 1e-100, 1e-290] {
            let x = q.quantile(tape.constant(&[u], [1])).item();
            // The logarithm of the level moves by 2/x times the relative error of x.
            let found = Real::gamma_q(alpha, 2.0 / x);
            assert!(
                (found / u - 1.0).abs() < 1e-11,
                "α {alpha}: {x} has the level {found}, not {u}"
            );
        }
    }
}
