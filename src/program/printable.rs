//! Text that a terminal shows and does not obey.

/// A text with its control characters written out, and those that change the direction of writing: they come from names of files,
/// cells of data and settings.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    shown
}

/// The same, line by line.
pub(crate) fn printable_lines(text: &str) -> String {
    text.lines().map(printable).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_obeys_no_part_of_a_text() {
        assert_eq!(
            printable("a\u{1b}[31m\nb\r\u{9b}2J\u{7f}"),
            "a\\u{1b}[31m\\nb\\r\\u{9b}2J\\u{7f}"
        );
        assert_eq!(printable("\u{202e}txt.exe"), "\\u{202e}txt.exe");
        assert_eq!(printable("größe ∇ 数"), "größe ∇ 数");
        assert_eq!(printable_lines("a\u{7}\nb"), "a\\u{7}\nb");
    }
}
