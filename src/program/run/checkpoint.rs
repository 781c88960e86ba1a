//! The state of a run in one file: the parameters, the vectors of the optimiser, the numbers that the estimator has
//! learnt, and the step, with the settings and the data that they belong to.
//!
//! Every random number is derived from the seed and the step, so these two are the generator's state.

use super::fingerprint::{Checksum, Fingerprint};
use super::log::{Logged, Means};
use super::settings::{FORMAT, Settings, check_format};
use crate::program::files::{read, write_atomically};
use crate::program::usage_error::usage_error;
use pathscore::autodiff::Scalar;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

/// The one key of the file's metadata; more than one would be written in no fixed order.
const KEY: &str = "pathscore";

/// The beginning of the names of parameters.
pub(crate) const PARAM: &str = "param.";

/// The numbers of a state that are not tensors.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counters {
    /// Steps taken.
    pub(crate) step: u64,
    /// Steps that the optimiser has taken.
    pub(crate) optimizer_steps: u64,
    /// The numbers that the estimator has learnt, bit by bit.
    pub(crate) estimator: Vec<u64>,
    /// The seed from which, with the step, every random number is derived.
    pub(crate) seed: u64,
}

/// A named tensor of any number type.
#[derive(Clone, Debug, PartialEq)]
struct Tensor {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

/// The state of a run, in which model, estimator and number type are erased.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct State {
    pub(crate) counters: Counters,
    tensors: Vec<Tensor>,
    /// The file from which the state was read, for messages.
    file: String,
}

fn dtype<F: Scalar>() -> Dtype {
    if F::NAME == "f32" { Dtype::F32 } else { Dtype::F64 }
}

fn to_bytes<F: Scalar>(values: &[F]) -> Vec<u8> {
    match dtype::<F>() {
        Dtype::F32 => values.iter().flat_map(|x| (x.to_f64() as f32).to_le_bytes()).collect(),
        _ => values.iter().flat_map(|x| x.to_f64().to_le_bytes()).collect(),
    }
}

fn from_bytes<F: Scalar>(bytes: &[u8]) -> Vec<F> {
    match dtype::<F>() {
        Dtype::F32 => {
            let (words, _) = bytes.as_chunks();
            words.iter().map(|&word| F::from(f32::from_le_bytes(word))).collect()
        }
        _ => {
            let (words, _) = bytes.as_chunks();
            words.iter().map(|&word| F::from_f64(f64::from_le_bytes(word))).collect()
        }
    }
}

impl State {
    /// A state without tensors.
    pub(crate) fn new(counters: Counters) -> Self {
        Self { counters, ..Self::default() }
    }

    /// Adds a tensor.
    pub(crate) fn add<F: Scalar>(&mut self, name: String, shape: &[usize], values: &[F]) {
        let (shape, bytes) = (shape.to_vec(), to_bytes(values));
        self.tensors.push(Tensor { name, dtype: dtype::<F>(), shape, bytes });
    }

    /// The tensor of a name, of the shape that is expected.
    ///
    /// # Errors
    /// If there is none, or it has another shape or number type.
    pub(crate) fn tensor<F: Scalar>(&self, name: &str, shape: &[usize]) -> anyhow::Result<Vec<F>> {
        let found = self.find(name)?;
        if found.dtype != dtype::<F>() || found.shape != shape {
            let (is, at, expected) = (found.dtype, &found.shape, dtype::<F>());
            return Err(self.error(format!(
                "tensor {name}: expected {expected:?} of shape {shape:?}, found {is:?} of shape {at:?}"
            )));
        }
        Ok(from_bytes(&found.bytes))
    }

    /// The vectors whose names begin with `prefix`, in order, with the rest of their names.
    pub(crate) fn vectors<F: Scalar>(&self, prefix: &str) -> Vec<(&str, Vec<F>)> {
        let of =
            |tensor: &'_ Tensor| (tensor.dtype == dtype::<F>()).then(|| from_bytes(&tensor.bytes));
        let named = self.tensors.iter();
        named.filter_map(|t| Some((t.name.strip_prefix(prefix)?, of(t)?))).collect()
    }

    fn find(&self, name: &str) -> anyhow::Result<&Tensor> {
        let found = self.tensors.iter().find(|tensor| tensor.name == name);
        found.ok_or_else(|| self.error(format!("it has no tensor {name}")))
    }

    /// An error that names the file.
    pub(crate) fn error(&self, text: String) -> anyhow::Error {
        usage_error(format!("{}: {text}", self.file))
    }

    /// The name of a parameter that is not finite.
    pub(crate) fn not_finite(&self) -> Option<&str> {
        let bad = |tensor: &Tensor| match tensor.dtype {
            Dtype::F32 => from_bytes::<f32>(&tensor.bytes).iter().any(|x| !x.is_finite()),
            _ => from_bytes::<f64>(&tensor.bytes).iter().any(|x| !x.is_finite()),
        };
        let params = self.tensors.iter().filter_map(|t| Some((t.name.strip_prefix(PARAM)?, t)));
        params.into_iter().find(|(_, tensor)| bad(tensor)).map(|(name, _)| name)
    }

    /// Refuses a state of which `restored`, a fit that has taken it over, would save another.
    ///
    /// # Errors
    /// If a tensor or a counter is missing, additional or different.
    pub(crate) fn check_restored(&self, restored: &Self) -> anyhow::Result<()> {
        fn by_name(state: &State) -> BTreeMap<&str, &Tensor> {
            state.tensors.iter().map(|tensor| (&*tensor.name, tensor)).collect()
        }
        let (found, expected) = (by_name(self), by_name(restored));
        if let Some(name) = found.keys().find(|&name| !expected.contains_key(name)) {
            return Err(
                self.error(format!("it has a tensor {name} that these settings do not have"))
            );
        }
        if let Some((name, _)) =
            expected.iter().find(|&(name, tensor)| found.get(name) != Some(tensor))
        {
            return Err(self.error(format!("its tensor {name} is not of these settings")));
        }
        match self.counters == restored.counters {
            true => Ok(()),
            false => Err(self.error("its counters are not of these settings".to_string())),
        }
    }
}

/// A state with everything that it belongs to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Checkpoint {
    pub(crate) about: About,
    pub(crate) state: State,
}

/// The text, the data and the lines that belong to a state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct About {
    /// The text of `run.toml`.
    pub(crate) settings: String,
    pub(crate) data: Fingerprint,
    pub(crate) logged: Logged,
    pub(crate) means: Means,
}

/// The metadata of the file. Its checksum stands at the beginning and is that of the file with zeros in its own place.
#[derive(Serialize, Deserialize)]
struct Header {
    format: u32,
    checksum: Checksum,
    about: About,
    counters: Counters,
}

/// The characters before the checksum, as they stand in a text of a text.
fn mark() -> String {
    format!(r#"{{\"format\":{FORMAT},\"checksum\":\""#)
}

/// The place of the checksum in a file.
fn place(bytes: &[u8]) -> Option<Range<usize>> {
    let mark = mark();
    let at = bytes.windows(mark.len()).position(|bytes| bytes == mark.as_bytes())?;
    let start = at + mark.len();
    (start + 16 <= bytes.len()).then_some(start..start + 16)
}

/// The checksum of a file without its own.
fn checksum(bytes: &[u8], own: Range<usize>) -> Checksum {
    Checksum::of(&bytes[..own.start]).with(&bytes[own.end..])
}

impl Checkpoint {
    fn to_bytes(&self) -> anyhow::Result<Vec<u8>> {
        let Self { about, state } = self;
        let views = state.tensors.iter().map(|Tensor { name, dtype, shape, bytes }| {
            Ok((name, TensorView::new(*dtype, shape.clone(), bytes)?))
        });
        let header = Header {
            format: FORMAT,
            checksum: Checksum::default(),
            about: about.clone(),
            counters: state.counters.clone(),
        };
        let metadata = [(KEY.to_string(), serde_json::to_string(&header)?)].into_iter().collect();
        let views = views.collect::<anyhow::Result<Vec<_>>>()?;
        let mut bytes = safetensors::serialize(views, Some(metadata))?;
        let own = place(&bytes).expect("the metadata begin with the format and the checksum");
        let sum = checksum(&bytes, own.clone()).to_string();
        bytes[own].copy_from_slice(sum.as_bytes());
        Ok(bytes)
    }

    /// Writes the checkpoint to a file; an earlier file stays whole until the new one is complete.
    pub(crate) fn write(&self, path: &Path) -> anyhow::Result<()> {
        write_atomically(path, &self.to_bytes()?)
    }

    /// Reads a checkpoint.
    ///
    /// # Errors
    /// If the file cannot be read or is not a checkpoint of this program, whole and with finite parameters.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let file = path.display().to_string();
        let bytes = read(path).map_err(|error| usage_error(format!("{file}: {error}")))?;
        Self::from_bytes(&bytes, file)
    }

    fn from_bytes(bytes: &[u8], file: String) -> anyhow::Result<Self> {
        let complain =
            |what: String| usage_error(format!("{file}: not a checkpoint of this program: {what}"));
        let (_, metadata) =
            SafeTensors::read_metadata(bytes).map_err(|error| complain(error.to_string()))?;
        let text = metadata.metadata().as_ref().and_then(|entries| entries.get(KEY));
        let text = text.ok_or_else(|| complain(format!("its metadata has no entry {KEY}")))?;
        let header: Value =
            serde_json::from_str(text).map_err(|error| complain(error.to_string()))?;
        check_format(&file, header.get("format").and_then(Value::as_i64))?;
        let Header { checksum: known, about, counters, .. } =
            serde_json::from_value(header).map_err(|error| complain(error.to_string()))?;
        if place(bytes).map(|own| checksum(bytes, own)) != Some(known) {
            return Err(usage_error(format!(
                "{file}: the checkpoint is damaged: it does not have the checksum {known} that it was written with"
            )));
        }
        let found = SafeTensors::deserialize(bytes).map_err(|error| complain(error.to_string()))?;
        let mut tensors: Vec<Tensor> = found
            .iter()
            .map(|(name, view)| Tensor {
                name: name.into(),
                dtype: view.dtype(),
                shape: view.shape().to_vec(),
                bytes: view.data().to_vec(),
            })
            .collect();
        tensors.sort_by(|a, b| a.name.cmp(&b.name));
        let state = State { counters, tensors, file };
        if let Some(name) = state.not_finite() {
            return Err(state.error(format!("its parameter {name} is not finite")));
        }
        Ok(Self { about, state })
    }

    /// Refuses settings other than those of the checkpoint.
    ///
    /// # Errors
    /// The message names the first that differs.
    pub(crate) fn check_settings(&self, settings: &Settings) -> anyhow::Result<()> {
        let known = Settings::from_text(&self.about.settings, "the settings in the checkpoint")?;
        match known.difference(settings)? {
            None => Ok(()),
            Some((key, [known, found])) => Err(self.state.error(format!(
                "the checkpoint is of a run with {key} {known}, and run.toml says {found}"
            ))),
        }
    }

    /// Refuses data other than those of the checkpoint.
    ///
    /// # Errors
    /// The message tells both.
    pub(crate) fn check_data(&self, found: &Fingerprint) -> anyhow::Result<()> {
        let known = &self.about.data;
        match known == found {
            true => Ok(()),
            false => Err(self.state.error(format!(
                "the run was begun with other data: {known}; the data are now {found}"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint(values: [f32; 3]) -> Checkpoint {
        let mut state = State::new(Counters { step: 7, ..Counters::default() });
        state.add("param.w".into(), &[3], &values);
        state.add("optimizer.m".into(), &[3], &[0.5f64; 3]);
        Checkpoint { about: About::default(), state }
    }

    fn decode(bytes: &[u8]) -> anyhow::Result<Checkpoint> {
        Checkpoint::from_bytes(bytes, String::new())
    }

    #[test]
    fn a_checkpoint_comes_back_and_every_flipped_bit_is_refused() {
        let bytes = checkpoint([1.0, 2.0, 3.0]).to_bytes().unwrap();
        let back = decode(&bytes).unwrap();
        assert_eq!(back.to_bytes().unwrap(), bytes);
        for at in 0..8 * bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at / 8] ^= 1 << (at % 8);
            assert!(decode(&damaged).is_err(), "bit {at}");
        }
        for end in 0..bytes.len() {
            assert!(decode(&bytes[..end]).is_err(), "{end} bytes");
        }
        assert!(decode(&[&bytes[..], &[0; 8]].concat()).is_err());
    }

    #[test]
    fn parameters_that_are_not_finite_are_named() {
        let bytes = checkpoint([1.0, f32::NAN, 3.0]).to_bytes().unwrap();
        assert_eq!(decode(&bytes).unwrap_err().to_string(), ": its parameter w is not finite");
    }

    #[test]
    fn tensors_that_a_fit_would_not_save_are_named() {
        let one = checkpoint([1.0, 2.0, 3.0]).state;
        let mut more = one.clone();
        more.add("param.b".into(), &[1], &[0f32]);
        assert!(one.check_restored(&one).is_ok());
        let text = more.check_restored(&one).unwrap_err().to_string();
        assert!(text.contains("it has a tensor param.b"), "{text}");
        assert!(one.check_restored(&more).unwrap_err().to_string().contains("param.b"));
        let other = checkpoint([1.0, 2.0, 4.0]).state;
        assert!(one.check_restored(&other).unwrap_err().to_string().contains("param.w"));
    }
}
