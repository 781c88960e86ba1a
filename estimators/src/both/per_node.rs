//! Models whose latents are of several kinds: a strategy for each node.

use super::antithetic::{Pairs, merge, pairs};
use super::noise::{Noise, logistic};
use super::strategy::{choose, named};
use super::{Choice, DisArm, Strategy, Unfit};
use crate::estimator::{
    Claim, Cotangents, Estimator, Query, Work, copy_values, record_stats, require_samples,
};
use pathscore_autodiff::{Scalar, Tape, Var};
use pathscore_models::dist::{
    Bernoulli, Distribution, Entropy, Enumerable, Factorised, Kind, Layers, Node, Reparam, width,
};
use pathscore_models::latent::LatentModel;
use pathscore_models::{Params, RandomSource};
use smallvec::SmallVec;
use std::fmt;

/// An estimator for each node of a model whose nodes are drawn one after another.
///
/// With $f = \ln p(x, z) - \sum_i \ln q(z_i \mid z_{<i}, x)$, the nodes $P$ drawn along their paths from noise
/// $\varepsilon$ and the others $S$ as constants, the gradient of the ELBO is that of a stochastic computation graph
/// (Schulman, Heess, Weber and Abbeel 2015),
///
/// $$\nabla E f = E\Big[ \nabla_{\text{path}} \Big(\ln p(x, z) - \sum_{i \in P} \ln q(z_i \mid z_{<i})\Big) +
///   \sum_{i \in S} (f - b) \nabla \ln q(z_i \mid z_{<i}) \Big]$$
///
/// in one sweep back: each $\ln q$ is a function of the parameters *and* of the paths of the nodes before it,
/// and the derivative goes through both. (The terms $-\nabla \ln q(z_i)$ of $i \in S$ have mean zero for every
/// $\varepsilon$ and are left out.) Two strategies remove noise of bits and need more rows for it: [`Strategy::Sum`]
/// replaces a draw by $\sum_v q(v)(\dots)$, with the probability of its values for the weight of a row, and
/// [`Strategy::Pairs`] replaces the score by the difference of two opposite draws.
///
/// Columns, for a row of weight $W$ (one, without such nodes): $a = W/K$, $b = -W/K$ on paths and $W(f - b)/K$
/// elsewhere. It is unbiased for the ELBO's gradient, unless a biased strategy was named: the automatic
/// choice never takes one. Prefer it where latents are of several kinds; with one kind it is the estimator of its
/// strategy.
///
/// ```
/// use pathscore_estimators::{Estimator, Query, Work, both::PerNode};
/// use pathscore_models::latent::{Likelihood, MixedVae};
/// use pathscore_models::{Params, seed};
/// # use pathscore_autodiff::Activation;
/// let rng = &mut seed::rng(0, seed::Stream::Init, 0);
/// let (mut params, mut work) = (Params::<f64>::new(), Work::new());
/// let (tanh, bits) = (Activation::Tanh, Likelihood::Bernoulli);
/// let model = MixedVae::new(&mut params, 3, &[4], [1, 20], tanh, bits, rng);
/// let estimator = PerNode::of(&model, &params, 3, 2);
/// assert_eq!(
///     estimator.to_string(),
///     "1 normal: path (unbiased), its draws are a smooth function of noise\n\
///      20 bits: score (unbiased), no path leads through bits; the other draws are the baseline\n"
/// );
/// estimator.estimate(Query::new(&model, &params, &[1.0, 0.0, 1.0], 2), rng, &mut work);
/// assert!(work.gradient(params.len()).iter().all(|g| g.is_finite()));
/// ```
#[doc(alias = "stochastic computation graph")]
#[derive(Clone, Debug, PartialEq)]
pub struct PerNode {
    choices: Layers<Choice>,
}

impl PerNode {
    /// Chooses for each node, in the order of drawing, the unbiased strategy that suits its kind: a path where there is
    /// one, the sum of few values, else the score with the other of `samples` draws for a baseline, or, of a single
    /// draw, pairs.
    ///
    /// ```
    /// use pathscore_estimators::both::{PerNode, Strategy};
    /// use pathscore_models::dist::Kind;
    /// let strategies = |samples| {
    ///     let per_node = PerNode::automatic(&[Kind::Normal(2), Kind::Bits(3), Kind::Bits(200)], samples);
    ///     [0, 1, 2].map(|node| per_node.choices()[node].strategy)
    /// };
    /// assert_eq!(strategies(5), [Strategy::Path, Strategy::Sum, Strategy::Score]);
    /// assert_eq!(strategies(1), [Strategy::Path, Strategy::Sum, Strategy::Pairs]);
    /// ```
    pub fn automatic(kinds: &[Kind], samples: usize) -> Self {
        Self { choices: choose(kinds, samples) }
    }

    /// [`PerNode::automatic`] for the posterior of a model, given data of so many columns.
    pub fn of<F: Scalar, M>(model: &M, params: &Params<F>, columns: usize, samples: usize) -> Self
    where
        M: LatentModel<F>,
        for<'t> M::Posterior<'t>: Factorised<'t, F>,
    {
        let tape = Tape::new();
        let x = tape.constant_with([1, columns], |x| x.fill(F::ZERO));
        Self::automatic(&model.posterior(params.on(&tape), x).kinds(), samples)
    }

    /// Takes the given strategies, one for each node. A biased strategy is taken only in this way.
    ///
    /// ```
    /// use pathscore_estimators::both::{PerNode, Strategy};
    /// use pathscore_models::dist::Kind;
    /// let unfit = PerNode::named(&[Kind::Normal(2), Kind::Bits(9)], &[Strategy::Path, Strategy::Path]);
    /// assert_eq!(unfit.unwrap_err().to_string(), "node 2, 9 bits: the strategy `path` does not fit it");
    /// ```
    ///
    /// # Errors
    /// If a strategy does not fit its node, or there are not as many strategies as nodes.
    pub fn named(kinds: &[Kind], strategies: &[Strategy]) -> Result<Self, Unfit> {
        named(kinds, strategies).map(|choices| Self { choices })
    }

    /// The strategy of every node, in the order of drawing.
    pub fn choices(&self) -> &[Choice] {
        &self.choices
    }
}

/// Writes a line for each node.
impl fmt::Display for PerNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.choices.iter().try_for_each(|choice| writeln!(f, "{choice}"))
    }
}

/// The term of one node in $f$, of shape `[rows, batch]`.
struct Term<'t, F> {
    strategy: Strategy,
    /// $\ln q$ of the node's draws; of relaxed bits, $-H(q)$.
    log_q: Var<'t, F>,
    /// For pairs: the logits, the weights of the differences, and the cotangent of the logits.
    pairs: Option<(Var<'t, F>, Vec<F>, Vec<F>)>,
}

/// The nodes drawn so far, as in a trace of Pyro.
struct Trace<'t, F> {
    /// The number of rows for each member: $K$ times the rows that values and pairs add, those of later nodes
    /// outermost.
    rows: usize,
    batch: usize,
    drawn: Layers<Var<'t, F>>,
    terms: SmallVec<[Term<'t, F>; 4]>,
}

impl<'t, F: Scalar> Trace<'t, F> {
    /// Repeats the distributions or draws of a node for every row.
    fn spread(&self, x: Var<'t, F>) -> Var<'t, F> {
        x.broadcast_to([self.rows, self.batch, width(x)])
    }

    /// Draws a node with this parameter once for every row.
    fn rows_of(&self, parameter: Var<'t, F>, draw: impl FnOnce(usize) -> Var<'t, F>) -> Var<'t, F> {
        // A parameter with an axis of rows has a distribution for each row, from which one draw is taken.
        let own = parameter.shape().len() == 3;
        let drawn = draw(if own { 1 } else { self.rows });
        drawn.reshape([self.rows, self.batch, width(parameter)])
    }

    /// Repeats all rows `times` times.
    fn multiply(&mut self, times: usize) {
        let (rows, batch) = (self.rows, self.batch);
        self.rows *= times;
        let all = self.rows;
        for node in &mut self.drawn {
            let units = node.shape()[2];
            *node = node.broadcast_to([times, rows, batch, units]).reshape([all, batch, units]);
        }
        for term in &mut self.terms {
            term.log_q = term.log_q.broadcast_to([times, rows, batch]).reshape([all, batch]);
        }
    }

    /// Draws a node by a strategy.
    fn draw<R: RandomSource>(&mut self, strategy: Strategy, node: Node<'t, F>, rng: &mut R) {
        let mut of_pairs = None;
        let (value, log_q) = match (strategy, node) {
            (Strategy::Path, Node::Normal(q)) => {
                let z = self.rows_of(q.loc(), |count| q.rsample(count, rng));
                (z, q.log_prob(z))
            }
            (Strategy::Score, Node::Normal(q)) => {
                let z = self.rows_of(q.loc(), |count| q.sample(count, rng));
                (z, q.log_prob(z))
            }
            (Strategy::Score, Node::Bits(q)) => {
                let h = self.rows_of(q.logits(), |count| q.sample(count, rng));
                (h, q.log_prob(h))
            }
            (Strategy::Sum, Node::Bits(q)) => {
                let q = Bernoulli::from_logits_unchecked(self.spread(q.logits()));
                let values = q.enumerate_support();
                let log_q = q.log_prob(values);
                self.multiply(values.shape()[0]);
                let units = values.shape()[3];
                let h = values.reshape([self.rows, self.batch, units]);
                (h, log_q.reshape([self.rows, self.batch]))
            }
            (Strategy::Pairs, Node::Bits(q)) => {
                let logits = self.spread(q.logits());
                let (units, mut drawn) = (logits.shape()[2], Pairs::default());
                let flat = logits.reshape([self.rows * self.batch, units]);
                let h = pairs::<DisArm, F, R>(flat, 1, rng, &mut drawn);
                let log_q = Bernoulli::from_logits_unchecked(flat).detach().log_prob(h);
                self.multiply(2);
                of_pairs = Some((flat, drawn.weights, Vec::new()));
                let shape = [self.rows, self.batch];
                (h.reshape([shape[0], shape[1], units]), log_q.reshape(shape))
            }
            (Strategy::Concrete { temperature }, Node::Bits(q)) => {
                let eta = self.spread(q.logits());
                let (units, mut memory) = (eta.shape()[2], Noise::default());
                let flat = eta.reshape([self.rows * self.batch, units]);
                let noise = logistic(flat, 1, rng, &mut memory).reshape(eta.shape());
                let soft = ((eta + noise) * F::from_f64(1.0 / temperature)).sigmoid();
                (soft, -Bernoulli::from_logits_unchecked(eta).entropy())
            }
            (Strategy::StraightThrough, Node::Bits(q)) => {
                let eta = self.spread(q.logits());
                let p = eta.sigmoid();
                let bits = rng.bernoulli_var(p.detach(), eta.shape());
                (p + (bits - p.detach()), -Bernoulli::from_logits_unchecked(eta).entropy())
            }
            (strategy, _) => unreachable!("{strategy} was found to fit"),
        };
        self.drawn.push(value);
        self.terms.push(Term { strategy, log_q, pairs: of_pairs });
    }

    /// Computes $f$ of every row and the weight $W$ of the row: the probability of its values, and one half for each of
    /// a pair.
    fn weights(&self, joint: Var<'t, F>, signal: &mut Vec<F>, weight: &mut Vec<F>) {
        copy_values(joint, signal);
        weight.clear();
        weight.resize(signal.len(), F::ONE);
        for Term { strategy, log_q, .. } in &self.terms {
            log_q.with(|log_q| {
                for ((f, w), &log_q) in signal.iter_mut().zip(&mut *weight).zip(log_q) {
                    *f -= log_q;
                    match strategy {
                        Strategy::Sum => *w *= log_q.exp(),
                        Strategy::Pairs => *w *= F::from_f64(0.5),
                        _ => {}
                    }
                }
            });
        }
    }

    /// Computes the cotangents of the logits of pairs. Each of a pair has the weight one half in $W$, but their
    /// difference counts whole.
    fn merge_pairs(&mut self, signal: &[F], weight: &[F], share: F) {
        let mut sums = Vec::new();
        for (logits, weights, bars) in self.terms.iter_mut().filter_map(|term| term.pairs.as_mut())
        {
            let pairs = logits.shape()[0];
            sum_rows(signal, weight, 2 * pairs, &mut sums);
            let (first, second) = sums.split_at(pairs);
            let whole = first.iter().zip(second).map(|(&f, &g)| (share + share) * (f - g));
            merge(whole, weights, pairs, bars);
        }
    }
}

/// Computes $\sum_r W_r f_r$ over the rows of each draw, for the first `len` of them: rows that values and pairs have
/// added lie `len` apart.
fn sum_rows<F: Scalar>(signal: &[F], weight: &[F], len: usize, sums: &mut Vec<F>) {
    sums.clear();
    sums.resize(len, F::ZERO);
    let rows = signal.iter().zip(weight).enumerate();
    rows.for_each(|(i, (&f, &w))| sums[i % len] += w * f);
}

/// Fills the columns: $W/K$, $-W/K$ on paths, $W(f - b)/K$ on scores. `values` are the sums over the rows of each
/// draw; the baseline of a draw is the mean of the other draws of the member, which is independent of it.
fn fill<F: Scalar>(
    Cotangents { log_joint, log_q, path, .. }: &mut Cotangents<F>,
    [signal, weight, values]: [&[F]; 3],
    batch: usize,
    share: F,
) {
    [&mut *log_joint, &mut *log_q, &mut *path].into_iter().for_each(Vec::clear);
    let of_member = |b: usize| values[b..].iter().step_by(batch).copied().sum::<F>();
    let totals: SmallVec<[F; 64]> = (0..batch).map(of_member).collect();
    let draws = values.len() / batch.max(1);
    for (i, (&f, &w)) in signal.iter().zip(weight).enumerate() {
        let others = totals[i % batch] - values[i % values.len()];
        let baseline = if draws > 1 { others / F::from_f64(draws as f64 - 1.0) } else { F::ZERO };
        log_joint.push(share * w);
        path.push(-share * w);
        log_q.push(share * w * (f - baseline));
    }
}

/// The working memory of [`PerNode`].
#[derive(Debug, Default)]
struct Scratch<F> {
    /// $f$ of every row.
    signal: Vec<F>,
    /// $W$ of every row.
    weight: Vec<F>,
    /// $\sum_r W_r f_r$ of every draw.
    values: Vec<F>,
}

impl<F, M> Estimator<F, M> for PerNode
where
    F: Scalar,
    M: LatentModel<F>,
    for<'t> M::Posterior<'t>: Factorised<'t, F>,
{
    fn claim(&self) -> Claim {
        let all = |claim| self.choices.iter().all(|choice| choice.strategy.claim() == claim);
        let biased = self.choices.iter().any(|choice| choice.strategy.claim() == Claim::Biased);
        match biased {
            true => Claim::Biased,
            false if all(Claim::Exact) => Claim::Exact,
            false => Claim::Unbiased,
        }
    }

    /// # Panics
    /// If the nodes are not those that the strategies were chosen for.
    fn estimate<R: RandomSource>(&self, query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F {
        let Query { model, params, batch, samples, scale, .. } = query;
        require_samples(samples, 1);
        work.tape.clear();
        let Work { tape, grads, stats, cotangents, scratch, .. } = work;
        let Scratch { signal, weight, values } = scratch.of::<Scratch<F>>();
        let bound = params.on(tape);
        let x = query.rows(tape);
        let q = model.posterior(bound, x);
        let kinds = q.kinds();
        assert!(
            kinds.iter().eq(self.choices.iter().map(|choice| &choice.kind)),
            "strategies for the nodes of another model: {self}"
        );
        let (drawn, terms) = Default::default();
        let mut trace = Trace { rows: samples, batch, drawn, terms };
        for choice in &self.choices {
            trace.draw(choice.strategy, q.node(&trace.drawn), rng);
        }
        let joint = model.log_joint(bound, x, q.join(&trace.drawn));
        trace.weights(joint, signal, weight);
        let share = scale / F::from_f64(samples as f64);
        trace.merge_pairs(signal, weight, share);
        sum_rows(signal, weight, samples * batch, values);
        fill(cotangents, [signal, weight, values], batch, share);
        let mut pulled: SmallVec<[(Var<F>, &[F]); 6]> = SmallVec::new();
        pulled.push((joint, &cotangents.log_joint[..]));
        for term in &trace.terms {
            pulled.push(match (&term.pairs, term.strategy) {
                (Some((logits, _, bars)), _) => (*logits, &bars[..]),
                (None, Strategy::Score | Strategy::Sum) => (term.log_q, &cotangents.log_q[..]),
                (None, _) => (term.log_q, &cotangents.path[..]),
            });
        }
        tape.pull_into(&pulled, &[], grads);
        let value = values.iter().copied().sum::<F>() / F::from_f64(samples as f64);
        record_stats(stats, batch, value)
    }
}
