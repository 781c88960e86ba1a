//! Score matching (Hyvärinen 2005), exact, sliced (Song et al. 2019) and denoising (Vincent 2011).

use crate::estimator::{Claim, Estimator, Query, record_stats, require_samples};
use crate::target::Target;
use crate::work::Work;
use pathscore_autodiff::{Scalar, Tape, Var};
use pathscore_models::energy::RealEnergy;
use pathscore_models::{Bound, RandomSource};

/// Score matching: the model's score $s = \nabla_x \ln p(x) = -\nabla_x E(x)$ is fitted to that of the data, without $Z$.
///
/// $$-J = -\sum_b \Big( \tfrac12 \Vert s(x_b) \Vert^2 + \mathrm{tr} \nabla_x s(x_b) \Big)
///      = -\sum_b \Big( \tfrac12 \Vert \nabla E(x_b) \Vert^2 - \mathrm{tr} \nabla^2 E(x_b) \Big)$$
///
/// Up to a constant, $E J$ is half the squared distance of the scores under the data (Hyvärinen 2005), provided that the data
/// have a smooth density on all of $\mathbb R^D$. The trace is the sum of the $D$ diagonal second derivatives, not their mean.
/// The gradient is exact. It costs $D$ Hessian-vector products, recorded for all columns at once, so that memory grows with
/// $D$ times the rows: for many columns prefer [`SlicedScoreMatching`]. The query's `samples` have no effect.
///
/// For $E = \frac12 \lambda (x - m)^2$ it is $J = \frac12 \lambda^2 (\mathrm{Var} + (\bar x - m)^2) - \lambda$ for each
/// row, with its least value at $\lambda = 1/\mathrm{Var}$.
///
/// ```
/// use pathscore_estimators::{Estimator, Query, Work, energy::ScoreMatching};
/// use pathscore_models::energy::{GaussianEnergy, NormalBase};
/// use pathscore_models::{Params, seed};
/// let (mut params, rng) = (Params::<f64>::new(), &mut seed::rng(0, seed::Stream::Init, 0));
/// let model = GaussianEnergy::new(&mut params, NormalBase::new(vec![0.0], vec![0.5]), rng);
/// let value = ScoreMatching.estimate(Query::new(&model, &params, &[2.0], 1), rng, &mut Work::new());
/// // λ = 4: −(½ · 16 · 4 − 4).
/// assert_eq!(value, -28.0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScoreMatching;

/// The law of the directions of [`SlicedScoreMatching`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Directions {
    /// Independent signs: the trace of a diagonal Hessian is exact for every draw.
    #[default]
    Rademacher,
    /// Independent standard normal numbers.
    Normal,
}

/// Sliced score matching (Song, Garg, Shi and Ermon 2019), with the norm of the score computed exactly:
///
/// $$-\sum_b \Big( \tfrac12 \Vert s(x_b) \Vert^2 + \frac1K \sum_k v_k^\top \nabla_x s(x_b) v_k \Big), \qquad
///   E v v^\top = I.$$
///
/// It is unbiased for the value and gradient of [`ScoreMatching`], with $K$ directions (the query's `samples`) for each row. A
/// Hessian-vector product replaces the $D$ of the exact trace. The variance of one direction is $2 \sum_{i \neq j} H_{ij}^2$ for
/// signs, and $2 \sum_{ij} H_{ij}^2$ for normal numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SlicedScoreMatching {
    /// The law of the directions $v$.
    pub directions: Directions,
}

/// Denoising score matching (Vincent 2011): the score of the model at a noisy row is fitted to the direction back to the row,
///
/// $$-\sum_b \frac1K \sum_k \tfrac12 \Big\Vert s(x_b + \sigma\varepsilon_k) + \frac{\varepsilon_k}{\sigma} \Big\Vert^2,
///   \qquad s = -\nabla_x E.$$
///
/// It is unbiased for a quantity that differs by a constant from score matching of the data *with noise*, so that it fits the
/// density of $x + \sigma\varepsilon$ and not that of $x$: for the normal energy the precision becomes $1/(\mathrm{Var} +
/// \sigma^2)$. It needs no second derivative in $x$ for its value, and one mixed one for its gradient. With the sign of the score or of
/// the noise reversed, it learns the inverted energy. The scale $\sigma$ is in units of the scales of the model's base.
///
/// The variance of the gradient grows as $1/\sigma^2$ for small $\sigma$.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DenoisingScoreMatching {
    /// $\sigma$, positive, in units of the scales of the base.
    pub noise: f64,
}

/// $\nabla_x E$ and $v^\top \nabla_x^2 E v$ of every row of `x` along the rows of `v`.
fn slopes<'t, F: Scalar, M: RealEnergy<F>>(
    model: &M,
    params: Bound<'t, F>,
    x: Var<'t, F>,
    v: Var<'t, F>,
) -> [Var<'t, F>; 2] {
    let slope = model.energy(params, x).grad(&[x])[0];
    let curved = slope.jvp(&[x], &[v]);
    [slope, (curved * v).sum_axis(-1)]
}

/// The rows of `x` of shape `[rows, columns]`, `copies` times one behind the other.
fn copied<'t, F: Scalar>(x: Var<'t, F>, copies: usize) -> Var<'t, F> {
    let shape = x.shape();
    let (rows, columns) = (shape[0], shape[1]);
    if copies == 1 {
        return x;
    }
    x.broadcast_to([copies, rows, columns]).reshape([copies * rows, columns])
}

/// Pulls back a number that is maximised, and returns it.
fn pull<F: Scalar>(
    objective: Var<'_, F>,
    (tape, grads): (&Tape<F>, &mut pathscore_autodiff::Grads<F>),
    (stats, batch, scale): (&mut Vec<f64>, usize, F),
) -> F {
    tape.pull_into(&[(objective, &[scale])], &[], grads);
    record_stats(stats, batch, objective.item())
}

/// $-\sum_b (\frac12 \Vert \nabla E \Vert^2 - w \sum_k v_k^\top \nabla^2 E v_k)$ with `copies` directions for each row.
fn matched<F: Scalar, M: RealEnergy<F>>(
    query: Query<F, M>,
    work: &mut Work<F>,
    (copies, weight): (usize, f64),
    directions: impl for<'t> FnOnce(&'t Tape<F>, [usize; 2]) -> Var<'t, F>,
) -> F {
    let Query { model, params, batch, scale, .. } = query;
    work.tape.clear();
    let Work { tape, grads, stats, .. } = work;
    let (tape, bound) = (&*tape, params.on(tape));
    let x = copied(query.rows(tape), copies);
    let shape = x.shape();
    let v = directions(tape, [shape[0], shape[1]]);
    let [slope, curvature] = slopes(model, bound, x, v);
    let squares = slope.slice(0, 0..batch).sum_squares(-1).sum();
    let objective = curvature.sum() * F::from_f64(weight) - squares * F::from_f64(0.5);
    pull(objective, (tape, grads), (stats, batch, scale))
}

impl<F: Scalar, M: RealEnergy<F>> Estimator<F, M> for ScoreMatching {
    fn target(&self) -> Target {
        Target::Criterion("score matching")
    }

    fn claim(&self) -> Claim {
        Claim::Exact
    }

    fn estimate<R: RandomSource>(&self, query: Query<F, M>, _: &mut R, work: &mut Work<F>) -> F {
        let columns = query.model.base().columns();
        matched(query, work, (columns, 1.0), |tape, [rows, columns]| {
            let batch = rows / columns;
            tape.constant_with([rows, columns], |to| {
                to.fill(F::ZERO);
                for (row, to) in to.chunks_exact_mut(columns).enumerate() {
                    to[row / batch] = F::ONE;
                }
            })
        })
    }
}

impl<F: Scalar, M: RealEnergy<F>> Estimator<F, M> for SlicedScoreMatching {
    fn target(&self) -> Target {
        Target::Criterion("score matching")
    }

    fn estimate<R: RandomSource>(&self, query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F {
        let samples = query.samples;
        require_samples(samples, 1);
        matched(query, work, (samples, 1.0 / samples as f64), |tape, shape| match self.directions {
            Directions::Normal => rng.normal_var(tape, shape.into()),
            Directions::Rademacher => {
                let half = tape.constant(&[F::from_f64(0.5)], [1]);
                let bits = rng.bernoulli_var(half, shape.into());
                bits * F::from_f64(2.0) - F::ONE
            }
        })
    }
}

impl<F: Scalar, M: RealEnergy<F>> Estimator<F, M> for DenoisingScoreMatching {
    fn target(&self) -> Target {
        Target::Criterion("denoising score matching")
    }

    fn estimate<R: RandomSource>(&self, query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F {
        let Query { model, params, batch, samples, scale, .. } = query;
        require_samples(samples, 1);
        work.tape.clear();
        let Work { tape, grads, stats, .. } = work;
        let (tape, bound) = (&*tape, params.on(tape));
        let x = copied(query.rows(tape), samples);
        let sigma = model.base().scale();
        let sigma = tape.constant_with([sigma.len()], |to| {
            to.iter_mut().zip(sigma).for_each(|(to, s)| *to = F::from_f64(self.noise * s));
        });
        let eps = rng.normal_var(tape, x.shape());
        let noisy = x + eps * sigma;
        // −s + (x − x̃)/σ² with x − x̃ = −σε.
        let miss = model.energy(bound, noisy).grad(&[noisy])[0] - eps / sigma;
        let objective = miss.sum_squares(-1).sum() * F::from_f64(-0.5 / samples as f64);
        pull(objective, (tape, grads), (stats, batch, scale))
    }
}
