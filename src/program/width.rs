//! The width of lines for people.

use std::io::{IsTerminal, stderr};
use unicode_width::UnicodeWidthStr;

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
/// whole. Line breaks of the text stay, and lines go on where their first word begins.
pub(crate) fn filled(text: &str, width: usize) -> String {
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let indent = paragraph.len() - paragraph.trim_start_matches(' ').len();
        let mut line = String::new();
        for word in paragraph.split(' ') {
            let begun = !line.trim_start().is_empty();
            if begun && line.width() + 1 + word.width() > width {
                lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
            } else if begun || word.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line.trim_end().into());
    }
    lines.join("\n")
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
    }
}
