//! The tool as people run it, and the budgets of the source it is made from.
#![cfg(test)]

mod budgets;
mod crash;
mod service;
mod source;
mod tools;
