//! The partition function of a Boltzmann machine by annealed importance sampling.

use crate::nets::machine;
use crate::work::Work;
use pathscore_autodiff::Scalar;
use pathscore_estimators::energy::{EnergyChains, ParameterPath};
use pathscore_estimators::samplers::Annealing;

const STEPS: usize = 1000;
const CHAINS: usize = 100;

/// A thousand linear temperatures of a hundred chains, from the means of a random batch; `check` is the estimate of ln Z.
pub(crate) fn ais<F: Scalar>() -> Work {
    let (model, params, x) = machine::<F>();
    let (columns, rows) = (model.visible(), x.len() / model.visible());
    let mean = |column: usize| {
        let sum: f64 = x.iter().skip(column).step_by(columns).map(|x| x.to_f64()).sum();
        (sum / rows as f64).clamp(0.05, 0.95)
    };
    let means: Vec<f64> = (0..columns).map(mean).collect();
    let mut chains = EnergyChains::new(CHAINS, columns, 0);
    let path = Annealing::linear(STEPS);
    let mut estimate = move || {
        ParameterPath::new(&model, &params, &means).forward(&path, &mut chains, &|_| {}).value
    };
    let check = estimate();
    let step = move || {
        estimate();
    };
    // A step takes seconds.
    Work { warm: 1, ..Work::new(1, check, step) }
}
