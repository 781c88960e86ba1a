//! Means over the outcomes of a latent-variable model's draws, and their gradients.

use super::super::log_mean::mean_log_mean;
use super::super::multisets::{for_each_multiset, multisets};
use super::super::numerics::{Numeric, RULES, Spread, extrapolated_gradients};
use super::super::rules::{Agreement, Rules};
use super::draws::{DrawOutcomes, Draws, ModelAtParams, Plan, listed, points};
use super::outcomes::{DrawDependence, Form, Functional, Latent, OfLogWeight, Size};
use pathscore_models::latent::LatentModel;

/// The most outcomes of one draw that are listed; more are drawn.
const MOST_OUTCOMES: usize = 250_000;

/// The outcomes of one draw that continuous numbers are cut into, about so many at most.
const BUDGET: usize = 20_000;

/// The number of log-probabilities that a truth from draws may take, over all parameters.
const DRAWN_BUDGET: usize = 4_000_000;

/// The fewest and the most draws that stand for outcomes which are too many.
const DRAWS: [usize; 2] = [20_000, 1_000_000];

/// The most multisets over which a bound is summed as one of the three ways to it.
const FEW_MULTISETS: f64 = 3000.0;

/// The most multisets that are summed at all.
const MOST_MULTISETS: f64 = 1e5;

/// The plans of a problem, one for each group of rows that make an outcome.
pub(super) struct Plans {
    plans: Vec<Plan>,
    size: Size,
}

impl Plans {
    /// The meaning of the difference between the ways.
    pub(super) fn spread(&self) -> Spread {
        if self.draws().is_some() { Spread::Draws } else { Spread::Rules }
    }

    /// The number of draws that stand for the outcomes, if these are too many.
    pub(super) fn draws(&self) -> Option<usize> {
        let draws = |plan: &Plan| match plan {
            Plan::Drawn(draws) => Some(draws.count),
            Plan::Listed(_) => None,
        };
        self.plans.iter().find_map(draws)
    }

    /// True if no rule of quadrature takes part.
    pub(super) fn is_sum(&self) -> bool {
        self.plans.iter().all(|plan| matches!(plan, Plan::Listed(Rules::Sum)))
    }
}

impl<M: LatentModel<f64>> Latent<M> {
    /// The draws of one outcome of the target.
    pub(super) fn target_size(&self) -> Size {
        Size { draws: self.target.draws().unwrap_or(self.samples), rows: 1 }
    }

    /// The rows of `size.rows` members at a time.
    fn groups(&self, size: Size) -> impl Iterator<Item = &[f64]> {
        self.x.chunks((size.rows * self.x.len() / self.batch.max(1)).max(1))
    }

    /// The plans for outcomes of this size, made at the parameters of the problem, so that the values are smooth
    /// functions of the parameters.
    pub(super) fn plans(&self, size: Size) -> Plans {
        let mut model = ModelAtParams::new(self, self.params.values());
        let plan = |x: &[f64]| {
            let mut list = |rules: &Rules, most| points(rules, most, &mut model, x, size.rows);
            Rules::choose(MOST_OUTCOMES, BUDGET, Agreement::Weights, &mut list).map(Plan::Listed)
        };
        let plans: Result<Vec<Plan>, _> = self.groups(size).map(plan).collect();
        let plans = plans.unwrap_or_else(|_| {
            let most = DRAWN_BUDGET / self.params.len().max(1);
            let draws = most.clamp(DRAWS[0], DRAWS[1]);
            let drawn = |x: &[f64]| Plan::Drawn(Draws::new(draws, &mut model, x, size.rows));
            self.groups(size).map(drawn).collect()
        });
        Plans { plans, size }
    }

    /// The value of each functional at the parameters `at` in each of the ways, summed over the batch.
    pub(super) fn values(
        &self,
        at: &[f64],
        dependence: DrawDependence,
        plans: &Plans,
        functionals: &[&dyn Functional],
    ) -> Vec<Vec<f64>> {
        let [mut moved, mut unmoved] =
            [at, self.params.values()].map(|at| ModelAtParams::new(self, at));
        let ways = plans.plans.first().map_or(RULES, Plan::ways);
        let mut sums = vec![vec![0.0; ways]; functionals.len()];
        let prior = functionals.iter().any(|functional| functional.reads_prior());
        for (x, plan) in self.groups(plans.size).zip(&plans.plans) {
            let models = [&mut moved, &mut unmoved];
            let outcomes = DrawOutcomes::of(plan, models, x, plans.size.rows, dependence, prior);
            for (sums, functional) in sums.iter_mut().zip(functionals) {
                let found = values_of(*functional, plan, &outcomes, plans.size.draws);
                sums.iter_mut().zip(found).for_each(|(sum, value)| *sum += value);
            }
        }
        sums
    }

    /// The gradient of each of the [values](Latent::values), which are rounded by up to `rounding`, multiplied by the scale.
    pub(super) fn gradients(
        &self,
        dependence: DrawDependence,
        plans: &Plans,
        functionals: &[&dyn Functional],
        rounding: f64,
    ) -> Vec<Vec<Numeric>> {
        let values = |at: &[f64]| self.values(at, dependence, plans, functionals);
        let (at, count) = (self.params.values(), functionals.len());
        let mut gradients = extrapolated_gradients(at, count, plans.spread(), rounding, values);
        for slope in gradients.iter_mut().flatten() {
            slope.value *= self.scale;
            slope.error *= self.scale.abs();
        }
        gradients
    }

    /// The rounding of the value of the target where large logarithms cancel in it, which all rules share: far from $q$,
    /// the terms of $\ln E w = \ln \sum_i p_i w_i$ are a small $\ln p_i$ and a large $\ln w_i$.
    pub(super) fn rounding(&self, plans: &Plans, value: f64) -> f64 {
        let relative = match self.target.form() {
            Form::LogWeight => 1.0,
            Form::Weight => value.abs(),
            Form::Any | Form::LogMean { .. } => return 0.0,
        };
        let mut models = [(); 2].map(|()| ModelAtParams::new(self, self.params.values()));
        let mut largest = 0.0_f64;
        for (x, plan) in self.groups(plans.size).zip(&plans.plans) {
            let [moved, unmoved] = &mut models;
            let total = DrawDependence::Total;
            let outcomes =
                DrawOutcomes::of(plan, [moved, unmoved], x, plans.size.rows, total, false);
            let term = |&i: &usize| outcomes.log_p[i] + outcomes.log_weight(i);
            let top = (0..outcomes.log_p.len()).max_by(|a, b| term(a).total_cmp(&term(b)));
            largest = largest.max(top.map_or(0.0, |i| outcomes.log_p[i].abs()));
        }
        f64::EPSILON * largest * relative
    }

    /// The gradient of the mean of a function of the log-weight of one draw, where the draw is held fixed.
    pub(crate) fn gradient_at_fixed_draws(&self, inside: impl Fn(f64) -> f64) -> Vec<f64> {
        let plans = self.plans(Size { draws: 1, rows: 1 });
        let found = self.gradients(DrawDependence::Fixed, &plans, &[&OfLogWeight(inside)], 0.0);
        found[0].iter().map(|slope| slope.value).collect()
    }

    /// The number of multisets of the draws of one outcome of this size; infinite if they are not listed.
    pub(super) fn outcomes(&self, size: Size) -> f64 {
        let mut model = ModelAtParams::new(self, self.params.values());
        let plans = self.plans(size);
        let count = |(x, plan): (&[f64], &Plan)| match plan {
            Plan::Drawn(_) => f64::INFINITY,
            Plan::Listed(rules) => {
                let ways = if rules.is_sum() { 1 } else { RULES };
                multisets(listed(rules, &mut model, x, size.rows) / ways, size.draws)
            }
        };
        self.groups(size).zip(&plans.plans).map(count).fold(0.0, f64::max)
    }
}

/// The value of a functional of `draws` draws in each of the ways.
fn values_of(
    functional: &dyn Functional,
    plan: &Plan,
    outcomes: &DrawOutcomes,
    draws: usize,
) -> Vec<f64> {
    let is_sum = matches!(plan, Plan::Listed(Rules::Sum));
    let of_way = |way: usize| {
        let listed = outcomes.of_way(if is_sum { 0 } else { way });
        let offset = way as f64 / plan.ways() as f64;
        match functional.form() {
            Form::Weight if draws == 1 => log_mean_weight(outcomes, &listed).exp(),
            Form::LogWeight if draws == 1 => log_mean_weight(outcomes, &listed),
            // In the first way, all multisets are summed if they are few.
            Form::LogMean { beta }
                if draws > 1
                    && beta != 0.0
                    && outcomes.rows() == 1
                    && !(is_sum && way == 0 && multisets(listed.len(), draws) < FEW_MULTISETS) =>
            {
                let pair = |&i: &usize| (outcomes.log_p[i], beta * outcomes.log_weight(i));
                let pairs: Vec<(f64, f64)> = listed.iter().map(pair).collect();
                mean_log_mean(draws, &pairs, offset) / beta
            }
            // The mean over the draws is that of one draw.
            Form::LogMean { beta: 0.0 } => sum(&listed, outcomes, |i| outcomes.log_weight(i)),
            _ => functional.outside(mean(functional, outcomes, &listed, draws)),
        }
    };
    let count = plan.ways();
    if is_sum && !matches!(functional.form(), Form::LogMean { .. }) {
        return vec![of_way(0); count];
    }
    (0..count).map(of_way).collect()
}

/// $\sum_i p_i f(i)$, where a probability of zero wins over a value that is not finite.
fn sum(listed: &[usize], outcomes: &DrawOutcomes, f: impl Fn(usize) -> f64) -> f64 {
    let term = |&i: &usize| match outcomes.log_p[i].exp() {
        0.0 => 0.0,
        p => p * f(i),
    };
    listed.iter().map(term).sum()
}

/// $\ln \sum_i p_i w_i$, where neither factor may underflow or overflow.
fn log_mean_weight(outcomes: &DrawOutcomes, listed: &[usize]) -> f64 {
    let term = |&i: &usize| outcomes.log_p[i] + outcomes.log_weight(i);
    let top = listed.iter().map(term).fold(f64::NEG_INFINITY, f64::max);
    if !top.is_finite() {
        return top;
    }
    top + listed.iter().map(|i| (term(i) - top).exp()).sum::<f64>().ln()
}

/// The mean of a functional over the multisets of `draws` draws; NaN if these are too many.
fn mean(
    functional: &dyn Functional,
    outcomes: &DrawOutcomes,
    listed: &[usize],
    draws: usize,
) -> f64 {
    let mut memory = <[Vec<f64>; 4]>::default();
    if draws == 1 {
        let terms = listed.iter().map(|&i| match outcomes.log_p[i].exp() {
            0.0 => 0.0,
            p => p * outcomes.with(&[i], &mut memory, |outcome| functional.inside(outcome)),
        });
        return terms.sum();
    }
    if multisets(listed.len(), draws) > MOST_MULTISETS {
        return f64::NAN;
    }
    let (mut mean, mut chosen) = (0.0, vec![0; draws]);
    for_each_multiset(listed.len(), draws, |indices, log_orders| {
        chosen.iter_mut().zip(indices).for_each(|(chosen, &i)| *chosen = listed[i]);
        let log_p = log_orders + chosen.iter().map(|&i| outcomes.log_p[i]).sum::<f64>();
        if log_p.exp() > 0.0 {
            let value = outcomes.with(&chosen, &mut memory, |outcome| functional.inside(outcome));
            mean += log_p.exp() * value;
        }
    });
    mean
}
