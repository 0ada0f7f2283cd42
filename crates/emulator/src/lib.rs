//! The emulator: the real service with a clock that can be moved, faults that can be asked for, a journal of what was
//! asked, and a proxy through which programs written for the vendor's cloud reach it unmodified.

pub mod asked;
pub mod child;
pub mod clock;
pub mod dice;
pub mod faults;
pub mod intercept;
pub mod journal;
pub mod keysmith;
pub mod mask;
pub mod stubs;
pub mod watch;
pub mod world;
