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
        "completions",
        "man",
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

#[test]
fn each_shell_gets_a_script_that_names_every_command() {
    let scratch = Scratch::new("completions");
    let help = support::succeed(&["--help"]);
    let rows = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let rows = rows.take_while(|line| !line.is_empty()).filter(|line| !line.starts_with("    "));
    let commands: Vec<&str> = rows.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(commands.len() > 10 && commands.contains(&"completions"), "{commands:?}");
    for shell in ["bash", "zsh", "fish"] {
        let script = support::succeed(&["completions", shell]);
        for word in commands.iter().chain(&["vae", "tensorboard"]) {
            assert!(script.contains(word), "{shell}: no {word}");
        }
    }
    let script =
        scratch.file("pathscore.bash", support::succeed(&["completions", "bash"]).as_bytes());
    let bash = |args: &[&str]| {
        let output = std::process::Command::new("bash").args(args).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && stderr.is_empty(), "{stderr}");
        String::from_utf8(output.stdout).unwrap()
    };
    bash(&["-n", &script]);
    let complete = "source $0; COMP_WORDS=(pathscore rec); COMP_CWORD=1; _pathscore pathscore rec pathscore; echo ${COMPREPLY[@]}";
    assert_eq!(bash(&["-c", complete, &script]), "reconstruct\n");
    let complete = "source $0; COMP_WORDS=(pathscore compare --problem bernoulli); COMP_CWORD=3; _pathscore pathscore bernoulli --problem; echo ${COMPREPLY[@]}";
    assert_eq!(bash(&["-c", complete, &script]), "bernoulli-toy\n");
    let output = support::run(&["completions", "tcsh"]);
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{words}");
    assert!(words.contains("tcsh") && words.contains("bash, zsh, fish"), "{words}");
}

#[test]
fn the_manual_has_a_page_of_every_command() {
    let page = support::succeed(&["man"]);
    assert!(page.contains(".TH pathscore 1"), "{page}");
    for command in ["train", "evaluate", "encode", "check", "man"] {
        assert!(page.contains(command), "{command}");
        let page = support::succeed(&["man", command]);
        assert!(page.contains(&format!(".TH pathscore-{command} 1")), "{page}");
    }
    let page = support::succeed(&["man", "train", "vae"]);
    assert!(page.contains(".TH pathscore-train-vae 1") && page.contains("latent"), "{page}");
    support::refuse(&["man", "trian"], &["no command `trian`", "train"]);
    support::refuse(&["man", "sample", "x"], &["`pathscore sample` has no commands"]);
}

#[test]
fn charts_have_two_grounds_and_no_other() {
    let with = |ground: &str| {
        let mut command = support::program(&["list"]);
        command.env("PATHSCORE_CHARTS", ground).output().unwrap()
    };
    assert!(["dark", "light", ""].iter().all(|ground| with(ground).status.success()));
    let refused = with("DARK");
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{words}");
    assert!(words.contains("PATHSCORE_CHARTS is DARK; it may be `dark` or `light`"), "{words}");
}
