//! All outcomes of one draw of a latent-variable model, with their log-probabilities at moved parameters.

use super::super::numerics::RULES;
use super::super::rules::{Point, Rules};
use super::outcomes::{DrawDependence, Latent, Outcome};
use crate::deadline;
use crate::enumerator::{Coverage, Enumerator};
use crate::estimator::{LogWeights, rows};
use pathscore_autodiff::Tape;
use pathscore_models::Params;
use pathscore_models::dist::Distribution;
use pathscore_models::latent::LatentModel;

/// The independent runs into which draws are cut: enough for a standard error.
const RUNS: usize = 32;

/// The draws whose log-probabilities are recorded on one tape.
const TOGETHER: usize = 8192;

/// The way to the outcomes of a draw.
#[derive(Clone, Debug)]
pub(super) enum Plan {
    /// All outcomes are listed.
    Listed(Rules),
    /// There are too many outcomes, and draws stand for them.
    Drawn(Draws),
}

/// Draws from $q$ at the parameters of the problem.
#[derive(Clone, Debug)]
pub(super) struct Draws {
    /// The number of draws.
    pub(super) count: usize,
    z: Vec<f64>,
    /// $\ln q(z)$ at the parameters of the problem.
    log_q: Vec<f64>,
}

impl Plan {
    /// The number of ways in which each mean is found.
    pub(super) fn ways(&self) -> usize {
        if matches!(self, Self::Drawn(_)) { RUNS } else { RULES }
    }
}

/// The model at some parameters: it draws $z$ there and computes the log-probabilities of any draws.
pub(super) struct ModelAtParams<'a, M> {
    model: &'a M,
    params: Params<f64>,
    tape: Tape<f64>,
}

/// Log-probabilities, draws outermost.
#[derive(Debug, Default)]
struct LogProbs {
    log_joint: Vec<f64>,
    log_q: Vec<f64>,
    /// Empty if nothing reads it.
    log_prior: Vec<f64>,
}

impl<'a, M: LatentModel<f64>> ModelAtParams<'a, M> {
    pub(super) fn new(problem: &'a Latent<M>, at: &[f64]) -> Self {
        let mut params = problem.params.clone();
        params.values_mut().copy_from_slice(at);
        Self { model: &problem.model, params, tape: Tape::new() }
    }

    fn posterior<'t>(&'t self, x: &[f64], count: usize) -> M::Posterior<'t> {
        self.model.posterior(self.params.on(&self.tape), rows(&self.tape, x, count))
    }

    /// The log-probabilities of the draws `z` for `count` rows.
    fn log_probs(
        &mut self,
        x: &[f64],
        count: usize,
        z: &[f64],
        draws: usize,
        prior: bool,
    ) -> LogProbs {
        let mut all = LogProbs::default();
        let latents = z.len() / (count * draws).max(1);
        for z in z.chunks((TOGETHER * count * latents).max(1)) {
            deadline::check();
            self.tape.clear();
            let params = self.params.on(&self.tape);
            let x = rows(&self.tape, x, count);
            let z = self.tape.constant(z, [z.len() / (count * latents), count, latents]);
            let log_joint = self.model.log_joint(params, x, z);
            log_joint.with(|values| all.log_joint.extend_from_slice(values));
            let log_q = self.model.posterior(params, x).log_prob(z);
            log_q.with(|values| all.log_q.extend_from_slice(values));
            if prior {
                let log_prior = self.model.prior(params).log_prob(z);
                log_prior.with(|values| all.log_prior.extend_from_slice(values));
            }
        }
        all
    }
}

/// Outcomes of one draw for each of some rows.
pub(super) struct DrawOutcomes {
    rows: usize,
    /// The way of each outcome.
    ways: Vec<usize>,
    /// The logarithm of the probability of each outcome, in its way.
    pub(super) log_p: Vec<f64>,
    at_moved: LogProbs,
    /// The log-probabilities at the parameters of the problem; none if they are those at the moved parameters.
    at_unmoved: Option<LogProbs>,
}

/// The values of draws, with the ways and log-probabilities of them.
#[derive(Default)]
struct Drawn {
    /// The values at the moved parameters.
    moved: Vec<f64>,
    /// The values at the parameters of the problem, where they differ.
    unmoved: Option<Vec<f64>>,
    ways: Vec<usize>,
    log_p: Vec<f64>,
}

impl DrawOutcomes {
    /// The outcomes of one draw for each of the rows `x`, of which there are `count`.
    pub(super) fn of<M: LatentModel<f64>>(
        plan: &Plan,
        [moved, unmoved]: [&mut ModelAtParams<M>; 2],
        x: &[f64],
        count: usize,
        dependence: DrawDependence,
        prior: bool,
    ) -> Self {
        moved.tape.clear();
        unmoved.tape.clear();
        let Drawn { moved: z, unmoved: other_z, ways, log_p } = match plan {
            Plan::Listed(rules) => list(rules, [moved, unmoved], x, count, dependence),
            Plan::Drawn(draws) => draws.drawn(dependence),
        };
        let draws = log_p.len();
        let at_moved = moved.log_probs(x, count, &z, draws, prior);
        let at_unmoved = (dependence != DrawDependence::Total)
            .then(|| unmoved.log_probs(x, count, other_z.as_ref().unwrap_or(&z), draws, false));
        let mut outcomes = Self { rows: count, ways, log_p, at_moved, at_unmoved };
        if let Plan::Drawn(draws) = plan {
            if dependence == DrawDependence::Total {
                outcomes.move_from(&draws.log_q);
            }
            outcomes.normalise();
        }
        outcomes
    }

    /// Makes draws that had these densities stand for draws at the moved parameters, by the ratio of the densities.
    fn move_from(&mut self, log_q: &[f64]) {
        for (i, log_p) in self.log_p.iter_mut().enumerate() {
            let of_rows = i * self.rows..(i + 1) * self.rows;
            *log_p += of_rows.map(|at| self.at_moved.log_q[at] - log_q[at]).sum::<f64>();
        }
    }

    /// Divides the probabilities of each way by their sum, which is one up to the noise of draws: the mean of a function is
    /// then that of its distance from its mean, so that no constant adds to the noise of a gradient.
    fn normalise(&mut self) {
        let mut totals = [0.0; RUNS];
        for (way, log_p) in self.ways.iter().zip(&self.log_p) {
            totals[*way] += log_p.exp();
        }
        for (way, log_p) in self.ways.iter().zip(&mut self.log_p) {
            *log_p -= totals[*way].ln();
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// The indices of the outcomes of one way.
    pub(super) fn of_way(&self, way: usize) -> Vec<usize> {
        (0..self.ways.len()).filter(|&i| self.ways[i] == way).collect()
    }

    /// $\ln w$ of outcome `i`, summed over its rows.
    pub(super) fn log_weight(&self, i: usize) -> f64 {
        let LogProbs { log_joint, log_q, .. } = &self.at_moved;
        (i * self.rows..(i + 1) * self.rows).map(|at| log_joint[at] - log_q[at]).sum()
    }

    /// Calls `f` with the outcome that consists of the draws with these indices; `memory` is only reused.
    pub(super) fn with<T>(
        &self,
        indices: &[usize],
        memory: &mut [Vec<f64>; 4],
        f: impl FnOnce(&Outcome) -> T,
    ) -> T {
        let at_unmoved = self.at_unmoved.as_ref().unwrap_or(&self.at_moved);
        let columns = [
            &self.at_moved.log_joint,
            &self.at_moved.log_q,
            &at_unmoved.log_joint,
            &at_unmoved.log_q,
        ];
        for (memory, column) in memory.iter_mut().zip(columns) {
            memory.clear();
            for &i in indices {
                memory.extend_from_slice(&column[i * self.rows..(i + 1) * self.rows]);
            }
        }
        let [log_joint, log_q, unmoved_joint, unmoved_q] = &*memory;
        let w = LogWeights::new(indices.len(), self.rows, log_joint, log_q);
        let unmoved = LogWeights::new(indices.len(), self.rows, unmoved_joint, unmoved_q);
        let log_prior = match (indices, self.at_moved.log_prior.is_empty()) {
            (&[i], false) => &self.at_moved.log_prior[i * self.rows..(i + 1) * self.rows],
            _ => &[],
        };
        f(&Outcome { w, log_prior, unmoved })
    }
}

/// Lists the values of a draw.
fn list<M: LatentModel<f64>>(
    rules: &Rules,
    [moved, unmoved]: [&ModelAtParams<M>; 2],
    x: &[f64],
    count: usize,
    dependence: DrawDependence,
) -> Drawn {
    let mut drawn = Drawn::default();
    list_values(rules, usize::MAX, [moved, unmoved], x, count, dependence, &mut drawn, |_| ());
    drawn
}

/// Adds the values of at most `most` outcomes of a draw in each enumeration of `rules`, and calls `each` after each
/// draw.
#[allow(clippy::too_many_arguments)]
fn list_values<M: LatentModel<f64>>(
    rules: &Rules,
    most: usize,
    [moved, unmoved]: [&ModelAtParams<M>; 2],
    x: &[f64],
    count: usize,
    dependence: DrawDependence,
    drawn: &mut Drawn,
    mut each: impl FnMut(&Enumerator),
) -> Coverage {
    let first = if dependence == DrawDependence::Fixed { unmoved } else { moved };
    let q = first.posterior(x, count);
    let second = (dependence == DrawDependence::Path).then(|| unmoved.posterior(x, count));
    if second.is_some() {
        drawn.unmoved = Some(Vec::new());
    }
    rules.for_each(most, |source, round| {
        q.sample(1, source).with(|z| drawn.moved.extend_from_slice(z));
        if let (Some(q), Some(unmoved)) = (&second, &mut drawn.unmoved) {
            // The same choices; the probability of an outcome is that of the last program that drew it.
            source.rewind();
            q.sample(1, source).with(|z| unmoved.extend_from_slice(z));
        }
        let (way, log_p) = rules.place(source, round);
        drawn.ways.push(way);
        drawn.log_p.push(log_p);
        each(source);
    })
}

/// The points of a draw at the parameters of the problem, for the choice of rules.
pub(super) fn points<M: LatentModel<f64>>(
    rules: &Rules,
    most: usize,
    model: &mut ModelAtParams<M>,
    x: &[f64],
    count: usize,
) -> (Vec<Point>, Coverage, [usize; 2]) {
    model.tape.clear();
    let (mut drawn, mut extents, mut numbers) = (Drawn::default(), Vec::new(), [0, 0]);
    let each = |source: &Enumerator| {
        extents.push(source.extent());
        numbers = source.continuous_numbers();
    };
    let total = DrawDependence::Total;
    let coverage = list_values(rules, most, [&*model, &*model], x, count, total, &mut drawn, each);
    if !matches!((rules, coverage), (Rules::Interleaved(_), Coverage::Complete { .. })) {
        return (Vec::new(), coverage, numbers);
    }
    let draws = drawn.log_p.len();
    let log_probs = model.log_probs(x, count, &drawn.moved, draws, false);
    let Drawn { ways, log_p, .. } = drawn;
    let outcomes = DrawOutcomes { rows: count, ways, log_p, at_moved: log_probs, at_unmoved: None };
    let point = |i: usize| {
        let value = outcomes.log_weight(i);
        let (log_p, rule) = (outcomes.log_p[i], outcomes.ways[i]);
        Point { log_p, rule, extent: extents[i], value, log_size: value }
    };
    ((0..draws).map(point).collect(), coverage, numbers)
}

/// The number of outcomes of all rules.
pub(super) fn listed<M: LatentModel<f64>>(
    rules: &Rules,
    model: &mut ModelAtParams<M>,
    x: &[f64],
    count: usize,
) -> usize {
    model.tape.clear();
    list(rules, [&*model, &*model], x, count, DrawDependence::Total).log_p.len()
}

impl Draws {
    /// About so many draws for each of the rows `x`, of which there are `count`.
    pub(super) fn new<M: LatentModel<f64>>(
        draws: usize,
        model: &mut ModelAtParams<M>,
        x: &[f64],
        count: usize,
    ) -> Self {
        let each = draws.div_ceil(RUNS);
        let mut z = Vec::new();
        for run in 0..RUNS {
            deadline::check();
            model.tape.clear();
            let source = &mut Enumerator::seeded(TRUTH_SEED, run as u64);
            model.posterior(x, count).sample(each, source).with(|drawn| z.extend_from_slice(drawn));
        }
        let LogProbs { log_q, .. } = model.log_probs(x, count, &z, RUNS * each, false);
        Self { count: RUNS * each, z, log_q }
    }

    /// The draws, cut into runs.
    fn drawn(&self, dependence: DrawDependence) -> Drawn {
        assert!(dependence != DrawDependence::Path, "draws that stand for outcomes do not move");
        let each = self.count / RUNS;
        let ways = (0..self.count).map(|i| i / each).collect();
        Drawn { moved: self.z.clone(), unmoved: None, ways, log_p: vec![0.0; self.count] }
    }
}

/// The seed of draws that stand for a truth; no other part of the library draws with it.
const TRUTH_SEED: u64 = 0x7472_7574_6800;
