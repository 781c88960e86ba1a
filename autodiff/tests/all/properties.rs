//! Random shapes against loops over indices, and random programs against themselves: recorded, replayed,
//! differentiated in every way there is.
//!
//! The seeds are fixed, so the cases are the same at every run; a failure shows the smallest case.

use pathscore_autodiff::check::{self, Options};
use pathscore_autodiff::{Dual, Grads, Real, Scalar, Shape, Tape, Tensor, Var};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};

fn config(cases: u32) -> Config {
    Config {
        cases,
        rng_seed: RngSeed::Fixed(cases.into()),
        failure_persistence: None,
        ..Config::default()
    }
}

/// `n` numbers in (−2, 2) in no special order.
fn numbers<F: Scalar>(n: usize, salt: u64) -> Vec<F> {
    (0..n as u64)
        .map(|i| {
            let mixed = (i + 1)
                .wrapping_mul(0x9E37_79B9_7F4A_7C15)
                .wrapping_add((salt + 1).wrapping_mul(0xD134_2543_DE82_EF95));
            let bits = (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            F::from_f64(4.0 * f64::uniform(bits ^ (bits >> 32)) - 2.0)
        })
        .collect()
}

fn tensor<F: Scalar>(dims: &[usize], salt: u64) -> Tensor<F> {
    Tensor::new(numbers(dims.iter().product(), salt), dims)
}

fn leaf<'t, F: Scalar>(tape: &'t Tape<F>, x: &Tensor<F>) -> Var<'t, F> {
    tape.leaf(x.values(), x.shape())
}

/// Every index of a tensor, in the order of its numbers.
fn indices(dims: &[usize]) -> Vec<Vec<usize>> {
    let mut all = vec![vec![]];
    for &n in dims {
        all = all
            .iter()
            .flat_map(|index| (0..n).map(move |i| [index.as_slice(), &[i]].concat()))
            .collect();
    }
    all
}

/// The number at an index that may be longer, and larger along stretched axes, than the tensor's own.
fn at<F: Scalar>(x: &Tensor<F>, index: &[usize]) -> F {
    let dims = x.shape();
    let own = &index[index.len() - dims.len()..];
    x.values()[dims.iter().zip(own).fold(0, |at, (&n, &i)| at * n + if n == 1 { 0 } else { i })]
}

/// A tensor whose every number is a function of its index.
fn made<F: Scalar>(dims: &[usize], f: impl FnMut(Vec<usize>) -> F) -> Tensor<F> {
    Tensor::new(indices(dims).into_iter().map(f).collect(), dims)
}

#[track_caller]
fn assert_within<F: Scalar>(found: &Tensor<F>, exact: &[f64], magnitude: &[f64], terms: usize) {
    assert_eq!(found.values().len(), exact.len());
    // A sum of n terms in any order: n roundings of at most the sum of their sizes, once more for the
    // product of two.
    let slack = (terms + 2) as f64 * F::EPSILON.to_f64();
    for (i, x) in found.values().iter().enumerate() {
        let error = (x.to_f64() - exact[i]).abs();
        assert!(error <= slack * magnitude[i], "{}: element {i} is {x}, not {}", F::NAME, exact[i]);
    }
}

/// Shapes of rank up to four, and for each axis of two arguments whether it is stretched.
fn broadcast() -> impl Strategy<Value = (Vec<usize>, Vec<usize>, Vec<usize>)> {
    let axis = (1_usize..5, any::<bool>(), any::<bool>());
    (prop::collection::vec(axis, 0..=4), 0_usize..=4, 0_usize..=4).prop_map(|(axes, a, b)| {
        let argument = |stretched: &dyn Fn(&(usize, bool, bool)) -> bool, drop: usize| {
            axes.iter()
                .skip(drop.min(axes.len()))
                .map(|axis| if stretched(axis) { 1 } else { axis.0 })
                .collect::<Vec<_>>()
        };
        // Only one of the two leaves out leading axes or stretches an axis, or nobody would know it.
        let (drop_a, drop_b) = if a >= b { (a - b, 0) } else { (0, b - a) };
        let a = argument(&|axis| axis.1, drop_a);
        let b = argument(&|axis| axis.2 && !axis.1, drop_b);
        (a, b, axes.iter().map(|axis| axis.0).collect())
    })
}

/// What broadcasting says, written out.
fn meet(a: &[usize], b: &[usize]) -> Vec<usize> {
    let rank = a.len().max(b.len());
    let length = |x: &[usize], i: usize| if i + x.len() < rank { 1 } else { x[i + x.len() - rank] };
    (0..rank).map(|i| length(a, i).max(length(b, i))).collect()
}

fn zips<F: Scalar>(a: &[usize], b: &[usize]) {
    let (a, b) = (tensor::<F>(a, 1), tensor::<F>(b, 2));
    let dims = meet(a.shape(), b.shape());
    let tape = Tape::new();
    let (x, y) = (leaf(&tape, &a), leaf(&tape, &b));
    let loops = |f: &dyn Fn(F, F) -> F| made(&dims, |i| f(at(&a, &i), at(&b, &i)));
    assert_eq!((x + y).value(), loops(&|a, b| a + b));
    assert_eq!((x - y).value(), loops(&|a, b| a - b));
    assert_eq!((x * y).value(), loops(&|a, b| a * b));
    assert_eq!((x / y).value(), loops(&|a, b| a / b));
    assert_eq!(x.max(y).value(), loops(&|a, b| if a > b { a } else { b }));
    assert_eq!(x.greater(y).value(), loops(&|a, b| if a > b { F::ONE } else { F::ZERO }));
    let chosen = made(&dims, |i| if at(&a, &i) > F::ZERO { at(&b, &i) } else { at(&a, &i) });
    assert_eq!(x.greater(tape.number(F::ZERO)).select(y, x).value(), chosen);
    assert_eq!(x.broadcast_to(&dims[..]).value(), made(&dims, |i| at(&a, &i)));
    // What was stretched gains the sum over where it went.
    let grads = (x * y).sum().backward();
    let (mut exact, mut size) = (vec![0.0; a.values().len()], vec![0.0; a.values().len()]);
    let places = made(a.shape(), |i| {
        F::from_f64(a.shape().iter().zip(&i).fold(0, |at, (&n, &i)| at * n + i) as f64)
    });
    for i in indices(&dims) {
        let (place, b) = (at(&places, &i).to_f64() as usize, at(&b, &i).to_f64());
        exact[place] += b;
        size[place] += b.abs();
    }
    assert_within(&grads.of(x), &exact, &size, dims.iter().product());
}

fn sums<F: Scalar>(to: &[usize], dims: &[usize]) {
    let x = tensor::<F>(dims, 3);
    let (mut exact, mut size) = (vec![0.0; to.iter().product()], vec![0.0; to.iter().product()]);
    for i in indices(dims) {
        let own = &i[dims.len() - to.len()..];
        let place = to.iter().zip(own).fold(0, |at, (&n, &i)| at * n + if n == 1 { 0 } else { i });
        exact[place] += at(&x, &i).to_f64();
        size[place] += at(&x, &i).to_f64().abs();
    }
    let tape = Tape::new();
    let found = leaf(&tape, &x).sum_to(to).value();
    assert_eq!(found.shape()[..], *to);
    assert_within(&found, &exact, &size, dims.iter().product());
}

fn moves<F: Scalar>(dims: &[usize], turn: usize, axis: usize, [start, len]: [usize; 2]) {
    let tape = Tape::new();
    let x = tensor::<F>(dims, 4);
    let var = leaf(&tape, &x);
    let rank = dims.len();
    // Rotations and their mirror images: enough to leave no axis in its place.
    let order: Vec<usize> = (0..rank)
        .map(|i| if turn < 4 { (i + turn) % rank } else { rank - 1 - (i + turn) % rank })
        .collect();
    let permuted: Vec<usize> = order.iter().map(|&axis| dims[axis]).collect();
    let expected = made(&permuted, |i| {
        let mut index = vec![0; rank];
        order.iter().zip(&i).for_each(|(&axis, &i)| index[axis] = i);
        at(&x, &index)
    });
    assert_eq!(var.permute(&order).value(), expected);

    let axis = axis % rank;
    let (name, n) = (axis as isize - rank as isize * (turn as isize % 2), dims[axis]);
    let moved = |i: &[usize], to: usize| {
        let mut index = i.to_vec();
        index[axis] = to;
        at(&x, &index)
    };
    let with = |n: usize| {
        let mut dims = dims.to_vec();
        dims[axis] = n;
        dims
    };
    let start = start % n;
    let len = len.min(n - start);
    let expected = made(&with(len), |i| moved(&i, start + i[axis]));
    assert_eq!(var.slice(name, start..start + len).value(), expected);
    assert_eq!(var.flip(name).value(), made(dims, |i| moved(&i, n - 1 - i[axis])));
    let expected = made(&with(start + n + len), |i| {
        let inside = (start..start + n).contains(&i[axis]);
        if inside { moved(&i, i[axis] - start) } else { F::ZERO }
    });
    assert_eq!(var.pad(name, start, len).value(), expected);
    let other = tensor::<F>(&with(len), 5);
    let expected = made(&with(2 * n + len), |i| {
        let mut index = i.clone();
        match i[axis].checked_sub(n) {
            Some(at_other) if at_other < len => {
                index[axis] = at_other;
                at(&other, &index)
            }
            Some(behind) => moved(&i, behind - len),
            None => at(&x, &i),
        }
    });
    assert_eq!(Var::concat(&[var, leaf(&tape, &other), var], name).value(), expected);
}

fn products<F: Scalar>(lead: (&[usize], &[usize]), [m, k, n]: [usize; 3], [ta, tb]: [bool; 2]) {
    let shape = |lead: &[usize], r: usize, c: usize, t: bool| {
        [lead, &if t { [c, r] } else { [r, c] }].concat()
    };
    let a = tensor::<F>(&shape(lead.0, m, k, ta), 6);
    let b = tensor::<F>(&shape(lead.1, k, n, tb), 7);
    let batch = meet(lead.0, lead.1);
    let dims = [&batch[..], &[m, n]].concat();
    let (mut exact, mut size) = (vec![], vec![]);
    for i in indices(&dims) {
        let (row, col) = (i[batch.len()], i[batch.len() + 1]);
        let element = |x: &Tensor<F>, r: usize, c: usize, t: bool| {
            at(x, &[&i[..batch.len()], &if t { [c, r] } else { [r, c] }].concat()).to_f64()
        };
        let terms = (0..k).map(|j| element(&a, row, j, ta) * element(&b, j, col, tb));
        let (sum, sizes) = terms.fold((0.0, 0.0), |(sum, size), t| (sum + t, size + t.abs()));
        exact.push(sum);
        size.push(sizes);
    }
    let tape = Tape::new();
    let found = leaf(&tape, &a).matmul_with(ta, leaf(&tape, &b), tb).value();
    assert_eq!(found.shape()[..], dims);
    assert_within(&found, &exact, &size, k);
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn elementwise_ops_broadcast_as_loops_do((a, b, _) in broadcast()) {
        zips::<f64>(&a, &b);
        zips::<f32>(&b, &a);
    }

    #[test]
    fn sums_down_to_a_shape_are_those_of_loops((to, _, dims) in broadcast()) {
        sums::<f64>(&to, &dims);
        sums::<f32>(&to, &dims);
    }

    #[test]
    fn numbers_are_moved_where_loops_move_them(
        dims in prop::collection::vec(1_usize..5, 1..=4),
        turn in 0_usize..8,
        axis in 0_usize..4,
        range in [0_usize..5, 0_usize..5],
    ) {
        moves::<f64>(&dims, turn, axis, range);
        moves::<f32>(&dims, turn, axis, range);
    }

    #[test]
    fn products_are_those_of_loops(
        (a, b, _) in broadcast(),
        sizes in [1_usize..20, 0_usize..40, 1_usize..20],
        transposed in any::<[bool; 2]>(),
    ) {
        let short = |lead: &[usize]| lead[lead.len().saturating_sub(2)..].to_vec();
        let (a, b) = (short(&a), short(&b));
        products::<f64>((&a, &b), sizes, transposed);
        products::<f32>((&a, &b), sizes, transposed);
    }
}

/// One instruction: which op, on which two of the results so far, and a small number for the rest.
type Step = (u8, u8, u8, u8);

/// The shapes of a program's inputs: some that meet, and one at random.
type Inputs = Vec<Vec<usize>>;

fn shapes() -> impl Strategy<Value = Inputs> {
    let random = prop::collection::vec(1_usize..4, 0..=3);
    ([1_usize..4, 1_usize..4], random)
        .prop_map(|([n, m], random)| vec![vec![n, m], vec![m], vec![m, n], vec![], random])
}

fn inputs<F: Scalar>(shapes: &Inputs, salt: u64) -> Vec<Tensor<F>> {
    (0..).zip(shapes).map(|(i, dims)| tensor(dims, 10 * salt + i)).collect()
}

/// Results stay below this many numbers; larger ones are not made.
const LARGEST: usize = 48;

/// Runs a program: a number to which every result contributes. Whatever could grow without bound goes
/// through tanh, so that derivatives are of the order of one; every op is smooth but max, whose kink is
/// met with probability zero.
fn run<'t, F: Scalar>(program: &[Step], inputs: &[Var<'t, F>]) -> Var<'t, F> {
    let mut made = inputs.to_vec();
    for &(op, a, b, c) in program {
        let (a, b) = (made[a as usize % made.len()], made[b as usize % made.len()]);
        let b = if Shape::broadcast(&a.shape(), &b.shape()).is_some() { b } else { b.mean() };
        let (shape, c) = (a.shape(), c as usize);
        let axis = if shape.is_empty() { 0 } else { c % shape.len() };
        let at = axis as isize;
        let half = F::from_f64(0.5);
        let result = match op % 27 {
            0 => a.tanh(),
            1 => a.sin(),
            2 => a.sigmoid(),
            3 => a.softplus().tanh(),
            4 => (a + b) * half,
            5 => (a * b).tanh(),
            6 => a.max(b * half + half),
            7 => a.log_add_exp(b).tanh(),
            8 => a / (b.square() + F::ONE),
            9 => (a - b).atan(),
            10 => a.greater(b).select(a.square(), b * a).tanh(),
            11 => (a * half).exp().tanh(),
            12 if !shape.is_empty() => a.log_sum_exp(at).tanh(),
            13 if !shape.is_empty() => a.sum_axis(at).tanh(),
            14 if !shape.is_empty() => a.flip(at),
            15 if !shape.is_empty() => a.slice(at, 0..shape[axis].div_ceil(2)),
            16 if !shape.is_empty() => a.pad(at, c % 2, 1),
            17 if !shape.is_empty() => Var::concat(&[a, a.cos()], at),
            18 if shape.len() == 2 => a.transpose(),
            19 => a.reshape([a.size(), 1]),
            20 => a.broadcast_to([&[2], &shape[..]].concat().as_slice()),
            21 if shape.len() == 2 => a.matmul_with(false, a, true).tanh(),
            22 if !shape.is_empty() => {
                let (n, m) = (a.size() / shape[shape.len() - 1], shape[shape.len() - 1]);
                a.reshape([n, m]).matmul_with(true, a.reshape([n, m]), false).tanh()
            }
            23 if !shape.is_empty() => a.normal_log_prob(a.cos(), a.sin() * half).tanh(),
            24 => a.tape().checkpoint(|x| (x[0].sin() * x[0]).tanh(), &[a]),
            25 if shape.len() == 2 => a.tril(c as i32 % 3 - 1),
            26 if !shape.is_empty() => {
                let index = a.tape().indices(&[c % shape[axis], 0], [2]);
                a.index_select(at, index).expect("indices in range")
            }
            _ => a.cos(),
        };
        if result.size() <= LARGEST && result.shape().len() <= 4 {
            made.push(result);
        }
    }
    made.iter().map(|result| result.mean()).reduce(|sum, mean| sum + mean).expect("inputs")
}

fn program() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(any::<Step>(), 0..12)
}

fn record<'t, F: Scalar>(
    tape: &'t Tape<F>,
    program: &[Step],
    at: &[Tensor<F>],
) -> (Vec<Var<'t, F>>, Var<'t, F>) {
    let xs: Vec<Var<F>> = at.iter().map(|x| leaf(tape, x)).collect();
    let y = run(program, &xs);
    (xs, y)
}

fn bits(numbers: &[f64]) -> Vec<u64> {
    numbers.iter().map(|x| x.to_bits()).collect()
}

/// The number of numbers that all inputs hold.
fn count(shapes: &Inputs) -> usize {
    shapes.iter().map(|dims| dims.iter().product::<usize>()).sum()
}

/// A program over any kind of number.
fn scalar_program<R: Real>(program: &[Step], x: R, y: R) -> R {
    let mut made = vec![x, y];
    for &(op, a, b, _) in program {
        let (a, b) = (made[a as usize % made.len()], made[b as usize % made.len()]);
        made.push(match op % 14 {
            0 => a.tanh(),
            1 => a.sin(),
            2 => a.sigmoid(),
            3 => a.softplus().tanh(),
            4 => (a + b) * a.of(0.5),
            5 => (a * b).tanh(),
            6 => a.max(b * a.of(0.5) + a.of(0.5)),
            7 => a.log_add_exp(b).tanh(),
            8 => a / (b.square() + a.of(1.0)),
            9 => (a - b).atan(),
            10 => a.greater(b).select(a.square(), b * a).tanh(),
            11 => (a * a.of(0.5)).exp().tanh(),
            12 => (a.square() + a.of(1.0)).sqrt().ln(),
            _ => (a.square() + a.of(0.5)).pow(b.tanh()).tanh(),
        });
    }
    made.into_iter().reduce(|sum, y| sum + y).expect("two numbers")
}

proptest! {
    #![proptest_config(config(200))]

    #[test]
    fn gradients_of_programs_are_the_same_in_numbers_and_recorded_and_by_differences(
        shapes in shapes(),
        program in program(),
        salt in 0_u64..1000,
    ) {
        let at = inputs::<f64>(&shapes, salt);
        let tape = Tape::new();
        let (xs, y) = record(&tape, &program, &at);
        let (numbers, recorded) = (y.backward(), y.grad(&xs));
        for (x, recorded) in xs.iter().zip(recorded) {
            for (n, r) in numbers.of(*x).values().iter().zip(recorded.value().values()) {
                // Derivatives of order one; the two sweeps may add the same terms in another order.
                prop_assert!((n - r).abs() <= 1e-10 * n.abs().max(1.0), "{n} and {r}\n{tape}");
            }
        }
        let options = Options { order: 1, ..Options::of::<f64>() };
        if let Err(wrong) = check::gradient(|xs| run(&program, xs), &at, options) {
            // Differences across the kink of a max say nothing.
            prop_assert!(wrong.kink, "{wrong}\n{tape}");
        }
    }

    #[test]
    fn tangents_of_programs_are_the_transpose_of_adjoints_to_the_second_order(
        shapes in shapes(),
        program in program(),
        salt in 0_u64..1000,
    ) {
        let at = inputs::<f64>(&shapes, salt);
        let tape = Tape::new();
        let (xs, y) = record(&tape, &program, &at);
        let along = inputs::<f64>(&shapes, salt + 1);
        let directions: Vec<Var<f64>> =
            along.iter().map(|d| tape.constant(d.values(), d.shape())).collect();
        let dot = |slopes: &[Var<f64>]| -> f64 {
            let pairs = slopes.iter().zip(&along);
            let terms = pairs.flat_map(|(slope, d)| {
                let slope = slope.value();
                slope.values().iter().zip(d.values()).map(|(a, b)| a * b).collect::<Vec<_>>()
            });
            terms.sum()
        };
        // Derivatives along a direction of a few dozen numbers; the two ways add in another order.
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0);
        let forward = y.jvp(&xs, &directions);
        let back = dot(&y.grad(&xs));
        prop_assert!(close(forward.item(), back), "{} and {back}\n{tape}", forward.item());
        // dᵀHd: forward over reverse, and forward over forward.
        let over = dot(&y.hvp(&xs, &directions));
        let twice = forward.jvp(&xs, &directions).item();
        prop_assert!(close(over, twice), "{over} and {twice}\n{tape}");
    }

    #[test]
    fn a_replayed_plan_has_the_bits_of_a_new_recording(
        shapes in shapes(),
        program in program(),
        [before, after] in [0_u64..1000, 0_u64..1000],
    ) {
        let tape = Tape::new();
        let (xs, y) = record(&tape, &program, &inputs(&shapes, before));
        let (ids, y) = (xs.iter().map(|x| x.id()).collect::<Vec<_>>(), y.id());
        let mut plan = tape.freeze();
        let at = inputs::<f64>(&shapes, after);
        ids.iter().zip(&at).for_each(|(&id, x)| plan.set(id, x.values()));
        plan.run().unwrap();
        let mut grads = Grads::new();
        plan.pull_into(&[(y, &[1.0])], &mut grads);
        let anew = Tape::new();
        let (_, expected) = record(&anew, &program, &at);
        prop_assert_eq!(bits(plan.value(y)), bits(expected.value().values()));
        prop_assert_eq!(bits(grads.leading(count(&shapes))), bits(expected.backward().leading(count(&shapes))));
    }

    #[test]
    fn a_cleared_tape_has_the_bits_of_a_new_one(
        shapes in shapes(),
        [first, second] in [program(), program()],
        salt in 0_u64..1000,
    ) {
        let at = inputs::<f64>(&shapes, salt);
        let (mut tape, mut grads) = (Tape::new(), Grads::new());
        let (_, y) = record(&tape, &first, &at);
        tape.pull_into(&[(y, &[1.0])], &[], &mut grads);
        tape.clear();
        let (_, y) = record(&tape, &second, &at);
        tape.pull_into(&[(y, &[1.0])], &[], &mut grads);
        let anew = Tape::new();
        let (_, expected) = record(&anew, &second, &at);
        prop_assert_eq!(y.item().to_bits(), expected.item().to_bits());
        prop_assert_eq!(bits(grads.leading(count(&shapes))), bits(expected.backward().leading(count(&shapes))));
    }

    #[test]
    fn single_precision_is_close_to_double(
        shapes in shapes(),
        program in program(),
        salt in 0_u64..1000,
    ) {
        let (tape, wide) = (Tape::<f32>::new(), Tape::<f64>::new());
        let narrow = inputs::<f32>(&shapes, salt);
        let same: Vec<Tensor<f64>> = narrow
            .iter()
            .map(|x| Tensor::new(x.values().iter().map(|&x| f64::from(x)).collect(), x.shape()))
            .collect();
        let found = record(&tape, &program, &narrow).1.item();
        let exact = record(&wide, &program, &same).1.item();
        // Twelve continuous ops, each of which may multiply the rounding error, of 10⁻⁷, by a small number.
        prop_assert!((f64::from(found) - exact).abs() < 1e-4, "{found} and {exact}\n{wide}");
    }

    #[test]
    fn duals_and_tapes_agree_to_the_second_order(
        program in program(),
        [x, y] in [-2.0_f64..2.0, -2.0_f64..2.0],
    ) {
        let tape = Tape::new();
        let (vx, vy) = (tape.leaf(&[x], []), tape.leaf(&[y], []));
        let value = scalar_program(&program, vx, vy);
        let slopes = value.grad(&[vx, vy]);
        let dual = scalar_program(&program, Dual::variable(x), Dual::constant(y));
        prop_assert_eq!(value.item().to_bits(), scalar_program(&program, x, y).to_bits());
        prop_assert_eq!(value.item().to_bits(), dual.v.to_bits());
        // The chain rule from the other end rounds differently.
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-10 * a.abs().max(1.0);
        prop_assert!(close(slopes[0].item(), dual.d), "{} and {}", slopes[0].item(), dual.d);
        prop_assert!(close(value.backward().of(vx).item(), dual.d));
        let inner = |v, d| Dual { v: Dual::constant(v), d: Dual::constant(d) };
        let x2 = Dual { v: Dual::variable(x), d: Dual::constant(1.0) };
        let second = scalar_program(&program, x2, inner(y, 0.0)).d.d;
        let mixed = Dual { v: Dual::constant(x), d: Dual::constant(1.0) };
        let y2 = Dual { v: Dual::variable(y), d: Dual::constant(0.0) };
        let across = scalar_program(&program, mixed, y2).d.d;
        let curvature = slopes[0].grad(&[vx, vy]);
        prop_assert!(close(curvature[0].item(), second), "{} and {second}", curvature[0].item());
        prop_assert!(close(curvature[1].item(), across), "{} and {across}", curvature[1].item());
    }
}
