//! Draws how many times as fast as another library each workload is.
//!
//! `cargo bench -p pathscore-benches --bench chart -- results.jsonl speed.svg` reads lines of JSON as
//! `workloads` and other programs print them, with `peer`, `workload`, `threads` and `median_s`, and writes an SVG.

use clap::Parser;
use serde_json::Value;
use std::fmt::Write;
use std::path::PathBuf;

/// Draws the ratios of times as bars.
#[derive(Debug, Parser)]
struct Arguments {
    /// Lines of JSON with `peer`, `workload`, `threads` and `median_s`
    results: PathBuf,
    /// The picture
    svg: PathBuf,
    /// The library to compare with
    #[arg(long, default_value = "jax")]
    peer: String,
    /// The flag that cargo passes to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

/// A workload, and how many times as long the other library takes on one thread and on two.
struct Row {
    workload: String,
    ratios: [Option<f64>; 2],
}

/// The rows in the order in which workloads appear.
fn rows(lines: &[Value], peer: &str) -> Vec<Row> {
    let time = |name: &str, workload: &str, threads: u64| {
        let found = lines.iter().find(|line| {
            line["peer"] == name && line["workload"] == workload && line["threads"] == threads
        });
        found.map(|line| line["median_s"].as_f64().expect("`median_s` is a number"))
    };
    let mut rows: Vec<Row> = Vec::new();
    for line in lines.iter().filter(|line| line["peer"] == peer) {
        let workload = line["workload"].as_str().expect("`workload` is a name");
        if rows.iter().all(|row| row.workload != workload) {
            let ratio = |threads| {
                Some(time(peer, workload, threads)? / time("pathscore", workload, threads)?)
            };
            rows.push(Row { workload: workload.to_owned(), ratios: [1, 2].map(ratio) });
        }
    }
    rows
}

/// The width of the names, of the bars and of the figures behind them.
const WIDTHS: [f64; 3] = [190.0, 620.0, 90.0];
const ROW: f64 = 46.0;
const TOP: f64 = 96.0;
const COLORS: [&str; 2] = ["#7aa6d8", "#1f5f9e"];

/// The chart: a bar for each number of threads on an axis of logarithms.
fn chart(rows: &[Row], peer: &str) -> String {
    let largest = rows.iter().flat_map(|row| row.ratios).flatten().fold(2.0, f64::max);
    let at = |ratio: f64| WIDTHS[0] + WIDTHS[1] * ratio.ln() / (largest * 1.1).ln();
    let (width, height) = (WIDTHS.iter().sum::<f64>(), TOP + ROW * rows.len() as f64 + 20.0);
    let bottom = height - 14.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"17\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n\
         <text x=\"12\" y=\"30\" font-size=\"22\">How many times as fast as {} (longer is faster; logarithmic)</text>\n",
        peer.to_uppercase()
    );
    let mut add = |line: String| writeln!(svg, "{line}").expect("a string takes everything");
    for (i, (color, name)) in COLORS.into_iter().zip(["1 thread", "2 threads"]).enumerate() {
        let x = WIDTHS[0] + 130.0 * i as f64;
        add(format!("<rect x=\"{x}\" y=\"44\" width=\"16\" height=\"16\" fill=\"{color}\"/>"));
        add(format!("<text x=\"{}\" y=\"58\">{name}</text>", x + 22.0));
    }
    for tick in [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0] {
        if tick <= largest * 1.1 {
            let (x, color) = (at(tick), if tick == 1.0 { "#333" } else { "#ddd" });
            add(format!("<path d=\"M{x:.1} {} V{bottom}\" stroke=\"{color}\"/>", TOP - 6.0));
            add(format!(
                "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{tick}</text>",
                TOP - 12.0
            ));
        }
    }
    for (i, row) in rows.iter().enumerate() {
        let y = TOP + ROW * i as f64;
        let (x, name) = (WIDTHS[0] - 12.0, &row.workload);
        add(format!("<text x=\"{x}\" y=\"{}\" text-anchor=\"end\">{name}</text>", y + 27.0));
        for (j, (ratio, color)) in row.ratios.into_iter().zip(COLORS).enumerate() {
            let Some(ratio) = ratio else { continue };
            // A bar to the left of 1 is slower.
            let (from, to) = (at(ratio.min(1.0)), at(ratio.max(1.0)));
            let (y, length) = (y + 4.0 + 19.0 * j as f64, to - from);
            add(format!(
                "<rect x=\"{from:.1}\" y=\"{y}\" width=\"{length:.1}\" height=\"17\" fill=\"{color}\"/>"
            ));
            let digits = if ratio < 9.95 { 2 } else { 0 };
            let (x, y) = (to + 6.0, y + 14.0);
            add(format!("<text x=\"{x:.1}\" y=\"{y}\" font-size=\"15\">{ratio:.digits$}</text>"));
        }
    }
    svg + "</svg>\n"
}

fn main() {
    let Arguments { results, svg, peer, .. } = Arguments::parse();
    let text = std::fs::read_to_string(&results).expect("the results can be read");
    let line = |line| serde_json::from_str(line).expect("a line of JSON");
    let rows = rows(&text.lines().map(line).collect::<Vec<Value>>(), &peer);
    std::fs::write(&svg, chart(&rows, &peer)).expect("the picture can be written");
    println!("{}", svg.display());
}
