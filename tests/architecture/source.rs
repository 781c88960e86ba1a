//! Reading Rust source as far as the rules of the house need it: tokens, imports, definitions, macros.

use std::collections::BTreeSet;

/// A word or a single character of punctuation, with its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) line: usize,
}

/// A path that a file names, as its segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) segments: Vec<String>,
    /// The name under which a `use` brings it in; `*` for everything.
    pub(crate) name: Option<String>,
    /// A `pub use` hands an item on and is no dependency of its own.
    pub(crate) handed_on: bool,
    /// The number of modules written inside the file around this path.
    pub(crate) inline: usize,
    pub(crate) line: usize,
}

/// The parts of one file that matter here. Items under `#[cfg(test)]` are left out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Source {
    pub(crate) paths: Vec<Path>,
    pub(crate) definitions: BTreeSet<String>,
    pub(crate) macros: Vec<String>,
    /// Words of the code with their lines, comments and strings left out.
    pub(crate) words: Vec<Token>,
    /// Words of the comments with their lines.
    pub(crate) comment_words: Vec<Token>,
    /// Lines that hold code.
    pub(crate) code_lines: usize,
    /// Modules that are declared under `#[cfg(test)]` and lie in files of their own.
    pub(crate) test_modules: BTreeSet<String>,
}

impl Source {
    pub(crate) fn read(text: &str) -> Self {
        let (tokens, comment_words) = tokens(text);
        let mut source = Self { comment_words, ..Self::default() };
        let tokens = source.without_tests(tokens);
        source.code_lines = tokens.iter().map(|token| token.line).collect::<BTreeSet<_>>().len();
        source.parse(&tokens);
        let word = |token: &Token| token.text.starts_with(|c: char| c.is_alphabetic() || c == '_');
        source.words = tokens.into_iter().filter(word).collect();
        source
    }

    /// Drops the item behind each `#[cfg(test)]`.
    fn without_tests(&mut self, tokens: Vec<Token>) -> Vec<Token> {
        let marker = ["#", "[", "cfg", "(", "test", ")", "]"];
        let mut kept = Vec::with_capacity(tokens.len());
        let mut at = 0;
        while at < tokens.len() {
            let here = tokens[at..].iter().take(marker.len()).map(|token| token.text.as_str());
            if !here.eq(marker) {
                kept.push(tokens[at].clone());
                at += 1;
                continue;
            }
            at += marker.len();
            let mut depth = 0;
            while at < tokens.len() {
                let text = tokens[at].text.as_str();
                if text == "mod" && tokens.get(at + 2).is_some_and(|token| token.text == ";") {
                    self.test_modules.insert(tokens[at + 1].text.clone());
                }
                at += 1;
                match text {
                    "{" | "(" | "[" => depth += 1,
                    "}" | ")" | "]" => depth -= 1,
                    _ => {}
                }
                if depth == 0 && matches!(text, ";" | "}") {
                    break;
                }
            }
        }
        kept
    }

    fn parse(&mut self, tokens: &[Token]) {
        let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
        let mut inline: Vec<usize> = Vec::new();
        let mut depth = 0;
        let mut at = 0;
        while at < tokens.len() {
            match text(at) {
                "{" => depth += 1,
                "}" => {
                    depth -= 1;
                    if inline.last() == Some(&depth) {
                        inline.pop();
                    }
                }
                "mod" if text(at + 2) == "{" => {
                    inline.push(depth);
                    self.definitions.insert(text(at + 1).into());
                }
                "macro_rules" if text(at + 1) == "!" => self.macros.push(text(at + 2).into()),
                "modules" if text(at + 1) == "!" => self.modules(&tokens[at + 2..]),
                // Not the `use<'t, F>` that says which lifetimes a type captures.
                "use" if text(at + 1) != "<" => {
                    let handed_on = at > 0 && matches!(text(at - 1), "pub" | ")");
                    at = self.tree(tokens, at + 1, Vec::new(), handed_on, inline.len());
                    continue;
                }
                "struct" | "enum" | "trait" | "type" | "fn" | "const" | "static" | "union" => {
                    self.definitions.insert(text(at + 1).into());
                }
                word if is_word(word) && text(at + 1) == ":" && text(at + 2) == ":" => {
                    let line = tokens[at].line;
                    let mut segments = vec![word.to_string()];
                    while text(at + 1) == ":" && text(at + 2) == ":" && is_word(text(at + 3)) {
                        segments.push(text(at + 3).to_string());
                        at += 3;
                    }
                    let (name, handed_on) = (None, false);
                    self.paths.push(Path { segments, name, handed_on, inline: inline.len(), line });
                }
                _ => {}
            }
            at += 1;
        }
    }

    /// The rows of a list of modules, `module: Item, Item;`, which hand their items on; those of a table only use them.
    fn modules(&mut self, tokens: &[Token]) {
        let mut depth = 0;
        let ends = |token: &Token| {
            depth += i32::from(token.text == "{") - i32::from(token.text == "}");
            depth == 0
        };
        let end = tokens.iter().position(ends).unwrap_or(tokens.len());
        let handed_on = tokens[..end].iter().all(|token| token.text != "static");
        let mut module = None;
        for (at, token) in
            tokens[..end].iter().enumerate().filter(|(_, token)| is_word(&token.text))
        {
            match (tokens[at + 1].text.as_str(), &module) {
                (":", _) => module = Some(token.text.clone()),
                ("," | ";", Some(module)) => {
                    let segments = vec![module.clone(), token.text.clone()];
                    let name = handed_on.then(|| token.text.clone());
                    self.paths.push(Path {
                        segments,
                        name,
                        handed_on,
                        inline: 0,
                        line: token.line,
                    });
                }
                _ => {}
            }
        }
    }

    /// One branch of a `use` tree; returns the place behind it.
    fn tree(
        &mut self,
        tokens: &[Token],
        mut at: usize,
        mut segments: Vec<String>,
        handed_on: bool,
        inline: usize,
    ) -> usize {
        let text = |at: usize| tokens.get(at).map_or(";", |token| token.text.as_str());
        let line = tokens.get(at).map_or(0, |token| token.line);
        loop {
            match text(at) {
                ":" => at += 1,
                "{" => {
                    at += 1;
                    while text(at) != "}" && at < tokens.len() {
                        at = self.tree(tokens, at, segments.clone(), handed_on, inline);
                        if text(at) == "," {
                            at += 1;
                        }
                    }
                    return at + 1;
                }
                "," | ";" | "}" => break,
                "as" => {
                    let name = Some(text(at + 1).to_string());
                    self.paths.push(Path { segments, name, handed_on, inline, line });
                    return at + 2;
                }
                segment => {
                    segments.push(segment.to_string());
                    at += 1;
                }
            }
        }
        if segments.last().is_some_and(|last| last == "self") && segments.len() > 1 {
            segments.pop();
        }
        let name = segments.last().cloned();
        if name.is_some() {
            self.paths.push(Path { segments, name, handed_on, inline, line });
        }
        at
    }
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// The tokens of the code and the words of the comments.
fn tokens(text: &str) -> (Vec<Token>, Vec<Token>) {
    let chars: Vec<char> = text.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let (mut code, mut comments) = (Vec::new(), Vec::new());
    let (mut i, mut line) = (0, 1);
    while i < chars.len() {
        let c = chars[i];
        match c {
            '\n' => {
                line += 1;
                i += 1;
            }
            '/' if at(i + 1) == '/' => {
                let end = (i..chars.len()).find(|&j| chars[j] == '\n').unwrap_or(chars.len());
                let comment: String = chars[i..end].iter().collect();
                let words = comment.split(|c: char| !(c.is_alphanumeric() || c == '_'));
                let words = words.filter(|word| is_word(word));
                comments.extend(words.map(|word| Token { text: word.into(), line }));
                i = end;
            }
            '/' if at(i + 1) == '*' => {
                while i < chars.len() && !(chars[i] == '*' && at(i + 1) == '/') {
                    line += usize::from(chars[i] == '\n');
                    i += 1;
                }
                i += 2;
            }
            'r' if at(i + 1) == '"' || at(i + 1) == '#' && matches!(at(i + 2), '"' | '#') => {
                let hashes = (i + 1..).take_while(|&j| at(j) == '#').count();
                i += hashes + 2;
                let closes = |i: usize| at(i) == '"' && (1..=hashes).all(|j| at(i + j) == '#');
                while i < chars.len() && !closes(i) {
                    line += usize::from(chars[i] == '\n');
                    i += 1;
                }
                i += hashes + 1;
                code.push(Token { text: "\"\"".into(), line });
            }
            '"' => {
                i += 1;
                while i < chars.len() && chars[i] != '"' {
                    i += usize::from(chars[i] == '\\');
                    line += usize::from(at(i) == '\n');
                    i += 1;
                }
                i += 1;
                code.push(Token { text: "\"\"".into(), line });
            }
            // A character, not a lifetime.
            '\'' if at(i + 1) == '\\' || at(i + 2) == '\'' => {
                i += if at(i + 1) == '\\' { 3 } else { 2 };
                while i < chars.len() && chars[i] != '\'' {
                    i += 1;
                }
                i += 1;
            }
            c if c.is_alphanumeric() || c == '_' => {
                let end = (i..chars.len())
                    .find(|&j| !(chars[j].is_alphanumeric() || chars[j] == '_'))
                    .unwrap_or(chars.len());
                code.push(Token { text: chars[i..end].iter().collect(), line });
                i = end;
            }
            c if c.is_whitespace() => i += 1,
            c => {
                code.push(Token { text: c.to_string(), line });
                i += 1;
            }
        }
    }
    (code, comments)
}
