//! Probabilities of latents for rows of data as a picture.

use super::picture::Sheet;

/// The most rows of data and the most latents that are drawn.
pub(crate) const MOST_ROWS: usize = 200;
const MOST_LATENTS: usize = 32;
/// The least and the largest height of a line, and the least width of the whole, in pixels.
const HEIGHT: (usize, usize) = (28, 60);
const WIDTH: usize = 1700;

/// A column of the picture.
#[derive(Clone, Copy)]
enum Column {
    /// The probabilities of a row.
    Row(usize),
    /// A part of a border, which is black and white in turn: as the first number is even or odd, from the top.
    Border(usize),
}

/// The columns of a chequered border.
const BORDER: [Column; 2] = [Column::Border(0), Column::Border(1)];

/// Probabilities, row by row with one for each latent, from black at zero to white at one: a line for each latent, with its number, in an
/// order, and a column for each row of data. Rows lie in the order of their labels, with a chequered line between two labels; without labels,
/// in the order of their most probable latents. The words name a latent and a row, and the second number is that of all rows.
///
/// # Errors
/// If the words cannot be drawn.
pub(crate) fn probabilities(
    probs: &[f64],
    order: &[usize],
    labels: Option<&[u8]>,
    ([latent, row], all): ([&str; 2], usize),
) -> anyhow::Result<Vec<u8>> {
    let latents = order.len();
    let rows = (probs.len() / latents.max(1)).min(MOST_ROWS);
    let order = &order[..latents.min(MOST_LATENTS)];
    let of = |i: usize, latent: usize| probs[i * latents + latent];
    let most =
        |i: usize| (0..order.len()).max_by(|&a, &b| of(i, order[a]).total_cmp(&of(i, order[b])));
    let label = |i: usize| labels.map_or(0, |labels| labels[i]);
    let mut sorted: Vec<usize> = (0..rows).collect();
    sorted.sort_by_key(|&i| (label(i), most(i)));
    let mut columns: Vec<Column> = Vec::new();
    for same in sorted.chunk_by(|&i, &j| label(i) == label(j)) {
        if !columns.is_empty() {
            columns.extend(BORDER);
        }
        columns.extend(same.iter().map(|&i| Column::Row(i)));
    }
    let cell = |line: usize, column: Column| match column {
        Column::Row(i) => of(i, order[line]) as f32,
        Column::Border(first) => ((line + first) % 2) as f32,
    };
    let lines = 0..order.len();
    let cells: Vec<f32> =
        lines.flat_map(|line| columns.iter().map(move |&column| cell(line, column))).collect();
    let height = (HEIGHT.1 * HEIGHT.0 / order.len().max(1)).clamp(HEIGHT.0, HEIGHT.1);
    let scale = (height, WIDTH.div_ceil(columns.len().max(1)));
    let sheet = Sheet { shape: (order.len(), columns.len()), columns: 1, scale, gap: 2 };
    let names: Vec<String> = order.iter().map(|latent| (latent + 1).to_string()).collect();
    let first = |shown: usize, all: usize, one: &str| match shown < all {
        true => format!("the first {shown} of {all} {one}s"),
        false => format!("{all} {one}s"),
    };
    let by = match labels {
        None => "most probable lines".into(),
        Some(labels) => {
            let mut all = labels[..rows].to_vec();
            all.sort_unstable();
            all.dedup();
            let names: Vec<String> = all.iter().map(u8::to_string).collect();
            format!("labels ({}), a chequered line between two", names.join(", "))
        }
    };
    let words = format!(
        "probabilities from 0 (black) to 1 (white) of {}: lines, with their numbers\n{}: columns, in the order of their {by}",
        first(order.len(), latents, latent),
        first(rows, all, row)
    );
    sheet.grid(&cells).with_row_names(&names, (sheet.gap, height))?.captioned(&words)
}

#[cfg(test)]
mod tests {
    use super::probabilities;

    #[test]
    fn no_rows_one_latent_and_many_are_drawn() {
        for (rows, latents) in [(1, 1), (3, 2), (500, 3), (4, 100)] {
            let probs: Vec<f64> = (0..rows * latents).map(|i| (i % 7) as f64 / 6.0).collect();
            let order: Vec<usize> = (0..latents).collect();
            let labels: Vec<u8> = (0..rows).map(|i| (i % 3) as u8).collect();
            for labels in [None, Some(&labels[..])] {
                let drawn = probabilities(&probs, &order, labels, (["bit", "row"], rows)).unwrap();
                assert_eq!(drawn[..4], *b"\x89PNG");
            }
        }
    }
}
