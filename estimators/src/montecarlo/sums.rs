//! Sums of values and gradients and of their squares, and the moments that they give at the end.
//!
//! A constant near the values or gradients, the same for all streams, is subtracted before they are squared, so that
//! the sums of streams can be added and no sum is large compared with the variance.
//!
//! Products are fused with sums where the processor can.

use super::columns::{Columns, each_column, part, part_mut};
use super::partition::VECTOR;
use pathscore_autodiff::vector::{Kernel, dispatch_kernel, multiply_add, sum_by};

/// The number of sums of the values: $\sum a$ and $\sum a^2$. They come last.
const OF_VALUES: usize = 2;
/// The number of sums for each normal along the path: $\sum u$ with $u$ the gradient less its shift, with respect to
/// $\mu$ and to $\ln\sigma$, then $\sum u^2$ for both.
const OF_PATH: usize = 4;
/// The number of sums for each parameter through the score, with a value $a$ less its shift and a score $t$:
/// $\sum t$, $\sum at$, $\sum t^2$, $\sum at^2$ and $\sum a^2t^2$.
const OF_SCORE: usize = 5;

/// The size of the memory for `sums` sums and those of the values, rounded up to whole vectors, so that the memory of
/// every stream begins with one.
fn whole_vectors(sums: usize) -> usize {
    (sums + OF_VALUES).next_multiple_of(VECTOR)
}

/// The size of the memory for the sums of a stream along the path, for groups of `width` numbers.
pub(super) fn path_size(width: usize) -> usize {
    whole_vectors(OF_PATH * width)
}

/// The size of the memory for the sums of a stream through the score.
pub(super) fn score_size(parameters: usize) -> usize {
    whole_vectors(OF_SCORE * parameters)
}

#[inline(always)]
fn add_to<const W: usize>(sums: &mut [f64], at: usize, more: [f64; W]) {
    for (sum, more) in part_mut::<W>(sums, at).iter_mut().zip(more) {
        *sum += more;
    }
}

/// Adds $\sum a$ and $\sum a^2$, where $a$ is a value less `shift`.
#[inline(always)]
fn add_values(f: &[f64], shift: f64, sums: &mut [f64]) {
    sums[0] += sum_by(
        [f],
        #[inline(always)]
        |[f]| f - shift,
    );
    sums[1] += sum_by(
        [f],
        #[inline(always)]
        |[f]| (f - shift) * (f - shift),
    );
}

/// Adds a block of draws with their values, slopes and noise. `shift` has the constants that are subtracted from the slope of each
/// number of a group, those that are subtracted from the slope times the noise, and last the one that is subtracted from the value.
pub(super) fn add_path(f: &[f64], slope: &[f64], noise: &[f64], shift: &[f64], sums: &mut [f64]) {
    dispatch_kernel(Path { f, slope, noise, shift, sums });
}

/// The arguments of [`add_path`].
struct Path<'a> {
    f: &'a [f64],
    slope: &'a [f64],
    noise: &'a [f64],
    shift: &'a [f64],
    sums: &'a mut [f64],
}

impl Kernel for Path<'_> {
    #[inline(always)]
    fn run<const FMA: bool, const BYTES: usize>(self) {
        let Self { f, slope, noise, shift, sums } = self;
        let (value, shift) = shift.split_last().expect("the shift of the value comes last");
        let (sums, of_values) = sums.split_at_mut(sums.len() - OF_VALUES);
        add_values(f, *value, of_values);
        let width = shift.len() / 2;
        let (slope, last_slope) = slope.split_at(slope.len() - slope.len() % width);
        let (noise, last_noise) = noise.split_at(slope.len());
        each_column::<_, FMA, BYTES>(width, PathSums { slope, noise, width, shift, sums });
        // The last group may have fewer draws.
        let (slope, noise, width) = (last_slope, last_noise, last_slope.len());
        each_column::<_, FMA, BYTES>(width, PathSums { slope, noise, width, shift, sums });
    }
}

/// The sums along the path of rows of one group each.
struct PathSums<'a> {
    slope: &'a [f64],
    noise: &'a [f64],
    /// The numbers of a row.
    width: usize,
    /// The shifts for $\mu$, then for $\ln\sigma$.
    shift: &'a [f64],
    /// $\sum u$ for $\mu$ and for $\ln\sigma$, then $\sum u^2$ for both.
    sums: &'a mut [f64],
}

impl Columns for PathSums<'_> {
    const WIDEST: usize = 32;

    #[inline(always)]
    fn run<const FMA: bool, const W: usize>(&mut self, at: usize) {
        let columns = self.shift.len() / 2;
        let of_mu: [f64; W] = *part(self.shift, at);
        let of_log_sigma: [f64; W] = *part(self.shift, columns + at);
        let [mut sum_mu, mut square_mu, mut sum_log_sigma, mut square_log_sigma] = [[0.0; W]; 4];
        // A zip of rows would divide the lengths by the width for every few columns.
        let mut row = 0;
        while row < self.slope.len() {
            let slope: [f64; W] = *part(self.slope, row + at);
            let noise: [f64; W] = *part(self.noise, row + at);
            row += self.width;
            for j in 0..W {
                let u = slope[j] - of_mu[j];
                let v = multiply_add::<FMA, f64>(slope[j], noise[j], -of_log_sigma[j]);
                sum_mu[j] += u;
                square_mu[j] = multiply_add::<FMA, f64>(u, u, square_mu[j]);
                sum_log_sigma[j] += v;
                square_log_sigma[j] = multiply_add::<FMA, f64>(v, v, square_log_sigma[j]);
            }
        }
        let all = [sum_mu, sum_log_sigma, square_mu, square_log_sigma];
        for (kind, more) in all.into_iter().enumerate() {
            add_to(self.sums, kind * columns + at, more);
        }
    }
}

/// Adds a block of draws with their values, less a constant, and with the scores of the `P` parameters of each latent
/// as functions of its noise.
#[inline(always)]
pub(super) fn add_score<const P: usize>(
    f: &[f64],
    noise: &[f64],
    scores: impl Fn(f64) -> [f64; P],
    sums: &mut [f64],
) {
    dispatch_kernel(Score { f, noise, scores, sums });
}

/// The arguments of [`add_score`].
struct Score<'a, S> {
    f: &'a [f64],
    noise: &'a [f64],
    scores: S,
    sums: &'a mut [f64],
}

impl<const P: usize, S: Fn(f64) -> [f64; P]> Kernel for Score<'_, S> {
    #[inline(always)]
    fn run<const FMA: bool, const BYTES: usize>(self) {
        let Self { f, noise, scores, sums } = self;
        let (sums, of_values) = sums.split_at_mut(sums.len() - OF_VALUES);
        add_values(f, 0.0, of_values);
        let latents = noise.len() / f.len();
        let work = ScoreSums { f, noise, latents, scores, sums };
        each_column::<_, FMA, BYTES>(latents, work);
    }
}

/// The sums through the score.
struct ScoreSums<'a, S> {
    f: &'a [f64],
    noise: &'a [f64],
    latents: usize,
    scores: S,
    /// The sums in the order of [`OF_SCORE`], each for all parameters.
    sums: &'a mut [f64],
}

impl<const P: usize, S: Fn(f64) -> [f64; P]> Columns for ScoreSums<'_, S> {
    const WIDEST: usize = 16;

    #[inline(always)]
    fn run<const FMA: bool, const W: usize>(&mut self, at: usize) {
        let mut sums = [[[0.0; W]; OF_SCORE]; P];
        let mut row = 0;
        for &a in self.f {
            let noise: [f64; W] = *part(self.noise, row + at);
            row += self.latents;
            for j in 0..W {
                let scores = (self.scores)(noise[j]);
                for (sums, t) in sums.iter_mut().zip(scores) {
                    let (at, square) = (a * t, t * t);
                    sums[0][j] += t;
                    sums[1][j] += at;
                    sums[2][j] += square;
                    sums[3][j] = multiply_add::<FMA, f64>(a, square, sums[3][j]);
                    sums[4][j] = multiply_add::<FMA, f64>(at, at, sums[4][j]);
                }
            }
        }
        for (p, sums) in sums.into_iter().enumerate() {
            for (kind, sums) in sums.into_iter().enumerate() {
                add_to(self.sums, (kind * P + p) * self.latents + at, sums);
            }
        }
    }
}

/// The mean and the variance of `draws` numbers, from the sum of the numbers less `shift` and the sum of the squares of
/// these differences.
fn moments(draws: f64, sum: f64, squares: f64, shift: f64) -> [f64; 2] {
    let away = sum / draws;
    let variance = (squares - sum * away) / (draws - 1.0);
    // Rounding may leave a negative number; NaN stays.
    [shift + away, if variance < 0.0 { 0.0 } else { variance }]
}

/// Computes the moments of the gradients, and returns those of the values.
pub(super) fn path_moments(
    draws: usize,
    sums: &[f64],
    shift: &[f64],
    mean: &mut [f64],
    variance: &mut [f64],
) -> [f64; 2] {
    let draws = draws as f64;
    let (sums, of_values) = sums.split_at(sums.len() - OF_VALUES);
    let (value_shift, shift) = shift.split_last().expect("the shift of the value comes last");
    let (latents, width) = (mean.len() / 2, shift.len() / 2);
    // The sums of the draws of a group are added.
    let sum = |kind: usize, i: usize| -> f64 {
        sums[kind * width..][..width].iter().skip(i).step_by(latents).sum()
    };
    for (i, (mean, variance)) in mean.iter_mut().zip(variance).enumerate() {
        let (kind, i) = (i / latents, i % latents);
        let shift = shift[kind * width + i];
        [*mean, *variance] = moments(draws, sum(kind, i), sum(2 + kind, i), shift);
    }
    moments(draws, of_values[0], of_values[1], *value_shift)
}

/// Computes the moments of the gradients, and returns those of the values less their shift.
///
/// With the mean $\bar a$ of all values, the leave-one-out gradient is $g = \frac{N}{N-1}(a - \bar a) t$. Its sum and
/// the sum of its squares are combinations of the five sums, which do not contain $\bar a$.
pub(super) fn score_moments(
    draws: usize,
    sums: &[f64],
    mean: &mut [f64],
    variance: &mut [f64],
) -> [f64; 2] {
    let draws = draws as f64;
    let (sums, of_values) = sums.split_at(sums.len() - OF_VALUES);
    let value = moments(draws, of_values[0], of_values[1], 0.0);
    let (center, others) = (value[0], draws / (draws - 1.0));
    let parameters = mean.len();
    for (i, (mean, variance)) in mean.iter_mut().zip(variance).enumerate() {
        let [t, at, tt, att, aatt] = std::array::from_fn(|kind| sums[kind * parameters + i]);
        let sum = others * (at - center * t);
        let squares = others * others * (aatt - center * (2.0 * att - center * tt));
        [*mean, *variance] = moments(draws, sum, squares, 0.0);
    }
    value
}
