//! The search for the first number that is not finite, and strict tapes that stop at it.

use pathscore_autodiff::Tape;

/// The message with which a closure panics.
fn panic_of(f: impl FnOnce()) -> String {
    let payload = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).unwrap_err();
    *payload.downcast::<String>().expect("a formatted message")
}

#[test]
fn the_first_entry_that_made_a_number_that_is_not_finite_is_named_with_its_line() {
    let tape = Tape::new();
    let x = tape.leaf(&[3.0_f64, 700.0], [2]);
    assert_eq!(tape.first_non_finite(), None);
    // Infinite constants and infinite results of them are allowed, but are named if there is no other entry to name.
    let mask = tape.constant(&[0.0, f64::NEG_INFINITY], [2]);
    let masked = x + mask;
    assert_eq!(
        tape.first_non_finite().map(|found| (found.op, found.at)),
        Some(("constant".into(), 1))
    );
    let (large, line) = (x.exp().square(), line!());
    let _ = large * masked - large;
    let found = tape.first_non_finite().expect("an overflow");
    assert_eq!((found.op.as_str(), found.at, found.value.as_str()), ("square", 1, "inf"));
    assert_eq!(found.line, format!("{}:{line}", file!()));
    assert_eq!(found.inputs.len(), 1);
    let text = found.to_string();
    assert!(text.starts_with("entry 4 (square) is inf at position 1, recorded at "), "{text}");
    assert!(text.contains(", from entry 3 in [20.08"), "{text}");
}

#[test]
fn a_strict_tape_stops_where_a_number_stops_being_finite() {
    let line = line!() + 3;
    let forward = panic_of(|| {
        let tape = Tape::strict();
        let _ = tape.leaf(&[1.0_f64, 0.0], [2]).ln();
    });
    let here = format!("recorded at {}:{line}", file!());
    assert!(forward.starts_with("entry 1 (ln) is -inf at position 1"), "{forward}");
    assert!(forward.contains(&here) && forward.contains("entry 0 in [0, 1]"), "{forward}");

    let scalar = panic_of(|| {
        let tape = Tape::strict();
        let x = tape.leaf(&[-1.0_f64], []);
        let _ = x * x + x.sqrt();
    });
    assert!(scalar.starts_with("entry 2 (sqrt) is NaN at position 0"), "{scalar}");

    let line = line!() + 4;
    let back = panic_of(|| {
        let tape = Tape::strict();
        let x = tape.leaf(&[4.0_f64, 0.0], [2]);
        let y = x.sqrt();
        let _ = y.sum().backward();
    });
    assert!(back.starts_with("back through entry 1 (sqrt)"), "{back}");
    let here = format!("recorded at {}:{line}", file!());
    assert!(back.contains(&here), "{back}");
    assert!(back.contains("the adjoint of entry 0 becomes inf at position 1"), "{back}");

    // Infinite constants and infinite results of them are allowed; a NaN never is.
    let tape = Tape::strict();
    let x = tape.leaf(&[1.0_f64, 2.0], [2]);
    let mask = tape.constant(&[0.0, f64::NEG_INFINITY], [2]);
    let y = (x + mask).log_sum_exp(0);
    assert_eq!(y.backward().of(x).values(), [1.0, 0.0]);
    let message = panic_of(|| {
        let _ = mask - mask;
    });
    assert!(message.contains("(sub) is NaN at position 1"), "{message}");
}

#[test]
fn a_strict_plan_stops_in_its_replay() {
    let tape = Tape::strict();
    let x = tape.leaf(&[4.0_f64, 9.0], [2]);
    let (y, line) = ((x - 1.0).ln(), line!());
    let (x, y) = (x.id(), y.sum().id());
    let mut plan = tape.plan(&[x], &[y]);
    plan.set(x, &[2.0, 4.0]);
    plan.run().unwrap();
    // Two roundings: ln 1 + ln 3.
    assert!((plan.value(y)[0] - 3_f64.ln()).abs() < 1e-15);
    plan.set(x, &[2.0, 0.5]);
    let message = panic_of(|| plan.run().unwrap());
    assert!(message.starts_with("entry 2 (ln) is NaN at position 1"), "{message}");
    assert!(message.contains(&format!("recorded at {}:{line}", file!())), "{message}");
    let message = panic_of(|| plan.set(x, &[f64::NAN, 1.0]));
    assert!(message.starts_with("entry 0 (leaf) is NaN at position 0"), "{message}");
}
