//! The facts that estimators tell about themselves: their target, their claim and the least number of draws.

use pathscore_estimators::both::{
    Arm, Concrete, DisArm, LocalExpectation, Many, MeasureValued, Rebar, Relax, StraightThrough,
};
use pathscore_estimators::differences::{FiniteDifferences, Spsa};
use pathscore_estimators::energy::{
    BiasedImportanceSampling, Centred, ContrastiveDivergence, DenoisingScoreMatching,
    DynamicContrastiveDivergence, Dynamics, EnergyDiscrepancy, ExactEnergyDiscrepancy,
    FastPersistentContrastiveDivergence, IndependentBits, MaximumLikelihood,
    MinimumProbabilityFlow, NoiseContrastive, NormalEnergyDiscrepancy, NormalNoiseContrastive,
    PersistentContrastiveDivergence, PersistentDynamicDivergence, PseudoLikelihood, RatioMatching,
    ScoreMatching, SlicedScoreMatching, StochasticPseudoLikelihood, TemperedContrastiveDivergence,
    TrackedContrastiveDivergence, UnbiasedContrastiveDivergence,
};
use pathscore_estimators::exact::{Enumeration, Quadrature};
use pathscore_estimators::likelihood::{
    CoupledChains, PosteriorChains, PriorPath, PriorScore, ScoreClimbing, SelfNormalised,
    UniformBox,
};
use pathscore_estimators::path::{Dreg, Iwae, Renyi, Sgvb, SgvbKl, StickingTheLanding};
use pathscore_estimators::samplers::Mala;
use pathscore_estimators::score::{
    Baseline, Mode, MuProp, Nvil, OptimalConstant, Reinforce, Tvo, Vimco, Wake, WakeSleep,
};
use pathscore_estimators::tractable::ExactLikelihood;
use pathscore_estimators::{Claim, Estimator, LogWeights, Query, Target, Work};
use pathscore_models::energy::{GaussianEnergy, Rbm};
use pathscore_models::latent::{LinearGaussian, SmallBelief};
use pathscore_models::tractable::Ppca;
use pathscore_models::{Params, seed};

type Facts = (Target, Claim, usize);

fn facts<M, E: Estimator<f64, M>>(estimator: &E) -> Facts {
    (estimator.target(), estimator.claim(), estimator.min_samples())
}

fn bits<E: Estimator<f64, SmallBelief>>(estimator: &E) -> Facts {
    facts(estimator)
}

fn line<E: Estimator<f64, LinearGaussian>>(estimator: &E) -> Facts {
    facts(estimator)
}

#[test]
fn every_estimator_tells_its_target_its_claim_and_its_least_draws() {
    use Claim::{Biased, Exact, Unbiased};
    use Target::{Bound, BoundAndSleep, Elbo, Likelihood, LogLikelihood};
    let rng = &mut seed::rng(0, seed::Stream::Init, 0);
    let mut params = Params::<f64>::new();
    let score = |baseline| bits(&Reinforce { baseline });
    let wake = |wake| bits(&WakeSleep { wake });
    for (name, found, expected) in [
        ("arm", bits(&Arm), (Elbo, Unbiased, 1)),
        ("disarm", bits(&DisArm), (Elbo, Unbiased, 1)),
        ("pairs", bits(&Many(DisArm)), (Bound, Unbiased, 1)),
        ("local", bits(&LocalExpectation), (Elbo, Unbiased, 1)),
        ("measure", bits(&MeasureValued), (Elbo, Unbiased, 1)),
        ("rebar", bits(&Rebar::new(0.5)), (Elbo, Unbiased, 1)),
        ("relax", bits(&Relax::new(&mut params, 2, 3, rng)), (Elbo, Unbiased, 1)),
        ("concrete", bits(&Concrete { temperature: 0.5 }), (Elbo, Biased, 1)),
        ("straight-through", bits(&StraightThrough::default()), (Elbo, Biased, 1)),
        ("no baseline", score(Baseline::None), (Elbo, Unbiased, 1)),
        ("running mean", score(Baseline::running_mean()), (Elbo, Unbiased, 1)),
        ("one out", score(Baseline::LeaveOneOut), (Elbo, Unbiased, 2)),
        ("vimco", bits(&Vimco::default()), (Bound, Unbiased, 2)),
        ("muprop", bits(&MuProp::default()), (Elbo, Unbiased, 1)),
        ("optimal", bits(&OptimalConstant::new(0.9)), (Elbo, Unbiased, 1)),
        ("tvo", bits(&Tvo::log_spaced(3, 0.1)), (LogLikelihood, Biased, 1)),
        ("wake", bits(&Wake), (Bound, Biased, 1)),
        ("sleep", wake(0.0), (BoundAndSleep, Unbiased, 1)),
        ("wake and sleep", wake(0.5), (Bound, Biased, 1)),
        ("enumeration", bits(&Enumeration), (Elbo, Exact, 1)),
        ("differences", bits(&FiniteDifferences::default()), (Elbo, Biased, 1)),
        ("spsa", bits(&Spsa::default()), (Elbo, Biased, 1)),
        ("sgvb", line(&Sgvb), (Elbo, Unbiased, 1)),
        ("sgvb, kl", line(&SgvbKl), (Elbo, Unbiased, 1)),
        ("stl", line(&StickingTheLanding), (Elbo, Unbiased, 1)),
        ("iwae", line(&Iwae), (Bound, Unbiased, 1)),
        ("dreg", line(&Dreg), (Bound, Unbiased, 1)),
        ("renyi", line(&Renyi { alpha: 0.3 }), (Target::Renyi { alpha: 0.3 }, Unbiased, 1)),
        ("quadrature", line(&Quadrature), (Elbo, Exact, 1)),
        ("prior, score", line(&PriorScore), (Likelihood, Unbiased, 1)),
        ("prior, path", line(&PriorPath), (Likelihood, Unbiased, 1)),
        ("box", line(&UniformBox { sides: vec![[-1.0, 1.0]] }), (Likelihood, Unbiased, 1)),
        ("weighted", line(&SelfNormalised), (LogLikelihood, Biased, 1)),
        (
            "chains",
            line(&PosteriorChains { sampler: Mala::new(1.0), steps: 1 }),
            (LogLikelihood, Biased, 1),
        ),
        ("climbing", bits(&ScoreClimbing), (LogLikelihood, Biased, 2)),
        ("coupled", bits(&CoupledChains::default()), (LogLikelihood, Unbiased, 2)),
        ("exact", facts::<Ppca, _>(&ExactLikelihood), (LogLikelihood, Exact, 1)),
        (
            "contrastive",
            facts::<Rbm, _>(&ContrastiveDivergence { sweeps: 1 }),
            (LogLikelihood, Biased, 1),
        ),
        (
            "persistent",
            facts::<Rbm, _>(&PersistentContrastiveDivergence { sweeps: 1, chains: None }),
            (LogLikelihood, Biased, 1),
        ),
    ] {
        let expected: Facts = expected;
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn criteria_of_energy_models_claim_what_they_are_for_the_likelihood() {
    use Claim::{Biased, Exact, Unbiased};
    let rng = &mut seed::rng(0, seed::Stream::Init, 0);
    let (noise, means) = (IndependentBits::new(&[0.5; 4]), vec![0.5; 4]);
    let nce = NoiseContrastive::new(&mut Params::<f64>::new(), noise, 1, 0.0, rng);
    let pt = TemperedContrastiveDivergence {
        sweeps: 1,
        chains: None,
        temperatures: 2,
        means: means.clone(),
    };
    let ucd = |most| facts::<Rbm, _>(&UnbiasedContrastiveDivergence { burn_in: 1, most });
    for (name, found, claim) in [
        ("ml", facts::<Rbm, _>(&MaximumLikelihood), Exact),
        ("ml, centred", facts::<Rbm, _>(&Centred::new(MaximumLikelihood)), Biased),
        ("fast pcd", facts::<Rbm, _>(&FastPersistentContrastiveDivergence::default()), Biased),
        ("tracked", facts::<Rbm, _>(&TrackedContrastiveDivergence::new(1)), Biased),
        ("pt", facts::<Rbm, _>(&pt), Biased),
        ("ucd", ucd(None), Unbiased),
        ("ucd, cut", ucd(Some(5)), Biased),
        ("pl", facts::<Rbm, _>(&PseudoLikelihood), Biased),
        ("one bit", facts::<Rbm, _>(&StochasticPseudoLikelihood), Biased),
        ("ratio", facts::<Rbm, _>(&RatioMatching), Biased),
        ("mpf", facts::<Rbm, _>(&MinimumProbabilityFlow::default()), Biased),
        ("nce", facts::<Rbm, _>(&nce), Biased),
        ("ed", facts::<Rbm, _>(&EnergyDiscrepancy::default()), Biased),
        ("ed, exact", facts::<Rbm, _>(&ExactEnergyDiscrepancy { flip: 0.1 }), Biased),
        ("bis", facts::<Rbm, _>(&BiasedImportanceSampling { draws: 9, means }), Biased),
    ] {
        assert_eq!(found, (Target::LogLikelihood, claim, 1), "{name}");
    }
}

/// The claim of NVIL: a divisor shrinks, several divisors have no common factor, and moments that have seen the draw
/// they correct are biased.
#[test]
fn nvil_claims_by_what_it_subtracts_and_divides_by() {
    let rng = &mut seed::rng(0, seed::Stream::Init, 0);
    for (inputs, divided) in [(&[3][..], Claim::Shrunk), (&[3, 2], Claim::Biased)] {
        let mut nvil = Nvil::new(&mut Params::<f64>::new(), inputs, 2, rng);
        for (mode, centre, normalise, claim) in [
            (Mode::Unbiased, false, false, Claim::Unbiased),
            (Mode::Unbiased, true, false, Claim::Unbiased),
            (Mode::Unbiased, false, true, divided),
            (Mode::Unbiased, true, true, divided),
            (Mode::Paper, false, false, Claim::Unbiased),
            (Mode::Paper, true, false, Claim::Biased),
            (Mode::Paper, false, true, Claim::Biased),
            (Mode::Paper, true, true, Claim::Biased),
        ] {
            (nvil.mode, nvil.centre, nvil.normalise) = (mode, centre, normalise);
            assert_eq!(bits(&nvil), (Target::Elbo, claim, 1), "{mode:?}, {centre}, {normalise}");
        }
        let plain = nvil.clone().plain();
        assert_eq!((plain.centre, plain.normalise), (false, false));
    }
}

#[test]
fn claims_and_targets_have_their_words_and_properties() {
    for (claim, word, unbiased) in [
        (Claim::Unbiased, "unbiased", true),
        (Claim::Exact, "exact", true),
        (Claim::Shrunk, "shrunk", false),
        (Claim::Biased, "biased", false),
    ] {
        assert_eq!((claim.to_string(), claim.is_unbiased()), (word.into(), unbiased));
    }
    // Of two draws with weights 2 and 4.
    let log_w = [2_f64.ln(), 4_f64.ln()];
    let w = LogWeights::new(2, 1, &log_w, &[0.0; 2]);
    let mean = 1.5 * 2_f64.ln();
    for (target, name, draws, inside, outside_of_4) in [
        (Target::Elbo, "ELBO", Some(1), mean, 4.0),
        (Target::Bound, "L_K", None, 3_f64.ln(), 4.0),
        (Target::Renyi { alpha: 0.5 }, "L_½,K", None, 2.0 * (1.0 + 0.5 * 2_f64.sqrt()).ln(), 4.0),
        (Target::Renyi { alpha: -1.0 }, "L_-1,K", None, 0.5 * 10_f64.ln(), 4.0),
        (Target::Renyi { alpha: 1.0 }, "L_1,K", None, mean, 4.0),
        (Target::Likelihood, "p(x)", Some(1), 2.0, 4.0),
        (Target::LogLikelihood, "ln p", Some(1), 2.0, 4_f64.ln()),
        (Target::BoundAndSleep, "L_K, sleep", None, 3_f64.ln(), 4.0),
    ] {
        assert_eq!((target.to_string(), target.draws()), (name.into(), draws));
        assert!((target.inside(&w) - inside).abs() < 1e-14, "{name}: {}", target.inside(&w));
        assert!((target.outside(4.0) - outside_of_4).abs() < 1e-15, "{name}");
    }
}

#[test]
fn too_few_draws_are_refused_with_their_number() {
    let mut params = Params::new();
    let model = SmallBelief::known(&mut params, &mut seed::rng(0, seed::Stream::Init, 0));
    let run = |samples, baseline: Option<Baseline>| {
        let query = Query::new(&model, &params, &[1.0, 0.0, 1.0], samples);
        let rng = &mut seed::rng(0, seed::Stream::Sample, 0);
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| match baseline {
            Some(baseline) => Reinforce { baseline }.estimate(query, rng, &mut Work::new()),
            None => DisArm.estimate(query, rng, &mut Work::new()),
        }));
        found.map_err(|payload| *payload.downcast::<String>().unwrap())
    };
    for (samples, baseline, needs) in [
        (1, Some(Baseline::LeaveOneOut), "at least 2 samples, not 1"),
        (0, Some(Baseline::None), "at least 1 sample, not 0"),
        (0, None, "at least 1 sample, not 0"),
    ] {
        let words = run(samples, baseline).unwrap_err();
        assert_eq!(words, format!("this estimator needs {needs}"));
    }
    assert!(run(2, Some(Baseline::LeaveOneOut)).is_ok() && run(1, None).is_ok());
}

#[test]
fn an_estimator_that_learns_nothing_has_no_state() {
    let mut sgvb = Sgvb;
    Estimator::<f64, LinearGaussian>::observe(&mut sgvb, &[1.0, -2.0]);
    Estimator::<f64, LinearGaussian>::restore(&mut sgvb, &[]);
    assert!(Estimator::<f64, LinearGaussian>::state(&sgvb).is_empty());
    assert!(Estimator::<f64, SmallBelief>::state(&DisArm).is_empty());
    let constant = Reinforce { baseline: Baseline::Constant(1.0) };
    assert!(Estimator::<f64, SmallBelief>::state(&constant).is_empty());
}

#[test]
fn criteria_of_real_rows_tell_their_target_and_their_claim() {
    use Claim::{Biased, Exact, Unbiased};
    fn real<E: Estimator<f64, GaussianEnergy>>(estimator: &E) -> Facts {
        facts(estimator)
    }
    let dynamics = Dynamics::hmc(0.1, 5);
    let pcd = PersistentDynamicDivergence { dynamics, moves: 1, chains: None, restart: 0.0 };
    let [score, denoising, noise, discrepancy] =
        ["score matching", "denoising score matching", "noise contrast", "energy discrepancy"]
            .map(Target::Criterion);
    for (found, expected) in [
        (real(&ScoreMatching), (score, Exact, 1)),
        (real(&SlicedScoreMatching::default()), (score, Unbiased, 1)),
        (real(&DenoisingScoreMatching { noise: 0.1 }), (denoising, Unbiased, 1)),
        (real(&NormalNoiseContrastive), (noise, Unbiased, 1)),
        (
            real(&NormalEnergyDiscrepancy { noise: 0.1, stabiliser: 1.0 }),
            (discrepancy, Unbiased, 1),
        ),
        (
            real(&DynamicContrastiveDivergence { dynamics, moves: 1 }),
            (Target::LogLikelihood, Biased, 1),
        ),
        (real(&pcd), (Target::LogLikelihood, Biased, 1)),
    ] {
        assert_eq!(found, expected);
    }
}
