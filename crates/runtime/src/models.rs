//! The models that answer, behind one trait.

pub mod builtin;
mod model;

pub use model::{
    CallRequest, FinishReason, Message, Model, ModelError, ModelPiece, ModelRequest, ReplyStream,
};
