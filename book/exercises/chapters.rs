//! The chapters, each on an item of its own, so that their code runs as tests.

#[doc = include_str!("../src/00-before-you-begin.md")]
enum BeforeYouBegin {}

#[doc = include_str!("../src/01-a-gradient-of-an-expectation.md")]
enum AGradientOfAnExpectation {}

#[doc = include_str!("../src/02-the-tape.md")]
enum TheTape {}

#[doc = include_str!("../src/03-the-path.md")]
enum ThePath {}

#[doc = include_str!("../src/04-the-score.md")]
enum TheScore {}

#[doc = include_str!("../src/05-baselines.md")]
enum Baselines {}

#[doc = include_str!("../src/06-the-elbo.md")]
enum TheElbo {}

#[doc = include_str!("../src/07-tighter-bounds.md")]
enum TighterBounds {}

#[doc = include_str!("../src/08-discrete-latents.md")]
enum DiscreteLatents {}

#[doc = include_str!("../src/09-relaxed-bits.md")]
enum RelaxedBits {}

#[doc = include_str!("../src/10-the-likelihood.md")]
enum TheLikelihood {}

#[doc = include_str!("../src/11-samplers.md")]
enum Samplers {}

#[doc = include_str!("../src/12-energies.md")]
enum Energies {}

#[doc = include_str!("../src/13-certify-your-own.md")]
enum CertifyYourOwn {}

#[doc = include_str!("../src/14-the-bug-zoo.md")]
enum TheBugZoo {}
