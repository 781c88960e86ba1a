//! Posteriors with dependent coordinates.

use super::*;
use crate::dist::{FlowKind, Kl, MultivariateNormal, Reparam};

const TANH: Activation = Activation::Tanh;

/// The density of a normal vector by elimination: $\ln\mathcal N(d; 0, S)$ for a covariance matrix $S$.
fn log_normal_vector(d: &[f64], mut s: Vec<Vec<f64>>) -> f64 {
    let (n, mut d, mut log_det, mut form) = (d.len(), d.to_vec(), 0.0, 0.0);
    for i in 0..n {
        let pivot = s[i][i];
        log_det += pivot.ln();
        form += d[i] * d[i] / pivot;
        for j in i + 1..n {
            let factor = s[j][i] / pivot;
            d[j] -= factor * d[i];
            let pivots = s[i].clone();
            s[j].iter_mut().zip(&pivots).for_each(|(s, pivot)| *s -= factor * pivot);
        }
    }
    -0.5 * (form + log_det + n as f64 * TAU.ln())
}

#[test]
fn the_factor_of_a_full_covariance_is_the_output_of_the_encoder() {
    let (mut params, rng) = (Params::<f64>::new(), &mut rng(0, Stream::Init, 0));
    let model = Vae::full_covariance(&mut params, [2, 3], &[], TANH, Likelihood::Normal, rng);
    let tape = Tape::new();
    let q = model.posterior(params.on(&tape), tape.constant(&[0.3, -0.8], [1, 2]));
    let diagonal = q.scale_tril().diagonal(0).diag(0).value();
    assert_eq!(q.scale_tril().value(), diagonal, "a new posterior has a diagonal covariance");
    spread(&mut params);
    let x = [0.3, -0.8];
    let h = affine(&params, "encoder.0", &x);
    assert_eq!(h.len(), 9);
    let tape = Tape::new();
    let bound = params.on(&tape);
    let q = model.posterior(bound, tape.constant(&x, [1, 2]));
    assert_close("µ", q.loc(), &h[..3]);
    let e = |i: usize| (0.5 * h[3 + i]).exp();
    let l = [e(0), 0.0, 0.0, h[6], e(1), 0.0, h[7], h[8], e(2)];
    assert_close("L", q.scale_tril(), &l);
    assert_close("the code", model.encode(bound, tape.constant(&x, [1, 2])), &h[..3]);
}

#[test]
fn a_single_latent_needs_no_covariance() {
    let (mut params, rng) = (Params::<f64>::new(), &mut rng(0, Stream::Init, 0));
    let model = Vae::full_covariance(&mut params, [2, 1], &[], TANH, Likelihood::Normal, rng);
    let mut other = Params::<f64>::new();
    let diagonal = Vae::new(&mut other, 2, &[], 1, TANH, Likelihood::Normal, rng);
    spread(&mut params);
    spread(&mut other);
    let tape = Tape::new();
    let (x, z) = (tape.constant(&[0.3, -0.8], [1, 2]), tape.constant(&[0.4], [1, 1]));
    let q = diagonal.posterior(other.on(&tape), x).log_prob(z).item();
    let tape = Tape::new();
    let (x, z) = (tape.constant(&[0.3, -0.8], [1, 2]), tape.constant(&[0.4], [1, 1]));
    assert_close("ln q", model.posterior(params.on(&tape), x).log_prob(z), &[q]);
}

/// With a linear decoder $p(z \mid x) = \mathcal N(M^{-1}W^\top(x - b)/\sigma^2, M^{-1})$, $M = I + W^\top W/\sigma^2$. The loadings are
/// rotated, so that $M$ is not diagonal.
#[test]
fn the_bound_of_a_full_covariance_is_exact_where_that_of_a_diagonal_one_is_not() {
    let (w, b, s2) = ([[1.3, 0.9, -0.4], [1.1, 0.2, 0.5]], [0.2, -0.1, 0.4], 0.3_f64);
    let x = [0.9, -1.3, 0.5];
    let product = |i: usize, j: usize| (0..3).map(|c| w[i][c] * w[j][c]).sum::<f64>() / s2;
    let m = [[1.0 + product(0, 0), product(0, 1)], [product(1, 0), 1.0 + product(1, 1)]];
    assert!(m[0][1].abs() > 0.5, "the loadings are not orthogonal");
    let det = m[0][0] * m[1][1] - m[0][1] * m[0][1];
    let inverse = [[m[1][1] / det, -m[0][1] / det], [-m[0][1] / det, m[0][0] / det]];
    // µ = (x − b)A with the columns of A.
    let a = |c: usize, i: usize| (0..2).map(|j| inverse[i][j] * w[j][c] / s2).sum::<f64>();
    let l00 = inverse[0][0].sqrt();
    let l10 = inverse[1][0] / l00;
    let l11 = (inverse[1][1] - l10 * l10).sqrt();
    let covariance = |c: usize, d: usize| {
        (0..2).map(|i| w[i][c] * w[i][d]).sum::<f64>() + if c == d { s2 } else { 0.0 }
    };
    let covariance = (0..3).map(|c| (0..3).map(|d| covariance(c, d)).collect()).collect();
    let d: Vec<f64> = x.iter().zip(b).map(|(x, b)| x - b).collect();
    let exact = log_normal_vector(&d, covariance);

    // The outputs of an encoder whose weights of the covariance are zero.
    let set = |params: &mut Params<f64>, scales: &[f64]| {
        let outputs = 2 + scales.len();
        let mut values = vec![0.0; 3 * outputs];
        for (c, i) in (0..3).flat_map(|c| [(c, 0), (c, 1)]) {
            values[c * outputs + i] = a(c, i);
        }
        values.extend((0..2).map(|i| -(0..3).map(|c| b[c] * a(c, i)).sum::<f64>()));
        values.extend(scales);
        values.extend(w.iter().flatten());
        values.extend(b);
        values.extend([0.5 * s2.ln(); 3]);
        params.values_mut().copy_from_slice(&values);
    };
    let (init, likelihood) = (&mut rng(0, Stream::Init, 0), Likelihood::Normal);
    let mut params = Params::<f64>::new();
    let model = Vae::full_covariance(&mut params, [3, 2], &[], TANH, likelihood, init);
    set(&mut params, &[2.0 * l00.ln(), 2.0 * l11.ln(), l10]);
    let tape = Tape::new();
    let (bound, row) = (params.on(&tape), tape.constant(&x, [1, 3]));
    let q: MultivariateNormal<'_, f64> = model.posterior(bound, row);
    let z = q.rsample(20, &mut rng(0, Stream::Sample, 0));
    // Every weight is ln p(x), so that no draw has an error.
    let weights = model.log_joint(bound, row, z) - q.log_prob(z);
    assert_close("ln w", weights, &[exact; 20]);

    // The best diagonal normal has the precisions of M, and its gap is ½(ln M₀₀ + ln M₁₁ − ln det M).
    let mut params = Params::<f64>::new();
    let model = Vae::new(&mut params, 3, &[], 2, TANH, likelihood, init);
    set(&mut params, &[-m[0][0].ln(), -m[1][1].ln()]);
    let gap = 0.5 * (m[0][0].ln() + m[1][1].ln() - det.ln());
    let elbo = |params: &Params<f64>| {
        let tape = Tape::new();
        let (bound, row) = (params.on(&tape), tape.constant(&x, [1, 3]));
        let q = model.posterior(bound, row);
        // E ln p(x | z) is a quadratic: the mean over µ ± √2 σᵢ eᵢ is exact for two latents.
        let (mu, sigma) = (q.loc().value(), q.scale().value());
        let shift = |i: usize, sign: f64| {
            let mut z = mu.values().to_vec();
            z[i] += sign * 2_f64.sqrt() * sigma.values()[i];
            z
        };
        let points = [shift(0, 1.0), shift(0, -1.0), shift(1, 1.0), shift(1, -1.0)].concat();
        let z = tape.constant(&points, [4, 1, 2]);
        model.log_likelihood(bound, row, z).mean().item() - q.kl(&model.prior(bound)).item()
    };
    let best = elbo(&params);
    assert!((exact - best - gap).abs() < CLOSE && gap > 0.05, "{exact} − {best} is not {gap}");
    // It is the best one: the encoder's biases are stationary.
    for i in 8..10 {
        let at = params.values()[6 + i - 2];
        let mut moved = [1e-3, -1e-3].map(|h| {
            params.values_mut()[6 + i - 2] = at + h;
            elbo(&params)
        });
        params.values_mut()[6 + i - 2] = at;
        moved.iter_mut().for_each(|moved| *moved -= best);
        assert!(moved.iter().all(|moved| *moved < 0.0), "number {i}: {moved:?}");
    }
}

fn flow(kind: FlowKind) -> FlowOptions {
    FlowOptions { kind, layers: 3, hidden: vec![4] }
}

/// Along the path the total derivative does not depend on how the density of a sample is found.
#[test]
fn a_flow_knows_the_density_of_its_samples() {
    for kind in [FlowKind::Coupling, FlowKind::InverseAutoregressive] {
        let (mut params, init) = (Params::<f64>::new(), &mut rng(0, Stream::Init, 0));
        let networks = (TANH, Likelihood::Bernoulli);
        let model = Vae::with_flow(&mut params, [2, 3], &[3], networks, &flow(kind), init);
        spread(&mut params);
        let slopes = |on_the_way: bool| {
            let tape = Tape::new();
            let (bound, x) = (params.on(&tape), tape.constant(&[1.0, 0.0, 1.0, 1.0], [2, 2]));
            let q = model.posterior(bound, x);
            let (z, log_q) = q.rsample_with_log_prob(5, &mut rng(1, Stream::Sample, 0));
            let log_q = if on_the_way { log_q.expect("it is known") } else { q.log_prob(z) };
            assert_eq!(log_q.shape()[..], [5, 2]);
            let total = log_q.square().sum() + model.log_joint(bound, x, z).sum();
            (total.item(), total.backward().leading(params.len()).to_vec())
        };
        let ((a, found), (b, expected)) = (slopes(true), slopes(false));
        // Three layers back and forth lose three digits.
        assert!((a - b).abs() < 1e-10 * b.abs(), "{kind:?}: {a} {b}");
        let largest = expected.iter().fold(1.0_f64, |top, x| top.max(x.abs()));
        for (i, (a, b)) in found.iter().zip(&expected).enumerate() {
            assert!((a - b).abs() < 1e-10 * largest, "{kind:?}: number {i}: {a} {b}");
        }
        let reached = |i: usize| expected[i] != 0.0;
        let (first, ..) = params.iter().find(|(name, ..)| name.starts_with("flow")).unwrap();
        assert_eq!(first, "flow.0.0.weight");
        assert!((0..params.len()).filter(|&i| reached(i)).count() > params.len() / 2);
    }
}

#[test]
fn a_new_flow_is_the_diagonal_normal() {
    for kind in [FlowKind::Coupling, FlowKind::InverseAutoregressive] {
        let (mut params, init) = (Params::<f64>::new(), &mut rng(0, Stream::Init, 0));
        let networks = (TANH, Likelihood::Bernoulli);
        let model = Vae::with_flow(&mut params, [2, 3], &[], networks, &flow(kind), init);
        let tape = Tape::new();
        let q = model.posterior(params.on(&tape), tape.constant(&[1.0, 0.0], [1, 2]));
        let z = tape.constant(&[0.3, -0.4, 1.2], [1, 3]);
        let base = q.base().log_prob(z).value();
        assert_close("ln q(z)", q.log_prob(z), base.values());
        assert_eq!(q.shapes().whole()[..], [1, 3]);
    }
}

#[test]
#[should_panic(expected = "a Coupling flow needs events of 2 numbers or more, not 1")]
fn one_latent_has_no_halves() {
    let (mut params, init) = (Params::<f64>::new(), &mut rng(0, Stream::Init, 0));
    let networks = (TANH, Likelihood::Bernoulli);
    Vae::with_flow(&mut params, [2, 1], &[], networks, &flow(FlowKind::Coupling), init);
}
