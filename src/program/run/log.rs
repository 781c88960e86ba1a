//! `metrics.jsonl`: the numbers of a run, one JSON object a line.
//!
//! A checkpoint knows the lines before it, so that a resumed run goes on behind whole lines or not at all. Wall times, which no
//! run repeats, are left out of what it knows.

use super::fingerprint::Checksum;
use crate::program::files::{check_output, read};
use crate::program::tensorboard::Events;
use crate::program::usage_error::usage_error;
use anyhow::Context;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// The key of the seconds since the beginning of the run.
const WALL: &str = "wall_s";

/// The lines before a checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Logged {
    lines: u64,
    checksum: Checksum,
    /// The line at the end of a run, which a longer run does not have.
    last: Option<Checksum>,
}

/// The lines that were found again.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Kept {
    /// The length of the lines that a longer run would have, too, and that of all lines.
    bytes: [u64; 2],
    /// The steps of the last of them.
    steps: [u64; 2],
    /// The wall time of the last line.
    pub(crate) seconds: f64,
}

impl Logged {
    /// The lines without that of the end, for a run that goes on.
    pub(crate) fn without_end(self) -> Self {
        Self { last: None, ..self }
    }

    /// Finds the lines in a file and changes nothing. Lines behind them, which were written after the checkpoint, are ignored.
    ///
    /// # Errors
    /// If a line is missing, damaged, or not the one that the run has written.
    pub(crate) fn find(&self, path: &Path) -> anyhow::Result<Kept> {
        let text = match read(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            read => read.map_err(|error| wrong(path, &error.to_string()))?,
        };
        let lines = self.lines + u64::from(self.last.is_some());
        let (mut kept, mut sum) = (Kept::default(), Checksum::default());
        let mut found = text.split_inclusive(|&byte| byte == b'\n');
        for number in 1..=lines {
            let line = found.next().ok_or_else(|| {
                wrong(
                    path,
                    &format!(
                        "it ends before line {number} of the {lines} that the run has written"
                    ),
                )
            })?;
            let read = Line::read(line).filter(|line| {
                // Time goes on from line to line; by it a run of so many --seconds ends.
                line.step > kept.steps[1]
                    && line.seconds.is_finite()
                    && line.seconds >= kept.seconds
            });
            let Some(Line { step, seconds, content }) = read else {
                return Err(wrong(
                    path,
                    &format!("line {number} is damaged: it is no line of metrics of a later step"),
                ));
            };
            sum = sum.with(&content);
            let bytes = kept.bytes[1] + line.len() as u64;
            kept = match number <= self.lines {
                true => Kept { bytes: [bytes; 2], steps: [step; 2], seconds },
                false => {
                    Kept { bytes: [kept.bytes[0], bytes], steps: [kept.steps[0], step], seconds }
                }
            };
            let known = match number {
                _ if number > self.lines => self.last,
                _ if number == self.lines => Some(self.checksum),
                _ => None,
            };
            if known.is_some_and(|known| known != sum) {
                return Err(wrong(
                    path,
                    &format!("lines 1 to {number} are not those that the run has written"),
                ));
            }
        }
        Ok(kept)
    }
}

fn wrong(path: &Path, what: &str) -> anyhow::Error {
    usage_error(format!("{}: {what}", path.display()))
}

/// A line without its wall time.
struct Line {
    step: u64,
    seconds: f64,
    content: Vec<u8>,
}

impl Line {
    /// Reads a whole line; one without its end may be the beginning of a longer one.
    fn read(line: &[u8]) -> Option<Self> {
        let mut line: Map<String, Value> =
            serde_json::from_slice(line.strip_suffix(b"\n")?).ok()?;
        let seconds = line.shift_remove(WALL)?.as_f64()?;
        let step = line.get("step")?.as_u64()?;
        Some(Self { step, seconds, content: serde_json::to_vec(&line).ok()? })
    }
}

/// The file of a run that is being written.
pub(crate) struct Log {
    path: PathBuf,
    file: File,
    logged: Logged,
    step: u64,
    events: Option<Events>,
}

impl Log {
    /// Opens the file of a run and cuts it behind the lines that were found; those of the end go too if the run `goes_on`. Further
    /// lines also become events in a folder for TensorBoard, if there is one.
    pub(crate) fn open(
        path: PathBuf,
        logged: &Logged,
        kept: Kept,
        goes_on: bool,
        tensorboard: Option<&Path>,
    ) -> anyhow::Result<Self> {
        check_output(&path)?;
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let file = file.with_context(|| format!("{} could not be opened", path.display()))?;
        let (bytes, step) = (kept.bytes[usize::from(!goes_on)], kept.steps[usize::from(!goes_on)]);
        file.set_len(bytes).with_context(|| format!("{} could not be cut", path.display()))?;
        let last = logged.last.filter(|_| !goes_on);
        let events = tensorboard.map(|dir| Events::begin(dir, step)).transpose()?;
        Ok(Self { path, file, logged: Logged { last, ..logged.clone() }, step, events })
    }

    /// The step of the last line.
    pub(crate) fn step(&self) -> u64 {
        self.step
    }

    /// The lines so far.
    pub(crate) fn logged(&self) -> &Logged {
        &self.logged
    }

    /// Waits until the lines are on the disk, which a checkpoint behind them relies on.
    pub(crate) fn sync(&self) -> anyhow::Result<()> {
        self.file
            .sync_data()
            .with_context(|| format!("{} could not be written", self.path.display()))
    }

    /// Adds a line, in one write, so that a kill tears at most the last line; `last` is true of a line that a longer run would not
    /// have.
    pub(crate) fn append(
        &mut self,
        step: u64,
        seconds: f64,
        numbers: Map<String, Value>,
        last: bool,
    ) -> anyhow::Result<()> {
        let failed = || format!("{} could not be extended", self.path.display());
        let mut fields = Map::new();
        fields.insert("step".into(), json!(step));
        fields.extend(numbers);
        fields.insert(WALL.into(), json!(seconds));
        let mut line = serde_json::to_vec(&fields).with_context(failed)?;
        line.push(b'\n');
        let read = Line::read(&line).with_context(failed)?;
        let sum = self.logged.checksum.with(&read.content);
        match last {
            true => self.logged.last = Some(sum),
            false => {
                self.logged.lines += 1;
                self.logged.checksum = sum;
            }
        }
        self.step = step;
        self.file.write_all(&line).and_then(|()| self.file.flush()).with_context(failed)?;
        self.events.as_mut().map_or(Ok(()), |events| events.append(step, &fields))
    }
}

/// The objects of a file, for a curve.
pub(crate) fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Means of the readings since the last line, which a checkpoint between two lines keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Means {
    count: u64,
    /// The sums bit by bit, since text would round them.
    sums: Vec<(String, u64)>,
}

impl Means {
    /// Adds the readings of a step, each a key and a number.
    pub(crate) fn add(&mut self, readings: impl Iterator<Item = (&'static str, f64)> + Clone) {
        if self.sums.is_empty() {
            self.sums.extend(readings.clone().map(|(key, _)| (key.to_string(), 0f64.to_bits())));
        }
        self.count += 1;
        for ((_, sum), (_, value)) in self.sums.iter_mut().zip(readings) {
            *sum = (f64::from_bits(*sum) + value).to_bits();
        }
    }

    /// Adds the means to a line.
    pub(crate) fn write(&self, line: &mut Map<String, Value>) {
        for (key, sum) in &self.sums {
            line.insert(key.clone(), json!(f64::from_bits(*sum) / self.count as f64));
        }
    }

    /// Begins again.
    pub(crate) fn clear(&mut self) {
        self.count = 0;
        self.sums.clear();
    }
}
