//! Antithetic pairs for the bound of several draws (Dong, Mnih and Tucker 2020, their section on
//! multi-sample bounds).

use super::antithetic::{Coupling, Pairs, merge, pairs};
use crate::estimator::{
    Estimator, LogWeights, Query, Work, copy_values, record_stats, require_samples,
};
use crate::target::Target;
use pathscore_autodiff::Scalar;
use pathscore_models::RandomSource;
use pathscore_models::dist::{Bits, Distribution};
use pathscore_models::latent::LatentModel;

/// The gradient of $L_K = E \ln \frac1K \sum_k w_k$ from $K$ pairs $(b_k, \tilde b_k)$, drawn by the coupling `C`:
/// [`Arm`](super::Arm) or, better, [`DisArm`](super::DisArm).
///
/// With the other draws fixed, $L_K$ is an expectation of a function of one draw,
/// $F_k(d) = \ln \frac1K (w(d) + \sum_{j \ne k} w(b_j))$, and a pair estimates its derivative:
///
/// $$\sum_k (F_k(b_k) - F_k(\tilde b_k)) \mathrm{weight}_k \nabla\eta + \sum_k \tilde w_k \nabla f_k.$$
///
/// The partners are $K$ independent draws as well, so each sum is taken a second time with the two sides
/// exchanged, at no cost, and halved. Columns: $a = \tilde w_k$, $b = -\tilde w_k$ on
/// $\ln q(z_k \mid x)$, both halved, and the differences on the logits: $-\sum_k \tilde w_k \nabla \ln q$ does *not*
/// have mean zero, as it does for one draw. It is unbiased for the gradient of $L_K$ for every $K \ge 1$.
///
/// It costs $2K$ evaluations, since $L_K$ is of *independent* draws: the $K$ draws of $K/2$ pairs would make
/// another bound. Prefer it to [`Vimco`](crate::score::Vimco) of $2K$ draws where the bound of $K$ is wanted
/// and $f$ is nearly linear in the bits.
///
/// ```
/// use pathscore_estimators::both::{DisArm, Many};
/// use pathscore_estimators::{Estimator, Query, Work};
/// use pathscore_models::{Params, latent::SmallBelief, seed};
/// let rng = &mut seed::rng(0, seed::Stream::Init, 0);
/// let (mut params, mut work) = (Params::<f64>::new(), Work::new());
/// let model = SmallBelief::known(&mut params, rng);
/// let query = Query::new(&model, &params, &[1.0, 0.0, 1.0], 1000);
/// let bound = Many(DisArm).estimate(query, rng, &mut work);
/// // L₁₀₀₀ is ln p(x) but for some 2·10⁻⁴; one mean of 2000 weights is within 0.1.
/// assert!((bound + 2.5577).abs() < 0.1);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Many<C>(pub C);

/// The working memory of [`Many`].
#[derive(Debug, Default)]
struct Scratch<F> {
    pairs: Pairs<F>,
    /// $F_k(b_k) - F_k(\tilde b_k)$, draws outermost.
    differences: Vec<F>,
    /// The cotangent of the logits.
    logits: Vec<F>,
}

/// $F(b) - F(\tilde b)$ by the sum over the other draws and the two values' own weights; of two bounds
/// that are both $-\infty$, zero.
fn difference<F: Scalar>(others: F, f: F, partner: F) -> F {
    let (a, b) = (others.log_add_exp(f), others.log_add_exp(partner));
    if a == b { F::ZERO } else { a - b }
}

impl<F, M, C> Estimator<F, M> for Many<C>
where
    F: Scalar,
    M: LatentModel<F>,
    for<'t> M::Posterior<'t>: Bits<'t, F>,
    C: Coupling,
{
    fn target(&self) -> Target {
        Target::Bound
    }

    fn estimate<R: RandomSource>(&self, query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F {
        let Query { model, params, batch, samples, scale, .. } = query;
        require_samples(samples, 1);
        work.tape.clear();
        let Work { tape, grads, stats, cotangents, log_joint, log_q, scratch, .. } = work;
        let Scratch { pairs: drawn, differences, logits } = scratch.of::<Scratch<F>>();
        let params = params.on(tape);
        let x = query.rows(tape);
        let q = model.posterior(params, x);
        let z = pairs::<C, F, R>(q.logits(), samples, rng, drawn);
        let (joint, of_q) = (model.log_joint(params, x, z), q.log_prob(z));
        copy_values(joint, log_joint);
        copy_values(of_q, log_q);

        let one_side = samples * batch;
        let half = F::from_f64(0.5);
        let side = |i: usize| {
            let rows = i * one_side..(i + 1) * one_side;
            LogWeights::new(samples, batch, &log_joint[rows.clone()], &log_q[rows])
        };
        let sides = [side(0), side(1)];
        // Each side in turn provides the other draws, bⱼ or b̃ⱼ, and contributes half of the estimate.
        differences.clear();
        differences.resize(one_side, F::ZERO);
        let mut bound = F::ZERO;
        for w in sides {
            for b in 0..batch {
                let others = w.others(b, &mut cotangents.others);
                bound += half * w.bound(b);
                for k in 0..samples {
                    let [f, partner] = sides.map(|side| side.log_weight(k, b));
                    differences[k * batch + b] +=
                        half * scale * difference(others.log_sum(k), f, partner);
                }
            }
        }
        merge(differences.iter().copied(), &drawn.weights, batch, logits);
        cotangents.log_joint.clear();
        cotangents.log_joint.resize(2 * one_side, F::ZERO);
        for (w, column) in sides.iter().zip(cotangents.log_joint.chunks_exact_mut(one_side)) {
            for b in 0..batch {
                let share = w.normalised(b);
                (0..samples).for_each(|k| column[k * batch + b] = half * scale * share(k));
            }
        }
        cotangents.log_q.clear();
        cotangents.log_q.extend(cotangents.log_joint.iter().map(|&a| -a));
        let pulled = [
            (joint, &cotangents.log_joint[..]),
            (of_q, &cotangents.log_q[..]),
            (q.logits(), &logits[..]),
        ];
        tape.pull_into(&pulled, &[], grads);
        record_stats(stats, batch, bound)
    }
}
