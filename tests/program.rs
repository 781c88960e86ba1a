//! The program as a user meets it: what it writes, what it says, and that nothing is lost.

mod support;

use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use support::{Scratch, program, refuse, run, succeed};

/// Asserts exit code 2 and a message that holds every one of `parts`; the parser's own messages have several lines.
fn refuse_in_words(args: &[&str], parts: &[&str]) {
    let output = run(args);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
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
        "latent-map.png",
        "posterior.png",
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
fn annealing_adds_bounds_to_an_evaluation() {
    let scratch = Scratch::new("annealing");
    let (vae, dvae, exact) = (scratch.path("vae"), scratch.path("dvae"), scratch.path("exact"));
    succeed(&small(&vae, &["--steps", "300"]));
    let mut of_bits = small(&dvae, &["--steps", "300"]);
    of_bits.insert(1, "dvae");
    succeed(&of_bits);
    for run in [&vae, &dvae] {
        let args = ["evaluate", run, "--rows", "20", "--num-samples", "500", "--format", "json"];
        let ais = ["--ais", "100", "--ais-rows", "20", "--progress", "none"];
        let text = succeed(&[&args[..], &ais].concat());
        let threads = succeed(&[&args[..], &ais, &["--threads", "1"]].concat());
        assert_eq!(text, threads, "the same numbers for any number of threads");
        let rows: Vec<Value> = serde_json::from_str(&text).unwrap();
        let number = |name: &str| {
            let row = rows.iter().find(|row| row["quantity"] == name).unwrap();
            assert_eq!(row["rows"], 20, "{name}");
            row["value"].as_f64().unwrap()
        };
        // Two latents and 500 importance samples: both find ln p(x) of the same twenty rows to a tenth of a nat.
        assert!((number("ais_lower") - number("log_likelihood")).abs() < 0.1, "{text}");
        let gap = number("ais_upper_simulated") - number("ais_lower_simulated");
        assert!(
            (gap - number("ais_gap_simulated")).abs() < 1e-9 && (-0.05..0.2).contains(&gap),
            "{text}"
        );
    }
    refuse(&["evaluate", &vae, "--ais", "0"], &["--ais", "at least 1"]);
    refuse_in_words(&["evaluate", &vae, "--ais-rows", "5"], &["--ais"]);
    succeed(&[
        "train",
        "ppca",
        "--data",
        "bars",
        "--latent-dim",
        "3",
        "--progress",
        "none",
        "--out",
        &exact,
    ]);
    refuse(&["evaluate", &exact, "--ais", "5"], &["--ais", "ppca is exact"]);
}

#[test]
fn ppca_fits_rows_with_missing_cells_and_chooses_its_rank() {
    let scratch = Scratch::new("ppca-missing");
    let (mut whole, mut holes) =
        (String::from("label,a,b,c,d,e\n"), String::from("label,a,b,c,d,e\n"));
    for i in 0..600 {
        let t = f64::from(i);
        let (a, b) = (2.0 * (0.7 * t).sin(), (1.3 * t).cos());
        let noise = |k: f64| 0.05 * (k * t + 0.3 * t * t).sin();
        let row = [a, b, a - b, 0.5 * a + b, b - 0.3 * a];
        let row: Vec<f64> = row.iter().zip(1..).map(|(x, k)| x + noise(f64::from(k))).collect();
        let cells: Vec<String> = row.iter().map(|x| x.to_string()).collect();
        whole += &format!("{},{}\n", i % 3, cells.join(","));
        let seen = |j: usize| !(i as usize * 5 + j * 3 + i as usize / 7).is_multiple_of(6);
        let cells: Vec<&str> =
            cells.iter().enumerate().map(|(j, x)| if seen(j) { x } else { "" }).collect();
        holes += &format!("{},{}\n", i % 3, cells.join(","));
    }
    let whole = format!("csv:{}", scratch.file("whole.csv", whole.as_bytes()));
    let holes = format!("csv:{}", scratch.file("holes.csv", holes.as_bytes()));

    let out = scratch.path("auto");
    succeed(&[
        "train",
        "ppca",
        "--data",
        &whole,
        "--latent-dim",
        "auto",
        "--progress",
        "none",
        "--out",
        &out,
    ]);
    let settings = fs::read_to_string(Path::new(&out).join("run.toml")).unwrap();
    assert!(settings.contains("latent_dim = 2"), "{settings}");
    succeed(&["evaluate", &out]);
    let out = scratch.path("words");
    let args = ["train", "ppca", "--data", &whole, "--latent-dim", "many", "--out", &out];
    refuse_in_words(&args, &["many", "auto"]);

    let out = scratch.path("em");
    let args = [
        "train",
        "ppca",
        "--data",
        &holes,
        "--latent-dim",
        "2",
        "--progress",
        "none",
        "--out",
        &out,
    ];
    refuse(&args, &["cells of the data are missing", "closed-form", "--method em"]);
    succeed(&[&args[..], &["--method", "em", "--steps", "300"]].concat());
    let summary = fs::read(Path::new(&out).join("summary.json")).unwrap();
    let summary: Value = serde_json::from_slice(&summary).unwrap();
    // Noise of variance 0.05²/2, seen through what two latents of five columns leave: near -1/2 ln(2π e σ²) for each of the three
    // columns that the latents do not explain, so far above zero.
    assert!(summary["log_likelihood_test"].as_f64().unwrap() > 0.0, "{summary}");
    for name in
        ["samples.png", "reconstructions.png", "loadings.png", "latent-map.png", "posterior.png"]
    {
        assert!(fs::metadata(Path::new(&out).join(name)).unwrap().len() > 0, "{name}");
    }
    let rows: Vec<Value> =
        serde_json::from_str(&succeed(&["evaluate", &out, "--format", "json"])).unwrap();
    assert_eq!(rows[0]["value"], summary["log_likelihood_test"], "the same rows again");
    for kind in ["vae", "fa"] {
        let args = ["train", kind, "--data", &holes, "--latent-dim", "2"];
        refuse(&args, &["expected a finite number, found ``", kind, "may be missing for ppca"]);
    }
    let args = ["train", "ppca", "--data", &holes, "--latent-dim", "auto", "--method", "em"];
    refuse(&args, &["--latent-dim auto", "cells are missing"]);
}

#[test]
fn a_killed_run_resumes_to_the_same_bytes() {
    let scratch = Scratch::new("killed");
    let (whole, broken) = (scratch.path("whole"), scratch.path("broken"));
    let more = [
        "--steps",
        "6000",
        "--checkpoint-seconds",
        "0.01",
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
            vec!["train", "--progress", "none", "--checkpoint-seconds", "0.01", "--resume", &broken]
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
    refuse(
        &["train", "--estimator", "reinforce", "--num-samples", "1", "--out", &scratch.path("x")],
        &["leave-one-out", "--num-samples 2"],
    );
    refuse(&["train", "--baseline", "none"], &["--baseline", "sgvb"]);
    refuse(&["train", "--estimator", "rebar"], &["bits", "sgvb"]);
    refuse(&["train", "sbn", "--estimator", "disarm"], &["one layer", "vimco"]);
    refuse_in_words(
        &["train", "dvae", "--estimator", "rebar", "--temperature", "0"],
        &["--temperature", "positive"],
    );
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
    assert!(!Path::new(&scratch.path("x")).exists(), "a refused request leaves nothing behind");
}

#[test]
fn an_option_without_effect_is_refused_with_the_reason() {
    for (args, parts) in [
        (&["--alpha", "0.3"][..], &["--alpha", "sgvb", "--kl"][..]),
        (&["--estimator", "tvo", "--kl", "sampled"], &["--kl", "tvo"]),
        (&["--points", "7"], &["--points", "sgvb"]),
        (&["--wake", "0.3"], &["--wake", "sgvb"]),
        (&["--nvil-mode", "paper"], &["--nvil-mode", "sgvb"]),
        (&["--momentum", "0.5"], &["--momentum", "adam", "sgd", "rmsprop"]),
        (&["--nesterov"], &["--nesterov", "adam", "sgd"]),
        (
            &["--optimizer", "sgd", "--nesterov", "--momentum", "0"],
            &["--nesterov", "momentum is 0"],
        ),
        (&["--optimizer", "sgd", "--centered"], &["--centered", "sgd", "rmsprop"]),
        (&["--optimizer", "rmsprop", "--weight-decay", "0.1"], &["--weight-decay", "adamw"]),
        (&["--optimizer", "adagrad", "--momentum", "0.5"], &["--momentum", "adagrad", "sgd"]),
        (
            &["--estimator", "reinforce", "--baseline-value", "3"],
            &["--baseline-value", "leave-one-out", "constant"],
        ),
        (
            &["--estimator", "reinforce", "--baseline", "none", "--baseline-decay", "0.5"],
            &["--baseline-decay", "none", "running-mean"],
        ),
    ] {
        refuse(&[&["train", "vae"][..], args].concat(), parts);
    }
    refuse(&["train", "dvae", "--temperature", "0.3"], &["--temperature", "reinforce"]);
    refuse(&["train", "sbn", "--estimator", "wake", "--wake", "0.3"], &["--wake", "wake"]);
    refuse(&["train", "ppca", "--lr", "0.1"], &["--lr", "closed-form", "gradient"]);
    refuse(&["train", "ppca", "--steps", "9"], &["--steps", "closed-form"]);
    refuse(&["train", "ppca", "--method", "gradient", "--tolerance", "1"], &["--tolerance", "em"]);
    refuse(&["train", "ppca", "--method", "em", "--binarize", "dynamic"], &["dynamic", "fixed"]);
    for kind in ["fa", "gmm"] {
        refuse(&["train", kind, "--lr", "0.1"], &["--lr", "em", "follows no gradient"]);
        let gradient = ["train", kind, "--method", "gradient", "--tolerance", "1"];
        refuse(&gradient, &["--tolerance", "em"]);
        refuse(&["train", kind, "--binarize", "dynamic"], &["dynamic", "fixed"]);
    }
    refuse(&["train", "rbm", "--criterion", "cd", "--chains", "9"], &["--chains", "pcd"]);
    refuse(&["train", "rbm", "--resume", "somewhere"], &["train --resume DIR"]);
    let beside = ["train", "--resume", "somewhere", "--clip", "0.1"];
    refuse_in_words(&beside, &["--resume", "--clip"]);
}

#[test]
fn a_number_that_proves_nothing_is_refused() {
    for (args, parts) in [
        (["check", "--draws", "0"], ["--draws 0", "20"]),
        (["check", "--draws", "19"], ["--draws 19", "20"]),
        (["check", "--seconds", "0"], ["--seconds 0", "positive"]),
        (["check", "--seconds", "nan"], ["--seconds NaN", "positive"]),
        (["check", "--resolution", "2"], ["--resolution 2", "below 1"]),
        (["check", "--resolution", "nan"], ["--resolution NaN", "above 0"]),
        (["compare", "--draws", "2"], ["--draws 2", "20"]),
    ] {
        refuse(&args, &parts);
    }
}

/// Every kind of model.
const KINDS: [&str; 18] = [
    "vae", "hvae", "dvae", "sbn", "ppca", "fa", "gmm", "gp", "gplvm", "bgplvm", "rbm", "grbm",
    "dbm", "ising", "energy", "nade", "made", "flow",
];

#[test]
fn the_help_of_a_kind_shows_its_options_and_no_others() {
    let help = |kind: &str| succeed(&["train", kind, "--help"]);
    let options = |kind: &str, yes: &[&str], no: &[&str]| {
        let text = help(kind);
        for option in yes {
            assert!(text.contains(&format!("--{option} ")), "{kind}: no --{option} in {text}");
        }
        for option in no {
            assert!(!text.contains(&format!("--{option} ")), "{kind}: --{option} in {text}");
        }
    };
    let common = ["data", "seed", "out", "lr", "dtype"];
    for kind in KINDS {
        options(kind, &common, &["resume"]);
    }
    options(
        "vae",
        &[
            "latent-dim",
            "alpha",
            "kl",
            "baseline",
            "levels",
            "posterior",
            "flow-layers",
            "flow-hidden",
        ],
        &["layers", "temperature", "chains", "inference"],
    );
    options(
        "hvae",
        &["layers", "inference", "alpha", "baseline", "levels"],
        &["latent-dim", "temperature", "kl", "posterior"],
    );
    options(
        "dvae",
        &["latent-dim", "temperature", "baseline"],
        &["layers", "alpha", "kl", "sweeps"],
    );
    options("sbn", &["layers", "temperature", "wake"], &["latent-dim", "alpha", "kl", "method"]);
    options(
        "ppca",
        &["latent-dim", "method", "tolerance"],
        &["estimator", "eval-samples", "sweeps"],
    );
    options(
        "fa",
        &["latent-dim", "method", "tolerance", "noise-floor", "rotation"],
        &["estimator", "eval-samples", "components"],
    );
    options(
        "gmm",
        &["components", "covariance", "covariance-floor", "method", "tolerance"],
        &["estimator", "eval-samples", "latent-dim", "noise-floor"],
    );
    options(
        "gp",
        &["target", "kernel", "prior", "rows", "method", "tolerance"],
        &["estimator", "eval-samples", "latent-dim", "batch"],
    );
    options(
        "gplvm",
        &["latent-dim", "kernel", "prior", "rows", "classes", "method", "tolerance"],
        &["estimator", "eval-samples", "target", "batch"],
    );
    options(
        "bgplvm",
        &["latent-dim", "inducing", "rows", "classes", "method", "tolerance"],
        &["estimator", "eval-samples", "kernel", "prior", "batch"],
    );
    options(
        "rbm",
        &["hidden", "criterion", "sweeps", "chains", "flip", "noise-ratio", "temperatures"],
        &["estimator", "latent-dim", "kl"],
    );
    options("grbm", &["hidden", "sd", "criterion", "sweeps"], &["estimator", "layers", "pairs"]);
    options(
        "dbm",
        &["layers", "mean-field-steps", "criterion", "chains"],
        &["hidden", "sd", "estimator"],
    );
    options("ising", &["pairs", "criterion", "chains"], &["hidden", "layers", "sd"]);
    options(
        "energy",
        &["hidden", "data-noise", "criterion", "sampler", "step-size", "moves", "draws", "restart"],
        &["estimator", "latent-dim", "sweeps"],
    );
    options("nade", &["hidden", "batch", "optimizer"], &["estimator", "criterion", "orders"]);
    options("made", &["hidden", "orders", "activation"], &["estimator", "criterion", "layers"]);
    options("flow", &["layers", "hidden", "activation"], &["estimator", "criterion", "orders"]);
    let all = succeed(&["train", "--help"]);
    for kind in KINDS {
        assert!(all.contains(&format!("\n  {kind} ")), "{kind} is missing: {all}");
    }
    assert!(all.contains("--resume"), "{all}");
    let list = succeed(&["list", "--format", "csv"]);
    for kind in KINDS {
        assert!(list.contains(&format!("model,{kind},")), "{kind} is missing: {list}");
    }
}

#[test]
fn a_run_whose_likelihood_needs_annealing_names_the_command() {
    let scratch = Scratch::new("annealing-needed");
    let out = scratch.path("dbm");
    let args = ["train", "dbm", "--data", "bars", "--steps", "5", "--progress", "none"];
    let text = succeed(&[&args[..], &["--layers", "40,40", "--out", &out]].concat());
    assert!(text.contains(&format!("pathscore evaluate {out} --ais 1000")), "{text}");
    let rows = evaluated(&out, &["--ais", "50", "--progress", "none"]);
    assert!(quantity(&rows, "elbo_ais") <= 0.0 && quantity(&rows, "elbo_ais_reverse") <= 0.0);
    let text = succeed(&[&args[..], &["--layers", "4,4", "--out", &scratch.path("few")]].concat());
    assert!(text.contains("log likelihood") && !text.contains("--ais"), "{text}");
}

#[test]
fn a_finished_run_says_so_and_stays_as_it_is() {
    let scratch = Scratch::new("finished");
    for kind in ["rbm", "nade", "ppca"] {
        let out = scratch.path(kind);
        let steps: &[&str] = if kind == "ppca" { &[] } else { &["--hidden", "4", "--steps", "3"] };
        let args = ["train", kind, "--data", "bars", "--progress", "plain", "--out", &out];
        succeed(&[&args[..], steps].concat());
        let files = || {
            let names = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().path());
            let mut files: Vec<_> = names.map(|path| (fs::read(&path).unwrap(), path)).collect();
            files.sort();
            files
        };
        let before = files();
        let output = run(&["train", "--resume", &out]);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && output.stdout.is_empty(), "{kind}: {stderr}");
        assert!(stderr.contains("nothing was changed") && !stderr.contains("NaN"), "{stderr}");
        assert!(before == files(), "{kind}: a file was changed");
    }
    // More steps are taken.
    let rbm = scratch.path("rbm");
    succeed(&["train", "--resume", &rbm, "--steps", "5", "--progress", "none"]);
    assert_eq!(summary(&rbm)["steps"], 5);
}

/// Runs a command to its end, and again with kills at many moments, and compares the checkpoints.
fn killed_and_resumed(name: &str, args: &[&str]) {
    let scratch = Scratch::new(name);
    let (whole, broken) = (scratch.path("whole"), scratch.path("broken"));
    let often = ["--progress", "none", "--checkpoint-seconds", "0.05"];
    succeed(&[&["train"], args, &often, &["--out", &whole]].concat());
    let mut pause = 7_u64;
    let mut kills = 0;
    for attempt in 0.. {
        assert!(attempt < 200, "the run does not end");
        let begun = Path::new(&broken).join("run.toml").exists();
        let more: Vec<&str> = match begun {
            true => [&["train"], &often[..], &["--resume", &broken]].concat(),
            false => [&["train"], args, &often, &["--out", &broken]].concat(),
        };
        let command = &mut program(&more);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        pause = pause * 31 % 211;
        std::thread::sleep(Duration::from_millis(100 + pause));
        if kills == 8 || child.try_wait().unwrap().is_some() {
            let output = child.wait_with_output().unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert!(
                output.status.success(),
                "{more:?}, {kills} kills: {}, {stderr}",
                output.status
            );
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
    }
    assert!(kills > 0, "no run was killed: they are too short");
    assert_eq!(checkpoint(&broken), checkpoint(&whole));
}

#[test]
fn persistent_chains_resume_to_the_same_bytes() {
    let rbm = ["rbm", "--data", "bars", "--hidden", "8", "--criterion", "pcd", "--chains", "30"];
    killed_and_resumed("rbm", &[&rbm[..], &["--steps", "20000"]].concat());
}

#[test]
fn persistent_chains_by_dynamics_resume_to_the_same_bytes() {
    let energy = ["energy", "--data", "mixture", "--hidden", "16,16", "--chains", "30"];
    for sampler in ["langevin", "hmc"] {
        let more = ["--sampler", sampler, "--moves", "3", "--steps", "3000"];
        killed_and_resumed(sampler, &[&energy[..], &more].concat());
    }
}

#[test]
fn every_energy_model_resumes_to_the_same_bytes() {
    let scratch = Scratch::new("resumed-energy");
    for (i, args) in [
        &["grbm", "--data", "bars", "--hidden", "6"][..],
        &["grbm", "--data", "bars", "--hidden", "6", "--sd", "fixed", "--criterion", "cd"],
        &["dbm", "--data", "bars", "--layers", "6,4", "--chains", "30"],
        &["ising", "--data", "bars"],
        &["ising", "--data", "bars", "--pairs", "torus", "--dtype", "f64"],
    ]
    .iter()
    .enumerate()
    {
        let quiet = ["--progress", "none"];
        let train = |steps: &str, out: &str| {
            succeed(&[&["train"], *args, &["--steps", steps, "--out", out], &quiet].concat());
        };
        let (whole, broken) = (scratch.path(&format!("whole{i}")), scratch.path(&format!("{i}")));
        train("40", &whole);
        train("23", &broken);
        succeed(&[&["train", "--resume", &broken, "--steps", "40"][..], &quiet].concat());
        assert!(checkpoint(&broken) == checkpoint(&whole), "{args:?}");
    }
}

#[test]
fn em_and_gradients_of_ppca_resume_to_the_same_bytes() {
    let ppca = ["ppca", "--data", "bars", "--latent-dim", "3"];
    let em = ["--method", "em", "--tolerance", "1e-300", "--steps", "300"];
    killed_and_resumed("ppca-em", &[&ppca[..], &em].concat());
    let gradient = ["--method", "gradient", "--batch", "100", "--steps", "3000"];
    killed_and_resumed("ppca-gradient", &[&ppca[..], &gradient].concat());
}

#[test]
fn every_optimiser_resumes_to_the_same_bytes() {
    let scratch = Scratch::new("optimisers");
    for (i, more) in [
        &["adam"][..],
        &["adamw", "--weight-decay", "0.1"],
        &["adamax"],
        &["adagrad"],
        &["rmsprop"],
        &["rmsprop", "--momentum", "0.9", "--centered"],
        &["sgd", "--nesterov"],
    ]
    .iter()
    .enumerate()
    {
        let args = ["train", "rbm", "--data", "bars", "--hidden", "4", "--optimizer"];
        let quiet = ["--progress", "none"];
        let train = |steps: &str, out: &str| {
            succeed(&[&args[..], more, &["--steps", steps, "--out", out], &quiet].concat());
        };
        let (whole, broken) = (scratch.path(&format!("whole{i}")), scratch.path(&format!("{i}")));
        train("8", &whole);
        train("5", &broken);
        succeed(&[&["train", "--resume", &broken, "--steps", "8"][..], &quiet].concat());
        assert!(checkpoint(&broken) == checkpoint(&whole), "{more:?}");
    }
}

#[test]
fn densities_by_networks_resume_to_the_same_bytes() {
    for (kind, more) in [
        ("nade", &["--hidden", "8", "--steps", "4000"][..]),
        ("made", &["--hidden", "9,7", "--orders", "2", "--steps", "3000"]),
        ("flow", &["--hidden", "8", "--layers", "2", "--steps", "2000"]),
    ] {
        killed_and_resumed(kind, &[&[kind, "--data", "bars"], more].concat());
    }
}

#[test]
fn densities_by_networks_know_their_likelihood_and_draw() {
    let scratch = Scratch::new("densities");
    let mut likelihoods = Vec::new();
    for (kind, more) in [
        ("nade", &["--hidden", "40"][..]),
        ("made", &["--hidden", "60"]),
        ("made", &["--hidden", "40,40", "--orders", "3", "--activation", "tanh"]),
    ] {
        let out = scratch.path(&format!("{kind}{}", likelihoods.len()));
        let args = ["train", kind, "--data", "bars", "--epochs", "40", "--lr", "5e-3"];
        succeed(&[&args[..], more, &["--progress", "none", "--out", &out]].concat());
        let rows = evaluated(&out, &[]);
        likelihoods.push(quantity(&rows, "log_likelihood"));
        let picture = scratch.path("new.png");
        succeed(&["sample", &out, "--count", "4", "--out", &picture]);
        assert_eq!(fs::read(picture).unwrap()[..4], *b"\x89PNG");
        refuse(&["evaluate", &out, "--num-samples", "5"], &["--num-samples", "is exact"]);
    }
    let nade = scratch.path("nade0");
    for name in ["samples.png", "filters.png", "completions.png", "curve.svg"] {
        assert!(fs::metadata(Path::new(&nade).join(name)).unwrap().len() > 0, "{name}");
    }
    // The entropy of the patterns is the most that a model can reach, and 16 independent bits reach −11.1.
    assert!(likelihoods.iter().all(|&l| l > -7.0 && l < -3.0), "{likelihoods:?}");
    // Rows that are no bits have no probability.
    let grey = ["--binarize", "none", "--steps", "2"];
    refuse(&[&["train", "nade"], &grey[..]].concat(), &["is no bit", "--binarize dynamic"]);
    // The advice can be followed, and is not given where it cannot.
    for rule in ["dynamic", "fixed", "threshold"] {
        let bits = ["--binarize", rule, "--steps", "1", "--hidden", "2", "--progress", "none"];
        succeed(&[&["train", "nade"], &bits[..], &["--out", &scratch.path(rule)]].concat());
    }
    let table = format!("a,b\n{}", "2,0.5\n".repeat(30));
    let real = format!("csv:{}", scratch.file("real.csv", table.as_bytes()));
    refuse(
        &["train", "nade", "--data", &real, "--batch", "10"],
        &["the value", "outside [0, 1]", "train flow"],
    );
    refuse(&["train", "made", "--hidden", "5,0"], &["--hidden", "at least 1"]);
    refuse(&["train", "made", "--orders", "0"], &["--orders", "at least 1"]);
}

#[test]
fn the_pictures_of_a_table_are_charts_of_its_columns() {
    let scratch = Scratch::new("charts");
    let (mut real, mut bits) = (String::from("age,height,weight\n"), String::from("a,b,c,d\n"));
    for i in 0..60 {
        let t = f64::from(i);
        real += &format!("{},{},{}\n", 30.0 + t % 17.0, (0.9 * t).sin(), 5e-3 * (t * t % 23.0));
        bits += &format!("{},{},{},{}\n", i % 2, i % 3 / 2, i / 7 % 2, i % 5 / 3);
    }
    let [real, bits] = [("real.csv", real), ("bits.csv", bits)]
        .map(|(name, rows)| format!("csv:{}", scratch.file(name, rows.as_bytes())));
    let short = ["--steps", "3", "--eval-samples", "4", "--batch", "20"];
    let vae = ["--hidden", "4", "--likelihood", "normal"];
    // Strips are at most 500 pixels wide here; a chart of three columns is wider.
    let charts = ["samples.png", "reconstructions.png"];
    let cases: [(&str, &str, Vec<&str>, &[&str]); 7] = [
        ("vae", &real, [&short[..], &vae, &["--latent-dim", "3"]].concat(), &["latent.png"]),
        ("vae", &real, [&short[..], &vae, &["--latent-dim", "2"]].concat(), &["latent.png"]),
        ("sbn", &bits, [&short[..], &["--layers", "5"]].concat(), &["latent.png"]),
        ("ppca", &real, vec!["--latent-dim", "2"], &["loadings.png"]),
        ("fa", &real, vec!["--latent-dim", "1", "--steps", "3"], &["loadings.png"]),
        ("gplvm", &real, vec!["--latent-dim", "2", "--steps", "1"], &[]),
        ("bgplvm", &real, vec!["--latent-dim", "2", "--steps", "1"], &[]),
    ];
    let chart = |path: &str| {
        let bytes = fs::read(path).unwrap();
        let width = u32::from_be_bytes(bytes[16..20].try_into().unwrap());
        assert!(width > 500 || path.ends_with("loadings.png") && width > 300, "{path}: {width}");
    };
    for (i, (kind, data, options, more)) in cases.iter().enumerate() {
        let out = scratch.path(&format!("{kind}-{i}"));
        succeed(&[&["train", kind, "--data", data, "--out", &out][..], options].concat());
        charts.iter().chain(*more).for_each(|name| chart(&format!("{out}/{name}")));
        let drawn = scratch.path("drawn.png");
        succeed(&["sample", &out, "--out", &drawn]);
        chart(&drawn);
        // The numbers can be read as data again.
        let numbers = scratch.path("drawn.csv");
        succeed(&["sample", &out, "--count", "30", "--out", &numbers]);
        let text = fs::read_to_string(&numbers).unwrap();
        let columns = if *kind == "sbn" { 4 } else { 3 };
        let drawn = scratch.path("drawn.npy");
        succeed(&["sample", &out, "--count", "30", "--out", &drawn]);
        let (sizes, same) = array(&drawn);
        assert_eq!(sizes, format!("30, {columns}"));
        let as_text: Vec<f32> = text_table(&numbers).1.iter().map(|&x| x as f32).collect();
        assert_eq!(as_text, same.iter().map(|&x| x as f32).collect::<Vec<_>>());
        assert!(text.lines().all(|line| line.split(',').count() == columns), "{text}");
        let (again, source) = (scratch.path(&format!("again-{i}")), format!("csv:{numbers}"));
        succeed(&["train", "ppca", "--latent-dim", "1", "--data", &source, "--out", &again]);
        refuse(&["sample", &out, "--out", &scratch.path("drawn.jpg")], &["drawn.jpg", ".png"]);
    }
    let out = scratch.path("gmm");
    succeed(&["train", "gmm", "--data", &real, "--steps", "3", "--out", &out]);
    chart(&format!("{out}/samples.png"));
}

#[test]
fn a_flow_fits_a_table_of_two_columns() {
    let scratch = Scratch::new("flow");
    // A bent band: the second column is a parabola of the first, with a small noise.
    let rows: String = (0..600)
        .map(|i| {
            let t = f64::from(i);
            let a = 1.5 * (0.7 * t).sin() + 0.5 * (2.9 * t).sin();
            format!("{a},{}\n", a * a + 0.2 * (97.0 * t).sin())
        })
        .collect();
    let source = format!("csv:{}", scratch.file("rows.csv", rows.as_bytes()));
    let out = scratch.path("run");
    let args = ["train", "flow", "--data", &source, "--hidden", "24", "--layers", "6"];
    let more = ["--epochs", "60", "--lr", "5e-3", "--progress", "none", "--out", &out];
    succeed(&[&args[..], &more].concat());
    let rows = evaluated(&out, &[]);
    // A normal distribution with the same moments reaches about −2.9 nats.
    let found = quantity(&rows, "log_likelihood");
    assert!(found > -2.2, "{rows:?}");
    for name in ["samples.png", "density.png", "curve.svg"] {
        assert!(fs::metadata(Path::new(&out).join(name)).unwrap().len() > 0, "{name}");
    }
    let one = format!("csv:{}", scratch.file("one.csv", b"1\n2\n3\n4\n5\n6\n7\n8\n"));
    refuse(&["train", "flow", "--data", &one, "--batch", "2"], &["two columns"]);
}

#[test]
fn em_and_gradients_of_fa_and_gmm_resume_to_the_same_bytes() {
    let gradient = ["--method", "gradient", "--batch", "100", "--steps", "2000"];
    let em = ["--tolerance", "1e-300", "--steps", "300"];
    for (name, method) in [("em", &em[..]), ("gradient", &gradient)] {
        let fa = ["fa", "--data", "bars", "--latent-dim", "3"];
        killed_and_resumed(&format!("fa-{name}"), &[&fa[..], method].concat());
        let gmm = ["gmm", "--data", "bars", "--components", "3", "--covariance", "full"];
        killed_and_resumed(&format!("gmm-{name}"), &[&gmm[..], method].concat());
    }
}

#[test]
fn both_ways_of_gp_and_gplvm_resume_to_the_same_bytes() {
    let lbfgs = ["--tolerance", "1e-300", "--steps", "12"];
    let gradient = ["--method", "gradient", "--steps", "200"];
    for (name, method) in [("lbfgs", &lbfgs[..]), ("gradient", &gradient)] {
        let gp = ["gp", "--rows", "100"];
        killed_and_resumed(&format!("gp-{name}"), &[&gp[..], method].concat());
        let gplvm = ["gplvm", "--rows", "60", "--classes", "1,7"];
        killed_and_resumed(&format!("gplvm-{name}"), &[&gplvm[..], method].concat());
        let bgplvm = ["bgplvm", "--rows", "60", "--inducing", "10", "--latent-dim", "3"];
        killed_and_resumed(&format!("bgplvm-{name}"), &[&bgplvm[..], method].concat());
    }
}

/// The quantities that `evaluate` prints of a run.
fn evaluated(out: &str, more: &[&str]) -> Vec<Value> {
    let args = [&["evaluate", out, "--format", "json"], more].concat();
    serde_json::from_str(&succeed(&args)).unwrap()
}

fn quantity(rows: &[Value], name: &str) -> f64 {
    let row = rows.iter().find(|row| row["quantity"] == name);
    row.unwrap_or_else(|| panic!("{name}: {rows:?}"))["value"].as_f64().unwrap()
}

#[test]
fn gp_predicts_any_column_of_a_table() {
    let scratch = Scratch::new("gp");
    // The second column is a function of the others, up to a noise of a deviation of 0.07.
    let rows: String = (0..240)
        .map(|i| {
            let t = f64::from(i);
            let (a, b) = (2.0 * (0.7 * t).sin(), 2.0 * (1.3 * t).cos());
            format!("{a},{},{b}\n", (1.5 * a).sin() + 0.5 * b + 0.1 * (97.0 * t).sin())
        })
        .collect();
    let file = scratch.file("rows.csv", format!("a,height,b\n{rows}").as_bytes());
    let source = format!("csv:{file}");
    let train = |out: &str, more: &[&str]| {
        let args = ["train", "gp", "--data", &source, "--progress", "none", "--out", out];
        succeed(&[&args[..], more].concat());
        evaluated(out, &[])
    };
    let [by_name, by_number] = [("name", "height"), ("number", "2")].map(|(name, target)| {
        let out = scratch.path(name);
        train(&out, &["--target", target])
    });
    assert_eq!(by_name, by_number);
    for key in ["log_marginal_likelihood", "log_leave_one_out", "log_predictive", "noise"] {
        assert!(quantity(&by_name, key).is_finite(), "{key}");
    }
    // The deviation of the sine wave is 0.07, and 200 rows leave little beside it.
    let rmse = quantity(&by_name, "rmse");
    assert!(rmse > 0.04 && rmse < 0.12, "{rmse}");
    // The last column is a function of the first two only up to their noise, and a line in neither.
    let more = ["--kernel", "matern52,linear", "--prior", "weak"];
    let last = train(&scratch.path("last"), &more);
    let gradient = ["--method", "gradient", "--steps", "150", "--lr", "0.05", "--target", "height"];
    let slow = train(&scratch.path("gradient"), &gradient);
    assert!(quantity(&last, "rmse") < 0.5 && quantity(&slow, "rmse") < 0.2);
    // L-BFGS from several starts is at least as high.
    let value = |rows: &[Value]| quantity(rows, "log_marginal_likelihood");
    assert!(value(&by_name) > value(&slow) - 1e-6);
    let out = scratch.path("name");
    for name in ["fit.png", "predictions.png", "curve.svg"] {
        assert!(fs::metadata(Path::new(&out).join(name)).unwrap().len() > 0, "{name}");
    }
    let picture = scratch.path("new.png");
    succeed(&["sample", &out, "--count", "4", "--out", &picture]);
    assert_eq!(fs::read(picture).unwrap()[..4], *b"\x89PNG");
    let gp = ["train", "gp", "--data", &source];
    refuse(&[&gp[..], &["--target", "c"]].concat(), &["--target is c", "1 to 3", "a, height, b"]);
    refuse(&[&gp[..], &["--target", "4"]].concat(), &["--target is 4", "1 to 3"]);
    refuse(&[&gp[..], &["--kernel", "rbf,rbf"]].concat(), &["--kernel", "only once"]);
    refuse(&[&gp[..], &["--lr", "0.1"]].concat(), &["--lr", "gradient"]);
    let gradient = ["--method", "gradient", "--tolerance", "1"];
    refuse(&[&gp[..], &gradient].concat(), &["--tolerance", "lbfgs"]);
    let one = format!("csv:{}", scratch.file("one.csv", b"1\n2\n3\n4\n"));
    refuse(&["train", "gp", "--data", &one], &["two columns"]);
    refuse(&["evaluate", &out, "--num-samples", "5"], &["--num-samples", "gp is exact"]);
}

#[test]
fn gplvm_maps_classes_of_digits() {
    let scratch = Scratch::new("gplvm");
    let out = scratch.path("run");
    let args = ["train", "gplvm", "--rows", "90", "--classes", "3,5,8", "--steps", "6"];
    succeed(&[&args[..], &["--progress", "none", "--out", &out]].concat());
    for name in ["latent-map.png", "reconstructions.png", "samples.png", "curve.svg"] {
        assert!(fs::metadata(Path::new(&out).join(name)).unwrap().len() > 0, "{name}");
    }
    let rows = evaluated(&out, &["--rows", "20"]);
    let error = |end: &str| quantity(&rows, &format!("nearest_neighbour_error{end}"));
    assert!(error("_train") < error("_pca"), "{rows:?}");
    assert!(quantity(&rows, "log_predictive").is_finite() && error("") <= 1.0);
    assert!(quantity(&rows, "reconstruction_rmse") < 0.3);
    let picture = scratch.path("new.png");
    succeed(&["sample", &out, "--count", "4", "--out", &picture]);
    assert_eq!(fs::read(picture).unwrap()[..4], *b"\x89PNG");
    let gplvm = ["train", "gplvm", "--rows", "9"];
    refuse(&[&gplvm[..], &["--classes", "3,77"]].concat(), &["--classes", "label 77"]);
    refuse(&[&gplvm[..], &["--latent-dim", "9"]].concat(), &["--latent-dim is 9", "9 training"]);
    let bars = ["--data", "bars", "--classes", "1"];
    refuse(&[&gplvm[..], &bars].concat(), &["--classes", "no labels"]);
    refuse(&["compare", "--problem", &format!("run:{out}")], &["gplvm", "no gradient estimators"]);
}

#[test]
fn bgplvm_finds_the_number_of_latents() {
    let scratch = Scratch::new("bgplvm");
    // A curve in six dimensions.
    let rows: String = (0..60)
        .map(|i| {
            let t = 1.5 * (2.3 * f64::from(i)).sin();
            let cell = |j: i32| {
                let noise = 0.03 * (f64::from(37 * i + 11 * j)).sin();
                format!("{}", (t + 0.7 * f64::from(j)).sin() + noise)
            };
            (0..6).map(cell).collect::<Vec<_>>().join(",") + "\n"
        })
        .collect();
    let source = format!("csv:{}", scratch.file("rows.csv", rows.as_bytes()));
    let out = scratch.path("run");
    let args = ["train", "bgplvm", "--data", &source, "--latent-dim", "3", "--inducing", "10"];
    succeed(&[&args[..], &["--progress", "none", "--out", &out]].concat());
    for name in ["latent-map.png", "reconstructions.png", "samples.png", "curve.svg"] {
        assert!(fs::metadata(Path::new(&out).join(name)).unwrap().len() > 0, "{name}");
    }
    let rows = evaluated(&out, &[]);
    assert_eq!(quantity(&rows, "latents_in_use"), 1.0, "{rows:?}");
    // The sines have a deviation of 0.02.
    assert!(quantity(&rows, "reconstruction_rmse_train") < 0.04, "{rows:?}");
    refuse(&[&args[..4], &["--inducing", "50"]].concat(), &["--inducing is 50", "50 training"]);
    refuse(&["evaluate", &out, "--num-samples", "5"], &["the bound of bgplvm is exact"]);
}

/// Rows of three groups, so far from each other, with four columns, whose noise differs from column to column.
fn grouped_rows(scratch: &Scratch, apart: f64) -> String {
    let rows: String = (0..400)
        .map(|i| {
            let t = f64::from(i);
            let (a, b, c) = ((0.7 * t).sin(), (1.3 * t).cos(), (2.9 * t).sin());
            let d = (5.3 * t + 1.0).sin();
            let group = apart * f64::from(i % 3);
            format!(
                "{},{},{},{}\n",
                3.0 * group + a + 0.2 * c,
                a - 2.0 * group + b,
                a + 0.8 * d,
                0.5 * c + 0.1 * a
            )
        })
        .collect();
    format!("csv:{}", scratch.file(&format!("rows-{apart}.csv"), rows.as_bytes()))
}

#[test]
fn em_and_gradients_of_fa_and_gmm_agree() {
    let scratch = Scratch::new("fa-gmm");
    let fa: (&str, f64, &[&str], &[&str]) =
        ("fa", 1.0, &["--latent-dim", "1"], &["loadings.png", "latent-map.png", "posterior.png"]);
    // Far groups vary by less than the tenth of a column that is the default.
    let full = ["--components", "3", "--covariance", "full", "--covariance-floor", "0.001"];
    // Groups that overlap have several maxima, and the two methods need not find the same.
    let gmm: (&str, f64, &[&str], &[&str]) =
        ("gmm", 4.0, &full, &["means.png", "responsibilities.png"]);
    for (kind, apart, options, pictures) in [fa, gmm] {
        let source = grouped_rows(&scratch, apart);
        let found = ["em", "gradient"].map(|method| {
            let out = scratch.path(&format!("{kind}-{method}"));
            let args = ["train", kind, "--data", &source, "--method", method, "--out", &out];
            let more: &[&str] = if method == "em" { &[] } else { &["--steps", "6000"] };
            succeed(&[&args[..], options, more, &["--progress", "none"]].concat());
            for name in pictures.iter().chain(&["samples.png", "curve.svg"]) {
                assert!(fs::metadata(Path::new(&out).join(name)).unwrap().len() > 0, "{name}");
            }
            let summary = fs::read(Path::new(&out).join("summary.json")).unwrap();
            let summary: Value = serde_json::from_slice(&summary).unwrap();
            let number = |key: &str| summary[key].as_f64().unwrap();
            let (train, free) = (number("log_likelihood_train"), number("parameters"));
            let text = succeed(&["evaluate", &out, "--format", "json"]);
            let rows: Vec<Value> = serde_json::from_str(&text).unwrap();
            let quantity = |name: &str| rows.iter().find(|row| row["quantity"] == name).unwrap();
            assert_eq!(quantity("log_likelihood")["samples"], Value::Null);
            let n = quantity("bic")["rows"].as_f64().unwrap();
            let total = 2.0 * n * train;
            let aic = quantity("aic")["value"].as_f64().unwrap();
            let bic = quantity("bic")["value"].as_f64().unwrap();
            assert!((aic - (2.0 * free - total)).abs() < 1e-8 * total.abs(), "{aic}");
            assert!((bic - (free * n.ln() - total)).abs() < 1e-8 * total.abs(), "{bic}");
            train
        });
        // The promise is 1e-6 nats for each row.
        assert!((found[0] - found[1]).abs() < 1e-6, "{kind}: {found:?}");
    }
    let out = scratch.path("gmm-em");
    refuse(&["evaluate", &out, "--num-samples", "5"], &["--num-samples", "gmm is exact"]);
    refuse(&["compare", "--problem", &format!("run:{out}")], &["gmm", "no gradient estimators"]);
    let picture = scratch.path("new.png");
    succeed(&["sample", &out, "--count", "4", "--out", &picture]);
    assert_eq!(fs::read(picture).unwrap()[..4], *b"\x89PNG");
}

#[test]
fn fa_and_gmm_refuse_sizes_that_the_data_do_not_have() {
    let scratch = Scratch::new("fa-gmm-sizes");
    let source = grouped_rows(&scratch, 1.0);
    let fa = ["train", "fa", "--data", &source, "--latent-dim"];
    refuse(&[&fa[..], &["0"]].concat(), &["--latent-dim"]);
    refuse(&[&fa[..], &["4"]].concat(), &["--latent-dim is 4", "4 columns"]);
    refuse(&["train", "fa", "--noise-floor", "0"], &["--noise-floor", "above 0"]);
    refuse(&["train", "gmm", "--components", "0"], &["--components"]);
    refuse(&["train", "gmm", "--covariance-floor", "1"], &["--covariance-floor", "below 1"]);
    let same = format!("csv:{}", scratch.file("same.csv", "1,2\n".repeat(20).as_bytes()));
    refuse(&["train", "gmm", "--data", &same], &["rows are equal"]);
    let two = format!("csv:{}", scratch.file("two.csv", "1,2\n3,5\n".repeat(20).as_bytes()));
    refuse(&["train", "gmm", "--data", &two, "--components", "3"], &["only 2 rows are distinct"]);
}

#[test]
fn the_three_ways_of_ppca_agree() {
    let scratch = Scratch::new("ppca");
    let rows: String = (0..300)
        .map(|i| {
            let t = f64::from(i);
            let (a, b, c) = ((0.7 * t).sin(), (1.3 * t).cos(), (2.9 * t).sin());
            format!("{},{},{},{}\n", 3.0 * a, a + 2.0 * b, b - a + 0.3 * c, 0.5 * c)
        })
        .collect();
    let source = format!("csv:{}", scratch.file("rows.csv", rows.as_bytes()));
    let found = |method: &str, more: &[&str]| -> (f64, f64) {
        let out = scratch.path(method);
        let args = ["train", "ppca", "--data", &source, "--latent-dim", "2", "--method", method];
        succeed(&[&args[..], &["--progress", "none", "--out", &out], more].concat());
        let text = succeed(&["evaluate", &out, "--format", "json"]);
        let rows: Vec<Value> = serde_json::from_str(&text).unwrap();
        assert_eq!(rows[0]["quantity"], "log_likelihood");
        assert_eq!(rows[0]["samples"], Value::Null, "an exact likelihood takes no samples");
        let pictures = [
            "samples.png",
            "reconstructions.png",
            "loadings.png",
            "latent-map.png",
            "posterior.png",
        ];
        for name in pictures.iter().chain(&["curve.svg"]) {
            assert!(fs::metadata(Path::new(&out).join(name)).unwrap().len() > 0, "{name}");
        }
        let summary = fs::read(Path::new(&out).join("summary.json")).unwrap();
        let summary: Value = serde_json::from_slice(&summary).unwrap();
        let train = summary["log_likelihood_train"].as_f64().unwrap();
        (train, rows[0]["value"].as_f64().unwrap())
    };
    let exact = found("closed-form", &[]);
    for (method, more) in [("em", &[][..]), ("gradient", &["--steps", "4000"])] {
        let near = found(method, more);
        // The promise is 1e-6 nats for each row. On the test rows the gradient does not vanish, so an error of the
        // parameters enters there at first order: its square root is the scale.
        assert!((near.0 - exact.0).abs() < 1e-6, "{method}: {near:?} {exact:?}");
        assert!((near.1 - exact.1).abs() < 1e-3, "{method}: {near:?} {exact:?}");
    }
    let out = scratch.path("em");
    refuse(&["evaluate", &out, "--num-samples", "5"], &["--num-samples", "exact"]);
    refuse(&["compare", "--problem", &format!("run:{out}")], &["ppca", "no gradient estimators"]);
}

/// Grey rows of four columns, whose levels depend on each other.
fn grey_rows(scratch: &Scratch) -> String {
    let rows: String = (0..300)
        .map(|i| {
            let t = f64::from(i);
            let (a, b) = (0.5 + 0.5 * (0.7 * t).sin(), 0.5 + 0.5 * (1.3 * t).cos());
            format!("{a:.3},{:.3},{b:.3},{:.3}\n", 1.0 - a, 0.5 * (a + b))
        })
        .collect();
    format!("csv:{}", scratch.file("grey.csv", rows.as_bytes()))
}

/// The numbers of a run's summary.
fn summary(out: &str) -> Value {
    serde_json::from_slice(&fs::read(Path::new(out).join("summary.json")).unwrap()).unwrap()
}

#[test]
fn grey_values_have_likelihoods_of_their_own() {
    let scratch = Scratch::new("grey");
    let source = grey_rows(&scratch);
    let common = ["--data", &source, "--hidden", "8", "--batch", "50", "--eval-samples", "20"];
    for (name, more, least) in [
        // The density of uniform grey values is one, and ln 8 nats each are the most of eight levels.
        ("continuous-bernoulli", &[][..], 0.0),
        ("categorical", &["--levels", "8"], -4.0 * 8_f64.ln()),
    ] {
        let out = scratch.path(name);
        let kind = ["train", "vae", "--latent-dim", "2", "--likelihood", name];
        let rest = ["--steps", "1500", "--lr", "0.005", "--progress", "none", "--out", &out];
        succeed(&[&kind[..], &common, more, &rest].concat());
        let elbo = summary(&out)["elbo_test"].as_f64().unwrap();
        assert!(elbo > least + 0.1, "{name}: {elbo} nats, and knowing nothing gives {least}");
        let text = fs::read_to_string(Path::new(&out).join("run.toml")).unwrap();
        assert!(text.contains(&format!("likelihood = \"{name}\"")), "{text}");
        assert_eq!(text.contains("levels = 8"), name == "categorical", "{text}");
        let picture = scratch.path("new.png");
        succeed(&["sample", &out, "--count", "4", "--out", &picture]);
        succeed(&["evaluate", &out, "--num-samples", "5"]);
    }
    let wide = grouped_rows(&scratch, 1.0);
    for name in ["continuous-bernoulli", "categorical"] {
        let args = ["train", "vae", "--data", &wide, "--likelihood", name, "--steps", "1"];
        refuse(&args, &["outside [0, 1]", name, "--likelihood normal"]);
    }
    refuse(&["train", "vae", "--levels", "4"], &["--levels", "bernoulli", "categorical"]);
    let one = ["train", "vae", "--likelihood", "categorical", "--levels", "1"];
    refuse(&one, &["--levels is 1", "at least 2"]);
}

#[test]
fn posteriors_of_a_vae_are_trained_and_their_options_refused_where_they_have_no_effect() {
    let scratch = Scratch::new("posteriors");
    for (name, more) in [
        ("full", &[][..]),
        ("coupling", &["--flow-layers", "2", "--flow-hidden", "8"]),
        ("iaf", &["--flow-layers", "2", "--flow-hidden", "8,6"]),
    ] {
        let out = scratch.path(name);
        let posterior = ["--posterior", name, "--steps", "600", "--diagnostics"];
        succeed(&small(&out, &[&posterior[..], more].concat()));
        let summary = summary(&out);
        let number = |key: &str| summary[key].as_f64().unwrap();
        assert!(number("elbo_test") < number("log_likelihood_test"));
        // A model that knows nothing of 16 bits is at −11.09 nats.
        assert!(number("elbo_test") > -11.0, "{name}: {summary}");
        let metrics = fs::read_to_string(Path::new(&out).join("metrics.jsonl")).unwrap();
        let last: Value = serde_json::from_str(metrics.lines().last().unwrap()).unwrap();
        // A flow has no density for each latent.
        let units = if name == "full" { 2 } else { 1 };
        assert_eq!(last["test/kl_units"].as_array().map(Vec::len), Some(units));
        for picture in ["samples.png", "reconstructions.png", "latent.png", "latent-map.png"] {
            assert!(fs::metadata(Path::new(&out).join(picture)).unwrap().len() > 0, "{picture}");
        }
        succeed(&["evaluate", &out, "--num-samples", "10"]);
    }
    let vae = |more: &[&str], parts: &[&str]| refuse(&[&["train", "vae"], more].concat(), parts);
    vae(&["--flow-layers", "2"], &["--flow-layers", "diagonal", "coupling or iaf"]);
    vae(&["--posterior", "full", "--flow-hidden", "8"], &["--flow-hidden", "full", "coupling"]);
    vae(&["--posterior", "iaf", "--flow-layers", "0"], &["--flow-layers"]);
    vae(&["--posterior", "iaf", "--flow-hidden", "0"], &["--flow-hidden"]);
    vae(&["--posterior", "coupling", "--latent-dim", "1"], &["--latent-dim 2", "iaf"]);
    vae(&["--posterior", "iaf", "--kl", "analytic"], &["--kl", "sgvb"]);
    vae(&["--posterior", "full", "--estimator", "vimco"], &["vimco does not fit", "dreg"]);
}

#[test]
fn layers_of_normal_latents_are_trained_and_refused_where_they_make_no_model() {
    let scratch = Scratch::new("layers-of-normals");
    for (name, more) in [
        ("bottom-up", &["--layers", "4,2"][..]),
        ("ladder", &["--layers", "3,2,3", "--inference", "ladder"]),
        ("nvil", &["--layers", "4,2", "--estimator", "nvil"]),
    ] {
        let out = scratch.path(name);
        let common = ["train", "hvae", "--data", "bars", "--hidden", "16", "--batch", "50"];
        let rest = ["--eval-samples", "20", "--progress", "none", "--diagnostics", "--out", &out];
        succeed(&[&common[..], &rest, &["--steps", "600"], more].concat());
        let summary = summary(&out);
        let number = |key: &str| summary[key].as_f64().unwrap();
        assert!(number("elbo_test") < number("log_likelihood_test"));
        assert!(number("elbo_test") > -11.1, "{name}: {summary}");
        let metrics = fs::read_to_string(Path::new(&out).join("metrics.jsonl")).unwrap();
        let last: Value = serde_json::from_str(metrics.lines().last().unwrap()).unwrap();
        let latents = if name == "ladder" { 8 } else { 6 };
        assert_eq!(last["test/kl_units"].as_array().map(Vec::len), Some(latents));
        for picture in ["samples.png", "reconstructions.png", "latent.png", "latent-map.png"] {
            assert!(fs::metadata(Path::new(&out).join(picture)).unwrap().len() > 0, "{picture}");
        }
        succeed(&["evaluate", &out, "--num-samples", "10"]);
    }
    let one = ["train", "hvae", "--layers", "3", "--inference", "ladder"];
    refuse(&one, &["--inference ladder", "single layer"]);
    refuse(&["train", "hvae", "--layers", "3,0"], &["--layers"]);
    refuse(&["train", "hvae", "--estimator", "rebar"], &["bits", "sgvb"]);
    refuse(&["train", "hvae", "--alpha", "0.3"], &["--alpha", "sgvb"]);
}

#[test]
fn deep_posteriors_have_the_same_bytes_for_any_number_of_threads() {
    let scratch = Scratch::new("deep-threads");
    for (kind, more) in [
        ("hvae", &["--layers", "3,2", "--inference", "ladder"][..]),
        ("vae", &["--posterior", "iaf", "--latent-dim", "3", "--flow-hidden", "8"]),
        ("vae", &["--posterior", "full", "--latent-dim", "3", "--estimator", "dreg"]),
    ] {
        let runs = ["1", "3"].map(|threads| {
            let out = scratch.path(&format!("{kind}-{}-{threads}", more[1]));
            let common = ["train", kind, "--data", "bars", "--hidden", "16", "--batch", "50"];
            let rest = ["--eval-samples", "5", "--progress", "none", "--out", &out];
            let length = ["--steps", "60", "--num-samples", "8", "--threads", threads];
            succeed(&[&common[..], &rest, &length, more].concat());
            checkpoint(&out)
        });
        assert_eq!(runs[0], runs[1], "{kind} {more:?}");
    }
}

#[test]
fn deep_posteriors_resume_to_the_same_bytes() {
    let common = ["--data", "bars", "--hidden", "8", "--batch", "20", "--eval-samples", "2"];
    let hvae = ["hvae", "--layers", "3,2", "--steps", "6000"];
    killed_and_resumed("resumed-hvae", &[&hvae[..], &common].concat());
    let iaf = ["vae", "--posterior", "iaf", "--latent-dim", "3", "--flow-hidden", "8"];
    killed_and_resumed("resumed-iaf", &[&iaf[..], &common, &["--steps", "4000"]].concat());
}

#[test]
fn a_small_rbm_knows_its_exact_likelihood() {
    let scratch = Scratch::new("rbm-exact");
    for criterion in ["cd", "pcd", "tracked-pcd"] {
        let out = scratch.path(criterion);
        let args = ["train", "rbm", "--data", "bars", "--hidden", "12", "--criterion", criterion];
        // At larger rates the weighted chains no longer follow, and ln Z along training is low.
        let more = ["--steps", "2000", "--lr", "0.002", "--progress", "none", "--out", &out];
        succeed(&[&args[..], &more].concat());
        for name in ["samples.png", "filters.png", "reconstructions.png"] {
            assert!(fs::metadata(Path::new(&out).join(name)).unwrap().len() > 0, "{name}");
        }
        let metrics = fs::read_to_string(Path::new(&out).join("metrics.jsonl")).unwrap();
        let last: Value = serde_json::from_str(metrics.lines().last().unwrap()).unwrap();
        for key in ["test/reconstruction_error", "test/free_energy_gap", "test/log_likelihood"] {
            assert!(last[key].is_number(), "{key}: {last}");
        }
        let text = succeed(&["evaluate", &out, "--format", "json"]);
        let rows: Vec<Value> = serde_json::from_str(&text).unwrap();
        let row = rows.iter().find(|row| row["quantity"] == "log_likelihood").unwrap();
        // Bars and stripes have 30 patterns, so no model is above −ln 30 + something small on draws of them; one that
        // knows nothing of 16 bits is at −11.09 nats.
        let value = row["value"].as_f64().unwrap();
        assert!(value > -9.0 && value < -3.0, "{criterion}: {value}");
        // The exact likelihood lies between the two by annealing, which a hundred chains of 300 steps know to a tenth of a nat.
        let ais = ["--ais", "300", "--progress", "none", "--format", "json"];
        let text = succeed(&[&["evaluate", &out][..], &ais].concat());
        let threads = succeed(&[&["evaluate", &out][..], &ais, &["--threads", "1"]].concat());
        assert_eq!(text, threads, "the same numbers for any number of threads");
        let rows: Vec<Value> = serde_json::from_str(&text).unwrap();
        let number = |name: &str| {
            let row = rows.iter().find(|row| row["quantity"] == name);
            row.unwrap_or_else(|| panic!("{name}: {text}"))["value"].as_f64().unwrap()
        };
        for side in ["log_likelihood_ais", "log_likelihood_ais_reverse"] {
            assert!((number(side) - value).abs() < 0.2, "{side}: {value} {text}");
        }
        let log_z = number("log_partition_bridge");
        assert!(
            number("log_partition_ais_low") < log_z && log_z < number("log_partition_ais_high"),
            "{text}"
        );
        // One step of training lies between the two, and the weights of a hundred chains.
        let tracked = last["train/log_partition"].as_f64();
        assert_eq!(tracked.is_some(), criterion == "tracked-pcd", "{last}");
        assert!(tracked.is_none_or(|tracked| (tracked - log_z).abs() < 0.5), "{tracked:?} {text}");
        let gap = number("log_partition_ais_reverse") - number("log_partition_ais");
        assert!((gap - number("log_partition_gap")).abs() < 1e-9 && gap.abs() < 0.2, "{text}");
        assert!(number("effective_chains_ais") > 30.0, "{text}");
        refuse(&["evaluate", &out, "--ais", "5", "--ais-rows", "5"], &["--ais-rows", "no effect"]);
        refuse(&["evaluate", &out, "--num-samples", "5"], &["--num-samples", "no effect"]);
        let picture = scratch.path("new.png");
        succeed(&["sample", &out, "--count", "4", "--out", &picture]);
        assert_eq!(fs::read(picture).unwrap()[..4], *b"\x89PNG");
    }
}

/// True if `evaluate` found a quantity.
fn is_there(rows: &[Value], name: &str) -> bool {
    rows.iter().any(|row| row["quantity"] == name)
}

#[test]
fn other_energy_models_know_their_exact_likelihood() {
    let scratch = Scratch::new("energy-exact");
    // A model of independent pixels is at −16 ln 2 = −11.09 nats on bars and stripes, and none is far above −ln 30.
    for (kind, options, least) in [
        ("dbm", &["--layers", "10,4"][..], -9.0),
        ("ising", &["--pairs", "full"], -10.0),
        ("ising", &["--pairs", "lattice"], -10.5),
    ] {
        let out = scratch.path(&format!("{kind}{}", options[1]));
        let args = ["train", kind, "--data", "bars", "--steps", "2000", "--lr", "0.01"];
        succeed(&[&args[..], options, &["--progress", "none", "--out", &out]].concat());
        let rows = evaluated(&out, &[]);
        let value = quantity(&rows, "log_likelihood");
        assert!(value > least && value < -3.0, "{kind} {options:?}: {value}");
        // The pseudo-likelihood sums conditionals, and a machine with hidden layers of its own in its states has none.
        assert_eq!(is_there(&rows, "pseudo_log_likelihood"), kind == "ising");
        let hidden = Path::new(&out).join("hidden.png").exists();
        assert_eq!(hidden, kind == "dbm", "{kind}");
        for name in ["samples.png", "chains.png", "filters.png", "reconstructions.png"] {
            assert!(fs::metadata(Path::new(&out).join(name)).unwrap().len() > 0, "{name}");
        }
    }
}

#[test]
fn a_machine_of_real_numbers_has_a_density_of_grey_values() {
    let scratch = Scratch::new("grbm");
    let out = scratch.path("run");
    let args = ["train", "grbm", "--hidden", "10", "--epochs", "4", "--progress", "none"];
    succeed(&[&args[..], &["--out", &out]].concat());
    let rows = evaluated(&out, &[]);
    assert!(quantity(&rows, "log_likelihood").is_finite(), "{rows:?}");
    assert!(!is_there(&rows, "pseudo_log_likelihood"), "{rows:?}");
    // Real numbers are no bits.
    let table = scratch.path("real.csv");
    let lines: String = (0..60).map(|i| format!("{},{}\n", i % 7, -0.5 * f64::from(i))).collect();
    fs::write(&table, format!("a,b\n{lines}")).unwrap();
    let data = format!("csv:{table}");
    refuse(&["train", "rbm", "--data", &data, "--batch", "10"], &["outside [0, 1]", "grbm"]);
    refuse(&["train", "ising", "--data", &data, "--batch", "10"], &["outside [0, 1]"]);
    let out = scratch.path("table");
    let args = ["train", "grbm", "--data", &data, "--hidden", "3", "--batch", "10"];
    succeed(&[&args[..], &["--steps", "50", "--progress", "none", "--out", &out]].concat());
    assert!(quantity(&evaluated(&out, &[]), "log_likelihood").is_finite());
}

/// The least height of the words above a sheet of pictures, in pixels; on a wide sheet it is a 24th of the width, at most 48.
const CAPTION: usize = 30;

#[test]
fn a_picture_is_completed_by_chains_and_only_by_chains() {
    let scratch = Scratch::new("inpaint");
    let runs = [("rbm", &["--hidden", "12"][..]), ("ising", &[]), ("dbm", &["--layers", "8,4"])];
    for (kind, options) in runs {
        let (out, picture) = (scratch.path(kind), scratch.path(&format!("{kind}.png")));
        let args = ["train", kind, "--data", "bars", "--steps", "500", "--lr", "0.01"];
        succeed(&[&args[..], options, &["--progress", "none", "--out", &out]].concat());
        for part in ["right", "top", "0.3"] {
            succeed(&["sample", &out, "--inpaint", part, "--sweeps", "20", "--out", &picture]);
            // Completions are draws: bits, beside the frame and the mid grey of what is hidden.
            let bytes = std::io::Cursor::new(fs::read(&picture).unwrap());
            let mut reader = png::Decoder::new(bytes).read_info().unwrap();
            let mut greys = vec![0; reader.output_buffer_size().unwrap()];
            let width = reader.next_frame(&mut greys).unwrap().width as usize;
            // The words above the pictures are drawn in many greys. A half of a picture has a border, paler than the frame.
            let caption = (width / 24).clamp(CAPTION, 48);
            let below = &greys[caption * width..];
            let other = below.iter().find(|grey| ![0, 255, 110, 128, 170].contains(*grey));
            assert_eq!(below.contains(&170), part != "0.3", "{kind} {part}: the border");
            assert_eq!(other, None, "{kind}: a completion is no draw");
        }
        succeed(&["sample", &out, "--sweeps", "3", "--count", "5", "--out", &picture]);
        let sample = ["sample", &out, "--out", &picture];
        let middle = ["--inpaint", "middle"];
        refuse_in_words(&[&sample[..], &middle].concat(), &["left, right, top, bottom"]);
        for more in [["--sweeps", "0"], ["--count", "0"]] {
            refuse(&[&sample[..], &more].concat(), &[more[0]]);
        }
    }
    let (out, picture) = (scratch.path("ppca"), scratch.path("ppca.png"));
    let args = ["train", "ppca", "--data", "bars", "--latent-dim", "3", "--progress", "none"];
    succeed(&[&args[..], &["--out", &out]].concat());
    let sample = ["sample", &out, "--out", &picture];
    refuse(&[&sample[..], &["--inpaint", "left"]].concat(), &["--inpaint", "ppca", "energy"]);
    refuse(&[&sample[..], &["--sweeps", "5"]].concat(), &["--sweeps", "ppca"]);
}

/// An event of TensorBoard: its step, and a version, the start of a session, or numbers with their tags.
#[derive(Debug, Default)]
struct Event {
    wall_time: f64,
    step: u64,
    version: Option<String>,
    starts: bool,
    numbers: Vec<(String, f32)>,
}

/// The fields of a message in the encoding of protocol buffers: numbers and types of fields, and their bytes or their value.
fn fields(mut bytes: &[u8]) -> Vec<(u64, Vec<u8>, u64)> {
    fn varint(bytes: &mut &[u8]) -> u64 {
        let (mut number, mut shift) = (0, 0);
        loop {
            let byte = bytes[0];
            *bytes = &bytes[1..];
            number |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                return number;
            }
        }
    }
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let (field, length) = match key & 7 {
            0 => {
                found.push((key >> 3, Vec::new(), varint(&mut bytes)));
                continue;
            }
            1 => (key >> 3, 8),
            5 => (key >> 3, 4),
            2 => (key >> 3, varint(&mut bytes) as usize),
            other => panic!("a field of type {other}"),
        };
        found.push((field, bytes[..length].to_vec(), 0));
        bytes = &bytes[length..];
    }
    found
}

/// The masked CRC32C of some bytes, bit by bit.
fn masked_crc(bytes: &[u8]) -> u32 {
    let mut crc = !0u32;
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 };
        }
    }
    (!crc).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// The events of each file of a folder, in the order of the names.
fn events(dir: &str) -> Vec<Vec<Event>> {
    let mut paths: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let event = |data: &[u8]| {
        let mut event = Event::default();
        for (field, bytes, number) in fields(data) {
            match field {
                1 => event.wall_time = f64::from_le_bytes(bytes.try_into().unwrap()),
                2 => event.step = number,
                3 => event.version = Some(String::from_utf8(bytes).unwrap()),
                5 => {
                    for (_, value, _) in fields(&bytes) {
                        let parts = fields(&value);
                        let [(1, tag, _), (2, number, _)] = &parts[..] else { panic!("{parts:?}") };
                        let number = f32::from_le_bytes(number[..].try_into().unwrap());
                        event.numbers.push((String::from_utf8(tag.clone()).unwrap(), number));
                    }
                }
                7 => event.starts = fields(&bytes) == [(1, Vec::new(), 1)],
                other => panic!("a field {other}"),
            }
        }
        event
    };
    let file = |path: &std::path::PathBuf| {
        let bytes = fs::read(path).unwrap();
        let (mut rest, mut found) = (&bytes[..], Vec::new());
        while !rest.is_empty() {
            let crc = |at: usize| u32::from_le_bytes(rest[at..at + 4].try_into().unwrap());
            let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
            assert_eq!(crc(8), masked_crc(&rest[..8]), "{path:?}");
            let data = &rest[12..12 + length];
            assert_eq!(crc(12 + length), masked_crc(data), "{path:?}");
            found.push(event(data));
            rest = &rest[16 + length..];
        }
        found
    };
    paths.iter().map(file).collect()
}

#[test]
fn tensorboard_gets_every_number_of_the_log_once() {
    let scratch = Scratch::new("tensorboard");
    let (out, plain, dir) =
        (scratch.path("run"), scratch.path("plain"), scratch.path("events/run"));
    succeed(&small(&out, &["--steps", "120", "--diagnostics", "--tensorboard", &dir]));
    succeed(&small(&plain, &["--steps", "120", "--diagnostics"]));
    assert_eq!(checkpoint(&out), checkpoint(&plain), "events change nothing");
    let resume = ["train", "--resume", &out, "--progress", "none", "--steps"];
    succeed(&[&resume[..], &["250", "--tensorboard", &dir]].concat());
    succeed(&["train", "--resume", &plain, "--progress", "none", "--steps", "250"]);
    assert_eq!(checkpoint(&out), checkpoint(&plain));
    let files = events(&dir);
    assert_eq!(files.len(), 2);
    // Readers forget what comes after the step at which a session starts.
    let mut shown: Vec<&Event> = Vec::new();
    for (file, from) in files.iter().zip([1, 101]) {
        assert_eq!(file[0].version.as_deref(), Some("brain.Event:2"));
        assert!(file[1].starts && file[1].step == from, "{:?}", file[1]);
        shown.retain(|event| event.step < from);
        shown.extend(&file[2..]);
        assert!(file.iter().all(|event| event.wall_time > 1.7e9), "seconds since 1970");
    }
    let metrics = fs::read_to_string(Path::new(&out).join("metrics.jsonl")).unwrap();
    let lines: Vec<Value> =
        metrics.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let steps: Vec<u64> = shown.iter().map(|event| event.step).collect();
    assert_eq!(steps, [50, 100, 150, 200, 250]);
    assert_eq!(lines.len(), shown.len());
    for (line, event) in lines.iter().zip(shown) {
        assert_eq!(line["step"], event.step);
        let numbers: Vec<(String, f32)> = line
            .as_object()
            .unwrap()
            .iter()
            .filter(|(key, _)| *key != "step")
            .filter_map(|(key, value)| Some((key.clone(), value.as_f64()? as f32)))
            .collect();
        assert!(numbers.iter().any(|(key, _)| key == "train/elbo"), "{numbers:?}");
        assert_eq!(event.numbers, numbers);
    }
    // Another run does not mix with this one, and with --force it takes its place.
    let again = scratch.path("again");
    let more = ["--steps", "50", "--tensorboard", &dir];
    refuse(&small(&again, &more), &["--tensorboard", "events.out.tfevents.", "--force"]);
    assert!(!Path::new(&again).exists());
    succeed(&small(&again, &[&more[..], &["--force"]].concat()));
    let files = events(&dir);
    assert!(files.len() == 3 && files[2][1].starts && files[2][1].step == 1);
    let file = scratch.file("a-file", b"");
    refuse(&small(&scratch.path("b"), &["--tensorboard", &file]), &["--tensorboard", "a-file"]);
}

/// The sizes and the numbers of an NPY file of type `<f8`.
fn array(path: &str) -> (String, Vec<f64>) {
    let bytes = fs::read(path).unwrap();
    assert_eq!(bytes[..8], *b"\x93NUMPY\x01\x00", "{path}");
    let header = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let text = String::from_utf8(bytes[10..10 + header].to_vec()).unwrap();
    let (_, shape) = text.split_once("'shape': (").unwrap();
    let numbers = bytes[10 + header..].chunks_exact(8);
    let numbers = numbers.map(|x| f64::from_le_bytes(x.try_into().unwrap())).collect();
    (shape.split(')').next().unwrap().to_string(), numbers)
}

/// The names and the numbers of a CSV file.
fn text_table(path: &str) -> (String, Vec<f64>) {
    let text = fs::read_to_string(path).unwrap();
    let (names, rows) = text.split_once('\n').unwrap();
    let numbers = rows.lines().flat_map(|line| line.split(',')).map(|x| x.parse().unwrap());
    (names.replace('"', ""), numbers.collect())
}

#[test]
fn every_kind_with_latents_encodes_and_reconstructs_rows() {
    let scratch = Scratch::new("encode");
    let short = ["--eval-samples", "4", "--steps", "20", "--batch", "20", "--hidden", "8"];
    let few = ["--steps", "5"];
    let cases: [(&str, Vec<&str>, &str); 12] = [
        ("vae", [&short[..], &["--latent-dim", "2"]].concat(), "loc_1,loc_2,scale_1,scale_2"),
        (
            "vae",
            [&short[..], &["--latent-dim", "2", "--posterior", "full"]].concat(),
            "loc_1,loc_2,scale_1,scale_2",
        ),
        (
            "vae",
            [&short[..], &["--latent-dim", "1", "--posterior", "iaf", "--flow-hidden", "4"]]
                .concat(),
            "loc_1,scale_1",
        ),
        (
            "hvae",
            [&short[..], &["--layers", "2,1"]].concat(),
            "loc_1,loc_2,loc_3,scale_1,scale_2,scale_3",
        ),
        ("dvae", [&short[..], &["--latent-dim", "2"]].concat(), "probs_1,probs_2"),
        ("sbn", [&short[..6], &["--layers", "2,1"]].concat(), "probs_1,probs_2,probs_3"),
        ("ppca", vec!["--latent-dim", "1"], "loc_1,scale_1"),
        ("fa", [&few[..], &["--latent-dim", "1"]].concat(), "loc_1,scale_1"),
        ("gmm", [&few[..], &["--components", "2"]].concat(), "probs_1,probs_2"),
        ("gplvm", vec!["--steps", "1", "--rows", "30"], "loc_1,loc_2"),
        ("rbm", [&few[..], &["--hidden", "2"]].concat(), "probs_1,probs_2"),
        ("dbm", [&few[..], &["--layers", "2,1"]].concat(), "probs_1,probs_2,probs_3"),
    ];
    let seven = ["--rows", "7", "--out"];
    for (i, (kind, options, names)) in cases.iter().enumerate() {
        let (out, path) = (scratch.path(&format!("{kind}-{i}")), |name| scratch.path(name));
        let train = ["train", kind, "--data", "bars", "--progress", "none", "--out", &out];
        succeed(&[&train[..], options].concat());
        let [text, bytes, picture] = ["z.csv", "z.npy", "z.png"].map(path);
        for file in [&text, &bytes, &picture] {
            succeed(&[&["encode", &out][..], &seven, &[file]].concat());
        }
        let ((found, numbers), (sizes, same)) = (text_table(&text), array(&bytes));
        assert_eq!(found, *names, "{kind}");
        assert_eq!(sizes, format!("7, {}", names.split(',').count()), "{kind}");
        assert_eq!(numbers, same, "{kind}");
        assert_eq!(fs::read(&picture).unwrap()[..4], *b"\x89PNG");
        for row in numbers.chunks(names.split(',').count()) {
            for (name, x) in names.split(',').zip(row) {
                assert!(!name.starts_with("scale") || *x > 0.0, "{kind}: {name} is {x}");
                assert!(!name.starts_with("probs") || (0.0..=1.0).contains(x), "{kind}: {x}");
            }
            let sum: f64 = row.iter().sum();
            assert!(*kind != "gmm" || (sum - 1.0).abs() < 1e-12, "responsibilities add up to one");
        }
        for file in [&text, &bytes, &picture] {
            succeed(&[&["reconstruct", &out][..], &seven, &[file]].concat());
        }
        let ((found, numbers), (sizes, same)) = (text_table(&text), array(&bytes));
        assert_eq!((found.split(',').count(), &*sizes), (16, "7, 4, 4"), "{kind}");
        assert_eq!(numbers, same, "{kind}");
        assert_eq!(fs::read(&picture).unwrap()[..4], *b"\x89PNG");
        let draw = ["reconstruct", &out, "--draw", "--rows", "7", "--out", &bytes];
        match *kind {
            "gplvm" => refuse(&draw, &["--draw", "gplvm", "no posterior"]),
            _ => {
                succeed(&draw);
                let first = fs::read(&bytes).unwrap();
                assert_ne!(array(&bytes).1, same, "{kind}: a draw is not the mean");
                succeed(&draw);
                assert!(fs::read(&bytes).unwrap() == first, "{kind}: the same seed, the same draw");
                succeed(&[&draw[..], &["--seed", "1"]].concat());
                // The components of this mixture are nearly certain.
                let differs = fs::read(&bytes).unwrap() != first;
                assert!(differs || *kind == "gmm", "{kind}: another seed, another draw");
            }
        }
    }
    let of_vae = scratch.path("vae-0");
    for (file, words) in [("z.txt", ".npy"), ("z", ".csv"), ("none/z.csv", "no such folder")] {
        for command in ["encode", "reconstruct", "sample"] {
            refuse(&[command, &of_vae, "--out", &scratch.path(file)], &["z", words]);
        }
    }
    refuse(&["encode", &of_vae, "--rows", "0", "--out", "z.csv"], &["--rows", "at least 1"]);
    let many = ["encode", &of_vae, "--rows", "1000001", "--out", "z.csv"];
    refuse(&many, &["--rows is 1000001", "there are"]);
    refuse(&["encode", &of_vae, "--out", &format!("{of_vae}/samples.png")], &["a file of the run"]);
    refuse(
        &["encode", &of_vae, "--data", "rings", "--out", "z.csv"],
        &["--data rings", "have 2 columns", "have 16"],
    );
    refuse(&["reconstruct", &of_vae, "--seed", "1", "--out", "z.csv"], &["--seed", "--draw"]);
}

#[test]
fn a_kind_without_latents_refuses_to_encode_and_names_those_that_have_them() {
    let scratch = Scratch::new("no-latents");
    let few = ["--steps", "3", "--progress", "none", "--out"];
    for (kind, data) in [
        ("ising", "bars"),
        ("made", "bars"),
        ("flow", "rings"),
        ("energy", "rings"),
        ("gp", "friedman"),
    ] {
        let out = scratch.path(kind);
        succeed(&[&["train", kind, "--data", data][..], &few, &[&out]].concat());
        for command in ["encode", "reconstruct"] {
            refuse(
                &[command, &out, "--out", &scratch.path("z.csv")],
                &[kind, "no latents", "vae, hvae, dvae, sbn, ppca, fa, gmm, gplvm, rbm, grbm, dbm"],
            );
        }
    }
}

#[test]
fn rows_of_a_file_are_encoded_in_its_order_and_scaled_as_in_training() {
    let scratch = Scratch::new("order");
    let mut text = String::from("a,b,label\n");
    let t: Vec<f64> = (0..30).map(|i| f64::from(i * i % 31)).collect();
    for (i, t) in t.iter().enumerate() {
        let second =
            if i == 4 { String::new() } else { format!("{}", 100.0 * t + (9.0 * t).sin()) };
        let first = if i == 5 { String::new() } else { t.to_string() };
        text += &format!("{first},{second},{}\n", i % 4);
    }
    let (data, out) = (scratch.file("rows.csv", text.as_bytes()), scratch.path("run"));
    let source = format!("csv:{data}");
    let train = ["train", "ppca", "--method", "em", "--latent-dim", "1", "--standardize"];
    succeed(&[&train[..], &["--data", &source, "--out", &out]].concat());
    let found = |more: &[&str]| {
        let file = scratch.path("z.csv");
        succeed(&[&["encode", &out, "--out", &file][..], more].concat());
        text_table(&file)
    };
    let (names, all) = found(&[]);
    assert_eq!((&*names, all.len()), ("loc_1,scale_1,label", 90));
    // A line, so that the latent is the first column up to scale and sign, in the order of the file; the labels are those of the file, too.
    let rows: Vec<&[f64]> = all.chunks(3).collect();
    let slope = (rows[1][0] - rows[0][0]) / (t[1] - t[0]);
    for (i, row) in rows.iter().enumerate() {
        assert_eq!(row[2], (i % 4) as f64);
        let line = rows[0][0] + slope * (t[i] - t[0]);
        assert!((row[0] - line).abs() < 0.01, "row {i}: {} and {line}", row[0]);
    }
    // A missing cell makes the latent less certain.
    assert!(rows[4][1] > 1.2 * rows[0][1] && rows[5][1] > 1.2 * rows[0][1]);
    assert_eq!(rows[0][1], rows[1][1]);
    assert_eq!(found(&["--data", &source]).1, all);
    let [train, test] = ["train", "test"].map(|part| found(&["--part", part]).1);
    let mut parts: Vec<&[f64]> = train.chunks(3).chain(test.chunks(3)).collect();
    let mut sorted = rows.clone();
    assert_ne!(parts, sorted);
    for list in [&mut parts, &mut sorted] {
        list.sort_by(|a, b| a.partial_cmp(b).unwrap());
    }
    assert_eq!(parts, sorted);
    assert_eq!(found(&["--rows", "4"]).1, all[..12]);
    // Other rows are scaled by the training rows of the run, not by their own.
    let few = text.lines().take(4).collect::<Vec<_>>().join("\n");
    let few = format!("csv:{}", scratch.file("few.csv", few.as_bytes()));
    assert_eq!(found(&["--data", &few]).1, all[..9]);
    let file = scratch.path("x.csv");
    succeed(&["reconstruct", &out, "--out", &file]);
    let (names, means) = text_table(&file);
    assert_eq!(names, "a,b,label");
    // Each column lacks another cell, so that their means and deviations differ by a few parts in thirty.
    assert!(means.chunks(3).all(|row| (row[0] - row[1]).abs() < 0.15), "both columns are one line");
}

#[test]
fn every_criterion_of_bits_trains_an_rbm() {
    let scratch = Scratch::new("rbm-criteria");
    for criterion in [
        "ml --hidden 8",
        "ucd --burn-in 30 --clip 1",
        "pt --temperatures 4 --chains 20",
        "pl",
        "pl --pl-bits one",
        "ratio-matching",
        "mpf --mpf-neighbours outside",
        "nce --noise-ratio 5",
        "ed --flip 0.2 --neighbours 16 --stabiliser 0.5",
        "bis --draws 20",
    ] {
        let out = scratch.path(criterion);
        let options: Vec<&str> = criterion.split(' ').collect();
        let args = ["train", "rbm", "--data", "bars", "--steps", "300", "--lr", "0.02"];
        let more = ["--progress", "none", "--out", &out, "--criterion"];
        succeed(&[&args[..], &more, &options].concat());
        let text = succeed(&["evaluate", &out, "--format", "json"]);
        let rows: Vec<Value> = serde_json::from_str(&text).unwrap();
        let row = rows.iter().find(|row| row["quantity"] == "log_likelihood").unwrap();
        // A model that knows nothing of 16 bits is at −11.09 nats, and no model is above −3.4.
        let value = row["value"].as_f64().unwrap();
        assert!(value > -10.9 && value < -3.0, "{criterion}: {value}");
    }
    refuse_in_words(
        &["train", "rbm", "--criterion", "ed", "--flip", "0.7"],
        &["--flip", "at most 0.5"],
    );
    refuse(&["train", "rbm", "--criterion", "ml", "--sweeps", "2"], &["--sweeps", "cd"]);
    refuse(&["train", "rbm", "--criterion", "ml", "--steps", "5"], &["ml", "--hidden 20"]);
}

#[test]
fn every_kind_of_energy_model_trains_by_each_of_its_criteria() {
    let scratch = Scratch::new("kind-criteria");
    let of_chains = ["cd", "pcd", "fpcd", "tracked-pcd"];
    let more = ["ucd", "ml"];
    for (kind, options, criteria) in [
        ("dbm", &["--layers", "6,4"][..], of_chains.to_vec()),
        ("ising", &["--pairs", "lattice"], [&of_chains[..], &more].concat()),
        ("grbm", &["--hidden", "5"], [&of_chains[..], &more].concat()),
    ] {
        for criterion in criteria {
            let out = scratch.path(&format!("{kind}-{criterion}"));
            let args = ["train", kind, "--data", "bars", "--steps", "5", "--progress", "none"];
            let rest = ["--out", &out, "--criterion", criterion];
            succeed(&[&args[..], options, &rest].concat());
        }
    }
    // A deep machine has no exact likelihood of a row by a sum over its states.
    refuse_in_words(&["train", "dbm", "--criterion", "ml"], &["ml", "fpcd"]);
    // ln Z is tracked beside a centred gradient too.
    let out = scratch.path("centred");
    let args = ["train", "rbm", "--data", "bars", "--epochs", "1", "--progress", "none"];
    succeed(&[&args[..], &["--out", &out, "--centred", "--criterion", "tracked-pcd"]].concat());
    let metrics = fs::read_to_string(Path::new(&out).join("metrics.jsonl")).unwrap();
    assert!(metrics.contains("train/log_partition"), "{metrics}");
}

#[test]
fn criteria_are_compared_on_a_machine_whose_states_are_summed() {
    let scratch = Scratch::new("criteria");
    let out = scratch.path("pictures");
    let small = ["criteria", "--model", "rbm-small", "--budget", "20000", "--draws", "100"];
    let text = succeed(&[&small[..], &["--format", "json", "--out", &out]].concat());
    let rows: Vec<Value> = serde_json::from_str(&text).unwrap();
    let of = |name: &str| rows.iter().find(|row| row["criterion"] == name).unwrap();
    assert!(rows.len() >= 10, "{text}");
    // Computed independently, to five digits.
    for (name, cosine) in [("ml", 1.0), ("pl", 0.99349), ("mpf", 0.99383)] {
        assert!((of(name)["cosine"].as_f64().unwrap() - cosine).abs() < 6e-6, "{text}");
    }
    for row in &rows {
        // No model is above the data's own −ln 3.
        let (value, gap) = (&row["log_likelihood"], row["gap"].as_f64().unwrap());
        assert!(gap > 0.0 && (value.as_f64().unwrap() + gap + 3_f64.ln()).abs() < 1e-12, "{row}");
    }
    let picture = fs::read(Path::new(&out).join("criteria.png")).unwrap();
    assert_eq!(picture[..4], *b"\x89PNG");
    // Two tables for people, whose cells are not broken, and the meaning of a percent.
    let text = succeed(&[&small[..], &["--out", &out]].concat());
    for words in ["norm ratio  error", "gap in percent of 1.099"] {
        assert!(text.contains(words), "{words} is missing: {text}");
    }
    assert_eq!(text.matches("\nratio-matching ").count(), 2, "{text}");
    refuse(&["criteria", "--budget", "10"], &["--budget", "at least 10000"]);
}

#[test]
fn every_criterion_of_a_deep_energy_model_comes_near_a_known_density() {
    let scratch = Scratch::new("energy");
    // The normal base alone is 0.85 nats away. A run of a few seconds brings score matching near, and the others leave the
    // base later, but none is worse than it.
    for (criterion, more, most) in [
        ("sm", &["--lr", "0.01"][..], 0.5),
        ("ssm", &["--lr", "0.01"], 0.5),
        ("dsm", &["--lr", "0.01", "--noise", "0.15"], 0.9),
        ("nce", &["--lr", "0.01"], 0.9),
        ("ed", &["--lr", "0.01"], 0.9),
        ("pcd", &["--lr", "0.01", "--sampler", "hmc", "--step-size", "0.2"], 0.9),
    ] {
        let out = scratch.path(criterion);
        let args = ["train", "energy", "--data", "mixture", "--hidden", "32,32", "--steps", "1200"];
        let rest = ["--criterion", criterion, "--progress", "none", "--out", &out];
        let schedule = ["--schedule", "cosine-decay"];
        succeed(&[&args[..], more, &schedule, &rest].concat());
        for name in ["samples.png", "energy.png", "curve.svg"] {
            assert!(fs::metadata(Path::new(&out).join(name)).unwrap().len() > 0, "{name}");
        }
        let ais = ["--ais", "300", "--ais-chains", "50"];
        let text = succeed(&[&["evaluate", &out, "--format", "json"][..], &ais].concat());
        let rows: Vec<Value> = serde_json::from_str(&text).unwrap();
        let number = |name: &str, part: &str| {
            let row = rows.iter().find(|row| row["quantity"] == name);
            row.unwrap_or_else(|| panic!("no {name} in {text}"))[part].as_f64().unwrap()
        };
        let kl = number("kl_from_truth", "value");
        assert!(kl > 0.0 && kl < most, "{criterion}: {kl}");
        // The grid is exact, and annealing finds its ln Z to a few standard errors.
        let exact = number("log_partition", "value");
        let [found, error] =
            ["value", "standard_error"].map(|part| number("log_partition_bridge", part));
        assert!((found - exact).abs() < 5.0 * error + 0.1, "{criterion}: {found} and {exact}");
        let picture = scratch.path("new.png");
        succeed(&["sample", &out, "--count", "4", "--out", &picture]);
        assert_eq!(fs::read(picture).unwrap()[..4], *b"\x89PNG");
    }
    refuse(&["evaluate", &scratch.path("sm"), "--num-samples", "5"], &["--num-samples", "--ais"]);
}

#[test]
fn a_deep_energy_model_of_images_writes_samples_and_chains() {
    let scratch = Scratch::new("energy-digits");
    let out = scratch.path("run");
    let args = ["train", "energy", "--hidden", "16", "--steps", "3", "--batch", "20"];
    succeed(&[&args[..], &["--moves", "2", "--progress", "none", "--out", &out]].concat());
    for name in ["samples.png", "chains.png"] {
        assert!(fs::metadata(Path::new(&out).join(name)).unwrap().len() > 0, "{name}");
    }
    let settings = fs::read_to_string(Path::new(&out).join("run.toml")).unwrap();
    assert!(settings.contains("data_noise = 0.1"), "{settings}");
    let reason = ["--chains", "pcd"];
    refuse(&["train", "energy", "--criterion", "cd", "--chains", "9"], &reason);
    refuse(&["train", "energy", "--leapfrogs", "9"], &["--leapfrogs", "--sampler", "hmc"]);
}

#[test]
fn an_rbm_has_no_likelihood_of_grey_values() {
    let scratch = Scratch::new("rbm-grey");
    let out = scratch.path("run");
    let args = ["train", "rbm", "--hidden", "8", "--binarize", "none", "--steps", "2"];
    succeed(&[&args[..], &["--progress", "none", "--out", &out]].concat());
    let rows: Vec<Value> =
        serde_json::from_str(&succeed(&["evaluate", &out, "--rows", "50", "--format", "json"]))
            .unwrap();
    assert!(
        !rows.is_empty() && rows.iter().all(|row| row["quantity"] != "log_likelihood"),
        "{rows:?}"
    );
}

#[test]
fn em_agrees_with_the_closed_form_or_says_that_it_cannot() {
    let scratch = Scratch::new("ppca-bars");
    let found = ["closed-form", "em"].map(|method| {
        let out = scratch.path(method);
        let args = ["train", "ppca", "--data", "bars", "--latent-dim", "6", "--method", method];
        succeed(&[&args[..], &["--progress", "none", "--out", &out]].concat());
        let summary = fs::read(Path::new(&out).join("summary.json")).unwrap();
        let summary: Value = serde_json::from_slice(&summary).unwrap();
        summary["log_likelihood_train"].as_f64().unwrap()
    });
    // The default tolerance of EM.
    assert!((found[0] - found[1]).abs() < 1e-6, "{found:?}");
    // Bars and stripes of 4 x 4 lie in seven dimensions, and ten latents leave no noise.
    let out = scratch.path("ten");
    let args =
        ["train", "ppca", "--data", "bars", "--method", "em", "--progress", "none", "--out", &out];
    let output = run(&args);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && stderr.contains("try fewer latents"), "{stderr}");
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
            &["checkpoint.safetensors", "checkpoint"],
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
    assert!(text.contains("Pareto front"), "{text}");
    assert!(!text.lines().any(|line| line.starts_with("quadrature")), "{text}");
    // 100 columns, beside the sentences.
    let rows =
        text.lines().filter(|line| line.starts_with(char::is_lowercase) && !line.contains(':'));
    assert!(
        rows.clone().count() >= 3 && rows.clone().all(|row| row.chars().count() <= 100),
        "{text}"
    );
    let csv = succeed(&[&["compare", "--format", "csv"][..], &some].concat());
    assert!(csv.starts_with("problem,estimator,target,claim,component,"), "{csv}");
    let one = ["--problem", "bernoulli-toy", "--estimators", "reinforce-none", "--draws", "30"];
    let exported = ["--export-draws", "--out", &figures];
    succeed(&[&["compare"][..], &one, &exported].concat());
    let draws = fs::read_to_string(scratch.path("figures/bernoulli-toy-draws.csv")).unwrap();
    assert!(draws.starts_with("estimator,target,component,draw,gradient\nreinforce-none,ELBO,"));
    assert_eq!(draws.lines().count(), 31, "{draws}");
}

#[test]
fn a_trained_run_is_a_problem_whose_reference_is_estimated() {
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
    assert!(text.contains("the reference is the mean of 160 other draws of sgvb"), "{text}");

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
fn samplers_of_bits_are_certified_by_their_matrices() {
    let text = succeed(&["check", "--samplers", "--format", "json"]);
    let rows: Vec<Value> = serde_json::from_str(&text).unwrap();
    for sampler in ["block-gibbs", "gibbs", "gwg", "dmala(alpha=0.2)", "dula(alpha=0.2)"] {
        assert!(rows.iter().any(|row| row["sampler"] == sampler), "{sampler}: {text}");
    }
    assert!(rows.iter().all(|row| row["ok"] == true), "{text}");
    let table = succeed(&["check", "--samplers"]);
    assert!(table.contains("|λ₂|") && !table.contains("MOVES"), "{table}");
    refuse_in_words(&["check", "--samplers", "--zoo"], &["--zoo"]);
}

#[test]
fn the_zoo_is_caught_to_the_last() {
    let output = run(&["check", "--zoo", "--format", "json"]);
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("37 of 37 caught"), "{said}");
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
    // A line of metrics comes after each 50 steps, so nearly all of the run is still to come after the first.
    let steps = ["--steps", "50000"];
    succeed(&small(&whole, &steps));
    let mut child = program(&small(&stopped, &steps))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let metrics = Path::new(&stopped).join("metrics.jsonl");
    let has_begun = || fs::read_to_string(&metrics).is_ok_and(|text| text.contains('\n'));
    while !has_begun() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(2));
    }
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    assert!(stderr.contains("--resume"), "{stderr}");
    succeed(&["train", "--progress", "none", "--resume", &stopped]);
    assert_eq!(checkpoint(&stopped), checkpoint(&whole));
}

/// The rows of `likelihood` on little data, with more options.
fn likelihood(scratch: &Scratch, more: &[&str]) -> String {
    let out = scratch.path("likelihood");
    let few = ["--rows", "100", "--test-rows", "6", "--num-samples", "300", "--temperatures", "40"];
    let args = ["likelihood", "--format", "json", "--out", &out];
    succeed(&[&args[..], &few, more].concat())
}

#[test]
fn the_evidence_ladder_is_in_order_and_its_pictures_are_written() {
    let scratch = Scratch::new("ladder");
    let text = likelihood(&scratch, &["--threads", "1"]);
    assert_eq!(text, likelihood(&scratch, &["--threads", "2"]), "threads change no number");
    let rows: Vec<Value> = serde_json::from_str(&text).unwrap();
    let of = |section: &str, method: &str| {
        let found = rows.iter().find(|row| {
            row["section"] == section && (row["method"] == method || row["estimate"] == method)
        });
        found.unwrap_or_else(|| panic!("{section} has no {method}: {text}"))
    };
    let gap = |method: &str| {
        let row = of("value", method);
        [row["minus_exact"].as_f64().unwrap(), row["error"].as_f64().unwrap()]
    };
    let order = ["prior Monte Carlo", "ELBO", "bound of K draws, L_K", "exact", "AIS backward"];
    for pair in order.windows(2) {
        let [[low, a], [high, b]] = [gap(pair[0]), gap(pair[1])];
        assert!(high - low > -4.0 * f64::hypot(a, b), "{pair:?}: {low} and {high}");
    }
    for bound in ["box", "prior Monte Carlo", "ELBO", "AIS forward"] {
        let [below, error] = gap(bound);
        assert!(below < 4.0 * error, "{bound} is above ln p(x) by {below} ± {error}");
    }
    for unbiased in ["multilevel", "Russian roulette"] {
        let [off, error] = gap(unbiased);
        // Six rows give an error that is itself off by a third.
        assert!(off.abs() < 6.0 * error, "{unbiased}: {off} ± {error}");
    }
    // Every line says what it is.
    let explained = |row: &&Value| row["section"] != "dimension";
    assert!(rows.iter().filter(explained).all(|row| row["meaning"].as_str().unwrap().len() > 20));
    // All ways to the maximum end at it, but for those that stop early or maximise something else.
    for method in ["EM", "gradient", "closed form"] {
        let below = of("fit", method)["below_maximum"].as_f64().unwrap();
        assert!(below.abs() < 1e-4, "{method} is {below} below the maximum");
    }
    let variational = of("fit", "variational EM")["below_maximum"].as_f64().unwrap();
    assert!((-1e-9..0.1).contains(&variational), "{variational}");
    // The highest point moves with the parameter: σ², σ, ln σ, 1/σ² in this order.
    let deviation = |method: &str| of("map", method)["deviation"].as_f64().unwrap();
    let maps = ["MAP of σ²", "MAP of σ", "MAP of ln σ", "MAP of 1/σ²"].map(deviation);
    assert!(maps.windows(2).all(|pair| pair[0] < pair[1]), "{maps:?}");
    for name in ["ladder.svg", "ladder.png", "dimension.svg", "dimension.png"] {
        assert!(scratch.0.join("likelihood").join(name).is_file(), "{name} is missing");
    }
}

#[test]
fn likelihood_refuses_what_it_cannot_do() {
    let scratch = Scratch::new("likelihood-refuses");
    let out = scratch.path("out");
    let csv = scratch.file("two.csv", "a,b\n1,2\n3,4\n5,6\n".as_bytes());
    let equal = scratch.file("equal.csv", "a,b,c\n".to_string().as_bytes());
    fs::write(&equal, format!("a,b,c\n{}", "1,2,3\n".repeat(60))).unwrap();
    let data = |path: &str| format!("csv:{path}");
    let cases: [(&[&str], &[&str]); 7] = [
        (&["--latent-dim", "0"], &["--latent-dim", "between 1"]),
        (&["--latent-dim", "49"], &["--latent-dim", "49", "less than"]),
        (&["--num-samples", "1000001"], &["--num-samples", "1000000"]),
        (&["--data", &data(&csv), "--latent-dim", "1"], &["training rows", "at least 20"]),
        (&["--rows", "100000"], &["100000 training rows", "the data have"]),
        (&["--test-rows", "1"], &["--test-rows", "between 2"]),
        (
            &["--data", &data(&equal), "--rows", "40", "--test-rows", "5", "--latent-dim", "1"],
            &["equal"],
        ),
    ];
    refuse(&["train", "gp", "--data", "digits", "--out", &out], &["783 inputs", "--rows"]);
    for (args, parts) in cases {
        let args = [&["likelihood", "--out", &out], args].concat();
        let output = run(&args);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
        assert!(parts.iter().all(|part| stderr.contains(part)), "{args:?}: {stderr}");
    }
}

/// A page, of which every number of `summary.json`, every picture of the folder and every setting is asserted to be a part.
fn page_of(out: &str, page: &str) -> String {
    let html = fs::read_to_string(page).unwrap();
    for (name, value) in summary(out).as_object().unwrap() {
        let Some(text) = value.as_str().map(str::to_string).or(Some(value.to_string())) else {
            continue;
        };
        let shown = match value.is_number() {
            true => html.contains(&format!("value=\"{text}\"")),
            false => value.is_object() || html.contains(&format!(">{}<", escaped(&text))),
        };
        assert!(shown, "{name}: {text} is not on {page}");
    }
    let mut pictures = 0;
    for entry in fs::read_dir(out).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".png") || name.ends_with(".svg") {
            assert!(html.contains(&format!("<b>{name}</b>")), "{name} is not on {page}");
            pictures += 1;
        }
    }
    assert_eq!(html.matches("<img src=\"data:image/").count(), pictures, "{page}");
    assert!(!html.contains("no training of this run"), "{page}: a picture has no sentence");
    assert!(!html.contains("<td class=\"meaning\"></td>"), "{page}: a number has no sentence");
    let toml = fs::read_to_string(Path::new(out).join("run.toml")).unwrap();
    let settings = toml.lines().filter_map(|line| line.split_once(" = "));
    for (name, value) in settings.filter(|setting| setting.0 != "format") {
        let value = value.trim_matches('"').replace("\\\"", "\"");
        // A length stands behind its unit.
        let row = match ["epochs", "steps", "seconds"].contains(&name) {
            true => format!("{{ {name} = {value} }}"),
            false => format!("<tr><th scope=\"row\">{name}</th><td>{}</td></tr>", escaped(&value)),
        };
        assert!(html.contains(&row), "{row} is not on {page}");
    }
    for needs in ["http", "<script", "<link", "src=\"/", "src=\".", "url("] {
        assert!(!html.contains(needs), "{page} holds {needs}");
    }
    assert!(html.starts_with("<!DOCTYPE html>") && html.ends_with("</html>\n"));
    html
}

/// A text as HTML has it.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[test]
fn a_report_has_every_number_picture_and_setting_and_needs_nothing_else() {
    let scratch = Scratch::new("report");
    let [vae, rbm, ppca] = ["vae", "rbm", "ppca"].map(|name| scratch.path(name));
    succeed(&small(&vae, &["--steps", "20"]));
    let bits = ["train", "rbm", "--data", "bars", "--hidden", "4", "--steps", "3"];
    succeed(&[&bits[..], &["--progress", "none", "--out", &rbm]].concat());
    let hostile = "<img src=x onerror=alert(1)>";
    let rows = (0..30).map(|i| format!("{}.5,{},{}\n", i % 7, i * i % 11, i % 5));
    let rows = rows.collect::<String>();
    let table = format!("\"{hostile}\",\"\"\"&amp;\u{1b}[2J\",c\n{rows}");
    let source = format!("csv:{}", scratch.file("<b>a&b.csv", table.as_bytes()));
    let exact = ["train", "ppca", "--data", &source, "--latent-dim", "2", "--out", &ppca];
    succeed(&exact);

    for run in [&vae, &rbm] {
        let output = self::run(&["report", run]);
        let words = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), words.lines().count()), (Some(0), 1), "{words}");
        assert!(words.contains("report.html with 6 pictures"), "{words}");
        page_of(run, &format!("{run}/report.html"));
    }
    let page = scratch.path("page.html");
    succeed(&["report", &ppca, "--out", &page]);
    let html = page_of(&ppca, &page);
    assert!(html.contains("&lt;img src=x onerror=alert(1)&gt;") && !html.contains(hostile));
    assert!(html.contains("&quot;&amp;amp;\\u{1b}[2J") && !html.contains("<b>a&"));
    assert!(!Path::new(&ppca).join("report.html").exists());
    // The same run has the same page, which replaces the old one.
    succeed(&["report", &ppca, "--out", &page]);
    assert_eq!(fs::read_to_string(&page).unwrap(), html);
    // A new run in the folder has no page yet.
    succeed(&small(&vae, &["--steps", "1", "--force"]));
    assert!(!Path::new(&vae).join("report.html").exists());

    refuse(&["report", &scratch.path("missing")], &["missing", "run.toml"]);
    refuse(&["report", &vae, "--out", &scratch.path("a.txt")], &["a.txt", ".html"]);
    refuse(&["report", &vae, "--out", &scratch.path("no/a.html")], &["no/a.html", "folder"]);
    fs::create_dir(scratch.path("folder.html")).unwrap();
    refuse(&["report", &vae, "--out", &scratch.path("folder.html")], &["folder.html", "a folder"]);
    let checkpoint = Path::new(&rbm).join("checkpoint.safetensors");
    fs::write(checkpoint, "damaged").unwrap();
    refuse(&["report", &rbm], &["checkpoint.safetensors"]);
}

#[test]
fn a_report_of_a_run_that_has_not_ended_says_so_and_draws_its_curve() {
    let scratch = Scratch::new("report-early");
    let out = scratch.path("run");
    succeed(&small(&out, &["--steps", "120"]));
    fs::remove_file(Path::new(&out).join("summary.json")).unwrap();
    fs::write(Path::new(&out).join("curve.svg"), "old").unwrap();
    let page = scratch.path("page.html");
    succeed(&["report", &out, "--out", &page]);
    let html = fs::read_to_string(page).unwrap();
    assert!(html.contains("This run has not ended") && html.contains("test/elbo"), "{html}");
    assert_eq!(html.matches("<b>curve.svg</b>").count(), 1);
    // The text `old` in base64.
    assert!(!html.contains("b2xk\"") && !html.contains("<td class=\"meaning\"></td>"));
}
