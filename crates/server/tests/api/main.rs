//! The wire, tested on the real parts: real router, rules, store, hashing threads and keys, under a stopped clock.
#![cfg(test)]

mod access;
mod answer;
mod audit;
mod bad_input;
mod bearer;
mod bystander;
mod clients;
mod corpus;
mod identity_providers;
mod import;
mod imports;
mod issuer;
mod keys;
mod lockout;
mod networks;
mod nodes;
mod oauth;
mod openapi;
mod operations;
mod orgs;
mod overload;
mod passwords;
mod people;
mod policy;
#[path = "../../../store/tests/private_postgres/mod.rs"]
mod private_postgres;
mod region;
mod resource_servers;
mod saml;
mod saml_provider;
mod scim;
mod scim_clients;
mod scim_tokens;
mod seed;
mod session;
mod sessions;
mod single_logout;
mod token;
mod v1;
mod v2;
mod v2_people;
mod v3;
mod web;
mod world;
