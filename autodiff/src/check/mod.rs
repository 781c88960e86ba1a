//! A checker of derivatives for any function of variables, custom ops included.
//!
//! | function | comparison |
//! |---|---|
//! | [`gradient`] | derivatives of any order against finite differences; numbers against variables; forward mode against reverse mode |
//! | [`definition`] | a kernel against its definition |
//! | [`formula`] | one formula on numbers, on duals and on variables |
//! | [`precision`] | single precision against double precision |
//!
//! Each returns a [`Report`] of the comparisons that agreed, or the first [`Comparison`] that did not.

mod against;
mod differences;
mod report;

pub use against::{Formula, definition, formula, precision};
pub use report::{Comparison, Place, Report};

use crate::numbers::tensor::Tensor;
use crate::tape::engine::Scalar;
use crate::tape::grads::Grads;
use crate::tape::record::Tape;
use crate::tape::record::Var;
use differences::Claim;

/// The tolerances and the extent of a check.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// The largest error that passes, relative to the larger of the two numbers and [`Options::floor`].
    pub tolerance: f64,
    /// Numbers smaller than this are compared as if they were this large.
    pub floor: f64,
    /// The step of the differences, relative to the larger of one and the input.
    pub step: f64,
    /// The highest order of the derivatives that are checked.
    pub order: usize,
    /// The largest number of elements, in all arguments together, up to which each element is moved by itself. More
    /// elements are moved together along random directions; the element of a wrong derivative is then found by halving.
    pub elements: usize,
    /// The number of random directions.
    pub directions: usize,
    /// True if derivatives in variables ([`Var::grad`], [`Var::jvp`]) are compared too. A custom op without a
    /// definition has none: check it with `false`, and to the first order only.
    pub recorded: bool,
}

impl Options {
    /// The defaults for a type of number. The step $h = \varepsilon^{1/5}$ balances the rounding error, of the order of
    /// $\varepsilon/h$, against the error of the extrapolated difference, of the order of $h^4$.
    pub fn of<F: Scalar>() -> Self {
        let eps = F::EPSILON.to_f64();
        Self {
            // Rounding ε/h = ε^(4/5) with two orders of magnitude for the conditioning of the function.
            tolerance: 100.0 * eps.powf(0.8),
            floor: 1.0,
            step: eps.powf(0.2),
            order: 2,
            elements: 128,
            directions: 8,
            recorded: true,
        }
    }

    /// The error that passes in a comparison of two numbers.
    fn allowed(&self, a: f64, b: f64) -> f64 {
        self.tolerance * a.abs().max(b.abs()).max(self.floor)
    }
}

/// Compares the derivatives of the sum of `f` at `at` with central differences extrapolated to step zero,
/// with the gradient in variables, number by number, and, along a direction, with tangents carried forward.
///
/// Orders above one check the gradient of the gradient along a fixed direction in the same way. At a kink, any
/// derivative between the slopes of the two sides passes. A kink is recognised by slopes of the two sides that do not
/// come closer as the step shrinks.
///
/// ```
/// use pathscore_autodiff::{Tensor, check};
/// let at = [Tensor::new(vec![0.3_f64, -0.7], [2])];
/// let report = check::gradient(|x| x[0].tanh(), &at, check::Options::of::<f64>()).unwrap();
/// println!("{report}");
/// ```
///
/// # Errors
/// The first derivative that does not agree.
pub fn gradient<F: Scalar>(
    f: impl for<'t> Fn(&[Var<'t, F>]) -> Var<'t, F>,
    at: &[Tensor<F>],
    options: Options,
) -> Result<Report, Comparison> {
    let mut report = Report::default();
    (1..=options.order).try_for_each(|order| one_order(&f, at, order, options, &mut report))?;
    Ok(report)
}

/// One number of a fixed direction that is not aligned with the axes.
fn slanted(at: usize, salt: usize) -> f64 {
    let mixed = (at as u64 + 1)
        .wrapping_mul(0x9E37_79B9_7F4A_7C15)
        .wrapping_add((salt as u64 + 1).wrapping_mul(0xD134_2543_DE82_EF95));
    let bits = (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let uniform = f64::uniform(bits ^ (bits >> 32));
    // Away from zero, so that every number is checked.
    if uniform < 0.5 { uniform - 1.0 } else { uniform }
}

/// One direction for each of `xs`, on their tape.
fn slanted_like<'t, F: Scalar>(xs: &[Var<'t, F>], salt: usize) -> Vec<Var<'t, F>> {
    let direction = |(argument, x): (usize, &Var<'t, F>)| {
        x.tape().constant_with(x.shape(), |to| {
            for (at, to) in to.iter_mut().enumerate() {
                *to = F::from_f64(slanted(at, 8 * salt + argument));
            }
        })
    };
    xs.iter().enumerate().map(direction).collect()
}

/// The derivative of order `order - 1` along fixed directions, a number whose gradient is to be checked.
fn directional_derivative<'t, F: Scalar>(
    f: &impl for<'a> Fn(&[Var<'a, F>]) -> Var<'a, F>,
    xs: &[Var<'t, F>],
    order: usize,
) -> Var<'t, F> {
    (1..order).fold(f(xs).sum(), |y, depth| {
        let slopes = y.grad(xs);
        let along = slopes.iter().zip(slanted_like(xs, depth)).map(|(&slope, d)| (slope * d).sum());
        along.reduce(|sum, term| sum + term).expect("a function of at least one argument")
    })
}

/// A leaf for each tensor.
fn leaves<'t, F: Scalar>(tape: &'t Tape<F>, at: &[Tensor<F>]) -> Vec<Var<'t, F>> {
    at.iter().map(|x| tape.leaf(x.values(), x.shape())).collect()
}

/// The adjoints of `xs`, concatenated.
fn flat<F: Scalar>(grads: &Grads<F>, xs: &[Var<'_, F>]) -> Vec<f64> {
    xs.iter()
        .flat_map(|&x| grads.of(x).values().iter().map(|g| g.to_f64()).collect::<Vec<_>>())
        .collect()
}

/// Every number of the arguments, in the same order.
fn places<F: Scalar>(at: &[Tensor<F>]) -> Vec<Place> {
    let of = |(argument, x): (usize, &Tensor<F>)| {
        let dims = x.shape().to_vec();
        let index = move |flat: usize| {
            let mut rest = flat;
            let mut index: Vec<usize> = dims
                .iter()
                .rev()
                .map(|n| {
                    let i = rest % n;
                    rest /= n;
                    i
                })
                .collect();
            index.reverse();
            index
        };
        (0..x.values().len()).map(move |flat| Place::Element { argument, index: index(flat) })
    };
    at.iter().enumerate().flat_map(of).collect()
}

/// Checks the derivatives of one order.
fn one_order<F: Scalar>(
    f: &impl for<'t> Fn(&[Var<'t, F>]) -> Var<'t, F>,
    at: &[Tensor<F>],
    order: usize,
    options: Options,
    report: &mut Report,
) -> Result<(), Comparison> {
    let tape = Tape::new();
    let xs = leaves(&tape, at);
    let y = directional_derivative(f, &xs, order);
    let gradient = flat(&y.backward(), &xs);
    let places = places(at);
    if options.recorded {
        let compare = |place: &Place, found: f64, expected: f64, against| Comparison {
            order,
            place: place.clone(),
            found,
            expected,
            allowed: options.allowed(found, expected),
            step: None,
            against,
            kink: false,
        };
        let recorded = y.grad(&xs);
        let recorded = recorded.iter().flat_map(|slope| slope.value().values().to_vec());
        for ((place, &found), other) in places.iter().zip(&gradient).zip(recorded) {
            report.take(compare(place, found, other.to_f64(), "the gradient in variables"))?;
        }
        let directions = slanted_like(&xs, 0);
        let along = directions.iter().flat_map(|d| d.value().values().to_vec());
        let back = gradient.iter().zip(along).map(|(slope, d)| slope * d.to_f64()).sum();
        let forward = y.jvp(&xs, &directions).item().to_f64();
        report.take(compare(&Place::Direction(0), back, forward, "tangents carried forward"))?;
    }
    // Differences of a sum carry the rounding errors of all its summands.
    let magnitude: f64 = f(&xs).value().values().iter().map(|y| y.to_f64().abs()).sum();
    let claim = Claim {
        value: &|at| {
            let tape = Tape::new();
            directional_derivative(f, &leaves(&tape, at), order).item().to_f64()
        },
        at,
        gradient: &gradient,
        order,
        rounding: 32.0 * F::EPSILON.to_f64() * magnitude.max(y.item().to_f64().abs()),
        tolerance: options.tolerance,
        floor: options.floor,
    };
    let sizes: Vec<f64> =
        at.iter().flat_map(|x| x.values()).map(|x| x.to_f64().abs().max(1.0)).collect();
    let element = |at: usize, report: &mut Report| {
        let mut direction = vec![0.0; sizes.len()];
        direction[at] = 1.0;
        claim.check(places[at].clone(), &direction, options.step * sizes[at], report)
    };
    if sizes.len() <= options.elements {
        return (0..sizes.len()).try_for_each(|at| element(at, report));
    }
    for number in 0..options.directions {
        // The direction has length one, so that a step means the same for any number of elements.
        let length = (sizes.len() as f64).sqrt();
        let all: Vec<f64> =
            sizes.iter().enumerate().map(|(at, s)| s * slanted(at, number) / length).collect();
        let place = Place::Direction(number);
        let Err(wrong) = claim.check(place.clone(), &all, options.step, report) else { continue };
        // One half of a wrong direction is wrong too; halving finds a single wrong number.
        let mut among = 0..sizes.len();
        while among.len() > 1 {
            let half = among.start..among.start + among.len() / 2;
            let mut part = vec![0.0; sizes.len()];
            part[half.clone()].copy_from_slice(&all[half.clone()]);
            let fails = claim.check(place.clone(), &part, options.step, report).is_err();
            among = if fails { half } else { half.end..among.end };
        }
        return element(among.start, report).and(Err(wrong));
    }
    Ok(())
}
