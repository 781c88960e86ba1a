//! The part that linear models with normal latents share: their draws and their pictures.

use super::views::{Views, unit};
use pathscore::autodiff::{Scalar, Tape};
use pathscore::models::latent::{Decoder, Generative};
use pathscore::models::{ParamId, Params};

/// The pictures of every linear model.
pub(crate) const PICTURE_NAMES: &[&str] =
    &["samples.png", "reconstructions.png", "loadings.png", "latent-map.png", "posterior.png"];

/// The parameters of a linear model, by their ids.
#[derive(Clone, Copy)]
pub(crate) struct Ids {
    /// $W$, of shape `[columns, latents]`.
    pub(crate) weights: ParamId,
    /// $\mu$.
    pub(crate) loc: ParamId,
    /// $\ln\sigma^2$, for each column or one for all.
    pub(crate) log_noise: ParamId,
}

/// The pictures in the order of their names; `turned` are the weights as they shall be drawn.
///
/// # Errors
/// If a picture cannot be drawn.
pub(crate) fn pictures<F: Scalar, M: Decoder<F> + Generative<F>>(
    views: &Views<F, M>,
    params: &Params<F>,
    ids: Ids,
    turned: impl FnOnce(Vec<f64>) -> Vec<f64>,
    seed: u64,
) -> anyhow::Result<Vec<Vec<u8>>> {
    let numbers = |id| params.get(id).iter().map(|x| x.to_f64()).collect::<Vec<_>>();
    let [weights, mean, log_noise] = [ids.weights, ids.loc, ids.log_noise].map(numbers);
    let axes = principal_axes(&weights, &log_noise, mean.len());
    let loadings = views.loadings(&mean, &turned(weights))?;
    let [first, second] = ["first principal latent", "second principal latent"];
    let map = views.map_along(&axes, ["the two principal latents", first, second])?;
    let posterior = views.posterior(&axes, [first, second], seed)?;
    Ok(vec![views.drawn(seed)?, views.reconstructions()?, loadings, map, posterior])
}

/// The two directions of the latents along which the data say most: the eigenvectors of $W^\top \Psi^{-1} W$ with the largest
/// eigenvalues $\lambda$, along which the posterior variance is $1/(1 + \lambda)$.
///
/// A model has no latents of its own but up to a rotation; these directions are the same for every rotation, up to their sign, which is
/// that of a positive sum of the cubes of their loadings. A single latent has only the first.
fn principal_axes(weights: &[f64], log_noise: &[f64], columns: usize) -> Vec<Vec<f64>> {
    let latents = weights.len() / columns;
    let tape = Tape::new();
    let w = tape.constant(weights, [columns, latents]);
    let precision = (-tape.constant(log_noise, [log_noise.len(), 1])).exp();
    let Ok((_, vectors)) = w.matmul_with(true, w * precision, false).eigh() else {
        return (0..latents.min(2)).map(|axis| unit(axis, latents)).collect();
    };
    let vectors = vectors.value();
    let axis = |k: usize| -> Vec<f64> {
        let of = vectors.values().iter().skip(latents - 1 - k).step_by(latents);
        let axis: Vec<f64> = of.copied().collect();
        let loading = |row: &[f64]| row.iter().zip(&axis).map(|(w, a)| w * a).sum::<f64>();
        let cubes: f64 = weights.chunks_exact(latents).map(|row| loading(row).powi(3)).sum();
        axis.iter().map(|a| a * 1.0_f64.copysign(cubes)).collect()
    };
    (0..latents.min(2)).map(axis).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn principal_axes_do_not_depend_on_the_rotation_of_the_latents() {
        let (columns, latents) = (4, 3);
        let weights = [1.0, 0.2, 0.1, 0.4, -0.6, 0.3, 0.8, 0.5, -0.2, 0.0, 0.9, 0.7];
        let log_noise = [0.1, -0.3, 0.2, 0.0];
        let (sin, cos) = 0.7_f64.sin_cos();
        let turn = |row: &[f64]| [cos * row[0] - sin * row[2], row[1], sin * row[0] + cos * row[2]];
        let turned: Vec<f64> = weights.chunks_exact(latents).flat_map(turn).collect();
        let loadings = |weights: &[f64]| -> Vec<f64> {
            let axes = principal_axes(weights, &log_noise, columns);
            let of = |row: &[f64], axis: &[f64]| row.iter().zip(axis).map(|(w, a)| w * a).sum();
            axes.iter()
                .flat_map(|axis| {
                    weights
                        .chunks_exact(latents)
                        .map(move |row| of(row, axis))
                        .collect::<Vec<f64>>()
                })
                .collect()
        };
        let (a, b) = (loadings(&weights), loadings(&turned));
        assert_eq!(a.len(), 8);
        // Eigenvectors of a matrix of numbers near one, whose eigenvalues lie apart.
        assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-12), "{a:?} {b:?}");
        let size = |axis: &[f64]| {
            axis.iter().zip(&log_noise).map(|(w, noise)| w * w * (-noise).exp()).sum::<f64>()
        };
        assert!(size(&a[..4]) > size(&a[4..]), "the first says more than the second");
        assert_eq!(principal_axes(&[2.0, -3.0], &[0.0], 2), [[-1.0]]);
    }
}
