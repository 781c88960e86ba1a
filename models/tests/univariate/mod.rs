//! Every distribution of one number against its own density: one table of distributions, and checks that go over it.

mod checks;
mod divergences;
mod integral;

use pathscore_autodiff::{Tape, Var};
use pathscore_models::dist::*;

/// A check of one distribution at given parameters.
pub(crate) trait Check {
    fn on<'t, D: Cdf<'t, f64> + Moments<'t, f64>>(
        &mut self,
        name: &str,
        at: &[f64],
        tape: &'t Tape<f64>,
        make: &dyn Fn(&[Var<'t, f64>]) -> Result<D, ParameterError>,
    );
}

/// The table, read up to the wanted case.
struct Rows<'t, 'c, C> {
    tape: &'t Tape<f64>,
    check: &'c mut C,
    wanted: usize,
    seen: usize,
}

impl<'t, C: Check> Rows<'t, '_, C> {
    fn row<D: Cdf<'t, f64> + Moments<'t, f64>>(
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
    for wanted in 0.. {
        let tape = Tape::new();
        let mut rows = Rows { tape: &tape, check: &mut *check, wanted, seen: 0 };
        continuous(&mut rows);
        discrete(&mut rows);
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

fn discrete<C: Check>(rows: &mut Rows<C>) {
    rows.row("Bernoulli", &[&[0.3], &[-4.0]], |p| Bernoulli::from_logits(p[0]));
    rows.row("Poisson", &[&[0.01], &[3.0], &[29.0], &[4e3]], |p| Poisson::from_rate(p[0]));
}
