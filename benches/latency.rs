//! One row through the encoder of a trained run: what a program pays that answers a request.
//!
//! `cargo bench -p pathscore-benches --bench latency -- $PWD/RUN/checkpoint.safetensors` reads the weights by name
//! (`param.encoder.N.weight` of shape `[in, out]`, `param.encoder.N.bias`), records the network for one row, replays it, and
//! prints the median and the least of the microseconds as JSON. `check` is the sum of the outputs for the row whose number `i` is one where
//! the remainder of `i` by 7 is less than 2.

use clap::{Parser, ValueEnum};
use pathscore_autodiff::{Activation, Tape};
use safetensors::SafeTensors;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// The activation of the hidden layers.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Hidden {
    Tanh,
    Relu,
}

/// Times one row through an encoder.
#[derive(Debug, Parser)]
struct Arguments {
    /// The checkpoint of a run of `train vae`
    checkpoint: std::path::PathBuf,
    /// The activation of its hidden layers
    #[arg(long, value_enum, default_value = "tanh")]
    activation: Hidden,
    /// The seconds of measuring
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// The flag that cargo passes to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

/// The numbers of a tensor in single precision, and its shape.
fn tensor(file: &SafeTensors<'_>, name: &str) -> Option<(Vec<f32>, Vec<usize>)> {
    let view = file.tensor(name).ok()?;
    assert_eq!(view.dtype(), safetensors::Dtype::F32, "{name} is not in single precision");
    let numbers = view.data().as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes));
    Some((numbers.collect(), view.shape().to_vec()))
}

fn main() {
    let Arguments { checkpoint, activation, seconds, .. } = Arguments::parse();
    let refuse = |what: String| -> ! {
        eprintln!("{}: {what}", checkpoint.display());
        std::process::exit(2)
    };
    let bytes = std::fs::read(&checkpoint).unwrap_or_else(|error| refuse(error.to_string()));
    let file = SafeTensors::deserialize(&bytes)
        .unwrap_or_else(|error| refuse(format!("no safetensors file: {error}")));
    let layer = |i: usize| {
        let part = |part| tensor(&file, &format!("param.encoder.{i}.{part}"));
        Some((part("weight")?, part("bias")?))
    };
    let layers: Vec<_> = (0..).map_while(layer).collect();
    if layers.is_empty() {
        refuse("there is no param.encoder.0.weight".into());
    }
    let mut widths: Vec<usize> = layers.iter().map(|(weight, _)| weight.1[0]).collect();
    let hidden = match activation {
        Hidden::Tanh => Activation::Tanh,
        Hidden::Relu => Activation::Relu,
    };

    let tape = Tape::<f32>::new();
    let row: Vec<f32> = (0..widths[0]).map(|i| if i % 7 < 2 { 1.0 } else { 0.0 }).collect();
    let input = tape.constant(&row, [1, widths[0]]);
    let output = layers.iter().enumerate().fold(input, |x, (i, (weight, bias))| {
        let last = i + 1 == layers.len();
        let [w, b] = [weight, bias].map(|(numbers, shape)| tape.constant(numbers, &shape[..]));
        x.affine(w, b, if last { Activation::Identity } else { hidden })
    });
    let (input, output, last) = (input.id(), output.id(), output.size());
    widths.push(last);
    let mut plan = tape.plan(&[input], &[output]);
    let mut encode = || {
        plan.set(input, black_box(&row));
        plan.run().expect("no matrix is factored");
        black_box(plan.value(output)).iter().sum::<f32>()
    };
    let check = encode();
    (0..200).for_each(|_| _ = encode());
    let mut times = Vec::new();
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    while times.is_empty() || Instant::now() < end {
        let start = Instant::now();
        (0..50).for_each(|_| _ = black_box(encode()));
        times.push(start.elapsed().as_secs_f64() / 50.0 * 1e6);
    }
    times.sort_by(f64::total_cmp);
    let line = serde_json::json!({
        "peer": "pathscore", "widths": widths, "check": check,
        "median_us": times[times.len() / 2], "min_us": times[0], "laps": times.len(),
    });
    println!("{line}");
}
