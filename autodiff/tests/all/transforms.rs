//! Forward, forward over back, whole matrices, single samples, recomputation and ops of a user's own.

use pathscore_autodiff::check::{self, Options};
use pathscore_autodiff::{
    Activation, Adjoints, Custom, Grads, Id, Op, Shape, Tape, Tensor, Unary, Var, View,
};
use std::sync::atomic::{AtomicUsize, Ordering};

fn tensor(dims: &[usize], salt: f64) -> Tensor<f64> {
    let values = (0..dims.iter().product()).map(|i| (1.7 * i as f64 + salt).sin()).collect();
    Tensor::new(values, dims)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[track_caller]
fn assert_close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (i, (f, e)) in found.iter().zip(expected).enumerate() {
        // The same terms in another order.
        assert!((f - e).abs() <= 1e-12 * e.abs().max(1.0), "number {i} is {f}, not {e}");
    }
}

/// ⟨ȳ, Jẋ⟩ = ⟨Jᵀȳ, ẋ⟩ for the function `f` of `at`, and the Jacobian by rows is that by columns.
#[track_caller]
fn assert_transposed(f: impl for<'t> Fn(&[Var<'t, f64>]) -> Var<'t, f64>, at: &[Tensor<f64>]) {
    let tape = Tape::new();
    let xs: Vec<Var<f64>> = at.iter().map(|x| tape.leaf(x.values(), x.shape())).collect();
    let dots: Vec<Tensor<f64>> =
        (2..).zip(at).map(|(i, x)| tensor(x.shape(), f64::from(i))).collect();
    let y = f(&xs);
    let bar = tensor(&y.shape(), 0.3);
    let directions: Vec<Var<f64>> =
        dots.iter().map(|dot| tape.constant(dot.values(), dot.shape())).collect();
    let pushed = y.jvp(&xs, &directions);
    assert_eq!(pushed.shape(), y.shape());
    let grads = tape.pull(&[(y, bar.values())]);
    let pulled: f64 =
        xs.iter().zip(&dots).map(|(&x, d)| dot(grads.of(x).values(), d.values())).sum();
    assert_close(&[dot(bar.values(), pushed.value().values())], &[pulled]);
}

#[test]
fn forward_is_the_transpose_of_reverse_for_every_op() {
    let x = || [tensor(&[2, 3, 4], 0.1)];
    for &op in Unary::ALL {
        let (low, high) = op.domain();
        let mut inside = tensor(&[3, 2], 0.4);
        inside.values_mut().iter_mut().for_each(|s| *s = low + (high - low) * (*s + 1.0) / 2.0);
        let at = [inside];
        assert_transposed(|x| x[0].tape().apply(Op::Map(op), x, None).unwrap(), &at);
    }
    assert_transposed(|x| x[0] * x[1], &[tensor(&[2, 1, 4], 0.1), tensor(&[3, 1], 0.2)]);
    assert_transposed(|x| x[0] + x[1], &[tensor(&[3], 0.1), tensor(&[2, 3], 0.2)]);
    assert_transposed(|x| 2.0 / (x[0] * x[0] + 1.0), &x());
    assert_transposed(|x| x[0].permute(&[2, 0, 1]), &x());
    assert_transposed(|x| x[0].reshape([6, 4]), &x());
    assert_transposed(|x| x[0].broadcast_to([5, 2, 3, 4]), &x());
    assert_transposed(|x| x[0].sum_to([3, 1]), &x());
    assert_transposed(|x| x[0].slice(1, 1..3), &x());
    assert_transposed(|x| x[0].pad(-1, 2, 1), &x());
    assert_transposed(|x| x[0].flip(2), &x());
    assert_transposed(|x| x[0].gate(), &x());
    assert_transposed(|x| Var::concat(&[x[0], x[0].sin(), x[0]], 1), &x());
    let three = [tensor(&[2, 1], 0.1), tensor(&[3], 0.2), tensor(&[2, 3], 0.3)];
    assert_transposed(|x| x[0].greater(x[1]).select(x[1], x[2]), &three);
    assert_transposed(|x| x[2].greater(x[1]).select(x[0], x[1]), &three);
    for (ta, tb) in [(false, false), (false, true), (true, false), (true, true)] {
        let dims = |m, n, turned: bool| if turned { [n, m] } else { [m, n] };
        let lead = |lead: &[usize], dims: [usize; 2]| [lead, &dims].concat();
        for (la, lb) in [(&[][..], &[][..]), (&[2], &[]), (&[], &[2]), (&[2, 1], &[3])] {
            let a = tensor(&lead(la, dims(3, 4, ta)), 0.1);
            let b = tensor(&lead(lb, dims(4, 2, tb)), 0.2);
            assert_transposed(|x| x[0].matmul_with(ta, x[1], tb), &[a, b]);
        }
    }
    assert_transposed(|x| x[0].log_sum_exp(1), &x());
    assert_transposed(|x| x[0].log_softmax(-1), &x());
    let layer = [tensor(&[2, 3, 4], 0.1), tensor(&[4, 5], 0.2), tensor(&[5], 0.3)];
    assert_transposed(|x| x[0].affine(x[1], x[2], Activation::Tanh), &layer);
    let normal = [tensor(&[2, 3, 4], 0.1), tensor(&[3, 4], 0.2), tensor(&[4], 0.3)];
    assert_transposed(|x| x[0].normal_log_prob(x[1], x[2]), &normal);
    assert_transposed(|x| x[0].bernoulli_log_prob(x[1]), &normal[..2]);
}

/// A function with products, a fused kernel, broadcasting and a kink.
fn network<'t>(x: &[Var<'t, f64>]) -> Var<'t, f64> {
    let hidden = x[0].affine(x[1], x[2], Activation::Softplus);
    (hidden.matmul_with(false, hidden, true).tanh() + x[2].sum()).log_sum_exp(0)
}

fn network_at() -> [Tensor<f64>; 3] {
    [tensor(&[3, 2], 0.1), tensor(&[2, 4], 0.2), tensor(&[4], 0.3)]
}

#[test]
fn a_jacobian_is_the_same_by_rows_and_by_columns() {
    let tape = Tape::new();
    let xs = network_at().map(|x| tape.leaf(x.values(), x.shape()));
    // A Jacobian with few rows is computed by rows, one with many by columns.
    let y = network(&xs);
    let len = tape.len();
    for x in xs {
        let tall = y.broadcast_to([10, 3]);
        let (rows, columns) = (y.jacobian(x), tall.jacobian(x));
        assert_eq!(rows.shape()[..], [&[3], &x.shape()[..]].concat());
        assert_close(columns.values(), &rows.values().repeat(10));
    }
    assert_eq!(tape.len(), len + 3, "only the three repetitions are left on the tape");
    let constant = tape.constant(&[1.0], []);
    assert_eq!(constant.jacobian(xs[2]).values(), [0.0; 4]);
}

#[test]
fn a_hessian_is_symmetric_and_its_products_are_those_of_forward_over_reverse() {
    let tape = Tape::new();
    let xs = network_at().map(|x| tape.leaf(x.values(), x.shape()));
    let y = network(&xs).sum();
    for x in xs {
        let n = x.size();
        let matrix = y.hessian(x);
        let entry = |i: usize, j: usize| matrix.values()[i * n + j];
        let direction = tensor(&x.shape(), 0.7);
        let product = y.hvp(&[x], &[tape.constant(direction.values(), x.shape())])[0].value();
        let expected: Vec<f64> =
            (0..n).map(|i| (0..n).map(|j| entry(i, j) * direction.values()[j]).sum()).collect();
        assert_close(product.values(), &expected);
        let turned: Vec<f64> = (0..n * n).map(|at| entry(at % n, at / n)).collect();
        assert_close(matrix.values(), &turned);
    }
}

#[test]
fn tangents_are_differentiated_again() {
    let tape = Tape::new();
    let x = tape.leaf(&[0.5_f64], []);
    let one = tape.number(1.0);
    // d³/dx³ of sin: forward, forward, reverse.
    let second = x.sin().jvp(&[x], &[one]).jvp(&[x], &[one]);
    assert_close(&[second.item()], &[-(0.5_f64.sin())]);
    assert_close(second.backward().of(x).values(), &[-(0.5_f64.cos())]);
}

#[test]
fn what_is_not_depended_on_has_no_derivative() {
    let tape = Tape::new();
    let (x, other, c) = (tape.leaf(&[0.5], []), tape.leaf(&[2.0], []), tape.constant(&[3.0], []));
    let y = (x * c).exp();
    let slopes = y.grad(&[x, other, c]);
    // The derivative with respect to a constant can be asked for too.
    assert_close(
        &slopes.iter().map(|s| s.item()).collect::<Vec<_>>(),
        &[3.0 * 1.5_f64.exp(), 0.0, 0.5 * 1.5_f64.exp()],
    );
    assert_eq!(y.jvp(&[other], &[tape.number(1.0)]).item(), 0.0);
    assert_eq!(x.detach().sin().jvp(&[x], &[tape.number(1.0)]).item(), 0.0);
    assert_eq!(x.floor().jvp(&[x], &[tape.number(1.0)]).item(), 0.0);
}

#[test]
fn directions_move_results_on_the_way_as_adjoints_are_kept_there() {
    let tape = Tape::new();
    let x = tape.leaf(&[0.5_f64], []);
    let (square, one) = (x * x, tape.number(1.0));
    let y = square.exp();
    let along = y.jvp(&[x, square], &[one, one]).item();
    let slopes = y.grad(&[x, square]);
    assert_close(&[along], &[slopes[0].item() + slopes[1].item()]);
}

#[test]
fn the_gradients_of_single_samples_come_from_one_sweep() {
    let (batch, n, m) = (5, 3, 4);
    let (x, w, b) = (tensor(&[batch, n], 0.1), tensor(&[n, m], 0.2), tensor(&[m], 0.3));
    let tape = Tape::new();
    let (wv, bv) = (tape.leaf(w.values(), [n, m]), tape.leaf(b.values(), [m]));
    let (each_w, each_b) = (wv.per_sample(batch), bv.per_sample(batch));
    let rows = tape.constant(x.values(), [batch, 1, n]);
    let hidden = (rows.matmul(each_w) + each_b.reshape([batch, 1, m])).tanh();
    let grads = hidden.log_sum_exp(-1).square().sum().backward();
    for sample in 0..batch {
        let alone = Tape::new();
        let (wv, bv) = (alone.leaf(w.values(), [n, m]), alone.leaf(b.values(), [m]));
        let row = alone.constant(&x.values()[sample * n..][..n], [1, n]);
        let one = (row.matmul(wv) + bv).tanh().log_sum_exp(-1).square().sum().backward();
        let part = |each, size: usize| grads.of(each).values()[sample * size..][..size].to_vec();
        assert_close(&part(each_w, n * m), one.of(wv).values());
        assert_close(&part(each_b, m), one.of(bv).values());
    }
}

/// Many steps of a map, in checkpointed segments. `inner` keeps the largest number of bytes that the tape of a segment
/// held.
fn chain<'t>(
    x: Var<'t, f64>,
    w: Var<'t, f64>,
    steps: usize,
    segment: usize,
    inner: &'static AtomicUsize,
) -> Var<'t, f64> {
    (0..steps / segment).fold(x, |x, _| {
        x.tape().checkpoint(
            move |args| {
                let y = (0..segment).fold(args[0], |x, _| (x * args[1]).sin());
                inner.fetch_max(y.tape().bytes(), Ordering::Relaxed);
                y
            },
            &[x, w],
        )
    })
}

#[test]
fn checkpoints_change_no_number_and_need_the_square_root_of_the_memory() {
    static INNER: AtomicUsize = AtomicUsize::new(0);
    let width = 50;
    let peak = |steps: usize, segment: usize| {
        INNER.store(0, Ordering::Relaxed);
        let (tape, plain) = (Tape::new(), Tape::new());
        let inputs = [0.1, 0.2].map(|salt| tensor(&[width], salt));
        let [x, w] = inputs.each_ref().map(|v| tape.leaf(v.values(), [width]));
        let y = chain(x, w, steps, segment, &INNER).sum();
        let [px, pw] = inputs.each_ref().map(|v| plain.leaf(v.values(), [width]));
        let kept = (0..steps).fold(px, |x, _| (x * pw).sin()).sum();
        assert_eq!(y.item().to_bits(), kept.item().to_bits());
        let (grads, expected) = (y.backward(), kept.backward());
        assert_close(grads.of(x).values(), expected.of(px).values());
        assert_close(grads.of(w).values(), expected.of(pw).values());
        (tape.bytes() + INNER.load(Ordering::Relaxed), plain.bytes())
    };
    let (short, kept_short) = peak(100, 10);
    let (long, kept_long) = peak(10_000, 100);
    // A hundred times the steps: a hundred times the memory where everything is kept, ten times where a
    // segment is as long as there are segments. The inputs and the last sum are the slack.
    assert!(kept_long > 95 * kept_short, "{kept_short} and {kept_long} bytes");
    assert!(long < 10 * short, "{short} and {long} bytes");
    assert!(20 * long < kept_long, "{long} and {kept_long} bytes");
}

#[test]
fn checkpoints_nest_are_differentiated_again_and_replay() {
    let work = |tape: &'_ Tape<f64>, x: Id| -> Id {
        let x = tape.var(x, 0);
        tape.checkpoint(
            |outer| {
                let inner = outer[0].tape().checkpoint(|x| x[0].sin() * x[0], &[outer[0]]);
                inner.exp()
            },
            &[x],
        )
        .id()
    };
    let at = [Tensor::new(vec![0.3, -0.8], [2])];
    check::gradient(
        |x| x[0].tape().var(work(x[0].tape(), x[0].id()), 0),
        &at,
        Options { order: 3, ..Options::of::<f64>() },
    )
    .unwrap();

    let tape = Tape::new();
    let x = tape.leaf(&[0.0], []).id();
    let y = work(&tape, x);
    let mut plan = tape.freeze();
    plan.set(x, &[0.5]);
    plan.run().unwrap();
    let mut grads = Grads::new();
    plan.pull_into(&[(y, &[1.0])], &mut grads);
    let value = (0.5 * 0.5_f64.sin()).exp();
    assert_close(plan.value(y), &[value]);
    assert_close(grads.leading(1), &[value * (0.5_f64.sin() + 0.5 * 0.5_f64.cos())]);
}

/// $a_i b_j$, with a rule that can be wrong and a definition that can be missing.
struct Outer {
    scale: f64,
    defined: bool,
}

impl Custom<f64> for Outer {
    fn name(&self) -> &'static str {
        "outer"
    }

    fn shape(&self, args: &[&[usize]]) -> Result<Shape, String> {
        match args {
            &[&[n], &[m]] => Ok(Shape::from([n, m])),
            _ => Err("two vectors".into()),
        }
    }

    fn forward(&self, args: &[View<'_, f64>], y: &mut [f64]) {
        let m = args[1].values.len();
        for (at, y) in y.iter_mut().enumerate() {
            *y = args[0].values[at / m] * args[1].values[at % m];
        }
    }

    fn reverse(
        &self,
        args: &[View<'_, f64>],
        _: &[f64],
        y_bar: &[f64],
        bars: &mut Adjoints<'_, f64>,
    ) {
        let m = args[1].values.len();
        if let Some(bar) = bars.of(0) {
            for (at, y) in y_bar.iter().enumerate() {
                bar[at / m] += y * args[1].values[at % m];
            }
        }
        if let Some(bar) = bars.of(1) {
            for (at, y) in y_bar.iter().enumerate() {
                bar[at % m] += self.scale * y * args[0].values[at / m];
            }
        }
    }

    fn define<'t>(&self, args: &[Var<'t, f64>]) -> Option<Var<'t, f64>> {
        let column = args[0].reshape([args[0].size(), 1]);
        self.defined.then(|| column * args[1])
    }
}

const RIGHT: Outer = Outer { scale: 1.0, defined: true };

#[test]
fn an_op_of_a_users_own_is_an_op_like_any_other() {
    let at = [tensor(&[3], 0.1), tensor(&[4], 0.2)];
    let options = Options::of::<f64>();
    check::gradient(|x| x[0].tape().custom(RIGHT, x).square(), &at, options).unwrap();
    assert_transposed(|x| x[0].tape().custom(RIGHT, x), &at);

    let tape = Tape::new();
    let [a, b] = [0, 1].map(|i| tape.leaf(at[i].values(), at[i].shape()).id());
    let y = tape.custom(RIGHT, &[tape.var(a, 0), tape.var(b, 0)]).id();
    assert!(tape.to_string().contains("2 outer [0, 1] [3, 4]"), "{tape}");
    assert!(tape.to_dot().contains("outer"));
    let mut plan = tape.freeze();
    plan.set(a, &[1.0, 2.0, 3.0]);
    plan.set(b, &[1.0, 10.0, 0.0, 0.0]);
    plan.run().unwrap();
    assert_eq!(plan.value(y)[4..8], [2.0, 20.0, 0.0, 0.0]);
    let mut grads = Grads::new();
    plan.pull_into(&[(y, &[1.0; 12])], &mut grads);
    assert_eq!(grads.leading(7), [11.0, 11.0, 11.0, 6.0, 6.0, 6.0, 6.0]);
}

#[test]
fn an_op_of_a_users_own_may_have_no_definition_and_then_has_no_second_derivative() {
    let tape = Tape::new();
    let (a, b) = (tape.leaf(&[2.0], [1]), tape.leaf(&[3.0, 4.0], [2]));
    let y = tape.custom(Outer { defined: false, ..RIGHT }, &[a, b]).sum();
    assert_eq!(y.backward().of(a).values(), [7.0]);
    let message = panic_of(move || {
        y.grad(&[a]);
    });
    assert!(message.contains("outer: an op without a definition"), "{message}");
}

#[test]
fn a_wrong_rule_of_a_users_own_op_is_caught() {
    let at = [tensor(&[3], 0.1), tensor(&[4], 0.2)];
    let wrong = check::gradient(
        |x| x[0].tape().custom(Outer { scale: 1.001, ..RIGHT }, x),
        &at,
        Options { order: 1, ..Options::of::<f64>() },
    );
    assert!(wrong.is_err());
}

/// The message with which a closure panics.
fn panic_of(f: impl FnOnce()) -> String {
    let payload = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).unwrap_err();
    *payload.downcast::<String>().expect("a formatted message")
}
