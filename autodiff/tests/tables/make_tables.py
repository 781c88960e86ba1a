"""Tables of the functions of the engine and of their slopes, to 40 digits, and constants of its code.

    python3 make_tables.py            writes elementary.csv, special.csv and slopes.csv beside this file
    python3 make_tables.py more       writes more.csv and more_slopes.csv, the same for the functions of MORE
    python3 make_tables.py higher     writes higher.csv, derivatives of higher order where the plain rule loses digits
    python3 make_tables.py kernels    writes kernels.csv: fused kernels with their first and second derivatives
    python3 make_tables.py remez      prints the minimax polynomials
    python3 make_tables.py temme      prints the coefficients of Temme's expansion
    python3 make_tables.py bessel     prints the Chebyshev series of the Bessel functions

Needs mpmath. A row is: function, arguments (the shortest decimals of doubles; about half of
them are exact in single precision), value. A row of slopes.csv is: function, the argument that the slope
is by (0 or 1), arguments, slope, its condition number (see `condition`). Every number is evaluated with growing precision until two
evaluations agree to 42 digits. A row of higher.csv is: function, the order of the derivative by each argument
(with colons), arguments, derivative. A row of kernels.csv is: kernel, the number of arguments, arguments, value, the derivative by
each argument, and the second derivatives row by row.
"""
import random
import struct
import sys
from fractions import Fraction
from pathlib import Path

import mpmath as mp

mpf = mp.mpf


def single(x):
    return struct.unpack("f", struct.pack("f", x))[0]


def value(f, args):
    """f(args) to 42 digits."""
    before = None
    for digits in (60, 120, 240, 480, 960):
        mp.mp.dps = digits
        try:
            now = f(*map(mpf, args))
        except (ZeroDivisionError, ValueError):
            continue
        if before is not None and (now == before or abs(now - before) <= abs(now) * mpf("1e-42")):
            return now
        before = now
    raise ArithmeticError(f"{f} {args} does not settle")


# ---- the functions -------------------------------------------------------------------------


def quantile(p):
    p = mpf(p)
    if p > mpf("0.5"):
        return -quantile(1 - p)
    if p > mpf("0.05"):
        x = mp.sqrt(2) * mp.erfinv(2 * p - 1)
    else:
        x = -mp.sqrt(-2 * mp.log(p))
    log_cdf = lambda x: mp.log(mp.erfc(-x / mp.sqrt(2)) / 2)
    for _ in range(200):
        slope = mp.npdf(x) / mp.ncdf(x) if x > -5 else mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)
        if x <= -5:
            slope /= mp.erfc(-x / mp.sqrt(2)) / 2
        step = (log_cdf(x) - mp.log(p)) / slope
        x -= step
        if abs(step) <= abs(x) * mpf(10) ** (-mp.mp.dps + 12):
            break
    return x


def gamma_p_pair(a, x):
    """P(a, x) and its slope in a, by the series and its termwise derivative."""
    term, slope, k = mpf(1), mpf(0), 0
    total, total_slope = mpf(1), mpf(0)
    least = mpf(10) ** (-mp.mp.dps)
    while True:
        k += 1
        r = x / (a + k)
        slope = (slope - term / (a + k)) * r
        term *= r
        total += term
        total_slope += slope
        if r < 1 and term < least * total and abs(slope) <= least * max(abs(total_slope), least):
            break
    front = mp.exp(a * mp.log(x) - x - mp.loggamma(a + 1))
    return front * total, front * (total_slope + total * (mp.log(x) - mp.psi(0, a + 1)))


def beta_triple(a, b, x):
    """I_x(a, b) and its slopes in a and b, by the series of positive terms."""
    if x > (a + 1) / (a + b + 2):
        v, da, db = beta_triple_near(b, a, 1 - x)
        return 1 - v, -db, -da
    return beta_triple_near(a, b, x)


def beta_triple_near(a, b, x):
    t, ta, tb = mpf(1), mpf(0), mpf(0)
    s, sa, sb = t, ta, tb
    k = 0
    least = mpf(10) ** (-mp.mp.dps)
    while True:
        k += 1
        r = (a + b + k - 1) / (a + k) * x
        ra = x / (a + k) - r / (a + k)
        rb = x / (a + k)
        t, ta, tb = t * r, ta * r + t * ra, tb * r + t * rb
        s, sa, sb = s + t, sa + ta, sb + tb
        if r < 1 and t < least * s * (1 - r) and abs(ta) + abs(tb) < least * s * (1 - r):
            break
    log_beta = mp.loggamma(a + 1) + mp.loggamma(b) - mp.loggamma(a + b)
    front = mp.exp(a * mp.log(x) + b * mp.log1p(-x) - log_beta)
    both = mp.psi(0, a + b)
    by_a = mp.log(x) + both - mp.psi(0, a + 1)
    by_b = mp.log1p(-x) + both - mp.psi(0, b)
    return front * s, front * (sa + s * by_a), front * (sb + s * by_b)


def log_cdf(x):
    q = mp.erfc(abs(x) / mp.sqrt(2)) / 2
    return mp.log1p(-q) if x > 0 else mp.log(q)


def gamma_q(a, x):
    return 1 - gamma_p_pair(a, x)[0]


def ln_beta(a, b):
    return mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b)


def digamma_gap(a, b):
    return mp.psi(0, a + b) - mp.psi(0, a)


def trigamma_gap(a, b):
    return mp.psi(1, a + b) - mp.psi(1, a)


def gamma_density(a, x):
    return mp.exp((a - 1) * mp.log(x) - x - mp.loggamma(a))


def normal_cdf(x):
    return mp.erfc(-x / mp.sqrt(2)) / 2


def normal_density(x):
    return mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)


def sigmoid(x):
    return 1 / (1 + mp.exp(-x))


def i0e(x):
    return mp.besseli(0, x) * mp.exp(-abs(x))


def i1e(x):
    return mp.besseli(1, x) * mp.exp(-abs(x))


ELEMENTARY = {
    "exp": (mp.exp, "real", 745, 708),
    "exp2": (lambda x: mpf(2) ** x, "real", 1074, 1022),
    "exp_m1": (mp.expm1, "real", 60, 709),
    "ln": (mp.log, "positive"),
    "ln_1p": (mp.log1p, "above -1"),
    "log2": (lambda x: mp.log(x) / mp.log(2), "positive"),
    "log10": (mp.log10, "positive"),
    "tanh": (mp.tanh, "real", 25, 25),
    "sigmoid": (sigmoid, "real", 740, 40),
    "softplus": (lambda x: mp.log1p(mp.exp(x)), "real", 740, 1e6),
    "log_sigmoid": (lambda x: -mp.log1p(mp.exp(-x)), "real", 1e6, 740),
    "sinh": (mp.sinh, "real", 709, 709),
    "cosh": (mp.cosh, "real", 709, 709),
    "sin": (mp.sin, "real", 1e6, 1e6),
    "cos": (mp.cos, "real", 1e6, 1e6),
    "log1m_exp": (lambda x: mp.log1p(-mp.exp(x)) if x < -1 else mp.log(-mp.expm1(x)), "negative", 740),
    "silu": (lambda x: x * sigmoid(x), "real", 740, 1e6),
    "logit": (lambda x: mp.log(x) - mp.log1p(-x), "probability"),
}

SPECIAL = {
    "tan": (mp.tan, "real", 1e5, 1e5),
    "asin": (mp.asin, "unit"),
    "acos": (mp.acos, "unit"),
    "atan": (mp.atan, "real", 1e10, 1e10),
    "asinh": (mp.asinh, "real", 1e10, 1e10),
    "acosh": (mp.acosh, "above 1"),
    "atanh": (mp.atanh, "unit"),
    "cbrt": (lambda x: mp.sign(x) * mp.cbrt(abs(x)), "real", 1e300, 1e300),
    "rsqrt": (lambda x: 1 / mp.sqrt(x), "positive"),
    "erf": (mp.erf, "real", 6, 6),
    "erfc": (mp.erfc, "real", 6, 26),
    "erf_inv": (mp.erfinv, "unit"),
    "normal_cdf": (normal_cdf, "real", 37, 8),
    "gelu": (lambda x: x * normal_cdf(x), "real", 37, 1e6),
    "log_normal_cdf": (log_cdf, "real", 1e5, 36),
    "inverse_mills": (lambda x: normal_density(x) / normal_cdf(x), "real", 1e5, 37),
    "normal_quantile": (quantile, "probability"),
    "ln_gamma": (mp.loggamma, "positive"),
    "digamma": (lambda x: mp.psi(0, x), "positive"),
    "trigamma": (lambda x: mp.psi(1, x), "positive"),
    "i0e": (i0e, "real", 700, 1e6),
    "i1e": (i1e, "real", 700, 1e6),
    "i0e_less_i1e": (lambda x: i0e(x) - abs(i1e(x)), "real", 700, 1e6),
}


def points(kind, low=None, high=None, count=40):
    """Doubles of every magnitude that the domain has, half of them exact in single precision."""
    spread = lambda lo, hi: mp.mpf(10) ** random.uniform(lo, hi)
    out = []
    for i in range(count):
        if kind == "positive":
            x = spread(-300, 300) if i % 4 == 0 else spread(-37, 38) if i % 4 == 1 else spread(-2, 2)
        elif kind == "above -1":
            x = spread(-20, 20) if i % 2 else -1 + spread(-6, 0)
        elif kind == "above 1":
            x = 1 + spread(-8, 8)
        elif kind == "unit":
            x = random.choice([-1, 1]) * (1 - spread(-7, 0) if i % 2 else spread(-8, 0))
        elif kind == "probability":
            x = [spread(-300, 0), spread(-37, 0), 1 - spread(-7, 0), random.random()][i % 4]
        elif kind == "negative":
            x = -spread(-10, mp.log10(low))
        else:
            end = -low if i % 2 else high
            x = mp.sign(end) * spread(-9, mp.log10(abs(end))) if i % 8 < 4 else random.random() * end
            if i % 8 >= 6:
                x = random.uniform(-4, 4)
        x = float(x)
        out.append(single(x) if i % 4 < 2 and 1e-37 < abs(x) < 3e38 else x)
    return out


PAIRS = {
    "pow": (mp.power, ("positive", 10), ("signed", 30)),
    "log_add_exp": (lambda a, b: mp.log(mp.exp(a) + mp.exp(b)), ("signed", 700), ("signed", 700)),
    "atan2": (mp.atan2, ("signed", 1e200), ("signed", 1e200)),
    "hypot": (mp.hypot, ("signed", 1e200), ("signed", 1e200)),
    "xlogy": (lambda a, b: a * mp.log(b), ("signed", 1e10), ("positive", 1e100)),
    "xlog1py": (lambda a, b: a * mp.log1p(b), ("signed", 1e10), ("above -1", 1e10)),
}


def pairs(name, count=40):
    """Arguments of a function of two numbers: small and large ones, and numbers like each other."""
    _, *kinds = PAIRS[name]
    out = []
    for i in range(count):
        args = []
        for kind, end in kinds:
            size = random.uniform(-8, mp.log10(end)) if i % 4 == 0 else random.uniform(-1.5, mp.log10(min(end, 30)))
            x = float(mp.mpf(10) ** size)
            if kind == "above -1" and i % 4 == 1:
                x = -float(mp.mpf(10) ** random.uniform(-3, -0.01))
            elif kind == "signed" and random.random() < 0.5:
                x = -x
            args.append(single(x) if i % 4 < 3 and abs(x) < 3e38 else x)
        if i % 8 == 7 and kinds[0][0] == kinds[1][0]:
            args[1] = args[0] * (1 + random.uniform(-1, 1) * 1e-3)
        out.append(tuple(args))
    return out


def two_and_three():
    """Rows of the functions of two and three numbers: name, function, arguments."""
    rows = []
    for n in (0, 1, 2, 3, 5, 10, 20):
        for x in (0.001, 0.3, 1.0, 1.5, 2.5, 7.0, 12.25, 100.0, 1e6):
            rows.append(("polygamma", lambda n, x: mp.psi(int(n), x), (n, x)))
    for name, (f, *_) in PAIRS.items():
        rows += [(name, f, args) for args in pairs(name)]
    for a in (1e-5, 0.3, 1.0, 2.5, 9.5, 10.5, 300.0, 1e6, 1e12):
        for x in (a * 1e-2, a * 0.6, a - 0.5 * a**0.5, a, a + a**0.5, a + 5 * a**0.5, 2 * a + 1):
            if 0 < x and (a < 1e4 or abs(x - a) < 20 * a**0.5):
                rows.append(("gamma_density", gamma_density, (a, single(x))))
    for a in (1e-10, 0.3, 1.0, 7.0, 33.0, 1e5, 1e15):
        for b in (1e-10, 1e-3, 0.3, 1.0, 9.5, 1e3, 1e15):
            rows.append(("digamma_gap", digamma_gap, (a, b)))
            rows.append(("trigamma_gap", trigamma_gap, (a, b)))
    sizes = [1e-300, 1e-10, 1e-3, 0.3, 1.0, 1.7, 4.0, 9.5, 10.5, 33.0, 1e3, 1e5, 1e8, 1e15]
    for i, a in enumerate(sizes):
        for b in sizes[i:]:
            rows.append(("ln_beta", ln_beta, (a, b)))
    for a in (1e-5, 0.01, 0.3, 0.75, 1.0, 2.5, 9.0, 11.0, 19.0, 21.0, 50.0, 300.0, 5e3, 1e6):
        width = a**0.5
        for x in (a * 1e-3, a * 0.3, a * 0.59, a * 0.61, a - width, a, a + width, a + 0.9,
                  a * 1.39, a * 1.41, a + 3 * width + 3, a + 8 * width, 3 * a + 1):
            if x <= 0 or (a >= 1e6 and abs(x - a) > 9 * width) or (a > 1e3 and x > 1.3 * a):
                continue
            x = single(x)
            rows.append(("gamma_p", lambda a, x: gamma_p_pair(a, x)[0], (a, x)))
            rows.append(("gamma_q", gamma_q, (a, x)))
            rows.append(("gamma_p_da", lambda a, x: gamma_p_pair(a, x)[1], (a, x)))
    shapes = [0.01, 0.5, 1.0, 3.5, 12.0, 100.0, 2e3]
    for a in shapes:
        for b in shapes:
            mean = a / (a + b)
            width = (a * b / (a + b + 1)) ** 0.5 / (a + b)
            for x in (mean * 0.1, mean * 0.7, mean - 2 * width, mean, mean + 2 * width, 1 - 0.1 * (1 - mean)):
                x = single(x)
                if 0 < x < 1:
                    for name, i in (("beta_inc", 0), ("beta_inc_da", 1), ("beta_inc_db", 2)):
                        f = lambda a, b, x, i=i: beta_triple(a, b, x)[i]
                        rows.append((name, f, (a, b, x)))
    return rows


# Angles next to multiples of a right angle, at the end of the fast reduction and beyond it.
ANGLES = [float(mp.pi / 2 * k) for k in (1, 2, 3, 4, 7, 11, 22, 344, 51819, 636619)]
ANGLES += [1e6, 1000000.5, 1e7, 1e22, 1e300]


def one_less_square(x):
    return (1 - x) * (1 + x)


# The slopes by each argument; None where there is none, or it has no closed form and no row.
SLOPES = {
    "exp": [mp.exp],
    "exp2": [lambda x: mp.log(2) * mpf(2) ** x],
    "exp_m1": [mp.exp],
    "ln": [lambda x: 1 / x],
    "ln_1p": [lambda x: 1 / (1 + x)],
    "log2": [lambda x: 1 / (x * mp.log(2))],
    "log10": [lambda x: 1 / (x * mp.log(10))],
    "tanh": [lambda x: mp.sech(x) ** 2],
    "sigmoid": [lambda x: sigmoid(x) * sigmoid(-x)],
    "softplus": [sigmoid],
    "log_sigmoid": [lambda x: sigmoid(-x)],
    "sinh": [mp.cosh],
    "cosh": [mp.sinh],
    "sin": [mp.cos],
    "cos": [lambda x: -mp.sin(x)],
    "log1m_exp": [lambda x: -1 / mp.expm1(-x)],
    "silu": [lambda x: sigmoid(x) * (1 + x * sigmoid(-x))],
    "logit": [lambda x: 1 / (x * (1 - x))],
    "tan": [lambda x: mp.sec(x) ** 2],
    "asin": [lambda x: 1 / mp.sqrt(one_less_square(x))],
    "acos": [lambda x: -1 / mp.sqrt(one_less_square(x))],
    "atan": [lambda x: 1 / (1 + x * x)],
    "asinh": [lambda x: 1 / mp.sqrt(1 + x * x)],
    "acosh": [lambda x: 1 / mp.sqrt(-one_less_square(x))],
    "atanh": [lambda x: 1 / one_less_square(x)],
    "cbrt": [lambda x: 1 / (3 * mp.cbrt(abs(x)) ** 2)],
    "rsqrt": [lambda x: -1 / (2 * x * mp.sqrt(x))],
    "erf": [lambda x: 2 / mp.sqrt(mp.pi) * mp.exp(-x * x)],
    "erfc": [lambda x: -2 / mp.sqrt(mp.pi) * mp.exp(-x * x)],
    "erf_inv": [lambda x: mp.sqrt(mp.pi) / 2 * mp.exp(mp.erfinv(x) ** 2)],
    "normal_cdf": [normal_density],
    "gelu": [lambda x: normal_cdf(x) + x * normal_density(x)],
    "log_normal_cdf": [lambda x: normal_density(x) / normal_cdf(x)],
    "normal_quantile": [lambda x: 1 / normal_density(quantile(x))],
    "ln_gamma": [lambda x: mp.psi(0, x)],
    "digamma": [lambda x: mp.psi(1, x)],
    "i0e": [lambda x: i1e(x) - mp.sign(x) * i0e(x)],
    "i1e": [lambda x: i0e(x) - i1e(x) / x - mp.sign(x) * i1e(x)],
    "pow": [lambda a, b: b * a ** (b - 1), lambda a, b: a**b * mp.log(a)],
    "log_add_exp": [lambda a, b: sigmoid(a - b), lambda a, b: sigmoid(b - a)],
    "atan2": [lambda a, b: b / (a * a + b * b), lambda a, b: -a / (a * a + b * b)],
    "hypot": [lambda a, b: a / mp.hypot(a, b), lambda a, b: b / mp.hypot(a, b)],
    "xlogy": [lambda a, b: mp.log(b), lambda a, b: a / b],
    "xlog1py": [lambda a, b: mp.log1p(b), lambda a, b: a / (1 + b)],
    "ln_beta": [lambda a, b: -digamma_gap(a, b), lambda a, b: -digamma_gap(b, a)],
    "gamma_p": [None, gamma_density],
    "gamma_q": [None, lambda a, x: -gamma_density(a, x)],
    "gamma_p_da": [None, lambda a, x: gamma_density(a, x) * (mp.log(x) - mp.psi(0, a))],
    "polygamma": [None, lambda n, x: mp.psi(int(n) + 1, x)],
}


def condition(f, args, v):
    """The sum of |x df/dx / f| over the arguments x, to a few digits; v is f(args)."""
    mp.mp.dps = 80
    step = mpf("1e-30")
    moved = lambda i, sign: [mpf(x) * (1 + sign * step) if i == j else mpf(x) for j, x in enumerate(args)]
    return sum(abs((f(*moved(i, 1)) - f(*moved(i, -1))) / (2 * step * v)) for i in range(len(args)))


def slopes(rows):
    """Rows of slopes at every other of some points."""
    for name, _, args in rows[::2]:
        for arg, slope in enumerate(SLOPES.get(name, [])):
            if slope is None:
                continue
            try:
                v = value(slope, args)
            except ArithmeticError:  # it is infinite
                continue
            if not mpf("1e-300") < abs(v) < mpf("1e300"):
                continue
            # The order of a polygamma function does not move.
            moving, at = (lambda x: slope(args[0], x), args[1:]) if name == "polygamma" else (slope, args)
            size = mp.nstr(condition(moving, at, v), 3)
            yield ",".join([name, str(arg), *map(repr, args), mp.nstr(v, 40), size]) + "\n"


def write():
    random.seed(20)
    every = []
    here = Path(__file__).parent
    for name, table in (("elementary", ELEMENTARY), ("special", SPECIAL)):
        rows = [(f, spec[0], (x,)) for f, spec in table.items() for x in points(*spec[1:])]
        rows += [(f, table[f][0], (x,)) for f in ("sin", "cos", "tan") if f in table for x in ANGLES]
        if name == "special":
            rows += two_and_three()
        every += rows
        with open(here / f"{name}.csv", "w") as out:
            for f, exact, args in rows:
                v = value(exact, args)
                if v != 0 and not mpf("1e-305") < abs(v) < mpf("1e305"):
                    if name == "special" or abs(v) > mpf("1e305"):
                        continue
                out.write(",".join([f, *map(repr, args), mp.nstr(v, 40)]) + "\n")
    with open(here / "slopes.csv", "w") as out:
        out.writelines(slopes(every))


# ---- further functions: a table of their own, so that the points of the others stay ------------


def mills(x):
    return normal_density(x) / normal_cdf(x)


def ln_bessel(n):
    return lambda x: mp.log(mp.besseli(n, x))


def log_diff_exp(a, b):
    return a + mp.log(-mp.expm1(b - a))


def ive(n, x):
    return mp.besseli(abs(n), x) * mp.exp(-abs(x))


# A function, the kind of its points, its slopes by each argument.
MORE = {
    "erfcx": (lambda x: mp.exp(x * x) * mp.erfc(x), ("real", 26, 1e5),
              [lambda x: 2 * x * mp.exp(x * x) * mp.erfc(x) - 2 / mp.sqrt(mp.pi)]),
    "ln_cosh": (lambda x: mp.log(mp.cosh(x)), ("real", 700, 700), [mp.tanh]),
    "logistic_density": (lambda x: sigmoid(x) * sigmoid(-x), ("real", 700, 700),
                         [lambda x: -sigmoid(x) * sigmoid(-x) * mp.tanh(x / 2)]),
    "one_minus_square": (one_less_square, ("unit",), [lambda x: -2 * x]),
    "inverse_mills_gap": (lambda x: x + mills(x), ("real", 1e5, 37), [lambda x: 1 - mills(x) * (x + mills(x))]),
    "truncated_normal_variance": (lambda x: 1 - mills(x) * (x + mills(x)), ("real", 1e4, 6), [None]),
    "gamma": (mp.gamma, ("real", 30, 170), [lambda x: mp.gamma(x) * mp.psi(0, x)]),
    "ln_i0": (ln_bessel(0), ("real", 700, 1e4), [lambda x: mp.besseli(1, x) / mp.besseli(0, x)]),
    "ln_i1": (ln_bessel(1), ("positive",), [lambda x: mp.besseli(0, x) / mp.besseli(1, x) - 1 / x]),
    "log_diff_exp": (log_diff_exp, None, [lambda a, b: -1 / mp.expm1(b - a), lambda a, b: -1 / mp.expm1(a - b)]),
    "ive": (ive, None, [None, lambda n, x: (ive(n - 1, x) + ive(n + 1, x)) / 2 - mp.sign(x) * ive(n, x)]),
    "exp_m1_less_x": (lambda x: mp.expm1(x) - x, ("real", 700, 700), [mp.expm1]),
}


def write_more():
    random.seed(12)
    rows = []
    for name, (f, kind, _) in MORE.items():
        if name == "log_diff_exp":
            for i in range(40):
                a = single(random.uniform(-700, 700)) if i % 2 else single(random.uniform(-3, 3))
                rows.append((name, f, (a, single(a - float(mpf(10) ** random.uniform(-4, 2.5))))))
        elif name == "ive":
            for n in (0, 1, 2, 3, 7, 20, 100):
                for x in (1e-3, 0.25, -1.0, 3.5, 12.0, -40.0, 200.0, 1000.0, 9000.0, 1e5):
                    rows.append((name, f, (float(n), x)))
        else:
            xs = points(*kind)
            if name == "ln_i1":
                xs = [x for x in xs if 1e-30 < x < 1e4]
            if name == "gamma":
                xs = [x for x in xs if abs(x) > 1e-30]
            rows += [(name, f, (x,)) for x in xs]
    here = Path(__file__).parent
    with open(here / "more.csv", "w", buffering=1) as out, open(here / "more_slopes.csv", "w", buffering=1) as slopes_out:
        for name, f, args in rows:
            v = value(f, args)
            if not mpf("1e-305") < abs(v) < mpf("1e305"):
                continue
            out.write(",".join([name, *map(repr, args), mp.nstr(v, 40)]) + "\n")
            for arg, slope in enumerate(MORE[name][2]):
                if slope is None:
                    continue
                if name == "ive" and abs(args[1]) > 50:
                    continue  # the terms of the rule cancel
                v = value(slope, args)
                if not mpf("1e-300") < abs(v) < mpf("1e300"):
                    continue
                moving, at = (lambda x: slope(mpf(args[0]), x), args[1:]) if name == "ive" else (slope, args)
                size = mp.nstr(condition(moving, at, v), 3)
                slopes_out.write(",".join([name, str(arg), *map(repr, args), mp.nstr(v, 40), size]) + "\n")


# ---- derivatives of higher order --------------------------------------------------------


def derivative(f, orders, args, digits=120):
    """The derivative of mixed order, by differences with so many digits; `mp.diff` raises them by itself."""
    mp.mp.dps = digits
    return mp.diff(f, tuple(map(mpf, args)), tuple(orders))


def hurwitz_psi(n, x):
    """The polygamma function for any x that is no pole, by the recurrence from positive arguments."""
    n, head = int(n), mpf(0)
    while x < 1:
        head += (-1) ** (n + 1) * mp.factorial(n) / mpf(x) ** (n + 1)
        x += 1
    return head + mp.psi(n, x)


def higher():
    """Name, orders, arguments and derivative of functions whose rules lose digits if written carelessly."""
    sides = lambda x: 1 if x > 0 else -1
    def rows(name, f, orders, places):
        for order in orders:
            for x in places:
                yield name, (order,), (x,), derivative(lambda t: f(t, sides(x)), (order,), (x,))

    near = [1e-12, -1e-9, 1e-4, 0.3, -0.8]
    yield from rows("tanh", lambda x, _: mp.tanh(x), (2, 3, 4), [*near, 2.5, -12.0, 20.0])
    yield from rows("asin", lambda x, _: mp.asin(x), (2, 3, 4), [*near, 0.999])
    yield from rows("acos", lambda x, _: mp.acos(x), (2, 3, 4), [*near, 0.999])
    yield from rows("atanh", lambda x, _: mp.atanh(x), (2, 3, 4), [*near, 0.999])
    yield from rows("log_normal_cdf", lambda x, _: log_cdf(x), (2, 3, 4),
                    [-1e6, -1e4, -300.0, -101.0, -99.0, -20.5, -10.0, -3.0, -0.5, 0.5, 4.0])
    # Each side of the origin is a smooth function of its own, without |x|.
    scaled = lambda n: lambda x, side: mp.besseli(n, x) * mp.exp(-side * x)
    yield from rows("i0e", scaled(0), (2, 3, 4), [*near, 1.5, -7.0, 40.0])
    yield from rows("i1e", scaled(1), (2, 3), [*near, 1.5, -7.0, 40.0])
    for n in (2, 3, 4, 5, 10, 21):
        for x in (-0.3, -1.25, -7.125, -30.75, -1000.2, -1e5 - 0.125):
            mp.mp.dps = 60
            yield "polygamma", (0, 0), (float(n), x), hurwitz_psi(n, mpf(x))
    p = lambda a, x: gamma_p_pair(a, x)[0]
    for a, ratios in ((0.01, (1e-6, 0.1, 1, 20)), (0.4, (1e-3, 0.5, 2, 20)), (1.0, (0.01, 0.5, 1, 3, 20)),
                      (4.5, (0.1, 0.6, 1, 1.7, 4)), (19.0, (0.5, 0.9, 1.2)), (50.0, (0.7, 0.95, 1, 1.3)),
                      (1e3, (0.95, 1, 1.03))):
        for ratio in ratios:
            x = a * ratio
            for orders in ((2, 0), (2, 1), (3, 0)):
                if orders[0] == 3 and a > 60:
                    continue
                yield "gamma_p", orders, (a, x), derivative(p, orders, (a, x), 42)
    whole = lambda a, b, x: beta_triple(a, b, x)[0]
    for a, b, x in ((0.5, 0.5, 0.3), (1.0, 1.0, 0.5), (0.01, 2.0, 0.2), (2.0, 0.05, 0.9), (3.0, 7.0, 0.25),
                    (3.0, 7.0, 0.45), (30.0, 20.0, 0.61), (12.0, 12.0, 0.02), (200.0, 100.0, 0.65)):
        for orders in ((2, 0, 0), (1, 1, 0), (0, 2, 0), (2, 0, 1), (1, 1, 1), (3, 0, 0), (1, 2, 0)):
            if sum(orders) == 3 and orders[2] == 0 and a > 100:
                continue
            yield "beta_inc", orders, (a, b, x), derivative(whole, orders, (a, b, x), 42)
    yield from newer()


def newer():
    """Rows of the same kind for the functions of MORE, and for the upper incomplete gamma function."""
    def rows(name, f, orders, places):
        for order in orders:
            for x in places:
                yield name, (order,), (x,), derivative(f, (order,), (x,))

    line = [1e-9, -1e-4, 0.3, -0.8, 2.5, -7.0, 20.0]
    yield from rows("exp_m1_less_x", MORE["exp_m1_less_x"][0], (2, 3), line)
    yield from rows("ln_cosh", MORE["ln_cosh"][0], (2, 3), line)
    yield from rows("erfcx", MORE["erfcx"][0], (2, 3), [-3.0, -0.5, 1e-6, 0.75, 4.0, 30.0])
    yield from rows("ln_i0", MORE["ln_i0"][0], (2, 3), [0.01, 0.3, 0.9, 1.5, -4.0, 12.0])
    yield from rows("ln_i1", MORE["ln_i1"][0], (2, 3), [0.01, 0.3, 0.9, 2.5, 12.0])
    yield from rows("gamma", mp.gamma, (2, 3), [0.25, 1.0, 4.5, -0.5, -2.25, 20.0])
    yield from rows("trigamma", lambda x: mp.psi(1, x), (1, 2, 3), [0.01, 0.75, 3.5, 40.0])
    for a, b in ((1.0, 0.5), (3.0, 2.999), (-2.0, -9.0), (500.0, 499.0)):
        for orders in ((2, 0), (1, 1), (0, 2), (2, 1)):
            yield "log_diff_exp", orders, (a, b), derivative(log_diff_exp, orders, (a, b))
    for a, b in ((1e-3, 1e-10), (3.0, 1e-3), (0.3, 2.5), (-2.0, 1e-8), (2.0, -2.0)):
        for orders in ((2, 0), (1, 1), (0, 2), (2, 1)):
            yield "hypot", orders, (a, b), derivative(mp.hypot, orders, (a, b))
    for a, b in ((1.0, 1e-10), (3.0, 1e-6), (50.0, 2.0), (0.3, 1e-12)):
        for orders in ((1, 0), (1, 1)):
            yield "digamma_gap", orders, (a, b), derivative(digamma_gap, orders, (a, b))
    for x in (-500.5, -372.5, -30.0, -0.3, -1e-5):
        for order in (2, 3):
            # The function is tiny far out: 400 digits.
            yield "log1m_exp", (order,), (x,), derivative(lambda x: mp.log(1 - mp.exp(x)), (order,), (x,), 400)
    yield from rows("logit", lambda x: mp.log(x / (1 - x)), (2, 3), [1e-20, 0.3, 0.9])
    for a, x in ((0.4, 0.2), (0.4, 8.0), (4.5, 2.7), (4.5, 18.0), (50.0, 47.5), (50.0, 65.0)):
        for orders in ((2, 0), (1, 1), (2, 1)):
            yield "gamma_q", orders, (a, x), derivative(gamma_q, orders, (a, x), 42)


def write_higher():
    with open(Path(__file__).parent / "higher.csv", "w", buffering=1) as out:
        for name, orders, args, v in higher():
            out.write(",".join([name, ":".join(map(str, orders)), *map(repr, args), mp.nstr(v, 40)]) + "\n")


# ---- fused kernels ----------------------------------------------------------------------


def normal_kl(mu, s, m, r):
    return (mp.expm1(2 * (s - r)) - 2 * (s - r) + (mu - m) ** 2 * mp.exp(-2 * r)) / 2


def bernoulli_log_prob(x, eta):
    return x * eta - mp.log1p(mp.exp(eta))


def p_norm(p):
    return lambda *x: mp.fsum(abs(t) ** mpf(p) for t in x) ** (1 / mpf(p))


def write_kernels():
    near = [0.0, 1e-300, 1e-12, -1e-9, 3e-7, 1e-4, -0.02, 0.2, -0.3, 1.5, -6.0, 30.0]
    rows = [("normal_kl", normal_kl, (mu, 0.25 + d, 0.5, 0.25)) for mu in (0.5, 0.5000001, -1.25) for d in near]
    rows += [("normal_kl", normal_kl, (0.125, -3.0 + d, 0.125, -3.0)) for d in near]
    logits = [0.0, 1e-9, 0.75, 3.0, 17.0, 36.0, 40.0, 300.0, 700.0]
    rows += [("bernoulli_log_prob", bernoulli_log_prob, (x, sign * eta))
             for x in (0.0, 1.0, 0.25) for eta in logits for sign in (1, -1) if eta or sign == 1]
    sizes = [(3.0, -4.0, 1.0), (1e-200, 2e-200, -1e-200), (1e200, -3e200, 2e200), (1.0, 0.5, -0.25)]
    rows += [(f"p_norm {p}", p_norm(p), args) for p in ("1.5", "3", "7.25") for args in sizes]
    with open(Path(__file__).parent / "kernels.csv", "w", buffering=1) as out:
        for name, f, args in rows:
            mp.mp.dps = 700
            at, n = tuple(map(mpf, args)), len(args)
            order = lambda *sides: tuple(sides.count(i) for i in range(n))
            found = [f(*at)] + [mp.diff(f, at, order(i)) for i in range(n)]
            found += [mp.diff(f, at, order(i, j)) for i in range(n) for j in range(n)]
            # What differences leave of zero.
            found = [v if abs(v) > mpf("1e-320") else mpf(0) for v in found]
            out.write(",".join([name, str(n), *map(repr, args), *(mp.nstr(v, 40) for v in found)]) + "\n")


# ---- the constants -------------------------------------------------------------------------


def remez(f, low, high, degree, weight):
    """The polynomial of least greatest |weight · error|, lowest power first, and that error."""
    count = degree + 2
    middle, half = (low + high) / 2, (high - low) / 2
    nodes = [middle - half * mp.cos(mp.pi * k / (count - 1)) for k in range(count)]
    grid = [middle - half * mp.cos(mp.pi * (2 * k + 1) / 1200) for k in range(600)]
    for _ in range(12):
        system, right = mp.matrix(count, count), mp.matrix(count, 1)
        for i, x in enumerate(nodes):
            for j in range(degree + 1):
                system[i, j] = x**j
            system[i, degree + 1] = (-1) ** i / weight(x)
            right[i] = f(x)
        solution = mp.lu_solve(system, right)
        c = [solution[i] for i in range(degree + 1)]
        error = [(mp.polyval(c[::-1], x) - f(x)) * weight(x) for x in grid]
        peaks = []
        for i, e in enumerate(error):
            if not peaks or mp.sign(e) != mp.sign(error[peaks[-1]]):
                peaks.append(i)
            elif abs(e) > abs(error[peaks[-1]]):
                peaks[-1] = i
        if len(peaks) < count:
            break
        while len(peaks) > count:
            peaks.pop(0 if abs(error[peaks[0]]) < abs(error[peaks[-1]]) else -1)
        nodes = [grid[i] for i in peaks]
    return c, max(map(abs, error))


def print_remez():
    mp.mp.dps = 50
    tiny = mpf("1e-3")
    half_ln2 = mp.log(2) / 2 * mpf("1.0005")
    quarter_turn = (mp.pi / 4 * mpf("1.001")) ** 2
    exp_m1 = lambda x: (mp.expm1(x) - x) / x**2 if abs(x) > mpf("1e-12") else mpf(1) / 2 + x / 6
    ln = lambda f: (mp.log1p(f) - f + f * f / 2) / f**3 if abs(f) > mpf("1e-10") else mpf(1) / 3 - f / 4
    sin = lambda z: (mp.sin(mp.sqrt(z)) / mp.sqrt(z) - 1) / z if z > mpf("1e-14") else -mpf(1) / 6 + z / 120
    cos = lambda z: (mp.cos(mp.sqrt(z)) - 1 + z / 2) / z**2 if z > mpf("1e-14") else mpf(1) / 24 - z / 720
    fits = [
        ("(exp(r) - 1 - r)/r^2", exp_m1, -half_ln2, half_ln2, lambda x: abs(x) + tiny, (5, 9)),
        ("(ln(1+f) - f + f^2/2)/f^3", ln, mp.sqrt(mpf(1) / 2) - 1, mp.sqrt(2) - 1, lambda x: x * x + tiny, (8,)),
        ("(sin(sqrt z)/sqrt z - 1)/z", sin, mpf("1e-20"), quarter_turn, lambda z: z + tiny, (2, 5)),
        ("(cos(sqrt z) - 1 + z/2)/z^2", cos, mpf("1e-20"), quarter_turn, lambda z: z * z + tiny, (2, 5)),
    ]
    for name, f, low, high, weight, degrees in fits:
        for degree in degrees:
            c, error = remez(f, low, high, degree, weight)
            print(f"{name}, degree {degree}: 2^{mp.nstr(mp.log(error, 2), 4)}")
            for v in c:
                print("   ", repr(float(v)))


def print_temme():
    """c_k(eta) of DLMF 8.12.10 in rational arithmetic, cut where |eta| <= 0.48, a >= 20 permit."""
    terms = 60
    # mu as a series in eta, from mu mu' = eta (1 + mu).
    mu = [Fraction(0), Fraction(1)] + [Fraction(0)] * terms
    for n in range(2, terms + 1):
        inner = sum(mu[i] * mu[n + 1 - i] for i in range(2, n))
        mu[n] = (2 * mu[n - 1] / (n + 1) - inner) / 2
    inverse = [Fraction(1)]  # eta/mu
    for n in range(1, terms):
        inverse.append(-sum(mu[i + 1] * inverse[n - i] for i in range(1, n + 1)))

    def stirling(k):  # of Gamma*, DLMF 5.11.5
        odd = Fraction(1)
        for i in range(1, 2 * k + 2, 2):
            odd *= i
        return odd * mu[2 * k + 1]

    rows = [inverse[1:]]
    for k in range(1, 11):
        slope = [(j + 1) * rows[-1][j + 1] for j in range(len(rows[-1]) - 1)]
        both = [slope[j] + (-1) ** k * stirling(k) * inverse[j] for j in range(len(slope) - 1)]
        assert both[0] == 0, "the poles at 0 cancel"
        rows.append(both[1:])
    for k, row in enumerate(rows):
        sizes = [abs(float(c)) * 0.48**n / 20.0**k for n, c in enumerate(row)]
        keep = next(n for n in range(len(sizes)) if max(sizes[n : n + 8]) < 3e-18)
        print(k, [float(c) for c in row[:keep]])


def print_bessel():
    mp.mp.dps = 60
    # Each function, and what makes it flat below 8 and beyond.
    functions = {
        "I0": (i0e, lambda x: 1, mp.sqrt),
        "I1": (i1e, lambda x: 1 / x, mp.sqrt),
        "I0 - I1": (lambda x: i0e(x) - i1e(x), lambda x: (1 + x) ** 2, lambda x: x * mp.sqrt(x)),
    }
    for title, (f, low, high) in functions.items():
        near, far = lambda t: f(4 * (t + 1)) * low(4 * (t + 1)), lambda t: f(16 / (t + 1)) * high(16 / (t + 1))
        for name, f_of_t in (("near", near), ("far", far)):
            angles = [mp.pi * (2 * k + 1) / 160 for k in range(80)]
            values = [f_of_t(mp.cos(angle)) for angle in angles]
            c = [mp.fsum(v * mp.cos(j * angle) for v, angle in zip(values, angles)) / 40 for j in range(45)]
            last = max(j for j in range(45) if abs(c[j]) > mpf("2e-18") * c[0])
            print(f"{title} {name}:", [float(v) for v in c[: last + 1]])


if __name__ == "__main__":
    jobs = {"more": write_more, "higher": write_higher, "kernels": write_kernels,
            "remez": print_remez, "temme": print_temme, "bessel": print_bessel}
    (jobs[sys.argv[1]] if len(sys.argv) > 1 else write)()
