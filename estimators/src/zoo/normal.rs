//! Mistakes with a normal number: what is differentiated, with respect to what, and across what.

use crate::enumerator::Enumerator;
use crate::proof::Gradient;
use pathscore_models::RandomSource;

/// $z = \mu + \sigma\varepsilon$, by $(\mu, \ln\sigma)$.
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

/// Zoo 12: the derivative by $\sigma$ reported as that by $\ln\sigma$.
///
/// $E (z - k)^2$ along the path; $\partial z/\partial\sigma = \varepsilon$ but $\partial z/\partial\ln\sigma =
/// \sigma\varepsilon$ (posteriors, PR 15).
#[derive(Clone, Copy, Debug)]
pub struct BySigma {
    /// Where.
    pub at: NormalParams,
    /// $k$.
    pub target: f64,
    /// Whether it is by $\ln\sigma$, as reported.
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

/// Zoo 17: reparameterising across a jump.
///
/// $f(z) = z + j\,1_{z > c}$: the path's derivative is 1 wherever it exists and never sees the jump, whose
/// probability moves with $\mu$ and $\sigma$ (Pyro, issue 2277). Through the score it is seen.
#[derive(Clone, Copy, Debug)]
pub struct AcrossJump {
    /// Where.
    pub at: NormalParams,
    /// $c$.
    pub place: f64,
    /// $j$.
    pub height: f64,
    /// Whether it goes through the score.
    pub by_score: bool,
}

impl AcrossJump {
    /// What a jump adds to $\nabla E f$: $j\,\varphi(t)/\sigma$ and $j\,t\,\varphi(t)$ with $t = (c - \mu)/\sigma$.
    pub fn of_the_jump(&self) -> [f64; 2] {
        let t = (self.place - self.at.loc) / self.at.scale();
        let density = (-0.5 * t * t).exp() / std::f64::consts::TAU.sqrt();
        [self.height * density / self.at.scale(), self.height * t * density]
    }

    /// $\nabla E z$.
    pub const OF_THE_PATH: [f64; 2] = [1.0, 0.0];
}

impl Gradient for AcrossJump {
    fn draw(&mut self, source: &mut Enumerator, out: &mut [f64]) -> Option<f64> {
        let (eps, scale) = (source.normal(), self.at.scale());
        let z = self.at.loc + scale * eps;
        let f = z + if z > self.place { self.height } else { 0.0 };
        let slopes = if self.by_score {
            [f * eps / scale, f * (eps * eps - 1.0)]
        } else {
            [1.0, scale * eps]
        };
        out.copy_from_slice(&slopes);
        Some(f)
    }
}

/// Zoo 19: an integral by uniform numbers from a box, without the volume of the box.
///
/// $\partial_w p(x) = \int p(x \mid z)\, \partial_w p(z; w)\, dz = |\Omega|\, E_{z \sim U(\Omega)}[p(x \mid z)\, \partial_w p(z; w)]$
/// with $p(z; w) = \mathcal N(w, 1)$ and $p(x \mid z) = \mathcal N(z, s^2)$. What is often taught, on a box of volume one.
#[derive(Clone, Copy, Debug)]
pub struct BoxIntegral {
    /// $w$.
    pub w: f64,
    /// $x$.
    pub x: f64,
    /// $s^2$.
    pub noise: f64,
    /// The ends of the box.
    pub ends: [f64; 2],
    /// Whether it is multiplied by its volume.
    pub with_volume: bool,
}

/// The density of $\mathcal N(0, v)$.
fn normal(x: f64, v: f64) -> f64 {
    (-0.5 * x * x / v).exp() / (std::f64::consts::TAU * v).sqrt()
}

impl BoxIntegral {
    /// $|\Omega|$.
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

/// Zoo 30: a central difference of $E z^2$ whose two sides have noise of their own.
///
/// The mean is right. The variance is $\mathrm{Var}(z^2)/2h^2$, a million times that of two sides with common random
/// numbers, and grows without bound as the difference becomes exact (the crate fugue).
#[derive(Clone, Copy, Debug)]
pub struct CentralDifference {
    /// $\mu$.
    pub loc: f64,
    /// $h$.
    pub step: f64,
    /// Whether the noise is common.
    pub shared: bool,
}

impl Gradient for CentralDifference {
    fn draw(&mut self, source: &mut Enumerator, out: &mut [f64]) -> Option<f64> {
        let up = source.normal();
        let down = if self.shared { up } else { source.normal() };
        let f = |mu: f64, eps: f64| (mu + eps).powi(2);
        let h = self.step;
        out[0] = (f(self.loc + h, up) - f(self.loc - h, down)) / (2.0 * h);
        None
    }
}
