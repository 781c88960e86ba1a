//! Marks a step of EM on a mixture of two normal distributions.

pub mod start;

#[path = "../../solutions/em_step.rs"]
pub mod solution;

use crate::{Exercise, Mark};

/// The exercise.
pub const EXERCISE: Exercise = Exercise {
    name: "em_step",
    chapter: 10,
    task: "a step of EM on a mixture of two normals",
    start: || mark(start::step),
    solution: || mark(solution::step),
};

const HINT: &str = "The E step needs p(z|x) ∝ p(z) p(x|z). Which of the two factors is missing?";

/// A mixture of two normal distributions, by component.
#[derive(Clone, Copy, Debug)]
pub struct Mixture {
    /// The probabilities of the components; their sum is one.
    pub weights: [f64; 2],
    /// The means.
    pub means: [f64; 2],
    /// The variances.
    pub variances: [f64; 2],
}

impl Mixture {
    /// p(x | z = k).
    pub fn density(&self, k: usize, x: f64) -> f64 {
        let v = self.variances[k];
        (-0.5 * (x - self.means[k]).powi(2) / v).exp() / (std::f64::consts::TAU * v).sqrt()
    }

    /// p(x, z = k).
    fn joint(&self, k: usize, x: f64) -> f64 {
        self.weights[k] * self.density(k, x)
    }

    /// Σ ln p(x).
    fn log_likelihood(&self, x: &[f64]) -> f64 {
        x.iter().map(|&x| (self.joint(0, x) + self.joint(1, x)).ln()).sum()
    }

    /// Q(new | self) = Σ_x Σ_k p(k|x) ln p_new(x, k), the function that the M step maximises.
    fn expected(&self, new: &Self, x: &[f64]) -> f64 {
        let of = |x: f64| {
            let joint = [0, 1].map(|k| self.joint(k, x));
            (0..2).map(|k| joint[k] / (joint[0] + joint[1]) * new.joint(k, x).ln()).sum::<f64>()
        };
        x.iter().map(|&x| of(x)).sum()
    }

    /// The mixture whose parameter `i` (means, variances, weight of the first component) is larger by `by`.
    fn moved(mut self, i: usize, by: f64) -> Self {
        match i {
            0 | 1 => self.means[i] += by,
            2 | 3 => self.variances[i - 2] += by,
            _ => self.weights = [self.weights[0] + by, self.weights[1] - by],
        }
        self
    }
}

fn mark(step: fn(&Mixture, &[f64]) -> Mixture) -> Mark {
    let x = [-1.3, -0.9, -0.4, -0.2, 0.1, 1.4, 1.9, 2.2, 2.3, 2.8, 3.1];
    let old = Mixture { weights: [0.8, 0.2], means: [-0.5, 1.5], variances: [1.0, 0.7] };
    let new = step(&old, &x);
    // A central difference with this step is exact to about 10⁻⁹.
    let h = 1e-5;
    let slope = |i: usize| {
        (old.expected(&new.moved(i, h), &x) - old.expected(&new.moved(i, -h), &x)) / (2.0 * h)
    };
    let names = ["∂Q/∂m₁ of the new parameters", "∂Q/∂m₂", "∂Q/∂v₁", "∂Q/∂v₂", "∂Q/∂p₁"];
    let slopes: Vec<f64> = (0..5).map(slope).collect();
    Mark::exact(&names, &slopes, &[0.0; 5], 1e-6, HINT).and(|| {
        let [before, after] = [old, new].map(|mixture| mixture.log_likelihood(&x));
        let words = format!("ln p of the data rises from {before:.4} to {after:.4}");
        Mark::check(after > before, words, HINT)
    })
}

#[cfg(test)]
mod tests {
    use super::mark;

    #[test]
    fn the_old_mixture_is_rejected() {
        assert!(!mark(|old, _| *old).passed);
    }
}
