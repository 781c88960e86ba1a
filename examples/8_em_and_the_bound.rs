//! EM and the bound: ln p(x) = ELBO + KL(q ‖ p(z|x)), step by step.
//!
//! The eighth lesson. Probabilistic PCA has an exact posterior, so that every term of the identity can be computed. The E step of
//! EM makes KL zero: the bound touches ln p(x). The M step lifts the bound, and ln p(x) with it. Variational EM may only
//! use a factorised q; its KL stays above zero until the loadings are orthogonal, where such a q is the posterior.

use pathscore::autodiff::Error;
use pathscore::models::tractable::{MeanFieldPpca, Ppca};
use pathscore::models::{Em, Tractable};
use pathscore::prelude::*;

const ROWS: usize = 200;
const COLUMNS: usize = 6;

/// Rows near a plane in six dimensions.
fn data(rng: &mut impl RandomSource) -> Vec<f64> {
    let row = |_| {
        let (a, b) = (2.0 * rng.normal(), rng.normal());
        let loadings = [[1.0, 0.2], [0.8, -0.4], [0.5, 0.9], [-0.3, 1.0], [0.0, 0.7], [0.6, 0.6]];
        loadings.map(|[u, v]| u * a + v * b + 0.3 * rng.normal())
    };
    (0..ROWS).flat_map(row).collect()
}

/// The means over the rows of ln p(x), of the ELBO with the best factorised q, and KL(q ‖ p(z|x)).
fn terms(model: &MeanFieldPpca, params: &Params<f64>, x: &[f64]) -> [f64; 3] {
    let tape = Tape::new();
    let (params, x) = (params.on(&tape), tape.constant(x, [ROWS, COLUMNS]));
    let q = model.posterior(params, x);
    let of = |v: Var<'_, f64>| v.mean().item();
    [of(model.log_prob(params, x)), of(model.elbo(params, x, &q)), of(model.kl(params))]
}

fn main() -> Result<(), Error> {
    let rng = &mut seed::rng(0, seed::Stream::Sample, 0);
    let x = data(rng);
    let mut start = Params::new();
    let ppca = Ppca::new(&mut start, COLUMNS, 2, rng);
    let factorised = MeanFieldPpca(ppca);
    let (mut em, mut variational) = (start.clone(), start.clone());
    let best = ppca.closed_form(&mut start, &x, ROWS)?;

    println!("        EM         variational EM");
    println!("sweep   ln p(x)    ln p(x)  =  ELBO    +  KL");
    for sweep in 0..=64_usize {
        let [exact, elbo, kl] = terms(&factorised, &variational, &x);
        assert!((exact - elbo - kl).abs() < 1e-12, "the identity holds to rounding");
        if sweep.is_power_of_two() || sweep == 0 {
            let [of_em, ..] = terms(&factorised, &em, &x);
            println!("{sweep:>5}  {of_em:>9.4}  {exact:>9.4}  {elbo:>9.4}  {kl:>7.4}");
        }
        ppca.em_step(&mut em, &x, ROWS);
        factorised.variational_em_step(&mut variational, &x, ROWS);
    }
    println!("the maximum in closed form: {best:.4}");
    Ok(())
}
