//! ln Z from both sides, and what a likelihood is worth.
//!
//! The thirteenth lesson. The likelihood of an energy model needs ln Z. Annealed importance sampling walks from a model of
//! independent columns, whose Z is known, to the model: its Ẑ is right in the mean, but ln Ẑ is low, so that the likelihood looks
//! *better* than it is. A short walk flatters the model most. Walking back from draws of the model errs to the other side. Their gap
//! says what the number is worth, without knowing the truth; here we know it, because 4096 states can be summed.

use pathscore::estimators::energy::{EnergyChains, ParameterPath, PersistentContrastiveDivergence};
use pathscore::estimators::samplers::Annealing;
use pathscore::models::energy::Rbm;
use pathscore::models::{Energy, ExactPartition};
use pathscore::prelude::*;

const SIDE: usize = 5;
const COLUMNS: usize = SIDE * SIDE;
const HIDDEN: usize = 12;
const CHAINS: usize = 200;

fn main() {
    // All bars and all stripes of a square: 62 pictures.
    let pictures = data::bars_patterns(SIDE).into_iter().flat_map(|(picture, _)| picture);
    let x: Vec<f64> = pictures.map(f64::from).collect();
    let rows = x.len() / COLUMNS;
    let mut params = Params::new();
    let model = Rbm::new(&mut params, COLUMNS, HIDDEN, &mut seed::rng(0, seed::Stream::Init, 0));
    let estimator = PersistentContrastiveDivergence { sweeps: 5, chains: Some(200) };
    let options = Options { lr: 0.01, ..Options::default() };
    let mut trainer = Trainer::new(model, params, estimator, Box::new(Adam::default()), options);
    for _ in 0..2000 {
        let feed = |range: std::ops::Range<usize>, to: &mut [f64], _: &mut _| {
            to.copy_from_slice(&x[range.start * COLUMNS..range.end * COLUMNS]);
        };
        trainer.step([rows, COLUMNS], feed).expect("the energies stay finite");
    }
    let params = &trainer.params;

    let tape = Tape::new();
    let energy = model.energy(params.on(&tape), tape.constant(&x, [rows, COLUMNS])).mean().item();
    let exact = model.log_partition(params).expect("twelve hidden units can be enumerated");
    println!(
        "exact: ln Z {exact:.3}, ln p(x) of a picture {:.3}; at best it is {:.3}\n",
        -energy - exact,
        -(rows as f64).ln()
    );

    let means: Vec<f64> = (0..COLUMNS)
        .map(|column| x.iter().skip(column).step_by(COLUMNS).sum::<f64>() / rows as f64)
        .collect();
    let path = ParameterPath::new(&model, params, &means);
    println!("steps   forward: ln Z   ln p(x)   chains   reverse: ln Z   ln p(x)      gap");
    for steps in [3, 10, 100, 1000] {
        let annealing = Annealing::linear(steps);
        let forward = path.forward(&annealing, &mut EnergyChains::new(CHAINS, COLUMNS, 1), &|_| {});
        // Draws of the model: long chains from the data.
        let starts: Vec<f64> = x.iter().copied().cycle().take(CHAINS * COLUMNS).collect();
        let mut chains = EnergyChains::from_rows(&starts, COLUMNS, 2);
        chains.sweep(&model, params, 1000, &|_| {});
        let reverse = path.reverse(&annealing, &mut chains, &|_| {});
        println!(
            "{steps:>5}   {:>13.3}   {:>7.3}   {:>6.1}   {:>13.3}   {:>7.3}   {:>6.3}",
            forward.value,
            -energy - forward.value,
            forward.effective_chains,
            reverse.value,
            -energy - reverse.value,
            reverse.value - forward.value
        );
    }
    println!(
        "\nThe forward column flatters the model, the reverse column wrongs it; believe them where they agree."
    );
}
