//! The tool as people run it, and the budgets of the source it is made from.
#![cfg(test)]

mod administration;
mod agent;
mod audit;
mod budgets;
mod canary;
mod client;
mod crash;
mod credential;
mod declared;
mod doctor;
mod emulate;
mod exec;
mod nodes;
#[path = "../../../store/tests/private_postgres/mod.rs"]
mod private_postgres;
mod progress;
mod proxy;
mod service;
mod source;
mod store_copy;
mod tools;
mod upstream;
