//! The leapfrog integrator of Hamiltonian dynamics.

use super::{Differentiable, PhasePoint};

/// One step of the leapfrog integrator (Störmer and Verlet; Duane et al. 1987) with step size $\varepsilon$:
///
/// $$p \mathrel{+}= \tfrac\varepsilon2 \nabla\ell(x), \qquad x \mathrel{+}= \varepsilon M^{-1} p, \qquad
///   p \mathrel{+}= \tfrac\varepsilon2 \nabla\ell(x).$$
///
/// The map preserves volume, and with the sign of $p$ reversed it is its own inverse. Over a fixed time the energy $H$
/// changes by $O(\varepsilon^2)$. The diagonal $M^{-1}$ is one number for all coordinates or one for each.
///
/// ```
/// use pathscore_estimators::samplers::{FromTape, PhasePoint, leapfrog};
/// let target = FromTape::new(1, |x| (x * x).sum() * -0.5);
/// let mut point = PhasePoint::new(&target, &[1.0]);
/// leapfrog(&target, &mut point, 0.1, &[1.0]);
/// assert!((point.position[0] - 0.995).abs() < 1e-15);
/// assert!((point.momentum[0] + 0.05 * (1.0 + 0.995)).abs() < 1e-15);
/// ```
///
/// # Panics
/// If the point has another dimension than the target.
pub fn leapfrog<T: Differentiable + ?Sized>(
    target: &T,
    point: &mut PhasePoint,
    step_size: f64,
    inverse_mass: &[f64],
) {
    let PhasePoint { position, momentum, grad, log_prob } = point;
    let kick = |momentum: &mut [f64], grad: &[f64]| {
        momentum.iter_mut().zip(grad).for_each(|(p, g)| *p += 0.5 * step_size * g);
    };
    kick(momentum, grad);
    for ((x, p), inverse) in position.iter_mut().zip(&*momentum).zip(inverse_mass.iter().cycle()) {
        *x += step_size * inverse * p;
    }
    *log_prob = target.log_prob_and_grad(position, grad);
    kick(momentum, grad);
}
