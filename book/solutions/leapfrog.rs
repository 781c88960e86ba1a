//! Solution of `leapfrog`.

/// Half a kick, a move, half a kick: the same read forwards and backwards.
pub fn step(q: f64, p: f64, h: f64, force: &dyn Fn(f64) -> f64) -> (f64, f64) {
    let p = p + 0.5 * h * force(q);
    let q = q + h * p;
    let p = p + 0.5 * h * force(q);
    (q, p)
}
