//! What there is, each with one line and its source.

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
    ["problem", "small-dvae", "two bits behind three, by enumeration", "a sum of four terms"],
    ["problem", "linear-gaussian", "a normal latent, in closed form", "Tipping & Bishop 1999"],
    ["compared", "enumeration", "every state of the latents", "exact"],
    ["compared", "quadrature", "20 Gauss–Hermite nodes", "Golub & Welsch 1969"],
    ["compared", "sgvb-analytic", "sgvb, divergence in closed form", "Kingma & Welling 2014"],
    ["compared", "sgvb-sampled", "sgvb, divergence at the draws", "Kingma & Welling 2014"],
    ["compared", "reinforce-none", "reinforce without a baseline", "Williams 1992"],
    ["compared", "reinforce-constant", "baseline −2, near the mean signal", "Williams 1992"],
    ["compared", "reinforce-running-mean", "baseline of earlier gradients", "Mnih & Gregor 2014"],
    ["compared", "reinforce-leave-one-out", "baseline of the other draws", "Mnih & Rezende 2016"],
];

/// Prints the list.
pub(crate) fn list(format: Format) -> anyhow::Result<()> {
    let own = ENTRIES.iter().map(|&[kind, name, what, source]| Entry { kind, name, what, source });
    let data = SOURCES.iter().map(|&(name, what)| Entry { kind: "data", name, what, source: "" });
    print(&own.chain(data).collect::<Vec<_>>(), format, &mut std::io::stdout().lock())
}
