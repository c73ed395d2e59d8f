//! The one file in which `unsafe` is allowed: text that has been checked once is not checked again, and masking uses the
//! widest instructions that the processor has.
//!
//! A message's text is checked while it arrives, before it is complete. Reading it as `&str` would cost a
//! second pass over every byte without this function; [`checked_again`] is its slow twin, and debug
//! builds compare the two on every call.

#![allow(unsafe_code)]

/// Reads bytes that [`crate::utf8::check`] has accepted in full as text.
///
/// Callers are [`crate::buffer`] (bytes it has checked itself and not changed since) and
/// [`crate::message::Utf8Bytes`] (immutable, checked when it was made).
#[inline]
pub(crate) fn as_checked_str(bytes: &[u8]) -> &str {
    debug_assert!(checked_again(bytes), "text must have been checked");
    // SAFETY: both callers hold the bytes privately and have checked every one of them as UTF-8. A `Utf8Bytes`
    // never changes. The receive buffer lets go of a payload that is held as text before anything is written to
    // its memory again (`RecvBuf::let_go`), moves it as a whole, and tells it once.
    unsafe { core::str::from_utf8_unchecked(bytes) }
}

/// What [`as_checked_str`] relies on, decided the slow way.
fn checked_again(bytes: &[u8]) -> bool {
    core::str::from_utf8(bytes).is_ok()
}

/// [`crate::frame::mask`] of many bytes, with AVX2 where the processor has it.
#[inline]
#[cfg(all(feature = "simd", target_arch = "x86_64"))]
pub(crate) fn mask_wide(data: &mut [u8], key: [u8; 4]) {
    /// The same code, which the compiler may use AVX2 for.
    #[target_feature(enable = "avx2")]
    unsafe fn with_avx2(data: &mut [u8], key: [u8; 4]) {
        crate::frame::mask_blocks(data, key);
    }
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has just been asked whether it has AVX2.
        unsafe { with_avx2(data, key) }
    } else {
        without_avx2(data, key);
    }
}

/// What every processor can do.
#[cfg(all(feature = "simd", target_arch = "x86_64"))]
fn without_avx2(data: &mut [u8], key: [u8; 4]) {
    crate::frame::mask_blocks(data, key);
}
