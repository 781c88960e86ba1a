//! Handwritten digits that the library generates itself.
//!
//! A digit is a few strokes through control points (`glyphs`). Each point is displaced at random, a
//! slow wave bends the whole, and an affine map stretches, slants and turns it. Smooth curves
//! through the points (Catmull & Rom 1974) become short straight pieces. As in MNIST (LeCun,
//! Cortes & Burges), the drawing is scaled to fit a box of 20 x 20 pixels and its centre of mass is
//! put at the centre of 28 x 28. A pixel's ink is a soft step of the distance to the nearest piece,
//! so each piece touches only the pixels of its own bounding box.

use std::ops::Range;

use rand_xoshiro::Xoshiro256PlusPlus;

use super::glyphs::{GLYPHS, Glyph};
use super::kind::{Load, SourceKind};
use crate::data::{Split, Table};
use crate::seed::{self, Stream, uniform_below, uniform_f32};

pub(super) const SOURCE: SourceKind = SourceKind {
    usage: "digits",
    about: "28 x 28 handwritten digits that the library draws itself, 20000 + 2000, labelled",
    grey: true,
    shuffled: false,
    log_density: None,
    load: Load::Generate(|seed| {
        Ok(Split {
            train: digits(seed, 0..20_000),
            test: digits(seed, 20_000..22_000),
            description: format!(
                "digits: drawn from seed {seed}, numbers 0 to 19999 train, 20000 to 21999 test"
            ),
        })
    }),
};

/// The number of pixels on a side of a digit.
pub const SIDE: usize = 28;

/// The number of pixels on a side of the box that the strokes fill, as in MNIST.
const BOX: f32 = 20.0;

/// The number of straight pieces for each pair of control points.
const PIECES: usize = 6;

type Point = [f32; 2];

/// A straight piece of ink from `a` to `b`, with the pen's radius at `a` and the change to `b`.
struct Piece {
    a: Point,
    b: Point,
    radius: f32,
    swell: f32,
}

/// Digit number `index` of the endless series of a seed: 28 x 28 pixels, line after line, with 0 for paper and 1 for
/// ink, and its label 0…9. It is a pure function of its arguments, but the last bits of a pixel may differ between
/// platforms whose sine or exponential rounds differently.
///
/// ```
/// # use pathscore_models::data::digit;
/// let (pixels, label) = digit(7, 123);
/// assert_eq!(digit(7, 123), (pixels, label));
/// assert!(label <= 9 && pixels.iter().any(|&x| x > 0.5));
/// ```
pub fn digit(seed: u64, index: u64) -> ([f32; SIDE * SIDE], u8) {
    let mut rng = seed::rng(seed, Stream::Digits, index);
    let label = uniform_below(&mut rng, 10);
    let mut pieces = write(choose(GLYPHS[label], &mut rng), &mut rng);
    place(&mut pieces, &mut rng);
    (ink(&pieces, 0.9 + 0.5 * uniform_f32(&mut rng)), label as u8)
}

/// The digits with the given numbers, labelled, as a table of 28 x 28 images.
///
/// ```
/// # use pathscore_models::data::{digit, digits};
/// let table = digits(7, 100..110);
/// assert_eq!(table.row(3), digit(7, 103).0);
/// ```
pub fn digits(seed: u64, range: Range<u64>) -> Table {
    let (mut values, mut labels) = (Vec::new(), Vec::new());
    for index in range {
        let (pixels, label) = digit(seed, index);
        values.extend_from_slice(&pixels);
        labels.push(label);
    }
    Table::new(values, SIDE * SIDE)
        .and_then(|table| table.with_labels(labels))
        .and_then(|table| table.with_image(SIDE, SIDE))
        .expect("each digit adds 784 finite values and one label")
}

fn choose(ways: &'static [Glyph], rng: &mut Xoshiro256PlusPlus) -> &'static Glyph {
    let mut left = uniform_below(rng, ways.iter().map(|way| way.weight).sum());
    for way in ways {
        if left < way.weight {
            return way;
        }
        left -= way.weight;
    }
    unreachable!("the draw is below the sum of the weights")
}

/// A random number with mean 0 and standard deviation 1, bounded by ±3 so that no digit is torn apart: the scaled sum of
/// three uniform numbers, which has the distribution of Irwin and Hall.
fn irwin_hall(rng: &mut Xoshiro256PlusPlus) -> f32 {
    2.0 * (uniform_f32(rng) + uniform_f32(rng) + uniform_f32(rng) - 1.5)
}

/// The strokes after random distortions, in units of the digit's height.
fn write(glyph: &Glyph, rng: &mut Xoshiro256PlusPlus) -> Vec<Piece> {
    let tremble = 0.014 + 0.030 * uniform_f32(rng);
    let aspect = (0.20 * irwin_hall(rng)).exp();
    let slant = 0.10 + 0.17 * irwin_hall(rng);
    let (sin, cos) = (0.09 * irwin_hall(rng)).sin_cos();
    let wave: [f32; 6] = std::array::from_fn(|_| irwin_hall(rng));
    let radius = 1.30 + 0.30 * irwin_hall(rng);
    let swell = 0.12 * irwin_hall(rng);

    let bend = |[x, y]: Point| {
        let x1 = x + 0.070 * (2.5 * y + 1.5 * wave[0] * x + 2.0 * wave[1]).sin() * wave[2];
        let y1 = y + 0.070 * (2.5 * x + 1.5 * wave[3] * y + 2.0 * wave[4]).sin() * wave[5];
        let (x2, y2) = ((x1 - 0.33) * aspect - slant * (y1 - 0.5), y1 - 0.5);
        [cos * x2 - sin * y2, sin * x2 + cos * y2]
    };

    let mut pieces = Vec::with_capacity(96);
    let mut points: Vec<Point> = Vec::with_capacity(16);
    for stroke in glyph.strokes {
        let mut first = 0;
        points.clear();
        for (i, &[x, y]) in stroke.iter().enumerate() {
            if i > 0 && stroke[i - 1] == stroke[i] {
                // At a corner the curve ends, and the next curve begins at the same point.
                curve(&points[first..], radius, swell, &mut pieces);
                first = points.len() - 1;
                continue;
            }
            points.push(bend([x + tremble * irwin_hall(rng), y + tremble * irwin_hall(rng)]));
        }
        curve(&points[first..], radius, swell, &mut pieces);
    }
    pieces
}

/// The Catmull–Rom curve through the points in short straight pieces, with straight ends.
fn curve(points: &[Point], radius: f32, swell: f32, pieces: &mut Vec<Piece>) {
    let n = points.len();
    let beyond = |end: Point, before: Point| [0, 1].map(|k| 2.0 * end[k] - before[k]);
    let spans = (n - 1) as f32;
    let pen = |s: f32| radius * (1.0 + swell * (1.0 - 2.0 * s / spans));
    for i in 0..n - 1 {
        let (p1, p2) = (points[i], points[i + 1]);
        let p0 = if i > 0 { points[i - 1] } else { beyond(p1, p2) };
        let p3 = if i + 2 < n { points[i + 2] } else { beyond(p2, p1) };
        let mut a = p1;
        for j in 1..=PIECES {
            let t = j as f32 / PIECES as f32;
            let b = [0, 1].map(|k| {
                let (c1, c2) = (p2[k] - p0[k], 2.0 * p0[k] - 5.0 * p1[k] + 4.0 * p2[k] - p3[k]);
                let c3 = 3.0 * (p1[k] - p2[k]) + p3[k] - p0[k];
                p1[k] + 0.5 * t * (c1 + t * (c2 + t * c3))
            });
            let from = pen(i as f32 + t - 1.0 / PIECES as f32);
            pieces.push(Piece { a, b, radius: from, swell: pen(i as f32 + t) - from });
            a = b;
        }
    }
}

/// Scales to the box and moves the centre of mass to within half a pixel of the centre.
fn place(pieces: &mut [Piece], rng: &mut Xoshiro256PlusPlus) {
    let (mut low, mut high) = ([f32::INFINITY; 2], [f32::NEG_INFINITY; 2]);
    let (mut centre, mut mass) = ([0.0; 2], 0.0);
    for Piece { a, b, radius, .. } in pieces.iter() {
        let length = (b[0] - a[0]).hypot(b[1] - a[1]) * radius;
        mass += length;
        for k in 0..2 {
            centre[k] += length * 0.5 * (a[k] + b[k]);
            low[k] = low[k].min(a[k]).min(b[k]);
            high[k] = high[k].max(a[k]).max(b[k]);
        }
    }
    let extent = (high[0] - low[0]).max(high[1] - low[1]);
    let size = BOX * (0.94 + 0.06 * uniform_f32(rng));
    let scale = (size - 2.0 * pieces[0].radius) / extent;
    let shift: Point = [0, 1].map(|_| 0.5 * SIDE as f32 + 0.3 * irwin_hall(rng));
    for piece in pieces {
        for p in [&mut piece.a, &mut piece.b] {
            *p = [0, 1].map(|k| scale * (p[k] - centre[k] / mass) + shift[k]);
        }
    }
}

/// The ink on each pixel: ½ + (r − d) / soft, clamped to [0, 1], at distance d from a piece; the largest value over all
/// pieces counts.
fn ink(pieces: &[Piece], soft: f32) -> [f32; SIDE * SIDE] {
    let mut pixels = [0f32; SIDE * SIDE];
    let edge = |x: f32| x.clamp(0.0, SIDE as f32) as usize;
    for &Piece { a, b, radius, swell } in pieces {
        let reach = radius.max(radius + swell) + 0.5 * soft;
        let [left, top] = [0, 1].map(|k| edge((a[k].min(b[k]) - reach - 0.5).ceil()));
        let [right, bottom] = [0, 1].map(|k| edge((a[k].max(b[k]) + reach + 0.5).floor()));
        let [ux, uy] = [b[0] - a[0], b[1] - a[1]];
        let scale = 1.0 / (ux * ux + uy * uy).max(1e-12);
        for y in top..bottom {
            let py = y as f32 + 0.5 - a[1];
            for (x, pixel) in (left..right).zip(&mut pixels[y * SIDE + left..]) {
                let px = x as f32 + 0.5 - a[0];
                let t = ((px * ux + py * uy) * scale).clamp(0.0, 1.0);
                let (dx, dy) = (px - t * ux, py - t * uy);
                let d = (dx * dx + dy * dy).sqrt();
                let shade = 0.5 + (radius + t * swell - d) / soft;
                *pixel = pixel.max(shade.clamp(0.0, 1.0));
            }
        }
    }
    pixels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digit_is_a_function_of_seed_and_number_alone() {
        let later = digit(3, 1000);
        for index in 990..1000 {
            digit(3, index);
        }
        assert_eq!(digit(3, 1000), later);
        assert_ne!(digit(4, 1000).0, later.0);
        assert_ne!(digit(3, 1001).0, later.0);
    }

    /// The ink of the first digits and its moments along rows and columns, which a change of any stroke changes. A change on
    /// purpose changes the data that a seed gives, and users are told.
    #[test]
    fn the_first_digits_are_the_same_as_before() {
        let mut moments = [0.0; 3];
        for index in 0..10 {
            for (i, &ink) in digit(0, index).0.iter().enumerate() {
                let at = [1, 1 + i / SIDE, 1 + i % SIDE].map(|x| x as f64);
                moments
                    .iter_mut()
                    .zip(at)
                    .for_each(|(sum, x)| *sum += f64::from(ink) * x * index as f64);
            }
        }
        for (found, before) in moments.iter().zip([4_449.566, 65_170.67, 63_187.42]) {
            // Sines of single precision differ in their last bits between processors.
            assert!((found / before - 1.0).abs() < 1e-5, "{moments:?}");
        }
    }

    #[test]
    fn no_digit_comes_twice() {
        let table = digits(1, 0..2000);
        let bits = |i| table.row(i).iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!((0..2000).map(bits).collect::<std::collections::HashSet<_>>().len(), 2000);
    }

    #[test]
    fn every_label_comes_a_tenth_of_the_time() {
        let (n, seed) = (5000, 2);
        let table = digits(seed, 0..n);
        for label in 0..10 {
            let count = table.labels().unwrap().iter().filter(|&&l| l == label).count() as f64;
            let z = (count - 0.1 * n as f64) / (0.09 * n as f64).sqrt();
            // With ten labels, a correct sampler exceeds 4.5 somewhere with probability 7e-5.
            assert!(z.abs() < 4.5, "seed {seed}: label {label} has z = {z}");
        }
    }

    /// MNIST's training images have mean 0.1307, standard deviation 0.3081 and 80.9 % pixels at 0.
    #[test]
    fn there_is_about_as_much_ink_as_in_mnist() {
        let table = digits(1, 0..2000);
        let (n, values) = (table.values().len() as f64, table.values());
        assert!(values.iter().all(|x| (0.0..=1.0).contains(x)));
        let mean = values.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
        let square = values.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / n;
        let paper = values.iter().filter(|&&x| x == 0.0).count() as f64 / n;
        assert!((mean - 0.1307).abs() < 0.01, "{mean}");
        assert!(((square - mean * mean).sqrt() - 0.3081).abs() < 0.02);
        assert!((paper - 0.809).abs() < 0.02, "{paper}");
    }

    #[test]
    fn the_writing_keeps_clear_of_the_border() {
        let mean = digits(1, 0..2000).mean();
        for i in 0..SIDE {
            for j in [i, i * SIDE, (SIDE - 1) * SIDE + i, i * SIDE + SIDE - 1] {
                assert!(mean[j] < 0.005, "pixel {j} has mean {}", mean[j]);
            }
        }
    }

    #[test]
    fn random_numbers_of_three_uniform_ones_have_variance_one() {
        let (n, rng) = (20_000, &mut seed::rng(5, Stream::Digits, 0));
        let draws: Vec<f64> = (0..n).map(|_| f64::from(irwin_hall(rng))).collect();
        assert!(draws.iter().all(|x| x.abs() <= 3.0));
        let mean = draws.iter().sum::<f64>() / n as f64;
        let square = draws.iter().map(|x| x * x).sum::<f64>() / n as f64;
        // Five standard errors; the fourth moment is 2.6.
        assert!(mean.abs() < 5.0 / (n as f64).sqrt(), "{mean}");
        assert!((square - 1.0).abs() < 5.0 * (1.6 / n as f64).sqrt(), "{square}");
    }

    #[test]
    fn ways_of_writing_come_by_their_weights() {
        let (n, rng) = (4000, &mut seed::rng(6, Stream::Digits, 0));
        for ways in GLYPHS {
            let total: usize = ways.iter().map(|way| way.weight).sum();
            let mut counts = vec![0; ways.len()];
            for _ in 0..n {
                let chosen = choose(ways, rng);
                counts[ways.iter().position(|way| way.strokes == chosen.strokes).unwrap()] += 1;
            }
            for (way, count) in ways.iter().zip(counts) {
                let p = way.weight as f64 / total as f64;
                let error = f64::from(count) - f64::from(n) * p;
                assert!(error.abs() <= 5.0 * (f64::from(n) * p * (1.0 - p)).sqrt(), "{p}: {count}");
            }
        }
    }

    /// Hermite's form of the curve, with half the difference of the neighbours as the tangent of a point.
    #[test]
    fn a_curve_goes_through_its_points_with_the_tangents_of_its_neighbours() {
        let points: [Point; 4] = [[0.1, 0.2], [0.5, 0.9], [0.7, 0.3], [0.2, 0.4]];
        for n in 2..=4 {
            let (points, mut pieces) = (&points[..n], Vec::new());
            curve(points, 1.5, 0.2, &mut pieces);
            assert_eq!(pieces.len(), 6 * (n - 1));
            let near = |a: Point, b: Point| (0..2).all(|k| (a[k] - b[k]).abs() < 1e-6);
            assert!(pieces.windows(2).all(|pair| near(pair[0].b, pair[1].a)));
            let tangent = |i: usize, k: usize| match i {
                0 => points[1][k] - points[0][k],
                i if i == n - 1 => points[i][k] - points[i - 1][k],
                i => 0.5 * (points[i + 1][k] - points[i - 1][k]),
            };
            for (at, piece) in pieces.iter().enumerate() {
                let (i, t) = (at / 6, (at % 6) as f32 / 6.0);
                let expected = [0, 1].map(|k| {
                    (1.0 + 2.0 * t) * (1.0 - t).powi(2) * points[i][k]
                        + t * (1.0 - t).powi(2) * tangent(i, k)
                        + t * t * (3.0 - 2.0 * t) * points[i + 1][k]
                        + t * t * (t - 1.0) * tangent(i + 1, k)
                });
                assert!(near(piece.a, expected), "{n} points, piece {at}");
                // The pen's radius goes from 1.2 to 0.8 of its mean along the whole curve.
                let pen = |at: usize| 1.5 * (1.2 - 0.4 * at as f32 / (6 * (n - 1)) as f32);
                assert!((piece.radius - pen(at)).abs() < 1e-6, "{n} points, piece {at}");
                assert!((piece.radius + piece.swell - pen(at + 1)).abs() < 1e-6);
            }
            assert!(near(pieces[6 * n - 7].b, points[n - 1]));
        }
    }

    #[test]
    fn a_digit_fills_its_box_about_its_centre_of_mass() {
        for index in 0..50 {
            let mut rng = seed::rng(9, Stream::Digits, index);
            let mut pieces = write(choose(GLYPHS[index as usize % 10], &mut rng), &mut rng);
            let shape = |pieces: &[Piece]| -> Vec<f32> {
                let unit = (pieces[0].b[0] - pieces[0].a[0]).hypot(pieces[0].b[1] - pieces[0].a[1]);
                pieces.iter().map(|p| (p.b[0] - p.a[0]).hypot(p.b[1] - p.a[1]) / unit).collect()
            };
            let before = shape(&pieces);
            place(&mut pieces, &mut rng);
            // Everything is scaled alike.
            assert!(before.iter().zip(shape(&pieces)).all(|(a, b)| (a / b - 1.0).abs() < 1e-2));
            let ends = |k: usize| pieces.iter().flat_map(move |p| [p.a[k], p.b[k]]);
            let extent = |k: usize| {
                ends(k).fold(f32::NEG_INFINITY, f32::max) - ends(k).fold(f32::INFINITY, f32::min)
            };
            let size = extent(0).max(extent(1)) + 2.0 * pieces[0].radius;
            assert!((18.8 - 1e-3..20.0 + 1e-3).contains(&size), "digit {index}: {size} pixels");
            let mass = |p: &Piece| (p.b[0] - p.a[0]).hypot(p.b[1] - p.a[1]) * p.radius;
            let total: f32 = pieces.iter().map(mass).sum();
            for k in 0..2 {
                let moment = |p: &Piece| mass(p) * 0.5 * (p.a[k] + p.b[k]);
                let centre = pieces.iter().map(moment).sum::<f32>() / total;
                assert!((centre - 14.0).abs() < 0.9 + 1e-3, "digit {index}: centre {centre}");
            }
        }
    }

    /// The formula of a pixel's ink on every pixel, for pieces inside, at the border, without length and outside.
    #[test]
    fn ink_is_that_of_the_nearest_piece_on_every_pixel() {
        let piece = |a: Point, b: Point, radius: f32, swell: f32| Piece { a, b, radius, swell };
        let all = [
            piece([5.2, 7.9], [9.1, 6.3], 1.3, 0.4),
            piece([9.1, 6.3], [9.4, 15.0], 1.7, -0.5),
            piece([0.3, 20.0], [-2.0, 24.5], 2.0, 0.0),
            piece([26.9, 27.5], [28.4, 27.9], 0.8, 1.1),
            piece([18.0, 18.5], [18.0, 18.5], 2.2, 0.3),
            piece([40.0, 3.0], [45.0, 3.0], 1.0, 0.0),
        ];
        for soft in [0.9, 1.4] {
            let found = ink(&all, soft);
            for (i, found) in found.into_iter().enumerate() {
                let (x, y) = ((i % SIDE) as f32 + 0.5, (i / SIDE) as f32 + 0.5);
                let shade = |p: &Piece| {
                    let (u, v) = ([p.b[0] - p.a[0], p.b[1] - p.a[1]], [x - p.a[0], y - p.a[1]]);
                    let square = u[0] * u[0] + u[1] * u[1];
                    let along =
                        if square > 0.0 { (u[0] * v[0] + u[1] * v[1]) / square } else { 0.0 };
                    let t = along.clamp(0.0, 1.0);
                    let d = (v[0] - t * u[0]).hypot(v[1] - t * u[1]);
                    (0.5 + (p.radius + t * p.swell - d) / soft).clamp(0.0, 1.0)
                };
                let expected = all.iter().map(shade).fold(0.0, f32::max);
                assert!((found - expected).abs() < 1e-5, "pixel {x}, {y}: {found}, not {expected}");
            }
        }
    }
}
