//! The logistic noise from which bits are made.

use crate::estimator::copy_values;
use pathscore_autodiff::{Real, Scalar, Var};
use pathscore_models::RandomSource;

/// The memory that [`logistic`] takes.
#[derive(Debug, Default)]
pub(super) struct Noise<F> {
    /// The logits.
    eta: Vec<F>,
}

/// The two sizes of logits: the number of rows, and the number of bits in a row.
pub(super) fn batch_and_bits<F: Scalar>(logits: Var<'_, F>) -> [usize; 2] {
    let shape = logits.shape();
    let [batch, bits] = shape[..] else { panic!("logits of shape {shape} are not [batch, bits]") };
    [batch, bits]
}

/// $\ln u - \ln(1 - u)$ for `count` uniform numbers for each of `logits`, as constants: with
/// $z = \eta + \text{noise}$, the bit $b = [z > 0]$ is one with probability $\sigma(\eta)$.
///
/// The bit, as a function of the uniform number $u$, jumps at $u = \sigma(-\eta)$: a source that enumerates its
/// outcomes splits the interval there.
pub(super) fn logistic<'t, F: Scalar, R: RandomSource>(
    logits: Var<'t, F>,
    count: usize,
    rng: &mut R,
    Noise { eta }: &mut Noise<F>,
) -> Var<'t, F> {
    let [batch, width] = batch_and_bits(logits);
    copy_values(logits, eta);
    logits.tape().constant_with([count, batch, width], |noise| {
        for (noise, eta) in noise.iter_mut().zip(eta.iter().cycle()) {
            // Zero, which has probability 2⁻⁵³, would give infinite noise.
            let u = rng.uniform_split(&[(-eta.to_f64()).sigmoid()]).max(f64::EPSILON / 4.0);
            *noise = F::from_f64(u.ln() - (-u).ln_1p());
        }
    })
}
