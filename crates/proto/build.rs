//! Compiles `proto/` with protox, so that nobody needs `protoc`.

use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(&std::env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    println!("cargo:rerun-if-changed={}", root.display());
    let files = protox::compile(["ally/v1/client.proto"], [&root])?;
    tonic_prost_build::configure()
        // Entries are slices of the frame they came in: no copy, no allocation per command.
        .bytes(".")
        // Neither side offers plain TCP: both bring their own pinned TLS streams.
        .build_transport(false)
        .compile_fds(files)?;
    Ok(())
}
