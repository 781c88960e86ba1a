//! Markov chains over the latents of the rows of a batch, which last from step to step.

use crate::work::ShardState;
use pathscore_autodiff::Scalar;

/// The positions of some chains over the latents of each row, with a fingerprint of the row.
///
/// A chain belongs to the row at its place in the batch. If another row comes to the place, its chains begin anew: a chain is
/// never continued with the posterior of other data.
#[derive(Debug, Default)]
pub(super) struct RowChains {
    latents: usize,
    /// The number of chains of a row.
    chains: usize,
    /// One number for each row; NaN stands for no row, and equals none.
    fingerprints: Vec<f64>,
    /// The positions, of shape `[rows, chains, latents]`.
    positions: Vec<f64>,
}

/// 53 bits of a hash (FNV-1a on words, mixed by SplitMix64's finaliser) of the numbers of a row.
fn fingerprint<F: Scalar>(row: &[F]) -> f64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for x in row {
        hash = (hash ^ x.to_f64().to_bits()).wrapping_mul(0x0000_0100_0000_01b3);
        hash ^= hash >> 29;
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    ((hash ^ (hash >> 27)) >> 11) as f64
}

impl RowChains {
    /// Prepares `chains` chains over so many latents for each of the `rows` rows of `x`, and calls `begin` with the number of
    /// each row that is new. All chains begin anew if their number or that of the latents is another one.
    pub(super) fn begin_rows<F: Scalar>(
        &mut self,
        x: &[F],
        rows: usize,
        [chains, latents]: [usize; 2],
        mut begin: impl FnMut(&mut Self, usize),
    ) {
        let columns = x.len() / rows.max(1);
        if [self.chains, self.latents] != [chains, latents] {
            *self = Self { chains, latents, ..Self::default() };
        }
        if self.fingerprints.len() < rows {
            self.fingerprints.resize(rows, f64::NAN);
        }
        for row in 0..rows {
            let found = fingerprint(&x[row * columns..][..columns]);
            if self.fingerprints[row] != found {
                begin(self, row);
                self.fingerprints[row] = found;
            }
        }
    }

    /// Sets the chains of a row to draws of shape `[chains, rows, latents]`.
    pub(super) fn set<F: Scalar>(&mut self, row: usize, rows: usize, draws: &[F]) {
        let latents = self.latents;
        let size = self.chains * latents;
        if self.positions.len() < (row + 1) * size {
            self.positions.resize((row + 1) * size, 0.0);
        }
        for chain in 0..self.chains {
            let draw = &draws[(chain * rows + row) * latents..][..latents];
            let to = self.of_chain(row, chain);
            to.iter_mut().zip(draw).for_each(|(to, z)| *to = z.to_f64());
        }
    }

    /// The position of a chain of a row.
    pub(super) fn of_chain(&mut self, row: usize, chain: usize) -> &mut [f64] {
        let Self { latents, chains, positions, .. } = self;
        &mut positions[(row * *chains + chain) * *latents..][..*latents]
    }

    /// Writes the positions of the first `rows` rows in the shape `[chains, rows, latents]`.
    pub(super) fn write<F: Scalar>(&self, rows: usize, out: &mut [F]) {
        let Self { latents, chains, positions, .. } = self;
        for (at, to) in out.chunks_exact_mut(*latents).enumerate() {
            let (chain, row) = (at / rows, at % rows);
            let from = &positions[(row * chains + chain) * latents..][..*latents];
            to.iter_mut().zip(from).for_each(|(to, &z)| *to = F::from_f64(z));
        }
    }
}

impl ShardState for RowChains {
    fn save(&self) -> Vec<f64> {
        let Self { latents, chains, fingerprints, positions } = self;
        let counts = [*latents as f64, *chains as f64, fingerprints.len() as f64];
        counts.iter().chain(fingerprints).chain(positions).copied().collect()
    }

    fn restore(&mut self, numbers: &[f64]) {
        let [latents, chains, rows, ref rest @ ..] = numbers[..] else {
            *self = Self::default();
            return;
        };
        let [latents, chains, rows] = [latents, chains, rows].map(|count| count as usize);
        let fits = rest.len() == rows + rows * chains * latents;
        assert!(fits, "chains: {} numbers are not {chains} chains for {rows} rows", rest.len());
        let (fingerprints, positions) = rest.split_at(rows);
        let [fingerprints, positions] = [fingerprints, positions].map(<[f64]>::to_vec);
        *self = Self { latents, chains, fingerprints, positions };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_stay_with_their_rows_and_begin_anew_with_others() {
        let mut chains = RowChains::default();
        let begun = |chains: &mut RowChains, x: &[f64]| {
            let mut begun = Vec::new();
            chains.begin_rows(x, x.len() / 2, [3, 2], |chains, row| {
                begun.push(row);
                let rows = x.len() / 2;
                let draws: Vec<f64> = (0..3 * rows * 2).map(|i| i as f64).collect();
                chains.set(row, rows, &draws);
            });
            begun
        };
        let x = [1.0, 2.0, 3.0, 4.0];
        assert_eq!(begun(&mut chains, &x), [0, 1]);
        // Draw 1 of row 1: the rows of draw 0 come first.
        assert_eq!(chains.of_chain(1, 1), [6.0, 7.0]);
        assert_eq!(begun(&mut chains, &x), [0; 0]);
        chains.of_chain(1, 1).fill(-1.0);
        let mut resumed = RowChains::default();
        resumed.restore(&chains.save());
        assert_eq!(begun(&mut resumed, &x), [0; 0]);
        // A smaller batch leaves the other rows alone; another row at a place begins anew.
        assert_eq!(begun(&mut resumed, &[1.0, -2.0]), [0]);
        assert_eq!(begun(&mut resumed, &x), [0]);
        let mut out = [0.0; 12];
        resumed.write(2, &mut out);
        assert_eq!(out, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, -1.0, -1.0, 8.0, 9.0, 10.0, 11.0]);
        let swapped = [x[2], x[3], x[0], x[1]];
        assert_eq!(begun(&mut resumed, &swapped), [0, 1]);
    }

    #[test]
    fn fingerprints_tell_rows_apart() {
        let rows = [[0.0, 1.0], [1.0, 0.0], [0.0, -1.0], [0.0, 1.0 + f64::EPSILON], [1.0, 1.0]];
        for (i, a) in rows.iter().enumerate() {
            for (j, b) in rows.iter().enumerate() {
                assert_eq!(fingerprint(a) == fingerprint(b), i == j, "{a:?} {b:?}");
            }
        }
        assert_ne!(fingerprint(&[0.5_f32; 3]), fingerprint(&[0.5_f32; 4]));
    }
}
