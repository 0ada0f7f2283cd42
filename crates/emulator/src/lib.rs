//! The emulator: the real service with a clock that can be moved, faults that can be asked for, a journal of what was
//! asked, and a proxy through which programs written for the vendor's cloud reach it unmodified.

mod alter;
pub mod asked;
pub mod child;
pub mod clock;
pub mod control;
pub mod dice;
mod elsewhere;
pub mod emulator;
pub mod faults;
pub mod intercept;
pub mod journal;
mod kept;
pub mod keysmith;
pub mod mask;
pub mod pipeline;
pub mod run;
pub mod seed;
pub mod stubs;
pub mod watch;
pub mod world;
