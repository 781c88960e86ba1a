//! What is kept of draws: sums of their values and gradients and of the squares of these, and the moments made of
//! them at the end.
//!
//! Squares are of differences from a number near by, the same for all streams, so that the sums of streams add up and
//! none of them is large beside the variance.
//!
//! A block's columns are summed a few at a time, down all its rows, so that the running sums stay in registers.

use super::VECTOR;
use pathscore_autodiff::vector::{dispatch, sum_by};

/// Columns that are summed together.
const WIDE: usize = 8;
/// The sums of the values and of their squares, which come last.
const OF_VALUES: usize = 2;
/// The sums of each normal along the path: $\sum u$ for the gradient $u$ less its shift of $\mu$ and of $\ln\sigma$, then
/// $\sum u^2$ of both.
const OF_PATH: usize = 4;
/// The sums of each parameter through the score, for a value $a$ less its shift and a score $t$:
/// $\sum t$, $\sum at$, $\sum t^2$, $\sum at^2$ and $\sum a^2t^2$.
const OF_SCORE: usize = 5;

/// So many sums and those of the values, such that one stream's after another's begin with a whole vector.
fn whole_vectors(sums: usize) -> usize {
    (sums + OF_VALUES).next_multiple_of(VECTOR)
}

/// The sums of a stream of draws along the path, of `wide` numbers of them side by side.
pub(super) fn path_width(wide: usize) -> usize {
    whole_vectors(OF_PATH * wide)
}

/// The sums of a stream of draws through the score.
pub(super) fn score_width(parameters: usize) -> usize {
    whole_vectors(OF_SCORE * parameters)
}

/// Work on `W` neighbouring columns from `at` on. Must be `#[inline(always)]`.
trait Columns {
    fn add<const W: usize>(&mut self, at: usize);
}

#[inline(always)]
fn each_column(count: usize, mut work: impl Columns) {
    let mut at = 0;
    while at + WIDE <= count {
        work.add::<WIDE>(at);
        at += WIDE;
    }
    if at + WIDE / 2 <= count {
        work.add::<{ WIDE / 2 }>(at);
        at += WIDE / 2;
    }
    while at < count {
        work.add::<1>(at);
        at += 1;
    }
}

#[inline(always)]
fn part<const W: usize>(row: &[f64], at: usize) -> [f64; W] {
    *row[at..].first_chunk().expect("the columns are within the row")
}

#[inline(always)]
fn add_to<const W: usize>(sums: &mut [f64], at: usize, more: [f64; W]) {
    for (sum, more) in sums[at..at + W].iter_mut().zip(more) {
        *sum += more;
    }
}

/// Adds $\sum a$ and $\sum a^2$ for values $a$ less `shift`.
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

/// Adds a block of draws: their values, the slopes there and the noise. `shift` is what the slopes, and the
/// slopes times the noise are compared with, for each number of a row of the sums, in which several draws may stand side
/// by side, and then what the value is compared with.
pub(super) fn add_path(f: &[f64], slope: &[f64], noise: &[f64], shift: &[f64], sums: &mut [f64]) {
    let (value, shift) = shift.split_last().expect("the value's comes last");
    let (sums, of_values) = sums.split_at_mut(sums.len() - OF_VALUES);
    let wide = shift.len() / 2;
    let whole = slope.len() - slope.len() % wide;
    let (slope, noise) = (slope.split_at(whole), noise.split_at(whole));
    dispatch(
        #[inline(always)]
        || {
            add_values(f, *value, of_values);
            each_column(wide, Path { slope: slope.0, noise: noise.0, wide, shift, sums });
            // Of the last row there may be only a part.
            let wide = slope.1.len();
            each_column(wide, Path { slope: slope.1, noise: noise.1, wide, shift, sums });
        },
    );
}

struct Path<'a> {
    slope: &'a [f64],
    noise: &'a [f64],
    /// The numbers of a row of these.
    wide: usize,
    /// Of $\mu$, then of $\ln\sigma$.
    shift: &'a [f64],
    /// $\sum u$ of both, then $\sum u^2$ of both.
    sums: &'a mut [f64],
}

impl Columns for Path<'_> {
    #[inline(always)]
    fn add<const W: usize>(&mut self, at: usize) {
        let columns = self.shift.len() / 2;
        let mu: [f64; W] = part(self.shift, at);
        let log_sigma: [f64; W] = part(self.shift, columns + at);
        let [mut sum_mu, mut square_mu, mut sum_log_sigma, mut square_log_sigma] = [[0.0; W]; 4];
        let rows = self.slope.chunks_exact(self.wide).zip(self.noise.chunks_exact(self.wide));
        for (slope, noise) in rows {
            let (slope, noise): ([f64; W], [f64; W]) = (part(slope, at), part(noise, at));
            for j in 0..W {
                let u = slope[j] - mu[j];
                let v = slope[j] * noise[j] - log_sigma[j];
                sum_mu[j] += u;
                square_mu[j] += u * u;
                sum_log_sigma[j] += v;
                square_log_sigma[j] += v * v;
            }
        }
        let all = [sum_mu, sum_log_sigma, square_mu, square_log_sigma];
        for (kind, more) in all.into_iter().enumerate() {
            add_to(self.sums, kind * columns + at, more);
        }
    }
}

/// Adds a block of draws: their values less a constant, and for each number of their noise the scores of the `P`
/// parameters that it has.
#[inline(always)]
pub(super) fn add_score<const P: usize>(
    f: &[f64],
    noise: &[f64],
    scores: impl Fn(f64) -> [f64; P],
    sums: &mut [f64],
) {
    let (sums, of_values) = sums.split_at_mut(sums.len() - OF_VALUES);
    dispatch(
        #[inline(always)]
        || {
            add_values(f, 0.0, of_values);
            let latents = noise.len() / f.len();
            each_column(latents, Score { f, noise, latents, scores, sums });
        },
    );
}

struct Score<'a, S> {
    f: &'a [f64],
    noise: &'a [f64],
    latents: usize,
    scores: S,
    /// In the order of [`OF_SCORE`], each of all parameters.
    sums: &'a mut [f64],
}

impl<const P: usize, S: Fn(f64) -> [f64; P]> Columns for Score<'_, S> {
    #[inline(always)]
    fn add<const W: usize>(&mut self, at: usize) {
        let mut sums = [[[0.0; W]; OF_SCORE]; P];
        for (noise, &a) in self.noise.chunks_exact(self.latents).zip(self.f) {
            let noise: [f64; W] = part(noise, at);
            for j in 0..W {
                let scores = (self.scores)(noise[j]);
                for (sums, t) in sums.iter_mut().zip(scores) {
                    let (at, square) = (a * t, t * t);
                    sums[0][j] += t;
                    sums[1][j] += at;
                    sums[2][j] += square;
                    sums[3][j] += a * square;
                    sums[4][j] += at * at;
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

/// The mean of `draws` numbers and the variance of one, by the sums of the numbers, less `shift`, and of their squares.
fn moments(draws: f64, sum: f64, squares: f64, shift: f64) -> [f64; 2] {
    let away = sum / draws;
    // Rounding may leave less than nothing.
    [shift + away, ((squares - sum * away) / (draws - 1.0)).max(0.0)]
}

/// The moments of the values, which are returned, and of the gradients.
pub(super) fn path_moments(
    draws: usize,
    sums: &[f64],
    shift: &[f64],
    mean: &mut [f64],
    variance: &mut [f64],
) -> [f64; 2] {
    let draws = draws as f64;
    let (sums, of_values) = sums.split_at(sums.len() - OF_VALUES);
    let (value_shift, shift) = shift.split_last().expect("the value's comes last");
    let (latents, wide) = (mean.len() / 2, shift.len() / 2);
    // The draws that stood side by side come together.
    let sum = |kind: usize, i: usize| -> f64 {
        sums[kind * wide..][..wide].iter().skip(i).step_by(latents).sum()
    };
    for (i, (mean, variance)) in mean.iter_mut().zip(variance).enumerate() {
        let (kind, i) = (i / latents, i % latents);
        let shift = shift[kind * wide + i];
        [*mean, *variance] = moments(draws, sum(kind, i), sum(2 + kind, i), shift);
    }
    moments(draws, of_values[0], of_values[1], *value_shift)
}

/// The moments of the values less their shift, which are returned, and of the gradients.
///
/// With the mean $\bar a$ of all values for a baseline, and $N/(N-1)$ for leaving one's own out,
/// $g = \frac{N}{N-1}(a - \bar a)\,t$: its sum and the sum of its squares are combinations of sums without $\bar a$.
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
