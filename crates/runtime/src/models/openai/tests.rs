//! The client against a server in this process.
