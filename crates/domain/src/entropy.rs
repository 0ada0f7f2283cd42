//! Randomness as a value that is handed in, and the two shapes in which the wire shows it.

use wire::Secret;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// What throws the dice.
pub trait Entropy: Send + Sync {
    /// Fills the whole slice with unpredictable bytes.
    fn fill(&self, bytes: &mut [u8]);
}

/// 128 random bits: a new id. Ids are names, not secrets.
pub fn id(entropy: &dyn Entropy) -> u128 {
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes);
    u128::from_be_bytes(bytes)
}

/// A new id whose UUID spelling is a random UUID (RFC 9562 section 5.4).
pub fn uuid(entropy: &dyn Entropy) -> u128 {
    const VERSION: u128 = 0x4000 << 64;
    const VARIANT: u128 = 0x8000 << 48;
    let random = id(entropy) & !(0xf000 << 64) & !(0xc000 << 48);
    random | VERSION | VARIANT
}

/// A secret word of `length` characters of base 62, each drawn evenly: 22 of them hold 131 random bits.
pub fn word(entropy: &dyn Entropy, length: usize) -> Secret {
    let mut text = String::with_capacity(length);
    while text.len() < length {
        let mut bytes = [0; 32];
        entropy.fill(&mut bytes);
        // 248 is the largest multiple of 62 in a byte; a higher one would favour the first letters.
        let fair = bytes.iter().filter(|&&byte| byte < 248);
        let letters = fair.filter_map(|byte| ALPHABET.get(usize::from(byte % 62)));
        text.extend(letters.take(length - text.len()).map(|&letter| char::from(letter)));
    }
    Secret::new(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU8, Ordering};

    struct Counted(AtomicU8);
    impl Entropy for Counted {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.iter_mut().for_each(|byte| *byte = self.0.fetch_add(1, Ordering::Relaxed));
        }
    }

    #[test]
    fn a_word_has_its_length_and_skips_unfair_bytes() {
        let entropy = Counted(AtomicU8::new(240));
        assert_eq!(word(&entropy, 22).expose(), "stuvwxyz0123456789ABCD");
    }
}
