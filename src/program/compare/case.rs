//! A problem with everything that was measured on it.

use kuva::render::render::Scene;
use pathscore::estimators::variance::Study;

/// The number of draws that a violin shows.
pub(super) const DRAWS: usize = 1500;

/// An estimator that was studied on a problem.
pub(super) struct Studied {
    pub(super) estimator: String,
    /// The quantity whose gradient it estimates.
    pub(super) target: String,
    pub(super) study: Study,
    /// The error of each component of the reference gradient.
    pub(super) errors: Vec<f64>,
    /// The variance of the whole gradient, and the norm of its mean.
    pub(super) variance: f64,
    pub(super) norm: f64,
    /// Some draws of each component.
    pub(super) draws: Vec<Vec<f64>>,
}

/// A problem and the estimators that were studied on it.
pub(super) struct Case {
    pub(super) name: String,
    /// The beginning of the names of its figures.
    pub(super) file: String,
    pub(super) components: Vec<String>,
    pub(super) studied: Vec<Studied>,
    /// The mean effective sample size of $K$ draws from $q$.
    pub(super) effective: Option<f64>,
    /// Remarks on the reference gradient.
    pub(super) notes: Vec<String>,
    /// True if the reference gradient is a mean of draws.
    pub(super) estimated: bool,
}

/// A chart and its file.
pub(super) struct Figure {
    pub(super) name: String,
    pub(super) shows: &'static str,
    pub(super) scene: Scene,
}
