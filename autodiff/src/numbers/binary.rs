//! The table of elementwise ops of two arguments.

/// Hands the rows of functions of two arguments to a reader: `Variant method(a, b, y) { value, slopes, sample }`.
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
            #[doc(alias = "power")]
            Pow pow(a, b, y) {
                value: primitive,
                slopes: (
                    b.mul_no_nan(a.pow(b - a.of(1.0))),
                    {
                        let zero = a.equal(a.of(0.0));
                        let flat = zero * (b.greater(a.of(0.0)) + b.equal(a.of(0.0)));
                        flat.select(a.of(0.0), y * a.ln())
                    }
                ),
                sample: (0.3, 3.0),
            }
            /// The larger of two numbers; NaN if one is. The derivative is $1$ for the larger one; at a tie, one half for each.
            #[doc(alias = "maximum")]
            Max max(a, b, y) {
                value: primitive,
                slopes: (
                    a.greater(b) + a.of(0.5) * a.equal(b),
                    b.greater(a) + a.of(0.5) * a.equal(b)
                ),
                sample: (-3.0, 3.0),
            }
            /// The smaller of two numbers; NaN if one is. The derivative is $1$ for the smaller one; at a tie, one half for each.
            #[doc(alias = "minimum")]
            Min min(a, b, y) {
                value: -(-a).max(-b),
                slopes: (
                    b.greater(a) + a.of(0.5) * a.equal(b),
                    a.greater(b) + a.of(0.5) * a.equal(b)
                ),
                sample: (-3.0, 3.0),
            }
            /// $\ln(e^a + e^b)$ without overflow. If both are $-\infty$, so is the result, with zero derivatives.
            /// The derivatives are $\sigma(a - b)$ and $\sigma(b - a)$.
            #[doc(alias = "logaddexp")]
            LogAddExp log_add_exp(a, b, y) {
                value: primitive,
                slopes: (
                    {
                        let infinite = a.equal(b) * a.abs().equal(a.of(f64::INFINITY));
                        infinite.select(a.of(0.5) * a.sign().relu(), (a - b).sigmoid())
                    },
                    {
                        let infinite = a.equal(b) * a.abs().equal(a.of(f64::INFINITY));
                        infinite.select(a.of(0.5) * a.sign().relu(), (b - a).sigmoid())
                    }
                ),
                sample: (-3.0, 3.0),
            }
            /// $\ln(e^a - e^b)$ for $a \ge b$, without overflow; $-\infty$ where the two are equal, NaN for $a < b$. The derivatives
            /// are $1/(1 - e^{b-a})$ and $-1/(e^{a-b} - 1)$; if both arguments are $-\infty$, they are zero.
            #[doc(alias = "logsubexp")]
            LogDiffExp log_diff_exp(a, b, y) {
                value: primitive,
                slopes: (
                    {
                        let nothing = a.equal(a.of(f64::NEG_INFINITY));
                        nothing.select(a.of(0.0), -(b - a).exp_m1().recip())
                    },
                    {
                        let nothing = a.equal(a.of(f64::NEG_INFINITY));
                        let gap = b - a;
                        nothing.select(a.of(0.0), gap.exp() / gap.exp_m1())
                    }
                ),
                sample: (-3.0, 3.0),
            }
            /// The remainder of $a/b$ with the sign of $a$ (C's `fmod`), $a - b \mathrm{trunc}(a/b)$. The
            /// derivatives are $1$ and $-\mathrm{trunc}(a/b)$; at a jump they are those of the
            /// piece to which the value belongs.
            Rem rem(a, b, y) {
                operator: a % b,
                slopes: (a.of(1.0), ((y - a) / b).round()),
                sample: (0.3, 3.0),
            }
            /// The angle of the point $(b, a)$ in $[-\pi, \pi]$; the signs of both arguments choose the quadrant. The derivatives are
            /// $b/(a^2 + b^2)$ and $-a/(a^2 + b^2)$, zero at the origin.
            Atan2 atan2(a, b, y) {
                value: primitive,
                slopes: (
                    { let r = a.hypot(b); r.equal(a.of(0.0)).select(r, b / r / r) },
                    { let r = a.hypot(b); r.equal(a.of(0.0)).select(r, -(a / r / r)) }
                ),
                sample: (0.3, 3.0),
            }
            /// $\sqrt{a^2 + b^2}$ without overflow. The derivatives are $a/y$ and $b/y$, zero at the origin; the
            /// larger one is computed as the root of one less the square of the other, whose own derivative does not cancel. The square of
            /// the result has the second derivatives of $a^2 + b^2$, also at the origin.
            Hypot hypot(a, b, y) {
                value: primitive,
                slopes: (
                    {
                        let larger = a.abs().greater(b.abs());
                        let from_other = a.sign() * (b / y).one_minus_square().sqrt();
                        y.equal(a.of(0.0)).select(y, larger.select(from_other, a / y))
                    },
                    {
                        let larger = b.abs().greater(a.abs());
                        let from_other = b.sign() * (a / y).one_minus_square().sqrt();
                        y.equal(a.of(0.0)).select(y, larger.select(from_other, b / y))
                    }
                ),
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
                    {
                        let origin = a.equal(a.of(0.0)) * b.equal(a.of(-1.0));
                        origin.select(a.of(0.0), a / (b + a.of(1.0)))
                    }
                ),
                sample: (0.3, 3.0),
            }
            /// $\ln B(a, b) = \ln\Gamma(a) + \ln\Gamma(b) - \ln\Gamma(a + b)$, without cancellation. The derivatives
            /// are $\psi(a) - \psi(a + b)$ and $\psi(b) - \psi(a + b)$.
            #[doc(alias = "betaln")]
            LnBeta ln_beta(a, b, y) {
                value: primitive,
                slopes: (-a.digamma_gap(b), -b.digamma_gap(a)),
                sample: (0.3, 3.0),
            }
            /// $\psi(a + b) - \psi(a)$, accurate also where the two terms are nearly equal. The derivatives are
            /// $\psi'(a + b) - \psi'(a)$ and $\psi'(a + b)$.
            DigammaGap digamma_gap(a, b, y) {
                value: primitive,
                slopes: (a.trigamma_gap(b), (a + b).trigamma()),
                sample: (0.3, 3.0),
            }
            /// $\psi'(a + b) - \psi'(a)$, accurate also where the two terms are nearly equal. The derivatives are
            /// $\psi^{(2)}(a + b) - \psi^{(2)}(a)$ and $\psi^{(2)}(a + b)$.
            TrigammaGap trigamma_gap(a, b, y) {
                value: primitive,
                slopes: (
                    a.of(2.0).polygamma(a + b) - a.of(2.0).polygamma(a),
                    a.of(2.0).polygamma(a + b)
                ),
                sample: (0.3, 3.0),
            }
            /// The regularised lower incomplete gamma function $P(a, x) = \frac1{\Gamma(a)} \int_0^x t^{a-1} e^{-t} dt$,
            /// the distribution function of $\mathrm{Gamma}(a, 1)$ at $x \ge 0$. The derivatives are
            /// $\partial P/\partial a$ ([`Var::gamma_p_da`](crate::Var::gamma_p_da)) and $x^{a-1} e^{-x}/\Gamma(a)$.
            #[doc(alias = "gammainc")]
            #[doc(alias = "igamma")]
            GammaP gamma_p(a, x, y) {
                value: primitive,
                slopes: (a.gamma_p_da(x), a.gamma_density(x)),
                sample: (0.5, 3.0),
            }
            /// $Q(a, x) = 1 - P(a, x)$, accurate where it is small. The derivatives are those of $P$ with the
            /// other sign.
            #[doc(alias = "gammaincc")]
            #[doc(alias = "igammac")]
            GammaQ gamma_q(a, x, y) {
                value: primitive,
                slopes: (-a.gamma_p_da(x), -a.gamma_density(x)),
                sample: (0.5, 3.0),
            }
            /// $\partial P(a, x)/\partial a$, by which a gamma variable is reparameterised (Figurnov, Mohamed and Mnih
            /// 2018). The derivatives are $\partial^2 P/\partial a^2$
            /// ([`Var::gamma_p_daa`](crate::Var::gamma_p_daa)) and $x^{a-1} e^{-x} (\ln x - \psi(a))/\Gamma(a)$.
            GammaPDa gamma_p_da(a, x, y) {
                value: primitive,
                slopes: (
                    a.gamma_p_daa(x),
                    a.gamma_density(x).mul_no_nan(x.ln() - a.digamma())
                ),
                sample: (0.5, 3.0),
            }
            /// $\partial^2 P(a, x)/\partial a^2$. The derivative with respect to $x$ is
            /// $x^{a-1} e^{-x} ((\ln x - \psi(a))^2 - \psi'(a))/\Gamma(a)$; the one with respect to $a$ is a central difference
            /// of order eight, which is accurate to about eight digits in double precision.
            GammaPDaa gamma_p_daa(a, x, y) {
                value: primitive,
                slopes: (
                    $crate::numbers::difference::by_shape(
                        a,
                        a * (a + a.of(1.0)).rsqrt(),
                        |c| a.of(c),
                        |a| a.gamma_p_daa(x),
                    ),
                    {
                        let by_log = x.ln() - a.digamma();
                        a.gamma_density(x).mul_no_nan(by_log * by_log - a.trigamma())
                    }
                ),
                sample: (0.5, 3.0),
            }
            /// $x^{a-1} e^{-x}/\Gamma(a)$, the density of $\mathrm{Gamma}(a, 1)$ at $x \ge 0$, for any shape without
            /// cancellation (Loader 2000). The derivatives are $y(\ln x - \psi(a))$ and $y((a - 1)/x - 1)$.
            GammaDensity gamma_density(a, x, y) {
                value: primitive,
                slopes: (
                    y.mul_no_nan(x.ln() - a.digamma()),
                    y * ((a - a.of(1.0)).mul_no_nan(x.recip()) - a.of(1.0))
                ),
                sample: (0.5, 3.0),
            }
            /// The polygamma function $\psi^{(n)}(x)$ of integer order $n \ge 0$. The derivative with respect to $x$ is
            /// $\psi^{(n+1)}(x)$; the one with respect to the order is taken as zero.
            Polygamma polygamma(n, x, y) {
                value: primitive,
                slopes: (x.of(0.0), (n + x.of(1.0)).polygamma(x)),
                sample: (1.0, 5.0),
            }
            /// $e^{-|x|} I_n(x)$, the exponentially scaled modified Bessel function of integer order $n$, where $I_{-n} = I_n$. The
            /// derivative with respect to $x$ is $\tfrac12 e^{-|x|} (I_{n-1}(x) + I_{n+1}(x)) - \mathrm{sign}(x) y$, where far
            /// out the terms cancel and the relative error grows as $|x|$; the one with respect to the order is taken as
            /// zero.
            Ive ive(n, x, y) {
                value: primitive,
                slopes: (
                    x.of(0.0),
                    {
                        let sides = (n - x.of(1.0)).ive(x) + (n + x.of(1.0)).ive(x);
                        x.of(0.5) * sides - x.sign() * y
                    }
                ),
                sample: (1.0, 5.0),
            }
            /// $ab$, and $0$ where $a = 0$ even if $b$ is infinite or NaN. An adjoint is multiplied by a slope in this
            /// way, so that a branch that `select` did not take adds nothing. The derivatives are $b$ and $a$.
            #[doc(alias = "multiply_no_nan")]
            MulNoNan mul_no_nan(a, b, y) { value: primitive, slopes: (b, a), sample: (-3.0, 3.0) }
            /// $1$ where $a > b$, else $0$. The derivatives are zero.
            Greater greater(a, b, y) { value: primitive, slopes: flat, sample: (-3.0, 3.0) }
            /// $1$ where $a = b$, else $0$. The derivatives are zero.
            Equal equal(a, b, y) { value: primitive, slopes: flat, sample: (-3.0, 3.0) }
        }
    };
}
pub(crate) use binary;
