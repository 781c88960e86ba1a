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
    ["model", "sbn", "one to three layers of bits, prior learnt", "Neal 1992"],
    ["estimator", "sgvb", "along the path of a sample", "Kingma & Welling 2014"],
    ["estimator", "stl", "sgvb without the score of q", "Roeder et al. 2017"],
    ["estimator", "iwae", "the bound of K draws along the path", "Burda et al. 2016"],
    ["estimator", "dreg", "iwae, doubly reparameterised", "Tucker et al. 2019"],
    ["estimator", "renyi", "Rényi's bound along the path", "Li & Turner 2016"],
    ["estimator", "reinforce", "through the score of the density", "Williams 1992"],
    ["estimator", "nvil", "reinforce with a network, centred and scaled", "Mnih & Gregor 2014"],
    ["estimator", "vimco", "the bound of K draws, the others as baseline", "Mnih & Rezende 2016"],
    ["estimator", "muprop", "reinforce about a line through the mean", "Gu et al. 2016"],
    ["estimator", "arm", "pairs of opposite bits", "Yin & Zhou 2019"],
    ["estimator", "disarm", "arm, its uniform numbers averaged out", "Dong, Mnih & Tucker 2020"],
    ["estimator", "disarm-bound", "the bound of K draws by such pairs", "Dong, Mnih & Tucker 2020"],
    ["estimator", "rebar", "the relaxed model as control variate", "Tucker et al. 2017"],
    ["estimator", "relax", "rebar with a network beside", "Grathwohl et al. 2018"],
    ["estimator", "local", "each bit summed over exactly", "Titsias & Lázaro-Gredilla 2015"],
    ["estimator", "concrete", "relaxed bits, biased", "Maddison et al. 2017"],
    ["estimator", "straight-through", "bits with a borrowed slope, biased", "Bengio et al. 2013"],
    ["estimator", "wake", "model and posterior from K weighted draws", "Bornschein & Bengio 2015"],
    ["estimator", "wake-sleep", "wake, and the model's dreams", "Bornschein & Bengio 2015"],
    ["estimator", "tvo", "thermodynamic, from q to the posterior", "Masrani et al. 2019"],
    ["baseline", "none", "nothing is subtracted", "Williams 1992"],
    ["baseline", "constant", "the same number always", "Williams 1992"],
    ["baseline", "running-mean", "the mean of earlier batches", "Mnih & Gregor 2014"],
    ["baseline", "leave-one-out", "the mean of the other draws", "Mnih & Rezende 2016"],
    ["baseline", "network", "a network of the row, learnt beside", "Mnih & Gregor 2014"],
    ["baseline", "optimal", "the constant of least variance, learnt", "Ranganath et al. 2014"],
    ["problem", "sbn-small", "two bits behind three, by enumeration", "a sum of four terms"],
    ["problem", "linear-gaussian", "a normal latent, in closed form", "Tipping & Bishop 1999"],
    ["problem", "bernoulli-toy", "E (b − 0.45)² for a bit", "Tucker et al. 2017"],
    ["problem", "gaussian-quadratic", "E z² for a normal number", "Mohamed et al. 2020"],
    ["problem", "sbn-two-layers", "layers of two bits and one, by enumeration", "Neal 1992"],
    ["problem", "sbn-three-layers", "three layers of one bit, by enumeration", "Neal 1992"],
    [
        "problem",
        "logistic-normal",
        "a normal latent behind two bits, by quadrature",
        "no closed form",
    ],
    ["problem", "mixed-small", "a normal latent and two bits behind one", "sums and quadrature"],
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

#[cfg(test)]
mod tests {
    use super::super::args::{BaselineName, EstimatorName, Model, ProblemName};
    use super::super::config::cli_name;
    use super::*;
    use clap::ValueEnum;

    #[test]
    fn whatever_can_be_asked_for_is_listed() {
        let listed = |kind: &str, name: String| {
            assert!(ENTRIES.iter().any(|entry| entry[0] == kind && entry[1] == name), "{name}");
        };
        Model::value_variants().iter().for_each(|name| listed("model", cli_name(name)));
        EstimatorName::value_variants().iter().for_each(|name| listed("estimator", cli_name(name)));
        BaselineName::value_variants().iter().for_each(|name| listed("baseline", cli_name(name)));
        ProblemName::value_variants().iter().for_each(|name| listed("problem", cli_name(name)));
    }
}
