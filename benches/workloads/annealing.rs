//! The partition function of a Boltzmann machine by annealed importance sampling.

use crate::data::{binary, unit_noise};
use crate::work::Work;
use pathscore_autodiff::Scalar;
use pathscore_estimators::energy::{EnergyChains, ParameterPath};
use pathscore_estimators::samplers::Annealing;
use pathscore_models::energy::Rbm;
use pathscore_models::{Params, seed};

const COLUMNS: usize = 784;
const HIDDEN: usize = 500;
const ROWS: usize = 100;
const STEPS: usize = 1000;
const CHAINS: usize = 100;

/// A thousand linear temperatures of a hundred chains, from the means of a random batch; `check` is the estimate of ln Z.
pub(crate) fn ais<F: Scalar>() -> Work {
    let mut params = Params::<F>::new();
    let model = Rbm::new(&mut params, COLUMNS, HIDDEN, &mut seed::rng(0, seed::Stream::Init, 0));
    let weights = unit_noise(7000, COLUMNS * HIDDEN).into_iter().map(|w| 0.05 * w);
    let biases = [-0.8; COLUMNS].into_iter().chain([0.0; HIDDEN]);
    let values = params.values_mut().iter_mut().zip(weights.chain(biases));
    values.for_each(|(to, x)| *to = F::from_f64(x));
    let x = binary(7001, 0.3, ROWS * COLUMNS);
    let mean = |column: usize| {
        let sum: f64 = x.iter().skip(column).step_by(COLUMNS).sum();
        (sum / ROWS as f64).clamp(0.05, 0.95)
    };
    let means: Vec<f64> = (0..COLUMNS).map(mean).collect();
    let mut chains = EnergyChains::new(CHAINS, COLUMNS, 0);
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
