//! Work too small for vectors, which shows the cost of the tape itself.

use crate::data::glorot;
use crate::work::Work;
use pathscore_autodiff::{Activation, Grads, NumberTape, Real, Tape, Var};
use std::hint::black_box;

/// The value and the gradient of a 2-16-16-1 tanh network's squared error at one point, recorded anew
/// each time; `check` is the squared norm of the gradient.
pub(crate) fn tiny() -> Work {
    let widths = [2, 16, 16, 1];
    let weights: Vec<(Vec<f64>, Vec<f64>)> = widths
        .windows(2)
        .zip(4000..)
        .map(|(pair, seed)| (glorot(seed, pair[0], pair[1]), vec![0.0; pair[1]]))
        .collect();
    let count = weights.iter().map(|(w, b)| w.len() + b.len()).sum();
    let (mut tape, mut grads) = (Tape::new(), Grads::new());
    let mut gradient = move || {
        tape.clear();
        let layers: [_; 3] = std::array::from_fn(|j| {
            let (w, b) = &weights[j];
            (tape.leaf(w, [widths[j], widths[j + 1]]), tape.leaf(b, [widths[j + 1]]))
        });
        let mut x = tape.constant(&[0.3, -0.7], [1, 2]);
        for (j, (w, b)) in layers.into_iter().enumerate() {
            x = x.affine(w, b, if j < 2 { Activation::Tanh } else { Activation::Identity });
        }
        let loss = (x - 0.5).square().mean();
        tape.pull_into(&[(loss, &[1.0])], &[], &mut grads);
        black_box(grads.leading(count)).iter().map(|g| g * g).sum::<f64>()
    };
    let check = gradient();
    let step = move || {
        for _ in 0..100 {
            black_box(gradient());
        }
    };
    Work::new(100, check, step)
}

fn start() -> [f64; 10] {
    std::array::from_fn(|i| -1.0 + 0.2 * i as f64)
}

/// $\sum_i 100 (x_{i+1} - x_i^2)^2 + (1 - x_i)^2$ of numbers of any kind.
fn rosenbrock<R: Real>(x: &[R]) -> R {
    let [one, hundred] = [1.0, 100.0].map(|c| x[0].of(c));
    let terms = x.windows(2).map(|pair| {
        let (a, b) = (pair[1] - pair[0] * pair[0], one - pair[0]);
        hundred * a * a + b * b
    });
    terms.reduce(|sum, term| sum + term).expect("there are nine terms")
}

/// The value and the gradient of a function of numbers, recorded anew each time; `check` is the value
/// and the sum of the gradient.
pub(crate) fn scalar() -> Work {
    let mut tape = NumberTape::new();
    let mut gradient = move || {
        let (y, gradient) = tape.gradient(&black_box(start()), |x| rosenbrock(x));
        y + gradient.iter().sum::<f64>()
    };
    let check = gradient();
    let step = move || {
        for _ in 0..1000 {
            black_box(gradient());
        }
    };
    Work::new(1000, check, step)
}

/// The same, recorded once and replayed with new inputs.
pub(crate) fn scalar_replay() -> Work {
    let tape = Tape::new();
    let x = start().map(|x| tape.leaf(&[x], []));
    let (inputs, y) = (x.map(Var::id), rosenbrock(&x).id());
    let (mut plan, mut grads) = (tape.plan(&inputs, &[y]), Grads::new());
    let mut gradient = move || {
        for (id, x) in inputs.into_iter().zip(black_box(start())) {
            plan.set(id, &[x]);
        }
        plan.run().expect("no matrix is factored");
        plan.pull_into(&[(y, &[1.0])], &mut grads);
        plan.value(y)[0] + grads.leading(10).iter().sum::<f64>()
    };
    let check = gradient();
    let step = move || {
        for _ in 0..1000 {
            black_box(gradient());
        }
    };
    Work::new(1000, check, step)
}
