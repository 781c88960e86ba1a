//! Reweighted wake-sleep (Bornschein and Bengio 2015).

use crate::draw::{Draw, Score};
use crate::estimator::{
    Claim, Columns, Cotangents, Estimator, LogWeights, Query, Work, copy_values,
};
use crate::target::Target;
use pathscore_autodiff::Scalar;
use pathscore_models::RandomSource;
use pathscore_models::dist::Distribution;
use pathscore_models::latent::Generative;

/// Both wake phases: the model and the posterior learn from the same weighted draws.
///
/// $$\nabla_\theta: \sum_k \tilde w_k \nabla \ln p(x, z_k), \qquad
///   \nabla_\varphi: \sum_k \tilde w_k \nabla \ln q(z_k \mid x)$$
///
/// Columns: $a = \tilde w_k$, $b = +\tilde w_k$, path 0. For the model it is unbiased for the gradient of $L_K$.
/// For the posterior it follows no bound on $\ln p(x)$ but $-\nabla \mathrm{KL}(p(z \mid x) \Vert q)$, with a bias
/// of $O(1/K)$. It costs $K$ draws and needs no baseline; its variance for the posterior falls with $K$. Prefer it for
/// posteriors that should cover every mode, with $K$ in the tens.
#[doc(alias = "reweighted wake-sleep")]
#[doc(alias = "RWS")]
#[derive(Clone, Copy, Debug, Default)]
pub struct Wake;

impl Columns for Wake {
    type Draw = Score;

    fn target(&self) -> Target {
        Target::Bound
    }

    fn claim(&self) -> Claim {
        Claim::Biased
    }

    fn cotangents<F: Scalar>(&self, w: &LogWeights<F>, cotangents: &mut Cotangents<F>) {
        cotangents.fill(w, |b| {
            let share = w.normalised(b);
            move |k| (share(k), share(k))
        });
    }

    fn bound<F: Scalar>(&self, w: &LogWeights<F>, b: usize) -> F {
        w.bound(b)
    }
}

/// The wake phase for the model; for the posterior a mixture of both phases.
///
/// $$\nabla_\theta: \sum_k \tilde w_k \nabla \ln p(x, z_k), \qquad \nabla_\varphi:
///   \lambda \sum_k \tilde w_k \nabla \ln q(z_k \mid x) + (1 - \lambda) \frac1K \sum_k \nabla \ln q(z_k' \mid x_k')$$
///
/// with $(x_k', z_k')$ sampled from the model. Columns: $a = \tilde w_k$, $b = \lambda \tilde w_k$, path 0, and
/// $(1 - \lambda)/K$ on $\ln q(z_k' \mid x_k')$. It costs $2K$ draws for each row. The sleep phase alone ($\lambda =
/// 0$) is unbiased for $-\nabla_\varphi E_{p(x)} \mathrm{KL}(p(z \mid x) \Vert q)$, the divergence averaged over data
/// of the model and not over the given data. Prefer it to [`Wake`] where $K$ draws are too few for good weights. The
/// paper uses either phase and both ($\lambda = \frac12$).
#[doc(alias = "reweighted wake-sleep")]
#[doc(alias = "RWS")]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WakeSleep {
    /// $\lambda$, the part of the wake phase in the posterior's gradient.
    pub wake: f64,
}

/// The working memory of [`WakeSleep`].
#[derive(Debug, Default)]
struct Scratch<F> {
    /// The cotangent of $\ln q(z_k' \mid x_k')$.
    sleep: Vec<F>,
}

impl<F: Scalar, M: Generative<F>> Estimator<F, M> for WakeSleep {
    /// Without a wake phase for $q$, the estimator follows the bound in $p$ and the sleep objective in $q$.
    fn target(&self) -> Target {
        if self.wake == 0.0 { Target::BoundAndSleep } else { Target::Bound }
    }

    fn claim(&self) -> Claim {
        if self.wake == 0.0 { Claim::Unbiased } else { Claim::Biased }
    }

    fn estimate<R: RandomSource>(&self, query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F {
        let Query { model, params, batch, samples, scale, .. } = query;
        work.tape.clear();
        let Work { tape, grads, stats, cotangents, log_joint, log_q, scratch, .. } = work;
        let Scratch { sleep } = scratch.of::<Scratch<F>>();
        let (params, rows) = (params.on(tape), samples * batch);
        let x = query.rows(tape);
        let drawn = <Score as Draw<F, M>>::record(model, params, x, samples, rng);
        let z = model.prior(params).sample(rows, rng);
        let of_sampled_data = model.posterior(params, model.sample_data(params, z, rng));
        let latents = z.size() / rows.max(1);
        let log_q_asleep = of_sampled_data.log_prob(z.reshape([1, rows, latents]));

        copy_values(drawn.log_joint, log_joint);
        copy_values(drawn.log_q, log_q);
        let w = LogWeights::new(samples, batch, log_joint, log_q);
        let wake = F::from_f64(self.wake);
        cotangents.fill(&w, |b| {
            let share = w.normalised(b);
            move |k| (scale * share(k), wake * scale * share(k))
        });
        sleep.clear();
        sleep.resize(rows, (F::ONE - wake) * scale / F::from_f64(samples as f64));
        let pulled = [
            (drawn.log_joint, &cotangents.log_joint[..]),
            (drawn.log_q, &cotangents.log_q[..]),
            (log_q_asleep, &sleep[..]),
        ];
        tape.pull_into(&pulled, &[], grads);
        stats.clear();
        (0..batch).map(|b| w.bound(b)).sum()
    }
}
