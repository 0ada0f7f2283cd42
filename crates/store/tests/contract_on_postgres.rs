//! What every store keeps, shown on a real PostgreSQL: the same tests, with the other engine beneath. And what nodes
//! that share one database know of each other.

#![cfg(test)]

#[path = "contract.rs"]
mod contract;
mod nodes;
