//! Verifies a receipt without the standard library. It has its own panic handler and allocator, of
//! which a program has one each: if anything below it used `std`, it would not compile.

#![no_std]

extern crate alloc;
#[cfg(feature = "planted")]
extern crate std;

use ally_log::{CertificateVerifier, ReceiptFile};
use core::alloc::{GlobalAlloc, Layout};

/// An allocator that has no memory. What matters is that it is nobody else's.
struct Nothing;

// SAFETY: it never gives out memory, which callers have to expect, and so is never given any back.
unsafe impl GlobalAlloc for Nothing {
    unsafe fn alloc(&self, _: Layout) -> *mut u8 {
        core::ptr::null_mut()
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static NOTHING: Nothing = Nothing;

#[panic_handler]
fn stop(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// The verification that is handed in: in a real program, of RSA or BLS signatures.
struct Refuse;

impl CertificateVerifier for Refuse {
    fn verify(&self, _: &[u8], _: &[u8]) -> bool {
        false
    }
}

/// Whether the receipt in `text` proves that the alliance ordered `command`.
pub fn proves(text: &[u8], command: &[u8]) -> bool {
    ReceiptFile::from_text(text).is_ok_and(|receipt| receipt.verify(command, &Refuse).is_ok())
}
