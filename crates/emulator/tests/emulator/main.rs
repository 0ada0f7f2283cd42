//! The emulator as programs see it.
#![cfg(test)]

mod faults;
mod intercept;
mod once;
mod people;
mod requests;
mod same;
mod strangers;
mod stubs;
mod time;
mod world;
