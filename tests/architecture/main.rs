//! The rules of the house, read off the sources: imports go down, files form no circle and stay short, macros are few,
//! and names are those of the field.
//!
//! A dependency is an import or a path written out; it leads to the file that defines the item, through any `pub use`
//! on the way. `mod` lines and `pub use` lines hand items on and are no dependencies of their own. Code under
//! `#[cfg(test)]` is not looked at.

mod rules;
mod source;
mod tree;

use rules::{CRATES, check};
use std::path::Path;
use tree::Tree;

/// The files below a folder by their paths from there.
fn files(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).expect("the sources can be read") {
            let path = entry.expect("the sources can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("the sources can be read");
                let name = path.strip_prefix(folder).expect("it lies below").display().to_string();
                found.push((name, text));
            }
        }
    }
    found
}

#[test]
fn the_sources_keep_the_rules() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut broken = Vec::new();
    for rules in CRATES {
        let mut sources = files(&root.join(rules.folder));
        // The facade beside the program is a crate of its own, of a few lines.
        sources.retain(|(name, _)| !(rules.folder == "src" && name == "lib.rs"));
        broken.extend(check(rules, &Tree::new(sources)));
    }
    assert!(broken.is_empty(), "{} rules are broken:\n{}", broken.len(), broken.join("\n"));
}

/// The rules that a made-up `models` crate of these files breaks.
fn broken(files: &[(&str, &str)]) -> Vec<String> {
    let rules = CRATES.iter().find(|rules| rules.name == "pathscore_models").expect("it is listed");
    let owned = files.iter().map(|(name, text)| (name.to_string(), text.to_string()));
    check(rules, &Tree::new(owned))
}

#[test]
fn a_downward_import_breaks_no_rule() {
    let files = [
        ("lib.rs", "pub mod dist; mod seed; pub use seed::rng;"),
        ("seed.rs", "pub fn rng() {}"),
        ("dist/mod.rs", "mod normal; pub use normal::Normal; pub trait Distribution {}"),
        ("dist/normal.rs", "use super::Distribution; use crate::rng; pub struct Normal;"),
    ];
    assert_eq!(broken(&files), [""; 0]);
}

#[test]
fn an_upward_import_is_found_through_reexports_and_written_out_paths() {
    for text in ["use crate::latent::Vae;", "fn f(_: crate::latent::Vae) {}"] {
        let files = [
            ("lib.rs", "pub mod dist; pub mod latent;"),
            ("dist/mod.rs", text),
            ("latent/mod.rs", "mod vae; pub use vae::Vae;"),
            ("latent/vae.rs", "pub struct Vae;"),
        ];
        let found = broken(&files);
        assert!(found.len() == 1 && found[0].contains("imports go down"), "{found:?}");
        let mut files = files;
        files[2].1 = "modules! { sbn: Sbn; #[cfg(unix)] vae: Other, Vae; }";
        assert_eq!(broken(&files), found);
    }
    let across = [("lib.rs", "use pathscore_estimators::Estimator;")];
    assert!(broken(&across)[0].contains("imports go down"));
}

#[test]
fn a_circle_is_found_whether_between_brothers_or_between_parent_and_child() {
    let brothers = [
        ("lib.rs", "mod dist;"),
        ("dist/mod.rs", "mod a; mod b; mod c;"),
        ("dist/a.rs", "use super::b::B; pub struct A;"),
        ("dist/b.rs", "use super::c::C; pub struct B;"),
        ("dist/c.rs", "use crate::dist::a::A; pub struct C;"),
    ];
    let found = broken(&brothers);
    assert!(found.len() == 1 && found[0].contains("circle"), "{found:?}");
    let family = [
        ("lib.rs", "mod dist;"),
        ("dist/mod.rs", "mod a; use a::A; pub trait T {} fn f(_: A) {}"),
        ("dist/a.rs", "use super::T; pub struct A;"),
    ];
    assert!(broken(&family)[0].contains("circle"));
    let mut table = family;
    table[1].1 = "modules! { static ALL: &[&A] = { a: A; } } pub trait T {}";
    assert!(broken(&table)[0].contains("circle"));
}

#[test]
fn a_file_of_more_than_400_lines_of_code_is_found_and_tests_and_docs_do_not_count() {
    let code = "fn f() {}\n".repeat(401);
    assert!(broken(&[("lib.rs", &code)])[0].contains("401 lines"));
    let docs = "/// A line.\n".repeat(401) + "fn f() {}\n";
    let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "fn f() {}\n".repeat(401));
    assert_eq!(broken(&[("lib.rs", &(docs + &tests))]), [""; 0]);
}

#[test]
fn a_further_macro_is_found() {
    assert!(broken(&[("lib.rs", "macro_rules! magic { () => {} }")])[0].contains("macro"));
}

#[test]
fn a_private_word_is_found_in_names_and_in_comments() {
    for text in ["trait Chance {}", "// The dice are thrown.\nfn f() {}", "fn spelt() {}"] {
        assert!(broken(&[("lib.rs", text)])[0].contains("word of the field"), "{text}");
    }
    let strings = r#"const CITY: &str = "Chance, Dice"; const QUOTE: char = '"';"#;
    assert_eq!(broken(&[("lib.rs", strings)]), [""; 0]);
}
