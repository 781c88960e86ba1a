//! Exercise of chapter 11: a step of Hamiltonian dynamics.

/// The position and the momentum after a step of size `h`; `force` is −∂U/∂q.
///
/// Task: the acceptance of Hamiltonian Monte Carlo is right only if a step with the momentum turned round goes
/// back to where it came from. This one does not.
pub fn step(q: f64, p: f64, h: f64, force: &dyn Fn(f64) -> f64) -> (f64, f64) {
    let p = p + h * force(q);
    let q = q + h * p;
    (q, p)
}
