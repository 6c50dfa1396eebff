//! Errors of requests, and their parameters and results as JSON.

use lsp_server::{ErrorCode, Request};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Error of a request, with its message.
#[derive(Debug)]
pub(super) struct RequestError {
    pub(super) code: ErrorCode,
    pub(super) message: String,
}

impl RequestError {
    pub(super) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// A request that cannot be fulfilled, for a reason that the user can act on.
    pub(super) fn failed(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::RequestFailed, message)
    }
}

/// The parameters of a request. What is wrong with them is not repeated: they may contain any text.
pub(super) fn parse_params<P: DeserializeOwned>(request: &Request) -> Result<P, RequestError> {
    P::deserialize(&request.params).map_err(|_: serde_json::Error| {
        RequestError::new(ErrorCode::InvalidParams, format!("invalid parameters of `{}`", request.method))
    })
}

/// A result as JSON.
pub(super) fn to_json(result: impl Serialize) -> Result<Value, RequestError> {
    serde_json::to_value(result)
        .map_err(|_: serde_json::Error| RequestError::new(ErrorCode::InternalError, "the result is not valid JSON"))
}
