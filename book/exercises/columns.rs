//! A student's columns of numbers as an estimator.

use pathscore::estimators::Target;
use pathscore::estimators::draw::StoppedPath;
use pathscore::prelude::*;
use std::marker::PhantomData;

/// An estimator whose columns are a function of the log-weights ln w_k of the draws of one row: for each draw
/// the cotangents of ln p(x, z_k) and ln q(z_k|x), and the weight of the path. `D` is the way to draw, whose
/// derivative may have no path.
pub(crate) struct FromLogWeights<D> {
    columns: fn(&[f64]) -> Vec<[f64; 3]>,
    target: Target,
    /// True if the weights of the path are used; only draws by `StoppedPath` have them.
    with_path: bool,
    draw: PhantomData<fn() -> D>,
}

impl<D> FromLogWeights<D> {
    pub(crate) fn new(target: Target, columns: fn(&[f64]) -> Vec<[f64; 3]>) -> Self {
        Self { columns, target, with_path: false, draw: PhantomData }
    }
}

impl FromLogWeights<StoppedPath> {
    pub(crate) fn with_path(target: Target, columns: fn(&[f64]) -> Vec<[f64; 3]>) -> Self {
        Self { with_path: true, ..Self::new(target, columns) }
    }
}

impl<D> Clone for FromLogWeights<D> {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

impl<D> Columns for FromLogWeights<D> {
    type Draw = D;

    fn target(&self) -> Target {
        self.target
    }

    fn cotangents<F: Scalar>(&self, w: &LogWeights<F>, cotangents: &mut Cotangents<F>) {
        cotangents.resize(w);
        if self.with_path {
            cotangents.path.resize(w.draws() * w.batch(), F::ZERO);
        }
        for b in 0..w.batch() {
            let log_w: Vec<f64> = (0..w.draws()).map(|k| w.log_weight(k, b).to_f64()).collect();
            let columns = (self.columns)(&log_w);
            for k in 0..w.draws() {
                // A row that is missing counts as zeros: the proof then finds a wrong gradient.
                let [a, b_k, c] = columns.get(k).copied().unwrap_or_default().map(F::from_f64);
                let at = k * w.batch() + b;
                (cotangents.log_joint[at], cotangents.log_q[at]) = (a, b_k);
                if self.with_path {
                    cotangents.path[at] = c;
                }
            }
        }
    }

    fn bound<F: Scalar>(&self, w: &LogWeights<F>, b: usize) -> F {
        if self.target == Target::Elbo { w.mean(b) } else { w.bound(b) }
    }
}
