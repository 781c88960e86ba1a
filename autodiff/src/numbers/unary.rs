//! The table of elementwise ops of one argument.

/// Hands the rows of functions of one argument to a reader: `Variant method(x, y) { value, slope, sample }`.
macro_rules! unary {
    ($reader:ident) => {
        $reader! {
            /// $|x|$. The derivative is $\mathrm{sign}(x)$, and $0$ at $0$.
            Abs abs(x, y) { value: primitive, slope: x.sign(), sample: (-3.0, 3.0) }
            /// The sign of $x$: $-1$, $0$ or $1$. The derivative is zero.
            Sign sign(x, y) { value: primitive, slope: flat, sample: (-3.0, 3.0) }
            /// $1/x$. The derivative is $-1/x^2$.
            #[doc(alias = "reciprocal")]
            Recip recip(x, y) { value: x.of(1.0) / x, slope: -(y * y), sample: (0.3, 3.0) }
            /// $x^2$. The derivative is $2x$.
            Square square(x, y) { value: x * x, slope: x + x, sample: (-3.0, 3.0) }
            /// $\sqrt x$. The derivative is $1/(2\sqrt x)$, infinite at $0$.
            Sqrt sqrt(x, y) { value: primitive, slope: x.of(0.5) / y, sample: (0.2, 4.0) }
            /// $e^x$. The derivative is $e^x$.
            Exp exp(x, y) { value: primitive, slope: y, sample: (-3.0, 3.0) }
            /// $e^x - 1$, accurate near $0$. The derivative is $e^x$.
            #[doc(alias = "expm1")]
            ExpM1 exp_m1(x, y) { value: primitive, slope: x.exp(), sample: (-3.0, 3.0) }
            /// $e^x - 1 - x$, accurate near $0$ too, where it is about $\tfrac12 x^2$. The derivative is $e^x - 1$.
            #[doc(alias = "expm1x")]
            ExpM1LessX exp_m1_less_x(x, y) {
                value: primitive,
                slope: x.exp_m1(),
                sample: (-3.0, 3.0),
            }
            /// The natural logarithm. The derivative is $1/x$; at $0$ the value is $-\infty$.
            #[doc(alias = "log")]
            Ln ln(x, y) { value: primitive, slope: x.recip(), sample: (0.2, 4.0) }
            /// $\ln(1 + x)$, accurate near $0$. The derivative is $1/(1 + x)$.
            #[doc(alias = "log1p")]
            Ln1p ln_1p(x, y) {
                value: primitive,
                slope: (x + x.of(1.0)).recip(),
                sample: (-0.6, 3.0),
            }
            /// The sine. The derivative is $\cos x$.
            Sin sin(x, y) { value: primitive, slope: x.cos(), sample: (-3.0, 3.0) }
            /// The cosine. The derivative is $-\sin x$.
            Cos cos(x, y) { value: primitive, slope: -x.sin(), sample: (-3.0, 3.0) }
            /// The hyperbolic tangent. The derivative is $1 - y^2 = 4\sigma(2x)\sigma(-2x)$, which is
            /// accurate in both tails.
            Tanh tanh(x, y) {
                value: primitive,
                slope: x.of(4.0) * (x + x).logistic_density(),
                sample: (-3.0, 3.0),
            }
            /// $\sigma(x) = 1/(1 + e^{-x})$. The derivative is $\sigma(x)\sigma(-x)$.
            #[doc(alias = "expit")]
            #[doc(alias = "logistic")]
            Sigmoid sigmoid(x, y) {
                value: primitive,
                slope: y * (-x).sigmoid(),
                sample: (-4.0, 4.0),
            }
            /// $\sigma(x)\sigma(-x)$, the density of the standard logistic distribution, accurate in both tails. The
            /// derivative is $-y \tanh(x/2)$.
            LogisticDensity logistic_density(x, y) {
                value: x.sigmoid() * (-x).sigmoid(),
                slope: -(y * (x.of(0.5) * x).tanh()),
                sample: (-4.0, 4.0),
            }
            /// $\ln \sigma(x) = -\mathrm{softplus}(-x)$, accurate in both tails. The derivative is $\sigma(-x)$.
            #[doc(alias = "logsigmoid")]
            LogSigmoid log_sigmoid(x, y) {
                value: primitive,
                slope: (-x).sigmoid(),
                sample: (-4.0, 4.0),
            }
            /// $\ln(1 + e^x)$, accurate in both tails. The derivative is $\sigma(x)$.
            Softplus softplus(x, y) { value: primitive, slope: x.sigmoid(), sample: (-4.0, 4.0) }
            /// $\ln \tfrac{x}{1 - x}$, the inverse of the sigmoid; $\mp\infty$ at $0$ and $1$. The derivative is $1/(x(1 - x)) =
            /// 1/x + 1/(1 - x)$.
            Logit logit(x, y) {
                value: primitive,
                slope: x.recip() + (x.of(1.0) - x).recip(),
                sample: (0.1, 0.9),
            }
            /// $x \sigma(x)$, also called swish (Ramachandran et al. 2017). The derivative is
            /// $\sigma(x)(1 + x \sigma(-x))$, at $\pm\infty$ one and zero.
            #[doc(alias = "swish")]
            Silu silu(x, y) {
                value: primitive,
                slope: x.sigmoid().mul_no_nan(x.of(1.0) + (-x).sigmoid().mul_no_nan(x)),
                sample: (-4.0, 4.0),
            }
            /// $x \Phi(x)$, the Gaussian error linear unit in its exact form (Hendrycks and Gimpel 2016). The
            /// derivative is $\Phi(x) + x \varphi(x)$, at $\pm\infty$ one and zero.
            Gelu gelu(x, y) {
                value: primitive,
                slope: {
                    let cdf = x.normal_cdf();
                    let log_pdf = x * x * x.of(-0.5) - x.of($crate::numbers::table::HALF_LN_TAU);
                    cdf + log_pdf.exp().mul_no_nan(x)
                },
                sample: (-3.0, 3.0),
            }
            /// $\max(x, 0)$. The derivative is $1$ for $x > 0$ and $0$ otherwise, also at $0$.
            Relu relu(x, y) { value: primitive, slope: y.sign(), sample: (-3.0, 3.0) }
            /// $1/\sqrt x$. The derivative is $-y^3/2$.
            Rsqrt rsqrt(x, y) {
                value: x.of(1.0) / x.sqrt(),
                slope: x.of(-0.5) * y * y * y,
                sample: (0.3, 4.0),
            }
            /// $x^{1/3}$, of any sign. The derivative is $1/(3y^2)$, infinite at $0$.
            Cbrt cbrt(x, y) {
                value: primitive,
                slope: x.of(1.0 / 3.0) / (y * y),
                sample: (0.3, 4.0),
            }
            /// $2^x$. The derivative is $y \ln 2$.
            Exp2 exp2(x, y) {
                value: primitive,
                slope: x.of(std::f64::consts::LN_2) * y,
                sample: (-3.0, 3.0),
            }
            /// $\log_2 x$. The derivative is $1/(x \ln 2)$.
            Log2 log2(x, y) {
                value: primitive,
                slope: x.of(std::f64::consts::LOG2_E) / x,
                sample: (0.3, 4.0),
            }
            /// $\log_{10} x$. The derivative is $1/(x \ln 10)$.
            Log10 log10(x, y) {
                value: primitive,
                slope: x.of(std::f64::consts::LOG10_E) / x,
                sample: (0.3, 4.0),
            }
            /// The tangent. The derivative is $1 + y^2$.
            Tan tan(x, y) { value: primitive, slope: x.of(1.0) + y * y, sample: (-1.0, 1.0) }
            /// $1 - x^2$, accurate near $\pm 1$. The derivative is $-2x$.
            OneMinusSquare one_minus_square(x, y) {
                value: (x.of(1.0) - x) * (x.of(1.0) + x),
                slope: -(x + x),
                sample: (-0.7, 0.7),
            }
            /// The inverse sine. The derivative is $1/\sqrt{1 - x^2}$, infinite at $\pm 1$.
            Asin asin(x, y) {
                value: primitive,
                slope: x.one_minus_square().rsqrt(),
                sample: (-0.7, 0.7),
            }
            /// The inverse cosine. The derivative is $-1/\sqrt{1 - x^2}$, infinite at $\pm 1$.
            Acos acos(x, y) {
                value: primitive,
                slope: -x.one_minus_square().rsqrt(),
                sample: (-0.7, 0.7),
            }
            /// The inverse tangent. The derivative is $1/(1 + x^2)$.
            Atan atan(x, y) {
                value: primitive,
                slope: (x.of(1.0) + x * x).recip(),
                sample: (-3.0, 3.0),
            }
            /// The hyperbolic sine. The derivative is $\cosh x$.
            Sinh sinh(x, y) { value: primitive, slope: x.cosh(), sample: (-2.0, 2.0) }
            /// The hyperbolic cosine. The derivative is $\sinh x$.
            Cosh cosh(x, y) { value: primitive, slope: x.sinh(), sample: (-2.0, 2.0) }
            /// The inverse hyperbolic sine. The derivative is $1/\sqrt{1 + x^2}$.
            Asinh asinh(x, y) {
                value: primitive,
                slope: x.hypot(x.of(1.0)).recip(),
                sample: (-3.0, 3.0),
            }
            /// The inverse hyperbolic cosine. The derivative is $1/\sqrt{x^2 - 1}$, infinite at $1$.
            Acosh acosh(x, y) {
                value: primitive,
                slope: (x - x.of(1.0)).rsqrt() * (x + x.of(1.0)).rsqrt(),
                sample: (1.4, 4.0),
            }
            /// The inverse hyperbolic tangent. The derivative is $1/(1 - x^2)$, infinite at $\pm 1$.
            Atanh atanh(x, y) {
                value: primitive,
                slope: x.one_minus_square().recip(),
                sample: (-0.7, 0.7),
            }
            /// $\ln(1 - e^x)$ for $x < 0$, accurate at both ends. The derivative is $-1/(e^{-x} - 1)$.
            #[doc(alias = "log1mexp")]
            Log1mExp log1m_exp(x, y) {
                value: primitive,
                // A quotient whose own derivative does not underflow before it is e^x.
                slope: x.exp() / x.exp_m1(),
                sample: (-3.0, -0.3),
            }
            /// The error function. The derivative is $2e^{-x^2}/\sqrt\pi$.
            Erf erf(x, y) {
                value: primitive,
                slope: x.of(std::f64::consts::FRAC_2_SQRT_PI) * (-(x * x)).exp(),
                sample: (-2.0, 2.0),
            }
            /// $1 - \mathrm{erf}(x)$, accurate in the right tail. The derivative is $-2e^{-x^2}/\sqrt\pi$.
            Erfc erfc(x, y) {
                value: primitive,
                slope: x.of(-std::f64::consts::FRAC_2_SQRT_PI) * (-(x * x)).exp(),
                sample: (-2.0, 2.0),
            }
            /// The inverse of the error function. The derivative is $\tfrac12 \sqrt\pi e^{y^2}$.
            #[doc(alias = "erfinv")]
            ErfInv erf_inv(x, y) {
                value: primitive,
                slope: x.of(1.0 / std::f64::consts::FRAC_2_SQRT_PI) * (y * y).exp(),
                sample: (-0.7, 0.7),
            }
            /// $\Phi(x)$, the distribution function of the standard normal. The derivative is its density.
            #[doc(alias = "ndtr")]
            NormalCdf normal_cdf(x, y) {
                value: primitive,
                slope: (x * x * x.of(-0.5) - x.of($crate::numbers::table::HALF_LN_TAU)).exp(),
                sample: (-2.0, 2.0),
            }
            /// $\ln \Phi(x)$, accurate in the left tail. The derivative is $\varphi(x)/\Phi(x)$.
            #[doc(alias = "log_ndtr")]
            LogNormalCdf log_normal_cdf(x, y) {
                value: primitive,
                slope: x.inverse_mills(),
                sample: (-3.0, 2.0),
            }
            /// $\varphi(x)/\Phi(x)$, the inverse of Mills' ratio at $-x$. The derivative is $-y(x + y)$, computed by
            /// [`Var::inverse_mills_gap`](crate::Var::inverse_mills_gap), and below $-2$ as
            /// [`Var::truncated_normal_variance`](crate::Var::truncated_normal_variance) less one.
            InverseMills inverse_mills(x, y) {
                value: primitive,
                slope: {
                    let right = -y.mul_no_nan(x.inverse_mills_gap());
                    let left = x.truncated_normal_variance() - x.of(1.0);
                    x.of(-2.0).greater(x).select(left, right)
                },
                sample: (-3.0, 2.0),
            }
            /// $x + \varphi(x)/\Phi(x)$, the mean distance from $x$ of a standard normal variable below $x$; without
            /// cancellation on the left, where it is nearly $-1/x$. The derivative is the variance of that variable,
            /// [`Var::truncated_normal_variance`](crate::Var::truncated_normal_variance).
            InverseMillsGap inverse_mills_gap(x, y) {
                value: primitive,
                slope: x.truncated_normal_variance(),
                sample: (-3.0, 2.0),
            }
            /// The variance $1 - m(x + m)$ of a standard normal variable below $x$, with $m = \varphi(x)/\Phi(x)$; without
            /// cancellation on the left, where it is nearly $1/x^2$. The derivative is $m((x + m)^2 - y)$; below $-100$,
            /// where that difference cancels, it is the asymptotic series $-2x^{-3} + 24x^{-5} - 300x^{-7} + \dots$
            TruncatedNormalVariance truncated_normal_variance(x, y) {
                value: primitive,
                slope: {
                    let gap = x.inverse_mills_gap();
                    let near = x.inverse_mills() * (gap * gap - y);
                    let inverse = x.recip();
                    let u = inverse * inverse;
                    let far = ((u * x.of(31770.0) - x.of(2072.0)) * u + x.of(150.0)) * u;
                    let far = ((far - x.of(12.0)) * u + x.of(1.0)) * u * inverse * x.of(-2.0);
                    x.of(-100.0).greater(x).select(far, near)
                },
                sample: (-3.0, 2.0),
            }
            /// $e^{x^2} \mathrm{erfc}(x)$, the scaled complementary error function: about $1/(x \sqrt\pi)$ far on the right,
            /// infinite from about $-26.7$ on to the left. The derivative is $2xy - 2/\sqrt\pi$, computed as
            /// $-\sqrt2 y g$ without cancellation, where $g$ is
            /// [`Var::inverse_mills_gap`](crate::Var::inverse_mills_gap) at $-\sqrt2 x$.
            Erfcx erfcx(x, y) {
                value: primitive,
                slope: {
                    let root = x.of(std::f64::consts::SQRT_2);
                    -(root * y * (-(root * x)).inverse_mills_gap())
                },
                sample: (-2.0, 2.0),
            }
            /// $\ln \cosh x$ without overflow, accurate near $0$ too. The derivative is $\tanh x$.
            #[doc(alias = "logcosh")]
            LnCosh ln_cosh(x, y) { value: primitive, slope: x.tanh(), sample: (-3.0, 3.0) }
            /// $\Phi^{-1}(x)$. The derivative is $1/\varphi(y)$, where $\varphi(y) = x \varphi(y)/\Phi(y)$.
            #[doc(alias = "ndtri")]
            #[doc(alias = "probit")]
            NormalQuantile normal_quantile(x, y) {
                value: primitive,
                slope: x.mul_no_nan(y.inverse_mills()).recip(),
                sample: (0.1, 0.9),
            }
            /// $\ln |\Gamma(x)|$. The derivative is the digamma function.
            #[doc(alias = "lgamma")]
            #[doc(alias = "gammaln")]
            LnGamma ln_gamma(x, y) { value: primitive, slope: x.digamma(), sample: (0.5, 5.0) }
            /// $\psi(x) = \mathrm d \ln\Gamma/\mathrm dx$. The derivative is the polygamma function of order one.
            Digamma digamma(x, y) { value: primitive, slope: x.trigamma(), sample: (0.5, 5.0) }
            /// $\psi'(x)$, the polygamma function of order one. The derivative is the polygamma function of order two.
            Trigamma trigamma(x, y) {
                value: x.of(1.0).polygamma(x),
                slope: x.of(2.0).polygamma(x),
                sample: (0.5, 5.0),
            }
            /// $\Gamma(x)$ with its sign, also left of the origin: NaN at $-1, -2, \dots$, and $\pm\infty$ at $\pm 0$. The
            /// derivative is $y \psi(x)$.
            #[doc(alias = "tgamma")]
            Gamma gamma(x, y) { value: primitive, slope: y * x.digamma(), sample: (0.5, 5.0) }
            /// The sign of $\Gamma(x)$, with which [`Var::ln_gamma`](crate::Var::ln_gamma) gives $\Gamma$ without overflow:
            /// $1$ for $x > 0$, and in turn $-1$ and $1$ on the intervals left of the origin. At $\pm 0$ it is
            /// $\pm 1$, at $-1, -2, \dots$ NaN. The derivative is zero.
            #[doc(alias = "gammasgn")]
            GammaSign gamma_sign(x, y) { value: primitive, slope: flat, sample: (0.5, 5.0) }
            /// $e^{-|x|} I_0(x)$, the exponentially scaled modified Bessel function. The derivative is $e^{-|x|} I_1(x) - \mathrm{sign}(x) y$.
            I0e i0e(x, y) {
                value: primitive,
                slope: -(x.sign() * x.i0e_less_i1e()),
                sample: (0.5, 5.0),
            }
            /// $e^{-|x|} I_1(x)$. The derivative is $e^{-|x|} I_0(x) - y/x - \mathrm{sign}(x) y$; below one, where the
            /// quotient would spoil further derivatives, it is $\tfrac12 e^{-|x|} (I_0(x) + I_2(x)) - \mathrm{sign}(x) y$.
            I1e i1e(x, y) {
                value: primitive,
                slope: {
                    let near = x.of(0.5) * (x.i0e() + x.of(2.0).ive(x)) - x.sign() * y;
                    let far = x.i0e_less_i1e() - y / x;
                    x.of(1.0).greater(x.abs()).select(near, far)
                },
                sample: (0.5, 5.0),
            }
            /// $e^{-|x|} (I_0(x) - I_1(|x|))$, without cancellation. The derivative is
            /// $e^{-|x|} I_1(x)/|x| - 2 \mathrm{sign}(x) y$, and $0$ at $0$, where it jumps; below one the quotient is
            /// $\tfrac12 \mathrm{sign}(x) e^{-|x|} (I_0(x) - I_2(x))$, which has accurate derivatives.
            I0eLessI1e i0e_less_i1e(x, y) {
                value: primitive,
                slope: {
                    let near = x.sign() * (x.of(0.5) * (x.i0e() - x.of(2.0).ive(x)));
                    let ratio = x.of(1.0).greater(x.abs()).select(near, x.i1e() / x.abs());
                    ratio - x.of(2.0) * x.sign() * y
                },
                sample: (0.5, 5.0),
            }
            /// $\ln I_0(x)$ without overflow, accurate near $0$ too. The derivative is $I_1(x)/I_0(x)$.
            LnI0 ln_i0(x, y) { value: primitive, slope: x.i1e() / x.i0e(), sample: (0.5, 5.0) }
            /// $\ln I_1(x)$ for $x \ge 0$ without overflow; $-\infty$ at $0$, NaN for negative $x$. Near its zero at about
            /// $1.809$ only the absolute error is small. The derivative is $I_0(x)/I_1(x) - 1/x$.
            LnI1 ln_i1(x, y) {
                value: primitive,
                slope: x.i0e() / x.i1e() - x.recip(),
                sample: (0.5, 5.0),
            }
            /// $e^{-\sqrt x}$: the Matérn covariance with $\nu = \tfrac12$ of the squared scaled distance $x$, Ornstein and
            /// Uhlenbeck's. The derivative is $-y/(2\sqrt x)$, and $0$ at $0$, where the covariance has a kink in every direction of
            /// the points: $0$ is the mean of the slopes on both sides.
            #[doc(alias = "exponential kernel")]
            Matern12 matern12(x, y) {
                value: (-x.sqrt()).exp(),
                slope: {
                    let zero = x.of(0.0);
                    x.greater(zero).select(x.of(-0.5) * y / x.sqrt(), zero)
                },
                sample: (0.2, 4.0),
            }
            /// $(1 + r) e^{-r}$ with $r = \sqrt{3x}$: the Matérn covariance with $\nu = \tfrac32$ of the squared scaled distance
            /// $x$. The derivative is $-\tfrac32 e^{-r}$, which is finite at $0$.
            Matern32 matern32(x, y) {
                value: {
                    let r = (x.of(3.0) * x).sqrt();
                    (-r).exp().mul_no_nan(x.of(1.0) + r)
                },
                slope: x.of(-1.5) * (x.of(3.0) * x).matern12(),
                sample: (0.2, 4.0),
            }
            /// $(1 + r + \tfrac13 r^2) e^{-r}$ with $r = \sqrt{5x}$: the Matérn covariance with $\nu = \tfrac52$ of the squared scaled
            /// distance $x$. The derivative is $-\tfrac56 (1 + r) e^{-r}$, which is finite at $0$.
            Matern52 matern52(x, y) {
                value: {
                    let square = x.of(5.0) * x;
                    let r = square.sqrt();
                    (-r).exp().mul_no_nan(x.of(1.0) + r + square / x.of(3.0))
                },
                slope: x.of(-5.0 / 6.0) * (x.of(5.0 / 3.0) * x).matern32(),
                sample: (0.2, 4.0),
            }
            /// The largest integer not above $x$. The derivative is zero.
            Floor floor(x, y) { value: primitive, slope: flat, sample: (-3.0, 3.0) }
            /// The smallest integer not below $x$. The derivative is zero.
            Ceil ceil(x, y) { value: primitive, slope: flat, sample: (-3.0, 3.0) }
            /// The nearest integer; halves are rounded to the even one. The derivative is zero.
            Round round(x, y) { value: primitive, slope: flat, sample: (-3.0, 3.0) }
        }
    };
}
pub(crate) use unary;
