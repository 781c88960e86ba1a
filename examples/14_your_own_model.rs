//! Your own model, trained, saved and asked.
//!
//! The fourteenth lesson. Students answer questions. Each student has an ability, which nobody sees, and each question a difficulty and
//! a slope: how well it tells able students from others (Birnbaum 1968). Forty lines make the model; the trainer, the evaluation and the
//! file are those of every other one.

use pathscore::estimators::fit::FitError;
use pathscore::prelude::*;
use std::time::Instant;

const QUESTIONS: usize = 20;

/// An ability $z \sim \mathcal N(0, 1)$; an answer is right with probability $\sigma(a_j z - b_j)$.
struct Test {
    /// The slopes $a$.
    slopes: ParamId,
    /// The difficulties $b$.
    difficulties: ParamId,
    /// A network from the answers to the mean and the log-scale of $q(z \mid x)$.
    encoder: Mlp,
}

impl Test {
    fn new<F: Scalar>(params: &mut Params<F>) -> Self {
        let rng = &mut seed::rng(0, seed::Stream::Init, 0);
        Self {
            slopes: params.add("slopes", [QUESTIONS], Init::Constant(1.0), rng),
            difficulties: params.add("difficulties", [QUESTIONS], Init::Constant(0.0), rng),
            encoder: Mlp::new(params, "encoder", &[QUESTIONS, 16, 2], Activation::Tanh, rng),
        }
    }
}

// Shapes: x is [batch, questions], and z is [draws, batch, 1].
impl<F: Scalar> LatentModel<F> for Test {
    type Posterior<'t> = Normal<'t, F>;
    type Prior<'t> = Normal<'t, F>;

    fn posterior<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Normal<'t, F> {
        let outputs = self.encoder.forward(params, x);
        Normal::from_log_scale_unchecked(outputs.slice(-1, 0..1), outputs.slice(-1, 1..2))
    }

    fn prior<'t>(&self, params: Bound<'t, F>) -> Normal<'t, F> {
        Normal::standard(params.tape(), 1)
    }

    fn log_likelihood<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>, z: Var<'t, F>) -> Var<'t, F> {
        let logits = z * params.get(self.slopes) - params.get(self.difficulties);
        Bernoulli::from_logits_unchecked(logits).log_prob(x)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The answers of two thousand students to questions whose difficulties we know.
    let rng = &mut seed::rng(0, seed::Stream::Sample, 0);
    let difficulty = |j: usize| -2.0 + 4.0 * j as f64 / (QUESTIONS - 1) as f64;
    let slope = |j: usize| 0.6 + 0.4 * (j % 3) as f64;
    let mut answers = Vec::new();
    for _ in 0..2000 {
        let ability: f64 = rng.normal();
        for j in 0..QUESTIONS {
            let right = 1.0 / (1.0 + (difficulty(j) - slope(j) * ability).exp());
            answers.push(f32::from(rng.bernoulli(right)));
        }
    }
    let (train, test) = data::Table::new(answers, QUESTIONS)?.split_at(1600);

    // The same bits for any number of threads.
    let trained =
        rayon::ThreadPoolBuilder::new().num_threads(2).build()?.install(|| learn(&train))?;
    println!("question   difficulty   learnt    slope   learnt");
    for j in (0..QUESTIONS).step_by(4) {
        let [a, b] =
            [trained.model.slopes, trained.model.difficulties].map(|id| trained.params.get(id)[j]);
        println!("{j:>8}   {:>10.2}   {b:>6.2}   {:>6.2}   {a:>6.2}", difficulty(j), slope(j));
    }

    // ln p(x) of students that were not trained on, between the ELBO and the estimate of 500 draws.
    let shape = [test.len(), QUESTIONS];
    let found = evaluate(&trained.model, &trained.params, shape, 500, 0, test.feed());
    println!(
        "\ntest ELBO {:.3}, ln p(x) {:.3} ± {:.3} (one standard error)",
        found.elbo, found.log_likelihood, found.log_likelihood_se
    );

    // A file for later, and what a service does with it: the same model, its parameters, one row.
    let path = std::env::temp_dir().join("pathscore_lesson_14.safetensors");
    trained.params.save(&path)?;
    let mut params = Params::<f32>::new();
    let model = Test::new(&mut params);
    params.load(&path)?;
    std::fs::remove_file(&path)?;
    let mut tape = Tape::new();
    let mut ability = |row: &[f32]| {
        tape.clear();
        let q = model.posterior(params.on(&tape), tape.constant(row, [1, QUESTIONS]));
        (q.loc().item(), q.scale().item())
    };
    println!("\nright answers   ability");
    for i in 0..4 {
        let (loc, scale) = ability(test.row(i));
        println!("{:>13}   {loc:+.2} ± {scale:.2}", test.row(i).iter().sum::<f32>());
    }
    let started = Instant::now();
    for i in 0..10_000 {
        ability(test.row(i % test.len()));
    }
    println!("\none student in {:.1} µs", started.elapsed().as_secs_f64() / 10_000.0 * 1e6);
    Ok(())
}

/// The model after sixty passes through the answers.
fn learn(train: &data::Table) -> Result<Trainer<f32, Test, Sgvb>, FitError> {
    let mut params = Params::<f32>::new();
    let model = Test::new(&mut params);
    let options = Options { lr: 0.01, ..Options::default() };
    let mut trainer = Trainer::new(model, params, Sgvb, Box::new(Adam::default()), options);
    let bounds = trainer.fit(train, 100, 60)?;
    println!("ELBO {:.3} in the first pass, {:.3} in the last\n", bounds[0], bounds[59]);
    Ok(trainer)
}
