//! The functions whose expectation is taken.

use super::pool::Pool;
use pathscore_autodiff::{Grads, Id, Plan, Tape, Var};

/// A function with values: a closure `|z, f|` that writes the value at each row of `z` into `f`, or a function
/// [`OnTape`].
///
/// The function is called with blocks of rows, from several threads at the same time.
pub trait Values: Sync {
    /// Writes $f(z_n)$ for each row of `z`.
    fn values(&self, z: &[f64], f: &mut [f64]);
}

/// A function with values and gradients: a closure `|z, f, slope|` that writes the value at each row of `z` into `f`
/// and the row of derivatives into `slope`, a function [`OnTape`], or a function by its gradient alone, [`GradientOnly`].
pub trait ValuesAndGradients: Sync {
    /// Writes $f(z_n)$ and $\nabla f(z_n)$ for each row of `z`.
    fn values_and_gradients(&self, z: &[f64], f: &mut [f64], slope: &mut [f64]);
}

impl<G: Fn(&[f64], &mut [f64]) + Sync> Values for G {
    fn values(&self, z: &[f64], f: &mut [f64]) {
        self(z, f);
    }
}

impl<G: Fn(&[f64], &mut [f64], &mut [f64]) + Sync> ValuesAndGradients for G {
    fn values_and_gradients(&self, z: &[f64], f: &mut [f64], slope: &mut [f64]) {
        self(z, f, slope);
    }
}

/// A function that is known by its gradient alone, so that its values are NaN; [`gradient_only`] makes it.
#[derive(Clone, Copy, Debug)]
pub struct GradientOnly<G> {
    gradient: G,
}

/// The function whose gradient `gradient` writes: a closure `|z, slope|` that writes the row of derivatives at each row of `z`
/// into `slope`.
///
/// The gradient along the path needs no value, so [`reparam`](super::MonteCarlo::reparam) gives the same mean and variance of the
/// gradient as with values. The `value` and the `value_variance` of the [`Estimate`](super::Estimate) are NaN. Use it for a
/// density that is known by its score $\nabla \ln p$ only, or where the value is not wanted and takes time.
///
/// ```
/// use pathscore_estimators::montecarlo::{Gaussian, MonteCarlo, gradient_only};
/// // J = E Σ z² = Σ μ² + σ², so ∂J/∂μ = 2μ
/// let q = Gaussian { mu: &[0.5, -1.0], log_sigma: &[0.0, -1.0] };
/// let f = gradient_only(|z, slope| {
///     for (z, slope) in z.iter().zip(slope) {
///         *slope = 2.0 * z;
///     }
/// });
/// let mut monte_carlo = MonteCarlo::new();
/// let path = monte_carlo.reparam(q, &f, 10_000, 0);
/// assert!((path.mean[0] - 1.0).abs() < 5.0 * (path.variance[0] / 10_000.0).sqrt());
/// assert!(path.value.is_nan() && path.value_variance.is_nan());
/// ```
pub fn gradient_only<G: Fn(&[f64], &mut [f64]) + Sync>(gradient: G) -> GradientOnly<G> {
    GradientOnly { gradient }
}

impl<G: Fn(&[f64], &mut [f64]) + Sync> ValuesAndGradients for GradientOnly<G> {
    fn values_and_gradients(&self, z: &[f64], f: &mut [f64], slope: &mut [f64]) {
        f.fill(f64::NAN);
        (self.gradient)(z, slope);
    }
}

/// A function that is recorded on a tape once for each size of a block, and then replayed; [`on_tape`] makes it.
#[derive(Debug)]
pub struct OnTape<G> {
    record: G,
    idle: Pool<Replay>,
}

/// The recorded function of a block.
#[derive(Debug)]
struct Replay {
    size: [usize; 2],
    plan: Plan<f64>,
    z: Id,
    f: Id,
    ones: Vec<f64>,
    grads: Grads<f64>,
}

/// The function that `record` records, from rows $z$ of shape `[rows, latents]` to their values of shape `[rows]`.
///
/// The value of a row may depend on that row alone; constants are made on the tape of the argument. If a factorisation
/// fails, the values and slopes of the block are NaN.
///
/// ```
/// use pathscore_estimators::montecarlo::{Gaussian, MonteCarlo, on_tape};
/// // J = E Σ exp z = Σ exp(μ + σ²/2)
/// let q = Gaussian { mu: &[0.5, -1.0], log_sigma: &[-1.0, -1.0] };
/// let f = on_tape(|z| z.exp().sum_axis(-1));
/// let mut monte_carlo = MonteCarlo::new();
/// let path = monte_carlo.reparam(q, &f, 10_000, 0);
/// let exact = (0.5 + 0.5 * (-2.0_f64).exp()).exp();
/// assert!((path.mean[0] - exact).abs() < 5.0 * (path.variance[0] / 10_000.0).sqrt());
/// ```
pub fn on_tape<G>(record: G) -> OnTape<G>
where
    G: for<'t> Fn(Var<'t, f64>) -> Var<'t, f64> + Sync,
{
    OnTape { record, idle: Pool::default() }
}

impl<G: for<'t> Fn(Var<'t, f64>) -> Var<'t, f64> + Sync> OnTape<G> {
    /// Computes the values of a block and calls `also` with its plan; returns false if a factorisation failed.
    fn replay(&self, z: &[f64], f: &mut [f64], also: impl FnOnce(&mut Replay)) -> bool {
        let size = [f.len(), z.len() / f.len()];
        let new = || {
            let tape = Tape::new();
            let rows = tape.leaf(z, size);
            let values = (self.record)(rows);
            let shape = values.shape();
            assert!(
                shape[..] == size[..1],
                "a function on a tape must give one value for each row, but {size:?} gave {shape:?}"
            );
            let (z, f) = (rows.id(), values.id());
            let (ones, grads) = (vec![1.0; size[0]], Grads::new());
            Replay { size, plan: tape.plan(&[z], &[f]), z, f, ones, grads }
        };
        self.idle.lend_fitting(
            |replay| replay.size == size,
            new,
            |replay| {
                replay.plan.set(replay.z, z);
                let computed = replay.plan.run().is_ok();
                if computed {
                    f.copy_from_slice(replay.plan.value(replay.f));
                    also(replay);
                } else {
                    f.fill(f64::NAN);
                }
                computed
            },
        )
    }
}

impl<G: for<'t> Fn(Var<'t, f64>) -> Var<'t, f64> + Sync> Values for OnTape<G> {
    fn values(&self, z: &[f64], f: &mut [f64]) {
        self.replay(z, f, |_| {});
    }
}

impl<G: for<'t> Fn(Var<'t, f64>) -> Var<'t, f64> + Sync> ValuesAndGradients for OnTape<G> {
    fn values_and_gradients(&self, z: &[f64], f: &mut [f64], slope: &mut [f64]) {
        let computed = self.replay(z, f, |replay| {
            let Replay { plan, f, ones, grads, .. } = replay;
            plan.pull_into(&[(*f, ones)], grads);
            slope.copy_from_slice(grads.leading(z.len()));
        });
        if !computed {
            slope.fill(f64::NAN);
        }
    }
}
