//! Random programs against themselves: recorded, replayed, differentiated in every way there is.

use super::{config, leaf, tensor};
use pathscore_autodiff::check::{self, Options};
use pathscore_autodiff::{Dual, Grads, Real, Scalar, Shape, Tape, Tensor, Var};
use proptest::prelude::*;

/// One instruction: the number of the op, two of the results so far, and a small number for its constants.
type Step = (u8, u8, u8, u8);

/// The shapes of the inputs of a program: some that broadcast, and one at random.
type Inputs = Vec<Vec<usize>>;

fn shapes() -> impl Strategy<Value = Inputs> {
    let random = prop::collection::vec(1_usize..4, 0..=3);
    ([1_usize..4, 1_usize..4], random)
        .prop_map(|([n, m], random)| vec![vec![n, m], vec![m], vec![m, n], vec![], random])
}

fn inputs<F: Scalar>(shapes: &Inputs, salt: u64) -> Vec<Tensor<F>> {
    (0..).zip(shapes).map(|(i, dims)| tensor(dims, 10 * salt + i)).collect()
}

/// Results with more numbers than this are not recorded.
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
            // Differences across the kink of a max are meaningless.
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
        whole in any::<bool>(),
    ) {
        let tape = Tape::new();
        let (xs, y) = record(&tape, &program, &inputs(&shapes, before));
        let (ids, y) = (xs.iter().map(|x| x.id()).collect::<Vec<_>>(), y.id());
        let mut plan = if whole { tape.freeze() } else { tape.plan(&ids, &[y]) };
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
