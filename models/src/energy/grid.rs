//! Integrals over a grid, for energies of one or two real numbers.

use crate::capability::Energy;
use crate::params::Params;
use pathscore_autodiff::{Scalar, Tape};

/// The number of rows whose energies are computed at a time, so that memory does not grow with the grid.
const BLOCK: usize = 4096;

/// A rectangular grid of one or two dimensions, with the trapezoidal rule on it.
///
/// For a smooth density that vanishes at the edges, the rule converges faster than any power of the spacing
/// (Trefethen and Weideman 2014). The first column varies fastest.
///
/// ```
/// use pathscore_models::energy::{GaussianEnergy, Grid, NormalBase};
/// use pathscore_models::{Params, seed};
/// let (mut params, rng) = (Params::<f64>::new(), &mut seed::rng(0, seed::Stream::Init, 0));
/// let model = GaussianEnergy::new(&mut params, NormalBase::new(vec![0.0, 1.0], vec![1.0, 0.5]), rng);
/// let grid = Grid::new(&[[-9.0, 9.0], [-4.0, 6.0]], 101);
/// assert!((grid.log_partition(&model, &params) - model.log_partition(&params)).abs() < 1e-12);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    sides: Vec<[f64; 2]>,
    points: usize,
}

impl Grid {
    /// A grid with so many points along each of its sides.
    ///
    /// # Panics
    /// If there are not one or two sides, one of them is empty, or there are fewer than two points.
    pub fn new(sides: &[[f64; 2]], points: usize) -> Self {
        assert!(matches!(sides.len(), 1 | 2), "grid: {} sides, not one or two", sides.len());
        assert!(sides.iter().all(|[low, high]| low < high), "grid: an empty side in {sides:?}");
        assert!(points > 1, "grid: {points} points, not two or more");
        Self { sides: sides.to_vec(), points }
    }

    /// The ends of each side.
    pub fn sides(&self) -> &[[f64; 2]] {
        &self.sides
    }

    /// The number of points along a side.
    pub fn points(&self) -> usize {
        self.points
    }

    /// The number of all points.
    #[allow(clippy::len_without_is_empty, reason = "a grid has four points or more, or two")]
    pub fn len(&self) -> usize {
        self.points.pow(self.sides.len() as u32)
    }

    /// The coordinates of a point.
    pub fn point(&self, at: usize) -> impl Iterator<Item = f64> + '_ {
        self.sides.iter().enumerate().map(move |(axis, [low, high])| {
            let i = at / self.points.pow(axis as u32) % self.points;
            low + (high - low) * i as f64 / (self.points - 1) as f64
        })
    }

    /// The weight of a point in the trapezoidal rule: the area around it that lies inside.
    pub fn weight(&self, at: usize) -> f64 {
        let along = self.sides.iter().enumerate().map(|(axis, [low, high])| {
            let i = at / self.points.pow(axis as u32) % self.points;
            let half = if i == 0 || i + 1 == self.points { 0.5 } else { 1.0 };
            half * (high - low) / (self.points - 1) as f64
        });
        along.product()
    }

    /// $E(x)$ at every point.
    ///
    /// # Panics
    /// If the model has another number of columns.
    pub fn energies<F: Scalar, M: Energy<F>>(&self, model: &M, params: &Params<F>) -> Vec<f64> {
        let (columns, all) = (self.sides.len(), self.len());
        let (mut energies, mut tape) = (Vec::with_capacity(all), Tape::new());
        for first in (0..all).step_by(BLOCK) {
            tape.clear();
            let rows = BLOCK.min(all - first);
            let bound = params.on(&tape).detach();
            let x = tape.constant_with([rows, columns], |to| {
                let points = (first..first + rows).flat_map(|at| self.point(at));
                to.iter_mut().zip(points).for_each(|(to, x)| *to = F::from_f64(x));
            });
            model.energy(bound, x).with(|of| energies.extend(of.iter().map(|e| e.to_f64())));
        }
        energies
    }

    /// $\ln \int e^{-E(x)} dx$ over the rectangle, by the trapezoidal rule.
    ///
    /// # Panics
    /// If the model has another number of columns.
    pub fn log_partition<F: Scalar, M: Energy<F>>(&self, model: &M, params: &Params<F>) -> f64 {
        self.log_integral(&self.energies(model, params))
    }

    /// $\ln \int e^{-E(x)} dx$ from the energies at every point.
    pub fn log_integral(&self, energies: &[f64]) -> f64 {
        let least = energies.iter().copied().fold(f64::INFINITY, f64::min);
        let terms = energies.iter().enumerate().map(|(at, e)| self.weight(at) * (least - e).exp());
        terms.sum::<f64>().ln() - least
    }

    /// $\mathrm{KL}(p \Vert q) = \int p \ln \frac pq dx$ over the rectangle for a density `log_p` and the model $q(x)
    /// \propto e^{-E(x)}$, normalised over the rectangle as `log_p` is.
    ///
    /// # Panics
    /// If the model has another number of columns.
    pub fn kl<F: Scalar, M: Energy<F>>(
        &self,
        log_p: impl Fn(&[f64]) -> f64,
        model: &M,
        params: &Params<F>,
    ) -> f64 {
        let energies = self.energies(model, params);
        let mut point = Vec::new();
        let log_p: Vec<f64> = (0..self.len())
            .map(|at| {
                point.clear();
                point.extend(self.point(at));
                log_p(&point)
            })
            .collect();
        let negative: Vec<f64> = log_p.iter().map(|l| -l).collect();
        let [log_z_p, log_z_q] = [&negative, &energies].map(|of| self.log_integral(of));
        let terms = log_p.iter().zip(&energies).enumerate().map(|(at, (log_p, energy))| {
            let log_p = log_p - log_z_p;
            let p = log_p.exp();
            if p > 0.0 { self.weight(at) * p * (log_p + energy + log_z_q) } else { 0.0 }
        });
        terms.sum()
    }
}
