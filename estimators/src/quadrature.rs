//! Gaussian quadrature: nodes $t_i$ and weights $\omega_i$ for which $\sum_i \omega_i f(t_i)$ is the mean of $f$.
//!
//! A rule of $n$ nodes is exact for all polynomials of degree below $2n$, and converges quickly for smooth functions.
//! The nodes and weights are found as by Golub and Welsch (1969): the nodes are the eigenvalues of the symmetric
//! tridiagonal matrix of the recurrence of the density's orthogonal polynomials, the Jacobi matrix; a weight is the
//! square of the first component of an eigenvector.

/// The `n` nodes and weights for which $\sum_i \omega_i f(t_i) = E f(t)$, $t \sim \mathcal N(0, 1)$, for all
/// polynomials of degree below $2n$; the nodes ascend.
///
/// The polynomials are Hermite's: the Jacobi matrix is zero on the diagonal and has $\sqrt i$ beside it.
///
/// ```
/// use pathscore_estimators::quadrature::gauss_hermite;
/// let fourth: f64 = gauss_hermite(3).iter().map(|(t, w)| w * t.powi(4)).sum();
/// assert!((fourth - 3.0).abs() < 1e-13);
/// ```
pub fn gauss_hermite(n: usize) -> Vec<(f64, f64)> {
    golub_welsch(n, |_| 0.0, |i| (i as f64).sqrt())
}

/// The `n` nodes and weights for which $\sum_i \omega_i f(u_i) = \int_0^1 f(u) \mathrm du$ for all polynomials of
/// degree below $2n$; the nodes ascend.
///
/// The polynomials are Legendre's: on $[-1, 1]$ the Jacobi matrix is zero on the diagonal and has
/// $i/\sqrt{4i^2 - 1}$ beside it.
///
/// ```
/// use pathscore_estimators::quadrature::gauss_legendre;
/// let fifth: f64 = gauss_legendre(3).iter().map(|(u, w)| w * u.powi(5)).sum();
/// assert!((fifth - 1.0 / 6.0).abs() < 1e-13);
/// ```
pub fn gauss_legendre(n: usize) -> Vec<(f64, f64)> {
    let off_diagonal = |i: usize| i as f64 / (4.0 * (i * i) as f64 - 1.0).sqrt();
    let symmetric = golub_welsch(n, |_| 0.0, off_diagonal);
    symmetric.into_iter().map(|(t, weight)| (0.5 * (t + 1.0), weight)).collect()
}

/// The `n` nodes and weights for which $\sum_i \omega_i f(t_i) = E f(t)$, where $t$ has the chi distribution with `k`
/// degrees of freedom (the length of a vector of `k` standard normal numbers), for all polynomials of degree below
/// $2n$; the nodes ascend.
///
/// The density is proportional to $t^{k-1} e^{-t^2/2}$ on the half line. Its recurrence has no closed form; Lanczos'
/// iteration finds it from the density at the nodes of a fine Gauss–Legendre rule (Gautschi 1982).
///
/// ```
/// use pathscore_estimators::quadrature::gauss_chi;
/// // The mean length of two normal numbers is √(π/2), the mean square of the length of three is 3.
/// let mean: f64 = gauss_chi(2, 5).iter().map(|(t, w)| w * t).sum();
/// let square: f64 = gauss_chi(3, 5).iter().map(|(t, w)| w * t * t).sum();
/// assert!((mean - (0.5 * std::f64::consts::PI).sqrt()).abs() < 1e-13 && (square - 3.0).abs() < 1e-13);
/// ```
pub fn gauss_chi(k: usize, n: usize) -> Vec<(f64, f64)> {
    // t^120 e^{-t²/2}, of the highest degree of a rule with sixty nodes, is largest at t = 11 and e^-130 of that at 24.
    let (panels, width) = (48, 0.5);
    let rule = gauss_legendre(20);
    let nodes: Vec<f64> = (0..panels)
        .flat_map(|panel| rule.iter().map(move |(u, _)| width * (f64::from(panel) + u)))
        .collect();
    let weights = rule.iter().cycle().map(|(_, weight)| weight);
    let root =
        |(t, weight): (&f64, &f64)| (weight * t.powi(k as i32 - 1)).sqrt() * (-0.25 * t * t).exp();
    let mut current: Vec<f64> = nodes.iter().zip(weights).map(root).collect();
    let mut previous = vec![0.0; current.len()];
    let (mut diagonal, mut off_diagonal) = (Vec::new(), vec![0.0]);
    let norm = |v: &[f64]| v.iter().map(|v| v * v).sum::<f64>().sqrt();
    let first = norm(&current);
    current.iter_mut().for_each(|v| *v /= first);
    for i in 0..n {
        diagonal.push(current.iter().zip(&nodes).map(|(v, t)| t * v * v).sum::<f64>());
        for ((last, v), t) in previous.iter_mut().zip(&current).zip(&nodes) {
            *last = (t - diagonal[i]) * v - off_diagonal[i] * *last;
        }
        off_diagonal.push(norm(&previous));
        previous.iter_mut().for_each(|v| *v /= off_diagonal[i + 1]);
        std::mem::swap(&mut previous, &mut current);
    }
    golub_welsch(n, |i| diagonal[i], |i| off_diagonal[i])
}

/// The rule whose `n` × `n` Jacobi matrix has `diagonal(i)` at $(i, i)$ and `off_diagonal(i)` at $(i - 1, i)$ and
/// $(i, i - 1)$.
fn golub_welsch(
    n: usize,
    diagonal: impl Fn(usize) -> f64,
    off_diagonal: impl Fn(usize) -> f64,
) -> Vec<(f64, f64)> {
    let jacobi = nalgebra::DMatrix::from_fn(n, n, |i, j| match i.abs_diff(j) {
        0 => diagonal(i),
        1 => off_diagonal(i.max(j)),
        _ => 0.0,
    });
    let eigen = jacobi.symmetric_eigen();
    let first = eigen.eigenvectors.row(0);
    let mut rule: Vec<(f64, f64)> =
        eigen.eigenvalues.iter().zip(first.iter()).map(|(&t, v)| (t, v * v)).collect();
    rule.sort_by(|a, b| a.0.total_cmp(&b.0));
    rule
}
