//! Graphs counted by hand.

use super::*;

#[test]
fn neighbours_differ_in_colour_on_every_graph() {
    for graph in [
        Graph::full(5),
        Graph::lattice(4, 6, Boundary::Periodic),
        Graph::lattice(3, 5, Boundary::Periodic),
        Graph::lattice(1, 7, Boundary::Open),
        Graph::of_edges(4, &[(3, 0), (1, 2), (0, 1)]),
    ] {
        let colours = graph.colours();
        assert_eq!(colours.len(), graph.units());
        assert!(graph.edges().iter().all(|&[a, b]| a < b && colours[a] != colours[b]));
    }
    let most = |graph: Graph| graph.colours().into_iter().max();
    assert_eq!(most(Graph::full(5)), Some(4));
    assert_eq!(most(Graph::lattice(4, 6, Boundary::Periodic)), Some(1));
}

#[test]
fn a_torus_has_two_edges_for_each_unit_unless_a_side_is_short() {
    assert_eq!(Graph::lattice(3, 4, Boundary::Periodic).edges().len(), 24);
    // The four ways across two columns are two edges.
    assert_eq!(Graph::lattice(3, 2, Boundary::Periodic).edges().len(), 6 + 3);
    assert_eq!(Graph::lattice(1, 3, Boundary::Periodic).edges(), [[0, 1], [0, 2], [1, 2]]);
    assert!(Graph::lattice(1, 1, Boundary::Periodic).edges().is_empty());
}

#[test]
#[should_panic(expected = "the edge Some([0, 1]) is there twice")]
fn an_edge_is_given_once() {
    Graph::of_edges(3, &[(0, 1), (1, 0)]);
}

#[test]
#[should_panic(expected = "an edge leads to unit 3 of 3")]
fn an_edge_joins_units_that_are_there() {
    Graph::of_edges(3, &[(0, 3)]);
}
