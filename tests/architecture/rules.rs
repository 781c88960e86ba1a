//! The order of the floors, the macros there may be, and the words there may not be.

use crate::tree::Tree;

/// The most lines of code in a file; tests, comments and blank lines do not count.
const MOST_LINES: usize = 400;

/// The rules of one crate.
pub(crate) struct Rules {
    pub(crate) name: &'static str,
    pub(crate) folder: &'static str,
    /// The crates that it may import.
    below: &'static [&'static str],
    /// The top-level modules from the ground up. Imports between modules of one floor are free.
    floors: &'static [&'static [&'static str]],
    macros: &'static [&'static str],
}

const OURS: [&str; 4] =
    ["pathscore_autodiff", "pathscore_models", "pathscore_estimators", "pathscore"];

pub(crate) static CRATES: &[Rules] = &[
    Rules {
        name: "pathscore_autodiff",
        folder: "autodiff/src",
        below: &[],
        floors: &[
            &["modules", "numbers"],
            &["kernels"],
            &["tape"],
            &["rules"],
            &["sweeps"],
            &["check"],
        ],
        // Each table of ops is a macro that hands its rows to a reader; the readers stand beside what they make.
        macros: &[
            "modules",
            "unary",
            "binary",
            "fused",
            "unary_enum",
            "binary_enum",
            "fused_enum",
            "fused_modules",
            "column",
            "named",
            "real",
            "real_trait",
            "real_methods",
            "real_pairs",
            "dual_methods",
            "dual_pairs",
            "number_methods",
            "number_pairs",
            "var_methods",
            "var_pairs",
            "float",
            "float_method",
            "float_pair",
            "float_methods",
            "float_pairs",
            "map_loops",
            "zip_loops",
            "vector_impls",
            "vectors",
            "heights",
            "engine",
            "operator",
        ],
    },
    Rules {
        name: "pathscore_models",
        folder: "models/src",
        below: &["pathscore_autodiff"],
        floors: &[
            &["seed", "random_source", "params"],
            &["data", "nn", "dist"],
            &["capability"],
            &["latent", "tractable", "energy", "gp", "regression"],
        ],
        // A row of parameters makes a distribution with its constructors.
        macros: &["distribution"],
    },
    Rules {
        name: "pathscore_estimators",
        folder: "estimators/src",
        below: &["pathscore_autodiff", "pathscore_models"],
        floors: &[
            &["parallel", "moments", "quadrature", "optim", "deadline", "tilted"],
            &["weights", "enumerator", "draw"],
            &["montecarlo", "samplers"],
            &["target", "work", "estimator"],
            &["both", "path", "score", "exact", "likelihood", "differences", "energy", "tractable"],
            &["fit", "evaluate", "diagnostics"],
            &["proof", "variance"],
            &["zoo"],
        ],
        macros: &[],
    },
    Rules {
        name: "pathscore",
        folder: "src",
        below: &["pathscore", "pathscore_autodiff", "pathscore_models", "pathscore_estimators"],
        floors: &[&["program"]],
        macros: &[],
    },
];

/// Words that mean nothing, or something else, to a reader of the papers: no name and no comment has them.
const WORDS: [&str; 20] = [
    "Chance", "Dice", "dice", "gausses", "weigh", "pursue", "Asked", "Road", "Suspect", "suspect",
    "suspects", "court", "Court", "cages", "caged", "mended", "dream", "spelt", "misuse", "misfit",
];

/// Names of items that say nothing, although the words are ordinary English in a sentence.
const NAMES: [&str; 13] = [
    "tell",
    "Site",
    "Posed",
    "Described",
    "See",
    "Feed",
    "Look",
    "Listing",
    "apart",
    "Seeds",
    "Purpose",
    "Nodes",
    "stretch",
];

/// A sentence for every rule that is broken.
pub(crate) fn check(rules: &Rules, tree: &Tree) -> Vec<String> {
    let mut broken = Vec::new();
    let place = |name: &str, line: usize| format!("{}/{name}:{line}", rules.folder);
    let floor = |module: &[String]| {
        let top = module.first()?;
        rules.floors.iter().position(|floor| floor.contains(&top.as_str()))
    };
    for (module, (name, source)) in &tree.files {
        if !module.is_empty() && floor(module).is_none() {
            broken.push(format!("{}: it stands on no floor of the list", place(name, 1)));
        }
        for path in &source.paths {
            let first = path.segments[0].as_str();
            if OURS.contains(&first) && !rules.below.contains(&first) {
                let place = place(name, path.line);
                broken.push(format!("{place}: imports go down, and {first} lies above"));
            }
        }
        if source.code_lines > MOST_LINES {
            let place = place(name, 1);
            let lines = source.code_lines;
            broken.push(format!("{place}: {lines} lines of code, and {MOST_LINES} are the most"));
        }
        for name_of_macro in &source.macros {
            if !rules.macros.contains(&name_of_macro.as_str()) {
                broken.push(format!("{}: {name_of_macro}! is a further macro", place(name, 1)));
            }
        }
        let words = source.words.iter().chain(&source.comment_words);
        for word in words.filter(|word| WORDS.contains(&word.text.as_str())) {
            let place = place(name, word.line);
            broken.push(format!("{place}: `{}` is no word of the field", word.text));
        }
        for item in NAMES.iter().filter(|item| source.definitions.contains(**item)) {
            broken.push(format!("{}: `{item}` is no word of the field", place(name, 1)));
        }
    }
    for edge in tree.edges() {
        if let (Some(from), Some(to)) = (floor(edge.from), floor(edge.to))
            && from < to
        {
            let (from, to) = (&tree.files[edge.from].0, &tree.files[edge.to].0);
            broken
                .push(format!("{}: imports go down, and {to} lies above", place(from, edge.line)));
        }
    }
    for circle in tree.circles() {
        broken.push(format!("{}: a circle of files: {}", rules.folder, circle.join(", ")));
    }
    broken
}
