//! Every wrong estimator with its problem and its fixed twin.

use super::bits::{of_one, of_two, sigmoid};
use super::*;
use crate::enumerator::Enumerator;
use crate::estimator::Estimator;
use crate::path::{Dreg, Iwae};
use crate::proof::{Applied, Cached, Effect, Expectation, Latent, Solved};
use crate::score::{Baseline, Reinforce, Vimco};
use crate::target::Target;
use pathscore_models::latent::{LinearGaussian, SmallBelief};
use pathscore_models::{Init, Params, RandomSource, seed};
use std::sync::Arc;

/// The wrong estimators of the list, in its order.
pub fn zoo() -> Vec<Specimen> {
    let mut all = of_baselines();
    all.extend(of_bounds());
    all.extend(of_units());
    all.extend(of_bits());
    all.sort_by_key(|specimen| specimen.number);
    all
}

/// Number, name, what is wrong, where it was seen.
type Label = (usize, &'static str, &'static str, &'static str);

fn caged(
    (number, name, wrong, source): Label,
    problem: impl Problem + 'static,
    candidate: impl Candidate + 'static,
    fixed: impl Candidate + 'static,
) -> Specimen {
    let (candidate, fixed) = (Box::new(candidate), Box::new(fixed));
    let (problem, property) = (Rc::new(Cached::new(problem)), Property::Mean);
    Specimen { number, name, wrong, source, problem, candidate, fixed, property }
}

/// Two estimators asked for the gradient of one latent-variable problem.
fn asked<M, W, R>(label: Label, problem: Latent<M>, wrong: W, right: R) -> Specimen
where
    M: Clone + Send + Sync + 'static,
    Latent<M>: Problem,
    W: Estimator<f64, M> + Clone + Send + 'static,
    R: Estimator<f64, M> + Clone + Send + 'static,
{
    let shared = Arc::new(problem.clone());
    caged(label, problem, Applied::new(&shared, wrong), Applied::new(&shared, right))
}

/// Two bits behind three, seen in so many rows.
fn belief(target: Target, samples: usize, rows: usize) -> Latent<SmallBelief> {
    let mut params = Params::new();
    let model = SmallBelief::known(&mut params, &mut seed::rng(0, seed::Stream::Init, 0));
    let x = &[1.0, 0.0, 1.0, 0.0, 1.0, 1.0][..3 * rows];
    let name = format!("bits: {target}, K={samples},B={rows}");
    Latent { samples, batch: rows, target, ..Latent::new(name, model, params, x) }
}

/// One normal latent seen through a line.
fn line(target: Target, samples: usize) -> Latent<LinearGaussian> {
    let mut params = Params::new();
    let rng = &mut seed::rng(0, seed::Stream::Init, 0);
    let model = LinearGaussian::new(&mut params, [0.3, 0.5 * 0.4_f64.ln(), 1.5, 0.2], 0.5, rng);
    let name = format!("line: {target}, K={samples}");
    Latent { samples, target, ..Latent::new(name, model, params, &[1.0]) }
}

const NO_BASELINE: Reinforce = Reinforce { baseline: Baseline::None };
const ONE_OUT: Reinforce = Reinforce { baseline: Baseline::LeaveOneOut };

fn of_baselines() -> Vec<Specimen> {
    let elbo = |samples, rows| belief(Target::Elbo, samples, rows);
    let running = Baseline::RunningMean { decay: 0.9, mean: Some(-2.5) };
    // The mean of the signals is −2.7; with a variance of four the divisor is two.
    let divided = |floor, sees_itself, v| NvilDivisor { floor, sees_itself, running: [-2.7, v] };
    let mut over = asked(
        (29, "others-over-k", "the mean of the others is divided by K", "a common slip"),
        elbo(3, 1),
        OthersOverK { correction: 0.0, shift: 0.0 },
        OthersOverK { correction: 1.0, shift: 0.0 },
    );
    let shared = Arc::new(elbo(3, 1));
    let shifted =
        |correction| Box::new(Applied::new(&shared, OthersOverK { correction, shift: 100.0 }));
    over.property = Property::ShiftInvariance { candidate: shifted(0.0), fixed: shifted(1.0) };
    vec![
        asked(
            (
                1,
                "batch-mean",
                "the baseline contains the draw it corrects",
                "tinker-cookbook PR 135",
            ),
            elbo(3, 1),
            BatchMean,
            ONE_OUT,
        ),
        asked(
            (
                2,
                "seen-mean",
                "the running mean has seen the batch",
                "TFSnippet, Storchastic, optax",
            ),
            elbo(1, 2),
            UpdatedRunningMean { decay: 0.9, mean: -2.5 },
            Reinforce { baseline: running },
        ),
        asked(
            (3, "sees-draw", "a learnt baseline sees the draw", "a baseline of (x, z)"),
            elbo(1, 1),
            BaselineOfLatents::default(),
            NO_BASELINE,
        ),
        leaky((4, "loss-into-q", "the baseline's loss reaches q", "f not detached"), true),
        leaky(
            (4, "q-into-baseline", "the score term reaches the baseline", "C not detached"),
            false,
        ),
        asked(
            (18, "divisor-below-one", "NVIL's divisor has no floor of one", "max(1, ·) left out"),
            elbo(1, 1),
            divided(0.0, false, 0.4),
            divided(1.0, false, 0.4),
        ),
        asked(
            (18, "divisor-sees-draw", "NVIL's variance includes the draw", "paper, Algorithm 1"),
            elbo(1, 1),
            divided(1.0, true, 4.0),
            divided(1.0, false, 4.0),
        ),
        over,
    ]
}

/// A learnt number for a baseline, its loss beside the ELBO.
fn leaky(label: Label, into_q: bool) -> Specimen {
    let mut problem = belief(Target::Elbo, 1, 1);
    let (rng, psi) = (&mut seed::rng(0, seed::Stream::Init, 0), -2.0);
    let baseline = problem.params.add("baseline", [1], Init::Constant(psi), rng);
    let right = LeakyBaseline { baseline, into_q: false, into_baseline: false };
    let wrong = LeakyBaseline { into_q, into_baseline: !into_q, ..right };
    let leak = problem.gradient_at_fixed_draws(|f| -(f - psi).powi(2));
    let entropy = |eta: f64| eta.exp().ln_1p() - eta * sigmoid(eta);
    let mut into_baseline = vec![0.0; problem.params.len()];
    let mut solved = Solved::of(&problem);
    // The baseline climbs −E(f − ψ)², whose slope is 2(E f − ψ).
    let value = solved.truth.value.expect("a bound has a value");
    *solved.truth.gradient.last_mut().expect("there is ψ") = 2.0 * (value - psi);
    *into_baseline.last_mut().expect("there is ψ") = entropy(0.8) + entropy(-0.5);
    let solved = solved
        .with_mistake("the slope of the baseline's loss in q and p", Effect::Beside(leak))
        .with_mistake("the slope of (f − C) ln q in the baseline", Effect::Beside(into_baseline));
    let shared = Arc::new(problem);
    caged(label, solved, Applied::new(&shared, wrong), Applied::new(&shared, right))
}

fn of_bounds() -> Vec<Specimen> {
    let bound = |rows| belief(Target::Bound, 2, rows);
    let vimco = Vimco::default();
    let mut all = vec![
        asked(
            (6, "unstopped", "w̃ is not stopped in Σ w̃ₖ fₖ", "PyTorch-VAE issue 34"),
            line(Target::Bound, 2),
            UndetachedWeights,
            Iwae,
        ),
        asked(
            (7, "squared-for-model", "w̃² on the model's parameters", "TFP DOUBLY_REPARAMETERIZED"),
            line(Target::Bound, 2),
            SquaredForModel,
            Dreg,
        ),
        asked(
            (8, "no-log-q", "VIMCO without −∇ln q in its second sum", "the usual slip"),
            bound(1),
            WrongVimco::NoLogQ,
            vimco,
        ),
        asked(
            (9, "broadcast", "signals are summed, then broadcast", "parmesan issue 46"),
            bound(1),
            WrongVimco::Broadcast,
            vimco,
        ),
        asked(
            (10, "pooled", "the log-sum-exp comes after the batch mean", "breze PR 85"),
            bound(2),
            BatchAveragedWeights,
            vimco,
        ),
        asked(
            (14, "carried", "the draw of the score carries its path", "TensorFlow issue 7236"),
            line(Target::Elbo, 1),
            UndetachedSample,
            NO_BASELINE,
        ),
        asked(
            (15, "no-score", "L_K of discrete draws without a score term", "autodiff of IWAE"),
            bound(1),
            WrongVimco::NoScore,
            vimco,
        ),
        asked(
            (16, "silent", "no gradient arrives where there is no path", "Pyro issue 3289"),
            bound(1),
            WrongVimco::NoPosteriorGradient,
            vimco,
        ),
        asked(
            (19, "unnormalised", "weights are not normalised", "the gradient of p, not ln p"),
            bound(1),
            WrongVimco::Unnormalised,
            vimco,
        ),
        asked(
            (
                20,
                "mean-of-logs",
                "the average of logs for the log of the average",
                "multi-sample ELBO",
            ),
            line(Target::Bound, 2),
            MeanOfLogs,
            Iwae,
        ),
    ];
    // Quadrature in two dimensions takes its time: one for the three that are posed on the same.
    let dear: Vec<usize> =
        (0..all.len()).filter(|&i| [6, 7, 20].contains(&all[i].number)).collect();
    let problem = Rc::clone(&all[dear[0]].problem);
    dear.into_iter().for_each(|i| all[i].problem = Rc::clone(&problem));
    all
}

fn of_units() -> Vec<Specimen> {
    // Five rows, of which two at a time are seen.
    let scaled = Latent { scale: 2.5, ..belief(Target::Elbo, 1, 2) };
    let averaged =
        |label, wrong| asked(label, belief(Target::Elbo, 2, 1), wrong, AveragedTerms::default());
    let at = NormalParams { loc: 0.7, log_scale: -0.4 };
    let square =
        Expectation::new("normal: E (z − k)²", &[at.loc, at.log_scale], |at, source| {
            (at[0] + at[1].exp() * source.normal() - 2.0).powi(2)
        });
    let by_sigma = BySigma { at, target: 2.0, by_log: false };
    let jump = AcrossJump { at, place: 1.0, height: 2.0, by_score: false };
    let [path, of_jump] = [AcrossJump::OF_THE_PATH, jump.of_the_jump()];
    let across =
        Solved::new("normal: E z, jump", &[path[0] + of_jump[0], path[1] + of_jump[1]], None)
            .with_mistake(
                "a path cannot cross a jump: it is missing",
                Effect::Instead(path.to_vec()),
            );
    let integral =
        BoxIntegral { w: 0.5, x: 1.2, noise: 0.25, ends: [-8.0, 8.0], with_volume: false };
    let density = Solved::new("normal: p(x)", &[integral.exact()], None)
        .with_mistake("1/|Ω|: the volume is missing", Effect::Factor(1.0 / integral.volume()));
    let sides = CentralDifference { loc: 0.5, step: 1e-3, shared: false };
    let mut apart = caged(
        (30, "own-noise", "the two sides of a difference have their own noise", "the crate fugue"),
        Solved::new("normal: E z²", &[2.0 * sides.loc], None),
        sides,
        CentralDifference { shared: true, ..sides },
    );
    apart.property = Property::Variance;
    vec![
        asked(
            (5, "scaled-twice", "N/B enters twice before the score", "Pyro issue 531"),
            scaled,
            ScaledTwice { scale: 2.5 },
            ScaledTwice { scale: 1.0 },
        ),
        caged(
            (12, "by-sigma", "by σ, reported as by ln σ", "posteriors PR 15"),
            square,
            by_sigma,
            BySigma { by_log: true, ..by_sigma },
        ),
        averaged(
            (13, "divergence-averaged", "the divergence is averaged over the latents", "common"),
            AveragedTerms { latents: true, pixels: false },
        ),
        averaged(
            (13, "likelihood-averaged", "the likelihood is averaged over the pixels", "common"),
            AveragedTerms { latents: false, pixels: true },
        ),
        caged(
            (17, "across-jump", "reparameterised across a jump of f", "Pyro issue 2277"),
            across,
            jump,
            AcrossJump { by_score: true, ..jump },
        ),
        caged(
            (19, "no-volume", "an integral over a box without its volume", "lecture notes"),
            density,
            integral,
            BoxIntegral { with_volume: true, ..integral },
        ),
        apart,
    ]
}

fn of_bits() -> Vec<Specimen> {
    let logits = [1.0, -0.7];
    let two = || {
        Expectation::new("two bits: E f", &logits, |at, source| {
            of_two([0, 1].map(|i| source.bernoulli(sigmoid(at[i]))))
        })
    };
    let pairs = |label, wrong, right| {
        let form = |form| AntitheticPair { logits, form };
        caged(label, two(), form(wrong), form(right))
    };
    let relax = RelaxOneBit { logit: 1.0, conditional_path: false };
    let one = Expectation::new("one bit: E f", &[relax.logit], |at, source| {
        of_one(f64::from(source.bernoulli(sigmoid(at[0]))))
    });
    let left_out = Expectation::new("E c(z̃)", &[relax.logit], |at, source| {
        let b = source.bernoulli(sigmoid(at[0]));
        let [relaxed, _] = RelaxOneBit::conditional(at[0], b, source.uniform());
        RelaxOneBit::control(relaxed)[0]
    })
    .gradient_at_fixed_probabilities();
    let one = Solved::of(&one)
        .with_mistake("∂c(z̃) along the path of the conditional draw", Effect::Beside(left_out));
    let at = [0.5, 0.0];
    let ranked = |twice| {
        let value =
            move |at: &[f64], source: &mut Enumerator| RankWeights::value(at, twice, source);
        Solved::of(&Expectation::new("ranks of three", &at, value))
    };
    let once = ranked(false).truth.gradient;
    vec![
        caged(
            (11, "sorted-once", "the order of the draws for their ranks", "Pyro issue 3170"),
            ranked(true)
                .with_mistake("argsort instead of ranks, its inverse", Effect::Instead(once)),
            RankWeights { at, twice: false },
            RankWeights { at, twice: true },
        ),
        pairs(
            (27, "arm-swapped", "ARM's two arguments of f are exchanged", "a sign"),
            AntitheticForm::ArmSwapped,
            AntitheticForm::Arm,
        ),
        pairs(
            (27, "disarm-plain", "DisARM without σ(|η|)", "a factor"),
            AntitheticForm::DisArmUnscaled,
            AntitheticForm::DisArm,
        ),
        caged(
            (
                28,
                "relax-no-path",
                "RELAX without the path of the conditional draw",
                "a detach too many",
            ),
            one,
            relax,
            RelaxOneBit { conditional_path: true, ..relax },
        ),
    ]
}
