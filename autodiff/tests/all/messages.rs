//! Shape mistakes: the op, the shapes and the line of the caller, whichever method made them.

use pathscore_autodiff::{Activation, Tape, Var};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    /// The place and the message of the last panic of this thread.
    static LAST: RefCell<(String, u32, String)> = const { RefCell::new((String::new(), 0, String::new())) };
}

/// Runs a closure that must panic at `line` of this file, with a message that contains all of `words`.
fn assert_blames(line: u32, words: &[&str], mistake: impl FnOnce()) {
    assert!(catch_unwind(AssertUnwindSafe(mistake)).is_err(), "line {line} does not panic");
    let (file, at, message) = LAST.with_borrow(Clone::clone);
    assert_eq!((file.as_str(), at), (file!(), line), "{message}");
    for word in words {
        assert!(message.contains(word), "{word:?} is not in {message:?}");
    }
}

#[test]
fn shape_mistakes_name_the_op_the_shapes_and_the_line_of_the_caller() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let at = info.location().expect("a panic has a place");
        let message = info.payload().downcast_ref::<String>().cloned().unwrap_or_default();
        LAST.set((at.file().into(), at.line(), message));
        usual(info);
    }));
    let tape = Tape::<f64>::new();
    let a = tape.leaf(&[0.5; 6], [2, 3]);
    let b = tape.leaf(&[0.5; 4], [4]);
    let two = ["[2, 3]", "[4]"];
    let named = |op: &'static str| [&[op][..], &two].concat();
    macro_rules! blames {
        ($words:expr, $mistake:expr) => {
            assert_blames(line!(), &$words, || {
                let _ = $mistake;
            })
        };
    }
    blames!(named("add"), a + b);
    blames!(named("sub"), a - b);
    blames!(named("mul"), a * b);
    blames!(named("div"), a / b);
    blames!(named("pow"), a.pow(b));
    blames!(named("max"), a.max(b));
    blames!(named("log_add_exp"), a.log_add_exp(b));
    blames!(named("greater"), a.greater(b));
    blames!(named("select"), a.select(b, b));
    blames!(named("matmul"), a.matmul(b));
    blames!(named("normal_log_prob"), a.normal_log_prob(b, b));
    blames!(named("bernoulli_log_prob"), a.bernoulli_log_prob(b));
    blames!(named("affine"), a.affine(a, b, Activation::Tanh));
    blames!(["concat", "[2, 3]", "[4]"], Var::concat(&[a, b], 0));
    blames!(["concat", "[2, 3]", "[3, 2]"], Var::concat(&[a, a.transpose()], 0));
    blames!(["reshape", "[2, 3]", "[5]"], a.reshape([5]));
    blames!(["broadcast", "[2, 3]", "[3, 2]"], a.broadcast_to([3, 2]));
    blames!(["sum_to", "[2, 3]", "[4]"], a.sum_to([4]));
    blames!(["permute", "[2, 3]", "[0, 0]"], a.permute(&[0, 0]));
    blames!(["transpose", "[4]"], b.transpose());
    blames!(["slice", "[2, 3]", "2..9"], a.slice(1, 2..9));
    blames!(["pad", "[2, 3]", "5"], a.pad(5, 1, 1));
    blames!(["flip", "[2, 3]", "-3"], a.flip(-3));
    blames!(["sum_axis", "[2, 3]", "2"], a.sum_axis(2));
    blames!(["log_sum_exp", "[2, 3]", "2"], a.log_sum_exp(2));
    blames!(["log_softmax", "[4]", "1"], b.log_softmax(1));
    blames!(["item", "[2, 3]", "6"], a.item());
    blames!(["backward", "[2, 3]", "6"], a.backward());
    blames!(["pull", "1", "6"], tape.pull(&[(a, &[1.0])]));
    blames!(["jvp", "[2, 3]", "[4]"], a.jvp(&[a], &[b]));
    blames!(["hvp", "[2, 3]", "[4]"], a.hvp(&[a], &[b]));
    blames!(["leaf", "[2, 3]", "5"], tape.leaf(&[0.0; 5], [2, 3]));
    blames!(["constant", "[2, 3]", "5"], tape.constant(&[0.0; 5], [2, 3]));
}
