//! The pictures in the book are those that the project draws, and every one is shown with words.

use std::path::{Path, PathBuf};

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

#[test]
fn the_pictures_are_up_to_date_and_shown_in_one_chapter_with_words() {
    let read = |path: PathBuf| std::fs::read_to_string(path).expect("the file can be read");
    let entries = std::fs::read_dir(sources()).expect("the folder can be read");
    let paths = entries.map(|entry| entry.expect("the folder can be read").path());
    let chapters: Vec<String> =
        paths.filter(|path| path.extension().is_some_and(|e| e == "md")).map(read).collect();
    for (name, svg) in pathscore_book::figures::all() {
        let stored = read(sources().join("figures").join(name));
        assert!(stored == svg, "{name}: run `cargo run -p pathscore-book --bin figures`");
        let shown = format!("](figures/{name})");
        let lines = chapters.iter().flat_map(|text| text.lines());
        let lines: Vec<&str> = lines.filter(|line| line.contains(&shown)).collect();
        assert_eq!(lines.len(), 1, "{name}");
        // The words between the brackets are read by those who do not see the picture.
        assert!(lines[0].starts_with("![") && lines[0].len() > shown.len() + 80, "{name}");
    }
}
