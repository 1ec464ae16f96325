//! Which faults work on this machine.

use super::FaultKind;
use super::clock::Clocks;
use super::disk::SmallDisk;

/// Whether a kind of fault can be made to happen here; the reason if not. `own` is whether the
/// alliance was made for the run.
///
/// # Errors
/// Why not, and what would help.
pub fn works_here(kind: FaultKind, own: bool) -> Result<(), String> {
    match kind {
        FaultKind::Disk if !own => {
            Err("only in an alliance of its own: the data goes to a disk in memory".to_owned())
        }
        FaultKind::Disk => SmallDisk::can_be_made(),
        FaultKind::Clock if Clocks::library().is_none() => {
            Err("libfaketime is not installed".to_owned())
        }
        _ => Ok(()),
    }
}
