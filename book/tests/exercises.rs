//! Every start is rejected and every solution accepted.

use pathscore_book::EXERCISES;

#[test]
fn every_start_is_rejected_with_evidence_and_a_hint() {
    for exercise in EXERCISES {
        let mark = (exercise.start)();
        assert!(!mark.passed, "{}: {:?}", exercise.name, mark.evidence);
        assert!(!mark.evidence.is_empty() && mark.hint.is_some(), "{}", exercise.name);
    }
}

#[test]
fn every_solution_is_accepted() {
    for exercise in EXERCISES {
        let mark = (exercise.solution)();
        assert!(mark.passed, "{}: {mark:?}", exercise.name);
        assert!(mark.hint.is_none(), "{}", exercise.name);
    }
}
