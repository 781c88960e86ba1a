//! Truncated normal distributions that are narrow, far from the mode, or both, against mpmath with 250 digits.

use super::value_and_slopes;
use crate::rng;
use pathscore_autodiff::{Tape, Var};
use pathscore_models::dist::{Cdf, Distribution, Entropy, Moments, TruncatedNormal};

const INF: f64 = f64::INFINITY;

/// The location, the scale and the ends; what is known of the distribution, the log-density and the distribution function at `x`,
/// and the quantile of one quarter; and the derivatives of mean, variance, entropy, log-density and quantile.
struct Case {
    at: [f64; 4],
    mean: f64,
    variance: f64,
    entropy: f64,
    x: f64,
    log_prob: f64,
    cdf: f64,
    quartile: f64,
    slopes: [[f64; 4]; 5],
}

const CASES: [Case; 12] = [
    Case {
        at: [0.0, 1.0, -100000.0, -99999.999],
        mean: -9.9999999009999996e4,
        variance: 1.0000000194000004e-10,
        entropy: -10.512925455170228,
        x: -99999.99901386294,
        log_prob: 10.126631443840619,
        cdf: 0.25000008743792816,
        quartile: -9.999999901386294e4,
        slopes: [
            [1.0000000194000004e-10, -2.0000000192000003e-5, 3.6828756203124347e-42, 0.9999999999],
            [
                -2.0000000576000013e-15,
                4.0000000764000014e-10,
                -3.6456748702526869e-45,
                2.0000000576000013e-15,
            ],
            [-1.0000000096000001e-5, 1.9999999996, -3.7200763657812045e-37, 1.0000000096000001e-5],
            [
                -3.8629401519645935e-6,
                0.77258802265921948,
                3.7200763700864282e-39,
                -9.9999999009999996e4,
            ],
            [
                1.3862943881416182e-10,
                -2.7725887490267887e-5,
                1.1160229219198418e-43,
                0.99999999986137056,
            ],
        ],
    },
    Case {
        at: [0.0, 1.0, 10000000000.0, 10000000001.0],
        mean: 1.0e10,
        variance: 1.0e-20,
        entropy: -22.025850929940457,
        x: 10000000000.0,
        log_prob: 23.025850929940457,
        cdf: 0.0,
        quartile: 1.0e10,
        slopes: [
            [1.0e-20, 2.0e-10, 1.0, 0.0],
            [2.0e-30, 4.0e-20, -2.0e-30, 0.0],
            [1.0e-10, 2.0, -1.0e-10, 0.0],
            [-1.0e-10, -2.0, 1.0e10, 0.0],
            [2.8768207245178093e-21, 5.7536414490356185e-11, 1.0, 0.0],
        ],
    },
    Case {
        at: [0.0, 3.0, 1.0, 1.000000001],
        mean: 1.0000000005,
        variance: 8.3333347123395737e-20,
        entropy: -20.723265754206044,
        x: 1.00000000025,
        log_prob: 20.723265754233821,
        cdf: 0.25000000001041667,
        quartile: 1.00000000025,
        slopes: [
            [
                9.2592607914884152e-21,
                6.172840530745364e-21,
                0.50000000001851852,
                0.49999999998148148,
            ],
            [
                1.0288069253719396e-40,
                2.7434851336393009e-40,
                -1.666666804567285e-10,
                1.666666804567285e-10,
            ],
            [
                1.0288067551242273e-21,
                6.8587117042575384e-22,
                -9.9999991725963585e8,
                9.9999991725963585e8,
            ],
            [
                -2.777778007509261e-11,
                -1.8518520060092606e-11,
                9.999999173151914e8,
                -9.9999991720408029e8,
            ],
            [
                1.0416668390038665e-20,
                6.9444455962526289e-21,
                0.75000000002083334,
                0.24999999997916666,
            ],
        ],
    },
    Case {
        at: [10000000000.0, 1.0, 0.0, 1.0],
        mean: 0.9999999999,
        variance: 1.0000000002e-20,
        entropy: -22.025850929840457,
        x: 0.9999999998613706,
        log_prob: 21.639556517381564,
        cdf: 0.24999998716524988,
        quartile: 0.99999999986137056,
        slopes: [
            [1.0000000002e-20, -2.0000000002e-10, 0.0, 1.0],
            [-2.0000000006e-30, 4.0000000008e-20, 0.0, 2.0000000006e-30],
            [-1.0000000001e-10, 2.0, 0.0, 1.0000000001e-10],
            [-3.8629441249752184e-11, 0.7725888249177848, 0.0, -9.999999999e9],
            [1.3862943613971495e-20, -2.7725887225170401e-10, 0.0, 1.0],
        ],
    },
    Case {
        at: [-5.0, 0.3, 0.1, 0.2],
        mean: 0.11720604033506736,
        variance: 2.7307832148709173e-4,
        entropy: -3.0656612361299364,
        x: 0.10503807648879211,
        log_prob: 3.7581999870343788,
        cdf: 0.24999999999999992,
        quartile: 0.10503807648879211,
        slopes: [
            [3.0342035720787972e-3, 0.10378309538719735, 0.98151029706282108, 0.015455499365100127],
            [
                8.1638922863485132e-5,
                2.7988353974776603e-3,
                -1.310284226210081e-3,
                1.2286453033465958e-3,
            ],
            [0.17297182564532892, 5.9164322255419512, -1.2452382569312509, 1.072266431285922],
            [-0.13519959829194716, -4.6169250060296162, 57.044519131018247, -0.18667423840638337],
            [
                9.5938286590068559e-4,
                0.032740238244801132,
                0.99795204081964666,
                1.0885763144526557e-3,
            ],
        ],
    },
    Case {
        at: [0.0, 1.0, 30.0, INF],
        mean: 30.033259667433677,
        variance: 1.103771511890091e-3,
        entropy: -2.4034104116333688,
        x: 30.009577257491085,
        log_prob: 3.1149418364754604,
        cdf: 0.24999999999997815,
        quartile: 30.009577257491086,
        slopes: [
            [1.103771511890091e-3, 0.066372812790379767, 0.99889622848810991, 0.0],
            [7.3099930157844385e-5, 4.4005409285155135e-3, -7.3099930157844385e-5, 0.0],
            [0.033186406395189884, 1.9955921918556965, -0.033186406395189884, 0.0],
            [-0.023682409942592414, -1.4230628496841832, 30.033259667433677, 0.0],
            [3.1843507747280843e-4, 0.019130309815269846, 0.99968156492252719, 0.0],
        ],
    },
    Case {
        at: [0.0, 1.0, 0.3, 0.32],
        mean: 0.30998966681106375,
        variance: 3.3332824826877017e-5,
        entropy: -3.9120246071616723,
        x: 0.30498844963715604,
        log_prob: 3.9135790931328649,
        cdf: 0.25000000000000061,
        quartile: 0.30498844963715603,
        slopes: [
            [3.3332824826877017e-5, 2.0666075840236942e-5, 0.5010166380415942, 0.49895002913357892],
            [
                4.1331632662127151e-10,
                1.1451316645892828e-9,
                -3.3332318391656952e-3,
                3.3332314258493686e-3,
            ],
            [1.0333037920118471e-5, 6.4068425298395186e-6, -49.999844986480186, 49.999834653442265],
            [
                -5.0012171739077051e-3,
                -3.1089719423851264e-3,
                50.153488351253916,
                -49.843498684442852,
            ],
            [3.7422069047932946e-5, 2.3076443526651295e-5, 0.75113258721376367, 0.2488299907171884],
        ],
    },
    Case {
        at: [0.0, 1.0, 5.0, 5.009],
        mean: 5.0044662208582839,
        variance: 6.7492971671711894e-6,
        entropy: -4.7106152238507266,
        x: 5.002212288895872,
        log_prob: 4.7218957847646687,
        cdf: 0.24999999999999663,
        quartile: 5.0022122888958718,
        slopes: [
            [
                6.7492971671711894e-6,
                6.7553532950163389e-5,
                0.50750282723956831,
                0.49249042346326452,
            ],
            [
                2.7357487794240671e-10,
                2.7746503209794967e-9,
                -1.4996877800649446e-3,
                1.4996875064900667e-3,
            ],
            [3.3776766475081694e-5, 3.3807076107389022e-4, -111.09234634024021, 111.09231256347374],
            [-2.2539319624120837e-3, -0.02256112182788418, 113.63137725226068, -108.62691103140239],
            [
                7.4792738270695669e-6,
                7.4848507276968555e-5,
                0.75834399208949524,
                0.24164852863667769,
            ],
        ],
    },
    Case {
        at: [2.0, 0.5, 2.6, 3.4],
        mean: 2.8277623655583584,
        variance: 0.033326694585796971,
        entropy: -0.52184701272497366,
        x: 2.679917616004868,
        log_prob: 1.0343055404586199,
        cdf: 0.25,
        quartile: 2.6799176160048681,
        slopes: [
            [0.13330677834318789, 0.48666985487557963, 0.7861788402487105, 0.08051438140810161],
            [0.022642259065147917, 0.094262670958093591, -0.0640265204796928, 0.041384261414544883],
            [0.48666985487557963, 1.7999133031871984, -0.97672643154026554, 0.49005657666468591],
            [-0.59137899821396131, -2.0498341109345849, 3.4517504168056775, -0.14070095457224373],
            [0.067242683617213574, 0.22052028734717638, 0.92025346325577645, 0.012503853127009975],
        ],
    },
    Case {
        at: [0.0, 1.0, -0.5, 0.75],
        mean: 0.10956120489763608,
        variance: 0.12341935625019681,
        entropy: 0.22057749933498155,
        x: -0.18976583142784081,
        log_prob: -0.17087152778932209,
        cdf: 0.24999999999999999,
        quartile: -0.18976583142784081,
        slopes: [
            [0.12341935625019681, 0.029226506528753294, 0.46168062755477568, 0.4149000161950275],
            [2.1825597718289837e-3, 0.01354439790742543, -0.18794498753747194, 0.18576242776564296],
            [0.014613253264376647, 9.9742902239515533e-3, -0.80078851977946475, 0.7861752665150881],
            [-0.29932703632547689, -0.09941194309131891, 0.75739831184352676, -0.64783710694589068],
            [0.13396351745743256, 3.0792879398957344e-3, 0.6738979850197297, 0.19213849752283774],
        ],
    },
    Case {
        at: [0.0, 1.0, -1.2, -1.1],
        mean: -1.1490421970382246,
        variance: 8.3250536018849262e-4,
        entropy: -2.3031356549053324,
        x: -1.1738938757443729,
        log_prob: 2.2746874771175691,
        cdf: 0.24999999999999955,
        quartile: -1.1738938757443728,
        slopes: [
            [
                8.3250536018849262e-4,
                -1.9141239935460333e-3,
                0.48043828940885873,
                0.51872920523095278,
            ],
            [
                -9.5641731186517884e-7,
                2.7541351144778058e-6,
                -0.016633086443055613,
                0.016634042860367479,
            ],
            [-9.5706199677301666e-4, 2.2007863065049534e-3, -9.988519818899467, 9.98947688089624],
            [-0.024851678706148283, 0.056896355575526502, 9.4281594080742977, -10.577201605112522],
            [
                9.7269412503092154e-4,
                -2.2521958261487577e-3,
                0.72711643455758091,
                0.27191087131738817,
            ],
        ],
    },
    Case {
        at: [0.5, 0.001, -1.0, 0.2],
        mean: 0.19999666674073664,
        variance: 1.1110370438949584e-11,
        entropy: -11.611559974934702,
        x: 0.1999953791057258,
        log_prob: 11.225269905842588,
        cdf: 0.2500000000004066,
        quartile: 0.19999537910572578,
        slopes: [
            [1.1110370438949583e-5, -6.6663703950590222e-3, 0.0, 0.99998888962956105],
            [-7.4064198902395823e-11, 4.4440000548617913e-8, 0.0, 7.4064198902395823e-11],
            [-3.333185197529511, 1999.9555592588532, 0.0, 3.333185197529511],
            [-1.2876350108468182, 772.58013818422857, 0.0, -3.0000333325926335e5],
            [1.5402401409650159e-5, -9.2416146971214343e-3, 0.0, 0.99998459759859035],
        ],
    },
];

fn make<'t>([loc, scale, low, high]: [Var<'t, f64>; 4]) -> TruncatedNormal<'t, f64> {
    TruncatedNormal::new(loc, scale, low, high).unwrap()
}

type Function = for<'t> fn(TruncatedNormal<'t, f64>, &Case) -> Var<'t, f64>;

#[test]
fn a_narrow_or_far_interval_has_its_moments_and_their_derivatives() {
    let mut failures = Vec::new();
    // Some digits, beside the rounding of each part of the result.
    let mut compare = |what: &str, at: &[f64], [found, exact, digits, rounding]: [f64; 4]| {
        let far = (found - exact).abs() > digits * exact.abs() + rounding;
        if far || found.is_nan() {
            failures.push(format!("{what} {at:?}: {found:e}, not {exact:e}"));
        }
    };
    let functions: [(&str, Function); 5] = [
        ("mean", |q, _| q.mean()),
        ("variance", |q, _| q.variance()),
        ("entropy", |q, _| q.entropy()),
        ("log_prob", |q, case| q.log_prob(q.low().constant(case.x))),
        ("quantile", |q, _| q.quantile(q.low().constant(0.25))),
    ];
    for case in &CASES {
        let exact = [
            (case.mean, 1e-15 * case.mean.abs()),
            (case.variance, 0.0),
            (case.entropy, 1e-15),
            (case.log_prob, 1e-15),
            (case.quartile, 1e-15 * case.quartile.abs()),
        ];
        for (i, (name, f)) in functions.iter().enumerate() {
            let (found, slopes) = value_and_slopes(case.at, |at| f(make(at), case));
            compare(name, &case.at, [found, exact[i].0, 1e-12, exact[i].1]);
            let expected = case.slopes[i];
            let largest = expected.iter().fold(0.0_f64, |most, slope| most.max(slope.abs()));
            for (found, exact) in slopes.into_iter().zip(expected) {
                compare(
                    &format!("slope of {name}"),
                    &case.at,
                    [found, exact, 1e-10, 1e-14 * largest],
                );
            }
        }
        let (found, _) = value_and_slopes(case.at, |at| make(at).cdf(at[0].constant(case.x)));
        compare("cdf", &case.at, [found, case.cdf, 1e-11, 0.0]);
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn quantiles_and_samples_stay_in_the_interval() {
    for case in &CASES {
        let tape = Tape::new();
        let q = make(case.at.map(|c| tape.leaf(&[c], [1])));
        let [low, high] = [case.at[2], case.at[3]];
        let ends = q.quantile(tape.constant(&[0.0, 1.0], [2, 1])).value();
        assert_eq!(ends.values(), [low, high], "{:?}", case.at);
        let x = q.sample(2000, &mut rng());
        assert!(x.with(|x| x.iter().all(|x| (low..=high).contains(x))), "{:?}", case.at);
        assert!(q.log_prob(x).with(|p| p.iter().all(|p| p.is_finite())), "{:?}", case.at);
    }
    let tape = Tape::<f32>::new();
    for at in [[-5.0, 0.3, 0.1, 0.2], [0.0, 1.0, -1.0, 2.0], [0.3, 0.7, -0.1, 0.1]] {
        let [loc, scale, low, high] = at.map(|c: f32| tape.leaf(&[c], [1]));
        let x = TruncatedNormal::new(loc, scale, low, high).unwrap().sample(20_000, &mut rng());
        assert!(x.with(|x| x.iter().all(|x| (at[2]..=at[3]).contains(x))), "{at:?}");
    }
}

#[test]
fn levels_come_back_from_quantiles_and_keep_the_digits_of_both_tails() {
    let tape = Tape::new();
    let levels = [1e-200, 1e-20, 1e-3, 0.3, 0.5, 0.7, 0.999];
    let u = tape.constant(&levels, [7, 1]);
    for at in [
        [0.0, 1.0, 3.0, 9.0],
        [0.0, 1.0, -9.0, -3.0],
        [0.0, 1.0, -0.3, 0.2],
        [0.0, 1.0, -INF, -2.0],
    ] {
        let q = make(at.map(|c| tape.leaf(&[c], [1])));
        let back = q.cdf(q.quantile(u)).value();
        for (&u, &back) in levels.iter().zip(back.values()) {
            // A quantile near an end has been rounded to a number of the size of the end.
            let end = 1e-15 * 30.0;
            let allowed = 1e-12 * u + end * f64::from(u8::from(at[2] != -INF));
            assert!((back - u).abs() <= allowed, "{at:?} at {u}: {back}");
        }
    }
}

#[test]
fn intervals_of_all_kinds_may_stand_in_one_row() {
    let tape = Tape::new();
    let columns: [Vec<f64>; 4] = std::array::from_fn(|i| {
        CASES.iter().map(|case| case.at[i]).chain([[0.0, 1.0, -1.0, 2.0][i]]).collect()
    });
    let leaves = columns.map(|column| tape.leaf(&column, [13, 1]));
    let q = make(leaves);
    let u = tape.constant(&[0.25], [1]);
    let results = [q.mean(), q.variance(), q.entropy().reshape([13, 1]), q.quantile(u)];
    for (i, case) in CASES.iter().map(|case| case.at).chain([[0.0, 1.0, -1.0, 2.0]]).enumerate() {
        let alone = make(case.map(|c| tape.leaf(&[c], [1])));
        let u = tape.constant(&[0.25], [1]);
        let single = [alone.mean(), alone.variance(), alone.entropy(), alone.quantile(u)];
        for (row, single) in results.iter().zip(single) {
            assert_eq!(row.value().values()[i], single.item(), "{case:?}");
        }
    }
    let total = results.iter().fold(tape.number(0.0), |sum, result| sum + result.sum());
    for leaf in &leaves {
        assert!(total.backward().of(*leaf).values().iter().all(|slope| slope.is_finite()));
    }
}

#[test]
fn a_distribution_function_has_its_limits_far_out() {
    for (at, x, expected) in [
        ([0.0, 1.0, -INF, INF], -1e300, 0.0),
        ([0.0, 1.0, -INF, INF], 1e300, 1.0),
        ([0.0, 1e-300, -1.0, 1.0], -0.5, 0.0),
        ([0.0, 1e-300, -1.0, 1.0], 0.5, 1.0),
        ([0.0, 1.0, 5.0, INF], 1e300, 1.0),
        ([0.0, 1.0, -INF, -5.0], -1e300, 0.0),
    ] {
        let (found, slopes) = value_and_slopes(at, |at| make(at).cdf(at[0].constant(x)));
        assert_eq!(found, expected, "{at:?}");
        assert!(slopes.iter().all(|slope| !slope.is_nan()), "{at:?}: {slopes:?}");
    }
}
