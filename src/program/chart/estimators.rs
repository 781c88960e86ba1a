//! The lines of a panel: one for each estimator, those of one target together.

use super::drawing::{TICK, longest};
use crate::program::distinct::distinct;

/// The claims of estimators, each with its words in a title and its colour.
const CLAIMS: [(&str, &str, &str); 4] = [
    ("exact", "exact (green)", "#009E73"),
    ("unbiased", "unbiased (blue)", "#0072B2"),
    ("biased", "biased (orange)", "#D55E00"),
    ("shrunk", "shrunk (pink)", "#CC79A7"),
];

/// An estimator without a claim is grey.
const NO_CLAIM: &str = "#666666";

/// An estimator of a chart.
#[derive(Clone, Copy)]
pub(super) struct Named<'a> {
    /// The name.
    pub(super) estimator: &'a str,
    /// The name of the quantity whose gradient is estimated.
    pub(super) target: &'a str,
    /// Its claim, as [`Claim`](pathscore::estimators::Claim) prints it.
    pub(super) claim: &'a str,
    /// True if its draws contradict the claim.
    pub(super) refuted: bool,
}

/// The estimators of a chart in the order of their lines.
pub(super) struct Estimators<'a> {
    /// The names.
    pub(super) names: Vec<&'a str>,
    /// The colours of their claims.
    pub(super) colours: Vec<&'static str>,
    /// The names, with their targets where there are several, and the word of those whose draws contradict their claim.
    pub(super) labels: Vec<String>,
}

impl<'a> Estimators<'a> {
    /// Collects estimators; targets stand in the order of their first estimator.
    pub(super) fn new(all: impl Iterator<Item = Named<'a>> + Clone) -> Self {
        let targets = distinct(all.clone().map(|one| one.target));
        let (mut names, mut colours, mut labels) = (Vec::new(), Vec::new(), Vec::new());
        for target in &targets {
            for one in all.clone().filter(|one| one.target == *target) {
                let name = one.estimator;
                if names.contains(&name) {
                    continue;
                }
                names.push(name);
                let known = CLAIMS.iter().find(|claim| claim.0 == one.claim);
                colours.push(known.map_or(NO_CLAIM, |claim| claim.2));
                let several = targets.len() > 1;
                let of = if several { format!(" · {target}") } else { String::new() };
                let refuted = if one.refuted { " (refuted)" } else { "" };
                labels.push(format!("{name}{of}{refuted}"));
            }
        }
        Self { names, colours, labels }
    }

    /// A title, below it words `about` what is drawn, and the meaning of the colours.
    pub(super) fn title(&self, title: &str, about: &str) -> String {
        let claims = CLAIMS.iter().filter(|claim| self.colours.contains(&claim.2));
        let words: Vec<&str> = claims.map(|claim| claim.1).collect();
        let claims = match words.is_empty() {
            true => String::new(),
            false => format!("claims to be {}", words.join(", ")),
        };
        let lines = [title, about, &claims].into_iter().filter(|words| !words.is_empty());
        lines.collect::<Vec<_>>().join("\n")
    }

    /// The number of lines.
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// The place of an estimator, counted from the top.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|other| *other == name)
    }

    /// The labels from the bottom up, or as many empty ones: only the first panel of a row carries them.
    pub(super) fn axis(&self, first: bool) -> Vec<String> {
        let label = |label: &String| if first { label.clone() } else { String::new() };
        self.labels.iter().rev().map(label).collect()
    }

    /// The width of the longest label in pixels.
    pub(super) fn width(&self) -> f64 {
        10.0 + longest(self.labels.iter().map(String::as_str), TICK)
    }
}

/// The indices of the `most` largest sizes, in their own order.
pub(super) fn largest(sizes: &[f64], most: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by(|&a, &b| sizes[b].total_cmp(&sizes[a]));
    order.truncate(most);
    order.sort_unstable();
    order
}
