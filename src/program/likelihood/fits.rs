//! The maximum of the likelihood by all ways, from the same start.

use super::args::LikelihoodArgs;
use super::problem::{Problem, mean_log_likelihood};
use pathscore::autodiff::Tape;
use pathscore::estimators::likelihood::MonteCarloEm;
use pathscore::estimators::optim::LBfgs;
use pathscore::estimators::samplers::Hmc;
use pathscore::estimators::tractable::ExactLikelihood;
use pathscore::estimators::{Estimator, Query, Work};
use pathscore::models::dist::Moments;
use pathscore::models::latent::LatentModel;
use pathscore::models::seed::{self, Stream};
use pathscore::models::tractable::MeanFieldPpca;
use pathscore::models::{Em, ExactPosterior, Params};
use serde::Serialize;

/// Sweeps of EM and of its relatives.
const SWEEPS: usize = 300;

/// Sweeps of Monte Carlo EM, the first of them without averaging, and transitions of each chain in a sweep.
const CHAIN_SWEEPS: usize = 150;
const WITHOUT_MEANS: usize = 50;
const TRANSITIONS: usize = 2;

/// A latent whose loading explains less than this share of the variance of the data counts as switched off.
const ALIVE: f64 = 1e-4;

/// A line of the table.
#[derive(Clone, Debug, Serialize)]
pub(super) struct FitRow {
    pub(super) method: &'static str,
    pub(super) steps: usize,
    /// $\ln p(x)$, the mean over the training rows, and how far it is below the maximum.
    pub(super) train: f64,
    pub(super) below_maximum: f64,
    /// $\ln p(x)$, the mean over the test rows.
    pub(super) test: f64,
    pub(super) meaning: String,
}

/// A fit that is under way.
struct Fit<'a> {
    problem: &'a Problem,
    rows: usize,
    params: Params<f64>,
}

/// All ways from the parameters of the problem.
///
/// # Errors
/// If the closed form is not found.
pub(super) fn fits(problem: &Problem, args: &LikelihoodArgs) -> anyhow::Result<Vec<FitRow>> {
    let begin = || Fit { problem, rows: problem.rows(), params: problem.of_ppca.clone() };
    let mut best = begin();
    problem
        .ppca
        .closed_form(&mut best.params, &problem.train, problem.rows())
        .map_err(|error| anyhow::anyhow!("the closed form of the maximum: {error}"))?;
    let maximum = best.on(&problem.train);
    let mut rows = Vec::new();
    let mut add = |method, fit: &Fit, steps, meaning: &str| {
        let (train, test) = (fit.on(&problem.train), fit.on(&problem.test));
        let (below_maximum, meaning) = (maximum - train, meaning.to_string());
        rows.push(FitRow { method, steps, train, below_maximum, test, meaning });
    };
    add("start", &begin(), 0, "five sweeps of EM from random weights: all ways begin here");

    let mut fit = begin();
    fit.sweep(|fit| {
        problem.ppca.em_step(&mut fit.params, &problem.train, fit.rows);
    });
    add(
        "EM",
        &fit,
        SWEEPS,
        "E: the exact posterior; M: the best W, μ, σ² for its moments. ln p(x) never falls",
    );

    let mut fit = begin();
    fit.sweep(|fit| {
        MeanFieldPpca(problem.ppca).variational_em_step(&mut fit.params, &problem.train, fit.rows);
    });
    add(
        "variational EM",
        &fit,
        SWEEPS,
        "E: the best factorised q. The ELBO never falls; its maximum is that of ln p(x), for W with orthogonal columns, where \
         the factorised q is the posterior",
    );

    let mut fit = begin();
    let steps = fit.climb();
    add("gradient", &fit, steps, "L-BFGS on the exact ∇ln p(x)");

    let mut fit = begin();
    fit.monte_carlo_em(args.seed)?;
    add(
        "Monte Carlo EM",
        &fit,
        CHAIN_SWEEPS,
        "E: two HMC transitions for each row, which go on from sweep to sweep while W moves; M: as in EM, from running \
         means of the draws",
    );

    let mut fit = begin();
    let kept = fit.type_two();
    let type_two = format!(
        "a normal prior on each loading, whose precision d/‖w‖² the evidence chooses: it switches off what the data do not \
         need, and keeps {kept} of {} latents",
        problem.model.latents()
    );
    add("type-II", &fit, SWEEPS, &type_two);
    add("closed form", &best, 1, "eigenvectors of the covariance: the maximum itself");
    Ok(rows)
}

impl Fit<'_> {
    /// The mean of $\ln p(x)$ over some rows.
    fn on(&self, rows: &[f64]) -> f64 {
        mean_log_likelihood(&self.problem.ppca, &self.params, rows, self.problem.columns)
    }

    fn sweep(&mut self, mut step: impl FnMut(&mut Self)) {
        (0..SWEEPS).for_each(|_| step(self));
    }

    /// Follows the exact gradient to the top; the number of iterations.
    fn climb(&mut self) -> usize {
        let Self { problem, rows, params } = self;
        let (rows, start) = (*rows, params.values().to_vec());
        let (rng, mut work) = (&mut seed::rng(0, Stream::Estimate, 0), Work::new());
        let settings = LBfgs { gradient_tolerance: 1e-6, max_iterations: 2000, ..LBfgs::default() };
        let found = settings.maximize(&start, |x, gradient| {
            params.values_mut().copy_from_slice(x);
            let scale = 1.0 / rows as f64;
            let query = Query {
                batch: rows,
                scale,
                ..Query::new(&problem.ppca, params, &problem.train, 1)
            };
            let sum = ExactLikelihood.estimate(query, rng, &mut work);
            gradient.copy_from_slice(work.gradient(x.len()));
            sum * scale
        });
        params.values_mut().copy_from_slice(&found.x);
        found.iterations
    }

    /// EM with moments from persistent chains; from a third of the sweeps on the gain falls as $1/t$.
    fn monte_carlo_em(&mut self, seed: u64) -> anyhow::Result<()> {
        let ppca = self.problem.ppca;
        let tape = Tape::new();
        let x = tape.constant(&self.problem.train, [self.rows, self.problem.columns]);
        let q = MeanFieldPpca(ppca).posterior(self.params.on(&tape), x);
        let variances = q.variance().slice(0, 0..1).value().values().to_vec();
        let sampler = Hmc { step_size: 0.6, steps: 4, inverse_mass: variances, ..Hmc::default() };
        let mut em = MonteCarloEm::new(sampler, TRANSITIONS, seed);
        for sweep in 0..CHAIN_SWEEPS {
            let gain = 1.0 / (1 + sweep.saturating_sub(WITHOUT_MEANS)) as f64;
            em.step(&ppca, &mut self.params, &self.problem.train, self.rows, gain)
                .map_err(|error| anyhow::anyhow!("sweep {sweep} of Monte Carlo EM: {error}"))?;
        }
        Ok(())
    }

    /// EM with a prior $w_j \sim \mathcal N(0, I/\alpha_j)$ on each of the loadings, whose precision follows the evidence:
    /// $\alpha_j = d/\Vert w_j \Vert^2$ (Bishop 1999). Returns the number of latents that are left.
    ///
    /// The M step is that of EM with $\sigma^2\alpha_j/N$ added to the second moments, $W = AB^{-1}$. In
    /// $\sigma^2 = \tfrac1d \mathrm{tr}(S - 2AW^\top + W E[zz^\top] W^\top)$ this addition is taken away again.
    fn type_two(&mut self) -> usize {
        let (ppca, columns) = (self.problem.ppca, self.problem.columns);
        let (d, n) = (columns as f64, self.rows as f64);
        self.sweep(|fit| {
            let [mean, mut second] = fit.posterior_moments();
            let latents = mean.len() / fit.rows;
            let lengths = fit.squared_lengths();
            let noise = fit.params.get(ppca.log_noise())[0].exp();
            let mut added = 0.0;
            for (j, square) in lengths.iter().enumerate() {
                // A loading of length zero stays there.
                let of_prior = noise * d / (square.max(f64::MIN_POSITIVE) * n);
                second[j * (latents + 1)] += of_prior;
            }
            let before = fit.params.clone();
            if ppca.m_step(&mut fit.params, &fit.problem.train, fit.rows, &mean, &second).is_err() {
                fit.params = before;
                return;
            }
            for (new, square) in fit.squared_lengths().iter().zip(&lengths) {
                added += new * noise / (square.max(f64::MIN_POSITIVE) * n);
            }
            let log_noise = &mut fit.params.get_mut(ppca.log_noise())[0];
            *log_noise = (log_noise.exp() - added).max(f64::MIN_POSITIVE).ln();
        });
        let lengths = self.squared_lengths();
        let total: f64 = lengths.iter().sum();
        lengths.iter().filter(|&&square| square > ALIVE * total).count()
    }

    /// $\Vert w_j \Vert^2$ of each latent.
    fn squared_lengths(&self) -> Vec<f64> {
        let weights = self.params.get(self.problem.ppca.weights());
        let latents = weights.len() / self.problem.columns;
        let of = |j| weights.iter().skip(j).step_by(latents).map(|w| w * w).sum();
        (0..latents).map(of).collect()
    }

    /// $E[z_n]$ of the training rows, and the mean of $E[z_n z_n^\top]$, under the exact posterior.
    fn posterior_moments(&self) -> [Vec<f64>; 2] {
        let tape = Tape::new();
        let x = tape.constant(&self.problem.train, [self.rows, self.problem.columns]);
        let posterior = self.problem.ppca.exact_posterior(self.params.on(&tape), x);
        let loc = posterior.loc();
        let second = loc.matmul_with(true, loc, false) / self.rows as f64 + posterior.covariance();
        [loc, second].map(|moment| moment.value().values().to_vec())
    }
}
