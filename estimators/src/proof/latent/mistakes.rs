//! Known mistakes with bounds: the gradient of each is found in the way of the truth, by enumerating the draws and
//! moving the parameters. A new one is a row of [`ROWS`].

use super::super::known_mistakes::{Effect, KnownMistake, other_parameterisations, wrong_factors};
use super::outcomes::{DrawDependence, Form, Functional, Latent, Outcome, Size};
use crate::estimator::LogWeights;
use crate::target::Target;
use pathscore_models::latent::LatentModel;

/// The largest number of multisets of several draws that are summed for the gradient of a mistake.
const FEW_MULTISETS: f64 = 2500.0;

/// A mistake, and the function of an outcome whose mean has its gradient.
struct Row {
    /// The description of the mistake.
    what: &'static str,
    /// The problems on which the mistake is possible.
    applies: fn(&Facts) -> bool,
    /// The way in which the draws depend on the parameters.
    dependence: DrawDependence,
    /// The draws of one outcome.
    size: fn(&Facts) -> Size,
    /// The function of an outcome whose mean is taken.
    inside: fn(Target, &Outcome) -> f64,
    /// The function of the mean that is differentiated.
    outside: fn(Target, f64) -> f64,
    /// The form of the mean, where it has a way of its own.
    form: fn(Target) -> Form,
    /// The effect of the mistake on the gradient.
    effect: fn(&Facts, Vec<f64>) -> Effect,
    /// The row that this one repeats where both have the same gradient.
    repeats: Option<&'static str>,
}

/// The facts about a problem that decide which mistakes are possible.
struct Facts {
    target: Target,
    /// The draws of one outcome of the target.
    target_size: Size,
    samples: usize,
    batch: usize,
    /// True if there are several draws whose outcomes are few.
    several_draws: bool,
    /// True if there are moreover several rows, and the draws of all of them have few outcomes.
    several_rows: bool,
}

impl Facts {
    fn is_elbo(&self) -> bool {
        self.target == Target::Elbo
    }

    fn is_bound(&self) -> bool {
        self.target == Target::Bound
    }

    fn one_draw(&self) -> Size {
        Size { draws: 1, rows: 1 }
    }

    fn all_draws(&self) -> Size {
        Size { draws: self.samples, rows: 1 }
    }

    fn all_rows(&self) -> Size {
        Size { draws: self.samples, rows: self.batch }
    }
}

fn instead(_: &Facts, gradient: Vec<f64>) -> Effect {
    Effect::Instead(gradient)
}

fn beside(_: &Facts, gradient: Vec<f64>) -> Effect {
    Effect::Beside(gradient)
}

/// A term of the ELBO is a term of no other target.
fn term_of_elbo(facts: &Facts, gradient: Vec<f64>) -> Effect {
    if facts.is_elbo() { Effect::Term(gradient) } else { Effect::Beside(gradient) }
}

/// $\sum_k \tilde w_k g(k)$, where a weight of zero wins over a $g(k)$ that is not finite.
fn weighted_sum(draws: usize, share: impl Fn(usize) -> f64, g: impl Fn(usize) -> f64) -> f64 {
    (0..draws).map(|k| if share(k) == 0.0 { 0.0 } else { share(k) * g(k) }).sum()
}

/// $\ln \frac1K \sum_k e^{l_k / t}$ with $l_k$ the sum of the log-weights of draw $k$ over all rows.
fn log_mean_of_rows(w: &LogWeights<f64>, temperature: f64) -> f64 {
    let over_rows = |k| (0..w.batch()).map(|b| w.log_weight(k, b)).sum::<f64>();
    let all: Vec<f64> = (0..w.draws()).map(|k| over_rows(k) / temperature).collect();
    LogWeights::new(all.len(), 1, &all, &vec![0.0; all.len()]).bound(0)
}

const DRAWS_HELD_STILL: &str =
    "the bound differentiated at draws held still: the score term is missing";

/// A mistake with one draw of one row that replaces the gradient; the other rows name the fields that differ.
const ONE_DRAW: Row = Row {
    what: "",
    applies: |_| true,
    dependence: DrawDependence::Total,
    size: Facts::one_draw,
    inside: |_, o| o.w.log_weight(0, 0),
    outside: |_, mean| mean,
    form: |_| Form::Any,
    effect: instead,
    repeats: None,
};

/// A mistake with the weights of several draws of one row.
const SEVERAL_DRAWS: Row =
    Row { applies: |facts| facts.several_draws, size: Facts::all_draws, ..ONE_DRAW };

/// A mistake with the weights of several draws of several rows.
const SEVERAL_ROWS: Row = Row {
    applies: |facts| facts.several_draws && facts.several_rows && facts.is_bound(),
    size: Facts::all_rows,
    ..ONE_DRAW
};

/// The known mistakes. Their order is that of the explanations, if several fit.
const ROWS: &[Row] = &[
    Row { what: "the gradient of ELBO instead", applies: |facts| !facts.is_elbo(), ..ONE_DRAW },
    Row {
        what: "the gradient of ln p instead",
        applies: |facts| facts.target != Target::LogLikelihood,
        inside: |_, o| o.w.log_weight(0, 0).exp(),
        outside: |_, mean| mean.ln(),
        ..ONE_DRAW
    },
    Row {
        what: "the gradient of p(x), not of its logarithm: weights are not normalised",
        inside: |_, o| o.w.log_weight(0, 0).exp(),
        ..ONE_DRAW
    },
    Row {
        what: "the divergence from the prior",
        inside: |_, o| o.log_prior[0] - o.w.log_q(0, 0),
        effect: term_of_elbo,
        ..ONE_DRAW
    },
    Row {
        what: "the likelihood of the data",
        inside: |_, o| o.w.log_weight(0, 0) + o.w.log_q(0, 0) - o.log_prior[0],
        effect: term_of_elbo,
        ..ONE_DRAW
    },
    Row {
        what: "the entropy of the posterior (along a path, the log-determinant of the path)",
        inside: |_, o| -o.w.log_q(0, 0),
        effect: term_of_elbo,
        ..ONE_DRAW
    },
    Row {
        what: "the divergence of the prior from the posterior: the roles in KL are exchanged",
        applies: Facts::is_elbo,
        inside: |_, o| {
            // KL(p ‖ q) = E_q (p/q)(ln p − ln q).
            let (log_q, log_prior) = (o.w.log_q(0, 0), o.log_prior[0]);
            let log_ratio = log_prior - log_q;
            let divergence =
                if log_ratio == f64::NEG_INFINITY { 0.0 } else { log_ratio.exp() * log_ratio };
            o.w.log_weight(0, 0) + log_q - log_prior - divergence
        },
        ..ONE_DRAW
    },
    Row {
        what: "the gradient of CUBO (Dieng et al. 2017), ½ ln E w², instead",
        inside: |_, o| (2.0 * o.w.log_weight(0, 0)).exp(),
        outside: |_, mean| 0.5 * mean.ln(),
        ..ONE_DRAW
    },
    Row {
        what: DRAWS_HELD_STILL,
        dependence: DrawDependence::Fixed,
        size: |facts| facts.target_size,
        inside: |target, o| target.inside(&o.w),
        outside: Target::outside,
        form: |target| Functional::form(&target),
        ..ONE_DRAW
    },
    Row {
        what: "f ∇ln q at a draw that still carries its path: z is not stopped",
        applies: Facts::is_elbo,
        dependence: DrawDependence::Path,
        inside: |_, o| {
            let (f, log_q) = (o.w.log_weight(0, 0), o.w.log_q(0, 0));
            f + log_q + o.unmoved.log_weight(0, 0) * log_q
        },
        ..ONE_DRAW
    },
    Row {
        what: "the derivative along paths alone: the score term of latents without a path is missing",
        applies: Facts::is_elbo,
        dependence: DrawDependence::Path,
        // Where no latent has a path, both leave out the whole score term.
        repeats: Some(DRAWS_HELD_STILL),
        ..ONE_DRAW
    },
    Row {
        what: "Σ w̃ₖ fₖ is differentiated through its weights: w̃ is not stopped",
        inside: |_, o| weighted_sum(o.w.draws(), o.w.normalised(0), |k| o.w.log_weight(k, 0)),
        ..SEVERAL_DRAWS
    },
    Row {
        what: "w̃² instead of w̃: DReG's weights are used for the model's parameters too",
        dependence: DrawDependence::Fixed,
        inside: |_, o| {
            let share = o.unmoved.normalised(0);
            weighted_sum(o.w.draws(), |k| share(k) * share(k), |k| o.w.log_weight(k, 0))
        },
        ..SEVERAL_DRAWS
    },
    Row {
        what: "Σ w̃ₖ ∇ln q(zₖ)",
        dependence: DrawDependence::Fixed,
        inside: |_, o| weighted_sum(o.w.draws(), o.unmoved.normalised(0), |k| o.w.log_q(k, 0)),
        effect: beside,
        ..SEVERAL_DRAWS
    },
    Row {
        what: "Σ w̃ₖ ∇ln q(zₖ) instead, which moves q towards the posterior (wake-φ)",
        dependence: DrawDependence::Fixed,
        inside: |_, o| weighted_sum(o.w.draws(), o.unmoved.normalised(0), |k| o.w.log_q(k, 0)),
        ..SEVERAL_DRAWS
    },
    Row {
        what: "the gradient of L_K instead",
        applies: |facts| facts.several_draws && !facts.is_bound(),
        inside: |_, o| o.w.bound(0),
        ..SEVERAL_DRAWS
    },
    Row {
        what: "the log-sum-exp comes after the mean over the batch",
        inside: |_, o| {
            let batch = o.w.batch() as f64;
            batch * log_mean_of_rows(&o.w, batch)
        },
        ..SEVERAL_ROWS
    },
    Row {
        what: "the log-sum-exp comes after the sum over the batch",
        inside: |_, o| log_mean_of_rows(&o.w, 1.0),
        ..SEVERAL_ROWS
    },
];

/// A row with the target of a problem.
struct RowOf<'a>(&'a Row, Target);

impl Functional for RowOf<'_> {
    fn inside(&self, outcome: &Outcome) -> f64 {
        (self.0.inside)(self.1, outcome)
    }

    fn outside(&self, mean: f64) -> f64 {
        (self.0.outside)(self.1, mean)
    }

    fn form(&self) -> Form {
        (self.0.form)(self.1)
    }

    fn reads_prior(&self) -> bool {
        true
    }
}

/// All known mistakes that are possible on a problem with the exact `gradient`.
pub(super) fn known<M: LatentModel<f64>>(
    problem: &Latent<M>,
    gradient: &[f64],
) -> Vec<KnownMistake> {
    let Latent { samples, batch, scale, target, .. } = *problem;
    let few = |rows| problem.outcomes(Size { draws: samples, rows }) <= FEW_MULTISETS;
    let several_draws = samples > 1 && few(1);
    let facts = Facts {
        target,
        target_size: problem.target_size(),
        samples,
        batch,
        several_draws,
        several_rows: several_draws && batch > 1 && few(batch),
    };
    let mut all = wrong_factors(samples, batch, scale);
    all.extend(other_parameterisations(problem.params.values(), gradient));
    all.extend(of_rows(problem, &facts));
    all
}

/// The mistakes of [`ROWS`]; the rows that enumerate the same draws share one enumeration.
fn of_rows<M: LatentModel<f64>>(problem: &Latent<M>, facts: &Facts) -> Vec<KnownMistake> {
    let rows: Vec<&Row> = ROWS.iter().filter(|row| (row.applies)(facts)).collect();
    let draws = |row: &Row| (row.dependence, (row.size)(facts));
    let mut gradients = vec![Vec::new(); rows.len()];
    for i in 0..rows.len() {
        if !gradients[i].is_empty() {
            continue;
        }
        let alike: Vec<usize> =
            (i..rows.len()).filter(|&j| draws(rows[j]) == draws(rows[i])).collect();
        let functionals: Vec<RowOf> = alike.iter().map(|&j| RowOf(rows[j], facts.target)).collect();
        let functionals: Vec<&dyn Functional> =
            functionals.iter().map(|row| row as &dyn Functional).collect();
        let (dependence, size) = draws(rows[i]);
        let plans = problem.plans(size);
        // A gradient of a mistake from draws would be too noisy to recognise it.
        if plans.draws().is_some() {
            return Vec::new();
        }
        let found = problem.gradients(dependence, &plans, &functionals, 0.0);
        for (j, found) in alike.into_iter().zip(found) {
            gradients[j] = found.iter().map(|slope| slope.value).collect();
        }
    }
    let differs = |i: usize| match rows.iter().position(|row| Some(row.what) == rows[i].repeats) {
        Some(j) => gradients[i].iter().zip(&gradients[j]).any(|(a, b)| (a - b).abs() > 1e-8),
        None => true,
    };
    (0..rows.len())
        .filter(|&i| differs(i))
        .map(|i| KnownMistake::new(rows[i].what, (rows[i].effect)(facts, gradients[i].clone())))
        .collect()
}
