//! The command: prints the tables with an explanation beside each line, and writes the pictures.

use super::args::LikelihoodArgs;
use super::dimension::{dimension, missing, panels};
use super::fits::fits;
use super::gradients::gradients;
use super::identity::{Identity, identity};
use super::invariance::invariance;
use super::problem::Problem;
use super::values::{Relation, ValueRow, values};
use crate::program::chart::{Rung, curve_panels, ladder, write_chart};
use crate::program::files::make_output_folder;
use crate::program::progress::say;
use crate::program::table::{Format, figure, objects, paragraph, print};
use crate::program::threads::pool;
use kuva::render::render::Scene;
use pathscore::autodiff::Tape;
use serde::Serialize;
use serde_json::{Map, Value};
use std::io::{Write, stdout};

/// A part of the answer: a caption and a table.
struct Section {
    /// The name in CSV and JSON.
    name: &'static str,
    caption: String,
    rows: Vec<Map<String, Value>>,
}

impl Section {
    fn new<T: Serialize>(name: &'static str, caption: String, rows: &[T]) -> anyhow::Result<Self> {
        let rows = objects(rows)?;
        Ok(Self { name, caption, rows })
    }
}

/// Runs everything, prints the tables and writes the pictures.
pub(crate) fn likelihood(args: &LikelihoodArgs) -> anyhow::Result<()> {
    args.check()?;
    let split = args.data.load(args.seed)?;
    pool(args.threads)?.install(|| {
        let problem = Problem::new(&split, args)?;
        make_output_folder(&args.out)?;
        if args.format == Format::Table {
            writeln!(stdout().lock(), "{}\n", paragraph(&problem.description))?;
        }
        let mut all = Vec::new();
        let mut show = |section: Section| -> anyhow::Result<()> {
            report(&section, args)?;
            all.push(section);
            Ok(())
        };

        begin(args, "1 of 5: ln p(x) by all ways");
        let found = values(&problem, args);
        show(Section::new("value", value_caption(&problem, args)?, &found)?)?;
        if args.format == Format::Table {
            writeln!(stdout().lock(), "{}\n", paragraph(&order(&found)))?;
        }
        write(&ladder(&rungs(&found), &ladder_title(args)), "ladder", args)?;

        begin(args, "2 of 5: its gradient by all ways");
        show(Section::new("gradient", gradient_caption(), &gradients(&problem, args))?)?;

        begin(args, "3 of 5: draws of the prior against the number of latents");
        let found = dimension(&split, problem.columns, args)?;
        let title = format!(
            "Draws of the prior miss the posterior: sooner with every latent\n{}",
            missing(&found)
        );
        let scene = curve_panels(&panels(&found, args.num_samples), title.trim_end());
        write(&scene, "dimension", args)?;
        show(Section::new("dimension", dimension_caption(args), &found)?)?;

        begin(args, "4 of 5: the maximum of the likelihood by all ways");
        show(Section::new("fit", fit_caption(&problem), &fits(&problem, args)?)?)?;

        begin(args, "5 of 5: maximum a posteriori and its parameter");
        if let Some(found) = invariance(&problem) {
            show(Section::new("map", found.caption, &found.rows)?)?;
        }
        finish(&all, args)
    })
}

/// Prints a section if the reader is a person.
fn report(section: &Section, args: &LikelihoodArgs) -> anyhow::Result<()> {
    if args.format == Format::Table {
        let out = &mut stdout().lock();
        writeln!(out, "{}\n", paragraph(&section.caption))?;
        print(&section.rows, args.format, out)?;
        writeln!(out)?;
    }
    Ok(())
}

/// Prints all sections if the reader is a program: every row names its section.
fn finish(sections: &[Section], args: &LikelihoodArgs) -> anyhow::Result<()> {
    if args.format == Format::Table {
        return Ok(());
    }
    let named = sections.iter().flat_map(|section| {
        section.rows.iter().map(|row| {
            let mut fields = Map::new();
            fields.insert("section".into(), section.name.into());
            fields.extend(row.clone());
            fields
        })
    });
    print(&named.collect::<Vec<_>>(), args.format, &mut stdout().lock())
}

/// Says which section begins, if the reader is a person.
fn begin(args: &LikelihoodArgs, line: &str) {
    if args.format == Format::Table {
        say(&format!("{line} …"));
    }
}

fn write(scene: &Scene, name: &str, args: &LikelihoodArgs) -> anyhow::Result<()> {
    write_chart(&args.out, name, scene)?;
    say(&format!("wrote {}.svg and .png", args.out.join(name).display()));
    Ok(())
}

/// The caption of the values, with the identity $\ln p(x) = \mathrm{ELBO} + \mathrm{KL}$ in numbers.
fn value_caption(problem: &Problem, args: &LikelihoodArgs) -> anyhow::Result<String> {
    let tape = Tape::new();
    let kl = problem.model.posterior_kl(problem.params.on(&tape)).map_err(|error| {
        anyhow::anyhow!("the posterior's covariance cannot be computed: {error}")
    })?;
    let Identity { value, gradient } = identity(problem);
    Ok(format!(
        "ln p(x) in nats, mean over {} test rows, K = {} draws. KL(q‖p(z|x)) = {} for the best factorised q: its exact ELBO \
         lies so much below ln p(x). For any other q too, ln p(x) = ELBO + KL (here to {value:.0e}), and the gradients of \
         ELBO and KL for q are opposite (to {gradient:.0e})",
        problem.exact.len(),
        args.num_samples,
        figure(kl.item())
    ))
}

/// The rungs whose order is a theorem, from below to above.
const ORDERED: [&str; 5] =
    ["prior Monte Carlo", "ELBO", "bound of K draws, L_K", "exact", "AIS backward"];

/// Tells if the rungs stand in their order, where two may change places within three errors of their distance.
fn order(values: &[ValueRow]) -> String {
    let rung = |name: &str| values.iter().find(|row| row.method == name);
    let found: Vec<&ValueRow> = ORDERED.iter().filter_map(|name| rung(name)).collect();
    let fits = |pair: &[&ValueRow]| {
        pair[1].minus_exact - pair[0].minus_exact >= -3.0 * pair[0].error.hypot(pair[1].error)
    };
    let names = ORDERED.join(" ≤ ");
    match found.windows(2).find(|pair| !fits(pair)) {
        None => format!("The ladder is in order within three errors: {names}."),
        Some(pair) => format!(
            "The ladder should be {names}, but {} is above {} by more than three errors.",
            pair[0].method, pair[1].method
        ),
    }
}

fn gradient_caption() -> String {
    "Gradient of ln p(x) for all parameters, those of the prior included, mean over at most ten test rows. All numbers are \
     shares of the exact gradient's length; a distance of one with little noise means that all draws missed. distance: of the mean of 24 estimates from it; of noise: the distance that their \
     noise alone would give; error: root mean square distance of one estimate"
        .into()
}

fn dimension_caption(args: &LikelihoodArgs) -> String {
    format!(
        "{} draws of the prior for each row, and of the wide q. ess: effective sample size. error seen: median of \
         |estimate/p(x) − 1|, which stops at one when nothing is found. error exact: its standard deviation in closed \
         form, which goes on growing. nats lost: ln p(x) less its estimate. gradient error: of one estimate of ∇p(x), as a \
         share of its length; it falls to one where all draws miss",
        args.num_samples
    )
}

fn fit_caption(problem: &Problem) -> String {
    format!(
        "Maximum of the likelihood from one start, {} training rows; ln p(x) in nats, mean over the rows of each part ({} test \
         rows)",
        problem.rows(),
        problem.exact.len()
    )
}

fn ladder_title(args: &LikelihoodArgs) -> String {
    format!("The evidence ladder: estimates of ln p(x) with K = {} draws", args.num_samples)
}

fn rungs(values: &[ValueRow]) -> Vec<Rung> {
    let rung = |row: &ValueRow| Rung {
        name: row.method.to_string(),
        gap: row.minus_exact,
        error: row.error,
        exact: row.in_the_mean == Relation::Exact,
    };
    values.iter().map(rung).collect()
}
