//! What there is, each with one line and its source.

use super::registry;
use super::table::{Format, print};
use pathscore::models::data::SOURCES;
use serde::Serialize;

#[derive(Serialize)]
struct Entry {
    kind: &'static str,
    name: &'static str,
    what: &'static str,
    source: &'static str,
}

/// Kind, name, what it is, where it comes from.
const ENTRIES: &[[&str; 4]] = &[
    ["model", "vae", "normal latents, networks both ways", "Kingma & Welling 2014"],
    ["model", "dvae", "Bernoulli latents, uniform prior", "Mnih & Gregor 2014"],
    ["estimator", "sgvb", "along the path of a sample", "Kingma & Welling 2014"],
    ["estimator", "reinforce", "through the score of the density", "Williams 1992"],
    ["baseline", "none", "nothing is subtracted", "Williams 1992"],
    ["baseline", "constant", "the same number always", "Williams 1992"],
    ["baseline", "running-mean", "the mean of earlier batches", "Mnih & Gregor 2014"],
    ["baseline", "leave-one-out", "the mean of the other draws", "Mnih & Rezende 2016"],
    ["problem", "sbn-small", "two bits behind three, by enumeration", "a sum of four terms"],
    ["problem", "linear-gaussian", "a normal latent, in closed form", "Tipping & Bishop 1999"],
];

/// Prints the list.
pub(crate) fn list(format: Format) -> anyhow::Result<()> {
    let own = ENTRIES.iter().map(|&[kind, name, what, source]| Entry { kind, name, what, source });
    let data = SOURCES.iter().map(|&(name, what)| Entry { kind: "data", name, what, source: "" });
    let compared = registry::entries().into_iter().map(|entry| {
        let registry::Entry { name, what, source, .. } = entry;
        Entry { kind: "compared", name, what, source }
    });
    print(
        &own.chain(compared).chain(data).collect::<Vec<_>>(),
        format,
        &mut std::io::stdout().lock(),
    )
}
