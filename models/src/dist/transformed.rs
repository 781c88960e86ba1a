//! The distribution of a function of a random variable.

use super::edges::impossible;
use super::shapes::{append_axes, with_event};
use super::{
    Affine, Bijection, Cdf, Coordinates, Distribution, Entropy, Kl, Moments, Monotone, Reparam,
    Shapes, Support,
};
use crate::RandomSource;
use pathscore_autodiff::{Scalar, Var};

/// The distribution of $y = f(x)$ with a `base` distribution of $x$ and a `bijection` $f$.
///
/// $\ln p(y) = \ln p_x(x) - \ln |\det \partial f/\partial x|$ at $x = f^{-1}(y)$, and $-\infty$ with zero derivatives
/// outside the image of $f$ and on its boundary; the derivatives are those of this formula. A sample is $f(x)$, with the
/// derivatives of $x$. Where $f$ has lost the digits of $x$ (a sigmoid that rounds to one), its inverse cannot bring them
/// back: [`Transformed::rsample_and_log_prob`] knows $x$ and loses nothing, and so does [`Distribution::sample_and_log_prob`] unless
/// derivatives flow to parameters of the map.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::dist::{Cdf, Distribution, Elementwise, LogNormal, Normal, Transformed};
/// let tape = Tape::new();
/// let normal = Normal::from_scale(tape.leaf(&[0.2_f64], [1]), tape.leaf(&[0.7], [1]))?;
/// let (q, same) = (Transformed::new(normal, Elementwise::Exp), LogNormal(normal));
/// let x = tape.constant(&[1.7], [1]);
/// assert!((q.log_prob(x).item() - same.log_prob(x).item()).abs() < 1e-15);
/// assert_eq!(q.cdf(x).item(), same.cdf(x).item());
/// assert_eq!(q.log_prob(tape.constant(&[-1.0], [1])).item(), f64::NEG_INFINITY);
/// # Ok::<(), pathscore_models::dist::ParameterError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Transformed<D, B> {
    base: D,
    bijection: B,
    /// The number of axes of an event of the base.
    event_dim: usize,
}

impl<D, B> Transformed<D, B> {
    /// The distribution of `bijection` applied to a sample of `base`.
    ///
    /// # Panics
    /// If the base is discrete, if its events have fewer axes than the bijection turns as a whole, or if the parameters of
    /// the bijection do not broadcast to its samples.
    #[track_caller]
    pub fn new<'t, F: Scalar>(base: D, bijection: B) -> Self
    where
        D: Distribution<'t, F>,
        B: Bijection<'t, F>,
    {
        assert!(!base.support().is_discrete(), "Transformed: the base has no density");
        let shapes = base.shapes();
        let (event_dim, [needed, _]) = (shapes.event.len(), bijection.event_dims());
        assert!(
            event_dim >= needed,
            "Transformed: the bijection needs an event of {needed} axes, and the base has {event_dim}"
        );
        // The bijection refuses a shape by a panic of its own.
        let _ = bijection.forward_shape(&shapes.whole());
        Self { base, bijection, event_dim }
    }

    /// The distribution of the argument.
    pub fn base(self) -> D {
        self.base
    }

    /// The map.
    pub fn bijection(self) -> B {
        self.bijection
    }

    /// `count` samples through which derivatives flow, and their log-density, which is exact also where a sample has
    /// lost the digits of its argument.
    pub fn rsample_and_log_prob<'t, F: Scalar, R: RandomSource>(
        self,
        count: usize,
        rng: &mut R,
    ) -> [Var<'t, F>; 2]
    where
        D: Reparam<'t, F>,
        B: Bijection<'t, F>,
    {
        self.with_log_prob(self.base.rsample(count, rng))
    }

    /// $f(x)$ and its log-density.
    fn with_log_prob<'t, F: Scalar>(self, x: Var<'t, F>) -> [Var<'t, F>; 2]
    where
        D: Distribution<'t, F>,
        B: Bijection<'t, F>,
    {
        let [y, log_det] = self.bijection.forward_and_log_det(x, self.event_dim);
        [y, self.base.log_prob(x) - log_det]
    }

    /// The argument that has the value `y`, and zeros, with what is not zero where `y` has none. Events of `y` are its last
    /// `event_dim` axes, and those of its argument the last `argument_dim`.
    fn argument<'t, F: Scalar>(
        self,
        y: Var<'t, F>,
        [argument_dim, event_dim]: [usize; 2],
    ) -> [Var<'t, F>; 2]
    where
        B: Bijection<'t, F>,
    {
        let outside = self.bijection.outside(y, event_dim);
        let x = self.bijection.inverse(y);
        // Kernels of densities pass on slopes of NaN, so they get a number.
        let x = append_axes(outside, argument_dim).select(x.constant(0.0), x);
        [x, outside]
    }
}

/// The log-density of a base minus that of a map, and $-\infty$ with zero derivatives where the value is outside or the
/// base has no density, so that the slope of the map has no derivative there either.
fn difference<'t, F: Scalar>(
    outside: Var<'t, F>,
    base: Var<'t, F>,
    log_det: Var<'t, F>,
) -> Var<'t, F> {
    let nowhere = base.equal(base.constant(f64::NEG_INFINITY));
    impossible(outside + nowhere, base - log_det)
}

impl<'t, F: Scalar, D: Distribution<'t, F>, B: Bijection<'t, F>> Distribution<'t, F>
    for Transformed<D, B>
{
    fn sample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        self.bijection.detach().forward(self.base.sample(count, rng))
    }

    fn log_prob(&self, y: Var<'t, F>) -> Var<'t, F> {
        let event = self.shapes().event;
        let [x, outside] = self.argument(with_event(y, &event), [self.event_dim, event.len()]);
        let log_det = self.bijection.log_det(x, self.event_dim);
        difference(outside, self.base.log_prob(x), log_det)
    }

    /// If the map has parameters that are tracked, the argument is computed back from the sample: the derivative of the
    /// log-density is for a fixed sample, whose argument moves with the map.
    fn sample_and_log_prob<R: RandomSource>(&self, count: usize, rng: &mut R) -> [Var<'t, F>; 2] {
        if self.bijection.is_tracked() {
            let y = self.sample(count, rng);
            return [y, self.log_prob(y)];
        }
        let [y, log_prob] = self.with_log_prob(self.base.sample(count, rng));
        [y.detach(), log_prob]
    }

    fn detach(&self) -> Self {
        Self { base: self.base.detach(), bijection: self.bijection.detach(), ..*self }
    }

    fn support(&self) -> Support {
        self.bijection.support(self.base.support())
    }

    fn shapes(&self) -> Shapes {
        let base = self.base.shapes();
        let whole = self.bijection.forward_shape(&base.whole());
        Shapes::split(&whole, base.batch.len())
    }
}

impl<'t, F: Scalar, D: Reparam<'t, F>, B: Bijection<'t, F>> Reparam<'t, F> for Transformed<D, B> {
    fn rsample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        self.bijection.forward(self.base.rsample(count, rng))
    }

    fn rsample_with_log_prob<R: RandomSource>(
        &self,
        count: usize,
        rng: &mut R,
    ) -> (Var<'t, F>, Option<Var<'t, F>>) {
        let [y, log_prob] = self.rsample_and_log_prob(count, rng);
        (y, Some(log_prob))
    }
}

impl<'t, F: Scalar, D: Coordinates<'t, F>, B: Monotone<'t, F>> Coordinates<'t, F>
    for Transformed<D, B>
{
    fn log_prob_each(&self, y: Var<'t, F>) -> Var<'t, F> {
        let [x, outside] = self.argument(y, [0, 0]);
        difference(outside, self.base.log_prob_each(x), self.bijection.log_det(x, 0))
    }
}

impl<'t, F: Scalar, D: Cdf<'t, F>, B: Monotone<'t, F>> Cdf<'t, F> for Transformed<D, B> {
    /// The distribution function of the base at $f^{-1}(y)$; where $f$ decreases, one minus it, which has no more digits than
    /// that difference.
    fn cdf(&self, y: Var<'t, F>) -> Var<'t, F> {
        self.bijection.cdf(y, |x| self.base.cdf(x))
    }

    fn quantile(&self, u: Var<'t, F>) -> Var<'t, F> {
        self.bijection.quantile(u, |u| self.base.quantile(u))
    }
}

impl<'t, F: Scalar, D: Moments<'t, F>> Moments<'t, F> for Transformed<D, Affine<'t, F>> {
    /// $a + bEx$.
    fn mean(&self) -> Var<'t, F> {
        self.bijection.forward(self.base.mean())
    }

    /// $b^2$ times the variance of the base.
    fn variance(&self) -> Var<'t, F> {
        self.bijection.scale().square() * self.base.variance()
    }
}

impl<'t, F: Scalar, D: Entropy<'t, F>> Entropy<'t, F> for Transformed<D, Affine<'t, F>> {
    /// The entropy of the base plus $\sum \ln |b|$.
    fn entropy(&self) -> Var<'t, F> {
        let whole = self.bijection.scale().broadcast_to(self.base.shapes().whole());
        self.base.entropy() + self.bijection.log_det(whole, self.event_dim)
    }
}

impl<'t, F, D, P, B> Kl<'t, F, Transformed<P, B>> for Transformed<D, B>
where
    F: Scalar,
    D: Kl<'t, F, P>,
    P: Distribution<'t, F>,
    B: Bijection<'t, F> + Eq + std::fmt::Debug,
{
    /// The divergence of the base distributions, because a common transformation does not change a divergence.
    ///
    /// # Panics
    /// If the two bijections differ.
    fn kl(&self, p: &Transformed<P, B>) -> Var<'t, F> {
        assert!(
            self.bijection == p.bijection,
            "Transformed: no closed form for the bijections {:?} and {:?}",
            self.bijection,
            p.bijection
        );
        self.base.kl(&p.base)
    }
}
