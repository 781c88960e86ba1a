//! The failure of prior Monte Carlo: effective sample size and relative error against the number of latents.

use super::args::LikelihoodArgs;
use super::gradients::errors_from_prior;
use super::problem::Problem;
use super::values::{Proposal, log_weights};
use crate::program::chart::{Axis, Curve, CurvePanel};
use pathscore::estimators::samplers::LogMeanWeight;
use pathscore::models::Params;
use pathscore::models::data::Split;
use pathscore::models::seed::{self, Stream};
use rayon::prelude::*;
use serde::Serialize;

/// Numbers of latents.
const LATENTS: [usize; 8] = [1, 2, 3, 4, 6, 8, 12, 16];

/// A line of the table.
#[derive(Clone, Debug, Serialize)]
pub(super) struct DimensionRow {
    pub(super) latents: usize,
    /// The mean effective sample size of $K$ draws of the prior, and of the wide $q$.
    pub(super) ess_prior: f64,
    pub(super) ess_q: f64,
    /// The median over the rows of $|\hat p(x)/p(x) - 1|$.
    pub(super) error_seen_prior: f64,
    pub(super) error_seen_q: f64,
    /// The median over the rows of the standard deviation of $\hat p(x)/p(x)$ with draws of the prior, in closed form.
    pub(super) error_exact_prior: f64,
    /// $\ln p(x)$ less its estimate, the mean over the rows.
    pub(super) nats_lost_prior: f64,
    /// The root mean square error of one gradient, as a share of its length.
    pub(super) gradient_error_box: f64,
    pub(super) gradient_error_score: f64,
    pub(super) gradient_error_path: f64,
}

/// The numbers for each number of latents.
///
/// # Errors
/// If a model cannot be made.
pub(super) fn dimension(
    split: &Split,
    columns: usize,
    args: &LikelihoodArgs,
) -> anyhow::Result<Vec<DimensionRow>> {
    let fitting = LATENTS.into_iter().filter(|&latents| latents < columns);
    fitting
        .map(|latents| {
            let args = LikelihoodArgs {
                latent_dim: Some(latents),
                data: args.data.clone(),
                out: args.out.clone(),
                ..*args
            };
            Ok(row(&Problem::new(split, &args)?, &args))
        })
        .collect()
}

fn row(problem: &Problem, args: &LikelihoodArgs) -> DimensionRow {
    let relative = |proposal: Proposal, index: usize| {
        let rng = &mut seed::rng(args.seed, Stream::Evaluate, index as u64);
        let drawn = log_weights(problem, problem.row(index), proposal, args.num_samples, rng);
        let found = LogMeanWeight::of(&drawn);
        (found.effective_draws, found.value - problem.exact[index])
    };
    let all = |proposal: Proposal| -> (f64, f64, f64) {
        let found: Vec<(f64, f64)> =
            (0..problem.exact.len()).into_par_iter().map(|i| relative(proposal, i)).collect();
        let n = found.len() as f64;
        let errors = found.iter().map(|(_, gap)| gap.exp_m1().abs()).collect();
        (
            found.iter().map(|(ess, _)| ess).sum::<f64>() / n,
            median(errors),
            -found.iter().map(|(_, gap)| gap).sum::<f64>() / n,
        )
    };
    let (ess_prior, error_seen_prior, nats_lost_prior) = all(Proposal::Prior);
    let (ess_q, error_seen_q, _) = all(Proposal::Wide);
    let deviations = relative_deviations(problem).into_iter();
    let of_mean = deviations.map(|one| one / (args.num_samples as f64).sqrt()).collect();
    let [gradient_error_box, gradient_error_score, gradient_error_path] =
        errors_from_prior(problem, args);
    DimensionRow {
        latents: problem.model.latents(),
        ess_prior,
        ess_q,
        error_seen_prior,
        error_seen_q,
        error_exact_prior: median(of_mean),
        nats_lost_prior,
        gradient_error_box,
        gradient_error_score,
        gradient_error_path,
    }
}

/// The standard deviation of $p(x \mid z)/p(x)$ with $z$ from the prior, for each test row.
///
/// The square of $\mathcal N(x; Wz + \mu, \sigma^2 I)$ is $(4\pi\sigma^2)^{-d/2} \mathcal N(x; Wz + \mu, \tfrac12\sigma^2 I)$, so that
/// $E\, p(x \mid z)^2$ is that factor times the likelihood of a model with half the noise.
fn relative_deviations(problem: &Problem) -> Vec<f64> {
    let Problem { model, params, test, columns, exact, .. } = problem;
    let mut halved: Params<f64> = params.clone();
    let log_noise = params.get(model.log_noise())[0];
    halved.get_mut(model.log_noise())[0] = log_noise - 2_f64.ln();
    let of_halved = super::problem::log_likelihoods(model, &halved, test, *columns);
    let factor = -0.5 * *columns as f64 * ((4.0 * std::f64::consts::PI).ln() + log_noise);
    let squares = of_halved.iter().zip(exact).map(|(half, exact)| half + factor - 2.0 * exact);
    squares.map(|log_square| log_square.exp_m1().max(0.0).sqrt()).collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// True if an error of a gradient, as a share of its length, is that of an estimate of zero.
fn missed(error: f64) -> bool {
    (error - 1.0).abs() < 1e-3
}

/// The words about the numbers of latents at which all draws of a way to the gradient missed; none if there are no such numbers.
pub(super) fn missing(rows: &[DimensionRow]) -> String {
    let of = |name: &str, error: fn(&DimensionRow) -> f64| {
        let missed = rows.iter().filter(|row| missed(error(row)));
        let at: Vec<String> = missed.map(|row| row.latents.to_string()).collect();
        (!at.is_empty()).then(|| format!("{name} at {}", at.join(", ")))
    };
    let all = [
        of("box", |row| row.gradient_error_box),
        of("score", |row| row.gradient_error_score),
        of("path", |row| row.gradient_error_path),
    ];
    let all: Vec<String> = all.into_iter().flatten().collect();
    match all.is_empty() {
        true => String::new(),
        false => format!("not drawn, since every draw missed: {}", all.join("; ")),
    }
}

/// The panels of the picture.
pub(super) fn panels(rows: &[DimensionRow], draws: usize) -> [CurvePanel; 3] {
    let points = |f: fn(&DimensionRow) -> f64| -> Vec<(f64, f64)> {
        // With one latent the factorised q is the posterior: its error is rounding, and has no place on the axis.
        let number = |x: f64| if x > 1e-10 { x } else { f64::NAN };
        rows.iter().map(|row| (row.latents as f64, number(f(row)))).collect()
    };
    // Where all draws miss the estimate is zero, and its error one whatever the gradient: no measurement.
    let found = |f: fn(&DimensionRow) -> f64| -> Vec<(f64, f64)> {
        let all = points(f).into_iter();
        all.map(|(latents, error)| (latents, if missed(error) { f64::NAN } else { error }))
            .collect()
    };
    let curve = |name: &str, points| Curve { name: name.into(), points, ..Curve::default() };
    let panel = |title: &str, y_label: &str, curves| CurvePanel {
        title: title.into(),
        x_label: "number of latents".into(),
        y_label: y_label.into(),
        axis: Axis::Log2,
        curves,
    };
    let exact = Curve {
        name: "prior, exact standard deviation".into(),
        line: points(|row| row.error_exact_prior),
        points: points(|row| row.error_exact_prior),
        bars: Vec::new(),
    };
    [
        panel(
            "effective sample size",
            &format!("ESS of {draws} draws"),
            vec![
                curve("draws of the prior", points(|row| row.ess_prior)),
                curve("draws of q", points(|row| row.ess_q)),
            ],
        ),
        panel(
            "relative error of p(x) (one: all draws miss)",
            "|estimate/p(x) − 1| of a middle row",
            vec![
                curve("draws of the prior", points(|row| row.error_seen_prior)),
                curve("draws of q", points(|row| row.error_seen_q)),
                exact,
            ],
        ),
        panel(
            "one gradient of p(x)",
            "root mean square error / length",
            vec![
                curve("box", found(|row| row.gradient_error_box)),
                curve("prior, score", found(|row| row.gradient_error_score)),
                curve("prior, path", found(|row| row.gradient_error_path)),
            ],
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::problem::tests::small;
    use super::*;

    /// The closed form against many draws: with one latent on wide noise the weights have moments of all orders.
    #[test]
    fn the_exact_deviation_is_that_of_many_draws() {
        let problem = small(1);
        let rng = &mut seed::rng(1, Stream::Evaluate, 0);
        let drawn = log_weights(&problem, problem.row(0), Proposal::Prior, 200_000, rng);
        let ratios: Vec<f64> = drawn.iter().map(|w| (w - problem.exact[0]).exp()).collect();
        let n = ratios.len() as f64;
        let square = ratios.iter().map(|r| (r - 1.0).powi(2)).sum::<f64>() / n;
        let exact = relative_deviations(&problem)[0];
        // Five standard errors of a mean square whose kurtosis is below 50.
        assert!((square.sqrt() / exact - 1.0).abs() < 0.04, "{} and {exact}", square.sqrt());
    }

    #[test]
    fn an_error_of_draws_that_all_missed_is_not_drawn_and_the_title_says_so() {
        let row = |latents, gradient_error_box| DimensionRow {
            latents,
            ess_prior: 2.0,
            ess_q: 9.0,
            error_seen_prior: 0.5,
            error_seen_q: 0.1,
            error_exact_prior: 2.0,
            nats_lost_prior: 0.1,
            gradient_error_box,
            gradient_error_score: 0.5,
            gradient_error_path: 0.5,
        };
        let rows = [row(1, 0.4), row(2, 7.0), row(4, 1.0), row(8, 1.0001)];
        assert_eq!(missing(&rows), "not drawn, since every draw missed: box at 4, 8");
        let [.., panel] = panels(&rows, 1000);
        let drawn = panel.curves[0].points.iter().filter(|point| point.1.is_finite());
        assert_eq!(drawn.count(), 2);
        assert_eq!(missing(&[row(1, 0.4)]), "");
    }

    #[test]
    fn draws_of_the_prior_lose_more_with_every_latent() {
        let of = |latents| {
            let mut args = super::super::args::tests::few();
            args.latent_dim = Some(latents);
            row(&small(latents), &args)
        };
        let rows = [1, 2, 4].map(of);
        let falls =
            |f: fn(&DimensionRow) -> f64| rows.windows(2).all(|pair| f(&pair[0]) > f(&pair[1]));
        assert!(falls(|row| row.ess_prior) && falls(|row| -row.error_exact_prior), "{rows:?}");
    }
}
