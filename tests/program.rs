//! The program as a user meets it: what it writes, what it says, and that nothing is lost.

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// A folder of this test's own, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("pathscore-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    fn file(&self, name: &str, bytes: &[u8]) -> String {
        fs::write(self.0.join(name), bytes).unwrap();
        self.path(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pathscore"));
    command.args(args).stdin(Stdio::null());
    command
}

fn run(args: &[&str]) -> Output {
    program(args).output().unwrap()
}

fn succeed(args: &[&str]) -> String {
    let output = run(args);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{args:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

/// Asserts exit code 2 and one line that holds every one of `parts`.
fn refuse(args: &[&str], parts: &[&str]) {
    let output = run(args);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
    assert_eq!(stderr.trim_end().lines().count(), 1, "{args:?}: {stderr}");
    for part in parts {
        assert!(stderr.contains(part), "{args:?}: {stderr} does not hold {part}");
    }
}

/// A run small enough to be repeated many times.
fn small<'a>(out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut args =
        vec!["train", "--data", "bars", "--hidden", "16", "--latent-dim", "2", "--batch", "50"];
    args.extend(["--eval-samples", "20", "--progress", "none", "--out", out]);
    args.extend(more);
    args
}

fn checkpoint(run: &str) -> Vec<u8> {
    fs::read(Path::new(run).join("checkpoint.safetensors")).unwrap()
}

#[test]
fn a_run_writes_every_file_and_its_summary_tells_it() {
    let scratch = Scratch::new("files");
    let out = scratch.path("run");
    succeed(&small(&out, &["--steps", "300", "--diagnostics"]));
    for name in [
        "run.toml",
        "metrics.jsonl",
        "checkpoint.safetensors",
        "summary.json",
        "samples.png",
        "reconstructions.png",
        "latent.png",
        "curve.svg",
    ] {
        assert!(fs::metadata(Path::new(&out).join(name)).unwrap().len() > 0, "{name}");
    }
    let metrics = fs::read_to_string(Path::new(&out).join("metrics.jsonl")).unwrap();
    let last: Value = serde_json::from_str(metrics.lines().last().unwrap()).unwrap();
    assert_eq!(last["test/kl_units"].as_array().map(Vec::len), Some(2));
    assert!(last["test/active_units"].as_u64() <= Some(2));
    for key in ["grad/variance/all", "grad/snr/encoder", "grad/snr/decoder", "test/ess_50"] {
        assert!(last[key].as_f64().is_some_and(|x| x > 0.0), "{key}: {last}");
    }
    let summary: Value =
        serde_json::from_slice(&fs::read(Path::new(&out).join("summary.json")).unwrap()).unwrap();
    assert_eq!((&summary["steps"], &summary["data"]), (&300.into(), &"bars".into()));
    // More samples bound the likelihood more tightly.
    let number = |key: &str| summary[key].as_f64().unwrap();
    assert!(number("elbo_test") < number("log_likelihood_test"));
    // Bars and stripes have 30 patterns; a model that knows nothing of 16 bits is at −11.09 nats.
    assert!(number("elbo_test") > -11.0);

    let rows: Value = serde_json::from_str(&succeed(&[
        "evaluate",
        &out,
        "--num-samples",
        "60",
        "--format",
        "json",
    ]))
    .unwrap();
    assert_eq!(rows[0]["quantity"], "elbo");
    let picture = scratch.path("new.png");
    succeed(&["sample", &out, "--count", "10", "--out", &picture]);
    assert_eq!(fs::read(picture).unwrap()[..4], *b"\x89PNG");
}

#[test]
fn a_killed_run_resumes_to_the_same_bytes() {
    let scratch = Scratch::new("killed");
    let (whole, broken) = (scratch.path("whole"), scratch.path("broken"));
    let more = [
        "--steps",
        "6000",
        "--checkpoint-seconds",
        "0",
        "--estimator",
        "reinforce",
        "--baseline",
        "running-mean",
    ];
    succeed(&small(&whole, &more));
    let mut kills = 0;
    let mut pause = 1_u64;
    for attempt in 0.. {
        assert!(attempt < 500, "the run does not end");
        let begun = Path::new(&broken).join("run.toml").exists();
        let args = if begun {
            vec!["train", "--progress", "none", "--checkpoint-seconds", "0", "--resume", &broken]
        } else {
            small(&broken, &more)
        };
        let mut child = program(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        if kills == 20 {
            assert!(child.wait().unwrap().success());
            break;
        }
        // Pauses of 0 to 96 ms in no order: from before the first file to the middle of a run.
        pause = pause * 29 % 97;
        std::thread::sleep(Duration::from_millis(pause));
        if child.try_wait().unwrap().is_none() {
            child.kill().unwrap();
            kills += 1;
        } else if begun && kills < 20 {
            // The run has ended under our hands: what is left of the kills falls on a new one.
            assert_eq!(checkpoint(&broken), checkpoint(&whole));
            fs::remove_dir_all(&broken).unwrap();
        }
        child.wait().unwrap();
    }
    assert_eq!(checkpoint(&broken), checkpoint(&whole));
    let steps = |run: &str| -> Vec<u64> {
        let text = fs::read_to_string(Path::new(run).join("metrics.jsonl")).unwrap();
        text.lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["step"].as_u64().unwrap())
            .collect()
    };
    assert_eq!(steps(&broken), steps(&whole));
}

#[test]
fn the_number_of_threads_does_not_change_a_byte() {
    let scratch = Scratch::new("threads");
    let runs: Vec<Vec<u8>> = ["1", "2", "3"]
        .iter()
        .map(|threads| {
            let out = scratch.path(threads);
            succeed(&small(&out, &["--steps", "100", "--num-samples", "8", "--threads", threads]));
            checkpoint(&out)
        })
        .collect();
    assert_eq!(runs[0], runs[1]);
    assert_eq!(runs[0], runs[2]);
}

#[test]
fn an_existing_run_is_not_overwritten_without_force() {
    let scratch = Scratch::new("force");
    let out = scratch.path("run");
    succeed(&small(&out, &["--steps", "20"]));
    let before = checkpoint(&out);
    refuse(&small(&out, &["--steps", "30"]), &["--force", "--resume"]);
    assert_eq!(checkpoint(&out), before);
    succeed(&small(&out, &["--steps", "30", "--force"]));
    assert_ne!(checkpoint(&out), before);
}

#[test]
fn malformed_data_get_one_clear_line_and_exit_code_two() {
    let scratch = Scratch::new("malformed");
    let huge = [&[0, 0, 8, 3][..], &[0xff; 12]].concat();
    let short = [&[0, 0, 8, 3, 0, 0, 0, 9, 0, 0, 0, 2, 0, 0, 0, 2][..], &[1; 10]].concat();
    let gzip = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 99];
    let cases: [(&str, String, &[&str]); 9] = [
        ("idx", scratch.file("empty", b""), &["empty"]),
        ("idx", scratch.file("header", &[0, 0, 8]), &["header"]),
        ("idx", scratch.file("magic", &[9; 20]), &["magic"]),
        ("idx", scratch.file("huge", &huge), &["huge"]),
        ("idx", scratch.file("short", &short), &["36", "10"]),
        ("idx", scratch.file("cut.gz", &gzip), &["gzip"]),
        ("csv", scratch.file("ragged.csv", b"1,0\n1\n0,1\n"), &["line 2"]),
        ("csv", scratch.file("nan.csv", b"1,0\n1,NaN\n0,1\n"), &["line 2", "column 2"]),
        ("npy", scratch.file("not.npy", b"\x93NUMPX"), &["not.npy"]),
    ];
    for (kind, path, parts) in &cases {
        refuse(
            &["train", "--data", &format!("{kind}:{path}"), "--out", &scratch.path("never")],
            parts,
        );
    }
    refuse(
        &[
            "train",
            "--data",
            &format!("csv:{}", scratch.path("nothing")),
            "--out",
            &scratch.path("never"),
        ],
        &["nothing"],
    );
    refuse(
        &[
            "train",
            "--data",
            &format!("csv:{}", scratch.0.display()),
            "--out",
            &scratch.path("never"),
        ],
        &["folder"],
    );
    assert!(!Path::new(&scratch.path("never")).exists(), "a refused request leaves nothing behind");
}

#[test]
fn impossible_requests_say_why() {
    let scratch = Scratch::new("requests");
    refuse(&["train", "dvae", "--estimator", "sgvb"], &["path", "reinforce"]);
    refuse(&["train", "--estimator", "reinforce", "--num-samples", "1"], &["leave-one-out", "2"]);
    refuse(&["train", "--baseline", "none"], &["reinforce"]);
    refuse(&["train", "--estimator", "rebar"], &["bits", "sgvb"]);
    refuse(&["train", "sbn", "--estimator", "disarm"], &["one layer", "vimco"]);
    refuse(&["train", "dvae", "--temperature", "0"], &["--temperature"]);
    refuse(&["train", "--lr", "0"], &["--lr"]);
    refuse(
        &["train", "--data", "bars", "--batch", "999999", "--out", &scratch.path("x")],
        &["999999"],
    );
    refuse(&["train", "--threads", "0"], &["--threads"]);
    refuse(&["evaluate", &scratch.path("none")], &["run.toml"]);
    refuse(&["compare", "--estimators", "magic"], &["magic", "sgvb-analytic"]);
    refuse(
        &["compare", "--problem", "sbn-small", "--estimators", "sgvb-sampled"],
        &["linear-gaussian"],
    );
    assert_eq!(run(&["train", "--no-such-option"]).status.code(), Some(2));
}

#[test]
fn a_damaged_checkpoint_is_named() {
    let scratch = Scratch::new("damaged");
    let out = scratch.path("run");
    succeed(&small(&out, &["--steps", "20"]));
    let path = Path::new(&out).join("checkpoint.safetensors");
    let whole = fs::read(&path).unwrap();
    for damaged in [&whole[..7], &whole[..whole.len() - 5], b"nonsense nonsense", &[0xff; 64]] {
        fs::write(&path, damaged).unwrap();
        refuse(
            &["evaluate", &out, "--num-samples", "2"],
            &["checkpoint.safetensors", "not a checkpoint"],
        );
    }
}

#[test]
fn comparison_agrees_with_the_exact_gradient() {
    let scratch = Scratch::new("compare");
    let figures = scratch.path("figures");
    let text = succeed(&["compare", "--draws", "20000", "--format", "json", "--out", &figures]);
    let rows: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert!(rows.len() > 60);
    for row in &rows {
        // Some 200 components at |z| < 5: a false alarm once in 8000 seeds, and the seed is fixed.
        let z = row["z"].as_f64().unwrap().abs();
        let exact = row["claim"] == "unbiased" || row["claim"] == "exact";
        assert!(!exact || z < 5.0, "{row}");
    }
    let variance = |estimator: &str| -> f64 {
        let of = |row: &&Value| row["estimator"] == estimator && row["component"] == "phi[0]";
        rows.iter().find(of).unwrap()["variance"].as_f64().unwrap()
    };
    assert!(variance("reinforce-leave-one-out") < 0.5 * variance("reinforce-none"));
    let front = |row: &&Value| row["pareto"] == true;
    // What is exact has no variance at all, and nothing is free.
    assert!(rows.iter().filter(front).any(|row| row["estimator"] == "enumeration"));
    // Two weights that differ count for less than two draws and more than one.
    let effective = rows[0]["effective_sample_size"].as_f64().unwrap();
    assert!(effective > 1.0 && effective < 2.0, "{effective}");
    for name in ["sbn-small", "sbn-small-draws", "variance-gaussian-quadratic"] {
        let file = |end: &str| Path::new(&figures).join(format!("{name}.{end}"));
        assert!(fs::read_to_string(file("svg")).unwrap().starts_with("<svg"));
        assert!(fs::read(file("png")).unwrap().starts_with(b"\x89PNG"));
    }
}

#[test]
fn a_comparison_of_some_names_only_them_and_says_their_front() {
    let scratch = Scratch::new("compare-some");
    let figures = scratch.path("figures");
    let some = ["--estimators", "sgvb-sampled,reinforce-none", "--draws", "500", "--out", &figures];
    let text = succeed(&[&["compare"][..], &some].concat());
    assert!(text.contains("Pareto front") && !text.contains("quadrature"), "{text}");
    // 100 columns, beside the sentences.
    let rows =
        text.lines().filter(|line| line.starts_with(char::is_lowercase) && !line.contains(':'));
    assert!(
        rows.clone().count() >= 3 && rows.clone().all(|row| row.chars().count() <= 100),
        "{text}"
    );
    let csv = succeed(&[&["compare", "--format", "csv"][..], &some].concat());
    assert!(csv.starts_with("problem,estimator,target,claim,component,"), "{csv}");
}

#[test]
fn a_trained_run_is_a_problem_whose_truth_is_estimated() {
    let scratch = Scratch::new("compare-run");
    let (out, figures) = (scratch.path("run"), scratch.path("figures"));
    succeed(&small(&out, &["--steps", "100"]));
    let problem = format!("run:{out}");
    let asked = ["compare", "--problem", &problem, "--out", &figures, "--format", "json"];
    let text = succeed(&[&asked[..], &["--draws", "100"]].concat());
    let rows: Vec<Value> = serde_json::from_str(&text).unwrap();
    let of = |estimator: &str| -> Vec<&Value> {
        rows.iter().filter(|row| row["estimator"] == estimator).collect()
    };
    let number = |row: &Value, key: &str| row[key].as_f64().unwrap();
    // Two directions of each of eight tensors.
    let path = of("sgvb-analytic");
    assert!(path.len() == 16 && path[0]["component"] == "encoder.0.weight·1", "{path:?}");
    for row in rows.iter().filter(|row| row["claim"] == "unbiased") {
        // Some 200 components; of a hundred draws the largest |z| is near three.
        assert!(number(row, "z").abs() < 6.0 && number(row, "exact_error") > 0.0, "{row}");
    }
    let variance = |estimator: &str| number(of(estimator)[0], "total_variance");
    assert!(variance("reinforce-none") > 10.0 * variance("sgvb-analytic"));
    assert!(variance("reinforce-leave-one-out") < variance("reinforce-none"));
    assert!(of("disarm").is_empty() && !of("dreg").is_empty());
    assert!(fs::metadata(Path::new(&figures).join("run-run.svg")).unwrap().len() > 0);
    let some = ["--draws", "20", "--estimators", "sgvb-sampled,reinforce-none"];
    let text = succeed(&[&asked[..5], &some].concat());
    assert!(text.contains("the truth is estimated itself, by 160 other draws of sgvb"), "{text}");

    refuse(&[&asked[..], &["--estimators", "disarm"]].concat(), &["disarm", "vae", "sgvb-sampled"]);
    refuse(&["compare", "--problem", &format!("run:{}", scratch.path("none"))], &["run.toml"]);
    fs::remove_file(Path::new(&out).join("checkpoint.safetensors")).unwrap();
    refuse(&asked, &["checkpoint.safetensors"]);
    let unknown = run(&["compare", "--problem", "magic"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("run:DIR"));
}

#[test]
fn a_run_whose_data_are_gone_is_no_problem() {
    let scratch = Scratch::new("compare-no-data");
    let rows: String = (0..40).map(|i| format!("{},{}\n", i % 2, i % 3 % 2)).collect();
    let (data, out) = (scratch.file("rows.csv", rows.as_bytes()), scratch.path("run"));
    let source = format!("csv:{data}");
    succeed(&[
        "train",
        "--data",
        &source,
        "--hidden",
        "2",
        "--latent-dim",
        "1",
        "--batch",
        "5",
        "--steps",
        "5",
        "--eval-samples",
        "2",
        "--progress",
        "none",
        "--out",
        &out,
    ]);
    fs::remove_file(&data).unwrap();
    refuse(&["compare", "--problem", &format!("run:{out}")], &["rows.csv"]);
}

#[test]
fn a_check_certifies_what_can_be_listed_exactly() {
    for problem in ["bernoulli-toy", "sbn-two-layers", "sbn-three-layers"] {
        let text = succeed(&["check", "--problem", problem, "--format", "json"]);
        let rows: Vec<Value> = serde_json::from_str(&text).unwrap();
        assert!(rows.len() >= 5);
        for row in &rows {
            assert_eq!(row["ok"], true, "{row}");
            let error = row["max_abs_error"].as_f64().unwrap();
            match row["claim"].as_str().unwrap() {
                "biased" => assert!(row["verdict"] == "BIASED" && error > 1e-3, "{row}"),
                // Uniform numbers, cut into pieces, are too many to list for several draws.
                _ if row["method"] == "sampled" => assert_eq!(row["verdict"], "UNBIASED", "{row}"),
                _ => assert!(row["verdict"] == "UNBIASED" && error < 1e-8, "{row}"),
            }
        }
    }
    refuse(&["check", "--problem", "sbn-small", "--estimators", "sgvb-sampled"], &["fits"]);
}

#[test]
fn the_zoo_is_caught_to_the_last() {
    let output = run(&["check", "--zoo", "--format", "json"]);
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("24 of 24 caught"), "{said}");
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    for row in &rows {
        assert!(row["caught"] == true && row["evidence"].as_str().unwrap().len() > 10, "{row}");
    }
    assert_eq!(run(&["check", "--zoo", "--problem", "sbn-small"]).status.code(), Some(2));
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_says_how_to_go_on_and_does() {
    let scratch = Scratch::new("interrupted");
    let (whole, stopped) = (scratch.path("whole"), scratch.path("stopped"));
    succeed(&small(&whole, &["--steps", "20000"]));
    let child = program(&small(&stopped, &["--steps", "20000"]))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    assert!(stderr.contains("--resume"), "{stderr}");
    succeed(&["train", "--progress", "none", "--resume", &stopped]);
    assert_eq!(checkpoint(&stopped), checkpoint(&whole));
}
