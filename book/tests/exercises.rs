//! Every start is rejected and every solution accepted.

use pathscore_book::EXERCISES;

#[test]
fn every_start_is_rejected_with_evidence_and_a_hint() {
    for exercise in EXERCISES {
        let mark = (exercise.start)();
        let name = exercise.name;
        assert!(
            !mark.passed,
            "{name}: the start is accepted. If you have solved it, keep your answer elsewhere, and bring the start \
             back with `git restore book/exercises/{name}/start.rs`. {:?}",
            mark.evidence
        );
        assert!(!mark.evidence.is_empty() && mark.hint.is_some(), "{}", exercise.name);
    }
}

#[test]
fn every_solution_is_accepted() {
    for exercise in EXERCISES {
        let mark = (exercise.solution)();
        assert!(mark.passed, "{}: {mark:?}", exercise.name);
        assert!(mark.hint.is_none(), "{}", exercise.name);
        // Two verdicts say for what each holds.
        let mut lines = mark.evidence;
        let count = lines.len();
        lines.sort();
        lines.dedup();
        assert_eq!(lines.len(), count, "{}: {lines:?}", exercise.name);
        let bare = |line: &&String| line.starts_with("UNBIASED");
        assert!(lines.iter().filter(bare).count() < 2, "{}: {lines:?}", exercise.name);
    }
}

#[test]
fn the_program_prints_the_mark_in_short_lines_and_exits_with_it() {
    let run = |arguments: &[&str]| {
        let program = std::process::Command::new(env!("CARGO_BIN_EXE_exercise"))
            .args(arguments)
            .output()
            .expect("the program runs");
        let text = |bytes| String::from_utf8(bytes).expect("the program prints text");
        (program.status.code(), text(program.stdout), text(program.stderr))
    };
    let (code, mark, _) = run(&["leave_one_out"]);
    assert_eq!(code, Some(1));
    assert!(mark.starts_with("leave_one_out: NOT YET\n") && !mark.contains("Hint: "), "{mark}");
    assert!(mark.lines().all(|line| line.chars().count() <= 80), "{mark}");
    // The introduction shows the mark of the first exercise.
    let introduction = include_str!("../src/00-before-you-begin.md");
    let (_, mark, _) = run(&["two_terms"]);
    assert!(introduction.contains(&mark), "{mark}");
    let (code, mark, _) = run(&["two_terms", "--hint"]);
    assert!(code == Some(1) && introduction.contains(&mark) && mark.contains("Hint: "), "{mark}");
    let (code, _, message) = run(&["leave_two_out"]);
    assert_eq!(code, Some(2));
    for part in ["no exercise leave_two_out.", "Did you mean leave_one_out?", "  leave_one_out\n"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    let (_, _, message) = run(&["adam"]);
    assert!(!message.contains("Did you mean"), "{message}");
    assert_eq!(run(&["--hint"]).0, Some(2));
    assert_eq!(run(&["score", "--hints"]).0, Some(2));
    assert_eq!(run(&["score", "vimco"]).0, Some(2));
    assert_eq!(run(&["--help"]).0, Some(0));
}
