//! The REST interface and the event streams.

mod agents;
mod alerts;
mod bad_input;
mod batches;
mod browsers;
mod caching;
mod health;
mod idempotency;
mod journey;
mod keys;
mod knowledge;
mod limits;
mod listings;
mod mcp;
mod metrics;
mod openapi;
mod python_client;
mod reviews;
mod rights;
mod schedules;
mod secrets;
mod statements;
mod stream;
mod submissions;
mod test_sets;
mod webhooks;
