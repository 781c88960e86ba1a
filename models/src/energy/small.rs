//! A small machine of which everything is known.

use super::Rbm;
use crate::params::Params;
use pathscore_autodiff::Scalar;
use rand::Rng;

/// A restricted Boltzmann machine of four visible and three hidden units at known parameters, $W_{ij} = \sin(1 + 3i + 5j)$,
/// $b_i = (i - 1.5)/10$ and $c_j = (j - 1)/5$, counted from zero: small enough to sum over its sixteen states.
///
/// $\ln Z = 5.338306502219$, and the mean of $\ln p(x)$ over the rows 0011, 1100 and 1010 is $-3.2281957814$.
///
/// ```
/// use pathscore_models::{ExactPartition, Params, energy::small_rbm, seed};
/// let mut params = Params::<f64>::new();
/// let model = small_rbm(&mut params, &mut seed::rng(0, seed::Stream::Init, 0));
/// let log_z = ExactPartition::<f64>::log_partition(&model, &params).expect("there are eight terms");
/// assert!((log_z - 5.338306502219).abs() < 1e-12);
/// ```
pub fn small_rbm<F: Scalar, R: Rng>(params: &mut Params<F>, rng: &mut R) -> Rbm {
    let at = params.len();
    let model = Rbm::new(params, 4, 3, rng);
    let weights = (0..12).map(|at| f64::sin((1 + 3 * (at / 3) + 5 * (at % 3)) as f64));
    let visible = (0..4).map(|i| 0.1 * (f64::from(i) - 1.5));
    let hidden = (0..3).map(|j| 0.2 * (f64::from(j) - 1.0));
    let values = weights.chain(visible).chain(hidden);
    params.values_mut()[at..].iter_mut().zip(values).for_each(|(to, x)| *to = F::from_f64(x));
    model
}
