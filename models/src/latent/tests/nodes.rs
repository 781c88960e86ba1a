//! Posteriors and priors that are drawn node by node.

use super::*;
use crate::dist::{Bernoulli, Coordinates, Enumerable, Factorised, Kind, Node, Normal};

/// Two normal numbers and three bits with different parameters everywhere.
fn mixed<'t>(tape: &'t Tape<f64>, first: First) -> Mixed<'t, f64> {
    let normal = Normal::from_log_scale_unchecked(
        tape.leaf(&[0.3, -0.8], [1, 2]),
        tape.leaf(&[-0.2, 0.1], [1, 2]),
    );
    let bits = Bernoulli::from_logits_unchecked(tape.leaf(&[0.4, -0.6, 1.1], [1, 3]));
    let across = match first {
        First::Normal => tape.leaf(&ACROSS, [2, 3]),
        First::Bits => tape.leaf(&ACROSS, [3, 2]),
    };
    Mixed { normal, bits, across, first }
}

const ACROSS: [f64; 6] = [0.7, -1.3, 0.2, 0.9, -0.5, 1.6];

/// $vA$ for rows of `ACROSS` of the length `width`.
fn through(v: &[f64], width: usize) -> Vec<f64> {
    let column = |j: usize| v.iter().zip(ACROSS[j..].iter().step_by(width)).map(|(v, a)| v * a);
    (0..width).map(|j| column(j).sum()).collect()
}

#[test]
fn the_density_of_mixed_nodes_is_the_product_of_its_conditionals() {
    let (z, h) = ([0.5, -1.2], [1.0, 0.0, 1.0]);
    let (loc, log_scale, logits) = ([0.3, -0.8], [-0.2, 0.1], [0.4, -0.6, 1.1]);
    for first in [First::Normal, First::Bits] {
        let tape = Tape::new();
        let q = mixed(&tape, first);
        let (mut loc, mut logits) = (loc, logits);
        match first {
            First::Normal => logits.iter_mut().zip(through(&z, 3)).for_each(|(l, a)| *l += a),
            First::Bits => loc.iter_mut().zip(through(&h, 2)).for_each(|(l, a)| *l += a),
        }
        let expected = log_bits(&h, &logits)
            + (0..2).map(|i| log_normal(z[i], loc[i], log_scale[i])).sum::<f64>();
        let [z, h] = [tape.constant(&z, [1, 1, 2]), tape.constant(&h, [1, 1, 3])];
        let event = Var::concat(&[z, h], -1);
        assert_close("ln q", q.log_prob(event), &[expected]);
        // The nodes one by one.
        let nodes = if first == First::Normal { [z, h] } else { [h, z] };
        let kinds = [Kind::Normal(2), Kind::Bits(3)];
        let order = if first == First::Normal { kinds } else { [kinds[1], kinds[0]] };
        assert_eq!(q.kinds()[..], order);
        assert_eq!(q.join(&nodes).value(), event.value());
        let term = |i: usize| match q.node(&nodes[..i]) {
            Node::Normal(q) => q.log_prob(nodes[i]),
            Node::Bits(q) => q.log_prob(nodes[i]),
        };
        assert_close("ln q by nodes", term(0) + term(1), &[expected]);
        assert!(!q.detach().log_prob(event).is_tracked());
    }
}

#[test]
fn samples_of_mixed_nodes_have_the_means_of_their_conditionals() {
    const DRAWS: usize = 20_000;
    for first in [First::Normal, First::Bits] {
        let tape = Tape::new();
        let q = mixed(&tape, first);
        let events = q.sample(DRAWS, &mut rng(2, Stream::Sample, 0));
        assert_eq!(events.shape()[..], [DRAWS, 1, 5]);
        assert!(!events.is_tracked());
        let events = events.value();
        let (mut normals, mut bits) = ([0.0; 2], [0.0; 3]);
        for event in events.values().chunks_exact(5) {
            let (z, h) = event.split_at(2);
            assert!(h.iter().all(|&h| h == 0.0 || h == 1.0));
            // Deviations from the conditional mean, over the conditional standard deviation.
            let (mut loc, mut logits) = ([0.3, -0.8], [0.4, -0.6, 1.1]);
            match first {
                First::Normal => logits.iter_mut().zip(through(z, 3)).for_each(|(l, a)| *l += a),
                First::Bits => loc.iter_mut().zip(through(h, 2)).for_each(|(l, a)| *l += a),
            }
            for i in 0..2 {
                normals[i] += (z[i] - loc[i]) / [-0.2_f64, 0.1][i].exp();
            }
            for i in 0..3 {
                let p = sigmoid(logits[i]);
                bits[i] += (h[i] - p) / (p * (1.0 - p)).sqrt();
            }
        }
        for sum in normals.into_iter().chain(bits) {
            // Five standard errors of a sum of numbers with variance one.
            assert!(sum.abs() < 5.0 * (DRAWS as f64).sqrt(), "{first:?}: {sum}");
        }
    }
}

#[test]
fn the_heads_of_a_mixed_vae_are_the_columns_of_its_encoder() {
    let (tanh, init) = (Activation::Tanh, &mut rng(0, Stream::Init, 0));
    let mut params = Params::<f64>::new();
    let bernoulli = Likelihood::Bernoulli;
    let model = MixedVae::new(&mut params, 4, &[], [2, 3], tanh, bernoulli, init);
    spread(&mut params);
    let x = [1.0, 0.0, 0.0, 1.0];
    let h = affine(&params, "encoder.0", &x);
    let tape = Tape::new();
    let bound = params.on(&tape);
    let row = tape.constant(&x, [1, 4]);
    let q = model.posterior(bound, row);
    assert_eq!(h.len(), 7);
    assert_close("µ", q.normal.loc(), &h[..2]);
    assert_close("ln σ", q.normal.log_scale(), &[0.5 * h[2], 0.5 * h[3]]);
    assert_close("η", q.bits.logits(), &h[4..]);
    assert_close("A", q.across, named(&params, "encoder.across"));
    let p = model.prior(bound);
    assert_close("π", p.bits.logits(), named(&params, "prior.logits"));
    assert_close("B", p.across, named(&params, "prior.across"));
    assert_eq!((q.first, p.first), (First::Normal, First::Bits));
    let z = [0.4, -0.9, 1.0, 0.0, 1.0];
    let expected = log_bits(&x, &affine(&params, "decoder.0", &z));
    let point = tape.constant(&z, [1, 5]);
    assert_close("ln p(x | z)", model.log_likelihood(bound, row, point), &[expected]);
}

const WIDTHS: [usize; 3] = [3, 2, 1];

/// A belief network with linear layers of 3, 2 and 1 bits on two columns, or with fewer layers.
fn belief(layers: usize) -> (SigmoidBelief, Params<f64>) {
    let (tanh, init) = (Activation::Tanh, &mut rng(0, Stream::Init, 0));
    let (mut params, bernoulli) = (Params::new(), Likelihood::Bernoulli);
    let layers = &WIDTHS[..layers];
    let model = SigmoidBelief::new(&mut params, 2, layers, &[], tanh, bernoulli, init);
    spread(&mut params);
    (model, params)
}

/// The log-probabilities of the layers of `z`, nearest the data first: $\ln p(x \mid h_1)$ and the prior's, then the
/// posterior's.
fn terms(params: &Params<f64>, x: &[f64], layers: &[&[f64]]) -> [Vec<f64>; 2] {
    let logits =
        |side: &str, i: usize, from: &[f64]| affine(params, &format!("{side}.{}.0", i + 1), from);
    let mut prior = vec![log_bits(x, &logits("decoder", 0, layers[0]))];
    for i in 1..layers.len() {
        prior.push(log_bits(layers[i - 1], &logits("decoder", i, layers[i])));
    }
    prior.push(log_bits(layers[layers.len() - 1], named(params, "prior")));
    let mut posterior = vec![log_bits(layers[0], &logits("encoder", 0, x))];
    for i in 1..layers.len() {
        posterior.push(log_bits(layers[i], &logits("encoder", i, layers[i - 1])));
    }
    [prior, posterior]
}

#[test]
fn the_layers_of_a_belief_network_have_their_conditional_probabilities() {
    let x = [1.0, 0.0];
    for count in 1..=3 {
        let (model, params) = belief(count);
        let total: usize = WIDTHS[..count].iter().sum();
        assert_eq!(Decoder::<f64>::latents(&model), total);
        let tape = Tape::new();
        let bound = params.on(&tape);
        let row = tape.constant(&x, [1, 2]);
        let (q, p) = (model.posterior(bound, row), model.prior(bound));
        let kinds: Vec<Kind> = WIDTHS[..count].iter().map(|&n| Kind::Bits(n)).collect();
        assert_eq!(q.kinds()[..], kinds);
        assert!(p.kinds().iter().eq(kinds.iter().rev()));
        let support = q.enumerate_support();
        assert_eq!(support.shape()[..], [1 << total, 1, total]);
        for z in support.value().values().chunks_exact(total) {
            let mut rest = z;
            let layers: Vec<&[f64]> = WIDTHS[..count]
                .iter()
                .map(|&n| {
                    let (layer, after) = rest.split_at(n);
                    rest = after;
                    layer
                })
                .collect();
            let [prior, posterior] = terms(&params, &x, &layers);
            let event = tape.constant(z, [1, 1, total]);
            let found = model.log_joint_layers(bound, row, event);
            assert_close("ln p by layers", Var::concat(&found, 0), &prior);
            let found = model.log_joint(bound, row, event);
            assert_close("ln p(x, z)", found, &[prior.iter().sum()]);
            let found = q.log_prob_layers(event);
            assert_close("ln q by layers", Var::concat(&found, 0), &posterior);
            assert_close("ln q(z | x)", q.log_prob(event), &[posterior.iter().sum()]);
            assert_close("the bits of q", q.log_prob_each(event).sum(), &[posterior.iter().sum()]);
            assert_close("ln p(z)", p.log_prob(event), &[prior[1..].iter().sum()]);
            // Node by node, in the order of drawing.
            let mut nodes = q.layers(event);
            assert_eq!(q.join(&nodes).value(), event.value());
            nodes.reverse();
            assert_eq!(p.join(&nodes).value(), event.value());
            let terms = (0..count).map(|i| match p.node(&nodes[..i]) {
                Node::Bits(p) => p.log_prob(nodes[i]).item(),
                Node::Normal(_) => unreachable!("every layer consists of bits"),
            });
            assert!((terms.sum::<f64>() - prior[1..].iter().sum::<f64>()).abs() < CLOSE);
        }
    }
}

#[test]
fn samples_of_a_belief_network_come_with_their_log_probability() {
    let (model, params) = belief(3);
    let tape = Tape::new();
    let bound = params.on(&tape);
    let row = tape.constant(&[1.0, 0.0], [1, 2]);
    let (n, rng) = (20_000, &mut rng(3, Stream::Sample, 0));
    let prior = model.prior(bound).sample(1, rng);
    assert_eq!(prior.shape()[..], [1, 6]);
    let q = model.posterior(bound, row);
    let [z, log_q] = q.sample_and_log_prob(n, rng);
    assert!(!z.is_tracked() && log_q.is_tracked());
    let again = q.log_prob(z).value();
    assert_close("ln q of the samples", log_q, again.values());
    // The frequency of every event against its probability, at five standard errors.
    let support = q.enumerate_support();
    let probs = q.log_prob(support).exp().value();
    let samples = z.value();
    for (event, &p) in support.value().values().chunks_exact(6).zip(probs.values()) {
        let count = samples.values().chunks_exact(6).filter(|z| *z == event).count() as f64;
        let errors = (count - n as f64 * p) / (n as f64 * p * (1.0 - p)).sqrt();
        assert!(errors.abs() < 5.0, "{event:?}: {count} of {n}, probability {p}");
    }
}

#[test]
fn the_mean_field_of_a_belief_network_passes_probabilities_on() {
    let (model, params) = belief(2);
    let x = [1.0, 0.0];
    let tape = Tape::new();
    let bound = params.on(&tape);
    let probs =
        |layer: &str, x: &[f64]| affine(&params, layer, x).into_iter().map(sigmoid).collect();
    let first: Vec<f64> = probs("encoder.1.0", &x);
    let second: Vec<f64> = probs("encoder.2.0", &first);
    let code = model.encode(bound, tape.constant(&x, [1, 2]));
    assert_close("the code", code, &[first, second].concat());
    let z = [1.0, 0.0, 1.0, 0.0, 1.0];
    let expected: Vec<f64> = probs("decoder.1.0", &z[..3]);
    let mean = Decoder::mean(&model, bound, tape.constant(&z, [1, 5]));
    assert_close("E[x | z]", mean, &expected);
}
