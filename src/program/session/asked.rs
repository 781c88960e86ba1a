//! From the names of a model and an estimator to their types.

use super::super::args::{
    BaselineName, Dtype, EstimatorName, KlForm, Model, NvilMode, OptimizerName,
};
use super::super::config::{Config, cli_name};
use super::super::usage_error::usage_error;
use super::{Described, FIRST_POINT, Steps};
use pathscore::autodiff::Scalar;
use pathscore::estimators::Estimator;
use pathscore::estimators::both::{
    Arm, Concrete, DisArm, LocalExpectation, Many, Rebar, Relax, StraightThrough,
};
use pathscore::estimators::fit::{Options, Trainer};
use pathscore::estimators::optim::{Adam, Optimizer, Sgd};
use pathscore::estimators::path::{Dreg, Iwae, Renyi, Sgvb, SgvbKl, StickingTheLanding};
use pathscore::estimators::score::{
    Baseline, Mode, MuProp, Nvil, OptimalConstant, Reinforce, Tvo, Vimco, Wake, WakeSleep,
};
use pathscore::models::dist::Bits;
use pathscore::models::latent::{DiscreteVae, SigmoidBelief, Vae};
use pathscore::models::{Params, seed};

/// What is done with a model and an estimator, once their types are known.
pub(crate) trait Job {
    /// Sees to the model's parameters, before the estimator adds its own.
    fn prepare<F: Scalar>(&self, params: &mut Params<F>) -> anyhow::Result<()> {
        let _ = params;
        Ok(())
    }

    /// Does it.
    fn run_job<F: Scalar, M: Described<F>>(
        &self,
        trainer: &mut dyn Steps<F, M>,
    ) -> anyhow::Result<()>;
}

/// A model and an estimator as settings name them.
pub(crate) struct Asked<'a, P> {
    pub(crate) config: &'a Config,
    /// Columns of the data.
    pub(crate) columns: usize,
    /// The steps that the schedule is for.
    pub(crate) steps: u64,
    pub(crate) purpose: &'a P,
}

impl<P: Job> Asked<'_, P> {
    /// In the precision of the settings.
    pub(crate) fn run_job(&self) -> anyhow::Result<()> {
        match self.config.dtype {
            Dtype::F32 => self.in_precision::<f32>(),
            Dtype::F64 => self.in_precision::<f64>(),
        }
    }

    /// With the estimator of the settings.
    fn in_precision<F: Scalar>(&self) -> anyhow::Result<()> {
        let config = self.config;
        match config.model {
            Model::Vae => match (config.estimator, config.kl) {
                (EstimatorName::Sgvb, KlForm::Analytic) => self.run::<F, Vae, _>(|_| SgvbKl),
                (EstimatorName::Sgvb, KlForm::Sampled) => self.run::<F, Vae, _>(|_| Sgvb),
                (EstimatorName::Stl, _) => self.run::<F, Vae, _>(|_| StickingTheLanding),
                (EstimatorName::Iwae, _) => self.run::<F, Vae, _>(|_| Iwae),
                (EstimatorName::Dreg, _) => self.run::<F, Vae, _>(|_| Dreg),
                (EstimatorName::Renyi, _) => {
                    self.run::<F, Vae, _>(|_| Renyi { alpha: config.alpha })
                }
                _ => self.through_the_score::<F, Vae>(),
            },
            Model::Dvae => self.through_bits::<F, DiscreteVae>(),
            Model::Sbn => self.through_bits::<F, SigmoidBelief>(),
        }
    }

    /// With an estimator that fits one layer of bits, or any latents.
    fn through_bits<F: Scalar, M: Described<F>>(&self) -> anyhow::Result<()>
    where
        for<'t> M::Posterior<'t>: Bits<'t, F>,
    {
        let config = self.config;
        let temperature = config.temperature();
        match config.estimator {
            EstimatorName::Muprop => self.run::<F, M, _>(|_| MuProp::default()),
            EstimatorName::Arm => self.run::<F, M, _>(|_| Arm),
            EstimatorName::Disarm => self.run::<F, M, _>(|_| DisArm),
            EstimatorName::DisarmBound => self.run::<F, M, _>(|_| Many(DisArm)),
            EstimatorName::Rebar => self.run::<F, M, _>(|_| Rebar::new(temperature)),
            EstimatorName::Relax => self.run::<F, M, _>(|params| {
                let rng = &mut seed::rng(config.seed, seed::Stream::Init, 1);
                let mut relax = Relax::new(params, config.latent_dim, config.baseline_hidden, rng);
                relax.rebar = Rebar::new(temperature);
                relax
            }),
            EstimatorName::Local => self.run::<F, M, _>(|_| LocalExpectation),
            EstimatorName::Concrete => self.run::<F, M, _>(|_| Concrete { temperature }),
            EstimatorName::StraightThrough => {
                let temperature = config.temperature;
                self.run::<F, M, _>(|_| StraightThrough { temperature })
            }
            _ => self.through_the_score::<F, M>(),
        }
    }

    /// With an estimator that fits any latents.
    fn through_the_score<F: Scalar, M: Described<F>>(&self) -> anyhow::Result<()> {
        let config = self.config;
        let reinforce = |baseline| self.run::<F, M, _>(move |_| Reinforce { baseline });
        let (value, decay) = (config.baseline_value, config.baseline_decay);
        match config.estimator {
            EstimatorName::Reinforce => match config.baseline {
                BaselineName::None => reinforce(Baseline::None),
                BaselineName::Constant => reinforce(Baseline::Constant(value)),
                BaselineName::RunningMean => reinforce(Baseline::RunningMean { decay, mean: None }),
                BaselineName::LeaveOneOut => reinforce(Baseline::LeaveOneOut),
                BaselineName::Network => self.run::<F, M, _>(|params| self.nvil(params).plain()),
                BaselineName::Optimal => self.run::<F, M, _>(|_| OptimalConstant::new(decay)),
            },
            EstimatorName::Nvil => self.run::<F, M, _>(|params| self.nvil(params)),
            EstimatorName::Vimco => self.run::<F, M, _>(|_| Vimco::default()),
            EstimatorName::Wake => self.run::<F, M, _>(|_| Wake),
            EstimatorName::WakeSleep => self.run::<F, M, _>(|_| WakeSleep { wake: config.wake }),
            EstimatorName::Tvo => {
                self.run::<F, M, _>(|_| Tvo::log_spaced(config.points, FIRST_POINT))
            }
            other => Err(usage_error(format!(
                "{} has no use for {}",
                cli_name(&config.model),
                cli_name(&other)
            ))),
        }
    }

    /// NVIL, with a signal for each layer of bits.
    fn nvil<F: Scalar>(&self, params: &mut Params<F>) -> Nvil {
        let Config { layers, baseline_hidden, baseline_decay, nvil_mode, seed, .. } = self.config;
        let lower = &layers[..layers.len().saturating_sub(1)];
        let inputs: Vec<usize> =
            std::iter::once(self.columns).chain(lower.iter().copied()).collect();
        let rng = &mut seed::rng(*seed, seed::Stream::Init, 1);
        let mut nvil = Nvil::new(params, &inputs, *baseline_hidden, rng);
        nvil.decay = *baseline_decay;
        nvil.mode = match nvil_mode {
            NvilMode::Unbiased => Mode::Unbiased,
            NvilMode::Paper => Mode::Paper,
        };
        nvil
    }

    fn run<F, M, E>(&self, estimator: impl FnOnce(&mut Params<F>) -> E) -> anyhow::Result<()>
    where
        F: Scalar,
        M: Described<F>,
        E: Estimator<F, M>,
    {
        let config = self.config;
        let mut params = Params::new();
        let model = M::describe(config, self.columns, &mut params);
        self.purpose.prepare(&mut params)?;
        let estimator = estimator(&mut params);
        let optimizer: Box<dyn Optimizer<F>> = match config.optimizer {
            OptimizerName::Adam => Box::new(Adam::default()),
            OptimizerName::Sgd => Box::new(Sgd::new(config.momentum)),
        };
        let options = Options {
            samples: config.num_samples,
            lr: config.lr,
            schedule: config.schedule(self.steps),
            clip: config.clip,
            seed: config.seed,
        };
        let trainer = &mut Trainer::new(model, params, estimator, optimizer, options);
        self.purpose.run_job::<F, M>(trainer)
    }
}
