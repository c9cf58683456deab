//! The models that answer, behind one trait.

mod model;

pub use model::{
    CallRequest, FinishReason, Message, Model, ModelError, ModelPiece, ModelRequest, ReplyStream,
};
