//! Options of a proof.

use std::time::{Duration, Instant};

/// Options of [`prove`](super::prove()): error rates, and limits on the work.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// The probability that sampling calls a correct estimator biased, over all components and interim looks. Where
    /// all outcomes are enumerated there are no false alarms.
    pub false_alarm: f64,
    /// The probability that a bias of the detectable size is detected.
    pub power: f64,
    /// The bias that must be detectable before sampling calls an estimator unbiased, as a fraction of the norm of the
    /// gradient (of the standard deviation of one draw, where the gradient is zero).
    pub resolution: f64,
    /// The largest number of draws.
    pub draws: usize,
    /// The least number of draws that confirm the result of a quadrature.
    pub confirming: usize,
    /// The number of draws of the longest stream: faults that come later are not seen.
    pub depth: usize,
    /// The longest time of a proof in seconds, for the exact gradient, the enumeration, the draws and the known
    /// mistakes together. With a limit, the number of draws and so the last digits depend on the machine. A program built
    /// to abort at a panic looks at the limit only between draws.
    pub seconds: f64,
    /// The largest number of outcomes that are enumerated, some hundred thousand in a second. Of more outcomes draws are compared, which see no bias
    /// below [`resolution`](Self::resolution): where exactness matters, a larger number finds every bias.
    pub outcomes: usize,
    /// The seed of the random numbers.
    pub seed: u64,
}

impl Default for Options {
    /// A false alarm in 100 000 proofs, and a detectable bias of 2 % of the gradient with a power of 0.99.
    fn default() -> Self {
        Self {
            false_alarm: 1e-5,
            power: 0.99,
            resolution: 0.02,
            draws: 8_192_000,
            confirming: 128_000,
            depth: 4096,
            seconds: f64::INFINITY,
            outcomes: 20_000,
            seed: 0,
        }
    }
}

impl Options {
    /// The instant at which a proof that begins now must have ended; none without a limit.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let limit = Duration::try_from_secs_f64(self.seconds.max(0.0)).ok()?;
        Instant::now().checked_add(limit)
    }
}
