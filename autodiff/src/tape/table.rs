//! The two op tables: a row is a whole elementwise op.
//!
//! A row holds the doc, the variant, the function, the derivative over any [`Real`](crate::Real) and the
//! interval on which tests sample it. `on` rows have a derivative; `flat` rows have none (it is zero
//! wherever it exists), and nothing is propagated through them. Everything else about an op, the
//! enum, the kernels, the methods of numbers, duals and variables and the tests, reads these rows.

/// $\tfrac12 \ln 2\pi$.
pub(crate) const HALF_LN_TAU: f64 = 0.918_938_533_204_672_8;

/// Rows of functions of one argument: `Variant name(x, y) => dy/dx, on|flat (low, high);`.
macro_rules! unary {
    ($reader:ident) => {
        $reader! {
            /// $|x|$. The derivative is $\mathrm{sign}(x)$, and $0$ at $0$.
            Abs abs(x, y) => x.sign(), on (-3.0, 3.0);
            /// $-1$, $0$ or $1$: the sign of $x$. Flat.
            Sign sign(x, y) => x.of(0.0), flat (-3.0, 3.0);
            /// $1/x$. The derivative is $-1/x^2$.
            Recip recip(x, y) => -(y * y), on (0.3, 3.0);
            /// $x^2$. The derivative is $2x$.
            Square square(x, y) => x + x, on (-3.0, 3.0);
            /// $\sqrt x$. The derivative is $1/(2\sqrt x)$, infinite at $0$.
            Sqrt sqrt(x, y) => x.of(0.5) / y, on (0.2, 4.0);
            /// $e^x$. The derivative is $e^x$.
            Exp exp(x, y) => y, on (-3.0, 3.0);
            /// $e^x - 1$, accurate near $0$. The derivative is $e^x$.
            ExpM1 exp_m1(x, y) => x.exp(), on (-3.0, 3.0);
            /// The natural logarithm. The derivative is $1/x$; at $0$ the value is $-\infty$.
            Ln ln(x, y) => x.recip(), on (0.2, 4.0);
            /// $\ln(1 + x)$, accurate near $0$. The derivative is $1/(1 + x)$.
            Ln1p ln_1p(x, y) => (x + x.of(1.0)).recip(), on (-0.6, 3.0);
            /// The sine. The derivative is $\cos x$.
            Sin sin(x, y) => x.cos(), on (-3.0, 3.0);
            /// The cosine. The derivative is $-\sin x$.
            Cos cos(x, y) => -x.sin(), on (-3.0, 3.0);
            /// The hyperbolic tangent. The derivative is $1 - y^2 = 4\sigma(2x)\sigma(-2x)$, which has its digits far
            /// out too.
            Tanh tanh(x, y) => { let x = x + x; x.of(4.0) * (x.sigmoid() * (-x).sigmoid()) }, on (-3.0, 3.0);
            /// $\sigma(x) = 1/(1 + e^{-x})$. The derivative is $\sigma(x)\sigma(-x)$.
            Sigmoid sigmoid(x, y) => y * (-x).sigmoid(), on (-4.0, 4.0);
            /// $\ln \sigma(x) = -\mathrm{softplus}(-x)$, exact far out on both sides. The derivative is $\sigma(-x)$.
            LogSigmoid log_sigmoid(x, y) => (-x).sigmoid(), on (-4.0, 4.0);
            /// $\ln(1 + e^x)$, exact far out on both sides. The derivative is $\sigma(x)$.
            Softplus softplus(x, y) => x.sigmoid(), on (-4.0, 4.0);
            /// $\ln \tfrac{x}{1 - x}$, the inverse of the sigmoid; $\mp\infty$ at $0$ and $1$. The derivative is $1/(x(1 - x))$.
            Logit logit(x, y) => (x * (x.of(1.0) - x)).recip(), on (0.1, 0.9);
            /// $x\,\sigma(x)$, also called swish (Ramachandran et al. 2017). The derivative is
            /// $\sigma(x)(1 + x\,\sigma(-x))$, at $\pm\infty$ one and zero.
            Silu silu(x, y) => x.sigmoid().weigh(x.of(1.0) + (-x).sigmoid().weigh(x)), on (-4.0, 4.0);
            /// $x\,\Phi(x)$, the Gaussian error linear unit in its exact form (Hendrycks and Gimpel 2016). The
            /// derivative is $\Phi(x) + x\,\varphi(x)$, at $\pm\infty$ one and zero.
            Gelu gelu(x, y) => x.normal_cdf() + (x * x * x.of(-0.5) - x.of(crate::tape::table::HALF_LN_TAU)).exp().weigh(x), on (-3.0, 3.0);
            /// $\max(x, 0)$. The derivative is $1$ for $x > 0$ and $0$ otherwise, also at $0$.
            Relu relu(x, y) => y.sign(), on (-3.0, 3.0);
            /// $1/\sqrt x$. The derivative is $-y^3/2$.
            Rsqrt rsqrt(x, y) => x.of(-0.5) * y * y * y, on (0.3, 4.0);
            /// $x^{1/3}$, of any sign. The derivative is $1/(3y^2)$, infinite at $0$.
            Cbrt cbrt(x, y) => x.of(1.0 / 3.0) / (y * y), on (0.3, 4.0);
            /// $2^x$. The derivative is $y \ln 2$.
            Exp2 exp2(x, y) => x.of(std::f64::consts::LN_2) * y, on (-3.0, 3.0);
            /// $\log_2 x$. The derivative is $1/(x \ln 2)$.
            Log2 log2(x, y) => x.of(std::f64::consts::LOG2_E) / x, on (0.3, 4.0);
            /// $\log_{10} x$. The derivative is $1/(x \ln 10)$.
            Log10 log10(x, y) => x.of(std::f64::consts::LOG10_E) / x, on (0.3, 4.0);
            /// The tangent. The derivative is $1 + y^2$.
            Tan tan(x, y) => x.of(1.0) + y * y, on (-1.0, 1.0);
            /// The inverse sine. The derivative is $1/\sqrt{1 - x^2}$, infinite at $\pm 1$.
            Asin asin(x, y) => ((x.of(1.0) - x) * (x.of(1.0) + x)).rsqrt(), on (-0.7, 0.7);
            /// The inverse cosine. The derivative is $-1/\sqrt{1 - x^2}$, infinite at $\pm 1$.
            Acos acos(x, y) => -((x.of(1.0) - x) * (x.of(1.0) + x)).rsqrt(), on (-0.7, 0.7);
            /// The inverse tangent. The derivative is $1/(1 + x^2)$.
            Atan atan(x, y) => (x.of(1.0) + x * x).recip(), on (-3.0, 3.0);
            /// The hyperbolic sine. The derivative is $\cosh x$.
            Sinh sinh(x, y) => x.cosh(), on (-2.0, 2.0);
            /// The hyperbolic cosine. The derivative is $\sinh x$.
            Cosh cosh(x, y) => x.sinh(), on (-2.0, 2.0);
            /// The inverse hyperbolic sine. The derivative is $1/\sqrt{1 + x^2}$.
            Asinh asinh(x, y) => x.hypot(x.of(1.0)).recip(), on (-3.0, 3.0);
            /// The inverse hyperbolic cosine. The derivative is $1/\sqrt{x^2 - 1}$, infinite at $1$.
            Acosh acosh(x, y) => (x - x.of(1.0)).rsqrt() * (x + x.of(1.0)).rsqrt(), on (1.4, 4.0);
            /// The inverse hyperbolic tangent. The derivative is $1/(1 - x^2)$, infinite at $\pm 1$.
            Atanh atanh(x, y) => ((x.of(1.0) - x) * (x.of(1.0) + x)).recip(), on (-0.7, 0.7);
            /// $\ln(1 - e^x)$ for $x < 0$, accurate at both ends. The derivative is $-1/(e^{-x} - 1)$.
            Log1mExp log1m_exp(x, y) => -(-x).exp_m1().recip(), on (-3.0, -0.3);
            /// The error function. The derivative is $2e^{-x^2}/\sqrt\pi$.
            Erf erf(x, y) => x.of(std::f64::consts::FRAC_2_SQRT_PI) * (-(x * x)).exp(), on (-2.0, 2.0);
            /// $1 - \mathrm{erf}(x)$, accurate far out. The derivative is $-2e^{-x^2}/\sqrt\pi$.
            Erfc erfc(x, y) => x.of(-std::f64::consts::FRAC_2_SQRT_PI) * (-(x * x)).exp(), on (-2.0, 2.0);
            /// The inverse of the error function. The derivative is $\tfrac12 \sqrt\pi e^{y^2}$.
            ErfInv erf_inv(x, y) => x.of(1.0 / std::f64::consts::FRAC_2_SQRT_PI) * (y * y).exp(), on (-0.7, 0.7);
            /// $\Phi(x)$, the distribution function of the standard normal. The derivative is its density.
            NormalCdf normal_cdf(x, y) => (x * x * x.of(-0.5) - x.of(crate::tape::table::HALF_LN_TAU)).exp(), on (-2.0, 2.0);
            /// $\ln \Phi(x)$, accurate far out on the left. The derivative is $\varphi(x)/\Phi(x)$.
            LogNormalCdf log_normal_cdf(x, y) => x.inverse_mills(), on (-3.0, 2.0);
            /// $\varphi(x)/\Phi(x)$, the inverse of Mills' ratio at $-x$. The derivative is $-y(x + y)$.
            InverseMills inverse_mills(x, y) => -(y * (x + y)), on (-3.0, 2.0);
            /// $\Phi^{-1}(x)$. The derivative is $1/\varphi(y)$, where $\varphi(y) = x\,\varphi(y)/\Phi(y)$.
            NormalQuantile normal_quantile(x, y) => x.weigh(y.inverse_mills()).recip(), on (0.1, 0.9);
            /// $\ln |\Gamma(x)|$. The derivative is the digamma function.
            LnGamma ln_gamma(x, y) => x.digamma(), on (0.5, 5.0);
            /// $\psi(x) = \mathrm d \ln\Gamma/\mathrm dx$. The derivative is the polygamma function of order one.
            Digamma digamma(x, y) => x.of(1.0).polygamma(x), on (0.5, 5.0);
            /// $e^{-|x|} I_0(x)$, the modified Bessel function scaled. The derivative is $e^{-|x|} I_1(x) - \mathrm{sign}(x)\,y$.
            I0e i0e(x, y) => -(x.sign() * x.i0e_less_i1e()), on (0.5, 5.0);
            /// $e^{-|x|} I_1(x)$. The derivative is $e^{-|x|} I_0(x) - y/x - \mathrm{sign}(x)\,y$, one half at $0$.
            I1e i1e(x, y) => x.equal(x.of(0.0)).select(x.of(0.5), x.i0e_less_i1e() - y / x), on (0.5, 5.0);
            /// $e^{-|x|} (I_0(x) - I_1(|x|))$, without cancellation. The derivative is
            /// $e^{-|x|} I_1(x)/|x| - 2\,\mathrm{sign}(x)\,y$, and $0$ at $0$, where it jumps.
            I0eLessI1e i0e_less_i1e(x, y) => x.equal(x.of(0.0)).select(x.of(0.0), x.i1e() / x.abs() - x.of(2.0) * x.sign() * y), on (0.5, 5.0);
            /// The largest integer not above $x$. Flat.
            Floor floor(x, y) => x.of(0.0), flat (-3.0, 3.0);
            /// The smallest integer not below $x$. Flat.
            Ceil ceil(x, y) => x.of(0.0), flat (-3.0, 3.0);
            /// The nearest integer, halves to the even one. Flat.
            Round round(x, y) => x.of(0.0), flat (-3.0, 3.0);
        }
    };
}
pub(crate) use unary;

/// Rows of functions of two arguments: `Variant name(a, b, y) = value => (dy/da, dy/db), on|flat|sign (low, high);`.
///
/// The rows marked `sign` are operators and have no method. A reader may carry tokens of its own, which
/// come before the rows.
macro_rules! binary {
    ($reader:ident $({ $($carried:tt)* })?) => {
        $reader! {
            $({ $($carried)* })?
            /// $a + b$.
            Add add(a, b, y) = a + b => (a.of(1.0), a.of(1.0)), sign (-3.0, 3.0);
            /// $a - b$.
            Sub sub(a, b, y) = a - b => (a.of(1.0), a.of(-1.0)), sign (-3.0, 3.0);
            /// $ab$. The derivatives are $b$ and $a$.
            Mul mul(a, b, y) = a * b => (b, a), sign (-3.0, 3.0);
            /// $a/b$. The derivatives are $1/b$ and $-y/b$.
            Div div(a, b, y) = a / b => (b.recip(), -(y / b)), sign (0.3, 3.0);
            /// $a^b$. The derivatives are $b a^{b-1}$ (zero where $b = 0$) and $y \ln a$ (zero where $a = 0 \le b$).
            Pow pow(a, b, y) = a.pow(b) => (
                b.equal(a.of(0.0)).select(a.of(0.0), b * a.pow(b - a.of(1.0))),
                (a.equal(a.of(0.0)) * (b.greater(a.of(0.0)) + b.equal(a.of(0.0)))).select(a.of(0.0), y * a.ln())
            ), on (0.3, 3.0);
            /// The larger of two. A tie shares the derivative: one half each.
            Max max(a, b, y) = a.max(b) => (
                a.greater(b) + a.of(0.5) * a.equal(b),
                b.greater(a) + a.of(0.5) * a.equal(b)
            ), on (-3.0, 3.0);
            /// The smaller of two. A tie shares the derivative: one half each.
            Min min(a, b, y) = a.min(b) => (
                b.greater(a) + a.of(0.5) * a.equal(b),
                a.greater(b) + a.of(0.5) * a.equal(b)
            ), on (-3.0, 3.0);
            /// $\ln(e^a + e^b)$ without overflow; of two $-\infty$, $-\infty$ with zero derivatives.
            /// The derivatives are $\sigma(a - b)$ and $\sigma(b - a)$.
            LogAddExp log_add_exp(a, b, y) = a.log_add_exp(b) => (
                (a.equal(b) * a.abs().equal(a.of(f64::INFINITY))).select(a.of(0.5) * a.sign().relu(), (a - b).sigmoid()),
                (a.equal(b) * a.abs().equal(a.of(f64::INFINITY))).select(a.of(0.5) * a.sign().relu(), (b - a).sigmoid())
            ), on (-3.0, 3.0);
            /// The remainder of $a/b$ with the sign of $a$ (C's `fmod`), $a - b\,\mathrm{trunc}(a/b)$. The
            /// derivatives are $1$ and $-\mathrm{trunc}(a/b)$; at a jump, those of the piece the value is on.
            Rem rem(a, b, y) = a % b => (a.of(1.0), ((y - a) / b).round()), sign (0.3, 3.0);
            /// The angle of the point $(b, a)$ in $(-\pi, \pi]$, by both signs. The derivatives are
            /// $b/(a^2 + b^2)$ and $-a/(a^2 + b^2)$, zero at the origin.
            Atan2 atan2(a, b, y) = a.atan2(b) => (
                { let r = a.hypot(b); r.equal(a.of(0.0)).select(r, b / r / r) },
                { let r = a.hypot(b); r.equal(a.of(0.0)).select(r, -(a / r / r)) }
            ), on (0.3, 3.0);
            /// $\sqrt{a^2 + b^2}$ without overflow. The derivatives are $a/y$ and $b/y$, zero at the origin.
            Hypot hypot(a, b, y) = a.hypot(b) => (
                y.equal(a.of(0.0)).select(y, a / y),
                y.equal(a.of(0.0)).select(y, b / y)
            ), on (0.3, 3.0);
            /// $a \ln b$, zero where $a = 0$. The derivatives are $\ln b$ and $a/b$, both zero where $a = b = 0$.
            Xlogy xlogy(a, b, y) = a.xlogy(b) => (
                (a.equal(a.of(0.0)) * b.equal(a.of(0.0))).select(a.of(0.0), b.ln()),
                (a.equal(a.of(0.0)) * b.equal(a.of(0.0))).select(a.of(0.0), a / b)
            ), on (0.3, 3.0);
            /// $a \ln(1 + b)$, zero where $a = 0$. The derivatives are $\ln(1 + b)$ and $a/(1 + b)$, both zero
            /// where $a = 0$ and $b = -1$.
            Xlog1py xlog1py(a, b, y) = a.xlog1py(b) => (
                (a.equal(a.of(0.0)) * b.equal(a.of(-1.0))).select(a.of(0.0), b.ln_1p()),
                (a.equal(a.of(0.0)) * b.equal(a.of(-1.0))).select(a.of(0.0), a / (b + a.of(1.0)))
            ), on (0.3, 3.0);
            /// $\ln B(a, b) = \ln\Gamma(a) + \ln\Gamma(b) - \ln\Gamma(a + b)$, without cancellation. The derivatives
            /// are $\psi(a) - \psi(a + b)$ and $\psi(b) - \psi(a + b)$.
            LnBeta ln_beta(a, b, y) = a.ln_beta(b) => (-a.digamma_gap(b), -b.digamma_gap(a)), on (0.3, 3.0);
            /// $\psi(a + b) - \psi(a)$, also where the two are nearly equal. The derivatives are
            /// $\psi'(a + b) - \psi'(a)$ and $\psi'(a + b)$.
            DigammaGap digamma_gap(a, b, y) = a.digamma_gap(b) => (
                a.of(1.0).polygamma(a + b) - a.of(1.0).polygamma(a),
                a.of(1.0).polygamma(a + b)
            ), on (0.3, 3.0);
            /// The regularised lower incomplete gamma function $P(a, x) = \frac1{\Gamma(a)} \int_0^x t^{a-1} e^{-t} dt$,
            /// the distribution function of $\mathrm{Gamma}(a, 1)$ at $x \ge 0$. The derivatives are
            /// $\partial P/\partial a$ ([`Var::gamma_p_da`](crate::Var::gamma_p_da)) and $x^{a-1} e^{-x}/\Gamma(a)$.
            GammaP gamma_p(a, x, y) = a.gamma_p(x) => (a.gamma_p_da(x), a.gamma_density(x)), on (0.5, 3.0);
            /// $Q(a, x) = 1 - P(a, x)$, accurate where it is small. The derivatives are those of $P$ with the
            /// other sign.
            GammaQ gamma_q(a, x, y) = a.gamma_q(x) => (-a.gamma_p_da(x), -a.gamma_density(x)), on (0.5, 3.0);
            /// $\partial P(a, x)/\partial a$, which a gamma variable is reparameterised by (Figurnov, Mohamed and Mnih
            /// 2018). The derivative with respect to $x$ is $x^{a-1} e^{-x} (\ln x - \psi(a))/\Gamma(a)$; the one
            /// with respect to $a$ is not known here, and NaN.
            GammaPDa gamma_p_da(a, x, y) = a.gamma_p_da(x) => (a.of(f64::NAN), a.gamma_density(x).weigh(x.ln() - a.digamma())), on (0.5, 3.0);
            /// $x^{a-1} e^{-x}/\Gamma(a)$, the density of $\mathrm{Gamma}(a, 1)$ at $x \ge 0$, for any shape without
            /// cancellation (Loader 2000). The derivatives are $y(\ln x - \psi(a))$ and $y((a - 1)/x - 1)$.
            GammaDensity gamma_density(a, x, y) = a.gamma_density(x) => (
                y.weigh(x.ln() - a.digamma()),
                { let n = a - a.of(1.0); y * (n.equal(a.of(0.0)).select(n, n / x) - a.of(1.0)) }
            ), on (0.5, 3.0);
            /// $\psi^{(n)}(x)$ of integer order $n \ge 0$ and argument $x$. The derivative is $\psi^{(n+1)}(x)$ ($x$);
            /// none with respect to the order.
            Polygamma polygamma(n, x, y) = n.polygamma(x) => (x.of(0.0), (n + x.of(1.0)).polygamma(x)), on (1.0, 5.0);
            /// $ab$, and $0$ where $a = 0$ even if $b$ is infinite or NaN: how an adjoint meets a slope, so that
            /// nothing comes of what was not taken. The derivatives are $b$ and $a$.
            Weigh weigh(a, b, y) = a.weigh(b) => (b, a), on (-3.0, 3.0);
            /// $1$ where $a > b$, else $0$; no derivative.
            Greater greater(a, b, y) = a.greater(b) => (a.of(0.0), a.of(0.0)), flat (-3.0, 3.0);
            /// $1$ where $a = b$, else $0$; no derivative.
            Equal equal(a, b, y) = a.equal(b) => (a.of(0.0), a.of(0.0)), flat (-3.0, 3.0);
        }
    };
}
pub(crate) use binary;

/// An item of a row that has a method: nothing for operators.
macro_rules! named {
    (sign $($item:tt)*) => {};
    ($kind:ident $($item:tt)*) => { $($item)* };
}
pub(crate) use named;

/// Writes the enum, the derivative and the descriptions of the unary ops.
macro_rules! unary_enum {
    ($($(#[$doc:meta])* $name:ident $method:ident($x:ident, $y:ident) => $slope:expr, $kind:ident ($low:expr, $high:expr);)*) => {
        /// An elementwise function of one argument: one row of the table each.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Unary { $($(#[$doc])* $name,)* }

        impl Unary {
            /// Every row of the table, in order.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The derivative at `x`, where the value is `y`.
            #[inline(always)]
            #[allow(unused_variables)]
            pub fn slope<R: crate::Real>(self, x: R, y: R) -> R {
                match self { $(Self::$name => { let ($x, $y) = (x, y); $slope })* }
            }

            /// The function itself on a number, a dual or a variable.
            pub fn value<R: crate::Real>(self, x: R) -> R {
                match self { $(Self::$name => crate::Real::$method(x),)* }
            }

            /// The name of the method that records this op.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($method),)* }
            }

            /// An interval on which the function and its derivative are tame: where tests sample it.
            pub fn domain(self) -> (f64, f64) {
                match self { $(Self::$name => ($low, $high),)* }
            }

            /// Whether the derivative is zero wherever it exists.
            #[inline]
            pub fn is_flat(self) -> bool {
                match self { $(Self::$name => matches!(stringify!($kind).as_bytes(), b"flat"),)* }
            }
        }
    };
}
unary!(unary_enum);

/// Writes the enum, the values, the derivatives and the descriptions of the binary ops.
macro_rules! binary_enum {
    ($($(#[$doc:meta])* $name:ident $method:ident($a:ident, $b:ident, $y:ident) = $value:expr => ($da:expr, $db:expr), $kind:ident ($low:expr, $high:expr);)*) => {
        /// An elementwise function of two arguments, which broadcast: one row of the table each.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Binary { $($(#[$doc])* $name,)* }

        impl Binary {
            /// Every row of the table, in order.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The function itself on numbers, duals or variables.
            #[inline(always)]
            pub fn value<R: crate::Real>(self, a: R, b: R) -> R {
                match self { $(Self::$name => { let ($a, $b) = (a, b); $value })* }
            }

            /// The derivative with respect to argument `side` (0 or 1) at `(a, b)`, where the value is `y`.
            #[inline(always)]
            #[allow(unused_variables)]
            pub fn slope<R: crate::Real>(self, side: usize, a: R, b: R, y: R) -> R {
                match (self, side) {
                    $((Self::$name, 0) => { let ($a, $b, $y) = (a, b, y); $da }
                      (Self::$name, _) => { let ($a, $b, $y) = (a, b, y); $db })*
                }
            }

            /// Both derivatives at `(a, b)`, where the value is `y`.
            #[inline(always)]
            #[allow(unused_variables)]
            pub fn slopes<R: crate::Real>(self, a: R, b: R, y: R) -> [R; 2] {
                match self { $(Self::$name => { let ($a, $b, $y) = (a, b, y); [$da, $db] })* }
            }

            /// The name of the function.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($method),)* }
            }

            /// An interval on which the function and its derivatives are tame: where tests sample it.
            pub fn domain(self) -> (f64, f64) {
                match self { $(Self::$name => ($low, $high),)* }
            }

            /// Whether both derivatives are zero wherever they exist.
            #[inline]
            pub fn is_flat(self) -> bool {
                match self { $(Self::$name => matches!(stringify!($kind).as_bytes(), b"flat"),)* }
            }
        }
    };
}
binary!(binary_enum);
