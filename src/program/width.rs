//! The width of lines for people.

use std::io::{IsTerminal, stderr};

/// The width where there is no terminal: that of an ordinary one.
const USUAL: usize = 100;
/// Lines longer than this are hard to read, however wide the terminal is.
const LONGEST: usize = 120;
/// Less than this holds no table.
const SHORTEST: usize = 40;

/// The width of tables and texts on the output: that of the variable COLUMNS, of the terminal, or a hundred letters.
pub(crate) fn of_output() -> usize {
    given().or_else(|| columns(&console::Term::stdout())).unwrap_or(USUAL).clamp(SHORTEST, LONGEST)
}

/// The width of messages on the error stream; none where they go to a file, in which a message is one line.
pub(crate) fn of_messages() -> Option<usize> {
    let terminal = || stderr().is_terminal().then(|| columns(&console::Term::stderr())).flatten();
    given().or_else(terminal).map(|width| width.clamp(SHORTEST, LONGEST))
}

fn given() -> Option<usize> {
    std::env::var("COLUMNS").ok()?.parse().ok()
}

fn columns(terminal: &console::Term) -> Option<usize> {
    terminal.size_checked().map(|(_, columns)| columns.into())
}

/// A text in lines of at most `width` letters, broken at spaces; a longer word, such as a path that somebody may copy, stays
/// whole. Line breaks of the text stay, and a line goes on below its words: behind its indentation, a name in a list, or `- `.
pub(crate) fn filled(text: &str, width: usize) -> String {
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let hang = hang(paragraph);
        let hang = if hang <= width / 2 { hang } else { 0 };
        let mut line = String::new();
        for (i, word) in paragraph.split(' ').enumerate() {
            let begun = letters(line.trim_start()) > 0;
            if begun && letters(&line) + 1 + letters(word) > width {
                lines.push(std::mem::replace(&mut line, " ".repeat(hang)));
            } else if i > 0 {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line.trim_end().into());
    }
    lines.join("\n")
}

/// The width of a text without the codes of its colours.
fn letters(text: &str) -> usize {
    console::measure_text_width(text)
}

/// The place below which a line goes on: of an indented line that of the words behind its last gap, otherwise that of its first
/// word, or of the word behind a dash.
fn hang(line: &str) -> usize {
    let indent = line.len() - line.trim_start_matches(' ').len();
    let words = &line[indent..];
    match words.rfind("  ") {
        Some(gap) if indent > 0 => indent + letters(&words[..gap]) + 2,
        _ if words.starts_with("- ") => indent + 2,
        _ => indent,
    }
}

#[cfg(test)]
mod tests {
    use super::filled;

    #[test]
    fn lines_are_broken_between_words_and_keep_their_indentation() {
        assert_eq!(filled("one two three", 7), "one two\nthree");
        assert_eq!(filled("  one two three", 9), "  one two\n  three");
        assert_eq!(filled("a-word-that-is-long b\n\nc", 5), "a-word-that-is-long\nb\n\nc");
        assert_eq!(filled("", 5), "");
        assert_eq!(filled("  ab   one two three", 15), "  ab   one two\n       three");
        assert_eq!(filled("  - one two", 8), "  - one\n    two");
        let coloured = "  \u{1b}[1mab\u{1b}[0m   one two three";
        assert_eq!(filled(coloured, 15), "  \u{1b}[1mab\u{1b}[0m   one two\n       three");
    }
}
