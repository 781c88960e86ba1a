//! Maximum likelihood with a partition function that is summed exactly.

use super::criterion::maximized;
use crate::estimator::{Claim, Estimator, Query, record_stats};
use crate::target::Target;
use crate::work::Work;
use pathscore_autodiff::Scalar;
use pathscore_models::{ExactPartition, RandomSource};
use std::ops::Range;

/// The number of terms of $Z$ that are recorded at a time, so that memory does not grow with their number.
const BLOCK: usize = 1024;

/// Exact maximum likelihood of an energy model whose partition function is a sum of $T$ terms.
///
/// $$\nabla \sum_b \ln p(x_b) = -\sum_b \nabla E(x_b) - B \nabla \ln Z, \qquad
/// \nabla \ln Z = \sum_{t=1}^T e^{\ell_t - \ln Z} \nabla \ell_t, \quad \ln Z = \ln \sum_t e^{\ell_t}$$
///
/// with the terms $\ell_t$ of [`ExactPartition::log_terms`]. It is exact: nothing is random. Terms are recorded in
/// blocks of 1024, of which two passes are made where there is more than one block: the first finds $\ln Z$, the second
/// its derivative.
///
/// It costs $T$ terms for each gradient, $2T$ for several blocks; for a restricted Boltzmann machine $T$ is two to the
/// number of units of the smaller side. Prefer it wherever that many terms can be afforded: no other criterion has a better
/// gradient.
///
/// # Panics
/// If the number of terms overflows.
///
/// ```
/// use pathscore_estimators::{Estimator, Query, Work, energy::MaximumLikelihood};
/// use pathscore_models::{Params, energy::Rbm, seed};
/// let rng = &mut seed::rng(0, seed::Stream::Init, 0);
/// let (mut params, mut work) = (Params::<f64>::new(), Work::new());
/// let model = Rbm::new(&mut params, 4, 3, rng);
/// let query = Query::new(&model, &params, &[1.0, 0.0, 0.0, 1.0], 1);
/// let log_prob = MaximumLikelihood.estimate(query, rng, &mut work);
/// // Almost without weights all sixteen states are equally likely, and the slope of a bias is x − ½.
/// assert!((log_prob + 16_f64.ln()).abs() < 0.1);
/// assert!((work.gradient(params.len())[12] - 0.5).abs() < 0.1);
/// ```
#[doc(alias = "ML")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaximumLikelihood;

/// The gradient of $\ln Z$, summed over blocks.
#[derive(Debug, Default)]
struct Scratch<F> {
    cotangents: Vec<F>,
    gradient: Vec<F>,
}

impl<F: Scalar, M: ExactPartition<F>> Estimator<F, M> for MaximumLikelihood {
    fn target(&self) -> Target {
        Target::LogLikelihood
    }

    fn claim(&self) -> Claim {
        Claim::Exact
    }

    fn estimate<R: RandomSource>(&self, query: Query<F, M>, _: &mut R, work: &mut Work<F>) -> F {
        let Query { model, batch, .. } = query;
        let terms = model.terms().expect("the number of terms of Z overflows");
        if terms <= BLOCK {
            return maximized(&query, work, |params, x| {
                let log_z = model.log_terms(params, 0..terms).log_sum_exp(..);
                -(model.energy(params, x) + log_z)
            });
        }
        let log_z = log_partition(&query, work, terms);
        slope_of_log_partition(&query, work, terms, log_z);
        work.tape.clear();
        let Work { tape, grads, stats, scratch, .. } = work;
        let (params, x) = (query.params.on(tape), query.rows(tape));
        let Scratch { gradient, .. } = scratch.of();
        // A sum over the parameters times the slope of ln Z, whose derivative is that slope.
        let slopes = query.params.ids().zip(query.params.iter()).map(|(id, (_, shape, at))| {
            (params.get(id) * tape.constant(&gradient[at..at + shape.size()], shape)).sum()
        });
        let slope = slopes.reduce(|sum, next| sum + next).expect("a model has parameters");
        let (rows, count) = (-model.energy(params, x).sum(), F::from_f64(batch as f64));
        tape.pull_into(&[(rows, &[query.scale]), (slope, &[-query.scale * count])], &[], grads);
        record_stats(stats, batch, rows.item() - count * F::from_f64(log_z))
    }
}

/// The ranges of the blocks of so many terms.
fn blocks(terms: usize) -> impl Iterator<Item = Range<usize>> {
    (0..terms).step_by(BLOCK).map(move |first| first..(first + BLOCK).min(terms))
}

/// $\ln Z$, summed in double precision over the blocks.
fn log_partition<F: Scalar, M: ExactPartition<F>>(
    query: &Query<F, M>,
    work: &mut Work<F>,
    terms: usize,
) -> f64 {
    blocks(terms).fold(f64::NEG_INFINITY, |total: f64, block| {
        work.tape.clear();
        let params = query.params.on(&work.tape).detach();
        let of_block = query.model.log_terms(params, block).log_sum_exp(..).item().to_f64();
        let (most, least) = (total.max(of_block), total.min(of_block));
        most + (least - most).exp().ln_1p()
    })
}

/// Sums the gradient of $\ln Z$ over the blocks.
fn slope_of_log_partition<F: Scalar, M: ExactPartition<F>>(
    query: &Query<F, M>,
    work: &mut Work<F>,
    terms: usize,
    log_z: f64,
) {
    let len = query.params.len();
    let total = &mut work.scratch::<Scratch<F>>().gradient;
    total.clear();
    total.resize(len, F::ZERO);
    for block in blocks(terms) {
        work.tape.clear();
        let Work { tape, grads, scratch, .. } = work;
        let Scratch { cotangents, gradient } = scratch.of();
        let terms = query.model.log_terms(query.params.on(tape), block);
        cotangents.clear();
        let share = |&term: &F| F::from_f64((term.to_f64() - log_z).exp());
        terms.with(|terms| cotangents.extend(terms.iter().map(share)));
        tape.pull_into(&[(terms, &cotangents[..])], &[], grads);
        gradient.iter_mut().zip(grads.leading(len)).for_each(|(sum, &g)| *sum += g);
    }
}
