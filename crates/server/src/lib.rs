//! The service: routes, gate, TLS, configuration and jobs around the rules of `domain`.

pub mod admission;
pub mod app;
pub mod config;
pub mod database;
pub mod first_run;
pub mod folder;
pub mod http;
pub mod jobs;
pub mod keysmith;
pub mod listen;
pub mod metrics;
pub mod node_clock;
pub mod outbound;
pub mod seed;
pub mod service;
pub mod system;
pub mod telemetry;
pub mod tls;
pub mod web;
