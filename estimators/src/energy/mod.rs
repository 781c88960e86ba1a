//! Estimators for energy-based models, $p(x) = e^{-E(x)} / Z$.
//!
//! The gradient of the log-likelihood has a positive phase, over the data, and a negative phase, over the model:
//!
//! $$\nabla \frac1B \sum_b \ln p(x_b) = -\frac1B \sum_b \nabla E(x_b) + E_{x \sim p} \nabla E(x).$$
//!
//! The second mean is over all states of the model. Contrastive divergences put Markov chains in its place and differ in
//! where the chains begin and how far they run. Each phase is divided by its own count, so the chains need not be as many
//! as the rows of the batch, and the states of the chains are constants to derivatives. Other criteria do without the
//! partition function: they compare the energy of the data with that of neighbours or of noise.
//!
//! | criterion | negative phase, or the comparison | needs | for $\ln p(x)$ |
//! |---|---|---|---|
//! | [`MaximumLikelihood`] | all terms of $Z$ | `ExactPartition` | exact |
//! | [`ContrastiveDivergence`] | chains from the data | `BlockGibbs` | biased |
//! | [`PersistentContrastiveDivergence`] | chains that go on | `BlockGibbs` | biased while parameters move |
//! | [`FastPersistentContrastiveDivergence`] | chains that go on, at parameters with a fast part | `BlockGibbs` | biased |
//! | [`TemperedContrastiveDivergence`] | chains that go on, along a ladder of temperatures | `BaseModel` | biased while parameters move |
//! | [`TrackedContrastiveDivergence`] | chains that go on, and others with weights that know $\ln Z$ | `BaseModel` | biased while parameters move |
//! | [`UnbiasedContrastiveDivergence`] | pairs of chains until they meet | `BlockGibbs` | unbiased |
//! | [`BiasedImportanceSampling`] | weighted draws of a base model | `BaseModel` | biased |
//! | [`PseudoLikelihood`], [`StochasticPseudoLikelihood`] | each bit given all others | `BitFlips`, `Energy` | biased |
//! | [`RatioMatching`] | ratios of neighbours, bounded | `BitFlips` | biased |
//! | [`MinimumProbabilityFlow`] | flow to neighbours | `BitFlips` | biased |
//! | [`NoiseContrastive`] | data against noise | `Energy` | biased |
//! | [`EnergyDiscrepancy`], [`ExactEnergyDiscrepancy`] | data against blurred data | `Energy` | biased |
//! | [`DynamicContrastiveDivergence`] | chains from the data by Langevin or Hamiltonian [`Dynamics`] | `RealEnergy` | biased |
//! | [`PersistentDynamicDivergence`] | chains by dynamics that go on | `RealEnergy` | biased while parameters move |
//! | [`ScoreMatching`], [`SlicedScoreMatching`], [`DenoisingScoreMatching`] | the slope of the energy | `RealEnergy` | another criterion |
//! | [`NormalNoiseContrastive`] | data against normal noise | `RealEnergy` | another criterion |
//! | [`NormalEnergyDiscrepancy`] | data against data with normal noise | `RealEnergy` | another criterion |
//!
//! Where the model is the distribution of the data, the mean gradient is zero for likelihood, contrastive divergences, pseudo-likelihood,
//! ratio matching, flow to all neighbours, noise contrast, the exact energy discrepancy and score matching. It is only nearly
//! zero where finitely many draws stand for a mean inside a logarithm or a ratio ([`EnergyDiscrepancy`],
//! [`NormalEnergyDiscrepancy`], [`BiasedImportanceSampling`]), where chains do not have the law of the model (fast weights,
//! unadjusted dynamics), and for flow that leaves out neighbours among the data. [`DenoisingScoreMatching`] fits the density of
//! the data with noise.

mod coupling;
mod criterion;

pathscore_autodiff::modules! {
    centred: Centred;
    annealing: EnergyChains, LogPartition, PARALLEL_CHAINS, ParameterPath;
    base_annealing: BaseAnnealing;
    contrastive: ContrastiveDivergence, PersistentContrastiveDivergence;
    discrepancy: EnergyDiscrepancy, ExactEnergyDiscrepancy;
    fast_weights: FastPersistentContrastiveDivergence;
    importance: BiasedImportanceSampling;
    independent_bits: IndependentBits;
    likelihood: MaximumLikelihood;
    noise_contrastive: NoiseContrastive;
    probability_flow: MinimumProbabilityFlow;
    pseudo_likelihood: PseudoLikelihood, StochasticPseudoLikelihood;
    ratio_matching: RatioMatching;
    tempered: TemperedContrastiveDivergence;
    tracked: TrackedContrastiveDivergence;
    unbiased: Meetings, UnbiasedContrastiveDivergence;
    dynamic_contrast: DynamicContrastiveDivergence, PersistentDynamicDivergence;
    dynamics: Dynamics;
    normal_discrepancy: NormalEnergyDiscrepancy;
    normal_noise: NormalNoiseContrastive;
    score_matching: DenoisingScoreMatching, Directions, ScoreMatching, SlicedScoreMatching;
}
