//! Gradients of an expectation over a hundred normals, by ten thousand draws.

use crate::Work;
use crate::data::{uniforms, unit_noise};
use pathscore_autodiff::vector::{Aligned, dispatch, sum_by};
use pathscore_estimators::montecarlo::{
    Gaussian, MonteCarlo, Values, ValuesAndGradients, gradient_only, on_tape,
};
use std::sync::LazyLock;

const LATENTS: usize = 100;
const DRAWS: usize = 10_000;

static MU: LazyLock<Vec<f64>> =
    LazyLock::new(|| unit_noise(6000, LATENTS).iter().map(|u| 0.5 * u).collect());
static LOG_SIGMA: LazyLock<Vec<f64>> =
    LazyLock::new(|| uniforms(6001, LATENTS).iter().map(|u| -1.0 + 0.5 * u).collect());
static CENTER: LazyLock<Vec<f64>> = LazyLock::new(|| unit_noise(6002, LATENTS));

/// Fresh draws in every step; `check` is the mean over $\mu$ of the estimated gradient.
fn repeated(
    mut gradient: impl FnMut(&mut MonteCarlo, Gaussian<'_>, u64) -> f64 + Send + 'static,
) -> Work {
    let (mut monte_carlo, mut seed) = (MonteCarlo::new(), 0);
    let mut step = move || {
        seed += 1;
        gradient(&mut monte_carlo, Gaussian { mu: &MU, log_sigma: &LOG_SIGMA }, seed)
    };
    let check = step();
    Work::new(1, check, move || {
        std::hint::black_box(step());
    })
}

fn first_half(mean: &[f64]) -> f64 {
    mean[..LATENTS].iter().sum::<f64>() / LATENTS as f64
}

fn path(f: impl ValuesAndGradients + Send + 'static) -> Work {
    repeated(move |monte_carlo, q, seed| first_half(monte_carlo.reparam(q, &f, DRAWS, seed).mean))
}

fn through_score(f: impl Values + Send + 'static) -> Work {
    repeated(move |monte_carlo, q, seed| first_half(monte_carlo.score(q, &f, DRAWS, seed).mean))
}

/// The slope $2 (z - c)$ of $\sum_i (z_i - c_i)^2$ at each row, without the value.
pub(crate) fn reparam() -> Work {
    let centers = centers();
    path(gradient_only(move |z, slope| {
        dispatch(
            #[inline(always)]
            || slopes(z, &centers[..TOGETHER * CENTER.len()], slope),
        );
    }))
}

/// The same with the value beside it. It is summed from $z$ again, because reading the slope would wait for what has just been
/// written.
pub(crate) fn reparam_value() -> Work {
    let centers = centers();
    path(move |z: &[f64], f: &mut [f64], slope: &mut [f64]| {
        // A length that the compiler knew would make it unroll the sum of a row and gather from several rows.
        let latents = CENTER.len();
        dispatch(
            #[inline(always)]
            || {
                slopes(z, &centers[..TOGETHER * latents], slope);
                square_distances(z, &centers[..latents], f);
            },
        );
    })
}

/// The rows that a loop over slopes takes together: two are 25 whole vectors.
const TOGETHER: usize = 2;

/// The center, once for each of the rows.
fn centers() -> Aligned<f64> {
    let mut centers = Aligned::default();
    for center in centers.first(TOGETHER * LATENTS).chunks_exact_mut(LATENTS) {
        center.copy_from_slice(&CENTER);
    }
    centers
}

/// The slopes of the squares of the distances between some rows and those of `centers`.
#[inline(always)]
fn slopes(z: &[f64], centers: &[f64], slope: &mut [f64]) {
    for (z, slope) in z.chunks(centers.len()).zip(slope.chunks_mut(centers.len())) {
        for ((slope, z), c) in slope.iter_mut().zip(z).zip(centers) {
            *slope = 2.0 * (z - c);
        }
    }
}

/// The same as the one with the value, differentiated by the tape.
pub(crate) fn reparam_tape() -> Work {
    path(on_tape(|z| (z - z.tape().constant(&CENTER, [LATENTS])).sum_squares(-1)))
}

/// Through the score, the value by slices.
pub(crate) fn score() -> Work {
    through_score(|z: &[f64], f: &mut [f64]| {
        dispatch(
            #[inline(always)]
            || square_distances(z, &CENTER, f),
        );
    })
}

/// The square of the distance between each row and `c`.
#[inline(always)]
fn square_distances(z: &[f64], c: &[f64], f: &mut [f64]) {
    for (z, f) in z.chunks_exact(c.len()).zip(f) {
        *f = sum_by(
            [z, c],
            #[inline(always)]
            |[z, c]| (z - c) * (z - c),
        );
    }
}
