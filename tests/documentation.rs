//! The formulas of the documentation as a browser gets them: Markdown takes a backslash before punctuation for its own
//! and underscores for emphasis, so each formula of the generated pages must stand in the sources letter by letter.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;

const CRATES: [&str; 4] =
    ["pathscore", "pathscore_autodiff", "pathscore_models", "pathscore_estimators"];

/// The files below a folder with this extension.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).expect("the folder can be read") {
            let path = entry.expect("the folder can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found
}

/// The formulas of a paragraph: what stands between dollars, white space folded.
fn formulas(paragraph: &str) -> Vec<String> {
    let folded = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    let display: Vec<String> =
        folded.split("$$").skip(1).step_by(2).map(|part| part.trim().to_string()).collect();
    let inline = folded.split("$$").step_by(2).flat_map(|text| {
        text.split('$').skip(1).step_by(2).map(|part| part.trim().to_string()).collect::<Vec<_>>()
    });
    display.into_iter().chain(inline).filter(|formula| !formula.is_empty()).collect()
}

/// Text without code between backticks.
fn without_code(text: &str) -> String {
    text.split('`').step_by(2).collect::<Vec<_>>().join(" ")
}

/// The paragraphs of the doc comments of a file, code blocks left out.
fn documented(text: &str) -> Vec<String> {
    let mut paragraphs = vec![String::new()];
    let mut code = false;
    for line in text.lines() {
        let line = line.trim_start();
        let doc = line.strip_prefix("///").or_else(|| line.strip_prefix("//!"));
        let fence = doc.is_some_and(|doc| doc.trim_start().starts_with("```"));
        code = if doc.is_none() { false } else { code ^ fence };
        match doc {
            Some(doc) if !code && !fence && !doc.trim().is_empty() => {
                let last = paragraphs.last_mut().expect("there is always one");
                last.push_str(doc);
                last.push('\n');
            }
            _ => paragraphs.push(String::new()),
        }
    }
    paragraphs
}

/// The paragraphs of a page: code left out, emphasis kept as it would be seen, other tags dropped.
fn shown(html: &str) -> Vec<String> {
    let mut paragraphs = vec![String::new()];
    let mut rest = html;
    let mut hidden: Option<&str> = None;
    while let Some(start) = rest.find('<') {
        if hidden.is_none() {
            paragraphs.last_mut().expect("there is always one").push_str(&rest[..start]);
        }
        let Some(end) = rest[start..].find('>') else { break };
        let tag = &rest[start + 1..start + end];
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap_or("");
        match (hidden, tag.starts_with('/')) {
            (None, false) if ["pre", "code", "script", "style", "head"].contains(&name) => {
                hidden = Some(name);
            }
            (Some(inside), true) if inside == name => hidden = None,
            (None, _) if ["em", "strong", "del"].contains(&name) => {
                paragraphs.last_mut().expect("there is always one").push('*');
            }
            (None, _)
                if [
                    "p", "li", "td", "th", "dd", "dt", "div", "section", "h1", "h2", "h3", "h4",
                ]
                .contains(&name) =>
            {
                paragraphs.push(String::new());
            }
            _ => {}
        }
        rest = &rest[start + end + 1..];
    }
    let plain = |text: String| {
        text.replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"")
            .replace("&#39;", "'")
            .replace('’', "'")
            .replace("&amp;", "&")
    };
    paragraphs.into_iter().map(plain).collect()
}

/// Every formula of the pages that stands in no source, with its page.
fn damaged(sources: &HashSet<String>, page: &str, html: &str) -> Vec<String> {
    shown(html)
        .iter()
        .flat_map(|paragraph| formulas(paragraph))
        .filter(|formula| !sources.contains(formula))
        .map(|formula| format!("{page}: ${formula}$"))
        .collect()
}

fn source_formulas<'a>(texts: impl IntoIterator<Item = &'a str>) -> HashSet<String> {
    let paragraphs = texts.into_iter().flat_map(documented);
    paragraphs.flat_map(|paragraph| formulas(&without_code(&paragraph))).collect()
}

#[test]
fn a_damaged_formula_is_found() {
    let sources =
        source_formulas(["/// $a\\,b$ and $x_i$ are numbers,\n/// $\\Vert g\n/// \\Vert$ too."]);
    let sound = "<div class=\"docblock\"><p>$x_i$ are numbers, $\\Vert g \\Vert$ too. <code>$y$</code></p></div>";
    assert_eq!(damaged(&sources, "page", sound), [""; 0]);
    assert_eq!(damaged(&sources, "page", "<p>$a,b$</p>"), ["page: $a,b$"]);
    assert_eq!(damaged(&sources, "page", "<p>$x<em>i$</em></p>").len(), 1);
}

/// A package is published alone, so each has the header that renders formulas.
#[test]
fn every_package_has_the_same_header() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let header = |folder: &str| std::fs::read_to_string(root.join(folder).join("katex.html"));
    let first = header(".").expect("there is a header");
    assert!(first.contains("renderMathInElement"));
    for folder in ["autodiff", "models", "estimators"] {
        assert_eq!(header(folder).expect("there is a header"), first, "{folder}");
    }
}

#[test]
fn no_formula_of_the_documentation_is_damaged() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let status = Command::new(env!("CARGO"))
        .current_dir(root)
        // As in .ci/run, so that the pages are made once.
        .args(["doc", "--workspace", "--no-deps"])
        .env("RUSTDOCFLAGS", "-Dwarnings")
        .status()
        .expect("cargo runs");
    assert!(status.success(), "the documentation is made");
    let mut texts: Vec<String> = ["autodiff", "models", "estimators", "src"]
        .iter()
        .flat_map(|folder| files(&root.join(folder), "rs"))
        .map(|path| std::fs::read_to_string(path).expect("the sources can be read"))
        .collect();
    let readme = std::fs::read_to_string(root.join("README.md")).expect("there is a README");
    texts.push(readme.lines().map(|line| format!("//! {line}\n")).collect());
    let sources = source_formulas(texts.iter().map(String::as_str));
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(root.join("target"), PathBuf::from);
    let mut pages = 0;
    let mut found = Vec::new();
    for folder in CRATES.map(|name| target.join("doc").join(name)) {
        if !folder.exists() {
            continue;
        }
        for path in files(&folder, "html") {
            let html = std::fs::read_to_string(&path).expect("the page can be read");
            found.extend(damaged(&sources, &path.display().to_string(), &html));
            pages += 1;
        }
    }
    assert!(pages > 100, "only {pages} pages were made");
    assert!(found.is_empty(), "{} formulas are damaged:\n{}", found.len(), found.join("\n"));
}
