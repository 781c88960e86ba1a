//! Writes the pictures of the book to `book/src/figures`.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/figures");
    std::fs::create_dir_all(&folder)?;
    for (name, svg) in pathscore_book::figures::all() {
        std::fs::write(folder.join(name), svg)?;
        println!("book/src/figures/{name}");
    }
    Ok(())
}
