//! Every known mistake of a bound has the gradient of its formula: sums over all values of two bits, moved by differences.

use pathscore_estimators::Enumerator;
use pathscore_estimators::proof::{
    Cached, Effect, Expectation, KnownMistake, Latent, Problem, Solved, Target,
};
use pathscore_models::latent::SmallBelief;
use pathscore_models::{Params, RandomSource, seed};

const ROWS: [[f64; 3]; 2] = [[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]];
const SCALE: f64 = 0.7;

/// A value of the bits: its probability, $\ln w$, $\ln q(z \mid x)$ and $\ln p(z)$.
#[derive(Clone, Copy)]
struct Draw {
    q: f64,
    f: f64,
    log_q: f64,
    log_prior: f64,
}

fn values(at: &[f64], x: &[f64; 3]) -> [Draw; 4] {
    let bernoulli = |eta: f64, b: f64| b * eta - eta.exp().ln_1p();
    [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]].map(|z: [f64; 2]| {
        let of_bits = |from: usize| (0..2).map(|i| bernoulli(at[from + i], z[i])).sum::<f64>();
        let (log_q, log_prior) = (of_bits(0), of_bits(2));
        let logit = |j: usize| at[10 + j] + z[0] * at[4 + j] + z[1] * at[7 + j];
        let likelihood: f64 = (0..3).map(|j| bernoulli(logit(j), x[j])).sum();
        Draw { q: log_q.exp(), f: log_prior + likelihood - log_q, log_q, log_prior }
    })
}

/// A function of `K` draws for each of some rows, row after row, at the moved and at the unmoved parameters.
type Inside = fn(&[Draw], &[Draw]) -> f64;

/// The mean of `inside`, with probabilities at the moved parameters or, if the draws are `fixed`, at the unmoved ones.
fn mean(
    [moved, unmoved]: [&[f64]; 2],
    rows: &[[f64; 3]],
    samples: usize,
    fixed: bool,
    inside: Inside,
) -> f64 {
    let [moved, unmoved] =
        [moved, unmoved].map(|at| rows.iter().map(|x| values(at, x)).collect::<Vec<_>>());
    let count = rows.len() * samples;
    (0..4_usize.pow(count as u32))
        .map(|all| {
            let drawn = |of: &[[Draw; 4]]| -> Vec<Draw> {
                (0..count).map(|i| of[i / samples][all / 4_usize.pow(i as u32) % 4]).collect()
            };
            let (moved, unmoved) = (drawn(&moved), drawn(&unmoved));
            let probabilities = if fixed { &unmoved } else { &moved };
            probabilities.iter().map(|draw| draw.q).product::<f64>() * inside(&moved, &unmoved)
        })
        .sum()
}

fn log_mean_exp(f: impl Iterator<Item = f64>) -> f64 {
    let (n, sum) = f.fold((0.0, 0.0), |(n, sum), f| (n + 1.0, sum + f.exp()));
    (sum / n).ln()
}

fn share(draws: &[Draw], k: usize) -> f64 {
    draws[k].f.exp() / draws.iter().map(|draw| draw.f.exp()).sum::<f64>()
}

fn weighted(draws: &[Draw], shares: impl Fn(usize) -> f64, g: fn(&Draw) -> f64) -> f64 {
    draws.iter().enumerate().map(|(k, draw)| shares(k) * g(draw)).sum()
}

/// Two draws of each row, in the order of the rows, as two numbers that are sums over the rows.
fn over_rows(draws: &[Draw]) -> [f64; 2] {
    [0, 1].map(|k| draws.iter().skip(k).step_by(2).map(|draw| draw.f).sum())
}

fn same(mean: f64) -> f64 {
    mean
}

/// The draws of one outcome.
#[derive(Clone, Copy)]
enum Of {
    One,
    Several,
    SeveralRows,
}

/// A mistake by its formula: its description, draws that are held still, the function inside and outside the mean.
struct Formula(&'static str, Of, bool, Inside, fn(f64) -> f64);

const HELD_STILL: &str = "the bound differentiated at draws held still";

fn formulas(target: Target, rows: usize) -> Vec<Formula> {
    let (elbo, bound) = (target == Target::Elbo, target == Target::Bound);
    let held_still = match target {
        Target::Elbo => Formula(HELD_STILL, Of::One, true, |d, _| d[0].f, same),
        Target::Bound => {
            Formula(HELD_STILL, Of::Several, true, |d, _| log_mean_exp(d.iter().map(|d| d.f)), same)
        }
        Target::LogLikelihood => Formula(HELD_STILL, Of::One, true, |d, _| d[0].f.exp(), f64::ln),
        _ => Formula(HELD_STILL, Of::One, true, |d, _| d[0].f.exp(), same),
    };
    let all = [
        (!elbo, Formula("the gradient of ELBO instead", Of::One, false, |d, _| d[0].f, same)),
        (
            target != Target::LogLikelihood,
            Formula("the gradient of ln p instead", Of::One, false, |d, _| d[0].f.exp(), f64::ln),
        ),
        (true, Formula("the gradient of p(x)", Of::One, false, |d, _| d[0].f.exp(), same)),
        (
            true,
            Formula(
                "the divergence from the prior",
                Of::One,
                false,
                |d, _| d[0].log_prior - d[0].log_q,
                same,
            ),
        ),
        (
            true,
            Formula(
                "the likelihood of the data",
                Of::One,
                false,
                |d, _| d[0].f + d[0].log_q - d[0].log_prior,
                same,
            ),
        ),
        (true, Formula("the entropy of the posterior", Of::One, false, |d, _| -d[0].log_q, same)),
        (
            elbo,
            Formula(
                "the divergence of the prior from the posterior",
                Of::One,
                false,
                |d, _| {
                    let ratio = d[0].log_prior - d[0].log_q;
                    d[0].f - ratio - ratio.exp() * ratio
                },
                same,
            ),
        ),
        (
            true,
            Formula(
                "the gradient of CUBO",
                Of::One,
                false,
                |d, _| (2.0 * d[0].f).exp(),
                |mean| 0.5 * mean.ln(),
            ),
        ),
        (true, held_still),
        (
            elbo,
            Formula(
                "f ∇ln q at a draw that still carries its path",
                Of::One,
                true,
                |d, unmoved| d[0].f + d[0].log_q + unmoved[0].f * d[0].log_q,
                same,
            ),
        ),
        (
            true,
            Formula(
                "Σ w̃ₖ fₖ is differentiated through its weights",
                Of::Several,
                false,
                |d, _| weighted(d, |k| share(d, k), |d| d.f),
                same,
            ),
        ),
        (
            true,
            Formula(
                "w̃² instead of w̃",
                Of::Several,
                true,
                |d, unmoved| weighted(d, |k| share(unmoved, k).powi(2), |d| d.f),
                same,
            ),
        ),
        (
            true,
            Formula(
                "Σ w̃ₖ ∇ln q(zₖ)",
                Of::Several,
                true,
                |d, unmoved| weighted(d, |k| share(unmoved, k), |d| d.log_q),
                same,
            ),
        ),
        (
            true,
            Formula(
                "Σ w̃ₖ ∇ln q(zₖ) instead",
                Of::Several,
                true,
                |d, unmoved| weighted(d, |k| share(unmoved, k), |d| d.log_q),
                same,
            ),
        ),
        (
            !bound,
            Formula(
                "the gradient of L_K instead",
                Of::Several,
                false,
                |d, _| log_mean_exp(d.iter().map(|d| d.f)),
                same,
            ),
        ),
        (
            bound && rows == 2,
            Formula(
                "the log-sum-exp comes after the mean over the batch",
                Of::SeveralRows,
                false,
                |d, _| 2.0 * log_mean_exp(over_rows(d).into_iter().map(|f| f / 2.0)),
                same,
            ),
        ),
        (
            bound && rows == 2,
            Formula(
                "the log-sum-exp comes after the sum over the batch",
                Of::SeveralRows,
                false,
                |d, _| log_mean_exp(over_rows(d).into_iter()),
                same,
            ),
        ),
    ];
    all.into_iter().filter_map(|(applies, formula)| applies.then_some(formula)).collect()
}

fn belief(target: Target, batch: usize, samples: usize) -> Latent<SmallBelief> {
    let mut params = Params::new();
    let model = SmallBelief::known(&mut params, &mut seed::rng(0, seed::Stream::Init, 0));
    let x = ROWS[..batch].concat();
    let problem = Latent::new("belief", model, params, &x);
    Latent { target, batch, samples, scale: SCALE, ..problem }
}

/// The gradient of a formula, summed over the rows.
fn slopes(at: &[f64], rows: &[[f64; 3]], samples: usize, formula: &Formula) -> Vec<f64> {
    let &Formula(_, of, fixed, inside, outside) = formula;
    let value = |moved: &[f64]| match of {
        Of::SeveralRows => outside(mean([moved, at], rows, samples, fixed, inside)),
        Of::One | Of::Several => {
            let samples = if matches!(of, Of::One) { 1 } else { samples };
            let of_row =
                |x| outside(mean([moved, at], std::slice::from_ref(x), samples, fixed, inside));
            rows.iter().map(of_row).sum()
        }
    };
    // h² f‴/6 and ε/h.
    let h = 1e-4;
    let slope = |i: usize| {
        let moved = |by: f64| -> Vec<f64> {
            at.iter().enumerate().map(|(j, at)| if i == j { at + by } else { *at }).collect()
        };
        SCALE * (value(&moved(h)) - value(&moved(-h))) / (2.0 * h)
    };
    (0..at.len()).map(slope).collect()
}

/// The mistakes that are no factors and no other parameterisations.
fn of_bounds(mistakes: &[KnownMistake]) -> Vec<&KnownMistake> {
    let first = mistakes.iter().position(|mistake| mistake.what.contains("logit θ is missing"));
    mistakes[first.unwrap() + 1..].iter().collect()
}

#[test]
fn every_known_mistake_has_the_gradient_of_its_formula() {
    for (target, batch) in [
        (Target::Elbo, 2),
        (Target::Bound, 2),
        (Target::Bound, 1),
        (Target::LogLikelihood, 1),
        (Target::Likelihood, 1),
    ] {
        let problem = belief(target, batch, 2);
        let found = problem.known_mistakes(&problem.truth().unwrap());
        let (found, formulas) = (of_bounds(&found), formulas(target, batch));
        let names: Vec<&str> = found.iter().map(|mistake| &mistake.what[..]).collect();
        assert_eq!(found.len(), formulas.len(), "{target}, {batch} rows: {names:#?}");
        for (KnownMistake { what, effect }, formula) in found.into_iter().zip(&formulas) {
            assert!(what.starts_with(formula.0), "{target}: {what}, not {}", formula.0);
            let term = ["the divergence from", "the likelihood", "the entropy"]
                .iter()
                .any(|term| what.starts_with(term));
            let beside = (term && target != Target::Elbo) || what == "Σ w̃ₖ ∇ln q(zₖ)";
            let gradient = match effect {
                Effect::Beside(gradient) if beside => gradient,
                Effect::Term(gradient) if term && !beside => gradient,
                Effect::Instead(gradient) if !term && !beside => gradient,
                _ => panic!("{target}: {what}: {effect:?}"),
            };
            let exact = slopes(problem.params.values(), &ROWS[..batch], 2, formula);
            for (i, (found, exact)) in gradient.iter().zip(&exact).enumerate() {
                assert!((found - exact).abs() < 1e-6, "{target}: {what}: {i}: {found}, {exact}");
            }
        }
    }
    // With one draw nothing that several draws can do wrong is left.
    let problem = belief(Target::Elbo, 2, 1);
    let found = problem.known_mistakes(&problem.truth().unwrap());
    assert!(!of_bounds(&found).iter().any(|mistake| mistake.what.contains("w̃")));
}

#[test]
fn known_factors_are_those_of_the_draws_the_rows_and_the_scale() {
    let root = (2.0 * std::f64::consts::PI).sqrt();
    for (samples, batch, factors, decays) in [
        (
            3,
            2,
            &[
                ("(K − 1)/K", 2.0 / 3.0),
                ("(K − 2)/(K − 1)", 0.5),
                ("K/(K − 1)", 1.5),
                ("1/K", 1.0 / 3.0),
                ("K:", 3.0),
                ("1/B", 0.5),
                ("B:", 2.0),
                ("the scale of the batch enters twice", SCALE),
                ("the scale of the batch is missing", 1.0 / SCALE),
                ("K/B", 1.5),
                ("B/K", 2.0 / 3.0),
                ("√(2π)", root),
                ("1/√(2π)", 1.0 / root),
            ][..],
            [0.75, 0.9, 0.95, 0.975, 0.995, 0.9995],
        ),
        (
            1,
            1,
            &[
                ("the scale of the batch enters twice", SCALE),
                ("the scale of the batch is missing", 1.0 / SCALE),
                ("√(2π)", root),
                ("1/√(2π)", 1.0 / root),
            ],
            [0.5, 0.8, 0.9, 0.95, 0.99, 0.999],
        ),
    ] {
        let problem = belief(Target::Elbo, batch, samples);
        let found = problem.known_mistakes(&problem.truth().unwrap());
        let (mut plain, mut learnt) = (Vec::new(), Vec::new());
        for KnownMistake { what, effect } in &found {
            match effect {
                Effect::Factor(factor) => plain.push((&what[..], *factor)),
                Effect::LearntFactor(factor) => learnt.push(*factor),
                _ => {}
            }
        }
        assert_eq!(plain.len(), factors.len(), "{plain:?}");
        for ((what, found), (begins, factor)) in plain.iter().zip(factors) {
            assert!(what.starts_with(begins), "{what}, not {begins}");
            assert!((found - factor).abs() < 1e-15, "{what}: {found}");
        }
        assert_eq!(learnt.len(), 6);
        for (found, factor) in learnt.iter().zip(decays) {
            assert!((found - factor).abs() < 1e-15, "{found}, not {factor}");
        }
    }
}

#[test]
fn a_gradient_in_other_parameters_is_multiplied_by_their_slopes() {
    let problem = belief(Target::Elbo, 1, 1);
    let truth = problem.truth().unwrap();
    let found = problem.known_mistakes(&truth);
    let logistic = |x: f64| 1.0 / (1.0 + (-x).exp());
    for (what, slope) in [
        ("with respect to e^θ", &(|t: f64| (-t).exp()) as &dyn Fn(f64) -> f64),
        ("with respect to e^2θ", &|t: f64| 0.5 * (-2.0 * t).exp()),
        ("with respect to ln θ", &|t: f64| t),
        ("with respect to the probability", &|t: f64| 1.0 / (logistic(t) * (1.0 - logistic(t)))),
        ("the factor σ(|θ|)", &|t: f64| 1.0 / logistic(t.abs())),
    ] {
        let mistake = found.iter().find(|mistake| mistake.what.starts_with(what)).unwrap();
        let Effect::Instead(gradient) = &mistake.effect else { panic!("{mistake:?}") };
        for ((g, theta), found) in truth.gradient.iter().zip(problem.params.values()).zip(gradient)
        {
            assert!((found - g * slope(*theta)).abs() < 1e-12, "{what} at {theta}: {found}");
        }
    }
}

#[test]
fn problems_that_weight_their_draws_tell_how_many_are_effective() {
    let problem = belief(Target::Bound, 2, 2);
    let at = problem.params.values().to_vec();
    let values = values(&at, &ROWS[0]);
    let cached = Cached::new(belief(Target::Bound, 2, 2));
    let mut count = 0;
    Enumerator::for_each(0, 100, |source| {
        let found = cached.effective_draws(source).unwrap();
        // The bits of the first draw are chosen before those of the second, the last fastest.
        let [a, b] = [values[count / 4].f.exp(), values[count % 4].f.exp()];
        let exact = (a + b).powi(2) / (a * a + b * b);
        assert!((found - exact).abs() < 1e-12, "{count}: {found}, not {exact}");
        count += 1;
    });
    assert_eq!(count, 16);
    let solved = Solved::new("one", &[1.0], None);
    let mut source = Enumerator::seeded(0, 0);
    assert_eq!(solved.effective_draws(&mut source), None);
}

#[test]
fn problems_have_their_names_and_those_of_their_components() {
    let expectation = Expectation::new("mean", &[1.0, 2.0], |at, source| {
        at[0] * at[1] + f64::from(source.bernoulli(0.5))
    });
    let solved = Solved::new("solved", &[1.0, 2.0], None);
    for (problem, name) in [
        (&expectation as &dyn Problem, "mean"),
        (&solved, "solved"),
        (&Cached::new(solved.clone()), "solved"),
        (&Solved::of(&expectation).unwrap(), "mean"),
    ] {
        assert_eq!(problem.name(), name);
        assert_eq!(problem.components().len(), 2);
    }
    assert_eq!(solved.components(), ["[0]", "[1]"]);
    let bits = belief(Target::Elbo, 1, 1);
    let components = bits.components();
    assert_eq!((bits.name().as_str(), components.len()), ("belief", 13));
    for (name, shape, at) in bits.params.iter() {
        let expected = if shape.size() == 1 { name.into() } else { format!("{name}[0]") };
        assert_eq!(components[at], expected);
    }
}
