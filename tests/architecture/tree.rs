//! The files of one crate, and which of them depends on which.

use crate::source::{Path, Source};
use std::collections::{BTreeMap, BTreeSet};

/// A module path: the names from the crate's root.
pub(crate) type Module = Vec<String>;

/// A crate: its files by module path.
pub(crate) struct Tree {
    pub(crate) files: BTreeMap<Module, (String, Source)>,
}

/// A file that depends on another, with the line that says so.
pub(crate) struct Edge<'a> {
    pub(crate) from: &'a Module,
    pub(crate) to: &'a Module,
    pub(crate) line: usize,
}

impl Tree {
    /// From the names of files below the crate's source folder and their texts. Files of tests are left out.
    pub(crate) fn new(files: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut all = BTreeMap::new();
        for (name, text) in files {
            let mut module: Module =
                name.trim_end_matches(".rs").split('/').map(String::from).collect();
            if module.last().is_some_and(|last| matches!(last.as_str(), "mod" | "lib" | "main")) {
                module.pop();
            }
            all.insert(module, (name, Source::read(&text)));
        }
        let tests: BTreeSet<Module> = all
            .iter()
            .flat_map(|(module, (_, source))| {
                let child = |name: &String| module.iter().chain([name]).cloned().collect();
                source.test_modules.iter().map(child).collect::<Vec<Module>>()
            })
            .collect();
        all.retain(|module, _| !(1..=module.len()).any(|len| tests.contains(&module[..len])));
        Self { files: all }
    }

    /// Every dependency of a file on another file of this crate.
    pub(crate) fn edges(&self) -> Vec<Edge<'_>> {
        let mut edges = Vec::new();
        for (from, (_, source)) in &self.files {
            let mut seen = BTreeSet::new();
            for path in source.paths.iter().filter(|path| !path.handed_on) {
                let Some(to) = self.resolve(from, path) else { continue };
                if to != from && seen.insert(to) {
                    edges.push(Edge { from, to, line: path.line });
                }
            }
        }
        edges
    }

    /// The file in which the item of a path is defined.
    fn resolve(&self, from: &Module, path: &Path) -> Option<&Module> {
        let absolute = self.absolute(from, path)?;
        self.home(&absolute, 8)
    }

    /// The path from the crate's root, if it leads into this crate.
    fn absolute(&self, from: &Module, path: &Path) -> Option<Vec<String>> {
        let mut segments = path.segments.as_slice();
        let first = segments.first()?.as_str();
        let mut base = from.clone();
        match first {
            "crate" => {
                base.clear();
                segments = &segments[1..];
            }
            "self" => segments = &segments[1..],
            "super" => {
                let mut inline = path.inline;
                while segments.first().is_some_and(|segment| segment == "super") {
                    if inline > 0 {
                        inline -= 1
                    } else {
                        base.pop().map(drop)?
                    }
                    segments = &segments[1..];
                }
            }
            _ => {
                base.push(first.to_string());
                if !self.files.contains_key(&base) {
                    base.pop();
                    // A module that a `use` brought in.
                    let (_, source) = self.files.get(from)?;
                    let import = source.paths.iter().find(|import| {
                        import.name.as_deref() == Some(first) && import.segments.len() > 1
                    })?;
                    if std::ptr::eq(import, path) || path.segments.len() < 2 || path.name.is_some()
                    {
                        return None;
                    }
                    base = self.absolute(from, import)?;
                }
                segments = &segments[1..];
            }
        }
        base.extend(segments.iter().cloned());
        Some(base)
    }

    /// The file that defines what an absolute path names, through at most so many `pub use`.
    fn home(&self, path: &[String], hops: usize) -> Option<&Module> {
        let depth = (0..=path.len()).rev().find(|&len| self.files.contains_key(&path[..len]))?;
        let (module, (_, source)) = self.files.get_key_value(&path[..depth])?;
        let Some(item) = path.get(depth) else { return Some(module) };
        if source.definitions.contains(item) || hops == 0 {
            return Some(module);
        }
        let handed_on = |export: &&Path| export.handed_on;
        let named = source.paths.iter().filter(handed_on);
        for export in named {
            let Some(mut target) = self.absolute(module, export) else { continue };
            match export.name.as_deref() {
                Some(name) if name == item => return self.home(&target, hops - 1),
                Some("*") => {
                    target.pop();
                    target.push(item.clone());
                    let found = self.home(&target, hops - 1)?;
                    if self.files[found].1.definitions.contains(item) {
                        return Some(found);
                    }
                }
                _ => {}
            }
        }
        Some(module)
    }

    /// The circles: sets of files each of which depends, through others, on itself.
    pub(crate) fn circles(&self) -> Vec<Vec<String>> {
        let mut reach: BTreeMap<&Module, BTreeSet<&Module>> = BTreeMap::new();
        for edge in self.edges() {
            reach.entry(edge.from).or_default().insert(edge.to);
        }
        loop {
            let before: usize = reach.values().map(BTreeSet::len).sum();
            let snapshot = reach.clone();
            for targets in reach.values_mut() {
                let further: Vec<_> =
                    targets.iter().filter_map(|to| snapshot.get(to)).flatten().copied().collect();
                targets.extend(further);
            }
            if reach.values().map(BTreeSet::len).sum::<usize>() == before {
                break;
            }
        }
        let mut circles = BTreeSet::new();
        for (from, targets) in &reach {
            if targets.contains(from) {
                let back = |to: &&&Module| reach.get(**to).is_some_and(|set| set.contains(*from));
                let circle: BTreeSet<String> =
                    targets.iter().filter(back).map(|to| self.files[*to].0.clone()).collect();
                circles.insert(circle.into_iter().collect::<Vec<_>>());
            }
        }
        circles.into_iter().collect()
    }
}
