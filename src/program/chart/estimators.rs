//! The lines of a panel: one for each estimator, those of one target together.

use unicode_width::UnicodeWidthStr;

/// The estimators of a chart in the order of their lines.
pub(super) struct Estimators<'a> {
    /// The names.
    pub(super) names: Vec<&'a str>,
    /// The names with their targets, where there are several targets.
    pub(super) labels: Vec<String>,
}

impl<'a> Estimators<'a> {
    /// Collects pairs of an estimator and its target; targets stand in the order of their first estimator.
    pub(super) fn new(pairs: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> Self {
        let targets = distinct(pairs.clone().map(|(_, target)| target));
        let (mut names, mut labels) = (Vec::new(), Vec::new());
        for target in &targets {
            let of_target = pairs.clone().filter(|(_, other)| other == target);
            for name in distinct(of_target.map(|(name, _)| name)) {
                names.push(name);
                let several = targets.len() > 1;
                labels.push(if several { format!("{name} · {target}") } else { name.into() });
            }
        }
        Self { names, labels }
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

    /// The width of the longest label in pixels: a letter is about seven wide.
    pub(super) fn width(&self) -> f64 {
        10.0 + 7.2 * self.labels.iter().map(|label| label.width()).max().unwrap_or(0) as f64
    }
}

/// Each name once, in the order of first appearance.
pub(super) fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut distinct = Vec::new();
    for name in names {
        if !distinct.contains(&name) {
            distinct.push(name);
        }
    }
    distinct
}

/// The indices of the `most` largest sizes, in their own order.
pub(super) fn largest(sizes: &[f64], most: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by(|&a, &b| sizes[b].total_cmp(&sizes[a]));
    order.truncate(most);
    order.sort_unstable();
    order
}
