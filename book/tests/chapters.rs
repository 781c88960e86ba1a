//! The chapters are listed, run as tests, and pose every exercise once.

use pathscore_book::EXERCISES;
use std::path::{Path, PathBuf};

fn book() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The names of the files of a folder, in order.
fn names(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(book().join(folder)).expect("the folder can be read");
    let name = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.expect("the folder can be read").file_name().into_string().expect("names are text")
    };
    let mut names: Vec<String> = entries.map(name).collect();
    names.sort();
    names
}

/// The chapters by number, with their names and texts; the words before the first one have the number zero.
fn chapters() -> Vec<(usize, String, String)> {
    // The guide to estimators, which has no number, is held to the program by a test of the README.
    let numbered = |name: &String| name.starts_with(|c: char| c.is_ascii_digit());
    let files = names("src").into_iter().filter(|name| numbered(name) && name.ends_with(".md"));
    let chapter = |name: String| {
        let number = name[..2].parse().expect("the name of a chapter begins with its number");
        let text = read(&book().join("src").join(&name));
        (number, name, text)
    };
    files.map(chapter).collect()
}

#[test]
fn there_are_fourteen_chapters_in_order() {
    let numbers: Vec<usize> = chapters().into_iter().map(|(number, ..)| number).collect();
    assert_eq!(numbers, (0..=14).collect::<Vec<_>>());
}

#[test]
fn every_chapter_is_in_the_summary_under_its_title_and_runs_as_tests() {
    let summary = read(&book().join("src/SUMMARY.md"));
    let tested = read(&book().join("exercises/chapters.rs"));
    for (_, name, text) in chapters() {
        let title = text.lines().next().and_then(|line| line.strip_prefix("# "));
        let title = title.unwrap_or_else(|| panic!("{name} begins with its title"));
        assert!(summary.contains(&format!("[{title}]({name})")), "{name}: SUMMARY.md");
        assert!(tested.contains(&format!("include_str!(\"../src/{name}\")")), "{name}: tests");
        // Any other block would be run as Rust by accident, or not at all.
        let fences = text.lines().filter(|line| line.starts_with("```") && line.len() > 3);
        for fence in fences {
            assert!(matches!(fence, "```rust" | "```text"), "{name}: {fence}");
        }
    }
}

#[test]
fn every_chapter_poses_its_exercises_and_no_others() {
    for (number, name, text) in chapters().into_iter().filter(|(number, ..)| *number > 0) {
        let exercises = text.split("\n## Exercises\n").nth(1);
        let exercises = exercises.unwrap_or_else(|| panic!("{name} has exercises"));
        let exercises = exercises.split("\n## ").next().expect("a split has a first part");
        let posed = EXERCISES.iter().filter(|exercise| exercise.chapter == number).count();
        assert!(posed > 0, "{name}");
        for exercise in EXERCISES {
            let is_posed = exercises.contains(&format!("**`{}`**", exercise.name));
            assert_eq!(is_posed, exercise.chapter == number, "{name}: {}", exercise.name);
            let command = format!("-p pathscore-book -- {}\n", exercise.name);
            assert_eq!(exercises.contains(&command), is_posed, "{name}: {}", exercise.name);
        }
        assert!(text.contains("\n## Read next\n"), "{name}");
    }
}

#[test]
fn exercises_have_a_start_and_a_solution_apart_from_it() {
    let mut solutions: Vec<String> =
        EXERCISES.iter().map(|exercise| format!("{}.rs", exercise.name)).collect();
    solutions.sort();
    assert_eq!(names("solutions"), solutions);
    for exercise in EXERCISES {
        let start = read(&book().join("exercises").join(exercise.name).join("start.rs"));
        assert!(start.contains("Task: "), "{}", exercise.name);
        assert!(start.contains(&format!("of chapter {}:", exercise.chapter)), "{}", exercise.name);
    }
}

#[test]
fn links_between_chapters_lead_to_chapters() {
    let files: Vec<String> = chapters().into_iter().map(|(_, name, _)| name).collect();
    for (_, name, text) in chapters() {
        for link in text.split("](").skip(1) {
            let target = link.split(')').next().expect("a split has a first part");
            let known = files.iter().any(|file| file == target) || target.starts_with("figures/");
            assert!(known, "{name}: {target}");
        }
    }
}

#[test]
fn every_lesson_is_in_the_readme_and_in_a_chapter_and_no_chapter_names_another() {
    let readme = read(&book().join("../README.md"));
    let chapters: String = chapters().into_iter().map(|(_, _, text)| text).collect();
    let lessons = names("../examples");
    for lesson in &lessons {
        assert!(readme.contains(&format!("](examples/{lesson})")), "{lesson}: README.md");
        assert!(chapters.contains(&format!("`examples/{lesson}`")), "{lesson}: the book");
    }
    for named in chapters.split("`examples/").skip(1) {
        let named = named.split('`').next().expect("a split has a first part");
        assert!(lessons.iter().any(|lesson| lesson == named), "{named}");
    }
}
