//! Parameters and levels at the ends of the range of doubles, against mpmath.

use super::value_and_slopes;
use crate::rng;
use pathscore_autodiff::{Scalar, Tape, Var};
use pathscore_models::dist::*;

const INF: f64 = f64::INFINITY;

#[track_caller]
fn assert_near(what: &str, found: f64, exact: f64) {
    let error = if found == exact { 0.0 } else { (found - exact).abs() / exact.abs().max(1e-300) };
    assert!(error <= 1e-12, "{what}: {found:e}, not {exact:e}");
}

#[test]
fn a_divergence_of_a_uniform_distribution_from_zero_has_a_derivative_for_the_other_end() {
    let gamma = |alpha: f64| {
        value_and_slopes([0.0, 2.0], move |[low, high]| {
            let p = Gamma::new(low.constant(alpha), low.constant(1.5)).unwrap();
            Uniform::new(low, high).unwrap().kl(&p)
        })
    };
    let (value, [low, high]) = gamma(3.0);
    assert_near("gamma", value, 0.89731031455561624);
    assert_near("gamma, high", high, -0.75);
    assert_eq!(low, -INF);
    // The exponential distribution: the logarithm has no part in the divergence.
    assert!(gamma(1.0).1.iter().all(|slope| slope.is_finite()));
    let beta = |low: f64, high: f64| {
        value_and_slopes([low, high], |[low, high]| {
            let p = Beta::new(low.constant(3.0), low.constant(1.5)).unwrap();
            Uniform::new(low, high).unwrap().kl(&p)
        })
    };
    let (value, [_, high]) = beta(0.0, 0.5);
    assert_near("beta from zero", value, 2.3514963234821211);
    assert_near("beta from zero, high", high, -5.6137056388801094);
    let (value, [low, _]) = beta(0.25, 1.0);
    assert_near("beta to one", value, 0.12595524001333551);
    assert_near("beta to one, low", low, -0.26237995064849998);
}

#[test]
fn a_continuous_bernoulli_quantile_stays_in_the_unit_interval() {
    for eta in [-1e5, -800.0, -700.0, -40.0, -5.0, -1.1, 0.0, 1e-9, 3.0, 60.0, 700.0, 800.0, 1e5] {
        let at = |u: f64| {
            value_and_slopes([eta, u], |[eta, u]| {
                ContinuousBernoulli::new(eta).unwrap().quantile(u)
            })
        };
        for (u, exact) in [(0.0, 0.0), (1.0, 1.0)] {
            let (found, [slope, _]) = at(u);
            // At the end opposite to the mass the quantile is steep, so that its rounding shows.
            assert!(
                (found - exact).abs() <= 1e-15 && (0.0..=1.0).contains(&found),
                "{eta}: {found}"
            );
            assert!(slope.abs() < 1e-15, "{eta}: {slope}");
        }
        let tape = Tape::<f32>::new();
        let x = ContinuousBernoulli::new(tape.leaf(&[eta as f32], [1])).unwrap();
        let x = x.rsample(2000, &mut rng());
        assert!(x.with(|x| x.iter().all(|x| (0.0..=1.0).contains(x))), "{eta}");
    }
    for (eta, u, exact, slope) in [
        (-25.0, 0.9999999999990905, 0.99746268079810848, 0.0023570265159797593),
        (-37.0, 1.0 - 0.5 * f64::EPSILON, 0.97747618219182447, 0.014672940582490482),
        (-30.0, 0.999999999999, 0.9180529358188547, 0.027749406666308838),
        (-30.0, 0.3, 0.011889164797956409, 0.00039630549326387682),
        (800.0, 1e-300, 0.13653059012723287, 0.0010793367623409589),
        (800.0, 0.25, 0.99826713204860014, 2.1660849392498291e-6),
        (-800.0, 0.75, 0.0017328679513998633, 2.1660849392498291e-6),
        (60.0, 1e-20, 0.23247165026282965, 0.012792124568114347),
        (1e5, 0.5, 0.9999930685281944, 6.9314718055994531e-11),
    ] {
        let (found, [found_slope]) = value_and_slopes([eta], |[eta]| {
            ContinuousBernoulli::new(eta).unwrap().quantile(eta.constant(u))
        });
        assert!((found / exact - 1.0).abs() < 1e-13, "{eta} at {u}: {found}, not {exact}");
        // The two terms of the derivative may cancel.
        assert!(
            (found_slope - slope).abs() < 1e-11 * slope + 1e-15 * exact / eta.abs(),
            "{eta} at {u}: {found_slope}, not {slope}"
        );
    }
}

#[test]
fn a_class_that_only_p_excludes_makes_the_divergence_infinite() {
    let tape = Tape::new();
    let of = |logits: &[f64]| Categorical::from_logits(tape.leaf(logits, [2])).unwrap();
    assert_eq!(of(&[-800.0, 0.0]).kl(&of(&[-INF, 0.0])).item(), INF);
    assert_eq!(of(&[-INF, 0.0]).kl(&of(&[-800.0, 0.0])).item(), 0.0);
    assert_eq!(of(&[-INF, 0.0]).kl(&of(&[-INF, 3.0])).item(), 0.0);
}

#[test]
fn a_wide_log_normal_has_positive_samples_and_its_variance() {
    let tape = Tape::new();
    let of =
        |loc: f64, scale: f64| LogNormal::new(tape.leaf(&[loc], [1]), tape.leaf(&[scale], [1]));
    let q = of(-800.0, 30.0).unwrap();
    for x in [q.sample(2000, &mut rng()), q.rsample(2000, &mut rng())] {
        assert!(q.log_prob(x).with(|p| p.iter().all(|p| p.is_finite())));
    }
    assert_near("variance", q.variance().item(), 7.2259737681257493e86);
    assert_near("std", q.std().item(), 7.2259737681257493e86_f64.sqrt());
}

#[test]
fn a_rare_success_has_finite_counts() {
    for (eta, entropy) in [(-800.0_f64, 801.0), (-720.0, 721.0), (-45.0, 46.0)] {
        let tape = Tape::new();
        let leaf = tape.leaf(&[eta], [1]);
        let q = Geometric::from_logits(leaf).unwrap();
        let x = q.sample(500, &mut rng());
        assert!(q.log_prob(x).with(|p| p.iter().all(|p| p.is_finite())), "{eta}");
        assert_eq!(q.cdf(tape.constant(&[INF, -1.0], [2, 1])).value().values(), [1.0, 0.0]);
        assert_eq!(q.quantile(tape.constant(&[0.0], [1])).item(), 0.0);
        assert_near("entropy", q.entropy().item(), entropy);
        assert_near("slope of the entropy", q.entropy().backward().of(leaf).item(), -1.0);
        assert_eq!(q.kl(&q).item(), 0.0);
    }
    let (tape, single) = (Tape::new(), Tape::<f32>::new());
    let q = Geometric::from_logits(tape.leaf(&[-800.0], [1])).unwrap();
    assert_eq!(q.quantile(tape.constant(&[0.5], [1])).item(), INF);
    let q = Geometric::from_logits(single.leaf(&[-95.0_f32], [1])).unwrap();
    let x = q.sample(500, &mut rng());
    assert!(q.log_prob(x).with(|p| p.iter().all(|p| p.is_finite())));
    for (at, kl, slopes) in [
        ([-800.0, -801.5], 0.72313016014842983, [0.77686983985157017, -0.77686983985157017]),
        ([-800.0, -799.0], 0.71828182845904524, [-1.7182818284590452, 1.7182818284590452]),
        ([-60.0, -59.5], 0.14872127070012815, [-0.64872127070012815, 0.64872127070012815]),
        ([-45.0, -30.0], 3269001.3724719577, [-3269016.3724719577, 3269016.3724718047]),
        ([-41.0, -38.0], 16.085536923187667, [-19.085536923187667, 19.085536923187667]),
    ] {
        let (found, found_slopes) = value_and_slopes(at, |at| {
            let [q, p] = at.map(|eta| Geometric::from_logits(eta).unwrap());
            q.kl(&p)
        });
        assert_near("kl", found, kl);
        for (found, exact) in found_slopes.into_iter().zip(slopes) {
            assert_near("slope of kl", found, exact);
        }
    }
}

#[test]
fn an_interval_of_infinite_width_is_refused_and_a_wide_one_has_its_mean() {
    let tape = Tape::new();
    let of = |low: f64, high: f64| Uniform::new(tape.leaf(&[low], [1]), tape.leaf(&[high], [1]));
    assert_near("mean", of(1e308, 1.7e308).unwrap().mean().item(), 1.35e308);
    assert!(of(-8e307, 8e307).is_ok());
    let error = of(-1e308, 1.7e308).unwrap_err();
    assert_eq!((error.parameter, error.constraint), ("high", Constraint::AboveLow));
    let single = Tape::<f32>::new();
    assert!(Uniform::new(single.leaf(&[-2e38], [1]), single.leaf(&[2e38], [1])).is_err());
}

#[test]
fn samples_of_small_concentrations_have_a_density() {
    fn check<F: Scalar>(concentration: f64) {
        let tape = Tape::<F>::new();
        let q = Dirichlet::new(tape.leaf(&[F::from_f64(concentration); 3], [3])).unwrap();
        for x in [q.sample(500, &mut rng()), q.rsample(500, &mut rng())] {
            assert!(q.log_prob(x).with(|p| p.iter().all(|p| p.is_finite())), "{concentration}");
        }
    }
    for concentration in [1e-3, 1e-6, 0.1, 1.0] {
        check::<f64>(concentration);
        check::<f32>(concentration);
    }
}

#[test]
fn a_divergence_from_a_normal_does_not_depend_on_the_unit() {
    for unit in [1.0, 1e-200, 1e200, 1e-300, 1e300] {
        let tape = Tape::new();
        let of = |c: f64| tape.leaf(&[c], [1]);
        let wide = Normal::from_scale(of(0.0), of(2.0 * unit)).unwrap();
        let check = |name: &str, kl: Var<'_, f64>, exact: f64| {
            // The logarithms of the scales cancel: each is rounded to 10⁻¹³.
            assert!(
                (kl.item() - exact).abs() < 1e-12,
                "{name} {unit:e}: {}, not {exact}",
                kl.item()
            );
        };
        let p = Normal::from_scale(of(unit), of(3.0 * unit)).unwrap();
        check(
            "uniform",
            Uniform::new(of(-unit), of(2.0 * unit)).unwrap().kl(&p),
            0.9744940887602283,
        );
        let q = Exponential::new(of(unit.recip())).unwrap();
        check("exponential", q.kl(&wide), 0.86208571376461805);
        let q = Laplace::new(of(0.0), of(unit)).unwrap();
        check("laplace", q.kl(&wide), 0.16893853320467274);
        let q = Logistic::new(of(0.0), of(unit)).unwrap();
        check("logistic", q.kl(&wide), 0.02331923047667466);
        let q = StudentT::new(of(5.0), of(0.0), of(unit)).unwrap();
        check("student", q.kl(&wide), 0.1929163746835554);
        // The others have at this unit what they have at one.
        let others = |unit: f64| {
            let p = Normal::from_scale(of(0.0), of(2.0 * unit)).unwrap();
            let [zero, three, scale] = [0.0, 3.0, unit].map(of);
            [
                HalfNormal::new(scale).unwrap().kl(&p),
                Gumbel::new(zero, scale).unwrap().kl(&p),
                Gamma::new(three, of(unit.recip())).unwrap().kl(&p),
                InverseGamma::new(three, scale).unwrap().kl(&p),
                Pareto::new(scale, three).unwrap().kl(&p),
                Weibull::new(scale, three).unwrap().kl(&p),
            ]
        };
        for (q, one) in others(unit).into_iter().zip(others(1.0)) {
            check("another", q, one.item());
        }
        let [low, high] = [of(unit), of(3.0 * unit)];
        let q = TruncatedNormal::new(of(0.0), of(unit), low, high).unwrap();
        let same = TruncatedNormal::new(of(0.0), of(1.0), of(1.0), of(3.0)).unwrap();
        let same = same.kl(&Normal::from_scale(of(0.0), of(2.0)).unwrap()).item();
        check("truncated", q.kl(&wide), same);
    }
}

#[test]
fn a_divergence_of_far_scales_is_the_difference_of_their_logarithms() {
    let [small, large] = [1e-300, 1e300];
    let both = |f: &dyn for<'t> Fn([Var<'t, f64>; 2]) -> Var<'t, f64>, name: &str, exact: f64| {
        let (value, slopes) = value_and_slopes([small, large], f);
        assert_near(name, value, exact);
        // The logarithm of the smaller scale has the derivative minus one over it.
        assert!((slopes[0] * small + 1.0).abs() < 1e-12, "{name}: {slopes:?}");
        assert!(slopes[1].is_finite(), "{name}: {slopes:?}");
    };
    both(
        &|at| {
            let [q, p] = at.map(|scale| HalfNormal::new(scale).unwrap());
            q.kl(&p)
        },
        "half-normal",
        1381.0510557964274,
    );
    both(
        &|at| {
            let [q, p] = at.map(|scale| Laplace::new(scale.constant(0.0), scale).unwrap());
            q.kl(&p)
        },
        "laplace",
        1380.5510557964274,
    );
    both(
        &|at| {
            let [q, p] = at.map(|scale| Gumbel::new(scale.constant(0.0), scale).unwrap());
            q.kl(&p)
        },
        "gumbel",
        1380.9738401315259,
    );
}

#[test]
fn nan_is_no_event() {
    let tape = Tape::new();
    let of = |c: f64| tape.leaf(&[c], [1]);
    let nan = tape.constant(&[f64::NAN], [1]);
    fn check<'t, D: Cdf<'t, f64>>(name: &str, q: D, nan: Var<'t, f64>) {
        assert!(q.log_prob(nan).item().is_nan(), "log_prob of {name}");
        assert!(q.log_prob_each(nan).item().is_nan(), "log_prob_each of {name}");
        assert!(q.cdf(nan).item().is_nan(), "cdf of {name}");
    }
    check("bernoulli", Bernoulli::from_logits(of(0.3)).unwrap(), nan);
    check("binomial", Binomial::from_logits(of(3.0).detach(), of(0.3)).unwrap(), nan);
    check("geometric", Geometric::from_logits(of(0.3)).unwrap(), nan);
    check("uniform", Uniform::new(of(0.0), of(1.0)).unwrap(), nan);
    check("continuous bernoulli", ContinuousBernoulli::new(of(0.3)).unwrap(), nan);
    check("log-normal", LogNormal::new(of(0.3), of(1.0)).unwrap(), nan);
    for [low, high] in [[-1.0, 2.0], [0.0, 1e-3], [9.0, INF]] {
        let q = TruncatedNormal::new(of(0.0), of(1.0), of(low), of(high)).unwrap();
        check("truncated normal", q, nan);
    }
    check("exponential", Exponential::new(of(0.3)).unwrap(), nan);
    check("logistic", Logistic::new(of(0.3), of(1.0)).unwrap(), nan);
    check("student", StudentT::new(of(3.0), of(0.3), of(1.0)).unwrap(), nan);
    let rows = tape.constant(&[f64::NAN, 1.0, 0.0, f64::NAN, 0.0, 0.0], [2, 3]);
    let choice = Categorical::from_logits(tape.leaf(&[0.1, 0.2, 0.3], [3])).unwrap();
    assert!(choice.log_prob(rows).with(|p| p.iter().all(|p| p.is_nan())));
    let shares = Dirichlet::new(tape.leaf(&[0.1, 0.2, 0.3], [3])).unwrap();
    assert!(shares.log_prob(rows).with(|p| p.iter().all(|p| p.is_nan())));
}
