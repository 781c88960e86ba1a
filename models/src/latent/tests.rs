//! Every model against its formulas, with sums of plain numbers on the other side.

mod decoders;
mod families;
mod hierarchical;
mod nodes;

use super::*;
use crate::Params;
use crate::Tractable;
use crate::dist::{Moments, Normal};
use crate::seed::{Stream, rng};
use pathscore_autodiff::Activation;
use pathscore_autodiff::Tape;
use std::f64::consts::TAU;

/// A few sums and products of numbers near one.
const CLOSE: f64 = 1e-12;

#[track_caller]
fn assert_close(what: &str, found: Var<'_, f64>, expected: &[f64]) {
    let found = found.value();
    assert_eq!(found.values().len(), expected.len(), "{what}");
    for (i, (f, e)) in found.values().iter().zip(expected).enumerate() {
        assert!((f - e).abs() < CLOSE, "{what}: number {i} is {f}, not {e}");
    }
}

/// All parameters get different numbers in (−1, 1), so that no two of them can be exchanged.
fn spread(params: &mut Params<f64>) {
    params.values_mut().iter_mut().enumerate().for_each(|(i, x)| *x = (1.7 * i as f64 + 0.4).sin());
}

/// The numbers of the parameter with this name.
fn named<'p>(params: &'p Params<f64>, name: &str) -> &'p [f64] {
    let (_, shape, at) = params.iter().find(|(n, ..)| *n == name).expect("there is the parameter");
    &params.values()[at..at + shape.size()]
}

/// $xW + b$ of the layer with this name.
fn affine(params: &Params<f64>, layer: &str, x: &[f64]) -> Vec<f64> {
    let [w, b] = ["weight", "bias"].map(|part| named(params, &format!("{layer}.{part}")));
    let column = |j: usize| x.iter().zip(w[j..].iter().step_by(b.len())).map(|(x, w)| x * w);
    (0..b.len()).map(|j| b[j] + column(j).sum::<f64>()).collect()
}

fn sigmoid(eta: f64) -> f64 {
    1.0 / (1.0 + (-eta).exp())
}

fn log_bits(bits: &[f64], logits: &[f64]) -> f64 {
    let one = |(&b, &eta): (&f64, &f64)| sigmoid(if b == 1.0 { eta } else { -eta }).ln();
    bits.iter().zip(logits).map(one).sum()
}

fn log_normal(x: f64, loc: f64, log_scale: f64) -> f64 {
    -0.5 * ((x - loc) / log_scale.exp()).powi(2) - log_scale - 0.5 * TAU.ln()
}

#[test]
fn the_parts_of_the_linear_gaussian_model_have_their_formulas() {
    let mut params = Params::<f64>::new();
    let at = [0.3, -0.4, 1.5, 0.2];
    let model = LinearGaussian::new(&mut params, at, 0.49, &mut rng(0, Stream::Init, 0));
    let tape = Tape::new();
    let bound = params.on(&tape);
    let (x, z) = (tape.constant(&[1.0, -0.5], [2, 1]), [0.7, -1.1]);
    let points = tape.constant(&z, [2, 1]);
    let likelihood = |x: f64, z: f64| log_normal(x, 1.5 * z + 0.2, 0.7_f64.ln());
    let expected = [likelihood(1.0, z[0]), likelihood(-0.5, z[1])];
    assert_close("ln p(x | z)", model.log_likelihood(bound, x, points), &expected);
    let expected = [0, 1].map(|i| expected[i] + log_normal(z[i], 0.0, 0.0));
    assert_close("ln p(x, z)", model.log_joint(bound, x, points), &expected);
    let layers = model.log_joint_layers(bound, x, points);
    assert_eq!(layers.len(), 2);
    assert_close("the sum of the layers", layers[0] + layers[1], &expected);
    let expected = z.map(|z| log_normal(z, 0.3, -0.4));
    assert_close("ln q(z)", model.posterior(bound, x).log_prob(points), &expected);
}

#[test]
fn the_parts_of_the_logistic_normal_model_have_their_formulas() {
    let mut params = Params::<f64>::new();
    let model = LogisticNormal::known(&mut params, &mut rng(0, Stream::Init, 0));
    assert_eq!(params.values(), [0.4, -0.1, 0.3, 0.0, 1.2, -0.8, 0.3, -0.2]);
    spread(&mut params);
    let [m, log_v, mu, log_sigma] = [0, 1, 2, 3].map(|i| params.values()[i]);
    let (w, c) = (named(&params, "w"), named(&params, "c"));
    let tape = Tape::new();
    let bound = params.on(&tape);
    let (x, z) = ([1.0, 0.0, 0.0, 1.0], [0.7, -1.1]);
    let (rows, points) = (tape.constant(&x, [2, 2]), tape.constant(&z, [2, 1]));
    let logits = |z: f64| [w[0] * z + c[0], w[1] * z + c[1]];
    let expected = [log_bits(&x[..2], &logits(z[0])), log_bits(&x[2..], &logits(z[1]))];
    assert_close("ln p(x | z)", model.log_likelihood(bound, rows, points), &expected);
    let expected = z.map(|z| log_normal(z, mu, log_sigma));
    assert_close("ln p(z)", model.prior(bound).log_prob(points), &expected);
    let expected = z.map(|z| log_normal(z, m, log_v));
    assert_close("ln q(z)", model.posterior(bound, rows).log_prob(points), &expected);
    // At logits of ±1000 both bits are certain.
    params.values_mut()[4..].copy_from_slice(&[0.0, 0.0, 1000.0, -1000.0]);
    let bound = params.on(&tape);
    let sample = model.sample_data(bound, points, &mut rng(0, Stream::Sample, 0));
    assert_close("a sample", sample, &[1.0, 0.0, 1.0, 0.0]);
}

#[test]
fn the_toys_have_their_expectations_and_slopes() {
    let rng = &mut rng(0, Stream::Init, 0);
    let tape = Tape::new();
    let mut params = Params::<f64>::new();
    let toy = BernoulliToy::new(&mut params, 0.8, 0.45, rng);
    let bound = params.on(&tape);
    let (x, z) = (tape.constant(&[0.0], [1, 1]), tape.constant(&[0.0, 1.0], [2, 1, 1]));
    let f = toy.log_likelihood(bound, x, z);
    assert_close("(b − t)²", f, &[0.45 * 0.45, 0.55 * 0.55]);
    let q = toy.posterior(bound, x).log_prob(z);
    assert_close("ln p(z) − ln q(z)", toy.prior(bound).log_prob(z) - q, &[0.0, 0.0]);
    let p = sigmoid(0.8);
    let slope = (q.exp() * f).sum().backward().leading(1)[0];
    assert!((slope - p * (1.0 - p) * (1.0 - 0.9)).abs() < CLOSE, "{slope}");

    let mut params = Params::<f64>::new();
    let toy = GaussianQuadratic::new(&mut params, [0.4, -0.3], -3.0, rng);
    let tape = Tape::new();
    let bound = params.on(&tape);
    let x = tape.constant(&[0.0], [1, 1]);
    let z = tape.constant(&[0.5, -2.0], [2, 1, 1]);
    assert_close("(z − k)²", toy.log_likelihood(bound, x, z), &[12.25, 1.0]);
    let expected = [0.5, -2.0].map(|z| log_normal(z, 0.4, -0.3));
    assert_close("ln q(z)", toy.posterior(bound, x).log_prob(z), &expected);
    assert_close("ln p(z)", toy.prior(bound).log_prob(z), &expected);
}

/// A linear encoder and a linear decoder for three columns and two latents.
#[test]
fn the_heads_of_a_vae_are_the_columns_of_its_encoder() {
    let (tanh, rng) = (Activation::Tanh, &mut rng(0, Stream::Init, 0));
    let mut params = Params::<f64>::new();
    let model = Vae::new(&mut params, 3, &[], 2, tanh, Likelihood::Normal, rng);
    assert_eq!(Decoder::<f64>::latents(&model), 2);
    spread(&mut params);
    let (x, z) = ([0.3, -0.2, 0.9], [0.6, -1.4]);
    let h = affine(&params, "encoder.0", &x);
    let y = affine(&params, "decoder.0", &z);
    let log_scale = named(&params, "decoder.log_scale");
    let tape = Tape::new();
    let bound = params.on(&tape);
    let (row, point) = (tape.constant(&x, [1, 3]), tape.constant(&z, [1, 2]));
    let q = model.posterior(bound, row);
    assert_close("µ", q.loc(), &h[..2]);
    assert_close("ln σ", q.log_scale(), &[0.5 * h[2], 0.5 * h[3]]);
    assert_close("the code", model.encode(bound, row), &h[..2]);
    assert_close("E[x | z]", Decoder::mean(&model, bound, point), &y);
    let expected = (0..3).map(|j| log_normal(x[j], y[j], log_scale[j])).sum();
    assert_close("ln p(x | z)", model.log_likelihood(bound, row, point), &[expected]);
    let again = affine(&params, "decoder.0", &h[..2]);
    assert_close("the reconstruction", model.reconstruct(bound, row), &again);
}

#[test]
fn the_log_variance_of_a_vae_stops_at_its_limits() {
    let tape = Tape::new();
    let at = [[-3.0, 19.9], [7.0, 20.1], [0.0, -19.9], [0.0, -25.0]];
    let h = tape.leaf(&at.concat(), [4, 2]);
    let q = vae::normal_of(h, 1);
    assert_close("µ", q.loc(), &at.map(|h| h[0]));
    assert_close("ln σ", q.log_scale(), &[9.95, 10.0, -9.95, -10.0]);
    // The slope is a half inside of the limits and zero outside of them.
    let slopes = q.log_scale().sum().backward().of(h);
    assert_eq!(slopes.values(), [0.0, 0.5, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0]);
}

#[test]
fn samples_of_a_normal_decoder_have_its_means_and_scales() {
    let (tanh, init) = (Activation::Tanh, &mut rng(0, Stream::Init, 0));
    let mut params = Params::<f64>::new();
    let model = Vae::new(&mut params, 2, &[], 1, tanh, Likelihood::Normal, init);
    spread(&mut params);
    let (y, log_scale) =
        (affine(&params, "decoder.0", &[0.8]), named(&params, "decoder.log_scale"));
    let tape = Tape::new();
    let (n, bound) = (20_000, params.on(&tape));
    let z = tape.constant(&[0.8], [1, 1]).broadcast_to([n, 1]);
    let x = model.sample_data(bound, z, &mut rng(1, Stream::Sample, 0));
    assert!(!x.is_tracked());
    let x = x.value();
    for j in 0..2 {
        let eps = x.values()[j..].iter().step_by(2).map(|x| (x - y[j]) / log_scale[j].exp());
        let mean = eps.clone().sum::<f64>() / n as f64;
        let square = eps.map(|eps| eps * eps).sum::<f64>() / n as f64;
        // Five standard errors of a mean and of a variance of standard normal numbers.
        assert!(mean.abs() < 5.0 / (n as f64).sqrt(), "column {j}: mean {mean}");
        assert!((square - 1.0).abs() < 5.0 * (2.0 / n as f64).sqrt(), "column {j}: {square}");
    }
}

#[test]
fn a_discrete_vae_has_the_probabilities_of_its_networks() {
    let (tanh, init) = (Activation::Tanh, &mut rng(0, Stream::Init, 0));
    let mut params = Params::<f64>::new();
    let model = DiscreteVae::new(&mut params, 3, &[4], 2, tanh, Likelihood::Bernoulli, init);
    assert_eq!(Decoder::<f64>::latents(&model), 2);
    spread(&mut params);
    let (x, z) = ([1.0, 0.0, 1.0], [0.0, 1.0]);
    let through = |name: &str, x: &[f64]| {
        let h: Vec<f64> =
            affine(&params, &format!("{name}.0"), x).iter().map(|h| h.tanh()).collect();
        affine(&params, &format!("{name}.1"), &h)
    };
    let (eta, y) = (through("encoder", &x), through("decoder", &z));
    let tape = Tape::new();
    let bound = params.on(&tape);
    let (row, point) = (tape.constant(&x, [1, 3]), tape.constant(&z, [1, 2]));
    assert_close("the logits of q", model.posterior(bound, row).logits(), &eta);
    let probs: Vec<f64> = eta.iter().map(|&eta| sigmoid(eta)).collect();
    assert_close("the code", model.encode(bound, row), &probs);
    let means: Vec<f64> = y.iter().map(|&y| sigmoid(y)).collect();
    assert_close("E[x | z]", Decoder::mean(&model, bound, point), &means);
    let expected = log_bits(&x, &y) - 2.0 * 2_f64.ln();
    assert_close("ln p(x, z)", model.log_joint(bound, row, point), &[expected]);
}

#[test]
fn the_moments_of_a_prior_are_those_of_its_bits() {
    let mut params = Params::<f64>::new();
    let model = SmallBelief::known(&mut params, &mut rng(0, Stream::Init, 0));
    assert_eq!(named(&params, "phi"), [0.8, -0.5]);
    assert_eq!(named(&params, "W"), [1.2, 0.5, -1.1, -0.7, 0.9, 0.4]);
    let tape = Tape::new();
    let bound = params.on(&tape);
    let expected = [0.3, -0.4].map(sigmoid);
    assert_close("E[z]", Moments::mean(&model.prior(bound)), &expected);
    // x = (1, 1, 0) by a sum over the four values of z.
    let x = [1.0, 1.0, 0.0];
    let joint = |z: [f64; 2]| {
        let logits: Vec<f64> = (0..3)
            .map(|j| {
                named(&params, "c")[j]
                    + (0..2).map(|i| z[i] * named(&params, "W")[3 * i + j]).sum::<f64>()
            })
            .collect();
        (log_bits(&x, &logits) + log_bits(&z, &[0.3, -0.4])).exp()
    };
    let sum: f64 = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]].map(joint).iter().sum();
    assert_close("ln p(x)", model.log_prob(bound, tape.constant(&x, [1, 3])), &[sum.ln()]);
}

/// Two columns about one latent, whose likelihood forgets to sum over the columns, or sums over the rows, too.
struct WrongShape {
    forgets: bool,
}

impl LatentModel<f64> for WrongShape {
    type Posterior<'t> = Normal<'t, f64>;
    type Prior<'t> = Normal<'t, f64>;

    fn posterior<'t>(&self, params: Bound<'t, f64>, x: Var<'t, f64>) -> Normal<'t, f64> {
        let zero = params.tape().constant(&[0.0], [1, 1]).broadcast_to([x.shape()[0], 1]);
        Normal::from_log_scale_unchecked(zero, zero)
    }

    fn prior<'t>(&self, params: Bound<'t, f64>) -> Normal<'t, f64> {
        Normal::standard(params.tape(), 1)
    }

    fn log_likelihood<'t>(
        &self,
        _: Bound<'t, f64>,
        x: Var<'t, f64>,
        z: Var<'t, f64>,
    ) -> Var<'t, f64> {
        let squares = (x - z).square() * -0.5;
        if self.forgets { squares } else { squares.sum_axis([-1, -2]) }
    }
}

#[test]
fn a_likelihood_of_another_shape_is_refused_with_words() {
    for (forgets, shape) in [(true, "[4, 3, 2]"), (false, "[4]")] {
        let refused = std::panic::catch_unwind(|| {
            let (tape, params) = (Tape::new(), Params::<f64>::new());
            let x = tape.constant(&[0.5; 6], [3, 2]);
            let z = tape.constant(&[0.1; 12], [4, 3, 1]);
            WrongShape { forgets }.log_joint(params.on(&tape), x, z);
        });
        let words = *refused.unwrap_err().downcast::<String>().unwrap();
        let wanted = format!(
            "log_likelihood of the model returns the shape {shape}, and must return [4, 3]"
        );
        assert!(words.starts_with(&wanted), "{words}");
    }
}
