//! What this machine can do at best: numbers to hold the measured ones against.

use crate::failure::Failure;
use crate::local::Fleet;
use crate::statistics::Latencies;
use ally_alliance::keys::SigningKey;
use ally_alliance::{KeyPurpose, ServerConfig, read_share};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

/// The most time for one of the measurements.
const EACH: Duration = Duration::from_secs(1);
const SYNCS: usize = 500;
const ROUND_TRIPS: usize = 5000;
const SHARES: usize = 50;
const VERIFICATIONS: usize = 2000;
/// What one sync writes.
const PAGE: [u8; 4096] = [0x5a; 4096];

/// Limits of the machine, measured on a single thread while the servers are idle.
pub struct Limits {
    /// Appending 4 KiB to a file beside the servers' data, and syncing it.
    pub fsync: Latencies,
    /// One byte there and back over TCP on the loopback interface.
    pub round_trip: Latencies,
    /// One server's share of a certificate.
    pub share: Latencies,
    /// One Ed25519 verification.
    pub ed25519: Latencies,
}

impl Limits {
    /// Measures for some seconds at most.
    ///
    /// # Errors
    /// [`Failure`] if a file or key cannot be used.
    pub fn measure(fleet: &Fleet) -> Result<Self, Failure> {
        let at = |error: io::Error| Failure::file(fleet.dir(), &error);
        Ok(Self {
            fsync: fsync(fleet.dir()).map_err(at)?,
            round_trip: round_trip().map_err(at)?,
            share: share(fleet)?,
            ed25519: ed25519(),
        })
    }
}

/// Times `what` again and again, at most `count` times and for as long as a measurement may take.
fn repeat<E>(count: usize, mut what: impl FnMut() -> Result<(), E>) -> Result<Latencies, E> {
    let mut latencies = Latencies::default();
    let begun = Instant::now();
    while latencies.count() < count && begun.elapsed() < EACH {
        let start = Instant::now();
        what()?;
        latencies.add(start.elapsed());
    }
    Ok(latencies)
}

fn fsync(dir: &Path) -> io::Result<Latencies> {
    let path = dir.join("fsync.probe");
    let mut file = File::create(&path)?;
    let measured = repeat(SYNCS, || {
        file.write_all(&PAGE)?;
        file.sync_data()
    });
    fs::remove_file(&path)?;
    measured
}

fn round_trip() -> io::Result<Latencies> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    std::thread::scope(|scope| {
        scope.spawn(move || -> io::Result<()> {
            let (mut peer, _) = listener.accept()?;
            peer.set_nodelay(true)?;
            let mut byte = [0];
            while peer.read(&mut byte)? == 1 {
                peer.write_all(&byte)?;
            }
            Ok(())
        });
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        let mut byte = [1];
        repeat(ROUND_TRIPS, || {
            stream.write_all(&byte)?;
            stream.read_exact(&mut byte)
        })
    })
}

fn share(fleet: &Fleet) -> Result<Latencies, Failure> {
    let Some(server) = fleet.servers().first() else { return Ok(Latencies::default()) };
    let config = ServerConfig::load(&server.config())?;
    let index = config.server_in(fleet.alliance())?;
    let public = fleet.alliance().key(KeyPurpose::Certify);
    let share = read_share(&config.share(KeyPurpose::Certify), KeyPurpose::Certify, index, public)?;
    repeat(SHARES, || match share.sign(public, &b"how long does it take?"[..]) {
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::internal(error)),
    })
}

fn ed25519() -> Latencies {
    let key = SigningKey::from_seed(&[7; 32]);
    let (public, signature) = (key.public(), key.sign(b"a message"));
    let measured: Result<_, std::convert::Infallible> = repeat(VERIFICATIONS, || {
        std::hint::black_box(public.verify(b"a message", &signature));
        Ok(())
    });
    let Ok(latencies) = measured;
    latencies
}
