//! Writes the seeds of a target into a folder, for libFuzzer to start from.
//!
//! `cargo run -p ally-fuzz --example seeds -- TARGET FOLDER`

use ally_fuzz::ALL;
use std::fs;
use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [name, folder] = arguments.as_slice() else {
        return Err("TARGET FOLDER are needed".into());
    };
    let target = ALL.iter().find(|target| target.name == name).ok_or("no such target")?;
    fs::create_dir_all(folder)?;
    for (number, seed) in (target.seeds)().iter().enumerate() {
        fs::write(Path::new(folder).join(format!("seed-{number}")), seed)?;
    }
    Ok(())
}
