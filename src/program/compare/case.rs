//! A problem with everything that was measured on it.

use crate::program::distinct::distinct;
use kuva::render::render::Scene;
use pathscore::estimators::variance::{ComponentStats, Study};

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
    /// $K$, the samples of each draw; none of a gradient that has no such number.
    pub(super) samples: Option<usize>,
}

/// A mean that is farther from the exact gradient than so many standard errors is another one: by chance in one of a million
/// components.
const REFUTED: f64 = 5.0;

impl Studied {
    /// The $z$ of the component that is farthest from the exact gradient.
    pub(super) fn worst_z(&self) -> f64 {
        let z = |(part, &error): (&ComponentStats, &f64)| part.z_with(error);
        let all = self.study.components.iter().zip(&self.errors).map(z);
        all.max_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap_or(0.0)
    }

    /// True if every draw was finite, so that there is a mean to show.
    pub(super) fn is_finite(&self) -> bool {
        self.study.non_finite == 0
    }

    /// The norm of the gradient divided by the root of the variance.
    pub(super) fn total_snr(&self) -> f64 {
        self.norm / self.variance.sqrt()
    }

    /// True if it claims to be unbiased, and its draws say that it is not.
    pub(super) fn is_refuted(&self) -> bool {
        self.study.claim.is_unbiased() && (!self.is_finite() || self.worst_z().abs() > REFUTED)
    }
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
    /// The number of draws of which the reference gradient is the mean, if it is one; of several targets, the least.
    pub(super) estimated: Option<usize>,
    /// The estimators that were not studied, with the reasons.
    pub(super) left_out: Vec<(String, String)>,
}

impl Case {
    /// The estimators that were not studied and why, in sentences; equal reasons are said once.
    pub(super) fn left_out(&self) -> Vec<String> {
        let reasons = distinct(self.left_out.iter().map(|(_, why)| why.as_str()));
        let sentence = |why: &str| {
            let of = self.left_out.iter().filter(|one| one.1 == why);
            let names: Vec<&str> = of.map(|one| one.0.as_str()).collect();
            format!("left out of {}: {} ({why})", self.name, names.join(", "))
        };
        reasons.into_iter().map(sentence).collect()
    }

    /// The words behind the number of gradients that count the samples of each: ` of K = 2 samples`, or nothing.
    pub(super) fn of_samples(&self) -> String {
        let samples = self.studied.iter().find_map(|one| one.samples);
        samples.map_or(String::new(), |samples| {
            format!(" of K = {samples} sample{}", if samples == 1 { "" } else { "s" })
        })
    }
}

/// The name of a problem as that of a file.
pub(super) fn file_name(name: &str) -> String {
    let parts = name.split(|c: char| !c.is_alphanumeric() && c != '.');
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

/// A chart and its file.
pub(super) struct Figure {
    pub(super) name: String,
    pub(super) shows: &'static str,
    pub(super) scene: Scene,
}
