//! What the tests of this folder share.

use crate::asked::{Asked, Front};
use domain::entropy::Entropy;
use http::HeaderMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// A bare request, straight to the emulator.
pub fn asked(method: &str, path: &str) -> Asked {
    Asked {
        front: Front::Direct,
        method: method.parse().expect("a method"),
        path: path.to_owned(),
        query: None,
        from: None,
        headers: HeaderMap::new(),
        user: None,
        org: None,
    }
}

/// Dice whose throws are the same in every run.
#[derive(Default)]
pub struct Dice(AtomicU64);

impl Entropy for Dice {
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            let next = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            *byte = (next.wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 56) as u8;
        }
    }
}
