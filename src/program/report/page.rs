//! The page: HTML without a script, whose style and pictures stand inside it.

use super::numbers::{Number, Numbers};
use super::pictures::Picture;
use crate::program::kinds::kind::About;
use crate::program::printable::printable;
use crate::program::run::settings::Settings;
use crate::program::table::figure;
use serde_json::Value;
use std::fmt::Write;
use std::path::Path;

/// The most names of columns that are listed.
const MOST_COLUMNS: usize = 100;

/// Everything that a page says.
pub(super) struct Content<'a> {
    pub(super) about: &'a About,
    /// The name of the folder of the run.
    pub(super) folder: String,
    /// The folder, as the user has given it.
    pub(super) run: &'a Path,
    pub(super) settings: &'a Settings,
    /// The estimator and its options in a few words.
    pub(super) method: String,
    pub(super) steps: u64,
    /// True if the results of the run are written.
    pub(super) ended: bool,
    pub(super) needs_annealing: bool,
    /// The rows of the training part and of the test part.
    pub(super) rows: [usize; 2],
    /// The names of the columns; empty if they have none.
    pub(super) columns: Vec<String>,
    /// The height and the width of the rows if they are pictures.
    pub(super) image: Option<(usize, usize)>,
    /// The number of columns.
    pub(super) width: usize,
    pub(super) numbers: Numbers,
    pub(super) pictures: &'a [Picture],
}

/// The page.
///
/// # Errors
/// If the settings cannot be written as TOML.
pub(super) fn page(content: &Content) -> anyhow::Result<String> {
    let Content { about, folder, settings, numbers, .. } = content;
    let title = format!("{} on {}: {folder}", about.name, settings.data_name());
    let results = if content.ended { "Results" } else { "The last measures" };
    let mut body = head(content);
    body += &section(results, &table(&numbers.measured));
    body += &section("Curve and pictures", &pictures(content.pictures));
    body += &section("Data", &data(content));
    body += &section("Settings", &settings_tables(settings)?);
    if !numbers.facts.is_empty() {
        body += &section("The run", &table(&numbers.facts));
    }
    body += &section("Commands", &commands(content));
    Ok(format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{}</title>\n<style>\n{}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n",
        text(&title),
        include_str!("page.css"),
    ))
}

/// The title, the model with its source, and a notice about a run that has not ended.
fn head(content: &Content) -> String {
    let Content { about, folder, settings, method, steps, .. } = content;
    let (name, data) = (text(about.name), text(settings.data_name()));
    let (line, source) = (text(about.line), text(about.source));
    let s = if *steps == 1 { "" } else { "s" };
    let mut head = format!(
        "<h1>{name} on {data}</h1>\n<p>This model is {line} ({source}).</p>\n\
         <p class=\"soft\">The folder of the run is <b>{}</b>. The method is {}, and the run has taken {steps} step{s}.</p>\n",
        text(folder),
        text(method),
    );
    if !content.ended {
        head += "<p class=\"notice\">This run has not ended. The numbers are the last that were measured, the curve goes as far as \
                 the run, and other pictures may be of an earlier step.</p>\n";
    }
    head
}

fn section(title: &str, body: &str) -> String {
    format!("<section>\n<h2>{title}</h2>\n{body}</section>\n")
}

/// Numbers with their errors, units and meanings.
fn table(numbers: &[Number]) -> String {
    if numbers.is_empty() {
        return "<p>Nothing has been measured yet.</p>\n".into();
    }
    let errors = numbers.iter().any(|number| number.error.is_some());
    let class = if errors { "number" } else { "word" };
    let units = numbers.iter().any(|number| !number.unit.is_empty());
    let cell = |shown: bool, class: &str, content: &str| match shown {
        true => format!("<td class=\"{class}\">{content}</td>"),
        false => String::new(),
    };
    let title = |shown: bool, class: &str, content: &str| match shown {
        true => format!("<th class=\"{class}\" scope=\"col\">{content}</th>"),
        false => String::new(),
    };
    let mut rows = String::new();
    for Number { name, value, error, unit, meaning } in numbers {
        let error = error.as_ref().map_or(String::new(), |error| format!("± {}", number(error)));
        let _ = writeln!(
            rows,
            "<tr><th scope=\"row\">{}</th>{}{}{}{}</tr>",
            text(name),
            cell(true, class, &number(value)),
            cell(errors, "number", &error),
            cell(units, "unit", &text(unit)),
            cell(true, "meaning", &text(meaning)),
        );
    }
    format!(
        "<table class=\"numbers\">\n<thead><tr><th scope=\"col\">name</th>{}{}{}{}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n",
        title(true, class, "value"),
        title(errors, "number", "± standard error"),
        title(units, "unit", "unit"),
        title(true, "meaning", "meaning"),
    )
}

/// A value, rounded for people; the element keeps all its digits.
fn number(value: &Value) -> String {
    let shown = match value {
        Value::Number(x) if x.is_f64() => figure(x.as_f64().unwrap_or(f64::NAN)),
        Value::String(words) => return text(words),
        Value::Null => return "no number".into(),
        other => other.to_string(),
    };
    format!("<data value=\"{}\">{}</data>", text(&value.to_string()), shown.replace('-', "−"))
}

/// The pictures with their names and the sentences about them.
fn pictures(pictures: &[Picture]) -> String {
    if pictures.is_empty() {
        return "<p>The folder has no pictures; a run draws them at its end.</p>\n".into();
    }
    let mut figures = String::new();
    for Picture { name, url, inside, meaning } in pictures {
        let (name, url, meaning) = (text(name), text(url), text(meaning));
        let _ = match inside {
            true => writeln!(
                figures,
                "<figure><img src=\"{url}\" alt=\"{meaning}\"><figcaption><b>{name}</b> {meaning}</figcaption></figure>"
            ),
            false => writeln!(
                figures,
                "<figure><figcaption><b><a href=\"{url}\">{name}</a></b> {meaning} It is too large to stand inside this page.</figcaption></figure>"
            ),
        };
    }
    format!("<div class=\"pictures\">\n{figures}</div>\n")
}

/// The origin and the size of the data, and the names of the columns.
fn data(content: &Content) -> String {
    let Content { settings, rows: [train, test], columns, image, width, .. } = content;
    let shape = image.map_or(String::new(), |(h, w)| format!(", which make pictures of {h} × {w}"));
    let mut data = format!(
        "<p>The data are <b>{}</b> ({}): {train} training rows and {test} test rows of {width} columns{shape}.</p>\n",
        text(&settings.data.source),
        text(&settings.data.split),
    );
    if !columns.is_empty() {
        let names = columns.iter().take(MOST_COLUMNS).map(|name| format!("<b>{}</b>", text(name)));
        let more = match columns.len().saturating_sub(MOST_COLUMNS) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let names: Vec<String> = names.collect();
        data += &format!("<p>The columns are {}{more}.</p>\n", names.join(", "));
    }
    data
}

/// A table for each section of `run.toml`.
fn settings_tables(settings: &Settings) -> anyhow::Result<String> {
    let mut tables = String::new();
    for (section, values) in toml::Table::try_from(settings)? {
        let toml::Value::Table(values) = values else { continue };
        let _ = write!(tables, "<div><h3>{}</h3>\n<table>\n<tbody>\n", text(&section));
        for (name, value) in &values {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_string);
            let (name, value) = (text(name), text(&value));
            let _ = writeln!(tables, "<tr><th scope=\"row\">{name}</th><td>{value}</td></tr>");
        }
        tables += "</tbody>\n</table>\n</div>\n";
    }
    Ok(format!("<div class=\"settings\">\n{tables}</div>\n"))
}

/// The commands that go on with the run.
fn commands(content: &Content) -> String {
    let run = in_shell(&content.run.display().to_string());
    let ais = if content.needs_annealing { " --ais 1000" } else { "" };
    let resume = match content.ended {
        true => "This continues the run with a larger number of --epochs, --steps or --seconds:",
        false => "This continues the run:",
    };
    let of = [
        (resume, format!("pathscore train --resume {run}")),
        ("This measures the model on its test part:", format!("pathscore evaluate {run}{ais}")),
        ("This draws new data:", format!("pathscore sample {run} --out samples.png")),
    ];
    of.iter().map(|(words, line)| format!("<p>{words}</p>\n<pre>{}</pre>\n", text(line))).collect()
}

/// An argument as a shell takes it.
fn in_shell(argument: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+:@%,=".contains(c);
    match !argument.is_empty() && argument.chars().all(plain) {
        true => argument.into(),
        false => format!("'{}'", argument.replace('\'', "'\\''")),
    }
}

/// A text as HTML shows it, also between quotes: nothing in it is markup, and its control characters are written out.
fn text(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in printable(text).chars() {
        match c {
            '&' => html += "&amp;",
            '<' => html += "&lt;",
            '>' => html += "&gt;",
            '"' => html += "&quot;",
            '\'' => html += "&#39;",
            _ => html.push(c),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_markup() {
        assert_eq!(text("<a b='\"&\u{1b}\">"), "&lt;a b=&#39;&quot;&amp;\\u{1b}&quot;&gt;");
        assert_eq!(text("größe ∇"), "größe ∇");
    }

    #[test]
    fn a_shell_takes_an_argument_as_one() {
        assert_eq!(in_shell("runs/vae-1"), "runs/vae-1");
        assert_eq!(in_shell("a b's"), "'a b'\\''s'");
    }

    #[test]
    fn numbers_keep_their_digits() {
        let value = serde_json::json!(-12.345_678_9);
        assert_eq!(number(&value), "<data value=\"-12.3456789\">−12.35</data>");
        assert_eq!(number(&serde_json::json!(300)), "<data value=\"300\">300</data>");
    }
}
