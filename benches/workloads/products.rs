//! Matrix products by themselves.

use crate::Dtype;
use crate::work::{Product, Work};
use pathscore_autodiff::{Scalar, Tape};

/// The sizes m, k and n, and whether the left side is stored transposed.
const SHAPES: [([usize; 3], bool); 5] = [
    ([512, 512, 512], false),
    ([100, 784, 200], false),
    ([100, 200, 784], false),
    ([200, 100, 784], true),
    ([1000, 200, 784], false),
];

/// Every product in both precisions, or in one of them.
pub(crate) fn all(dtype: Option<Dtype>) -> Vec<Work> {
    let mut works = Vec::new();
    if dtype != Some(Dtype::F64) {
        works.extend(SHAPES.map(one::<f32>));
    }
    if dtype != Some(Dtype::F32) {
        works.extend(SHAPES.map(one::<f64>));
    }
    works
}

/// One product; `check` is the ratio of an element to its exact value.
fn one<F: Scalar>(([m, k, n], transposed): ([usize; 3], bool)) -> Work {
    let tape = Tape::new();
    let filled =
        |c: f64, shape: [usize; 2]| tape.leaf(&vec![F::from_f64(c); shape[0] * shape[1]], shape);
    let a = filled(0.5, if transposed { [k, m] } else { [m, k] });
    let b = filled(0.25, [k, n]);
    let (inputs, c) = ([a.id(), b.id()], a.matmul_with(transposed, b, false).id());
    let mut plan = tape.plan(&inputs, &[c]);
    let mut check = move || {
        plan.run().expect("nothing is factored");
        plan.value(c)[0].to_f64() / (0.125 * k as f64)
    };
    let shape = format!("{m}x{k}x{n}{}", if transposed { "T" } else { "" });
    let product = Product { shape, dtype: F::NAME, flops: 2.0 * (m * k * n) as f64 };
    let value = check();
    let step = move || {
        std::hint::black_box(check());
    };
    Work { product: Some(product), ..Work::new(1, value, step) }
}
