//! The README and the book repeat tables of the program, so that a reader sees models and estimators before installing anything.

use serde_json::Value;
use std::process::Command;

#[test]
fn the_readme_shows_the_kinds_of_models_as_the_program_lists_them() {
    let output = Command::new(env!("CARGO_BIN_EXE_pathscore"))
        .args(["list", "--format", "json"])
        .output()
        .expect("the program runs");
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).expect("the list is JSON");
    let kinds = rows.iter().filter(|row| row["kind"] == "model");
    let text = |value: &Value| value.as_str().expect("it is a text").to_string();
    let row = |row: &Value| {
        let [name, what, source] = ["name", "what", "source"].map(|key| text(&row[key]));
        format!("| `{name}` | {what} | {source} |\n")
    };
    let table: String = kinds.map(row).collect();
    assert!(table.lines().count() >= 5);
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = std::fs::read_to_string(readme).expect("there is a README");
    assert!(readme.contains(&table), "README.md must hold this table of kinds:\n\n{table}");
}

/// The number in a cell of the page; a dash is none.
fn number(cell: &str) -> Option<f64> {
    (cell != "–").then(|| cell.parse().expect("the cell is a number"))
}

#[test]
fn the_book_shows_the_guide_to_estimators_as_the_program_measures_it() {
    let output = Command::new(env!("CARGO_BIN_EXE_pathscore"))
        .args(["list", "--guide", "--format", "json"])
        .output()
        .expect("the program runs");
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).expect("the guide is JSON");
    assert!(rows.len() > 40);
    let text = |row: &Value, key: &str| row[key].as_str().expect("it is a text").to_string();
    let mut page = String::from(
        "# Which estimator?\n\nEvery estimator of the library, by what it asks of a model. Bias and noise are those of a gradient of \
         K = 4 samples on a small problem whose gradient is known,\nas fractions of that gradient: noise 1 is a standard deviation as \
         large as the gradient. They depend on the problem.\n`pathscore list --guide` measures them again, with times; `pathscore compare` does so on \
         other problems, or on a run of your own.\nWhat \"unbiased\" means for each gradient is the subject of [Certify your own](13-certify-your-own.md).\n",
    );
    for of_one in rows.chunk_by(|a, b| a["model"] == b["model"]) {
        page += &format!("\n## Models with {}\n\n", text(&of_one[0], "model"));
        page += "| estimator | gradient of | claim | K ≥ | measured on | bias | noise | choose it when |\n";
        page += "|---|---|---|---|---|---|---|---|\n";
        for row in of_one {
            // What is not measured has a dash.
            let text = |row: &Value, key: &str| row[key].as_str().unwrap_or("–").to_string();
            let claim = text(row, "claim");
            let figure = |key: &str| row[key].as_f64().map_or("–".into(), |x| format!("{x:.2}"));
            let bias = if claim == "biased" { figure("bias") } else { "–".into() };
            page += &format!(
                "| `{}` | {} | {claim} | {} | {} | {bias} | {} | {} |\n",
                text(row, "estimator"),
                text(row, "gradient_of"),
                row["min_samples"].as_u64().map_or("–".into(), |samples| samples.to_string()),
                text(row, "problem"),
                figure("noise"),
                text(row, "choose_it_when"),
            );
        }
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/book/src/which-estimator.md");
    let written = std::fs::read_to_string(path).unwrap_or_default();
    // Another processor rounds otherwise, and a draw may fall on the other side of a threshold.
    let same = |(ours, theirs): (&str, &str)| {
        let [ours, theirs] = [ours, theirs].map(|line| line.split(" | ").collect::<Vec<_>>());
        let near = |a: &str, b: &str| match (number(a), number(b)) {
            (Some(a), Some(b)) => (a - b).abs() <= 0.02 + 0.05 * a.abs(),
            (a, b) => a == b,
        };
        match (ours.len(), theirs.len()) {
            (8, 8) if ours[0].starts_with("| `") => {
                let measured = (5..7).all(|i| near(ours[i], theirs[i]));
                measured && (0..8).all(|i| (5..7).contains(&i) || ours[i] == theirs[i])
            }
            _ => ours == theirs,
        }
    };
    let equal = page.lines().count() == written.lines().count()
        && page.lines().zip(written.lines()).all(same);
    assert!(equal, "book/src/which-estimator.md must be:\n\n{page}");
}
