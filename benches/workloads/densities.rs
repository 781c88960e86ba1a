//! Log-densities of known data and their gradients, recorded once and replayed.

use crate::data::{uniforms, unit_noise};
use crate::work::Work;
use pathscore_autodiff::{Grads, Id, Plan, Real, Tape, Var};
use rayon::prelude::*;
use std::cmp::Ordering;
use std::f64::consts::{LN_2, PI, TAU};

/// A plan with one output number, and the memory that it needs.
struct Piece {
    plan: Plan<f64>,
    inputs: Vec<Id>,
    y: Id,
    grads: Grads<f64>,
}

impl Piece {
    /// Records `f` of some tensors, which are its first leaves.
    fn new(
        at: &[(&[f64], Vec<usize>)],
        f: impl for<'t> FnOnce(&'t Tape<f64>, &[Var<'t, f64>]) -> Var<'t, f64>,
    ) -> Self {
        let tape = Tape::new();
        let leaf = |(values, shape): &(&[f64], Vec<usize>)| tape.leaf(values, &shape[..]);
        let leaves: Vec<_> = at.iter().map(leaf).collect();
        let y = f(&tape, &leaves).id();
        let inputs: Vec<Id> = leaves.iter().map(|leaf| leaf.id()).collect();
        drop(leaves);
        let plan = tape.plan(&inputs, &[y]);
        Self { plan, inputs, y, grads: Grads::new() }
    }

    /// The value at new inputs; the gradient is left in `grads`.
    fn run(&mut self, at: &[&[f64]]) -> f64 {
        self.inputs.iter().zip(at).for_each(|(&id, values)| self.plan.set(id, values));
        self.plan.run().expect("every matrix can be factored");
        self.plan.pull_into(&[(self.y, &[1.0])], &mut self.grads);
        self.plan.value(self.y)[0]
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
/// normalisation, with a Wishart prior. The rows of `x` are shared out in two pieces.
pub(crate) fn gmm(d: usize) -> Work {
    const K: usize = 25;
    const N: usize = 1000;
    const PIECES: usize = 2;
    let below = d * (d - 1) / 2;
    let seed = 5000 + 10 * d as u64;
    let (alphas, means) = (unit_noise(seed, K), uniforms(seed + 1, K * d));
    let (icf, x) = (unit_noise(seed + 2, K * (d + below)), unit_noise(seed + 3, N * d));
    let at = [(&alphas[..], vec![K]), (&means[..], vec![K, d]), (&icf[..], vec![K, d + below])];
    let part = |rows: &[f64]| {
        let n = rows.len() / d;
        // A column of −1 meets the row L μ, so that the product is L (x − μ).
        let rows: Vec<f64> = rows.chunks(d).flat_map(|x| [x, &[-1.0]].concat()).collect();
        Piece::new(&at, move |tape, leaves| {
            let [alphas, means, icf] = [leaves[0], leaves[1], leaves[2]];
            let [log_diagonal, below] = split(icf, d);
            let l = factors(log_diagonal, below);
            let shift = l.reshape([d, d, K]) * means.transpose().reshape([d, 1, K]);
            let l = Var::concat(&[l, shift.sum_axis(0).reshape([1, d * K])], 0);
            let distance = tape.constant(&rows, [n, d + 1]).matmul(l).reshape([n, d, K]);
            let scale = alphas + log_diagonal.sum_axis(0);
            (distance.sum_squares(1) * -0.5 + scale).log_sum_exp(1).sum()
        })
    };
    let mut pieces: Vec<Piece> = x.chunks(N * d / PIECES).map(part).collect();
    pieces.push(Piece::new(&at, |_, leaves| {
        let [log_diagonal, below] = split(leaves[2], d);
        let [p, dof] = [d as f64, d as f64 + 1.0];
        let ln_gamma = |j: usize| Real::ln_gamma(0.5 * dof + 0.5 * (1.0 - j as f64));
        let ln_gammas = 0.25 * p * (p - 1.0) * PI.ln() + (1..=d).map(ln_gamma).sum::<f64>();
        let wishart = K as f64 * (-0.5 * dof * p * LN_2 - ln_gammas);
        let squares = log_diagonal.exp().square().sum() + below.square().sum();
        let n = N as f64;
        squares * 0.5 - leaves[0].log_sum_exp(0) * n - (wishart + 0.5 * n * p * TAU.ln())
    }));
    let count = alphas.len() + means.len() + icf.len();
    let mut gradient = vec![0.0; count];
    let mut value = move || {
        let value = |piece: &mut Piece| piece.run(&[&alphas, &means, &icf]);
        let mut values = [0.0; PIECES + 1];
        pieces.par_iter_mut().zip(&mut values).for_each(|(piece, y)| *y = value(piece));
        gradient.fill(0.0);
        for piece in &pieces {
            let gains = piece.grads.leading(count);
            gradient.iter_mut().zip(gains).for_each(|(sum, g)| *sum += g);
        }
        values.iter().sum::<f64>()
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
    let mut piece = Piece::new(&[(&q, vec![D, 1])], |tape, leaves| {
        let [x, y] = [tape.constant(&columns, [D, N]), tape.constant(&labels, [N])];
        let logits = x.matmul_with(true, leaves[0], false).reshape([N]);
        y.bernoulli_log_prob(logits) - leaves[0].reshape([D]).sum_squares(0) * 0.5
    });
    let check = piece.run(&[&q]);
    Work::new(100, check, move || {
        for _ in 0..100 {
            let kick = |p: &mut [f64], grads: &Grads<f64>| {
                p.iter_mut().zip(grads.leading(D)).for_each(|(p, g)| *p += 0.5 * EPS * g);
            };
            kick(&mut p, &piece.grads);
            q.iter_mut().zip(&p).for_each(|(q, p)| *q += EPS * p);
            piece.run(&[&q]);
            kick(&mut p, &piece.grads);
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
    let mut piece = Piece::new(&at, |tape, leaves| {
        let z = leaves[0] * (-leaves[1]).exp();
        let squares = z.sum_squares(1);
        let products = z.matmul_with(false, z, true);
        let distance = squares.reshape([N, 1]) + squares - products * 2.0;
        let [signal, noise] = [0, 1].map(|i| leaves[2].slice(0, i..i + 1));
        let kernel =
            (distance * -0.5 + signal).exp() + noise.exp() * tape.constant(&identity(N), [N, N]);
        let factor = kernel.factor_cholesky().expect("the noise keeps the kernel definite");
        let y = tape.constant(&data, [N, D]);
        let fit = (y * factor.solve(y)).sum();
        (factor.log_det() * D as f64 + fit + (N * D) as f64 * TAU.ln()) * -0.5
    });
    let mut value = move || piece.run(&[&points, &lengths, &scales]);
    let check = value();
    Work::new(1, check, move || {
        std::hint::black_box(value());
    })
}

fn identity(n: usize) -> Vec<f64> {
    (0..n * n).map(|i| f64::from(u8::from(i % (n + 1) == 0))).collect()
}
