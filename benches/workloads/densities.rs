//! Log-densities of known data and their gradients, recorded once and replayed.

use crate::data::{uniforms, unit_noise};
use crate::work::Work;
use pathscore_autodiff::{Grads, Id, Plan, Real, Tape, Var};
use rayon::prelude::*;
use std::cmp::Ordering;
use std::f64::consts::{FRAC_1_SQRT_2, LN_2, PI, TAU};

/// A plan, and the memory that it needs.
struct Recorded {
    plan: Plan<f64>,
    inputs: Vec<Id>,
    outputs: Vec<Id>,
    grads: Grads<f64>,
}

impl Recorded {
    /// Records `f` of some tensors, which are its first leaves.
    fn new(
        at: &[(&[f64], Vec<usize>)],
        f: impl for<'t> FnOnce(&'t Tape<f64>, &[Var<'t, f64>]) -> Vec<Var<'t, f64>>,
    ) -> Self {
        let tape = Tape::new();
        let leaf = |(values, shape): &(&[f64], Vec<usize>)| tape.leaf(values, &shape[..]);
        let leaves: Vec<_> = at.iter().map(leaf).collect();
        let outputs: Vec<Id> = f(&tape, &leaves).into_iter().map(Var::id).collect();
        let inputs: Vec<Id> = leaves.iter().map(|leaf| leaf.id()).collect();
        drop(leaves);
        let plan = tape.plan(&inputs, &outputs);
        Self { plan, inputs, outputs, grads: Grads::new() }
    }

    /// Sets the inputs from number `first` on.
    fn set(&mut self, first: usize, at: &[&[f64]]) {
        self.inputs[first..].iter().zip(at).for_each(|(&id, values)| self.plan.set(id, values));
    }

    /// Computes the outputs.
    fn run(&mut self) {
        self.plan.run().expect("every matrix can be factored");
    }

    /// The numbers of an output.
    fn value(&self, output: usize) -> &[f64] {
        self.plan.value(self.outputs[output])
    }

    /// Leaves the gradient of the outputs, weighted by `seeds`, in `grads`.
    fn pull<const N: usize>(&mut self, seeds: [&[f64]; N]) {
        let seeds: [_; N] = std::array::from_fn(|i| (self.outputs[i], seeds[i]));
        self.plan.pull_into(&seeds, &mut self.grads);
    }

    /// The value of the only output, one number; the gradient is left in `grads`.
    fn value_and_grad(&mut self) -> f64 {
        self.run();
        self.pull([&[1.0]]);
        self.value(0)[0]
    }
}

/// $L_k$ of every component, its columns below each other and the components side by side: `[d, d K]`.
///
/// A row of `icf` holds the logarithms of the diagonal and then the elements below it by columns; here it is a column.
fn factors<'t>(log_diagonal: Var<'t, f64>, below: Var<'t, f64>) -> Var<'t, f64> {
    let [d, k] = [0, 1].map(|axis| log_diagonal.shape()[axis]);
    let tape = log_diagonal.tape();
    let zero = tape.constant(&vec![0.0; k], [1, k]);
    let parts = Var::concat(&[zero, log_diagonal.exp(), below], 0);
    let mut last = d;
    let part = |at: usize| match (at / d).cmp(&(at % d)) {
        Ordering::Greater => 0,
        Ordering::Equal => 1 + at / d,
        Ordering::Less => {
            last += 1;
            last
        }
    };
    let places: Vec<usize> = (0..d * d).map(part).collect();
    let columns = parts.index_select(0, tape.indices(&places, [d * d]));
    columns.expect("every place is a part").reshape([d, d * k])
}

/// The columns of `icf`: the logarithms of the `d` diagonal elements, and the elements below the diagonal.
fn split(icf: Var<'_, f64>, d: usize) -> [Var<'_, f64>; 2] {
    let icf = icf.transpose();
    [icf.slice(0, 0..d), icf.slice(0, d..icf.shape()[0])]
}

/// The value and the gradient of the Gaussian mixture of ADBench in `d` dimensions.
///
/// $\sum_n \ln \sum_k \exp(\alpha_k + \sum_i \ln L_{k,ii} - \tfrac12 |L_k (x_n - \mu_k)|^2)$ less its
/// normalisation, with a Wishart prior. One plan makes the factors; the samples are shared out in pieces, whose gradients by the
/// factors go back through the first plan together.
pub(crate) fn gmm(d: usize) -> Work {
    const K: usize = 25;
    const N: usize = 1000;
    const PIECES: usize = 2;
    const BLOCK: usize = 125;
    let below = d * (d - 1) / 2;
    let seed = 5000 + 10 * d as u64;
    let (alphas, means) = (unit_noise(seed, K), uniforms(seed + 1, K * d));
    let (icf, x) = (unit_noise(seed + 2, K * (d + below)), unit_noise(seed + 3, N * d));

    // L/√2 and below it L μ/√2, the logarithms of the weights, and the prior with the normalisation.
    let at = [(&alphas[..], vec![K]), (&means[..], vec![K, d]), (&icf[..], vec![K, d + below])];
    let mut parameters = Recorded::new(&at, |_, leaves| {
        let [alphas, means, icf] = [leaves[0], leaves[1], leaves[2]];
        let [log_diagonal, below] = split(icf, d);
        let l = factors(log_diagonal, below);
        let shift = l.reshape([d, d, K]) * means.transpose().reshape([d, 1, K]);
        let l = Var::concat(&[l, shift.sum_axis(0).reshape([1, d * K])], 0);
        let [p, dof] = [d as f64, d as f64 + 1.0];
        let ln_gamma = |j: usize| Real::ln_gamma(0.5 * dof + 0.5 * (1.0 - j as f64));
        let ln_gammas = 0.25 * p * (p - 1.0) * PI.ln() + (1..=d).map(ln_gamma).sum::<f64>();
        let wishart = K as f64 * (-0.5 * dof * p * LN_2 - ln_gammas);
        let squares = log_diagonal.exp().square().sum() + below.square().sum();
        let n = N as f64;
        let rest = squares * 0.5 - alphas.log_sum_exp(0) * n - (wishart + 0.5 * n * p * TAU.ln());
        vec![l * FRAC_1_SQRT_2, alphas + log_diagonal.sum_axis(0), rest]
    });

    // A row of −1 meets the row L μ, so that the product is L (x − μ)/√2. The samples lie along the last axis, where sums and
    // exponentials over components are vectors of samples. A piece takes its samples by blocks, whose distances fit the cache.
    let sizes = [(d + 1) * d * K, K];
    let zeros = sizes.map(|size| vec![0.0; size]);
    // Few dimensions are completed to whole vectors of samples, so that rows begin with one; of many, rows of 1024 bytes would share a
    // set of the cache.
    let width = if d < 32 { BLOCK.next_multiple_of(8) } else { BLOCK };
    let columns = |rows: &[f64]| -> Vec<f64> {
        let row = |i: usize| {
            let row = rows.chunks(d).map(move |x| x.get(i).copied().unwrap_or(-1.0));
            row.chain(std::iter::repeat_n(0.0, width - BLOCK))
        };
        (0..=d).flat_map(row).collect()
    };
    let at = [
        (&zeros[0][..], vec![d + 1, d * K]),
        (&zeros[1][..], vec![K, 1]),
        (&columns(&x[..BLOCK * d])[..], vec![d + 1, width]),
    ];
    let piece = |rows: &[f64]| {
        let of_block = Recorded::new(&at, |_, leaves| {
            let distance =
                leaves[0].matmul_with(true, leaves[2].detach(), false).reshape([d, K, width]);
            let log_probs = (leaves[1] - distance.sum_squares(0)).log_sum_exp(0);
            vec![log_probs.slice(0, 0..BLOCK).sum()]
        });
        let blocks: Vec<Vec<f64>> = rows.chunks(BLOCK * d).map(columns).collect();
        (of_block, blocks, vec![0.0; sizes[0] + sizes[1]])
    };
    let mut pieces: Vec<_> = x.chunks(N * d / PIECES).map(piece).collect();

    let count = alphas.len() + means.len() + icf.len();
    let mut gradient = sizes.map(|size| vec![0.0; size]);
    let mut value = move || {
        parameters.set(0, &[&alphas, &means, &icf]);
        parameters.run();
        let [l, scale] = [0, 1].map(|i| parameters.value(i));
        let mut values = [0.0; PIECES];
        pieces.par_iter_mut().zip(&mut values).for_each(|((of_block, blocks, gains), y)| {
            gains.fill(0.0);
            *y = 0.0;
            of_block.set(0, &[l, scale]);
            for x in &*blocks {
                of_block.set(2, &[x]);
                *y += of_block.value_and_grad();
                let part = of_block.grads.leading(gains.len());
                gains.iter_mut().zip(part).for_each(|(sum, g)| *sum += g);
            }
        });
        for (i, part) in gradient.iter_mut().enumerate() {
            part.fill(0.0);
            let from = if i == 0 { 0 } else { sizes[0] };
            for (.., gains) in &pieces {
                part.iter_mut().zip(&gains[from..]).for_each(|(sum, g)| *sum += g);
            }
        }
        parameters.pull([&gradient[0], &gradient[1], &[1.0]]);
        std::hint::black_box(parameters.grads.leading(count));
        values.iter().sum::<f64>() + parameters.value(2)[0]
    };
    let check = value();
    Work::new(1, check, move || {
        std::hint::black_box(value());
    })
}

/// One leapfrog step on the posterior of a logistic regression; `check` is its logarithm at the start.
pub(crate) fn logistic() -> Work {
    const N: usize = 1000;
    const D: usize = 25;
    const EPS: f64 = 1e-3;
    let (x, w, u) = (unit_noise(8000, N * D), unit_noise(8001, D), uniforms(8002, N));
    let logit = |row: &[f64]| row.iter().zip(&w).map(|(x, w)| x * w).sum::<f64>();
    let label =
        |(row, &u): (&[f64], &f64)| f64::from(u8::from(u < 1.0 / (1.0 + (-logit(row)).exp())));
    let labels: Vec<f64> = x.chunks(D).zip(&u).map(label).collect();
    // By columns: both products then go along them.
    let columns: Vec<f64> = (0..D).flat_map(|j| x.iter().skip(j).step_by(D).copied()).collect();
    let mut q: Vec<f64> = unit_noise(8003, D).iter().map(|u| 0.1 * u).collect();
    let mut p = unit_noise(8004, D);
    let mut posterior = Recorded::new(&[(&q, vec![D, 1])], |tape, leaves| {
        let [x, y] = [tape.constant(&columns, [D, N]), tape.constant(&labels, [N])];
        let logits = x.matmul_with(true, leaves[0], false).reshape([N]);
        vec![y.bernoulli_log_prob(logits) - leaves[0].reshape([D]).sum_squares(0) * 0.5]
    });
    posterior.set(0, &[&q]);
    let check = posterior.value_and_grad();
    Work::new(100, check, move || {
        for _ in 0..100 {
            let kick = |p: &mut [f64], grads: &Grads<f64>| {
                p.iter_mut().zip(grads.leading(D)).for_each(|(p, g)| *p += 0.5 * EPS * g);
            };
            kick(&mut p, &posterior.grads);
            q.iter_mut().zip(&p).for_each(|(q, p)| *q += EPS * p);
            posterior.set(0, &[&q]);
            posterior.value_and_grad();
            kick(&mut p, &posterior.grads);
        }
    })
}

/// The log marginal likelihood of a Gaussian process over latent points, and its gradient in the points and
/// the kernel's parameters.
///
/// $K_{ij} = s_f^2 \exp(-\tfrac12 |z_i - z_j|^2) + s_n^2 \delta_{ij}$ with $z = x / \ell$, and
/// $\ln p(Y) = -\tfrac12 (n d \ln 2\pi + d \ln|K| + \sum_j y_j^\top K^{-1} y_j)$.
pub(crate) fn gplvm() -> Work {
    const N: usize = 200;
    const D: usize = 12;
    const Q: usize = 5;
    let (x, a) = (unit_noise(9000, N * Q), unit_noise(9001, Q * D));
    let product = |row: &[f64], j: usize| (0..Q).map(|q| row[q] * a[q * D + j]).sum::<f64>();
    let signal = x.chunks(Q).flat_map(|row| (0..D).map(move |j| product(row, j).sin()));
    let noise = unit_noise(9002, N * D);
    let mut data: Vec<f64> = signal.zip(noise).map(|(y, noise)| y + 0.1 * noise).collect();
    for j in 0..D {
        let mean = data.iter().skip(j).step_by(D).sum::<f64>() / N as f64;
        data.iter_mut().skip(j).step_by(D).for_each(|y| *y -= mean);
    }
    let points: Vec<f64> =
        x.iter().zip(unit_noise(9003, N * Q)).map(|(x, noise)| 0.9 * x + 0.1 * noise).collect();
    let (lengths, scales) = ([0.1; Q], [0.2, -2.0]);
    let at = [(&points[..], vec![N, Q]), (&lengths[..], vec![Q]), (&scales[..], vec![2])];
    let mut likelihood = Recorded::new(&at, |tape, leaves| {
        let z = leaves[0] * (-leaves[1]).exp();
        let [signal, noise] = [0, 1].map(|i| leaves[2].slice(0, i..i + 1));
        let noise = noise.exp().broadcast_to([N]).diag(0);
        let kernel = (z.squared_distances(z) * -0.5 + signal).exp() + noise;
        let factor = kernel.factor_cholesky().expect("the noise keeps the kernel definite");
        let y = tape.constant(&data, [N, D]);
        let fit = factor.inverse_form(y).sum();
        vec![(factor.log_det() * D as f64 + fit + (N * D) as f64 * TAU.ln()) * -0.5]
    });
    let mut value = move || {
        likelihood.set(0, &[&points, &lengths, &scales]);
        likelihood.value_and_grad()
    };
    let check = value();
    Work::new(1, check, move || {
        std::hint::black_box(value());
    })
}
