//! What an estimator is; most are a way to draw and two columns of numbers.

use crate::draw::Draw;
use crate::target::Target;
use pathscore_autodiff::{Grads, Real, Scalar, Tape, Var};
use pathscore_models::latent::LatentModel;
use pathscore_models::{Params, RandomSource};

/// The log-probabilities of `draws` draws for each of `batch` members.
#[derive(Clone, Copy, Debug)]
pub struct LogWeights<'a, F> {
    draws: usize,
    batch: usize,
    log_joint: &'a [F],
    log_q: &'a [F],
}

impl<'a, F: Scalar> LogWeights<'a, F> {
    /// From two columns of `draws × batch` numbers, draws outermost.
    ///
    /// # Panics
    /// If a column has another length.
    pub fn new(draws: usize, batch: usize, log_joint: &'a [F], log_q: &'a [F]) -> Self {
        assert!(log_joint.len() == draws * batch && log_q.len() == draws * batch);
        Self { draws, batch, log_joint, log_q }
    }

    /// $K$.
    pub fn draws(&self) -> usize {
        self.draws
    }

    /// The number of members.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// $f_k = \ln w_k = \ln p(x_b, z_k) - \ln q(z_k \mid x_b)$.
    pub fn log_weight(&self, k: usize, b: usize) -> F {
        let at = k * self.batch + b;
        self.log_joint[at] - self.log_q[at]
    }

    /// $\ln q(z_k \mid x_b)$.
    pub fn log_q(&self, k: usize, b: usize) -> F {
        self.log_q[k * self.batch + b]
    }

    /// $\frac1K \sum_k f_k$.
    pub fn mean(&self, b: usize) -> F {
        let sum: F = (0..self.draws).map(|k| self.log_weight(k, b)).sum();
        sum / F::from_f64(self.draws as f64)
    }

    /// $\hat L = \ln \frac1K \sum_k w_k$; $-\infty$ if every weight is zero.
    pub fn bound(&self, b: usize) -> F {
        self.log_mean(F::ONE, b)
    }

    /// $\ln \frac1K \sum_k w_k^{\beta}$; $-\infty$ if every power is zero.
    pub fn log_mean(&self, beta: F, b: usize) -> F {
        let none = F::from_f64(f64::NEG_INFINITY);
        let power = |k| beta * self.log_weight(k, b);
        let top = (0..self.draws).map(power).fold(none, Real::max);
        if !top.is_finite() {
            return top;
        }
        let sum: F = (0..self.draws).map(|k| (power(k) - top).exp()).sum();
        top + (sum / F::from_f64(self.draws as f64)).ln()
    }

    /// Rényi's bound, $\frac{1}{1 - \alpha} \ln \frac1K \sum_k w_k^{1 - \alpha}$; at $\alpha = 1$ its limit
    /// $\frac1K \sum_k f_k$.
    pub fn renyi_bound(&self, alpha: f64, b: usize) -> F {
        let beta = F::from_f64(1.0 - alpha);
        if alpha == 1.0 { self.mean(b) } else { self.log_mean(beta, b) / beta }
    }

    /// $\tilde w_k = w_k / \sum_j w_j$ as a function of $k$; zero for all if every weight is zero.
    pub fn normalised(self, b: usize) -> impl Fn(usize) -> F + 'a {
        self.tempered(F::ONE, b)
    }

    /// $\ln \sum_{j \ne k} w_j$ for every draw $k$ of member $b$, into the places of a column; $-\infty$ if
    /// there is none or all are zero. Running sums from either end, without a difference.
    pub(crate) fn log_sums_of_others(&self, b: usize, column: &mut [F]) {
        let mut before = F::from_f64(f64::NEG_INFINITY);
        let mut behind = before;
        for k in 0..self.draws {
            column[k * self.batch + b] = before;
            before = before.log_add_exp(self.log_weight(k, b));
        }
        for k in (0..self.draws).rev() {
            let at = k * self.batch + b;
            column[at] = column[at].log_add_exp(behind);
            behind = behind.log_add_exp(self.log_weight(k, b));
        }
    }

    /// $1 / \sum_k \tilde w_k^2$, the effective sample size: $K$ if all weights are equal, 1 if one has
    /// everything, zero if every weight is zero.
    ///
    /// ```
    /// let log_w = [0.5_f64.ln(), 0.25_f64.ln(), 0.25_f64.ln()];
    /// let w = pathscore_estimators::LogWeights::new(3, 1, &log_w, &[0.0; 3]);
    /// assert!((w.effective_draws(0) - 1.0 / 0.375).abs() < 1e-12);
    /// ```
    pub fn effective_draws(&self, b: usize) -> F {
        let share = self.normalised(b);
        let squares: F = (0..self.draws).map(|k| share(k) * share(k)).sum();
        if squares == F::ZERO { F::ZERO } else { F::ONE / squares }
    }

    /// $w_k^{\beta} / \sum_j w_j^{\beta}$ as a function of $k$; zero for all if every power is zero.
    pub fn tempered(self, beta: F, b: usize) -> impl Fn(usize) -> F + 'a {
        let (mean, draws) = (self.log_mean(beta, b), F::from_f64(self.draws as f64));
        let none = mean == F::from_f64(f64::NEG_INFINITY);
        move |k| {
            let share = (beta * self.log_weight(k, b) - mean).exp() / draws;
            if none { F::ZERO } else { share }
        }
    }
}

/// The columns of an estimator: what the adjoints of $\ln p(x, z_k)$ and $\ln q(z_k \mid x)$ are seeded with,
/// and what the adjoint of $z_k$ is multiplied by.
#[derive(Clone, Debug, Default)]
pub struct Cotangents<F> {
    /// $a$, draws outermost.
    pub log_joint: Vec<F>,
    /// $b$, draws outermost.
    pub log_q: Vec<F>,
    /// $c$, the weight of the path, draws outermost; if it is left empty, one. It is heard by draws along
    /// [`StoppedPath`](crate::draw::StoppedPath).
    pub path: Vec<F>,
}

impl<F: Scalar> Cotangents<F> {
    /// Fills both columns: `member(b)` prepares what the draws of member $b$ have in common and gives a
    /// function of $k$ whose values are $(a_k, b_k)$.
    pub fn fill<G: Fn(usize) -> (F, F)>(&mut self, w: &LogWeights<F>, member: impl Fn(usize) -> G) {
        let len = w.draws * w.batch;
        self.log_joint.resize(len, F::ZERO);
        self.log_q.resize(len, F::ZERO);
        for b in 0..w.batch {
            let column = member(b);
            for k in 0..w.draws {
                (self.log_joint[k * w.batch + b], self.log_q[k * w.batch + b]) = column(k);
            }
        }
    }
}

/// What an estimator says of its mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Claim {
    /// It is the gradient of the bound.
    Unbiased,
    /// It is the gradient of the bound without any randomness.
    Exact,
    /// It is the gradient of the bound with some components, always the same, times one factor between
    /// zero and one, as a normalised signal makes it.
    Shrunk,
    /// It is not the gradient of the bound.
    Biased,
}

impl Claim {
    /// Whether it is the gradient on average, so that variances can be compared.
    pub fn is_unbiased(self) -> bool {
        matches!(self, Self::Unbiased | Self::Exact)
    }
}

impl std::fmt::Display for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unbiased => "unbiased",
            Self::Exact => "exact",
            Self::Shrunk => "shrunk",
            Self::Biased => "biased",
        })
    }
}

/// What a gradient is asked of: a model with its parameters, and a batch.
#[derive(Debug)]
pub struct Query<'a, F, M> {
    /// The model.
    pub model: &'a M,
    /// Its parameters.
    pub params: &'a Params<F>,
    /// The batch, row by row.
    pub x: &'a [F],
    /// The number of rows.
    pub batch: usize,
    /// $K$, the draws for each row.
    pub samples: usize,
    /// What the gradient, summed over the batch, is multiplied by.
    pub scale: F,
}

impl<F: Copy, M> Clone for Query<'_, F, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F: Copy, M> Copy for Query<'_, F, M> {}

impl<'a, F: Scalar, M> Query<'a, F, M> {
    /// One row `x` with `samples` draws.
    pub fn new(model: &'a M, params: &'a Params<F>, x: &'a [F], samples: usize) -> Self {
        Self { model, params, x, batch: 1, samples, scale: F::ONE }
    }

    /// The batch on a tape, shape `[batch, columns]`.
    pub fn rows<'t>(&self, tape: &'t Tape<F>) -> Var<'t, F> {
        rows(tape, self.x, self.batch)
    }
}

/// Leaves what [`Estimator::observe`] is told of a batch, its size and the sum of the bound, and returns that sum.
pub(crate) fn record_stats<F: Scalar>(stats: &mut Vec<f64>, batch: usize, bound: F) -> F {
    stats.clear();
    stats.extend([batch as f64, bound.to_f64()]);
    bound
}

/// `batch` rows of numbers on a tape.
pub(crate) fn rows<'t, F: Scalar>(tape: &'t Tape<F>, x: &[F], batch: usize) -> Var<'t, F> {
    tape.constant(x, [batch, x.len() / batch.max(1)])
}

/// The memory of one gradient, used again by the next.
#[derive(Debug, Default)]
pub struct Work<F> {
    /// Where the model is recorded; its entries stay until the next gradient or [`Work::release`].
    pub tape: Tape<F>,
    /// The adjoints; the first are those of the parameters.
    pub grads: Grads<F>,
    /// What the last estimate saw, as sums over the members of its batch, so that the sums of two pieces
    /// of a batch add up to those of the whole; [`Estimator::observe`] is told them.
    pub stats: Vec<f64>,
    /// The adjoints of a second sweep, for estimators that take one.
    pub(crate) spare: Grads<F>,
    pub(crate) cotangents: Cotangents<F>,
    /// The adjoint of logits, for estimators of bits.
    pub(crate) logits: Vec<F>,
    pub(crate) log_joint: Vec<F>,
    pub(crate) log_q: Vec<F>,
}

impl<F: Scalar> Work<F> {
    /// Nothing yet.
    pub fn new() -> Self {
        Self {
            tape: Tape::new(),
            grads: Grads::new(),
            stats: Vec::new(),
            spare: Grads::new(),
            cotangents: Cotangents { log_joint: Vec::new(), log_q: Vec::new(), path: Vec::new() },
            logits: Vec::new(),
            log_joint: Vec::new(),
            log_q: Vec::new(),
        }
    }

    /// The gradient with respect to the first `len` parameters that the last estimate left.
    pub fn gradient(&self, len: usize) -> &[F] {
        self.grads.leading(len)
    }

    /// Gives back the parameters, which are shared with the tape only while it needs them: an optimiser
    /// can now change them in place.
    pub fn release(&mut self) {
        self.tape.clear();
    }
}

/// Estimates the gradient of a bound of models of type `M`.
///
/// Most estimators are [`Columns`], and those are estimators of every model that can be drawn from as
/// they need. What has another form implements this trait itself.
pub trait Estimator<F: Scalar, M>: Sync {
    /// The quantity whose gradient it estimates.
    fn target(&self) -> Target {
        Target::Elbo
    }

    /// What its mean is.
    fn claim(&self) -> Claim {
        Claim::Unbiased
    }

    /// The fewest draws it can work with.
    fn min_samples(&self) -> usize {
        1
    }

    /// Estimates the gradient of the bound, summed over the batch and times [`Query::scale`], into
    /// `work`; returns the sum of the bound over the batch.
    ///
    /// # Panics
    /// If the query asks for fewer draws than [`Estimator::min_samples`].
    fn estimate<R: RandomSource>(&self, query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F;

    /// Learns from a batch after its gradient was taken: `stats` is what its estimates left in
    /// [`Work::stats`], summed. What is learnt here can only be used by later batches, so it is independent
    /// of their draws.
    fn observe(&mut self, stats: &[f64]) {
        let _ = stats;
    }

    /// What it has learnt, for a checkpoint.
    fn state(&self) -> Vec<f64> {
        Vec::new()
    }

    /// Takes up what was learnt before.
    fn restore(&mut self, state: &[f64]) {
        let _ = state;
    }
}

/// An estimator that is two columns of numbers: how it draws and what the columns are.
pub trait Columns: Sync {
    /// How $z$ is drawn: one of the types of [`draw`](crate::draw).
    type Draw;

    /// The quantity whose gradient is estimated.
    fn target(&self) -> Target {
        Target::Elbo
    }

    /// What its mean is.
    fn claim(&self) -> Claim {
        Claim::Unbiased
    }

    /// The fewest draws it can work with.
    fn min_samples(&self) -> usize {
        1
    }

    /// Fills the columns.
    fn cotangents<F: Scalar>(&self, w: &LogWeights<F>, cotangents: &mut Cotangents<F>);

    /// The value whose gradient is estimated, for member `b`.
    fn bound<F: Scalar>(&self, w: &LogWeights<F>, b: usize) -> F {
        w.mean(b)
    }

    /// Learns from the mean bound of a batch, after its gradient was taken; see [`Estimator::observe`].
    fn observe(&mut self, mean: f64) {
        let _ = mean;
    }

    /// See [`Estimator::state`].
    fn state(&self) -> Vec<f64> {
        Vec::new()
    }

    /// See [`Estimator::restore`].
    fn restore(&mut self, state: &[f64]) {
        let _ = state;
    }
}

impl<F, M, C> Estimator<F, M> for C
where
    F: Scalar,
    M: LatentModel<F>,
    C: Columns,
    C::Draw: Draw<F, M>,
{
    fn target(&self) -> Target {
        Columns::target(self)
    }

    fn claim(&self) -> Claim {
        Columns::claim(self)
    }

    fn min_samples(&self) -> usize {
        Columns::min_samples(self)
    }

    fn estimate<R: RandomSource>(&self, query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F {
        let Query { model, params, batch, samples, scale, .. } = query;
        let least = Columns::min_samples(self);
        assert!(samples >= least, "this estimator needs at least {least} samples, not {samples}");
        work.tape.clear();
        let Work { tape, grads, stats, cotangents, log_joint, log_q, .. } = work;
        let x = query.rows(tape);
        let drawn = C::Draw::record(model, params.on(tape), x, samples, rng);
        let draws = drawn.log_joint.size() / batch.max(1);
        for (column, var) in [(&mut *log_joint, drawn.log_joint), (&mut *log_q, drawn.log_q)] {
            column.clear();
            var.with(|values| column.extend_from_slice(values));
        }
        let w = LogWeights::new(draws, batch, log_joint, log_q);
        cotangents.path.clear();
        self.cotangents(&w, cotangents);
        cotangents
            .log_joint
            .iter_mut()
            .chain(&mut cotangents.log_q)
            .for_each(|seed| *seed *= scale);
        let pulled =
            [(drawn.log_joint, &cotangents.log_joint[..]), (drawn.log_q, &cotangents.log_q[..])];
        let gates = [(drawn.z, &cotangents.path[..])];
        tape.pull_into(&pulled, &gates[..usize::from(!cotangents.path.is_empty())], grads);
        let bound: F = (0..batch).map(|b| self.bound(&w, b)).sum();
        record_stats(stats, batch, bound)
    }

    fn observe(&mut self, stats: &[f64]) {
        Columns::observe(self, stats[1] / stats[0]);
    }

    fn state(&self) -> Vec<f64> {
        Columns::state(self)
    }

    fn restore(&mut self, state: &[f64]) {
        Columns::restore(self, state);
    }
}
