//! The two tables of elementwise ops: a row is a whole op.
//!
//! A row holds the doc, the variant, the method, the function, its derivative over any `Real`, and the interval
//! on which tests sample it. The enums, the loops, the methods of numbers, duals and variables, and the tests
//! are all written from these rows by macros ("readers"), so a new op is a new row:
//!
//! ```text
//! /// $x^2$. The derivative is $2x$.
//! Square square(x, y) { value: x * x, slope: x + x, sample: (-3.0, 3.0) }
//! ```
//!
//! Read it as: the op `Square`, recorded by the method `square`, computes $y = x \cdot x$ and has the derivative
//! $x + x$. `value` is `primitive` where the function is computed in `kernels/special`; any other formula stands in
//! the row itself. A slope may use the arguments and the result $y$. An op whose slope is `flat` has a derivative of
//! zero wherever it exists, and nothing is propagated through it. `operator` in place of `value` marks
//! the arithmetic operators, which have no method. Readers take single columns with [`column`].

/// $\tfrac12 \ln 2\pi$.
pub(crate) const HALF_LN_TAU: f64 = 0.918_938_533_204_672_8;

/// Rows of functions of one argument: `Variant method(x, y) { value, slope, sample }`.
macro_rules! unary {
    ($reader:ident) => {
        $reader! {
            /// $|x|$. The derivative is $\mathrm{sign}(x)$, and $0$ at $0$.
            Abs abs(x, y) { value: primitive, slope: x.sign(), sample: (-3.0, 3.0) }
            /// $-1$, $0$ or $1$: the sign of $x$. Flat.
            Sign sign(x, y) { value: primitive, slope: flat, sample: (-3.0, 3.0) }
            /// $1/x$. The derivative is $-1/x^2$.
            Recip recip(x, y) { value: x.of(1.0) / x, slope: -(y * y), sample: (0.3, 3.0) }
            /// $x^2$. The derivative is $2x$.
            Square square(x, y) { value: x * x, slope: x + x, sample: (-3.0, 3.0) }
            /// $\sqrt x$. The derivative is $1/(2\sqrt x)$, infinite at $0$.
            Sqrt sqrt(x, y) { value: primitive, slope: x.of(0.5) / y, sample: (0.2, 4.0) }
            /// $e^x$. The derivative is $e^x$.
            Exp exp(x, y) { value: primitive, slope: y, sample: (-3.0, 3.0) }
            /// $e^x - 1$, accurate near $0$. The derivative is $e^x$.
            ExpM1 exp_m1(x, y) { value: primitive, slope: x.exp(), sample: (-3.0, 3.0) }
            /// The natural logarithm. The derivative is $1/x$; at $0$ the value is $-\infty$.
            Ln ln(x, y) { value: primitive, slope: x.recip(), sample: (0.2, 4.0) }
            /// $\ln(1 + x)$, accurate near $0$. The derivative is $1/(1 + x)$.
            Ln1p ln_1p(x, y) {
                value: primitive,
                slope: (x + x.of(1.0)).recip(),
                sample: (-0.6, 3.0),
            }
            /// The sine. The derivative is $\cos x$.
            Sin sin(x, y) { value: primitive, slope: x.cos(), sample: (-3.0, 3.0) }
            /// The cosine. The derivative is $-\sin x$.
            Cos cos(x, y) { value: primitive, slope: -x.sin(), sample: (-3.0, 3.0) }
            /// The hyperbolic tangent. The derivative is $1 - y^2 = 4\sigma(2x)\sigma(-2x)$, which has its digits far
            /// out too.
            Tanh tanh(x, y) {
                value: primitive,
                slope: { let x = x + x; x.of(4.0) * (x.sigmoid() * (-x).sigmoid()) },
                sample: (-3.0, 3.0),
            }
            /// $\sigma(x) = 1/(1 + e^{-x})$. The derivative is $\sigma(x)\sigma(-x)$.
            Sigmoid sigmoid(x, y) {
                value: primitive,
                slope: y * (-x).sigmoid(),
                sample: (-4.0, 4.0),
            }
            /// $\ln \sigma(x) = -\mathrm{softplus}(-x)$, exact far out on both sides. The derivative is $\sigma(-x)$.
            LogSigmoid log_sigmoid(x, y) {
                value: primitive,
                slope: (-x).sigmoid(),
                sample: (-4.0, 4.0),
            }
            /// $\ln(1 + e^x)$, exact far out on both sides. The derivative is $\sigma(x)$.
            Softplus softplus(x, y) { value: primitive, slope: x.sigmoid(), sample: (-4.0, 4.0) }
            /// $\ln \tfrac{x}{1 - x}$, the inverse of the sigmoid; $\mp\infty$ at $0$ and $1$. The derivative is $1/(x(1 - x))$.
            Logit logit(x, y) {
                value: primitive,
                slope: (x * (x.of(1.0) - x)).recip(),
                sample: (0.1, 0.9),
            }
            /// $x\,\sigma(x)$, also called swish (Ramachandran et al. 2017). The derivative is
            /// $\sigma(x)(1 + x\,\sigma(-x))$, at $\pm\infty$ one and zero.
            Silu silu(x, y) {
                value: primitive,
                slope: x.sigmoid().mul_no_nan(x.of(1.0) + (-x).sigmoid().mul_no_nan(x)),
                sample: (-4.0, 4.0),
            }
            /// $x\,\Phi(x)$, the Gaussian error linear unit in its exact form (Hendrycks and Gimpel 2016). The
            /// derivative is $\Phi(x) + x\,\varphi(x)$, at $\pm\infty$ one and zero.
            Gelu gelu(x, y) {
                value: primitive,
                slope: x.normal_cdf() + (x * x * x.of(-0.5) - x.of(crate::numbers::table::HALF_LN_TAU)).exp().mul_no_nan(x),
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
            /// The inverse sine. The derivative is $1/\sqrt{1 - x^2}$, infinite at $\pm 1$.
            Asin asin(x, y) {
                value: primitive,
                slope: ((x.of(1.0) - x) * (x.of(1.0) + x)).rsqrt(),
                sample: (-0.7, 0.7),
            }
            /// The inverse cosine. The derivative is $-1/\sqrt{1 - x^2}$, infinite at $\pm 1$.
            Acos acos(x, y) {
                value: primitive,
                slope: -((x.of(1.0) - x) * (x.of(1.0) + x)).rsqrt(),
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
                slope: ((x.of(1.0) - x) * (x.of(1.0) + x)).recip(),
                sample: (-0.7, 0.7),
            }
            /// $\ln(1 - e^x)$ for $x < 0$, accurate at both ends. The derivative is $-1/(e^{-x} - 1)$.
            Log1mExp log1m_exp(x, y) {
                value: primitive,
                slope: -(-x).exp_m1().recip(),
                sample: (-3.0, -0.3),
            }
            /// The error function. The derivative is $2e^{-x^2}/\sqrt\pi$.
            Erf erf(x, y) {
                value: primitive,
                slope: x.of(std::f64::consts::FRAC_2_SQRT_PI) * (-(x * x)).exp(),
                sample: (-2.0, 2.0),
            }
            /// $1 - \mathrm{erf}(x)$, accurate far out. The derivative is $-2e^{-x^2}/\sqrt\pi$.
            Erfc erfc(x, y) {
                value: primitive,
                slope: x.of(-std::f64::consts::FRAC_2_SQRT_PI) * (-(x * x)).exp(),
                sample: (-2.0, 2.0),
            }
            /// The inverse of the error function. The derivative is $\tfrac12 \sqrt\pi e^{y^2}$.
            ErfInv erf_inv(x, y) {
                value: primitive,
                slope: x.of(1.0 / std::f64::consts::FRAC_2_SQRT_PI) * (y * y).exp(),
                sample: (-0.7, 0.7),
            }
            /// $\Phi(x)$, the distribution function of the standard normal. The derivative is its density.
            NormalCdf normal_cdf(x, y) {
                value: primitive,
                slope: (x * x * x.of(-0.5) - x.of(crate::numbers::table::HALF_LN_TAU)).exp(),
                sample: (-2.0, 2.0),
            }
            /// $\ln \Phi(x)$, accurate far out on the left. The derivative is $\varphi(x)/\Phi(x)$.
            LogNormalCdf log_normal_cdf(x, y) {
                value: primitive,
                slope: x.inverse_mills(),
                sample: (-3.0, 2.0),
            }
            /// $\varphi(x)/\Phi(x)$, the inverse of Mills' ratio at $-x$. The derivative is $-y(x + y)$.
            InverseMills inverse_mills(x, y) {
                value: primitive,
                slope: -(y * (x + y)),
                sample: (-3.0, 2.0),
            }
            /// $\Phi^{-1}(x)$. The derivative is $1/\varphi(y)$, where $\varphi(y) = x\,\varphi(y)/\Phi(y)$.
            NormalQuantile normal_quantile(x, y) {
                value: primitive,
                slope: x.mul_no_nan(y.inverse_mills()).recip(),
                sample: (0.1, 0.9),
            }
            /// $\ln |\Gamma(x)|$. The derivative is the digamma function.
            LnGamma ln_gamma(x, y) { value: primitive, slope: x.digamma(), sample: (0.5, 5.0) }
            /// $\psi(x) = \mathrm d \ln\Gamma/\mathrm dx$. The derivative is the polygamma function of order one.
            Digamma digamma(x, y) {
                value: primitive,
                slope: x.of(1.0).polygamma(x),
                sample: (0.5, 5.0),
            }
            /// $e^{-|x|} I_0(x)$, the modified Bessel function scaled. The derivative is $e^{-|x|} I_1(x) - \mathrm{sign}(x)\,y$.
            I0e i0e(x, y) {
                value: primitive,
                slope: -(x.sign() * x.i0e_less_i1e()),
                sample: (0.5, 5.0),
            }
            /// $e^{-|x|} I_1(x)$. The derivative is $e^{-|x|} I_0(x) - y/x - \mathrm{sign}(x)\,y$, one half at $0$.
            I1e i1e(x, y) {
                value: primitive,
                slope: x.equal(x.of(0.0)).select(x.of(0.5), x.i0e_less_i1e() - y / x),
                sample: (0.5, 5.0),
            }
            /// $e^{-|x|} (I_0(x) - I_1(|x|))$, without cancellation. The derivative is
            /// $e^{-|x|} I_1(x)/|x| - 2\,\mathrm{sign}(x)\,y$, and $0$ at $0$, where it jumps.
            I0eLessI1e i0e_less_i1e(x, y) {
                value: primitive,
                slope: x.equal(x.of(0.0)).select(x.of(0.0), x.i1e() / x.abs() - x.of(2.0) * x.sign() * y),
                sample: (0.5, 5.0),
            }
            /// The largest integer not above $x$. Flat.
            Floor floor(x, y) { value: primitive, slope: flat, sample: (-3.0, 3.0) }
            /// The smallest integer not below $x$. Flat.
            Ceil ceil(x, y) { value: primitive, slope: flat, sample: (-3.0, 3.0) }
            /// The nearest integer, halves to the even one. Flat.
            Round round(x, y) { value: primitive, slope: flat, sample: (-3.0, 3.0) }
        }
    };
}
pub(crate) use unary;

/// Rows of functions of two arguments: `Variant method(a, b, y) { value, slopes, sample }`.
///
/// A reader may carry tokens of its own, which come before the rows.
macro_rules! binary {
    ($reader:ident $({ $($carried:tt)* })?) => {
        $reader! {
            $({ $($carried)* })?
            /// $a + b$.
            Add add(a, b, y) {
                operator: a + b,
                slopes: (a.of(1.0), a.of(1.0)),
                sample: (-3.0, 3.0),
            }
            /// $a - b$.
            Sub sub(a, b, y) {
                operator: a - b,
                slopes: (a.of(1.0), a.of(-1.0)),
                sample: (-3.0, 3.0),
            }
            /// $ab$. The derivatives are $b$ and $a$.
            Mul mul(a, b, y) { operator: a * b, slopes: (b, a), sample: (-3.0, 3.0) }
            /// $a/b$. The derivatives are $1/b$ and $-y/b$.
            Div div(a, b, y) { operator: a / b, slopes: (b.recip(), -(y / b)), sample: (0.3, 3.0) }
            /// $a^b$. The derivatives are $b a^{b-1}$ (zero where $b = 0$) and $y \ln a$ (zero where $a = 0 \le b$).
            Pow pow(a, b, y) {
                value: primitive,
                slopes: (
                    b.equal(a.of(0.0)).select(a.of(0.0), b * a.pow(b - a.of(1.0))),
                    (a.equal(a.of(0.0)) * (b.greater(a.of(0.0)) + b.equal(a.of(0.0)))).select(a.of(0.0), y * a.ln())
                ),
                sample: (0.3, 3.0),
            }
            /// The larger of two. A tie shares the derivative: one half each.
            Max max(a, b, y) {
                value: primitive,
                slopes: (
                    a.greater(b) + a.of(0.5) * a.equal(b),
                    b.greater(a) + a.of(0.5) * a.equal(b)
                ),
                sample: (-3.0, 3.0),
            }
            /// The smaller of two. A tie shares the derivative: one half each.
            Min min(a, b, y) {
                value: -(-a).max(-b),
                slopes: (
                    b.greater(a) + a.of(0.5) * a.equal(b),
                    a.greater(b) + a.of(0.5) * a.equal(b)
                ),
                sample: (-3.0, 3.0),
            }
            /// $\ln(e^a + e^b)$ without overflow; of two $-\infty$, $-\infty$ with zero derivatives.
            /// The derivatives are $\sigma(a - b)$ and $\sigma(b - a)$.
            LogAddExp log_add_exp(a, b, y) {
                value: primitive,
                slopes: (
                    (a.equal(b) * a.abs().equal(a.of(f64::INFINITY))).select(a.of(0.5) * a.sign().relu(), (a - b).sigmoid()),
                    (a.equal(b) * a.abs().equal(a.of(f64::INFINITY))).select(a.of(0.5) * a.sign().relu(), (b - a).sigmoid())
                ),
                sample: (-3.0, 3.0),
            }
            /// The remainder of $a/b$ with the sign of $a$ (C's `fmod`), $a - b\,\mathrm{trunc}(a/b)$. The
            /// derivatives are $1$ and $-\mathrm{trunc}(a/b)$; at a jump, those of the piece the value is on.
            Rem rem(a, b, y) {
                operator: a % b,
                slopes: (a.of(1.0), ((y - a) / b).round()),
                sample: (0.3, 3.0),
            }
            /// The angle of the point $(b, a)$ in $(-\pi, \pi]$, by both signs. The derivatives are
            /// $b/(a^2 + b^2)$ and $-a/(a^2 + b^2)$, zero at the origin.
            Atan2 atan2(a, b, y) {
                value: primitive,
                slopes: (
                    { let r = a.hypot(b); r.equal(a.of(0.0)).select(r, b / r / r) },
                    { let r = a.hypot(b); r.equal(a.of(0.0)).select(r, -(a / r / r)) }
                ),
                sample: (0.3, 3.0),
            }
            /// $\sqrt{a^2 + b^2}$ without overflow. The derivatives are $a/y$ and $b/y$, zero at the origin.
            Hypot hypot(a, b, y) {
                value: primitive,
                slopes: (y.equal(a.of(0.0)).select(y, a / y), y.equal(a.of(0.0)).select(y, b / y)),
                sample: (0.3, 3.0),
            }
            /// $a \ln b$, zero where $a = 0$. The derivatives are $\ln b$ and $a/b$, both zero where $a = b = 0$.
            Xlogy xlogy(a, b, y) {
                value: primitive,
                slopes: (
                    (a.equal(a.of(0.0)) * b.equal(a.of(0.0))).select(a.of(0.0), b.ln()),
                    (a.equal(a.of(0.0)) * b.equal(a.of(0.0))).select(a.of(0.0), a / b)
                ),
                sample: (0.3, 3.0),
            }
            /// $a \ln(1 + b)$, zero where $a = 0$. The derivatives are $\ln(1 + b)$ and $a/(1 + b)$, both zero
            /// where $a = 0$ and $b = -1$.
            Xlog1py xlog1py(a, b, y) {
                value: primitive,
                slopes: (
                    (a.equal(a.of(0.0)) * b.equal(a.of(-1.0))).select(a.of(0.0), b.ln_1p()),
                    (a.equal(a.of(0.0)) * b.equal(a.of(-1.0))).select(a.of(0.0), a / (b + a.of(1.0)))
                ),
                sample: (0.3, 3.0),
            }
            /// $\ln B(a, b) = \ln\Gamma(a) + \ln\Gamma(b) - \ln\Gamma(a + b)$, without cancellation. The derivatives
            /// are $\psi(a) - \psi(a + b)$ and $\psi(b) - \psi(a + b)$.
            LnBeta ln_beta(a, b, y) {
                value: primitive,
                slopes: (-a.digamma_gap(b), -b.digamma_gap(a)),
                sample: (0.3, 3.0),
            }
            /// $\psi(a + b) - \psi(a)$, also where the two are nearly equal. The derivatives are
            /// $\psi'(a + b) - \psi'(a)$ and $\psi'(a + b)$.
            DigammaGap digamma_gap(a, b, y) {
                value: primitive,
                slopes: (
                    a.of(1.0).polygamma(a + b) - a.of(1.0).polygamma(a),
                    a.of(1.0).polygamma(a + b)
                ),
                sample: (0.3, 3.0),
            }
            /// The regularised lower incomplete gamma function $P(a, x) = \frac1{\Gamma(a)} \int_0^x t^{a-1} e^{-t} dt$,
            /// the distribution function of $\mathrm{Gamma}(a, 1)$ at $x \ge 0$. The derivatives are
            /// $\partial P/\partial a$ ([`Var::gamma_p_da`](crate::Var::gamma_p_da)) and $x^{a-1} e^{-x}/\Gamma(a)$.
            GammaP gamma_p(a, x, y) {
                value: primitive,
                slopes: (a.gamma_p_da(x), a.gamma_density(x)),
                sample: (0.5, 3.0),
            }
            /// $Q(a, x) = 1 - P(a, x)$, accurate where it is small. The derivatives are those of $P$ with the
            /// other sign.
            GammaQ gamma_q(a, x, y) {
                value: primitive,
                slopes: (-a.gamma_p_da(x), -a.gamma_density(x)),
                sample: (0.5, 3.0),
            }
            /// $\partial P(a, x)/\partial a$, which a gamma variable is reparameterised by (Figurnov, Mohamed and Mnih
            /// 2018). The derivative with respect to $x$ is $x^{a-1} e^{-x} (\ln x - \psi(a))/\Gamma(a)$; the one
            /// with respect to $a$ is not known here, and NaN.
            GammaPDa gamma_p_da(a, x, y) {
                value: primitive,
                slopes: (a.of(f64::NAN), a.gamma_density(x).mul_no_nan(x.ln() - a.digamma())),
                sample: (0.5, 3.0),
            }
            /// $x^{a-1} e^{-x}/\Gamma(a)$, the density of $\mathrm{Gamma}(a, 1)$ at $x \ge 0$, for any shape without
            /// cancellation (Loader 2000). The derivatives are $y(\ln x - \psi(a))$ and $y((a - 1)/x - 1)$.
            GammaDensity gamma_density(a, x, y) {
                value: primitive,
                slopes: (
                    y.mul_no_nan(x.ln() - a.digamma()),
                    { let n = a - a.of(1.0); y * (n.equal(a.of(0.0)).select(n, n / x) - a.of(1.0)) }
                ),
                sample: (0.5, 3.0),
            }
            /// $\psi^{(n)}(x)$ of integer order $n \ge 0$ and argument $x$. The derivative is $\psi^{(n+1)}(x)$ ($x$);
            /// none with respect to the order.
            Polygamma polygamma(n, x, y) {
                value: primitive,
                slopes: (x.of(0.0), (n + x.of(1.0)).polygamma(x)),
                sample: (1.0, 5.0),
            }
            /// $ab$, and $0$ where $a = 0$ even if $b$ is infinite or NaN. An adjoint is multiplied by a slope in this
            /// way, so that a branch that `select` did not take adds nothing. The derivatives are $b$ and $a$.
            #[doc(alias = "multiply_no_nan")]
            MulNoNan mul_no_nan(a, b, y) { value: primitive, slopes: (b, a), sample: (-3.0, 3.0) }
            /// $1$ where $a > b$, else $0$; no derivative.
            Greater greater(a, b, y) { value: primitive, slopes: flat, sample: (-3.0, 3.0) }
            /// $1$ where $a = b$, else $0$; no derivative.
            Equal equal(a, b, y) { value: primitive, slopes: flat, sample: (-3.0, 3.0) }
        }
    };
}
pub(crate) use binary;

/// One column of a row. New columns are added at the end of the rows, and here.
macro_rules! column {
    (is_flat { $key:ident: $value:expr, slope: flat, $($rest:tt)* }) => {
        true
    };
    (is_flat { $key:ident: $value:expr, slopes: flat, $($rest:tt)* }) => {
        true
    };
    (is_flat $columns:tt) => {
        false
    };

    (slope($x:ident) { value: $value:expr, slope: flat, $($rest:tt)* }) => {
        $x.of(0.0)
    };
    (slope($x:ident) { value: $value:expr, slope: $slope:expr, $($rest:tt)* }) => {
        $slope
    };

    (slope $side:tt($a:ident) { $key:ident: $value:expr, slopes: flat, $($rest:tt)* }) => {
        $a.of(0.0)
    };
    (slope 0($a:ident) { $key:ident: $value:expr, slopes: ($da:expr, $db:expr), $($rest:tt)* }) => {
        $da
    };
    (slope 1($a:ident) { $key:ident: $value:expr, slopes: ($da:expr, $db:expr), $($rest:tt)* }) => {
        $db
    };

    (value $method:ident($a:ident, $b:ident) { operator: $value:expr, $($rest:tt)* }) => {
        $value
    };
    (value $method:ident($a:ident, $b:ident) $columns:tt) => {
        $a.$method($b)
    };

    (sample { $key:ident: $value:expr, $slopes:ident: $slope:expr, sample: ($low:expr, $high:expr) $(,)? }) => {
        ($low, $high)
    };
}
pub(crate) use column;

/// An item of a row that has a method: nothing for operators.
macro_rules! named {
    ({ operator: $($rest:tt)* } $($item:tt)*) => {};
    ($columns:tt $($item:tt)*) => { $($item)* };
}
pub(crate) use named;
