//! Numbers at the ends of the range: ratios that overflow before their logarithm, samples that would be infinite.

use super::rng;
use pathscore_autodiff::{Scalar, Tape, Var};
use pathscore_models::dist::{
    Cauchy, Cdf, Constraint, Distribution, Gamma, Gumbel, HalfCauchy, InverseGamma,
    NegativeBinomial, Pareto, Poisson, StudentT, Weibull,
};

const INF: f64 = f64::INFINITY;

#[test]
fn log_densities_do_not_overflow_in_a_ratio() {
    let tape = Tape::new();
    let of = |c: f64| tape.leaf(&[c], [1]);
    // The exponential of a number near two hundred has a hundred units of rounding.
    let check = |name: &str, log_prob: Var<f64>, expected: f64| {
        let found = log_prob.item();
        let near = found == expected || (found / expected - 1.0).abs() < 1e-13;
        assert!(near, "{name}: {found}, not {expected}");
    };
    let ln = |x: f64| x.ln();
    let inverse = |a, b, x| InverseGamma::new(of(a), of(b)).unwrap().log_prob(of(x));
    check("InverseGamma", inverse(1.0, 1e-300, 1e100), -500.0 * ln(10.0));
    check("InverseGamma", inverse(1.0, 1e300, 1e-300), -INF);
    let pareto = |x| Pareto::new(of(1e-300), of(2.0)).unwrap().log_prob(of(x));
    // ln 2 + 2 ln m − 3 ln x.
    check("Pareto", pareto(1e10), ln(2.0) - 630.0 * ln(10.0));
    let cauchy = |x| Cauchy::new(of(0.0), of(1e-300)).unwrap().log_prob(of(x));
    let expected = -320.0 * ln(10.0) - ln(std::f64::consts::PI);
    check("Cauchy", cauchy(1e10), expected);
    let half = HalfCauchy::new(of(1e-300)).unwrap().log_prob(of(1e10));
    check("HalfCauchy", half, expected + ln(2.0));
    let weibull = |k, x| Weibull::new(of(1e-300), of(k)).unwrap().log_prob(of(x));
    check("Weibull", weibull(2.0, 1e10), -INF);
    // k ln t is 775 ln 10 for k = 5/2; for k = 1/4 it is e^{77.5 ln 10} that is subtracted.
    check("Weibull", weibull(2.5, 1e10), -INF);
    check("Weibull", weibull(0.25, 1e10), -(77.5 * ln(10.0)).exp());
    let gumbel = |beta, x| Gumbel::new(of(0.0), of(beta)).unwrap().log_prob(of(x));
    check("Gumbel", gumbel(1e-300, -1e10), -INF);
    check("Gumbel", gumbel(2.0, -INF), -INF);
    check("Gumbel", gumbel(2.0, INF), -INF);
}

#[test]
fn slopes_do_not_overflow_in_a_ratio() {
    let tape = Tape::new();
    let [m, x] = [1e-300, 0.1].map(|c: f64| tape.leaf(&[c], [1]));
    let grads = Pareto::new(m, tape.number(2.0)).unwrap().log_prob(x).sum().backward();
    assert!((grads.of(m).item() / 2e300 - 1.0).abs() < 1e-14, "{}", grads.of(m).item());
    assert!((grads.of(x).item() + 30.0).abs() < 1e-13);
    let x = tape.leaf(&[1e100], [1]);
    let q = InverseGamma::new(tape.number(1.0), m).unwrap();
    let grads = q.log_prob(x).sum().backward();
    assert!((grads.of(x).item() / -2e-100 - 1.0).abs() < 1e-14, "{}", grads.of(x).item());
    assert!((grads.of(m).item() / 1e300 - 1.0).abs() < 1e-14);
}

#[test]
fn a_negative_binomial_count_is_below_infinity() {
    let tape = Tape::new();
    let q = NegativeBinomial::from_probs(tape.number(2.0), tape.number(0.25)).unwrap();
    assert_eq!(q.cdf(tape.number(INF)).item(), 1.0);
    assert_eq!(q.cdf(tape.number(-INF)).item(), 0.0);
    assert!(q.cdf(tape.number(f64::NAN)).item().is_nan());
}

fn samples_are_finite<F: Scalar>() {
    let tape = Tape::<F>::new();
    let of = |c: f64| tape.leaf(&[F::from_f64(c)], [1]);
    let check = |name: &str, x: Var<F>, log_prob: Var<F>| {
        let finite = |x: Var<F>| x.with(|x| x.iter().all(|x| x.to_f64().is_finite()));
        assert!(finite(x), "{name}: samples in {}", F::NAME);
        assert!(finite(log_prob), "{name}: log-densities in {}", F::NAME);
    };
    let rng = &mut rng();
    let q = Weibull::new(of(3.0), of(1e-3)).unwrap();
    let [x, log_prob] = q.sample_and_log_prob(2000, rng);
    check("Weibull", x, log_prob);
    let q = Pareto::new(of(3.0), of(1e-3)).unwrap();
    let [x, log_prob] = q.sample_and_log_prob(2000, rng);
    check("Pareto", x, log_prob);
    let q = StudentT::new(of(1e-3), of(0.0), of(1.0)).unwrap();
    let [x, log_prob] = q.sample_and_log_prob(2000, rng);
    check("StudentT", x, log_prob);
    let q = InverseGamma::new(of(1e-3), of(3.0)).unwrap();
    let [x, log_prob] = q.sample_and_log_prob(2000, rng);
    check("InverseGamma", x, log_prob);
    let q = Gamma::new(of(1.0), of(1e-38)).unwrap();
    let x = q.sample(2000, rng);
    check("Gamma", x, x);
    let q = Cauchy::new(of(0.0), of(1e38)).unwrap();
    let x = q.sample(2000, rng);
    check("Cauchy", x, x);
    let q = NegativeBinomial::from_logits(of(2.0), of(800.0)).unwrap();
    let x = q.sample(20, rng);
    check("NegativeBinomial", x, x);
}

#[test]
fn samples_beyond_the_largest_number_are_that_number() {
    samples_are_finite::<f32>();
    samples_are_finite::<f64>();
}

#[test]
fn a_poisson_rate_that_overflows_is_refused() {
    let tape = Tape::new();
    let error = Poisson::from_log_rate(tape.leaf(&[0.0, 800.0], [2])).unwrap_err();
    assert_eq!(
        (error.parameter, error.index, error.value, error.constraint),
        ("log_rate", 1, 800.0, Constraint::LogRate)
    );
    let tape = Tape::<f32>::new();
    assert!(Poisson::from_log_rate(tape.leaf(&[80.0], [1])).is_ok());
    assert!(Poisson::from_log_rate(tape.leaf(&[90.0], [1])).is_err());
}
