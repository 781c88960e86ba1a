//! Mistakes with one continuous number: the wrong parameter, a jump, a missing volume, and independent noise.

use super::specimen::{About, Property, Specimen};
use crate::enumerator::Enumerator;
use crate::proof::{Effect, Expectation, Gradient, Solved};
use pathscore_models::RandomSource;

/// The parameters $(\mu, \ln\sigma)$ of $z = \mu + \sigma\varepsilon$.
#[derive(Clone, Copy, Debug)]
pub struct NormalParams {
    /// $\mu$.
    pub loc: f64,
    /// $\ln\sigma$.
    pub log_scale: f64,
}

impl NormalParams {
    fn scale(self) -> f64 {
        self.log_scale.exp()
    }
}

/// Zoo 12: the derivative with respect to $\sigma$ is reported as that with respect to $\ln\sigma$.
///
/// The problem is $E (z - k)^2$ along the path: $\partial z/\partial\sigma = \varepsilon$, but
/// $\partial z/\partial\ln\sigma = \sigma\varepsilon$ (posteriors, PR 15).
#[derive(Clone, Copy, Debug)]
pub struct BySigma {
    /// The parameters.
    pub at: NormalParams,
    /// The target $k$.
    pub target: f64,
    /// True if the derivative is with respect to $\ln\sigma$, as it is reported.
    pub by_log: bool,
}

impl Gradient for BySigma {
    fn draw(&mut self, source: &mut Enumerator, out: &mut [f64]) -> Option<f64> {
        let (eps, scale) = (source.normal(), self.at.scale());
        let miss = self.at.loc + scale * eps - self.target;
        out[0] = 2.0 * miss;
        out[1] = 2.0 * miss * eps * if self.by_log { scale } else { 1.0 };
        Some(miss * miss)
    }
}

/// Zoo 17: reparameterisation of a function with a jump.
///
/// For $f(z) = z + j 1_{z > c}$ the pathwise derivative is 1 wherever it exists, and misses that the probability of the
/// jump depends on $\mu$ and $\sigma$ (Pyro, issue 2277). The score-function estimator is unbiased.
#[derive(Clone, Copy, Debug)]
pub struct AcrossJump {
    /// The parameters.
    pub at: NormalParams,
    /// The place $c$ of the jump.
    pub threshold: f64,
    /// The height $j$ of the jump.
    pub height: f64,
    /// True if the score-function estimator is used.
    pub by_score: bool,
}

impl AcrossJump {
    /// The part of $\nabla E f$ that comes from the jump: $j \varphi(t)/\sigma$ and $j t \varphi(t)$ with
    /// $t = (c - \mu)/\sigma$.
    pub fn jump_gradient(&self) -> [f64; 2] {
        let t = (self.threshold - self.at.loc) / self.at.scale();
        let density = (-0.5 * t * t).exp() / std::f64::consts::TAU.sqrt();
        [self.height * density / self.at.scale(), self.height * t * density]
    }

    /// $\nabla E z$, the part along the path.
    pub const PATH_GRADIENT: [f64; 2] = [1.0, 0.0];
}

impl Gradient for AcrossJump {
    fn draw(&mut self, source: &mut Enumerator, out: &mut [f64]) -> Option<f64> {
        let (eps, scale) = (source.normal(), self.at.scale());
        let z = self.at.loc + scale * eps;
        let f = z + if z > self.threshold { self.height } else { 0.0 };
        let slopes = if self.by_score {
            [f * eps / scale, f * (eps * eps - 1.0)]
        } else {
            [1.0, scale * eps]
        };
        out.copy_from_slice(&slopes);
        Some(f)
    }
}

/// Zoo 19: an integral as a mean of uniform numbers from a box, without the volume of the box.
///
/// $\partial_w p(x) = \int p(x \mid z) \partial_w p(z; w) dz = |\Omega| E_{z \sim U(\Omega)}[p(x \mid z) \partial_w
/// p(z; w)]$ with $p(z; w) = \mathcal N(w, 1)$ and $p(x \mid z) = \mathcal N(z, s^2)$. Lectures often show the case
/// of volume one.
#[derive(Clone, Copy, Debug)]
pub struct BoxIntegral {
    /// The parameter $w$.
    pub w: f64,
    /// The observation $x$.
    pub x: f64,
    /// The variance $s^2$ of the observation.
    pub noise: f64,
    /// The ends of the box.
    pub ends: [f64; 2],
    /// True if the mean is multiplied by the volume.
    pub with_volume: bool,
}

/// The density of $\mathcal N(0, v)$.
fn normal(x: f64, v: f64) -> f64 {
    (-0.5 * x * x / v).exp() / (std::f64::consts::TAU * v).sqrt()
}

impl BoxIntegral {
    /// The volume $|\Omega|$.
    pub fn volume(&self) -> f64 {
        self.ends[1] - self.ends[0]
    }

    /// $\partial_w \mathcal N(x; w, 1 + s^2)$.
    pub fn exact(&self) -> f64 {
        let (miss, variance) = (self.x - self.w, 1.0 + self.noise);
        miss / variance * normal(miss, variance)
    }
}

impl Gradient for BoxIntegral {
    fn draw(&mut self, source: &mut Enumerator, out: &mut [f64]) -> Option<f64> {
        let z = self.ends[0] + self.volume() * source.uniform();
        let slope = (z - self.w) * normal(z - self.w, 1.0);
        let volume = if self.with_volume { self.volume() } else { 1.0 };
        out[0] = volume * normal(self.x - z, self.noise) * slope;
        None
    }
}

/// Zoo 30: a central difference of $E z^2$ whose two sides have independent noise.
///
/// The mean is right. The variance is $\mathrm{Var}(z^2)/2h^2$, which is hundreds of thousands of times that with
/// common random numbers and grows without bound for small steps (the crate fugue).
#[derive(Clone, Copy, Debug)]
pub struct CentralDifference {
    /// $\mu$.
    pub loc: f64,
    /// The step $h$.
    pub step: f64,
    /// True if both sides have the same noise.
    pub common_noise: bool,
}

impl Gradient for CentralDifference {
    fn draw(&mut self, source: &mut Enumerator, out: &mut [f64]) -> Option<f64> {
        let up = source.normal();
        let down = if self.common_noise { up } else { source.normal() };
        let f = |mu: f64, eps: f64| (mu + eps).powi(2);
        let h = self.step;
        out[0] = (f(self.loc + h, up) - f(self.loc - h, down)) / (2.0 * h);
        None
    }
}

/// The mistakes with one continuous number, each with its problem and its fix.
pub(super) fn specimens() -> Vec<Specimen> {
    let at = NormalParams { loc: 0.7, log_scale: -0.4 };
    let square =
        Expectation::new("normal: E (z − k)²", &[at.loc, at.log_scale], |at, source| {
            (at[0] + at[1].exp() * source.normal() - 2.0).powi(2)
        });
    let by_sigma = BySigma { at, target: 2.0, by_log: false };
    let jump = AcrossJump { at, threshold: 1.0, height: 2.0, by_score: false };
    let integral =
        BoxIntegral { w: 0.5, x: 1.2, noise: 0.25, ends: [-8.0, 8.0], with_volume: false };
    let density = Solved::new("normal: p(x)", &[integral.exact()], None)
        .with_mistake("1/|Ω|: the volume is missing", Effect::Factor(1.0 / integral.volume()));
    let independent = CentralDifference { loc: 0.5, step: 1e-3, common_noise: false };
    vec![
        About {
            number: 12,
            name: "by-sigma",
            wrong: "by σ, reported as by ln σ",
            source: "posteriors PR 15",
            evidence: "with respect to e^θ",
        }
        .on(square, by_sigma, BySigma { by_log: true, ..by_sigma }),
        About {
            number: 17,
            name: "across-jump",
            wrong: "reparameterised across a jump of f",
            source: "Pyro issue 2277",
            evidence: "a path cannot cross a jump",
        }
        .on(with_jump(&jump), jump, AcrossJump { by_score: true, ..jump }),
        About {
            number: 19,
            name: "no-volume",
            wrong: "an integral over a box without its volume",
            source: "lecture notes",
            evidence: "the volume is missing",
        }
        .on(density, integral, BoxIntegral { with_volume: true, ..integral }),
        Specimen {
            property: Property::Variance,
            ..About {
                number: 30,
                name: "own-noise",
                wrong: "the two sides of a difference have their own noise",
                source: "the crate fugue",
                evidence: "times that of the fixed one",
            }
            .on(
                Solved::new("normal: E z²", &[2.0 * independent.loc], None),
                independent,
                CentralDifference { common_noise: true, ..independent },
            )
        },
    ]
}

/// $E f$ of [`AcrossJump`], with the mistake of a path across the jump.
fn with_jump(jump: &AcrossJump) -> Solved {
    let [path, of_jump] = [AcrossJump::PATH_GRADIENT, jump.jump_gradient()];
    let gradient = [path[0] + of_jump[0], path[1] + of_jump[1]];
    Solved::new("normal: E z, jump", &gradient, None)
        .with_mistake("a path cannot cross a jump: it is missing", Effect::Instead(path.to_vec()))
}
