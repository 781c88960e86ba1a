//! The latents of new rows under a fitted Gaussian-process latent-variable model.

use crate::optim::{LBfgs, Stop};
use pathscore_autodiff::{Grads, Scalar, Tape};
use pathscore_models::Params;
use pathscore_models::gp::GplvmPosterior;

/// The latent of a new row.
#[derive(Clone, Debug, PartialEq)]
pub struct Placement {
    /// The latent $x_\ast$.
    pub latent: Vec<f64>,
    /// $\ln p(y_\ast \mid x_\ast)$ there, without the prior.
    pub log_prob: f64,
    /// The reason why the best search stopped.
    pub stop: Stop,
}

/// Places a new row, with NaN for a cell that is missing, where its density $\ln p(y_\ast \mid x_\ast)$ is largest, or with `prior` the sum of it
/// and $\ln \mathcal N(x_\ast; 0, I)$.
///
/// The density has several maxima; the searches begin at the latents of the `starts` rows of the data that are nearest to the new row,
/// and the best one counts.
///
/// # Panics
/// If there are no starts, or the row does not have as many columns as the data.
///
/// ```
/// use pathscore_estimators::{fit, optim::LBfgs};
/// use pathscore_models::{Params, gp::{Gplvm, GplvmData, KernelForm}};
/// // Points of an arc, of which one is left out.
/// let point = |t: f64| [t.cos(), t.sin()];
/// let y: Vec<f64> = (0..21).filter(|&i| i != 10).flat_map(|i| point(0.1 * f64::from(i))).collect();
/// let data = GplvmData::new(&y, 20, 2);
/// let mut params = Params::new();
/// let model = Gplvm::new(&mut params, 20, 1, &[KernelForm::Rbf]);
/// model.start(&mut params, &data)?;
/// let lbfgs = LBfgs { max_iterations: 100, ..LBfgs::default() };
/// fit::maximize(&mut params, &lbfgs, |bound| model.log_prob(bound, &data));
/// let posterior = model.posterior(&params, &data)?;
/// let found = fit::place(&posterior, &params, &point(1.0), 3, false, &lbfgs);
/// // It lies between its neighbours.
/// let (a, b) = (posterior.latent(9)[0], posterior.latent(10)[0]);
/// assert!(found.latent[0] > a.min(b) && found.latent[0] < a.max(b));
/// # Ok::<(), pathscore_autodiff::Error>(())
/// ```
#[track_caller]
pub fn place<F: Scalar>(
    posterior: &GplvmPosterior<'_, F>,
    params: &Params<F>,
    row: &[F],
    starts: usize,
    prior: bool,
    lbfgs: &LBfgs,
) -> Placement {
    assert!(starts > 0, "place: there are no starts");
    let target = posterior.target(row);
    let latents = posterior.dimensions();
    // One recording serves all searches; the latent is the first leaf, so that its gradient comes first.
    let tape = Tape::new();
    let x = tape.leaf(posterior.latent(0), [1, latents]);
    let log_prob = posterior.log_prob(params.on(&tape).detach(), &target, x).sum();
    let half = F::from_f64(-0.5);
    let objective = if prior { log_prob + x.sum_squares(..) * half } else { log_prob };
    let (x, log_prob, objective) = (x.id(), log_prob.id(), objective.id());
    let mut plan = tape.plan(&[x], &[log_prob, objective]);
    let mut grads = Grads::new();
    let mut best: Option<(f64, Placement)> = None;
    for &near in target.nearest().iter().take(starts) {
        let start: Vec<f64> = posterior.latent(near).iter().map(|x| x.to_f64()).collect();
        let mut evaluate = |at: &[f64], gradient: &mut [f64]| {
            let at: Vec<F> = at.iter().map(|&x| F::from_f64(x)).collect();
            plan.set(x, &at);
            if plan.run().is_err() {
                return f64::NAN;
            }
            plan.pull_into(&[(objective, &[F::ONE])], &mut grads);
            let found = grads.leading(latents);
            gradient.iter_mut().zip(found).for_each(|(to, from)| *to = from.to_f64());
            plan.value(objective)[0].to_f64()
        };
        let found = lbfgs.maximize(&start, &mut evaluate);
        evaluate(&found.x, &mut vec![0.0; latents]);
        let log_prob = plan.value(log_prob)[0].to_f64();
        if best.as_ref().is_none_or(|(value, _)| value.is_nan() || found.value > *value) {
            let placement = Placement { latent: found.x, log_prob, stop: found.stop };
            best = Some((found.value, placement));
        }
    }
    best.expect("the data have a row").1
}
