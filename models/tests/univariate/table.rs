//! Every distribution of one number, and divergences, against values of 40 digits, entropies and divergences across kinds against
//! 25 (`tests/tables/make_tables.py`).

use super::{Check, Make, every_kind};
use pathscore_autodiff::{Tape, Var};
use pathscore_models::dist::*;
use std::collections::{BTreeMap, BTreeSet};

const DISTRIBUTIONS: &str = include_str!("../tables/distributions.csv");
const DIVERGENCES: &str = include_str!("../tables/divergences.csv");

fn number(cell: &str) -> f64 {
    cell.parse().unwrap_or_else(|_| panic!("{cell} is a number"))
}

fn numbers(cells: &str) -> Vec<f64> {
    cells.split(':').map(number).collect()
}

fn leaves<'t>(tape: &'t Tape<f64>, at: &[f64]) -> Vec<Var<'t, f64>> {
    at.iter().map(|&p| tape.leaf(&[p], [1])).collect()
}

/// The distributions of this crate that have a distribution function of their own, by the names in the sources.
pub(super) fn kinds_with_cdf() -> BTreeSet<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/dist");
    let mut kinds = BTreeSet::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(path).unwrap();
            let parts = text.split("impl<'t, F: Scalar> Cdf<'t, F> for ").skip(1);
            kinds.extend(parts.map(|part| part.split('<').next().unwrap().to_owned()));
        }
    }
    assert!(kinds.len() > 20, "{kinds:?}");
    kinds
}

/// The largest errors in units of those allowed, by function and distribution, and what failed.
#[derive(Default)]
struct Rows {
    read: usize,
    seen: BTreeSet<String>,
    worst: BTreeMap<String, f64>,
    failures: Vec<String>,
}

impl Rows {
    fn compare(&mut self, key: String, row: &str, found: f64, allowed: f64, exact: f64) {
        let error = if found == exact { 0.0 } else { (found - exact).abs() / allowed };
        let error = if error.is_nan() { f64::INFINITY } else { error };
        if error > 1.0 {
            self.failures.push(format!("{row}: {found:e}, {error:.1} times what is allowed"));
        }
        let worst = self.worst.entry(key).or_default();
        *worst = worst.max(error);
    }

    fn report(&self) {
        for (key, worst) in &self.worst {
            println!("{key:>40} {worst:8.3}");
        }
        let failures = self.failures.join("\n");
        assert!(self.failures.is_empty(), "{} failures\n{failures}", self.failures.len());
    }
}

impl Check for Rows {
    fn on<'t, D: Cdf<'t, f64> + Moments<'t, f64>>(
        &mut self,
        name: &str,
        _: &[f64],
        tape: &'t Tape<f64>,
        make: Make<'_, 't, D>,
    ) {
        if !self.seen.insert(name.to_owned()) {
            return;
        }
        for row in DISTRIBUTIONS.lines() {
            let cells: Vec<&str> = row.split(',').collect();
            let [function, of, parameters, x, exact, condition] = cells[..] else {
                panic!("{row} has six cells");
            };
            if of != name {
                continue;
            }
            self.read += 1;
            let (x, exact, condition) = (number(x), number(exact), number(condition));
            let q = make(&leaves(tape, &numbers(parameters))).unwrap();
            let at = tape.constant(&[x], [1]);
            let found = match function {
                "log_prob" => q.log_prob(at).item(),
                "cdf" => q.cdf(at).item(),
                _ => q.quantile(at).item(),
            };
            let level = if function == "quantile" { x } else { q.cdf(at).item() };
            // Twelve digits in the body, ten in the tails; the absolute error of a logarithm is the relative one of the density.
            let digits = if (1e-3..=0.999).contains(&level) { 1e-12 } else { 1e-10 };
            let size = if function == "log_prob" { exact.abs().max(1.0) } else { exact.abs() };
            // Beside that, each argument and each result of a first step on the way has been rounded.
            let allowed = digits * size + 4.0 * f64::EPSILON * condition;
            self.compare(format!("{function} {name}"), row, found, allowed, exact);
        }
    }
}

#[test]
fn densities_distribution_functions_and_quantiles_have_the_digits_of_the_table() {
    let mut rows = Rows::default();
    every_kind(&mut rows);
    assert_eq!(rows.seen, kinds_with_cdf(), "every distribution is in the table of the tests");
    for function in ["log_prob", "cdf", "quantile"] {
        for name in &rows.seen {
            let key = format!("{function} {name}");
            assert!(rows.worst.contains_key(&key), "{key} has no row");
        }
    }
    assert_eq!(rows.read, DISTRIBUTIONS.lines().count(), "every row is read");
    rows.report();
}

/// A divergence of distributions with these parameters.
type Pair = for<'t> fn(&[Var<'t, f64>], &[Var<'t, f64>]) -> Var<'t, f64>;

/// Two coordinates with these means and this lower triangle, row by row.
fn with_covariance<'t>(at: &[Var<'t, f64>]) -> MultivariateNormal<'t, f64> {
    let scale = Var::concat(&[at[2], at[2] * 0.0, at[3], at[4]], 0).reshape([2, 2]);
    MultivariateNormal::from_scale_tril_unchecked(Var::concat(&at[..2], 0), scale)
}

/// The divergences of the table. Parameters are those that the distributions store, as far as there is a constructor.
const PAIRS: [(&str, Pair); 20] = [
    ("Normal", |q, p| {
        Normal::from_log_scale_unchecked(q[0], q[1])
            .kl(&Normal::from_log_scale_unchecked(p[0], p[1]))
    }),
    ("Laplace", |q, p| Laplace::new_unchecked(q[0], q[1]).kl(&Laplace::new_unchecked(p[0], p[1]))),
    ("Exponential", |q, p| Exponential::new_unchecked(q[0]).kl(&Exponential::new_unchecked(p[0]))),
    ("HalfNormal", |q, p| HalfNormal::new_unchecked(q[0]).kl(&HalfNormal::new_unchecked(p[0]))),
    ("HalfCauchy", |q, p| HalfCauchy::new_unchecked(q[0]).kl(&HalfCauchy::new_unchecked(p[0]))),
    ("Cauchy", |q, p| Cauchy::new_unchecked(q[0], q[1]).kl(&Cauchy::new_unchecked(p[0], p[1]))),
    ("Gumbel", |q, p| Gumbel::new_unchecked(q[0], q[1]).kl(&Gumbel::new_unchecked(p[0], p[1]))),
    ("Weibull", |q, p| Weibull::new_unchecked(q[0], q[1]).kl(&Weibull::new_unchecked(p[0], p[1]))),
    ("Pareto", |q, p| Pareto::new_unchecked(q[0], q[1]).kl(&Pareto::new_unchecked(p[0], p[1]))),
    ("Gamma", |q, p| Gamma::new_unchecked(q[0], q[1]).kl(&Gamma::new_unchecked(p[0], p[1]))),
    ("InverseGamma", |q, p| {
        InverseGamma::new_unchecked(q[0], q[1]).kl(&InverseGamma::new_unchecked(p[0], p[1]))
    }),
    ("Beta", |q, p| Beta::new_unchecked(q[0], q[1]).kl(&Beta::new_unchecked(p[0], p[1]))),
    ("Dirichlet", |q, p| {
        let of = |parts: &[_]| Dirichlet::new_unchecked(Var::concat(parts, 0));
        of(q).kl(&of(p))
    }),
    ("Bernoulli", |q, p| {
        Bernoulli::from_logits_unchecked(q[0]).kl(&Bernoulli::from_logits_unchecked(p[0]))
    }),
    ("Geometric", |q, p| {
        Geometric::from_logits_unchecked(q[0]).kl(&Geometric::from_logits_unchecked(p[0]))
    }),
    ("Poisson", |q, p| {
        Poisson::from_log_rate_unchecked(q[0]).kl(&Poisson::from_log_rate_unchecked(p[0]))
    }),
    ("Categorical", |q, p| {
        let of = |parts: &[_]| Categorical::from_logits_unchecked(Var::concat(parts, 0));
        of(q).kl(&of(p))
    }),
    ("ContinuousBernoulli", |q, p| {
        ContinuousBernoulli::new_unchecked(q[0]).kl(&ContinuousBernoulli::new_unchecked(p[0]))
    }),
    ("VonMises", |q, p| {
        VonMises::new_unchecked(q[0], q[1]).kl(&VonMises::new_unchecked(p[0], p[1]))
    }),
    ("MultivariateNormal", |q, p| with_covariance(q).kl(&with_covariance(p))),
];

/// Divergences between kinds, and those within a kind that are differences.
const MIXED: [(&str, &str, Pair); 48] = [
    ("Beta", "Normal", |q, p| {
        Beta::new_unchecked(q[0], q[1]).kl(&Normal::from_scale(p[0], p[1]).unwrap())
    }),
    ("ContinuousBernoulli", "Normal", |q, p| {
        ContinuousBernoulli::new_unchecked(q[0]).kl(&Normal::from_scale(p[0], p[1]).unwrap())
    }),
    ("Exponential", "Normal", |q, p| {
        Exponential::new_unchecked(q[0]).kl(&Normal::from_scale(p[0], p[1]).unwrap())
    }),
    ("Gamma", "Normal", |q, p| {
        Gamma::new_unchecked(q[0], q[1]).kl(&Normal::from_scale(p[0], p[1]).unwrap())
    }),
    ("Gumbel", "Normal", |q, p| {
        Gumbel::new_unchecked(q[0], q[1]).kl(&Normal::from_scale(p[0], p[1]).unwrap())
    }),
    ("HalfNormal", "Normal", |q, p| {
        HalfNormal::new_unchecked(q[0]).kl(&Normal::from_scale(p[0], p[1]).unwrap())
    }),
    ("InverseGamma", "Normal", |q, p| {
        InverseGamma::new_unchecked(q[0], q[1]).kl(&Normal::from_scale(p[0], p[1]).unwrap())
    }),
    ("Laplace", "Normal", |q, p| {
        Laplace::new_unchecked(q[0], q[1]).kl(&Normal::from_scale(p[0], p[1]).unwrap())
    }),
    ("LogNormal", "Normal", |q, p| {
        LogNormal::new(q[0], q[1]).unwrap().kl(&Normal::from_scale(p[0], p[1]).unwrap())
    }),
    ("Logistic", "Normal", |q, p| {
        Logistic::new_unchecked(q[0], q[1]).kl(&Normal::from_scale(p[0], p[1]).unwrap())
    }),
    ("Pareto", "Normal", |q, p| {
        Pareto::new_unchecked(q[0], q[1]).kl(&Normal::from_scale(p[0], p[1]).unwrap())
    }),
    ("StudentT", "Normal", |q, p| {
        StudentT::new_unchecked(q[0], q[1], q[2]).kl(&Normal::from_scale(p[0], p[1]).unwrap())
    }),
    ("TruncatedNormal", "Normal", |q, p| {
        TruncatedNormal::new_unchecked(q[0], q[1], q[2], q[3])
            .kl(&Normal::from_scale(p[0], p[1]).unwrap())
    }),
    ("Uniform", "Normal", |q, p| {
        Uniform::new_unchecked(q[0], q[1]).kl(&Normal::from_scale(p[0], p[1]).unwrap())
    }),
    ("Weibull", "Normal", |q, p| {
        Weibull::new_unchecked(q[0], q[1]).kl(&Normal::from_scale(p[0], p[1]).unwrap())
    }),
    ("Beta", "Exponential", |q, p| {
        Beta::new_unchecked(q[0], q[1]).kl(&Exponential::new_unchecked(p[0]))
    }),
    ("HalfNormal", "Exponential", |q, p| {
        HalfNormal::new_unchecked(q[0]).kl(&Exponential::new_unchecked(p[0]))
    }),
    ("InverseGamma", "Exponential", |q, p| {
        InverseGamma::new_unchecked(q[0], q[1]).kl(&Exponential::new_unchecked(p[0]))
    }),
    ("LogNormal", "Exponential", |q, p| {
        LogNormal::new(q[0], q[1]).unwrap().kl(&Exponential::new_unchecked(p[0]))
    }),
    ("Pareto", "Exponential", |q, p| {
        Pareto::new_unchecked(q[0], q[1]).kl(&Exponential::new_unchecked(p[0]))
    }),
    ("Weibull", "Exponential", |q, p| {
        Weibull::new_unchecked(q[0], q[1]).kl(&Exponential::new_unchecked(p[0]))
    }),
    ("Uniform", "Exponential", |q, p| {
        Uniform::new_unchecked(q[0], q[1]).kl(&Exponential::new_unchecked(p[0]))
    }),
    ("Beta", "Gamma", |q, p| Beta::new_unchecked(q[0], q[1]).kl(&Gamma::new_unchecked(p[0], p[1]))),
    ("HalfNormal", "Gamma", |q, p| {
        HalfNormal::new_unchecked(q[0]).kl(&Gamma::new_unchecked(p[0], p[1]))
    }),
    ("InverseGamma", "Gamma", |q, p| {
        InverseGamma::new_unchecked(q[0], q[1]).kl(&Gamma::new_unchecked(p[0], p[1]))
    }),
    ("LogNormal", "Gamma", |q, p| {
        LogNormal::new(q[0], q[1]).unwrap().kl(&Gamma::new_unchecked(p[0], p[1]))
    }),
    ("Pareto", "Gamma", |q, p| {
        Pareto::new_unchecked(q[0], q[1]).kl(&Gamma::new_unchecked(p[0], p[1]))
    }),
    ("Weibull", "Gamma", |q, p| {
        Weibull::new_unchecked(q[0], q[1]).kl(&Gamma::new_unchecked(p[0], p[1]))
    }),
    ("Uniform", "Gamma", |q, p| {
        Uniform::new_unchecked(q[0], q[1]).kl(&Gamma::new_unchecked(p[0], p[1]))
    }),
    ("Gamma", "Exponential", |q, p| {
        Gamma::new_unchecked(q[0], q[1]).kl(&Exponential::new_unchecked(p[0]))
    }),
    ("Exponential", "Gamma", |q, p| {
        Exponential::new_unchecked(q[0]).kl(&Gamma::new_unchecked(p[0], p[1]))
    }),
    ("Exponential", "Weibull", |q, p| {
        Exponential::new_unchecked(q[0]).kl(&Weibull::new_unchecked(p[0], p[1]))
    }),
    ("Gamma", "Weibull", |q, p| {
        Gamma::new_unchecked(q[0], q[1]).kl(&Weibull::new_unchecked(p[0], p[1]))
    }),
    ("ContinuousBernoulli", "Exponential", |q, p| {
        ContinuousBernoulli::new_unchecked(q[0]).kl(&Exponential::new_unchecked(p[0]))
    }),
    ("Beta", "ContinuousBernoulli", |q, p| {
        Beta::new_unchecked(q[0], q[1]).kl(&ContinuousBernoulli::new_unchecked(p[0]))
    }),
    ("Beta", "Uniform", |q, p| {
        Beta::new_unchecked(q[0], q[1]).kl(&Uniform::new_unchecked(p[0], p[1]))
    }),
    ("ContinuousBernoulli", "Uniform", |q, p| {
        ContinuousBernoulli::new_unchecked(q[0]).kl(&Uniform::new_unchecked(p[0], p[1]))
    }),
    ("TruncatedNormal", "Uniform", |q, p| {
        TruncatedNormal::new_unchecked(q[0], q[1], q[2], q[3])
            .kl(&Uniform::new_unchecked(p[0], p[1]))
    }),
    ("Uniform", "Beta", |q, p| {
        Uniform::new_unchecked(q[0], q[1]).kl(&Beta::new_unchecked(p[0], p[1]))
    }),
    ("Uniform", "ContinuousBernoulli", |q, p| {
        Uniform::new_unchecked(q[0], q[1]).kl(&ContinuousBernoulli::new_unchecked(p[0]))
    }),
    ("Uniform", "Gumbel", |q, p| {
        Uniform::new_unchecked(q[0], q[1]).kl(&Gumbel::new_unchecked(p[0], p[1]))
    }),
    ("Uniform", "Pareto", |q, p| {
        Uniform::new_unchecked(q[0], q[1]).kl(&Pareto::new_unchecked(p[0], p[1]))
    }),
    ("Normal", "Gumbel", |q, p| {
        Normal::from_scale(q[0], q[1]).unwrap().kl(&Gumbel::new_unchecked(p[0], p[1]))
    }),
    ("Gamma", "Gumbel", |q, p| {
        Gamma::new_unchecked(q[0], q[1]).kl(&Gumbel::new_unchecked(p[0], p[1]))
    }),
    ("Exponential", "Gumbel", |q, p| {
        Exponential::new_unchecked(q[0]).kl(&Gumbel::new_unchecked(p[0], p[1]))
    }),
    ("Normal", "Laplace", |q, p| {
        Normal::from_scale(q[0], q[1]).unwrap().kl(&Laplace::new_unchecked(p[0], p[1]))
    }),
    ("Logistic", "Logistic", |q, p| {
        Logistic::new_unchecked(q[0], q[1]).kl(&Logistic::new_unchecked(p[0], p[1]))
    }),
    ("TruncatedNormal", "TruncatedNormal", |q, p| {
        TruncatedNormal::new_unchecked(q[0], q[1], q[2], q[3])
            .kl(&TruncatedNormal::new_unchecked(p[0], p[1], p[2], p[3]))
    }),
];

/// An entropy of a distribution with these parameters.
type Single = for<'t> fn(&[Var<'t, f64>]) -> Var<'t, f64>;

/// Entropies.
const ENTROPIES: [(&str, Single); 16] = [
    ("Normal", |q| Normal::from_scale(q[0], q[1]).unwrap().entropy()),
    ("Laplace", |q| Laplace::new_unchecked(q[0], q[1]).entropy()),
    ("LogNormal", |q| LogNormal::new(q[0], q[1]).unwrap().entropy()),
    ("Exponential", |q| Exponential::new_unchecked(q[0]).entropy()),
    ("Gamma", |q| Gamma::new_unchecked(q[0], q[1]).entropy()),
    ("Beta", |q| Beta::new_unchecked(q[0], q[1]).entropy()),
    ("StudentT", |q| StudentT::new_unchecked(q[0], q[1], q[2]).entropy()),
    ("Uniform", |q| Uniform::new_unchecked(q[0], q[1]).entropy()),
    ("HalfNormal", |q| HalfNormal::new_unchecked(q[0]).entropy()),
    ("Logistic", |q| Logistic::new_unchecked(q[0], q[1]).entropy()),
    ("Gumbel", |q| Gumbel::new_unchecked(q[0], q[1]).entropy()),
    ("Weibull", |q| Weibull::new_unchecked(q[0], q[1]).entropy()),
    ("Pareto", |q| Pareto::new_unchecked(q[0], q[1]).entropy()),
    ("InverseGamma", |q| InverseGamma::new_unchecked(q[0], q[1]).entropy()),
    ("TruncatedNormal", |q| TruncatedNormal::new_unchecked(q[0], q[1], q[2], q[3]).entropy()),
    ("ContinuousBernoulli", |q| ContinuousBernoulli::new_unchecked(q[0]).entropy()),
];

#[test]
fn divergences_have_the_digits_of_the_table_where_distributions_nearly_coincide_too() {
    let mut rows = Rows::default();
    for row in DIVERGENCES.lines() {
        let cells: Vec<&str> = row.split(',').collect();
        let [name, p_name, q, p, exact, size] = cells[..] else { panic!("{row} has six cells") };
        let tape = Tape::new();
        let at = leaves(&tape, &numbers(q));
        let found = if p_name == "entropy" {
            let row = ENTROPIES.iter().find(|row| row.0 == name);
            row.expect("an entropy of the list").1(&at).item()
        } else {
            let same = PAIRS.iter().find(|pair| pair.0 == name && pair.0 == p_name);
            let mixed = MIXED.iter().find(|pair| (pair.0, pair.1) == (name, p_name));
            let pair = same.map(|pair| pair.1).or(mixed.map(|pair| pair.2));
            let kl = pair.expect("a pair of the lists")(&at, &leaves(&tape, &numbers(p))).item();
            if kl < 0.0 {
                rows.failures.push(format!("{row}: {kl:e} is negative"));
            }
            kl
        };
        // The terms are positive, and each is good to about twelve digits; a difference has the rounding of its terms.
        let exact = number(exact);
        let allowed = 1e-12 * exact.abs() + 1e-14 * number(size);
        rows.compare(format!("{name} {p_name}"), row, found, allowed, exact);
    }
    let lists = PAIRS.len() + MIXED.len() + ENTROPIES.len();
    assert_eq!(rows.worst.len(), lists, "every pair and every entropy has rows");
    rows.report();
}
