//! Four ways around Z: the same density from the same data, and no normaliser in sight.
//!
//! The twelfth lesson. A normal density is written as an energy, E(x) = λ(x − m)²/2, as if nobody knew its integral. The maximum
//! of the likelihood is at λ = 1/Var. Four kinds of criteria avoid Z = ∫ exp(−E(x)) dx:
//!
//! * draw from the model: persistent chains, here of Hamiltonian dynamics;
//! * compare slopes: score matching needs ∂E/∂x only, in which Z does not occur; with noise it needs no second
//!   derivative, and finds the density of data plus noise;
//! * compare with noise: a classifier tells data from known noise, and learns ln Z as a parameter of its own;
//! * compare with neighbours: energy discrepancy blurs the data and looks where they came from.

use pathscore::estimators::energy::{
    DenoisingScoreMatching, Dynamics, NormalEnergyDiscrepancy, NormalNoiseContrastive,
    PersistentDynamicDivergence, ScoreMatching,
};
use pathscore::models::energy::{GaussianEnergy, NormalBase, RealEnergy, WithLogPartition};
use pathscore::prelude::*;

const ROWS: usize = 500;

/// Numbers with the mean 1 and the deviation 0.6.
fn rows() -> Vec<f64> {
    let rng = &mut seed::rng(0, seed::Stream::Sample, 0);
    (0..ROWS).map(|_| 1.0 + 0.6 * rng.normal()).collect()
}

/// The standard normal, from which every fit starts and which serves as noise.
fn start(params: &mut Params<f64>) -> GaussianEnergy {
    let rng = &mut seed::rng(0, seed::Stream::Init, 0);
    GaussianEnergy::new(params, NormalBase::standard(1), rng)
}

/// The parameters after five hundred steps on all rows, with a rate that falls.
fn fit<M: RealEnergy<f64>>(
    (model, params): (M, Params<f64>),
    estimator: impl Estimator<f64, M>,
    samples: usize,
) -> Params<f64> {
    const STEPS: u64 = 500;
    let schedule = Schedule::CosineDecay { steps: STEPS };
    let options = Options { samples, lr: 0.02, schedule, ..Options::default() };
    let mut trainer = Trainer::new(model, params, estimator, Box::new(Adam::default()), options);
    let x = rows();
    for _ in 0..STEPS {
        let feed = |range: std::ops::Range<usize>, to: &mut [f64], _: &mut _| {
            to.copy_from_slice(&x[range]);
        };
        trainer.step([ROWS, 1], feed).expect("the energies stay finite");
    }
    trainer.params
}

fn main() {
    let x = rows();
    let mean = x.iter().sum::<f64>() / ROWS as f64;
    let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / ROWS as f64;
    println!("criterion                    mean   precision");
    let print = |name: &str, params: &Params<f64>| {
        let precision = start(&mut Params::new()).precision(params)[0];
        println!("{name:<26} {:>6.3}   {precision:>9.3}", params.values()[0]);
    };
    println!("{:<26} {mean:>6.3}   {:>9.3}", "maximum likelihood", 1.0 / variance);

    let mut params = Params::new();
    let fresh = (start(&mut params), params);
    let dynamics = Dynamics::hmc(0.4, 3);
    let pcd = PersistentDynamicDivergence { dynamics, moves: 2, chains: Some(1000), restart: 0.0 };
    print("persistent chains (HMC)", &fit(fresh.clone(), pcd, 1));
    print("score matching", &fit(fresh.clone(), ScoreMatching, 1));
    let noise = 0.3;
    print("denoising, noise 0.3", &fit(fresh.clone(), DenoisingScoreMatching { noise }, 8));
    println!(
        "{:<26} {mean:>6.3}   {:>9.3}",
        "  its aim, 1/(Var + 0.3²)",
        1.0 / (variance + noise * noise)
    );
    let discrepancy = NormalEnergyDiscrepancy { noise: 0.5, stabiliser: 0.0 };
    print("energy discrepancy", &fit(fresh.clone(), discrepancy, 64));

    let (model, mut params) = fresh;
    let rng = &mut seed::rng(0, seed::Stream::Init, 0);
    let with_constant = WithLogPartition::new(&mut params, model, rng);
    let log_partition = with_constant.log_partition();
    let found = fit((with_constant, params), NormalNoiseContrastive, 10);
    print("noise-contrastive", &found);
    let exact = start(&mut Params::new()).log_partition(&found);
    println!(
        "  its ln Z {:.3}, that of the energy it has learnt {exact:.3}",
        found.get(log_partition)[0]
    );
}
