//! Files that were damaged on purpose: whatever the bytes, a reader returns a table or an error, soon and within little memory.
#![cfg(feature = "files")]

use flate2::{Compression, write::GzEncoder};
use pathscore_models::data::{Source, Table, read_csv, read_idx, read_idx_labels, read_npy};
use pathscore_models::{Init, Params, seed};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The number of damaged files of each kind: a million where PATHSCORE_MUTATIONS says so.
fn count() -> u64 {
    std::env::var("PATHSCORE_MUTATIONS").map_or(2000, |text| text.parse().unwrap())
}

/// A small generator (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ x >> 31
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    /// The bytes with one to four damages, most of them near the beginning, where headers are.
    fn damage(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for _ in 0..=self.below(4) {
            let n = bytes.len();
            let at = if self.below(2) == 0 { self.below(n.min(150)) } else { self.below(n) };
            match self.below(7) {
                0 | 1 if n > 0 => bytes[at] ^= 1 << self.below(8),
                2 if n > 0 => {
                    bytes[at] = [0, 0xff, 0x7f, b'9', b'-', b'"', b'\n', b','][self.below(8)]
                }
                3 => bytes.truncate(at),
                4 => {
                    let more: Vec<u8> = (0..=self.below(9)).map(|_| self.next() as u8).collect();
                    bytes.splice(at..at, more);
                }
                5 => {
                    let end = (at + 1 + self.below(30)).min(n);
                    bytes.drain(at..end.max(at));
                }
                _ => {
                    let end = (at + 1 + self.below(60)).min(n);
                    let part = bytes[at..end.max(at)].to_vec();
                    let to = self.below(n);
                    bytes.splice(to..to, part);
                }
            }
        }
        bytes
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn idx(sizes: &[u32]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, sizes.len() as u8];
    sizes.iter().for_each(|size| bytes.extend(size.to_be_bytes()));
    bytes.extend((0..sizes.iter().product()).map(|i: u32| (i * i / 3) as u8));
    bytes
}

fn npy(descr: &str, order: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
    let length = (header.len() as u16).to_le_bytes();
    [&b"\x93NUMPY\x01\x00"[..], &length, header.as_bytes(), data].concat()
}

/// The largest memory that this process has used, in bytes, as Linux counts it.
fn peak() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Reads damaged forms of some files, and returns how many of them were read and refused.
fn attempt(name: &str, whole: &[Vec<u8>], read: &mut dyn FnMut(&Path, &[u8]) -> bool) {
    // Memory, where there is a folder of it: a disk would take most of the time.
    let memory = PathBuf::from("/dev/shm");
    let all = if memory.is_dir() { memory } else { std::env::temp_dir() };
    let folder = all.join(format!("pathscore-readers-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path: PathBuf = folder.join("file");
    for bytes in whole {
        std::fs::write(&path, bytes).unwrap();
        assert!(read(&path, bytes), "{name}: the whole file is read");
    }
    let before = peak();
    let (mut longest, mut accepted) = (0, 0);
    for seed in 0..count() {
        let random = &mut Random(seed);
        let bytes = random.damage(&whole[seed as usize % whole.len()]);
        std::fs::write(&path, &bytes).unwrap();
        longest = longest.max(bytes.len() as u64);
        let started = Instant::now();
        accepted += u64::from(read(&path, &bytes));
        assert!(
            started.elapsed() < Duration::from_secs(5),
            "{name}, seed {seed}: it takes too long"
        );
    }
    assert!(accepted < count(), "{name}: no damage is seen");
    if let (Some(before), Some(after)) = (before, peak()) {
        let more = after - before;
        assert!(
            more < 2 * longest + (16 << 20),
            "{name}: {more} bytes for files of at most {longest}"
        );
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn damaged_files_are_read_or_refused() {
    let table = |read: Result<Table, _>| match read {
        Ok(table) => {
            assert!(table.values().iter().all(|x| x.is_finite()));
            assert_eq!(table.values().len(), table.len() * table.columns());
            true
        }
        Err(error) => {
            let error: pathscore_models::data::DataError = error;
            assert!(error.to_string().len() < 1000, "{error}");
            false
        }
    };
    let images = [idx(&[20, 5, 4]), idx(&[30, 7])];
    attempt("idx", &images, &mut |path, _| table(read_idx(path)));
    attempt("labels", &[idx(&[50])], &mut |path, _| read_idx_labels(path).is_ok());
    let packed = [gzip(&images[0]), gzip(&vec![0; 30_000]), gzip(&idx(&[3, 100, 100]))];
    let mut any = |path: &Path, bytes: &[u8]| {
        // The second is no image, but zeros without end.
        table(read_idx(path)) || bytes == packed[1]
    };
    attempt("gzip", &packed, &mut any);
    let csv: Vec<Vec<u8>> = [
        "a,label,\"b c\"\n1,2,3.5\n-1e3,0,7\n\n0.1,255,1e-9\n",
        "1,2\r\n3,4\r\n5,6",
        "\u{feff}x\n1\n2\n3\n",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    attempt("csv", &csv, &mut |path, _| table(read_csv(path)));
    let numbers: Vec<u8> = (0..24).flat_map(|i| (i as f32 / 3.0).to_le_bytes()).collect();
    let wide: Vec<u8> = (0..12).flat_map(|i| (f64::from(i) / 3.0).to_le_bytes()).collect();
    let arrays = [
        npy("<f4", "False", "(6, 4)", &numbers),
        npy("<f8", "True", "(3, 2, 2)", &wide),
        npy("|u1", "False", "(96,)", &numbers),
    ];
    attempt("npy", &arrays, &mut |path, _| table(read_npy(path)));
    // A table with holes, divided into two parts.
    let source = |path: &Path| format!("csv:{}", path.display()).parse::<Source>().unwrap();
    let holes = b"a,b\n1,\n,2\nNA,NaN\n4,5\n".to_vec();
    attempt("holes", &[holes], &mut |path, _| source(path).load_incomplete(1).is_ok());
    let mut params = Params::<f32>::new();
    let rng = &mut seed::rng(0, seed::Stream::Init, 0);
    params.add("weights", [5, 3], Init::Normal(1.0), rng);
    params.add("bias", [3], Init::Normal(1.0), rng);
    let bytes = params.to_bytes();
    attempt("safetensors", &[bytes], &mut |path, _| params.clone().load(path).is_ok());
}
