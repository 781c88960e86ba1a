//! The program in a terminal: no line is longer than its width.

#[allow(dead_code, reason = "other tests use the rest")]
mod support;

use support::{Scratch, program};
use unicode_width::UnicodeWidthStr;

/// The lines that a command prints for a terminal of so many columns.
fn lines(args: &[&str], columns: usize) -> Vec<String> {
    let output = program(args).env("COLUMNS", columns.to_string()).output().unwrap();
    let text = [output.stdout, output.stderr].map(|part| String::from_utf8(part).unwrap()).concat();
    text.lines().map(String::from).collect()
}

fn assert_fits(args: &[&str], columns: usize) {
    let lines = lines(args, columns);
    assert!(!lines.is_empty(), "{args:?} prints nothing");
    for line in lines {
        assert!(line.width() <= columns, "{args:?}, a line of {}: {line}", line.width());
    }
}

#[test]
fn no_line_of_a_help_wraps() {
    let commands = [
        "evaluate",
        "sample",
        "encode",
        "reconstruct",
        "report",
        "compare",
        "check",
        "likelihood",
        "criteria",
        "list",
        "train",
    ];
    for columns in [80, 200] {
        for help in ["--help", "-h"] {
            assert_fits(&[help], columns);
            commands.iter().for_each(|command| assert_fits(&[command, help], columns));
        }
    }
    let list = lines(&["list", "--format", "json"], 80).concat();
    let rows: Vec<serde_json::Value> = serde_json::from_str(&list).unwrap();
    for kind in rows.iter().filter(|row| row["kind"] == "model") {
        assert_fits(&["train", kind["name"].as_str().unwrap(), "--help"], 80);
    }
}

#[test]
fn no_line_of_a_result_or_a_message_wraps() {
    let scratch = Scratch::new("terminal");
    let (out, run) = (scratch.path("o"), scratch.path("r"));
    for columns in [80, 200] {
        assert_fits(&["list"], columns);
        assert_fits(&["check", "--samplers"], columns);
        assert_fits(&["check", "--problem", "bernoulli-toy"], columns);
        // The lines that name files are as long as the names of their folders.
        let compare = ["compare", "--problem", "sbn-small", "--draws", "50", "--out", &out];
        let lines = lines(&compare, columns);
        let table = lines.iter().filter(|line| !line.contains(&out));
        assert!(table.clone().count() > 20);
        table.for_each(|line| assert!(line.width() <= columns, "{line}"));
        assert_fits(&["compare", "--estimators", "reinforce-nonne"], columns);
        assert_fits(&["train", "--hidden", "99999", "--out", &run], columns);
    }
}

#[test]
fn a_slip_of_the_finger_is_corrected() {
    for (args, meant) in [
        (["check", "--problem", "sbn-smal"], "did you mean `sbn-small`?"),
        (["check", "--estimators", "vicmo"], "did you mean `vimco`?"),
        (["compare", "--problem", "linear-gausian"], "did you mean `linear-gaussian`?"),
    ] {
        support::refuse(&args, &[meant]);
    }
}
