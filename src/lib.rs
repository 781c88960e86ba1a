//! pathscore.
