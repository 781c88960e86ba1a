//! Kaiser's varimax rotation of loadings.

/// Sweeps over all pairs of columns: far more than a rotation that converges takes, which is about ten.
const MOST_SWEEPS: usize = 1000;

/// A sweep whose largest angle is below this changes no digit of the criterion, which is flat to second order there.
const LEAST_ANGLE: f64 = 1e-9;

/// Loadings after a rotation.
#[derive(Clone, Debug, PartialEq)]
pub struct Rotation {
    /// $\Lambda R$, row by row, of the shape of $\Lambda$.
    pub loadings: Vec<f64>,
    /// The orthogonal matrix $R$, row by row, of shape `[latents, latents]`; its determinant is one.
    pub matrix: Vec<f64>,
    /// The value of [`varimax_criterion`] of the rotated loadings; with `normalize`, of their rows divided by their
    /// lengths.
    pub criterion: f64,
}

/// Rotates loadings $\Lambda$ of shape `[columns, latents]` so that the squares in each of their columns are few and large
/// (Kaiser 1958): $R = \arg\max V(\Lambda R)$ over rotations, with the [`varimax_criterion`] $V$.
///
/// The likelihood of factor analysis and of probabilistic PCA does not change if $W$ becomes $WR$, since $WR(WR)^\top =
/// WW^\top$; the rotation chooses the loadings that are easiest to read. With `normalize`, every row has length one in the
/// criterion (Kaiser's normalisation), so that columns of the data count equally however much of their variance is common;
/// rows of zeros have no effect. Order and signs of the latents remain arbitrary.
///
/// Two columns at a time are rotated by the angle that maximises $V$: with $u = a^2 - b^2$ and $v = 2ab$ in each of $D$ rows,
/// $\tan 4\varphi = \frac{2\sum uv - \frac2D \sum u \sum v}{\sum (u^2 - v^2) - \frac1D ((\sum u)^2 - (\sum v)^2)}$. So $V$
/// never falls; it may end in a maximum that is only local.
///
/// # Panics
/// If there are no latents, or the loadings do not fill rows of as many numbers as there are latents.
///
/// ```
/// use pathscore_models::tractable::varimax;
/// // Two groups of columns, each with a latent of its own, seen after a rotation by 30 degrees.
/// let (c, s) = (0.75_f64.sqrt(), 0.5);
/// let rotation = varimax(&[c, s, c, s, -s, c, -s, c], 2, false);
/// for row in rotation.loadings.chunks(2) {
///     assert!((row[0] * row[1]).abs() < 1e-12, "one of the two latents is enough: {row:?}");
/// }
/// // Each column has the squares 1, 1, 0, 0, whose variance is 1/4.
/// assert!((rotation.criterion - 0.5).abs() < 1e-12);
/// ```
#[track_caller]
pub fn varimax(loadings: &[f64], latents: usize, normalize: bool) -> Rotation {
    check(loadings, latents);
    let mut rotated = loadings.to_vec();
    if normalize {
        for row in rotated.chunks_exact_mut(latents) {
            let length = row.iter().map(|x| x * x).sum::<f64>().sqrt();
            row.iter_mut().for_each(|x| *x /= if length > 0.0 { length } else { 1.0 });
        }
    }
    let mut matrix = super::rows::scaled_identity(latents, 1.0);
    for _ in 0..MOST_SWEEPS {
        let mut largest = 0.0_f64;
        for i in 0..latents {
            for j in i + 1..latents {
                let angle = best_angle(&rotated, latents, [i, j]);
                if angle.abs() > 0.0 {
                    rotate(&mut rotated, latents, [i, j], angle);
                    rotate(&mut matrix, latents, [i, j], angle);
                }
                largest = largest.max(angle.abs());
            }
        }
        if largest < LEAST_ANGLE {
            break;
        }
    }
    let criterion = varimax_criterion(&rotated, latents);
    if normalize {
        rotated = loadings.chunks_exact(latents).flat_map(|row| times(row, &matrix)).collect();
    }
    Rotation { loadings: rotated, matrix, criterion }
}

/// The varimax criterion of loadings $\Lambda$ of shape `[columns, latents]`, the variance of the squares in each column, summed:
/// $V(\Lambda) = \sum_k \left( \tfrac1D \sum_j \lambda_{jk}^4 - \left(\tfrac1D \sum_j \lambda_{jk}^2\right)^2 \right)$ for
/// $D$ columns of data (Kaiser 1958).
///
/// # Panics
/// If there are no latents, or the loadings do not fill rows of as many numbers as there are latents.
///
/// ```
/// use pathscore_models::tractable::varimax_criterion;
/// assert_eq!(varimax_criterion(&[1.0, 0.0, 0.0, 1.0], 2), 0.5);
/// assert_eq!(varimax_criterion(&[1.0, 1.0, 1.0, -1.0], 2), 0.0);
/// ```
#[track_caller]
pub fn varimax_criterion(loadings: &[f64], latents: usize) -> f64 {
    check(loadings, latents);
    let rows = (loadings.len() / latents) as f64;
    let squares = |k: usize| loadings.iter().skip(k).step_by(latents).map(|x| x * x);
    let variance = |k: usize| {
        let mean = squares(k).sum::<f64>() / rows;
        squares(k).map(|x| (x - mean).powi(2)).sum::<f64>() / rows
    };
    (0..latents).map(variance).sum()
}

#[track_caller]
fn check(loadings: &[f64], latents: usize) {
    let fits = latents > 0 && !loadings.is_empty() && loadings.len().is_multiple_of(latents);
    assert!(fits, "varimax: {} loadings do not fill rows of {latents} latents", loadings.len());
}

/// The angle by which two columns are to be rotated.
fn best_angle(loadings: &[f64], latents: usize, [i, j]: [usize; 2]) -> f64 {
    let (mut a, mut b, mut c, mut d) = (0.0, 0.0, 0.0, 0.0);
    for row in loadings.chunks_exact(latents) {
        let (x, y) = (row[i], row[j]);
        let (u, v) = (x * x - y * y, 2.0 * x * y);
        a += u;
        b += v;
        c += u * u - v * v;
        d += 2.0 * u * v;
    }
    let rows = (loadings.len() / latents) as f64;
    let (numerator, denominator) = (d - 2.0 * a * b / rows, c - (a * a - b * b) / rows);
    0.25 * numerator.atan2(denominator)
}

/// Rotates two columns of every row.
fn rotate(matrix: &mut [f64], latents: usize, [i, j]: [usize; 2], angle: f64) {
    let (sin, cos) = angle.sin_cos();
    for row in matrix.chunks_exact_mut(latents) {
        let (x, y) = (row[i], row[j]);
        (row[i], row[j]) = (cos * x + sin * y, cos * y - sin * x);
    }
}

/// A row times a square matrix.
fn times<'a>(row: &'a [f64], matrix: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
    let n = row.len();
    (0..n).map(move |j| row.iter().zip(matrix[j..].iter().step_by(n)).map(|(x, m)| x * m).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Loadings without any structure.
    fn loadings() -> Vec<f64> {
        (0..8 * 3).map(|i| (1.7 * f64::from(i) + 0.3).sin() + 0.2 * f64::from(i % 5)).collect()
    }

    #[test]
    fn no_rotation_of_a_plane_has_a_larger_criterion() {
        let loadings: Vec<f64> = loadings()[..16].to_vec();
        let found = varimax(&loadings, 2, false);
        let at = |angle: f64| {
            let mut rotated = loadings.clone();
            rotate(&mut rotated, 2, [0, 1], angle);
            varimax_criterion(&rotated, 2)
        };
        // A turn by a right angle exchanges the columns and changes a sign.
        let best = (0..100_000).map(|i| at(f64::from(i) * 1e-5 * std::f64::consts::FRAC_PI_2));
        let best = best.fold(0.0, f64::max);
        // Half a step of 1.6e-5 costs the square of it, times a curvature below 100.
        assert!(found.criterion >= best - 1e-13 && found.criterion < best + 1e-7);
        assert!((varimax_criterion(&found.loadings, 2) - found.criterion).abs() < 1e-13);
    }

    #[test]
    fn the_matrix_is_a_rotation_and_the_loadings_are_their_product_with_it() {
        for normalize in [false, true] {
            let (before, found) = (loadings(), varimax(&loadings(), 3, normalize));
            for i in 0..3 {
                for j in 0..3 {
                    let dot: f64 =
                        (0..3).map(|k| found.matrix[3 * k + i] * found.matrix[3 * k + j]).sum();
                    assert!((dot - f64::from(u8::from(i == j))).abs() < 1e-14);
                }
            }
            let product = before.chunks_exact(3).flat_map(|row| times(row, &found.matrix));
            for (a, b) in product.zip(&found.loadings) {
                // A sum of three numbers near one after a few dozen rotations.
                assert!((a - b).abs() < 1e-13, "{a} {b}");
            }
            if !normalize {
                assert!(found.criterion > varimax_criterion(&before, 3));
            }
        }
    }

    #[test]
    fn simple_structure_stays_and_one_latent_has_nothing_to_rotate() {
        let simple = [1.0, 0.0, 2.0, 0.0, 0.0, 1.5, 0.0, -1.0];
        assert_eq!(varimax(&simple, 2, false).loadings, simple);
        assert_eq!(varimax(&[1.0, -2.0, 3.0], 1, true).loadings, [1.0, -2.0, 3.0]);
        // A row of zeros is no reason for NaN.
        let found = varimax(&[0.0, 0.0, 1.0, 1.0, 1.0, -1.0], 2, true);
        assert!(found.loadings.iter().all(|x| x.is_finite()));
    }

    #[test]
    #[should_panic(expected = "varimax: 5 loadings do not fill rows of 2 latents")]
    fn loadings_that_fill_no_rows_are_refused() {
        varimax(&[1.0; 5], 2, false);
    }
}
