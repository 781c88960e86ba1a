//! The log-weights of draws, sums over the other draws, and the columns made of them.

use pathscore_autodiff::{Real, Scalar};

/// The log-probabilities of `draws` draws for each of `batch` members.
#[derive(Clone, Copy, Debug)]
pub struct LogWeights<'a, F> {
    draws: usize,
    batch: usize,
    log_joint: &'a [F],
    log_q: &'a [F],
}

impl<'a, F: Scalar> LogWeights<'a, F> {
    /// Takes two columns of `draws × batch` numbers, draws outermost.
    ///
    /// # Panics
    /// If a column has another length.
    pub fn new(draws: usize, batch: usize, log_joint: &'a [F], log_q: &'a [F]) -> Self {
        let [joint, q] = [log_joint.len(), log_q.len()];
        assert!(
            joint == draws * batch && q == draws * batch,
            "log-weights: columns of {joint} and {q} numbers are not {draws} draws of {batch} members"
        );
        Self { draws, batch, log_joint, log_q }
    }

    /// $K$.
    pub fn draws(&self) -> usize {
        self.draws
    }

    /// The number of members.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// $f_k = \ln w_k = \ln p(x_b, z_k) - \ln q(z_k \mid x_b)$.
    pub fn log_weight(&self, k: usize, b: usize) -> F {
        let at = k * self.batch + b;
        self.log_joint[at] - self.log_q[at]
    }

    /// $\ln q(z_k \mid x_b)$.
    pub fn log_q(&self, k: usize, b: usize) -> F {
        self.log_q[k * self.batch + b]
    }

    /// $\frac1K \sum_k f_k$.
    pub fn mean(&self, b: usize) -> F {
        let sum: F = (0..self.draws).map(|k| self.log_weight(k, b)).sum();
        sum / F::from_f64(self.draws as f64)
    }

    /// $\hat L = \ln \frac1K \sum_k w_k$; $-\infty$ if every weight is zero.
    #[doc(alias = "importance-weighted bound")]
    pub fn bound(&self, b: usize) -> F {
        self.log_mean(F::ONE, b)
    }

    /// $\ln \frac1K \sum_k w_k^{\beta}$; $-\infty$ if every power is zero.
    pub fn log_mean(&self, beta: F, b: usize) -> F {
        let none = F::from_f64(f64::NEG_INFINITY);
        let power = |k| self.log_power(beta, k, b);
        let top = (0..self.draws).map(power).fold(none, Real::max);
        if !top.is_finite() {
            return top;
        }
        let sum: F = (0..self.draws).map(|k| (power(k) - top).exp()).sum();
        top + (sum / F::from_f64(self.draws as f64)).ln()
    }

    /// $\ln w_k^\beta$, which is zero at $\beta = 0$ even where a weight is zero.
    fn log_power(&self, beta: F, k: usize, b: usize) -> F {
        if beta == F::ZERO { F::ZERO } else { beta * self.log_weight(k, b) }
    }

    /// Rényi's bound, $\frac{1}{1 - \alpha} \ln \frac1K \sum_k w_k^{1 - \alpha}$; at $\alpha = 1$ its limit
    /// $\frac1K \sum_k f_k$.
    pub fn renyi_bound(&self, alpha: f64, b: usize) -> F {
        let beta = F::from_f64(1.0 - alpha);
        if alpha == 1.0 { self.mean(b) } else { self.log_mean(beta, b) / beta }
    }

    /// $\tilde w_k = w_k / \sum_j w_j$ as a function of $k$; zero for all if every weight is zero.
    pub fn normalised(self, b: usize) -> impl Fn(usize) -> F + 'a {
        self.tempered(F::ONE, b)
    }

    /// Sums over the other draws, $j \ne k$, for every draw $k$ of member $b$, kept in `memory`.
    ///
    /// The sums are running sums from either end. They take time $O(K)$, contain no difference of nearly equal numbers,
    /// and are exact with weights of zero.
    ///
    /// ```
    /// use pathscore_estimators::{LogWeights, Others};
    /// let w = LogWeights::new(3, 1, &[-1.0, f64::NEG_INFINITY, -3.0], &[0.0; 3]);
    /// let mut memory = Others::default();
    /// let others = w.others(0, &mut memory);
    /// assert_eq!((others.log_sum(0), others.log_sum(2)), (-3.0, -1.0));
    /// assert_eq!((others.mean(1), others.mean(0)), (-2.0, f64::NEG_INFINITY));
    /// ```
    #[doc(alias = "leave-one-out")]
    pub fn others<'m>(&self, b: usize, memory: &'m mut Others<F>) -> &'m Others<F> {
        let none = F::from_f64(f64::NEG_INFINITY);
        let Others { log_sums, sums } = memory;
        log_sums.clear();
        sums.clear();
        let (mut log_before, mut before) = (none, F::ZERO);
        for k in 0..self.draws {
            log_sums.push(log_before);
            sums.push(before);
            let f = self.log_weight(k, b);
            log_before = log_before.log_add_exp(f);
            before += f;
        }
        let (mut log_behind, mut behind) = (none, F::ZERO);
        for k in (0..self.draws).rev() {
            log_sums[k] = log_sums[k].log_add_exp(log_behind);
            sums[k] += behind;
            let f = self.log_weight(k, b);
            log_behind = log_behind.log_add_exp(f);
            behind += f;
        }
        memory
    }

    /// $1 / \sum_k \tilde w_k^2$, the effective sample size: $K$ if all weights are equal, 1 if all weights but one are
    /// zero, and zero if every weight is zero.
    ///
    /// ```
    /// let log_w = [0.5_f64.ln(), 0.25_f64.ln(), 0.25_f64.ln()];
    /// let w = pathscore_estimators::LogWeights::new(3, 1, &log_w, &[0.0; 3]);
    /// assert!((w.effective_draws(0) - 1.0 / 0.375).abs() < 1e-12);
    /// ```
    #[doc(alias = "ESS")]
    #[doc(alias = "effective sample size")]
    pub fn effective_draws(&self, b: usize) -> F {
        let share = self.normalised(b);
        let squares: F = (0..self.draws).map(|k| share(k) * share(k)).sum();
        if squares == F::ZERO { F::ZERO } else { F::ONE / squares }
    }

    /// $w_k^{\beta} / \sum_j w_j^{\beta}$ as a function of $k$; zero for all if every power is zero.
    ///
    /// A share below $\varepsilon^3$ is zero, where $\varepsilon$ is the precision of the type: it would change a weighted mean only if its
    /// term were $\varepsilon^{-2}$ times as large as all others. Products of such shares with small derivatives would be
    /// subnormal numbers, with which a processor computes many times more slowly.
    ///
    /// ```
    /// let w = pathscore_estimators::LogWeights::new(2, 1, &[0.0_f32, -48.0], &[0.0; 2]);
    /// assert_eq!([0, 1].map(w.normalised(0)), [1.0, 0.0]);
    /// ```
    pub fn tempered(self, beta: F, b: usize) -> impl Fn(usize) -> F + 'a {
        let (mean, draws) = (self.log_mean(beta, b), F::from_f64(self.draws as f64));
        let least = F::EPSILON * F::EPSILON * F::EPSILON;
        let none = mean == F::from_f64(f64::NEG_INFINITY);
        move |k| {
            let share = (self.log_power(beta, k, b) - mean).exp() / draws;
            if none || share < least { F::ZERO } else { share }
        }
    }
}

/// The sums over the other draws, for every draw $k$ of one member; [`LogWeights::others`] computes them.
#[derive(Clone, Debug, Default)]
pub struct Others<F> {
    /// $\ln \sum_{j \ne k} w_j$.
    log_sums: Vec<F>,
    /// $\sum_{j \ne k} f_j$.
    sums: Vec<F>,
}

impl<F: Scalar> Others<F> {
    /// $K - 1$.
    fn count(&self) -> F {
        F::from_f64(self.sums.len() as f64) - F::ONE
    }

    /// $\ln \sum_{j \ne k} w_j$; $-\infty$ if there is no other draw or all their weights are zero.
    pub fn log_sum(&self, k: usize) -> F {
        self.log_sums[k]
    }

    /// $\ln \frac{1}{K - 1} \sum_{j \ne k} w_j$, the logarithm of the arithmetic mean of the other weights. It
    /// needs two draws.
    pub fn log_mean(&self, k: usize) -> F {
        self.log_sums[k] - self.count().ln()
    }

    /// $\frac{1}{K - 1} \sum_{j \ne k} f_j$, the logarithm of the geometric mean of the other weights. It needs
    /// two draws.
    pub fn mean(&self, k: usize) -> F {
        self.sums[k] / self.count()
    }
}

/// The columns of an estimator: the cotangents of $\ln p(x, z_k)$ and $\ln q(z_k \mid x)$, with which the
/// reverse sweep begins, and the weight of the path of $z_k$.
#[derive(Clone, Debug, Default)]
pub struct Cotangents<F> {
    /// $a$, draws outermost.
    pub log_joint: Vec<F>,
    /// $b$, draws outermost.
    pub log_q: Vec<F>,
    /// $c$, by which the adjoint of $z_k$ is multiplied, draws outermost; an empty column stands for ones. Only
    /// draws by [`StoppedPath`](crate::draw::StoppedPath) use it.
    pub path: Vec<F>,
    /// Memory for the sums over the other draws, for columns that need them.
    pub others: Others<F>,
}

impl<F: Scalar> Cotangents<F> {
    /// Fills both columns: `member(b)` computes the numbers that the draws of member $b$ share and returns the
    /// function $k \mapsto (a_k, b_k)$.
    pub fn fill<G: Fn(usize) -> (F, F)>(&mut self, w: &LogWeights<F>, member: impl Fn(usize) -> G) {
        self.resize(w);
        (0..w.batch).for_each(|b| self.fill_member(w, b, member(b)));
    }

    /// Gives both columns a row for every draw of every member.
    pub fn resize(&mut self, w: &LogWeights<F>) {
        self.log_joint.resize(w.draws * w.batch, F::ZERO);
        self.log_q.resize(w.draws * w.batch, F::ZERO);
    }

    /// Fills the rows of member $b$ with $(a_k, b_k)$.
    pub fn fill_member(&mut self, w: &LogWeights<F>, b: usize, column: impl Fn(usize) -> (F, F)) {
        for k in 0..w.draws {
            (self.log_joint[k * w.batch + b], self.log_q[k * w.batch + b]) = column(k);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::LogWeights;

    #[test]
    fn a_weight_of_zero_counts_as_one_at_power_zero() {
        let w = LogWeights::new(2, 1, &[f64::NEG_INFINITY, 3.0], &[0.0; 2]);
        assert_eq!(w.log_mean(0.0, 0), 0.0);
        assert_eq!([0, 1].map(w.tempered(0.0, 0)), [0.5, 0.5]);
    }
}
