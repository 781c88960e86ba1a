//! Whole steps of known work, timed in the same way for every library.
//!
//! `cargo bench -p pathscore-benches --bench workloads -- --workload vae --threads 1 --seconds 3` prints one line of JSON:
//! the median and the least time of a warm step, and `check`, a number that shows that the step
//! computed the right thing. All data come from SplitMix64, so any program can compute the same `check`.

#[path = "workloads/annealing.rs"]
mod annealing;
#[path = "workloads/data.rs"]
mod data;
#[path = "workloads/densities.rs"]
mod densities;
#[path = "workloads/expectations.rs"]
mod expectations;
#[path = "workloads/nets.rs"]
mod nets;
#[path = "workloads/numbers.rs"]
mod numbers;
#[path = "workloads/products.rs"]
mod products;
#[path = "workloads/work.rs"]
mod work;

use clap::{Parser, ValueEnum};
use std::time::{Duration, Instant};
use work::{Product, Work};

/// The precision of the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Dtype {
    F32,
    F64,
}

/// Times one workload.
#[derive(Debug, Parser)]
struct Arguments {
    /// vae, iwae, vimco, reinforce, rbm, tiny, tiny-afresh, scalar, scalar-replay, gmm-d10, gmm-d64, mcgrad-reparam,
    /// mcgrad-reparam-value, mcgrad-reparam-tape, mcgrad-score, ais, logreg-hmc, gplvm or gemm
    #[arg(long)]
    workload: String,
    /// Threads that share the work
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// The seconds of measuring
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// The precision; by default that of the workload's definition
    #[arg(long)]
    dtype: Option<Dtype>,
    /// The flag that cargo passes to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

fn build(name: &str, dtype: Option<Dtype>) -> Option<Vec<Work>> {
    let double = dtype == Some(Dtype::F64);
    Some(vec![match name {
        "vae" if double => nets::vae::<f64>(),
        "vae" => nets::vae::<f32>(),
        "iwae" if double => nets::iwae::<f64>(),
        "iwae" => nets::iwae::<f32>(),
        "vimco" if double => nets::vimco::<f64>(),
        "vimco" => nets::vimco::<f32>(),
        "reinforce" if double => nets::reinforce::<f64>(),
        "reinforce" => nets::reinforce::<f32>(),
        "rbm" if double => nets::rbm::<f64>(),
        "rbm" => nets::rbm::<f32>(),
        "tiny" => numbers::tiny(),
        "tiny-afresh" => numbers::tiny_afresh(),
        "scalar" => numbers::scalar(),
        "scalar-replay" => numbers::scalar_replay(),
        "gmm-d10" => densities::gmm(10),
        "gmm-d64" => densities::gmm(64),
        "mcgrad-reparam" => expectations::reparam(),
        "mcgrad-reparam-value" => expectations::reparam_value(),
        "mcgrad-reparam-tape" => expectations::reparam_tape(),
        "mcgrad-score" => expectations::score(),
        "ais" if double => annealing::ais::<f64>(),
        "ais" => annealing::ais::<f32>(),
        "logreg-hmc" => densities::logistic(),
        "gplvm" => densities::gplvm(),
        "gemm" => return Some(products::all(dtype)),
        _ => return None,
    }])
}

/// Seconds of each step, sorted; the first few, to warm up, are not among them.
fn measure(work: &mut Work, seconds: f64) -> Vec<f64> {
    (0..work.warm).for_each(|_| (work.step)());
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let mut times = Vec::new();
    while times.len() < 5 || Instant::now() < end {
        let start = Instant::now();
        (work.step)();
        times.push(start.elapsed().as_secs_f64() / work.inner as f64);
    }
    times.sort_by(f64::total_cmp);
    times
}

fn main() {
    let arguments = Arguments::parse();
    let Some(works) = build(&arguments.workload, arguments.dtype) else {
        eprintln!("there is no workload called {}; --help lists them", arguments.workload);
        std::process::exit(2);
    };
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(arguments.threads)
        .build()
        .expect("a pool of threads can be started");
    let seconds = arguments.seconds / works.len() as f64;
    for mut work in works {
        let times = pool.install(|| measure(&mut work, seconds));
        let median = (times[(times.len() - 1) / 2] + times[times.len() / 2]) / 2.0;
        let mut line = serde_json::json!({
            "peer": "pathscore",
            "workload": arguments.workload,
            "threads": arguments.threads,
            "median_s": median,
            "min_s": times[0],
            "iters": times.len() * work.inner,
            "unit": "s per step",
            "check": work.check,
        });
        if let Some(Product { shape, dtype, flops }) = work.product {
            line["shape"] = shape.into();
            line["dtype"] = dtype.into();
            line["gflops"] = (flops / median / 1e9).into();
        }
        println!("{line}");
    }
}
