//! Mistakes with energies of real numbers: the trace and the sign of score matching, the sign of denoising, and Langevin noise
//! that does not belong to its step.

use super::specimen::{About, Specimen};
use crate::enumerator::Enumerator;
use crate::proof::{Effect, Gradient, Solved};
use pathscore_autodiff::{Grads, Tape};
use pathscore_models::energy::{GaussianEnergy, NormalBase};
use pathscore_models::{Energy, Params, RandomSource, seed};

/// The normal energy of two columns on which score matching is examined.
fn gaussian() -> (GaussianEnergy, Params<f64>) {
    let (mut params, rng) = (Params::new(), &mut seed::rng(0, seed::Stream::Init, 0));
    let base = NormalBase::new(vec![0.5, -0.25], vec![0.8, 1.25]);
    let model = GaussianEnergy::new(&mut params, base, rng);
    (model, params)
}

/// A row, its distances from the means, and the precisions.
const ROW: [f64; 2] = [1.5, -1.0];
const MISSES: [f64; 2] = [1.0, -0.75];
const PRECISIONS: [f64; 2] = [1.0 / 0.64, 0.64];

/// Zoo 25: score matching with a factor on the trace: $\frac12 \Vert \nabla E \Vert^2 - c \mathrm{tr} \nabla^2 E$.
///
/// The factor is one. A mean over the diagonal instead of its sum has $1/D$, and the gradient of the energy in place of the
/// score, which has the other sign, has $-1$ (torchebm calls $+\nabla E$ the score).
#[derive(Clone, Copy, Debug)]
pub struct TraceFactor {
    /// $c$.
    pub factor: f64,
}

impl TraceFactor {
    /// The gradient with respect to `mean` and `log_diagonal` of a normal energy with independent columns.
    ///
    /// With $d = x - m$ it is $\lambda_i^2 d_i$ for $m_i$ and $-2\lambda_i (\lambda_i d_i^2 - c)$ for $\ln L_{ii}$.
    pub fn diagonal(&self) -> [f64; 4] {
        let by_mean = |i: usize| PRECISIONS[i] * PRECISIONS[i] * MISSES[i];
        let by_log =
            |i: usize| -2.0 * PRECISIONS[i] * (PRECISIONS[i] * MISSES[i] * MISSES[i] - self.factor);
        [by_mean(0), by_mean(1), by_log(0), by_log(1)]
    }
}

impl Gradient for TraceFactor {
    fn draw(&mut self, _: &mut Enumerator, out: &mut [f64]) -> Option<f64> {
        let (model, params) = gaussian();
        let tape = Tape::new();
        let bound = params.on(&tape);
        let x = tape.constant(&[ROW, ROW].concat(), [2, 2]);
        let v = tape.constant(&[1.0, 0.0, 0.0, 1.0], [2, 2]);
        let slope = model.energy(bound, x).grad(&[x])[0];
        let trace = (slope.jvp(&[x], &[v]) * v).sum();
        let square = slope.slice(0, 0..1).sum_squares(-1).sum();
        let objective = trace * self.factor - square * 0.5;
        let mut grads = Grads::new();
        tape.pull_into(&[(objective, &[1.0])], &[], &mut grads);
        out.copy_from_slice(&grads.leading(params.len())[..out.len()]);
        None
    }
}

/// Zoo 25: denoising score matching whose target has the wrong sign, $-\frac12 \Vert s(x + \sigma\varepsilon) \mp \varepsilon /
/// \sigma \Vert^2$ for $E = \frac12 \lambda (x - m)^2$, with respect to $m$ and $\ln\lambda$.
///
/// The direction back to the row is $-\varepsilon/\sigma$. With the other sign the inverted energy is learnt (torchebm, issue 318).
#[derive(Clone, Copy, Debug)]
pub struct DenoisingSign {
    /// $\lambda$.
    pub precision: f64,
    /// $x - m$.
    pub miss: f64,
    /// $\sigma$.
    pub noise: f64,
    /// True if the target is $-\varepsilon/\sigma$.
    pub back: bool,
}

impl DenoisingSign {
    /// The gradient of the mean: $\lambda^2 d$ and $-\lambda (\lambda (d^2 + \sigma^2) \mp 1)$.
    pub fn exact(&self) -> [f64; 2] {
        let Self { precision, miss, noise, back } = *self;
        let one = if back { 1.0 } else { -1.0 };
        let square = miss * miss + noise * noise;
        [precision * precision * miss, -precision * (precision * square - one)]
    }
}

impl Gradient for DenoisingSign {
    fn draw(&mut self, source: &mut Enumerator, out: &mut [f64]) -> Option<f64> {
        let (eps, Self { precision, miss, noise, back }) = (source.normal(), *self);
        let target = if back { -eps / noise } else { eps / noise };
        let noisy = miss + noise * eps;
        // s = −λ (x̃ − m).
        let error = -precision * noisy - target;
        out[0] = -error * precision;
        out[1] = error * precision * noisy;
        None
    }
}

/// Langevin dynamics whose noise belongs to another step: $x' = x - \frac12 \varepsilon^2 \lambda x + t \varepsilon \xi$, and the
/// contrast of the energies $\frac12 \lambda (x'^2 - x^2)$ with respect to $\ln\lambda$.
///
/// With $t = 1$ the chain samples the energy, and with another $t$ the energy at the temperature $t^2$. Code for images often has a
/// step and a noise that are chosen apart (openai/ebm_code_release, issue 2; ebm-anatomy, issue 1).
#[derive(Clone, Copy, Debug)]
pub struct LangevinNoise {
    /// $\lambda$.
    pub precision: f64,
    /// $x$.
    pub row: f64,
    /// $\varepsilon$.
    pub step: f64,
    /// $t$.
    pub factor: f64,
}

impl LangevinNoise {
    /// The mean of the contrast: $\frac12 \lambda (((1 - \frac12 \varepsilon^2 \lambda) x)^2 + t^2 \varepsilon^2 - x^2)$.
    pub fn exact(&self) -> f64 {
        let Self { precision, row, step, factor } = *self;
        let mean = (1.0 - 0.5 * step * step * precision) * row;
        0.5 * precision * (mean * mean + (factor * step).powi(2) - row * row)
    }
}

impl Gradient for LangevinNoise {
    fn draw(&mut self, source: &mut Enumerator, out: &mut [f64]) -> Option<f64> {
        let Self { precision, row, step, factor } = *self;
        let noise = factor * step * source.normal();
        let moved = row - 0.5 * step * step * precision * row + noise;
        out[0] = 0.5 * precision * (moved * moved - row * row);
        None
    }
}

/// The mistakes with energies of real numbers, each with its problem and its fix.
pub(super) fn specimens() -> Vec<Specimen> {
    let right = TraceFactor { factor: 1.0 };
    let matched = |wrong: TraceFactor, what: &str| {
        Solved::new("normal energy: score matching", &right.diagonal(), None)
            .with_mistake(what, Effect::Instead(wrong.diagonal().to_vec()))
    };
    let (mean, sign) = (TraceFactor { factor: 0.5 }, TraceFactor { factor: -1.0 });
    let denoising = DenoisingSign { precision: 1.7, miss: 0.9, noise: 0.5, back: false };
    let back = DenoisingSign { back: true, ..denoising };
    let cold = LangevinNoise { precision: 1.7, row: 0.4, step: 0.6, factor: 0.1 };
    let warm = LangevinNoise { factor: 1.0, ..cold };
    vec![
        About {
            number: 25,
            name: "trace-mean",
            wrong: "score matching with tr/D",
            source: "a mean over columns",
            evidence: "the trace is divided by the columns",
        }
        .on(matched(mean, "tr/D: the trace is divided by the columns"), mean, right),
        About {
            number: 25,
            name: "score-sign",
            wrong: "score matching with +∇E as the score",
            source: "torchebm",
            evidence: "+∇E is not the score",
        }
        .on(matched(sign, "the sign of the trace: +∇E is not the score"), sign, right),
        About {
            number: 25,
            name: "denoising-sign",
            wrong: "denoising away from the data",
            source: "torchebm issue 318",
            evidence: "the energy is inverted",
        }
        .on(
            Solved::new("normal energy: denoising", &back.exact(), None).with_mistake(
                "+ε/σ: the energy is inverted",
                Effect::Instead(denoising.exact().to_vec()),
            ),
            denoising,
            back,
        ),
        About {
            number: 25,
            name: "langevin-noise",
            wrong: "Langevin noise of another step",
            source: "openai/ebm_code_release issue 2",
            evidence: "another temperature",
        }
        .on(
            Solved::new("normal energy: a Langevin step", &[warm.exact()], None).with_mistake(
                "noise and step do not belong together: another temperature",
                Effect::Instead(vec![cold.exact()]),
            ),
            cold,
            warm,
        ),
    ]
}
