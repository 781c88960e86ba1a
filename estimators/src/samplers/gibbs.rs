//! Gibbs samplers, of conditional distributions that the user draws from, and of bits.

use super::{Info, LogDensity, Position, Sampler};
use pathscore_models::RandomSource;

/// A target whose conditional distributions can be drawn from, block by block.
pub trait Conditionals {
    /// The number of coordinates.
    fn dim(&self) -> usize;

    /// The number of blocks.
    fn blocks(&self) -> usize;

    /// Replaces the coordinates of a block by a draw from their distribution given all others. Any update that leaves
    /// that distribution invariant is as good.
    fn update<R: RandomSource>(&self, block: usize, x: &mut [f64], source: &mut R);
}

/// The Gibbs sampler (Geman and Geman 1984; Gelfand and Smith 1990) with a systematic scan: a step updates every block of
/// the target's [`Conditionals`] once, in their order. Each update leaves the target invariant, so the scan does too.
///
/// ```
/// use pathscore_estimators::samplers::{Conditionals, Gibbs, Options, chains};
/// use pathscore_models::RandomSource;
/// /// A normal of two coordinates with unit variances and correlation 0.8.
/// struct Pair;
/// impl Conditionals for Pair {
///     fn dim(&self) -> usize {
///         2
///     }
///     fn blocks(&self) -> usize {
///         2
///     }
///     fn update<R: RandomSource>(&self, block: usize, x: &mut [f64], source: &mut R) {
///         x[block] = 0.8 * x[1 - block] + 0.6 * source.normal();
///     }
/// }
/// let draws = chains(&Gibbs, &Pair, &vec![vec![0.0, 0.0]; 4], Options::default());
/// let product = draws.estimate(|x| x[0] * x[1]);
/// assert!((product.mean - 0.8).abs() < 5.0 * product.standard_error);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gibbs;

/// The Gibbs sampler of a target whose coordinates are bits, zeros and ones: a step draws each bit in its order from
///
/// $$p(x_i = 1 \mid x_{-i}) = \sigma(\ell(x_{i \to 1}) - \ell(x_{i \to 0})).$$
///
/// A bit for which both values have the probability zero, or one has a log-probability of NaN, stays as it is. Where the
/// units of an energy model are independent given others,
/// [`BlockGibbs`](pathscore_models::BlockGibbs) draws them together.
///
/// ```
/// use pathscore_estimators::Enumerator;
/// use pathscore_estimators::samplers::{FromFn, GibbsBits, Position, Sampler};
/// // Two bits, equal with the odds e² : 1.
/// let equal = |x: &[f64]| if x[0] == x[1] { 2.0 } else { 0.0 };
/// let (target, mut ones) = (FromFn { dim: 2, log_prob: equal }, 0.0);
/// Enumerator::for_each(0, 4, |source| {
///     let mut state = GibbsBits.init(&target, &[0.0, 1.0], source);
///     GibbsBits.step(&target, &mut state, source);
///     ones += source.probability() * state.position()[1];
/// });
/// // The first bit follows the second, which is one; the second then follows the first.
/// let p = 1.0 / (1.0 + (-2.0_f64).exp());
/// assert!((ones - (p * p + (1.0 - p) * (1.0 - p))).abs() < 1e-15);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GibbsBits;

/// The bits of a chain of [`GibbsBits`] with their log-probability.
#[derive(Clone, Debug)]
pub struct Bits {
    position: Vec<f64>,
    log_prob: f64,
}

impl Position for Bits {
    fn position(&self) -> &[f64] {
        &self.position
    }
}

impl<T: Conditionals + ?Sized> Sampler<T> for Gibbs {
    type State = Vec<f64>;

    fn init<R: RandomSource>(&self, target: &T, position: &[f64], _: &mut R) -> Vec<f64> {
        let (found, dim) = (position.len(), target.dim());
        assert!(found == dim, "gibbs: {found} coordinates for a target of dimension {dim}");
        position.to_vec()
    }

    fn restart<R: RandomSource>(&self, _: &T, position: &[f64], state: &mut Vec<f64>, _: &mut R) {
        state.copy_from_slice(position);
    }

    fn step<R: RandomSource>(&self, target: &T, state: &mut Vec<f64>, source: &mut R) -> Info {
        (0..target.blocks()).for_each(|block| target.update(block, state, source));
        Info::always(0)
    }
}

impl<T: LogDensity + ?Sized> Sampler<T> for GibbsBits {
    type State = Bits;

    fn init<R: RandomSource>(&self, target: &T, position: &[f64], _: &mut R) -> Bits {
        let (found, dim) = (position.len(), target.dim());
        assert!(found == dim, "gibbs: {found} bits for a target of dimension {dim}");
        let other = position.iter().find(|bit| **bit != 0.0 && **bit != 1.0);
        assert!(other.is_none(), "gibbs: {} is no bit", other.unwrap_or(&0.0));
        Bits { position: position.to_vec(), log_prob: target.log_prob(position) }
    }

    fn restart<R: RandomSource>(&self, target: &T, position: &[f64], state: &mut Bits, _: &mut R) {
        state.position.copy_from_slice(position);
        state.log_prob = target.log_prob(position);
    }

    fn step<R: RandomSource>(&self, target: &T, state: &mut Bits, source: &mut R) -> Info {
        let Bits { position, log_prob } = state;
        let mut non_finite = false;
        for at in 0..position.len() {
            let before = position[at];
            position[at] = 1.0 - before;
            let flipped = target.log_prob(position);
            // σ(ℓ' − ℓ), which neither overflows nor loses a small probability.
            let p = 1.0 / (1.0 + (*log_prob - flipped).exp());
            non_finite |= p.is_nan();
            if !p.is_nan() && source.bernoulli(p) {
                *log_prob = flipped;
            } else {
                position[at] = before;
            }
        }
        Info { non_finite, ..Info::always(0) }
    }
}
