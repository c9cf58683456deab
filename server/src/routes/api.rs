//! The REST interface.

pub(crate) mod v1;
