"""Tables of distributions and of their divergences to 40 digits, and of entropies and divergences across kinds to 25.

    python3 make_tables.py distributions   writes distributions.csv beside this file
    python3 make_tables.py divergences     writes divergences.csv

Needs mpmath. Arguments are the shortest decimals of doubles. A row of distributions.csv is: function (log_prob, cdf or quantile),
distribution, parameters (with colons), argument, value, and the change of the value that relative changes of one of the
argument and of each parameter cause together; the last tells what rounding them once costs. A row of divergences.csv is:
distribution of q, distribution of p (or `entropy`, without parameters), parameters of q, parameters of p, value, and the sum of the sizes of the terms
where the value is their difference (zero if nothing may cancel). Divergences within a kind are formulas; entropies and divergences across kinds are integrals
of the densities, to 25 digits. Quantiles are roots at 70 digits; every other number is evaluated with growing precision until two
evaluations agree to 42 digits.
"""
import itertools
from pathlib import Path

import mpmath as mp

mpf = mp.mpf
INF = float("inf")


def value(f, *args):
    """f(args) to 42 digits."""
    before = None
    for digits in (60, 120, 240, 480, 960):
        mp.mp.dps = digits
        now = f(*map(mpf, args))
        if before is not None and (now == before or abs(now - before) <= abs(now) * mpf("1e-42")):
            return now
        before = now
    raise ArithmeticError(f"{args} does not settle")


def condition(f, *args):
    """The sum of |x df/dx| over the arguments, to a few digits."""
    mp.mp.dps = 120
    args = list(map(mpf, args))
    step, total = mpf("1e-30"), mpf(0)
    for i, x in enumerate(args):
        if x == 0 or mp.isinf(x):
            continue
        at = lambda sign: f(*args[:i], x * (1 + sign * step), *args[i + 1 :])
        total += abs(at(1) - at(-1)) / (2 * step)
    return total


# ---- distributions: log_prob(x, parameters) and cdf(x, parameters) --------------------------------


def normal_cdf(t):
    return mp.erfc(-t / mp.sqrt(2)) / 2


def normal_ln(t):
    return -t * t / 2 - mp.log(2 * mp.pi) / 2


def sigmoid(x):
    return 1 / (1 + mp.exp(-x))


def softplus(x):
    return mp.log1p(mp.exp(x)) if x < 0 else x + mp.log1p(mp.exp(-x))


def logit(x):
    return mp.log(x) - mp.log1p(-x)


def gamma_p(a, x):
    return mp.gammainc(a, 0, x, regularized=True)


def gamma_q(a, x):
    return mp.gammainc(a, x, mp.inf, regularized=True)


def beta_inc(a, b, x):
    """By the series of positive terms at the side where it is short."""
    if x > (a + 1) / (a + b + 2):
        return 1 - beta_inc(b, a, 1 - x)
    term = total = mpf(1)
    k, least = 0, mpf(10) ** (-mp.mp.dps)
    while True:
        k += 1
        ratio = (a + b + k - 1) / (a + k) * x
        term *= ratio
        total += term
        if ratio < 1 and term < least * total * (1 - ratio):
            break
    ln_beta = mp.loggamma(a + 1) + mp.loggamma(b) - mp.loggamma(a + b)
    return mp.exp(a * mp.log(x) + b * mp.log1p(-x) - ln_beta) * total


def ln_beta(a, b):
    return mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b)


def truncated_mass(a, b):
    return normal_cdf(b) - normal_cdf(a) if a + b < 0 else normal_cdf(-a) - normal_cdf(-b)


def cb_norm(eta):
    return mp.log(mp.expm1(eta) / eta)


def student_cdf(x, nu, mu, s):
    t = (x - mu) / s
    tail = beta_inc(nu / 2, mpf(1) / 2, nu / (nu + t * t)) / 2 if t != 0 else mpf(1) / 2
    return tail if t < 0 else 1 - tail


CONTINUOUS = {
    "Normal": (lambda x, m, s: normal_ln((x - m) / s) - mp.log(s), lambda x, m, s: normal_cdf((x - m) / s),
               [(0.0, 1.0), (-2.0, 0.3), (1e3, 1e-6)]),
    "Laplace": (lambda x, m, b: -abs(x - m) / b - mp.log(2 * b),
                lambda x, m, b: mp.exp((x - m) / b) / 2 if x < m else 1 - mp.exp((m - x) / b) / 2,
                [(0.0, 1.0), (-2.0, 0.3)]),
    "LogNormal": (lambda x, m, s: normal_ln((mp.log(x) - m) / s) - mp.log(s * x),
                  lambda x, m, s: normal_cdf((mp.log(x) - m) / s), [(0.25, 0.7), (-1.0, 4.0)]),
    "Exponential": (lambda x, l: mp.log(l) - l * x, lambda x, l: -mp.expm1(-l * x), [(2.0,), (1e-200,)]),
    "Gamma": (lambda x, a, b: a * mp.log(b) + (a - 1) * mp.log(x) - b * x - mp.loggamma(a), lambda x, a, b: gamma_p(a, b * x),
              [(0.05, 1.0), (0.7, 2.0), (3.75, 0.5), (300.0, 3.0)]),
    "Beta": (lambda x, a, b: (a - 1) * mp.log(x) + (b - 1) * mp.log1p(-x) - ln_beta(a, b), lambda x, a, b: beta_inc(a, b, x),
             [(0.3, 1.4), (2.0, 5.0), (40.0, 2.75), (900.0, 300.0)]),
    "StudentT": (lambda x, n, m, s: -(n + 1) / 2 * mp.log1p(((x - m) / s) ** 2 / n) - mp.log(n) / 2 - ln_beta(n / 2, mpf(1) / 2) - mp.log(s),
                 student_cdf, [(0.75, 0.0, 1.0), (5.0, 1.0, 2.0), (60.0, -1.0, 0.5)]),
    "Uniform": (lambda x, a, b: -mp.log(b - a), lambda x, a, b: (x - a) / (b - a), [(0.0, 1.0), (-3.0, -1.0), (-1.0, 1e3)]),
    "Cauchy": (lambda x, m, s: -mp.log(mp.pi * s * (1 + ((x - m) / s) ** 2)), lambda x, m, s: mp.atan2(s, m - x) / mp.pi,
               [(0.0, 1.0), (-2.0, 0.3)]),
    "HalfCauchy": (lambda x, s: mp.log(2 / (mp.pi * s * (1 + (x / s) ** 2))), lambda x, s: 2 * mp.atan(x / s) / mp.pi, [(1.0,), (1e-3,)]),
    "HalfNormal": (lambda x, s: normal_ln(x / s) - mp.log(s) + mp.log(2), lambda x, s: mp.erf(x / s / mp.sqrt(2)), [(1.0,), (1e-3,)]),
    "Logistic": (lambda x, m, s: -abs(x - m) / s - 2 * mp.log1p(mp.exp(-abs(x - m) / s)) - mp.log(s), lambda x, m, s: sigmoid((x - m) / s),
                 [(0.0, 1.0), (-2.0, 0.3)]),
    "Gumbel": (lambda x, m, b: -(x - m) / b - mp.exp(-(x - m) / b) - mp.log(b), lambda x, m, b: mp.exp(-mp.exp(min((m - x) / b, mpf(10000)))),
               [(0.0, 1.0), (-2.0, 0.3)]),
    "Weibull": (lambda x, l, k: mp.log(k / l) + (k - 1) * mp.log(x / l) - (x / l) ** k, lambda x, l, k: -mp.expm1(-((x / l) ** k)),
                [(1.0, 1.0), (3.0, 0.4), (0.2, 2.5), (2.0, 30.0)]),
    "Pareto": (lambda x, m, a: mp.log(a / m) - (a + 1) * mp.log(x / m), lambda x, m, a: -mp.expm1(-a * mp.log(x / m)),
               [(1.0, 0.6), (3.0, 2.5), (0.2, 30.0)]),
    "InverseGamma": (lambda x, a, b: a * mp.log(b) - (a + 1) * mp.log(x) - b / x - mp.loggamma(a), lambda x, a, b: gamma_q(a, b / x),
                     [(0.3, 1.0), (4.5, 0.5), (300.0, 3.0)]),
    "LogitNormal": (lambda x, m, s: normal_ln((logit(x) - m) / s) - mp.log(s * x * (1 - x)), lambda x, m, s: normal_cdf((logit(x) - m) / s),
                    [(0.0, 1.0), (-2.0, 3.0)]),
    "TruncatedNormal": (lambda x, m, s, a, b: normal_ln((x - m) / s) - mp.log(s * truncated_mass((a - m) / s, (b - m) / s)),
                        lambda x, m, s, a, b: truncated_mass((a - m) / s, (x - m) / s) / truncated_mass((a - m) / s, (b - m) / s),
                        [(0.0, 1.0, -1.0, 2.0), (1.0, 2.0, -INF, 0.0), (1.0, 2.0, 1.5, INF), (0.0, 1.0, 30.0, INF),
                         (0.0, 1.0, -12.0, -11.5), (0.0, 1.0, 0.3, 0.32), (0.0, 1.0, 5.0, 5.009)]),
    "ContinuousBernoulli": (lambda x, e: e * x - cb_norm(e), lambda x, e: mp.expm1(e * x) / mp.expm1(e),
                            [(1e-9,), (0.9,), (-1.1,), (8.0,), (-60.0,)]),
    "RelaxedBernoulli": (lambda x, t, e: mp.log(t) - softplus(t * logit(x) - e) - softplus(e - t * logit(x)) - mp.log(x * (1 - x)),
                         lambda x, t, e: sigmoid(t * logit(x) - e), [(1.0, 0.3), (2.5, -1.0), (0.25, 0.5)]),
}

# log_prob(k, parameters), cdf(k, parameters); parameters as the table of the tests has them.
DISCRETE = {
    "Bernoulli": (lambda k, e: -softplus(-e if k else e), lambda k, e: mpf(1) if k >= 1 else sigmoid(-e), [(0.3,), (-4.0,), (40.0,)], (0, 1)),
    "Geometric": (lambda k, p: k * mp.log1p(-p) + mp.log(p), lambda k, p: -mp.expm1((k + 1) * mp.log1p(-p)), [(0.3,), (0.99,), (0.004,)],
                  (0, 1, 5, 40, 700)),
    "Poisson": (lambda k, r: k * mp.log(r) - r - mp.loggamma(k + 1), lambda k, r: gamma_q(k + 1, r), [(0.01,), (3.0,), (29.0,), (4e3,)],
                (0, 1, 5, 30, 3800, 4000, 4100)),
    "Binomial": (lambda k, n, p: mp.log(mp.binomial(n, k)) + k * mp.log(p) + (n - k) * mp.log1p(-p),
                 lambda k, n, p: mpf(1) if k >= n else beta_inc(n - k, k + 1, 1 - p), [(7.0, 0.2), (40.0, 0.9), (4000.0, 0.02)],
                 (0, 1, 5, 7, 36, 80, 120)),
    "NegativeBinomial": (lambda k, r, p: mp.loggamma(k + r) - mp.loggamma(r) - mp.loggamma(k + 1) + k * mp.log(p) + r * mp.log1p(-p),
                         lambda k, r, p: beta_inc(r, k + 1, 1 - p), [(0.4, 0.3), (3.0, 0.8), (250.0, 0.1)], (0, 1, 5, 30, 60)),
}

LEVELS = [1e-100, 1e-20, 1e-6, 0.01, 0.3, 0.5, 0.9, 0.999, 1 - 1e-9]


def quantile(cdf, at, u, ends):
    """The root of cdf(x) = u between the ends, by halving and then Anderson and Björck's method."""
    low, high = ends
    # A map of the real line onto the interval, which has room for every magnitude.
    if low == -INF and high == INF:
        of = lambda y: mp.sinh(y)
    elif high == INF:
        of = lambda y: low + mp.exp(y)
    elif low == -INF:
        of = lambda y: high - mp.exp(-y)
    else:
        of = lambda y: low + (mpf(high) - low) * sigmoid(y)
    mp.mp.dps = 30
    at = list(map(mpf, at))
    f = lambda y: cdf(of(y), *at) < u
    a, b = mpf(-800), mpf(800)
    for _ in range(60):
        m = (a + b) / 2
        a, b = (m, b) if f(m) else (a, m)

    mp.mp.dps = 70
    error = lambda y: mp.log(cdf(of(y), *at)) - mp.log(u)
    return of(mp.findroot(error, (a, b), solver="anderson", tol=mpf(10) ** (-2 * mp.mp.dps + 20), verify=False))


def ends(name, at):
    if name in ("Normal", "Laplace", "StudentT", "Cauchy", "Logistic", "Gumbel"):
        return -INF, INF
    if name in ("Beta", "LogitNormal", "ContinuousBernoulli", "RelaxedBernoulli"):
        return 0.0, 1.0
    if name == "Uniform":
        return at
    if name == "TruncatedNormal":
        return at[2:]
    return (at[0], INF) if name == "Pareto" else (0.0, INF)


def distributions(out):
    def write(what, name, at, x, v, size):
        cells = [what, name, ":".join(map(repr, at)), repr(x), mp.nstr(v, 40), mp.nstr(size, 3)]
        out.write(",".join(cells) + "\n")

    def functions(name, log_prob, cdf, at, x):
        v = value(log_prob, x, *at)
        write("log_prob", name, at, x, v, condition(log_prob, x, *at))
        v = value(cdf, x, *at)
        if mpf("1e-300") < v:
            write("cdf", name, at, x, v, condition(cdf, x, *at))

    for name, (log_prob, cdf, cases) in CONTINUOUS.items():
        for at in cases:
            low, high = ends(name, at)
            for u in LEVELS:
                x = quantile(cdf, at, mpf(u), (low, high))
                # Beyond the range of doubles, or next to an end of the support.
                if mp.isnan(x) or not mpf("1e-300") < abs(x) < mpf("1e300"):
                    continue
                # By the rule of implicit functions from those of the distribution function.
                mp.mp.dps = 70
                density = mp.exp(log_prob(x, *map(mpf, at)))
                moved = (condition(lambda *at: cdf(x, *at), *at) + mpf(u)) / density
                # Near one the level has lost the digits of its complement, which the condition tells.
                write("quantile", name, at, u, x, moved)
                point = float("%.6g" % float(x))
                if low < point < high:
                    functions(name, log_prob, cdf, at, point)
    for name, (log_prob, cdf, cases, counts) in DISCRETE.items():
        for at in cases:
            for k in counts:
                if name == "Binomial" and k > at[0]:
                    continue
                if value(cdf, k, *at) < mpf("1e-250") or value(log_prob, k, *at) < -500:
                    continue
                functions(name, log_prob, cdf, at, float(k))
                below = value(cdf, k - 1, *at) if k else mpf(0)
                middle = float((value(cdf, k, *at) + below) / 2)
                if below < middle < value(cdf, k, *at) and middle < 0.9999:
                    write("quantile", name, at, middle, mpf(k), mpf(0))


# ---- divergences ---------------------------------------------------------------------------


def kl_bernoulli(q, p):
    s = sigmoid(q)
    return softplus(p) - softplus(q) - (p - q) * s


def kl_lgamma(q, p):
    return mp.loggamma(p) - mp.loggamma(q) - mp.psi(0, q) * (p - q)


def kl_gamma(a, b, c, d):
    return kl_lgamma(a, c) + (a - c) * mp.log(d / b) + a * (d / b - 1 - mp.log(d / b))


def kl_dirichlet(*at):
    q, p = at[: len(at) // 2], at[len(at) // 2 :]
    return sum(map(kl_lgamma, q, p)) - kl_lgamma(mp.fsum(q), mp.fsum(p))


def kl_gumbel(m, b, n, c):
    r, d = b / c, (n - m) / c
    return mp.euler * (r - 1) - mp.log(r) - d - 1 + mp.exp(d) * mp.gamma(1 + r)


def kl_von_mises(m, k, n, l):
    a = mp.besseli(1, k) / mp.besseli(0, k)
    return a * (k - l * mp.cos(m - n)) - mp.log(mp.besseli(0, k)) + mp.log(mp.besseli(0, l))


def kl_categorical(*at):
    q, p = at[: len(at) // 2], at[len(at) // 2 :]
    norm = lambda eta: mp.log(sum(map(mp.exp, eta)))
    a, b = norm(q), norm(p)
    return sum(mp.exp(x - a) * ((x - a) - (y - b)) for x, y in zip(q, p))


def kl_mvn(*at):
    """Of two coordinates: the means, and the lower triangles row by row."""
    (m0, m1, a, b, c), (n0, n1, d, e, f) = at[:5], at[5:]
    inverse = mp.matrix([[1 / d, 0], [-e / (d * f), 1 / f]])
    ratio = inverse * mp.matrix([[a, 0], [b, c]])
    y = inverse * mp.matrix([m0 - n0, m1 - n1])
    trace = sum(x * x for x in ratio)
    return (trace + y[0] ** 2 + y[1] ** 2 - 2) / 2 - mp.log(a * c / (d * f))


def kl_cb(q, p):
    mean = -1 / mp.expm1(-q) - 1 / q
    return cb_norm(p) - cb_norm(q) - (p - q) * mean


def excess(d):
    return mp.expm1(d) - d


# Each: the divergence, and pairs far apart. Pairs close to each of the first ones are added.
SAME = {
    "Normal": (lambda m, s, n, r: excess(2 * (s - r)) / 2 + (m - n) ** 2 * mp.exp(-2 * r) / 2, [(0.3, 0.7, -1.0, 2.0), (1e3, -6.0, 1e3, -5.0)]),
    "Laplace": (lambda m, b, n, c: excess(mp.log(b / c)) + b / c * excess(-abs(m - n) / b), [(0.3, 0.7, -1.0, 2.0), (10.0, 3.0, 10.5, 0.01)]),
    "Exponential": (lambda a, b: excess(mp.log(b / a)), [(0.4, 3.0), (1e-100, 1e100)]),
    "HalfNormal": (lambda a, b: excess(2 * mp.log(a / b)) / 2, [(0.3, 2.0), (20.0, 1e-3)]),
    "HalfCauchy": (lambda a, b: mp.log((a + b) ** 2 / (4 * a * b)), [(0.3, 2.0), (20.0, 1e-3)]),
    "Cauchy": (lambda m, a, n, b: mp.log(((a + b) ** 2 + (m - n) ** 2) / (4 * a * b)), [(0.3, 0.7, -1.0, 2.0), (5.0, 20.0, 5.0, 1e-3)]),
    "Gumbel": (kl_gumbel, [(0.3, 0.7, -1.0, 2.0), (0.3, 3.0, 0.3, 0.5)]),
    "Weibull": (lambda l, k, m, j: kl_gumbel(-mp.log(l), 1 / k, -mp.log(m), 1 / j), [(0.3, 2.75, 1.0, 1.25), (3.0, 0.5, 0.25, 4.0)]),
    "Pareto": (lambda m, a, n, b: excess(mp.log(b / a)) + b * mp.log(m / n), [(0.3, 2.75, 0.2, 1.25)]),
    "Gamma": (kl_gamma, [(0.7, 2.0, 3.75, 0.5), (30.0, 0.5, 2.0, 0.5), (1e-3, 2.0, 5e-4, 3.0)]),
    "InverseGamma": (kl_gamma, [(3.75, 2.0, 2.75, 0.5)]),
    "Beta": (kl_dirichlet, [(0.7, 2.0, 3.75, 1.5), (30.0, 90.0, 4.0, 5.0), (1e-3, 0.5, 0.5, 1e-3)]),
    "Dirichlet": (kl_dirichlet, [(0.7, 2.0, 5.0, 3.75, 1.5, 1.0), (12.0, 9.0, 40.0, 13.0, 20.0, 30.0)]),
    "Bernoulli": (kl_bernoulli, [(0.7, -2.0), (-30.0, 2.0), (40.0, 41.0), (8.0, -8.0)]),
    "Geometric": (lambda q, p: kl_bernoulli(q, p) / sigmoid(q), [(0.7, -2.0), (-12.0, -9.0)]),
    "Poisson": (lambda q, p: mp.exp(q) * excess(p - q), [(0.7, 3.0), (-20.0, 9.0)]),
    "Categorical": (kl_categorical, [(0.5, -1.0, 2.0, 0.0, 1.0, 1.5), (30.0, 0.0, -30.0, 1.0, 0.0, 2.0)]),
    "ContinuousBernoulli": (kl_cb, [(0.3, -2.0), (12.0, 3.0), (-300.0, -200.0), (1e5, 2e5), (0.01, 4.0)]),
    "VonMises": (kl_von_mises, [(0.3, 2.0, -1.0, 0.5), (1.0, 30.0, 1.0, 9.0), (0.0, 0.01, 2.0, 4.0)]),
    "MultivariateNormal": (kl_mvn, [(0.5, -1.0, 1.25, -0.4, 0.7, 0.25, 0.5, 2.0, 0.3, 1.5)]),
}


def close(at):
    """Parameters of p near those of q: all of them moved, the first, and the last."""
    n = len(at) // 2
    for part in (0.05, 1e-3, 1e-6, 1e-9, 1e-12):
        moves = [[(-1) ** i * (i + 1) for i in range(n)], [1] + [0] * (n - 1), [0] * (n - 1) + [-1]]
        for move in moves:
            p = [float(x * (1 + part * m)) if x else part * m for x, m in zip(at[:n], move)]
            if p != list(at[:n]):
                yield (*at[:n], *p)


def divergences(out):
    def write(q, p, at, v, size):
        n = len(at) // 2
        cells = [q, p, ":".join(map(repr, at[:n])), ":".join(map(repr, at[n:])), mp.nstr(v, 40), mp.nstr(size, 3)]
        out.write(",".join(cells) + "\n")

    for name, (kl, cases) in SAME.items():
        rows = list(cases) + list(itertools.chain.from_iterable(map(close, cases)))
        for at in dict.fromkeys(rows):
            if name == "Pareto" and at[0] < at[2]:
                continue
            write(name, name, at, value(kl, *at), mpf(0))


    for q, at in ENTROPIES:
        mean = integral(q, at)
        v = -mean(CONTINUOUS[q][0], at)
        cells = [q, "entropy", ":".join(map(repr, at)), "", mp.nstr(v, 25), mp.nstr(mp.fabs(v), 3)]
        out.write(",".join(cells) + "\n")
    for q, at, p, other in MIXED:
        mean = integral(q, at, other[0] if p == "Laplace" else None)
        mine, others = mean(CONTINUOUS[q][0], at), mean(CONTINUOUS[p][0], other)
        cells = [q, p, ":".join(map(repr, at)), ":".join(map(repr, other)), mp.nstr(mine - others, 25), mp.nstr(abs(mine) + abs(others) + 1, 3)]
        out.write(",".join(cells) + "\n")


ENTROPIES = [(name, case) for name, (_, _, cases) in CONTINUOUS.items() for case in cases[:3]
             if name not in ("LogitNormal", "RelaxedBernoulli", "Cauchy", "HalfCauchy") and (name, case[0]) not in
             (("StudentT", 0.75), ("Pareto", 0.6), ("Gamma", 0.05), ("InverseGamma", 0.3), ("InverseGamma", 300.0), ("Exponential", 1e-200))]

MIXED = [(q, at, "Normal", (0.25, 1.5)) for q, at in (
    ("Beta", (2.0, 5.0)), ("ContinuousBernoulli", (0.9,)), ("Exponential", (2.0,)), ("Gamma", (3.75, 0.5)), ("Gumbel", (-2.0, 0.3)),
    ("HalfNormal", (0.7,)), ("InverseGamma", (4.5, 0.5)), ("Laplace", (-2.0, 0.3)), ("LogNormal", (0.25, 0.7)), ("Logistic", (-2.0, 0.3)),
    ("Pareto", (3.0, 6.0)), ("StudentT", (5.0, 1.0, 2.0)), ("TruncatedNormal", (0.0, 1.0, -1.0, 2.0)), ("Uniform", (-3.0, -1.0)), ("Weibull", (0.2, 2.5)))]
MIXED += [(q, at, p, other) for p, other in (("Exponential", (0.7,)), ("Gamma", (3.0, 0.7))) for q, at in (
    ("Beta", (2.0, 5.0)), ("HalfNormal", (0.7,)), ("InverseGamma", (4.5, 0.5)), ("LogNormal", (0.25, 0.7)), ("Pareto", (3.0, 2.5)),
    ("Weibull", (0.2, 2.5)), ("Uniform", (0.25, 3.0)))]
MIXED += [
    ("Gamma", (3.75, 0.5), "Exponential", (0.7,)), ("Exponential", (0.7,), "Gamma", (3.75, 0.5)),
    ("Exponential", (0.7,), "Weibull", (2.0, 1.5)), ("Gamma", (3.75, 0.5), "Weibull", (2.0, 1.5)),
    ("ContinuousBernoulli", (0.9,), "Exponential", (0.7,)), ("Beta", (2.0, 5.0), "ContinuousBernoulli", (0.9,)),
    ("Beta", (2.0, 5.0), "Uniform", (-3.0, 1.0)), ("ContinuousBernoulli", (0.9,), "Uniform", (0.0, 2.0)),
    ("TruncatedNormal", (0.0, 1.0, -1.0, 2.0), "Uniform", (-3.0, 2.0)), ("Uniform", (0.25, 0.75), "Beta", (0.3, 1.4)),
    ("Uniform", (0.0, 1.0), "Beta", (2.0, 5.0)), ("Uniform", (0.25, 0.75), "ContinuousBernoulli", (-1.1,)),
    ("Uniform", (-1.0, 3.0), "Gumbel", (-2.0, 0.75)), ("Uniform", (3.0, 8.0), "Pareto", (3.0, 2.5)), ("Normal", (0.25, 1.5), "Gumbel", (-2.0, 0.75)),
    ("Gamma", (3.75, 0.5), "Gumbel", (-2.0, 0.75)), ("Exponential", (0.7,), "Gumbel", (-2.0, 0.75)), ("Normal", (0.25, 1.5), "Laplace", (-2.0, 0.3)),
    ("Logistic", (0.0, 0.3), "Logistic", (-2.0, 0.3)), ("Logistic", (0.0, 1.0), "Logistic", (0.001, 1.0)),
    ("TruncatedNormal", (0.0, 1.0, -1.0, 2.0), "TruncatedNormal", (0.5, 2.0, -1.5, INF)),
]


def integral(name, at, kink=None):
    """The mean of a function of x and of parameters under a distribution."""
    low, high = ends(name, at)
    log_prob = CONTINUOUS[name][0]
    at = tuple(map(mpf, at))
    # Pieces about the location, on a scale that grows away from it, or on the logarithm of the distance from an end.
    if low == -INF:
        centre, scale = (at[0], at[1]) if name != "StudentT" else (at[1], at[2])
        centre = high if high != INF else centre
        to = lambda y: (centre + scale * mp.sinh(y), scale * mp.cosh(y))
        reach = 40 if name == "StudentT" else 10
        points = [mpf(i) for i in range(-reach, 1 if high != INF else reach + 1)]
        if kink is not None:
            points = sorted([*points, mp.asinh((mpf(kink) - centre) / scale)])
    elif high == INF:
        to = lambda y: (low + mp.exp(y), mp.exp(y))
        points = [mpf(i) for i in range(-260, 61, 2)]
    else:
        to = lambda y: (low + (mpf(high) - low) * sigmoid(y), (mpf(high) - low) * sigmoid(y) * sigmoid(-y))
        points = [mpf(i) for i in range(-260, 261, 2)]

    def mean(f, parameters):
        parameters = tuple(map(mpf, parameters))

        def g(y):
            mp.mp.dps = 110  # x is near an end, and its distance from it too
            x, slope = to(y)
            log = log_prob(x, *at)
            return mp.exp(log) * slope * f(x, *parameters) if log + mp.log(slope) > -120 else mpf(0)

        mp.mp.dps = 40
        total = mpf(0)
        for a, b in zip(points, points[1:]):
            mp.mp.dps = 40
            if g(a) or g(b):
                mp.mp.dps = 40
                total += mp.quad(g, [a, b], maxdegree=5, method="gauss-legendre")
        mp.mp.dps = 40
        return total

    return mean


if __name__ == "__main__":
    import sys

    here = Path(__file__).parent
    jobs = {"distributions": distributions, "divergences": divergences}
    for job in sys.argv[1:] or jobs:
        with open(here / f"{job}.csv", "w", buffering=1) as out:
            jobs[job](out)
