//! Elementwise functions that are not a row of a table: they take a constant, or are composed of rows.

use crate::numbers::ops::Binary;
use crate::numbers::shape::Shape;
use crate::tape::engine::Scalar;
use crate::tape::op::Op;
use crate::tape::op::beta::Beta;
use crate::tape::record::Var;

impl<F: Scalar> Var<'_, F> {
    /// $x^c$ for a constant exponent $c$. The derivative is $c x^{c-1}$, zero for $c = 0$.
    #[track_caller]
    pub fn powf(self, exponent: F) -> Self {
        self.record(Op::ZipRight(Binary::Pow, exponent), &[self], None)
    }

    /// $x^n$ for an integer $n$; $x$ may be negative. The derivative is $n x^{n-1}$, zero for $n = 0$.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let x = tape.leaf(&[-2.0], [1]);
    /// assert_eq!(x.powi(3).value().values(), [-8.0]);
    /// assert_eq!(x.powi(3).sum().backward().of(x).values(), [12.0]);
    /// ```
    #[track_caller]
    pub fn powi(self, exponent: i32) -> Self {
        self.powf(F::from_f64(f64::from(exponent)))
    }

    /// $x$ clamped to the interval from `low` to `high`; NaN stays NaN. The derivative is $1$ inside the interval, ends included,
    /// and $0$ outside.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let x = tape.leaf(&[-3.0, 1.0, 3.0], [3]);
    /// let y = x.clamp(-1.0, 1.0);
    /// assert_eq!(y.value().values(), [-1.0, 1.0, 1.0]);
    /// assert_eq!(y.sum().backward().of(x).values(), [0.0, 1.0, 0.0]);
    /// ```
    ///
    /// # Panics
    /// If `low` is above `high` or one of them is NaN.
    #[track_caller]
    pub fn clamp(self, low: F, high: F) -> Self {
        assert!(low <= high, "clamp: nothing lies between {low} and {high}");
        let [low, high] = [low, high].map(|c| self.tape().number(c));
        self.less(low).select(low, self.greater(high).select(high, self))
    }

    /// $x$ where $x > 0$, else $cx$ with `slope` $c$. The derivative is $1$ above zero and $c$ elsewhere, also at zero.
    #[track_caller]
    pub fn leaky_relu(self, slope: F) -> Self {
        self.greater(self.constant(0.0)).select(self, self * slope)
    }

    /// $x$ where $x > 0$, else $\alpha(e^x - 1)$ (Clevert, Unterthiner and Hochreiter 2016). The derivative is $1$
    /// above zero and $\alpha e^x$ elsewhere, also at zero.
    #[track_caller]
    pub fn elu(self, alpha: F) -> Self {
        let above = self.greater(self.constant(0.0));
        // Large x must not overflow in the branch that is not taken.
        let below = above.select(self.constant(0.0), self).exp_m1() * alpha;
        above.select(self, below)
    }

    /// One where `self` is less than `other`, else zero. The derivatives are zero.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn less(self, other: Self) -> Self {
        other.greater(self)
    }

    /// One where `self` is greater than `other` or equal to it, else zero. The derivatives are zero.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn greater_equal(self, other: Self) -> Self {
        self.greater(other) + self.equal(other)
    }

    /// One where `self` is less than `other` or equal to it, else zero. The derivatives are zero.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn less_equal(self, other: Self) -> Self {
        other.greater_equal(self)
    }

    /// One where the two are not equal, else zero. NaN is not equal to itself. The derivatives are zero.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn not_equal(self, other: Self) -> Self {
        -self.equal(other) + F::ONE
    }

    /// The regularised incomplete beta function $I_x(a, b) = \frac{1}{B(a, b)} \int_0^x t^{a-1} (1-t)^{b-1} dt$
    /// with `self` $a$, the distribution function of $\mathrm{Beta}(a, b)$; the three shapes broadcast. The arguments stand in
    /// the order $a$, $b$, $x$, as in `betainc` of SciPy: shapes come first, as in [`Var::gamma_p`].
    ///
    /// The derivative with respect to $x$ is the density $x^{a-1} (1-x)^{b-1}/B(a, b)$; those with respect
    /// to $a$ and $b$ are computed along with the function, and reparameterise a beta variable (Figurnov, Mohamed and Mnih
    /// 2018). Second derivatives with respect to $a$ and $b$ are computed in the same way; third ones are central differences
    /// of order eight, which are accurate to about eight digits in double precision. The function is NaN
    /// outside $0 \le x \le 1$, and if $a$ or $b$ is not positive.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let [a, b, x] = [2.0, 1.0, 0.3].map(|c| tape.leaf(&[c], []));
    /// let y = a.beta_inc(b, x); // x² for a = 2, b = 1, and x^a for b = 1
    /// assert!((y.item() - 0.09_f64).abs() < 1e-15);
    /// let grads = y.backward();
    /// assert!((grads.of(x).item() - 0.6).abs() < 1e-14);
    /// assert!((grads.of(a).item() - 0.09 * 0.3_f64.ln()).abs() < 1e-14);
    /// let second = y.grad(&[a])[0].grad(&[a])[0];
    /// assert!((second.item() - 0.09 * 0.3_f64.ln().powi(2)).abs() < 1e-13);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[doc(alias = "betainc")]
    #[track_caller]
    pub fn beta_inc(self, b: Self, x: Self) -> Self {
        let shapes = [self, b, x].map(|x| x.shape());
        let whole = Shape::broadcast(&shapes[0], &shapes[1])
            .and_then(|two| Shape::broadcast(&two, &shapes[2]));
        let Some(whole) = whole else {
            let [a, b, x] = shapes;
            panic!("beta_inc: shapes {a}, {b} and {x} do not broadcast");
        };
        let args =
            [self, b, x].map(|x| if *x.shape() == *whole { x } else { x.broadcast_to(&whole) });
        self.record(Op::Beta(Beta::Inc), &args, None)
    }
}
