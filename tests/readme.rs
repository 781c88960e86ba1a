//! The README repeats one table of the program, so that a reader sees the kinds of models before installing anything.

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
