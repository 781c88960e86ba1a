//! Work too small for vectors, which shows the cost of the tapes themselves.

use crate::data::glorot;
use crate::work::Work;
use pathscore_autodiff::{Activation, Grads, NumberTape, Real, Tape, Var};
use std::hint::black_box;

/// The weights and biases of a 2-16-16-1 network, with their shapes.
fn parameters() -> Vec<(Vec<f64>, Vec<usize>)> {
    let layers = [[2, 16], [16, 16], [16, 1]].into_iter().zip(4000..);
    let values = layers
        .flat_map(|([n, m], seed)| [(glorot(seed, n, m), vec![n, m]), (vec![0.0; m], vec![m])]);
    values.collect()
}

/// The squared error of the network with tanh at one point.
fn error<'t>(parameters: &[Var<'t, f64>], input: Var<'t, f64>) -> Var<'t, f64> {
    let layers = parameters.chunks(2).enumerate();
    let output = layers.fold(input, |x, (j, layer)| {
        x.affine(layer[0], layer[1], if j < 2 { Activation::Tanh } else { Activation::Identity })
    });
    (output - 0.5).square().mean()
}

const POINT: [f64; 2] = [0.3, -0.7];

/// The value and the gradient of a small network's error, recorded once and replayed; `check` is the squared norm of the
/// gradient.
pub(crate) fn tiny() -> Work {
    let tape = Tape::new();
    let leaves: Vec<_> = parameters().iter().map(|(x, shape)| tape.leaf(x, &shape[..])).collect();
    let input = tape.constant(&POINT, [1, 2]);
    let (loss, input) = (error(&leaves, input).id(), input.id());
    let inputs: Vec<_> = leaves.into_iter().map(Var::id).chain([input]).collect();
    let mut plan = tape.plan(&inputs, &[loss]);
    small(move |grads| {
        plan.set(input, &black_box(POINT));
        plan.run().expect("no matrix is factored");
        plan.pull_into(&[(loss, &[1.0])], grads);
    })
}

/// The same, recorded afresh in each step.
pub(crate) fn tiny_afresh() -> Work {
    let (mut tape, parameters) = (Tape::new(), parameters());
    small(move |grads| {
        tape.clear();
        let mut leaves = parameters.iter().map(|(x, shape)| tape.leaf(x, &shape[..]));
        let leaves: [_; 6] = std::array::from_fn(|_| leaves.next().expect("six parameters"));
        let loss = error(&leaves, tape.constant(&black_box(POINT), [1, 2]));
        tape.pull_into(&[(loss, &[1.0])], &[], grads);
    })
}

/// The work of a function that computes the gradient of the small network.
fn small(mut gradient: impl FnMut(&mut Grads<f64>) + Send + 'static) -> Work {
    let count = parameters().iter().map(|(x, _)| x.len()).sum();
    let mut grads = Grads::new();
    gradient(&mut grads);
    let check = grads.leading(count).iter().map(|g| g * g).sum();
    let step = move || {
        for _ in 0..100 {
            gradient(&mut grads);
            black_box(&mut grads);
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
