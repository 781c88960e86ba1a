//! The meanings of the numbers and the pictures of a run, a sentence for each name.

/// A name and the sentences about it.
type Row = (&'static str, &'static str);

/// The quantities that kinds of models measure, and the numbers of `metrics.jsonl`, without the part of the data that they are
/// measured on.
static NUMBERS: &[Row] = &[
    (
        "elbo",
        "The evidence lower bound: the mean over rows of a lower bound of ln p(x). Larger is better; it lies below the log-likelihood by the divergence of q from the posterior.",
    ),
    (
        "bound",
        "The mean over rows of the bound by several importance samples. It lies between the ELBO and ln p(x), and more samples make it tighter.",
    ),
    (
        "log_likelihood",
        "The mean over rows of ln p(x), the logarithm of the probability or the density that the model gives to a row. Larger is better. If it is estimated from samples, it is too low in the mean.",
    ),
    (
        "pseudo_log_likelihood",
        "The mean over rows of the sum of ln p(column | all other columns). It is no log-likelihood; among models of the same data, larger is better.",
    ),
    (
        "reconstruction_error",
        "The mean squared error of a cell after one pass from the row to the hidden units and back. A small error does not mean that the model is good.",
    ),
    (
        "free_energy_gap",
        "The mean free energy of test rows minus that of as many training rows. It is near zero for a model that does not overfit, and grows with overfitting.",
    ),
    (
        "energy_gap",
        "The mean energy of test rows minus that of as many training rows. It is near zero for a model that does not overfit, and grows with overfitting.",
    ),
    (
        "free_energy_difference",
        "The mean free energy of the chains minus that of the data. It is near zero when the chains look like the data.",
    ),
    ("criterion", "The criterion that the estimator maximises, on batches of training rows."),
    (
        "score_matching_loss",
        "Half the squared slope of ln p(x) plus the trace of its second derivative, as a mean over rows. Smaller is better; it needs no normalising constant.",
    ),
    (
        "log_partition",
        "ln Z, the logarithm of the normalising constant: the sum or the integral of exp(−energy) over all states.",
    ),
    (
        "kl_from_truth",
        "The Kullback-Leibler divergence of the model from the density that made the data. It is zero if they are equal.",
    ),
    (
        "aic",
        "The information criterion of Akaike, 2 k − 2 ln L with k free parameters. Among models of the same data, smaller is better.",
    ),
    (
        "bic",
        "The Bayesian information criterion, k ln N − 2 ln L with k free parameters and N rows. Among models of the same data, smaller is better.",
    ),
    (
        "columns_at_floor",
        "The number of columns whose noise has stopped at its least variance. More than zero means that the fit tries to explain these columns without noise.",
    ),
    (
        "components_at_floor",
        "The number of components whose covariance has stopped at its least size. More than zero means that a component tries to collapse onto few rows.",
    ),
    (
        "log_marginal_likelihood",
        "ln p(training rows), with the functions integrated out and divided by the number of rows. It is maximised, and falls if the model is more flexible than the data need.",
    ),
    (
        "log_marginal",
        "The marginal likelihood, or the bound on it, that is maximised, divided by the number of rows.",
    ),
    (
        "log_marginal_bound",
        "A lower bound of ln p(training rows), with latents and functions integrated out and divided by the number of rows. Larger is better.",
    ),
    (
        "log_leave_one_out",
        "The mean over training rows of ln p(target), each predicted from all other training rows. Larger is better.",
    ),
    (
        "log_predictive",
        "The mean over rows of the logarithm of the density that the fit predicts for a new row. Larger is better.",
    ),
    ("rmse", "The root of the mean squared difference between the target and its prediction."),
    ("noise", "The standard deviation of the noise that the fit has found in the data."),
    (
        "reconstruction_rmse",
        "The root of the mean squared difference between a cell and its mean given the latents of its row.",
    ),
    (
        "nearest_neighbour_error",
        "The share of rows whose nearest training row on the map has another label. Smaller is better.",
    ),
    (
        "nearest_neighbour_error_train",
        "The share of training rows whose nearest other training row on the map has another label. Smaller is better.",
    ),
    (
        "nearest_neighbour_error_pca",
        "The same share on a map by principal components, for comparison.",
    ),
    (
        "latents_in_use",
        "The number of latents on which the functions depend; the fit has switched the others off.",
    ),
    (
        "ais_lower",
        "A lower bound of ln p(x) by annealing the latents, as a mean over rows. It is tighter than the others where the posterior is far from q.",
    ),
    (
        "ais_lower_simulated",
        "A lower bound of ln p(x) by annealing, as a mean over rows that the model has drawn itself.",
    ),
    (
        "ais_upper_simulated",
        "An upper bound of ln p(x) by annealing back from an exact posterior draw, as a mean over rows that the model has drawn itself.",
    ),
    (
        "ais_gap_simulated",
        "The upper bound minus the lower one: how far the lower bound may be from the truth. More steps make it smaller.",
    ),
    (
        "log_partition_ais",
        "ln Z by annealing forward, from independent columns to the model. It is too low in the mean.",
    ),
    (
        "log_partition_ais_reverse",
        "ln Z by annealing in reverse, from samples of the model. It is too high in the mean if the samples are good.",
    ),
    (
        "log_partition_ais_low",
        "The lower end of three standard errors of Z around the forward estimate.",
    ),
    (
        "log_partition_ais_high",
        "The upper end of three standard errors of Z around the forward estimate.",
    ),
    (
        "log_partition_ais_reverse_low",
        "The lower end of three standard errors of Z around the reverse estimate.",
    ),
    (
        "log_partition_ais_reverse_high",
        "The upper end of three standard errors of Z around the reverse estimate.",
    ),
    (
        "effective_chains_ais",
        "The number of equally weighted chains that would be worth as much as the forward ones.",
    ),
    (
        "effective_chains_ais_reverse",
        "The number of equally weighted chains that would be worth as much as the reverse ones.",
    ),
    (
        "log_partition_gap",
        "The reverse estimate of ln Z minus the forward one: how far either may be trusted.",
    ),
    ("log_partition_bridge", "ln Z by the forward and the reverse chains together."),
    (
        "log_likelihood_ais",
        "The mean over rows of ln p(x) with the forward ln Z. It is too high in the mean and never stands alone.",
    ),
    (
        "log_likelihood_ais_reverse",
        "The mean over rows of ln p(x) with the reverse ln Z. It is too low in the mean.",
    ),
    ("elbo_ais", "The mean over rows of a lower bound of ln p(x), with the forward ln Z."),
    ("elbo_ais_reverse", "The mean over rows of a lower bound of ln p(x), with the reverse ln Z."),
    ("grad/norm", "The length of the gradient."),
    ("grad/variance", "The variance of the gradient, summed over these parameters."),
    (
        "grad/snr",
        "The length of the mean gradient divided by the root of its variance, for these parameters: below one, a step is mostly noise.",
    ),
    (
        "ess",
        "The effective number of importance samples of a row, of as many as its name says: a few mean that q is far from the posterior.",
    ),
    ("active_units", "The number of latents whose posterior mean varies from row to row."),
    ("epoch", "The number of passes through the training rows."),
    ("lr", "The learning rate of the last step."),
    ("step", "The number of steps."),
    ("wall_s", "The seconds since the beginning of the run."),
];

/// The entries of `summary.json` that are no quantities of the model.
static FACTS: &[Row] = &[
    ("model", "The kind of model."),
    ("data", "The data, as --data has named them."),
    ("estimator", "The method that fitted the model, with its options."),
    ("parameters", "The number of parameters that were fitted."),
    ("steps", "The number of steps that were taken."),
    ("epochs", "The number of passes through the training rows."),
    ("seconds", "The wall time of training."),
    ("test_rows", "The number of rows of the test part that were measured."),
    ("seed", "The number from which every random number is derived."),
    ("threads", "The number of threads; results do not depend on it."),
    ("dtype", "The number type."),
    ("pathscore", "The version of the program."),
];

/// The pictures, by their names without the end.
static PICTURES: &[Row] = &[
    (
        "curve",
        "The quantity that training maximises, and a test quantity, against the steps; two different quantities have an axis each. A training line that goes on rising while the test line turns means overfitting.",
    ),
    (
        "samples",
        "New rows that the model has drawn; of a table, beside the rows of the test part. The title says if they are draws or means without noise.",
    ),
    (
        "reconstructions",
        "Test rows and the model's reconstructions of them: pictures above each other, or values against their reconstructions, where good ones lie on the diagonal.",
    ),
    (
        "latent",
        "The data that the model makes of different latents: the rows of pictures, or the lines, go along one latent each; two latents make a map.",
    ),
    (
        "latent-map",
        "The rows of the data at the means of the two latents that matter most, in the colours of their labels if they have any.",
    ),
    (
        "posterior",
        "The latents of the first test row, in the plane of the two that matter most: the prior, the posterior p(z | x), whose draws are resampled from those of q by their weights, and q. Where q covers the posterior, the bound is tight.",
    ),
    (
        "loadings",
        "The weights of each latent for the columns of the data; the title or the scale of colours gives their range.",
    ),
    (
        "fit",
        "The training rows and the predicted function along one input, with a band of two standard deviations.",
    ),
    (
        "predictions",
        "The targets of test rows against their predictions, with errors. Good predictions lie on the diagonal.",
    ),
    (
        "chains",
        "Markov chains of the model on their way from a start to samples: chains that still change at the end have not mixed.",
    ),
    (
        "filters",
        "The weights of the hidden units for the columns of the data; the title or the scale of colours gives their range.",
    ),
    (
        "hidden",
        "How often the hidden units are on, over test rows: units at zero or one carry no information.",
    ),
    (
        "energy",
        "The density of the model over the plane of the data, beside the true one if it is known.",
    ),
    (
        "completions",
        "Test rows, each with a row whose first half is the same and whose second half is drawn by the model; of pictures, a line is the border.",
    ),
    (
        "density",
        "The test rows on the left, and on the right the root of the model's density over the same plane, white where it is high.",
    ),
    ("means", "The means of the components with their weights, the heaviest first."),
    (
        "responsibilities",
        "How probable each component is for each test row: a line for each component, white for certain.",
    ),
];

fn find(rows: &[Row], name: &str) -> Option<&'static str> {
    rows.iter().find(|row| row.0 == name).map(|row| row.1)
}

/// The sentences about a number, and the part of the data that it is measured on.
pub(super) fn number(name: &str) -> Option<String> {
    if let Some(words) = find(NUMBERS, name) {
        return Some(words.into());
    }
    if let Some((of_all, _)) = name.rsplit_once('/').filter(|_| name.starts_with("grad/")) {
        return find(NUMBERS, of_all).map(str::to_string);
    }
    let of = |part: &str| {
        let (before, behind) = (format!("{part}/"), format!("_{part}"));
        name.strip_prefix(&before).or_else(|| name.strip_suffix(&behind))
    };
    let (name, part) = match (of("test"), of("train")) {
        (Some(name), _) => (name, " It is measured on the test part."),
        (_, Some(name)) => (name, " It is measured on training rows."),
        _ => (name, ""),
    };
    // The number of samples is part of the name of a bound.
    let plain = name.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('_');
    find(NUMBERS, name).or_else(|| find(NUMBERS, plain)).map(|words| format!("{words}{part}"))
}

/// The sentence about an entry of `summary.json` that is no quantity of the model.
pub(super) fn fact(name: &str) -> Option<&'static str> {
    find(FACTS, name).or_else(|| {
        name.ends_with("_samples").then_some("The number of samples for each row of this quantity.")
    })
}

/// The sentences about a picture of a run.
pub(super) fn picture(name: &str) -> Option<&'static str> {
    find(PICTURES, name.rsplit_once('.').map_or(name, |(name, _)| name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::kinds::kind::{Ais, Kind, Measure};
    use crate::program::kinds::{KINDS, pictures};
    use crate::program::progress::ProgressKind;
    use crate::program::run::command;
    use crate::program::run::data;
    use crate::program::run::folder::CURVE;
    use crate::program::run::options::Given;
    use crate::program::run::train::fit_defaults;

    #[test]
    fn every_picture_has_a_sentence() {
        for name in pictures().into_iter().chain([CURVE]) {
            assert!(picture(name).is_some(), "{name}");
        }
        let known = pictures();
        for (name, _) in PICTURES {
            let file = format!("{name}.png");
            assert!(*name == "curve" || known.contains(&file.as_str()), "no run writes {file}");
        }
    }

    /// The names of all numbers of a run of one step.
    fn names(kind: &dyn Kind, options: &[&str]) -> anyhow::Result<Vec<String>> {
        let args = [&["train", kind.about().name], options].concat();
        let matches = command::command().try_get_matches_from(&args)?;
        let (_, matches) = matches.subcommand().expect("the kind is a subcommand");
        let given = Given::new(matches);
        let mut settings = kind.settings(&given)?;
        let split = data::load(&settings)?;
        fit_defaults(&mut settings, &given, &split);
        kind.complete(&mut settings, &split)?;
        let mut fitting = kind.open(&settings, &split)?;
        let mut names: Vec<String> =
            fitting.advance()?.iter().map(|reading| reading.key.to_string()).collect();
        let metrics = fitting.epoch_metrics()?.into_iter();
        names.extend(metrics.filter(|(_, value)| value.is_number()).map(|(name, _)| name));
        names.extend(fitting.results()?.into_iter().map(|one| one.name));
        // Rows are refused for energy models, and annealing where the likelihood is exact.
        let (steps, chains, progress) = (2, Some(2), ProgressKind::None);
        for rows in [None, Some(2)] {
            let ais = Some(Ais { steps, chains, rows, progress });
            let how = Measure { samples: None, rows: 5, seed: 0, ais };
            let measured = fitting.measure(&how).unwrap_or_default();
            names.extend(measured.into_iter().map(|one| one.name));
        }
        Ok(names)
    }

    #[test]
    fn every_number_has_a_sentence() {
        let rows = (0..60).map(|i| {
            let t = f64::from(i);
            format!("{},{},{},{}\n", i % 2, t.sin(), (1.3 * t).cos(), (0.4 * t).sin())
        });
        let table = format!("label,a,b,c\n{}", rows.collect::<String>());
        let path = std::env::temp_dir().join(format!("pathscore-table-{}", std::process::id()));
        std::fs::write(&path, table).unwrap();
        let table: &str = &format!("csv:{}", path.display());
        let (of_table, bars) = (["--data", table], ["--data", "bars"]);
        let few = ["--data", "bars", "--eval-samples", "5", "--diagnostics"];
        let small = ["--data", "bars", "--hidden", "3"];
        let mut missing = Vec::new();
        for kind in KINDS {
            let name = kind.about().name;
            let runs: &[&[&str]] = match name {
                "vae" | "hvae" | "dvae" | "sbn" => &[&few],
                "ppca" | "fa" | "gmm" | "gplvm" | "bgplvm" => &[&of_table],
                "gp" => &[&["--data", "friedman"]],
                "rbm" => &[&small, &bars],
                "flow" | "energy" => &[&["--data", "rings"], &of_table],
                "grbm" => &[&["--data", table, "--hidden", "3"]],
                _ => &[&bars],
            };
            for options in runs {
                let found = names(*kind, options);
                let found = found.unwrap_or_else(|error| panic!("{name} {options:?}: {error:#}"));
                let without = found.into_iter().filter(|one| number(one).is_none());
                missing.extend(without.map(|one| format!("{name}: {one}")));
            }
        }
        std::fs::remove_file(path).unwrap();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn parts_and_numbers_of_samples_are_told_apart_from_names() {
        assert!(number("bound_50_test").unwrap().ends_with("the test part."));
        assert!(number("train/elbo").unwrap().ends_with("training rows."));
        assert!(number("grad/variance/all").is_some() && number("test/ess_50").is_some());
        assert!(number("nothing").is_none() && fact("elbo_test").is_none());
        assert!(fact("log_likelihood_samples").is_some());
    }
}
