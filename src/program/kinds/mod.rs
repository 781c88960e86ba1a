//! The kinds of models that the program can fit: one file and one row of [`KINDS`] for each.

mod annealed;
mod annealed_energy;
mod chosen;
pub(crate) mod codes;
mod covariances;
mod criterion;
mod density;
mod energy;
mod exact;
pub(crate) mod kind;
mod latent;
mod latent_kind;
mod linear;
mod network;
mod posterior;
mod real_fit;
pub(crate) mod tractable;
mod trainer;
mod views;
mod whole;

use super::usage_error::usage_error;
use kind::Kind;

pathscore::autodiff::modules! {
    /// Every kind of model; `train` alone means the first.
    pub(crate) static KINDS: &[&dyn Kind] = {
        vae: Vae;
        hvae: Hvae;
        dvae: Dvae;
        sbn: Sbn;
        ppca: Ppca;
        fa: Fa;
        gmm: Gmm;
        gp: Gp;
        gplvm: Gplvm;
        bgplvm: Bgplvm;
        rbm: Rbm;
        grbm: Grbm;
        dbm: Dbm;
        ising: Ising;
        deep_energy: DeepEnergy;
        nade: Nade;
        made: Made;
        flow: Flow;
    }
}

/// The kind of a name, as `run.toml` has it.
pub(crate) fn kind_of(name: &str) -> anyhow::Result<&'static dyn Kind> {
    let found = KINDS.iter().find(|kind| kind.about().name == name);
    found.copied().ok_or_else(|| {
        let names: Vec<&str> = KINDS.iter().map(|kind| kind.about().name).collect();
        usage_error(format!(
            "no kind of model is called `{name}`: the kinds are {}",
            names.join(", ")
        ))
    })
}

/// The names of all pictures that a run of any kind may write.
pub(crate) fn pictures() -> Vec<&'static str> {
    let mut names: Vec<&str> =
        KINDS.iter().flat_map(|kind| kind.about().pictures).copied().collect();
    names.sort_unstable();
    names.dedup();
    names
}
