//! Graphs of units that interact in pairs.

/// The edges of a lattice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Boundary {
    /// Units at the edge have fewer neighbours.
    #[default]
    Open,
    /// Units at the edge are neighbours of those at the opposite edge: the lattice is a torus.
    Periodic,
}

/// The pairs of units that interact in a [`BoltzmannMachine`](super::BoltzmannMachine).
///
/// ```
/// use pathscore_models::energy::{Boundary, Graph};
/// assert_eq!(Graph::full(4).edges().len(), 6);
/// let lattice = Graph::lattice(3, 4, Boundary::Open);
/// assert_eq!(lattice.edges().len(), 3 * 3 + 2 * 4);
/// // A checkerboard: units of one colour do not interact.
/// assert_eq!(lattice.colours(), [0, 1, 0, 1, 1, 0, 1, 0, 0, 1, 0, 1]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graph {
    units: usize,
    edges: Vec<[usize; 2]>,
}

impl Graph {
    /// Every pair of units interacts. The edges are sorted: first those of unit 0, then the further ones of unit 1, and so
    /// on.
    pub fn full(units: usize) -> Self {
        let of_unit = |i: usize| (i + 1..units).map(move |j| [i, j]);
        Self { units, edges: (0..units).flat_map(of_unit).collect() }
    }

    /// Every unit interacts with its nearest neighbours above, below, left and right. The units are numbered row by row.
    ///
    /// On a torus with two rows or columns, the two ways from a unit to its neighbour are one edge.
    pub fn lattice(height: usize, width: usize, boundary: Boundary) -> Self {
        let mut edges = Vec::new();
        let mut connect = |a: usize, b: usize| {
            let edge = [a.min(b), a.max(b)];
            if a != b && !edges.contains(&edge) {
                edges.push(edge);
            }
        };
        let around = boundary == Boundary::Periodic;
        for row in 0..height {
            for column in 0..width {
                let at = row * width + column;
                if around || column + 1 < width {
                    connect(at, row * width + (column + 1) % width);
                }
                if around || row + 1 < height {
                    connect(at, (row + 1) % height * width + column);
                }
            }
        }
        edges.sort_unstable();
        Self { units: height * width, edges }
    }

    /// The graph with these edges, in their order.
    ///
    /// # Panics
    /// If an edge joins a unit with itself or with one that there is not, or is there twice.
    pub fn of_edges(units: usize, edges: &[(usize, usize)]) -> Self {
        let edges: Vec<[usize; 2]> = edges.iter().map(|&(a, b)| [a.min(b), a.max(b)]).collect();
        let mut sorted = edges.clone();
        sorted.sort_unstable();
        for [a, b] in &edges {
            assert!(a != b, "graph: an edge joins unit {a} with itself");
            assert!(*b < units, "graph: an edge leads to unit {b} of {units}");
        }
        let twice = sorted.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0]);
        assert!(twice.is_none(), "graph: the edge {twice:?} is there twice");
        Self { units, edges }
    }

    /// The number of units.
    pub fn units(&self) -> usize {
        self.units
    }

    /// The edges, each with the smaller unit first.
    pub fn edges(&self) -> &[[usize; 2]] {
        &self.edges
    }

    /// The neighbours of every unit, each with the number of the edge.
    pub(super) fn neighbours(&self) -> Vec<Vec<(u32, u32)>> {
        let mut neighbours = vec![Vec::new(); self.units];
        for (edge, &[a, b]) in self.edges.iter().enumerate() {
            neighbours[a].push((b as u32, edge as u32));
            neighbours[b].push((a as u32, edge as u32));
        }
        neighbours
    }

    /// A colour for each unit, such that neighbours differ: the smallest that no earlier neighbour has. A lattice becomes a
    /// checkerboard (on a torus if its sides are even), and in the full graph every unit has a colour of its own.
    pub fn colours(&self) -> Vec<usize> {
        let neighbours = self.neighbours();
        let mut colours = vec![usize::MAX; self.units];
        let mut taken = Vec::new();
        for unit in 0..self.units {
            taken.clear();
            taken.resize(neighbours[unit].len() + 1, false);
            for &(other, _) in &neighbours[unit] {
                // A unit without a colour has the largest number.
                if let Some(taken) = taken.get_mut(colours[other as usize]) {
                    *taken = true;
                }
            }
            let free = taken.iter().position(|taken| !taken);
            colours[unit] = free.expect("there is one more colour than neighbours");
        }
        colours
    }
}

#[cfg(test)]
mod tests;
