//! Random numbers that a seed decides, in streams of their own, so that one use does not shift another.

use domain::entropy::Entropy;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What the numbers are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Ids and session ids.
    Rules = 0,
    /// Salts.
    Hashes = 1,
    /// Private keys.
    Keys = 2,
    /// Faults that come with a probability.
    Faults = 3,
    /// The key of the marks in the journal.
    Marks = 4,
}

/// One stream of random numbers.
pub struct Dice(Mutex<ChaCha20Rng>);

impl Dice {
    /// The numbers that follow from a seed.
    pub fn new(seed: [u8; 32], stream: Stream) -> Self {
        let mut numbers = ChaCha20Rng::from_seed(seed);
        numbers.set_stream(stream as u64);
        Self(Mutex::new(numbers))
    }

    /// How many numbers have been drawn.
    pub fn drawn(&self) -> u128 {
        self.numbers().get_word_pos()
    }

    /// Goes back, or on, to where so many had been drawn.
    pub fn rewind(&self, drawn: u128) {
        self.numbers().set_word_pos(drawn);
    }

    fn numbers(&self) -> MutexGuard<'_, ChaCha20Rng> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entropy for Dice {
    fn fill(&self, bytes: &mut [u8]) {
        self.numbers().fill_bytes(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(dice: &Dice) -> [u8; 8] {
        let mut bytes = [0; 8];
        dice.fill(&mut bytes);
        bytes
    }

    #[test]
    fn a_seed_decides_every_stream_and_streams_differ() {
        let [one, same] = [Dice::new([7; 32], Stream::Rules), Dice::new([7; 32], Stream::Rules)];
        assert_eq!(draw(&one), draw(&same));
        assert_ne!(draw(&Dice::new([7; 32], Stream::Keys)), draw(&Dice::new([7; 32], Stream::Rules)));
        assert_ne!(draw(&Dice::new([8; 32], Stream::Rules)), draw(&Dice::new([7; 32], Stream::Rules)));
    }

    #[test]
    fn dice_go_back() {
        let dice = Dice::new([7; 32], Stream::Rules);
        let (drawn, first) = (dice.drawn(), draw(&dice));
        dice.rewind(drawn);
        assert_eq!(draw(&dice), first);
    }
}
