//! Several layers of normal latents.

use super::*;
use crate::dist::{Coordinates, Factorised, Kind, Node, Reparam};

const NETWORKS: (Activation, Likelihood) = (Activation::Tanh, Likelihood::Normal);
const BOTH: [Inference; 2] = [Inference::BottomUp, Inference::Ladder];

fn made(
    columns: usize,
    layers: &[usize],
    hidden: &[usize],
    inference: Inference,
) -> (HierarchicalVae, Params<f64>) {
    let (mut params, init) = (Params::<f64>::new(), &mut rng(0, Stream::Init, 0));
    let model =
        HierarchicalVae::new(&mut params, columns, layers, hidden, NETWORKS, inference, init);
    (model, params)
}

/// $\mu$ and $\ln\sigma^2$ of a layer without hidden units.
fn heads(params: &Params<f64>, name: &str, x: &[f64]) -> [Vec<f64>; 2] {
    let h = affine(params, &format!("{name}.0"), x);
    [h[..h.len() / 2].to_vec(), h[h.len() / 2..].to_vec()]
}

fn log_layer(z: &[f64], [mu, log_variance]: &[Vec<f64>; 2]) -> f64 {
    (0..z.len()).map(|j| log_normal(z[j], mu[j], 0.5 * log_variance[j])).sum()
}

#[test]
fn one_layer_is_the_vae_of_the_same_sizes() {
    let x = [0.4, -0.2, 1.1, 0.9, 0.3, -1.5];
    let (mut params, init) = (Params::<f64>::new(), &mut rng(0, Stream::Init, 0));
    let flat = Vae::new(&mut params, 3, &[4], 2, NETWORKS.0, NETWORKS.1, init);
    fn elbo<M: LatentModel<f64>>(model: &M, params: &Params<f64>, x: &[f64]) -> [Vec<f64>; 3]
    where
        for<'t> M::Posterior<'t>: Reparam<'t, f64>,
    {
        let tape = Tape::new();
        let (bound, x) = (params.on(&tape), tape.constant(x, [2, 3]));
        let q = model.posterior(bound, x);
        let z = q.rsample(5, &mut rng(3, Stream::Sample, 0));
        let log_w = model.log_joint(bound, x, z) - q.log_prob(z);
        let gradient = log_w.mean().backward().leading(params.len()).to_vec();
        [z.value().values().to_vec(), log_w.value().values().to_vec(), gradient]
    }
    for inference in BOTH {
        let (deep, other) = made(3, &[2], &[4], inference);
        assert_eq!(params.values(), other.values());
        assert_eq!(elbo(&flat, &params, &x), elbo(&deep, &other, &x), "{inference:?}");
        let tape = Tape::new();
        let row = tape.constant(&x[..3], [1, 3]);
        let code = flat.encode(params.on(&tape), row).value();
        let tape = Tape::new();
        let row = tape.constant(&x[..3], [1, 3]);
        assert_eq!(deep.encode(other.on(&tape), row).value(), code);
    }
}

#[test]
fn scales_at_the_means_are_those_of_the_density_there() {
    for inference in BOTH {
        let (model, mut params) = made(2, &[3, 2, 1], &[], inference);
        spread(&mut params);
        let tape = Tape::new();
        let row = tape.constant(&[0.3, -0.7], [1, 2]);
        let q = model.posterior(params.on(&tape), row);
        // At its mean a normal density is 1 / (σ √2π).
        let expected = -(q.scales_at_means().ln() + 0.5 * std::f64::consts::TAU.ln());
        let each = q.log_prob_each(q.means());
        assert_close("ln q of each latent", each, expected.value().values());
    }
}

#[test]
fn three_layers_have_the_densities_of_their_networks() {
    let (x, z) = ([0.3, -0.7], [0.5, -0.2, 0.8, 1.1]);
    let (z1, z2, z3) = (&z[..2], &z[2..3], &z[3..]);
    for inference in BOTH {
        let (model, mut params) = made(2, &[2, 1, 1], &[], inference);
        spread(&mut params);
        let tape = Tape::new();
        let (bound, row) = (params.on(&tape), tape.constant(&x, [1, 2]));
        let point = tape.constant(&z, [1, 4]);
        let y = affine(&params, "decoder.1.0", z1);
        let scale = named(&params, "decoder.1.log_scale");
        let likelihood = (0..2).map(|j| log_normal(x[j], y[j], scale[j])).sum::<f64>();
        let prior_1 = heads(&params, "decoder.2", z2);
        let prior_2 = heads(&params, "decoder.3", z3);
        let prior = [log_layer(z1, &prior_1), log_layer(z2, &prior_2), log_normal(z3[0], 0.0, 0.0)];
        let joint = model.log_joint_layers(bound, row, point);
        assert_eq!(joint.len(), 4);
        for (found, expected) in joint.iter().zip([likelihood].iter().chain(&prior)) {
            assert_close("a layer of ln p", *found, &[*expected]);
        }
        let whole = likelihood + prior.iter().sum::<f64>();
        assert_close("ln p(x, z)", model.log_joint(bound, row, point), &[whole]);

        let up = heads(&params, "encoder.1", &x);
        let q_layers = match inference {
            Inference::BottomUp => [
                log_layer(z1, &up),
                log_layer(z2, &heads(&params, "encoder.2", z1)),
                log_layer(z3, &heads(&params, "encoder.3", z2)),
            ],
            _ => {
                // The product of two normal densities.
                let merge = |[a, va]: &[Vec<f64>; 2], [b, vb]: &[Vec<f64>; 2]| {
                    let each = |j: usize| {
                        let (p, q) = ((-va[j]).exp(), (-vb[j]).exp());
                        ((p * a[j] + q * b[j]) / (p + q), -(p + q).ln())
                    };
                    let (mu, v) = (0..a.len()).map(each).unzip();
                    [mu, v]
                };
                let second = heads(&params, "encoder.2", &up.concat());
                let third = heads(&params, "encoder.3", &second.concat());
                [
                    log_layer(z1, &merge(&up, &prior_1)),
                    log_layer(z2, &merge(&second, &prior_2)),
                    log_layer(z3, &third),
                ]
            }
        };
        let q = model.posterior(bound, row);
        for (found, expected) in q.log_prob_of(&q.parts(point)).iter().zip(q_layers) {
            assert_close("a layer of ln q", *found, &[expected]);
        }
        let sum = q_layers.iter().sum::<f64>();
        assert_close("ln q(z | x)", q.log_prob(point), &[sum]);
        let each = q.log_prob_each(point);
        assert_eq!(each.shape()[..], [1, 4]);
        assert_close("the sum over the coordinates", each.sum_axis(-1), &[sum]);
    }
}

#[test]
fn samples_of_a_chain_come_with_their_density() {
    for inference in BOTH {
        let (model, mut params) = made(2, &[2, 1, 2], &[3], inference);
        spread(&mut params);
        let tape = Tape::new();
        let bound = params.on(&tape);
        let x = tape.constant(&[0.3, -0.7, 1.0, 0.2, -0.4, 0.6], [3, 2]);
        for (is_prior, q) in [(false, model.posterior(bound, x)), (true, model.prior(bound))] {
            let whole = q.shapes().whole();
            let [z, log_q] = q.sample_and_log_prob(7, &mut rng(2, Stream::Sample, 0));
            assert_eq!(z.shape()[1..], whole[..]);
            assert!(!z.is_tracked());
            assert_close("ln q", log_q, q.log_prob(z).value().values());
            let (path, known) = q.rsample_with_log_prob(7, &mut rng(2, Stream::Sample, 0));
            assert_eq!(path.value(), z.value());
            assert_eq!(q.sample(7, &mut rng(2, Stream::Sample, 0)).value(), z.value());
            let known = known.expect("it is known on the way");
            // With the sample held fixed and along its path the derivatives are those of the density.
            for (found, again) in [(log_q, q.log_prob(z)), (known, q.log_prob(path))] {
                let [a, b] = [found, again]
                    .map(|log_q| log_q.square().sum().backward().leading(params.len()).to_vec());
                for (a, b) in a.iter().zip(&b) {
                    assert!((a - b).abs() < 1e-10 * (1.0 + b.abs()), "{inference:?}: {a} {b}");
                }
            }
            // Node by node it is the same distribution.
            let (mut nodes, mut sum) = (Vec::new(), 0.0);
            let parts = q.parts(z);
            let whole = is_prior || inference == Inference::BottomUp;
            assert_eq!(q.layers(z).len(), if whole { 3 } else { 1 });
            assert_eq!(q.log_prob_layers(z).len(), q.layers(z).len());
            let widths = parts.iter().map(|part| *part.shape().last().unwrap());
            let mut order: Vec<(usize, usize)> = widths.enumerate().collect();
            assert_eq!(order, [(0, 2), (1, 1), (2, 2)]);
            if is_prior || inference == Inference::Ladder {
                order.reverse();
            }
            let kinds: Vec<Kind> = order.iter().map(|(_, width)| Kind::Normal(*width)).collect();
            assert_eq!(q.kinds().to_vec(), kinds);
            for (i, _) in order {
                let Node::Normal(node) = q.node(&nodes) else { panic!("a normal node") };
                sum += node.log_prob(parts[i]).sum().item();
                nodes.push(parts[i]);
            }
            assert_eq!(q.join(&nodes).value(), z.value());
            assert!((sum - log_q.sum().item()).abs() < 1e-10);
        }
    }
}

#[test]
fn the_layers_of_a_new_model_are_standard_normals() {
    let (model, params) = made(2, &[2, 1, 3], &[4], Inference::BottomUp);
    let tape = Tape::new();
    let z = [0.5, -0.2, 0.8, 1.1, 0.3, -0.9];
    let expected = z.iter().map(|z| log_normal(*z, 0.0, 0.0)).sum::<f64>();
    let prior = model.prior(params.on(&tape));
    assert_close("ln p(z)", prior.log_prob(tape.constant(&z, [1, 6])), &[expected]);
}

/// $z_2 \sim N(0, 1)$, $z_1 = a z_2 + c + \tau\varepsilon$, $x = wz_1 + b + s\varepsilon$ with two columns: everything is normal, and with one unit in
/// each layer both forms of the posterior hold the exact one.
#[test]
fn the_exact_posterior_of_a_linear_hierarchy_gives_the_marginal_likelihood() {
    let (a, c, t2) = (0.8, -0.3, 0.49_f64);
    let (w, b, s2) = ([1.2, -0.5], [0.1, 0.4], [0.36_f64, 0.81]);
    let x = [1.4, -0.9];
    // z₁ has the mean c and the variance a² + τ².
    let v1 = a * a + t2;
    let d = [x[0] - w[0] * c - b[0], x[1] - w[1] * c - b[1]];
    let s = [[w[0] * w[0] * v1 + s2[0], w[0] * w[1] * v1], [0.0, w[1] * w[1] * v1 + s2[1]]];
    let det = s[0][0] * s[1][1] - s[0][1] * s[0][1];
    let form = (d[0] * d[0] * s[1][1] - 2.0 * d[0] * d[1] * s[0][1] + d[1] * d[1] * s[0][0]) / det;
    let exact = -0.5 * (form + det.ln()) - TAU.ln();
    // The likelihood of z₁ is normal with precision Σ w²/s² and mean Σ w(x − b)/s² over it.
    let precision = w[0] * w[0] / s2[0] + w[1] * w[1] / s2[1];
    let slope = [0, 1].map(|j| w[j] / s2[j] / precision);
    let offset = -(slope[0] * b[0] + slope[1] * b[1]);
    for inference in BOTH {
        let (model, mut params) = made(2, &[1, 1], &[], inference);
        let mut set = |name: &str, values: &[f64]| {
            let id = params.iter().position(|(n, ..)| n == name).expect(name);
            let id = params.ids().nth(id).expect("there is the parameter");
            params.get_mut(id).copy_from_slice(values);
        };
        // Rows of a weight are inputs; columns are µ and ln σ².
        set("decoder.2.0.weight", &[a, 0.0]);
        set("decoder.2.0.bias", &[c, t2.ln()]);
        set("decoder.1.0.weight", &w);
        set("decoder.1.0.bias", &b);
        set("decoder.1.log_scale", &s2.map(|s2| 0.5 * s2.ln()));
        match inference {
            Inference::BottomUp => {
                // q(z₁ | x) has the precision of the likelihood and that of the prior, 1/v₁.
                let all = precision + 1.0 / v1;
                let k = precision / all;
                set("encoder.1.0.weight", &[k * slope[0], 0.0, k * slope[1], 0.0]);
                set("encoder.1.0.bias", &[k * offset + c / v1 / all, -all.ln()]);
                // q(z₂ | z₁) = N(a(z₁ − c)/v₁, τ²/v₁).
                set("encoder.2.0.weight", &[a / v1, 0.0]);
                set("encoder.2.0.bias", &[-a * c / v1, (t2 / v1).ln()]);
            }
            _ => {
                set("encoder.1.0.weight", &[slope[0], 0.0, slope[1], 0.0]);
                set("encoder.1.0.bias", &[offset, -precision.ln()]);
                // Given µ̂ the likelihood of z₂ has the variance τ² + 1/precision.
                let v = t2 + 1.0 / precision;
                let all = a * a / v + 1.0;
                set("encoder.2.0.weight", &[a / v / all, 0.0, 0.0, 0.0]);
                set("encoder.2.0.bias", &[-a * c / v / all, -all.ln()]);
            }
        }
        let tape = Tape::new();
        let (bound, row) = (params.on(&tape), tape.constant(&x, [1, 2]));
        let q = model.posterior(bound, row);
        let z = q.rsample(20, &mut rng(0, Stream::Sample, 0));
        // Every weight is ln p(x), so that no draw has an error.
        let weights = model.log_joint(bound, row, z) - q.log_prob(z);
        assert_close("ln w", weights, &[exact; 20]);
        // A posterior that is off: L_K rises to the same number.
        let id = params.iter().position(|(n, ..)| n == "encoder.1.0.bias").unwrap();
        let id = params.ids().nth(id).unwrap();
        params.get_mut(id)[0] += 0.4;
        params.get_mut(id)[1] += 0.5;
        let tape = Tape::new();
        let (bound, row) = (params.on(&tape), tape.constant(&x, [1, 2]));
        let n = 100_000;
        let q = model.posterior(bound, row);
        let [z, log_q] = q.sample_and_log_prob(n, &mut rng(1, Stream::Sample, 0));
        let log_w = (model.log_joint(bound, row, z) - log_q).value();
        let mean = log_w.values().iter().sum::<f64>() / n as f64;
        let w: Vec<f64> = log_w.values().iter().map(|log_w| (log_w - exact).exp()).collect();
        let estimate = w.iter().sum::<f64>() / n as f64;
        let spread = w.iter().map(|w| (w - estimate).powi(2)).sum::<f64>() / n as f64;
        // Five standard errors of the mean of the weights, which is p(x).
        let error = 5.0 * (spread / n as f64).sqrt();
        assert!((estimate - 1.0).abs() < error && error < 0.05, "{inference:?}: {estimate}");
        assert!(mean < exact - 0.02, "the ELBO {mean} is below {exact}");
    }
}

#[test]
fn the_means_below_a_top_are_those_of_the_networks() {
    let (model, mut params) = made(2, &[2, 1], &[], Inference::BottomUp);
    spread(&mut params);
    let tape = Tape::new();
    let bound = params.on(&tape);
    let below = model.means_below(bound, tape.constant(&[0.7], [1, 1]));
    let [mu, _] = heads(&params, "decoder.2", &[0.7]);
    assert_close("z", below, &[mu[0], mu[1], 0.7]);
    let x = tape.constant(&[0.2, -0.1], [1, 2]);
    let [first, _] = heads(&params, "encoder.1", &[0.2, -0.1]);
    let [second, _] = heads(&params, "encoder.2", &first);
    assert_close("the code", model.encode(bound, x), &[first[0], first[1], second[0]]);
}
