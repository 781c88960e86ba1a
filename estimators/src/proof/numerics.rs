//! Means over all outcomes, and derivatives by extrapolated differences.

use crate::enumerator::{Coverage, Enumerator};

/// The largest number of outcomes that an exact mean runs over.
const MAX_OUTCOMES: usize = 2_000_000;

/// The number of runs that quadrature nodes are chosen for.
const QUADRATURE_RUNS: usize = 30_000;

/// The means over all outcomes of its choices of the `count` values that a program writes into its second argument.
///
/// Normal and uniform numbers become the nodes of quadratures, as many as thirty thousand runs allow.
///
/// # Panics
/// If there are more than two million outcomes.
pub(super) fn enumerated_means(
    count: usize,
    mut values: impl FnMut(&mut Enumerator, &mut [f64]),
) -> Vec<f64> {
    let mut out = vec![0.0; count];
    let mut means_with = |nodes: usize| {
        let mut means = vec![0.0; count];
        let coverage = Enumerator::for_each(nodes, MAX_OUTCOMES, |source| {
            values(source, &mut out);
            let p = source.probability();
            means.iter_mut().zip(&out).for_each(|(mean, value)| *mean += p * value);
        });
        (means, coverage)
    };
    match means_with(0) {
        (means, Coverage::Complete { .. }) => return means,
        (_, Coverage::TooMany) => too_many(),
        (_, Coverage::Continuous) => {}
    }
    // With one node for each continuous number there are as many runs as outcomes of the finite choices.
    let (_, Coverage::Complete { quadratures, .. }) = means_with(1) else { too_many() };
    match means_with(nodes_for(quadratures, QUADRATURE_RUNS)) {
        (means, Coverage::Complete { .. }) => means,
        _ => too_many(),
    }
}

fn too_many() -> ! {
    panic!("a problem with more than {MAX_OUTCOMES} outcomes cannot be enumerated")
}

/// The number of nodes for each of `numbers` continuous numbers such that there are about `runs` combinations: from 1
/// to 60.
pub(super) fn nodes_for(numbers: usize, runs: usize) -> usize {
    ((runs as f64).powf(1.0 / numbers.max(1) as f64) as usize).clamp(1, 60)
}

/// The gradients at `at` of `count` smooth functions, by central differences extrapolated to $h \to 0$ (Richardson).
///
/// With $D(h) = f' + c_2h^2 + c_4h^4 + \dots$, the combination $[64 D(h/4) - 20 D(h/2) + D(h)]/45$ is free of $h^2$
/// and $h^4$. With $h = 0.04$ the remaining error is of the order of $10^{-11}$, and that of rounding $10^{-13}$.
pub(super) fn extrapolated_gradients(
    at: &[f64],
    count: usize,
    f: impl Fn(&[f64]) -> Vec<f64>,
) -> Vec<Vec<f64>> {
    let mut gradients = vec![Vec::with_capacity(at.len()); count];
    for i in 0..at.len() {
        let h = 0.04 * at[i].abs().max(1.0);
        let moved = |by: f64| {
            let mut at = at.to_vec();
            at[i] += by;
            f(&at)
        };
        let steps = [h, h / 2.0, h / 4.0];
        let sides = steps.map(|h| (moved(h), moved(-h)));
        for (n, gradient) in gradients.iter_mut().enumerate() {
            let slope = |step: usize| {
                let (up, down) = &sides[step];
                (up[n] - down[n]) / (2.0 * steps[step])
            };
            let [whole, half, quarter] = [0, 1, 2].map(slope);
            gradient.push((64.0 * quarter - 20.0 * half + whole) / 45.0);
        }
    }
    gradients
}
