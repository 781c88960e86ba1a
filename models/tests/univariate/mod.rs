//! Every distribution of one number against its own density: one table of distributions, and checks that go over it.

mod checks;
mod divergences;
mod integral;
mod table;
mod wide;

use pathscore_autodiff::{Tape, Var};
use pathscore_models::RandomSource;
use pathscore_models::dist::*;

/// Makes a distribution from its parameters.
type Make<'a, 't, D> = &'a dyn Fn(&[Var<'t, f64>]) -> Result<D, ParameterError>;

/// A check of one distribution at given parameters.
pub(crate) trait Check {
    fn on<'t, D: Cdf<'t, f64> + Moments<'t, f64>>(
        &mut self,
        name: &str,
        at: &[f64],
        tape: &'t Tape<f64>,
        make: Make<'_, 't, D>,
    );
}

/// The table, read up to the wanted case.
pub(crate) struct Rows<'t, 'c, C> {
    tape: &'t Tape<f64>,
    check: &'c mut C,
    wanted: usize,
    seen: usize,
}

impl<'t, C: Check> Rows<'t, '_, C> {
    pub(crate) fn row<D: Cdf<'t, f64> + Moments<'t, f64>>(
        &mut self,
        name: &str,
        cases: &[&[f64]],
        make: impl Fn(&[Var<'t, f64>]) -> Result<D, ParameterError>,
    ) {
        for at in cases {
            if self.seen == self.wanted {
                self.check.on(name, at, self.tape, &make);
            }
            self.seen += 1;
        }
    }
}

/// Makes the check on every case of the table, each on a tape of its own.
pub(crate) fn every(check: &mut impl Check) {
    each(check, |rows| {
        kinds(rows);
        crate::compound::of_others(rows);
    });
}

/// Makes the check on every case of the distributions that are not made of others.
pub(crate) fn every_kind(check: &mut impl Check) {
    each(check, kinds);
}

fn kinds<C: Check>(rows: &mut Rows<C>) {
    continuous(rows);
    further(rows);
    discrete(rows);
}

/// Makes the check on parameters from the whole range of doubles.
pub(crate) fn every_extreme(check: &mut impl Check) {
    each(check, |rows| wide::rows(rows));
}

/// Makes the check on parameters drawn from the whole range of doubles.
pub(crate) fn every_drawn(check: &mut impl Check) {
    each(check, |rows| wide::drawn(rows));
}

fn each<C: Check>(check: &mut C, table: impl Fn(&mut Rows<C>)) {
    for wanted in 0.. {
        let tape = Tape::new();
        let mut rows = Rows { tape: &tape, check: &mut *check, wanted, seen: 0 };
        table(&mut rows);
        if rows.seen <= wanted {
            assert!(wanted > 30, "the table has rows");
            return;
        }
    }
}

fn continuous<C: Check>(rows: &mut Rows<C>) {
    let line: &[&[f64]] = &[&[0.0, 1.0], &[-2.0, 0.3], &[1e3, 40.0]];
    rows.row("Normal", line, |p| Normal::from_scale(p[0], p[1]));
    rows.row("Laplace", line, |p| Laplace::new(p[0], p[1]));
    rows.row("LogNormal", &[&[0.2, 0.7], &[-1.0, 1.5]], |p| LogNormal::new(p[0], p[1]));
    rows.row("Exponential", &[&[2.0], &[1e-3], &[1e200]], |p| Exponential::new(p[0]));
    let gammas: &[&[f64]] =
        &[&[0.05, 1.0], &[0.7, 2.0], &[1.0, 3.0], &[3.7, 0.5], &[300.0, 3.0], &[1e5, 1.0]];
    rows.row("Gamma", gammas, |p| Gamma::new(p[0], p[1]));
    let betas: &[&[f64]] = &[&[0.3, 1.4], &[1.0, 1.0], &[2.0, 5.0], &[40.0, 2.7], &[900.0, 300.0]];
    rows.row("Beta", betas, |p| Beta::new(p[0], p[1]));
    let students: &[&[f64]] = &[&[0.8, 0.0, 1.0], &[5.0, 1.0, 2.0], &[60.0, -1.0, 0.5]];
    rows.row("StudentT", students, |p| StudentT::new(p[0], p[1], p[2]));
}

fn further<C: Check>(rows: &mut Rows<C>) {
    let line: &[&[f64]] = &[&[0.0, 1.0], &[-2.0, 0.3], &[1e3, 40.0]];
    rows.row("Uniform", &[&[0.0, 1.0], &[-3.0, -1.0], &[-1.0, 1e3]], |p| Uniform::new(p[0], p[1]));
    rows.row("Cauchy", line, |p| Cauchy::new(p[0], p[1]));
    rows.row("HalfCauchy", &[&[1.0], &[1e-3]], |p| HalfCauchy::new(p[0]));
    rows.row("HalfNormal", &[&[1.0], &[1e-3]], |p| HalfNormal::new(p[0]));
    rows.row("Logistic", line, |p| Logistic::new(p[0], p[1]));
    rows.row("Gumbel", line, |p| Gumbel::new(p[0], p[1]));
    let weibulls: &[&[f64]] = &[&[1.0, 1.0], &[3.0, 0.4], &[0.2, 2.5], &[2.0, 30.0]];
    rows.row("Weibull", weibulls, |p| Weibull::new(p[0], p[1]));
    let paretos: &[&[f64]] = &[&[1.0, 0.6], &[3.0, 2.5], &[0.2, 30.0]];
    rows.row("Pareto", paretos, |p| Pareto::new(p[0], p[1]));
    let inverse_gammas: &[&[f64]] = &[&[0.3, 1.0], &[1.0, 3.0], &[4.5, 0.5], &[300.0, 3.0]];
    rows.row("InverseGamma", inverse_gammas, |p| InverseGamma::new(p[0], p[1]));
    rows.row("LogitNormal", &[&[0.0, 1.0], &[-2.0, 3.0]], |p| {
        LogitNormal::new(p[0], p[1]).map(Only)
    });
    let inf = f64::INFINITY;
    let truncated: &[&[f64]] = &[
        &[0.0, 1.0, -1.0, 2.0],
        &[1.0, 2.0, -inf, 0.0],
        &[1.0, 2.0, 1.5, inf],
        &[0.0, 1.0, 30.0, inf],
        &[0.0, 1.0, -12.0, -11.5],
        &[0.0, 1.0, 0.3, 0.32],
        &[0.0, 1.0, 5.0, 5.009],
    ];
    rows.row("TruncatedNormal", truncated, |p| TruncatedNormal::new(p[0], p[1], p[2], p[3]));
    let logits: &[&[f64]] = &[&[0.0], &[1e-9], &[0.9], &[-1.1], &[8.0], &[-60.0]];
    rows.row("ContinuousBernoulli", logits, |p| ContinuousBernoulli::new(p[0]));
    // Below temperature one the density has a pole at one, where doubles do not resolve it.
    let relaxed: &[&[f64]] = &[&[1.0, 0.3], &[2.5, -1.0], &[1.2, 0.5]];
    rows.row("RelaxedBernoulli", relaxed, |p| RelaxedBernoulli::new(p[0], p[1]).map(Only));
    rows.row("Geometric", &[&[0.3], &[0.99], &[0.004]], |p| Geometric::from_probs(p[0]));
    let binomials: &[&[f64]] =
        &[&[0.0, 0.3], &[7.0, 0.2], &[40.0, 0.9], &[60.0, 0.5], &[4000.0, 0.02]];
    rows.row("Binomial", binomials, |p| Binomial::from_probs(p[0].detach(), p[1]));
    let negative: &[&[f64]] = &[&[0.4, 0.3], &[3.0, 0.8], &[250.0, 0.1]];
    rows.row("NegativeBinomial", negative, |p| NegativeBinomial::from_probs(p[0], p[1]));
}

/// A distribution whose mean and variance are not known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Only<D>(pub(crate) D);

impl<'t, D: Distribution<'t, f64>> Distribution<'t, f64> for Only<D> {
    fn sample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, f64> {
        self.0.sample(count, rng)
    }

    fn log_prob(&self, x: Var<'t, f64>) -> Var<'t, f64> {
        self.0.log_prob(x)
    }

    fn detach(&self) -> Self {
        Self(self.0.detach())
    }

    fn support(&self) -> Support {
        self.0.support()
    }
}

impl<'t, D: Coordinates<'t, f64>> Coordinates<'t, f64> for Only<D> {
    fn log_prob_each(&self, x: Var<'t, f64>) -> Var<'t, f64> {
        self.0.log_prob_each(x)
    }
}

impl<'t, D: Cdf<'t, f64>> Cdf<'t, f64> for Only<D> {
    fn cdf(&self, x: Var<'t, f64>) -> Var<'t, f64> {
        self.0.cdf(x)
    }

    fn quantile(&self, u: Var<'t, f64>) -> Var<'t, f64> {
        self.0.quantile(u)
    }
}

impl<'t, D: Cdf<'t, f64>> Moments<'t, f64> for Only<D> {
    fn mean(&self) -> Var<'t, f64> {
        self.0.sample(1, &mut crate::rng()).reshape([1]) * f64::NAN
    }

    fn variance(&self) -> Var<'t, f64> {
        self.mean()
    }
}

fn discrete<C: Check>(rows: &mut Rows<C>) {
    rows.row("Bernoulli", &[&[0.3], &[-4.0]], |p| Bernoulli::from_logits(p[0]));
    rows.row("Poisson", &[&[0.01], &[3.0], &[29.0], &[4e3]], |p| Poisson::from_rate(p[0]));
}
