//! Run folders: nothing is lost, and what is read is what was written.

mod support;

use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
#[cfg(unix)]
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use support::{Scratch, program, refuse, run, succeed};

/// One kind of model for each way a run is fitted: a latent-variable model, an energy model with persistent chains, a model fitted
/// by EM.
const KINDS: [(&str, &[&str]); 3] = [
    ("vae", &["--hidden", "6", "--latent-dim", "2", "--batch", "50", "--eval-samples", "3"]),
    ("rbm", &["--hidden", "5", "--criterion", "pcd", "--chains", "20", "--batch", "500"]),
    ("ppca", &["--latent-dim", "2", "--method", "em", "--tolerance", "1e-300"]),
];

/// The steps of a short run, and of a long one that begins like it.
const STEPS: [&str; 2] = ["30", "75"];

/// The options of a new run of a kind.
fn options<'a>(kind: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let of_kind = KINDS.iter().find(|one| one.0 == kind).unwrap().1;
    [&["train", kind, "--data", "bars", "--progress", "none"], of_kind, more].concat()
}

/// The arguments that continue a run.
fn resume<'a>(dir: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["train", "--progress", "none", "--resume", dir], more].concat()
}

/// Every file of a folder. That of the lock stays empty.
fn files(dir: &str) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    entries.map(|path| (name(&path), fs::read(&path).unwrap())).collect()
}

/// The optimisation step of a checkpoint: a number in the JSON text that is in the header's metadata.
fn step_of(checkpoint: &[u8]) -> u64 {
    let length = u64::from_le_bytes(checkpoint[..8].try_into().unwrap()) as usize;
    let header: Value = serde_json::from_slice(&checkpoint[8..8 + length]).unwrap();
    let run = header["__metadata__"]["pathscore"].as_str().unwrap();
    serde_json::from_str::<Value>(run).unwrap()["counters"]["step"].as_u64().unwrap()
}

/// Every result in a folder without the wall times.
fn results(dir: &str) -> BTreeMap<String, Vec<u8>> {
    let without = |text: &[u8], key: &str| -> Vec<u8> {
        let mut fields: Map<String, Value> = serde_json::from_slice(text).unwrap();
        assert!(fields.shift_remove(key).is_some(), "{key} is missing");
        serde_json::to_vec(&fields).unwrap()
    };
    let mut found = files(dir);
    found.retain(|name, _| !name.starts_with('.'));
    let metrics = found.get_mut("metrics.jsonl").unwrap();
    let lines = metrics.split_inclusive(|&byte| byte == b'\n');
    *metrics = lines.flat_map(|line| [without(line, "wall_s"), b"\n".to_vec()].concat()).collect();
    let summary = found.get_mut("summary.json").unwrap();
    *summary = without(summary, "seconds");
    found
}

/// Asserts that two folders have the same results.
fn assert_same(one: &str, other: &str, what: &str) {
    let (one, other) = (results(one), results(other));
    let names = |of: &BTreeMap<String, Vec<u8>>| of.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&one), names(&other), "{what}");
    for (name, bytes) in &one {
        assert!(other[name] == *bytes, "{what}: {name} differs");
    }
}

fn copy(from: &str, to: &str) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir_all(to).unwrap();
    for (name, bytes) in files(from) {
        fs::write(Path::new(to).join(name), bytes).unwrap();
    }
}

/// Replaces a part of a file of a run.
fn edit(dir: &str, name: &str, from: &str, to: &str) {
    let path = Path::new(dir).join(name);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{name} does not hold {from}:\n{text}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

/// Asserts that a run is refused by every command that reads it, in one line with `parts`, and stays as it is.
fn refuse_everywhere(dir: &str, parts: &[&str]) {
    let before = files(dir);
    let picture = format!("{dir}-never.png");
    refuse(&["evaluate", dir], parts);
    refuse(&["sample", dir, "--out", &picture], parts);
    refuse(&resume(dir, &["--steps", STEPS[1]]), parts);
    assert!(!Path::new(&picture).exists());
    assert!(files(dir) == before, "a refused run stays as it is");
}

#[test]
fn a_longer_run_equals_a_shorter_one_that_is_continued() {
    for (kind, _) in KINDS {
        let scratch = Scratch::new(&format!("longer-{kind}"));
        let (whole, continued) = (scratch.path("whole"), scratch.path("continued"));
        succeed(&options(kind, &["--steps", STEPS[1], "--out", &whole]));
        succeed(&options(kind, &["--steps", STEPS[0], "--out", &continued]));
        succeed(&resume(&continued, &["--steps", STEPS[1]]));
        assert_same(&whole, &continued, kind);
    }
}

#[test]
fn a_run_that_has_ended_says_so_and_stays_as_it_is() {
    for (kind, _) in KINDS {
        let scratch = Scratch::new(&format!("ended-{kind}"));
        let out = scratch.path("run");
        succeed(&options(kind, &["--steps", STEPS[0], "--out", &out]));
        let before = files(&out);
        for more in [&[][..], &["--steps", STEPS[0]], &["--steps", "10"]] {
            let output = run(&resume(&out, more));
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            let shorter = more.last() == Some(&"10");
            assert_eq!(output.status.code(), Some(if shorter { 2 } else { 0 }), "{stderr}");
            let words = if shorter { "30 steps already" } else { "the run ended after step 30" };
            assert!(stderr.contains(words) && output.stdout.is_empty(), "{stderr}");
            assert!(files(&out) == before, "{kind} {more:?}");
        }
    }
}

#[test]
fn force_keeps_the_old_run_until_the_new_one_has_begun() {
    for (kind, _) in KINDS {
        let scratch = Scratch::new(&format!("force-{kind}"));
        let out = scratch.path("run");
        succeed(&options(kind, &["--steps", STEPS[0], "--out", &out]));
        let before = files(&out);
        let lacks = match kind {
            "ppca" => ["--latent-dim", "17"],
            _ => ["--batch", "20000"],
        };
        for wrong in [&lacks[..], &["--steps", "0"], &["--seed", "x"]] {
            let more = [wrong, &["--force", "--out", &out]].concat();
            let args: Vec<&str> = options(kind, &[]);
            // An option of the kind may stand there already.
            let args = args.iter().enumerate().filter(|(i, arg)| {
                let is = |arg: &str| arg == wrong[0];
                !(is(arg) || *i > 0 && is(args[i - 1]))
            });
            let args: Vec<&str> = args.map(|(_, arg)| *arg).chain(more).collect();
            assert_eq!(run(&args).status.code(), Some(2), "{args:?}");
            assert!(files(&out) == before, "{kind} {wrong:?}");
        }
        // A replacement that was cut off before its checkpoint is forgotten.
        fs::create_dir(Path::new(&out).join(".next")).unwrap();
        fs::write(Path::new(&out).join(".next/run.toml"), "half").unwrap();
        succeed(&resume(&out, &[]));
        assert!(files(&out) == before, "{kind}");
        // One that was cut off behind it is completed: here is the new run of another seed.
        let other = scratch.path("other");
        let new = ["--steps", STEPS[0], "--seed", "5", "--out"];
        succeed(&options(kind, &[&new[..], &[&other]].concat()));
        let next = Path::new(&out).join(".next");
        fs::create_dir(&next).unwrap();
        for name in ["run.toml", "checkpoint.safetensors", "metrics.jsonl"] {
            fs::copy(Path::new(&other).join(name), next.join(name)).unwrap();
        }
        refuse(&["evaluate", &out], &["cut off", "--resume"]);
        succeed(&resume(&out, &[]));
        assert_same(&out, &other, kind);
        succeed(&options(kind, &["--steps", STEPS[0], "--force", "--out", &out]));
        let again = results(&out);
        assert!(again.iter().all(|(name, bytes)| name == "metrics.jsonl"
            || name == "summary.json"
            || before[name] == *bytes));
    }
}

#[test]
fn a_diverging_run_keeps_its_last_checkpoint_and_goes_on_at_a_smaller_rate() {
    let ppca = ["--latent-dim", "2", "--method", "gradient", "--batch", "100"];
    for (kind, of_kind) in [KINDS[0], KINDS[1], ("ppca", &ppca)] {
        let scratch = Scratch::new(&format!("diverged-{kind}"));
        let out = scratch.path("run");
        let args =
            [&["train", kind, "--data", "bars", "--progress", "none", "--steps", "20"], of_kind];
        let args = [&args.concat()[..], &["--lr", "1e38", "--out", &out]].concat();
        for attempt in [&args[..], &resume(&out, &[])] {
            let output = run(attempt);
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(1), "{stderr}");
            for part in ["step 0 is kept", "failed.safetensors", "--lr RATE", "--resume"] {
                assert!(stderr.contains(part), "{stderr}");
            }
            assert!(Path::new(&out).join("failed.safetensors").exists());
        }
        succeed(&resume(&out, &["--lr", "0.001"]));
        let whole = scratch.path("whole");
        let lr = args.iter().map(|&arg| {
            if arg == "1e38" {
                "0.001"
            } else if arg == out {
                &whole
            } else {
                arg
            }
        });
        succeed(&lr.collect::<Vec<_>>());
        fs::remove_file(Path::new(&out).join("failed.safetensors")).unwrap();
        assert_same(&out, &whole, kind);
    }
    let scratch = Scratch::new("no-rate");
    let out = scratch.path("run");
    succeed(&options("ppca", &["--steps", STEPS[0], "--out", &out]));
    let before = files(&out);
    refuse(&resume(&out, &["--lr", "0.1"]), &["--lr has no effect"]);
    assert!(files(&out) == before);
}

#[test]
fn settings_that_are_not_those_of_the_checkpoint_are_named() {
    for (kind, _) in KINDS {
        let scratch = Scratch::new(&format!("settings-{kind}"));
        let (out, other) = (scratch.path("run"), scratch.path("other"));
        succeed(&options(kind, &["--steps", STEPS[0], "--out", &out]));
        let of_kind: &[_] = match kind {
            "vae" => &[("activation = \"tanh\"", "activation = \"relu\"", "activation")],
            "rbm" => &[("chains = 20", "chains = 21", "chains")],
            _ => &[("latent_dim = 2", "latent_dim = 3", "latent_dim")],
        };
        let of_all = [
            ("seed = 0", "seed = 1", "run.seed"),
            ("steps = 30", "steps = 31", "run.length"),
            if kind == "ppca" {
                ("\"f64\"", "\"f32\"", "run.dtype")
            } else {
                ("\"f32\"", "\"f64\"", "run.dtype")
            },
        ];
        for (from, to, name) in of_all.iter().chain(of_kind) {
            copy(&out, &other);
            edit(&other, "run.toml", from, to);
            refuse(&resume(&other, &[]), &["checkpoint.safetensors", "run.toml", name]);
        }
        copy(&out, &other);
        edit(&other, "run.toml", "pathscore = \"0", "pathscore = \"999.0");
        refuse_everywhere(&other, &["run.toml", "version 999."]);
        edit(&other, "run.toml", "format = 3", "format = 4");
        refuse_everywhere(&other, &["run.toml", "the format is 4"]);
        copy(&out, &other);
        edit(&other, "run.toml", "\"bars\"", "\"rings\"");
        refuse_everywhere(&other, &["checkpoint.safetensors", "other data"]);
        edit(&other, "run.toml", "\"rings\"", "\"csv:nowhere.csv\"");
        refuse_everywhere(&other, &["run.toml", "nowhere.csv"]);
        // A comment changes no setting.
        copy(&out, &other);
        edit(&other, "run.toml", "[run]", "# a comment\n[run]");
        succeed(&["evaluate", &other]);
        fs::remove_file(Path::new(&other).join("checkpoint.safetensors")).unwrap();
        refuse_everywhere(&other, &["checkpoint.safetensors"]);
    }
}

#[test]
fn other_data_of_the_same_shape_are_refused() {
    for (kind, _) in KINDS {
        let scratch = Scratch::new(&format!("data-{kind}"));
        let rows = |last: u32| -> String {
            let row = |i: u32| format!("{},{},{}\n", i % 2, i / 2 % 2, (i * i + i / 3) % 2);
            (0..600).map(row).chain([format!("{last},0,1\n")]).collect()
        };
        let out = scratch.path("run");
        let csv = scratch.file("rows.csv", rows(0).as_bytes());
        let mut args = options(kind, &["--steps", STEPS[0], "--out", &out]);
        let source = format!("csv:{csv}");
        args[3] = &source;
        succeed(&args);
        scratch.file("rows.csv", rows(1).as_bytes());
        refuse_everywhere(
            &out,
            &["checkpoint.safetensors", "other data", "501 training and 100 test"],
        );
        scratch.file("rows.csv", rows(0).as_bytes());
        succeed(&["evaluate", &out]);
        // Data may move.
        fs::rename(&csv, scratch.path("moved.csv")).unwrap();
        refuse_everywhere(&out, &["run.toml", "rows.csv"]);
        edit(&out, "run.toml", "rows.csv", "moved.csv");
        succeed(&["evaluate", &out]);
        succeed(&resume(&out, &["--steps", STEPS[1]]));
    }
}

#[test]
fn a_damaged_line_of_metrics_is_named_by_its_number() {
    for (kind, _) in KINDS {
        let scratch = Scratch::new(&format!("lines-{kind}"));
        let (whole, out, other) =
            (scratch.path("whole"), scratch.path("run"), scratch.path("other"));
        succeed(&options(kind, &["--steps", "200", "--out", &whole]));
        succeed(&options(kind, &["--steps", "160", "--out", &out]));
        let text = fs::read_to_string(Path::new(&out).join("metrics.jsonl")).unwrap();
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        assert!(lines.len() >= 4);
        let attempt = |lines: &[&str], parts: &[&str]| {
            copy(&out, &other);
            fs::write(Path::new(&other).join("metrics.jsonl"), lines.concat()).unwrap();
            let before = files(&other);
            refuse(&resume(&other, &["--steps", "200"]), parts);
            assert!(files(&other) == before);
        };
        let torn = lines[1].replace("\"epoch\"", "\"ep");
        attempt(
            &[&[lines[0], &torn], &lines[2..]].concat(),
            &["metrics.jsonl", "line 2 is damaged"],
        );
        attempt(&[&[lines[1], lines[0]], &lines[2..]].concat(), &["metrics.jsonl", "line 2"]);
        attempt(&[&lines[..1], &lines[2..]].concat(), &["metrics.jsonl"]);
        attempt(&lines[..1], &["metrics.jsonl", "ends before line 2"]);
        let other_number: &str = &lines[0].replacen("\"train/", "\"train_", 1);
        attempt(&[&[other_number], &lines[1..]].concat(), &["metrics.jsonl", "not those"]);
        // Lines behind the checkpoint are written again, torn or not.
        copy(&out, &other);
        let more = format!("{text}{{\"step\":161,\"wall_s\":1}}\n{{\"st");
        fs::write(Path::new(&other).join("metrics.jsonl"), more).unwrap();
        succeed(&resume(&other, &["--steps", "200"]));
        assert_same(&whole, &other, kind);
    }
}

#[test]
fn of_several_writers_one_wins_and_the_others_name_it() {
    for round in 0..count("PATHSCORE_WRITERS", 2) {
        for (i, (kind, _)) in KINDS.iter().enumerate() {
            let scratch = Scratch::new(&format!("writers-{kind}-{round}"));
            let (whole, out) = (scratch.path("whole"), scratch.path("run"));
            // So many steps that every process starts before the first one ends.
            let steps = ["1500", "3000", "100"][i];
            let new = options(kind, &["--steps", steps, "--out", &out]);
            succeed(&options(kind, &["--steps", steps, "--out", &whole]));
            let start = |args: &[&str]| {
                program(args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
            };
            // Two or three begin at once; then as many continue a run at once.
            for args in [&new[..], &resume(&out, &["--lr", "0.002", "--steps", "9000"])] {
                let mut writers: Vec<_> = (0..2 + (round + i) % 2).map(|_| start(args)).collect();
                let ids: Vec<u32> = writers.iter().map(|child| child.id()).collect();
                if args[1] != *kind {
                    // The one that holds the lock is killed, and its lock goes with it.
                    std::thread::sleep(Duration::from_millis(400));
                    writers.iter_mut().for_each(|child| drop(child.kill()));
                    writers.into_iter().for_each(|child| drop(child.wait_with_output()));
                    continue;
                }
                let outputs: Vec<_> =
                    writers.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
                let won: Vec<usize> =
                    (0..outputs.len()).filter(|&i| outputs[i].status.success()).collect();
                assert_eq!(won.len(), 1, "{kind}: {outputs:?}");
                for (i, output) in outputs.iter().enumerate().filter(|(i, _)| *i != won[0]) {
                    let stderr = String::from_utf8_lossy(&output.stderr);
                    assert_eq!(output.status.code(), Some(2), "{kind}, {i}: {stderr}");
                    let words = format!("process {} writes this run, since 20", ids[won[0]]);
                    assert!(stderr.contains(&words), "{kind}: {stderr}");
                }
                assert_same(&out, &whole, kind);
            }
            fs::remove_dir_all(&out).unwrap();
        }
    }
}

#[test]
fn the_lock_of_a_dead_process_holds_nobody_up() {
    let scratch = Scratch::new("dead");
    let out = scratch.path("run");
    succeed(&options("vae", &["--steps", STEPS[0], "--out", &out]));
    assert_eq!(fs::read(Path::new(&out).join(".lock")).unwrap(), b"");
    // The text of a process that was killed; its number may be that of another one by now.
    fs::write(Path::new(&out).join(".lock"), "1 5").unwrap();
    succeed(&resume(&out, &["--steps", STEPS[1]]));
}

/// Kills or stops a run again and again at random moments, and asserts that its end is that of the run that was never stopped.
#[cfg(unix)]
fn stopped_again_and_again(kind: &str, more: &[&str], times: usize, seed: u64) {
    let random = &mut Random(seed);
    let scratch = Scratch::new(&format!("stopped-{kind}-{seed}"));
    let (whole, out) = (scratch.path("whole"), scratch.path("run"));
    let often = ["--checkpoint-seconds", "0.02"];
    succeed(&options(kind, &[more, &["--out", &whole]].concat()));
    let started = Instant::now();
    succeed(&options(kind, &[more, &["--force", "--out", &whole]].concat()));
    let lasts = started.elapsed().as_millis() as usize;
    let mut stops = 0;
    while stops < times {
        let begun = Path::new(&out).join("run.toml").exists();
        let args = match begun {
            true => resume(&out, &often),
            false => options(kind, &[more, &often, &["--out", &out]].concat()),
        };
        let child = program(&args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let pause = 5 + random.below(lasts + lasts / 4);
        std::thread::sleep(Duration::from_millis(pause as u64));
        let (name, code) =
            [("KILL", None), ("INT", Some(130)), ("TERM", Some(143)), ("HUP", Some(129))]
                [random.below(4)];
        let sent =
            Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).output();
        drop(sent.unwrap());
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() {
            // The run has ended: a new one takes the remaining stops.
            assert_same(&out, &whole, kind);
            fs::remove_dir_all(&out).unwrap();
        } else if output.status.signal().is_some() {
            // Before the program listens, any signal ends it.
            stops += 1;
        } else {
            assert_eq!(output.status.code(), code, "{kind}, {name}: {stderr}");
            assert!(
                stderr.contains("stopped after step") && stderr.contains("--resume"),
                "{stderr}"
            );
            stops += 1;
        }
    }
    match Path::new(&out).join("run.toml").exists() {
        true => succeed(&resume(&out, &[])),
        false => succeed(&options(kind, &[more, &["--out", &out]].concat())),
    };
    assert_same(&out, &whole, kind);
}

#[cfg(unix)]
#[test]
fn a_run_that_is_stopped_at_random_moments_ends_like_one_that_was_not() {
    let times = count("PATHSCORE_STOPS", 8);
    // Long evaluations and pictures, so that stops fall into them, too.
    stopped_again_and_again("vae", &["--steps", "1300", "--diagnostics"], times, 1);
    stopped_again_and_again("rbm", &["--steps", "600"], times, 2);
    stopped_again_and_again("ppca", &["--steps", "60"], times, 3);
}

#[test]
fn a_killed_comparison_leaves_whole_files_only() {
    let scratch = Scratch::new("compared");
    let out = scratch.path("out");
    fs::create_dir(&out).unwrap();
    let args = ["compare", "--problem", "bernoulli-toy", "--draws", "50", "--out", &out];
    let started = Instant::now();
    succeed(&args);
    let (lasts, whole) = (started.elapsed().as_millis() as usize, files(&out));
    assert!(whole.keys().any(|name| name.ends_with(".png")));
    let random = &mut Random(4);
    for _ in 0..count("PATHSCORE_STOPS", 8) {
        fs::remove_dir_all(&out).unwrap();
        fs::create_dir(&out).unwrap();
        let mut child = program(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(random.below(lasts) as u64));
        child.kill().unwrap();
        child.wait().unwrap();
        for (name, bytes) in files(&out).iter().filter(|(name, _)| !name.starts_with('.')) {
            let end: &[u8] = if name.ends_with(".png") { b"IEND\xaeB`\x82" } else { b"</svg>" };
            assert!(bytes.trim_ascii_end().ends_with(end), "{name} is half written");
        }
    }
}

/// Sends a signal when a file of a run is there, and returns the exit code and the words.
#[cfg(unix)]
fn stopped_when(args: &[&str], file: &Path, signal: &str) -> (Option<i32>, String) {
    let mut child = program(args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    while !file.exists() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(2));
    }
    std::thread::sleep(Duration::from_millis(60));
    let id = child.id().to_string();
    assert!(Command::new("kill").args([&format!("-{signal}"), &id]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[cfg(unix)]
#[test]
fn a_signal_ends_a_step_that_takes_long() {
    let scratch = Scratch::new("long-step");
    let out = scratch.path("run");
    let run = ["train", "rbm", "--data", "bars", "--hidden", "5", "--progress", "none"];
    let step = ["--criterion", "ucd", "--burn-in", "1000000000", "--out", &out];
    let started = Instant::now();
    let checkpoint = Path::new(&out).join("checkpoint.safetensors");
    let (code, stderr) = stopped_when(&[&run[..], &step].concat(), &checkpoint, "INT");
    assert_eq!(code, Some(130), "{stderr}");
    assert!(stderr.contains("within a long step; the checkpoint of step 0 is kept"), "{stderr}");
    assert!(started.elapsed() < Duration::from_secs(30), "the step was waited for");
    succeed(&["evaluate", &out]);
}

#[test]
fn tables_of_fewer_rows_than_a_batch_are_trained_on_as_a_whole() {
    let scratch = Scratch::new("few-rows");
    let (file, out) = (scratch.path("few.csv"), scratch.path("run"));
    let rows: String = (0..30).map(|i| format!("{i},{}\n", i * i % 7)).collect();
    fs::write(&file, format!("a,a\n{rows}")).unwrap();
    let data = format!("csv:{file}");
    let run = ["train", "vae", "--data", &data, "--likelihood", "normal", "--steps", "3"];
    succeed(&[&run[..], &["--out", &out]].concat());
    let whole = fs::read_to_string(Path::new(&out).join("run.toml")).unwrap();
    assert!(whole.contains("batch = 25"), "{whole}");
    // A density whose rate decays by default has a constant one where the number of steps is not known.
    let timed = scratch.path("timed");
    succeed(&["train", "nade", "--data", "bars", "--seconds", "0.2", "--out", &timed]);
    let more = ["--batch", "100", "--out", &scratch.path("other")];
    refuse(&[&run[..], &more].concat(), &["100 rows", "25 rows"]);
    let one = scratch.path("ppca");
    succeed(&["train", "ppca", "--data", &data, "--out", &one]);
    let whole = fs::read_to_string(Path::new(&one).join("run.toml")).unwrap();
    assert!(whole.contains("latent_dim = 1"), "{whole}");
    let many = ["train", "ppca", "--data", &data, "--latent-dim", "2", "--out", &one, "--force"];
    refuse(&many, &["--latent-dim", "2"]);
    let scaled = ["train", "rbm", "--data", "bars", "--standardize", "--out", &one, "--force"];
    refuse(&scaled, &["--standardize", "bits"]);
    let same = scratch.path("same.csv");
    fs::write(&same, "1,2\n".repeat(12)).unwrap();
    let same = format!("csv:{same}");
    let flat = ["train", "energy", "--data", &same, "--out", &scratch.path("flat")];
    refuse(&flat, &["no column", "varies", "--data-noise"]);
    for kind in ["gmm", "bgplvm"] {
        let out = scratch.path(kind);
        let few = ["train", kind, "--data", &data, "--steps", "2", "--out", &out];
        succeed(&few);
    }
    let twice = ["train", "gp", "--data", &data, "--target", "a", "--out", &scratch.path("gp")];
    refuse(&twice, &["--target is a", "columns 1 and 2"]);
}

#[test]
fn columns_of_very_different_sizes_are_brought_to_one_scale_on_request() {
    let scratch = Scratch::new("scales");
    let (file, out) = (scratch.path("far.csv"), scratch.path("run"));
    let rows: String =
        (0..60).map(|i| format!("{},{}\n", i * 7 % 11, 1e5 * (i % 5) as f64)).collect();
    fs::write(&file, format!("small,large\n{rows}")).unwrap();
    let data = format!("csv:{file}");
    let args = ["train", "ppca", "--data", &data, "--latent-dim", "1", "--out", &out];
    let said = run(&args);
    let stderr = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.status.success() && stderr.contains("--standardize"), "{stderr}");
    let said = run(&[&args[..], &["--standardize", "--force"]].concat());
    let stderr = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.status.success() && !stderr.contains("--standardize"), "{stderr}");
    assert!(
        fs::read_to_string(Path::new(&out).join("run.toml"))
            .unwrap()
            .contains("standardize = true")
    );
    let drawn = scratch.path("drawn.csv");
    succeed(&["sample", &out, "--count", "2000", "--out", &drawn]);
    let text = fs::read_to_string(&drawn).unwrap();
    let cells =
        text.lines().skip(1).flat_map(|line| line.split(',').map(|x| x.parse::<f64>().unwrap()));
    // Each column is standard normal but for what 50 rows do not tell: its square is one on average.
    let squares: Vec<f64> = cells.map(|x| x * x).collect();
    let mean = squares.iter().sum::<f64>() / squares.len() as f64;
    assert!((mean - 1.0).abs() < 0.3, "{mean}");
}

#[cfg(unix)]
#[test]
fn a_signal_stops_an_evaluation_and_leaves_a_checkpoint() {
    for (signal, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        let scratch = Scratch::new(&format!("evaluation-{signal}"));
        let out = scratch.path("run");
        // The evaluation at the end takes minutes.
        let args =
            ["train", "--data", "bars", "--hidden", "6", "--latent-dim", "2", "--batch", "50"];
        let more = ["--steps", "5", "--eval-samples", "50000", "--progress", "none", "--out", &out];
        let args = [&args[..], &more].concat();
        let started = Instant::now();
        let (found, stderr) =
            stopped_when(&args, &Path::new(&out).join("checkpoint.safetensors"), signal);
        assert_eq!(found, Some(code), "{stderr}");
        assert!(stderr.contains("stopped after step"), "{stderr}");
        assert!(started.elapsed() < Duration::from_secs(20), "the evaluation was not waited for");
        succeed(&["evaluate", &out, "--num-samples", "2"]);
    }
}

#[cfg(unix)]
#[test]
fn checkpoints_come_by_the_clock_between_the_lines_of_metrics() {
    let scratch = Scratch::new("clock");
    let out = scratch.path("run");
    // A line of metrics comes after each five steps, which are an epoch; a step takes long enough that
    // the clock asks for checkpoints after other steps too.
    let slow =
        ["--hidden", "500,500", "--batch", "2000", "--steps", "400", "--checkpoint-seconds", "0.1"];
    let args =
        [&["train", "--data", "bars", "--progress", "none", "--out", &out], &slow[..]].concat();
    let mut child = program(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let path = Path::new(&out).join("checkpoint.safetensors");
    let mut seen = BTreeSet::new();
    let between = loop {
        if let Ok(bytes) = fs::read(&path) {
            let step = step_of(&bytes);
            seen.insert(step);
            if !step.is_multiple_of(5) {
                break true;
            }
        }
        if child.try_wait().unwrap().is_some() {
            break false;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(between, "checkpoints after steps {seen:?}");
}

#[cfg(unix)]
#[test]
fn outputs_take_the_place_of_files_only() {
    use std::os::unix::fs::symlink;
    for (kind, _) in KINDS {
        let scratch = Scratch::new(&format!("outputs-{kind}"));
        let (out, target) = (scratch.path("run"), scratch.file("target", b"kept"));
        succeed(&options(kind, &["--steps", STEPS[0], "--out", &out]));
        let (link, pipe) = (scratch.path("link.png"), scratch.path("pipe.png"));
        symlink(&target, &link).unwrap();
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for (name, words) in
            [(&*link, "a symbolic link"), (&pipe, "a pipe"), ("/dev/null", "a device")]
        {
            refuse(&["sample", &out, "--out", name], &[name, words]);
        }
        for name in ["metrics.jsonl", "samples.png", "summary.json", ".lock", ".next"] {
            let other = scratch.path("other");
            copy(&out, &other);
            let _ = fs::remove_file(Path::new(&other).join(name));
            symlink(&target, Path::new(&other).join(name)).unwrap();
            let again = resume(&other, &["--steps", STEPS[1]]);
            let output = run(&again);
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(2), "{name}: {stderr}");
            assert!(stderr.contains(name), "{stderr}");
            fs::remove_dir_all(&other).unwrap();
        }
        assert_eq!(fs::read(&target).unwrap(), b"kept");
    }
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    let scratch = Scratch::new("control");
    let (bell, file) = ("\u{1b}]0;title\u{7}\n", scratch.path("a\u{1b}[31m.csv"));
    fs::write(&file, "1,2\n3,\u{1b}[2J\n").unwrap();
    let out = scratch.path("run\u{1b}[1m");
    succeed(&options("vae", &["--steps", "5", "--out", &out]));
    let rows: String = (0..600).map(|i| format!("{},{},{}\n", i % 7, i % 5, i % 3)).collect();
    let rows = format!("csv:{}", scratch.file("rows.csv", rows.as_bytes()));
    let energy = scratch.path("energy\u{1b}[1m");
    for args in [
        &["train", "energy", "--data", &rows, "--steps", "1", "--out", &energy][..],
        &["train", "--data", &format!("csv:{file}")],
        &["train", "--data", &format!("csv:{bell}")],
        &["train", "--data", bell],
        &["train", "--hidden", bell],
        &["evaluate", bell],
        &["evaluate", &out, "--num-samples", "0"],
        &["compare", "--problem", bell],
        &resume(&out, &[]),
        &resume(&out, &["--steps", "7"]),
    ] {
        let output = run(args);
        let words = [output.stderr, output.stdout].concat();
        let words = String::from_utf8(words).unwrap();
        assert!(
            !words.is_empty() && words.chars().all(|c| c == '\n' || !c.is_control()),
            "{words:?}"
        );
    }
}

#[test]
fn a_model_that_is_lost_does_not_replace_the_checkpoint() {
    let scratch = Scratch::new("lost");
    let (out, more) = (scratch.path("run"), ["--progress", "none"]);
    // A step that leaves finite parameters at which the density is none: at the end, and before a checkpoint by the clock.
    for (last, every) in [("6", "60"), ("40", "0")] {
        let _ = fs::remove_dir_all(&out);
        let short = ["train", "flow", "--data", "rings", "--steps", "5", "--out", &out];
        succeed(&[&short[..], &more].concat());
        let good = files(&out);
        let long = ["--steps", last, "--lr", "1e3", "--checkpoint-seconds", every];
        let output = run(&resume(&out, &long));
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        let words = ["checkpoint of step 5 is kept", "failed.safetensors", "step 6", "--lr RATE"];
        assert!(words.iter().all(|words| stderr.contains(words)), "{stderr}");
        let checkpoint = |from: &BTreeMap<String, Vec<u8>>| {
            let bytes = &from["checkpoint.safetensors"];
            // Behind the header, which knows the settings.
            bytes[bytes.len() - 100_000..].to_vec()
        };
        assert!(checkpoint(&files(&out)) == checkpoint(&good), "the numbers of step 5 are there");
        succeed(&resume(&out, &["--steps", "8", "--lr", "1e-4"]));
    }
}

#[test]
fn names_and_shapes_are_part_of_the_data() {
    let scratch = Scratch::new("names");
    let rows: String = (0..60)
        .map(|i| format!("{},{},{}\n", i % 7, (0.7 * f64::from(i)).sin(), i * i % 11))
        .collect();
    let file = scratch.file("rows.csv", format!("a,b,c\n{rows}").as_bytes());
    let (source, out) = (format!("csv:{file}"), scratch.path("run"));
    let train = ["train", "gp", "--data", &source, "--target", "b", "--steps", "2", "--out", &out];
    succeed(&train);
    fs::write(&file, format!("b,a,c\n{rows}")).unwrap();
    refuse_everywhere(&out, &["other data"]);
}

#[test]
fn no_other_output_takes_the_place_of_a_file_of_a_run() {
    let scratch = Scratch::new("own");
    let out = scratch.path("run");
    succeed(&options("rbm", &["--steps", STEPS[0], "--out", &out]));
    let before = files(&out);
    for name in ["run.toml", "checkpoint.safetensors", "metrics.jsonl", "samples.png", "curve.svg"]
    {
        refuse(&["sample", &out, "--out", &format!("{out}/{name}")], &[name, "a file of the run"]);
    }
    assert!(files(&out) == before);
    // Any other name is free, and so are these names elsewhere.
    succeed(&["sample", &out, "--out", &format!("{out}/more.png")]);
    succeed(&["sample", &out, "--out", &scratch.path("samples.png")]);
    // The state of a failure is a run's file, too.
    let failed = scratch.path("failed");
    fs::create_dir(&failed).unwrap();
    fs::write(Path::new(&failed).join("failed.safetensors"), "precious").unwrap();
    refuse(&options("rbm", &["--steps", "1", "--out", &failed]), &["there is a run"]);
    assert_eq!(files(&failed)["failed.safetensors"], b"precious");
}

#[test]
fn a_damaged_replacement_replaces_nothing() {
    for (kind, _) in KINDS {
        let scratch = Scratch::new(&format!("replacement-{kind}"));
        let (out, other) = (scratch.path("run"), scratch.path("other"));
        succeed(&options(kind, &["--steps", STEPS[0], "--out", &out]));
        succeed(&options(kind, &["--steps", "10", "--seed", "3", "--out", &other]));
        let good = fs::read(Path::new(&out).join("checkpoint.safetensors")).unwrap();
        let next = Path::new(&out).join(".next");
        fs::create_dir(&next).unwrap();
        let foreign = fs::read(Path::new(&other).join("checkpoint.safetensors")).unwrap();
        for damaged in [b"junk".to_vec(), foreign] {
            fs::write(next.join("checkpoint.safetensors"), damaged).unwrap();
            let text = fs::read(Path::new(&out).join("run.toml")).unwrap();
            fs::write(next.join("run.toml"), text).unwrap();
            refuse(&resume(&out, &["--steps", STEPS[1]]), &[".next", "stays as it was"]);
            refuse(&options(kind, &["--steps", "3", "--out", &out]), &["there is a run"]);
            let forced = options(kind, &["--steps", "3", "--force", "--out", &out]);
            refuse(&forced, &[".next", "stays as it was"]);
            assert!(fs::read(Path::new(&out).join("checkpoint.safetensors")).unwrap() == good);
        }
        fs::remove_dir_all(&next).unwrap();
        succeed(&resume(&out, &["--steps", STEPS[1]]));
    }
}

#[test]
fn a_replacement_that_was_cut_off_between_two_files_is_completed() {
    for (kind, _) in KINDS {
        let scratch = Scratch::new(&format!("cut-replacement-{kind}"));
        let (old, new) = (scratch.path("old"), scratch.path("new"));
        succeed(&options(kind, &["--steps", STEPS[0], "--out", &old]));
        succeed(&options(kind, &["--steps", STEPS[1], "--seed", "3", "--out", &new]));
        // Files move in this order, the results of the old run having been removed before.
        let order = ["metrics.jsonl", "run.toml", "checkpoint.safetensors"];
        for moved in 0..order.len() {
            let cut = scratch.path(&format!("cut-{moved}"));
            copy(&old, &cut);
            fs::remove_file(Path::new(&cut).join("summary.json")).unwrap();
            let next = Path::new(&cut).join(".next");
            fs::create_dir(&next).unwrap();
            for (place, name) in order.iter().enumerate() {
                let to = if place < moved { Path::new(&cut) } else { &next };
                fs::copy(Path::new(&new).join(name), to.join(name)).unwrap();
            }
            refuse(&["evaluate", &cut], &["cut off", "--resume"]);
            succeed(&resume(&cut, &[]));
            assert_same(&cut, &new, &format!("{kind} with {moved} files moved"));
        }
    }
}

#[test]
fn times_go_on_from_line_to_line() {
    let scratch = Scratch::new("times");
    let out = scratch.path("run");
    succeed(&options("rbm", &["--seconds", "0.3", "--out", &out]));
    let path = Path::new(&out).join("metrics.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    for other in ["-50", "1e400", "null"] {
        let lines: Vec<String> = text
            .lines()
            .map(|line| {
                format!("{}\"wall_s\":{other}}}\n", line.split("\"wall_s\"").next().unwrap())
            })
            .collect();
        fs::write(&path, lines.concat()).unwrap();
        refuse(&resume(&out, &["--seconds", "0.4"]), &["metrics.jsonl", "line 1 is damaged"]);
    }
}

#[test]
fn a_pipe_is_read_once_and_waiting_for_data_is_stopped() {
    let scratch = Scratch::new("pipe");
    let pipe = scratch.path("rows.csv");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let source = format!("csv:{pipe}");
    let out = scratch.path("run");
    let train = ["train", "gmm", "--data", &source, "--out", &out];
    let writer = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::write(pipe, "1,2\n3,x\n4,5\n").unwrap()
    });
    refuse(&train, &["line 2, column 2", "`x`"]);
    writer.join().unwrap();
    // Nobody writes: the program waits, and obeys the first signal once it listens, on a busy machine after a while.
    let mut waiting = program(&train).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(3));
    let id = waiting.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert_eq!(waiting.wait().unwrap().code(), Some(143));
    assert!(!Path::new(&out).exists());
}

#[test]
fn an_error_shows_no_line_of_a_file_that_is_no_run() {
    let scratch = Scratch::new("no-run");
    let secret = scratch.file("secret", b"user:x:1\npassword=hunter\n");
    let output = run(&["train", "ppca", "--data", &format!("csv:{secret}")]);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("line 2, column 1") && !stderr.contains("hunter"), "{stderr}");
    let out = scratch.path("run");
    fs::create_dir(&out).unwrap();
    fs::write(Path::new(&out).join("run.toml"), "root:secret:1::\n").unwrap();
    let output = run(&["evaluate", &out]);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("run.toml, line 1") && !stderr.contains("secret"), "{stderr}");
}

#[test]
fn requests_beyond_their_limits_are_refused_by_name() {
    let scratch = Scratch::new("limits");
    let (out, never) = (scratch.path("run"), scratch.path("never"));
    for (kind, _) in KINDS {
        let run = format!("{out}-{kind}");
        succeed(&options(kind, &["--steps", STEPS[0], "--out", &run]));
        let picture = scratch.path("never.png");
        refuse(&["sample", &run, "--count", "100000", "--out", &picture], &["--count", "65536"]);
        refuse(&["evaluate", &run, "--threads", "100000"], &["--threads", "1024"]);
        refuse(&["evaluate", &run, "--rows", "0"], &["--rows", "at least 1"]);
        // The same limits hold for a file of settings.
        let path = Path::new(&run).join("run.toml");
        let text = fs::read_to_string(&path).unwrap();
        let wide = match kind {
            "vae" => text.replace("hidden = [6]", "hidden = [70000]"),
            "rbm" => text.replace("hidden = 5", "hidden = 70000"),
            _ => text.replace("latent_dim = 2", "latent_dim = 70000"),
        };
        assert_ne!(wide, text);
        fs::write(&path, wide).unwrap();
        refuse(&["evaluate", &run], &["run.toml", "70000", "65536"]);
    }
    let huge = "1000000000000000000";
    for (option, more) in [
        ("--latent-dim", &[][..]),
        ("--hidden", &[]),
        ("--num-samples", &["--estimator", "iwae"]),
        ("--eval-samples", &[]),
        ("--batch", &[]),
        ("--threads", &[]),
        ("--points", &["--estimator", "tvo"]),
        ("--baseline-hidden", &["--estimator", "reinforce", "--baseline", "network"]),
        ("--flow-layers", &["--posterior", "iaf"]),
    ] {
        let args = [&["train", "--out", &never, option, huge], more].concat();
        refuse(&args, &[option, "above its limit of"]);
    }
    refuse(&["compare", "--draws", huge, "--out", &never], &["--draws"]);
    refuse(&["check", "--draws", huge], &["--draws"]);
    refuse(&["likelihood", "--rows", huge, "--out", &never], &["--rows"]);
    // Each size is within its limit, and their product is not.
    refuse(
        &["train", "--hidden", "65000,65000,65000", "--out", &never],
        &["--hidden", "GiB of memory"],
    );
    let many = ["train", "--num-samples", "1000000", "--batch", "10000", "--out", &never];
    refuse(&many, &["--num-samples", "GiB of memory"]);
    for (criterion, option, most) in [
        ("bis", "--draws", "10000000"),
        ("ed", "--neighbours", "1048576"),
        ("nce", "--noise-ratio", "1048576"),
        ("pt", "--temperatures", "1048576"),
        ("pcd", "--chains", "1048576"),
    ] {
        let wide = ["train", "rbm", "--hidden", "5000", "--criterion", criterion, option, most];
        refuse(&[&wide[..], &["--out", &never]].concat(), &[option, "GiB of memory"]);
    }
    let wide = ["train", "--posterior", "full", "--latent-dim", "30000", "--out", &never];
    refuse(&wide, &["--latent-dim", "GiB of memory"]);
    let wide = ["--posterior", "iaf", "--flow-layers", "1024", "--flow-hidden", "60000"];
    refuse(&[&["train", "--out", &never], &wide[..]].concat(), &["GiB of memory"]);
    refuse(&["train", "energy", "--data-noise", "1e160", "--out", &never], &["--data-noise"]);
    let long = ["train", "dbm", "--mean-field-steps", "100000000", "--out", &never];
    refuse(&long, &["--mean-field-steps", "GiB of memory"]);
    let wide = format!("{out}-rbm");
    edit(&wide, "run.toml", "hidden = 70000", "hidden = 5");
    let chains = ["evaluate", &wide, "--ais", "3", "--ais-chains", "100000000"];
    refuse(&chains, &["--ais-chains"]);
    let small = format!("{out}-small");
    succeed(&options("vae", &["--steps", "1", "--out", &small]));
    let compared = format!("run:{small}");
    let wide = ["compare", "--problem", &compared, "--num-samples", "1000000", "--out", &never];
    refuse(&wide, &["--num-samples", "GiB of memory"]);
    let columns = scratch.path("columns.csv");
    fs::write(&columns, format!("{}\n", vec!["0.5"; 5000].join(",")).repeat(40)).unwrap();
    let data = format!("csv:{columns}");
    let draws = ["--num-samples", "1000000", "--latent-dim", "4000", "--out", &never];
    refuse(&[&["likelihood", "--data", &data][..], &draws].concat(), &["GiB of memory"]);
    assert!(!Path::new(&never).exists());
    let help = succeed(&["--help"]);
    let table = help.split("Limits (").nth(1).unwrap();
    let readme = include_str!("../README.md");
    for line in table.lines() {
        assert!(readme.contains(line.trim()), "the README lacks the line {line}:\n{table}");
    }
}

#[test]
fn pictures_of_large_images_are_made_smaller() {
    let scratch = Scratch::new("large");
    // Sixty images of 6000 × 1.
    let mut idx = vec![0, 0, 8, 3, 0, 0, 0, 60, 0, 0, 23, 112, 0, 0, 0, 1];
    idx.extend((0..60 * 6000).map(|i: u32| (i % 251) as u8));
    let (data, out) = (scratch.file("tall", &idx), scratch.path("run"));
    let source = format!("idx:{data}");
    let vae = ["--hidden", "2", "--latent-dim", "1", "--eval-samples", "1"];
    for (kind, sizes) in [("vae", &vae[..]), ("rbm", &["--hidden", "2"])] {
        let args = ["train", kind, "--data", &source, "--steps", "1", "--batch", "5", "--force"];
        succeed(&[&args[..], sizes, &["--progress", "none", "--out", &out]].concat());
        for (name, bytes) in files(&out).iter().filter(|(name, _)| name.ends_with(".png")) {
            let side = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
            assert!(side(16) < 4000 && side(20) < 6000, "{name}: {} × {}", side(16), side(20));
        }
    }
}

/// A small generator for corruptions (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((x ^ x >> 31) % n as u64) as usize
    }

    /// The bytes with a flip, a cut, an insertion or an exchange of lines.
    fn corrupt(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        let n = bytes.len();
        match self.below(4) {
            0 => (0..=self.below(3)).for_each(|_| bytes[self.below(n)] ^= 1 << self.below(8)),
            1 => {
                let start = self.below(n);
                let end = (start + 1 + self.below(40)).min(n);
                bytes.drain(start..if self.below(2) == 0 { end } else { n });
            }
            2 => {
                let more: Vec<u8> = (0..=self.below(8)).map(|_| self.below(256) as u8).collect();
                let at = self.below(n + 1);
                bytes.splice(at..at, more);
            }
            _ => {
                let mut lines: Vec<&[u8]> = bytes.split_inclusive(|&byte| byte == b'\n').collect();
                let (i, j) = (self.below(lines.len()), self.below(lines.len()));
                lines.swap(i, j);
                bytes = lines.concat();
            }
        }
        bytes
    }
}

/// The number of repetitions: that of the environment, or a few.
fn count(variable: &str, few: usize) -> usize {
    std::env::var(variable).map_or(few, |text| text.parse().unwrap())
}

#[test]
fn every_corruption_is_refused_by_name_or_harmless() {
    for (kind, _) in KINDS {
        let scratch = Scratch::new(&format!("corrupted-{kind}"));
        let (whole, out, other) =
            (scratch.path("whole"), scratch.path("run"), scratch.path("other"));
        succeed(&options(kind, &["--steps", STEPS[1], "--out", &whole]));
        succeed(&options(kind, &["--steps", STEPS[0], "--out", &out]));
        for name in ["checkpoint.safetensors", "run.toml", "metrics.jsonl"] {
            let bytes = fs::read(Path::new(&out).join(name)).unwrap();
            for seed in 0..count("PATHSCORE_CORRUPTIONS", 12) {
                let what = format!("{kind}, {name}, seed {seed}");
                copy(&out, &other);
                let corrupt = Random(seed as u64).corrupt(&bytes);
                fs::write(Path::new(&other).join(name), corrupt).unwrap();
                let before = files(&other);
                let output = run(&resume(&other, &["--steps", STEPS[1]]));
                let stderr = String::from_utf8_lossy(&output.stderr);
                match output.status.code() {
                    Some(0) => assert_same(&whole, &other, &what),
                    Some(2) => {
                        assert_eq!(stderr.trim_end().lines().count(), 1, "{what}: {stderr}");
                        assert!(stderr.contains(name), "{what}: {stderr}");
                        assert!(files(&other) == before, "{what}");
                    }
                    other => panic!("{what}: exit code {other:?}: {stderr}"),
                }
            }
        }
    }
}
