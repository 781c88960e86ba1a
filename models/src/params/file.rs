//! Parameters as a safetensors file: one tensor for each parameter, under the same name.

use super::Params;
use pathscore_autodiff::{Scalar, Shape};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

/// The reason why parameters could not be saved or restored. After an error the parameters are unchanged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ParamsError {
    /// The operating system refused to read or write the file.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The bytes are not in the safetensors format.
    #[error("the data are not in the safetensors format: {reason}")]
    Format {
        /// The rule of the format that is broken.
        reason: String,
    },
    /// The header names a tensor twice.
    #[error("the header names tensor {name} twice")]
    Duplicate {
        /// The name of the tensor.
        name: String,
    },
    /// There is no tensor for a parameter.
    #[error("tensor {name} is missing: expected {expected} of shape {shape}")]
    Missing {
        /// The name of the parameter.
        name: String,
        /// The type of the parameter's numbers.
        expected: &'static str,
        /// The shape of the parameter.
        shape: Shape,
    },
    /// There is a tensor that belongs to no parameter.
    #[error("tensor {name} belongs to none of the parameters")]
    Extra {
        /// The name of the tensor.
        name: String,
    },
    /// A tensor has numbers of another type than the parameter.
    #[error("tensor {name}: expected numbers of type {expected}, found {found}")]
    Dtype {
        /// The name of the tensor.
        name: String,
        /// The type of the parameter's numbers, `f32` or `f64`.
        expected: &'static str,
        /// The type in the file.
        found: String,
    },
    /// A tensor has another shape than the parameter.
    #[error("tensor {name}: expected shape {expected}, found {found}")]
    Shape {
        /// The name of the tensor.
        name: String,
        /// The shape of the parameter.
        expected: Shape,
        /// The shape in the file.
        found: Shape,
    },
}

fn dtype<F: Scalar>() -> Dtype {
    if F::NAME == "f32" { Dtype::F32 } else { Dtype::F64 }
}

fn little_endian<F: Scalar>(values: &[F]) -> Vec<u8> {
    match dtype::<F>() {
        Dtype::F32 => values.iter().flat_map(|x| (x.to_f64() as f32).to_le_bytes()).collect(),
        _ => values.iter().flat_map(|x| x.to_f64().to_le_bytes()).collect(),
    }
}

/// Reads into `out`, which has as many numbers as there are in `bytes`.
fn read_little_endian<F: Scalar>(bytes: &[u8], out: &mut [F]) {
    match dtype::<F>() {
        Dtype::F32 => {
            let words = bytes.as_chunks().0.iter();
            out.iter_mut().zip(words).for_each(|(x, &w)| *x = F::from(f32::from_le_bytes(w)));
        }
        _ => {
            let words = bytes.as_chunks().0.iter();
            out.iter_mut().zip(words).for_each(|(x, &w)| *x = F::from_f64(f64::from_le_bytes(w)));
        }
    }
}

/// Refuses a header with a name that appears twice: readers of the format keep only one of the two.
struct UniqueNames;

impl<'de> Visitor<'de> for UniqueNames {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with an entry for each tensor")
    }

    /// The first name that appears a second time.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<String>, A::Error> {
        let (mut names, mut repeated) = (HashSet::new(), None);
        while let Some((name, IgnoredAny)) = map.next_entry::<String, _>()? {
            if names.contains(&name) {
                repeated = repeated.or(Some(name));
            } else {
                names.insert(name);
            }
        }
        Ok(repeated)
    }
}

fn repeated_name(header: &[u8]) -> Option<String> {
    // A header that is not JSON is refused by the reader of the format.
    serde_json::Deserializer::from_slice(header).deserialize_map(UniqueNames).ok()?
}

impl<F: Scalar> Params<F> {
    /// The parameters in the safetensors format: one tensor each, with its name, its shape and the type of its
    /// numbers. The same parameters always give the same bytes.
    #[doc(alias = "serialize")]
    pub fn to_bytes(&self) -> Vec<u8> {
        let tensors: Vec<(&str, &Shape, Vec<u8>)> = self
            .iter()
            .map(|(name, shape, at)| {
                (name, shape, little_endian(&self.values()[at..at + shape.size()]))
            })
            .collect();
        let views = tensors.iter().map(|(name, shape, bytes)| {
            let view = TensorView::new(dtype::<F>(), shape.to_vec(), bytes);
            (*name, view.expect("a parameter fills its shape"))
        });
        safetensors::serialize(views, None).expect("tensors that fill their shapes can be written")
    }

    /// Sets the values of all parameters from bytes that [`Params::to_bytes`] made. The parameters must exist already,
    /// with the same names, shapes and type of numbers; their order does not matter.
    ///
    /// ```
    /// use pathscore_models::{Init, Params, seed};
    /// let rng = &mut seed::rng(0, seed::Stream::Init, 0);
    /// let (mut a, mut b) = (Params::<f32>::new(), Params::<f32>::new());
    /// a.add("w", [2, 3], Init::Glorot, rng);
    /// b.add("w", [2, 3], Init::Constant(0.0), rng);
    /// b.restore_bytes(&a.to_bytes())?;
    /// assert_eq!(a, b);
    /// b.add("bias", [3], Init::Constant(0.0), rng);
    /// let error = b.restore_bytes(&a.to_bytes()).unwrap_err();
    /// assert_eq!(error.to_string(), "tensor bias is missing: expected f32 of shape [3]");
    /// # Ok::<(), pathscore_models::ParamsError>(())
    /// ```
    ///
    /// # Errors
    /// If the bytes are damaged, or if a tensor is missing, belongs to no parameter, appears twice, or has another
    /// shape or type. The parameters are then unchanged.
    pub fn restore_bytes(&mut self, bytes: &[u8]) -> Result<(), ParamsError> {
        let format = |error: &dyn fmt::Display| ParamsError::Format { reason: error.to_string() };
        let file = SafeTensors::deserialize(bytes).map_err(|error| format(&error))?;
        let (length, _) = SafeTensors::read_metadata(bytes).map_err(|error| format(&error))?;
        if let Some(name) = repeated_name(&bytes[8..8 + length]) {
            return Err(ParamsError::Duplicate { name });
        }
        let mut values = vec![F::ZERO; self.len()];
        for (name, shape, at) in self.iter() {
            let expected = F::NAME;
            let Ok(tensor) = file.tensor(name) else {
                return Err(ParamsError::Missing {
                    name: name.into(),
                    expected,
                    shape: shape.clone(),
                });
            };
            if tensor.dtype() != dtype::<F>() {
                let found = tensor.dtype().to_string().to_lowercase();
                return Err(ParamsError::Dtype { name: name.into(), expected, found });
            }
            if tensor.shape() != &shape[..] {
                let found = Shape::from(tensor.shape());
                let expected = shape.clone();
                return Err(ParamsError::Shape { name: name.into(), expected, found });
            }
            read_little_endian(tensor.data(), &mut values[at..at + shape.size()]);
        }
        let mut names = file.names();
        names.sort_unstable();
        if let Some(name) = names.into_iter().find(|name| self.iter().all(|(own, ..)| own != *name))
        {
            return Err(ParamsError::Extra { name: name.into() });
        }
        self.values_mut().copy_from_slice(&values);
        Ok(())
    }

    /// Writes the parameters to a safetensors file. A file that was there stays whole until the new one is complete.
    ///
    /// ```
    /// use pathscore_models::{Init, Params, seed};
    /// let rng = &mut seed::rng(0, seed::Stream::Init, 0);
    /// let mut params = Params::<f64>::new();
    /// let w = params.add("w", [2, 3], Init::Glorot, rng);
    /// let path = std::env::temp_dir().join("pathscore_params_example.safetensors");
    /// params.save(&path)?;
    /// let before = params.clone();
    /// params.get_mut(w).fill(0.0);
    /// params.load(&path)?;
    /// assert_eq!(params, before);
    /// # std::fs::remove_file(&path).ok();
    /// # Ok::<(), pathscore_models::ParamsError>(())
    /// ```
    ///
    /// # Errors
    /// If the file cannot be written.
    #[doc(alias = "state_dict")]
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), ParamsError> {
        let path = path.as_ref();
        let mut partial = path.as_os_str().to_owned();
        partial.push(".partial");
        let write = || {
            let mut file = fs::File::create(&partial)?;
            file.write_all(&self.to_bytes())?;
            file.sync_all()?;
            fs::rename(&partial, path)
        };
        write().map_err(|source| ParamsError::Io { path: path.into(), source })
    }

    /// Sets the values of all parameters from a safetensors file, as [`Params::restore_bytes`] does.
    ///
    /// # Errors
    /// If the file cannot be read, and as for [`Params::restore_bytes`].
    #[doc(alias = "load_state_dict")]
    pub fn load(&mut self, path: impl AsRef<Path>) -> Result<(), ParamsError> {
        let path = path.as_ref();
        let bytes =
            fs::read(path).map_err(|source| ParamsError::Io { path: path.into(), source })?;
        self.restore_bytes(&bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Init;
    use crate::seed::{Stream, rng};

    fn params<F: Scalar>(tensors: &[(&str, &[usize])]) -> Params<F> {
        let (mut params, rng) = (Params::new(), &mut rng(0, Stream::Init, 0));
        for (name, shape) in tensors {
            params.add(*name, *shape, Init::Normal(1.0), rng);
        }
        params
    }

    fn round_trip<F: Scalar>() {
        let saved = params::<F>(&[("b", &[3]), ("a", &[2, 2]), ("scalar", &[]), ("none", &[0])]);
        // The order in which parameters were added does not matter.
        let mut other =
            params::<F>(&[("none", &[0]), ("scalar", &[]), ("a", &[2, 2]), ("b", &[3])]);
        other.restore_bytes(&saved.to_bytes()).expect("the same tensors");
        for id in saved.ids() {
            let twin = other.ids().find(|twin| other.shape(*twin) == saved.shape(id));
            assert_eq!(saved.get(id), other.get(twin.expect("the shapes are all different")));
        }
        let path = std::env::temp_dir().join(format!("pathscore_round_trip_{}", F::NAME));
        saved.save(&path).expect("the temporary folder can be written to");
        let mut loaded = saved.clone();
        loaded.values_mut().fill(F::ONE);
        loaded.load(&path).expect("the file was just written");
        assert_eq!(loaded, saved);
        fs::remove_file(&path).expect("the file was just read");
    }

    #[test]
    fn every_bit_survives_a_file() {
        round_trip::<f32>();
        round_trip::<f64>();
    }

    #[track_caller]
    fn refuses(bytes: &[u8], message: &str) {
        let mut params = params::<f64>(&[("w", &[2, 3]), ("b", &[3])]);
        let before = params.clone();
        let error = params.restore_bytes(bytes).expect_err("the bytes do not fit");
        assert_eq!(error.to_string(), message);
        assert_eq!(params, before);
    }

    #[test]
    fn tensors_that_do_not_fit_are_refused_by_name() {
        let bytes = |tensors| params::<f64>(tensors).to_bytes();
        refuses(&bytes(&[("w", &[2, 3])]), "tensor b is missing: expected f64 of shape [3]");
        refuses(
            &bytes(&[("w", &[2, 3]), ("b", &[3]), ("c", &[1])]),
            "tensor c belongs to none of the parameters",
        );
        refuses(
            &bytes(&[("w", &[3, 2]), ("b", &[3])]),
            "tensor w: expected shape [2, 3], found [3, 2]",
        );
        let single = params::<f32>(&[("w", &[2, 3]), ("b", &[3])]).to_bytes();
        refuses(&single, "tensor w: expected numbers of type f64, found f32");
    }

    #[test]
    fn a_name_that_appears_twice_is_refused() {
        let entry = |name: &str, shape: &str, from: usize, to: usize| {
            format!(r#""{name}":{{"dtype":"F64","shape":{shape},"data_offsets":[{from},{to}]}}"#)
        };
        // The third name is the second one, written with an escape.
        let entries = [
            entry("w", "[2,3]", 0, 48),
            entry("b", "[3]", 48, 72),
            entry("\\u0062", "[3]", 48, 72),
        ];
        let header = format!("{{{}}}", entries.join(","));
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.extend([0; 72]);
        refuses(&bytes, "the header names tensor b twice");
    }

    #[test]
    fn damaged_bytes_are_refused() {
        let whole = params::<f64>(&[("w", &[2, 3]), ("b", &[3])]).to_bytes();
        for end in [0, 7, 8, 20, whole.len() - 1] {
            let mut other = params::<f64>(&[("w", &[2, 3]), ("b", &[3])]);
            let error = other.restore_bytes(&whole[..end]).expect_err("the bytes are cut off");
            assert!(matches!(error, ParamsError::Format { .. }), "{error}");
        }
        let missing = params::<f64>(&[]).load("/no such folder/file").expect_err("no file");
        assert!(missing.to_string().starts_with("/no such folder/file: "));
    }
}
